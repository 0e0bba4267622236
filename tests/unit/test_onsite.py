"""The on-site record as rules: what is signed, what is lacking, what is frozen, what an amendment changes."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import canonical
from schemas.reference import Label, codes
from schemas.rules import onsite
from schemas.rules.checklists import model
from schemas.rules.checklists.model import Ask, Checklist, Item, Rule
from schemas.rules.onsite import Sheet, Signer
from tests.unit.factory import uid

T = "2026-09-21T{}:00+08:00"
NOW = datetime.fromisoformat(T.format("11:30"))
LIST = model.sealed(
    Checklist(
        "t", 1, Label("测试表", "Test"), "enforcement",
        (
            Item("1", Label("甲", "A"), Label("围挡完好", "Fence is whole"), asks=(Ask("photo", Label("围挡", "Fence")), Ask("photo", Label("缺口", "Gap"))),
                 severity="general"),
            Item("2", Label("甲", "A"), Label("公告牌内容齐全", "Notice board is complete"), asks=(Ask("position"), Ask("area", optional=True)), severity="law"),
        ),
        Rule("severity"), {}, ("公告2022年第17号",),
    )
)  # fmt: skip


def officer(name: str, **more: Any) -> dict[str, Any]:
    return {"person_id": uid(name), "name": name, "certificate_no": f"A{uid(name)[:6]}", "duty": "inspector", **more}


def signature(role: str, name: str, way: str = "signed", **more: Any) -> dict[str, Any]:
    strokes = {"strokes": "{}"} if way == "signed" else {"refuse_reason": "对内容有异议"}
    return {"role": role, "name": name, "way": way, "signed_at": T.format("11:20"), **strokes, **more}


def sheet() -> Sheet:
    """An enforcement check of two items, one of which failed, ready to be signed."""
    inspection = {
        "id": uid("i"), "code": "JC-20260921-0301", "kind": "enforcement", "site_id": uid("site"), "org_id": uid("org"),
        "list_code": "t", "list_version": 1, "list_sha256": LIST.sha256, "officers": [officer("何敏"), officer("罗文")],
        "inspected": [{"name": "赵工", "duty": "现场负责人"}], "started_at": T.format("10:00"), "ended_at": T.format("11:10"),
        "notices": [{"kind": c, "read_at": T.format("10:05")} for c in sorted(onsite.REQUIRED)],
        "position": {"lon": "118.8", "lat": "32.0", "fix_kind": "single", "h_acc_m": "3", "at": T.format("10:01")}, "place": "红星电镀厂",
        "body": "现场检查情况", "verdict": "rectify", "verdict_by_rule": "rectify", "opinion": "限期整改", "measure": "rectify",
        "deadline": "2026-10-08",
    }  # fmt: skip
    answers = (
        {"id": uid("a1"), "inspection_id": uid("i"), "item_code": "1", "answer": "fail", "text": "东侧缺 3 m"},
        {"id": uid("a2"), "inspection_id": uid("i"), "item_code": "2", "answer": "pass"},
    )
    finding = {
        "id": uid("f1"), "code": "JC-20260921-0301-WT01", "inspection_id": uid("i"), "answer_id": uid("a1"), "severity": "general", "kind": "管理",
        "description": "围挡有缺口", "basis": "待核", "org_id": uid("org"), "responsible": "赵工", "deadline": "2026-10-08", "measure": "补上",
        "position": inspection["position"],
    }  # fmt: skip
    photos = tuple(
        {
            "id": uid(f"p{n}"),
            "sha256": f"{n}" * 64,
            "step": "finding",
            "subject_kind": kind,
            "subject_id": uid(subject),
            "taken_at": T.format("10:30"),
        }
        for n, (kind, subject) in enumerate([("checklist_answer", "a1"), ("finding", "f1"), ("inspection", "i")], 1)
    )
    return Sheet(inspection, answers, (finding,), photos)


def changed(part: str, n: int = 0, **values: Any) -> Sheet:
    """The same with fields of one record changed; None takes one out."""
    s = sheet()
    if part == "inspection":
        return s._replace(inspection={**s.inspection, **values})
    rows = list(getattr(s, part))
    rows[n] = {**rows[n], **values}
    return s._replace(**{part: tuple(rows)})


def lacking(s: Sheet, now: datetime = NOW, **more: Any) -> list[str]:
    return [x.code for x in onsite.lacks(s.inspection, LIST, s.answers, s.findings, s.photos, now, **more)]


# --- what is signed ------------------------------------------------------------------------------------------------------


def test_the_hash_is_of_the_content_and_of_nothing_else() -> None:
    base = onsite.content_hash(*sheet())
    assert len(base) == 64 and base == onsite.content_hash(*sheet())
    same = [
        changed("inspection", signatures=[signature("inspector", "何敏")]), changed("inspection", content_sha256="0" * 64),
        changed("inspection", note=None, stage="", amend_reason=None), changed("photos", 0, caption="", note=None),
        sheet()._replace(photos=(*sheet().photos, {**sheet().photos[0], "id": uid("p9"), "step": "rectified"})),
        sheet()._replace(photos=(*sheet().photos, {**sheet().photos[0], "id": uid("p9"), "subject_id": uid("other")})),
        sheet()._replace(answers=(*sheet().answers, {**sheet().answers[0], "id": uid("a9"), "inspection_id": uid("j")})),
        sheet()._replace(answers=(*sheet().answers, {**sheet().answers[0], "id": uid("a9"), "deleted": True})),
    ]  # fmt: skip
    assert {onsite.content_hash(*s) for s in same} == {base}
    other = [
        changed("inspection", body="现场检查情况。"), changed("inspection", note="x"), changed("inspection", newer_field={"a": "1"}),
        changed("answers", 1, answer="fail"), changed("answers", 0, deleted=True), changed("findings", 0, deadline="2026-10-09"),
        changed("photos", 0, sha256="f" * 64), changed("photos", 0, step="evidence"), changed("photos", 0, deleted=True),
        changed("photos", 0, taken_at=T.format("10:31")), changed("photos", 0, position={"lon": "1"}), changed("photos", 0, caption="围挡"),
        sheet()._replace(photos=sheet().photos[:2]), sheet()._replace(findings=()), changed("inspection", id=uid("k")),
        changed("inspection", notices=sheet().inspection["notices"][:3]),
    ]  # fmt: skip
    hashes = [onsite.content_hash(*s) for s in other]
    assert len({base, *hashes}) == len(other) + 1


@given(st.randoms(use_true_random=False))
def test_the_hash_does_not_hang_on_any_order(shuffled: random.Random) -> None:
    s = sheet()
    rows = [list(x) for x in s[1:]]
    for part in rows:
        shuffled.shuffle(part)
    keys = list(s.inspection)
    shuffled.shuffle(keys)
    assert onsite.content_hash({k: s.inspection[k] for k in keys}, *rows) == onsite.content_hash(*s)


def test_agreeing() -> None:
    s = sheet()
    assert onsite.agrees(*s) is None
    said = s._replace(inspection={**s.inspection, "content_sha256": onsite.content_hash(*s)})
    assert onsite.agrees(*said) is True
    assert onsite.agrees(*said._replace(photos=())) is False
    assert canonical.loads(canonical.dumps(onsite.content(*said))) == onsite.content(*said)


# --- what is lacking -----------------------------------------------------------------------------------------------------

NOTICES = sheet().inspection["notices"]
CASES: list[tuple[str, Sheet, list[str]]] = [
    ("complete", sheet(), []),
    ("one officer", changed("inspection", officers=[officer("何敏")]), ["officers"]),
    ("the same twice", changed("inspection", officers=[officer("何敏"), officer("何敏")]), ["officers", "officers"]),
    ("one number twice", changed("inspection", officers=[officer("何敏"), officer("罗文", certificate_no=officer("何敏")["certificate_no"])]), ["officers"]),
    ("no certificate", changed("inspection", officers=[officer("何敏"), officer("罗文", certificate_no=None)]), ["officers"]),
    ("a witness needs none", changed("inspection", officers=[officer("何敏"), officer("罗文"), officer("丁", certificate_no=None, duty="witness")]), []),
    ("a patrol takes one", changed("inspection", kind="patrol", officers=[officer("何敏", certificate_no=None)], notices=[]), []),
    ("not read", changed("inspection", notices=NOTICES[1:]), ["notices:duty_help"]),
    ("read before it began", changed("inspection", notices=[{**NOTICES[0], "read_at": T.format("09:59")}, *NOTICES[1:]]), ["notices:duty_help"]),
    ("read after it ended", changed("inspection", notices=[{**NOTICES[0], "read_at": T.format("11:15")}, *NOTICES[1:]]), ["notices:duty_help"]),
    ("no end", changed("inspection", ended_at=None), ["ended_at"]),
    ("ended before it began", changed("inspection", ended_at=T.format("09:00")), [f"notices:{c}" for c in sorted(onsite.REQUIRED)] + ["ended_at"]),
    ("ends later than now", changed("inspection", ended_at=T.format("11:40")), ["ended_at"]),
    ("deadline before the check", changed("inspection", deadline="2026-09-20"), ["deadline"]),
    ("no party", changed("inspection", inspected=[]), ["field:inspected"]),
    ("no body, no place", changed("inspection", body="", place=None), ["field:place", "field:body"]),
    ("not checked", changed("answers", 1, answer="unanswered"), ["unanswered"]),
    ("rule says otherwise", changed("inspection", verdict_by_rule="pass"), ["verdict"]),
    ("milder", changed("inspection", verdict="pass"), ["verdict"]),
    ("stricter", changed("inspection", verdict="refer"), []),
    ("none", changed("inspection", verdict=None), ["verdict"]),
    ("failed without a finding", sheet()._replace(findings=()), ["item:1", "item:1"]),
    ("no words", changed("answers", 0, text=None), ["item:1"]),
    ("one photo of two", sheet()._replace(photos=sheet().photos[1:]), ["item:1"]),
    ("no photo, and why", Sheet(changed("answers", 0, note="相机坏了").inspection, changed("answers", 0, note="相机坏了").answers, sheet().findings, ()), []),
    ("finding without measure", changed("findings", 0, measure=None), [f"finding:{uid('f1')}"]),
    ("conduct before the check", changed("findings", 0, conduct_on="2026-08-01"), []),
    ("conduct after the check", changed("findings", 0, conduct_on="2026-09-22"), [f"finding:{uid('f1')}"]),
    ("finding due before the check", changed("findings", 0, deadline="2026-09-01"), [f"finding:{uid('f1')}"]),
]  # fmt: skip


@pytest.mark.parametrize(("s", "codes_"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_is_lacking(s: Sheet, codes_: list[str]) -> None:
    assert lacking(s) == codes_


def test_what_is_lacking_is_said_in_both_languages() -> None:
    for _, s, _ in CASES:
        for lack in onsite.lacks(*s[:1], LIST, *s[1:], NOW):
            assert (
                lack.zh
                and lack.en
                and not any("\u4e00" <= c <= "\u9fff" for c in lack.en.replace("何敏", "").replace("罗文", ""))
            ), lack


def test_position_and_area_of_an_item() -> None:
    s = changed("answers", 1, answer="fail", text="缺责任人")
    finding = {**sheet().findings[0], "id": uid("f2"), "answer_id": uid("a2"), "severity": "law", "position": None}
    s = s._replace(
        findings=(*s.findings, finding), inspection={**s.inspection, "verdict_by_rule": "refer", "verdict": "refer"}
    )
    assert lacking(s) == ["item:2", f"finding:{uid('f2')}"]  # the area is optional
    here = sheet().inspection["position"]
    assert lacking(s._replace(findings=(*sheet().findings, {**finding, "position": here}))) == []


def test_another_set_of_notices_may_be_asked_for() -> None:
    assert lacking(sheet(), required=frozenset({"show_cert", "right_secret"})) == ["notices:right_secret"]
    assert {n.code for n in onsite.NOTICES} == set(codes("notice_kind"))  # each can be read out, in words
    assert set(codes("notice_kind")) >= onsite.REQUIRED


def test_a_list_that_is_not_here_cannot_be_judged() -> None:
    s = sheet()
    (lack,) = onsite.lacks(s.inspection, None, s.answers, s.findings, s.photos, NOW)
    assert (lack.code, lack.cannot) == ("list", True)


def test_of_an_amended_record_findings_and_photos_are_not_asked_for_again() -> None:
    s = sheet()
    again = Sheet(
        {**s.inspection, "id": uid("j"), "amends_id": uid("i")},
        tuple({**a, "id": uid("b" + a["item_code"]), "inspection_id": uid("j")} for a in s.answers),
    )
    assert lacking(again) == ["field:amend_reason", "item:1", "item:1"]
    again.inspection["amend_reason"] = "笔误"  # type: ignore[index]
    assert lacking(again, original=s) == ["amend"], "it says nothing else than the first record"
    again.inspection["body"] = "现场停工"  # type: ignore[index]
    assert lacking(again, original=s) == []


def test_sealed_by_time() -> None:
    assert lacking(sheet(), NOW - timedelta(hours=2)) == ["times", "ended_at"]


# --- who signs -----------------------------------------------------------------------------------------------------------


def given_by(*signatures: dict[str, Any]) -> list[str]:
    return [x.code for x in onsite.unsigned(changed("inspection", signatures=list(signatures)).inspection)]


def test_everybody_signs_or_is_said_to_refuse_before_a_witness() -> None:
    both = [signature("inspector", "何敏"), signature("inspector", "罗文")]
    refuses = signature("inspected", "赵工", "refused")
    assert onsite.signers(sheet().inspection) == [
        Signer("inspector", "何敏", uid("何敏")),
        Signer("inspector", "罗文", uid("罗文")),
        Signer("inspected", "赵工"),
    ]
    assert given_by() == ["signature:inspector", "signature:inspector", "signature:inspected"]
    assert given_by(*both, signature("inspected", "赵工")) == []
    assert given_by(*both, refuses) == ["witness"]
    assert given_by(*both, refuses, signature("witness", "居委会 丁")) == []
    assert given_by(*both, refuses, signature("witness", "何敏")) == ["witness"]  # who is in charge witnesses nothing
    assert given_by(*both, refuses, signature("witness", "丁", "absent")) == ["witness"]
    assert given_by(*both, {**refuses, "refuse_reason": None}, signature("witness", "丁")) == ["signature"]
    assert given_by(*both, {**signature("inspected", "赵工"), "strokes": None}) == ["signature"]
    assert given_by(*both, signature("inspected", "赵工", "stamped")) == []


def test_a_recorder_signs_as_such() -> None:
    s = changed(
        "inspection", officers=[officer("何敏"), officer("罗文", duty="recorder"), officer("丁", duty="witness")]
    )
    assert [x.role for x in onsite.signers(s.inspection)] == ["inspector", "recorder", "witness", "inspected"]


# --- what is frozen ------------------------------------------------------------------------------------------------------

SIGNED = {**sheet().inspection, "signatures": [signature("inspector", "何敏")], "content_sha256": "0" * 64}
FROZEN: list[tuple[str, str, dict[str, Any], Callable[[dict[str, Any]], dict[str, Any]], bool]] = [
    ("unsigned", "inspection", sheet().inspection, lambda v: {**v, "body": "x"}, False),  # type: ignore[list-item]
    ("signing itself", "inspection", sheet().inspection, lambda v: {**v, "signatures": SIGNED["signatures"]}, False),  # type: ignore[list-item]
    ("nothing", "inspection", SIGNED, lambda v: {**v, "note": None}, False),
    ("body", "inspection", SIGNED, lambda v: {**v, "body": "x"}, True),
    ("a field nobody knows", "inspection", SIGNED, lambda v: {**v, "newer": "x"}, True),
    ("a further signature", "inspection", SIGNED, lambda v: {**v, "signatures": [*v["signatures"], signature("inspected", "赵工")]}, True),
    ("void", "inspection", SIGNED, lambda v: {**v, "deleted": True, "void_reason": "x"}, True),
    ("answer", "checklist_answer", dict(sheet().answers[0]), lambda v: {**v, "answer": "pass"}, True),
    ("answer to another check", "checklist_answer", dict(sheet().answers[0]), lambda v: {**v, "inspection_id": uid("j")}, True),
    ("answer, the same", "checklist_answer", dict(sheet().answers[0]), lambda v: dict(v), False),
    ("answer of an unsigned one", "checklist_answer", {**sheet().answers[0], "inspection_id": uid("j")}, lambda v: {**v, "answer": "pass"}, False),
    ("finding", "finding", dict(sheet().findings[0]), lambda v: {**v, "deleted": True}, True),
    ("photo of a finding", "photo", dict(sheet().photos[1]), lambda v: {**v, "deleted": True}, True),
    ("photo's step", "photo", dict(sheet().photos[0]), lambda v: {**v, "step": "other"}, True),
    ("photo's caption", "photo", dict(sheet().photos[0]), lambda v: {**v, "caption": "x"}, True),
    ("photo's place", "photo", dict(sheet().photos[0]), lambda v: {**v, "position": {"lon": "1"}}, True),
    ("photo moved to after the signing", "photo", dict(sheet().photos[0]), lambda v: {**v, "taken_at": T.format("12:00")}, True),
    ("photo, the same", "photo", dict(sheet().photos[0]), lambda v: {**v, "caption": ""}, False),
    ("photo taken later", "photo", {**sheet().photos[0], "taken_at": T.format("12:00")}, lambda v: {**v, "deleted": True}, False),
    ("photo after rectification", "photo", {**sheet().photos[0], "step": "rectified"}, lambda v: {**v, "deleted": True}, False),
    ("photo of a point", "photo", {**sheet().photos[0], "subject_kind": "point"}, lambda v: {**v, "deleted": True}, False),
    ("anything else", "recheck", {"finding_id": uid("f1")}, lambda v: {**v, "deleted": True}, False),
]  # fmt: skip


@pytest.mark.parametrize(("type", "old", "edit", "stopped"), [c[1:] for c in FROZEN], ids=[c[0] for c in FROZEN])
def test_what_is_frozen(
    type: str, old: dict[str, Any], edit: Callable[[dict[str, Any]], dict[str, Any]], stopped: bool
) -> None:
    there = {
        ("inspection", uid("i")): SIGNED, ("inspection", uid("j")): sheet().inspection, ("checklist_answer", uid("a1")): sheet().answers[0],
        ("finding", uid("f1")): sheet().findings[0],
    }  # fmt: skip
    found = onsite.stops(type, old, edit(dict(old)), lambda type, id: there.get((type, id)))
    assert (found is not None) == stopped
    assert found is None or found["code"] == "JC-20260921-0301"


# --- amendments ----------------------------------------------------------------------------------------------------------


def test_what_an_amendment_says_differently() -> None:
    old = sheet()
    answers = tuple({**a, "id": uid("b" + a["item_code"]), "inspection_id": uid("j")} for a in old.answers)
    own = {
        **old.inspection,
        "id": uid("j"),
        "code": "JC-20260922-0301",
        "amends_id": uid("i"),
        "amend_reason": "笔误",
        "signatures": [1],
        "content_sha256": "1",
    }
    assert onsite.difference(old, Sheet(own, answers)) == []
    new = Sheet(
        {**own, "body": "现场停工", "measure": None},
        ({**answers[0], "answer": "pass", "text": None}, answers[1], {**answers[1], "id": uid("b3"), "item_code": "3", "answer": "pass"}),
        ({**old.findings[0], "id": uid("g"), "code": "JC-20260922-0301-WT01", "description": "无公告牌"},),
        ({**old.photos[2], "id": uid("q"), "subject_id": uid("j"), "step": "sketch"},),
    )  # fmt: skip
    assert [tuple(d) for d in onsite.difference(old, new)] == [
        ("inspection", "", "body", "现场检查情况", "现场停工"),
        ("inspection", "", "measure", "rectify", None),
        ("checklist_answer", "1", "answer", "fail", "pass"),
        ("checklist_answer", "1", "text", "东侧缺 3 m", None),
        ("checklist_answer", "3", "", None, "pass"),
        ("finding", "JC-20260922-0301-WT01", "", None, "无公告牌"),
        ("photo", "3" * 64, "", None, "sketch"),
    ]
    assert [f["code"] for f in onsite.still_open(old, new)] == ["JC-20260921-0301-WT01"]
    assert onsite.still_open(old, Sheet(own, answers)) == []
