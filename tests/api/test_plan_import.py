"""A plan goes in through the service: versions, differences, work that stays attached, and nothing by halves."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.problems import Trouble
from schemas.rules.geo import offset
from schemas.rules.reconcile import Report, run
from sync_server.facts import load_facts
from sync_server.main import Parts, build
from sync_server.plan import importing
from sync_server.plan.importing import Imported, Options, compare, import_plan, newest_plan
from sync_server.plan.rows import read_plan
from sync_server.service import Write
from sync_server.settings import Settings

NOW = datetime(2026, 9, 21, 10, 0, tzinfo=UTC)
TIME = "2026-09-21T09:00:00+08:00"
OPTIONS = Options("Plan", reason="tank farm", target=("0", "0.2"), groups=("metal",), role="surface_only")
EAST = [f"{offset(118.7, 32.0, 100.0 * n, 0)[0]:.7f}" for n in range(6)]
HEAD = "code,lon,lat,target_depth_m,top,bottom\n"


class Office:
    """A server with one project, its manager and a sampler."""

    def __init__(self, folder: Path) -> None:
        self.parts: Parts = build(Settings(data=folder), clock=lambda: NOW)
        self.service = self.parts.service
        org = self.service.found("Survey firm")
        self.manager, self.sampler = self.service.new_id(), self.service.new_id()
        for person, name in ((self.manager, "Xu"), (self.sampler, "Zhou")):
            values = {"name": name, "org_id": org, "duties": ["sampler"]}
            self.service.write(None, [Write("person", person, f"{org}.organisation", values)])
        contact = {"client_id": org, "surveyor_id": org, "contact_id": self.manager}
        self.project = self.service.add_project({"code": "P1", "name": "Works", "stage": "detailed", **contact})
        self.scope = f"{self.project}.field"
        self.service.grant(self.manager, self.project, "project_manager")
        self.service.grant(self.sampler, self.project, "sampler")
        self.site = self.service.new_id()
        site = {"code": "P1", "name": "Works", "status": "survey", "division_code": "320111"}
        self.service.write(None, [Write("site", self.site, self.scope, site)])

    def load(self, text: str, options: Options = OPTIONS, **more: Any) -> Imported:
        return import_plan(
            self.service, self.project, read_plan(text.encode()), options, **{"person": self.manager, **more}
        )

    def values(self, type: str) -> list[dict[str, Any]]:
        return [s.values for s in self.service.records(type, self.scope)]

    def head(self) -> tuple[int, object]:
        with self.service.store.reading() as tx:
            scope = tx.scope(self.scope)
        assert scope is not None
        return scope.seq, scope.digest

    def visit(self, code: str, lon: str) -> None:
        planned = next(p for p in self.service.records("planned_point", self.scope) if p.values["code"] == code)
        fix = {"lon": lon, "lat": "32.0", "h_acc_m": "0.02", "fix_kind": "rtk_fixed", "at": TIME}
        values = {"planned_point_id": planned.id, "code": code, "site_id": self.site, "outcome": "done", "position": fix,
                  "samplers": [self.sampler], "started_at": TIME, "ended_at": TIME}  # fmt: skip
        self.service.write(self.sampler, [Write("point", self.service.new_id(), self.scope, values)])

    def report(self) -> Report:
        return run(load_facts(self.service, self.project, NOW))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def rows(*codes: int, **lon: str) -> str:
    return HEAD + "".join(f"S{n:02d},{lon.get(f'S{n:02d}', EAST[n])},32.0,6,0,0.5\n" for n in codes)


def test_first_import(office: Office) -> None:
    told: list[tuple[int, int]] = []
    done = office.load(rows(1, 2, 3) + "S04,118.71,32.0,,,\n", progress=lambda n, total: told.append((n, total)))
    assert (done.version, done.points, done.left_out, done.difference, done.without_target) == (1, 4, 0, None, 0)
    (plan,) = office.values("plan")
    assert (plan["code"], plan["version"], plan["title"], plan["stage"], plan["groups"]) == (
        "P1-P1",
        1,
        "Plan",
        "detailed",
        ["metal"],
    )
    points = {p["code"]: p for p in office.values("planned_point")}
    assert sorted(points) == ["S01", "S02", "S03", "S04"]
    assert points["S01"]["position"] == {"lon": EAST[1], "lat": "32.0", "source_epsg": 4490}
    assert points["S01"]["reason"] == "tank farm" and points["S01"]["role"] == "surface_only"
    depths = sorted((t["depth_top_m"], t["depth_bottom_m"], t["rule"]) for t in office.values("planned_target"))
    assert depths == [("0", "0.2", "surface")] + [("0", "0.5", "surface")] * 3
    assert told[0] == (0, 4) and told[-1] == (4, 4)
    assert office.report().totals.missing == 4


def test_second_import_is_a_new_version_with_its_difference(office: Office) -> None:
    office.load(rows(1, 2, 3, 4))
    east = f"{offset(float(EAST[2]), 32.0, 12.5, 0)[0]:.7f}"
    text = (
        rows(1, 2, 3, S02=east).replace("S03,", "S03,0", 1).replace(",6,0,0.5", ",6.00,0.0,0.50", 1)
    )  # S01: same figures
    text = text.replace(f"S03,0{EAST[3]},32.0,6,0,0.5", f"S03,{EAST[3]}00,32.0,7,0.5,1") + "S05,118.72,32.0,6,0,0.5\n"
    done = office.load(text, OPTIONS._replace(change_note="gas pipe"))
    d = done.difference
    assert done.version == 2 and d is not None and not d.empty
    assert (d.added, d.removed, d.unchanged) == (["S05"], ["S04"], 1)
    assert [c for c, _ in d.moved] == ["S02"] and d.moved[0][1] == pytest.approx(12.5, abs=0.05)
    assert d.changed == [("S03", ["target_depth_m", "targets"])]
    newest = newest_plan(office.service, office.project)
    assert newest is not None and (newest.id, newest.values["change_note"]) == (done.plan, "gas pipe")
    assert len(office.values("plan")) == 2 and len(office.values("planned_point")) == 8  # the first version is kept
    again = office.load(text).difference
    assert again is not None and again.empty and again.unchanged == 4


def test_compare_by_figures_not_by_spelling() -> None:
    at = {"lon": "118.7000000", "lat": "32.0"}
    old = [{"code": "A", "plan_id": "1", "position": at, "tolerance_m": "2", "reason": "nan"}]
    new = [
        {"code": "A", "plan_id": "2", "position": {"lon": "118.7", "lat": "32"}, "tolerance_m": "2.0", "reason": "nan"}
    ]
    assert compare(old, new).empty
    assert compare(old, [{**new[0], "reason": "Infinity"}]).changed == [("A", ["reason"])]
    assert compare([], []).empty and compare(old, []).removed == ["A"]


def test_work_done_stays_attached(office: Office) -> None:
    office.load(rows(1, 2, 3, 4))
    for n in (1, 2, 4):
        office.visit(f"S{n:02d}", EAST[n])
    before = office.report().totals
    assert (before.planned, before.done, before.missing, before.extra) == (4, 3, 1, 0)
    office.load(rows(1, 2, 3, 5, S02=f"{offset(float(EAST[2]), 32.0, 1.0, 0)[0]:.7f}"))
    after = office.report()
    assert (after.totals.planned, after.totals.done, after.totals.missing, after.totals.extra) == (4, 2, 2, 1)
    states = {p.code: p.state for p in after.points}
    assert states == {"S01": "done", "S02": "done", "S03": "missing", "S05": "missing", "S04": "extra"}
    about = [f for f in after.findings if f.point_code == "S04"]
    assert about and any("S04" in f.zh and "S04" in f.en for f in about)


def test_a_failed_import_leaves_nothing(office: Office) -> None:
    office.load(rows(1, 2))
    before, counts = office.head(), {t: len(office.values(t)) for t in ("plan", "planned_point", "planned_target")}
    bad = rows(1, 2, 3) + "S03,500,32.0,,,\nS01,118.7,32.0,,,\n"
    attempts: list[tuple[int, str, Options]] = [
        (4003, bad, OPTIONS),
        (4003, HEAD + "S01,500,32.0,,,\n", OPTIONS._replace(only_good=True)),  # not one good row
        (3001, rows(1), OPTIONS._replace(groups=("frogs",))),
        (3001, rows(1), OPTIONS._replace(change_note="x" * 20_001)),
        (3001, HEAD + "S01,118.7,32.0,,,\n", OPTIONS._replace(target=("abc", "def"))),
        (3001, HEAD + "S01,118.7,32.0,,,\n", OPTIONS._replace(target=("0.5", "0.2"))),
    ]
    for number, text, options in attempts:
        with pytest.raises(Trouble) as caught:
            office.load(text, options)
        assert caught.value.problem.number == number, caught.value
        assert office.head() == before
    with pytest.raises(Trouble) as caught:
        office.load(bad)
    assert [(f["line"], f["column"]) for f in caught.value.extra["faults"]] == [
        (2, "code"), (4, "code"), (5, "lon"), (5, "code"), (6, "code"),
    ]  # fmt: skip
    assert "4 行有错" in caught.value.text("zh") and "4 rows are wrong" in caught.value.text("en")
    assert counts == {t: len(office.values(t)) for t in counts}


def test_a_fault_in_the_last_part_takes_the_first_ones_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large plans are written in parts, of one transaction."""
    monkeypatch.setattr(importing, "AT_ONCE", 2)
    office.load(rows(1))
    before = office.head()
    told: list[int] = []
    text = rows(1, 2, 3, 4, 5) + "S09,118.71,32.0,,,\n"  # the target of the options is upside down
    with pytest.raises(Trouble) as caught:
        office.load(text, OPTIONS._replace(target=("0.5", "0.2")), progress=lambda n, total: told.append(n))
    assert caught.value.problem.number == 3001 and told == [0, 2, 4]
    assert office.head() == before and (len(office.values("plan")), len(office.values("planned_point"))) == (1, 1)
    assert office.load(text).points == 6


def test_survey_coordinates_wait_for_a_person(office: Office) -> None:
    """Whoever calls gets what was found, to show it; without a yes nothing goes in."""
    text = "code,X,Y\nS01,3543887.646,40383353.450\n"
    before = office.head()
    with pytest.raises(Trouble) as caught:
        office.load(text)
    assert caught.value.problem.number == 4006 and caught.value.problem.status == 409
    assert "第 40 带" in caught.value.text("zh") and "zone 40" in caught.value.text("en") and office.head() == before
    assert importing.zones_of(office.service, office.project) == []
    assert office.load(text, OPTIONS._replace(confirmed=True)).points == 1
    (point,) = office.values("planned_point")
    assert point["position"] == {
        "lon": "118.7654321", "lat": "32.0123456", "source_epsg": 4528,
        "source_northing": "3543887.646", "source_easting": "40383353.450",
    }  # fmt: skip
    assert importing.zones_of(office.service, office.project) == [40]
    assert office.load(rows(1, 2)).version == 2  # degrees need no yes


def test_only_the_good_rows_when_asked(office: Office) -> None:
    done = office.load(rows(1, 2) + "S03,500,32.0,,,\nS01,118.7,32.0,,,\n", OPTIONS._replace(only_good=True))
    assert (done.points, done.left_out) == (1, 3)  # which of the two S01 is right would be a guess
    assert [p["code"] for p in office.values("planned_point")] == ["S02"]


def test_imports_at_once_get_versions_of_their_own(office: Office) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda n: office.load(rows(1, 2, n)), (3, 4, 5, 3)))
    assert sorted(d.version for d in done) == sorted(p["version"] for p in office.values("plan")) == [1, 2, 3, 4]
    assert sum(d.difference is None for d in done) == 1


def test_only_who_may_write_plans_imports(office: Office) -> None:
    before = office.head()
    for person in (office.sampler, office.service.new_id()):
        with pytest.raises(Trouble) as caught:
            office.load(rows(1), person=person)
        assert caught.value.problem.status == 403
    assert office.head() == before
    with pytest.raises(Trouble) as caught:
        import_plan(office.service, office.service.new_id(), read_plan(rows(1).encode()), OPTIONS, office.manager)
    assert caught.value.problem.number == 2004


def test_no_target_is_made_up(office: Office) -> None:
    done = office.load("code,lon,lat,type,groups\nS01,118.7,32,soil,metal\nW01,118.71,32,well,metal\n", Options("Plan"))
    assert done.without_target == 2 and office.values("planned_target") == []
    assert all("reason" not in p for p in office.values("planned_point"))
    done = office.load("code,lon,lat,type,top,bottom\nW01,118.71,32,well,0,0.5\nS02,118.72,32,soil,0.5,1\n")
    assert done.without_target == 1  # a well is not sampled as soil
    assert [(t["medium"], t["rule"]) for t in office.values("planned_target")] == [("soil", "fixed")]


def test_ten_thousand_points(office: Office) -> None:
    text = "code,lon,lat\n" + "".join(f"S{n},118.{n:07d},32.0\n" for n in range(10_000))
    told: list[int] = []
    begun = time.process_time()  # the machine may be doing other things besides
    done = office.load(text, progress=lambda n, total: told.append(n))
    took = time.process_time() - begun
    assert done.points == 10_000 and len(office.values("planned_target")) == 10_000
    assert told == sorted(told) and len(told) >= 10 and told[-1] == 10_000
    assert took < 20, f"{took:.1f} s"
