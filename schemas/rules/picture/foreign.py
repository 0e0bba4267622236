"""What stands behind a picture or is hidden in it, and may not.

Behind a picture only what phones write there: nothing, zeros, further pictures (MPO, gain map, depth map), a film (motion photo),
and the trailers of some makers, each recognised by its own frame and followed to the file's last byte. Anything else (an archive, a
document, a program) is refused, because one file must not be two things to two readers.

Hidden in it: readers of some formats do not ask what a file begins with. They look for an archive's directory at the end, for %PDF
near the start, for a tag anywhere. Such a file is refused wherever in it the foreign part lies.
"""

from __future__ import annotations

import json
import re
import struct

from schemas.rules.picture import jpeg
from schemas.rules.picture.common import NotAPicture

MOST_PARTS = 64  # pictures, films and trailers behind the picture
MOST_JSON = 64 << 10

_ZEROS = re.compile(rb"\x00*")
_BOXES = set(b"ftyp moov mdat free skip wide uuid meta udta moof mfra sidx styp mpvd".split())
# Huawei and Honor: version and frame, what to play, length of the film, each padded to 20 characters
_HUAWEI = re.compile(rb"v\d[ -~]{0,60}LIVE_\d+ *\Z")
_VIVO_START = re.compile(rb'streamdata\xff\xd8|(?:/streamdata)?vivo\{"')
_VIVO_END = b"\xff\xff\xff\xff\x1b*9HWfu\x84\x93\xa2\xb1"

# Long enough not to occur by chance in the millions of bytes of coded data. HTML and PHP count wherever they stand; XML and
# so SVG must be the first thing in a file, which in a picture they are not.
_TAGS = re.compile(rb"<(?i:html|script|!doctype html|iframe|\?php)[\s>/]")
_TAG_TEXTS = (b"<html", b"<script", b"<!doctype html", b"<iframe", b"<?php")
MOST_TRIES = 1_000_000  # above, the expression would try too often; the other way costs the same whatever the bytes
_MARKS = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"__HALT_COMPILER();")  # archives that are searched for; PHP's
_PDF = re.compile(rb"%PDF-[12]\.\d")
_PDF_HEAD = 1024  # so far in readers look for %PDF, whatever follows it
_FIXED = ((257, b"ustar"), (0x8001, b"CD001"))  # tar and a disc's image have their mark at an offset
_ZIP_TAIL = 65_557  # where a ZIP's reader looks for the end of its directory: 22 bytes and the longest comment


def check_behind(data: bytes, at: int) -> None:
    """Raises NotAPicture: more, or broken where a known part is cut off."""
    for _ in range(MOST_PARTS):
        zeros = _ZEROS.match(data, at)
        begin = zeros.end() if zeros else at
        if begin == len(data):
            return
        if data.startswith(jpeg.SOI + b"\xff", begin):
            at = jpeg.walk(data, begin).end
        elif (film := _film(data, at, begin)) is not None:
            at = film
        elif _samsung(data, at) or _oneplus(data, at) or _vivo(data, begin) or _HUAWEI.match(data, begin):
            return
        else:
            break
    raise NotAPicture("more")


def check_inside(data: bytes) -> None:
    """Raises NotAPicture("more")."""
    if (
        any(data.startswith(mark, at) for at, mark in _FIXED)
        or any(mark in data for mark in _MARKS)
        or (b"PK\x05\x06" in data[-_ZIP_TAIL:] and b"PK\x01\x02" in data)
        or b"%PDF-" in data[:_PDF_HEAD]
        or _PDF.search(data)
        or _tagged(data)
    ):
        raise NotAPicture("more")


def _tagged(data: bytes) -> bool:
    if data.count(b"<") <= MOST_TRIES:
        return bool(_TAGS.search(data))
    low = data.lower()
    return any(text in low for text in _TAG_TEXTS)


def _film(data: bytes, at: int, begin: int) -> int | None:
    """Behind the boxes of an ISO base media file that starts with ftyp. Its size begins with zeros, which may have been taken for
    padding: so the box may start up to three bytes before `begin`."""
    start = next((s for s in range(max(at, begin - 3), begin + 1) if data[s + 4 : s + 8] == b"ftyp"), None)
    if start is None:
        return None
    at = start
    while at + 8 <= len(data) and data[at + 4 : at + 8] in _BOXES:
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:  # 0: up to the end, whatever that is. Films that are still being written; no phone leaves one
            raise NotAPicture("more")
        if at + size > len(data):
            raise NotAPicture("broken")
        at += size
    return at


def _samsung(data: bytes, at: int) -> bool:
    """Blocks, their directory "SEFH", its length and "SEFT". The blocks must begin here and lie before the directory."""
    if not data.endswith(b"SEFT") or len(data) < at + 20:
        return False
    size = int.from_bytes(data[-8:-4], "little")
    start = len(data) - 8 - size
    if start < at or data[start : start + 4] != b"SEFH" or size < 12:
        return False
    count = int.from_bytes(data[start + 8 : start + 12], "little")
    if size != 12 + 12 * count or not count:
        return False
    first = start
    for i in range(count):
        _, back, length = struct.unpack_from("<IIi", data, start + 12 + 12 * i)
        if not 0 < length <= back <= start - at:
            return False
        first = min(first, start - back)
    return not data[at:first].strip(b"\x00")


def _oneplus(data: bytes, at: int) -> bool:
    """OnePlus, OPPO, realme: blocks, a JSON list of them, "jxrs" and its length."""
    if data[-8:-4] != b"jxrs" or len(data) < at + 8:
        return False
    size = int.from_bytes(data[-4:], "little")
    start = len(data) - size
    if not 8 < size <= MOST_JSON or start < at:
        return False
    try:
        blocks = json.loads(data[start : len(data) - 8].rstrip(b"\x00"))
        first = start - max((int(b.get("offset", 0)) for b in blocks), default=0)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return False
    return at <= first and not data[at:first].strip(b"\x00")


def _vivo(data: bytes, begin: int) -> bool:
    """vivo: a small picture or nothing, its JSON, and a fixed end."""
    return bool(_VIVO_START.match(data, begin)) and data.endswith(_VIVO_END)
