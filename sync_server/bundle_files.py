"""What a rescue bundle holds beside signed changes: photos on their way to the server's others; and, laid into a folder for people,
drafts, photos nobody could take in, the report.

A file is whole when it has its name; all of them may be read by the server's user only.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from schemas import canonical
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.rules.bundle import DraftFrame, PhotoFrame
from sync_server.store.engine import to_disk


def values_of(payload: bytes) -> dict[str, Any]:
    try:
        found = canonical.loads(payload)
    except canonical.NotCanonical:
        return {}
    return found if isinstance(found, dict) else {}


class Drafts:
    """drafts.json, one after the other: a list, whole when it has its name."""

    def __init__(self, path: Path) -> None:
        self._path, self._temp, self._count = path, path.with_name(f"{path.name}.new"), 0

    def __enter__(self) -> Drafts:
        with room():
            self._file = _fresh(self._temp)
            self._file.write(b"[")
        return self

    def add(self, draft: DraftFrame, payload: bytes, signed: bool) -> None:
        about = TYPES[draft.type].about if draft.type in TYPES else None
        entry = {
            "draft": True, "attested": signed, **draft.model_dump(), "type_zh": about.zh if about else "",
            "type_en": about.en if about else "", "values": values_of(payload),
        }  # fmt: skip
        with room():
            self._file.write((b",\n" if self._count else b"\n") + json.dumps(entry, ensure_ascii=False).encode())
        self._count += 1

    def __exit__(self, kind: object, *_: object) -> None:
        with room():
            try:
                if kind is None:
                    self._file.write(b"\n]\n")
                    self._file.flush()
                    os.fsync(self._file.fileno())
                    self._file.close()
                    os.replace(self._temp, self._path)
                    to_disk(self._path.parent)
            finally:
                self._file.close()
                self._temp.unlink(missing_ok=True)


def unpacked(temp: Path, photo: PhotoFrame, pieces: Iterator[bytes]) -> bool:
    """Write a photo out; True if its bytes are what it is named after."""
    with room():
        found = sha256()
        with _fresh(temp) as file:
            for piece in pieces:
                found.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        return found.hexdigest() == photo.sha256 == photo.name.partition(".")[0]


def lay_beside(temp: Path, place: Path) -> None:
    """A photo that stays a file beside the report; `temp` may be on another disk."""
    with room():
        place.parent.mkdir(mode=0o700, exist_ok=True)
        half = place.with_name(f"{place.name}.new")
        try:
            shutil.copyfile(temp, half)
            half.chmod(0o600)
            to_disk(half)
            os.replace(half, place)
            to_disk(place.parent)
        finally:
            half.unlink(missing_ok=True)


def write(path: Path, data: bytes) -> None:
    temp = path.with_name(f"{path.name}.new")
    try:
        with _fresh(temp) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temp, path)
        to_disk(path.parent)
    finally:
        temp.unlink(missing_ok=True)


def _fresh(path: Path) -> IO[bytes]:
    """Readable by the server's user only: drafts hold what people wrote."""
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


@contextmanager
def room() -> Iterator[None]:
    """Raises Trouble 4304 where the disk takes no more."""
    try:
        yield
    except OSError as err:
        if err.errno in (ENOSPC, EDQUOT, EFBIG):
            raise Trouble(4304) from err
        raise
