"""The latest position and the fixes being averaged, apart from the rest of the state: it changes every second."""

from __future__ import annotations

from datetime import datetime

import flet as ft

from field_app.capture.position import STALE_S, WANTED, Fix, average, near
from schemas.rules.geo import distance_and_bearing

TRACK = 30  # fixes kept to tell the way we walk
# so far, so fast and within so long: that is walking and not the fixes' own scatter
WALK_M, WALK_M_S, WALK_S = 3.0, 0.35, 12.0


@ft.observable
class Here:
    """The latest position, and the fixes being averaged."""

    def __init__(self) -> None:
        self._fix: Fix | None = None
        self._problem = ""
        self._taken: tuple[Fix, ...] = ()
        self._track: tuple[Fix, ...] = ()

    @property
    def fix(self) -> Fix | None:
        return self._fix

    @property
    def problem(self) -> str:
        """ "", off, denied or timeout."""
        return self._problem

    @property
    def taken(self) -> tuple[Fix, ...]:
        return self._taken

    @property
    def mean(self) -> Fix | None:
        return average(self._taken) if self._taken else None

    def heading(self, now: datetime) -> float | None:
        """The way we walk, degrees from true north, out of successive fixes; None while we stand, or cannot tell. Not the
        device's own: which way a tablet is held says nothing, and steel under foot turns its compass."""
        if not self._track or self._track[-1].age_s(now) > STALE_S:
            return None
        last = self._track[-1]
        for fix in reversed(self._track[:-1]):
            seconds = (last.at - fix.at).total_seconds()
            if seconds > WALK_S:
                return None
            if not near(fix, last, max(WALK_M, 0.5 * max(fix.accuracy_m or 0.0, last.accuracy_m or 0.0))):
                metres, bearing = distance_and_bearing(fix.lon, fix.lat, last.lon, last.lat)
                return bearing if metres >= WALK_M_S * seconds else None
        return None

    def start(self) -> None:
        self._taken = ()
        self.notify()

    def take(self, fix: Fix, now: datetime) -> None:
        """A stale fix is shown but never averaged; who walked away starts anew."""
        self._fix, self._problem = fix, ""
        if fix.age_s(now) <= STALE_S:
            if not self._track or fix.at > self._track[-1].at:
                self._track = (*self._track, fix)[-TRACK:]
            same_place = not self._taken or near(self._taken[-1], fix, 3 + 2 * (fix.accuracy_m or 10))
            self._taken = (*self._taken, fix)[-WANTED:] if same_place else (fix,)
        self.notify()

    def fail(self, reason: str) -> None:
        if reason != self._problem:
            self._problem = reason
            self.notify()
