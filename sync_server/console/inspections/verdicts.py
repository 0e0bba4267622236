"""The verdict of a check: what its list's rule says of the answers, and what people made of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.records.checklist import Checklist as ListRecord
from schemas.records.checklist_answer import ChecklistAnswer
from schemas.records.inspection import Inspection
from schemas.reference import Label, codes
from schemas.rules.checklists import ready
from schemas.rules.checklists.model import Checklist
from schemas.rules.checklists.verdict import verdict
from schemas.rules.reconcile import Facts
from sync_server.console.parts import Sign
from sync_server.console.words import pick, words

# one item answered more than once (repeated groups) stands with the worst of its answers
_WORST = ("fail", "insufficient", "unanswered", "pass", "not_apply")
_SIGN = {
    "pass": ("ok", "done"), "pass_amend": ("warn", "warn"), "rectify": ("warn", "warn"), "fail_severe": ("x", "alert"), "fail_redo": ("x", "alert"),
    "refer": ("flag", "alert"),
}  # fmt: skip


class Judged(NamedTuple):
    """`word`: the verdict that stands in the record, in the list's own words; `why`: which rule, which counts; `by_rule`: what the rule
    says where people were stricter, else ""; `against`: the record's own verdict by the rule where it differs from ours, else ""."""

    id: str
    code: str
    word: str
    sign: Sign
    why: str
    by_rule: str
    against: str


def list_of(facts: Facts, inspection: Inspection) -> Checklist | None:
    """The very list its answers belong to; None where it names none, or none here agrees with its hash."""
    key = ("console.list", inspection.id)
    return facts.remember(key, lambda: ready.pinned(inspection, facts.every(ListRecord)))


def answers_of(facts: Facts, inspection: str) -> Sequence[ChecklistAnswer]:
    return facts.of(ChecklistAnswer, "inspection_id", inspection)


def worst(answers: Sequence[ChecklistAnswer]) -> Mapping[str, str]:
    """Item → its answer."""
    out: dict[str, str] = {}
    for a in answers:
        known = out.get(a.item_code)
        if known is None or _rank(a.answer) < _rank(known):
            out[a.item_code] = a.answer
    return out


def _rank(answer: str) -> int:
    return _WORST.index(answer) if answer in _WORST else len(_WORST)


def judged(facts: Facts, inspection: Inspection, lang: str) -> Judged | None:
    """None where nobody has come to a verdict and no rule does."""
    checklist = list_of(facts, inspection)
    found = verdict(checklist, worst(answers_of(facts, inspection.id))) if checklist else None
    ours = found.code if found else None
    code = inspection.verdict or inspection.verdict_by_rule or ours
    if code is None:
        return None

    def word(code: str) -> str:
        return pick(checklist.words(code) if checklist else codes("verdict").get(code, Label(code, code)), lang)

    said = inspection.verdict_by_rule or ours
    against = (
        word(inspection.verdict_by_rule)
        if inspection.verdict_by_rule and ours and inspection.verdict_by_rule != ours
        else ""
    )
    return Judged(
        inspection.id, inspection.code, word(code), sign(code, word(code)), pick(found.why, lang) if found else "",
        word(said) if said and said != code else "", against,
    )  # fmt: skip


def sign(code: str, word: str) -> Sign:
    return Sign(*_SIGN.get(code, ("q", "unsure")), word)


def list_name(facts: Facts, inspection: Inspection, lang: str) -> str:
    """What the list is called, with its version; its code where it is not here."""
    found = list_of(facts, inspection)
    version = words(lang)("in_version", n=inspection.list_version) if inspection.list_version else ""
    title = pick(found.title, lang) if found else inspection.list_code or ""
    return f"{title} {version}".strip()
