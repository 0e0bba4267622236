"""The map as data: filters, marks gathered on the server, ends of loads, problems, the card, tiles of the base map."""

from __future__ import annotations

import json
import logging
import random
import time
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from schemas.problems import Trouble
from schemas.rules import reconcile
from schemas.rules.reconcile import Facts, Report
from schemas.rules.reconcile.points import PointState
from sync_server.console.charts import SYMBOLS
from sync_server.console.maps import card as cards
from sync_server.console.maps import ends, legend, tiles
from sync_server.console.maps.mapdata import CELLS, MANY, Box, box_of, grounds, map_data, without_place
from sync_server.console.maps.sieve import WORST, Asked, Held, crews, fitting, found_at, held
from tests.unit.factory import LAT, LON, World, at, fix, lonlat, square, uid

EVERY = ("field", "transfer", "enforcement", "organisation")


def opened(w: World, audiences: tuple[str, ...] = EVERY) -> tuple[Facts, Report, Held]:
    facts = w.facts()
    report = reconcile.run(facts)
    return facts, report, held(facts, report, audiences)


def site() -> World:
    """S01 done, S02 missing, S03 moved 5 m, S04 refused, S05 partly, X1 twice outside the plan, two days and two people."""
    w = World()
    w.add("person", "person-1", name="周岚")
    w.add("person", "person-2", name="沈立")
    for n in range(1, 6):
        w.planned(f"S0{n}", 10 * n)
    w.visit("S01", 10.2, samplers=["person-1"])
    w.visit("S03", 35, samplers=["person-2"], started_at=at("09:00", -1), ended_at=at("10:00", -1))
    w.visit("S04", 40, outcome="refused", reason="utility", reason_text="gas", samplers=["person-1", "person-2"])
    w.visit("S05", 50, outcome="partial", reason="concrete", samplers=["person-1"], started_at=at("16:30", -1))
    w.visit("X1", 70, id="x1", planned_point_id=None, samplers=["person-2"])
    w.visit("X1", 80, id="x2", planned_point_id=None)
    return w


def codes(h: Held, **asked: Any) -> list[str]:
    return sorted(s.p.code for s in fitting(h, Asked(**asked)))


# --- filters ---------------------------------------------------------------------------------------------------------


def test_each_filter_lets_through_what_fits_it() -> None:
    facts, report, h = opened(site())
    assert len(codes(h)) == len(report.points) == 7
    assert codes(h, state="missing") == ["S02"]
    assert codes(h, state="shifted") == ["S03"]
    assert codes(h, state="extra") == ["X1", "X1"]
    assert codes(h, crew=uid("person-2")) == ["S03", "S04", "X1"]
    assert codes(h, since=date(2026, 9, 21)) == ["S01", "S04", "X1", "X1"]
    assert codes(h, until=date(2026, 9, 20)) == ["S03", "S05"]
    assert codes(h, since=date(2026, 9, 20), until=date(2026, 9, 20), crew=uid("person-1")) == ["S05"]
    assert codes(h, check="F01") == sorted(f.point_code for f in report.by_check["F01"] if f.point_code)
    assert codes(h, q="s0") == ["S01", "S02", "S03", "S04", "S05"]
    assert codes(h, q="nothing") == codes(h, check="Z99") == codes(h, state="nonsense") == []
    assert [name for _, name in crews(facts, h)] == ["周岚", "沈立"]


def test_a_day_is_that_of_shanghai() -> None:
    w = site()
    w.visit("S02", 20, started_at=at("00:10"))  # still the day before in UTC
    assert "S02" in codes(opened(w)[2], since=date(2026, 9, 21), until=date(2026, 9, 21))


def test_judgement_is_asked_of_visited_points_only() -> None:
    w = site()
    w.add("borehole", "h1", point_id="v:S01", code="S01")
    w.add("field_reading", "r1", borehole_id="h1", parameter="As", value=500, depth_top_m=0, depth_bottom_m="0.5")
    _, _, h = opened(w)
    assert codes(h, exceed="intervention") == ["S01"]
    assert "S02" not in codes(h, exceed="unknown") and "S05" in codes(h, exceed="unknown")
    assert h.spots[0].p.code == "S01" and h.spots[0].symbol == "intervention"  # the worst judgement wins the shape
    assert codes(h, state="intervention") == ["S01"]  # as the overview's filter asks


def test_an_address_keeps_only_what_was_asked() -> None:
    by = Asked(state="done", since=date(2026, 9, 1), at="S01", page=2)
    assert by.query() == {"state": "done", "from": "2026-09-01", "at": "S01", "page": "2"}
    assert Asked().query() == {} and not Asked(at="S01").narrowed and by.narrowed


def test_two_points_of_one_code_have_two_addresses() -> None:
    _, _, h = opened(site())
    one, two = (s for s in h.spots if s.p.code == "X1")
    assert one.key != two.key and {found_at(h, one.key), found_at(h, two.key)} == {one, two}
    assert found_at(h, "X1") in (one, two) and found_at(h, "") is None and found_at(h, "S99") is None


def test_a_return_shows_until_it_is_answered() -> None:
    w = site()
    w.add("sample", "s1", seq=5, point_id="v:S01", code="S01-1")
    w.add("review_decision", "d1", subject_id="s1", record_seq=5, reason="深度看不清", person_id="person-2")
    facts, _, h = opened(w)
    assert codes(h, state="returned") == ["S01"]
    spot = found_at(h, "S01")
    assert spot is not None and spot.symbol == "returned"
    card = cards.card(facts, h, spot, "", "zh")
    assert card.row.returned is not None and dict(card.lines)["退回原因"] == "深度看不清 · 沈立"
    w.add("sample", "s1", seq=6, point_id="v:S01", code="S01-1")  # done again
    assert codes(opened(w)[2], state="returned") == []
    w.add("sample", "s1", seq=5, point_id="v:S01", code="S01-1")
    w.add("borehole", "h1", point_id="v:S01", code="S01")
    w.add("field_reading", "r1", borehole_id="h1", parameter="As", value=500, depth_top_m=0, depth_bottom_m="0.5")
    _, _, h = opened(w)
    assert codes(h, state="returned") == ["S01"] and h.by_code["S01"].symbol == "intervention"  # the worst wins


# --- the ground, points, heaps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "3,1,2,2", "1,3,2,2", "nan,0,1,1", "0,0,inf,1", "1,2,3,4,5"])
def test_what_is_no_box_is_none(text: str) -> None:
    assert box_of(text) is None


def test_a_box() -> None:
    assert box_of("118.7,31.9,118.9,32.1") == Box(118.7, 31.9, 118.9, 32.1)


def test_planned_actual_and_shift_are_drawn() -> None:
    facts, _, h = opened(site())
    data = map_data(facts, h.spots, None, 16, "zh")
    by = {p["c"]: p for p in data["points"]}
    assert data["whole"] and not data["clusters"] and data["total"] == 7
    assert by["S03"]["m"] is True and by["S03"]["p"] != by["S03"]["a"] and "超出允许范围" in by["S03"]["t"][1]
    assert by["S01"]["m"] is False and "a" not in by["S02"]
    assert "a" not in by["S04"]  # somebody turned away moved no point
    assert by["S05"]["w"] is True and by["S02"]["s"] == "planned"
    assert {p["s"] for p in data["points"]} <= SYMBOLS.keys()


def test_boundary_with_a_hole_and_zones_of_the_plan_in_force() -> None:
    w = site()
    w.add("site", boundary={"rings": square(50)["rings"] + square(5)["rings"]})
    w.add("plan_zone", "z1", code="电镀车间", boundary=square(10))
    w.add("plan", "plan", version=2)
    w.add("plan", "plan-1", version=1)
    w.add("plan_zone", "z0", code="旧", plan_id="plan-1", boundary=square(10))
    w.add("plan_zone", "z2", code="没有边界")
    ground = grounds(opened(w)[0])
    assert [len(rings) for rings in ground["boundary"]] == [2] and [z["c"] for z in ground["zones"]] == ["电镀车间"]
    assert ground["zones"][0]["r"][0][0] == pytest.approx(LAT, abs=0.01)  # latitude first, as Leaflet wants it


def test_boundaries_of_a_hundred_thousand_corners_are_thinned() -> None:
    w = site()
    ring = [[f"{LON + n * 1e-7:.7f}", f"{LAT + (n % 7) * 1e-6:.7f}"] for n in range(100_000)]
    w.add("site", boundary={"rings": [[*ring, ring[0]]]})
    (rings,) = grounds(opened(w)[0])["boundary"]
    assert len(rings[0]) <= 20_001 and rings[0][0] == rings[0][-1]


def test_nothing_anywhere() -> None:
    w = World(bare=True)
    w.add("project")
    facts, _, h = opened(w)
    data = map_data(facts, h.spots, None, 0, "en")
    assert data["bounds"] is None and data["points"] == [] and data["whole"] and without_place(h.spots) == 0


def test_a_visit_without_a_position_stands_in_the_list_only() -> None:
    w = World()
    w.visit("X9", planned_point_id=None, position=None)
    facts, _, h = opened(w)
    assert without_place(h.spots) == 1 and map_data(facts, h.spots, None, 16, "zh")["total"] == 0
    assert cards.rows(facts, h, h.spots, "zh")[0].placed is False


# --- many points -----------------------------------------------------------------------------------------------------

_LEVELS = ("none", "none", "none", "screening", "unknown")


def many(n: int) -> Held:
    """n points on a grid 10 m apart; one alone is above its intervention value."""
    facts, rng = World().facts(), random.Random(n)
    side = int(n**0.5) + 1
    points = []
    for k in range(n):
        lon, lat = Decimal(f"{LON + k % side * 1e-4:.7f}"), Decimal(f"{LAT + k // side * 1e-4:.7f}")
        exceed = "intervention" if k == n // 3 else rng.choice(_LEVELS)
        points.append(
            PointState(f"S{k}", f"p{k}", (), "done", False, 0.4, 10.0, exceed, (), 0, (lon, lat), (lon, lat), None, True)  # type: ignore[arg-type]
        )  # fmt: skip
    report = Report(facts.basis, [], points, reconcile.Totals(), {})
    return held(facts, report, EVERY)


def test_heaps_hold_every_point_once_and_show_the_worst() -> None:
    h = many(MANY + 500)
    facts = World().facts()
    first = map_data(facts, h.spots, None, 0, "zh")
    assert not first["whole"] and len(first["clusters"]) + len(first["points"]) < 10
    area = Box(LON - 0.001, LAT - 0.001, LON + 0.02, LAT + 0.02)
    data = map_data(facts, h.spots, area, 16, "zh")
    assert sum(c["n"] for c in data["clusters"]) + len(data["points"]) == MANY + 500
    assert sum(c["s"] == "intervention" for c in data["clusters"]) == 1
    for c in data["clusters"]:
        (south, west), (north, east) = c["b"]
        assert south <= c["at"][0] <= north and west <= c["at"][1] <= east and c["n"] > 1
    # what a heap names is what comes when one looks at it closely
    c = max(data["clusters"], key=lambda c: c["n"])
    (south, west), (north, east) = c["b"]
    close = map_data(facts, h.spots, Box(west, south, east, north), 19, "zh")
    assert len(close["points"]) == c["n"] and not close["clusters"]


def test_every_symbol_has_a_rank() -> None:
    assert set(WORST) <= SYMBOLS.keys() and set(WORST) == {"planned" if s == "missing" else s for s in (
        "intervention", "screening", "returned", "missing", "done", "partial", "refused", "cancelled", "extra")}  # fmt: skip


def test_fifty_thousand_points_answer_in_bounded_size_and_proportional_time() -> None:
    h, small, facts = many(50_000), many(5_000), World().facts()
    area = Box(LON - 1, LAT - 1, LON + 1, LAT + 1)

    def took(h: Held, zoom: int) -> float:
        began = time.perf_counter()
        map_data(facts, fitting(h, Asked(exceed="screening")), area, zoom, "zh")
        return time.perf_counter() - began

    for zoom in (0, 14, 17, 30):  # 30: nobody's screen; it must not be answered with a mark for each point
        data = map_data(facts, h.spots, area, zoom, "zh")
        marks = len(data["clusters"]) + len(data["points"])
        assert marks <= (CELLS + 1) ** 2 and len(json.dumps(data)) < 600_000
        assert sum(c["n"] for c in data["clusters"]) + len(data["points"]) == 50_000
    assert min(took(h, 15) for _ in range(3)) < 40 * min(took(small, 15) for _ in range(3))  # 10 times as many
    one = map_data(facts, h.spots, Box(LON, LAT, LON + 20e-4, LAT + 20e-4), 19, "zh")
    assert 400 <= len(one["points"]) <= 450 and one["clusters"] == [] and len(json.dumps(one)) < 600_000


# --- ends of loads ---------------------------------------------------------------------------------------------------


def hauling() -> World:
    w = site()
    w.add("transfer_plan", "transfer-plan")
    w.add("vehicle", "truck")
    w.add("organisation", "kiln", name="窑", roles=["receiver"])
    for number in ("m1", "m2", "m3", "m4"):
        w.add("manifest", number, number=number)
    w.leg("m1", "issued", at("08:00"), 35, position=fix(0, -40))
    w.leg("m1", "received", at("09:00"), 35, position=fix(20_010, 10))
    w.leg("m2", "issued", at("12:00"), 35, position=fix(1, -40))  # due at 13:00, it is 18:00 now
    w.leg("m3", "issued", at("17:50"), 35)  # nobody knows where; on its way
    w.leg("m4", "issued", at("08:00", -1), 35, position=fix(0, -40))
    w.leg("m4", "received", at("09:00", -1), 30, position=fix(20_010, 10))  # 5 t short
    return w


def test_loads_leave_arrive_and_fall_due() -> None:
    facts, report, h = opened(hauling())
    found = {x.load.manifest.number: x for x in ends.hauls(facts, h)}
    assert {n: x.stands for n, x in found.items()} == {
        "m1": "received",
        "m2": "late",
        "m3": "way",
        "m4": "trouble",
    }
    assert {f.subject_id for f in report.by_check["T01"]} == {uid("m2")}  # late is what the check says
    assert found["m1"].start and found["m1"].end and found["m1"].due is None
    assert found["m2"].end is None and found["m2"].due and found["m3"].start is None and found["m3"].due
    assert found["m2"].due[1] == pytest.approx(float(lonlat(20_000)["lon"]), abs=1e-6)
    assert [x.load.manifest.number for x in ends.hauls(facts, h)] == ["m2", "m4", "m3", "m1"]
    drawn = ends.marks(ends.hauls(facts, h), "zh")
    assert {(e["k"], e["n"], e["s"]) for e in drawn["ends"]} == {
        ("out", 3, "late"), ("in", 2, "trouble"), ("due", 2, "late")}  # fmt: skip
    assert {(r["n"], r["s"]) for r in drawn["roads"]} == {(2, "trouble"), (1, "late")}
    assert "m2 · 未到场" in next(e for e in drawn["ends"] if e["k"] == "due")["t"]


def test_a_receiver_without_a_place_in_the_plan_is_where_the_firm_is() -> None:
    w = hauling()
    w.drop("transfer_plan")
    w.records["transfer_plan"] = {}
    w.add("organisation", "kiln", name="窑", roles=["receiver"], position=lonlat(5000))
    facts, _, h = opened(w)
    x = next(x for x in ends.hauls(facts, h) if x.load.manifest.number == "m2")
    assert x.due and x.due[1] == pytest.approx(float(lonlat(5000)["lon"]), abs=1e-6)
    assert ends.haul_line(facts, x, "zh").placed


def test_a_filter_shows_only_what_can_fit_it() -> None:
    facts, _, h = opened(hauling())
    found = ends.hauls(facts, h)

    def numbers(**asked: Any) -> list[str]:
        return sorted(x.load.manifest.number for x in ends.hauls_fitting(found, h, Asked(**asked)))

    assert numbers() == ["m1", "m2", "m3", "m4"] and numbers(check="T01") == ["m2"] and numbers(q="M3") == ["m3"]
    assert numbers(until=date(2026, 9, 20)) == ["m4"] and numbers(state="done") == numbers(crew="x") == []


def test_ends_are_bounded() -> None:
    w = site()
    w.add("transfer_plan", "transfer-plan")
    for n in range(400):
        w.add("manifest", f"m{n}", number=f"m{n}")
        w.leg(f"m{n}", "issued", at("17:50"), position=fix(n * 40))
    facts, _, h = opened(w)
    drawn = ends.marks(ends.hauls(facts, h), "en")
    assert len(drawn["ends"]) == len(drawn["roads"]) == ends.ENDS
    assert len(ends.hauls(facts, h)) == 400
    assert all(len(e["t"]) <= ends.NAMED + 2 for e in drawn["ends"])


def test_whoever_may_not_read_them_has_neither_loads_nor_problems() -> None:
    w = hauling().drop("manifest", "manifest_leg", "transfer_plan", "inspection", "finding")
    facts, _, h = opened(w, ("field", "organisation"))
    assert ends.hauls(facts, h) == [] and ends.problems(facts, h) == []


# --- inspections -----------------------------------------------------------------------------------------------------


def test_problems_the_open_and_grave_first() -> None:
    w = site()
    w.add("inspection", "inspection", position=fix(0, -30))
    w.add("finding", "w1", code="W-1", position=fix(1, 1))
    w.add("finding", "w2", code="W-2", severity="severe", position=fix(2, 2))
    w.add("finding", "w3", code="W-3", position=None)
    w.add("finding", "w4", code="W-4", position=fix(4, 4))
    w.add("finding", "w5", code="W-5", severity="none", position=fix(5, 5))
    w.add("recheck", "r", finding_id="w4")
    facts, _, h = opened(w)
    found = ends.problems(facts, h)
    assert [x.name for x in found] == ["W-2", "W-1", "W-3", "W-4", "JC-1"]
    marks = ends.problem_marks(found, "/console/projects/p", "zh")
    assert [(m["c"], m["s"]) for m in marks] == [
        ("W-2", "grave"),
        ("W-1", "open"),
        ("W-4", "closed"),
        ("JC-1", "check"),
    ]
    assert marks[0]["u"] == f"/console/projects/p/findings/{uid('w2')}"
    assert [x.name for x in ends.problems_fitting(found, h, Asked(q="jc"))] == ["JC-1"]
    assert ends.problems_fitting(found, h, Asked(state="done")) == []
    assert {ends.problem_line(x, "en").sign.word for x in found} == {"Open", "Closed", "Inspection"}
    named = {m["s"] for m in marks} | {"out", "in", "due", "late"}
    assert named <= legend.SIGNS.keys() and len(legend.legend("zh", True, True, True)) > len(
        legend.legend("zh", False, False, False)
    )


# --- the card --------------------------------------------------------------------------------------------------------


def test_the_card_says_who_where_when_and_how_exactly() -> None:
    w = site()
    w.add("device", "d1", code="A03", label="平板 03", use="field", state="enrolled")
    facts, _, h = opened(w)
    spot = found_at(h, "S03")
    assert spot is not None
    card = cards.card(facts, h, spot, "A03", "zh")
    lines = dict(card.lines)
    assert lines["人员"] == "沈立" and lines["设备"] == "A03 平板 03" and lines["精度"] == "RTK固定解 ±0.5 m"
    assert "5.00 m 东 90°" in lines["距计划"] and lines["时间"] == "09-20 09:00 – 09-20 10:00"
    assert card.row.record == ("point", uid("v:S03")) and card.planned_id == uid("S03")
    missing = found_at(h, "S02")
    assert missing is not None
    assert cards.card(facts, h, missing, "", "zh").row.record == ("planned_point", uid("S02"))
    refused = found_at(h, "S04")
    assert refused is not None
    told = dict(cards.card(facts, h, refused, "", "en").lines)
    assert "Actual" not in told and "Turned back at" in told and "gas" in told["Reason"]
    twice = found_at(h, "X1")
    assert twice is not None and len(cards.card(facts, h, twice, "", "zh").same) == 1


# --- the base map ----------------------------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
KEY = "0123456789abcdefSECRET"


class Server:
    """What the tile server answers; asked: every address."""

    def __init__(
        self, *, status: int = 200, body: bytes = PNG, kind: str = "image/png", fail: type[Exception] | None = None
    ) -> None:
        self.status, self.body, self.kind, self.fail = status, body, kind, fail
        self.asked: list[httpx.URL] = []
        self.now = 0.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        if self.fail:
            raise self.fail(f"cannot reach {request.url}")
        return httpx.Response(self.status, content=self.body, headers={"content-type": self.kind})

    def tiles(self) -> tiles.Tiles:
        return tiles.Tiles(KEY, "https://t{n}.tianditu.gov.cn", "", httpx.MockTransport(self), clock=lambda: self.now)


def number(made: tiles.Tiles, *at_: Any) -> int:
    with pytest.raises(Trouble) as err:
        made.tile(*at_)
    assert KEY not in str(err.value) and KEY not in repr(err.value.words)
    return err.value.problem.number


def test_a_tile_is_asked_as_the_service_wants_it_and_once() -> None:
    server = Server()
    made = server.tiles()
    assert made.tile("vec", 5, 26, 12) == made.tile("vec", 5, 26, 12) == tiles.Tile(PNG, "image/png")
    (url,) = server.asked
    assert url.host == "t6.tianditu.gov.cn" and url.path == "/vec_w/wmts"
    assert dict(url.params) == {
        "SERVICE": "WMTS", "REQUEST": "GetTile", "VERSION": "1.0.0", "LAYER": "vec", "STYLE": "default", "TILEMATRIXSET": "w",
        "FORMAT": "tiles", "TILEMATRIX": "5", "TILEROW": "12", "TILECOL": "26", "tk": KEY}  # fmt: skip


@pytest.mark.parametrize(
    "at_",
    [("ter", 5, 1, 1), ("../x", 5, 1, 1), ("vec", 0, 0, 0), ("vec", 19, 1, 1), ("vec", 3, 8, 0), ("vec", 3, 0, -1)],
)
def test_what_is_no_tile_is_not_asked_for(at_: Any) -> None:
    server = Server()
    assert number(server.tiles(), *at_) == 4602 and server.asked == []


@pytest.mark.parametrize(
    "server",
    [Server(status=403, body=b'{"msg":"wrong key"}', kind="application/json"), Server(status=302), Server(status=500),
     Server(kind="text/html"), Server(body=b"<html>", kind="image/png"), Server(body=PNG + b"0" * tiles.MAX_TILE),
     Server(body=b""), Server(fail=httpx.ConnectTimeout), Server(fail=httpx.ReadError), Server(fail=httpx.InvalidURL)],
)  # fmt: skip
def test_what_does_not_come_is_told_without_the_key_and_soon_no_longer_asked_for(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = server.tiles()
    for n in range(tiles.FAILURES):
        assert number(made, "vec", 5, n, 12) == 4603
    assert KEY not in caplog.text and "no tile" in caplog.text
    assert len(server.asked) == tiles.FAILURES
    assert number(made, "vec", 5, 9, 12) == 4603 and len(server.asked) == tiles.FAILURES  # a pause
    server.now += tiles.PAUSE_S
    assert number(made, "vec", 5, 9, 12) == 4603 and len(server.asked) == tiles.FAILURES + 1


def test_a_place_nobody_drew_is_no_failure() -> None:
    server = Server(status=404)
    made = server.tiles()
    assert {number(made, "img", 18, n, 5) for n in range(6)} == {4602} and len(server.asked) == 6


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "CACHE_BYTES", 3 * len(PNG))
    server = Server()
    made = server.tiles()
    for x in range(5):
        made.tile("vec", 5, x, 1)
    made.tile("vec", 5, 4, 1)  # still here
    assert len(server.asked) == 5
    made.tile("vec", 5, 0, 1)  # long gone
    assert len(server.asked) == 6 and made._bytes <= 3 * len(PNG)


def test_when_enough_are_on_their_way_the_next_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "WAIT_S", 0.01)
    server = Server()
    made = server.tiles()
    for _ in range(tiles.AT_ONCE):
        made._slots.acquire()
    assert number(made, "vec", 5, 1, 1) == 4603 and server.asked == []
    made._slots.release()
    assert made.tile("vec", 5, 1, 1).data == PNG
