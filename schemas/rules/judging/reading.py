"""Small things the judge reads with: exact bytes, strict base64url and JSON, words out of an error."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pydantic import ValidationError

from schemas.canonical import NotCanonical
from schemas.rules import evidence
from schemas.rules.package import Hidden, Shown


def place_of(chain: int, offset: int) -> int:
    """Where a line begins, as one number."""
    return chain << 44 | offset


def bytes_of(read: Shown) -> bytes | None:
    """The line's exact bytes; None where the form gives none or two, or not in the one way it may."""
    if (read.line is None) == (read.line64 is None):
        return None
    if read.line is not None:
        return read.line.encode()
    try:
        data = evidence.unb64(read.line64 or "")
    except ValueError:
        return None
    return data if evidence.b64(data) == read.line64 and not _is_text(data) else None


def _is_text(data: bytes) -> bool:
    """Can JSON carry it as text? A NUL it could, but no reader of ours takes one."""
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


def inner_of(read: Shown | Hidden, data: bytes | None) -> bytes:
    """The inner hash of a position: SHA-256(salt + line)."""
    if isinstance(read, Hidden):
        return bytes.fromhex(read.inner)
    return hashlib.sha256(bytes.fromhex(read.salt) + (data or b"")).digest()


def runs_of(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as runs (first, last)."""
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        found = [number for _, number in run]
        yield found[0], found[-1]


def strict64(text: str, size: int) -> bool:
    """Is it the one way to write so many bytes as base64url?"""
    try:
        data = evidence.unb64(text)
    except ValueError:
        return False
    return len(data) == size and evidence.b64(data) == text


def signed_by(key: str, message: bytes, signature: str) -> bool:
    """Both written in the one way they can be, and the signature right."""
    return strict64(key, 32) and strict64(signature, 64) and evidence.verify(key, message, signature)


def both(err: NotCanonical) -> tuple[str, str]:
    zh, _, en = str(err).partition(" ‖ ")
    return zh, en or zh


def wrong_in(err: ValidationError) -> str:
    first = err.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or '-'}: {first['type']}"


def _no_constant(text: str) -> Any:
    raise NotCanonical(f"{text} 不是数 ‖ {text} is no number")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise NotCanonical("同一个键写了两次 ‖ a key is written twice")
    return out


def loose(data: bytes) -> Any:
    """JSON as strictly read as `canonical.loads`, but for floats. Raises NotCanonical."""
    try:
        return json.loads(data.decode(), object_pairs_hook=_no_twins, parse_constant=_no_constant)
    except NotCanonical:
        raise
    except (ValueError, RecursionError) as err:
        raise NotCanonical(f"不是合法的 JSON ‖ not valid JSON: {err}") from err
