"""What the pages show, made of a report and the records it stands on. Pure: no database, no request, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote

from schemas.fields import Audience
from schemas.reference import Label, analyte
from schemas.rules.reconcile import CHECKS, Facts, Finding, PointState, Report
from schemas.rules.reconcile.facts import natural
from sync_server.console.parts import PAGE, Pager, Sign, pager
from sync_server.console.words import compass, pick, words

SHOWN = 20  # findings of one check before "see all"
SEVERITIES = ("severe", "error", "warning", "info", "unknown")  # in the order they ask for a decision
STATES = ("missing", "refused", "partial", "done", "cancelled", "extra", "shifted", "intervention", "screening")
SIGNS = {"error": ("warn", "alert"), "severe": ("up2", "alert"), "warning": ("warn", "warn"), "info": ("doc", "active"),
         "unknown": ("q", "unsure")}  # fmt: skip
_STATE_SIGN = {
    "missing": ("circle", "planned"), "done": ("ok", "done"), "partial": ("half", "active"), "refused": ("block", "planned"),
    "cancelled": ("minus", "planned"), "extra": ("plus", "warn"),
}  # fmt: skip
_EXCEED_SIGN = {
    "none": ("down", "done"), "screening": ("up", "warn"), "intervention": ("up2", "alert"), "unknown": ("q", "unsure"),
}  # fmt: skip
_PAGES = {  # shown on pages of their own
    "manifest": "/manifests",
    "transfer_plan": "/transfer",
    "finding": "/findings",
    "inspection": "/inspections",
}
# the audience whose records a family of checks looks at; without the right to read it, nothing of it is said
_FAMILY = {"T": Audience.TRANSFER.value, "I": Audience.ENFORCEMENT.value}


@dataclass(frozen=True)
class Filter:
    """What a reader asked to see; the part of the address behind the question mark."""

    state: str = ""
    severity: str = ""
    check: str = ""
    q: str = ""
    at: str = ""  # the point in focus
    lacks: str = ""  # a medium, or "medium/group": points that still lack it
    analyte: str = ""  # whose readings are drawn by depth
    page: int = 1
    fpage: int = 1

    @property
    def narrowed(self) -> bool:
        return bool(self.state or self.severity or self.check or self.q or self.lacks)

    def query(self, **changes: Any) -> dict[str, str]:
        """Of another view of the same page: only what differs from the bare one."""
        new = replace(self, **changes)
        bare = Filter()
        return {k: str(v) for k, v in vars(new).items() if v != getattr(bare, k)}


def visible(report: Report, audiences: Iterable[str]) -> list[Finding]:
    """The findings for someone who may read these audiences."""
    may = set(audiences)
    return [
        f for f in report.findings if _FAMILY.get(f.check[:1], Audience.FIELD.value) in may | {Audience.FIELD.value}
    ]


def severity(finding: Finding) -> str:
    """A value above the intervention value is a warning by its check, and yet to be decided first."""
    return "severe" if finding.figures.get("severe") is True else finding.severity


class Told(NamedTuple):
    """What somebody may see of the findings, sorted once for all pages of a report."""

    every: list[Finding]
    by: Mapping[tuple[str, str], list[Finding]]  # (check, severity) → by point, as people count
    counts: Mapping[str, tuple[int, int]]  # point code → (errors, all that can be said)

    def fitting(self, check: str, grade: str) -> dict[tuple[str, str], list[Finding]]:
        """Of this check and severity; "" for any."""
        return {k: v for k, v in self.by.items() if check in ("", k[0]) and grade in ("", k[1])}

    def total(self, *grades: str) -> int:
        return sum(len(v) for (_, grade), v in self.by.items() if grade in grades)


def told(facts: Facts, report: Report, audiences: Iterable[str]) -> Told:
    """Kept with the facts, which belong to one report."""
    may = frozenset(audiences)
    return facts.remember(("told", may), lambda: told_of(visible(report, may)))


def told_of(found: list[Finding]) -> Told:
    by: dict[tuple[str, str], list[Finding]] = {}
    counts: dict[str, tuple[int, int]] = {}
    for f in found:
        grade = severity(f)
        by.setdefault((f.check, grade), []).append(f)
        if f.point_code is not None and grade != "unknown":
            errors, every = counts.get(f.point_code, (0, 0))
            counts[f.point_code] = (errors + (grade in ("error", "severe")), every + 1)
    codes = sorted({f.point_code or "" for f in found}, key=natural)
    place = {code: n for n, code in enumerate(codes)}
    for these in by.values():
        these.sort(key=lambda f: place[f.point_code or ""])
    return Told(found, by, counts)


class Shown(NamedTuple):
    """One finding as a reader sees it."""

    text: str
    who: str
    source: str
    missing: str
    point: str | None
    row: str | None
    record: str  # where the record it is about is shown, behind the project's address; "" where there is none
    limit: tuple[Decimal, Decimal, Decimal | None] | None


class Group(NamedTuple):
    """The findings of one check and severity."""

    check: str
    severity: str
    anchor: str
    title: str
    sign: Sign
    total: int
    findings: list[Shown]
    who: str  # said once where it is the same for all shown
    source: str
    open: bool
    pager: Pager | None


def groups(report: Report, told: Told, by: Filter, lang: str) -> list[Group]:
    """By severity, then the most first."""
    w = words(lang)
    rows = {p.code: row_id(p) for p in reversed(report.points)}
    sorted_in = told.fitting(by.check, by.severity)
    keys = sorted(sorted_in, key=lambda k: (SEVERITIES.index(k[1]), -len(sorted_in[k]), k[0]))
    named: set[str] = set()
    out = []
    for check, grade in keys:
        these = sorted_in[check, grade]
        chosen = bool(by.check and len(keys) <= 4)
        pages = pager(len(these), by.fpage) if by.check else None
        part = these[pages.first : pages.last] if pages else these[:SHOWN]
        listed = [_shown(f, rows, lang) for f in part]
        anchor = f"check-{check}" if check not in named else f"check-{check}-{grade}"
        named.add(check)
        icon, colour = SIGNS[grade]
        out.append(
            Group(check, grade, anchor, pick(Label(CHECKS[check].zh, CHECKS[check].en), lang),
                  Sign(icon, colour, w(f"sev_{grade}")), len(these), listed, _same(x.who for x in listed),
                  _same(x.source for x in listed), chosen, pages if pages and pages.total > PAGE else None)
        )  # fmt: skip
    return out


def record_path(f: Finding) -> str:
    """Where the record a finding is about is shown, behind the project's address; "" for the project itself. Loads, also those nobody
    has a record of yet, plans, findings and inspections have pages of their own."""
    if f.subject_type == "project" or not f.subject_id:
        return ""
    if f.subject_type in _PAGES:  # a load known only from a code has no record to open
        return f"{_PAGES[f.subject_type]}/{quote(f.subject_id, safe='')}"
    return f"/records/{quote(f.subject_type, safe='')}/{quote(f.subject_id, safe='')}"


def _same(texts: Iterable[str]) -> str:
    found = set(texts)
    return found.pop() if len(found) == 1 else ""


def _shown(f: Finding, rows: dict[str, str], lang: str) -> Shown:
    figures = f.figures
    value, screening, above = figures.get("value"), figures.get("limit"), figures.get("intervention")
    limit = (value, screening, above) if isinstance(value, Decimal) and isinstance(screening, Decimal) else None
    cite = figures.get("cite")
    return Shown(
        f.zh if lang == "zh" else f.en, pick(f.who, lang), pick(cite, lang) if isinstance(cite, Label) else f.source,
        pick(f.missing, lang) if f.missing else "", f.point_code, rows.get(f.point_code or ""), record_path(f), limit,
    )  # fmt: skip


def map_query(by: Filter) -> dict[str, str]:
    """The same choice as the map's data is asked for it."""
    level = by.state in ("intervention", "screening")
    asked = {"exceed" if level else "state": by.state, "severity": by.severity, "check": by.check, "q": by.q}
    return {k: x for k, x in asked.items() if x}


class Row(NamedTuple):
    """One point in the table."""

    id: str
    code: str
    symbol: str
    state: Sign
    exceed: Sign
    elements: str
    shift: str
    bearing: str
    shifted: bool | None
    accuracy: str
    duplicates: int
    findings: int
    errors: int
    planned: str
    actual: str
    visited: bool
    record: str  # where it is shown, behind the project's address


def row_id(p: PointState) -> str:
    return f"p-{p.planned_id or (p.visits[0] if p.visits else '0')}"


def symbol_of(p: PointState) -> str:
    """The worst judgement wins the shape."""
    if p.exceed in ("intervention", "screening"):
        return p.exceed
    return "planned" if p.state == "missing" else p.state


def _rank(p: PointState, errors: int, warnings: int) -> tuple[Any, ...]:
    level = {"intervention": 0, "screening": 1}.get(p.exceed, 2)
    return (
        level,
        -errors,
        {"missing": 0, "refused": 1, "extra": 2, "partial": 3}.get(p.state, 4),
        -warnings,
        natural(p.code),
    )


def fitting(report: Report, told: Told, by: Filter) -> list[PointState]:
    """The points that fit the filter, worst first."""
    wanted: set[str | None] | None = None
    if by.check or by.severity:
        wanted = {f.point_code for these in told.fitting(by.check, by.severity).values() for f in these}
    fits = [p for p in report.points if _fits(p, by, wanted)]
    return sorted(fits, key=lambda p: _rank(p, *told.counts.get(p.code, (0, 0))))


def rows(report: Report, told: Told, by: Filter, lang: str) -> tuple[list[Row], Pager]:
    """One page of them."""
    fits = fitting(report, told, by)
    pages = pager(len(fits), by.page)
    return [_row(p, told.counts, lang) for p in fits[pages.first : pages.last]], pages


def one_row(report: Report, told: Told, code: str, lang: str) -> Row | None:
    """The point in focus."""
    p = next((p for p in report.points if p.code == code), None)
    return _row(p, told.counts, lang) if p else None


def _fits(p: PointState, by: Filter, wanted: set[str | None] | None) -> bool:
    if wanted is not None and p.code not in wanted:
        return False
    if by.q and by.q.casefold() not in p.code.casefold():
        return False
    if by.lacks and not any(x == by.lacks or x.startswith(f"{by.lacks}/") for x in p.lacking):
        return False
    if by.state == "shifted":
        return p.shifted is True
    return by.state in ("", p.state, p.exceed)


def signs(p: PointState, lang: str) -> tuple[Sign, Sign]:
    """The chips of a point: its state, and how it was judged."""
    w = words(lang)
    state = (
        Sign("move", "warn", w("s_shifted"))
        if p.shifted and p.state == "done"
        else Sign(*_STATE_SIGN[p.state], w(f"s_{p.state}"))
    )
    return state, Sign(*_EXCEED_SIGN[p.exceed], w(f"e_{p.exceed}"))


def _row(p: PointState, counts: Mapping[str, tuple[int, int]], lang: str) -> Row:
    state, exceed = signs(p, lang)
    errors, every = counts.get(p.code, (0, 0))
    return Row(
        row_id(p), p.code, symbol_of(p), state, exceed, element_names(p.exceeded, lang), "" if p.shift_m is None else f"{p.shift_m:.2f}",
        compass(p.bearing_deg, lang) if p.bearing_deg is not None and p.shift_m else "", p.shifted,
        "" if p.accuracy is None else f"{p.accuracy:f}", p.duplicates, every, errors, place(p.planned), place(p.actual), p.visited,
        f"/records/point/{p.visits[0]}" if p.visits else f"/records/planned_point/{p.planned_id}",
    )  # fmt: skip


def place(at: tuple[Decimal, Decimal] | None) -> str:
    return f"{at[0]:.6f}° {at[1]:.6f}°" if at else ""


def element_names(names: Iterable[str], lang: str) -> str:
    known = [(n, analyte(n)) for n in names]
    return ("、" if lang == "zh" else ", ").join(
        (a.zh if lang == "zh" else a.symbol or a.en) if a else n for n, a in known
    )
