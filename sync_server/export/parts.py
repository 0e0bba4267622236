"""One file, or a zip of several: what CSV and GeoJSON have in common."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from sync_server.export.cells import Unique, file_name
from sync_server.export.layers import About
from sync_server.export.words import say

BOM = b"\xef\xbb\xbf"
WHEN = (1980, 1, 1, 0, 0, 0)  # what a zip says for "no time"


class Parts:
    def __init__(self, path: Path, several: bool) -> None:
        self._file: IO[bytes] = path.open("wb")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) if several else None
        self._into: IO[bytes] = self._file
        self._names = Unique()

    @property
    def several(self) -> bool:
        return self._zip is not None

    def begin(self, title: str, ending: str) -> None:
        """The next file of the zip, called by its title."""
        if self._zip is not None:
            self._end()
            self._into = self._zip.open(_entry(self._names(file_name(title)) + ending), "w", force_zip64=True)

    def write(self, data: bytes) -> None:
        self._into.write(data)

    def close(self, about: About, lang: str) -> None:
        """What the file is stands beside the others, where there are several."""
        if self._zip is not None:
            self._end()
            title = self._names(file_name(say(lang, "about")))
            self._zip.writestr(_entry(f"{title}.txt"), BOM + as_text(about).encode("utf-8", "replace"))
            self._zip.close()
        self._file.close()

    def _end(self) -> None:
        if self._into is not self._file:
            self._into.close()
            self._into = self._file

    def abandon(self) -> None:
        for part in (self._into, self._zip, self._file):
            with suppress(Exception):
                if part is not None:
                    part.close()


def _entry(name: str) -> zipfile.ZipInfo:
    """Made on a system that knows no other letters than Unicode's, readable by everybody."""
    info = zipfile.ZipInfo(name, WHEN)
    info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
    return info


def as_text(about: About) -> str:
    return "".join(f"{what}: {text}\r\n" for what, text in about.lines)
