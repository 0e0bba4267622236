"""What every writer of records is given, layer by layer: a record type with its columns, its rows in pages, and at the end what the file is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from sync_server.export.columns import Column, Row, Style


class Layer(NamedTuple):
    """One record type. `shape`: Point, Polygon or Geometry of map data; None for a plain table."""

    type: str
    title: str
    columns: list[Column]
    shape: str | None = None


class About(NamedTuple):
    """What a person is told about a file, in the file: (what, text) in order."""

    lines: list[tuple[str, str]]


class Writer(Protocol):
    """Writes one file. Holds no more than a page of rows. OSError and Trouble 1102 where there is no room."""

    path: Path
    style: Style
    cut: int  # cells that had to be cut

    def begin(self, layer: Layer) -> None: ...

    def write(self, rows: Sequence[Row]) -> None: ...

    def close(self, about: About) -> None:
        """The file is whole when this returns."""

    def abandon(self) -> None:
        """Let go of everything; what lies there is of no use. Never raises."""
