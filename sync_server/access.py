"""Who may do what: one table of (role, audience) and one function each way.

A role is held per project; a member of any project may read its organisation's scope. The types a role may write stand
on the record types themselves (`About.writers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.fields import Audience
from schemas.records import TYPES
from schemas.rules.rights import ADMIN, MANAGER, may_decide

__all__ = [
    "ADMIN", "FORMER", "MANAGED", "MANAGER", "OVERSEERS", "ROLES", "answers_for", "giveable", "may_decide", "may_read", "may_write",
    "role_refused", "writable",
]  # fmt: skip
SAMPLER, INSPECTOR, DISPATCHER = "sampler", "inspector", "dispatcher"
AUDITOR, PARTY = "auditor", "party"
FORMER = "former"  # noted when a role is withdrawn; gives no right
ROLES = (SAMPLER, INSPECTOR, DISPATCHER, MANAGER, ADMIN, AUDITOR, PARTY)
MANAGED = (SAMPLER, INSPECTOR, DISPATCHER, AUDITOR, PARTY)  # what a project manager gives in his or her own project
OVERSEERS = frozenset({MANAGER, ADMIN, AUDITOR})  # see who belongs to a project and what was done in it

# A sampler's tablet never receives enforcement records (identity numbers, statements, complaints).
READS: dict[str, frozenset[str]] = {
    SAMPLER: frozenset({Audience.FIELD, Audience.ORGANISATION}),
    INSPECTOR: frozenset({Audience.FIELD, Audience.ENFORCEMENT, Audience.TRANSFER, Audience.ORGANISATION}),
    DISPATCHER: frozenset({Audience.FIELD, Audience.TRANSFER, Audience.ORGANISATION}),
    MANAGER: frozenset(set(Audience) - {Audience.SUBJECT}),
    ADMIN: frozenset(set(Audience) - {Audience.SUBJECT}),
    AUDITOR: frozenset(set(Audience) - {Audience.SUBJECT}),
    PARTY: frozenset(),
}
# Another firm's people hand in legs, codes and photos of their own loads, and read nothing of what others do there: what they need
# travels in the hand-over code and in the signed directory.
HANDS_IN: dict[str, frozenset[str]] = {PARTY: frozenset({Audience.TRANSFER})}
REFERS: dict[str, frozenset[str]] = {PARTY: frozenset({Audience.TRANSFER, Audience.ORGANISATION})}


def may_read(roles: Iterable[str], audience: str) -> bool:
    return any(audience in READS.get(role, ()) for role in roles)


def may_refer(roles: Iterable[str], audience: str) -> bool:
    """May a record of these roles point to one of this audience? Whoever may read it, and a party to what its loads are about."""
    held = list(roles)
    return may_read(held, audience) or any(audience in REFERS.get(role, ()) for role in held)


def may_hand_in(roles: Iterable[str], audience: str) -> bool:
    """May these roles write there without reading?"""
    return any(audience in HANDS_IN.get(role, ()) for role in roles)


def may_write(roles: Iterable[str], type: str, audience: str) -> bool:
    """May these roles change records of this type in a scope of this audience? Reading is a condition of writing, except where a
    party hands in."""
    about = TYPES[type].about
    if about.audience is not Audience.SUBJECT and about.audience != audience:
        return False
    return any(
        (audience in READS[r] or audience in HANDS_IN.get(r, ()))
        and (r in about.writers or (r == ADMIN and MANAGER in about.writers))
        for r in roles
        if r in READS
    )


def writable(roles: Iterable[str], audience: str) -> list[str]:
    held = list(roles)
    return [name for name in TYPES if may_write(held, name, audience)]


def giveable(roles: Iterable[str], administers: bool) -> tuple[str, ...]:
    """Which roles somebody may give and take in a project, by what he or she holds there; `administers`: an administrator of the
    organisation. Whoever runs commands on the server itself stands above this."""
    if administers:
        return ROLES
    return MANAGED if {MANAGER, ADMIN} & set(roles) else ()


def role_refused(role: str, adding: bool, may: Iterable[str], oneself: bool, last: bool) -> int | None:
    """Why this role may not be given or taken: the number of the problem, None where it may. `may`: roles that are his or hers to
    give (`giveable`); `oneself`: it is about who does it; `last`: nobody else who can sign in administers the organisation."""
    if role not in may:
        return 2003
    if adding and oneself:
        return 2013
    return 2014 if last and not adding and role == ADMIN else None


def answers_for(
    held: Iterable[tuple[str, str]], roles_in: Mapping[str, Iterable[str]], administers: bool, oneself: bool
) -> bool:
    """May somebody make what lets another person in (an invitation, a code for a tablet), or shut a tablet of hers? Only where all
    that this person may do (`held`: owner, role) is his to give: else the manager of one project could enter another one in her
    name. `roles_in`: what he holds in each project."""
    live = [(owner, role) for owner, role in held if role != FORMER]
    return administers or oneself or all(role in giveable(roles_in.get(owner, ()), False) for owner, role in live)
