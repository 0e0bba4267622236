"""The checklist of an on-site record with its answers and verdict, and the findings, as cells. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from schemas.records.checklist_answer import ChecklistAnswer
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.reference import Label
from schemas.rules.checklists.model import Checklist, Item
from schemas.rules.checklists.verdict import stricter, verdict
from schemas.rules.onsite.signed import FAILS
from schemas.rules.reconcile.facts import natural
from sync_server.documents.onsite_shots import Shots, place_of
from sync_server.documents.onsite_words import Say
from sync_server.documents.sheet import Cell, cell, coded, entry, joined, label, paired
from sync_server.documents.text import LONG, day, figure, plain, when

WHOLE = 1200  # characters of a finding that surely fit one page
GRAVE = frozenset({"severe", "law"})


def worded(words: Label, lang: str) -> str:
    return words.zh if lang == "zh" else words.en


class Check:
    """`list`: the version the answers belong to; None where it is not here. `answers`: in the order of the list, those of no item last."""

    def __init__(self, list: Checklist | None, answers: Sequence[ChecklistAnswer]) -> None:
        self.list = list
        rank = {item.code: n for n, item in enumerate(list.items)} if list else {}
        last = len(rank)
        self.answers = sorted(
            answers,
            key=lambda a: (rank.get(a.item_code, last), natural(a.item_code), natural(a.instance or ""), a.id),
        )

    def name(self, code: str, lang: str) -> str:
        """What an item is called: its number in the list."""
        n = next((n for n, item in enumerate(self.list.items, 1) if item.code == code), None) if self.list else None
        return f"{n}" if n is not None and lang else code

    @cached_property
    def by_item(self) -> dict[str, list[ChecklistAnswer]]:
        out: dict[str, list[ChecklistAnswer]] = {}
        for a in self.answers:
            out.setdefault(a.item_code, []).append(a)
        return out

    @cached_property
    def given(self) -> dict[str, str]:
        """Item → its answer, as the rule counts them: of several places the worst."""
        rank = {"fail": 3, "insufficient": 2, "pass": 1, "not_apply": 0}
        return {code: max((a.answer for a in of), key=lambda x: rank.get(x, -1)) for code, of in self.by_item.items()}


def answered(check: Check, inspection: Inspection, shots: Shots, w: Say, lang: str) -> dict[str, Any]:
    """The table of items; {} where there is neither a list nor an answer."""
    if not inspection.list_code and not check.answers:
        return {}
    code, v = inspection.list_code or "", inspection.list_version or ""
    head = [w("o_l_n"), w("o_l_section"), w("o_l_item"), w("o_l_answer"), w("o_l_said")]
    if check.list is None:
        notes = [plain(w("o_l_gone", code=code, v=v))] if code else []
        rows = [
            row for n, a in enumerate(check.answers, 1) for row in [_row(str(n), "", a.item_code, a, shots, w, lang)]
        ]
    else:
        notes = [
            plain(w("o_l_of", title=worded(check.list.title, lang), code=code, v=v)),
            plain(w("o_l_sha", sha=check.list.sha256)),
        ]
        rows = [row for n, item in enumerate(check.list.items, 1) for row in _rows(n, item, check, shots, w, lang)]
        known = {item.code for item in check.list.items}
        rows += [_row("", "", a.item_code, a, shots, w, lang) for a in check.answers if a.item_code not in known]
    rows = rows or [[entry(""), entry(""), entry(w("o_l_none"), "missing"), entry(""), entry("")]]
    return {"table": {"head": head, "rows": rows, "columns": [0.34, 1.0, 2.7, 0.85, 2.1]}, "notes": notes}


def _rows(n: int, item: Item, check: Check, shots: Shots, w: Say, lang: str) -> list[list[Cell]]:
    number, section = f"{n}{'★' if item.star else ''}", worded(item.section, lang)
    found = check.by_item.get(item.code, [])
    if not found:
        none = coded(ChecklistAnswer, "answer", "unanswered", lang)
        return [[entry(number), entry(section), entry(worded(item.label, lang)), entry(none, "missing"), entry("")]]
    return [_row(number, section, worded(item.label, lang), a, shots, w, lang, item) for a in found]


def _row(
    number: str, section: str, words: str, a: ChecklistAnswer, shots: Shots, w: Say, lang: str, item: Item | None = None
) -> list[Cell]:  # fmt: skip
    noted = item is not None and item.kind != "answer"
    answer = "" if noted and a.answer == "pass" else coded(ChecklistAnswer, "answer", a.answer, lang)
    figures = f"{figure(a.number)} {a.unit or ''}".strip() if a.number is not None else ""
    instance = w("o_l_instance", n=a.instance) if a.instance else ""
    said = [
        a.text or "", a.choices or "", when(a.moment), place_of(a.position, w), w("o_l_auto", v=a.auto_value) if a.auto_value else "",
        a.note or "", w("o_l_photos", n=joined([str(n) for n in own], lang)) if (own := shots.of(a.id)) else "",
    ]  # fmt: skip
    tone = "alert" if a.answer in FAILS else "missing" if a.answer == "unanswered" else ""
    return [
        entry(number), entry(section), entry(joined([words, instance], lang, "comma"), most=600),
        entry("\n".join(p for p in (answer, figures) if p), tone), entry("\n".join(p for p in said if p), most=LONG, mark=w("cut")),
    ]  # fmt: skip


def concluded(check: Check, inspection: Inspection, w: Say, lang: str) -> list[list[Cell]]:
    """What the rule says and why, what the officers decided, and what is to happen."""
    i, rows = inspection, list[list[Cell]]()
    by_rule = i.verdict_by_rule
    if check.list is not None:
        now = verdict(check.list, check.given)
        said = _verdict(check, by_rule, lang) if by_rule else worded(now.label, lang)
        if by_rule and now.code != by_rule:
            said = w("o_rule_now", said=said, now=worded(now.label, lang))
        rows += [[cell(w("o_by_rule"), said, lang)], [cell(w("o_why"), worded(now.why, lang), lang, most=1000)]]
    elif by_rule:
        rows.append([cell(w("o_by_rule"), _verdict(check, by_rule, lang), lang)])
    if i.verdict:
        said = _verdict(check, i.verdict, lang)
        if by_rule and i.verdict != by_rule:
            said = w(
                "o_stricter"
                if stricter(i.verdict, by_rule)
                else "o_milder"
                if stricter(by_rule, i.verdict)
                else "o_equal",
                said=said,
            )
        rows.append([cell(label(Inspection, "verdict", lang), said, lang, "strong")])
    elif rows or i.opinion:
        rows.append([cell(label(Inspection, "verdict", lang), None, lang)])
    if i.opinion:
        rows.append([cell(label(Inspection, "opinion", lang), i.opinion, lang, most=LONG)])
    if i.measure or i.deadline:
        rows += paired([cell(label(Inspection, "measure", lang), coded(Inspection, "measure", i.measure, lang), lang, "strong"),
                        cell(label(Inspection, "deadline", lang), day(i.deadline), lang)])  # fmt: skip
    return rows


def _verdict(check: Check, code: str, lang: str) -> str:
    """In the list's own words, where it is here."""
    return worded(check.list.words(code), lang) if check.list else coded(Inspection, "verdict", code, lang)


def problem(f: Finding, org: str, facility: str, photos: Sequence[int], w: Say, lang: str) -> dict[str, Any]:
    """One finding, whole."""

    def said(name: str, text: object, tone: str = "", most: int = 400) -> Cell:
        return cell(label(Finding, name, lang), text, lang, tone, most)

    basis = w("o_f_basis", basis=f.basis, quote=f.quote) if f.quote else f.basis
    rows = [
        *paired([said("severity", coded(Finding, "severity", f.severity, lang), "alert" if f.severity in GRAVE else "strong"), said("kind", f.kind)]),
        [said("description", f.description, most=LONG)],
        [said("basis", basis, most=1000)],
        *paired([
            said("org_id", org, "strong"), said("responsible", f.responsible), said("deadline", day(f.deadline), "strong"),
            said("conduct_on", day(f.conduct_on)) if f.conduct_on else None, said("position", place_of(f.position, w)) if f.position else None,
            said("facility_id", facility) if facility else None,
            cell(w("photos"), w("o_l_photos", n=joined([str(n) for n in photos], lang)), lang) if photos else None,
        ]),
        *([[said("measure", f.measure, most=LONG)]] if f.measure else []),
        *([[said("note", f.note, most=LONG)]] if f.note else []),
    ]  # fmt: skip
    # kept on one page, unless it is so long that it could not be
    return {"title": plain(f.code), "rows": rows, "whole": len(f.description) + len(f.measure or "") < WHOLE}
