"""The one way bytes are made from values: JSON, sorted keys, no spaces, UTF-8, no floats.

Numbers with a fraction travel as text ("12.50"), so there is nothing a second implementation could print differently.
"""

from __future__ import annotations

import json
from typing import Any


class NotCanonical(ValueError):
    """The bytes are not JSON of our kind; the text says what is wrong, zh ‖ en."""


def dumps(value: Any) -> bytes:
    """Canonical bytes of a JSON value made of dict, list, str, int, bool, None."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _no_float(text: str) -> Any:
    raise NotCanonical(f"小数 {text} 须写成文本 ‖ the number {text} must be text")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key written twice would mean two things to two readers."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise NotCanonical("同一个键写了两次 ‖ a key is written twice")
    return out


def loads(data: bytes | str) -> Any:
    """Parse JSON strictly: no floats, no NaN, no key twice. Raises NotCanonical."""
    try:
        return json.loads(data, parse_float=_no_float, parse_constant=_no_float, object_pairs_hook=_no_twins)
    except NotCanonical:
        raise
    except (ValueError, RecursionError) as err:
        raise NotCanonical(f"不是合法的 JSON ‖ not valid JSON: {err}") from err
