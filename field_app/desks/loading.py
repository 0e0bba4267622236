"""The photos of one load, as the photo desk and its pages know those of a visit: before it is issued drafts, afterwards records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import flet as ft

from field_app.book import Book
from field_app.capture.photo import Kept
from field_app.store import Edit
from field_app.visit import stamping
from field_app.visit.core import Values
from field_app.visit.photos import Slot, photo_of
from field_app.words import WORDS
from schemas.reference import Label

if TYPE_CHECKING:
    from field_app.state import State

ASKED = (
    "cover",
    "plate",
    "weigh_ticket",
)  # RULES §16: no departure without the weight and a photo of the cover; the others prove them
PAPER = "document"  # the paper manifest itself, where it is entered afterwards
MORE = ("loading", "wheel_wash", "other")


def asked_of(late: bool) -> tuple[str, ...]:
    """Of a load that went with a paper, its photo; else what is seen at the truck."""
    return (PAPER,) if late else ASKED


@ft.observable
class Loading:
    """`photos`: id → values. `issued`: what is taken from now on is a record at once."""

    photos_asked, head = True, "shots.asked"

    def __init__(
        self, host: State, manifest: str, scope: str, photos: Mapping[str, Values], issued: bool, late: bool = False
    ) -> None:
        self._host, self.id, self.scope, self.issued, self.late = host, manifest, scope, issued, late
        self._photos: dict[str, Values] = dict(photos)
        self._ui: dict[str, Any] = {}
        self._closed = False
        self.code = ""

    photos = property(lambda self: self._photos)
    closed = property(lambda self: self._closed)

    @property
    def book(self) -> Book:
        book: Book = self._host.book
        return book

    def close(self) -> None:
        self._closed = True

    # --- the checklist -------------------------------------------------------------------------------------------

    def ui(self, name: str, default: Any = None) -> Any:
        return self._ui.get(name, default)

    def set_ui(self, **values: Any) -> None:
        self._ui = {**self._ui, **values}
        if self.issued and not self._ui.get("photo"):  # what was typed about the photo that was open
            self._host._later(self.settle())
        self.notify()

    def aim(self, step: str | None) -> None:
        self.set_ui(shot=step, photo=None)

    def slots(self) -> list[Slot]:
        taken: dict[str, dict[str, str]] = {}
        for record, values in self._photos.items():
            taken.setdefault(values["step"], {}).setdefault(values["sha256"], record)
        asked = asked_of(self.late)
        steps = (*asked, *(s for s in taken if s not in asked))
        return [Slot(s, 1 if s in asked else 0, tuple(taken.get(s, {}).values())) for s in steps]

    def optional_shots(self) -> list[str]:
        return [s for s in MORE if s not in {slot.step for slot in self.slots()}]

    @property
    def shots_lacking(self) -> int:
        return sum(slot.lacking for slot in self.slots())

    @property
    def shot(self) -> str:
        return str(self.ui("shot") or next((s.step for s in self.slots() if s.lacking), "other"))

    # --- one photo -----------------------------------------------------------------------------------------------

    def photo_values(
        self, kept: Kept, step: str, taken_at: datetime, position: Values | None, source: str, reason: str | None,
        drift_s: float | None = None, bearing_deg: float | None = None,
    ) -> Values:  # fmt: skip
        """A new photo's record, about this manifest."""
        return photo_of("manifest", self.id, kept, step, taken_at, position, source, reason, drift_s, bearing_deg)

    def took(self, record: str, values: Values) -> None:
        """A photo whose draft is in the store already."""
        self._photos = {**self._photos, record: values}
        if self.ui("shot") == values["step"]:
            self._ui = {**self._ui, "shot": None}
        if self.issued:
            self._host._later(self.settle())
        self.notify()

    async def settle(self) -> None:
        """Drafts of photos of a load that is issued become records; also those that a killed app left."""
        if await self._host._do(self._settle):
            await self._host.load()

    def _settle(self) -> bool:
        store = self._host._store
        edits = [Edit("photo", d.id, d.scope, d.values) for d in store.drafts("photo", self.id)]
        if edits:
            store.finalize(edits, complete=False)
        return bool(edits)

    def change(self, type: str, record: str, **values: Any) -> None:
        self._photos = {**self._photos, record: {**self._photos[record], **values}}
        if not self._closed:
            self._host._write(self._host._store.save_draft, "photo", record, self.scope, self._photos[record], self.id)
        self.notify()

    def remove_photo(self, record: str) -> None:
        """A draft goes; a record stays what it is."""
        if self.issued:
            self._host.tell("warn", WORDS["shots.kept"], WORDS["shots.kept.why"])
        elif record in self._photos:
            self._photos = {r: v for r, v in self._photos.items() if r != record}
            self._host._write(self._host._store.drop_draft, record)
        self.set_ui(photo=None)

    def against(self, record: str) -> Mapping[str, Label]:
        return {}

    def subjects(self) -> Mapping[str, tuple[str, str]]:
        return {self.id: ("manifest", self.code)}

    def stamp_about(self, record: Mapping[str, Any], device: str) -> stamping.About:
        """The names on a stamped copy: the plate stands where a visit has its point."""
        return stamping.About(
            str((self.book.project or {}).get("name", "")), self.code, "", self._host.person, device, load=True
        )


__all__ = ["ASKED", "MORE", "Loading"]
