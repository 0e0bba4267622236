"""Trucks on the road as this tablet knows them, all loads, and one load with its code."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import flet as ft

from field_app.capture import qr
from field_app.desks import loads
from field_app.desks.loading import Loading
from field_app.desks.loads import Load, Names, by_time
from field_app.store import Edit, Store
from field_app.store.rows import values_of
from field_app.words import WORDS, both
from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.rules.evidence import unb64
from schemas.rules.handover import Chain, link, signed_leg, text_of
from schemas.rules.manifest import guards, shown

if TYPE_CHECKING:
    from field_app.state import State

MOST = 60  # rows of the list of all loads that are drawn at once
WORST = {"lost": 0, "overdue": 1, "late": 2, "": 3}
VOIDS = ("plate", "weight", "soil", "cancelled")  # usual reasons
MODULE_PX = 8  # of the code's picture; shown smaller or larger as the screen asks


@dataclass(frozen=True)
class Board:
    """read: whether the store was looked at yet. road: under way, the latest first by how late it is; ended: of today. heard: when the
    server last spoke to this tablet; None: never."""

    read: bool = False
    road: tuple[Load, ...] = ()
    ended: tuple[Load, ...] = ()
    every: tuple[Load, ...] = ()
    today: int = 0
    today_t: str = "0"
    heard: datetime | None = None
    unread: int = 0


class Code(NamedTuple):
    """One load with the text of its code and that text as a picture; both empty where no signed leg is known here."""

    load: Load
    text: str
    png: bytes
    names: Names
    chain: Chain | None


@ft.observable
class Trucks:
    def __init__(self, host: State, store: Store) -> None:
        self._host, self._store = host, store
        self._board = Board()
        self._found: loads.Read | None = None
        self._code: Code | None = None
        self._loading: Loading | None = None  # photos of the load that is shown
        self._missing = ""  # the load that was asked for and is not known here
        self._text = ""  # what is searched among all loads
        self._shown = self._writes = False
        self.read_rights()

    board = property(lambda self: self._board)
    code = property(lambda self: self._code)
    missing = property(lambda self: self._missing)
    text = property(lambda self: self._text)
    shown = property(lambda self: self._shown)
    writes = property(lambda self: self._writes)
    loading = property(lambda self: self._loading)

    def read_rights(self) -> None:
        """Has the person whose turn it is to do with loads, and may he or she issue them?"""
        grants = [g for g in self._store.scopes() if g.audience == Audience.TRANSFER.value]
        self._shown = bool(grants)
        self._writes = any({"manifest", "manifest_leg"} <= set(g.writes) for g in grants)

    def forget(self) -> None:
        """Another person has the tablet."""
        self._board, self._found, self._code, self._loading, self._text = Board(), None, None, None, ""

    # --- the board -----------------------------------------------------------------------------------------------

    async def open(self) -> None:
        await self._host._do(lambda: None)  # behind what was written a moment ago
        self._found = await asyncio.to_thread(self._read)
        self.tick()

    def tick(self) -> None:
        """How late each is by now: looked at again without reading anything."""
        if self._found is not None:
            self._board = self._board_of(self._found)
            self.notify()

    def _read(self) -> loads.Read:
        host = self._host
        with self._store.looking() as store:
            return loads.read(store, host.book.project_id, host.book.project or {}, host.now())

    def _board_of(self, found: loads.Read) -> Board:
        host, now = self._host, self._host.now()
        every = by_time(loads.timed(x, host.book.project or {}, now) for x in found.loads.values())
        road = sorted((x for x in every if x.on_the_way), key=lambda x: (WORST[x.alarm], -x.late))
        today = [x for x in every if x.on_day_of(now) and x.state != "voided"]
        ended = tuple(x for x in today if not x.on_the_way)
        total = sum((x.trip.net_out_t for x in today if x.trip.net_out_t is not None), start=loads.Decimal(0))
        heard = [at for _, at in found.directories.values()]
        if (last := host.last_sync) is not None and last.get("reached"):
            heard.append(datetime.fromisoformat(last["at"]))
        return Board(True, tuple(road), ended, tuple(every), len(today), f"{total:.2f}".rstrip("0").rstrip("."),
                     max(heard, default=None), found.unread)  # fmt: skip

    def search(self, text: str) -> None:
        """Among all loads: a part of the number, the plate, the lot, the receiver or the driver."""
        self._text = text
        self.notify()

    def found(self) -> list[Load]:
        words = self._text.replace(" ", "").replace("·", "").casefold()
        return [x for x in self._board.every if not words or words in _searched(x)]

    # --- one load ------------------------------------------------------------------------------------------------

    async def show(self, manifest: str) -> None:
        """The load, its longest chain as a code, what is signed and what comes next."""
        await self._host._do(lambda: None)
        made, photos = await asyncio.to_thread(self._made, manifest)
        self._code, self._missing = made, "" if made is not None else manifest
        if made is None:
            self._loading = None
        elif self._loading is None or self._loading.id != manifest:
            self._loading = Loading(self._host, manifest, made.load.scope, photos, issued=True)
            self._loading.code = made.load.plate
            await self._loading.settle()
        self.notify()

    def _made(self, manifest: str) -> tuple[Code | None, dict[str, dict[str, Any]]]:
        host = self._host
        with self._store.looking() as store:
            found = loads.read(store, "", host.book.project or {}, host.now(), only=manifest)
            photos = {s.id: s.values for s in store.all("photo", subject_id=manifest)}
        load = found.loads.get(manifest)
        if load is None:
            return None, {}
        chain = self._host.chains.chain_of(manifest)
        text = text_of([leg.raw for leg in chain.legs]) if chain is not None else ""
        before = self._code
        png = before.png if before is not None and before.text == text else qr.png(text, MODULE_PX) if text else b""
        return Code(load, text, png, found.names, chain), photos

    # --- voiding -------------------------------------------------------------------------------------------------

    def void_lacks(self, code: Code, reason: str) -> list[guards.Lack]:
        """Why it cannot be voided; a reason that is still to be written is not counted."""
        leg = self._void_leg(code, reason or "—")
        return guards.stops(guards.lacks("voided", leg, code.load.story, guards.Known(), self._host.now()))

    def _void_leg(self, code: Code, reason: str) -> dict[str, Any]:
        identity, now = self._store.keys.identity, self._host.now()
        person = identity.person if identity else ""
        org = code.names.of("person", person).get("org_id") or next(
            (x.record.org_id for x in code.load.story.steps), None
        )
        return values_of({
            "manifest_id": code.load.id, "kind": "voided", "at": now.isoformat(timespec="seconds"), "way": "own", "org_id": org,
            "who_name": identity.person_name if identity else "", "note": reason,
        })  # fmt: skip

    async def void(self, code: Code, reason: str) -> None:
        """作废: a leg signed over the one before, and the longer code, in one transaction."""
        if code.chain is None or not reason or self.void_lacks(code, reason):
            return
        await self._host._do(self._void, code, reason)
        await self._host.load()
        self._host.back()
        await self.show(code.load.id)
        self._host.tell("done", both("void.done", no=shown(code.load.number)), WORDS["void.done.why"])

    def _void(self, code: Code, reason: str) -> None:
        identity, chain, scope = self._store.keys.require(), code.chain, code.load.scope
        if identity.locked:
            raise Trouble(2011)
        assert chain is not None
        if any(x.values["kind"] == "voided" for x in self._store.all("manifest_leg", manifest_id=code.load.id)):
            return  # a second tap
        leg = signed_leg(identity.private_key, self._void_leg(code, reason), chain.legs[-1].raw)
        longer = link(chain, unb64(leg["cose"]))
        seen = {"number": code.load.number, "code": text_of([x.raw for x in longer.legs]), "seen_at": leg["at"], "way": "own",
                "purpose": "handover"}  # fmt: skip
        new = self._store.new_id
        self._store.finalize([Edit("manifest_leg", new(), scope, leg), Edit("hand_over", new(), scope, seen)])


def _searched(load: Load) -> str:
    parts: Iterable[Any] = (load.number, load.plate, load.lot, load.receiver, load.values.get("driver_name", ""))
    return "|".join(str(p) for p in parts).replace(" ", "").replace("·", "").casefold()
