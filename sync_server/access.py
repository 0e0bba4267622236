"""Who may do what: one table of (role, audience) and one function each way.

A role is held per project; a member of any project may read its organisation's scope. The types a role may write stand
on the record types themselves (`About.writers`).
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.fields import Audience
from schemas.records import TYPES
from schemas.rules.rights import ADMIN, MANAGER, may_decide

__all__ = ["ADMIN", "FORMER", "MANAGER", "ROLES", "may_decide", "may_read", "may_write", "writable"]
SAMPLER, INSPECTOR, DISPATCHER = "sampler", "inspector", "dispatcher"
AUDITOR, PARTY = "auditor", "party"
FORMER = "former"  # noted when a role is withdrawn; gives no right
ROLES = (SAMPLER, INSPECTOR, DISPATCHER, MANAGER, ADMIN, AUDITOR, PARTY)

# A sampler's tablet never receives enforcement records (identity numbers, statements, complaints). A party of another
# firm reads nothing until its own manifests and findings can be told apart (issue MANIFESTS).
READS: dict[str, frozenset[str]] = {
    SAMPLER: frozenset({Audience.FIELD, Audience.ORGANISATION}),
    INSPECTOR: frozenset({Audience.FIELD, Audience.ENFORCEMENT, Audience.TRANSFER, Audience.ORGANISATION}),
    DISPATCHER: frozenset({Audience.FIELD, Audience.TRANSFER, Audience.ORGANISATION}),
    MANAGER: frozenset(set(Audience) - {Audience.SUBJECT}),
    ADMIN: frozenset(set(Audience) - {Audience.SUBJECT}),
    AUDITOR: frozenset(set(Audience) - {Audience.SUBJECT}),
    PARTY: frozenset(),
}


def may_read(roles: Iterable[str], audience: str) -> bool:
    return any(audience in READS.get(role, ()) for role in roles)


def may_write(roles: Iterable[str], type: str, audience: str) -> bool:
    """May these roles change records of this type in a scope of this audience? Reading is a condition of writing."""
    about = TYPES[type].about
    if about.audience is not Audience.SUBJECT and about.audience != audience:
        return False
    return any(
        audience in READS[r] and (r in about.writers or (r == ADMIN and MANAGER in about.writers))
        for r in roles
        if r in READS
    )


def writable(roles: Iterable[str], audience: str) -> list[str]:
    held = list(roles)
    return [name for name in TYPES if may_write(held, name, audience)]
