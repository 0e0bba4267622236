"""One export, from the wish to a whole file with its hash. Rows are read in pages, written, and forgotten."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from schemas.rows import refs_of
from sync_server.blobs.files import PIECE, Files
from sync_server.export.cells import is_number
from sync_server.export.columns import Row, columns_of
from sync_server.export.csv_file import CsvWriter
from sync_server.export.features import shape_of
from sync_server.export.geojson import GeoJsonWriter
from sync_server.export.gpkg import RESERVED, GpkgWriter
from sync_server.export.grids import Grid
from sync_server.export.layers import Layer, Writer
from sync_server.export.photos import PhotosWriter, Shot
from sync_server.export.telling import Counts, about, type_label
from sync_server.export.wish import Wish
from sync_server.export.workbook import XlsxWriter
from sync_server.store import Stored
from sync_server.store.engine import room_on_disk, to_disk
from sync_server.store.lists import Query

PAGE = 500
WORK = ".making"  # how the folder of a file that is being made ends
COUNTED = 2**40  # rows are counted to the last for the progress


class Located(Protocol):
    """A record and where it lies, as the service finds it."""

    @property
    def row(self) -> Stored: ...
    @property
    def at(self) -> Mapping[str, Any] | None: ...
    @property
    def own(self) -> bool: ...


class Source(Protocol):
    """What rows, names and photos come from: the service."""

    def walk(self, query: Query, size: int = PAGE) -> Iterator[list[Stored]]: ...
    def counted(self, query: Query, most: int = COUNTED) -> int: ...
    def names_of(self, ids: Collection[str], scopes: Collection[str]) -> dict[str, str]: ...
    def located(self, type: str, rows: Sequence[Stored], scopes: Collection[str]) -> Sequence[Located]: ...
    def shots(self, rows: Sequence[Stored], scopes: Collection[str]) -> list[Shot]: ...


class Order(NamedTuple):
    """A wish with all that is known of it when it is made. `scopes`: scope → audience of what may be read just now."""

    wish: Wish
    project: str  # code and name, for the file
    scopes: Mapping[str, str]
    who: str
    when: str  # ISO


class Made(NamedTuple):
    path: Path
    size: int
    sha256: str
    counts: Counts


class Cancelled(Exception):
    """Nobody wants it any more."""


Tell = Callable[[int], None]  # rows so far; may raise Cancelled


def expected(source: Source, order: Order) -> int:
    """How many rows it will have, about: records come in while it is made."""
    return sum(source.counted(q, COUNTED) for t in order.wish.chosen for q in order.wish.queries(t, order.scopes))


def make(source: Source, files: Files | None, order: Order, out: Path, tell: Tell) -> Made:
    """Write the file and bring it to its name, in the place of one that is there. Whatever goes wrong, nothing is left of it, and what
    was there stays.

    Raises Trouble 1102 where there is no room, Cancelled when `tell` does."""
    work = out.with_name(f"{out.name}.{secrets.token_hex(4)}{WORK}")
    try:
        with room_on_disk():
            work.mkdir(parents=True)
            made = _make(source, files, order, work / "file", work, tell)
            to_disk(made.path)
            os.replace(made.path, out)
            to_disk(out.parent)
        return made._replace(path=out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _make(source: Source, files: Files | None, order: Order, path: Path, work: Path, tell: Tell) -> Made:
    task = _Task(source, order, tell)
    counts = task.photos(path, files, work) if order.wish.format == "photos" else task.records(path, work)
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            whole.update(piece)
    return Made(path, path.stat().st_size, whole.hexdigest(), counts)


class _Task:
    def __init__(self, source: Source, order: Order, tell: Tell) -> None:
        self._source, self._order, self._tell = source, order, tell
        self._wish, self._ids = order.wish, list(order.scopes)
        self._n = self._outside = self._untold = 0

    def records(self, path: Path, work: Path) -> Counts:
        wish = self._wish
        writer = _writer(wish, path, work)
        try:
            rows: dict[str, int] = {}
            for type in wish.chosen:
                queries = wish.queries(type, self._order.scopes)
                # of a whole project only what there is: a table of nothing says nothing; one that was asked for stands empty
                if queries and (wish.types or any(self._source.counted(q, 1) for q in queries)):
                    rows[type] = self._layer(writer, type, queries)
            counts = Counts(rows, self._outside, self._untold, writer.cut)
            writer.close(self._about(counts))
            return counts._replace(cut=writer.cut)
        except BaseException:
            writer.abandon()
            raise

    def _layer(self, writer: Writer, type: str, queries: Sequence[Query]) -> int:
        style, mapped, n = self._wish.style, self._wish.format in ("geojson", "gpkg"), 0
        columns = columns_of(type, style, mapped, RESERVED if mapped else ())
        shape = shape_of(type) if mapped else None
        writer.begin(Layer(type, type_label(type, style.lang) if style.labels else type, columns, shape))
        for query in queries:
            for page in self._source.walk(query, PAGE):
                rows = self._rows(type, page, mapped)
                self._watch(type, rows)
                writer.write(rows)
                n += len(rows)
                self._count(len(rows))
        return n

    def _rows(self, type: str, page: Sequence[Stored], mapped: bool) -> list[Row]:
        wanted = {id for r in page for _, id in refs_of(type, r.values)}
        names = self._source.names_of(wanted, self._ids) if self._wish.style.labels and wanted else {}
        if mapped:
            return [Row(one.row, names, one.at, one.own) for one in self._source.located(type, page, self._ids)]
        return [Row(r, names) for r in page]

    def _watch(self, type: str, rows: Sequence[Row]) -> None:
        """Count the positions for which the chosen zone is no good."""
        grid = self._wish.style.grid
        if grid is None:
            return
        for row in rows:
            for value in row.stored.values.values():
                if isinstance(value, dict) and is_number(value.get("lon")) and is_number(value.get("lat")):
                    off, no_use = judged(grid, value["lon"], value["lat"])
                    self._outside += off
                    self._untold += no_use

    def _count(self, more: int) -> None:
        self._n += more
        self._tell(self._n)

    def _about(self, counts: Counts) -> Any:
        query = self._wish.query
        names = self._source.names_of([c.value for c in query.where], self._ids) if query else {}
        return about(self._wish, self._order.project, self._order.who, self._order.when, counts, names)

    def photos(self, path: Path, files: Files | None, work: Path) -> Counts:
        if files is None:
            raise ValueError("no place where photos lie")
        writer, n = PhotosWriter(path, self._wish.style, files, work), 0
        try:
            for query in self._wish.queries("photo", self._order.scopes):
                for page in self._source.walk(query, PAGE):
                    for shot in self._source.shots(page, self._ids):
                        writer.write([shot])
                        self._count(1)
                        n += 1
            counts = Counts({"photo": n}, missing=writer.missing, damaged=writer.damaged)
            writer.close(self._about(counts))
            return counts
        except BaseException:
            writer.abandon()
            raise


def judged(grid: Grid, lon: str, lat: str) -> tuple[bool, bool]:
    """(outside the zone, so far off that it says nothing)"""
    no_use = grid.digits(lon, lat) is None
    return not no_use and grid.outside(float(lon)), no_use


def _writer(wish: Wish, path: Path, work: Path) -> Writer:
    if wish.format == "xlsx":
        return XlsxWriter(path, wish.style, work)
    if wish.format == "csv":
        return CsvWriter(path, wish.style, wish.several)
    if wish.format == "geojson":
        return GeoJsonWriter(path, wish.style, wish.several)
    return GpkgWriter(path, wish.style)
