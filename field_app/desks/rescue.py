"""The rescue bundle as a person meets it: what would be in it, one tap to write it and hand it over, and what became of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import flet as ft

from field_app import rescue
from field_app.capture.handover import Handover, NotHanded
from field_app.rescue import Survey, Written
from field_app.store import Store

if TYPE_CHECKING:
    from field_app.state import State


@ft.observable
class Rescue:
    def __init__(self, host: State, store: Store, handover: Handover) -> None:
        self._host, self._store, self._handover = host, store, handover
        self._survey: Survey | None = None
        self._with_photos, self._whole = True, False
        self._percent: int | None = None  # of the writing under way
        self._written: Written | None = None
        self._handed: tuple[str, str] | None = None  # done or why not (NotHanded), and where it went
        self._busy = False

    survey = property(lambda self: self._survey)
    with_photos = property(lambda self: self._with_photos)
    whole = property(lambda self: self._whole)
    percent = property(lambda self: self._percent)
    written = property(lambda self: self._written)
    handed = property(lambda self: self._handed)
    busy = property(lambda self: self._busy)
    ways = property(lambda self: self._handover.ways())

    async def look(self) -> None:
        """What would go in now. Also the page's beginning: what was written before is on the tablet, but is not shown as new."""
        self._written, self._handed = None, None
        await self._look()

    async def _look(self) -> None:
        await self._host._do(lambda: None)  # behind everything typed before
        self._survey = await asyncio.to_thread(rescue.survey, self._store, self._whole)
        self.notify()

    def take_photos(self, yes: bool) -> None:
        self._with_photos = yes
        self.notify()

    async def take_whole(self, yes: bool) -> None:
        self._whole, self._survey = yes, None
        self.notify()
        await self._look()

    async def write(self) -> None:
        """Write it, then hand it over. Raises Trouble where the storage takes no more; a hand-over that fails is shown."""
        if self._busy or self._host.busy:
            return
        loop = asyncio.get_running_loop()
        self._busy, self._percent, self._written, self._handed = True, 0, None, None
        self.notify()
        shown = [0]

        def tell(done: int, of: int) -> None:
            percent = 100 * done // max(1, of)
            if percent != shown[0]:
                shown[0] = percent
                loop.call_soon_threadsafe(self._note, percent)

        try:
            await self._host._do(lambda: None)
            self._written = await asyncio.to_thread(rescue.write, self._store, self._with_photos, self._whole, tell)
            await self._look()
        finally:
            self._busy, self._percent = False, None
            self.notify()
        await self.hand(self.ways[0])

    def _note(self, percent: int) -> None:
        if self._busy and self._written is None:
            self._percent = percent
            self.notify()

    async def hand(self, way: str) -> None:
        """The written file to the outside; again, as often as one likes."""
        if self._written is None or self._busy:
            return
        self._busy, self._handed = True, None
        self.notify()
        try:
            self._handed = ("done", await self._handover.hand(self._written.path, way))
        except NotHanded as err:
            self._handed = (err.reason, "")
        finally:
            self._busy = False
            self.notify()
