"""A route as it is typed or uploaded: GeoJSON, or a point a line. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas.record import Fault
from sync_server.service.planning import refused

MOST = 2000  # points, as GeoLine takes them
LONGEST = 1_000_000  # characters
_STEP = Decimal("0.0000001")  # 1 cm: more decimals say nothing
_SPLIT = re.compile(r"[\s,，;；\t]+")
Line = list[list[str]]


def route_of(text: str, field: str = "route") -> Line:
    """[lon, lat] as wire text, from the start to the end. Degrees, CGCS2000 or WGS 84 (they agree to centimetres).

    Raises Trouble 3001 with what is wrong, and in which line."""
    text = text.lstrip("\ufeff").strip()
    if len(text) > LONGEST:
        raise _no(field, "线路文件太大：最多 1 MB", "The route is too large: 1 MB at most")
    pairs = _of_json(text, field) if text[:1] in ("{", "[") else _of_lines(text, field)
    line: Line = []
    for n, (lon, lat) in enumerate(pairs, 1):
        if not (abs(lon) <= 180 and abs(lat) <= 90):
            raise _no(field, f"第 {n} 点 {lon}, {lat} 不是经纬度：经度在前，纬度在后，单位度",
                      f"Point {n}: {lon}, {lat} is no longitude and latitude; longitude first, in degrees")  # fmt: skip
        at = [f"{x.quantize(_STEP).normalize():f}" for x in (lon, lat)]
        if not line or line[-1] != at:
            line.append(at)
    if len(line) < 2:
        raise _no(field, "线路至少要两个不同的点", "A route needs two different points at least")
    if len(line) > MOST:
        raise _no(
            field,
            f"线路有 {len(line)} 个点，最多 {MOST} 个：抽稀后再传",
            f"The route has {len(line)} points, {MOST} at most: thin it out",
        )
    return line


def text_of(line: Sequence[Sequence[Any]] | None) -> str:
    """A point a line, as it can be typed again."""
    return "\n".join(f"{lon}, {lat}" for lon, lat in line or ())


def _of_lines(text: str, field: str) -> Iterable[tuple[Decimal, Decimal]]:
    for n, row in enumerate(text.splitlines(), 1):
        parts = [p for p in _SPLIT.split(row.strip()) if p]
        if not parts:
            continue
        pair = [_number(p) for p in parts[:2]]
        if len(parts) < 2 or None in pair:
            if n == 1:  # a head line
                continue
            zh = f"第 {n} 行「{row.strip()[:40]}」读不懂，写成 119.452316, 32.208745"
            raise _no(field, zh, f"Line {n}, “{row.strip()[:40]}”, cannot be read; write 119.452316, 32.208745")
        yield pair[0], pair[1]  # type: ignore[misc]


def _of_json(text: str, field: str) -> Iterable[tuple[Decimal, Decimal]]:
    try:
        said = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise _no(
            field, "GeoJSON 读不懂：文件不完整，或不是 JSON", "The GeoJSON cannot be read: cut off, or no JSON"
        ) from None
    found = _coordinates(said)
    if found is None:
        raise _no(field, "文件里没有线：要一条 LineString", "There is no line in the file: one LineString is wanted")
    out = []
    for n, at in enumerate(found, 1):
        ok = isinstance(at, list) and len(at) >= 2 and all(isinstance(x, Decimal) and x.is_finite() for x in at[:2])
        if not ok:
            raise _no(field, f"线上第 {n} 点不是坐标", f"Point {n} of the line is no position")
        out.append((at[0], at[1]))
    return out


def _coordinates(said: Any) -> list[Any] | None:
    """Of the first line in a geometry, feature or collection; several parts one after the other."""
    if isinstance(said, list):
        return said if said and isinstance(said[0], list) else None
    if not isinstance(said, dict):
        return None
    kind, inner = said.get("type"), said.get("coordinates")
    if kind == "LineString" and isinstance(inner, list):
        return inner
    if kind == "MultiLineString" and isinstance(inner, list) and all(isinstance(p, list) for p in inner):
        return [at for part in inner for at in part]
    if kind == "Feature":
        return _coordinates(said.get("geometry"))
    for many in ("features", "geometries"):
        if isinstance(said.get(many), list):
            return next((c for one in said[many] if (c := _coordinates(one)) is not None), None)
    return None


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() and len(text) < 40 else None


def _no(field: str, zh: str, en: str) -> Exception:
    return refused([Fault(field, zh, en)])
