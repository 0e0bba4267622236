"""A photo's file in pieces: read, checked, and as large at a time as the line is fast."""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path

from schemas.wire import LEAST_CHUNK, MOST_CHUNK

FIRST_CHUNK = 256 << 10  # before anything is known of the line
CHUNK_S = 3.0  # what one should take: so much is sent again at most, and so soon a person's stop is heard
GROWS = 4  # times from one chunk to the next, at most
PIECE = 1 << 20  # bytes read at a time


class Damaged(Exception):
    """The file on this tablet is not what it was."""


class Local:
    """A photo's file. A small one is read once, a large one by the chunk."""

    def __init__(self, path: Path, sha: str) -> None:
        self.path, self.sha, self.size = path, sha, path.stat().st_size
        self._whole: bytes | None = None

    def check(self) -> None:
        """Raises Damaged, or OSError where it cannot be read."""
        total = sha256()
        with self.path.open("rb") as file:
            while piece := file.read(MOST_CHUNK if self.size <= MOST_CHUNK else PIECE):
                total.update(piece)
                self._whole = piece if len(piece) == self.size else None
        if total.hexdigest() != self.sha:
            raise Damaged

    def chunk(self, offset: int, size: int) -> tuple[bytes, str]:
        """Its bytes, and their checksum as tus writes it. Raises Damaged where the file ends too early."""
        if self._whole is not None:
            data = self._whole[offset : offset + size]
        else:
            with self.path.open("rb") as file:
                file.seek(offset)
                data = file.read(size)
        if len(data) != min(size, self.size - offset):
            raise Damaged
        whole = len(data) == self.size
        digest = bytes.fromhex(self.sha) if whole else sha256(data).digest()
        return data, f"sha256 {base64.b64encode(digest).decode()}"


class Chunks:
    """How much to send at a time: what takes CHUNK_S, at the speed of the last one. After a failure half as much, and only slowly
    more again: a proxy may have a limit of its own."""

    def __init__(self, size: int) -> None:
        self._most = MOST_CHUNK
        self.size = _within(size)

    def arrived(self, size: int, took_s: float) -> None:
        self._most = min(MOST_CHUNK, self._most + LEAST_CHUNK)
        wanted = int(size / max(took_s, 1e-6) * CHUNK_S)
        # the last one of a file says little: most of its time is the way there
        if size >= self.size or wanted > self.size:
            self.size = _within(min(wanted, self.size * GROWS), self._most)

    def failed(self) -> None:
        self._most = self.size = _within(self.size // 2)


def _within(size: int, most: int = MOST_CHUNK) -> int:
    return max(LEAST_CHUNK, min(most, size) // LEAST_CHUNK * LEAST_CHUNK)
