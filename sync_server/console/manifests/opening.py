"""Who may open the pages of transfer."""

from __future__ import annotations

from fastapi import Request

from schemas.fields import Audience
from schemas.problems import Trouble
from sync_server.console.house import House, Place
from sync_server.facts import Seen

HERE = "manifests"  # the entry of the navigation


def may_open(place: Place) -> Place:
    """Raises Trouble 2004 for whoever may not read transfer records: for them it is not there."""
    if Audience.TRANSFER.value not in place.audiences:
        raise Trouble(2004)
    return place


def opened(house: House, request: Request, project: str) -> tuple[Place, Seen]:
    """The project with its report, for whoever may read transfer records: as it was last made, where it takes long (the page says as of
    when). Raises Trouble 2004."""
    place = may_open(house.entered(request, project))
    return place, house.reader.at_hand(project, house.now(), place.audiences)
