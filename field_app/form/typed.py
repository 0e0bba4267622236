"""What is typed, as wire values. While somebody types nothing is turned into something else; when the box is left, and
when the record is finished, a date may be written in any of the ways people write it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from pydantic import BaseModel

from field_app.clock import CHINA
from schemas.fields import fields_of

_DAY = re.compile(r"(?:(\d{4})[-/.年])?(\d{1,2})[-/.月](\d{1,2})日?|(\d{4})(\d{2})(\d{2})", re.ASCII)
_HOUR = re.compile(r"(\d{1,2})[:时.]?(\d{2})分?(?:[:.](\d{2})(\.\d{1,6})?秒?)?\s*(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_INT = re.compile(r"-?\d{1,18}", re.ASCII)
_WHOLE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?\Z", re.ASCII)


def as_int(text: str) -> int | str | None:
    """A whole number; what is not one stays as typed, so that the check can name it."""
    text = unicodedata.normalize("NFKC", text).strip()
    return int(text) if _INT.fullmatch(text) else (text or None)


def as_decimal(text: str) -> str:
    """Digits as they were given; the marks a Chinese keyboard has in the place of the point are taken for it."""
    return unicodedata.normalize("NFKC", text).strip().replace(",", ".").replace("。", ".").replace("−", "-")


def _day(text: str, today: date | None) -> date | None:
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    year, month, day = (found[1], found[2], found[3]) if found[2] else (found[4], found[5], found[6])
    if year is None and today is None:
        return None
    try:
        return date(int(year) if year else today.year, int(month), int(day))  # type: ignore[union-attr]
    except ValueError:
        return None


def as_date(text: str, today: date | None = None) -> str | None:
    """2026-11-21, 20261121, 2026/11/21, 2026年11月21日, 11-21 (of this year). What is none stays as typed."""
    text = unicodedata.normalize("NFKC", text).strip()
    day = _day(text, today)
    return day.isoformat() if day else (text or None)


def as_time(text: str, before: Any = None, today: date | None = None) -> str | None:
    """ "2026-11-21 14:30" as wire time of China's zone, unless it names another; "14:30" alone is today's. What is none
    stays as typed. The same moment as `before` stays written as it was."""
    text = unicodedata.normalize("NFKC", text).strip()
    at = _moment(text, today)
    if at is None:
        return text or None
    if isinstance(before, str) and at == moment(before):
        return before
    return at.isoformat(timespec="microseconds" if at.microsecond else "seconds")


def _moment(text: str, today: date | None) -> datetime | None:
    first, _, rest = text.replace("T", " ").partition(" ")
    rest = rest.strip()
    day = _day(first, today)
    if day is None and today is not None:
        day, rest = today, text
    hour = _HOUR.fullmatch(rest)
    if day is None or hour is None:
        return None
    zone = CHINA if hour[5] is None else UTC if hour[5] == "Z" else _zone(hour[5])
    try:
        fraction = int(f"{hour[4] or '.0'}"[1:].ljust(6, "0"))
        return datetime.combine(day, time(int(hour[1]), int(hour[2]), int(hour[3] or 0), fraction), zone)
    except ValueError:
        return None


def _zone(text: str) -> timezone:
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))


def moment(value: Any) -> datetime | None:
    """A wire time; None for anything else."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo is not None else None


def typing_time(text: str, before: Any = None) -> str | None:
    """What is in the box while somebody types: a time only once it is all there, else the text itself."""
    return as_time(text, before) if _WHOLE.match(text) else (text or None)


def shown_time(value: Any) -> str:
    """A wire time as it is typed: without seconds where there are none, without zone where it is China's."""
    at = moment(value)
    if at is None:
        return str(value or "")
    text = at.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds" if at.microsecond else "seconds")
    text = text.removesuffix(":00") if not at.second and not at.microsecond else text
    return text if at.utcoffset() == CHINA.utcoffset(None) else text + at.isoformat()[-6:]


def settled(cls: type[BaseModel], values: Mapping[str, Any], today: date) -> dict[str, Any]:
    """A draft as a record: dates as they are written on the wire, figures without a last point, areas closed, nothing
    empty, nothing that belongs to the page alone."""
    known, out = fields_of(cls), {}
    for name, value in values.items():
        if name.startswith("_") or value in (None, "", [], {}):
            continue
        field = known.get(name)
        if field is not None and field.model is not None:
            model = field.model
            rows = [_value(model, r, today) for r in (value if isinstance(value, list) else [value])]
            rows = [r for r in rows if r]
            value = rows if isinstance(value, list) else (rows[0] if rows else None)
        elif field is not None and isinstance(value, str):
            if field.kind == "date":
                value = as_date(value, today)
            elif field.kind == "datetime":
                value = as_time(value, value, today) if moment(value) is None else value
            elif field.kind == "decimal":
                value = value.strip().removesuffix(".")
            elif not value.strip():
                value = None
        if value not in (None, "", [], {}):
            out[name] = value
    return out


def _value(model: type[BaseModel], row: Any, today: date) -> Any:
    if not isinstance(row, dict):
        return row
    if "rings" in fields_of(model):
        rings = [closed(r) for r in row.get("rings") or [] if r]
        return {**row, "rings": rings} if rings else None
    return settled(model, row, today)


def closed(ring: list[list[str]]) -> list[list[str]]:
    """A ring that ends where it began."""
    return [*ring, ring[0]] if ring and (len(ring) < 2 or ring[0] != ring[-1]) else list(ring)
