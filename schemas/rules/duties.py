"""Recurring rounds: when the next one is due, and which intervals the rules know (reference/duty_rounds.csv).

What counts as done: a check of the right kind on the same site and facility; a round of the whole site covers its
facilities, the check of one facility is no round of the site. Monitoring is done when samples were taken, in a project
whose stage is that monitoring (D)."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from schemas.records.duty import Duty
from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.records.point import Point
from schemas.records.recheck import Recheck
from schemas.records.sample import Sample
from schemas.reference import Label, table, to_confirm

if TYPE_CHECKING:  # check I05 stands on this module
    from schemas.rules.reconcile.facts import Facts

_SHANGHAI = timezone(timedelta(hours=8))


class RoundRule(NamedTuple):
    """An interval in months, from `months_least` to `months_most`; the first one within `first_within_months`, None
    where that is not said. `source` with 待核 where it is not confirmed."""

    code: str
    zh: str
    en: str
    kind: str
    months_least: int
    months_most: int
    first_within_months: int | None
    source: Label
    mark: str


class DutyState(NamedTuple):
    """`last`: day of the last round known, None when there is none. `late_days`: 0 when it is not overdue."""

    duty: Duty
    last: date | None
    due: date
    late_days: int


@cache
def rounds() -> tuple[RoundRule, ...]:
    """Every rule in file order."""
    return tuple(
        RoundRule(
            row["code"],
            row["zh"],
            row["en"],
            row["kind"],
            int(row["months_least"]),
            int(row["months_most"]),
            int(row["first_within_months"]) if row["first_within_months"] else None,
            _source(f"{row['standard']} {row['table']} {row['row']}", row["source_en"], row["mark"]),
            row["mark"],
        )
        for row in table("duty_rounds")
    )


def _source(zh: str, en: str, mark: str) -> Label:
    return Label(f"{zh}（待核）", f"{en} (to be confirmed)") if to_confirm(mark) else Label(zh, en)


def later(start: date, months: int) -> date:
    """The same day so many months on, or the last of that month where it has no such day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def next_due(duty: Duty, done_days: Iterable[date]) -> date:
    """The day by which the next round has to be done: an interval after the last one, and not before the first due
    day."""
    last = max(done_days, default=None)
    return duty.first_due_on if last is None else max(duty.first_due_on, later(last, duty.every_months))


def duties_of(facts: Facts) -> list[DutyState]:
    """Every duty that runs and can be judged, the most overdue first, then by due day."""
    found = []
    today = _day(facts.now)
    for duty in facts.alive(Duty):
        done = done_days(facts, duty)
        if done is None:
            continue
        past = [d for d in done if d <= today]
        due = next_due(duty, past)
        if duty.ended_on is None or due <= duty.ended_on:
            found.append(DutyState(duty, max(past, default=None), due, max(0, (today - due).days)))
    return sorted(found, key=lambda s: (s.due, s.duty.id))


def late_duties(facts: Facts) -> int:
    return sum(bool(s.late_days) for s in duties_of(facts))


def _day(at: datetime) -> date:
    return at.astimezone(_SHANGHAI).date()


# --- what counts as done ------------------------------------------------------------------------------------------------

_CHECKED_BY = {
    "hidden_hazard": frozenset({"hidden_hazard", "tailings"}),
    "patrol": frozenset({"patrol"}),
    "well_upkeep": frozenset({"well_check"}),
    "recheck": frozenset({"recheck"}),
}
_SAMPLED_IN = {
    "self_monitoring": frozenset({"self_monitoring"}),
    "after_care": frozenset({"after_care"}),
    "risk_control": frozenset({"remediation", "effect_evaluation", "after_care"}),
}


def done_days(facts: Facts, duty: Duty) -> list[date] | None:
    """Days on which a round of this duty was done; None where the records here cannot tell."""
    if kinds := _CHECKED_BY.get(duty.kind):
        if not facts.held(Inspection):
            return None
        days = [
            _day(i.started_at)
            for i in facts.of(Inspection, "site_id", duty.site_id)
            if i.kind in kinds and i.facility_id in (None, duty.facility_id)
        ]
        return days + (_second_looks(facts, duty) if duty.kind == "recheck" else [])
    stages = _SAMPLED_IN.get(duty.kind, frozenset())
    project = facts.project
    if project is None or project.stage not in stages or not facts.held(Sample):
        return None
    points = facts.of(Point, "site_id", duty.site_id)
    return [_day(s.collected_at) for p in points for s in facts.of(Sample, "point_id", p.id)]


def _second_looks(facts: Facts, duty: Duty) -> list[date]:
    """Re-checks after closing, of findings of this site."""
    looks = [r for r in facts.alive(Recheck) if r.second_look]
    out = []
    for look in looks:
        finding = facts.get(Finding, look.finding_id)
        inspection = facts.get(Inspection, finding.inspection_id) if finding else None
        if finding is None or inspection is None or inspection.site_id != duty.site_id:
            continue
        if duty.facility_id in (None, finding.facility_id):
            out.append(_day(look.at))
    return out
