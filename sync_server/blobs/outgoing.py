"""How a file that is here goes out over HTTP: its headers, the part that was asked for, its bytes piece by piece.

Whatever a file holds, no browser shows it as a page of ours: it is an attachment of a type that was proven, or of none.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import BinaryIO, NamedTuple
from urllib.parse import quote

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from schemas.problems import Trouble
from sync_server.service import Service
from sync_server.store import BlobRow

PIECE = 1 << 20  # bytes read from the disk at a time
KINDS = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_HASH = re.compile(r"[0-9a-f]{64}")
_ONE_RANGE = re.compile(r"bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))")


def hash_of(said: str) -> str:
    """Raises Trouble 1309 for what is no hash: nothing lies under it."""
    if not _HASH.fullmatch(said):
        raise Trouble(1309)
    return said


def shown(name: str, sha: str, kind: str) -> dict[str, str]:
    named = name or f"{sha[:16]}.{kind if kind in KINDS else 'bin'}"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", named)
    return {
        "Content-Type": KINDS.get(kind, "application/octet-stream"),
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(named, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def handed_out(
    request: Request, service: Service, blob: BlobRow, name: str, more: dict[str, str] | None = None
) -> Response:
    """The answer to GET or HEAD of a file that whoever asks may see. Raises Trouble 1309, 1313."""
    tag = f'"{blob.sha256}"'
    headers = shown(name, blob.sha256, blob.kind) | {"ETag": tag, "Accept-Ranges": "bytes"} | (more or {})
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    part = _part(request, tag, blob.size)
    headers["Content-Length"] = str(part.last - part.first + 1)
    if part.of:
        headers["Content-Range"] = f"bytes {part.first}-{part.last}/{blob.size}"
    status = 206 if part.of else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_pieces(service.open_blob(blob.sha256), part), status, headers)


class Part(NamedTuple):
    """Bytes `first` to `last` of a file; `of`: it was asked for as a part."""

    first: int
    last: int
    of: bool


def _part(request: Request, tag: str, size: int) -> Part:
    """A single range counts; several, and what cannot be read, are as none. Raises Trouble 1313."""
    whole = Part(0, size - 1, False)
    asked = _ONE_RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if asked is None or request.headers.get("if-range", tag) != tag:
        return whole
    begin, end, tail = asked.groups()
    if tail is not None:
        first, last = max(0, size - int(tail)), size - 1
    else:
        first, last = int(begin), min(int(end), size - 1) if end else size - 1
        if end and int(end) < first:  # not a range at all
            return whole
    if first > last:
        raise Trouble(1313, size=size)
    return Part(first, last, True)


async def _pieces(file: BinaryIO, part: Part) -> AsyncIterator[bytes]:
    try:
        await run_in_threadpool(file.seek, part.first)
        left = part.last - part.first + 1
        while left and (piece := await run_in_threadpool(file.read, min(left, PIECE))):
            yield piece
            left -= len(piece)
    finally:
        file.close()
