"""Who may open the pages of inspections, and with what they are made."""

from __future__ import annotations

from fastapi import Request

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.rules.reconcile import Facts
from sync_server.console.house import House, Place

HERE = "inspections"  # the entry of the navigation


def may_open(place: Place) -> Place:
    """Raises Trouble 2004 for whoever may not read enforcement records: for them it is not there."""
    if Audience.ENFORCEMENT.value not in place.audiences:
        raise Trouble(2004)
    return place


def opened(house: House, request: Request, project: str) -> tuple[Place, Facts]:
    """The project with its records as they are now: what was decided a moment ago is on the page. Raises Trouble 2004."""
    place = may_open(house.entered(request, project))
    return place, house.reader.facts(project, house.now(), place.audiences)


def rechecks(place: Place) -> bool:
    """May this person write re-checks here?"""
    return place.may_write("recheck", Audience.ENFORCEMENT.value)
