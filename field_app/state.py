"""What the pages show and what they can do. Pages read this, call its methods, and know nothing else.

Two observables change often and are therefore apart: `here` (the position, every second) and `visit` (every key). Who
reads only one of them is drawn anew only for it. Everything that writes or syncs runs on one worker thread, in order.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, copy_context
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import flet as ft

from field_app import checking, reading
from field_app.book import Book, PointRow, placed
from field_app.capture.camera import Camera
from field_app.capture.handover import DeviceHandover, Handover
from field_app.capture.position import NoFix, Positions, as_values, manual_values
from field_app.capture.tileserver import TileServer
from field_app.desks.beside import BesideDesk
from field_app.desks.centre import Centre
from field_app.desks.chains import Chains
from field_app.desks.checking import CheckingDesk
from field_app.desks.checks import Checks
from field_app.desks.copies import Copies
from field_app.desks.ground import Ground
from field_app.desks.handing import Handing
from field_app.desks.issuing import Issuing
from field_app.desks.keeping import KeepingDesk
from field_app.desks.needs import Picture
from field_app.desks.onsite import OnsiteDesk
from field_app.desks.photos import PhotoDesk
from field_app.desks.rechecking import Rechecking
from field_app.desks.records import Records
from field_app.desks.rescue import Rescue
from field_app.desks.sampling import Sampling
from field_app.desks.scanning import Scanning
from field_app.desks.seats import Seats
from field_app.desks.signing import Signing
from field_app.desks.stake import Stake
from field_app.desks.tasking import Tasking
from field_app.desks.trucks import Trucks
from field_app.desks.unlock import Unlock
from field_app.diagnostics import Around
from field_app.diagnostics import text as diagnostics
from field_app.here import Here
from field_app.store import Edit, Seen, Store
from field_app.sync import Syncer
from field_app.visit import Values, Visit
from field_app.words import WORDS, both
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.reference import Label

log = logging.getLogger("jingtu.app")
TABS = ("today", "map", "trucks", "checks", "records", "sync", "settings")
PARTY_TABS = ("trucks", "scan", "sync", "settings")
OF_PROJECTS = (
    "today",
    "map",
    "records",
    "list",
    "record",
    "form",
    "pick",
    "point",
    "stakeout",
    "issue",
    "checks",
    "newcheck",
    "item",
    "items",
    "fail",
    "onsite",
    "sketch",
    "recheck",
    "task",
    "beside",
    "kept",
)  # not for who reads none
NOT_KEPT = ("enrol", "unlock", "point")  # not come back to by name: what is open there is known otherwise
LIVE = (
    "today",
    "map",
    "point",
    "stakeout",
    "form",
    "trucks",
    "issue",
    "code",
    "scan",
    "leg",
    "roadside",
    "checks",
    "newcheck",
    "item",
    "fail",
    "onsite",
    "recheck",
    "task",
)  # pages that need to know where we are


class Notice(NamedTuple):
    """Something the person should read: kind done, warn or alert; words in both languages."""

    kind: str
    title: tuple[str, str]
    detail: tuple[str, str] = ("", "")


@ft.observable
class State:
    def __init__(
        self, store: Store, syncer: Syncer, positions: Positions, spawn: Callable[[Any], Any] | None = None,
        camera: Camera | None = None, seats: Seats | None = None,
        tiles: TileServer | None = None, handover: Handover | None = None,
    ) -> None:  # fmt: skip
        self._store, self._syncer, self._positions = store, syncer, positions
        self._writer = ThreadPoolExecutor(1, "jingtu-writer")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: Context | None = None  # whose window this is: a thread of ours has none, and Flet asks for it
        self._spawn = spawn or asyncio.ensure_future
        self._on_look: Callable[[], None] = lambda: None
        self._book = Book(targets={}, visits={}, drafts={}, readings={}, samples={})
        self._reading, self._asked, self._answered = (
            asyncio.Lock(),
            0,
            0,
        )  # looks into the store: asked for, answered up to
        self._counts: dict[str, int] = {}
        self._visit: Visit | None = None
        self._opening = 0  # points tapped so far: the last one counts
        self._notice: Notice | None = None
        self._here = Here()
        self._stake = Stake(self, store.meta("ui.vibrate") != "0")
        self._ground = Ground(self, store.folder / "tiles", store.meta("ui.tiles") or "", tiles or TileServer())
        self._photos = PhotoDesk(self, camera)
        handover = handover or DeviceHandover(web=True, mobile=False)
        self._copies = Copies(self, handover)
        self._signing = Signing(self)
        self._sampling = Sampling(self)
        self._chains = Chains(store)
        self._scanning = Scanning(self, camera)
        self._handing = Handing(self, store, self._chains, camera)
        self._centre = Centre(self, store, syncer)
        self.lang = store.meta("ui.lang") or "zh"
        self.theme = store.meta("ui.theme") or "light"
        self.size = store.meta("ui.size") or "normal"
        self.route = "enrol" if store.identity is None else "today"
        self._args: dict[str, Any] = {}  # what the page is about, as JSON: a record's type and id …
        self._trail: list[tuple[str, dict[str, Any]]] = []  # the pages above this one
        self.width, self.height = 1024.0, 768.0
        self.busy = ""
        self.filter = "all"
        self.joining = False  # the enrol page is for a further person
        self.selected = ""  # the point chosen on the map
        self.present = True  # somebody looks at this window
        self._seats = seats or Seats()
        self.seat = self._seats.come(self)
        self._troubles: deque[tuple[str, int, str]] = deque(maxlen=20)  # when, which, its kind: for diagnostics
        self._shut = store.identity is not None  # the screen is locked
        self._unlock = Unlock(self, store)
        self._records = Records(self, store)
        self._rescue = Rescue(self, store, handover)
        self._trucks = Trucks(self, store)
        self._issuing = Issuing(self, store)
        self._checking = CheckingDesk(self, store, camera)
        self._checks = Checks(self, store)
        self._rechecking = Rechecking(self, store, camera)
        self._tasking = Tasking(self, store, camera)
        self._onsite = OnsiteDesk(self, store)
        self._beside = BesideDesk(self, store)
        self._keeping = KeepingDesk(self, store, syncer)

    # --- what pages read -----------------------------------------------------------------------------------------

    book = property(lambda self: self._book)
    counts = property(lambda self: self._counts)
    centre = property(lambda self: self._centre)
    todos = property(lambda self: self._centre.todos)
    urgent = property(lambda self: self._centre.picture.urgent)
    visit = property(lambda self: self._visit)
    notice = property(lambda self: self._notice)
    result = property(lambda self: self._centre.result)
    here = property(lambda self: self._here)
    stake = property(lambda self: self._stake)
    ground = property(lambda self: self._ground)
    photos = property(lambda self: self._photos)
    copies = property(lambda self: self._copies)
    signing = property(lambda self: self._signing)
    sampling = property(lambda self: self._sampling)
    chains = property(lambda self: self._chains)
    scanning = property(lambda self: self._scanning)
    handing = property(lambda self: self._handing)
    unlock = property(lambda self: self._unlock)
    records = property(lambda self: self._records)
    rescue = property(lambda self: self._rescue)
    trucks = property(lambda self: self._trucks)
    issuing = property(lambda self: self._issuing)
    checks = property(lambda self: self._checks)
    checking = property(lambda self: self._checking)
    rechecking = property(lambda self: self._rechecking)
    tasking = property(lambda self: self._tasking)
    onsite = property(lambda self: self._onsite)
    beside = property(lambda self: self._beside)
    keeping = property(lambda self: self._keeping)
    args = property(lambda self: self._args)
    last_sync = property(lambda self: self._centre.last)
    must_enrol = property(lambda self: self._centre.must_enrol)

    @property
    def locked(self) -> bool:
        """Nothing but the PIN page is shown: locked, or whose turn it is has no PIN yet."""
        return self._store.identity is not None and (self._shut or not self._store.keys.has_pin(self.turn))

    @property
    def shown(self) -> str:
        """The page that is drawn: `route`, unless another window has the tablet, or the screen is locked."""
        if self.seat != "here":
            return "window"
        enrolling = self.route == "enrol" or (
            self.route == "scan" and bool(self._trail) and self._trail[-1][0] == "enrol"
        )
        if self.locked and not enrolling:
            return "unlock"
        return "trucks" if self.party and self.route in OF_PROJECTS else self.route

    @property
    def deep(self) -> bool:
        """Is there a page above this one?"""
        return bool(self._trail)

    @property
    def above(self) -> str:
        """The page back leads to; "" at the top."""
        return self._trail[-1][0] if self._trail else ""

    @property
    def party(self) -> bool:
        """Is this person of another firm, who hands in and reads nothing here? The app is then its own loads, scanning and sync."""
        return self._records.only_party

    @property
    def tabs(self) -> tuple[str, ...]:
        """The tabs of whose turn it is: loads for whoever has to do with them."""
        if self.party:
            return PARTY_TABS
        shown = {"trucks": self._trucks.shown, "checks": self._checks.shown}
        return tuple(t for t in TABS if shown.get(t, True))

    @property
    def wide(self) -> bool:
        return self.width >= 840

    @property
    def person(self) -> str:
        identity = self._store.identity
        return identity.person_name if identity else ""

    @property
    def device(self) -> str:
        identity = self._store.identity
        return identity.device_code if identity else ""

    @property
    def device_id(self) -> str:
        return self._store.identity.device if self._store.identity else ""

    @property
    def people(self) -> list[tuple[str, str]]:
        """(enrolment, name) of everybody who shares this tablet."""
        return self._store.people()

    @property
    def turn(self) -> str:
        """The enrolment of the person who has the tablet now."""
        return self._store.identity.enrolment if self._store.identity else ""

    @property
    def server(self) -> str:
        identity = self._store.identity
        return identity.server_url if identity else ""

    def now(self) -> datetime:
        return self._store.clock.now()

    def rows(self, wanted: str = "all", most: int = 1) -> list[PointRow]:
        """The first `most` points of a filter (nearby.FILTERS), with distance and bearing, nearest first; in the plan's
        order while nobody knows where we are. Costs what it gives, however many points there are."""
        book, fix = self._book, self._here.fix
        if fix is None:
            return [book.rows[n] for n in book.places.by_plan(wanted, most)]
        found = islice(book.places.nearest(fix.lon, fix.lat, wanted), most)
        return [book.rows[n]._replace(distance_m=far, bearing=turn) for n, far, turn in found]

    def row(self, id: str) -> PointRow | None:
        row, fix = self._book.by_id.get(id), self._here.fix
        return placed(row, fix.lon, fix.lat) if row and fix else row

    def options(self, ref: str) -> dict[str, str]:
        """Records a form may refer to: id → name."""
        if ref not in TYPES:
            return {}
        seen = self._book.people if ref == "person" else self._store.all(ref)
        name = lambda v: str(v.get("name") or v.get("code") or v.get("model") or "")  # noqa: E731
        return {s.id: name(s.values) or s.id[-6:] for s in seen}

    # --- going about ---------------------------------------------------------------------------------------------

    async def load(self, show: bool = True) -> None:
        """Read what was written since the last time. Behind what was written before, so that a draft of a moment ago is in
        the picture; but not on the writer's thread: no draft waits for a long look. Who asks while one is under way
        waits for the next, together with all who asked meanwhile."""
        self._loop = asyncio.get_running_loop()
        self._asked += 1
        mine = self._asked
        async with self._reading:
            if self._answered < mine:
                answering = self._asked
                await self._do(lambda: None)
                self._book, self._counts, picture = await asyncio.to_thread(self._look)
                self._centre.use(picture)
                self._answered = answering
        if self._visit is not None:
            self._visit.use(self._book)
        if show:
            self.notify()

    def _look(self) -> tuple[Book, dict[str, int], Picture]:
        self._records.read_rights()
        self._trucks.read_rights()
        self._checks.read_rights()
        return (
            reading.read(self._store, self._store.meta("ui.project"), self._book),
            {**self._store.counts(), **self._owed_photos()},
            self._centre.look(),
        )

    def _owed_photos(self) -> dict[str, int]:
        media = self._store.media()
        return {"photos": media.total, "photos_left": media.total - media.there}

    async def resume(self) -> None:
        """Back to the page the process ended on."""
        self._loop, self._context = asyncio.get_running_loop(), copy_context()
        if self.seat != "here":
            return
        await self._seats.settle()
        await self.load(show=False)
        place = json.loads(self._store.meta("ui.place") or "[]")
        planned = self._store.meta("ui.open")
        if planned and planned in self._book.drafts:
            await self.open(planned)
            if any(above == "point" for above, _ in place[:-1]):  # on a page opened from the point
                self._trail, (self.route, self._args) = [tuple(p) for p in place[:-1]], place[-1]
                self.notify()
        elif place and self.route == "today":
            self._trail = [tuple(p) for p in place[:-1]]
            self.route, self._args = place[-1]
            self.notify()
        else:
            self.notify()

    def go(self, route: str, **args: Any) -> None:
        """To a page; a tab starts a new trail, anything else lies below the page it was opened from."""
        self._notice = None
        self._trail = [] if route in self.tabs and self.route != "enrol" else [*self._trail, (self.route, self._args)]
        self._show(route, args)

    def replace(self, route: str, **args: Any) -> None:
        """To a page in the place of this one: back leads past both to the one above."""
        self._notice = None
        self._show(route, args)

    def forget_pages(self, id: str) -> None:
        """What was a draft is a record now: back does not lead to the pages it was written on."""
        self._trail = [(route, args) for route, args in self._trail if args.get("id") != id]

    def _show(self, route: str, args: dict[str, Any]) -> None:
        below = any(above == "point" for above, _ in self._trail)  # the visit stays open below its own page
        if (self.route == "point" or self._visit is not None) and route != "point" and not below:
            self._visit = None
            self._write(self._store.set_meta, "ui.open", "")
            self._later(self.load())
        self.route, self._args = route, args
        if route != "sign":  # the pad is a moment of the page below it, which is what is come back to
            kept = [] if route in NOT_KEPT else [*self._trail, (route, args)]
            self._write(self._store.set_meta, "ui.place", json.dumps(kept))
        self.notify()

    def _home(self) -> None:
        self.route, self._args, self._trail = "today", {}, []

    def _later(self, work: Any) -> None:
        async def guarded() -> None:
            try:
                await work
            except Exception as err:
                self.report(err)

        self._spawn(guarded())

    def back(self) -> None:
        """One level up: from a step to the list of steps, from a page to the one it was opened from, at last to Today."""
        if self.shown == "window" or (self.shown == "unlock" and self.locked):
            return  # there is nothing above it
        if self.route == "point" and self._visit is not None and self._visit.ui("step"):
            self._visit.up()
            return
        self._notice = None
        route, args = self._trail.pop() if self._trail else ("today", {})
        self._show(route, args)

    def dismiss(self) -> None:
        self._notice = None
        self.notify()

    def look(self, **values: str) -> None:
        """Language, theme, text size: at once, and kept."""
        for name, value in values.items():
            setattr(self, name, value)
            self._write(self._store.set_meta, f"ui.{name}", value)
        self._on_look()

    def keep_setting(self, name: str, value: str) -> None:
        self._write(self._store.set_meta, f"ui.{name}", value)

    def on_look(self, fn: Callable[[], None]) -> None:
        self._on_look = fn

    async def choose_project(self, project: str) -> None:
        await self._do(self._store.set_meta, "ui.project", project)
        await self.load()

    # --- the visit -----------------------------------------------------------------------------------------------

    async def open(self, planned_id: str, again: bool = False, step: str | None = None) -> None:
        """Open a point: its draft where there is one, else a new visit. A visited one shows what was recorded. `step`: where
        a visit without a position begins."""
        planned = self._book.planned.get(planned_id)
        if planned is None or self.busy == "finish":
            return
        self._opening = mine = self._opening + 1
        await self._photos.settled()
        # out of the store, behind what was typed a moment ago: the picture may not have it yet
        draft, children = await self._do(self._drafted, planned)
        if mine != self._opening:  # tapped again meanwhile
            return
        self._visit, self.selected, self._notice = None, planned_id, None
        if draft is not None:
            self._visit = self._make(planned, draft, children)
            if step and not self._visit.point.get("position"):
                self._visit.set_ui(step=step)
        elif planned_id not in self._book.visits or again:
            self._visit = self._begin(planned, step)
        self._here.start()
        if self.route != "point":
            self._trail = [*self._trail, (self.route, self._args)]
        self.route, self._args = "point", {}
        self._write(self._store.set_meta, "ui.open", planned_id)
        self.notify()

    def _drafted(self, planned: Seen) -> tuple[Seen | None, list[Seen]]:
        """The visit that is being written there, and its records."""
        draft = reading.drafts(self._store, planned.scope).get(planned.id)
        return draft, self._store.drafts(parent=draft.id) if draft else []

    def _begin(self, planned: Seen, step: str | None) -> Visit:
        identity = self._store.identity
        values: Values = {
            "planned_point_id": planned.id, "code": planned.values["code"], "site_id": self._book.site_id,
            "outcome": "done", "started_at": self.now().isoformat(timespec="seconds"),
            "samplers": [identity.person] if identity else [], **({"_ui": {"step": step}} if step else {}),
        }  # fmt: skip
        return self._make(planned, Seen("point", self._store.new_id(), planned.scope, 0, values, "draft"), [])

    def _make(self, planned: Seen, point: Seen, children: list[Seen]) -> Visit:
        stored = {point.id} if children or point.id in {d.id for d in self._book.drafts.values()} else set()

        def keep(type: str, record: str, values: Values) -> None:
            parent = None if record == point.id else point.id
            if point.id not in stored:  # a child's draft alone would have no point to open it from
                self._write(self._store.save_draft, "point", point.id, point.scope, dict(visit.point))
                stored.add(point.id)
            self._write(self._store.save_draft, type, record, point.scope, dict(values), parent)

        def drop(record: str) -> None:
            self._write(self._store.drop_draft, record)

        visit = Visit(self._book, planned, point, children, keep, drop, self._store.new_id, self.now)
        return visit

    def adopt_position(self) -> None:
        """Take the averaged position as the point's."""
        mean = self._here.mean
        if self._visit is not None and mean is not None:
            self._visit.set_point(position=as_values(mean, self.now()))
            after = "layers" if self._visit.drilled else "readings"
            self._visit.set_ui(step=after if not self._shift_asks() else "position")

    def adopt_manual(self, lon: str, lat: str, reason: str) -> None:
        if self._visit is not None:
            self._visit.set_point(position=manual_values(lon, lat, reason, self.now()))

    def _shift_asks(self) -> bool:
        shift = self._visit.shift if self._visit else None
        return bool(shift and shift.over and not self._visit.point.get("reason"))  # type: ignore[union-attr]

    async def add_sample(self) -> None:
        """Of the next target that has none; else besides the plan."""
        await self._sampling.take()

    async def findings(self) -> tuple[Label, ...]:
        """What the server's check of this point would say now."""
        visit = self._visit
        if visit is None:
            return ()
        args = (self._store, self._book, visit.edits(), visit.point["planned_point_id"], self.now())
        return tuple(Label(f.zh, f.en) for f in await asyncio.to_thread(checking.findings, *args))

    async def finish(self) -> None:
        """完成: all records of the visit in one transaction, or none and the reason."""
        visit = self._visit
        if visit is None or self.busy:
            return
        self.busy = "finish"
        try:
            await self._photos.settled()  # a photo on its way belongs to it
            edits = [Edit(type, record, visit.scope, values) for type, record, values in visit.edits()]
            await self._do(self._store.finalize, edits)
            visit.close()
            with suppress(Trouble):  # done it is, also where there is no room for this
                await self._do(self._drop_late, {edit.record for edit in edits})
                await self._do(self._store.set_meta, "ui.open", "")
        finally:
            self.busy = ""
        self._visit = None
        await self.load()
        self._home()
        detail = both("point.finished.why", n=len(edits))
        self._notice = Notice("done", both("point.finished", code=visit.code), detail)
        self.notify()

    def _drop_late(self, records: set[str]) -> None:
        """What was tapped between 完成 and its end counts no more, and would stay as half a visit."""
        for draft in self._store.drafts():
            if draft.id in records:
                self._store.drop_draft(draft.id)

    # --- sync ----------------------------------------------------------------------------------------------------

    async def sync(self) -> None:
        await self._centre.sync()

    def enrol_again(self) -> None:
        """The enrol page, although there is an identity: only where the server asked for it."""
        if self.must_enrol and not self.busy:
            self.joining = False
            self.go("enrol")

    def add_person(self) -> None:
        """The enrol page for somebody who is to share this tablet."""
        if not self.busy:
            self.joining = True
            self.go("enrol")

    async def take_turn(self, enrolment: str) -> None:
        """Another person wants the tablet: first the PIN."""
        if not self.busy and enrolment != self.turn:
            self.unlock.ask(enrolment)
            self.go("unlock")

    def lock(self) -> None:
        """The screen; what is open stays open behind it."""
        self._shut, self._notice = True, None
        self.unlock.start()
        self.notify()

    def change_pin(self) -> None:
        self.unlock.change()
        self.go("unlock")

    def enrol_here(self) -> None:
        """A forgotten PIN: the person enrols again, and what was not sent yet comes along."""
        self.joining = False
        self.go("enrol")

    async def admit(self, enrolment: str, changed: bool = False) -> None:
        """The PIN was right, or is set: back to where this person was, or in with another one."""
        if enrolment != self.turn:
            await self._hand_to(enrolment)
        else:
            self._later(self.load())  # what waited for this key does no more
        self._shut = False
        if self.route == "unlock":
            self.back()
        if changed:
            self._notice = Notice("done", WORDS["pin.changed"])
        self.notify()

    async def _hand_to(self, enrolment: str) -> None:
        """Another person takes the tablet: own drafts, own projects, own name on what is recorded."""
        await self._photos.settled()
        self._let_go()
        for where in ("ui.open", "ui.place"):  # nor does the next start lead to what the one before had open
            await self._do(self._store.set_meta, where, "")
        await self._do(self._store.turn, enrolment)
        await self.load()
        self._home()
        self._notice = Notice("done", both("set.turn", person=self.person))
        self.notify()

    async def enrol(self, server: str, code: str, label: str, key: str = "") -> None:
        """key: the fingerprint of the server's key, where a scanned code said one."""
        if self.busy:
            return
        self.busy = "enrol"
        try:
            await self._centre.quiet()
            await asyncio.to_thread(
                self._syncer.enrol,
                server.strip().rstrip("/"),
                code.strip(),
                label.strip(),
                beside=self.joining,
                fingerprint=key,
            )
        finally:
            self.busy = ""
        self._shut = True  # until there is a PIN
        self.unlock.start()
        self.go("sync")
        await self.sync()

    # --- where are we --------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Ask for the position for as long as the session lives; faster while a position is being taken."""
        while True:
            if self.shown in LIVE:
                try:
                    self._here.take(await self._positions.fix(), self.now())
                except NoFix as err:
                    self._here.fail(err.reason)
                except Exception:
                    log.exception("position")
                    self._here.fail("off")
            taking = self._visit is not None and self._visit.ui("step") in (None, "position")
            taking = taking or self.route == "stakeout" or self._photos.lens is not None
            await asyncio.sleep(0.5 if taking else 4)

    # --- one way to write, one way to tell -----------------------------------------------------------------------

    def _write(self, fn: Callable[..., Any], *args: Any) -> None:
        """In the background, in order; what fails is told."""
        self._writer.submit(fn, *args).add_done_callback(self._written)

    def _written(self, future: Future[Any]) -> None:
        error = future.exception()
        if error is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self.report, error, context=self._context)

    async def _do(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Behind everything written before, and wait for it."""
        return await asyncio.wrap_future(self._writer.submit(fn, *args))

    def tell(self, kind: str, title: tuple[str, str], detail: tuple[str, str] = ("", "")) -> None:
        self._notice = Notice(kind, title, detail)
        self.notify()

    def report(self, error: BaseException) -> None:
        """Words for a person; the traceback goes to the log only."""
        kind = type(error.__cause__).__name__ if error.__cause__ else ""
        if not isinstance(error, Trouble):
            log.error("unexpected", exc_info=error)
            kind = name = type(error).__name__
            error = Trouble(5005, why=dict(zip(("zh", "en"), both("fault.inside", name=name), strict=True)))
        p = error.problem
        self._troubles.append((self.now().isoformat(timespec="seconds"), p.number, kind))
        self._notice = Notice("alert", (error.text("zh"), error.text("en")), (p.remedy_zh, p.remedy_en))
        self.notify()

    async def diagnostics(self) -> str:
        """What an administrator asks for, without secrets."""
        fix, problem = self._here.fix, self._here.problem
        accuracy = f" ±{fix.accuracy_m} m" if fix and fix.accuracy_m is not None else ""
        where = problem or (f"fix{accuracy}{' mocked' if fix.mocked else ''}" if fix else "")
        around = Around(self.now(), where, self.last_sync, tuple(self._troubles))
        return str(await self._do(diagnostics, self.lang, self._store, around))

    # --- one window at a time ------------------------------------------------------------------------------------

    async def take_over(self) -> None:
        """This window instead of the other one; it goes on where that one was, after the PIN."""
        if not await self._seats.take(self):  # yet another window was quicker
            self.seat = "taken"
            self.notify()
            return
        self.seat, self._shut = "here", self._store.identity is not None
        self.lang = self._store.meta("ui.lang") or self.lang
        self.theme = self._store.meta("ui.theme") or self.theme
        self.size = self._store.meta("ui.size") or self.size
        self._visit, self._notice, self._trail, self._args = None, None, [], {}
        self.route = "enrol" if self._store.identity is None else "today"
        self.unlock.start()
        self._on_look()
        await self.resume()

    async def leave(self) -> None:
        """Another window takes over: what was typed here is in the store when this returns."""
        await self._spawn(self._leave())  # as this window's, or Flet would draw it in the other one

    async def _leave(self) -> None:
        self.seat = "taken"
        while self.busy in ("enrol", "finish"):
            await asyncio.sleep(0.1)
        await self._photos.settled()
        self._let_go()  # a key still on its way would put an old picture over what is written in the other one
        with suppress(RuntimeError):  # closed already
            await self._do(lambda: None)
        self.notify()

    def _let_go(self) -> None:
        """What is open here is written no more."""
        if self._visit is not None:
            self._visit.close()
        self._visit = None
        self._records.forget()
        self._issuing.forget()
        self._handing.forget()
        self._trucks.forget()
        self._beside.forget()
        self._keeping.forget()
        self._checking.forget()
        self._checks.forget()
        self._rechecking.forget()
        self._tasking.forget()
        self._onsite.forget()

    def close(self) -> None:
        self._seats.free(self)
        self._writer.shutdown(wait=False)
