"""The file of one upload while its one writer has it open: what came is appended behind what is known to be on the disk."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from schemas.problems import Trouble
from sync_server.store import UploadRow
from sync_server.store.engine import room_on_disk, to_disk

READ = 1 << 20  # bytes held at a time where a whole file is read
LOOK_S = 0.003  # between two looks at a lock that another writer has


class Checksum(NamedTuple):
    """What the bytes of one request must come to."""

    algorithm: str  # sha1, sha256
    digest: bytes


class Incoming:
    """Opened, locked against every other writer of whatever process, and cut to what the database knows to be on the disk.

    `sum`: the SHA-256 of all up to `at`, or None where that is not known without reading the file again."""

    def __init__(self, path: Path, patience_s: float = 0.0) -> None:
        """Raises FileNotFoundError; Trouble 1304 where another writer has it, still after `patience_s`."""
        self.path = path
        self.row: UploadRow  # known once `begin` was called
        self.at = self.kept = 0
        self.sum: Any = None
        self.checksum: Checksum | None = None
        self._busy = threading.Lock()  # a request that is thrown away must not close what a thread still writes to
        self._fd = os.open(path, os.O_RDWR)
        try:
            self._lock(patience_s)
            if not os.path.samestat(os.fstat(self._fd), os.stat(path)):  # ended between the two
                raise FileNotFoundError(path)
        except BlockingIOError as err:
            self.close()
            raise Trouble(1304) from err
        except BaseException:
            self.close()
            raise

    def _lock(self, patience_s: float) -> None:
        end = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise
                time.sleep(LOOK_S)

    def begin(self, row: UploadRow, known: Any, checksum: Checksum | None) -> None:
        """`known`: the SHA-256 of what is there, if somebody has it. Raises Trouble 1102."""
        self.row, self.checksum = row, checksum
        self.at = self.kept = row.stands_at
        self.sum = known.copy() if known else hashlib.sha256() if row.stands_at == 0 else None
        # of a file that comes in one piece both are the same, and made once
        whole = checksum is not None and checksum.algorithm == "sha256" and row.stands_at == 0
        self._piece = hashlib.new(checksum.algorithm) if checksum and not whole else None
        with room_on_disk():
            os.ftruncate(self._fd, row.stands_at)
            os.lseek(self._fd, row.stands_at, os.SEEK_SET)

    def on_disk(self) -> int:
        return os.fstat(self._fd).st_size

    def write(self, data: bytes | bytearray) -> None:
        """Raises Trouble 1301 for more than was announced, before any of it is written; 1102."""
        if self.at + len(data) > self.row.size:
            raise Trouble(1301, size=self.at + len(data), limit=self.row.size)
        rest = memoryview(data)
        with self._busy, room_on_disk():
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        for sum in (self.sum, self._piece):
            if sum is not None:
                sum.update(data)
        self.at += len(data)

    def fits(self) -> bool:
        """Did what came in this request arrive as it was sent? Without a checksum nobody can say that it did not."""
        if self.checksum is None:
            return True
        made = self._piece if self._piece is not None else self.sum
        return hmac.compare_digest(made.digest(), self.checksum.digest)

    def keep(self) -> None:
        """All up to `at` is on the disk when this returns. Raises Trouble 1102."""
        with self._busy, room_on_disk():
            os.fsync(self._fd)
            if self.kept == 0:  # its name, too
                to_disk(self.path.parent)
        self.kept = self.at

    def whole(self) -> str:
        """The SHA-256 of the file, in hex; read from the disk where it is not known."""
        return str((self.sum or hash_of(self.path)).hexdigest())

    def close(self) -> None:
        """Whoever comes next may write."""
        with self._busy:
            if self._fd >= 0:
                os.close(self._fd)
            self._fd = -1


def hash_of(path: Path) -> Any:
    sum = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(READ):
            sum.update(piece)
    return sum


def whole_mark(path: Path) -> Path:
    """Stands beside an upload's file from when its bytes were found right until its blob is in the database: of a process that
    dies in between the next one knows that the file which is no longer there became the blob."""
    return path.with_name(f"{path.name}.whole")


def mark_whole(path: Path) -> None:
    """Raises Trouble 1102."""
    with room_on_disk():
        os.close(os.open(whole_mark(path), os.O_WRONLY | os.O_CREAT, 0o600))


def make_empty(path: Path) -> None:
    """Raises Trouble 1102."""
    with room_on_disk():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def forget(path: Path, unless: Callable[[], bool] = lambda: False) -> bool:
    """The file of an upload that is over goes. False where a writer has it, or `unless` says no once nobody can have it."""
    try:
        held = Incoming(path)
    except FileNotFoundError:
        whole_mark(path).unlink(missing_ok=True)
        return True
    except Trouble:
        return False
    try:
        if unless():
            return False
        with suppress(FileNotFoundError):
            path.unlink()
        whole_mark(path).unlink(missing_ok=True)
        return True
    finally:
        held.close()
