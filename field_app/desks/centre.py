"""The sync centre: the sync that runs and the last one, what needs a person, decisions, and syncs the tablet starts itself.

Progress comes many times a second and is told here alone; State is told once, when there is something new to read.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import flet as ft

from field_app.capture import photo
from field_app.desks import clash, needs
from field_app.desks.clash import Clash
from field_app.desks.drafting import MARK
from field_app.desks.needs import Pair, Picture, Proof, Refused, Todo
from field_app.desks.pace import Pace
from field_app.store import Store
from field_app.sync import Progress, Syncer, SyncResult
from schemas.change import Change
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.reference import codes

if TYPE_CHECKING:
    from field_app.state import State

ENROL_AGAIN = (1203, 1204, 2005, 2010)  # the server takes nothing more from this enrolment
IN_VAIN = (*ENROL_AGAIN, 1104, 5006)  # no use in trying again before a person did something
OUT_OF_REACH = (5004, 5020, 5021, 1101, 1103)
TICK_S = 5.0
LOOK_S = 10.0
MOST_READ = 500  # refused changes noted as read; older ones were dealt with long ago


@ft.observable
class Centre:
    def __init__(
        self, host: State, store: Store, syncer: Syncer, clock: Callable[[], float] = time.monotonic,
        luck: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        self._host, self._store, self._syncer, self._clock = host, store, syncer, clock
        self._picture = Picture()
        self._progress: Progress | None = None
        self._result: SyncResult | None = None
        self._running: asyncio.Future[Any] | None = None
        self._stopping = False
        self._look_at = 0.0
        self._pace = Pace(luck)
        self._pace.on = store.meta("ui.auto_sync") != "off"
        self._seen = frozenset(json.loads(store.meta("ui.read") or "[]"))
        self._clash: Clash | None = None
        self._asking = False
        self._trouble: Trouble | None = None  # why the server could not be asked about the open conflict
        self._given: dict[str, str] = {}  # choice and reason, as far as they are given
        self._thing: Proof | Refused | tuple[()] | None = (
            None  # what the open page is about; () = there is no such thing
        )

    # --- what pages read -----------------------------------------------------------------------------------------

    picture = property(lambda self: self._picture)
    progress = property(lambda self: self._progress)
    result = property(lambda self: self._result)
    running = property(lambda self: self._running is not None)
    stopping = property(lambda self: self._stopping)
    clash = property(lambda self: self._clash)
    asking = property(lambda self: self._asking)
    trouble = property(lambda self: self._trouble)
    given = property(lambda self: self._given)
    thing = property(lambda self: self._thing)
    auto = property(lambda self: self._pace.on)

    @property
    def todos(self) -> tuple[Todo, ...]:
        return self._picture.todos

    @property
    def last(self) -> dict[str, Any] | None:
        return self._picture.last

    @property
    def numbers(self) -> tuple[int, ...]:
        """The problems of the last sync. Kept over a restart: the page may be opened days later."""
        return tuple((self._picture.last or {}).get("problems", ()))

    @property
    def must_enrol(self) -> bool:
        """The last sync said that only a new enrolment helps."""
        return any(number in ENROL_AGAIN for number in self.numbers)

    @property
    def sendable(self) -> int:
        """What a sync of now would send: neither of somebody whose key is locked nor of one whose key is not here."""
        counts = self._host.counts
        records = max(0, counts.get("pending", 0) - counts.get("foreign", 0) - counts.get("locked", 0))
        media = self._picture.media
        return records + media.waiting - media.held

    # --- looking (in a worker thread), and showing it -------------------------------------------------------------

    def look(self) -> Picture:
        return needs.read(self._store, self._seen, self._host.now())

    def use(self, picture: Picture) -> None:
        self._picture = picture
        self.notify()

    # --- the sync ------------------------------------------------------------------------------------------------

    async def sync(self) -> None:
        """One at a time, whoever asks."""
        if self._running is not None or self._host.busy == "enrol" or self._store.identity is None:
            return
        loop = asyncio.get_running_loop()
        self._stopping = False
        tell = lambda p: loop.call_soon_threadsafe(self._on_progress, p)  # noqa: E731
        self._running = asyncio.ensure_future(asyncio.to_thread(self._syncer.run, tell))
        self._host.notify()
        self.notify()
        try:
            result = await self._running
        finally:
            self._running, self._progress, self._stopping = None, None, False
            self.notify()
            self._host.notify()
        await self._note(result)

    async def _note(self, result: SyncResult) -> None:
        self._result = result
        summary = {"at": self._host.now().isoformat(timespec="seconds"), "reached": result.reached,
                   "sent": result.acknowledged, "pulled": result.pulled, "up": result.bytes_up, "down": result.bytes_down,
                   "problems": sorted({p.problem.number for p in result.problems}), "photos": result.photos}  # fmt: skip
        await self._host._do(self._store.set_meta, "ui.last_sync", json.dumps(summary))
        await self._host.load()
        self._pace.tried(self._clock(), result.reached and not self.sendable)

    def _on_progress(self, progress: Progress) -> None:
        if self._running is None:
            return
        before, self._progress = self._progress, progress
        # photos may take hours: what the records have come to is shown before them, and now and then how many photos wait
        if progress.phase == "photos" and (
            before is None or before.phase != "photos" or self._clock() >= self._look_at
        ):
            self._look_at = self._clock() + LOOK_S
            self._host._later(self._host.load())
        self.notify()

    def stop(self) -> None:
        if self._running is not None:
            self._stopping = True
            self._syncer.stop()
            self._host.notify()

    async def quiet(self) -> None:
        """Before somebody enrols: no sync runs."""
        if self._running is not None:
            self.stop()
            await asyncio.wait([self._running])

    # --- by itself -----------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """For as long as the window lives."""
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await self.tick()
            except Exception as err:
                self._host.report(err)

    async def tick(self) -> None:
        """Try, if it is time: first whether the server answers at all, which costs a hundred bytes."""
        identity = self._store.identity
        if identity is None or self.running or self._host.busy or self._useless():
            return
        if not (self._host.present and self._host.seat == "here"):
            return
        if not self._pace.due(self._clock(), self.sendable):
            return
        if await asyncio.to_thread(self._syncer.reachable, identity.server_url):
            await self.sync()
        else:
            self._pace.tried(self._clock(), False)

    def _useless(self) -> bool:
        """Every key is locked, or the server wants something of a person first."""
        people = self._store.keys.identities.values()
        return all(i.locked for i in people) or any(n in IN_VAIN for n in self.numbers)

    async def shown(self) -> None:
        """The app comes back to the front."""
        self._pace.shown(self._clock())
        await self.tick()

    def hidden(self) -> None:
        self._pace.hidden()

    def set_auto(self, on: bool) -> None:
        self._pace.on = on
        self._host._write(self._store.set_meta, "ui.auto_sync", "on" if on else "off")
        self.notify()

    # --- one receipt, one refused change --------------------------------------------------------------------------

    async def open_receipt(self, id: str) -> None:
        self._thing = None
        self._thing = await self._host._do(lambda: needs.proof(self._store, self._store.receipt(id)) or ())
        self.notify()

    async def open_refused(self, id: str) -> None:
        self._thing = None
        found = await self._host._do(lambda: needs.refused(self._store, id))
        if found is not None and (sha := found.made.after.get("sha256")):
            found = found._replace(picture=await asyncio.to_thread(photo.thumb, self._store.folder, sha))
        self._thing = found or ()
        self.notify()

    @property
    def proof(self) -> Proof | None:
        return self._thing if isinstance(self._thing, Proof) else None

    @property
    def refused(self) -> Refused | None:
        return self._thing if isinstance(self._thing, Refused) else None

    async def read(self, id: str) -> None:
        """The person has taken note: it is not counted any more. Its contents stay in the journal."""
        kept = [*json.loads(self._store.meta("ui.read") or "[]"), id][-MOST_READ:]
        self._seen = frozenset(kept)
        await self._host._do(self._store.set_meta, "ui.read", json.dumps(kept))
        await self._host.load()
        if self._host.route == "refused":
            self._host.back()

    def takes_back(self, made: Change) -> bool:
        """Can a person correct it? What this version knows and people record."""
        return made.type in TYPES and bool(TYPES[made.type].about.writers)

    async def take_back(self, id: str) -> None:
        """A refused change becomes a draft again, of the same record; finishing it makes a new change. A visit opens as one,
        anything else in its form."""
        found = await self._host._do(needs.refused, self._store, id)
        if found is None or not self.takes_back(found.made):
            return
        made = found.made
        begun = await self._host._do(self._store.drafts, made.type)
        values = next((d.values for d in begun if d.id == made.record), None)
        if values is None:  # else it was taken back before, and written on
            values = await self._host._do(needs.whole, self._store, made)
            await self._host._do(self._store.save_draft, made.type, made.record, made.scope, values)
        await self._host.load()
        planned = values.get("planned_point_id") if MARK not in values else None
        if made.type == "point" and made.creates and self._host.row(str(planned)) is not None:
            await self._host.open(planned)
        else:
            self._host.go("form", type=made.type, id=made.record, scope=made.scope)
        self._host.tell("done", needs.pair("refused.taken"))

    async def again(self, id: str) -> None:
        """What the server refused of the person's photos is tried once more: its limits may have changed."""
        person = self._store.keys.require().person
        await self._host._do(self._store.photos_again, person)
        await self._host.load()
        if self._host.route == "refused":
            self._host.back()
        await self.sync()

    # --- conflicts -----------------------------------------------------------------------------------------------

    async def open_clash(self, id: str) -> None:
        """First what is known here, then what the server knows."""
        self._clash, self._trouble = None, None
        kept = json.loads(self._store.meta("ui.deciding") or "{}")
        self._given = kept if kept.get("id") == id else {"id": id}
        laid = await self._host._do(clash.lay_out, self._store, id)
        if self._given.get("id") != id:  # another one was opened meanwhile
            return
        self._clash = laid
        self.notify()
        if self._clash is not None and self._clash.choice is None:
            await self.ask()

    async def ask(self) -> None:
        """Whose are the values, and is it still open? Waits for a sync that runs."""
        open_ = self._clash
        if open_ is None or self._asking:
            return
        self._asking, self._trouble = True, None
        self.notify()
        try:
            told = await asyncio.to_thread(self._syncer.conflict, open_.id)
            laid = await self._host._do(clash.lay_out, self._store, open_.id, told)
            if self._given.get("id") == open_.id:  # else the answer is about one that is not looked at any more
                self._clash = laid
        except Trouble as err:
            self._trouble = err if self._given.get("id") == open_.id else None
        finally:
            self._asking = False
            self.notify()
        if self._clash is not None and self._clash.id != open_.id and self._clash.choice is None:
            await self.ask()

    def give(self, **given: str) -> None:
        """Choice and reason so far; kept at once."""
        self._given = {**self._given, **given}
        self._host._write(self._store.set_meta, "ui.deciding", json.dumps(self._given))
        self.notify()

    @property
    def ready(self) -> bool:
        return bool(
            self._given.get("choice") and self._given.get("reason", "").strip() and self._clash and self._clash.told
        )

    async def decide(self) -> None:
        """Asked twice it counts once, so a lost answer costs nothing but another tap."""
        open_ = self._clash
        if open_ is None or not self.ready or self._host.busy or self._given.get("id") != open_.id:
            return
        choice, reason = self._given["choice"], self._given["reason"].strip()
        self._host.busy = "decide"
        try:
            await asyncio.to_thread(self._syncer.decide, open_.id, choice, reason)
        except Trouble as err:
            self._trouble = err if err.problem.number in OUT_OF_REACH else None
            raise
        finally:
            self._host.busy = ""
            self.notify()
        await self._host._do(self._store.set_meta, "ui.deciding", "{}")
        await self.sync()
        word = codes("conflict_choice").get(choice)
        said: tuple[Pair, Pair] = clash.decided(open_, (word.zh, word.en) if word else needs.NONE)
        if self._host.route == "conflict":
            self._host.back()
        self._host.tell("done", *said)
