"""A visit's records as wire values, and the one way to change them.

Every edit goes to `keep` at once (the store's draft table, in order, on the writer's thread) before it is shown, so a
killed process loses nothing. What belongs to the page alone (open step, depth, chosen instrument) lies in the point's
draft under "_ui" and never reaches a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from field_app.book import Book, allowed_shift
from field_app.store import Seen
from field_app.words import both
from schemas.records import TYPES, check, missing
from schemas.rules.geo import bearing_deg, compass, distance_m

# Types that hang on the point, in the order they are finalized in: what is referred to comes first.
CHILDREN = ("borehole", "soil_layer", "field_reading", "sample", "sample_container", "qc_link", "photo")
# Where a fault of a record is mended.
STEP_OF = {
    "borehole": "layers", "soil_layer": "layers", "field_reading": "readings", "sample": "samples",
    "sample_container": "samples", "qc_link": "samples", "photo": "photos",
}  # fmt: skip
_SCENE = ("weather", "surface_kind", "samplers", "outcome", "reason", "reason_text", "note", "late_entry_reason")

Values = dict[str, Any]


class Gap(NamedTuple):
    """Something to fill in, and where."""

    step: str
    record: str
    what: tuple[str, str]
    where: tuple[str, str]


class Shift(NamedTuple):
    metres: float
    bearing: float
    allowed: float

    @property
    def over(self) -> bool:
        return self.metres > self.allowed

    @property
    def toward(self) -> tuple[str, str]:
        return compass(self.bearing)


class Core:
    def __init__(
        self, book: Book, planned: Seen, point: Seen, children: Iterable[Seen],
        keep: Callable[[str, str, Values], None], drop: Callable[[str], None], new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._book, self._planned, self._id, self._scope = book, planned, point.id, point.scope
        self._point: Values = dict(point.values)
        self._records: dict[str, dict[str, Values]] = {type: {} for type in CHILDREN}
        for child in children:
            self._records[child.type][child.id] = dict(child.values)
        self._keep, self._drop, self._new_id, self._now = keep, drop, new_id, now
        self._gaps: tuple[int, list[Gap]] = (-1, [])  # as of which version
        self._closed = False

    # --- what pages read -----------------------------------------------------------------------------------------

    @property
    def book(self) -> Book:
        return self._book

    @property
    def id(self) -> str:
        return self._id

    @property
    def scope(self) -> str:
        """Where its records go: that of its project, also when another one is chosen, or the only one left, meanwhile."""
        return self._scope

    @property
    def planned(self) -> Values:
        return self._planned.values

    @property
    def point(self) -> Values:
        return self._point

    @property
    def code(self) -> str:
        return str(self._point.get("code", ""))

    def of(self, type: str) -> dict[str, Values]:
        """The visit's records of one type, by id, in the order they were begun."""
        return self._records[type]

    def use(self, book: Book) -> None:
        """A newer picture of the project (after a sync)."""
        self._book = book
        self.notify()

    def ui(self, name: str, default: Any = None) -> Any:
        return self._point.get("_ui", {}).get(name, default)

    @property
    def closed(self) -> bool:
        return self._closed

    # --- edits ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Finished, or written on elsewhere: what a handler of an old drawing still says is kept no more."""
        self._closed = True

    def _save(self, type: str, record: str, values: Values) -> None:
        if not self._closed:
            self._keep(type, record, values)
        self.notify()

    def set_ui(self, **values: Any) -> None:
        self._point = {**self._point, "_ui": {**self._point.get("_ui", {}), **values}}
        self._save("point", self._id, self._point)

    def set_point(self, **values: Any) -> None:
        self._point = {**self._point, **values}
        self._save("point", self._id, self._point)

    def add(self, type: str, values: Values) -> str:
        """A further record of the visit; what is None is left out. Returns its id."""
        record = self._new_id()
        self.put(type, record, {k: v for k, v in values.items() if v is not None})
        return record

    def change(self, type: str, record: str, **values: Any) -> None:
        self.put(type, record, {**self._records[type][record], **values})

    def put(self, type: str, record: str, values: Values) -> None:
        self._records[type][record] = values
        self._save(type, record, values)

    def remove(self, type: str, record: str) -> None:
        """A draft only; a number it had stays used up."""
        if self._records[type].pop(record, None) is not None:
            if not self._closed:
                self._drop(record)
            self.notify()

    # --- position ------------------------------------------------------------------------------------------------

    def shift_from(self, lon: float, lat: float) -> Shift:
        """How far and in which direction a place lies from the planned one."""
        at = self.planned["position"]
        args = (float(at["lon"]), float(at["lat"]), lon, lat)
        return Shift(distance_m(*args), bearing_deg(*args), allowed_shift(self._book, self.planned))

    @property
    def shift(self) -> Shift | None:
        at = self._point.get("position")
        return self.shift_from(float(at["lon"]), float(at["lat"])) if at else None

    # --- check and finish ----------------------------------------------------------------------------------------

    def done(self, step: str) -> bool:
        """Nothing missing there; and for what nobody must record, something recorded."""
        if any(g.step == step for g in self.gaps()):
            return False
        types = [type for type, at in STEP_OF.items() if at == step]
        return step != "check" and (not types or any(self._records[t] for t in types))

    def gaps(self) -> list[Gap]:
        """What 完成 would refuse, by the rules the store itself asks. Asked several times per drawing, worked out once."""
        if self._gaps[0] != self.__version__:
            self._gaps = (self.__version__, self._find_gaps())
        return self._gaps[1]

    def _find_gaps(self) -> list[Gap]:
        out: list[Gap] = []
        for type, record, values in self.edits():
            for fault in (*missing(TYPES[type], values), *check(TYPES[type], values)):
                step = STEP_OF.get(type) or ("scene" if fault.field in _SCENE else "position")
                out.append(Gap(step, record, (fault.zh, fault.en), self._named(type, values)))
        if (shift := self.shift) and shift.over and not self._point.get("reason"):
            out.append(Gap("position", self._id, both("gap.shift"), both("step.position")))
        return list(dict.fromkeys(out))

    def _named(self, type: str, values: Values) -> tuple[str, str]:
        if type == "field_reading":
            name = f"{values['parameter']} {values.get('depth_top_m', '')} m"
            return name, name
        about = TYPES[type].about
        return (values["code"], values["code"]) if type == "sample" else (about.zh, about.en)

    def edits(self) -> list[tuple[str, str, Values]]:
        """The records as they would be finalized now: the point first, since the others refer to it."""
        point = {**clean(self._point), "ended_at": self._now().isoformat(timespec="seconds")}
        point.setdefault("outcome", "done")
        out = [("point", self._id, point)]
        for type in CHILDREN:
            out += [
                (type, record, self.completed(type, clean(values))) for record, values in self._records[type].items()
            ]
        return out

    def completed(self, type: str, values: Values) -> Values:
        """What a record gets from its neighbours when it is finalized."""
        return values


def clean(values: Values) -> Values:
    """What a record may hold: no page state, nothing empty, no figure that ends in a dot."""
    out = {k: v for k, v in values.items() if not k.startswith("_") and v not in (None, "", [])}
    for name in ("value", "lod"):
        if isinstance(out.get(name), str):
            out[name] = out[name].removesuffix(".")
    return {k: v for k, v in out.items() if v != ""}
