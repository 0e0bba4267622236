"""What every room of pages stands on: who asks, in which language, what he or she may see of a project."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from fastapi import FastAPI, Request, Response

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.wire import Me, ScopeGrant
from sync_server.access import FORMER
from sync_server.auth import Auth
from sync_server.console import counts as navigation
from sync_server.console.maps.tiles import Tiles
from sync_server.console.session import Sessions, Visitor
from sync_server.console.shell import LANG, Shell, choice
from sync_server.console.words import LANGS
from sync_server.facts import FactsReader, Seen, readable
from sync_server.service import Caller, Service


class SignedOut(Exception):
    """Nobody is signed in: the page leads to the sign-in."""


class Place(NamedTuple):
    """A project as one person may see it. `scopes`: those of the project and the organisation that may be read."""

    me: Me
    project: str
    name: str
    scopes: list[ScopeGrant]
    audiences: frozenset[str]

    @property
    def caller(self) -> Caller:
        return Caller(self.me.person)

    @property
    def own(self) -> list[ScopeGrant]:
        """The project's own scopes."""
        return [s for s in self.scopes if s.owner == self.project]

    @property
    def roles(self) -> list[str]:
        return sorted({role for s in self.own for role in s.roles} - {FORMER})

    @property
    def ids(self) -> list[str]:
        return [s.scope for s in self.scopes]

    def may_write(self, type: str, audience: str = Audience.FIELD) -> bool:
        return any(type in s.writes for s in self.scopes if s.audience == audience)


@dataclass(frozen=True)
class House:
    app: FastAPI
    service: Service
    auth: Auth
    sessions: Sessions
    reader: FactsReader
    shell: Shell
    tiles: Tiles | None = None  # the base map, where one is set up

    def visitor(self, request: Request) -> Visitor:
        found = self.sessions.visitor(request)
        if found is None:
            raise SignedOut
        return found

    def me(self, request: Request) -> Me:
        return self.service.me(self.visitor(request).caller)

    def lang(self, request: Request) -> str:
        return choice(request, "lang", LANG, LANGS)

    def now(self) -> datetime:
        return datetime.fromisoformat(self.service.now())

    def entered(self, request: Request, project: str) -> Place:
        """The project, without reading its records. Raises Trouble 2004 for whoever may not see it."""
        return self.place(self.me(request), project)

    def place(self, me: Me, project: str) -> Place:
        audiences = readable(me.scopes).get(project)
        if audiences is None:
            raise Trouble(2004)
        scopes = [s for s in me.scopes if s.reads and (s.owner == project or s.audience == Audience.ORGANISATION.value)]
        return Place(me, project, next(s.name for s in scopes if s.owner == project), scopes, audiences)

    def opened(self, request: Request, project: str) -> tuple[Place, Seen]:
        """The project with the report made of just what this person may see. Raises Trouble 2004."""
        place = self.entered(request, project)
        return place, self.reader.report(project, self.now(), place.audiences)

    def at_hand(self, request: Request, project: str) -> tuple[Place, Seen]:
        """`opened`, without waiting where the report takes long: as it was last made (facts.at_hand)."""
        place = self.entered(request, project)
        return place, self.reader.at_hand(project, self.now(), place.audiences)

    def counts(self, place: Place) -> dict[str, int]:
        """What waits behind the entries of the navigation."""
        return navigation.known(self.service, self.reader, place.project, place.scopes, place.audiences, self.now())

    def page(
        self, request: Request, template: str, place: Place, here: str, status: int = 200, **values: Any
    ) -> Response:
        """A page of a project; `here`: which entry of the navigation it is. `counts`: what the page knows better."""
        counts = {**self.counts(place), **values.pop("counts", {})}
        return self.shell.page(
            request, template, status, me=place.me, project_id=place.project, project_name=place.name, roles=place.roles,
            nav=here, place=place, counts=counts, **values,
        )  # fmt: skip

    def room(self, request: Request, template: str, me: Me, here: str, status: int = 200, **values: Any) -> Response:
        """A page of no project."""
        return self.shell.page(request, template, status, me=me, nav=here, **values)
