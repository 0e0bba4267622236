"""Photos of the open check: the camera while it is open, files from elsewhere, pictures that were drawn.

In this order, so that a process killed at any time loses nothing that was shown as taken: the file is on the disk, then the draft
that names it, then it is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from field_app.capture import photo
from field_app.capture.camera import Camera, NoCamera, pick_file
from field_app.desks.answering import Answering
from field_app.desks.checkdraft import PROBLEMS, Values
from field_app.desks.lens import Lens
from field_app.desks.loadshot import kept_shot, not_kept
from field_app.store import Store
from field_app.words import both
from schemas.problems import Trouble
from schemas.reference import Label

if TYPE_CHECKING:
    from field_app.state import State

Words = tuple[str, str]
Subject = tuple[str, str]  # type and id of what a photo shows
SETTLE_S = 15.0  # a shot that takes longer than this has failed


class CheckShots(Answering):
    def __init__(
        self, host: State, store: Store, camera: Camera | None,
        pick: Callable[[], Awaitable[bytes | None]] = pick_file,
    ) -> None:  # fmt: skip
        super().__init__(host, store)
        self._pick = pick
        self.lens = Lens(host, camera, self._changed, self._no_camera)
        self._busy = self._coming = False
        self._aim_at: tuple[Subject, str, Label] | None = None  # what the lens is open for: subject, step, name
        self._fault: tuple[Words, Words] | None = None
        self._thumbs: dict[str, bytes | None] = {}

    busy = property(lambda self: self._busy)
    fault = property(lambda self: self._fault)

    @property
    def aim(self) -> Label | None:
        """The name of what the lens is open for; None while it is shut."""
        return self._aim_at[2] if self._aim_at is not None and self.lens.view is not None else None

    def thumb(self, sha: str) -> bytes | None:
        return self._thumbs.get(sha)

    async def settled(self) -> None:
        """What was taken before is a record of its check; a dialogue in which a file is chosen is not waited for."""
        for _ in range(int(SETTLE_S / 0.05)):
            if not self._coming:
                return
            await asyncio.sleep(0.05)

    # --- of an item ----------------------------------------------------------------------------------------------

    def subject_of(self, key: str) -> Subject:
        """What a photo of an item (or of a finding of its own) shows; the answer begins where there is none yet."""
        if self.item(key) is None and key in self._findings:
            return "finding", self._findings[key].id
        if key not in self._answers:
            self.put_answer(key)
        return "checklist_answer", self._answers[key].id

    def step_of(self, key: str) -> str:
        problem = self.answer_of(key) in PROBLEMS or self.item(key) is None
        return "finding" if problem else "evidence"

    async def aim_item(self, key: str, name: Label) -> None:
        """Open the camera for a photo of this item; a file is chosen where there is no camera."""
        if not self.lens.there:
            await self.file_item(key, name)
        else:
            await self._open_for(self.subject_of(key), self.step_of(key), name)

    async def aim_whole(self, step: str, name: Label) -> None:
        """The same for a photo of the whole check."""
        if not self.lens.there:
            await self.shoot("inspection", self._id, step, caption=name.zh, from_file=True)
        else:
            await self._open_for(("inspection", self._id), step, name)

    async def _open_for(self, subject: Subject, step: str, name: Label) -> None:
        self._fault = None
        self._aim_at = (subject, step, name)
        self._changed()
        await self.lens.open()

    async def file_item(self, key: str, name: Label) -> None:
        """A picture from elsewhere for this item."""
        await self.shoot(*self.subject_of(key), self.step_of(key), caption=name.zh, from_file=True)

    async def snap(self) -> None:
        """One tap, one photo of what the lens is open for."""
        if self._aim_at is not None and self.lens.ready:
            subject, step, name = self._aim_at
            if await self.shoot(*subject, step, caption=name.zh) is not None:
                self.lens.shut()

    # --- one photo -----------------------------------------------------------------------------------------------

    async def shoot(
        self, subject_kind: str, subject_id: str, step: str, data: bytes | None = None, *, caption: str = "",
        from_file: bool = False, why: str = "photo.why.camera",
    ) -> str | None:  # fmt: skip
        """A photo of this check: `data` (drawn here), or by the open lens, or from a file. `why`: key of the words that say
        why it is not from the camera. Its record's id; None where none was taken, which then was told."""
        if self._busy or not self._id:
            return None
        if data is not None:
            return await self._working(lambda: _given(data), "drawn", "", (subject_kind, subject_id), step, caption)
        if not from_file and self.lens.ready:
            live = self.lens.source == "app_camera"
            said = "" if live else "photo.why.played"
            return await self._working(
                self.lens.shoot, self.lens.source, said, (subject_kind, subject_id), step, caption
            )
        return await self._working(self._pick, "file_import", why, (subject_kind, subject_id), step, caption)

    async def _working(
        self, get: Callable[[], Awaitable[bytes | None]], source: str, why: str, subject: Subject, step: str, caption: str
    ) -> str | None:  # fmt: skip
        self._busy, self._coming, self._fault = True, get is not self._pick, None
        check, scope, code = self._id, self._scope, str(self._inspection.get("code", ""))
        self._changed()
        try:
            data = await get()
            if data is None:
                return None
            self._coming = True
            host, record = self._host, self._store.new_id()
            values: Values = await asyncio.to_thread(
                kept_shot, host, data, step, subject, record, source, why, self.lens.mirrors, code
            )
            if caption:
                values = {**values, "caption": caption}
            await host._do(self._store.save_draft, "photo", record, scope, values, check)
            await self._load_thumb(values["sha256"])
            if self._id == check:
                self._photos = {**self._photos, record: values}
            return record
        except NoCamera as err:
            self._no_camera(err)
        except (photo.NotKept, Trouble) as err:
            self._fault = not_kept(err, self._store.folder)
        finally:
            self._busy = self._coming = False
            self._changed()
        return None

    async def look(self) -> None:
        """Small pictures of the open check's photos."""
        for values in list(self._photos.values()):
            await self._load_thumb(values["sha256"])
        self._changed()

    async def _load_thumb(self, sha: str) -> None:
        if sha not in self._thumbs:
            self._thumbs[sha] = await asyncio.to_thread(photo.thumb, self._store.folder, sha)

    def _no_camera(self, err: NoCamera) -> None:
        self._fault = (both(f"photo.no.{err.reason}"), both("leg.no_camera"))
        self._changed()


async def _given(data: bytes) -> bytes | None:
    return data


__all__ = ["CheckShots", "Subject"]
