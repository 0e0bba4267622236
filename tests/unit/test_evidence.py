"""Chain, signatures, digest: any bit that changes is found, and sums do not depend on the way they came about."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.rules import evidence

SALT = bytes(range(32))
CHANGES = [(f"id-{n}", f'{{"id":"id-{n}","after":{{"value":"{n}"}}}}'.encode()) for n in range(8)]
START = evidence.first_link("p.field", "e")


@given(st.integers(0, len(CHANGES) - 1), st.data())
def test_any_bit_flip_changes_every_later_link(which: int, data: st.DataObject) -> None:
    id, line = CHANGES[which]
    bit = data.draw(st.integers(0, len(line) * 8 - 1))
    flipped = bytearray(line)
    flipped[bit // 8] ^= 1 << bit % 8
    true = evidence.links(START, SALT, CHANGES)
    forged = evidence.links(START, SALT, [*CHANGES[:which], (id, bytes(flipped)), *CHANGES[which + 1 :]])
    assert true[:which] == forged[:which]
    assert all(a != b for a, b in zip(true[which:], forged[which:], strict=True))


@given(st.permutations(CHANGES))
def test_order_counts(order: list[tuple[str, bytes]]) -> None:
    assert (evidence.links(START, SALT, order)[-1] == evidence.links(START, SALT, CHANGES)[-1]) == (order == CHANGES)


def test_leaving_one_out_shows() -> None:
    head = evidence.links(START, SALT, CHANGES)[-1]
    for n in range(len(CHANGES)):
        assert evidence.links(START, SALT, CHANGES[:n] + CHANGES[n + 1 :])[-1] != head


def test_the_first_link_binds_scope_and_enrolment() -> None:
    assert len({evidence.first_link(s, e) for s in ("a", "b") for e in ("x", "y")}) == 4


def test_the_salt_hides_the_line_and_differs_per_change() -> None:
    assert len({evidence.salt_of(SALT, id) for id, _ in CHANGES}) == len(CHANGES)
    other = evidence.links(START, b"\0" * 32, CHANGES)
    assert other[-1] != evidence.links(START, SALT, CHANGES)[-1]


@settings(max_examples=30)
@given(st.binary(max_size=60), st.integers(0, 511))
def test_a_signature_is_for_one_message_and_one_key(message: bytes, bit: int) -> None:
    key = evidence.new_key()
    public, signature = evidence.public_of(key), evidence.sign(key, message)
    assert evidence.verify(public, message, signature)
    assert not evidence.verify(public, message + b"x", signature)
    assert not evidence.verify(evidence.public_of(evidence.new_key()), message, signature)
    raw = bytearray(evidence.unb64(signature))
    raw[bit // 8] ^= 1 << bit % 8
    assert not evidence.verify(public, message, evidence.b64(bytes(raw)))


@pytest.mark.parametrize("junk", ["", "=", "a", "ä" * 86, "A" * 86, "A" * 85, "A" * 1000, "\0", "-_" * 43])
def test_malformed_keys_and_signatures_are_simply_not_valid(junk: str) -> None:
    key = evidence.new_key()
    assert not evidence.verify(evidence.public_of(key), b"m", junk)
    assert not evidence.verify(junk, b"m", evidence.sign(key, b"m"))


@given(st.binary(max_size=100))
def test_base64_round_trip(data: bytes) -> None:
    assert evidence.unb64(evidence.b64(data)) == data


@pytest.mark.parametrize("text", ["AB", "AAB", "A" * 85 + "B"])
def test_of_two_texts_for_the_same_bytes_one_is_taken(text: str) -> None:
    with pytest.raises(ValueError):
        evidence.unb64(text)


def test_digest_is_a_sum_that_forgets_the_way() -> None:
    rng = random.Random(1)
    rows: dict[str, tuple[int, dict[str, Any]]] = {}
    total = 0
    for seq in range(1, 300):
        id = f"r{rng.randrange(20)}"
        if id in rows:
            total -= evidence.row_hash(evidence.row_line("point", id, *rows[id]))
        rows[id] = (seq, {"note": str(rng.random())})
        total += evidence.row_hash(evidence.row_line("point", id, *rows[id]))
    recount = sum(evidence.row_hash(evidence.row_line("point", id, *rows[id])) for id in sorted(rows))
    assert evidence.digest_hex(total) == evidence.digest_hex(recount)
    id = next(iter(rows))
    rows[id] = (rows[id][0], {"note": "other"})
    other = sum(evidence.row_hash(evidence.row_line("point", i, *rows[i])) for i in rows)
    assert evidence.digest_hex(other) != evidence.digest_hex(total)
    assert evidence.digest_hex(0) == "0" * 64 and evidence.digest_hex(-1) == "f" * 64
