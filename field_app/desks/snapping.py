"""Photos of something that is being written on a page of its own: a re-check, the answer to a task.

In this order, so that a process killed at any time loses nothing that was shown as taken: the file is on the disk, then the draft
that names it, then it is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from field_app.capture import photo
from field_app.capture.camera import Camera, NoCamera, pick_file
from field_app.desks.lens import Lens
from field_app.desks.loadshot import kept_shot, not_kept
from field_app.store import Store
from field_app.words import both
from schemas.problems import Trouble

if TYPE_CHECKING:
    from field_app.state import State

Words = tuple[str, str]
Values = dict[str, Any]
SETTLE_S = 15.0  # a shot that takes longer than this has failed


class Target(NamedTuple):
    """What a photo is of: type and id of its subject, the scope, the record whose drafts it lies with, the name in the file."""

    kind: str
    id: str
    scope: str
    parent: str
    name: str


class Snapping:
    def __init__(
        self, host: State, store: Store, camera: Camera | None = None,
        pick: Callable[[], Awaitable[bytes | None]] = pick_file,
    ) -> None:  # fmt: skip
        self._host, self._store, self._pick = host, store, pick
        self.lens = Lens(host, camera, self._changed, self._no_camera)
        self._busy = self._coming = False
        self._aim = ""  # the kind of photo the lens is open for
        self._fault: tuple[Words, Words] | None = None
        self._photos: dict[str, Values] = {}
        self._thumbs: dict[str, bytes | None] = {}

    busy = property(lambda self: self._busy)
    fault = property(lambda self: self._fault)
    aim = property(lambda self: self._aim)
    photos = property(lambda self: self._photos)  # taken and not finished yet: id → values

    def _changed(self) -> None:
        self.notify()  # type: ignore[attr-defined]

    # --- what the desk of a page says ----------------------------------------------------------------------------

    def _target(self) -> Target | None:
        """What is open; None where nothing is."""
        raise NotImplementedError

    def _begin(self) -> None:
        """The draft photos hang on is there before the first of them."""
        raise NotImplementedError

    def _more(self, step: str) -> Values:
        """Further fields of a photo's record."""
        return {}

    def _shot(self) -> None:
        """One was taken or dropped."""

    # --- taking --------------------------------------------------------------------------------------------------

    async def aim_at(self, step: str) -> None:
        """Open the camera for this kind of photo; a file is chosen where there is no camera."""
        self._aim, self._fault = step, None
        if self.lens.there:
            await self.lens.open()
        else:
            await self.from_file(step)

    async def shoot(self) -> None:
        if self.lens.ready:
            live = self.lens.source == "app_camera"
            await self._taking(self.lens.shoot, self.lens.source, "" if live else "photo.why.played")

    async def from_file(self, step: str) -> None:
        self._aim = step
        await self._taking(self._pick, "file_import", "photo.why.camera")

    async def settled(self) -> None:
        """What was taken before belongs to it; a dialogue in which a file is chosen is not waited for."""
        for _ in range(int(SETTLE_S / 0.05)):
            if not self._coming:
                return
            await asyncio.sleep(0.05)

    async def _taking(self, get: Callable[[], Awaitable[bytes | None]], source: str, why: str) -> None:
        target, step = self._target(), self._aim
        if target is None or self._busy or not step:
            return
        self._busy, self._coming, self._fault = True, get is not self._pick, None
        self._changed()
        try:
            data = await get()
            if data is not None:
                self._coming = True
                await self._keep_photo(target, data, step, source, why)
                self.lens.shut()
        except NoCamera as err:
            self._no_camera(err)
        except (photo.NotKept, Trouble) as err:
            self._fault = not_kept(err, self._store.folder)
        finally:
            self._busy = self._coming = False
            self._changed()

    async def _keep_photo(self, target: Target, data: bytes, step: str, source: str, why: str) -> None:
        host, record = self._host, self._store.new_id()
        self._begin()
        values = await asyncio.to_thread(
            kept_shot, host, data, step, (target.kind, target.id), record, source, why, self.lens.mirrors, target.name
        )
        values = {**values, **self._more(step)}
        await host._do(self._store.save_draft, "photo", record, target.scope, values, target.parent)
        await self._load_thumbs([values["sha256"]])
        if self._target() == target:
            self._photos = {**self._photos, record: values}
            self._shot()

    async def drop_photo(self, record: str) -> None:
        """The record goes; the file stays."""
        await self._host._do(self._store.drop_draft, record)
        self._photos = {id: v for id, v in self._photos.items() if id != record}
        self._shot()
        self._changed()

    def thumb(self, sha: str) -> bytes | None:
        """A small picture; None where this tablet has none."""
        return self._thumbs.get(sha)

    async def _load_thumbs(self, shas: list[str]) -> None:
        for sha in shas:
            if self._thumbs.get(sha) is None:
                self._thumbs[sha] = await asyncio.to_thread(self._small, sha)

    def _small(self, sha: str) -> bytes | None:
        """Of this tablet's own photo; else what came with a sync."""
        data = photo.thumb(self._store.folder, sha)
        if data is None and (path := self._store.thumb_file(sha)) is not None:
            try:
                data = path.read_bytes()
            except OSError:
                return None
        return data

    def _no_camera(self, err: NoCamera) -> None:
        self._fault = (both(f"photo.no.{err.reason}"), both("leg.no_camera"))
        self._changed()
