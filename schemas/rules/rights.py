"""Which roles decide what waits for a person: asked by the server, and by a tablet before it offers the choice."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.fields import Audience

MANAGER, ADMIN = "project_manager", "administrator"


def may_decide(roles: Iterable[str], audience: str) -> bool:
    """May these roles decide about what waits in a scope of this audience? What is in the organisation's scope concerns
    every project: there only an administrator."""
    deciders = {ADMIN} if audience == Audience.ORGANISATION else {MANAGER, ADMIN}
    return bool(deciders & set(roles))
