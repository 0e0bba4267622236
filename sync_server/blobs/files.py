"""Where the bytes of blobs lie: a folder, each file under its hash. The seam behind which another store may stand later.

Whatever is in here is whole: a file comes by one rename, after its whole hash was compared. Nothing changes or removes one.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sync_server.store.engine import room_on_disk, to_disk

PIECE = 1 << 20
_HASH = re.compile(r"[0-9a-f]{64}")


class Files:
    """`<folder>/ab/ab…`, where ab… is the SHA-256 in hex."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._groups: set[str] = set()  # folders whose own name is on the disk for sure

    def path(self, sha: str) -> Path:
        """Where a file is, or would be, on this machine. Raises ValueError for what is no hash."""
        if not _HASH.fullmatch(sha):
            raise ValueError("no hash")
        return self.folder / sha[:2] / sha

    def has(self, sha: str) -> bool:
        return self.path(sha).is_file()

    def size(self, sha: str) -> int | None:
        """In bytes; None where there is no such file."""
        try:
            return self.path(sha).stat().st_size
        except FileNotFoundError:
            return None

    def open(self, sha: str) -> BinaryIO:
        """To read, seekable. Raises FileNotFoundError."""
        return self.path(sha).open("rb")

    def hash(self, sha: str) -> str:
        """Of the bytes as they are now: `sha`, unless the disk or somebody has altered them. Raises FileNotFoundError, OSError."""
        found = hashlib.sha256()
        with self.open(sha) as file:
            while piece := file.read(PIECE):
                found.update(piece)
        return found.hexdigest()

    def take(self, temp: Path, sha: str) -> None:
        """A file whose bytes have this hash becomes the blob; `temp` is gone then. It survives a power cut when this returns.

        The same file twice is the same file: the second takes the first one's place, so that one the disk has damaged is
        mended by sending it again. Raises Trouble 1102."""
        there = self.path(sha)
        with room_on_disk():
            to_disk(temp)
            if sha[:2] not in self._groups:  # one that is there may have been made a moment ago, by whoever then died
                there.parent.mkdir(parents=True, exist_ok=True)
                to_disk(self.folder, self.folder.parent)
                self._groups.add(sha[:2])
            os.replace(temp, there)
            to_disk(there.parent)

    def all(self) -> Iterator[str]:
        """The hash of every file, ascending."""
        for group in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(p.name for p in group.iterdir() if _HASH.fullmatch(p.name))
