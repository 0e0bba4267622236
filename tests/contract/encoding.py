"""What `docs/sync-protocol.md` §1 says about encodings and problems, written from it alone."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
import uuid
from typing import Any


class NotReached(Exception):
    """No whole, checked answer: try again later."""


class Problem(Exception):
    """The server's numbered problem."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(f"{body['number']} {body['en']['title']}")
        self.number: int = body["number"]
        self.body = body


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def canonical(value: Any) -> bytes:
    """Canonical JSON (§1); Python's escapes are the ones asked for."""

    def refuse_floats(item: Any) -> None:
        if isinstance(item, float):
            raise ValueError("no floats")
        for child in item.values() if isinstance(item, dict) else item if isinstance(item, list) else ():
            refuse_floats(child)

    refuse_floats(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def uuid7() -> str:
    bits = int(time.time() * 1000) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=bits))
