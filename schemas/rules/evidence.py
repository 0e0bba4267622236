"""Proof: the chain over changes, Ed25519 signatures, the additive digest of a scope.

Chain (per enrolment and scope), positions from 1:
    salt_n = HMAC-SHA256(salt_key, id_n)[:16]
    link_0 = SHA-256("jingtu-chain-1\\n" + scope + "\\n" + enrolment)
    link_n = SHA-256(link_{n-1} + SHA-256(salt_n + line_n))
The salt lets one inspection be shown with its place in the chain without letting anyone guess its neighbours' contents.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from schemas import canonical

DIGEST_SIZE = 1 << 256


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Inverse of `b64`: one text for the same bytes. Raises ValueError on anything else."""
    if len(text) % 4 == 1 or "=" in text:
        raise ValueError("not base64url")
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if b64(data) != text:  # bits behind the last byte: a changed character that would change nothing
        raise ValueError("not base64url")
    return data


def salt_of(salt_key: bytes, change_id: str) -> bytes:
    return hmac.digest(salt_key, change_id.encode(), "sha256")[:16]


def first_link(scope: str, enrolment: str) -> bytes:
    return hashlib.sha256(f"jingtu-chain-1\n{scope}\n{enrolment}".encode()).digest()


def next_link(previous: bytes, salt: bytes, line: bytes) -> bytes:
    return hashlib.sha256(previous + hashlib.sha256(salt + line).digest()).digest()


def links(previous: bytes, salt_key: bytes, changes: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """The links of (id, line) pairs that follow `previous`, in order."""
    # as `salt_of` and `next_link` say, for thousands: the key is worked into the HMAC once, not for each of them
    made, begun, sha256 = [], HMAC(salt_key, SHA256()).copy, hashlib.sha256
    for change_id, line in changes:
        salted = begun()
        salted.update(change_id.encode())
        salt = salted.finalize()[:16]
        previous = sha256(previous + sha256(salt + line).digest()).digest()
        made.append(previous)
    return made


def lines_hash(lines: Sequence[bytes]) -> str:
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def head_message(scope: str, enrolment: str, position: int, head: bytes, lines: str) -> bytes:
    """What a device signs: this is my chain up to `position`, and these lines (`lines_hash`) are what I hold of it."""
    return f"jingtu-push-1\n{scope}\n{enrolment}\n{position}\n{head.hex()}\n{lines}".encode()


# --- keys ------------------------------------------------------------------------------------------------------------


def new_key() -> bytes:
    """32 raw bytes of a new Ed25519 private key."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_of(private: bytes) -> str:
    return b64(Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw())


def sign(private: bytes, message: bytes) -> str:
    return b64(Ed25519PrivateKey.from_private_bytes(private).sign(message))


def verify(public: str, message: bytes, signature: str) -> bool:
    """True if `signature` over `message` is by `public`. Malformed keys and signatures are simply not valid."""
    try:
        Ed25519PublicKey.from_public_bytes(unb64(public)).verify(unb64(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


# --- digest ----------------------------------------------------------------------------------------------------------


def row_line(type: str, id: str, seq: int, values: object) -> bytes:
    """A record as it is pulled: canonical JSON, nulls left out, so that a new field does not change old rows' hash."""
    return row_line_of(type, id, seq, canonical.again(values))


def row_line_of(type: str, id: str, seq: int, values: bytes) -> bytes:
    """The same, of values that are canonical bytes already. Ids and types are plain: nothing in them is escaped."""
    return b'{"id":"%s","seq":%d,"type":"%s","values":%s}' % (id.encode(), seq, type.encode(), values)


def row_hash(line: bytes) -> int:
    return int.from_bytes(hashlib.sha256(line).digest())


def digest_hex(total: int) -> str:
    """The digest of a scope: the sum of its rows' hashes mod 2^256, as 64 hex digits."""
    return f"{total % DIGEST_SIZE:064x}"
