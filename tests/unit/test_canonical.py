"""The fast reader and writer of canonical JSON say what the exact ones say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import canonical
from schemas.canonical import NotCanonical

TEXT = st.text(max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**66), 2**66) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def exact(data: bytes) -> Any:
    """The reader that takes every byte in Python; what `loads` does where it is in doubt."""
    return canonical.loads(data.decode())


def said(read: Any, data: bytes) -> Any:
    try:
        return "value", read(data)
    except NotCanonical as err:
        return "refused", str(err)


def test_every_character_is_written_the_same() -> None:
    text = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF)
    for value in (text, {text: text}, [text]):
        assert canonical.again(value) == canonical.dumps(value)


@given(VALUES)
def test_what_was_read_is_written_the_same(value: Any) -> None:
    try:
        read = canonical.loads(canonical.dumps(value))
    except (NotCanonical, UnicodeEncodeError):
        return
    assert canonical.again(read) == canonical.dumps(read) == canonical.dumps(value)


@given(VALUES, st.booleans())
@settings(max_examples=400)
def test_both_readers_agree(value: Any, sorted_keys: bool) -> None:
    data = json.dumps(value, ensure_ascii=False, sort_keys=sorted_keys, separators=(",", ":")).encode(
        "utf-8", "replace"
    )
    assert said(canonical.loads, data) == said(exact, data)


@given(VALUES, st.integers(0, 10**6), st.integers(0, 255))
@settings(max_examples=400)
def test_both_readers_agree_about_damage(value: Any, at: int, byte: int) -> None:
    data = bytearray(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    data[at % len(data)] = byte
    try:
        data.decode()
    except UnicodeDecodeError:
        with pytest.raises(NotCanonical):
            canonical.loads(bytes(data))
        return
    assert said(canonical.loads, bytes(data)) == said(exact, bytes(data))


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1.5}', '{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', '{"a":-0}', '{"a":9223372036854775808}', '{"a":-9223372036854775809}',
        '{"a":[9223372036854775808]}', '{"a":"\\u0000"}', '{"a":"\\ud800"}', '{"a":NaN}', '{"a":Infinity}', '{"a":1e3}', '{"a":01}',
        "[" * 42 + "]" * 42, "[" * 100_000, '{"a":"\x01"}', "", " ", "nul", '{"a":1}x',
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    if text == '{"a":-0}':  # JSON, though not canonical: read as 0
        assert canonical.loads(text.encode()) == {"a": 0}
        return
    with pytest.raises(NotCanonical):
        canonical.loads(text.encode())


@pytest.mark.parametrize(
    "text", ['{"b":1,"a":2}', '{ "a" : 1 }', '{"a":"\\/"}', "[" * 39 + "]" * 39, '{"a":-9223372036854775808}']
)
def test_taken(text: str) -> None:
    assert canonical.loads(text.encode()) == json.loads(text)
