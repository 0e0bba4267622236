"""Recurring rounds: when the next one is due, what counts as done; checks I03 and I05; the state of a task."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.reference import codes
from schemas.rules.duties import duties_of, later, next_due, rounds
from schemas.rules.reconcile import run
from schemas.rules.tasks import state
from tests.unit.factory import NOW, World, at, officer, record, uid

TODAY = NOW.date()  # 2026-09-21
DUTY = {
    "kind": "patrol", "site_id": "site", "org_id": "org", "every_months": 3, "first_due_on": date(2026, 3, 1), "basis": "本地要求",
}  # fmt: skip


def world(*checks: dict[str, Any], **duty: Any) -> World:
    w = World()
    w.add("duty", **{**DUTY, **duty})
    for i, values in enumerate(checks):
        w.add("inspection", f"c{i}", **{"kind": "patrol", **values})
    return w


def on(day: date) -> dict[str, Any]:
    return {"started_at": datetime(day.year, day.month, day.day, 1, tzinfo=NOW.tzinfo)}


# --- months and days ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)), (date(2028, 1, 31), 1, date(2028, 2, 29)), (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 8, 31), 24, date(2028, 8, 31)), (date(2024, 2, 29), 12, date(2025, 2, 28)), (date(2026, 5, 5), 120, date(2036, 5, 5)),
    ],
)  # fmt: skip
def test_months_on(start, months, end):
    assert later(start, months) == end


@pytest.mark.parametrize(
    ("done", "due"),
    [
        ([], date(2026, 3, 1)),
        ([date(2026, 3, 1)], date(2026, 6, 1)),
        ([date(2026, 2, 10)], date(2026, 5, 10)),  # a little early is the first round
        ([date(2025, 6, 1)], date(2026, 3, 1)),  # long before the duty began: the first one is still due
        ([date(2026, 7, 5), date(2026, 3, 1)], date(2026, 10, 5)),
    ],
)
def test_next_due(done, due):
    assert next_due(record("duty", **DUTY), done) == due


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(1, 120),
    st.lists(st.dates(date(2015, 1, 1), date(2035, 1, 1)), max_size=4),
)
def test_a_round_never_brings_the_next_one_nearer(first, months, done):
    duty = record("duty", **{**DUTY, "first_due_on": first, "every_months": months})
    due = next_due(duty, done)
    assert due >= first and all(due > d for d in done)
    assert all(next_due(duty, [*done, d]) >= due for d in done[:1])


def test_the_rounds_by_rule():
    by = {r.code: r for r in rounds()}
    assert (
        by["hidden_hazard"].months_least,
        by["hidden_hazard"].months_most,
        by["hidden_hazard"].first_within_months,
    ) == (24, 36, 12)
    assert (by["hidden_tailings"].months_most, by["patrol"].months_least, by["patrol"].months_most) == (12, 1, 3)
    assert {r.kind for r in rounds()} <= set(codes("duty_kind"))
    for r in rounds():
        assert 1 <= r.months_least <= r.months_most <= 120
        assert ("待核" in r.source.zh) == (r.mark in ("C2", "K", "K?")) == ("to be confirmed" in r.source.en)
        assert r.zh and r.en and r.source.zh and not any("\u4e00" <= c <= "\u9fff" for c in r.en + r.source.en)


# --- what counts as done ----------------------------------------------------------------------------------------------------

MAY, JULY = date(2026, 5, 20), date(2026, 7, 1)
DONE: list[tuple[str, World, date | None, date]] = [
    ("never", world(), None, date(2026, 3, 1)),
    ("patrolled", world(on(MAY)), MAY, date(2026, 8, 20)),
    ("twice", world(on(JULY), on(MAY)), JULY, date(2026, 10, 1)),
    ("another kind of check", world({**on(MAY), "kind": "enforcement"}), None, date(2026, 3, 1)),
    ("another site", world({**on(MAY), "site_id": "elsewhere"}), None, date(2026, 3, 1)),
    ("one facility is no round of the site", world({**on(MAY), "facility_id": "tank"}), None, date(2026, 3, 1)),
    ("the site covers its facilities", world(on(MAY), facility_id="tank"), MAY, date(2026, 8, 20)),
    ("that facility", world({**on(MAY), "facility_id": "tank"}, facility_id="tank"), MAY, date(2026, 8, 20)),
    ("another facility", world({**on(MAY), "facility_id": "pool"}, facility_id="tank"), None, date(2026, 3, 1)),
    ("a hidden-hazard round", world({**on(MAY), "kind": "hidden_hazard"}, kind="hidden_hazard"), MAY, date(2026, 8, 20)),
    ("wells", world({**on(MAY), "kind": "well_check"}, kind="well_upkeep"), MAY, date(2026, 8, 20)),
    ("a voided check", world({**on(MAY), "deleted": True, "void_reason": "x"}), None, date(2026, 3, 1)),
    ("dated in the future", world(on(date(2027, 1, 1))), None, date(2026, 3, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "w", "last", "due"), DONE, ids=[d[0] for d in DONE])
def test_what_counts_as_done(name, w, last, due):
    (found,) = duties_of(w.facts())
    assert (found.last, found.due, found.late_days) == (last, due, max(0, (TODAY - due).days))


def test_second_looks_count_for_the_findings_of_the_site():
    w = world(kind="recheck")
    w.add("inspection", kind="enforcement")
    w.add("finding")
    w.add("recheck", "look", at=at("12:00", -30), second_look=True)
    w.add("recheck", "closing", at=at("12:00", -2))
    assert [s.last for s in duties_of(w.facts())] == [TODAY - timedelta(days=30)]
    w.add("inspection", kind="enforcement", site_id="elsewhere")
    assert [s.last for s in duties_of(w.facts())] == [None]


def test_monitoring_is_done_when_samples_were_taken_in_such_a_project():
    w = world(kind="self_monitoring")
    assert duties_of(w.facts()) == []  # a preliminary survey tells nothing about it
    w.add("project", stage="self_monitoring")
    w.visit("S01")
    w.add("sample", collected_at=at("10:00", -5))
    assert [s.last for s in duties_of(w.facts())] == [TODAY - timedelta(days=5)]


def test_an_ended_duty_is_not_due_any_more_and_the_most_overdue_comes_first():
    w = world(ended_on=date(2026, 2, 1))
    assert duties_of(w.facts()) == []
    w = world()
    w.add("duty", "later", **{**DUTY, "first_due_on": date(2026, 12, 1)})
    w.add("duty", "older", **{**DUTY, "first_due_on": date(2026, 1, 1)})
    assert [s.duty.id for s in duties_of(w.facts())] == [uid("older"), uid("duty"), uid("later")]


# --- checks -----------------------------------------------------------------------------------------------------------------

READ = [{"kind": k, "read_at": at("09:05")} for k in ("show_cert", "right_avoid", "duty_help", "duty_truth")]


def sign(name: str, role: str = "inspector", way: str = "signed", **more: Any) -> dict[str, Any]:
    person = {} if role == "inspected" else {"person_id": uid(name)}
    drawn = {"strokes": "M0 0"} if way == "signed" else {}
    return {"role": role, "name": name, "way": way, "signed_at": at("11:00"), **person, **drawn, **more}


def signed(**values: Any) -> World:
    w = World()
    given = {
        "officers": [officer("li"), officer("wu")], "notices": READ, "ended_at": at("10:30"), "inspected": [{"name": "Sun"}],
        "signatures": [sign("li"), sign("wu"), sign("Sun", "inspected")],
    }  # fmt: skip
    w.add("inspection", **{**given, **values})
    return w


REFUSED = sign("Sun", "inspected", "refused", refuse_reason="不认可")
CASES: list[tuple[str, str, World, list[str]]] = [
    ("I03", "all signed", signed(), []),
    ("I03", "nobody", signed(signatures=[]), ["error JC-1：没有任何签字"]),
    ("I03", "one officer", signed(signatures=[sign("li"), sign("Sun", "inspected")]), ["error JC-1：检查人员 wu 没有签字"]),
    ("I03", "a notice not read", signed(notices=READ[1:]), ["error JC-1：没有出示执法证件"]),
    ("I03", "no notices asked of a supervision", signed(notices=[], kind="sampling_supervision"), []),
    ("I03", "a refusal without a witness", signed(signatures=[sign("li"), sign("wu"), REFUSED]), ["error JC-1：Sun 没有签字，要一名见证人签字"]),
    ("I03", "a refusal with reason and witness", signed(signatures=[sign("li"), sign("wu"), REFUSED, sign("Qian", "witness")]), []),
    ("I05", "due tomorrow", world(first_due_on=TODAY + timedelta(days=1)), []),
    ("I05", "due today", world(first_due_on=TODAY), []),
    ("I05", "never done", world(first_due_on=TODAY - timedelta(days=1)), ["warning 巡查 已超期 1 天（应于 2026-09-20 前完成，还没有做过）"]),
    ("I05", "done and late again", world(on(MAY)), ["warning 巡查 已超期 32 天（应于 2026-08-20 前完成，上一次 2026-05-20）"]),
    ("I05", "done in time", world(on(JULY)), []),
    ("I05", "ended", world(ended_on=date(2026, 2, 1)), []),
    ("I05", "cannot be told", world(kind="self_monitoring"), ["unknown 「周期任务超期」无法判断：缺自行监测的完成记录"]),
    ("I05", "checks not held", world(first_due_on=TODAY).drop("inspection"), ["unknown 「周期任务超期」无法判断：缺巡查的完成记录"]),
]  # fmt: skip


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check, name, w, expected):
    found = run(w.facts()).by_check[check]
    assert [f"{f.severity} {f.zh}" for f in found] == expected
    assert all(f.en and not any("\u4e00" <= c <= "\u9fff" for c in f.en.replace("不认可", "")) for f in found)


def test_an_amended_record_is_judged_by_its_amendment():
    w = signed(signatures=[])
    w.add(
        "inspection",
        "second",
        code="JC-2",
        amends_id="inspection",
        amend_reason="签字",
        officers=[officer("li")],
        notices=READ,
        signatures=[sign("li")],
    )
    assert [f.zh for f in run(w.facts()).by_check["I03"]] == []


# --- tasks ------------------------------------------------------------------------------------------------------------------

TASK = {"code": "RW-1", "kind": "complaint", "title": "倾倒"}
STATES: list[tuple[dict[str, Any], str]] = [
    ({}, "open"),
    ({"assigned_to": [uid("li")]}, "assigned"),
    ({"assigned_to": [uid("li")], "due_on": TODAY}, "assigned"),
    ({"assigned_to": [uid("li")], "due_on": TODAY - timedelta(days=1)}, "overdue"),
    ({"assigned_to": [uid("li")], "visited_at": at("09:00")}, "visited"),
    ({"due_on": TODAY - timedelta(days=1), "visited_at": at("09:00")}, "overdue"),  # there, and no answer yet
    ({"due_on": TODAY - timedelta(days=1), "outcome": "not_reached"}, "answered"),
    ({"outcome": "confirmed", "assigned_to": []}, "answered"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "expected"), STATES)
def test_state_of_a_task(values, expected):
    assert state(record("field_task", **TASK, **values), TODAY) == expected
    stored = {k: v.isoformat() if isinstance(v, (date, datetime)) else v for k, v in values.items()}
    assert state({**TASK, **stored}, TODAY) == expected
