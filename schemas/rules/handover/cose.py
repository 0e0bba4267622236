"""One signature: COSE_Sign1 (RFC 9052) with EdDSA (RFC 9053). What went before is bound as external data, not carried."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import cbor2

from schemas.rules import evidence
from schemas.rules.handover.strict import SIGN1, loads

__all__ = ["Sign1", "fits", "kid_of", "loads", "parse", "sign"]
ALGORITHM, KID, EDDSA = 1, 4, -8
MAX_BYTES = 1024  # of one leg; the largest legal one has about 330


class Sign1(NamedTuple):
    """One leg's parts, and `raw`: the bytes its hash and the next leg stand on."""

    raw: bytes
    protected: bytes
    kid: bytes
    payload: bytes
    signature: bytes

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.raw).digest()


def kid_of(public_key: str) -> bytes:
    """The first 8 bytes of the SHA-256 of the raw public key. `public_key`: base64url."""
    return hashlib.sha256(evidence.unb64(public_key)).digest()[:8]


def _to_be_signed(protected: bytes, payload: bytes, previous: bytes | None) -> bytes:
    return cbor2.dumps(["Signature1", protected, previous or b"", payload], canonical=True)


def sign(private_key: bytes, payload: bytes, previous: bytes | None) -> bytes:
    """COSE_Sign1 bytes. `previous`: the hash of the leg before, None for the first."""
    head = {ALGORITHM: EDDSA, KID: kid_of(evidence.public_of(private_key))}
    protected = cbor2.dumps(head, canonical=True)
    signature = evidence.unb64(evidence.sign(private_key, _to_be_signed(protected, payload, previous)))
    return cbor2.dumps(cbor2.CBORTag(SIGN1, [protected, {}, payload, signature]), canonical=True)


def parse(raw: bytes) -> Sign1:
    """The parts of one leg. Its bytes can be no others: what is signed, and what the leg is called by, has one form. Raises ValueError."""
    if len(raw) > MAX_BYTES:
        raise ValueError("too long for one leg")
    tagged = loads(raw)
    parts = tagged.value if isinstance(tagged, cbor2.CBORTag) and tagged.tag == SIGN1 else None
    if not isinstance(parts, list) or [type(p) for p in parts] != [bytes, dict, bytes, bytes] or parts[1]:
        raise ValueError("not a COSE_Sign1")
    protected, _, payload, signature = parts
    head = loads(protected)
    kid = head.get(KID) if isinstance(head, dict) and set(head) == {ALGORITHM, KID} else None
    if not isinstance(head, dict) or head.get(ALGORITHM) != EDDSA or not isinstance(kid, bytes) or len(kid) != 8:
        raise ValueError("not signed with EdDSA and a key of 8 bytes' name")
    if len(signature) != 64:
        raise ValueError("not a signature of Ed25519")
    return Sign1(raw, protected, kid, payload, signature)


def fits(leg: Sign1, public_key: str, previous: bytes | None) -> bool:
    """Did this key sign this leg, standing on that one?"""
    message = _to_be_signed(leg.protected, leg.payload, previous)
    return evidence.verify(public_key, message, evidence.b64(leg.signature))
