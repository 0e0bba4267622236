"""One process on one data folder. The operating system holds the lock and drops it when the process ends, however it ends,
so nothing has to be cleared away after a power cut."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import IO

from schemas.problems import Trouble

log = logging.getLogger("jingtu.app")
NAME = "tablet.lock"


def hold(folder: Path) -> IO[bytes] | None:
    """To be kept for as long as the app runs. None where the storage has no locks or no room for the file: a full device must
    open all the same. Raises Trouble 5009 where another process has the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = open(folder / NAME, "ab")  # noqa: SIM115  (it stays open: closing it would let the folder go)
    except OSError as err:
        log.warning("%s: %s", NAME, err)
        return None
    try:
        _lock(held.fileno())
    except BlockingIOError as err:
        held.close()
        raise Trouble(5009, where=folder) from err
    except OSError as err:
        log.warning("%s: %s", NAME, err)
    return held


def _lock(fd: int) -> None:
    """Raises BlockingIOError if another process has it."""
    if os.name == "nt":
        import msvcrt

        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except PermissionError as err:
            raise BlockingIOError from err
        return
    import fcntl

    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
