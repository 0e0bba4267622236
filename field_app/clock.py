"""The device's clock, as a constructor argument, so that tests can turn it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Protocol

CHINA = timezone(timedelta(hours=8))


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall time with its UTC offset; may jump."""
        ...

    def mono_ms(self) -> int:
        """Milliseconds since some start; never jumps."""
        ...


class DeviceClock:
    def now(self) -> datetime:
        return datetime.now(CHINA)

    def mono_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000
