"""What the pages show, made of a report and the records it stands on. Pure: no database, no request, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.fields import Audience
from schemas.reference import Label, analyte
from schemas.rules.reconcile import CHECKS, Finding, PointState, Report
from sync_server.console.parts import PAGE, Pager, Sign, natural, pager
from sync_server.console.words import compass, pick, words

SHOWN = 20  # findings of one check before "see all"
SEVERITIES = ("severe", "error", "warning", "info", "unknown")  # in the order they ask for a decision
STATES = ("missing", "refused", "partial", "done", "cancelled", "extra", "shifted", "intervention", "screening")
_SIGN = {"error": ("warn", "alert"), "severe": ("up2", "alert"), "warning": ("warn", "warn"), "info": ("doc", "active"),
         "unknown": ("q", "unsure")}  # fmt: skip
_STATE_SIGN = {
    "missing": ("circle", "planned"), "done": ("ok", "done"), "partial": ("half", "active"), "refused": ("block", "planned"),
    "cancelled": ("minus", "planned"), "extra": ("plus", "warn"),
}  # fmt: skip
_EXCEED_SIGN = {
    "none": ("down", "done"), "screening": ("up", "warn"), "intervention": ("up2", "alert"), "unknown": ("q", "unsure"),
}  # fmt: skip
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
    page: int = 1
    fpage: int = 1

    @property
    def narrowed(self) -> bool:
        return bool(self.state or self.severity or self.check or self.q)

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


class Shown(NamedTuple):
    """One finding as a reader sees it."""

    text: str
    who: str
    source: str
    missing: str
    point: str | None
    row: str | None
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


def groups(report: Report, found: Sequence[Finding], by: Filter, lang: str) -> list[Group]:
    """By severity, then the most first."""
    w = words(lang)
    rows = {p.code: row_id(p) for p in reversed(report.points)}
    sorted_in: dict[tuple[str, str], list[Finding]] = {}
    for f in found:
        if by.check in ("", f.check) and by.severity in ("", severity(f)):
            sorted_in.setdefault((f.check, severity(f)), []).append(f)
    keys = sorted(sorted_in, key=lambda k: (SEVERITIES.index(k[1]), -len(sorted_in[k]), k[0]))
    named: set[str] = set()
    out = []
    for check, grade in keys:
        these = sorted_in[check, grade]
        chosen = bool(by.check and len(keys) <= 4)
        pages = pager(len(these), by.fpage) if by.check else None
        these.sort(key=lambda f: natural(f.point_code or ""))
        part = these[pages.first : pages.last] if pages else these[:SHOWN]
        listed = [_shown(f, rows, lang) for f in part]
        anchor = f"check-{check}" if check not in named else f"check-{check}-{grade}"
        named.add(check)
        icon, colour = _SIGN[grade]
        out.append(
            Group(check, grade, anchor, pick(Label(CHECKS[check].zh, CHECKS[check].en), lang),
                  Sign(icon, colour, w(f"sev_{grade}")), len(these), listed, _same(x.who for x in listed),
                  _same(x.source for x in listed), chosen, pages if pages and pages.total > PAGE else None)
        )  # fmt: skip
    return out


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
        pick(f.missing, lang) if f.missing else "", f.point_code, rows.get(f.point_code or ""), limit,
    )  # fmt: skip


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


def fitting(report: Report, found: Sequence[Finding], by: Filter) -> list[PointState]:
    """The points that fit the filter, worst first."""
    counts, wanted = _counts(found, by)
    fits = [p for p in report.points if _fits(p, by, wanted)]
    return sorted(fits, key=lambda p: _rank(p, *counts.get(p.code, (0, 0))))


def rows(report: Report, found: Sequence[Finding], by: Filter, lang: str) -> tuple[list[Row], Pager]:
    """One page of them."""
    fits, counts = fitting(report, found, by), _counts(found, by)[0]
    pages = pager(len(fits), by.page)
    return [_row(p, counts, lang) for p in fits[pages.first : pages.last]], pages


def one_row(report: Report, found: Sequence[Finding], code: str, lang: str) -> Row | None:
    """The point in focus."""
    p = next((p for p in report.points if p.code == code), None)
    return _row(p, _counts(found, Filter())[0], lang) if p else None


def _counts(found: Sequence[Finding], by: Filter) -> tuple[dict[str, tuple[int, int]], set[str] | None]:
    """(errors, all) per point; and the points that have a finding as asked for."""
    counts: dict[str, tuple[int, int]] = {}
    wanted: set[str] = set()
    for f in found:
        if f.point_code is None:
            continue
        errors, every = counts.get(f.point_code, (0, 0))
        grade = severity(f)
        if grade != "unknown":
            counts[f.point_code] = (errors + (grade in ("error", "severe")), every + 1)
        if by.check in ("", f.check) and by.severity in ("", grade):
            wanted.add(f.point_code)
    return counts, wanted if by.check or by.severity else None


def _fits(p: PointState, by: Filter, wanted: set[str] | None) -> bool:
    if wanted is not None and p.code not in wanted:
        return False
    if by.q and by.q.casefold() not in p.code.casefold():
        return False
    if by.state == "shifted":
        return p.shifted is True
    return by.state in ("", p.state, p.exceed)


def _row(p: PointState, counts: dict[str, tuple[int, int]], lang: str) -> Row:
    w = words(lang)
    icon, colour = _STATE_SIGN[p.state]
    exceed_icon, exceed_colour = _EXCEED_SIGN[p.exceed]
    state = (
        Sign("move", "warn", w("s_shifted"))
        if p.shifted and p.state == "done"
        else Sign(icon, colour, w(f"s_{p.state}"))
    )
    errors, every = counts.get(p.code, (0, 0))
    return Row(
        row_id(p), p.code, symbol_of(p), state, Sign(exceed_icon, exceed_colour, w(f"e_{p.exceed}")),
        element_names(p.exceeded, lang), "" if p.shift_m is None else f"{p.shift_m:.2f}",
        compass(p.bearing_deg, lang) if p.bearing_deg is not None and p.shift_m else "", p.shifted,
        "" if p.accuracy is None else f"{p.accuracy:f}", p.duplicates, every, errors, place(p.planned), place(p.actual), p.visited,
    )  # fmt: skip


def place(at: tuple[Decimal, Decimal] | None) -> str:
    return f"{at[0]:.6f}° {at[1]:.6f}°" if at else ""


def element_names(names: Iterable[str], lang: str) -> str:
    known = [(n, analyte(n)) for n in names]
    return ("、" if lang == "zh" else ", ").join(
        (a.zh if lang == "zh" else a.symbol or a.en) if a else n for n, a in known
    )
