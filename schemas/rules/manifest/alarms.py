"""Alarms: what the checks of transfer found, as somebody on watch wants it: of which load, since when, the worst first.

There is no second computation: an alarm is a finding of a check (T01 …) that is certain. What cannot be said is no alarm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from schemas.rules.reconcile.checks import Finding
    from schemas.rules.reconcile.facts import Facts

# check → code; a case of its own (figures["alarm"]) goes before it
CODES = {
    "T01": "overdue", "T02": "off_weight", "T03": "plan_exceeded", "T04": "pit_volume", "T05": "two_open", "T06": "unfiled",
    "T07": "not_in_plan", "T08": "overweight", "T09": "tare_drift", "T10": "receiver_balance", "T11": "open_question",
    "T12": "turnaround", "T13": "disposal_late", "T14": "capacity", "T15": "signature", "T16": "paper_late",
}  # fmt: skip


class Alarm(NamedTuple):
    """`manifest`: id of the load, None where it is about a plan, a pit, a vehicle or a receiver. `since`: from when it is so, None
    where that is not a moment. `subject`: type and id of the record it is about."""

    code: str
    manifest: str | None
    zh: str
    en: str
    severity: str  # error, warning
    since: datetime | None
    check: str
    subject: tuple[str, str]


def alarms(facts: Facts, now: datetime) -> list[Alarm]:
    """What is to be looked at now, errors first, then the oldest."""
    from schemas.rules import reconcile

    seen = facts if facts.now == now else replace(facts, now=now)
    return from_findings(reconcile.run_checks(seen, CODES))


def from_findings(findings: Iterable[Finding]) -> list[Alarm]:
    """The alarms among a report's findings."""
    found = [_alarm(f) for f in findings if f.check in CODES and f.severity in ("error", "warning")]
    return sorted(
        found, key=lambda a: (a.severity != "error", a.since is None, a.since.timestamp() if a.since else 0, a.zh)
    )


def _alarm(f: Finding) -> Alarm:
    code = str(f.figures.get("alarm") or CODES[f.check])
    manifest = f.subject_id if f.subject_type == "manifest" else None
    since = f.figures.get("since")
    subject = (f.subject_type, f.subject_id)
    return Alarm(
        code, manifest, f.zh, f.en, f.severity, since if isinstance(since, datetime) else None, f.check, subject
    )
