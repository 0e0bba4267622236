"""整改 → 复查 → 销号 → 回头看: the course of a finding, by table, and whatever comes from three devices in whatever order."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.finding import Finding
from schemas.reference import Label
from schemas.rules import rectify
from schemas.rules.rectify import Course, course_of, fold, late, next_steps
from schemas.rules.rectify_words import CODES, question
from tests.unit.factory import at, officer, record, uid

PARTY = "party"
ON = date(2026, 9, 21)
DUE = date(2026, 9, 28)
A, B, C = "li", "wu", "zhou"


def finding(**values: Any) -> Finding:
    made = record("finding", deadline=values.pop("deadline", DUE), org_id=PARTY, **values)
    assert isinstance(made, Finding)
    return made


def act(when: str, done: bool = True, days: int = 1, id: str = "", **values: Any) -> Any:
    return record("corrective_action", id or f"a{days}{when}{done}", at=at(when, days), done=done, **values)


def look(when: str, result: str, *who: str, days: int = 1, id: str = "", signed: bool = True, **values: Any) -> Any:
    """A re-check; all its officers have signed unless told otherwise."""
    values.setdefault("signatures", [sign(w, when, days) for w in who] if signed else [])
    name = id or f"r{days}{when}{result}{''.join(who)}"
    values = {"officers": [officer(w) for w in who], **values}
    return record("recheck", name, at=at(when, days), result=result, **values)


def sign(who: str, when: str = "10:00", days: int = 1, way: str = "fingerprint") -> dict[str, Any]:
    return {"role": "inspector", "person_id": uid(who), "name": who, "way": way, "signed_at": at(when, days)}


def photo(subject: str = "finding", kind: str = "finding", step: str = "rectified", days: int = 1, when: str = "09:00", **values: Any) -> Any:  # fmt: skip
    return record("photo", f"p{subject}{step}{days}{when}", step=step, subject_kind=kind, subject_id=subject, taken_at=at(when, days), **values)  # fmt: skip


def told(*steps: Any, photos: Any = None, orgs: Any = None, **values: Any) -> Course:
    actions = [s for s in steps if s.about.type == "corrective_action"]
    rechecks = [s for s in steps if s.about.type == "recheck"]
    return fold(finding(**values), actions, rechecks, photos, signed_on=at("12:00"), orgs=orgs)


CASES: list[tuple[str, list[Any], str, list[str]]] = [
    ("issued", [], "issued", []),
    ("under way", [act("09:00", False)], "rectifying", []),
    ("reported", [act("08:00", False), act("09:00")], "reported", []),
    ("done and not done at one moment", [act("09:00"), act("09:00", False)], "reported", []),
    ("two officers close", [act("09:00"), look("10:00", "closed", A, B)], "closed", []),
    ("action and re-check at one moment", [act("10:00"), look("10:00", "closed", A, B)], "closed", []),
    ("two officers send on, the deadline gone by", [look("10:00", "refer", A, B, days=8)], "referred", []),
    ("one keeps it open", [act("09:00"), look("10:00", "keep", A)], "rectifying", []),
    ("one keeps it open at the deadline, nothing reported", [look("10:00", "keep", A, days=7)], "rectifying", []),
    ("one keeps it open early, nothing reported", [look("10:00", "keep", A)], "rectifying", ["not_reported"]),
    ("one officer alone", [act("09:00"), look("10:00", "closed", A)], "reported", ["one_officer"]),
    ("the same officer twice", [act("09:00"), look("10:00", "closed", A), look("11:00", "closed", A)], "reported", ["one_officer"]),
    ("named twice", [act("09:00"), look("10:00", "closed", A, A)], "reported", ["one_officer"]),
    ("two officers in two re-checks", [act("09:00"), look("10:00", "closed", A), look("11:00", "closed", B)], "closed", []),
    ("two in two re-checks of one moment", [act("09:00"), look("10:00", "closed", A), look("10:00", "closed", B)], "closed", []),
    ("different results do not add up", [act("09:00"), look("10:00", "closed", A), look("11:00", "refer", B)], "reported", ["one_officer"]),
    ("an action between parts them", [act("09:00"), look("10:00", "closed", A), act("10:30"), look("11:00", "closed", B)], "reported", ["one_officer"]),
    ("keeping between parts them", [act("09:00"), look("10:00", "closed", A), look("10:30", "keep", B), look("11:00", "closed", C)],
     "rectifying", ["not_reported", "one_officer"]),
    ("named and not signed", [act("09:00"), look("10:00", "closed", A, B, signatures=[sign(A)])], "reported", ["one_officer", "unsigned"]),
    ("signed by name alone", [act("09:00"), look("10:00", "closed", A, B, signatures=[{**sign(A), "person_id": None}, {**sign(B), "person_id": None}])],
     "closed", []),
    ("nobody signed: only who wrote it counts", [act("09:00"), look("10:00", "closed", A, B, signed=False)], "reported", ["one_officer", "unsigned"]),
    ("unsigned once, then the other by itself", [act("09:00"), look("10:00", "closed", A, B, signed=False), look("11:00", "closed", B)],
     "closed", ["unsigned"]),
    ("one each, without signatures", [act("09:00"), look("10:00", "closed", A, signed=False), look("11:00", "closed", B, signed=False)], "closed", []),
    ("one refused to sign", [act("09:00"), look("10:00", "closed", A, B, signatures=[sign(A), sign(B, way="refused")])],
     "reported", ["one_officer", "unsigned"]),
    ("a witness is no officer",
     [act("09:00"), look("10:00", "closed", A, officers=[officer(A), {**officer(B), "duty": "witness"}], signatures=[sign(A), sign(B)])],
     "reported", ["one_officer"]),
    ("closed, nothing reported", [look("10:00", "closed", A, B, days=8)], "closed", ["not_reported"]),
    ("a second look finds it well", [act("09:00"), look("10:00", "closed", A, B), look("09:00", "closed", A, days=9, second_look=True)], "closed", []),
    ("a second look opens it", [act("09:00"), look("10:00", "closed", A, B), look("09:00", "keep", A, days=9, second_look=True)], "rectifying", []),
    ("opened without saying so", [act("09:00"), look("10:00", "closed", A, B), look("09:00", "keep", A, days=9)], "rectifying", ["not_second_look"]),
    ("a second look sends it on", [act("09:00"), look("10:00", "closed", A, B), look("09:00", "refer", A, B, days=9, second_look=True)], "referred", []),
    ("one alone does not send on what is closed", [act("09:00"), look("10:00", "closed", A, B), look("09:00", "refer", A, days=9, second_look=True)],
     "closed", ["one_officer"]),
    ("a second look before any end", [act("09:00"), look("10:00", "closed", A, B, second_look=True)], "closed", ["not_over"]),
    ("an action after the end", [act("09:00"), look("10:00", "closed", A, B), act("11:00", False)], "closed", ["after_end"]),
    ("opened, mended, closed", [act("09:00"), look("10:00", "closed", A, B), look("09:00", "keep", A, days=3, second_look=True),
                                act("09:00", days=4), look("10:00", "closed", B, C, days=4)], "closed", []),
    ("an action before the finding", [act("10:00", days=-1)], "issued", ["before"]),
    ("mended on the spot, before it was signed", [act("11:00", days=0)], "reported", []),
    ("closed before the finding", [act("09:00"), look("10:00", "closed", A, B, days=-1)], "reported", ["before"]),
    ("a contradiction", [act("09:00"), look("10:00", "closed", A, B), look("10:00", "keep", C)], "reported", ["contradiction"]),
    ("a contradiction parts two closings", [act("09:00"), look("09:30", "closed", A), look("10:00", "closed", B), look("10:00", "keep", C), look("11:00", "closed", B)],
     "reported", ["contradiction", "one_officer"]),
    ("a voided re-check", [act("09:00"), look("10:00", "closed", A, B, deleted=True, void_reason="wrong finding")], "reported", []),
    ("a voided keep contradicts nothing", [act("09:00"), look("10:00", "keep", C, deleted=True, void_reason="x"), look("10:00", "closed", A, B)], "closed", []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "steps", "state", "asked"), CASES, ids=[c[0] for c in CASES])
def test_state(name: str, steps: list[Any], state: str, asked: list[str]) -> None:
    for course in (told(*steps), told(*reversed(steps))):
        assert (course.state, [q.code for q in course.open]) == (state, asked)
        assert [s.kind for s in course.steps][0] == "issued" and len(course.steps) == len(steps) + 1
        assert (course.ended is not None) == course.over


def test_results_of_a_newer_version_do_not_count() -> None:
    strange = look("10:00", "closed", A, B)
    strange.__dict__["result"] = "suspended"
    course = told(act("09:00"), strange)
    assert course.state == "reported" and [q.code for q in course.open] == ["unknown_result"]
    assert course.steps[-1].words.zh == "复查：suspended"


def test_officers_of_the_responsible_party_do_not_count() -> None:
    orgs = {uid(A): "bureau", uid(B): uid(PARTY)}
    course = told(act("09:00"), look("10:00", "closed", A, B), orgs=orgs)
    assert course.state == "reported" and [q.code for q in course.open] == ["one_officer", "own_party"]
    assert "wu属于责任单位" in course.open[1].zh
    alone = told(act("09:00"), look("10:00", "keep", B), orgs=orgs)
    assert alone.state == "reported" and [q.code for q in alone.open] == ["own_party"]
    # who inspects itself closes what it found
    steps = [act("09:00")], [look("10:00", "closed", A, B)]
    itself = record("inspection", officers=[officer(B)], org_id=PARTY)
    assert course_of(finding(), itself, *steps, None, {uid(A): uid(PARTY), uid(B): uid(PARTY)}).state == "closed"  # type: ignore[arg-type]
    other = record("inspection", officers=[officer(A), officer(B)])
    assert course_of(finding(), other, *steps, None, orgs).state == "reported"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "photos", "lacks"),
    [
        ("none", [], True),
        ("not at hand", None, False),
        ("of the action", [photo("act", "corrective_action")], False),
        ("of the finding", [photo()], False),
        ("of the re-check", [photo("check", "recheck")], False),
        ("a document handed in", [photo("act", "corrective_action", "document")], False),
        ("a document of the finding says nothing of what was done", [photo(step="document")], True),
        ("the photo before", [photo(step="finding")], True),
        ("voided", [photo(deleted=True, void_reason="x")], True),
        ("of another finding", [photo("other")], True),
    ],
)
def test_closing_asks_for_what_was_done(name: str, photos: Any, lacks: bool) -> None:
    course = told(act("09:00", id="act"), look("10:00", "closed", A, B, id="check"), photos=photos)
    assert course.state == "closed" and ("no_after" in [q.code for q in course.open]) is lacks


def test_a_photo_of_the_first_time_does_not_close_it_the_second_time() -> None:
    first = [act("09:00", id="act"), look("10:00", "closed", A, B), look("09:00", "keep", A, days=3, second_look=True)]
    again = [act("09:00", days=4, id="act2"), look("10:00", "closed", A, B, days=4, id="check2")]
    old = [photo("act", "corrective_action")]
    assert [q.code for q in told(*first, *again, photos=old).open] == ["no_after"]
    assert told(*first, *again, photos=[*old, photo(days=4)]).open == ()
    # a file that bears an old date, handed in with the new action
    assert told(*first, *again, photos=[*old, photo("act2", "corrective_action")]).open == ()


def test_the_deadline_in_force() -> None:
    later, course = DUE + timedelta(days=10), told(act("09:00"))
    assert (course.deadline, late(course, DUE), late(course, DUE + timedelta(days=3))) == (DUE, 0, 3)
    kept = told(act("09:00"), look("10:00", "keep", A, next_deadline=later))
    assert kept.deadline == later and late(kept, later + timedelta(days=1)) == 1
    assert told(act("09:00"), look("10:00", "keep", A)).deadline == DUE
    closed = told(act("09:00"), look("10:00", "closed", A, B, next_deadline=later))
    assert closed.deadline == DUE and late(closed, later) == 0
    assert late(told(deadline=None), later) == 0
    # what a contradiction, a stranger or the time before says about the deadline counts no more than its result
    for odd in (
        [look("10:00", "keep", A, next_deadline=later), look("10:00", "closed", B, C)],
        [look("10:00", "keep", A, days=-2, next_deadline=later)],
        [look("10:00", "keep", A, next_deadline=later, deleted=True, void_reason="x")],
    ):
        assert told(act("09:00"), *odd).deadline == DUE


def test_age_runs_from_the_day_it_was_signed_to_its_end() -> None:
    open_ = told(act("09:00"))
    assert (
        open_.opened == ON
        and rectify.age(open_, ON + timedelta(days=5)) == 5
        and rectify.age(open_, ON - timedelta(days=1)) == 0
    )
    closed = told(act("09:00"), look("10:00", "closed", A, B, days=3))
    assert closed.ended == ON + timedelta(days=3) and rectify.age(closed, ON + timedelta(days=50)) == 3
    again = told(
        act("09:00"), look("10:00", "closed", A, B, days=3), look("10:00", "keep", A, days=9, second_look=True)
    )
    assert again.ended is None
    signed = record("inspection", signatures=[sign(A, "10:00", 0), sign(B, "11:00", 2)], ended_at=at("09:00"))
    assert course_of(finding(), signed, [], [], None).opened == ON + timedelta(days=2)  # type: ignore[arg-type]
    assert course_of(finding(), record("inspection"), [], [], None).opened == ON  # type: ignore[arg-type]


def test_the_day_is_beijings() -> None:
    from datetime import UTC, datetime

    late_evening = datetime(2026, 9, 20, 16, 30, tzinfo=UTC)
    assert fold(finding(), [], [], None, signed_on=late_evening).opened == ON
    assert fold(finding(), [], [], None, signed_on=ON).opened == ON


def test_who_waits_for_whom() -> None:
    one = told(act("09:00"), look("10:00", "closed", A, id="check"))
    assert one.pending == ("closed", (uid(A),), (A,), (uid("check"),))
    assert next_steps(one, "inspector") == ("confirm", "recheck", "action", "report")
    assert [s.counts for s in one.steps] == [True, True, False]
    two = told(act("09:00"), look("10:00", "closed", A), look("11:00", "closed", B))
    assert two.pending is None and all(s.counts for s in two.steps) and next_steps(two, "inspector") == ("second_look",)
    assert next_steps(two, "party") == () and next_steps(told(), "party") == ("action", "report")
    assert next_steps(told(), "sampler") == ()


def test_the_story_names_steps_and_people() -> None:
    course = told(act("09:00", False), act("09:30", days=2, reported_by="孙"), look("10:00", "keep", A, B, days=3),
                  look("10:00", "closed", C, days=4, second_look=True), act("10:00", days=5, deleted=True, void_reason="twice"))  # fmt: skip
    assert [(s.words.zh, s.who, s.counts) for s in course.steps] == [
        ("问题下达", (), True),
        ("整改中", ("Sun",), True),
        ("申报整改完成", ("孙",), True),
        ("复查：继续整改", (A, B), True),
        ("回头看：销号", (C,), False),
        ("申报整改完成（已作废）", ("Sun",), False),
    ]
    asked = {q.code: q for q in course.open}
    assert asked["one_officer"].zh.startswith("「回头看：销号」（09-25 10:00 zhou）只有一名复查人员")
    assert asked["one_officer"].waits and asked["not_reported"].about == (course.steps[4].id,)


def test_every_question_can_be_said() -> None:
    many = [
        (rectify.Step(at("10:00"), "keep", str(n), ("甲", "乙"), Label("复查", "Re-check")), "甲、乙") for n in range(6)
    ]
    for code in CODES:
        q = question(code, many)
        assert "等 6 步" in q.zh and "6 in all" in q.en and "{" not in q.zh + q.en


def test_what_is_dated_ahead_does_not_count_yet() -> None:
    """Two officers whose tablet is years ahead would close a finding for as long, whatever anybody finds meanwhile."""
    steps = [act("09:00")], [look("10:00", "closed", A, B, days=4000), look("10:00", "keep", C, days=2)]
    day = ON + timedelta(days=2)
    now = rectify.datetime(day.year, day.month, day.day, 12, tzinfo=rectify.SHANGHAI)
    seen = fold(finding(), *steps, None, signed_on=at("12:00"), now=now)
    assert (seen.state, [q.code for q in seen.open], [s.counts for s in seen.steps]) == (
        "rectifying",
        ["future"],
        [True, True, True, False],
    )
    assert fold(finding(), *steps, None, signed_on=at("12:00")).state == "closed"
    # clocks and zones differ by hours
    late = fold(
        finding(), [act("09:00")], [look("10:00", "closed", A, B, days=3)], None, signed_on=at("12:00"), now=now
    )
    assert (late.state, late.open) == ("closed", ())


# --- whatever comes from three devices -------------------------------------------------------------------------------

STATES = {"issued", "rectifying", "reported", "closed", "referred"}
ORGS = {uid(A): "bureau", uid(B): "bureau", uid(C): uid(PARTY)}
moments = st.integers(0, 12).map(lambda n: at("09:00", -1) + timedelta(hours=6 * n))
people = st.lists(st.sampled_from((A, B, C)), min_size=1, max_size=3)


@st.composite
def steps(draw: st.DrawFn) -> list[Any]:
    """What three devices may have recorded in three days, before and after the finding, voided or not."""
    out: list[Any] = []
    for n in range(draw(st.integers(0, 9))):
        when, void = draw(moments), {"deleted": True, "void_reason": "x"} if draw(st.integers(0, 9)) == 0 else {}
        if draw(st.booleans()):
            out.append(record("corrective_action", f"a{n}", at=when, done=draw(st.booleans()), **void))
        else:
            who = draw(people)
            signers = draw(st.sets(st.sampled_from(who)))
            out.append(record(
                "recheck", f"r{n}", at=when, result=draw(st.sampled_from(("closed", "keep", "refer"))), officers=[officer(w) for w in who],
                signatures=[sign(w, way=draw(st.sampled_from(("stamped", "refused")))) for w in sorted(signers)],
                second_look=draw(st.sampled_from((None, True))), next_deadline=draw(st.sampled_from((None, DUE + timedelta(days=9)))), **void,
            ))  # fmt: skip
    return out


@settings(max_examples=300, deadline=None)
@given(steps(), st.randoms(use_true_random=False))
def test_any_order_folds_to_one_legal_story(made: list[Any], random: Any) -> None:
    course = told(*made, photos=[], orgs=ORGS)
    shuffled = [*made, *made[:2]]  # and some come twice
    random.shuffle(shuffled)
    assert told(*shuffled, photos=[], orgs=ORGS) == course
    assert course.state in STATES and {q.code for q in course.open} <= CODES
    # nothing is dropped
    assert sorted(s.id for s in course.steps) == sorted([finding().id, *(s.id for s in made)])
    assert [s.at for s in course.steps[1:]] == sorted(s.at for s in made)
    ended = [s for s in course.steps if s.counts and s.kind in ("closed", "refer")]
    if course.over:
        # two officers, neither of the party, signed or wrote the re-checks that ended it
        kind = {"closed": "closed", "referred": "refer"}[course.state]
        assert {A, B} <= {n for s in ended for n in s.who if s.kind == kind} and course.ended is not None
        assert late(course, DUE + timedelta(days=99)) == 0
    # every step that does not count is voided, waits, was overtaken, or is asked about
    asked = {id for q in course.open for id in q.about}
    for s in course.steps:
        if not s.counts and s.kind in ("action", "reported", "keep"):
            assert s.id in asked
        if not s.counts and s.kind in ("closed", "refer") and s.id not in asked:
            assert any(o.at > s.at or o.counts for o in course.steps if o.id != s.id)  # a later step came between


@settings(max_examples=100, deadline=None)
@given(steps())
def test_parts_of_the_story_are_legal_too(made: list[Any]) -> None:
    """A device that has only some of the steps yet."""
    for n in range(len(made)):
        course = told(*made[:n], photos=None, orgs=ORGS)
        assert course.state in STATES and len(course.steps) == n + 1
