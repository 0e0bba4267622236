"""Photos of a load on the page of its next step, or of a roadside check: of the leg that is being made, or of what was seen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from field_app.capture import photo
from field_app.capture.camera import Camera, NoCamera
from field_app.desks.lens import Lens
from field_app.desks.loadshot import kept_shot, not_kept
from field_app.desks.reckoning import Reading
from field_app.desks.unfinished import Unfinished
from field_app.store import Store
from field_app.words import both

if TYPE_CHECKING:
    from field_app.state import State

Words = tuple[str, str]


class Shooting(Unfinished):
    def __init__(
        self, host: State, store: Store, camera: Camera | None, pick: Callable[[], Awaitable[bytes | None]]
    ) -> None:  # fmt: skip
        super().__init__(host, store)
        self._pick = pick
        self.lens = Lens(host, camera, self._changed, self._no_camera)
        self._busy = False
        self._aim = ""  # the kind of photo the lens is open for
        self._fault: tuple[Words, Words] | None = None
        self._thumbs: dict[str, bytes | None] = {}

    busy = property(lambda self: self._busy)
    fault = property(lambda self: self._fault)
    aim = property(lambda self: self._aim)

    async def aim_at(self, step: str) -> None:
        """Open the camera for this kind of photo; a file is chosen where there is no camera."""
        self._aim, self._fault = step, None
        if self.lens.there:
            await self.lens.open()
        else:
            await self.from_file(step)

    async def shoot(self) -> None:
        live = self.lens.source == "app_camera"
        await self._taking(self.lens.shoot, self.lens.source, "" if live else "photo.why.played")

    async def from_file(self, step: str) -> None:
        self._aim = step
        await self._taking(self._pick, "file_import", "photo.why.camera")

    async def _taking(self, get: Callable[[], Awaitable[bytes | None]], source: str, why: str) -> None:
        reading = self._reading
        if reading is None or self._busy:
            return
        self._busy, self._fault = True, None
        self._changed()
        try:
            data = await get()
            if data is not None:
                await self._take(reading, data, source, why)
                self.lens.shut()
        except NoCamera as err:
            self._no_camera(err)
        except photo.NotKept as err:
            self._fault = not_kept(err, self._store.folder)
        finally:
            self._busy = False
            self._changed()

    async def _take(self, reading: Reading, data: bytes, source: str, why: str) -> None:
        host, record = self._host, self._store.new_id()
        subject = ("manifest_leg", self._draft.leg) if self._draft is not None else ("hand_over", record)
        values = await asyncio.to_thread(
            kept_shot, host, data, self._aim, subject, record, source, why, self.lens.mirrors, reading.chain.load.plate
        )
        await host._do(self._store.save_draft, "photo", record, reading.scope, values, subject[1])
        if self._draft is not None:
            self.put(photos={**self._draft.photos, record: values})
        else:
            self.put_road(photos={**self._road.photos, record: values})
        await self._load_thumbs()

    async def drop_photo(self, record: str) -> None:
        """The record goes; the file stays."""
        await self._host._do(self._store.drop_draft, record)
        if self._draft is not None:
            self.put(photos={id: v for id, v in self._draft.photos.items() if id != record})
        self.put_road(photos={id: v for id, v in self._road.photos.items() if id != record})

    def thumb(self, sha: str) -> bytes | None:
        return self._thumbs.get(sha)

    async def _load_thumbs(self) -> None:
        shots = [*(self._draft.photos.values() if self._draft else ()), *self._road.photos.values()]
        for sha in (v["sha256"] for v in shots):
            if sha not in self._thumbs:
                self._thumbs[sha] = await asyncio.to_thread(photo.thumb, self._store.folder, sha)

    def _no_camera(self, err: NoCamera) -> None:
        self._fault = (both(f"photo.no.{err.reason}"), both("leg.no_camera"))
        self._changed()
