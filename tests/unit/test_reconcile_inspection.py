"""Inspection checks I01, I02, I04 and the state of a finding."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from schemas.rules.reconcile import finding_state, run
from tests.unit.factory import NOW, World, at, fix, officer, record

TODAY = NOW.date()


def problem(*events: tuple[str, str, Any], deadline: Any = TODAY - timedelta(days=3), **values: Any) -> World:
    """A finding with events (time, "action"/"recheck", done or result)."""
    w = World()
    w.add("inspection")
    w.add("finding", deadline=deadline, **values)
    for i, (clock, kind, outcome) in enumerate(events):
        if kind == "action":
            w.add("corrective_action", f"a{i}", at=at(clock), done=outcome)
        else:
            w.add("recheck", f"r{i}", at=at(clock), result=outcome)
    return w


def kept(until: Any) -> World:
    w = problem(("10:00", "action", True))
    w.add("recheck", result="keep", next_deadline=until)
    return w


def lone() -> World:
    w = problem(("10:00", "action", True))
    w.add("recheck", officers=[officer("li")], signatures=[])
    return w


def visit(*officers: str, kind: str = "enforcement", **certificates: dict[str, Any]) -> World:
    """An inspection on 2026-09-21; every officer named in `certificates` holds that certificate."""
    w = World()
    w.add("inspection", kind=kind, officers=[officer(name) for name in officers])
    for name, values in certificates.items():
        w.add("person_qualification", name, person_id=name, **values)
    return w


def midnight() -> World:
    """16:30 UTC on the 20th is 00:30 on the 21st in Beijing."""
    w = visit("li", "wu", li={}, wu={"valid_from": TODAY})
    w.add("inspection", officers=[officer("li"), officer("wu")], started_at=at("00:30"))
    return w


def amended(*, signed: bool = True) -> World:
    w = visit("li", li={}, wu={})
    by = [
        {
            "role": "inspector",
            "person_id": "li",
            "name": "li",
            "way": "signed",
            "strokes": "s",
            "signed_at": at("11:00"),
        }
    ]
    w.add(
        "inspection",
        "second",
        code="JC-2",
        amends_id="inspection",
        officers=[officer("li"), officer("wu")],
        signatures=by if signed else [],
    )
    return w


def pictured(*photos: tuple[str, str, float | None]) -> World:
    w = problem(("10:00", "action", True))
    for i, (step, subject, east) in enumerate(photos):
        kind = "finding" if subject == "finding" else "corrective_action"
        position = None if east is None else fix(east, acc=0)
        w.add("photo", f"p{i}", step=step, subject_kind=kind, subject_id=subject, position=position)
    return w


FEW = "error JC-1 当日持有效执法证的人员只有 {} 名，应不少于 2 名"
OVERDUE = "error 问题 JC-1-WT01 整改超期 {} 天（期限 {}）"
CASES: list[tuple[str, str, World, list[str]]] = [
    ("I01", "due today", problem(deadline=TODAY), []),
    ("I01", "due yesterday", problem(deadline=TODAY - timedelta(days=1)), [OVERDUE.format(1, "2026-09-20")]),
    ("I01", "done but not checked", problem(("10:00", "action", True)), [OVERDUE.format(3, "2026-09-18")]),
    ("I01", "closed", problem(("10:00", "action", True), ("11:00", "recheck", "closed")), []),
    ("I01", "referred", problem(("11:00", "recheck", "refer")), []),
    ("I01", "kept open", problem(("10:00", "action", True), ("11:00", "recheck", "keep")), [OVERDUE.format(3, "2026-09-18")]),
    ("I01", "opened again", problem(("11:00", "recheck", "closed"), ("12:00", "recheck", "keep")), [OVERDUE.format(3, "2026-09-18")]),
    ("I01", "kept open to a later day", kept(TODAY + timedelta(days=1)), []),
    ("I01", "kept open to a day that went by", kept(TODAY - timedelta(days=1)), [OVERDUE.format(1, "2026-09-20")]),
    ("I01", "closed by one officer only", lone(), [OVERDUE.format(3, "2026-09-18")]),
    ("I01", "no deadline", problem(deadline=None), ["unknown 「问题整改超期」无法判断：缺整改期限"]),
    ("I01", "a note needs none", problem(deadline=None, severity="tip"), []),
    ("I02", "two", visit("li", "wu", li={}, wu={}), []),
    ("I02", "one", visit("li", li={}), [FEW.format(1)]),
    ("I02", "the same officer twice", visit("li", "li", li={}), [FEW.format(1)]),
    ("I02", "one without a certificate", visit("li", "wu", li={}), [FEW.format(1)]),
    ("I02", "a driving licence is none", visit("li", "wu", li={}, wu={"kind": "driver_licence"}), [FEW.format(1)]),
    ("I02", "valid to that very day", visit("li", "wu", li={}, wu={"valid_to": TODAY}), []),
    ("I02", "expired the day before", visit("li", "wu", li={}, wu={"valid_to": TODAY - timedelta(days=1)}), [FEW.format(1)]),
    ("I02", "valid from the day after", visit("li", "wu", li={}, wu={"valid_from": TODAY + timedelta(days=1)}), [FEW.format(1)]),
    ("I02", "the day is Beijing's", midnight(), []),
    ("I02", "sampling supervision", visit("li", kind="sampling_supervision"), []),
    ("I02", "amended", amended(), []),
    ("I02", "a correction nobody signed stands for nothing", amended(signed=False), [FEW.format(1)]),
    ("I02", "certificates not held", visit("li", "wu").drop("person_qualification"),
     ["unknown 「执法人员不足或证件过期」无法判断：缺人员资质记录"]),
    ("I02", "one officer is too few whatever he holds", visit("li").drop("person_qualification"), [FEW.format(0)]),
    ("I04", "both", pictured(("finding", "finding", 0), ("rectified", "a0", 15)), []),
    ("I04", "16 m apart", pictured(("finding", "finding", 0), ("rectified", "a0", 16)), ["warning 问题 JC-1-WT01 整改前后照片相距 16 m"]),
    ("I04", "no positions", pictured(("finding", "finding", None), ("rectified", "a0", 16)), []),
    ("I04", "none after", pictured(("finding", "finding", 0)), ["warning 问题 JC-1-WT01 已报整改完成，缺整改后照片"]),
    ("I04", "none", pictured(), ["warning 问题 JC-1-WT01 已报整改完成，缺整改前照片、整改后照片"]),
    ("I04", "not done yet", problem(("10:00", "action", False)), []),
    ("I04", "photos not held", pictured().drop("photo"), ["unknown 「整改无前后照片」无法判断：缺照片记录"]),
]  # fmt: skip


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check: str, name: str, w: World, expected: list[str]) -> None:
    assert [f"{f.severity} {f.zh}" for f in run(w.facts()).by_check[check]] == expected


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((), "issued"),
        ((("10:00", "action", False),), "rectifying"),
        ((("10:00", "action", True),), "reported"),
        ((("10:00", "action", True), ("11:00", "recheck", "keep")), "rectifying"),
        ((("10:00", "action", True), ("11:00", "recheck", "closed")), "closed"),
        ((("11:00", "recheck", "closed"), ("12:00", "action", True)), "closed"),
        ((("11:00", "recheck", "closed"), ("12:00", "recheck", "keep")), "rectifying"),
        ((("11:00", "recheck", "refer"),), "referred"),
        ((("11:00", "action", True), ("11:00", "recheck", "closed")), "closed"),
    ],
)
def test_finding_state_of_a_report(events: Any, state: str) -> None:
    facts = problem(*events).facts()
    (finding,) = facts.records["finding"].values()
    assert finding_state(facts, finding) == state  # type: ignore[arg-type]


def test_open_findings_are_counted() -> None:
    w = problem()
    w.add("finding", "f2", code="2", severity="tip", deadline=None)
    w.add("finding", "f3", code="3", severity="none", deadline=None)
    w.add("finding", "f4", code="4", deadline=date(2026, 10, 1))
    w.add("recheck", "r", finding_id="f4", result="closed")
    assert run(w.facts()).totals.findings_open == 2
    w.add("inspection", deleted=True, void_reason="typo")
    assert run(w.facts()).totals.findings_open == 0
    assert record("finding").deleted is False
