"""What a storage says that takes no more, as a problem a person can do something about."""

from __future__ import annotations

import json
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


def replace(path: Path, data: object) -> None:
    """JSON, readable by this app only: temp → fsync → rename → fsync of the folder, so that a power cut leaves the old file
    or the new one. Raises Trouble 5001, 5007; then the old one is there."""
    temp = path.with_suffix(".new")
    with told():
        try:
            fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(fd, "w") as f:
                json.dump(data, f)
                f.flush()
                os.fsync(f.fileno())
        except BaseException:
            temp.unlink(missing_ok=True)  # half a file with secrets helps nobody, and takes room
            raise
        os.replace(temp, path)
        to_disk(path.parent)
