"""Whatever a picture or a scanner gives: a chain, or one of two sentences; quickly, and never anything else."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from time import perf_counter

import base45
import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.problems import Trouble
from schemas.rules.handover import Chain, judged, read, text_of
from schemas.rules.handover.chain import MAX_CBOR, MAX_TEXT
from schemas.rules.handover.claims import from_map, to_map
from schemas.rules.handover.strict import loads
from tests.unit.handed import NOW, directory, usual

SLOW_S = 0.5  # many times what the longest takes


def packed(data: bytes) -> str:
    return "JT1:" + base45.b45encode(zlib.compress(data, 9)).decode()


def outcome(text: str) -> int:
    """0: a chain; else the number of the problem. Raises whatever else there is."""
    began = perf_counter()
    try:
        chain = read(text)
        judged(chain, directory(), NOW, known=[usual()])
        found = 0
    except Trouble as trouble:
        found = trouble.problem.number
    assert perf_counter() - began < SLOW_S
    assert found in (0, 6001, 6002)
    return found


@settings(max_examples=300)
@given(
    st.text()
    | st.text().map(lambda t: "JT1:" + t)
    | st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:").map(lambda t: "JT1:" + t)
)
def test_any_text(text: str) -> None:
    assert outcome(text) in (6001, 6002)


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_any_bytes_well_packed(data: bytes) -> None:
    assert outcome(packed(data)) == 6002


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.binary(max_size=70) | st.text(max_size=20) | st.dates()
    | st.decimals(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(-3, 40) | st.text(max_size=3), inner, max_size=6)
    | st.builds(cbor2.CBORTag, st.integers(0, 300), inner) | inner.map(lambda v: _try(v)),
    max_leaves=20,
)  # fmt: skip


def _try(value: object) -> bytes:
    try:
        return bytes(cbor2.dumps(value, canonical=True, datetime_as_timestamp=True))
    except Exception:  # a day without a clock, say
        return b""


@settings(max_examples=300)
@given(st.lists(VALUES, max_size=4), st.booleans())
def test_any_values_in_place_of_legs(values: list, bare: bool) -> None:
    made = _try(values if bare else [_try(cbor2.CBORTag(18, v)) for v in values])
    if made:
        assert outcome(packed(made)) == 6002


@settings(max_examples=300)
@given(st.integers(0, 2), st.dictionaries(st.integers(0, 45), VALUES, max_size=4))
def test_a_well_made_leg_that_says_anything(n: int, said: dict) -> None:
    """Signatures do not hold, but whoever writes such a leg may have a key."""
    chain = usual()
    try:
        payload = cbor2.dumps({**to_map(chain.claims[n]), **said}, canonical=True)
    except Exception:
        return
    leg = chain.legs[n]
    legs = [one.raw for one in chain.legs]
    legs[n] = cbor2.dumps(cbor2.CBORTag(18, [leg.protected, {}, payload, leg.signature]), canonical=True)
    found = outcome(text_of(legs))
    assert found in (0, 6002)
    if found == 0 and said:
        assert from_map(loads(payload)) == read(text_of(legs)).claims[n]


@given(st.randoms(use_true_random=False))
def test_a_good_text_with_some_of_it_changed(rng: random.Random) -> None:
    text = list(text_of([one.raw for one in usual().legs]))
    for _ in range(rng.randint(1, 5)):
        what, at = rng.randint(0, 2), rng.randrange(len(text))
        if what == 0:
            text[at] = rng.choice("0AZ %:#井\0")
        elif what == 1:
            del text[at : at + rng.randint(1, 50)]
        else:
            text[at:at] = text[at : at + rng.randint(1, 50)]
        if not text:
            break
    changed = "".join(text)
    assert outcome(changed) in ((0,) if changed == text_of([one.raw for one in usual().legs]) else (6001, 6002))


NEST = 3_000
BAD = {
    "lists inside each other": b"\x81" * NEST + b"\x80",
    "maps inside each other": b"\xa1\x00" * NEST + b"\x80",
    "tags inside each other": b"\xd2" * NEST + b"\x80",
    "bytes inside each other": b"",
    "a list said to be endless": b"\x9f" + b"\x00" * 100 + b"\xff",
    "a list said to be huge": b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    "bytes said to be huge": b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff" + b"x" * 20,
    "a map said to be huge": b"\xbb\x00\xff\xff\xff\xff\xff\xff\xff",
    "a power beyond all numbers": cbor2.dumps([cbor2.CBORTag(5, [10**15, 3])]),
    "a fraction beyond all numbers": cbor2.dumps([cbor2.CBORTag(4, [2**62, 3])]),
    "a number of 8000 digits": cbor2.dumps([1 << 30_000]),
    "a pattern": cbor2.dumps([cbor2.CBORTag(35, "(a+)+" * 200)]),
    "a pattern that is none": cbor2.dumps([cbor2.CBORTag(35, "((((")]),
    "a letter of mail": cbor2.dumps([cbor2.CBORTag(36, "MIME-Version: 1.0\r\n" * 300)]),
    "a reference to itself": bytes.fromhex("d81c81d81d00"),
    "shared texts": bytes.fromhex("d9010082") + b"\x79\x0f\xa0" + b"x" * 4000 + b"\x98\xc8" + b"\xd8\x19\x00" * 200,
    "a day in the year 10^300": cbor2.dumps([cbor2.CBORTag(1, 1e300)]),
    "no text": b"\x81\x64\xff\xff\xff\xff",
    "a key twice": b"\xa2\x00\x01\x00\x02",
    "keys out of order": b"\xa2\x01\x01\x00\x02",
    "more than fits": bytes(MAX_CBOR + 1),
    "a bomb": bytes(50_000_000),
    "seventeen legs": cbor2.dumps([usual(1).legs[0].raw] * 17),
    "a leg too long": cbor2.dumps([bytes(1025)]),
    "no legs": cbor2.dumps([]),
    "nothing": b"",
}
BAD["bytes inside each other"] = b"\x80"
for _ in range(300):
    BAD["bytes inside each other"] = cbor2.dumps([BAD["bytes inside each other"]])


@pytest.mark.parametrize("what", BAD)
def test_what_was_made_to_stop_a_reader(what: str) -> None:
    assert outcome(packed(BAD[what])) == 6002
    leg = cbor2.dumps(cbor2.CBORTag(18, [BAD[what][:900], {}, BAD[what][:900], bytes(64)]))
    assert outcome(packed(cbor2.dumps([leg]))) == 6002


def test_texts_too_long_of_another_kind_and_cut_off() -> None:
    good = text_of([one.raw for one in usual().legs])
    assert outcome("JT1:" + "A" * (MAX_TEXT - 4)) == outcome("JT1:" + "0" * 10_000_000) == 6002
    assert outcome(good + "0" * 3) == outcome(good + good) == outcome("JT1:") == 6002
    for text in (
        "",
        "JT1",
        "JT2:" + good[4:],
        "HC1:" + good[4:],
        "https://jingtu.example/m/20263211000418?c=ABCDEFGHIJ",
        "x" * 10_000_000,
    ):
        assert outcome(text) == 6001
    for n in range(4, len(good), 7):
        assert outcome(good[:n]) == 6002
    plain = zlib.compressobj(9, zlib.DEFLATED, -15)
    bare = plain.compress(b"\x80") + plain.flush()
    assert outcome("JT1:" + base45.b45encode(bare).decode()) == 6002
    whole = base45.b45decode(good[4:])
    for more in (b"\0", whole, whole[-4:]):
        assert outcome("JT1:" + base45.b45encode(whole + more).decode()) == 6002


def test_a_code_is_never_larger_than_its_limit_though_every_leg_be() -> None:
    """Sixteen legs, each with something of a later reader in it."""
    legs = []
    for n in range(16):
        claim = usual(1 if n == 0 else 2).claims[-1]
        payload = cbor2.dumps({**to_map(claim), 99: bytes([n]) * 600}, canonical=True)
        protected, _, _, signature = cbor2.loads(usual(1).legs[0].raw).value
        legs.append(cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]), canonical=True))
    assert outcome(text_of(legs[:4])) == 0 and sum(map(len, legs)) > MAX_CBOR
    assert outcome(text_of(legs)) == 6002


def test_a_bomb_is_not_unpacked() -> None:
    text = packed(bytes(4_000_000))
    tracemalloc.start()
    try:
        assert outcome(text) == 6002
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@settings(max_examples=500)
@given(st.binary(max_size=60) | VALUES.map(_try))
def test_what_passes_has_one_form_and_is_made_of_few_kinds(data: bytes) -> None:
    try:
        value = loads(data)
    except ValueError:
        return
    assert cbor2.dumps(value, canonical=True) == data

    def plain(v: object, top: bool = False) -> bool:
        if isinstance(v, dict):
            return all(type(k) is int and k >= 0 and plain(x) for k, x in v.items())
        if isinstance(v, list):
            return all(map(plain, v))
        if isinstance(v, cbor2.CBORTag):
            return top and v.tag == 18 and plain(v.value)
        return v is None or type(v) in (int, bool, str, bytes)

    assert plain(value, True)


@pytest.mark.parametrize(
    "data",
    ["81d280", "a100d280", "d2d280", "d180", "c101", "f93c00", "fb3ff0000000000000", "f7", "f820", "6180", "ff", "1c"],
)
def test_what_is_none_of_the_few_kinds_is_refused(data: str) -> None:
    """A tag within, two tags, another tag, a date, floats, undefined, a simple value, half a letter, an end of nothing."""
    with pytest.raises(ValueError):
        loads(bytes.fromhex(data))
    assert isinstance(loads(bytes.fromhex("d280")), cbor2.CBORTag)


def test_a_later_readers_key_is_let_pass() -> None:
    """Signed with the rest, and nobody's business yet."""
    said = to_map(usual(1).claims[0])
    assert from_map(loads(cbor2.dumps({**said, 99: [1, {2: None}, "x", True]}, canonical=True))) == usual(1).claims[0]
    assert isinstance(usual(1), Chain)
