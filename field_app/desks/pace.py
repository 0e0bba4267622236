"""When a tablet syncs by itself: figures only, so that a test can turn the clock.

While something waits to be sent the server is tried every half minute, then ever more rarely up to five minutes; each
pause a little longer or shorter than the last, so that a crew that comes back into range does not ask all at once. With
nothing to send it is asked a quarter of an hour after the last sync. Hidden apps ask nothing.
"""

from __future__ import annotations

from collections.abc import Callable

FIRST_S, MOST_S = 30.0, 300.0
QUIET_S = 900.0  # nothing to send: what others did is worth this much battery
SPREAD = 0.2
RESUME_S = 60.0  # coming back to the app within that: nothing new


class Pace:
    def __init__(self, random: Callable[[], float]) -> None:
        """`random` gives 0 … 1."""
        self._random = random
        self.on = True
        self.foreground = True
        self._tries = 0  # in vain, one after the other
        self._next = 0.0
        self._last: float | None = None

    def due(self, now_s: float, pending: int) -> bool:
        """Is it time to try? `now_s`: a clock that only goes forward; `pending`: what this tablet could send now."""
        if not (self.on and self.foreground):
            return False
        quiet = 0.0 if pending or self._last is None else self._last + QUIET_S
        return now_s >= max(self._next, quiet)

    def tried(self, now_s: float, done: bool) -> None:
        """The server did not answer, or a sync ended. done: it left nothing that another try would send."""
        self._tries = 0 if done else self._tries + 1
        pause = min(MOST_S, FIRST_S * 2 ** min(10, max(0, self._tries - 1)))
        self._next = now_s + pause * (1 + SPREAD * (2 * self._random() - 1))
        if done:
            self._last = now_s

    def shown(self, now_s: float) -> None:
        """The person comes back to the app: as good a time as any, unless it was there a moment ago."""
        self.foreground = True
        if self._last is None or now_s - self._last >= RESUME_S:
            self._tries, self._next, self._last = 0, now_s, None

    def hidden(self) -> None:
        self.foreground = False
