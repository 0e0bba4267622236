"""What a storage says that takes no more, as a problem a person can do something about."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, EIO, ENOSPC, EROFS
from pathlib import Path

from schemas.problems import Trouble

# a quota that SQLite reports, a size limit and a failing card look the same from here
_FAILING = ("SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CORRUPT", "SQLITE_CANTOPEN")


def problem_of(err: BaseException) -> int | None:
    """5001: the device is full. 5007: it cannot be written to, for that or another reason."""
    if isinstance(err, OSError):
        if err.errno in (ENOSPC, EDQUOT):
            return 5001
        return 5007 if err.errno in (EFBIG, EIO, EROFS) else None
    name = getattr(err, "sqlite_errorname", None) or ""
    if name == "SQLITE_FULL":
        return 5001
    return 5007 if name.startswith(_FAILING) else None


@contextmanager
def told() -> Iterator[None]:
    """Raises Trouble 5001, 5007 for what the storage did; anything else goes on up."""
    try:
        yield
    except Exception as err:
        number = problem_of(err)
        if number is None:
            raise
        raise Trouble(number) from err


def to_disk(*places: Path) -> None:
    """Files and folders as they are now survive a power cut."""
    for place in places:
        fd = os.open(place, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
