"""What the pages show and what they can do. Pages read this, call its methods, and know nothing else.

Two observables change often and are therefore apart: `here` (the position, every second) and `visit` (every key). Who
reads only one of them is drawn anew only for it. Everything that writes or syncs runs on one worker thread, in order.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple

import flet as ft

from field_app import book as books
from field_app import checking
from field_app.book import Book, PointRow, placed
from field_app.capture.position import NoFix, Positions, as_values, manual_values
from field_app.here import Here
from field_app.store import Edit, Seen, Store
from field_app.sync import Progress, Syncer, SyncResult
from field_app.visit import Values, Visit
from schemas.problems import PROBLEMS, Trouble
from schemas.records import TYPES
from schemas.reference import Label

log = logging.getLogger("jingtu.app")
TABS = ("today", "map", "sync", "settings")
ENROL_AGAIN = (1203, 1204, 2005, 2010)  # the server takes nothing more from this enrolment
NOT_KEPT = ("enrol", "unlock", "point")  # not come back to by name: what is open there is known otherwise
LIVE = ("today", "map", "point")  # pages that need to know where we are


class Notice(NamedTuple):
    """Something the person should read: kind done, warn or alert; words in both languages."""

    kind: str
    title: tuple[str, str]
    detail: tuple[str, str] = ("", "")


class Todo(NamedTuple):
    """A change that was not simply accepted. kind: rejected, parked, conflict."""

    kind: str
    what: tuple[str, str]
    why: tuple[str, str]
    remedy: tuple[str, str]


@ft.observable
class State:
    def __init__(
        self, store: Store, syncer: Syncer, positions: Positions, spawn: Callable[[Any], Any] | None = None
    ) -> None:
        self._store, self._syncer, self._positions = store, syncer, positions
        self._writer = ThreadPoolExecutor(1, "jingtu-writer")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._spawn = spawn or asyncio.ensure_future
        self._on_look: Callable[[], None] = lambda: None
        self._book = Book(targets={}, visits={}, drafts={}, readings={}, samples={})
        self._counts: dict[str, int] = {}
        self._todos: tuple[Todo, ...] = ()
        self._visit: Visit | None = None
        self._notice: Notice | None = None
        self._result: SyncResult | None = None
        self._progress: Progress | None = None
        self._here = Here()
        self._last_sync: Values | None = None
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

    # --- what pages read -----------------------------------------------------------------------------------------

    book = property(lambda self: self._book)
    counts = property(lambda self: self._counts)
    todos = property(lambda self: self._todos)
    visit = property(lambda self: self._visit)
    notice = property(lambda self: self._notice)
    result = property(lambda self: self._result)
    progress = property(lambda self: self._progress)
    here = property(lambda self: self._here)
    args = property(lambda self: self._args)
    last_sync = property(lambda self: self._last_sync)

    @property
    def must_enrol(self) -> bool:
        """The last sync said that only a new enrolment helps. Kept over a restart: the page may be opened days later."""
        return any(number in ENROL_AGAIN for number in (self._last_sync or {}).get("problems", ()))

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

    def rows(self) -> list[PointRow]:
        fix = self._here.fix
        return placed(self._book.rows, fix.lon if fix else None, fix.lat if fix else None)

    def row(self, id: str) -> PointRow | None:
        return next((r for r in self.rows() if r.id == id), None)

    def options(self, ref: str) -> dict[str, str]:
        """Records a form may refer to: id → name."""
        if ref not in TYPES:
            return {}
        seen = self._book.people if ref == "person" else self._store.all(ref)
        name = lambda v: str(v.get("name") or v.get("code") or v.get("model") or "")  # noqa: E731
        return {s.id: name(s.values) or s.id[-6:] for s in seen}

    # --- going about ---------------------------------------------------------------------------------------------

    async def load(self, show: bool = True) -> None:
        """Read the project anew; at the start also go back to where the process was when it ended."""
        self._loop = asyncio.get_running_loop()
        chosen = self._store.meta("ui.project")
        # Behind what was written before, so that a draft of a moment ago is in the picture.
        self._book, self._counts, self._todos, self._last_sync = await self._do(
            lambda: (
                books.read(self._store, chosen),
                self._store.counts(),
                self._read_todos(),
                json.loads(self._store.meta("ui.last_sync") or "null"),
            )
        )
        if self._visit is not None:
            self._visit.use(self._book)
        if show:
            self.notify()

    async def resume(self) -> None:
        """Back to the page the process ended on."""
        await self.load(show=False)
        place = json.loads(self._store.meta("ui.place") or "[]")
        planned = self._store.meta("ui.open")
        if planned and planned in self._book.drafts:
            await self.open(planned)
        elif place and self.route == "today":
            self._trail = [tuple(p) for p in place[:-1]]
            self.route, self._args = place[-1]
            self.notify()
        else:
            self.notify()

    def go(self, route: str, **args: Any) -> None:
        """To a page; a tab starts a new trail, anything else lies below the page it was opened from."""
        self._notice = None
        self._trail = [] if route in TABS else [*self._trail, (self.route, self._args)]
        self._show(route, args)

    def _show(self, route: str, args: dict[str, Any]) -> None:
        if self.route == "point" and route != "point":
            self._visit = None
            self._write(self._store.set_meta, "ui.open", "")
            self._later(self.load())
        self.route, self._args = route, args
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
        if self.route == "point" and self._visit is not None and self._visit.ui("step"):
            self._visit.set_ui(step=None)
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

    def on_look(self, fn: Callable[[], None]) -> None:
        self._on_look = fn

    async def choose_project(self, project: str) -> None:
        await self._do(self._store.set_meta, "ui.project", project)
        await self.load()

    # --- the visit -----------------------------------------------------------------------------------------------

    async def open(self, planned_id: str, again: bool = False) -> None:
        """Open a point: its draft where there is one, else a new visit. A visited one shows what was recorded."""
        planned = next((p for p in self._book.planned if p.id == planned_id), None)
        if planned is None:
            return
        draft = self._book.drafts.get(planned_id)
        self._visit, self.selected, self._notice = None, planned_id, None
        if draft is not None:
            self._visit = await asyncio.to_thread(self._restore, planned, draft)
        elif planned_id not in self._book.visits or again:
            self._visit = self._begin(planned)
        self._here.start()
        if self.route != "point":
            self._trail = [*self._trail, (self.route, self._args)]
        self.route, self._args = "point", {}
        self._write(self._store.set_meta, "ui.open", planned_id)
        self.notify()

    def _restore(self, planned: Seen, draft: Seen) -> Visit:
        return self._make(planned, draft, self._store.drafts(parent=draft.id))

    def _begin(self, planned: Seen) -> Visit:
        identity = self._store.identity
        values: Values = {
            "planned_point_id": planned.id, "code": planned.values["code"], "site_id": self._book.site_id,
            "outcome": "done", "started_at": self.now().isoformat(timespec="seconds"),
            "samplers": [identity.person] if identity else [],
        }  # fmt: skip
        return self._make(planned, Seen("point", self._store.new_id(), self._book.scope, 0, values, "draft"), [])

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
            self._visit.set_ui(step="readings" if not self._shift_asks() else "position")

    def adopt_manual(self, lon: str, lat: str, reason: str) -> None:
        if self._visit is not None:
            self._visit.set_point(position=manual_values(lon, lat, reason, self.now()))

    def _shift_asks(self) -> bool:
        shift = self._visit.shift if self._visit else None
        return bool(shift and shift.over and not self._visit.point.get("reason"))  # type: ignore[union-attr]

    async def add_sample(self) -> None:
        identity = self._store.identity
        if self._visit is not None and identity is not None:
            number = await self._do(self._store.next_number, "sample")
            self._visit.add_sample(number, identity.person)

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
        edits = [Edit(type, record, self._book.scope, values) for type, record, values in visit.edits()]
        self.busy = "finish"
        try:
            await self._do(self._store.finalize, edits)
            await self._do(self._store.set_meta, "ui.open", "")
        finally:
            self.busy = ""
        self._visit = None
        await self.load()
        self._home()
        n, c = len(edits), visit.code
        self._notice = Notice("done", (f"{c} 已完成", f"{c} finished"),
                              (f"{n} 条记录已存在本机，等待同步", f"{n} records saved on this tablet, to be sent"))  # fmt: skip
        self.notify()

    # --- sync ----------------------------------------------------------------------------------------------------

    async def sync(self) -> None:
        if self.busy:
            return
        loop = asyncio.get_running_loop()
        self.busy, self._notice = "sync", None
        try:
            result = await asyncio.to_thread(
                self._syncer.run, lambda p: loop.call_soon_threadsafe(self._on_progress, p)
            )
        finally:
            self.busy, self._progress = "", None
        self._result = result
        summary = {"at": self.now().isoformat(timespec="seconds"), "reached": result.reached,
                   "sent": result.acknowledged, "pulled": result.pulled,
                   "problems": sorted({p.problem.number for p in result.problems})}  # fmt: skip
        await self._do(self._store.set_meta, "ui.last_sync", json.dumps(summary))
        await self.load()

    def _on_progress(self, progress: Progress) -> None:
        self._progress = progress
        self.notify()

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
        """Another person takes the tablet: own drafts, own projects, own name on what is recorded."""
        if self.busy or enrolment == self.turn:
            return
        self._visit = None
        await self._do(self._store.set_meta, "ui.open", "")
        await self._do(self._store.turn, enrolment)
        await self.load()
        self._home()
        self._notice = Notice("done", (f"现在由 {self.person} 使用", f"{self.person} has the tablet now"))
        self.notify()

    async def enrol(self, server: str, code: str, label: str) -> None:
        if self.busy:
            return
        self.busy = "enrol"
        try:
            await asyncio.to_thread(
                self._syncer.enrol, server.strip().rstrip("/"), code.strip(), label.strip(), beside=self.joining
            )
        finally:
            self.busy = ""
        self.go("sync")
        await self.sync()

    def _read_todos(self) -> tuple[Todo, ...]:
        found = self._store.outcomes("rejected", "conflict", "parked")
        if not found:
            return ()
        wanted = {change for change, *_ in found}
        codes = {
            c.id: c.after.get("code") or c.after.get("parameter") for _, _, c in self._store.changes() if c.id in wanted
        }
        out = []
        for change, type, record, kind, detail in found:
            about = TYPES[type].about if type in TYPES else None
            seen = self._store.get(type, record) if about else None
            name = codes.get(change) or (seen.values.get("code") if seen else None) or record[-6:]
            p = PROBLEMS.get(detail.get("problem") or 0)
            why = (detail.get("zh") or (p.zh if p else ""), detail.get("en") or (p.en if p else ""))
            remedy = (p.remedy_zh, p.remedy_en) if p else ("", "")
            what = (f"{about.zh if about else type} {name}", f"{about.en if about else type} {name}")
            out.append(Todo(kind, what, why, remedy))
        order = ("rejected", "conflict", "parked")
        return tuple(sorted(out, key=lambda t: order.index(t.kind)))

    # --- where are we --------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Ask for the position for as long as the session lives; faster while a position is being taken."""
        while True:
            if self.route in LIVE:
                try:
                    self._here.take(await self._positions.fix(), self.now())
                except NoFix as err:
                    self._here.fail(err.reason)
                except Exception:
                    log.exception("position")
                    self._here.fail("off")
            taking = self._visit is not None and self._visit.ui("step") in (None, "position")
            await asyncio.sleep(0.5 if taking else 4)

    # --- one way to write, one way to tell -----------------------------------------------------------------------

    def _write(self, fn: Callable[..., Any], *args: Any) -> None:
        """In the background, in order; what fails is told."""
        self._writer.submit(fn, *args).add_done_callback(self._written)

    def _written(self, future: Future[Any]) -> None:
        error = future.exception()
        if error is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self.report, error)

    async def _do(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Behind everything written before, and wait for it."""
        return await asyncio.wrap_future(self._writer.submit(fn, *args))

    def report(self, error: BaseException) -> None:
        """Words for a person; the traceback goes to the log only."""
        if not isinstance(error, Trouble):
            log.error("unexpected", exc_info=error)
            name = type(error).__name__
            error = Trouble(5005, why={"zh": f"程序内部错误（{name}）", "en": f"internal error ({name})"})
        p = error.problem
        self._notice = Notice("alert", (error.text("zh"), error.text("en")), (p.remedy_zh, p.remedy_en))
        self.notify()

    def close(self) -> None:
        self._writer.shutdown(wait=False)
