"""What was found and what is open, by firm and by site. Pure; states are those of the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from schemas.records.inspection import Inspection
from schemas.records.organisation import Organisation
from schemas.records.site import Site
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.facts import natural
from schemas.rules.reconcile.terms import day
from sync_server.findings import Entry, entries

KINDS_NAMED = 3


class Sum(NamedTuple):
    """`mean_days`: from found to closed, of the closed ones; `kinds`: what was found most, with how often."""

    id: str
    name: str
    checks: int
    found: int
    grave: int
    open: int
    late: int
    longest: int
    reported: int
    closed: int
    referred: int
    mean_days: float | None
    last: date | None
    kinds: tuple[tuple[str, int], ...]


def by_party(facts: Facts) -> list[Sum]:
    """The firm that has to put it right, and the firms that were checked without a finding; most overdue first."""

    def name(id: str) -> str:
        org = facts.find(Organisation, id)
        return org.name if org else id[:8]

    return facts.remember(
        "console.sums.party", lambda: _sums(facts, lambda e: e.finding.org_id, lambda i: i.org_id, name)
    )


def by_site(facts: Facts) -> list[Sum]:
    def name(id: str) -> str:
        site = facts.find(Site, id)
        return site.name if site else id[:8] or "—"

    return facts.remember("console.sums.site", lambda: _sums(facts, lambda e: e.site_id, lambda i: i.site_id, name))


def _sums(
    facts: Facts, of: Callable[[Entry], str], checked: Callable[[Inspection], str], name: Callable[[str], str]
) -> list[Sum]:
    held: dict[str, list[Entry]] = {}
    seen: dict[str, list[Inspection]] = {}
    for e in entries(facts):
        held.setdefault(of(e), []).append(e)
        if e.inspection is not None:
            seen.setdefault(of(e), []).append(e.inspection)
    for i in facts.alive(Inspection):
        seen.setdefault(checked(i), []).append(i)
    found = [_sum(id, name(id), held.get(id, []), seen.get(id, [])) for id in {*held, *seen}]
    return sorted(found, key=lambda s: (-s.late, -s.open, -s.found, natural(s.name), s.id))


def _sum(id: str, name: str, found: list[Entry], checks: list[Inspection]) -> Sum:
    states = Counter(e.course.state for e in found)
    closed = [e.age for e in found if e.course.state == "closed"]
    return Sum(
        id, name, len({i.id for i in checks}), len(found), sum(e.grave for e in found), sum(e.open for e in found),
        sum(1 for e in found if e.late), max((e.late for e in found), default=0), states["reported"], states["closed"], states["referred"],
        sum(closed) / len(closed) if closed else None, max((day(i.started_at) for i in checks), default=None),
        tuple(Counter(e.finding.kind for e in found).most_common(KINDS_NAMED)),
    )  # fmt: skip
