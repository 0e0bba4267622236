"""The TIFF block of an EXIF segment: is it a bomb? Its values are not read here.

Damage is no bomb: a pointer into nothing, a value outside the block, an unknown type stand in real pictures that some tool has
rewritten, and every careful reader skips them. A bomb is what makes a careless one work or allocate without measure: a loop, a heap
of directories, entries or values that the block could not hold several times over.
"""

from __future__ import annotations

import struct

from schemas.rules.picture.common import NotAPicture

MOST_IFDS = 16  # a camera writes IFD0, IFD1, Exif, GPS, Interop; a raw-like JPEG a few SubIFDs more
MOST_ENTRIES = 4096  # of all directories together; cameras write about a hundred
OVERLAP = 8  # values share bytes or are miscounted in real files; not this many times over
SPARE = 4096

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}  # bytes of a type
_POINTERS = {0x8769, 0x8825, 0xA005}  # Exif, GPS, Interop
_SUB_IFDS = 0x14A


def is_tiff(block: bytes) -> bool:
    return block[:4] in (b"II*\x00", b"MM\x00*")


def check(block: bytes) -> None:
    """Raises NotAPicture("exif")."""
    if not is_tiff(block) or len(block) < 8:
        return
    order = "<" if block[:2] == b"II" else ">"
    waiting = [(struct.unpack_from(order + "I", block, 4)[0], True, True)]  # where, is it surely one, of the main chain
    seen: set[int] = set()
    entries = declared = 0
    while waiting:
        at, sure, chain = waiting.pop()
        if at + 2 > len(block):
            continue
        if at in seen or len(seen) == MOST_IFDS:
            raise NotAPicture("exif")
        seen.add(at)
        count = struct.unpack_from(order + "H", block, at)[0]
        after = at + 2 + 12 * count
        if after > len(block):
            # some writers leave out the link to the next directory, and a value stands where it would: then this is none
            if sure:
                raise NotAPicture("exif")
            continue
        entries += count
        if entries > MOST_ENTRIES:
            raise NotAPicture("exif")
        for tag, kind, number, value in struct.iter_unpack(order + "HHII", block[at + 2 : after]):
            size = _SIZES.get(kind, 0) * number
            declared += size
            if tag in _POINTERS and size == 4:
                waiting.append((value, True, False))
            elif tag == _SUB_IFDS and kind in (4, 13):
                waiting += [(where, True, False) for where in _offsets(block, order, number, value)]
        # behind Exif and GPS some writers put no link (piexif does not), and no reader looks for one there
        if chain and after + 4 <= len(block):
            following = struct.unpack_from(order + "I", block, after)[0]
            if following:
                waiting.append((following, False, True))
    if declared > OVERLAP * len(block) + SPARE:
        raise NotAPicture("exif")


def _offsets(block: bytes, order: str, number: int, value: int) -> tuple[int, ...]:
    """Where the SubIFDs lie: the value itself, or a list it points to."""
    if number == 1:
        return (value,)
    if number > MOST_IFDS:
        raise NotAPicture("exif")
    if value + 4 * number > len(block):
        return ()
    return struct.unpack_from(f"{order}{number}I", block, value)
