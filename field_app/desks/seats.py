"""Which window works on the tablet: one at a time. Another one that opens takes over after a question, and gives back."""

from __future__ import annotations

from typing import Literal, Protocol

Seat = Literal["here", "ask", "taken"]  # works here · another window does: take over? · was taken over


class Sitting(Protocol):
    """What a window's State is to this: `present`, is anybody looking; `leave`, stop here, with all that was typed stored."""

    present: bool

    async def leave(self) -> None: ...


class Seats:
    """Of one process, which is one tablet. All on the event loop's thread."""

    def __init__(self) -> None:
        self._now: Sitting | None = None
        self._gone: Sitting | None = (
            None  # its window was closed; what it had typed may still be on its way to the store
        )

    def come(self, who: Sitting) -> Seat:
        """A window opens. A place whose window is gone is free."""
        if self._now is None or not self._now.present:
            self._now, self._gone = who, self._now
            return "here"
        return "ask"

    async def settle(self) -> None:
        """Before the new one reads: what the one before had typed is stored."""
        gone, self._gone = self._gone, None
        if gone is not None:
            await gone.leave()

    async def take(self, who: Sitting) -> bool:
        """False where yet another window took it while the one before was being left."""
        before, self._now = self._now, who
        if before is not None and before is not who:
            await before.leave()
        return self._now is who

    def free(self, who: Sitting) -> None:
        """The window is closed for good."""
        if self._now is who:
            self._now = None
