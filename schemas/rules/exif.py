"""What a picture file says of itself: when, where, by which camera; and what this app writes into its own pictures.

Pure: each side opens the picture with Pillow and hands over its tag tables (`facts_of`). Whatever is damaged, absurd or of
another type than the standard asks for (Exif 2.32 / CIPA DC-008) is left out; nothing here raises.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, timezone
from fractions import Fraction
from typing import Any, NamedTuple

# main tags
MAKE, MODEL, ORIENTATION, SOFTWARE, EXIF_IFD, GPS_IFD = 0x010F, 0x0110, 0x0112, 0x0131, 0x8769, 0x8825
# of the Exif table
DATE_TIME_ORIGINAL, OFFSET_TIME_ORIGINAL, SUBSEC_ORIGINAL = 0x9003, 0x9011, 0x9291
USER_COMMENT, WIDTH, HEIGHT = 0x9286, 0xA002, 0xA003
# of the GPS table
LAT_REF, LAT, LON_REF, LON, ALT_REF, ALT, TIME_STAMP = 1, 2, 3, 4, 5, 6, 7
IMG_DIRECTION_REF, IMG_DIRECTION, DATE_STAMP, POSITIONING_ERROR = 16, 17, 29, 31

CHINA = timezone(timedelta(hours=8))
MARK = "jingtu"  # key of this app's own JSON in UserComment; its value is the form's number
_ASCII = b"ASCII\0\0\0"
_MOST_TEXT = 200


class Facts(NamedTuple):
    """What a file says. Degrees on WGS 84, metres, degrees clockwise from true north. `taken_at` without an offset of its own
    is taken for Chinese time. `device`, `project` and `point` are codes that this app wrote."""

    taken_at: datetime | None = None
    gps_at: datetime | None = None
    longitude: float | None = None
    latitude: float | None = None
    altitude_m: float | None = None
    accuracy_m: float | None = None
    bearing_deg: float | None = None
    orientation: int | None = None
    camera: str | None = None
    software: str | None = None
    width: int | None = None
    height: int | None = None
    device: str | None = None
    project: str | None = None
    point: str | None = None


def facts_of(main: Mapping[int, Any], exif: Mapping[int, Any], gps: Mapping[int, Any]) -> Facts:
    """From the three tag tables of a picture, as Pillow gives them (text, bytes, whole numbers, fractions, tuples)."""
    lon = _angle(gps.get(LON), gps.get(LON_REF), "E", "W", 180)
    lat = _angle(gps.get(LAT), gps.get(LAT_REF), "N", "S", 90)
    if lon is None or lat is None or (lon == 0 and lat == 0):  # nought, nought is how a receiver says that it has none
        lon = lat = None
    height = _number(gps.get(ALT))
    if height is not None and _whole(gps.get(ALT_REF)) in (1, 3):
        height = -height
    orientation = _whole(main.get(ORIENTATION))
    names = [name for tag in (MAKE, MODEL) if (name := _text(main.get(tag)))]
    if len(names) == 2 and names[1].lower().startswith(names[0].lower()):
        del names[0]
    own = own_of(exif.get(USER_COMMENT))
    return Facts(
        taken_at=_taken(exif),
        gps_at=_gps_time(gps),
        longitude=lon,
        latitude=lat,
        altitude_m=_within(height, -12_000, 100_000),
        accuracy_m=_within(_number(gps.get(POSITIONING_ERROR)), 0, 10_000),
        bearing_deg=_bearing(gps),
        orientation=orientation if orientation in range(1, 9) else None,
        camera=" ".join(names)[:_MOST_TEXT] or None,
        software=_text(main.get(SOFTWARE)),
        width=_size(exif.get(WIDTH)),
        height=_size(exif.get(HEIGHT)),
        device=own.get("device"),
        project=own.get("project"),
        point=own.get("point"),
    )


def as_json(facts: Facts) -> dict[str, Any]:
    """Without what is not there; times as text with their offset."""
    out: dict[str, Any] = {}
    for name, value in facts._asdict().items():
        if isinstance(value, datetime):
            out[name] = value.isoformat()
        elif isinstance(value, float):
            out[name] = round(value, 7 if name in ("longitude", "latitude") else 2)
        elif value is not None:
            out[name] = value
    return out


def comment_of(own: Mapping[str, Any]) -> bytes:
    """This app's own facts as a UserComment: ASCII JSON, so that no reader can mistake its byte order."""
    text = json.dumps({MARK: 1, **own}, ensure_ascii=True, separators=(",", ":"))
    return _ASCII + text.encode("ascii")


def own_of(value: Any) -> dict[str, str]:
    """The short texts of this app's own UserComment; {} where it is not ours. Anybody can write such a comment: a claim."""
    raw = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if not isinstance(raw, bytes) or len(raw) > 4000:
        return {}
    try:
        found = json.loads(raw.removeprefix(_ASCII).strip(b"\0 "))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or MARK not in found:
        return {}
    return {k: t for k, v in found.items() if isinstance(k, str) and (t := _text(v)) is not None}


# --- times ------------------------------------------------------------------------------------------------------------


def _taken(exif: Mapping[int, Any]) -> datetime | None:
    text = _text(exif.get(DATE_TIME_ORIGINAL))
    try:
        at = datetime.strptime(text or "", "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
        return _sound(at.replace(tzinfo=_zone(_text(exif.get(OFFSET_TIME_ORIGINAL)))))
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> timezone:
    try:
        offset = datetime.strptime(text or "", "%z").utcoffset()
    except ValueError:
        offset = None
    return CHINA if offset is None or abs(offset) > timedelta(hours=14) else timezone(offset)


def _gps_time(gps: Mapping[int, Any]) -> datetime | None:
    """UTC. Receivers write the parts as three numbers, the last with its fraction."""
    parts = gps.get(TIME_STAMP)
    if not isinstance(parts, (tuple, list)) or len(parts) != 3:
        return None
    numbers = [_number(p) for p in parts]
    if any(n is None or not 0 <= n < 61 for n in numbers):
        return None
    hour, minute, second = (float(n or 0) for n in numbers)
    try:
        day = datetime.strptime(_text(gps.get(DATE_STAMP)) or "", "%Y:%m:%d").date()  # noqa: DTZ007
        at = datetime.combine(day, time(int(hour), int(minute), tzinfo=UTC)) + timedelta(seconds=int(second))
        return _sound(at)
    except (ValueError, OverflowError):
        return None


def _sound(at: datetime) -> datetime | None:
    """A clock that was never set says 1970 or 2000."""
    return at if 2001 <= at.year <= 2100 else None


# --- values -----------------------------------------------------------------------------------------------------------


def _angle(parts: Any, ref: Any, plus: str, minus: str, most: int) -> float | None:
    """Degrees, minutes, seconds and a letter."""
    letter = (_text(ref) or "").upper()
    if letter not in (plus, minus) or not isinstance(parts, (tuple, list)) or not 1 <= len(parts) <= 3:
        return None
    numbers = [_number(p) for p in parts]
    if any(n is None or n < 0 for n in numbers):
        return None
    degrees = sum(float(n or 0) / 60**i for i, n in enumerate(numbers))
    found = _within(degrees, 0, most)
    return None if found is None else -found if letter == minus else found


def _bearing(gps: Mapping[int, Any]) -> float | None:
    """Magnetic bearings are left out: nobody here knows the declination."""
    if (_text(gps.get(IMG_DIRECTION_REF)) or "T").upper() != "T":
        return None
    found = _within(_number(gps.get(IMG_DIRECTION)), 0, 360)
    return None if found is None else found % 360


def _number(value: Any) -> float | None:
    """A fraction, a number, or nothing (Pillow gives a fraction over nought as not a number)."""
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, (bool, str, bytes)):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return found if math.isfinite(found) else None


def _whole(value: Any) -> int | None:
    if isinstance(value, bytes) and len(value) == 1:
        return value[0]
    found = _number(value)
    return int(found) if found is not None and found == int(found) and abs(found) < 2**31 else None


def _size(value: Any) -> int | None:
    found = _whole(value)
    return found if found is not None and 0 < found < 1_000_000 else None


def _within(value: float | None, low: float, high: float) -> float | None:
    return value if value is not None and low <= value <= high else None


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value[: 4 * _MOST_TEXT].decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    text = "".join(c for c in value.split("\0", 1)[0] if c.isprintable()).strip()
    return text[:_MOST_TEXT] or None


def ratio(value: float, parts: int) -> tuple[int, int]:
    """A number as an Exif fraction of so many parts. Raises ValueError below nought."""
    found = Fraction(round(value * parts), parts)
    if found < 0:
        raise ValueError("an Exif fraction has no sign")
    return found.numerator, found.denominator


__all__ = ["MARK", "Facts", "as_json", "comment_of", "facts_of", "own_of", "ratio"]
