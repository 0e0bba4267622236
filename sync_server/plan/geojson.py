"""A GeoJSON FeatureCollection of points as a table: properties are columns, features are rows (RFC 7946)."""

from __future__ import annotations

import json
import re
from typing import Any

from schemas.problems import Trouble
from sync_server.plan import cells as limits
from sync_server.plan.cells import MAX_COLUMNS, Table, Words, too_many_columns, too_many_rows, unreadable
from sync_server.plan.columns import COLUMNS, DEGREES, METRES, PLAN, Kind, field_of, heading

# Of json.loads every bracket and comma can cost some hundred bytes: far above what 100,000 points with 50 properties need.
MAX_BRACKETS, MAX_COMMAS = 1_000_000, 6_000_000
POSITION = ("经度（geometry.coordinates[0]）", "纬度（geometry.coordinates[1]）")
SHAPE = ("几何（geometry）",)
MAX_CORNERS = 2000  # of one outline: what a tablet still draws and nobody walks
CRS84 = re.compile(r"(urn:ogc:def:crs:)?OGC:[\d.]*:?CRS84", re.IGNORECASE)  # WGS 84, longitude first
EPSG = re.compile(r"(urn:ogc:def:crs:)?EPSG:(?:[\d.]*:)?(\d{1,6})", re.IGNORECASE)


class Figure(str):
    """A number as it is written: no digit is lost or gained on the way."""

    __slots__ = ()


def read_geojson(text: str, encoding: str, kind: Kind = PLAN) -> Table:
    """Raises Trouble 4001 (not a FeatureCollection), 4002 (columns missing), 4007 (coordinate system)."""
    collection = _parsed(text)
    features = collection.get("features")
    if collection.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise unreadable("JSON 不是 FeatureCollection，导出为点的 GeoJSON",
                         "the JSON is no FeatureCollection: export points as GeoJSON")  # fmt: skip
    epsg = _epsg(collection)
    if len(features) > limits.MAX_ROWS:
        raise too_many_rows()
    properties = [p if isinstance(f, dict) and isinstance(p := f.get("properties"), dict) else {} for f in features]
    names = list(dict.fromkeys(name for each in properties for name in each))
    if len(names) > MAX_COLUMNS:
        raise too_many_columns()
    # The geometry is the position: coordinates among the properties are not read.
    ours = SHAPE if kind.shapes else POSITION
    geometry = {field_of(n, kind) for n in ours} | {*DEGREES, *METRES}
    kept = [n for n in names if field_of(n, kind) not in geometry]
    found = heading(0, 0, [*kept, *ours] if features else [COLUMNS["code"][0], *ours], kind)
    found.ignored.extend(n for n in names if n not in kept)
    rows, wrong = [], {}
    code = found.where.get(kind.key)
    for number, (feature, each) in enumerate(zip(features, properties, strict=True), 1):
        cells = [_cell(each.get(name), n == code) for n, name in enumerate(kept)]
        position: tuple[str, ...] | Words = outline_of(feature) if kind.shapes else _position(feature)
        if isinstance(position, Words):
            wrong[number, len(kept)] = position
            position = ("",) * len(ours)
        rows.append((number, [*cells, *position]))
    return Table(found.header, rows, encoding, found, "geojson", wrong, epsg=epsg)


def _parsed(text: str) -> dict[str, Any]:
    if text.count("{") + text.count("[") > MAX_BRACKETS or text.count(",") > MAX_COMMAS:
        raise unreadable("内容过多，不像是点位", "there is too much in it for points")
    try:
        found = json.loads(text.lstrip("\ufeff"), parse_float=Figure, parse_int=Figure, parse_constant=Figure,
                           object_pairs_hook=_once)  # fmt: skip
    except json.JSONDecodeError as err:
        raise unreadable(f"JSON 在第 {err.lineno} 行第 {err.colno} 个字处断了或写错",
                         f"the JSON is broken at line {err.lineno}, character {err.colno}") from err  # fmt: skip
    except RecursionError as err:
        raise unreadable("JSON 嵌套过深", "the JSON is nested too deeply") from err
    return found if isinstance(found, dict) else {}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a name given twice, which one is meant would be a guess."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)[:40]
        raise unreadable(f"同一对象里「{twice}」出现两次", f"“{twice}” stands twice in one object")
    return found


def _epsg(collection: dict[str, Any]) -> int:
    """4490 or 4326. A file that names none is taken as 4490: RFC 7946 says WGS 84, which lies within decimetres of it.
    Raises Trouble 4007."""
    if "crs" not in collection:
        return 4490
    crs = collection["crs"]
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    text = name.strip() if isinstance(name, str) else ""
    if CRS84.fullmatch(text):
        return 4326
    if (known := EPSG.fullmatch(text)) and known[2] in ("4490", "4326"):
        return int(known[2])
    shown = "".join(c if c.isprintable() else " " for c in text[:60])
    raise Trouble(4007, crs={"zh": shown or "没有写明", "en": shown or "not named"})


def _position(feature: Any) -> tuple[str, str] | Words:
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    if not isinstance(geometry, dict):
        return Words("没有几何坐标", "has no geometry", "补上点的坐标", "Give the point its position")
    kind, at = geometry.get("type"), geometry.get("coordinates")
    if kind == "MultiPoint" and isinstance(at, list) and len(at) == 1:  # what GIS programs make of a point layer
        kind, at = "Point", at[0]
    if kind != "Point":
        shown = str(kind)[:40]
        return Words(f"几何类型是 {shown}，不是 Point", f"the geometry is {shown}, not Point",
                     "只导出点图层", "Export the layer of points only")  # fmt: skip
    if not isinstance(at, list) or len(at) < 2 or not all(isinstance(c, Figure) for c in at[:2]):
        return Words("坐标不是 [经度, 纬度] 两个数", "the coordinates are not the two numbers [longitude, latitude]",
                     "重新导出坐标", "Export the coordinates again")  # fmt: skip
    return str(at[0]), str(at[1])


def outline_of(feature: Any) -> tuple[str] | Words:
    """A point or one polygon as well-known text; of a polygon in several pieces nobody could say which to go to."""
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    kind, at = (geometry.get("type"), geometry.get("coordinates")) if isinstance(geometry, dict) else (None, None)
    if kind == "MultiPolygon" and isinstance(at, list) and len(at) == 1:
        kind, at = "Polygon", at[0]
    if kind == "MultiPolygon":
        n = len(at) if isinstance(at, list) else 0
        return Words(
            f"图斑分成 {n} 块", f"the outline is in {n} pieces", f"拆成 {n} 个图斑", f"Split it into {n} features"
        )
    if kind != "Polygon":
        found = _position(feature)
        if isinstance(found, Words):
            if kind in (None, "Point", "MultiPoint"):
                return found
            return Words(found.zh.replace("不是 Point", "不是点或面"), found.en.replace("not Point", "neither a point nor a polygon"),
                         "只导出点或面图层", "Export layers of points or polygons only")  # fmt: skip
        return (f"POINT ({found[0]} {found[1]})",)
    rings = at if isinstance(at, list) else []
    corners = sum(len(r) for r in rings if isinstance(r, list))
    if corners > MAX_CORNERS:
        return Words(f"图斑有 {corners} 个拐点，最多 {MAX_CORNERS} 个", f"the outline has {corners} corners, at most {MAX_CORNERS}",
                     "简化边界后再导出", "Simplify it and export it again")  # fmt: skip
    if not rings or not all(
        isinstance(r, list)
        and all(isinstance(p, list) and len(p) >= 2 and all(isinstance(c, Figure) for c in p[:2]) for p in r)
        for r in rings
    ):
        return Words(
            "边界不是成对的坐标", "the outline is no pairs of numbers", "重新导出边界", "Export the outline again"
        )
    said = ", ".join("(" + ", ".join(f"{p[0]} {p[1]}" for p in r) + ")" for r in rings)
    return (f"POLYGON ({said})",)


def _cell(value: Any, is_code: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, Figure):  # a GIS writes the code 7 of a number column as 7.0
        return re.sub(r"\.0+$", "", value) if is_code else str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return ";".join(value)
    return json.dumps(value, ensure_ascii=False)
