"""One visit to a point while it is being written: the point, its readings and samples as wire values.

Every edit goes to `keep` at once (the store's draft table, in order, on the writer's thread) before it is shown, so a
killed process loses nothing. What belongs to the page alone (open step, depth, chosen instrument) lies in the point's
draft under "_ui" and never reaches a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import flet as ft

from field_app.book import METHODS, Book, allowed_shift, decimal
from field_app.store import Seen
from schemas.records import TYPES, check, missing
from schemas.rules.geo import bearing_deg, compass, distance_m
from schemas.rules.limits import Judgement

STEPS = ("position", "readings", "samples", "scene", "check")
DEPTH_STEP = Decimal("0.5")
DIGITS = 7  # of a typed value: more do not fit the display, and no field instrument gives them
_PICK = {  # why a sample is taken, from the rule of its planned target
    "surface": "surface", "fixed": "fixed", "worst": "xrf_max", "water_table": "water_table", "layer_change": "layer",
    "hole_bottom": "bottom", "below_exceed": "layer",
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


@ft.observable
class Visit:
    def __init__(
        self, book: Book, planned: Seen, point: Seen, readings: Iterable[Seen], samples: Iterable[Seen],
        keep: Callable[[str, str, Values], None], drop: Callable[[str], None], new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._book, self._planned, self._id = book, planned, point.id
        self._point: Values = dict(point.values)
        self._readings: dict[str, Values] = {r.id: dict(r.values) for r in readings}
        self._samples: dict[str, Values] = {s.id: dict(s.values) for s in samples}
        self._keep, self._drop, self._new_id, self._now = keep, drop, new_id, now
        self._fresh = True  # the next digit starts a new number
        self._gaps: tuple[int, list[Gap]] = (-1, [])  # as of which version

    # --- what pages read -----------------------------------------------------------------------------------------

    @property
    def book(self) -> Book:
        return self._book

    @property
    def id(self) -> str:
        return self._id

    @property
    def planned(self) -> Values:
        return self._planned.values

    @property
    def point(self) -> Values:
        return self._point

    @property
    def code(self) -> str:
        return str(self._point.get("code", ""))

    @property
    def readings(self) -> dict[str, Values]:
        return self._readings

    @property
    def samples(self) -> dict[str, Values]:
        return self._samples

    def use(self, book: Book) -> None:
        """A newer picture of the project (after a sync)."""
        self._book = book
        self.notify()

    def ui(self, name: str, default: Any = None) -> Any:
        return self._point.get("_ui", {}).get(name, default)

    # --- edits ---------------------------------------------------------------------------------------------------

    def _save(self, type: str, record: str, values: Values) -> None:
        self._keep(type, record, values)
        self.notify()

    def set_ui(self, **values: Any) -> None:
        self._point = {**self._point, "_ui": {**self._point.get("_ui", {}), **values}}
        self._save("point", self._id, self._point)

    def set_point(self, **values: Any) -> None:
        self._point = {**self._point, **values}
        self._save("point", self._id, self._point)

    def set_sample(self, record: str, **values: Any) -> None:
        self._samples[record] = {**self._samples[record], **values}
        self._save("sample", record, self._samples[record])

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

    # --- readings ------------------------------------------------------------------------------------------------

    @property
    def instrument(self) -> Seen | None:
        known = self._book.instruments
        chosen = self._book.instrument(self.ui("instrument"))
        return chosen or next((i for i in known if i.values["kind"] == "xrf"), known[0] if known else None)

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        return self._book.parameters(self.instrument.id) if self.instrument else ()

    @property
    def parameter(self) -> str:
        names = [p for p, _ in self.parameters]
        chosen = self.ui("parameter")
        return chosen if chosen in names else (names[0] if names else "")

    @property
    def depth(self) -> Decimal:
        return Decimal(self.ui("depth", "0.5"))

    def pick(self, parameter: str) -> None:
        self._fresh = True
        self.set_ui(parameter=parameter)

    def use_instrument(self, id: str) -> None:
        self._fresh = True
        self.set_ui(instrument=id, parameter=None, choose=False)

    def move(self, steps: int) -> None:
        """Another depth. Not above the surface, not under the planned bottom by more than a few metres."""
        bottom = (decimal(self.planned.get("target_depth_m")) or Decimal(6)) + 5
        to = min(max(self.depth + steps * DEPTH_STEP, Decimal(0)), bottom)
        self._fresh = True
        first = self.parameters[0][0] if self.parameters else None
        self.set_ui(depth=str(to), parameter=first)

    def next_parameter(self) -> None:
        names = [p for p, _ in self.parameters]
        if names:
            self.pick(names[(names.index(self.parameter) + 1) % len(names)])

    def reading(self, parameter: str, depth: Decimal | None = None) -> tuple[str, Values] | None:
        where, instrument = depth if depth is not None else self.depth, self.instrument
        for id, values in self._readings.items():
            if (
                values["parameter"] == parameter
                and decimal(values.get("depth_top_m")) == where
                and instrument is not None
                and values["instrument_id"] == instrument.id
            ):
                return id, values
        return None

    def text(self, parameter: str, depth: Decimal | None = None) -> str:
        """A reading as typed: "642", "<5", "" where there is none."""
        found = self.reading(parameter, depth)
        return "" if found is None else shown(found[1])

    def key(self, key: str) -> None:
        """One key of the pad: a digit, ".", "back", "nd", "same"."""
        now = "" if self._fresh and key != "back" else self.text(self.parameter)
        if key == "back":
            now = now[:-1]
        elif key == "nd":
            now = "<" + (self._book.lod(self.instrument.id if self.instrument else None, self.parameter) or "")
        elif key == "same":
            now = self.text(self.parameter, self.depth - DEPTH_STEP)
        elif (key == "." and "." in now) or len(now) >= DIGITS:
            return
        else:
            now += "0." if key == "." and now in ("", "<") else key
        # After 未检出 without a known limit the digits that follow are the limit.
        self._fresh = key == "nd" and now != "<"
        self.write(self.parameter, now)

    def write(self, parameter: str, text: str) -> None:
        found = self.reading(parameter)
        if not text:
            if found:
                del self._readings[found[0]]
                self._drop(found[0])
                self.notify()
            return
        if self.instrument is None:
            return
        id, values = found or (self._new_id(), self._new_reading(parameter))
        values = {k: v for k, v in values.items() if k not in ("value", "lod", "qualifier")}
        if text.startswith("<"):
            values |= {"qualifier": "nd", "lod": text[1:]}
        else:
            values |= {"qualifier": "eq", "value": text}
        values["at"] = self._now().isoformat(timespec="seconds")
        self._readings[id] = values
        self._save("field_reading", id, values)

    def _new_reading(self, parameter: str) -> Values:
        instrument = self.instrument
        assert instrument is not None
        out = {
            "point_id": self._id, "instrument_id": instrument.id, "parameter": parameter, "entry_way": "typed",
            "method": METHODS[instrument.values["kind"]][0], "unit": dict(self.parameters)[parameter],
            "depth_top_m": str(self.depth),
        }  # fmt: skip
        if reason := self.ui("uncalibrated", {}).get(instrument.id):
            out["note"] = f"仪器当天未校准：{reason}"
        return out

    def judged(self, parameter: str, depth: Decimal | None = None) -> Judgement | None:
        found = self.reading(parameter, depth)
        return self._book.judged(found[1]) if found else None

    def uncalibrated(self) -> bool:
        """The instrument has not passed its check today and nobody wrote why it is used all the same."""
        i = self.instrument
        return (
            i is not None
            and i.id not in self.ui("uncalibrated", {})
            and self._book.calibrated(i.id, self._now()) is None
        )

    def excuse(self, reason: str) -> None:
        if self.instrument is not None:
            self.set_ui(uncalibrated={**self.ui("uncalibrated", {}), self.instrument.id: reason})

    # --- samples -------------------------------------------------------------------------------------------------

    def add_sample(self, number: int, person: str) -> str:
        """An ordinary sample, filled from the next planned target that has none yet."""
        taken = {s.get("target_id") for s in self._samples.values()}
        target = next((t for t in self._book.targets.get(self._planned.id, ()) if t.id not in taken), None)
        plan: Values = dict(target.values) if target else {}
        values: Values = {
            "code": self._sample_code(number), "kind": "ordinary", "medium": plan.get("medium", "soil"),
            "point_id": self._id, "target_id": target.id if target else None, "groups": list(plan.get("groups", [])),
            "depth_top_m": plan.get("depth_top_m"), "depth_bottom_m": plan.get("depth_bottom_m"),
            "pick_reason": _PICK.get(plan.get("rule", "")), "collected_at": self._now().isoformat(timespec="seconds"),
            "collected_by": [person], "batch": self._now().date().isoformat(), "appearance": "normal",
        }  # fmt: skip
        record = self._new_id()
        self._samples[record] = {k: v for k, v in values.items() if v is not None}
        self.set_ui(sample=record)
        self._save("sample", record, self._samples[record])
        return record

    def _sample_code(self, number: int) -> str:
        """By the project's rule, e.g. "{project}-{point}-{no:04d}"; a rule that cannot be read falls back to that."""
        project = self._book.project or {}
        words = {"project": project.get("code", ""), "point": self.code, "no": number}
        try:
            return str(project.get("code_pattern") or "{project}-{point}-{no:04d}").format(**words)
        except (KeyError, ValueError, IndexError, AttributeError):
            return f"{words['project']}-{self.code}-{number:04d}"

    def remove_sample(self, record: str) -> None:
        """A draft only; its number stays used up."""
        self._samples.pop(record, None)
        self._drop(record)
        self.set_ui(sample=None)

    # --- check and finish ----------------------------------------------------------------------------------------

    def done(self, step: str) -> bool:
        gaps = {g.step for g in self.gaps()}
        if step == "position":
            return step not in gaps
        if step == "readings":
            return bool(self._readings) and step not in gaps
        if step == "samples":
            return bool(self._samples) and step not in gaps
        return step == "scene" and step not in gaps

    def gaps(self) -> list[Gap]:
        """What 完成 would refuse, by the rules the store itself asks. Asked several times per drawing, worked out once."""
        if self._gaps[0] != self.__version__:
            self._gaps = (self.__version__, self._find_gaps())
        return self._gaps[1]

    def _find_gaps(self) -> list[Gap]:
        out: list[Gap] = []
        for type, record, values in self.edits():
            for fault in (*missing(TYPES[type], values), *check(TYPES[type], values)):
                step = {"field_reading": "readings", "sample": "samples"}.get(type) or (
                    "scene" if fault.field in _SCENE else "position"
                )
                out.append(Gap(step, record, (fault.zh, fault.en), self._named(type, values)))
        if (shift := self.shift) and shift.over and not self._point.get("reason"):
            out.append(
                Gap("position", self._id, ("请选移位原因", "Choose the reason for the shift"), ("定位", "Position"))
            )
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
        best = self._best_readings()
        for record, values in self._samples.items():
            sample = clean(values)
            if reading := best.get(sample.get("pick_reason", "")):
                sample.setdefault("best_reading_id", reading)
            out.append(("sample", record, sample))
        return out + [("field_reading", r, clean(v)) for r, v in self._readings.items()]

    def _best_readings(self) -> dict[str, str]:
        out: dict[str, tuple[Decimal, str]] = {}
        for record, values in self._readings.items():
            value = decimal(values.get("value"))
            reason = {"pid": "pid_max", "xrf": "xrf_max"}.get(values["method"])
            if value is not None and reason and value > out.get(reason, (Decimal(-1), ""))[0]:
                out[reason] = (value, record)
        return {reason: record for reason, (_, record) in out.items()}


def shown(values: Values) -> str:
    return f"<{values.get('lod', '')}" if values.get("qualifier") in ("lt", "nd") else str(values.get("value", ""))


def clean(values: Values) -> Values:
    """What a record may hold: no page state, nothing empty, no figure that ends in a dot."""
    out = {k: v for k, v in values.items() if not k.startswith("_") and v not in (None, "", [])}
    for name in ("value", "lod"):
        if isinstance(out.get(name), str):
            out[name] = out[name].removesuffix(".")
    return {k: v for k, v in out.items() if v != ""}
