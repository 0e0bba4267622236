"""Which law an item stands on, by the day of the conduct (从旧兼从轻): 土壤污染防治法 to 2026-08-14, 生态环境法典 from 2026-08-15.

Where the article of the day is not known it says 待核; none is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from schemas.reference import Label, basis, basis_on, to_confirm
from schemas.rules.checklists.model import NONE, Cite, Item

TO_CONFIRM = "待核"
_SAID_EN = {TO_CONFIRM: "to be confirmed"}
LONGEST = 200  # characters of Finding.basis and Finding.quote

# Days to put a problem right where nobody sets others: no statute has a figure, 7, 15 and 30 are usual (K).
DEADLINES: Mapping[str, int | None] = MappingProxyType(
    {"severe": 7, "law": 15, "general": 30, "tip": None, "none": None}
)


class Said(NamedTuple):
    """One document as it is cited, in both languages, 待核 included; `quote`: what it says, in short; `status`: 待核 or
    nothing."""

    zh: str
    en: str
    quote: Label = NONE
    mark: str = "C"
    status: str = ""


def basis_for(item: Item, day: date) -> tuple[Said, ...]:
    """What the item stands on, as in force on `day`, the day of the conduct. Empty where the list names nothing."""
    return tuple(
        said for cite in item.basis for said in (_law(cite, day) if cite.law else (_document(cite, item.mark),))
    )


def text(said: Sequence[Said], lang: str) -> str:
    """All of them in one line, whole ones only, at most LONGEST characters; 待核 alone where there is none."""
    if not said:
        return TO_CONFIRM if lang == "zh" else "To be confirmed"
    between = "；" if lang == "zh" else "; "
    parts = [s.zh if lang == "zh" else s.en for s in said]
    while len(parts) > 1 and len(between.join(parts)) > LONGEST:
        parts.pop()
    return between.join(parts)[:LONGEST]


def quote(said: Sequence[Said]) -> Label:
    """What the first document that says something says, as a finding shows it; at most LONGEST characters."""
    first = next((s.quote for s in said if s.quote.zh), NONE)
    return Label(first.zh[:LONGEST], first.en[:LONGEST])


def deadline_days(severity: str, days: Mapping[str, int | None] = DEADLINES) -> int | None:
    """Days for putting a problem of this severity right [K]; None where none is set (a note)."""
    return days.get(severity, days.get("general"))


def _document(cite: Cite, mark: str) -> Said:
    status = TO_CONFIRM if to_confirm(mark) else ""
    return _said(cite.text, NONE, mark, status)


def _said(name: Label, words: Label, mark: str, status: str) -> Said:
    if not status or status in name.zh:
        return Said(name.zh, name.en, words, mark, status)
    return Said(f"{name.zh}（{status}）", f"{name.en} ({_SAID_EN.get(status, status)})", words, mark, status)


def _law(cite: Cite, day: date) -> tuple[Said, ...]:
    """The articles of a law, or what has taken its place by then."""
    own = [row for row in basis() if row.law == cite.law]
    if not own:
        return (Said(f"{cite.law}（待核）", f"{cite.law} (to be confirmed)", cite.text, "K?", TO_CONFIRM),)
    rows = basis_on(cite.law, day)
    if not rows:
        name = Label(f"《{own[0].law_zh}》", own[0].law_en)
        zh, en = f"{name.zh}（{day} 尚未施行，待核）", f"{name.en} (not in force on {day}, to be confirmed)"
        return (Said(zh, en, NONE, own[0].mark, TO_CONFIRM),)
    if rows[0].law != cite.law:
        return tuple(
            _instead(cite, row.law_zh, row.law_en, Label(row.zh, row.en), row.mark, own[0].law_zh) for row in rows
        )
    if not cite.articles:
        return tuple(_said(row.cite, Label(row.zh, row.en), row.mark, row.status) for row in rows if not row.article)
    known = {row.article: row for row in rows}
    out = []
    for article in cite.articles:
        if row := known.get(article):
            out.append(_said(row.cite, Label(row.zh, row.en), row.mark, row.status))
        else:  # named by the list, its words not in the table
            zh, en = f"《{own[0].law_zh}》第{article}条", f"{own[0].law_en}, Art. {article}"
            out.append(_said(Label(zh, en), NONE, "K", TO_CONFIRM))
    return tuple(out)


def _instead(cite: Cite, zh: str, en: str, words: Label, mark: str, before: str) -> Said:
    """The law that replaced it, article not yet mapped; which article of the old one it was helps whoever looks it
    up."""
    old = "、".join(cite.articles)
    was = Label(f"，原{_short(before)}第{old}条", f"; formerly Art. {old} of the law it replaced") if old else NONE
    return Said(f"《{zh}》（条号待核{was.zh}）", f"{en} (article to be confirmed{was.en})", words, mark, TO_CONFIRM)


def _short(name: str) -> str:
    return name.removeprefix("中华人民共和国")
