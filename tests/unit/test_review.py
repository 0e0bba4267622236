"""The fold of review: what state a record is in, who may decide what. A table, and what a fold must never depend on."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.problems import PROBLEMS
from schemas.records import TYPES
from schemas.records.review_decision import ReviewDecision
from schemas.rules import review
from schemas.rules.review import REVIEWED, Subject, made_before, refusal, state_of

XU, QIAN, ZHOU = (f"00000000-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))
RECORD = "00000000-0000-7000-8000-0000000000aa"
T0 = datetime(2026, 11, 21, 8, tzinfo=UTC)


def said(state: str, about: int, seq: int, level: int = 1, who: str = XU, **more: Any) -> ReviewDecision:
    values = {"subject_kind": "sample", "subject_id": RECORD, "record_seq": about, "state": state, "level": level,
              "person_id": who, "at": (T0 + timedelta(minutes=seq)).isoformat(), **more}  # fmt: skip
    return ReviewDecision.of(f"00000000-0000-7000-8000-{seq:012d}", values, seq)


# name, version of the record, decisions, photo seq → state, level passed
CASES: list[tuple[str, int, list[ReviewDecision], int, tuple[str, int]]] = [
    ("nobody said anything", 5, [], 0, ("waiting", 0)),
    ("passed", 5, [said("pass", 5, 6)], 0, ("passed", 1)),
    ("returned", 5, [said("back", 5, 6)], 0, ("returned", 0)),
    ("a remark is no decision", 5, [said("comment", 5, 6)], 0, ("waiting", 0)),
    ("a remark changes nothing", 5, [said("back", 5, 6), said("comment", 5, 7)], 0, ("returned", 0)),
    ("finished again after a return", 9, [said("back", 5, 6)], 0, ("waiting", 0)),
    ("finished again after a pass", 9, [said("pass", 5, 6)], 0, ("waiting", 0)),
    ("passed, then returned", 5, [said("pass", 5, 6), said("back", 5, 7)], 0, ("returned", 0)),
    ("returned, then passed after all", 5, [said("back", 5, 6), said("pass", 5, 7)], 0, ("passed", 1)),
    ("a pass of a version that is not there yet", 5, [said("pass", 99, 6)], 0, ("waiting", 0)),
    ("a return seen before its version", 5, [said("back", 7, 8)], 0, ("returned", 0)),
    ("both levels", 5, [said("pass", 5, 6), said("pass", 5, 7, 2)], 0, ("passed", 2)),
    ("level 2 without level 1", 5, [said("pass", 5, 7, 2)], 0, ("waiting", 0)),
    ("level 2 returns what level 1 passed", 5, [said("pass", 5, 6), said("back", 5, 7, 2)], 0, ("returned", 0)),
    ("level 1 passes again what level 2 returned", 5, [said("back", 5, 7, 2), said("pass", 5, 8)], 0, ("returned", 0)),
    ("voided", 5, [said("back", 5, 6, deleted=True, void_reason="x")], 0, ("waiting", 0)),
    ("by who recorded it", 5, [said("pass", 5, 6, who=ZHOU)], 0, ("waiting", 0)),
    ("answered by a photo", 5, [said("back", 5, 6)], 7, ("waiting", 0)),
    ("an older photo answers nothing", 5, [said("back", 5, 6)], 4, ("returned", 0)),
    ("a photo undoes no pass", 5, [said("pass", 5, 6)], 7, ("passed", 1)),
    ("not sent yet is the newest", 5, [said("back", 5, 6), said("pass", 5, 0)], 0, ("passed", 1)),
]


@pytest.mark.parametrize(("seq", "decisions", "photo", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_state(seq: int, decisions: list[ReviewDecision], photo: int, expected: tuple[str, int]) -> None:
    for order in (decisions, decisions[::-1]):  # a fold over a set, not over a list
        found = state_of(seq, order, {ZHOU}, photo)
        assert (found.state, found.level) == expected


def test_done_again_is_told_from_never_looked_at() -> None:
    assert state_of(9, [said("back", 5, 6)]).again
    assert state_of(5, [said("back", 5, 6)], answered=7).again
    assert not state_of(9, [said("pass", 5, 6)]).again and not state_of(9, []).again
    assert not state_of(5, [said("back", 5, 6)]).again


def test_the_last_return_is_the_one_that_is_told() -> None:
    found = state_of(
        5, [said("back", 5, 6, reason="一"), said("back", 5, 9, 2, reason="三"), said("back", 5, 7, reason="二")]
    )
    assert found.last is not None and found.last.reason == "三"


def test_a_decision_without_a_version_counts_for_nothing() -> None:
    broken = said("pass", 5, 6)
    broken.__dict__["record_seq"] = None
    assert state_of(5, [broken]).state == "waiting"


def test_what_is_reviewed_is_what_people_finish_in_the_field() -> None:
    assert sorted(REVIEWED) == [
        "borehole", "calibration", "checklist_answer", "corrective_action", "disposal_record", "field_reading", "finding", "inspection",
        "manifest", "point", "point_adjustment", "qc_link", "recheck", "sample", "sample_container", "soil_layer", "transfer_plan",
    ]  # fmt: skip
    for name in REVIEWED:
        assert not TYPES[name].about.frozen


def subject(seq: int = 5, *decisions: ReviewDecision, **more: Any) -> Subject:
    return Subject(
        **{
            "type": "sample",
            "id": RECORD,
            "seq": seq,
            "deleted": False,
            "recorders": frozenset({ZHOU}),
            "decisions": decisions,
            **more,
        }
    )


# name, subject, who, version looked at, decision, reason, level → problem
REFUSALS: list[tuple[str, Subject, str, int, str, str, int, int | None]] = [
    ("pass", subject(), XU, 5, "pass", "", 1, None),
    ("return", subject(), XU, 5, "back", "复测", 1, None),
    ("return without a reason", subject(), XU, 5, "back", "  ", 1, 3001),
    ("an older version", subject(), XU, 4, "pass", "", 1, 3110),
    ("a version nobody has seen", subject(), XU, 6, "pass", "", 1, 3110),
    ("one's own", subject(), ZHOU, 5, "pass", "", 1, 3111),
    ("one's own, back", subject(), ZHOU, 5, "back", "x", 1, 3111),
    ("changed once by the reviewer", subject(recorders=frozenset({ZHOU, XU})), XU, 5, "pass", "", 1, 3111),
    ("voided", subject(deleted=True), XU, 5, "pass", "", 1, 3112),
    ("passed already", subject(5, said("pass", 5, 6)), QIAN, 5, "pass", "", 1, 3113),
    ("returned after a pass", subject(5, said("pass", 5, 6)), QIAN, 5, "back", "x", 1, None),
    ("passed after a return", subject(5, said("back", 5, 6)), QIAN, 5, "pass", "", 1, None),
    ("returned by a second one", subject(5, said("back", 5, 6)), QIAN, 5, "back", "也要补照片", 1, None),
    ("a photo", subject(type="photo"), XU, 5, "pass", "", 1, 3114),
    ("a type nobody knows", subject(type="later"), XU, 5, "pass", "", 1, 3114),
    ("level 2 at once", subject(), XU, 5, "pass", "", 2, 3115),
    ("level 2 after level 1", subject(5, said("pass", 5, 6)), QIAN, 5, "pass", "", 2, None),
    ("level 2 after level 1 of an older version", subject(9, said("pass", 5, 6)), QIAN, 9, "pass", "", 2, 3115),
    ("level 4", subject(), XU, 5, "pass", "", 4, 1001),
    ("a remark", subject(), XU, 5, "comment", "x", 1, 1001),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS, ids=[c[0] for c in REFUSALS])
def test_refusal(case: tuple[str, Subject, str, int, str, str, int, int | None]) -> None:
    _, of, who, seq, state, reason, level, number = case
    no = refusal(of, who, seq, state, reason, level)
    assert (no.problem.number if no else None) == number
    if no is not None:
        for lang in ("zh", "en"):
            assert "{" not in no.text(lang) and no.text(lang)


def test_a_double_click_is_no_second_decision() -> None:
    of = subject(5, said("pass", 5, 6))
    assert made_before(of, XU, 5, "pass", "", 1)
    assert not made_before(of, QIAN, 5, "pass", "", 1)
    assert not made_before(of, XU, 5, "back", "x", 1)
    assert not made_before(of, XU, 5, "pass", "", 2)
    back = subject(5, said("back", 5, 6, reason="复测"))
    assert made_before(back, XU, 5, "back", "复测", 1) and not made_before(back, XU, 5, "back", "再测", 1)
    assert not made_before(back._replace(answered=7), XU, 5, "back", "复测", 1)  # said of another photo
    again = subject(5, said("pass", 5, 6), said("back", 5, 7, reason="x"))
    assert not made_before(again, XU, 5, "pass", "", 1)  # he changed his mind twice


def test_the_numbers_have_words() -> None:
    assert {3110, 3111, 3112, 3113, 3114, 3115, 3116} <= PROBLEMS.keys()


@pytest.mark.parametrize("seed", range(30))
def test_the_order_they_are_read_in_does_not_matter(seed: int) -> None:
    """Whatever was decided: the state is a function of the set, and is what the last word of each level says."""
    rnd = random.Random(seed)
    decisions = [
        said(rnd.choice(("pass", "back", "comment")), rnd.randint(3, 6), 10 + n, rnd.choice((1, 1, 2)), rnd.choice((XU, ZHOU)))
        for n in range(rnd.randint(0, 9))
    ]  # fmt: skip
    first = state_of(5, decisions, {ZHOU})
    for _ in range(5):
        rnd.shuffle(decisions)
        assert state_of(5, decisions, {ZHOU}) == first
    last = {d.level: d for d in sorted(decisions, key=lambda d: d.seq)
            if d.person_id != ZHOU and d.state != "comment" and (d.record_seq == 5 or (d.state == "back" and d.record_seq > 5))}  # fmt: skip
    expected = (
        "returned" if any(d.state == review.BACK for d in last.values()) else "passed" if 1 in last else "waiting"
    )
    assert first.state == expected
