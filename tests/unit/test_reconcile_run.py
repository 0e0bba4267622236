"""Reconcile as a whole: words in both languages, one point against all, what is left out of counts, speed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from schemas.records import Record
from schemas.rules.reconcile import CHECKS, DeviceSeen, Facts, Finding, UnsureClock, run, run_point
from tests.unit import (
    test_duties,
    test_reconcile_blanks,
    test_reconcile_fieldwork,
    test_reconcile_inspection,
    test_reconcile_layers,
    test_reconcile_legs,
    test_reconcile_photos,
    test_reconcile_plan,
    test_reconcile_readings,
    test_reconcile_samples,
    test_reconcile_sync,
    test_reconcile_tonnes,
    test_reconcile_transfer,
)
from tests.unit.factory import NOW, World, at, record, uid

CASES = [
    *test_reconcile_plan.CASES,
    *test_reconcile_fieldwork.CASES,
    *test_reconcile_layers.CASES,
    *test_reconcile_readings.CASES,
    *test_reconcile_samples.CASES,
    *test_reconcile_photos.CASES,
    *test_reconcile_blanks.CASES,
    *test_reconcile_transfer.CASES,
    *test_reconcile_tonnes.CASES,
    *test_reconcile_legs.CASES,
    *test_reconcile_inspection.CASES,
    *test_duties.CASES,
    *test_reconcile_sync.CASES,
]
DEVICES = [
    DeviceSeen("d1", "T1", NOW - timedelta(hours=50), 3),
    DeviceSeen("d2", "T2", NOW - timedelta(hours=50), None),
    DeviceSeen("d3", "T3", None, 1),
]
CLOCKS = [UnsureClock("field_reading", uid("r0"), 400), UnsureClock("site", uid("site"), 400)]


def every_finding() -> Iterator[tuple[str, Finding]]:
    """All findings of all cases, on the server and on a tablet."""
    for check, name, w, _ in CASES:
        for where in ("server", "tablet") if check == "F01" else ("server",):
            yield from ((name, f) for f in run(w.facts(where, devices=DEVICES, unsure_clocks=CLOCKS)).findings)
    w = test_reconcile_sync.snapped(2)
    yield from (("photos", f) for f in run(w.facts(stored_blobs=frozenset())).findings)
    w = test_reconcile_inspection.visit("li", "wu", li={}, wu={})
    yield from (("altered", f) for f in run(w.facts(altered=frozenset({uid("inspection")}))).findings)


FOUND = list(every_finding())
HAN = re.compile(r"[一-鿿，。；：（）「」、]")
# Sources cited inside an English sentence keep their Chinese table names.
CITED = re.compile(r"; (HJ|DB11|GB)[^;]*$")


def test_words_in_both_languages() -> None:
    for name, found in FOUND:
        where = f"{name}: {found.check} {found.zh} | {found.en}"
        assert found.zh != found.en and HAN.search(found.zh), where
        text = found.zh + found.en.replace("preservative is None", "")  # the label of "no preservative"
        assert not re.search(r"[{}]|None|Label\(|Decimal", text), where
        assert not HAN.search(CITED.sub("", found.en)), where
        assert "  " not in found.en and not found.en.endswith(" "), where


def test_every_text_of_every_check_was_said() -> None:
    said = {(f.check, f.zh) for _, f in FOUND if f.missing is None} | {(f.check, f.zh) for _, f in FOUND}
    for info in CHECKS.values():
        for case, text in info.texts.items():
            pattern = re.compile(re.sub(r"\\{\w+\\}", ".*", re.escape(text.zh)) + r"(（\d+ 处）)?\Z")
            assert any(c == info.id and pattern.match(zh) for c, zh in said), (info.id, case)


def test_every_check_is_described() -> None:
    for info in CHECKS.values():
        assert info.zh != info.en and HAN.search(info.zh) and not HAN.search(info.en), info.id
        assert info.mark in ("C", "C2", "K", "K?", "D") and info.source and info.who.zh != info.who.en, info.id
        for text in info.texts.values():
            assert set(re.findall(r"{(\w+)}", text.zh)) == set(re.findall(r"{(\w+)}", text.en)), info.id


def test_cannot_say_names_the_input() -> None:
    unknown = [f for _, f in FOUND if f.severity == "unknown"]
    assert unknown and all(f.missing is not None for f in unknown if f.check != "F03")
    assert all(f.severity == "unknown" for _, f in FOUND if f.missing is not None)


# --- one point -------------------------------------------------------------------------------------------------------


def lively() -> World:
    """Several points with all sorts of things wrong."""
    w = World()
    w.planned("S01", 0)
    w.visit("S01", 6, samplers=["li"])
    w.planned("S02", 20, reason=None, target_depth_m=6)
    w.visit("S02", 20, acc=None, samplers=["li"], started_at=at("09:30"))
    w.planned("S03", 200)
    w.visit("X01", 40, planned_point_id=None)
    for code in ("S01", "S02"):
        w.add("planned_target", f"t{code}", planned_point_id=code, depth_top_m=0, depth_bottom_m=1, groups=["voc"])
        w.add("borehole", f"h{code}", point_id=f"v:{code}", depth_m=3)
        w.add("field_reading", f"r{code}", borehole_id=f"h{code}", value=150, live_time_s=5, depth_top_m=1)
        w.add("sample", f"s{code}", code="same", point_id=f"v:{code}", borehole_id=f"h{code}", depth_bottom_m=4)
        w.add("sample_container", f"c{code}", sample_id=f"s{code}", type="canister")
    w.add("conflict", subject_id="sS01")
    return w


def test_one_point_says_what_all_say_of_it() -> None:
    facts = lively().facts()
    whole = run(facts)
    per_point = {id for id, info in CHECKS.items() if info.per_point}
    assert {"F01", "F02", "F03", "F05", "R04", "S05", "S11"} <= per_point
    for place in facts.places:
        own = run_point(facts, place.planned.id if place.planned else place.visits[0].id)
        expected = [f for f in whole.findings if f.check in per_point and f.point_code == place.code]
        assert [f for f in own.findings if f.check in per_point and f.point_code] == expected
        assert own.points == [p for p in whole.points if p.code == place.code]


def test_before_leaving_the_hole() -> None:
    facts = lively().facts("tablet")
    report = run_point(facts, uid("v:S01"))
    kinds = {f.check for f in report.findings}
    assert {"F02", "F06", "S01", "S11", "R01", "R04", "F18", "Y01"} <= kinds
    assert not kinds & {"P01", "S02", "T01", "I01", "Y03"}
    assert {f.point_code for f in report.findings if f.missing is None} == {
        "S01",
        "S02",
    }  # S02 only in the travel of F18
    assert [f.point_code for f in report.findings if f.check != "F18" and f.point_code not in (None, "S01")] == []
    with pytest.raises(KeyError):
        run_point(facts, uid("nowhere"))


# --- what counts -----------------------------------------------------------------------------------------------------


def test_totals() -> None:
    w = World()
    for i in range(6):
        w.planned(f"S{i}", i * 10)
    w.visit("S0", 0)
    w.visit("S1", 16, reason="utility")  # 6 m off
    w.visit("S2", 20, outcome="partial", reason="water")
    w.visit("S3", 30, outcome="refused", reason="owner")
    w.add("point_adjustment", kind="cancel", planned_point_id="S4", decision="approved", decided_at=at("08:00"))
    w.visit("X1", 70, planned_point_id=None)
    report = run(w.facts())
    t = report.totals
    assert (t.planned, t.done, t.partial, t.missing, t.refused, t.cancelled) == (6, 3, 1, 1, 1, 1)
    assert (t.shifted, t.shift_unknown, t.extra, t.visited) == (1, 0, 1, 4)
    states = {p.code: p.state for p in report.points}
    assert states == dict(S0="done", S1="done", S2="partial", S3="refused", S4="cancelled", S5="missing", X1="extra")
    assert {f.point_code for f in report.by_check["F01"]} == {"S3", "S5"}


def test_children_of_a_voided_record_are_left_out() -> None:
    w = lively()
    before = {f.check for f in run(w.facts()).findings if f.point_code == "S01"}
    assert {"F02", "R04", "S11", "S05"} <= before
    w.visit("S01", 6, deleted=True, void_reason="wrong point")
    report = run(w.facts())
    assert {f.check for f in report.findings if f.point_code == "S01" and f.missing is None} == {"F01", "P04"}
    assert report.by_check["R01"][0].figures["n"] == 1  # the reading of S02 alone
    assert report.totals.exceedances == {"arsenic": 1}


def test_orphans_of_orphans() -> None:
    w = World()
    w.add("site", "gone", deleted=True, void_reason="x")
    w.visit(planned_point_id=None, site_id="gone")
    w.add("borehole", "h")
    w.add("sample", "s", borehole_id="h", point_id=None)
    w.add("sample_container", "c", sample_id="s")
    facts = w.facts()
    alive = {name for name in facts.records for r in facts.records[name].values() if r in facts.alive(type(r))}
    assert alive == {"project", "plan", "site"}


def test_a_missing_parent_does_not_orphan() -> None:
    w = World()
    w.add("manifest_leg", manifest_id="not-here-yet")
    facts = w.facts()
    (leg,) = facts.records["manifest_leg"].values()
    assert facts.alive(type(leg)) == [leg]


def test_the_highest_version_counts() -> None:
    w = World()
    w.planned("S01")
    w.visit("S01")
    w.planned("S02", 10)
    w.visit("S02", 10)
    w.add("plan", "plan-2", version=2)
    w.add("planned_point", "S01/2", code="S01", plan_id="plan-2")
    w.add("planned_point", "S03/2", code="S03", plan_id="plan-2")
    points = {p.code: (p.state, p.planned_id) for p in run(w.facts()).points}
    assert points == {"S01": ("done", uid("S01/2")), "S03": ("missing", uid("S03/2")), "S02": ("extra", None)}
    w.add("plan", "plan-2", version=2, deleted=True, void_reason="withdrawn")
    assert {p.code: p.state for p in run(w.facts()).points} == {"S01": "done", "S02": "done"}


def test_plans_of_one_version_are_all_in_force() -> None:
    w = World()
    w.planned("S01")
    w.add("plan", "plan-b", code="NJ1-B")
    w.add("planned_point", "B01", code="B01", plan_id="plan-b")
    assert {p.code for p in run(w.facts()).points} == {"S01", "B01"}


def test_an_approval_of_an_older_version_holds() -> None:
    w = World()
    w.planned("S01")
    w.add("point_adjustment", kind="cancel", planned_point_id="S01", decision="approved", decided_at=at("08:00"))
    w.add("plan", "plan-2", version=2)
    w.add("planned_point", "S01/2", code="S01", plan_id="plan-2")
    assert run(w.facts()).by_check["F01"] == []


def test_the_order_of_records_does_not_matter() -> None:
    w = lively()
    forward = run(w.facts())
    w.records = {name: dict(reversed(rows.items())) for name, rows in w.records.items()}
    backward = run(w.facts())
    assert sorted(f.zh for f in forward.findings) == sorted(f.zh for f in backward.findings)
    assert forward.totals == backward.totals


def test_nothing_at_all() -> None:
    empty = Facts({}, NOW, World().facts().basis)
    report = run(empty)
    assert report.points == [] and report.totals.done == 0 and report.totals.duplicate_share == 0
    assert all(f.severity == "unknown" for f in report.findings)


# --- speed -----------------------------------------------------------------------------------------------------------


def crowd(points: int, readings: int) -> dict[str, dict[str, Record]]:
    """Many points alike; the records are copies, so that making them costs little."""
    w = World()
    for i in range(points):
        w.both(f"S{i}", i % 90 - 45)
    for type, parents in (("field_reading", "point_id"), ("sample", "point_id"), ("photo", "subject_id")):
        like = record(type)
        per = readings if type == "field_reading" else 2
        for i in range(points):
            for k in range(per):
                change = {"id": uid(f"{type}{i}/{k}"), parents: uid(f"v:S{i}"), "code": f"{i}/{k}"}
                change = {n: v for n, v in change.items() if n == "id" or n in type_fields(like)}
                copy = like.model_copy(update=change)
                w.records[type][copy.id] = copy
    return w.records


def type_fields(like: Record) -> set[str]:
    return set(type(like).model_fields)


def test_time_grows_with_the_records_not_faster() -> None:
    def seconds(points: int) -> float:
        facts = Facts(crowd(points, 20), NOW, World().facts().basis, project_id=uid("project"))
        best = []
        for _ in range(3):
            fresh = Facts(facts.records, NOW, facts.basis, project_id=facts.project_id)
            began = time.process_time()
            run(fresh)
            best.append(time.process_time() - began)
        return min(best)

    seconds(5)
    small, large = seconds(25), seconds(125)
    assert large < small * 5 * 2, (small, large)  # five times the records; a quadratic step would make it 25
