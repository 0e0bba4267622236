"""A second reader of hand-over codes, written from docs/manifest-qr.md alone: it imports nothing of the project, and no CBOR or base45
library. § = its sections."""

from __future__ import annotations

import base64
import hashlib
import uuid
import zlib
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
KINDS = [
    "",
    "issued",
    "departed",
    "waypoint",
    "relay",
    "arrived",
    "received",
    "received_difference",
    "rejected",
    "returned",
    "disposed",
    "voided",
    "paper_entry",
    "amended",
]
PROBLEMS = [
    "",
    "weight_diff",
    "kind_diff",
    "water_added",
    "packing",
    "label",
    "spill",
    "over_time",
    "wrong_place",
    "other",
]
WAYS = ["own", "beside", "paper", "lost"]
COVERS = ["none", "tarp", "sealed", "bag", "drum"]
SLACK = 300


class NotOurs(Exception):
    pass


class Damaged(Exception):
    pass


def sha(x: bytes) -> bytes:
    return hashlib.sha256(x).digest()


# --- §2 ----------------------------------------------------------------------------------------------------------------


def un45(text: str) -> bytes:
    if any(c not in LETTERS for c in text):
        raise Damaged
    out, n = bytearray(), [LETTERS.index(c) for c in text]
    for at in range(0, len(n), 3):
        three = n[at : at + 3]
        if len(three) == 1:
            raise Damaged
        value, size = sum(v * 45**i for i, v in enumerate(three)), len(three) - 1
        if value >= 256**size:
            raise Damaged
        out += value.to_bytes(size, "big")
    return bytes(out)


class Item:
    """A reader of the CBOR that §2 allows."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def whole(self) -> Any:
        value = self.value(0)
        if self.at != len(self.data):
            raise Damaged
        return value

    def take(self, n: int) -> bytes:
        if self.at + n > len(self.data):
            raise Damaged
        self.at += n
        return self.data[self.at - n : self.at]

    def head(self) -> tuple[int, int]:
        first = self.take(1)[0]
        major, n = first >> 5, first & 31
        if n < 24:
            return major, n
        if n > 27 or major == 7:
            raise Damaged
        size = 2 ** (n - 24)
        value = int.from_bytes(self.take(size), "big")
        if value < (24 if size == 1 else 256 ** (size // 2)):
            raise Damaged
        return major, value

    def value(self, depth: int) -> Any:
        if depth > 8:
            raise Damaged
        major, n = self.head()
        if major == 0:
            return n
        if major == 1:
            return -1 - n
        if major == 2:
            return self.take(n)
        if major == 3:
            try:
                return self.take(n).decode()
            except UnicodeDecodeError:
                raise Damaged from None
        if major == 4:
            if n > len(self.data):
                raise Damaged
            return [self.value(depth + 1) for _ in range(n)]
        if major == 5:
            out: dict[int, Any] = {}
            for _ in range(n):
                kind, key = self.head()
                if kind != 0 or (out and key <= max(out)):
                    raise Damaged
                out[key] = self.value(depth + 1)
            return out
        if major == 6 and n == 18 and depth == 0:
            return ("COSE_Sign1", self.value(depth + 1))
        if major == 7 and n in (20, 21, 22):
            return {20: False, 21: True, 22: None}[n]
        raise Damaged


def unpack(text: str) -> list[bytes]:
    text = text.strip(" \r\n\t")
    if not text.startswith("JT1:"):
        raise NotOurs
    if len(text) > 8000:
        raise Damaged
    z = zlib.decompressobj()
    try:
        data = z.decompress(un45(text[4:]), 8192)
    except zlib.error:
        raise Damaged from None
    if not z.eof or z.unused_data:
        raise Damaged
    legs = Item(data).whole()
    good = (
        isinstance(legs, list) and 1 <= len(legs) <= 16 and all(isinstance(x, bytes) and len(x) <= 1024 for x in legs)
    )
    if not good or len(set(legs)) != len(legs):
        raise Damaged
    return legs


# --- §3 ----------------------------------------------------------------------------------------------------------------


def number(said: dict[int, Any], key: int, low: int, high: int, must: bool = False) -> int | None:
    if key not in said and not must:
        return None
    v = said.get(key)
    if type(v) is not int or not low <= v <= high:
        raise Damaged
    return v


def leg_of(raw: bytes, first: bool) -> dict[str, Any]:
    """The leg's parts, and what it says, by the names of the table."""
    value = Item(raw).whole()
    if not (isinstance(value, tuple) and isinstance(value[1], list) and len(value[1]) == 4):
        raise Damaged
    protected, unprotected, payload, signature = value[1]
    if not (isinstance(protected, bytes) and unprotected == {} and isinstance(unprotected, dict) and isinstance(payload, bytes)
            and isinstance(signature, bytes) and len(signature) == 64):  # fmt: skip
        raise Damaged
    head = Item(protected).whole()
    if (
        not isinstance(head, dict)
        or set(head) != {1, 4}
        or head[1] != -8
        or not isinstance(head[4], bytes)
        or len(head[4]) != 8
    ):
        raise Damaged
    said = Item(payload).whole()
    if not isinstance(said, dict) or number(said, 0, 0, 2**64, True) != 1 or first != any(20 <= k <= 29 for k in said):
        raise Damaged
    out: dict[str, Any] = {
        "protected": protected,
        "kid": head[4],
        "payload": payload,
        "signature": signature,
        "raw": raw,
        "hash": sha(raw),
    }
    out["kind"] = KINDS[number(said, 1, 1, 13, True) or 0]
    out["time"] = number(said, 2, 0, 2**32 - 1, True)
    out["details"] = said.get(3)
    if not isinstance(out["details"], bytes) or len(out["details"]) != 32:
        raise Damaged
    place = said.get(4)
    if 4 in said and not (isinstance(place, list) and len(place) == 3 and all(type(p) is int for p in place)
                          and abs(place[0]) <= 180_000_000 and abs(place[1]) <= 90_000_000 and 0 <= place[2] <= 9999):  # fmt: skip
        raise Damaged
    out["position"] = place
    out["gross"], out["tare"], out["net"] = (number(said, k, 0, 200_000) for k in (5, 6, 9))
    if (out["gross"] is None) != (out["tare"] is None) or (out["gross"] is not None and out["tare"] >= out["gross"]):
        raise Damaged
    problem = number(said, 7, 1, 9)
    out["problem"], out["way"] = PROBLEMS[problem] if problem else None, WAYS[number(said, 8, 0, 3) or 0]
    if first:
        for key, name in zip(range(20, 26), ("manifest", "project", "plan", "lot", "carrier", "receiver"), strict=True):
            if not isinstance(said.get(key), bytes) or len(said[key]) != 16:
                raise Damaged
            out[name] = str(uuid.UUID(bytes=said[key]))
        out["number"] = f"{number(said, 26, 0, 10**14 - 1, True):014d}"
        out["plate"], out["minutes"], out["cover"] = (
            said.get(27),
            number(said, 28, 1, 10_000),
            COVERS[number(said, 29, 0, 4, True) or 0],
        )
        plate = out["plate"]
        if (
            not isinstance(plate, str)
            or not 1 <= len(plate) <= 12
            or len(plate.encode()) > 36
            or not plate.isprintable()
        ):
            raise Damaged
    return out


def read(text: str) -> list[dict[str, Any]]:
    return [leg_of(raw, n == 0) for n, raw in enumerate(unpack(text))]


# --- §5 ----------------------------------------------------------------------------------------------------------------


def head(major: int, n: int) -> bytes:
    if n < 24:
        return bytes([major << 5 | n])
    size = 1 if n < 256 else 2 if n < 65536 else 4
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26}[size]]) + n.to_bytes(size, "big")


def to_be_signed(protected: bytes, aad: bytes, payload: bytes) -> bytes:
    parts = [head(3, 10) + b"Signature1", *(head(2, len(x)) + x for x in (protected, aad, payload))]
    return head(4, 4) + b"".join(parts)


def verify(legs: list[dict[str, Any]], keys: list[dict[str, Any]], now: int) -> list[str]:
    """Per leg the reason of steps 1 to 5; "" where there is none. `keys`: {"key": base64url, "since", "until": seconds}."""
    named = {sha(base64.urlsafe_b64decode(k["key"] + "="))[:8]: k for k in keys}
    out = []
    for n, leg in enumerate(legs):
        aad = legs[n - 1]["hash"] if n else b""
        key = named.get(leg["kid"])
        if key is not None:
            try:
                public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["key"] + "="))
                public.verify(leg["signature"], to_be_signed(leg["protected"], aad, leg["payload"]))
            except InvalidSignature:
                out.append("signature")
                continue
        if n and leg["time"] < legs[n - 1]["time"] - SLACK:
            out.append("backwards")
        elif leg["time"] > now + SLACK:
            out.append("future")
        elif key is None:
            out.append("unknown_key")
        elif leg["time"] < key["since"] - SLACK and leg["way"] not in ("paper", "lost"):
            out.append("before_key")
        elif key.get("until") is not None and leg["time"] > key["until"] + SLACK:
            out.append("after_key")
        else:
            out.append("")
    return out


def check_value(legs: list[dict[str, Any]]) -> str:
    """§7"""
    return base64.b32encode(legs[0]["hash"])[:10].decode()
