"""Is everything that was planned done, and is what was done right? One pure pass over the records.

    report = run(Facts(records, now, basis, ...))      # everything
    report = run_point(facts, planned_point_or_visit)  # before leaving the hole: the same checks, one point

A check answers with findings, or says which input it lacks; it never guesses. Counts are lower bounds until every
device has synced, and `report.basis` says whose knowledge they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.rules.reconcile import (  # noqa: F401  (each module registers its checks)
    blanks,
    depths,
    fieldwork,
    inspection,
    layers,
    legs,
    photos,
    plan,
    readings,
    samples,
    signed,
    sync,
    tonnes,
    transfer,
    volatile,
)
from schemas.rules.reconcile.checks import CHECKS, RUNS, CheckInfo, Finding, Say, Severity, once
from schemas.rules.reconcile.courses import finding_state
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.points import PointState, Totals, states
from schemas.rules.reconcile.progress import Progress
from schemas.rules.reconcile.terms import Basis, DeviceSeen, Place, UnsureClock

__all__ = [
    "CHECKS",
    "Basis",
    "CheckInfo",
    "DeviceSeen",
    "Facts",
    "Finding",
    "Place",
    "PointState",
    "Progress",
    "Report",
    "Severity",
    "Totals",
    "UnsureClock",
    "finding_state",
    "run",
    "run_checks",
    "run_point",
]


@dataclass(frozen=True)
class Report:
    """`by_check`: every check that was run → its findings, cannot-say ones included."""

    basis: Basis
    findings: list[Finding]
    points: list[PointState]
    totals: Totals
    by_check: dict[str, list[Finding]]


def run(facts: Facts) -> Report:
    """All checks over all records."""
    return _report(facts, View(facts, facts.places, whole=True), sorted(CHECKS))


def run_checks(facts: Facts, checks: Iterable[str]) -> list[Finding]:
    """What these checks alone find over all records."""
    view = View(facts, facts.places, whole=True)
    return [finding for id in checks for finding in once(list(RUNS[id](facts, view, Say(CHECKS[id], facts))))]


def run_point(facts: Facts, id: str) -> Report:
    """The checks that can be asked of one point, by id of its planned point or of a visit. KeyError if there is none."""
    place = facts.place(id)
    if place is None:
        raise KeyError(id)
    return _report(facts, View(facts, [place], whole=False), sorted(c for c in CHECKS if CHECKS[c].in_point))


def _report(facts: Facts, view: View, checks: Sequence[str]) -> Report:
    by_check = {id: once(list(RUNS[id](facts, view, Say(CHECKS[id], facts)))) for id in checks}
    points, counts = states(facts, view.places)
    findings = [finding for id in checks for finding in by_check[id]]
    return Report(facts.basis, findings, points, counts, by_check)
