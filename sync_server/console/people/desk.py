"""Where somebody looks after people: the members of one project, or everybody of the organisation. Both have the same pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from schemas.problems import Trouble
from schemas.wire import Me
from sync_server.access import OVERSEERS
from sync_server.console.house import House, Place
from sync_server.console.shell import ROOT
from sync_server.service.members import Member, Standing

SEEING = {"zh": "查看成员和设备", "en": "seeing members and devices"}
ADMINISTERING = {"zh": "查看全部人员、设备和日志", "en": "seeing all people, devices and the whole log"}


class Desk(NamedTuple):
    """`place`: the project, None for the whole organisation; `base`: address of its pages; `home`: the organisation's id."""

    me: Me
    place: Place | None
    base: str
    home: str
    stand: Standing

    @property
    def owner(self) -> str | None:
        return self.place.project if self.place else None

    @property
    def by(self) -> str:
        return self.me.person

    @property
    def may(self) -> tuple[str, ...]:
        """Roles that are the reader's to give here."""
        return self.stand.may_give(self.place.project) if self.place else ()

    @property
    def changes(self) -> bool:
        return self.stand.administers or bool(self.may)

    def belongs(self, m: Member) -> bool:
        """Is or was this person a member here?"""
        return self.place is None or any(owner == self.place.project for owner, _ in m.roles)

    def page(self, house: House, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        values = {"desk": self, "base": self.base, **values}
        if self.place:
            return house.page(request, template, self.place, "members", status, **values)
        return house.room(request, template, self.me, "people", status, **values)

    def back(self, person: str, **said: Any) -> Response:
        there = f"{self.base}/{person}" if person else self.base
        return RedirectResponse(f"{there}?{urlencode(said)}" if said else there, 303)


def desk_of_project(house: House, request: Request, project: str) -> Desk:
    """Raises Trouble 2003 for who belongs to the project and oversees nothing there, 2004."""
    place = house.entered(request, project)
    if not OVERSEERS & set(place.roles):
        raise Trouble(2003, what=SEEING)
    stand = house.service.standing(place.me.person)
    return Desk(place.me, place, f"{ROOT}/projects/{project}/members", "", stand)


def desk_of_all(house: House, request: Request) -> Desk:
    """Raises Trouble 2003 for whoever is no administrator of the organisation."""
    me = administrator(house, request)
    return Desk(me, None, f"{ROOT}/people", house.service.organisation(), house.service.standing(me.person))


def administrator(house: House, request: Request) -> Me:
    """Raises Trouble 2003."""
    me = house.me(request)
    if not house.service.administers(me.person):
        raise Trouble(2003, what=ADMINISTERING)
    return me


def faults(err: Trouble, lang: str) -> dict[str, str]:
    """field → what is wrong with it; "" for what concerns the whole."""
    found: Sequence[Mapping[str, Any]] = err.extra.get("faults", []) if err.problem.number == 3001 else []
    named = {str(f.get("field") or ""): str(f[lang]) for f in found}
    return named or {FIELD_OF.get(err.problem.number, ""): err.text(lang)}


FIELD_OF = {2015: "username", 2016: "password", 2001: "old", 2017: "name"}
