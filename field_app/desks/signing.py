"""One signature being asked for: what was there before, and who wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from field_app.state import State

Done = Callable[[dict[str, Any] | None], None]


class Signing:
    """The form stays as it is below the pad; a signature half drawn when the process ends is to be drawn again."""

    def __init__(self, host: State) -> None:
        self._host = host
        self._value: dict[str, Any] | None = None
        self._done: Done | None = None
        self._asked = 0  # signatures asked for: each has a pad of its own, also where two follow each other

    value = property(lambda self: self._value)
    asked = property(lambda self: self._asked)

    def ask(self, value: dict[str, Any] | None, done: Done) -> None:
        """Open the pad; `done` gets the new value, or is not called."""
        self._value, self._done = value or None, done
        self._asked += 1
        self._host.go("sign")

    def give(self, value: dict[str, Any] | None) -> None:
        """The pad's answer; None leaves what was there."""
        done, self._done = self._done, None
        if value is not None and done is not None:
            done(value)
        self._host.back()
