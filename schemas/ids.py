"""UUIDv7 (RFC 9562), rising within one maker. Clock and randomness are handed in: this package is pure."""

from __future__ import annotations

from collections.abc import Callable


class Ids:
    """`now_ms` gives Unix milliseconds, `random` that many random bytes."""

    def __init__(self, now_ms: Callable[[], int], random: Callable[[int], bytes]) -> None:
        self._now_ms, self._random = now_ms, random
        self._last = (0, 0)

    def __call__(self) -> str:
        """Time 48 bits, then a 12-bit counter so that ids made in one millisecond keep their order."""
        ms, count = max(self._now_ms(), self._last[0]), 0
        if ms == self._last[0]:
            count = self._last[1] + 1
            if count > 0xFFF:
                ms, count = ms + 1, 0
        self._last = (ms, count)
        tail = int.from_bytes(self._random(8)) & ((1 << 62) - 1)
        number = (ms & ((1 << 48) - 1)) << 80 | 0x7 << 76 | count << 64 | 0b10 << 62 | tail
        text = f"{number:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
