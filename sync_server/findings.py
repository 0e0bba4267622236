"""Findings with their course, once for the facts at hand: pages, map, ledgers stand on it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from schemas.records.organisation import Organisation
from schemas.records.photo import Photo
from schemas.records.site import Site
from schemas.rules import rectify
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.courses import course
from schemas.rules.reconcile.facts import natural
from schemas.rules.reconcile.signed import superseded
from schemas.rules.reconcile.terms import day

GRAVE = frozenset({"severe", "law"})
RANK = {"law": 0, "severe": 0, "general": 1, "tip": 2}
_STATES = {"reported": 0, "rectifying": 1, "issued": 1, "referred": 2, "closed": 3}


class Entry(NamedTuple):
    """One finding with all that is known of it. `late`: days behind the deadline, 0 where it is not; `age`: days since it was found,
    or until it ended."""

    finding: Finding
    course: rectify.Course
    late: int
    age: int
    inspection: Inspection | None
    org: str
    site: str
    site_id: str

    @property
    def id(self) -> str:
        return self.finding.id

    @property
    def open(self) -> bool:
        return not self.course.over

    @property
    def grave(self) -> bool:
        return self.finding.severity in GRAVE


def entries(facts: Facts) -> list[Entry]:
    """Every finding: the overdue first, the longest of them before the others; then the open ones, the grave before the others; the
    closed last."""
    return facts.remember("console.findings", lambda: sorted(_entries(facts), key=_rank))


def by_id(facts: Facts) -> Mapping[str, Entry]:
    return facts.remember("console.findings.by_id", lambda: {e.id: e for e in entries(facts)})


def of_inspection(facts: Facts, inspection: str) -> list[Entry]:
    def made() -> dict[str, list[Entry]]:
        out: dict[str, list[Entry]] = {}
        for e in entries(facts):
            out.setdefault(e.finding.inspection_id, []).append(e)
        return out

    return facts.remember("console.findings.by_inspection", made).get(inspection, [])


def overdue(facts: Facts) -> int:
    """How many: the number behind the entry of the navigation."""
    return sum(1 for e in entries(facts) if e.late)


def photos_of(facts: Facts, finding: Finding) -> list[Photo]:
    """Of the finding, of the item it came from, of what was done about it and of the re-checks."""
    ids = [finding.id, finding.answer_id or ""]
    ids += [a.id for a in facts.actions_of(finding.id)] + [r.id for r in facts.rechecks_of(finding.id)]
    return [p for id in ids if id for p in facts.photos_of(id)]


def _entries(facts: Facts) -> list[Entry]:
    today: date = day(facts.now)
    out = []
    for f in facts.alive(Finding):
        if f.severity == "none":
            continue
        inspection = facts.find(Inspection, f.inspection_id)
        told = course(facts, f)
        org = facts.find(Organisation, f.org_id)
        site = facts.find(Site, inspection.site_id) if inspection else None
        out.append(
            Entry(f, told, rectify.late(told, today), rectify.age(told, today), inspection, org.name if org else "",
                  site.name if site else "", inspection.site_id if inspection else "")
        )  # fmt: skip
    return out


def _rank(e: Entry) -> tuple[bool, int, bool, int, int, date, list[tuple[int, int, str]], str]:
    return (
        not e.late, -e.late, not e.open, RANK.get(e.finding.severity, 1) if e.open else 0, _STATES.get(e.course.state, 1),
        (e.course.deadline or date.max) if e.open else date.max, natural(e.finding.code), e.id,
    )  # fmt: skip


def latest(facts: Facts, kinds: Sequence[str] = ()) -> Inspection | None:
    """The last check with a verdict that was not amended by another one."""
    amended = superseded(facts)
    found = [i for i in facts.alive(Inspection) if i.verdict and i.id not in amended and (not kinds or i.kind in kinds)]
    return max(found, key=lambda i: (i.started_at, i.id), default=None)
