"""Stamped copies on their way out of the app: made anew as the record says now, then saved or shared."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import flet as ft

from field_app.capture import photo, stamp
from field_app.capture.handover import Handover, NotHanded
from field_app.visit import Visit, stamping
from field_app.words import both

if TYPE_CHECKING:
    from field_app.state import State


@ft.observable
class Copies:
    def __init__(self, host: State, handover: Handover) -> None:
        self._host, self._handover = host, handover
        self._busy = False
        self._became: tuple[str, str, tuple[str, str]] | None = None  # of which record; done, warn, alert; words

    busy = property(lambda self: self._busy)
    ways = property(lambda self: self._handover.ways())

    def became(self, record: str) -> tuple[str, tuple[str, str]] | None:
        """What became of the last copy of this photo: done, warn or alert, and words in both languages."""
        return self._became[1:] if self._became is not None and self._became[0] == record else None

    async def hand(self, visit: Visit, record: str, way: str) -> None:
        """The original stays as it is and where it is. Raises Trouble 5001, 5007 where the storage takes no more."""
        if self._busy or record not in visit.photos:
            return
        self._busy, self._became = True, None
        self.notify()
        values, about = dict(visit.photos[record]), visit.stamp_about(visit.photos[record], self._host.device)
        folder, lines = self._host._store.folder, stamping.lines(values, about)
        try:
            path = await asyncio.to_thread(photo.stamped, folder, values["sha256"], lines)
            if path is None:
                why = "gone" if stamp.font_data() is not None else "no_font"
                self._became = (record, "alert", both(f"stamp.{why}"))
                return
            where = await self._handover.hand(path, way, stamping.file_name(values, about))
            self._became = (record, "done", both("stamp.done.at", where=where) if where else both("stamp.done"))
        except NotHanded as err:
            told = ("warn", "stamp.cancelled") if err.reason == "cancelled" else ("alert", "stamp.failed")
            self._became = (record, told[0], both(told[1]))
        finally:
            self._busy = False
            self.notify()


__all__ = ["Copies"]
