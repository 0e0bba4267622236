"""Taking photos of the open visit: the camera while it is open, files from elsewhere, and what became of the last one.

In this order, so that a process killed at any time loses nothing that was shown as taken: the file is on the disk, then the
draft that names it, then it is shown. A file without a record (killed in between, or the record was removed) is never
thrown away; `loose` lists it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import flet as ft

from field_app.capture import photo
from field_app.capture.camera import Camera, NoCamera, pick_file
from field_app.capture.exif import Shot
from field_app.capture.photo import Kept, NotKept
from field_app.capture.position import Fix, NoFix, as_values
from field_app.visit import Values, Visit, stamping
from field_app.words import say
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.reference import Label, codes
from schemas.rules.picture import MOST_BYTES, MOST_PIXELS
from schemas.rules.reconcile.photos import thing

if TYPE_CHECKING:
    from field_app.state import State

REASONS = ("camera", "other_device", "colleague", "late")  # why a photo comes from a file
FIX_S = 60  # an older position is not that of the photo
HEADING_S = 3  # nor an older heading its bearing
MOUNT_S = 5.0
SETTLE_S = 15.0  # a shot that takes longer than this has failed


class _From(NamedTuple):
    """Where a picture comes from. live: taken here and now; at: when its file came to be, where it does not say itself."""

    source: str
    reason: str | None
    live: bool = False
    at: datetime | None = None


class _Taken(NamedTuple):
    """A picture on its way to being a photo of the visit."""

    visit: Visit
    record: str
    step: str
    origin: _From
    now: datetime
    fix: Fix | None


def _shown(values: Values) -> tuple[str, tuple[str, str]]:
    """A picture, and what it is said to show (check H03)."""
    return values["sha256"], thing(values["subject_id"], values["step"])


def _thing(values: Values, code: str = "") -> Label:
    """What a photo record is for: "S15 岩心箱"."""
    label = codes("photo_step").get(values.get("step", ""))
    kind = codes("subject_kind").get(values.get("subject_kind", ""))
    return Label(
        " ".join(t for t in (code or (kind.zh if kind else ""), label.zh if label else "") if t),
        " ".join(t for t in (code or (kind.en if kind else ""), label.en if label else "") if t),
    )


@ft.observable
class PhotoDesk:
    def __init__(
        self, host: State, camera: Camera | None, pick: Callable[[], Awaitable[bytes | None]] = pick_file
    ) -> None:
        self._host, self._camera, self._pick = host, camera, pick
        self._twice: dict[str, tuple[str, str]] = {}  # hash → what else this tablet has a photo record of it for
        self._lens: Any = None  # the camera's control while it is open
        self._ready = False
        self._busy = False
        self._coming = False  # a picture was taken, or chosen, and is not a record yet
        self._fault: tuple[str, str] | None = None  # keys of words: what, what to do
        self._words: dict[str, object] = {}
        self._thumbs: dict[str, bytes | None] = {}
        self._loose: tuple[str, ...] = ()
        self._asking = False  # why a photo comes from a file

    # --- what pages read -----------------------------------------------------------------------------------------

    lens = property(lambda self: self._lens)
    ready = property(lambda self: self._ready)
    busy = property(lambda self: self._busy)
    loose = property(lambda self: self._loose)
    asking = property(lambda self: self._asking)

    def twice(self, visit: Visit, record: str) -> Label | None:
        """What else the same picture is used for, in this visit or elsewhere (check H03)."""
        mine = visit.photos[record]
        for id, values in visit.photos.items():
            if id != record and values["sha256"] == mine["sha256"] and _shown(values) != _shown(mine):
                return _thing(values, visit.subjects().get(values["subject_id"], ("", ""))[1] or visit.code)
        return Label(*found) if (found := self._twice.get(mine["sha256"])) else None

    @property
    def has_camera(self) -> bool:
        return self._camera is not None

    @property
    def played(self) -> bool:
        return self._camera is not None and self._camera.source != "app_camera"

    def fault(self, lang: str) -> tuple[str, str] | None:
        """What did not work the last time, and what to do."""
        if self._fault is None:
            return None
        what, remedy = self._fault
        return say(lang, what), say(lang, remedy, **self._words)

    def thumb(self, sha: str) -> bytes | None:
        return self._thumbs.get(sha)

    # --- the camera ----------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Show the lens. Everything typed before is on the disk first: the camera may cost the app its life."""
        if self._camera is None:
            self.ask_file(True)
            return
        if self._lens is not None or self._busy:
            return
        self._tell(None)
        await self._host._do(lambda: None)
        self._asking, self._ready, self._lens = False, False, self._camera.view()
        self.notify()
        self._host._later(self._locate())  # a photo of the first second has a place too

    async def start(self) -> None:
        """Once the lens is on the page."""
        lens = self._lens
        if lens is None or self._camera is None:
            return
        try:
            await self._mounted(lens)
            await self._camera.start()
        except NoCamera as err:
            if self._lens is lens:
                self.shut()
                self._no_camera(err)
            return
        if self._lens is lens:
            self._ready = True
            self.notify()

    async def _locate(self) -> None:
        with suppress(NoFix):
            self._host.here.take(await self._host._positions.fix(), self._host.now())

    async def _mounted(self, lens: Any) -> None:
        """A control answers once it has a place on the page."""
        for _ in range(int(MOUNT_S / 0.05)):
            try:
                if lens.page is not None:
                    break
            except RuntimeError:
                pass
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)  # and once the client has drawn it

    def shut(self) -> None:
        if self._lens is not None:
            self._lens, self._ready = None, False
            self.notify()

    async def shoot(self, visit: Visit) -> None:
        """One tap, one photo of the kind that is next."""
        if self._camera is not None and self._ready and not self._busy:
            reason = say("zh", "photo.why.played") if self.played else None
            await self._working(visit, self._camera.shoot, _From(self._camera.source, reason, live=True))

    # --- files ---------------------------------------------------------------------------------------------------

    def ask_file(self, on: bool) -> None:
        self._asking = on
        self.notify()

    async def from_file(self, visit: Visit, why: str) -> None:
        """A picture from elsewhere, with the reason. When it was taken is what it says itself; where, nobody knows."""
        if not self._busy:
            self._asking = False
            await self._working(visit, self._pick, _From("file_import", say("zh", f"photo.why.{why}")))

    async def take_in(self, visit: Visit, sha: str) -> None:
        """Give a file without a record one."""
        path = photo.find(self._host._store.folder, sha)
        if path is not None and not self._busy:
            at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            origin = _From("file_import", say("zh", "photo.why.found"), at=at)
            await self._working(visit, lambda: asyncio.to_thread(path.read_bytes), origin)
            await self.look(visit)

    # --- one photo -----------------------------------------------------------------------------------------------

    async def settled(self) -> None:
        """What was taken before is a record of its visit; a dialogue in which a file is chosen is not waited for."""
        for _ in range(int(SETTLE_S / 0.05)):
            if not self._coming:
                return
            await asyncio.sleep(0.05)

    async def _working(self, visit: Visit, get: Callable[[], Awaitable[bytes | None]], origin: _From) -> None:
        self._busy, self._coming, step = True, origin.live, visit.shot
        self._tell(None)
        try:
            data = await get()
            if data is not None:
                self._coming = True
                await self._take(visit, step, data, origin)
        except NoCamera as err:
            self._no_camera(err)
        except NotKept as err:
            most = {"mb": MOST_BYTES // 1_000_000, "mp": MOST_PIXELS // 1_000_000}
            self._tell(("photo.bad", f"photo.bad.{err.reason}"), **most)
        except Trouble as err:
            if err.problem.number not in (5001, 5007):
                raise
            free = shutil.disk_usage(self._host._store.folder).free // 1_000_000
            self._tell(("photo.bad", "photo.full"), mb=free)
        finally:
            self._busy = self._coming = False
            self.notify()

    async def _take(self, visit: Visit, step: str, data: bytes, origin: _From) -> None:
        host, now = self._host, self._host.now()
        found = host.here.fix if origin.live else None
        fix = found if found is not None and found.age_s(now) <= FIX_S else None
        record = host._store.new_id()
        taken = _Taken(visit, record, step, origin, now, fix)
        kept, values = await asyncio.to_thread(self._keep, taken, data)
        if visit.closed:  # too late for its visit: the file is there, and `loose` offers it
            return
        await host._do(host._store.save_draft, "photo", record, visit.scope, values, visit.id)
        await self._load([kept.sha256])
        self._loose = tuple(sha for sha in self._loose if sha != kept.sha256)  # a look may have seen the file alone
        visit.took(record, values)
        if not origin.live and (visit.against(record) or self.twice(visit, record)):
            visit.set_ui(photo=record)  # what speaks against a file is read at once

    def _keep(self, taken: _Taken, data: bytes) -> tuple[Kept, Values]:
        """In a worker's thread: the file, and what its record says. Our own camera's picture is told first what the tablet
        knows of it; a stamped copy is made of what was taken here and now."""
        visit, origin, now, fix = taken.visit, taken.origin, taken.now, taken.fix
        store = self._host._store
        offset, identity = store.meta("server_offset_ms"), store.identity
        drift = int(offset) / 1000 if offset else None
        device = identity.device_code if identity else ""
        bearing = fix.heading_deg if fix is not None and fix.age_s(now) <= HEADING_S else None
        shot = None
        if origin.live and origin.source == "app_camera":
            code = str((visit.book.project or {}).get("code", ""))
            mirrored = bool(getattr(self._camera, "mirrors", False))
            shot = Shot(now, fix, bearing, drift, device, code, visit.code, taken.record, mirrored)
        position = as_values(fix, now) if fix is not None else None

        def values_of(kept: Kept) -> Values:
            at = now if origin.live else (kept.taken_at or origin.at or now).astimezone(now.tzinfo)
            own = (drift, bearing) if origin.live else (None, None)
            return visit.photo_values(kept, taken.step, at, position, origin.source, origin.reason, *own)

        def lines(sha: str) -> list[str]:
            values = values_of(Kept(sha, 0, 0, 0, "jpg"))
            return stamping.lines(values, visit.stamp_about(values, device))

        kept = photo.keep(store.folder, data, shot, lines if origin.live else None)
        return kept, values_of(kept)

    async def look(self, visit: Visit) -> None:
        """Thumbnails of the visit, and files nobody's record names."""
        store = self._host._store
        await self._load([v["sha256"] for v in visit.photos.values()])
        files = await asyncio.to_thread(photo.all_kept, store.folder)
        known = await self._host._do(store.photo_hashes)  # behind the drafts that are still being written
        loose = tuple(sha for sha in files if sha not in known)
        await self._load(loose[-12:])
        wanted = {*loose[-12:], *(v["sha256"] for v in visit.photos.values())}
        self._thumbs = {sha: data for sha, data in self._thumbs.items() if sha in wanted}  # not those of the whole day
        self._twice = await asyncio.to_thread(self._elsewhere, visit)
        if loose != self._loose:
            self._loose = loose
        self.notify()

    def _elsewhere(self, visit: Visit) -> dict[str, tuple[str, str]]:
        """Of the visit's pictures those that records of other visits name."""
        with self._host._store.looking() as store:
            found = store.related("photo", "sha256", {v["sha256"] for v in visit.photos.values()})
            others = [s.values for s in found if s.id not in visit.photos and not s.values.get("deleted")]
            shown = {_shown(v) for v in visit.photos.values()}
            return {v["sha256"]: _thing(v, self._code(store, v)) for v in others if _shown(v) not in shown}

    def _code(self, store: Any, values: Values) -> str:
        """The code of what a photo elsewhere shows."""
        kind = values.get("subject_kind", "")
        seen = store.get(kind, values["subject_id"]) if kind in TYPES else None
        return str(seen.values.get("code", "")) if seen is not None else ""

    async def _load(self, shas: Iterable[str]) -> None:
        for sha in shas:
            if sha not in self._thumbs:
                self._thumbs[sha] = await asyncio.to_thread(photo.thumb, self._host._store.folder, sha)

    def _no_camera(self, err: NoCamera) -> None:
        self._tell((f"photo.no.{err.reason}", "photo.no.denied.why" if err.reason == "denied" else "photo.no.why"))

    def _tell(self, fault: tuple[str, str] | None, **words: object) -> None:
        self._fault, self._words = fault, words
        self.notify()


__all__ = ["REASONS", "PhotoDesk"]
