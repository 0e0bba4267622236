"""Pictures of a wanted size, for tests: real JPEGs, no two alike, made without decoding or coding anything."""

from __future__ import annotations

import io
from functools import cache
from hashlib import sha256
from pathlib import Path

from PIL import Image

COMMENT = 65_533  # bytes a comment can hold


@cache
def _smallest() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (120, 90, 60)).save(out, "JPEG", quality=60)
    return out.getvalue()


def picture(number: int, size: int = 2000) -> bytes:
    """A JPEG of `size` bytes (at least about 700), filled up by comments; another `number` gives another one."""
    base = _smallest()
    left, parts = size - len(base), list[bytes]()
    while left > 0:
        take = min(left - 4, COMMENT)
        if 0 < left - 4 - take < 12:
            take -= 12  # room for the head of the next
        words = f"{number}/{len(parts)} ".encode()
        body = (words + b"\x01" * max(0, take - len(words)))[:take]
        parts.append(b"\xff\xfe" + (len(body) + 2).to_bytes(2, "big") + body)
        left -= len(parts[-1])
    return base[:2] + b"".join(parts) + base[2:]


def keep(folder: Path, data: bytes, kind: str = "jpg") -> str:
    """Into a tablet's photos, as the camera puts it there. Its hash."""
    sha = sha256(data).hexdigest()
    (folder / "photos").mkdir(exist_ok=True)
    (folder / "photos" / f"{sha}.{kind}").write_bytes(data)
    return sha
