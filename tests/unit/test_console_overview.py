"""What the first page of a project is made of: what to decide in which order, the drawings, people; however little or much there is."""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest

from schemas.ids import Ids
from schemas.records import Record
from schemas.reference import codes
from schemas.rules.reconcile import Facts, Finding, run
from sync_server.console.charts.core import core, core_of, core_of_record, core_text
from sync_server.console.charts.depth import DOTS, LINES, MARKS, depth_text, depths, depths_of
from sync_server.console.charts.paint import SOIL_DEFS, SOILS, metres, ticks
from sync_server.console.overview import crews, profile, summary, views
from sync_server.console.overview.todo import ROWS, Todos, made_at, record_time, todos
from sync_server.media import Media
from sync_server.service.waiting import Count
from tests.unit.factory import NOW, World, at, uid

NOBODY = Count(0, 0, 0, 0)
ALL = frozenset({"field", "transfer", "enforcement"})


def told(w: World, waiting: Count = NOBODY, lang: str = "zh", **more: Any) -> Todos:
    facts = w.facts(**more)
    return todos(facts, views.visible(run(facts), ALL), waiting, lang)


def moment(days: int = 0, hours: int = 0) -> datetime:
    return NOW - timedelta(days=days, hours=hours)


def late(w: World, id: str, number: str, hours: float) -> None:
    w.add("manifest", id, number=number)
    w.leg(id, "issued", NOW - timedelta(hours=hours + 0.1), 33)
    w.leg(id, "departed", NOW - timedelta(hours=hours))


def light(w: World, id: str, number: str, hours: float) -> None:
    w.add("manifest", id, number=number)
    w.leg(id, "issued", NOW - timedelta(hours=hours + 2), 33)
    w.leg(id, "received", NOW - timedelta(hours=hours), 30)


def reading(w: World, id: str, value: Any, code: str = "S01", **values: Any) -> None:
    w.add("field_reading", id, **{"point_id": f"v:{code}", "value": value, "depth_top_m": 2, **values})


def worst_day() -> World:
    w = World()
    w.add("transfer_plan", "transfer-plan")
    w.add("vehicle", "truck", plate="苏L·A5541")
    w.add("organisation", "kiln", name="Kiln", roles=["receiver"])
    for n, code in enumerate(("S01", "S02", "S03", "S10", "S9")):
        w.planned(code, n * 10)
    w.visit("S01", 0)
    w.visit("S02", 16)  # 6 m off, no reason
    reading(w, "r1", 300)  # arsenic: intervention 140
    reading(w, "r2", 150, "S02")
    late(w, "m1", "0001", 5)
    light(w, "m2", "0002", 50)
    w.add("inspection", "inspection", kind="self")
    w.add("finding", "finding", deadline=date(2026, 9, 1))
    w.add("conflict", id_at(3), subject_kind="point", subject_id="v:S01", field_name="weather")
    return w


def id_at(hours: float) -> str:
    ms = int((NOW - timedelta(hours=hours)).timestamp() * 1000)
    return Ids(lambda: ms, lambda n: bytes(n))()


# --- what to decide ----------------------------------------------------------------------------------------------------


def test_money_people_law_then_age() -> None:
    rows = told(worst_day(), Count(2, 0, 1, 0)).rows
    order = [r.about for r in rows]
    assert order[:7] == ["T01", "T02", "R04", "R04", "I01", "F02", "F01"]
    assert set(order[7:]) <= {"conflict", "waiting"} and len(rows) == ROWS
    by = {r.about: r for r in rows}
    assert by["T01"].text.startswith("联单 0001") and by["T01"].path == f"/manifests/{uid('m1')}"
    assert (
        by["T01"].line.startswith("苏L·A5541 · 18 t · Kiln")
        and by["T01"].age == "5 小时前"
        and by["T01"].verb == "看联单"
    )
    assert [r.text for r in rows if r.about == "R04"] == [
        "S01 2.0 m 砷 300 mg/kg，管制值 140 的 2.14 倍", "S02 2.0 m 砷 150 mg/kg，管制值 140 的 1.07 倍"
    ]  # fmt: skip
    assert (
        rows[2].map == "/map?at=S01"
        and rows[2].path == f"/records/field_reading/{uid('r1')}"
        and "GB 36600" in rows[2].line
    )
    assert (
        by["F01"].line == "S03、S9、S10"
        and by["F01"].path == "?check=F01#points"
        and by["F01"].text == "点位未完成：3 处"
    )
    assert by["I01"].age == "19 天前"


def test_conflicts_and_what_waits_are_not_lost_in_a_bad_project() -> None:
    w = World()
    w.both("S01")
    w.add("conflict", id_at(30), subject_kind="point", subject_id="v:S01", field_name="weather")
    shown = told(w, Count(2, 1, 1, 1))
    rows = {r.about: r for r in shown.rows}
    assert (
        rows["conflict"].path == f"/conflicts/{next(iter(w.records['conflict']))}"
        and rows["conflict"].age == "30 小时前"
    )
    assert rows["conflict"].text == "S01 点位：「天气」两台设备写的不一样" and rows["conflict"].map == "/map?at=S01"
    assert rows["waiting"].text == "4 件待决定" and rows["waiting"].path == "/waiting"
    assert shown.total == sum(f.severity == "error" for f in run(w.facts()).findings) + 1 + 4
    assert [r.about for r in shown.rows].index("conflict") < 2
    w.add("conflict", id_at(30), choice="keep_now", decided_by="person-1", decided_at=at("10:00"), reason="x")
    assert "conflict" not in {r.about for r in told(w).rows}


def test_many_of_one_kind_become_one_row() -> None:
    w = World()
    for n in range(40):
        w.planned(f"S{n:02d}", n * 10)
        w.visit(f"S{n:02d}", n * 10)
        reading(w, f"r{n}", 141 + n, f"S{n:02d}")
    for n in range(9):
        w.add("conflict", id_at(n + 1), subject_kind="point", subject_id="v:S01", field_name="weather")
    shown = told(w)
    r04 = [r for r in shown.rows if r.about == "R04"]
    assert [r.text.split()[0] for r in r04[:2]] == ["S39", "S38"] and len(r04) == 3
    assert (
        r04[2].text == "读数超标准：还有 38 处"
        and r04[2].line.endswith("等 38 个点")
        and r04[2].path == "?check=R04#check-R04"
    )
    conflicts = [r for r in shown.rows if r.about == "conflict"]
    assert len(conflicts) == 3 and conflicts[2].text == "还有 7 处冲突" and conflicts[2].path == "/conflicts"
    assert conflicts[0].age == "9 小时前"  # the oldest first


def test_nothing_to_decide() -> None:
    w = World(bare=True)
    w.add("project")
    assert told(w) == Todos([], 0)


def test_records_that_are_not_here_or_of_a_newer_version() -> None:
    """A finding about whatever: the row still stands, and leads somewhere."""
    w = World()
    facts = w.facts()
    odd = Finding("F99", "error", "怪", "odd", "of a newer/version", "x y", None, {}, summary_label(), "")
    assert views.record_path(odd) == "/records/of%20a%20newer%2Fversion/x%20y"
    gone = Finding("T01", "error", "联单", "Load", "manifest", uid("nowhere"), None, {"no": "1"}, summary_label(), "")
    bad = Finding(
        "R04",
        "warning",
        "读数",
        "Reading",
        "field_reading",
        uid("x"),
        "<S>",
        {"severe": True, "value": None},
        summary_label(),
        "",
    )
    rows = todos(facts, [gone, bad], NOBODY, "en").rows
    assert [r.text for r in rows] == ["Load", "Reading"] and rows[1].map == "/map?at=%3CS%3E" and rows[0].age == ""
    w.add("conflict", "not-a-v7", subject_kind="of_tomorrow", subject_id="x", field_name="what")
    (row,) = [r for r in told(w).rows if r.about == "conflict"]
    assert (row.age, row.map) == ("", "") and "of_tomorrow" in row.text and "what" in row.text


def summary_label() -> Any:
    return codes("medium")["soil"]


@pytest.mark.parametrize(
    ("id", "hours"), [(id_at(3), 3), ("018f1f6e-0000-4000-8000-000000000000", None), ("", None), ("zz", None)]
)
def test_age_of_an_id(id: str, hours: float | None) -> None:
    found = made_at(id)
    assert (found is None) == (hours is None) and (found is None or abs((NOW - found).total_seconds() - 3 * 3600) < 1)


def test_the_time_of_a_record() -> None:
    w = worst_day()
    facts = w.facts()

    def of(type: str, id: str) -> datetime | None:
        return record_time(facts, type, uid(id))

    assert of("point", "v:S01") == at("09:00") and of("field_reading", "r1") == at("10:00")
    assert of("planned_point", "S01") is None and of("plan", "plan") is None and of("of_tomorrow", "x") is None
    assert of("finding", "finding") is not None and of("finding", "finding").date() == date(2026, 9, 1)  # type: ignore[union-attr]


# --- figures -----------------------------------------------------------------------------------------------------------


def test_at_most_five_figures_and_none_of_what_may_not_be_seen() -> None:
    facts = worst_day().facts()
    report, pictures = run(facts), crews.photos(facts, Media(3, 9), "zh")
    every = summary.kpis(report, pictures, ALL, "zh")
    assert [k.name for k in every] == ["点位完成", "样品", "超标点位", "转运联单", "未销号问题"]
    field = summary.kpis(report, pictures, {"field"}, "zh")
    assert [k.name for k in field] == ["点位完成", "样品", "超标点位", "照片到齐"] and (
        field[3].value,
        field[3].of,
    ) == ("3", "/ 9")
    assert (every[0].value, every[0].of, every[2].value, every[2].of) == ("2", "/ 5", "2", "/ 2")


def test_no_plan_says_no_share() -> None:
    w = World(bare=True)
    w.add("project")
    w.add("site")
    w.visit("X1", planned_point_id=None)
    report = run(w.facts())
    points = summary.kpis(report, None, ALL, "zh")[0]
    assert (points.value, points.of, points.line) == ("1", "", "没有方案，先导入点位表")
    assert summary.bars(report, "zh") == []


def test_bars_of_what_the_plan_knows_and_what_it_does_not() -> None:
    w = World()
    w.both("S01")
    w.add("planned_target", "t", medium="moon dust", groups=["metal", "of_tomorrow"])
    bars = summary.bars(run(w.facts()), "en")
    assert [(b.medium, b.group, b.lacks) for b in bars] == [
        ("moon dust", "", "moon dust"), ("moon dust", "Metals except Hg and Cr(VI)", "moon dust/metal"),
        ("moon dust", "of_tomorrow", "moon dust/of_tomorrow"),
    ]  # fmt: skip
    assert (
        summary.lacks_words("moon dust/of_tomorrow", "en") == "moon dust · of_tomorrow"
        and summary.lacks_words("", "en") == ""
    )


def test_who_was_last_seen() -> None:
    w = World()
    w.add("person", "p1", name="周岚")
    w.add("person", "p2", name="沈立")
    for n in range(6):
        w.visit(
            f"S{n + 7}",
            samplers=["p1"],
            planned_point_id=None,
            started_at=at(f"0{n + 1}:00"),
            ended_at=at(f"0{n + 1}:30"),
        )
    w.visit(
        "S1", samplers=["p2", "nobody"], planned_point_id=None, started_at=at("10:00", -1), ended_at=at("11:00", -1)
    )
    found = crews.crews(w.facts(), "zh").shown
    got = [(c.name, c.seen, c.today, c.points) for c in found]
    assert got[0] == ("周岚", "06:30", "S7 … S12（6 个）", "6")
    assert (
        set(got[1:]) == {(name, "09-20 11:00", "", "1") for name in ("沈立", f"记录 {uid('nobody')[:8]}")}
        and len(got) == 3
    )
    assert crews.crews(World().facts(), "zh") == crews.Crews([], 0)


# --- readings by depth -------------------------------------------------------------------------------------------------


def deep(points: int, value: Any = lambda n, z: 10, **values: Any) -> World:
    w = World()
    for n in range(points):
        code = f"S{n:02d}"
        w.both(code, n * 10)
        for z in range(1, 6):
            reading(w, f"{code}/{z}", value(n, z), code, **{"depth_top_m": z, **values})
    return w


def test_only_points_above_a_limit_get_a_line_and_a_name() -> None:
    d = depths_of(deep(9, lambda n, z: 150 if (n, z) == (3, 2) else 61 if (n, z) == (4, 4) else 10 + n).facts())
    assert d is not None and [(x.code, x.state, x.worst.figure, len(x.steps)) for x in d.lines] == [
        ("S03", "above_intervention", "150", 5), ("S04", "above_screening", "61", 5)
    ]  # fmt: skip
    assert (d.readings, d.points, len(d.dots), d.marks, d.unnamed) == (
        45, {"below": 7, "above_intervention": 1, "above_screening": 1}, 35, (), 0
    )  # fmt: skip
    for lang, said in (
        ("zh", "S03 150 mg/kg，2.0 m，管制值 140 的 1.07 倍"),
        ("en", "S03 150 mg/kg at 2.0 m, 1.07 times the intervention value of 140"),
    ):
        html = depths(d, lang)
        wide, narrow = re.findall(r"<svg.*?</svg>", html, re.S)
        for svg, size in ((wide, "wide"), (narrow, "narrow")):
            assert f'class="chart {size}"' in svg and svg.count("<polyline") == 2 and svg.count("stroke-dasharray") == 1
            assert "S03 150" in svg and "S04 61" in svg and not re.search(r">S0[0125678] ", svg)
            label = unescape(re.search(r'aria-label="([^"]+)"', svg)[1])  # type: ignore[index]
            assert all(fact in label for fact in depth_text(d, lang)) and said in label
        assert "style" not in html


@pytest.mark.parametrize(
    ("name", "screening", "intervention"), [("As", 60, 140), ("Pb", 800, 2500), ("Cu", 18000, 36000)]
)
def test_the_limits_are_in_the_same_place_for_every_analyte(name: str, screening: int, intervention: int) -> None:
    w = World()
    for code, value in (("S01", screening), ("S02", intervention), ("S03", intervention * 50)):
        w.both(code, int(code[1:]) * 10)
        reading(w, code, value, code, parameter=name)
        reading(w, f"{code}+", value + 1, code, parameter=name, depth_top_m=3)
    d = depths_of(w.facts())
    assert d is not None
    places = sorted({round(s.at, 3) for line in d.lines for s in line.steps})
    assert places[0] == 0.5 and 0.8 in places and places[-1] == 0.99
    svg = depths(d, "zh").split("</svg>")[0]
    assert re.findall(r">(筛选值|管制值) (\d+)<", svg) == [("筛选值", str(screening)), ("管制值", str(intervention))]
    assert "M267.0 24V" in svg and "M398.8 24V" in svg  # 50 % and 80 % of the width, wherever the figures are


def test_many_thousand_readings_make_a_small_drawing() -> None:
    w = World()
    for n in range(400):
        code = f"S{n:03d}"
        w.both(code, n * 3)
        for z in range(10):
            reading(
                w,
                f"{code}/{z}",
                (n * 7 + z * 13) % 59 + (100 if n % 2 and z == 3 else 0),
                code,
                depth_top_m=Decimal(z) / 2,
            )
    facts = w.facts()
    d = depths_of(facts)
    assert (
        d is not None
        and d.readings == 4000
        and len(d.lines) == LINES
        and 0 < len(d.dots) <= DOTS
        and 0 < len(d.marks) <= MARKS
    )
    assert d.unnamed == 200 - LINES and len(depths(d, "zh")) < 60_000
    began = time.perf_counter()
    assert depths_of(facts) is d and time.perf_counter() - began < 0.05  # worked out once


def test_what_cannot_be_drawn_is_said() -> None:
    assert depths_of(World().facts()) is None and depths_of(World().facts(), "no such thing") is None
    w = deep(2)
    w.add("site", "site", standard=None)
    facts = w.facts()
    assert depths_of(facts, "arsenic") is None
    shown = profile.drawn(facts, run(facts), "", "zh")
    assert shown.picture is None and "还没有能和限值比的读数" in shown.empty
    w = deep(2)
    reading(w, "odd", 5, "S00", unit="ppm_ib")
    d = depths_of(w.facts())
    assert d is not None and (d.readings, d.unjudged) == (11, 1) and "1 个读数无法判断，没有画" in depth_text(d, "zh")


def test_sites_with_different_limits() -> None:
    w = deep(2, lambda n, z: 30)
    w.add("site", "site-1", code="NJ15", land_use="r1", standard="gb36600_1")
    w.visit("S01", 10, site_id="site-1")  # arsenic: 20 and 120
    d = depths_of(w.facts())
    assert d is not None and d.limit is None and [x.code for x in d.lines] == ["S01"] and d.lines[0].over == 20
    assert ">筛选值<" in depths(d, "zh") and "各地块限值不同" in profile.drawn(w.facts(), run(w.facts()), "", "zh").cite


def test_hostile_names_stay_text() -> None:
    bad = "<img src=x onerror=alert(1)>\"'&"
    w = World()
    w.both(bad)
    reading(w, "r", 900, bad)
    w.add("borehole", "h", point_id=f"v:{bad}", code=bad)
    w.add("soil_layer", "l", borehole_id="h", texture=bad)
    w.add("sample", "s", point_id=f"v:{bad}", code=bad)
    facts = w.facts()
    d, c = depths_of(facts), core_of(facts, facts.places[0])
    assert d is not None and c is not None
    for html in (depths(d, "zh"), core(c, "zh"), core(c, "en", narrow=True)):
        assert "<img" not in html and "onerror" in html and not re.search(r"[^=]\"'&[^a-z#]", html)


# --- the core ----------------------------------------------------------------------------------------------------------


def cored() -> World:
    w = World()
    w.both("S01")
    w.add("planned_point", "S01", target_depth_m=8)
    w.add("borehole", "h", point_id="v:S01", code="S01-1", depth_m=6, first_water_m="3.2")
    for n, (top, bottom, texture) in enumerate(
        ((0, "0.6", "misc_fill"), ("0.6", "2.1", "silty_clay"), ("2.1", 6, "of_tomorrow")), start=1
    ):
        w.add("soil_layer", f"l{n}", borehole_id="h", layer_no=n, top_m=top, bottom_m=bottom, texture=texture)
    w.add("sample", "s", point_id="v:S01", borehole_id="h", depth_top_m="1.5", depth_bottom_m=2)
    for id, value, depth in (("r1", 5, "0.5"), ("r2", 61, "1.5"), ("r3", 900, "2.5")):
        reading(w, id, value, depth_top_m=depth)
    reading(w, "r4", 7, parameter="Pb")
    return w


def test_the_core_and_its_words() -> None:
    facts = cored().facts()
    c = core_of(facts, uid("S01"))
    assert c is not None and c == core_of(facts, uid("v:S01")) == core_of(facts, facts.places[0])
    assert core_text(c, "zh") == [
        "S01 土柱，深 8.0 m", "钻到 6.0 m", "0.0–0.6 m 杂填土", "0.6–2.1 m 粉质黏土", "2.1–6.0 m of_tomorrow", "样品 S01-1 1.5–2.0 m",
        "初见水位 3.2 m", "0.5 m 砷 5 mg/kg 未超筛选值", "1.5 m 砷 61 mg/kg 超筛选值", "2.5 m 砷 900 mg/kg 超管制值",
    ]  # fmt: skip
    svg = core(c, "zh")
    assert [
        svg.count(x)
        for x in (
            'fill="url(#so-fill)"',
            'fill="url(#so-silty)"',
            "nf s-planned dash",
            "s-active",
            "h6V",
            "f-alert s-surface",
        )
    ] == [1] * 6
    assert "style" not in svg and all(line in unescape(svg) for line in core_text(c, "zh"))
    narrow = core(c, "zh", narrow=True)
    assert 'width="100"' in narrow and "s-done" not in narrow and "url(#so-fill)" in narrow
    lead = core_of_record(facts, "field_reading", uid("r4"))
    assert lead is not None and lead.analyte is not None and lead.analyte.key == "lead" and len(lead.read) == 1
    assert core_of_record(facts, "soil_layer", uid("l1")) == c


def test_points_without_anything_deep() -> None:
    w = World()
    w.planned("S01")
    facts = w.facts()
    assert (
        core_of(facts, uid("S01")) is None and core_of(facts, uid("nowhere")) is None and core_of(facts, None) is None
    )
    w.add("planned_point", "S01", target_depth_m=6)
    c = core_of(w.facts(), uid("S01"))
    assert (
        c is not None
        and core_text(c, "en") == ["Core of S01, 6.0 m deep", "not drilled yet"]
        and "dash" in core(c, "en")
    )
    w = World()
    w.both("S01")
    reading(w, "r", 5, depth_top_m=2, parameter="As")
    w.add("site", "site", standard=None)
    c = core_of(w.facts(), uid("S01"))
    assert c is None or "无法判断" in "".join(core_text(c, "zh"))


def test_a_core_with_hundreds_of_things_is_bounded() -> None:
    w = cored()
    for n in range(300):
        w.add(
            "soil_layer",
            f"x{n}",
            borehole_id="h",
            layer_no=4,
            top_m=Decimal(n) / 100,
            bottom_m=Decimal(n + 1) / 100,
            texture="silt",
        )
        reading(w, f"x{n}", n, depth_top_m=Decimal(n) / 50)
        w.add(
            "sample",
            f"x{n}",
            point_id="v:S01",
            code=f"x{n}",
            depth_top_m=Decimal(n) / 50,
            depth_bottom_m=Decimal(n) / 50,
        )
    c = core_of(w.facts(), uid("S01"))
    assert c is not None and len(core(c, "zh")) < 60_000 and any("900" in line for line in core_text(c, "zh"))


def test_every_soil_has_a_pattern() -> None:
    assert set(SOILS) == set(codes("soil_texture"))
    assert {f'id="so-{kind}"' for kind in SOILS.values()} <= set(re.findall(r'id="so-\w+"', SOIL_DEFS))


@pytest.mark.parametrize(
    ("depth", "text"), [("2", "2.0"), ("1.25", "1.25"), ("1.50", "1.5"), ("10", "10.0"), ("0", "0.0"), ("1E+1", "10.0")]
)
def test_metres(depth: str, text: str) -> None:
    assert metres(Decimal(depth)) == text


@pytest.mark.parametrize("bottom", ["0.4", "1", "6", "12.5", "200"])
def test_ticks(bottom: str) -> None:
    found = ticks(Decimal(bottom))
    assert found[0] == 0 and len(found) <= 9 and found[-1] <= Decimal(bottom)


def test_facts_are_not_changed_by_looking() -> None:
    w = worst_day()
    before: dict[str, dict[str, Record]] = {t: dict(r) for t, r in w.records.items()}
    facts: Facts = w.facts()
    report = run(facts)
    for lang in ("zh", "en"):
        todos(facts, views.visible(report, ALL), NOBODY, lang)
        profile.drawn(facts, report, "", lang)
        crews.crews(facts, lang)
    assert w.records == before
