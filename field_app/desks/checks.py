"""检查: the board. Checks begun and not signed, those signed lately, and what a new one may be done with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import flet as ft

from field_app.desks.checkdraft import list_records
from field_app.desks.checking import Begun
from field_app.store import Seen, Store
from schemas.fields import Audience
from schemas.records.facility import Facility
from schemas.reference import Label
from schemas.rules.checklists import model, ready

if TYPE_CHECKING:
    from field_app.state import State

NEAR = 400  # points that are looked through while nothing is searched
SIGNED = 5  # of the checks signed lately that are shown
MOST = 24  # points or facilities offered for a check; others are found by their code


class Signed(NamedTuple):
    """A check that is a record, and not amended by a later one."""

    id: str
    code: str
    title: Label
    kind: str
    verdict: str
    started_at: str
    state: str  # as the store has it: accepted, pending, parked


class Choice(NamedTuple):
    """A point or a facility a check may be about."""

    id: str
    name: str
    more: str
    distance_m: float | None


@dataclass(frozen=True)
class Board:
    """read: whether the store was looked at yet. lists: what a new check may be done with."""

    read: bool = False
    begun: tuple[Begun, ...] = ()
    signed: tuple[Signed, ...] = ()
    lists: tuple[model.Checklist, ...] = ()
    facilities: tuple[Choice, ...] = ()


@ft.observable
class Checks:
    def __init__(self, host: State, store: Store) -> None:
        self._host, self._store = host, store
        self._board = Board()
        self._shown = False
        self._text = ""  # a part of the code of the point that is looked for
        self._choosing: model.Checklist | None = None  # the list chosen for a new check, while its point is asked for
        self._asked = 0
        self.read_rights()

    board = property(lambda self: self._board)
    shown = property(lambda self: self._shown)
    text = property(lambda self: self._text)
    choosing = property(lambda self: self._choosing)

    def read_rights(self) -> None:
        """May the person whose turn it is write checks?"""
        self._shown = any(
            "inspection" in g.writes for g in self._store.scopes() if g.audience == Audience.ENFORCEMENT.value
        )

    def forget(self) -> None:
        """Another person has the tablet."""
        self._asked += 1
        self._board, self._choosing = Board(), None

    async def open(self) -> None:
        self._asked = mine = self._asked + 1
        begun = await self._host._do(self._host.checking.begun)  # drafts are the writer's
        board = await asyncio.to_thread(self._read, tuple(begun))
        if mine == self._asked:
            self._board = board
            self.notify()

    def _read(self, begun: tuple[Begun, ...]) -> Board:
        host, book = self._host, self._host.book
        with self._store.looking() as store:
            lists = ready.offered(host.now().date(), list_records(store), book.project_id)
            titles = {(c.code, c.version): c.title for c in lists}
            rows = store.page("inspection", limit=SIGNED * 4, newest=True, skip=host.records._elsewhere()).rows
            amended = {r.values.get("amends_id") for r in rows}
            signed = tuple(self._signed(r, titles) for r in rows if r.id not in amended)[:SIGNED]
            places = [s for s in store.all("facility") if s.values.get("site_id") == book.site_id]
        return Board(True, begun, signed, lists, tuple(_facility(s) for s in places[:MOST]))

    def _signed(self, seen: Seen, titles: dict[tuple[str, int], Label]) -> Signed:
        v = seen.values
        pin = (v.get("list_code", ""), v.get("list_version", 0))
        found = titles.get(pin) or (known.title if (known := ready.find(*pin)) is not None else Label("", ""))
        return Signed(
            seen.id,
            v.get("code", ""),
            found,
            v.get("kind", ""),
            v.get("verdict", ""),
            v.get("started_at", ""),
            seen.state,
        )

    # --- a new check ---------------------------------------------------------------------------------------------

    def choose(self, list: model.Checklist | None) -> None:
        """The list of a new check; None goes back to the lists."""
        self._choosing, self._text = list, ""
        self.notify()

    def search(self, text: str) -> None:
        self._text = text
        self.notify()

    @property
    def asks(self) -> str:
        """What is asked before the chosen list is begun: "point", "facility" or nothing."""
        list = self._choosing
        if list is None:
            return ""
        if list.kind in ("sampling_supervision", "well_check"):
            return "point"
        return "facility" if list.kind in ("hidden_hazard", "tailings") and self._board.facilities else ""

    def points(self) -> list[Choice]:
        """Points that were worked on, the nearest first; those whose code holds what is searched."""
        book, found = self._host.book, []
        wanted = self._text.strip().casefold()
        for row in self._host.rows("all", len(book.rows) if wanted else NEAR):
            visit = book.visits.get(row.id)
            if visit is not None and wanted in row.code.casefold():
                found.append(Choice(visit.id, row.code, visit.values.get("outcome", ""), row.distance_m))
                if len(found) == MOST:
                    break
        return found

    def begin(self, point: str = "", facility: str = "") -> None:
        """The chosen list, and on to its first item."""
        list, host = self._choosing, self._host
        if list is None or not host.book.site_id:
            return
        given = {"point_id": point or None, "facility_id": facility or None}
        id = host.checking.begin(list.kind, list, host.book.site_id, **{n: v for n, v in given.items() if v})
        if not id:
            return
        self._choosing = None
        host.replace("item", id=id, code=host.checking.at)


def _facility(seen: Seen) -> Choice:
    record = Facility.of(seen.id, seen.values)
    return Choice(seen.id, record.name, record.code, None)
