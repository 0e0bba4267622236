"""GeoPackage: a layer per record type with Chinese names, in longitude and latitude or in the chosen Gauss-Krüger zone.

A record without a position of its own lies where the point it belongs to lies; a column says which.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sync_server.export.cells import Unique, is_number, local
from sync_server.export.columns import Column, Row, Style
from sync_server.export.features import rings_of
from sync_server.export.grids import GEOGRAPHIC, WGS84, Grid, grids, name_of, wkt_of
from sync_server.export.layers import About, Layer
from sync_server.export.words import say
from sync_server.store.geopackage import GeoPackage, System

RESERVED = ("fid", "geom", "ogc_fid", "rowid")
SHAPES = {"Point": "POINT", "Polygon": "POLYGON", "Geometry": "GEOMETRY", None: None}
# the standard's own names; a time is text: as of UTC+8 where it is for people, else as stored with its offset
TYPES = {
    "text": "TEXT",
    "number": "REAL",
    "int": "INTEGER",
    "bool": "BOOLEAN",
    "date": "DATE",
    "time": "TEXT",
    "json": "TEXT",
}


def systems() -> list[System]:
    """Those every GeoPackage has, CGCS2000 and all its Gauss-Krüger zones."""
    own = [System(name_of(g), g.epsg, "EPSG", g.epsg, wkt_of(g)) for g in grids().values()]
    return [
        System("Undefined cartesian SRS", -1, "NONE", -1, "undefined"),
        System("Undefined geographic SRS", 0, "NONE", 0, "undefined"),
        System("WGS 84", 4326, "EPSG", 4326, WGS84),
        System(name_of(None), GEOGRAPHIC, "EPSG", GEOGRAPHIC, wkt_of(None)),
        *own,
    ]


class Placed:
    """Geometry as the standard's binary, and how far a layer reaches."""

    def __init__(self, grid: Grid | None) -> None:
        self._grid = grid
        self.extent: list[float] | None = None

    def __call__(self, at: Mapping[str, Any] | None) -> bytes | None:
        """None where there is no place, or none this zone can tell."""
        if at is None:
            return None
        srs = self._grid.epsg if self._grid else GEOGRAPHIC
        try:
            if "rings" in at:
                rings = [[self._xy(x, y) for x, y in ring] for ring in rings_of(at) or ()]
                return self._polygon(rings, srs) if rings else None
            if not (is_number(at.get("lon")) and is_number(at.get("lat"))):
                return None
            x, y = self._xy(str(at["lon"]), str(at["lat"]))
        except (ValueError, OverflowError):
            return None
        self._reach(((x, y),))
        return struct.pack("<2sBBi", b"GP", 0, 1, srs) + struct.pack("<BIdd", 1, 1, x, y)

    def _xy(self, lon: str, lat: str) -> tuple[float, float]:
        """East first, as the standard has it."""
        if self._grid is None:
            return float(lon), float(lat)
        north, east = self._grid.project(float(lon), float(lat))
        return east, north

    def _polygon(self, rings: list[list[tuple[float, float]]], srs: int) -> bytes:
        xs, ys = [x for x, _ in rings[0]], [y for _, y in rings[0]]
        box = (min(xs), max(xs), min(ys), max(ys))
        self._reach(((box[0], box[2]), (box[1], box[3])))
        head = struct.pack("<2sBBi4d", b"GP", 0, 3, srs, *box)  # 3: little endian, with the box
        body = [struct.pack("<BII", 1, 3, len(rings))]
        for ring in rings:
            body.append(struct.pack("<I", len(ring)) + b"".join(struct.pack("<dd", x, y) for x, y in ring))
        return head + b"".join(body)

    def _reach(self, corners: Sequence[tuple[float, float]]) -> None:
        e = self.extent or [corners[0][0], corners[0][1], corners[0][0], corners[0][1]]
        for x, y in corners:
            e = [min(e[0], x), min(e[1], y), max(e[2], x), max(e[3], y)]
        self.extent = e


def cell(kind: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if kind == "number":
        return float(value) if is_number(value) else str(value)
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else str(value)
    return local(value) if kind == "time" and isinstance(value, str) else str(value)


class GpkgWriter:
    def __init__(self, path: Path, style: Style) -> None:
        self.path, self.style, self.cut = path, style, 0
        self._file = GeoPackage(path, systems())
        self._names = Unique(("gpkg_contents", "gpkg_spatial_ref_sys", "gpkg_geometry_columns", "sqlite_sequence"))
        self._layers: list[tuple[str, Placed]] = []
        self._columns: list[Column] = []
        self._shape: str | None = None

    def begin(self, layer: Layer) -> None:
        self._columns, self._shape = layer.columns, layer.shape
        name = self._names(table_name(layer.title))
        kinds = [(c.head, TYPES[c.kind]) for c in layer.columns]
        self._file.add_layer(name, kinds, SHAPES[layer.shape], self.style.grid.epsg if self.style.grid else GEOGRAPHIC)
        self._layers.append((name, Placed(self.style.grid)))

    def write(self, rows: Sequence[Row]) -> None:
        placed = self._layers[-1][1]
        out = []
        for row in rows:
            cells = [cell(c.kind, c.of(row)) for c in self._columns]
            out.append([placed(row.at), *cells] if self._shape else cells)
        self._file.add(out)

    def close(self, about: About) -> None:
        told = "\n".join(f"{what}: {text}" for what, text in about.lines)
        for name, placed in self._layers:
            self._file.describe(name, told, placed.extent)
        lang = self.style.lang
        name = self._names(say(lang, "about"))
        self._file.add_layer(name, [(say(lang, "about_what"), "TEXT"), (say(lang, "about"), "TEXT")], None, 0)
        self._file.add([list(line) for line in about.lines])
        self._file.describe(name, told)
        self._file.close()

    def abandon(self) -> None:
        self._file.abandon()


def table_name(title: str) -> str:
    """Any text is a table's name but one that begins as those of the standard or of SQLite itself, or none."""
    plain = "".join(c for c in title if c.isprintable()).strip() or "_"
    return f"_{plain}" if plain.casefold().startswith(("gpkg_", "sqlite_", "rtree_")) else plain
