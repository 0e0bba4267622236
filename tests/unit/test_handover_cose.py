"""Somebody else's COSE takes our legs, and we take theirs: the same bytes, the leg before as external data."""

from __future__ import annotations

import cbor2
import cwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rules import evidence
from schemas.rules.handover import cose, text_of
from schemas.rules.handover.chain import read
from schemas.rules.handover.claims import from_map, to_map
from tests.unit.handed import KEYS, STEPS, usual

SIGNERS = [who for who, _ in STEPS]


def theirs(private: bytes, secret: bool = False) -> cwt.COSEKey:
    """A key as the other library has it (RFC 9053: an octet key pair on Ed25519)."""
    public = evidence.public_of(private)
    parts = {1: 1, 2: cose.kid_of(public), 3: -8, -1: 6, -2: evidence.unb64(public)}
    return cwt.COSEKey.new(parts | ({-4: private} if secret else {}))


def test_another_library_verifies_ours() -> None:
    chain, other = usual(), cwt.COSE.new()
    for n, who in enumerate(SIGNERS):
        payload = other.decode(chain.legs[n].raw, theirs(KEYS[who]), external_aad=chain.previous(n) or b"")
        assert from_map(cbor2.loads(payload)) == chain.claims[n]
        for wrong in (b"", chain.legs[n].hash, b"\0" * 32):
            if wrong != (chain.previous(n) or b""):
                with pytest.raises(cwt.VerifyError):
                    other.decode(chain.legs[n].raw, theirs(KEYS[who]), external_aad=wrong)
        with pytest.raises(ValueError, match="not found"):
            other.decode(chain.legs[n].raw, theirs(KEYS["stranger"]), external_aad=chain.previous(n) or b"")


def by_them(who: str, payload: bytes, previous: bytes) -> bytes:
    kid = cose.kid_of(evidence.public_of(KEYS[who]))
    made = cwt.COSE.new().encode(
        payload, theirs(KEYS[who], True), protected={1: -8, 4: kid}, unprotected={}, external_aad=previous
    )
    return bytes(made)


def test_we_verify_theirs_and_the_bytes_are_the_same() -> None:
    chain, legs = usual(), []
    for n, who in enumerate(SIGNERS):
        raw = by_them(who, cbor2.dumps(to_map(chain.claims[n]), canonical=True), chain.previous(n) or b"")
        assert raw == chain.legs[n].raw  # Ed25519 is deterministic, and so is the encoding
        leg = cose.parse(raw)
        assert cose.fits(leg, evidence.public_of(KEYS[who]), chain.previous(n))
        assert not cose.fits(leg, evidence.public_of(KEYS[who]), leg.hash)
        legs.append(raw)
    assert read(text_of(legs)) == chain


@given(st.binary(max_size=200), st.none() | st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_any_payload_either_way(payload: bytes, previous: bytes | None, private: bytes) -> None:
    public_key = evidence.public_of(private)
    ours = cose.sign(private, payload, previous)
    assert cwt.COSE.new().decode(ours, theirs(private), external_aad=previous or b"") == payload
    leg = cose.parse(ours)
    assert (leg.payload, leg.kid) == (payload, cose.kid_of(public_key))
    assert cose.fits(leg, public_key, previous) and not cose.fits(leg, public_key, b"\1" * 32)


def test_only_one_form_is_taken() -> None:
    """What a leg is called by is a hash of its bytes: the same leg must not have two."""
    leg = usual(1).legs[0]
    head = cbor2.loads(leg.protected)
    parts = [leg.protected, {}, leg.payload, leg.signature]
    same = [
        cbor2.dumps(parts),  # without the tag
        cbor2.dumps(cbor2.CBORTag(18, [*parts[:1], {4: b"12345678"}, *parts[2:]])),
        cbor2.dumps(cbor2.CBORTag(61, cbor2.CBORTag(18, parts))),
        cbor2.dumps(cbor2.CBORTag(98, parts)),
        cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({4: head[4], 1: -8}), *parts[1:]])),
        cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({1: -7, 4: head[4]}), *parts[1:]])),
        cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({1: -8}), *parts[1:]])),
        cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({1: -8, 4: head[4], 5: b"x"}), *parts[1:]])),
        cbor2.dumps(cbor2.CBORTag(18, [*parts[:3], leg.signature + b"\0"])),
        leg.raw + b"\0", leg.raw[:-1], b"\xd8\x12" + leg.raw[1:], b"",
        cbor2.dumps(cbor2.CBORTag(18, [leg.protected, {}, bytes(1200), leg.signature])),
    ]  # fmt: skip
    for raw in same:
        with pytest.raises(ValueError):
            cose.parse(raw)
    assert cose.parse(leg.raw) == leg
