"""The next truck while it is written. What is typed is a draft at every key (its own parts lie under "_issue"), so that a killed app comes
back to it. Changing anything after somebody signed drops the signatures: nobody has signed what is not shown any more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from field_app.desks import sending
from field_app.desks.chosen import Chosen, Values
from field_app.desks.loading import Loading
from field_app.desks.sending import Sending, driver_of
from field_app.store import Seen
from field_app.words import WORDS, both

OWN = "_issue"  # of the draft what is no field of the manifest
FIGURES = ("gross", "tare", "ticket")  # what the pad writes
WHOLE, PLACES = {"gross": 3, "tare": 2}, 3  # digits before and after the point


class NextLoad(Chosen):
    # --- beginning -----------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """The load that was being issued, or a new one. Reads anew what is known."""
        await self._host._do(lambda: None)
        if not self._id:
            await self._take()
        host, wanted = self._host, dict(self._values)
        project, figures = host.book.project_id, host.book.project or {}
        self._sending = await asyncio.to_thread(self._read, project, figures, wanted)
        self._host.here.start()
        self.notify()

    def _read(self, project: str, figures: Mapping[str, Any], wanted: Mapping[str, Any]) -> Sending:
        with self._store.looking() as store:
            return sending.read(store, project, figures, wanted, self._host.now())

    async def _take(self) -> None:
        kept = [d for d in await self._host._do(self._store.drafts, "manifest") if OWN in d.values]
        if kept:
            draft = kept[-1]
            self._id, self._own = draft.id, dict(draft.values[OWN])
            self._values = {n: v for n, v in draft.values.items() if n != OWN}
            photos = await self._host._do(lambda: self._store.drafts("photo", draft.id))
            self._loading = self._load(draft.scope, photos)
        else:
            self._begin()

    def _begin(self) -> None:
        self._id, self._values, self._own = self._store.new_id(), {}, {}
        self._typed = self._pad = ""
        self._loading = None

    def _load(self, scope: str, photos: list[Seen]) -> Loading:
        return Loading(self._host, self._id, scope, {p.id: p.values for p in photos}, issued=False, late=self.late)

    def photos(self) -> Loading:
        """The photos of this load; its draft is in the store before the first one is taken."""
        if self._loading is None:
            self._loading = self._load(self._sending.scope, [])
        self._keep()
        truck, self._loading.late = self.truck, self.late
        self._loading.code = truck.plate if truck else ""
        return self._loading

    async def drop(self) -> None:
        """Begin anew: the draft goes, a number it took stays used up. Its photos stay as files."""
        for record in (*(self._loading.photos if self._loading else ()), self._id):
            await self._host._do(self._store.drop_draft, record)
        self._begin()
        await self.open()

    # --- choosing and typing -------------------------------------------------------------------------------------

    def _keep(self) -> None:
        draft = {**self._values, OWN: self._own}
        self._host._write(self._store.save_draft, "manifest", self._id, self._sending.scope, draft)

    def _changed(self, keep_signatures: bool = False) -> None:
        if not keep_signatures and self._own.get("signatures"):
            self._own = {n: v for n, v in self._own.items() if n != "signatures"}
        self._keep()
        self.notify()

    def set(self, **values: Any) -> None:
        """Fields of the manifest; None takes one back to what is carried over."""
        merged = {**self._values, **values}
        self._values = {n: v for n, v in merged.items() if v is not None}
        self._changed()

    def set_own(self, **values: Any) -> None:
        self._own = {n: v for n, v in {**self._own, **values}.items() if v is not None}
        self._changed()

    def figure(self, field: str) -> str:
        """A figure as it stands on the page."""
        return {"gross": self.gross, "tare": self.tare}.get(field, str(self._own.get(field, "")))

    def open_pad(self, field: str) -> None:
        """`field`: one of FIGURES; "" puts the pad away."""
        self._pad = field
        self.notify()

    def choose(self, vehicle: str) -> None:
        """A plate: with it come its last driver and its tare; a weight of another truck does not stay."""
        if vehicle == self._values.get("vehicle_id"):
            return
        found = self._sending.found
        every = sending.by_time(found.loads.values()) if found else []
        kept = {n: v for n, v in self._values.items() if n not in sending.OF_VEHICLE}
        self._values = {**kept, "vehicle_id": vehicle, **driver_of(vehicle, every)}
        self._own = {n: v for n, v in self._own.items() if n not in ("gross", "tare", "ticket", "weighed_at")}
        self._pad = "gross"
        self._changed()

    async def choose_lot(self, lot: str) -> None:
        """Another pit: everything that was carried over is carried over anew."""
        self._values = {n: v for n, v in self._values.items() if n in ("vehicle_id", *sending.OF_VEHICLE)} | {
            "lot_id": lot
        }
        self._changed()
        await self.open()

    async def choose_plan(self, plan: str) -> None:
        self._values = {n: v for n, v in self._values.items() if n in ("vehicle_id", *sending.OF_VEHICLE)} | {
            "plan_id": plan
        }
        self._changed()
        await self.open()

    def type_plate(self, text: str) -> None:
        self._typed = text.strip().upper()
        self.notify()

    async def take_plate(self) -> None:
        """The vehicle with the typed plate, where this tablet knows it."""
        wanted = _plain(self._typed)
        seen = await self._host._do(self._store.all, "vehicle")
        found = next((s for s in seen if _plain(str(s.values.get("plate", ""))) == wanted), None)
        if found is None or not wanted:
            self._host.tell(
                "warn", both("issue.plate.unknown", plate=self._typed or "—"), WORDS["issue.plate.unknown.why"]
            )
            return
        self._typed = ""
        self.choose(found.id)

    def press(self, key: str) -> None:
        """One key of the pad."""
        field = self._pad
        if not field:
            return
        # a tare that was carried over is typed anew, not continued
        text = str(self._own.get(field, ""))
        if key == "back":
            text = text[:-1]
        elif key in "0123456789." and len(key) == 1:
            text = _typed(field, text, key)
        self._own = {n: v for n, v in self._own.items() if n != field} | ({field: text} if text else {})
        if field == "gross":
            self._own["weighed_at"] = self._host.now().isoformat(timespec="seconds")
        self._changed()


def _typed(field: str, text: str, key: str) -> str:
    if field == "ticket":
        return text + key if key != "." and len(text) < 20 else text
    whole, dot, rest = (text + key).partition(".")
    if "." in rest or len(whole) > WHOLE[field] or len(rest) > PLACES:
        return text
    return f"{whole.lstrip('0') or '0'}{dot}{rest}" if whole or dot else text


def _plain(plate: str) -> str:
    return "".join(c for c in plate.upper() if c.isalnum())


__all__ = ["FIGURES", "OWN", "NextLoad", "Values"]
