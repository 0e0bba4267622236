"""Stake-out: from where I am to one planned point. How far, in which direction, how sure, and when I am there.

`guide` is pure; the desk only says which point it is about, and remembers whether to vibrate.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import flet as ft

from field_app.book import GATE, PointRow, allowed_shift
from field_app.capture.position import STALE_S, Fix
from schemas.rules.geo import Area, Ring, distance_and_bearing, distance_to_boundary_m

if TYPE_CHECKING:
    from field_app.state import State

SCALES_M = (5.0, 20.0, 100.0, 500.0)  # full length of the bar: the nearer, the finer
STEP_M = 0.7  # one step of a person who carries something
STRAIGHT, ASIDE, ACROSS = 20, 70, 130  # degrees off the way one walks: go on, keep to a side, turn, go back
NEARNESS = ("far", "nearer", "near", "close", "there")
BEATS_S = {"near": 2.0, "close": 0.8}  # between two vibrations


class Guide(NamedTuple):
    """What to show. problem: "", none (no fix), stale, mocked, vague (the accuracy is worse than the distance)."""

    problem: str
    metres: float = 0.0
    bearing: float = 0.0  # of the point, from true north
    age_s: float = 0.0
    accuracy_m: float | None = None
    within_m: float = 0.0  # so near counts as there
    heading: float | None = None  # the way one walks; None while standing
    outside_m: float | None = None  # so far outside the boundary; None inside

    @property
    def sure(self) -> bool:
        """The figure may stand where everybody reads it."""
        return self.problem in ("", "vague")

    @property
    def there(self) -> bool:
        return self.sure and self.metres <= self.within_m

    @property
    def nearness(self) -> str:
        if not self.sure:
            return "far"
        if self.there:
            return "there"
        return (
            "close" if self.metres <= 5 else "near" if self.metres <= 20 else "nearer" if self.metres <= 100 else "far"
        )

    @property
    def arrow(self) -> float:
        """Where the arrow points on the screen, in degrees: from the way one walks, or from north while standing."""
        return (self.bearing - (self.heading or 0.0)) % 360

    @property
    def turn(self) -> str:
        """Which way to go, as seen by who walks: on, left, right, turn_left, turn_right, back; "" while standing."""
        if self.heading is None:
            return ""
        off = (self.arrow + 180) % 360 - 180
        side = "left" if off < 0 else "right"
        if abs(off) <= STRAIGHT:
            return "on"
        return side if abs(off) <= ASIDE else f"turn_{side}" if abs(off) <= ACROSS else "back"

    @property
    def scale_m(self) -> float:
        return next((s for s in SCALES_M if self.metres <= s), SCALES_M[-1])

    @property
    def filled(self) -> float:
        """How much of the bar is walked: 1 at the point."""
        return max(0.0, 1 - self.metres / self.scale_m)

    @property
    def steps(self) -> int:
        return max(1, round(self.metres / STEP_M))


def guide(
    row: PointRow, fix: Fix | None, heading: float | None, now: datetime, allowed_m: float, gate_m: float,
    area: Area | None = None,
) -> Guide:  # fmt: skip
    """There is who is no further off than the point may be shifted, or than this fix can tell; but a fix too poor for the
    project's gate proves nothing beyond the gate."""
    if fix is None:
        return Guide("none")
    metres, bearing = distance_and_bearing(fix.lon, fix.lat, row.lon, row.lat)
    age, accuracy = fix.age_s(now), fix.accuracy_m
    within = max(allowed_m, min(accuracy or 0.0, gate_m))
    problem = ""
    if age > STALE_S:
        problem = "stale"
    elif fix.mocked:
        problem = "mocked"
    elif metres > within and (accuracy is None or accuracy > metres):
        problem = "vague"
    return Guide(
        problem, metres, bearing, age, accuracy, within, heading if age <= STALE_S else None, outside(area, fix)
    )


def outside(area: Area | None, fix: Fix | None) -> float | None:
    """How far outside the boundary, where the fix is good enough to say so."""
    if area is None or fix is None or area.contains(fix.lon, fix.lat):
        return None
    away = distance_to_boundary_m(area.rings, fix.lon, fix.lat)
    return away if away > (fix.accuracy_m or 0.0) else None


def area_of(rings: Sequence[Ring]) -> Area | None:
    return Area([[(float(x), float(y)) for x, y in ring] for ring in rings]) if rings else None


@ft.observable
class Stake:
    """Which point the stake-out page is about is in the page's arguments; whether it vibrates is kept on the tablet."""

    def __init__(self, host: State, vibrates: bool) -> None:
        self._host, self._vibrates = host, vibrates
        self._boundary: tuple[object, Area | None] = (None, None)

    @property
    def vibrates(self) -> bool:
        return self._vibrates

    @property
    def target(self) -> PointRow | None:
        """None where the plan has no such point any more."""
        return self._host.book.by_id.get(str(self._host.args.get("planned", "")))

    @property
    def area(self) -> Area | None:
        """The site's boundary, unwrapped once for as long as it is the same."""
        site = self._host.book.site
        if self._boundary[0] is not site:
            self._boundary = (site, area_of(((site or {}).get("boundary") or {}).get("rings", [])))
        return self._boundary[1]

    @property
    def outside(self) -> float | None:
        return outside(self.area, self._host.here.fix)

    def guide(self, row: PointRow) -> Guide:
        """From here to a point."""
        host = self._host
        planned, now = host.book.planned.get(row.id), host.now()
        allowed = allowed_shift(host.book, planned.values if planned else {})
        gate = float(host.book.figure("accuracy_gate_m", GATE))
        return guide(row, host.here.fix, host.here.heading(now), now, allowed, gate, self.area)

    def vibrate(self, on: bool) -> None:
        self._vibrates = on
        self._host.keep_setting("vibrate", "1" if on else "0")
        self.notify()

    async def arrive(self) -> None:
        """Straight to where the position of the point is taken."""
        target = self.target
        if target is not None:
            await self._host.open(target.id, step="position")
