"""The latest position and the fixes being averaged, apart from the rest of the state: it changes every second."""

from __future__ import annotations

from datetime import datetime

import flet as ft

from field_app.capture.position import STALE_S, WANTED, Fix, average, near


@ft.observable
class Here:
    """The latest position, and the fixes being averaged."""

    def __init__(self) -> None:
        self._fix: Fix | None = None
        self._problem = ""
        self._taken: tuple[Fix, ...] = ()

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

    def start(self) -> None:
        self._taken = ()
        self.notify()

    def take(self, fix: Fix, now: datetime) -> None:
        """A stale fix is shown but never averaged; who walked away starts anew."""
        self._fix, self._problem = fix, ""
        if fix.age_s(now) <= STALE_S:
            same_place = not self._taken or near(self._taken[-1], fix, 3 + 2 * (fix.accuracy_m or 10))
            self._taken = (*self._taken, fix)[-WANTED:] if same_place else (fix,)
        self.notify()

    def fail(self, reason: str) -> None:
        if reason != self._problem:
            self._problem = reason
            self.notify()
