"""Checklists: text and hash, the ready lists against the guide's own counts, verdicts, what is wrong with a list."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import canonical
from schemas.records import TYPES
from schemas.reference import Label, codes
from schemas.rules.checklists import find, model, ready
from schemas.rules.checklists.beside import beside
from schemas.rules.checklists.model import Ask, BadList, Checklist, Cite, Item, Rule
from schemas.rules.checklists.verdict import allowed, stricter, verdict
from schemas.rules.reconcile import CHECKS
from tests.unit.factory import record

TODAY = date(2026, 11, 28)


def get(code: str) -> Checklist:
    found = ready.find(code, 1)
    assert found is not None
    return found


# --- the ready lists ----------------------------------------------------------------------------------------------------

# code → items, starred ones, rule; the guide's forms first (公告2022年第17号 表3-1…3-4)
COUNTS = {
    "plan-review": (12, 0, Rule("any_fail")),
    "field-sampling": (18, 0, Rule("any_fail")),
    "lab-check": (23, 4, Rule("stars", 1)),
    "report-review": (20, 11, Rule("counts", 3, 6)),
    "hidden-hazard": (20, 0, Rule("severity")),
    "remediation-site": (19, 0, Rule("severity")),
    "soil-transfer": (16, 0, Rule("severity")),
    "undeveloped-patrol": (15, 0, Rule("severity")),
    "well-check": (13, 0, Rule("severity")),
    "demolition": (10, 0, Rule("severity")),
    "tailings-pond": (9, 0, Rule("severity")),
    "plating-cadmium": (9, 0, Rule("severity")),
    "idle-land": (8, 0, Rule("severity")),
}
SHORT = ("demolition", "tailings-pond", "plating-cadmium", "idle-land")
# A version that was shipped is never changed: an answer names it by this hash. Anything else is a new version, a new file.
HASHES = {
    "plan-review@1": "6e0c4ab9fab3d58f",
    "field-sampling@1": "776ad1a38cd1bb9f",
    "lab-check@1": "d2e97ef280a2353e",
    "report-review@1": "c8cb96f7a7bee44e",
    "hidden-hazard@1": "2f83af2f9246153a",
    "remediation-site@1": "f97f5a93ac38d870",
    "soil-transfer@1": "8e07c6b4a67b4d2d",
    "undeveloped-patrol@1": "c3e4227110d888dc",
    "well-check@1": "450e851abd157282",
    "demolition@1": "dae27e5a27beeed4",
    "tailings-pond@1": "d9dd7cbbe2d4274a",
    "plating-cadmium@1": "2f6009908fe9244e",
    "idle-land@1": "1583d91feceb5316",
}


def test_every_list_is_there_in_its_order_and_never_changes():
    assert tuple(c.code for c in ready.every()) == ready.ORDER == tuple(COUNTS)
    assert {c.name: c.sha256[:16] for c in ready.every()} == HASHES
    assert all(c.ready for c in ready.every())


@pytest.mark.parametrize("code", COUNTS)
def test_items_and_stars_are_as_many_as_the_form_has(code):
    found = get(code)
    assert (len(found.items), sum(i.star for i in found.items), found.rule) == COUNTS[code]


@pytest.mark.parametrize("c", ready.every(), ids=lambda c: c.code)
def test_a_ready_list_is_sound_in_both_languages(c):
    assert [f for f in model.faults(c) if f.hard] == []
    assert model.read(model.to_text(c), ready=True) == c  # its file is just its text, spread out
    said = [c.title, *c.verdicts.values()]
    for item in c.items:
        said += [item.section, item.label, item.problem, *item.phrases, *(a.name for a in item.asks)]
        said += [cite.text for cite in item.basis if not cite.law]
        assert item.phrases and item.problem.zh
        assert set(beside(item)) == set(item.beside) <= set(TYPES)
        assert set(re.findall(r"[A-Z]\d\d", item.auto)) <= set(CHECKS)
    assert all(label.zh and label.en and not re.search(r"[\u4e00-\u9fff]", label.en) for label in said)
    assert len({i.label.zh for i in c.items}) == len(c.items)  # told apart also where no section is shown


def test_marks_of_the_guide_are_kept_and_the_short_lists_stand_on_no_law():
    assert {
        i.mark for code in ("plan-review", "field-sampling", "lab-check", "report-review") for i in get(code).items
    } == {"C"}
    for code in SHORT:
        c = get(code)
        assert (c.mark, c.basis) == ("D", ()) and "待核" in c.title.zh and "to be confirmed" in c.title.en
        assert all(i.mark == "D" and not i.basis for i in c.items)


def test_severity_of_the_guides_items():
    assert (
        {i.severity for i in get("plan-review").items}
        == {i.severity for i in get("field-sampling").items}
        == {"severe"}
    )
    assert all((i.severity == "severe") == i.star for i in get("lab-check").items)
    assert [i.code for i in get("lab-check").items if i.star] == ["LAB-01", "LAB-20", "LAB-21", "LAB-22"]
    assert {i.severity for i in get("report-review").items} == {"general"}
    assert all("insufficient" in i.options for i in get("report-review").items)
    assert not any("insufficient" in i.options for c in ready.every() if c.code != "report-review" for i in c.items)


def test_newest_version_in_use_on_a_day(monkeypatch):
    first = get("idle-land")
    second = model.sealed(first._replace(version=2, valid_from=date(2026, 12, 1)))
    monkeypatch.setattr(ready, "every", lambda: (first, second))
    assert [c.version for c in ready.on(date(2026, 11, 30))] == [1]
    assert [c.version for c in ready.on(date(2026, 12, 1))] == [2]
    assert ready.find("idle-land", 1) == first and ready.find("idle-land", 3) is None


# --- verdicts -----------------------------------------------------------------------------------------------------------


def answers(
    c: Checklist, *, star: int = 0, plain: int = 0, star_unclear: int = 0, unclear: int = 0, na: int = 0, open_: int = 0
) -> dict[str, str]:
    """So many starred and other items failed or insufficient, so many not applicable or unanswered; the rest passed."""
    out = dict.fromkeys((i.code for i in c.items), "pass")
    starred, others = [i.code for i in c.items if i.star], [i.code for i in c.items if not i.star]
    for codes_, count, answer in (
        (starred, star, "fail"), (others, plain, "fail"), (starred, star_unclear, "insufficient"),
        (others, unclear, "insufficient"), (others, na, "not_apply"), (others, open_, "unanswered"),
    ):  # fmt: skip
        assert count <= len(codes_), "more than the list has"
        for _ in range(count):
            out[codes_.pop(0)] = answer
    return out


TABLE: list[tuple[str, dict[str, int], str | None, str]] = [
    # 3-1, 3-2: any no is severe
    ("plan-review", {}, "pass", "none"),
    ("plan-review", {"na": 12}, "pass", "none"),
    ("plan-review", {"plain": 1}, "fail_severe", "severe"),
    ("plan-review", {"plain": 12}, "fail_severe", "severe"),
    ("plan-review", {"open_": 1}, None, "none"),
    ("field-sampling", {}, "pass", "none"),
    ("field-sampling", {"plain": 1}, "fail_severe", "severe"),
    ("field-sampling", {"plain": 1, "open_": 17}, "fail_severe", "severe"),
    ("field-sampling", {"na": 17, "open_": 1}, None, "none"),
    # 3-3: a starred no is severe, another one general
    ("lab-check", {}, "pass", "none"),
    ("lab-check", {"plain": 1}, "pass_amend", "general"),
    ("lab-check", {"plain": 19}, "pass_amend", "general"),
    ("lab-check", {"star": 1}, "fail_severe", "severe"),
    ("lab-check", {"star": 1, "plain": 19}, "fail_severe", "severe"),
    ("lab-check", {"plain": 1, "open_": 18}, "pass_amend", "general"),  # what is open is not starred
    ("lab-check", {"open_": 19}, None, "none"),
    # 3-4: three starred no, or six no and insufficient together
    ("report-review", {}, "pass", "none"),
    ("report-review", {"na": 9}, "pass", "none"),
    ("report-review", {"star": 1}, "pass_amend", "general"),
    ("report-review", {"star": 2, "plain": 3}, "pass_amend", "general"),
    ("report-review", {"star": 3}, "fail_severe", "severe"),
    ("report-review", {"star": 2, "plain": 4}, "fail_severe", "severe"),
    ("report-review", {"plain": 5}, "pass_amend", "general"),
    ("report-review", {"plain": 6}, "fail_severe", "severe"),
    ("report-review", {"unclear": 5}, "pass_amend", "none"),
    ("report-review", {"unclear": 6}, "fail_severe", "severe"),
    ("report-review", {"plain": 3, "unclear": 3}, "fail_severe", "severe"),
    ("report-review", {"plain": 3, "unclear": 2}, "pass_amend", "general"),
    ("report-review", {"star_unclear": 3}, "pass_amend", "none"),  # only "no" counts among the starred
    ("report-review", {"star": 2, "star_unclear": 1}, "pass_amend", "general"),
    ("report-review", {"star_unclear": 6}, "fail_severe", "severe"),
    ("report-review", {"star": 3, "open_": 9}, "fail_severe", "severe"),
    ("report-review", {"star": 1, "open_": 4}, "pass_amend", "general"),  # five at most
    ("report-review", {"star": 1, "open_": 5}, None, "general"),  # could become six
]


@pytest.mark.parametrize(("code", "given_", "expected", "severest"), TABLE, ids=[f"{c} {g}" for c, g, _, _ in TABLE])
def test_the_guides_own_counts(code, given_, expected, severest):
    c = get(code)
    said = verdict(c, answers(c, **given_))
    assert (said.code, said.severest) == (expected, severest)
    assert len(said.unanswered) == said.counts["unanswered"] == given_.get("open_", 0)
    assert said.counts["fail"] == given_.get("star", 0) + given_.get("plain", 0)
    assert said.label == (c.words(expected) if expected else Label("尚不能下结论", "No verdict yet"))
    assert "公告2022年第17号" in said.why.zh and not re.search(r"[\u4e00-\u9fff]", said.why.en)


BY_SEVERITY = [
    ("hidden-hazard", {"HH-01": "fail"}, "refer", "law", "涉嫌违法，转执法核查"),
    ("hidden-hazard", {"HH-07": "fail"}, "rectify", "general", "列入隐患整改台账，限期整改"),
    ("hidden-hazard", {"HH-07": "fail", "HH-20": "fail"}, "refer", "law", "涉嫌违法，转执法核查"),
    ("remediation-site", {"RM-14": "fail"}, "pass", "tip", "暂未发现问题"),
    ("remediation-site", {"RM-14": "fail", "RM-05": "fail"}, "rectify", "general", "责令整改"),
    ("soil-transfer", {"TR-02": "fail"}, "refer", "law", "停止转运，移送执法"),
    ("soil-transfer", {"TR-05": "fail"}, "rectify", "general", "责令整改"),
    ("undeveloped-patrol", {"UN-06": "fail"}, "fail_severe", "severe", "立即制止并报告"),
    ("undeveloped-patrol", {"UN-06": "fail", "UN-01": "fail"}, "fail_severe", "severe", "立即制止并报告"),
    ("undeveloped-patrol", {}, "pass", "none", "暂未发现问题"),
    ("well-check", {"WL-02": "fail"}, "rectify", "general", "限期整改"),
    ("demolition", {"DM-05": "fail"}, "fail_severe", "severe", "立即制止并报告"),
]


@pytest.mark.parametrize(("code", "given_", "expected", "severest", "words"), BY_SEVERITY)
def test_the_severest_item_that_failed_decides(code, given_, expected, severest, words):
    c = get(code)
    said = verdict(c, {**answers(c), **given_})
    assert (said.code, said.severest, said.label.zh) == (expected, severest, words)
    assert "本系统设定" in said.why.zh and "set by this system" in said.why.en


def test_a_copy_with_another_rule_does_not_cite_the_guide():
    c = get("report-review")
    copy = c._replace(code="own", ready=False)
    assert "公告2022年第17号 表3-4" in verdict(copy, answers(c)).why.zh
    looser = verdict(copy._replace(rule=Rule("counts", 4, 6)), answers(c, star=3))
    assert looser.code == "pass_amend" and "公告" not in looser.why.zh and "本系统设定" in looser.why.zh


def test_severe_is_not_final_while_a_violation_may_still_come():
    c = get("soil-transfer")
    tips = {**answers(c), "TR-05": "fail"}
    assert verdict(c, {**tips, "TR-13": "unanswered"}).code is None
    assert verdict(c, {**tips, "TR-13": "unanswered"}).least == "rectify"
    assert verdict(c, {**tips, "TR-10": "unanswered"}).code == "rectify"  # a note cannot make it worse


def test_documents_that_do_not_say_keep_any_list_from_passing():
    c = get("field-sampling")
    asked = c._replace(items=tuple(i._replace(options=(*i.options, "insufficient")) for i in c.items))
    assert verdict(asked, {**answers(c), "FS-04": "insufficient"}).code == "pass_amend"
    well = get("well-check")
    assert verdict(well, {**answers(well), "WL-01": "insufficient"}).code == "rectify"


def test_a_rule_or_a_severity_of_a_newer_version_is_not_guessed():
    c = get("well-check")
    said = verdict(c._replace(rule=Rule("lottery")), answers(c))
    assert said.code is None and "不认识" in said.why.zh
    new = c._replace(items=(c.items[0]._replace(severity="dreadful"), *c.items[1:]))
    assert verdict(new, {**answers(c), "WL-01": "fail"}).code == "rectify"


def test_answers_of_no_item_and_unknown_answers_do_not_count():
    c = get("plan-review")
    assert verdict(c, {**answers(c), "SP-99": "fail"}).code == "pass"
    assert verdict(c, {**answers(c), "SP-01": "maybe"}).unanswered == ("SP-01",)
    assert verdict(c, {}).counts["unanswered"] == 12


def test_a_person_may_only_be_stricter():
    assert allowed("pass")[0] == "pass" and set(allowed("pass")) == set(codes("verdict")) == set(allowed(None))
    assert allowed("rectify") == ("rectify", "fail_severe", "fail_redo", "refer")
    assert allowed("fail_severe") == ("fail_severe", "fail_redo", "refer")
    assert allowed("fail_redo") == ("fail_severe", "fail_redo", "refer")
    assert allowed("refer") == ("refer",)
    assert stricter("refer", "pass") and not stricter("pass", "pass") and not stricter("pass_amend", "rectify")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ready.every()), st.data())
def test_a_verdict_that_is_told_early_stays(c, data):
    """However the rest is answered, the verdict is the one told, and never milder than `least`."""
    now = data.draw(st.fixed_dictionaries({i.code: st.sampled_from([*i.options, "unanswered"]) for i in c.items}))
    said = verdict(c, now)
    rest = {i.code: data.draw(st.sampled_from(i.options)) for i in c.items if i.code in said.unanswered}
    whole = verdict(c, {**now, **rest})
    assert whole.code is not None and not whole.unanswered
    assert not stricter(said.least, whole.code)
    assert said.code in (None, whole.code)
    assert sum(said.counts[a] for a in ("pass", "fail", "not_apply", "insufficient", "unanswered")) == len(c.items)


# --- text and hash ------------------------------------------------------------------------------------------------------

SMALL = Checklist(
    "own-1", 2, Label("自定", "Own"), "patrol",
    (Item("A1", Label("段", "Part"), Label("围挡完好", "Fence sound"), asks=(Ask("photo"), Ask("number", Label("深", "Depth"), "m", "2..8")),
          basis=(Cite("soil_law", ("41",)), Cite(text=Label("本地要求", "Local rule"))), phrases=(Label("有缺口", "Gap"),), beside=("photo",)),),
    Rule("severity"), {"pass": Label("好", "Good")}, ("本地要求",),
)  # fmt: skip


def test_text_and_back_with_one_hash():
    made = model.sealed(SMALL)
    assert made == SMALL._replace(sha256=made.sha256) and len(made.sha256) == 64
    text = model.to_text(made)
    assert text.encode() == canonical.dumps(json.loads(text)) and model.read(text) == made
    spread = json.dumps(json.loads(text), indent=2, ensure_ascii=True)
    assert model.read(spread) == made  # how it is written does not matter
    assert model.sealed(made._replace(version=3)).sha256 != made.sha256
    assert made.item("A1") == SMALL.items[0] and made.item("A2") is None and made.name == "own-1@2"


def test_what_a_newer_version_writes_counts_for_the_hash_and_is_passed_over():
    doc = json.loads(model.to_text(SMALL))
    doc["items"][0]["colour"] = "red"
    found = model.read(json.dumps(doc))
    assert found.items == SMALL.items and found.sha256 != model.sealed(SMALL).sha256


BAD: list[tuple[str, Any, str]] = [
    ("format", 2, "format"), ("version", "1", "version"), ("version", -1, "version"), ("version", True, "version"),
    ("items", {}, "items"), ("items", [1], "items"), ("items", [{}] * 501, "items"), ("code", 5, "code"),
    ("code", "x" * 65, "code"), ("title", "one", "title"), ("title", {"zh": 1}, "title.zh"), ("rule", [], "rule"),
    ("verdicts", {"pass": "x"}, "verdicts.pass"), ("basis", ["x" * 201], "basis"), ("valid_from", "2026-13-01", "valid_from"),
    ("items", [{"code": "B7", "star": 1}], "B7.star"), ("items", [{"code": "B7", "asks": [{"what": []}]}], "B7.asks[1].what"),
    ("items", [{"label": {"zh": "x" * 501}}], "items[1].label.zh"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "where"), BAD, ids=[f"{k}-{n}" for n, (k, _, _) in enumerate(BAD)])
def test_a_text_that_is_no_list_says_where(key, value, where):
    with pytest.raises(BadList) as raised:
        model.read(json.dumps({**json.loads(model.to_text(SMALL)), key: value}))
    assert raised.value.where == where and raised.value.said.zh and raised.value.said.en


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "1",
        "{",
        '{"format":1.5}',
        '{"a":1,"a":2}',
        "[" * 100_000,
        '{"code":"\\ud800"}',
        "\ud800",
        "{}" + " " * 2_000_000,
    ],
)
def test_what_is_no_object_of_json_is_refused_and_nothing_else_happens(text):
    with pytest.raises(BadList):
        model.read(text)


def test_an_empty_object_is_a_list_with_everything_missing():
    assert {f.field for f in model.faults(model.read("{}"))} >= {"code", "title", "kind", "items", "rule"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["zh", "en", "what", "code", "law", "x"]) | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
KEYS = st.sampled_from(
    ["format", "code", "version", "title", "kind", "mark", "rule", "items", "basis", "verdicts", "valid_from"]
)
ITEM_KEYS = st.sampled_from(list(json.loads(model.to_text(SMALL))["items"][0]) + ["star", "auto", "problem"])


@settings(max_examples=300, deadline=None)
@given(KEYS, JSON, ITEM_KEYS, JSON, st.booleans())
def test_whatever_is_written_it_is_a_list_or_said_to_be_none(key, value, item_key, item_value, in_item):
    doc = json.loads(model.to_text(SMALL))
    if in_item:
        doc["items"][0][item_key] = item_value
    else:
        doc[key] = value
    _reads(json.dumps(doc))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | JSON.map(json.dumps))
def test_any_text_is_a_list_or_said_to_be_none(text):
    _reads(text)


def _reads(text: str) -> None:
    """What is read can be judged, written, read again, and every verdict and fault of it told."""
    try:
        found = model.read(text)
    except BadList as bad:
        assert bad.said.zh and bad.said.en
        return
    again = model.read(model.to_text(found))
    assert again._replace(sha256="") == found._replace(sha256="")
    assert all(f.zh and f.en for f in model.faults(found))
    said = verdict(found, {i.code: "fail" for i in found.items})
    assert said.why.zh and said.why.en


# --- what is wrong with a list ------------------------------------------------------------------------------------------

ITEM = SMALL.items[0]


def one(**values: Any) -> Checklist:
    return SMALL._replace(items=(ITEM._replace(**values),))


WRONG: list[tuple[str, Checklist, str, str, bool]] = [
    ("no items", SMALL._replace(items=()), "", "items", True),
    ("the same code twice", SMALL._replace(items=(ITEM, ITEM)), "A1", "code", True),
    ("code", SMALL._replace(code="a b"), "", "code", True),
    ("version", SMALL._replace(version=0), "", "version", True),
    ("kind", SMALL._replace(kind="party"), "", "kind", True),
    ("English title", SMALL._replace(title=Label("自定", " ")), "", "title", True),
    ("rule", SMALL._replace(rule=Rule("dice")), "", "rule", True),
    ("more stars than there are", SMALL._replace(rule=Rule("stars", 1)), "", "rule", True),
    ("more than the list has", SMALL._replace(rule=Rule("counts", 0, 2)), "", "rule", True),
    ("counts that ask nothing", SMALL._replace(rule=Rule("counts")), "", "rule", True),
    ("a star nobody looks at", one(star=True), "", "rule", False),
    ("verdict", SMALL._replace(verdicts={"won": Label("赢", "Won")}), "", "verdicts", True),
    ("no basis", SMALL._replace(basis=()), "", "basis", False),
    ("item code", one(code="一"), "一", "code", True),
    ("Chinese label", one(label=Label("", "x")), "A1", "label", True),
    ("section", one(section=Label("段", "")), "A1", "section", True),
    ("item kind", one(kind="dance"), "A1", "kind", True),
    ("an answer that is none", one(options=("pass", "fail", "won")), "A1", "options", True),
    ("nobody can fail", one(options=("pass",)), "A1", "options", True),
    ("an answer twice", one(options=("pass", "fail", "fail")), "A1", "options", True),
    ("severity", one(severity="none"), "A1", "severity", True),
    ("mark", one(mark="X"), "A1", "mark", True),
    ("two numbers", one(asks=(Ask("number", Label("a", "a")), Ask("number", Label("b", "b")))), "A1", "asks", True),
    ("evidence", one(asks=(Ask("smell"),)), "A1", "asks", True),
    ("a number without a name", one(asks=(Ask("number"),)), "A1", "asks", True),
    ("a limit of nothing", one(asks=(Ask("photo", limit="<=1"),)), "A1", "asks", True),
    ("a limit that cannot be read", one(asks=(Ask("number", Label("a", "a"), limit="about 5"),)), "A1", "asks", True),
    ("a limit the wrong way round", one(asks=(Ask("number", Label("a", "a"), limit="8..2"),)), "A1", "asks", True),
    ("a number item without one", one(kind="number", asks=()), "A1", "asks", True),
    ("nothing to compare with", one(asks=(), auto="limit"), "A1", "auto", True),
    ("auto", one(auto="magic"), "A1", "auto", False),
    ("a phrase in one language", one(phrases=(Label("缺", ""),)), "A1", "phrases", False),
    ("beside", one(beside=("moon",)), "A1", "beside", False),
    ("no basis of the item", one(basis=()), "A1", "basis", False),
    ("law", one(basis=(Cite("moon_law", ("1",)),)), "A1", "basis", True),
    ("a basis in one language", one(basis=(Cite(text=Label("要求", "")),)), "A1", "basis", True),
    ("a basis longer than a finding holds", one(basis=(Cite(text=Label("长" * 150, "l" * 150)),) * 2), "A1", "basis", False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "c", "item", "field", "hard"), WRONG, ids=[w[0] for w in WRONG])
def test_what_is_wrong_is_said(name, c, item, field, hard):
    assert [(f.item, f.field, f.hard) for f in model.faults(c)] == [(item, field, hard)]


def test_a_sound_list_has_no_fault():
    assert model.faults(SMALL) == []


# --- records ------------------------------------------------------------------------------------------------------------


def own(c: Checklist = SMALL, id: str = "own", **values: Any):
    return record(
        "checklist", id, **{**model.record_values(c), "state": "published", "valid_from": date(2026, 1, 1), **values}
    )


def test_a_record_holds_its_list():
    made = own()
    assert model.of_record(made) == model.sealed(SMALL)
    assert model.of_record(model.record_values(SMALL)) == model.sealed(SMALL)
    with pytest.raises(BadList, match="own-1@2"):
        model.of_record(own(version=3))
    assert model.record_values(get("demolition"))["basis"] == "—"


def test_an_answer_is_pinned_to_its_version_for_ever():
    mine = model.sealed(SMALL)
    pin = {"list_code": "own-1", "list_version": 2, "list_sha256": mine.sha256}
    changed = own(SMALL._replace(title=Label("改", "Changed")), "changed")
    assert find(pin, [changed, own()]) == mine
    assert find(pin, [own(valid_to=date(2026, 2, 1), state="retired", deleted=True, void_reason="old")]) == mine
    assert find(pin, [changed]) is None and find(pin, []) is None
    assert find(record("inspection", **pin), [own()]) == mine
    well = get("well-check")
    assert find({"list_code": "well-check", "list_version": 1, "list_sha256": well.sha256}, []) == well
    assert find({"list_code": "well-check", "list_version": 1, "list_sha256": "0" * 64}, []) is None
    assert find({"list_code": "well-check"}, []) is None


def test_a_new_check_is_offered_lists_in_force_only():
    project = "11111111-1111-4111-8111-111111111111"
    plain = own(definition="{}", code="broken", id="b")
    rows = [
        own(),
        own(SMALL._replace(version=3), "three"),
        plain,
        own(SMALL._replace(code="other"), "o", project_id="p2"),
    ]
    rows += [
        own(SMALL._replace(code="draft"), "d", state="draft"),
        own(SMALL._replace(code="late"), "l", valid_from=date(2027, 1, 1)),
    ]
    rows += [
        own(SMALL._replace(code="past"), "p", valid_to=date(2026, 11, 27)),
        own(get("well-check")._replace(version=2), "w"),
    ]
    names = [c.name for c in ready.offered(TODAY, rows, project)]
    assert names[:2] == ["own-1@3", "well-check@2"]  # own ones first; one's own version stands in the ready one's place
    assert names[2:] == [c.name for c in ready.every() if c.code != "well-check"]
