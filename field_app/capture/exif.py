"""Our own photos get what the tablet knew when they were taken, before they are hashed; files from elsewhere are only read.

`with_exif` puts a fresh Exif block (made by piexif) into a JPEG of this app's own camera. What the camera wrote itself is
read with Pillow, and of it only plain, sound tags are kept: its maker's notes and its small picture go, since both hold
offsets that would be wrong afterwards. Every byte from the first scan on stays as it was, and so does every other segment.

`read` is for any picture: by Pillow, never by piexif, which believes every length it finds.
"""

from __future__ import annotations

import io
import logging
import struct
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import piexif
from PIL import Image

from field_app.capture.position import Fix
from schemas import VERSION
from schemas.rules.exif import EXIF_IFD, GPS_IFD, ORIENTATION, Facts, comment_of, facts_of, ratio

log = logging.getLogger("jingtu.app")
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")  # a line for each damaged tag
_HEAD = b"Exif\0\0"
_E, _I, _G = piexif.ExifIFD, piexif.ImageIFD, piexif.GPSIFD

# What is kept of the camera's own, and its form: text, whole number, fraction (from nought), signed fraction, number of bytes.
_KEPT_MAIN = {
    _I.Make: "text", _I.Model: "text", ORIENTATION: "whole", _I.XResolution: "part", _I.YResolution: "part",
    _I.ResolutionUnit: "whole", _I.YCbCrPositioning: "whole",
}  # fmt: skip
_KEPT_EXIF = {
    _E.ExposureTime: "part", _E.FNumber: "part", _E.ExposureProgram: "whole", _E.ISOSpeedRatings: "whole",
    _E.ShutterSpeedValue: "signed", _E.ApertureValue: "part", _E.BrightnessValue: "signed", _E.ExposureBiasValue: "signed",
    _E.MaxApertureValue: "part", _E.MeteringMode: "whole", _E.LightSource: "whole", _E.Flash: "whole", _E.FocalLength: "part",
    _E.ColorSpace: "whole", _E.SensingMethod: "whole", _E.ExposureMode: "whole", _E.WhiteBalance: "whole",
    _E.DigitalZoomRatio: "part", _E.FocalLengthIn35mmFilm: "whole", _E.SceneCaptureType: "whole", _E.LensMake: "text",
    _E.LensModel: "text",
}  # fmt: skip


class Shot(NamedTuple):
    """What the tablet knows of a picture its own camera just took. taken_at has its offset; bearing_deg from true north;
    record: the id of the photo's record (32 hex digits and dashes); mirrored: left and right are changed round in the pixels."""

    taken_at: datetime
    fix: Fix | None = None
    bearing_deg: float | None = None
    drift_s: float | None = None  # the server's clock minus ours, where that is known
    device: str = ""
    project: str = ""
    point: str = ""
    record: str = ""
    mirrored: bool = False


class NoExif(Exception):
    """Nothing can be put into this picture. `reason`: kind (no JPEG), odd (a JPEG that is built in an unusual way)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read(picture: Image.Image) -> Facts:
    """What a picture says of itself. Damage in it is passed over."""
    try:
        main = picture.getexif()
        return facts_of(dict(main), dict(main.get_ifd(EXIF_IFD)), dict(main.get_ifd(GPS_IFD)))
    except Exception as err:  # what a damaged block makes of a reader is not listed anywhere
        log.info("exif: %s", type(err).__name__)
        return Facts()


def with_exif(data: bytes, shot: Shot) -> bytes:
    """The same picture with our block in place of the camera's. Raises NoExif; then nothing was wrong with the picture."""
    start, segments, scan = _segments(data)
    own = next((body for body in segments if body[4:10] == _HEAD), b"")
    block = _HEAD + piexif.dump(_tables(shot, _own(data) if own else ({}, {}))).removeprefix(_HEAD)
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    others = [body for body in segments if body[4:10] != _HEAD]
    first = 1 if others and others[0][1] == 0xE0 else 0  # JFIF's own segment wants to be the first
    made = b"".join([data[:start], *others[:first], segment, *others[first:], data[scan:]])
    try:
        with Image.open(io.BytesIO(made), formats=["JPEG"]) as again:
            said = read(again)
    except (OSError, SyntaxError, ValueError) as err:
        raise NoExif("odd") from err
    if said.taken_at != shot.taken_at.replace(microsecond=0):
        raise NoExif("odd")
    return made


# --- the file ---------------------------------------------------------------------------------------------------------


def _segments(data: bytes) -> tuple[int, list[bytes], int]:
    """Where the first segment begins, the segments with marker and length, and where the first scan begins."""
    if data[:3] != b"\xff\xd8\xff":
        raise NoExif("kind")
    at, found = 2, []
    while True:
        if data[at : at + 1] != b"\xff" or at + 4 > len(data):
            raise NoExif("odd")
        marker = data[at + 1]
        if marker == 0xDA:
            return 2, found, at
        if (
            marker in (0xFF, 0x00, 0x01, 0xD8, 0xD9) or 0xD0 <= marker <= 0xD7
        ):  # fill bytes and markers without a length
            raise NoExif("odd")
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or end > len(data):
            raise NoExif("odd")
        found.append(data[at:end])
        at = end


def _own(data: bytes) -> tuple[Mapping[int, Any], Mapping[int, Any]]:
    """The camera's own main and Exif tables, by Pillow."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            main = picture.getexif()
            return dict(main), dict(main.get_ifd(EXIF_IFD))
    except Exception as err:
        log.info("the camera's own exif: %s", type(err).__name__)
        return {}, {}


# --- the block --------------------------------------------------------------------------------------------------------


def _tables(shot: Shot, own: tuple[Mapping[int, Any], Mapping[int, Any]]) -> dict[str, dict[int, Any]]:
    main, exif = _sound(own[0], _KEPT_MAIN), _sound(own[1], _KEPT_EXIF)
    at, offset = shot.taken_at.strftime("%Y:%m:%d %H:%M:%S").encode(), _offset(shot.taken_at)
    subsec = f"{shot.taken_at.microsecond // 1000:03d}".encode()
    main |= {_I.DateTime: at, _I.Software: f"Jingtu {VERSION}".encode()}
    main.setdefault(ORIENTATION, 1)
    if shot.mirrored and main[ORIENTATION] == 1:
        main[ORIENTATION] = 2  # whoever shows it turns it back, and no pixel is touched
    exif |= {
        _E.ExifVersion: b"0232", _E.DateTimeOriginal: at, _E.DateTimeDigitized: at, _E.OffsetTime: offset,
        _E.OffsetTimeOriginal: offset, _E.OffsetTimeDigitized: offset, _E.SubSecTimeOriginal: subsec,
        _E.UserComment: comment_of(_mine(shot)),
    }  # fmt: skip
    unique = shot.record.replace("-", "").lower()
    if len(unique) == 32:
        exif[_E.ImageUniqueID] = unique.encode()
    return {"0th": main, "Exif": exif, "GPS": _gps(shot)}


def _mine(shot: Shot) -> dict[str, Any]:
    """What the standard has no tag for, and the time once more in a form nobody can misread."""
    out: dict[str, Any] = {
        "utc": shot.taken_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "device": shot.device, "project": shot.project, "point": shot.point,
    }  # fmt: skip
    if shot.drift_s is not None:
        out["clock_drift_s"] = f"{shot.drift_s:.1f}"
    if shot.fix is not None and shot.fix.mocked:
        out["position"] = "mocked"
    return {k: v for k, v in out.items() if v}


def _gps(shot: Shot) -> dict[int, Any]:
    """The fix as it was measured, with its own time. Heights of a receiver are above the ellipsoid, which is what references
    0 and 1 mean since Exif 3.0. Nothing where there is no fix."""
    fix = shot.fix
    if fix is None:
        return {}
    at = fix.at.astimezone(UTC)
    out: dict[int, Any] = {
        _G.GPSVersionID: (2, 3, 0, 0), _G.GPSMapDatum: b"WGS-84",
        _G.GPSLatitudeRef: b"S" if fix.lat < 0 else b"N", _G.GPSLatitude: _angle(fix.lat),
        _G.GPSLongitudeRef: b"W" if fix.lon < 0 else b"E", _G.GPSLongitude: _angle(fix.lon),
        _G.GPSDateStamp: at.strftime("%Y:%m:%d").encode(),
        _G.GPSTimeStamp: ((at.hour, 1), (at.minute, 1), (at.second * 1000 + at.microsecond // 1000, 1000)),
    }  # fmt: skip
    if fix.elevation_m is not None:
        out |= {_G.GPSAltitudeRef: int(fix.elevation_m < 0), _G.GPSAltitude: ratio(abs(fix.elevation_m), 100)}
    if fix.accuracy_m is not None and 0 <= fix.accuracy_m < 1e6:
        out[_G.GPSHPositioningError] = ratio(fix.accuracy_m, 100)
    if shot.bearing_deg is not None:
        out |= {_G.GPSImgDirectionRef: b"T", _G.GPSImgDirection: ratio(shot.bearing_deg % 360, 10)}
    return out


def _angle(value: float) -> tuple[tuple[int, int], ...]:
    """Degrees, minutes, seconds to a hundred-thousandth: a third of a millimetre."""
    units = round(abs(value) * 3600 * 100_000)
    degrees, rest = divmod(units, 3600 * 100_000)
    minutes, seconds = divmod(rest, 60 * 100_000)
    return (degrees, 1), (minutes, 1), (seconds, 100_000)


def _offset(at: datetime) -> bytes:
    text = at.strftime("%z") or "+0000"
    return f"{text[:3]}:{text[3:5]}".encode()


def _sound(tags: Mapping[int, Any], kept: Mapping[int, str]) -> dict[int, Any]:
    out: dict[int, Any] = {}
    for tag, form in kept.items():
        if tag in tags and (value := _value(tags[tag], form)) is not None:
            out[tag] = value
    if ORIENTATION in out and out[ORIENTATION] not in range(1, 9):
        del out[ORIENTATION]
    return out


def _value(value: Any, form: str) -> Any:
    try:
        if form == "text":
            text = value.split("\0", 1)[0].strip() if isinstance(value, str) else ""
            return text[:100].encode("latin-1", "ignore") or None  # as Pillow read it
        if isinstance(value, tuple):
            value = value[0]
        if form == "whole":
            return value if isinstance(value, int) and 0 <= value < 65536 else None
        above, below = int(value.numerator), int(value.denominator)
        most = 2**31 if form == "signed" else 2**32
        low = -most if form == "signed" else 0
        return (above, below) if low <= above < most and 0 < below < most else None
    except (AttributeError, TypeError, ValueError, IndexError, OverflowError):
        return None
