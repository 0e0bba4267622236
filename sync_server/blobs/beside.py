"""Work that nobody waits for, in a thread of its own, one at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from schemas.problems import Trouble

log = logging.getLogger("jingtu")
PATIENCE_S = 3.0  # so long nothing new came to be done: whoever is sending just now has the machine first
MOST_S = 60.0  # but no longer than this


class Beside:
    """`work` does some of what there is to do, and returns whether there may be more."""

    def __init__(self, work: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        self._work, self.patience_s = work, patience_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._again = False

    def look(self) -> None:
        """There is something to do."""
        with self._lock:
            self._again = True
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="jingtu-beside", daemon=True)
                self._thread.start()

    @property
    def under_way(self) -> bool:
        return self._thread is not None

    def _run(self) -> None:
        while self._calm():
            try:
                while self._work() and not self._stop.is_set():
                    pass
            except Trouble as err:  # a full disk, a database that is away: it is there to be done the next time
                log.warning("left for later: %s", err)
            except Exception:
                log.exception("left for later")
            with self._lock:
                if not self._again:
                    self._thread = None
                    return
        with self._lock:
            self._thread = None

    def _calm(self) -> bool:
        """Waits until nothing new has come for a while; False where nothing is to begin any more."""
        latest = time.monotonic() + MOST_S
        while True:
            with self._lock:
                self._again = False
            if self._stop.wait(self.patience_s):
                return False
            if not self._again or time.monotonic() >= latest:
                return True

    def rest(self) -> None:
        """Nothing is under way when this returns, and nothing begins any more."""
        self._stop.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()
