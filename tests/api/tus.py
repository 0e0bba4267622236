"""The words of tus 1.0, request by request, so that they can also be said wrongly; and pictures to send."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cache
from io import BytesIO
from typing import Any

import httpx
from PIL import Image

BLOBS = "/api/v1/blobs"
SPEAKS = {"Tus-Resumable": "1.0.0"}
APPENDS = {"Content-Type": "application/offset+octet-stream"}


def b64(text: str | bytes) -> str:
    return b64encode(text.encode() if isinstance(text, str) else text).decode()


def metadata(**said: str) -> str:
    return ",".join(f"{key} {b64(value)}" for key, value in said.items())


def begin(
    http: httpx.Client, auth: dict[str, str], sha: str, size: int, scope: str, name: str = "a.bin", **more: str
) -> httpx.Response:
    told = {"Upload-Length": str(size), "Upload-Metadata": metadata(sha256=sha, filename=name, scope=scope)}
    return http.post(BLOBS, headers=SPEAKS | auth | told | more)


def append(
    http: httpx.Client, auth: dict[str, str], there: str, offset: int, data: Any, checksum: str = "", **more: str
) -> httpx.Response:
    """`checksum`: sha1 or sha256 of these bytes goes along."""
    told = {"Upload-Offset": str(offset)}
    if checksum:
        told["Upload-Checksum"] = f"{checksum} {b64(hashlib.new(checksum, data).digest())}"
    return http.patch(there, content=data, headers=SPEAKS | APPENDS | auth | told | more)


def stands(http: httpx.Client, auth: dict[str, str], there: str) -> httpx.Response:
    return http.head(there, headers=SPEAKS | auth)


def send(http: httpx.Client, auth: dict[str, str], data: bytes, scope: str, name: str = "a.bin") -> httpx.Response:
    """The whole in one piece; the answer to it."""
    made = begin(http, auth, hashlib.sha256(data).hexdigest(), len(data), scope, name)
    assert made.status_code == 201, made.text
    return append(http, auth, made.headers["location"], 0, data)


@cache
def picture(tag: str = "", width: int = 48, height: int = 32, exif: bytes = b"") -> bytes:
    """A small JPEG, another one for every tag."""
    out = BytesIO()
    more = {"exif": exif} if exif else {}
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "JPEG", comment=tag.encode(), **more)
    return out.getvalue()
