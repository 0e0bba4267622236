"""What a request for features may ask for, read strictly. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from schemas.problems import Trouble
from schemas.rules.reconcile.terms import SHANGHAI

LIMIT, MOST = 1000, 10_000  # features a page, where nothing is asked for, and at most
KNOWN = frozenset({"bbox", "bbox-crs", "datetime", "limit", "after", "f", "crs"})
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_FROM, _TO = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Box(NamedTuple):
    """Degrees. `west` > `east` where it spans the date line."""

    west: float
    south: float
    east: float
    north: float

    def meets(self, other: Box) -> bool:
        if other.south > self.north or other.north < self.south:
            return False
        if self.west <= self.east:
            return other.west <= self.east and other.east >= self.west
        return other.east >= self.west or other.west <= self.east


class Span(NamedTuple):
    """From and to, both belonging to it."""

    first: datetime
    last: datetime

    def meets(self, other: Span) -> bool:
        return self.first <= other.last and other.first <= self.last


class Asked(NamedTuple):
    box: Box | None
    span: Span | None
    limit: int
    after: int


def asked(params: Mapping[str, str], also: frozenset[str] = frozenset()) -> Asked:
    """The query of an items request. Raises Trouble 1010 for a parameter there is none of, 1011 for a value that is not one."""
    known = KNOWN | also
    for name in params:
        if name not in known:
            raise Trouble(1010, name=name[:60], known=", ".join(sorted(known)))
    if params.get("f", "json") not in ("json", "geojson"):
        raise _wrong("f", params["f"], "json")
    for name in ("crs", "bbox-crs"):
        if params.get(name, CRS84) != CRS84:
            raise _wrong(name, params[name], CRS84)
    return Asked(
        _box(params["bbox"]) if "bbox" in params else None,
        span(params["datetime"]) if "datetime" in params else None,
        min(_number("limit", params["limit"], 1), MOST) if "limit" in params else LIMIT,
        _number("after", params["after"], 0) if "after" in params else 0,
    )


def _wrong(name: str, value: str, wanted: str) -> Trouble:
    return Trouble(1011, name=name, value=value[:60], wanted=wanted)


def _number(name: str, text: str, least: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19) or int(text) < least:
        raise _wrong(name, text, f"≥ {least}")
    return int(text)


def _box(text: str) -> Box:
    """Four numbers, or six with heights, which are not looked at."""
    form = "west,south,east,north"
    try:
        parts = [float(p) for p in text.split(",")]
    except ValueError:
        raise _wrong("bbox", text, form) from None
    if len(parts) == 6:
        parts = [*parts[:2], *parts[3:5]]
    if len(parts) != 4 or not all(-1e6 < p < 1e6 for p in parts) or parts[1] > parts[3]:
        raise _wrong("bbox", text, form)
    return Box(*parts)


def span(text: str) -> Span:
    """An instant, or an interval `a/b` with an open end as `..` or nothing (RFC 3339). A bare date is the whole day in Shanghai."""
    first, slash, last = text.partition("/")
    try:
        if not slash:
            return _instant(first)
        found = Span(
            _FROM if first in ("", "..") else _instant(first).first, _TO if last in ("", "..") else _instant(last).last
        )
    except (ValueError, OverflowError):
        found = None
    if found is None or found.first > found.last or (first in ("", "..") and last in ("", "..")):
        raise _wrong("datetime", text, "2026-11-01T00:00:00Z, 2026-11-01/2026-11-30, ../2026-11-30")
    return found


def _instant(text: str) -> Span:
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            start = datetime.combine(day, time(), SHANGHAI)
            return Span(start, start + timedelta(days=1, microseconds=-1))
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError
    except ValueError:
        raise _wrong("datetime", text, "2026-11-01T00:00:00Z, 2026-11-01") from None
    return Span(at, at)
