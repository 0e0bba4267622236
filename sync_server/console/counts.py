"""How many wait behind the entries of the navigation: the same numbers on every page of a project."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from schemas.fields import Audience
from schemas.rules.duties import late_duties
from schemas.rules.reconcile import Facts
from schemas.wire import ScopeGrant
from sync_server.access import may_decide
from sync_server.console.leads import rows as tasks
from sync_server.console.manifests.watch import loads_to_watch
from sync_server.console.review.board import open_conflicts, waiting_for_review
from sync_server.facts import FactsReader
from sync_server.findings import overdue
from sync_server.service import Service


def counted(scopes: Sequence[ScopeGrant]) -> list[str]:
    """The scopes whose waiting changes are told as somebody's to decide: of the project, and of the organisation for whoever
    decides there."""
    return [s.scope for s in scopes if s.audience != Audience.ORGANISATION.value or may_decide(s.roles, s.audience)]


def known(
    service: Service,
    reader: FactsReader,
    project: str,
    scopes: Sequence[ScopeGrant],
    audiences: frozenset[str],
    now: datetime,
) -> dict[str, int]:
    """entry → how many. What only the records tell is left out until a page has read them: no page waits for a number."""
    out = {"waiting": service.waiting_count(counted(scopes)).asks}
    if reader.known(project, audiences):
        seen = reader.at_hand(project, now, audiences)
        out |= of_facts(seen.facts)
        if Audience.TRANSFER.value in audiences and (n := loads_to_watch(seen.facts, seen.report)):
            out["manifests"] = n
        if Audience.ENFORCEMENT.value in audiences:
            out |= of_enforcement(seen.facts)
    return out


def of_facts(facts: Facts) -> dict[str, int]:
    return facts.remember(
        "console.counts", lambda: {"review": waiting_for_review(facts), "conflicts": open_conflicts(facts)}
    )


def of_enforcement(facts: Facts) -> dict[str, int]:
    """What is overdue, entry by entry; none is not told."""
    return facts.remember("console.counts.enforcement", lambda: {k: n for k, n in _overdue(facts).items() if n})


def _overdue(facts: Facts) -> dict[str, int]:
    return {"inspections": overdue(facts), "tasks": tasks.overdue(facts), "checklists": late_duties(facts)}
