"""A change's bytes: made once, read back the same, and nothing unreadable gets past the reading."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import canonical, change
from schemas.canonical import NotCanonical

ID = "01a1fbd4-f500-7000-8000-000000000001"
MADE: change.MadeAt = {"wall": "2026-11-21T10:00:00.000+08:00", "mono_ms": 5, "server_offset_ms": None}

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | texts
values = st.recursive(scalars, lambda x: st.lists(x, max_size=4) | st.dictionaries(texts, x, max_size=4), max_leaves=12)
fields = st.dictionaries(texts, values, min_size=1, max_size=5)


def line(**other: Any) -> bytes:
    data = {"id": ID, "scope": "p.field", "type": "point", "record": ID, "before": {}, "after": {"code": "S"}, "made_at": MADE,
            "by": ID, "device": ID}  # fmt: skip
    return json.dumps({**data, **other}, ensure_ascii=False).encode()


@given(fields, st.booleans())
def test_round_trip(after: dict[str, Any], creates: bool) -> None:
    before = {} if creates else dict.fromkeys(after)
    made = change.encode(
        id=ID, scope="p.field", type="point", record=ID, before=before, after=after, made_at=MADE, by=ID, device=ID
    )
    read = change.decode(made.line)
    assert read == made and read.creates == creates
    assert change.change_id(made.line) == ID
    assert b"\n" not in made.line  # a line is a line


@given(fields)
def test_the_same_values_have_the_same_bytes(after: dict[str, Any]) -> None:
    turned = dict(reversed(after.items()))
    assert canonical.dumps(after) == canonical.dumps(turned)
    assert canonical.dumps(canonical.loads(canonical.dumps(after))) == canonical.dumps(after)


def test_keys_stand_in_the_order_of_the_protocol() -> None:
    made = change.encode(
        id=ID, scope="s", type="t", record=ID, before={}, after={"b": 1, "a": 2}, made_at=MADE, by="u", device="d"
    )
    assert tuple(json.loads(made.line)) == change.KEYS
    assert b'"after":{"a":2,"b":1}' in made.line


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1.5}', '{"a":1e3}', '{"a":NaN}', '{"a":Infinity}', '{"a":-Infinity}', '{"a":1,"a":2}', '{"x":{"a":1,"a":1}}',
        "{", "", "nul", "[" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000, '{"a":"\\ud800"}', '{"\\udfff":1}', '{"a":"\\u0000"}',
        '{"a":"\x01"}', "[1,]", "{'a':1}", "9" * 5000, '{"a":' + "[" * 200 + "]" * 200 + "}",
    ],
)  # fmt: skip
def test_not_json_of_our_kind(text: str) -> None:
    with pytest.raises(NotCanonical) as err:
        canonical.loads(text.encode())
    zh, _, en = str(err.value).partition(" ‖ ")
    assert zh and en


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(NotCanonical):
        canonical.loads(b'{"a":"\xff\xfe"}')


def test_whole_pairs_of_surrogates_are_text() -> None:
    assert canonical.loads(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}
    assert canonical.loads(b'{"a":"\\\\ud800"}') == {"a": "\\ud800"}  # a backslash and letters


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "nonsense"}, {"id": ID.upper()}, {"id": ID + "\n"}, {"id": None}, {"id": ["x"]}, {"record": "../../etc/passwd"},
        {"scope": ""}, {"scope": 5}, {"scope": "x" * 101}, {"type": None}, {"by": {}}, {"device": ""},
        {"before": []}, {"after": "x"}, {"after": {}}, {"before": {"code": "x"}, "after": {"wind": "x"}},
        {"made_at": None}, {"made_at": {}}, {"made_at": {**MADE, "mono_ms": "5"}}, {"made_at": {**MADE, "mono_ms": True}},
        {"made_at": {**MADE, "server_offset_ms": "0"}}, {"made_at": {**MADE, "wall": 1}}, {"surplus": 1},
    ],
)  # fmt: skip
def test_envelope_faults_are_told(wrong: dict[str, Any]) -> None:
    change.decode(line())
    with pytest.raises(NotCanonical) as err:
        change.decode(line(**wrong))
    assert " ‖ " in str(err.value)


def test_a_missing_key_is_told() -> None:
    data = json.loads(line())
    for key in change.KEYS:
        with pytest.raises(NotCanonical):
            change.decode(json.dumps({k: v for k, v in data.items() if k != key}).encode())


def test_too_large() -> None:
    with pytest.raises(NotCanonical):
        change.decode(line(after={"note": "x" * change.MAX_BYTES}))


@given(st.binary(max_size=80))
def test_an_id_is_an_id_or_none(junk: bytes) -> None:
    assert change.change_id(junk) is None
    assert change.change_id(b'{"id":"' + junk) is None or change.ID.match((b'{"id":"' + junk)[7:43].decode())


@given(st.binary(max_size=200))
def test_junk_is_only_ever_not_canonical(junk: bytes) -> None:
    for data in (junk, line()[: len(junk)] + junk):
        with contextlib.suppress(NotCanonical):
            change.decode(data)
