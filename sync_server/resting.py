"""Work that makes very many things without reference cycles, and lets them all go again."""

from __future__ import annotations

import gc
import threading


class _Resting:
    """Keeps Python from looking for reference cycles meanwhile: looking through a million records again and again takes as
    long as making them, and of a push it is a sixth. It is the process's switch, so threads count together."""

    def __init__(self) -> None:
        self._lock, self._inside, self._was = threading.Lock(), 0, False

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._was = gc.isenabled()
                gc.disable()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._was:
                gc.enable()


RESTING = _Resting()
