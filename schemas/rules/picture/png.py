"""PNG (ISO/IEC 15948): the chunks with their check sums, up to IEND. Pixels are not unpacked, texts and profiles only up to a limit."""

from __future__ import annotations

import struct
import zlib

from schemas.rules.picture import tiff
from schemas.rules.picture.common import NotAPicture, Picture, check_pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 50_000  # of the 4 kB that the most sparing writers put in one IDAT there are 15,000 in 60 MB
MOST_UNPACKED = 4 << 20  # bytes of all texts and the colour profile together; a large profile has 2 MB
DEFLATE = 1032  # deflate makes at most this many bytes of one

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by colour type
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}


def walk(data: bytes) -> Picture:
    """Of a file that begins with the signature. Raises NotAPicture."""
    at = len(SIGNATURE)
    width = height = rows = packed = 0
    left = MOST_UNPACKED
    exif = b""
    for number in range(MOST_CHUNKS):
        size, name = struct.unpack(">I4s", data[at : at + 8].ljust(8, b"\x00"))
        end = at + 12 + size
        if end > len(data) or not name.isalpha():
            raise NotAPicture("broken")
        chunk = memoryview(data)[at + 4 : end - 4]  # name and contents: what the check sum is over
        if zlib.crc32(chunk) != int.from_bytes(data[end - 4 : end], "big"):
            raise NotAPicture("broken")
        body = chunk[4:]
        if (number == 0) != (name == b"IHDR"):
            raise NotAPicture("broken")
        if name == b"IHDR":
            width, height, rows = _header(bytes(body))
        elif name == b"IDAT":
            packed += size
        elif name == b"IEND":
            # deflate cannot have made the pixels of so little: a header alone is no picture
            if rows > DEFLATE * packed:
                raise NotAPicture("broken")
            tiff.check(exif)
            return Picture("png", width, height, end, exif if tiff.is_tiff(exif) else b"")
        elif name in (b"zTXt", b"iTXt", b"iCCP"):
            left -= _unpacked(name, body, left)
        elif name == b"eXIf":
            exif = bytes(body)
        at = end
    raise NotAPicture("broken")


def _header(body: bytes) -> tuple[int, int, int]:
    """Width, height, and how many bytes the pixels are once unpacked."""
    if len(body) != 13:
        raise NotAPicture("broken")
    width, height, depth, colour, packing, filtering, interlace = struct.unpack(">IIBBBBB", body)
    if depth not in _DEPTHS.get(colour, ()) or packing or filtering or interlace > 1:
        raise NotAPicture("broken")
    check_pixels(width, height)
    return width, height, height * -(-width * depth * _SAMPLES[colour] // 8)


def _unpacked(name: bytes, body: memoryview, limit: int) -> int:
    """How many bytes a text or profile unpacks to; a bomb above the limit. Damage in it harms nobody: readers pass over it."""
    head, _, rest = bytes(body).partition(b"\x00")
    if len(head) > 79 or not rest:
        return 0
    if name == b"iTXt":
        if rest[0] != 1:
            return 0
        *_, rest = rest[2:].split(b"\x00", 2)  # behind language and translated key word
    else:
        rest = rest[1:]
    unpacking = zlib.decompressobj()
    try:
        size = len(unpacking.decompress(rest, limit + 1))
    except zlib.error:
        return 0
    if size > limit:
        raise NotAPicture("exif")
    return size
