"""The one way bytes are made from values: JSON, sorted keys, no spaces, UTF-8, no floats.

Numbers with a fraction travel as text ("12.50"), so there is nothing a second implementation could print differently.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

MAX_DEPTH = 40  # of lists and objects inside each other; ours are 8


class NotCanonical(ValueError):
    """The bytes are not JSON of our kind; the text says what is wrong, zh ‖ en."""


# made once: json.dumps and json.loads would make one for every call
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def dumps(value: Any) -> bytes:
    """Canonical bytes of a JSON value made of dict, list, str, int, bool, None. Raises TypeError, ValueError for others."""
    return _ENCODER.encode(value).encode()


# The same bytes, five times as fast, for values that came out of `loads` (tests/unit/test_canonical.py compares them
# character by character). Of other values it takes more than JSON has: a Decimal, say, where `dumps` raises.
again = msgspec.json.Encoder(order="sorted").encode


def _no_float(text: str) -> Any:
    raise NotCanonical(f"小数 {text} 须写成文本 ‖ the number {text} must be text")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key written twice would mean two things to two readers."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise NotCanonical("同一个键写了两次 ‖ a key is written twice")
    return out


def _small(text: str) -> int:
    """No database takes a whole number of more than 64 bits."""
    if len(text) > 20 or not -(1 << 63) <= (number := int(text)) < 1 << 63:
        raise NotCanonical(f"整数 {text[:20]}… 太大 ‖ the number {text[:20]}… is too large")
    return number


def _fit_to_keep(value: Any, depth: int = 0) -> None:
    """What JSON can say but a database or a second reader cannot take."""
    if depth > MAX_DEPTH:
        raise NotCanonical(f"嵌套超过 {MAX_DEPTH} 层 ‖ nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise NotCanonical("文本含空字符或半个代理对 ‖ the text holds a NUL or half a surrogate pair")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _fit_to_keep(key, depth)
            _fit_to_keep(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _fit_to_keep(inner, depth + 1)


_DECODER = json.JSONDecoder(
    parse_int=_small, parse_float=_no_float, parse_constant=_no_float, object_pairs_hook=_no_twins
)


_FAST = msgspec.json.Decoder(float_hook=_no_float)


def _plain(value: Any, depth: int = 0) -> bool:
    """Surely nothing that cannot be kept, of a value whose text has no backslash. False where it takes a closer look."""
    kind = type(value)
    if kind is int:
        return bool(-(1 << 63) <= value < 1 << 63)
    if kind is dict or kind is list:
        if depth > 8:
            return False
        for inner in value.values() if kind is dict else value:
            # most of what is inside is text: asked here, it costs no call
            if type(inner) is not str and not _plain(inner, depth + 1):
                return False
    return True


def loads_many(datas: Sequence[bytes]) -> list[Any]:
    """`loads` of each; together they cost half. Raises NotCanonical if one of them is not."""
    blob = b"[%s]" % b",".join(datas)
    if b"\\" not in blob:
        try:
            values: list[Any] = _FAST.decode(blob)
            # each by itself: a list that holds more than one of them would be another's half
            if [*map(again, values)] == [*datas] and all(map(_plain, values)):
                return values
        except (ValueError, RecursionError):
            pass
    return [loads(data) for data in datas]


def loads(data: bytes | str) -> Any:
    """Parse JSON strictly: UTF-8, no floats, no NaN, no key twice, nothing that cannot be kept. Raises NotCanonical."""
    if type(data) is bytes and b"\\" not in data:
        try:
            value = _FAST.decode(data)
            # equal bytes: no key was there twice, and nothing was read as something else
            if again(value) == data and _plain(value):
                return value
        except (ValueError, RecursionError):
            pass  # the exact reader says what is wrong, if anything is
    try:
        text = data if isinstance(data, str) else data.decode()
        value = _DECODER.decode(text)
    except NotCanonical:
        raise
    except (ValueError, RecursionError) as err:
        raise NotCanonical(f"不是合法的 JSON ‖ not valid JSON: {err}") from err
    if "\\u" in text or text.count("[") + text.count("{") > MAX_DEPTH:  # only these can be unfit
        _fit_to_keep(value)
    return value
