"""WebP (RFC 9649): the RIFF chunks. Nothing is decoded."""

from __future__ import annotations

import struct

from schemas.rules.picture import tiff
from schemas.rules.picture.common import NotAPicture, Picture, check_pixels

MOST_CHUNKS = 20_000  # frames of an animation; a photo has one to six chunks


def is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def walk(data: bytes) -> Picture:
    """Of a file that is_webp. Raises NotAPicture."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise NotAPicture("broken")
    canvas: tuple[int, int] | None = None  # what the extended header says
    inner: tuple[int, int] | None = None  # what the picture's own header says
    frames = False
    exif = b""
    at = 12
    for number in range(MOST_CHUNKS):
        if at == end:
            break
        if at + 8 > end:
            raise NotAPicture("broken")
        name, size = struct.unpack_from("<4sI", data, at)
        after = at + 8 + size
        if after > end:
            raise NotAPicture("broken")
        body = data[at + 8 : at + 8 + min(size, 16)]
        if number == 0 and name not in (b"VP8 ", b"VP8L", b"VP8X"):
            raise NotAPicture("broken")
        if name in (b"VP8 ", b"VP8L"):
            inner = inner or (_lossy(body, size) if name == b"VP8 " else _lossless(body))
        elif name == b"VP8X":
            canvas = _extended(body)
        elif name == b"ANMF":
            frames = True
        elif name == b"EXIF":
            exif = data[at + 8 : after].removeprefix(b"Exif\x00\x00")
        at = min(after + size % 2, end)  # contents of odd length are padded
    else:
        raise NotAPicture("broken")
    if not inner and not frames:
        raise NotAPicture("broken")
    size_of = canvas or inner or (0, 0)
    check_pixels(*size_of)
    if inner and inner != size_of:
        raise NotAPicture("broken")
    tiff.check(exif)
    return Picture("webp", *size_of, end, exif if tiff.is_tiff(exif) else b"")


def _lossy(body: bytes, size: int) -> tuple[int, int]:
    """VP8: a key frame, its start code, its size (RFC 6386, 9.1). The first part must lie inside the chunk."""
    if len(body) < 10 or body[0] & 1 or body[3:6] != b"\x9d\x01\x2a" or int.from_bytes(body[:3], "little") >> 5 > size:
        raise NotAPicture("broken")
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF


def _lossless(body: bytes) -> tuple[int, int]:
    if len(body) < 5 or body[0] != 0x2F or body[4] >> 5:
        raise NotAPicture("broken")
    bits = int.from_bytes(body[1:5], "little")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _extended(body: bytes) -> tuple[int, int]:
    if len(body) < 10:
        raise NotAPicture("broken")
    return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
