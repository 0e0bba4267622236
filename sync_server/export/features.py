"""Records as GeoJSON features (RFC 7946): geometry in CGCS2000 longitude and latitude, properties as the columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Literal

from schemas.fields import fields_of
from schemas.records import TYPES
from sync_server.export.cells import is_number, local
from sync_server.export.columns import Column, Heads, Row, Style, columns_of
from sync_server.export.grids import grid_of
from sync_server.store import Stored

Shape = Literal["Point", "Polygon", "Geometry"]
Values = Mapping[str, Any]


@cache
def geometry_fields(type: str) -> tuple[str, ...]:
    """Fields that say where a record of this type lies; the first that is given counts."""
    return tuple(n for n, f in fields_of(TYPES[type]).items() if f.spec.widget in ("position", "polygon"))


# what leads from a record without a position to the point it belongs to, the nearest first
LEADING = ("sample_id", "qc_sample_id", "borehole_id", "point_id", "planned_point_id", "finding_id", "inspection_id", "manifest_id",
           "subject_id")  # fmt: skip


@cache
def shape_of(type: str) -> Shape | None:
    """What kind of geometry a layer of this type holds; None where its records lie nowhere."""
    known = fields_of(TYPES[type])
    kinds = {known[n].spec.widget for n in geometry_fields(type)}
    if not kinds:
        return "Point" if known.keys() & set(LEADING) else None
    return "Geometry" if len(kinds) > 1 else "Polygon" if kinds == {"polygon"} else "Point"


def place_of(type: str, values: Values) -> Mapping[str, Any] | None:
    """The record's own position or polygon, as it stands in the record."""
    found = (values.get(n) for n in geometry_fields(type))
    return next((v for v in found if isinstance(v, dict) and v), None)


def geometry_of(type: str, values: Values, exact: bool = False) -> dict[str, Any] | None:
    """GeoJSON geometry of a record's own place; None without one. `exact`: numbers as Decimal, with the digits they were given."""
    return geometry(place_of(type, values), exact)


def geometry(at: Mapping[str, Any] | None, exact: bool = False) -> dict[str, Any] | None:
    """Of a position or polygon as a record holds it; None for what is neither. Outer rings run against the clock, holes with it."""
    if at is None:
        return None
    if "rings" in at:
        rings = rings_of(at)
        if rings is None:
            return None
        turned = [_turned(ring, n == 0) for n, ring in enumerate(rings)]
        return {"type": "Polygon", "coordinates": [[_pair(p, exact) for p in ring] for ring in turned]}
    lon, lat = at.get("lon"), at.get("lat")
    if not (is_number(lon) and is_number(lat)):
        return None
    return {"type": "Point", "coordinates": _pair((str(lon), str(lat)), exact)}


def rings_of(at: Mapping[str, Any]) -> list[list[tuple[str, str]]] | None:
    """Closed rings of (lon, lat) as text; None for what cannot be drawn."""
    try:
        rings = [[(p[0], p[1]) for p in ring] for ring in at["rings"]]
    except (TypeError, KeyError, IndexError):
        return None
    if not rings or any(
        len(r) < 4 or r[0] != r[-1] or not all(is_number(x) and is_number(y) for x, y in r) for r in rings
    ):
        return None
    return rings


def _turned(ring: Sequence[tuple[str, str]], outer: bool) -> Sequence[tuple[str, str]]:
    xy = [(float(x), float(y)) for x, y in ring]
    x0, y0 = xy[0]  # near the ring: nothing is lost in the difference of large products
    twice = sum((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0) for (x1, y1), (x2, y2) in zip(xy, xy[1:], strict=False))
    return ring if (twice > 0) == outer or twice == 0 else list(reversed(ring))


def _pair(p: tuple[str, str], exact: bool) -> list[Any]:
    return [Decimal(p[0]), Decimal(p[1])] if exact else [float(p[0]), float(p[1])]


def feature(
    type: str, stored: Stored, names: Mapping[str, str], lang: str = "zh", crs: int | None = None, heads: Heads = "labels",
    exact: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """One record. `crs`: EPSG of a Gauss-Krüger zone whose X and Y are wanted as properties too; ValueError for one there is not."""
    columns = columns_of(type, Style(heads, lang, grid_of(crs)))
    return feature_of(Row(stored, names, place_of(type, stored.values)), columns, exact)


def feature_of(row: Row, columns: Sequence[Column], exact: bool = False) -> dict[str, Any]:
    number: Callable[[str], Any] = Decimal if exact else float
    told = {c.head: _property(c, row, number) for c in columns}
    return {"type": "Feature", "id": row.stored.id, "geometry": geometry(row.at, exact), "properties": told}


def _property(column: Column, row: Row, number: Callable[[str], Any]) -> Any:
    value = column.of(row)
    if column.kind == "number" and is_number(value):
        return number(value)
    if column.kind == "time" and isinstance(value, str):
        return local(value)
    return value
