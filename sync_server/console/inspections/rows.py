"""The ledger of findings: which fit what is asked for, how each is shown, and the numbers above the table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from schemas.records.inspection import Inspection
from schemas.reference import Label, codes
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.terms import day
from sync_server.console.inspections.verdicts import Judged, judged
from sync_server.console.parts import Sign
from sync_server.console.words import pick, words
from sync_server.findings import Entry, entries, latest

SOON_DAYS = 3  # D: a deadline this near is marked
LISTED = 60  # characters of a description in the table
STATES = ("late", "work", "waits", "open", "soon", "issued", "rectifying", "reported", "closed", "referred")
_SIGN = {
    "issued": ("circle", "planned"), "rectifying": ("half", "active"), "reported": ("clock", "active"), "closed": ("ok", "done"),
    "referred": ("flag", "clash"),
}  # fmt: skip
_COUNTED = {"work": ("issued", "rectifying"), "waits": ("reported",)}
_SEVERITY = {"severe": ("x", "alert"), "law": ("x", "alert"), "general": ("warn", "warn"), "tip": ("q", "unsure")}


class Asked(NamedTuple):
    """What a reader asked for; the part of the address behind the question mark."""

    state: str = ""
    severity: str = ""
    party: str = ""
    site: str = ""
    q: str = ""
    at: str = ""  # the finding shown below the table
    page: int = 1

    @property
    def narrowed(self) -> bool:
        return bool(self.state or self.severity or self.party or self.site or self.q)


class Row(NamedTuple):
    """A finding in the table."""

    id: str
    code: str
    severity: Sign
    text: str
    more: str  # the item or facility it is about
    party: str
    deadline: str
    sign: Sign
    age: str
    asks: int  # open questions


class Figure(NamedTuple):
    """A number above the table. `state`: what a click asks for."""

    word: str
    value: str
    line: str
    alert: bool
    state: str


def fitting(found: Sequence[Entry], by: Asked, today: date) -> list[Entry]:
    q = by.q.casefold()
    return [
        e for e in found
        if _stands(e, by.state, today)
        and (not by.severity or by.severity == e.finding.severity)
        and (not by.party or by.party == e.finding.org_id)
        and (not by.site or by.site == e.site_id)
        and (not q or any(q in x.casefold() for x in (e.finding.code, e.finding.description, e.finding.kind, e.org, e.finding.responsible or "")))
    ]  # fmt: skip


def _stands(e: Entry, state: str, today: date) -> bool:
    if state == "late":
        return bool(e.late)
    if state == "open":
        return e.open
    if state in ("work", "waits"):  # as the numbers above the table count them: what is late stands under "late"
        return not e.late and e.course.state in _COUNTED[state]
    if state == "soon":
        return soon(e, today)
    return not state or state == e.course.state


def soon(e: Entry, today: date) -> bool:
    """Due within a few days, or today, and not yet reported done."""
    due = e.course.deadline
    waits = e.course.state in ("issued", "rectifying")
    return waits and due is not None and today <= due <= today + timedelta(days=SOON_DAYS)


def row(e: Entry, today: date, lang: str) -> Row:
    f = e.finding
    first = next((line.strip() for line in f.description.splitlines() if line.strip()), "")
    return Row(
        f.id, f.code, severity_sign(f.severity, lang), first if len(first) <= LISTED else f"{first[:LISTED]}…", f.kind, party(e),
        short_day(e.course.deadline, today), sign(e, today, lang), days(e.age, lang), len(e.course.open),
    )  # fmt: skip


def party(e: Entry) -> str:
    """The firm, and who answers for it."""
    return " · ".join(x for x in (e.org, e.finding.responsible) if x) or "—"


def sign(e: Entry, today: date, lang: str) -> Sign:
    """How it stands; of one that is late by how much, since that is what one acts on."""
    w = words(lang)
    if e.late:
        return Sign("clock", "alert", w("in_late", n=e.late))
    if soon(e, today) and e.course.deadline is not None:
        n = (e.course.deadline - today).days
        return Sign("clock", "warn", w("in_due_in", n=n) if n else w("in_due_today"))
    return state_sign(e.course.state, lang)


def state_sign(state: str, lang: str) -> Sign:
    icon, colour = _SIGN.get(state, ("q", "unsure"))
    return Sign(icon, colour, words(lang)(f"in_s_{state}") if state in _SIGN else state)


def severity_sign(severity: str, lang: str) -> Sign:
    icon, colour = _SEVERITY.get(severity, ("q", "unsure"))
    return Sign(icon, colour, pick(codes("severity").get(severity, Label(severity, severity)), lang))


def short_day(on: date | None, today: date) -> str:
    """11-28; of another year 2027-01-08."""
    if on is None:
        return "—"
    return f"{on:%m-%d}" if on.year == today.year else on.isoformat()


def days(n: int, lang: str) -> str:
    return words(lang)("in_day" if n == 1 else "in_days", n=n)


# --- the numbers above the table ------------------------------------------------------------------------------------------


def figures(facts: Facts, lang: str) -> tuple[list[Figure], Judged | None]:
    """Every finding stands in one of the first four; and the verdict of the last check."""
    w, today, all_ = words(lang), day(facts.now), entries(facts)
    late = [e for e in all_ if e.late]
    work, reported = ([e for e in all_ if _stands(e, state, today)] for state in ("work", "waits"))
    over = [e for e in all_ if not e.open]
    closed = [e for e in over if e.course.state == "closed"]
    dues = [e.course.deadline for e in work if e.course.deadline is not None]
    second = sum(waits_for_second(e) for e in reported)
    out = [
        Figure(w("in_k_late"), str(len(late)), w("in_k_longest", d=days(late[0].late, lang)) if late else w("in_k_none_late"), bool(late), "late"),
        Figure(w("in_k_work"), str(len(work)), w("in_k_next_due", d=short_day(min(dues), today)) if dues else "—", False, "work"),
        Figure(w("in_s_reported"), str(len(reported)), w("in_k_second", n=second) if second else w("in_k_two"), False, "waits"),
        Figure(w("in_s_closed"), str(len(closed)), _ended(closed, len(over) - len(closed), lang), False, "closed"),
    ]  # fmt: skip
    last = latest(facts)
    return out, judged(facts, last, lang) if last else None


def waits_for_second(e: Entry) -> bool:
    """One inspector has closed it or sent it on; another one has to."""
    return e.open and e.course.pending is not None


def _ended(closed: Sequence[Entry], referred: int, lang: str) -> str:
    w = words(lang)
    parts = []
    if closed:
        mean = sum(e.age for e in closed) / len(closed)
        parts.append(w("in_k_mean", d=f"{mean:.1f}".removesuffix(".0")))
    if referred:
        parts.append(w("in_k_referred", n=referred))
    return " · ".join(parts) or "—"


def heading(facts: Facts, lang: str) -> str:
    """3 checks · 7 findings · 2 grave ones open."""
    w, all_ = words(lang), entries(facts)
    parts = [w("in_n_checks", n=len(facts.alive(Inspection))), w("in_n_findings", n=len(all_))]
    grave = sum(e.open and e.grave for e in all_)
    return " · ".join([*parts, w("in_n_grave", n=grave)] if grave else parts)


def parties(facts: Facts) -> list[tuple[str, str]]:
    """(id, name) of the firms that findings name."""
    return sorted({(e.finding.org_id, e.org or e.finding.org_id[:8]) for e in entries(facts)}, key=lambda x: x[1])


def sites(facts: Facts) -> list[tuple[str, str]]:
    return sorted({(e.site_id, e.site or e.site_id[:8]) for e in entries(facts) if e.site_id}, key=lambda x: x[1])
