"""Beside the item: what was recorded at the point that is inspected, and its photos, as far as they are on this tablet.

Everything of a point is read once, on a connection of its own; an item then shows the types it is about. Nothing here asks the server:
small pictures come with the sync (sync/thumbs.py), those of points somebody looked at first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import flet as ft

from field_app import checking
from field_app.capture import photo
from field_app.desks.naming import Naming
from field_app.store import Seen, Store
from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.rows import refs_of
from schemas.rules import geo
from schemas.rules.reconcile import Finding
from schemas.shown import fact_fields, title_fields

if TYPE_CHECKING:
    from field_app.state import State

# Under a point, and under a manifest: (type, field that names its parent, the parent's type), parents first
_POINT = (
    ("planned_target", "planned_point_id", "planned_point"), ("point_adjustment", "planned_point_id", "planned_point"),
    ("borehole", "point_id", "point"), ("soil_layer", "borehole_id", "borehole"),
    ("field_reading", "point_id", "point"), ("field_reading", "borehole_id", "borehole"),
    ("sample", "point_id", "point"), ("sample_container", "sample_id", "sample"), ("field_reading", "sample_id", "sample"),
    ("qc_link", "qc_sample_id", "sample"), ("qc_link", "original_id", "sample"),
)  # fmt: skip
_MANIFEST = (("manifest_leg", "manifest_id", "manifest"),)
MADE = ("started_at", "collected_at", "at", "taken_at", "opened_at", "decided_at", "issued_at")
BY = ("samplers", "collected_by", "lead_id", "recorder_id", "person_id", "decided_by")
MOST_PHOTOS = 200  # of one point that are read


class Around(NamedTuple):
    """What is known here of the point (or load) inspected. records: type → its records, oldest first; photos: of all of them; moved_m:
    how far from its planned place it was taken, None where one of both is not known."""

    kind: str
    id: str
    records: Mapping[str, tuple[Seen, ...]] = {}
    photos: tuple[Seen, ...] = ()
    moved_m: float | None = None

    @property
    def subject(self) -> Seen | None:
        return next((s for s in self.records.get(self.kind, ()) if s.id == self.id), None)

    @property
    def code(self) -> str:
        seen = self.subject
        return str(seen.values.get("code") or seen.values.get("number") or "") if seen is not None else ""

    def of(self, types: Iterable[str]) -> list[Seen]:
        """Records of these types that are not voided."""
        return [s for t in types for s in self.records.get(t, ()) if t != "photo" and not s.values.get("deleted")]

    def shots(self, types: Iterable[str]) -> list[Seen]:
        """Photos an item of these types is about: those of the records shown; all of them where it asks for photos."""
        wanted = set(types)
        found = [p for p in self.photos if "photo" in wanted or p.values.get("subject_kind") in wanted]
        return [p for p in found if not p.values.get("deleted")]


@ft.observable
class BesideDesk(Naming):
    def __init__(self, host: State, store: Store) -> None:
        super().__init__(host, store)
        self._around: Around | None = None
        self._wanted = ("", "")  # kind and id: the last one asked for counts
        self._pictures: dict[str, bytes | None] = {}
        self._open = ""  # hash of the photo that is shown large
        self._findings: tuple[Finding, ...] | None = None  # None: not looked yet
        self._choice: tuple[Seen, ...] | None = None

    around = property(lambda self: self._around)
    findings = property(lambda self: self._findings)
    choice = property(lambda self: self._choice)
    open = property(lambda self: self._open)

    def forget(self) -> None:
        self._around, self._open, self._findings, self._choice = None, "", None, None
        self._wanted = ("", "")
        self._pictures, self._names = {}, {}

    def picture(self, sha: str) -> bytes | None:
        """A small JPEG of a photo; None where this tablet has none."""
        return self._pictures.get(sha)

    # --- reading -------------------------------------------------------------------------------------------------

    async def show(self, kind: str, id: str) -> None:
        """What was recorded at a point, or of a load. Reads anew what may have come since."""
        self._wanted = (
            kind,
            id,
        )  # not a count: of two that ask for the same the later one may be cut off with its page
        if self._around is not None and self._around.id != id:
            self._around, self._open, self._findings, self._pictures = None, "", None, {}
            self.notify()
        if not id:
            self._around = None
            self.notify()
            return
        around = await asyncio.to_thread(self._read, kind, id)
        pictures = await asyncio.to_thread(self._load, [p.values["sha256"] for p in around.photos])
        if self._wanted != (kind, id):
            return
        self._around, self._pictures = around, pictures
        if kind == "point":
            self._host._write(self._store.look_at, id)
        self.notify()

    def _read(self, kind: str, id: str) -> Around:
        with self._store.looking() as store:
            records: dict[str, dict[str, Seen]] = {}

            def take(found: Iterable[Seen]) -> None:
                for seen in found:
                    records.setdefault(seen.type, {})[seen.id] = seen

            take(store.related(kind, "id", [id]))
            top = records.get(kind, {}).get(id)
            up = {"point": ("planned_point", "planned_point_id"), "manifest": ("transfer_plan", "plan_id")}.get(kind)
            if top is not None and up is not None and (above := top.values.get(up[1])):
                take(store.related(up[0], "id", [above]))
            for type, field, parent in _POINT if kind == "point" else _MANIFEST:
                take(store.related(type, field, sorted(records.get(parent, {}))))
            used = {s.values.get("instrument_id") for s in records.get("field_reading", {}).values()}
            if at := _day(top):
                found = store.related("calibration", "instrument_id", sorted(i for i in used if i))
                take(s for s in found if _day(s) == at)
            ids = sorted(i for found in records.values() for i in found)
            shots = [p for p in store.related("photo", "subject_id", ids) if not p.values.get("deleted")]
            shots = sorted(shots, key=lambda p: (p.values.get("taken_at", ""), p.id))[-MOST_PHOTOS:]
            self._name(store, [*(s for found in records.values() for s in found.values()), *shots])
        planned = next(iter(records.get("planned_point", {}).values()), None) if kind == "point" else None
        known = {type: tuple(sorted(found.values(), key=lambda s: s.id)) for type, found in records.items()}
        return Around(kind, id, known, tuple(shots), _moved(planned, top))

    def _name(self, store: Store, seen: Iterable[Seen]) -> None:
        """Names for what titles and facts refer to, and for who did it."""
        for one in seen:
            wanted = {*title_fields(one.type), *fact_fields(one.type), *BY, "subject_kind"}
            wanted &= fields_of(TYPES[one.type]).keys()
            for type, record in refs_of(one.type, {n: v for n, v in one.values.items() if n in wanted}):
                if (type, record) not in self._names and type in TYPES:
                    found = store.get(type, record, deleted=True)
                    if found is not None:
                        self._names[type, record] = self._title(type, found.values) or record[-6:]

    def _load(self, shas: Iterable[str]) -> dict[str, bytes | None]:
        """This tablet's own ones; else the small picture that came with a sync."""
        out: dict[str, bytes | None] = {}
        for sha in shas:
            data = photo.thumb(self._store.folder, sha)
            if data is None and (path := self._store.thumb_file(sha)) is not None:
                try:
                    data = path.read_bytes()
                except OSError:
                    data = None
            out[sha] = data
        return out

    # --- on the page of all of it ------------------------------------------------------------------------------------

    def look(self, sha: str) -> None:
        """Show a photo large; the same once more puts it away."""
        self._open = "" if self._open == sha else sha
        self.notify()

    async def check(self) -> None:
        """What the server's own checks say of this point, on what is known here."""
        around = self._around
        subject = around.subject if around is not None else None
        if around is None or around.kind != "point" or subject is None or not subject.values.get("planned_point_id"):
            return
        args = (self._store, self._host.book, [], subject.values["planned_point_id"], self._host.now())
        found = await asyncio.to_thread(checking.findings, *args)
        if self._around is not None and self._around.id == around.id:
            self._findings = tuple(found)
            self.notify()

    async def choices(self, site: str) -> None:
        """Points recorded at this site, for whoever has not said yet which one is inspected."""
        self._choice = await asyncio.to_thread(self._recorded, site)
        self.notify()

    def _recorded(self, site: str) -> tuple[Seen, ...]:
        with self._store.looking() as store:
            found = store.all("point", site_id=site) if site else store.all("point")
        found = [s for s in found if s.values.get("outcome", "done") == "done"]
        return tuple(sorted(found, key=lambda s: (str(s.values.get("code", "")), s.id)))


def when(values: Mapping[str, Any]) -> str:
    """The time a record says of itself; "" where it says none."""
    return next((str(values[n]) for n in MADE if values.get(n)), "")


def makers(values: Mapping[str, Any]) -> list[str]:
    """Ids of who a record says did it."""
    found = next((values[n] for n in BY if values.get(n)), [])
    return [str(p) for p in (found if isinstance(found, list) else [found])]


def _day(seen: Seen | None) -> str:
    return when(seen.values)[:10] if seen is not None else ""


def _moved(planned: Seen | None, point: Seen | None) -> float | None:
    a, b = (s.values.get("position") if s is not None else None for s in (planned, point))
    if not a or not b:
        return None
    try:
        return geo.distance_m(float(a["lon"]), float(a["lat"]), float(b["lon"]), float(b["lat"]))
    except (KeyError, TypeError, ValueError):
        return None


__all__ = ["Around", "BesideDesk", "Seen", "makers", "when"]
