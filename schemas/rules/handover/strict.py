"""CBOR of strangers: only what this format is made of, before a library makes values of it.

CBOR can also say dates, patterns, fractions, references to itself and lists without end; none of that belongs in a code, and each has
been a way to slow or stop a reader. What passes here is deterministic (RFC 8949 §4.2.1): the same values have no other bytes.
"""

from __future__ import annotations

from typing import Any

import cbor2

DEPTH = 8  # of lists and maps inside each other; ours are 3
SIGN1 = 18  # the one tag there is: COSE_Sign1
_PLAIN = (20, 21, 22)  # false, true, null: for keys that come later


def loads(data: bytes) -> Any:
    """The one value in these bytes: whole numbers of up to 64 bits, bytes, texts, lists, maps with ascending whole numbers as keys,
    false, true, null, and COSE_Sign1 outermost. Raises ValueError of anything else, of a longer way to write it, and of bytes behind it."""
    try:
        if _item(data, 0, 0) != len(data):
            raise ValueError("bytes behind the value")
        return cbor2.loads(data)
    except (cbor2.CBORError, ArithmeticError, LookupError, TypeError, UnicodeError) as err:
        raise ValueError("not CBOR") from err


def _item(data: bytes, at: int, depth: int) -> int:
    """Where the item that begins at `at` ends."""
    if depth > DEPTH:
        raise ValueError("too deep")
    major, n, at = _head(data, at)
    if major in (2, 3):
        if at + n > len(data):
            raise ValueError("cut off")
        at += n
    elif major == 4:
        if at + n > len(data):  # every item has a byte at least
            raise ValueError("cut off")
        for _ in range(n):
            at = _item(data, at, depth + 1)
    elif major == 5:
        before = -1
        for _ in range(n):
            kind, key, at = _head(data, at)
            if kind != 0 or key <= before:
                raise ValueError("keys are whole numbers, each once, in order")
            before = key
            at = _item(data, at, depth + 1)
    elif major == 6:
        if n != SIGN1 or depth:
            raise ValueError("a tag that is none of ours")
        at = _item(data, at, depth + 1)
    elif major == 7 and n not in _PLAIN:
        raise ValueError("a float, or something that stands for nothing")
    return at


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """(major type, number, where the rest begins)."""
    if at >= len(data):
        raise ValueError("cut off")
    major, n = data[at] >> 5, data[at] & 31
    at += 1
    if n < 24:
        return major, n, at
    if n > 27:
        raise ValueError("of no length that is known")
    size = 1 << (n - 24)
    n = int.from_bytes(data[at : at + size])
    if at + size > len(data) or n < (24, 1 << 8, 1 << 16, 1 << 32)[size.bit_length() - 1] or major == 7:
        raise ValueError("cut off, or longer than need be")
    return major, n, at + size
