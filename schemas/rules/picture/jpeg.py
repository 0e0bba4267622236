"""JPEG (ITU-T T.81): the markers, up to the real end of the image. Nothing is decoded.

Segments are stepped over by their length, so an EOI inside an EXIF thumbnail does not end the picture, and a picture cut off inside
one is not whole. What stands between two markers must be a segment or coded data: a decoder that searches on for the next marker
would hide damage.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from schemas.rules.picture import tiff
from schemas.rules.picture.common import NotAPicture, check_pixels

SOI = b"\xff\xd8"
# Baseline, extended and progressive with Huffman tables: what browsers and our picture library show. Phones write nothing else;
# lossless, hierarchical and arithmetic ones could not be shown to anybody.
_FRAMES, _OTHER_FRAMES = (
    {0xC0, 0xC1, 0xC2},
    {0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xDE, 0xDF},
)
_PROGRESSIVE = 0xC2
_EOI, _SOS, _DNL, _APP1, _TEM = 0xD9, 0xDA, 0xDC, 0xE1, 0x01
_RESTARTS = range(0xD0, 0xD8)
_SEGMENTS = {0xC4, 0xCC, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xFF)}  # tables, DNL, restart interval, APPn, JPGn, comment
_EXIF = b"Exif\x00\x00"

MOST_SEGMENTS = 5000  # of 64 kB: five times what 60 MB hold
MOST_SCANS = 100  # a progressive picture has about ten; each makes the decoder go over all of it
MOST_FILLS = 1000  # runs of FF before a restart marker: allowed by the standard, written by nobody

# In coded data FF is followed by 00 (a byte FF) or a restart marker; anything else ends the scan. C-fast, that is the whole point.
_OUT_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_FILL = re.compile(rb"\xff+")


class Walked(NamedTuple):
    """One image of the file: where it ends, and its EXIF block."""

    width: int
    height: int
    end: int
    exif: bytes


class Frame(NamedTuple):
    width: int
    height: int  # 0: the DNL marker behind the first scan says it
    progressive: bool
    sampling: list[tuple[int, int]]  # horizontal, vertical of each component


def walk(data: bytes, start: int = 0) -> Walked:
    """From the SOI that stands at `start` to behind its EOI. Raises NotAPicture."""
    at = start + 2
    frame: Frame | None = None
    exif = b""
    coded = segments = scans = 0
    while True:
        marker, at = _marker(data, at)
        if marker == _EOI:
            break
        if marker in _RESTARTS or marker == _TEM:  # without a length; decoders pass over them
            continue
        segments += 1
        body, end = _segment(data, at)
        if segments > MOST_SEGMENTS:
            raise NotAPicture("broken")
        if marker in _FRAMES:
            if frame is not None:
                raise NotAPicture("broken")
            frame = _frame(body, marker == _PROGRESSIVE)
        elif marker in _OTHER_FRAMES:
            raise NotAPicture("kind")
        elif marker == _SOS:
            scans += 1
            if scans > MOST_SCANS:
                raise NotAPicture("pixels")
            if (
                frame is None
                or len(body) < 6
                or len(body) != 4 + 2 * body[0]
                or not 1 <= body[0] <= len(frame.sampling)
            ):
                raise NotAPicture("broken")
            at, end = end, _scan_end(data, end)
            if end == at:
                raise NotAPicture("broken")
            coded += end - at
        elif marker not in _SEGMENTS:
            raise NotAPicture("broken")
        elif marker == _APP1 and body.startswith(_EXIF):
            exif += body[len(_EXIF) :]  # a long one goes on in further segments
        elif marker == _DNL and frame is not None and scans == 1 and frame.height == 0 and len(body) == 2:
            frame = frame._replace(height=struct.unpack(">H", body)[0])
        at = end
    if frame is None:
        raise NotAPicture("broken")
    check_pixels(frame.width, frame.height)
    if 8 * coded < _least_bits(frame):
        raise NotAPicture("broken")
    if not tiff.is_tiff(exif):
        exif = b""
    tiff.check(exif)
    return Walked(frame.width, frame.height, at, exif)


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker that must stand here, and the offset behind it. FF may be repeated before it."""
    fill = _FILL.match(data, at)
    if fill is None or fill.end() >= len(data):
        raise NotAPicture("broken")
    return data[fill.end()], fill.end() + 1


def _segment(data: bytes, at: int) -> tuple[bytes, int]:
    """The segment's contents, and the offset behind it. Of one whose length is none (0, 1) or reaches beyond the file no marker
    follows: that is where it is refused."""
    end = at + int.from_bytes(data[at : at + 2], "big")
    return data[at + 2 : end], end


def _frame(body: bytes, progressive: bool) -> Frame:
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        raise NotAPicture("broken")
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    if precision != 8 or components not in (1, 3, 4):  # 12 bits, two components: valid, and shown by nothing
        raise NotAPicture("kind")
    sampling = [(body[i] >> 4, body[i] & 15) for i in range(7, len(body), 3)]
    if not all(1 <= h <= 4 and 1 <= v <= 4 for h, v in sampling):
        raise NotAPicture("broken")
    check_pixels(width, height or 1)
    return Frame(width, height, progressive, sampling)


def _scan_end(data: bytes, at: int) -> int:
    """Where the coded data from here on ends: at the FF of the next marker."""
    for _ in range(MOST_FILLS):
        found = _OUT_OF_SCAN.search(data, at)
        if found is None:
            break
        marker, at = _marker(data, found.start())
        if marker == 0:  # FF FF 00 is neither a byte nor a marker
            break
        if marker not in _RESTARTS:
            return found.start()
    raise NotAPicture("broken")


def _least_bits(frame: Frame) -> int:
    """Fewer bits cannot code this many pixels: a block of 8 × 8 takes at least one for its mean and, but for progressive pictures,
    one for saying that nothing else is in it. So a header alone, or one behind which nearly all was cut out, is no picture."""
    most_h, most_v = max(h for h, _ in frame.sampling), max(v for _, v in frame.sampling)
    blocks = 0
    for h, v in frame.sampling:
        across, down = -(-frame.width * h // most_h), -(-frame.height * v // most_v)
        blocks += -(-across // 8) * -(-down // 8)
    return blocks * (1 if frame.progressive else 2)
