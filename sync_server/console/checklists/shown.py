"""Lists and items as the pages show them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple

from schemas.reference import Label, codes, to_confirm
from schemas.rules.checklists import model
from schemas.rules.checklists.basis import basis_for, text
from schemas.rules.checklists.model import BadList, Checklist, Fault, Item
from schemas.rules.checklists.publishing import DRAFT, PUBLISHED, RETIRED
from schemas.rules.checklists.verdict import rule_words
from sync_server.console.inspections.rows import severity_sign
from sync_server.console.parts import Sign
from sync_server.console.words import pick, words
from sync_server.store import Stored

_STATE = {DRAFT: ("half", "active"), PUBLISHED: ("ok", "done"), RETIRED: ("block", "planned")}


class Row(NamedTuple):
    """One list. `path`: behind /checklists; `name`: what a copy is made from."""

    path: str
    name: str
    title: str
    code: str
    version: int
    kind: str
    items: int
    sign: Sign
    days: str
    based_on: str
    everywhere: bool  # of the organisation, not of this project alone
    draft: bool


class ItemRow(NamedTuple):
    code: str
    label: str
    other: str  # the same in the other language
    severity: Sign
    star: bool
    asks: list[str]
    basis: str
    mark: str
    unsure: bool
    options: str
    faults: list[Fault]
    first: bool
    last: bool


def own_row(s: Stored, lang: str) -> Row:
    """Also of a record whose contents cannot be read: it is there, and says so by having no items."""
    v = s.values
    try:
        count = len(model.of_record(v).items)
    except BadList:
        count = 0
    days = "–".join(str(v.get(k) or "") for k in ("valid_from", "valid_to")) if v.get("valid_from") else ""
    title = str(v.get("title_zh" if lang == "zh" else "title_en") or v.get("title_zh") or "")
    return Row(
        s.id, s.id, title, str(v.get("code")), int(v.get("version", 0)), kind_word(str(v.get("kind")), lang), count,
        state_sign(str(v.get("state") or DRAFT), lang), days, str(v.get("based_on") or ""), not v.get("project_id"),
        (v.get("state") or DRAFT) == DRAFT,
    )  # fmt: skip


def ready_row(c: Checklist, lang: str) -> Row:
    return Row(
        f"ready/{c.name}", c.name, pick(c.title, lang), c.code, c.version, kind_word(c.kind, lang), len(c.items),
        mark_sign(c.mark, bool(c.basis), lang), c.valid_from.isoformat() if c.valid_from else "", "", True, False,
    )  # fmt: skip


def kind_word(kind: str, lang: str) -> str:
    return pick(codes("inspection_kind").get(kind, Label(kind, kind)), lang)


def state_sign(state: str, lang: str) -> Sign:
    icon, colour = _STATE.get(state, ("q", "unsure"))
    return Sign(icon, colour, pick(codes("checklist_state").get(state, Label(state, state)), lang))


def mark_sign(mark: str, basis: bool, lang: str) -> Sign:
    """How sure the list is: of a source that was read, or to be confirmed."""
    w = words(lang)
    if to_confirm(mark) or (mark == "D" and not basis):
        return Sign("q", "unsure", w("ck_to_confirm", m=mark))
    return (
        Sign("ok", "done", w("ck_sure", m=mark)) if mark in ("C", "C1") else Sign("half", "planned", w("ck_designed"))
    )


def sections(c: Checklist, found: Sequence[Fault], day: date, lang: str) -> list[tuple[str, list[ItemRow]]]:
    """Section by section, as the list runs; a section that comes twice is told twice."""
    faults: dict[str, list[Fault]] = {}
    for fault in found:
        faults.setdefault(fault.item, []).append(fault)
    rows = [(item, _item(item, c, n, faults.get(item.code, []), day, lang)) for n, item in enumerate(c.items)]
    return [
        (pick(section, lang) or words(lang)("ck_no_section"), [row for _, row in group])
        for section, group in groupby(rows, key=lambda pair: pair[0].section)
    ]


def _item(item: Item, c: Checklist, n: int, faults: list[Fault], day: date, lang: str) -> ItemRow:
    other = "en" if lang == "zh" else "zh"
    return ItemRow(
        item.code, pick(item.label, lang), pick(item.label, other), severity_sign(item.severity, lang), item.star,
        [_ask(a, lang) for a in item.asks], text(basis_for(item, day), lang), item.mark, to_confirm(item.mark) or not item.basis,
        said_options(item, lang), faults, n == 0, n == len(c.items) - 1,
    )  # fmt: skip


def _ask(ask: model.Ask, lang: str) -> str:
    w = words(lang)
    name = pick(ask.name, lang) or w(f"ck_what_{ask.what}")
    unit = f" {ask.unit}" if ask.unit else ""
    limit = f" {ask.limit.replace('<=', '≤ ').replace('>=', '≥ ').replace('..', '–')}" if ask.limit else ""
    return f"{name}{limit}{unit}" + (w("ck_if_there") if ask.optional else "")


def said_options(item: Item, lang: str) -> str:
    known = codes("answer_value")
    return " / ".join(pick(known.get(o, Label(o, o)), lang) for o in item.options)


def rule(c: Checklist, lang: str) -> str:
    return pick(rule_words(c), lang)


def faults_told(found: Sequence[Fault], lang: str) -> list[tuple[str, str, bool]]:
    """(item, what, must be mended first)."""
    return [(f.item, f.zh if lang == "zh" else f.en, f.hard) for f in found]


def verdict_words(c: Checklist, lang: str) -> list[tuple[str, str]]:
    known = codes("verdict")
    return [(pick(known.get(code, Label(code, code)), lang), pick(label, lang)) for code, label in c.verdicts.items()]


def readable(values: Mapping[str, object]) -> Checklist | None:
    try:
        return model.of_record(values)
    except BadList:
        return None
