"""CSV (RFC 4180, UTF-8 with byte order mark): one file, or a zip with one per record type.

Text always stands in quotes; text a spreadsheet would calculate gets a ' in front. Figures stay figures, negative ones too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sync_server.export.cells import calculates, is_number, local
from sync_server.export.columns import Column, Row, Style
from sync_server.export.layers import About, Layer
from sync_server.export.parts import BOM, Parts


def cell(kind: str, value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (kind == "number" and is_number(value)):
        return str(value)
    return quoted(local(value) if kind == "time" and isinstance(value, str) else str(value))


def quoted(text: str) -> str:
    harmless = f"'{text}" if calculates(text) else text
    return '"' + harmless.replace('"', '""') + '"'


def line(cells: Sequence[str]) -> bytes:
    return (",".join(cells) + "\r\n").encode("utf-8", "replace")


class CsvWriter:
    def __init__(self, path: Path, style: Style, several: bool) -> None:
        """`several`: record types; they come as a zip, with what the file is beside them."""
        self.path, self.style, self.cut = path, style, 0
        self._parts = Parts(path, several)
        self._columns: list[Column] = []

    def begin(self, layer: Layer) -> None:
        self._columns = layer.columns
        self._parts.begin(layer.title, ".csv")
        self._parts.write(BOM + line([quoted(c.head) for c in layer.columns]))

    def write(self, rows: Sequence[Row]) -> None:
        self._parts.write(b"".join(line([cell(c.kind, c.of(row)) for c in self._columns]) for row in rows))

    def close(self, about: About) -> None:
        self._parts.close(about, self.style.lang)

    def abandon(self) -> None:
        self._parts.abandon()
