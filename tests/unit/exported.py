"""Rows to export and the writers to do it with, for the tests of the files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sync_server.export.columns import Row, Style, columns_of
from sync_server.export.csv_file import CsvWriter
from sync_server.export.features import place_of, shape_of
from sync_server.export.geojson import GeoJsonWriter
from sync_server.export.gpkg import RESERVED, GpkgWriter
from sync_server.export.layers import About, Layer, Writer
from sync_server.export.workbook import MOST_ROWS, XlsxWriter
from sync_server.store import Stored

AT = "2026-11-21T10:00:00+08:00"
ABOUT = About([("项目", "HX 地块"), ("行数", "1")])
SCOPE = "p.field"


def id_of(n: int) -> str:
    return f"00000000-0000-7000-8000-{n:012d}"


def point(n: int = 1, lon: str = "119.4520000", lat: str = "32.2087000", **more: Any) -> Stored:
    fix = {"lon": lon, "lat": lat, "h_acc_m": "0.02", "fix_kind": "rtk_fixed", "at": AT}
    return Stored(
        "point",
        id_of(n),
        SCOPE,
        n,
        {"code": f"S{n:02d}", "site_id": id_of(9), "position": fix, "started_at": AT, **more},
    )


def rows_of(type: str, stored: Sequence[Stored], names: dict[str, str] | None = None) -> list[Row]:
    return [Row(s, names or {}, place_of(type, s.values)) for s in stored]


def writer(format: str, folder: Path, style: Style, several: bool = False, most: int = MOST_ROWS) -> Writer:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"made.{'zip' if several and format in ('csv', 'geojson') else format}"
    if format == "xlsx":
        return XlsxWriter(path, style, folder, most)
    if format == "csv":
        return CsvWriter(path, style, several)
    return GeoJsonWriter(path, style, several) if format == "geojson" else GpkgWriter(path, style)


def layer(type: str, format: str, style: Style, title: str = "") -> Layer:
    mapped = format in ("geojson", "gpkg")
    return Layer(
        type,
        title or type,
        columns_of(type, style, mapped, RESERVED if mapped else ()),
        shape_of(type) if mapped else None,
    )


def written(
    format: str, folder: Path, type: str, rows: Sequence[Row], style: Style | None = None, title: str = "", about: About = ABOUT,
    most: int = MOST_ROWS,
) -> Path:  # fmt: skip
    style = style or Style()
    made = writer(format, folder, style, most=most)
    made.begin(layer(type, format, style, title))
    for some in paged(rows):
        made.write(some)
    made.close(about)
    return made.path


def paged(rows: Sequence[Row], size: int = 500) -> Iterator[Sequence[Row]]:
    for n in range(0, len(rows), size):
        yield rows[n : n + size]
