"""The hole of a visit. It begins by itself with the first layer; what was observed at it is asked each time.

What was filled in from elsewhere is named in the draft's "_auto" until a person touches it, what a person entered in
"_own" so that the layers do not change it any more. Neither reaches the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from field_app.visit.core import Core, Values
from field_app.visit.digits import figure
from schemas.records import TYPES, missing
from schemas.rules.reconcile.depths import DEPTH_SLACK_M

# Of a hole: carried over from the last one. What was observed at this hole (water, sealing) is asked each time.
CARRIED = ("driller_id", "rig", "method", "diameter_mm", "casing", "lead_id", "checker_id", "recorder_id")


class Hole(Core):
    @property
    def hole(self) -> tuple[str, Values] | None:
        return next(iter(self.of("borehole").items()), None)

    @property
    def planned_depth(self) -> Decimal | None:
        return figure(self.planned.get("target_depth_m"))

    @property
    def water(self) -> Decimal | None:
        return figure(self.hole[1].get("first_water_m")) if self.hole else None

    def hole_lacks(self) -> list[str]:
        return [f.field for f in missing(TYPES["borehole"], self.hole[1])] if self.hole else []

    def auto(self, values: Values | None) -> tuple[str, ...]:
        """Fields that were filled in from elsewhere and not touched since."""
        return tuple((values or {}).get("_auto", ()))

    def _begin_hole(self) -> str:
        last = self._book.last_hole or {}
        crew = self._point.get("samplers") or [None]
        carried = {n: last[n] for n in CARRIED if last.get(n) is not None} | (
            {"recorder_id": crew[0]} if crew[0] else {}
        )
        now = self._now().isoformat(timespec="seconds")
        values = {"point_id": self._id, "code": self.code, **carried, "opened_at": now}
        return self.add("borehole", {**values, "_auto": [*carried, "opened_at"]})

    def set_hole(self, name: str, value: Any) -> None:
        """One field by hand; water met and its level say the same thing."""
        if self.hole is None:
            self._begin_hole()
        assert self.hole is not None
        record, values = self.hole
        changed: Values = {name: value}
        if name == "first_water_m" and figure(value) is not None:
            changed["water_met"] = True
        if name == "water_met" and value is not True:
            changed["first_water_m"] = None
        own = list(dict.fromkeys([*values.get("_own", []), name]))
        self._put_hole(record, values, changed, own)

    def _put_hole(self, record: str, values: Values, changed: Values, own: Iterable[str]) -> None:
        auto = [f for f in self.auto(values) if f not in changed]
        values = {k: v for k, v in {**values, **changed}.items() if v not in (None, "", [])}
        self.put("borehole", record, {**values, "_auto": auto, "_own": list(own)})

    def _hole_follows(self, record: str, values: Values, end: Decimal) -> None:
        """Depth, end and its reason follow the layers until somebody enters them."""
        own, deep = values.get("_own", []), self.planned_depth
        reached = deep is not None and end >= deep - DEPTH_SLACK_M
        now = self._now().isoformat(timespec="seconds")
        wanted: Values = {"depth_m": str(end) if end else None, "end_reason": "target" if reached else None}
        if wanted["depth_m"] != values.get("depth_m"):
            wanted["ended_at"] = now if end else None
        changed = {n: v for n, v in wanted.items() if n not in own and values.get(n) != v}
        if changed:
            auto = [f for f in self.auto(values) if f not in changed] + [n for n, v in changed.items() if v is not None]
            kept = {k: v for k, v in {**values, **changed}.items() if v is not None}
            self.put("borehole", record, {**kept, "_auto": auto})

    def remove_hole(self) -> None:
        """Only one without layers."""
        if self.hole and not any(v.get("borehole_id") == self.hole[0] for v in self.of("soil_layer").values()):
            self.remove("borehole", self.hole[0])
