"""Photos and other files over HTTP: tus 1.0 (core, creation, checksum, expiration) to send them, ranges to fetch them.

docs/sync-protocol.md says it in prose. Handlers of a few lines; what is allowed and what becomes of a file is the service's.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from binascii import Error as NotBase64
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.problems import Trouble
from schemas.wire import BLOBS, STORED, TUS, UPLOADS
from sync_server.api import PROBLEM, PROBLEM_SCHEMA, Who, problem_response
from sync_server.blobs.incoming import Checksum, Incoming
from sync_server.blobs.outgoing import PIECE, handed_out, hash_of
from sync_server.blobs.outgoing import shown as shown_as
from sync_server.service import Service
from sync_server.store import UploadRow

EXTENSIONS = "creation,checksum,expiration"
ALGORITHMS = {"sha1": 20, "sha256": 32}  # bytes of the digest
APPENDS = "application/offset+octet-stream"
STALLED_S = (
    30  # a request of which nothing comes for so long is over: whoever sent it may already be back on another line
)
MOST_DIGITS = 15
MAX_METADATA = 8000
SHOWN = (
    4  # thumbnails made or waited for at a time: whoever scrolls through hundreds keeps no thread from those who sync
)
_PICTURES = re.compile(r"/console/projects/[^/]+/photos/")
_HASH, _NUMBER = re.compile(r"[0-9a-f]{64}"), re.compile(rf"\d{{1,{MOST_DIGITS}}}")


class Spoken:
    """What tus asks of every request and answer: its version, the description of what is spoken, and the other way to say the
    method. An address that ends in a hash is no part of tus and is answered without a version."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_blobs(scope):
            return await self._app(scope, receive, send)
        given = Headers(scope=scope)
        if scope["method"] == "POST" and (instead := given.get("x-http-method-override", "").upper()) in (
            "PATCH",
            "HEAD",
        ):
            scope = {**scope, "method": instead}

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers["Tus-Resumable"] = TUS
                if scope["method"] == "OPTIONS" or message["status"] == 412:
                    headers["Tus-Version"] = TUS
            await send(message)

        if scope["method"] == "OPTIONS":
            told = {
                "Tus-Extension": EXTENSIONS,
                "Tus-Max-Size": str(self._max),
                "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
            }
            return await Response(status_code=204, headers=told)(scope, receive, marked)
        speaks = scope["path"].startswith(f"{UPLOADS}/") or scope["path"] == BLOBS
        if speaks and scope["method"] not in ("GET", "OPTIONS") and given.get("tus-resumable") != TUS:
            return await problem_response(Trouble(1308, version=TUS))(scope, receive, marked)
        await self._app(scope, receive, marked)


class Packed:
    """gzip for every answer but files: those are packed already, and are not to be held."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._packing = app, GZipMiddleware(app, minimum_size=500, compresslevel=1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        plain = scope["type"] == "http" and (is_blobs(scope) or _PICTURES.match(scope["path"]) is not None)
        await (self._app if plain else self._packing)(scope, receive, send)


def is_blobs(scope: Scope) -> bool:
    path: str = scope["path"]
    return path == BLOBS or path.startswith(f"{BLOBS}/")


def make_blob_router(service: Service) -> APIRouter:
    problem = {"description": "问题 · a numbered problem (RFC 9457)", "content": {PROBLEM: {"schema": PROBLEM_SCHEMA}}}
    api = APIRouter(prefix=BLOBS, responses={"4XX": problem, "5XX": problem})
    shown = asyncio.Semaphore(SHOWN)
    raw = {"description": "文件内容 · the file", "content": {"application/octet-stream": {}}}

    @api.post(
        "", status_code=201, response_class=Response, summary="开始上传文件（tus）· Begin an upload (tus creation)"
    )
    def begin(who: Who, request: Request) -> Response:
        size = _number(request, "Upload-Length")
        said = request.headers.get("upload-metadata", "")
        told = _metadata(said)
        row = service.begin_upload(who, told.sha256, size, told.filename, told.scope, said)
        return Response(status_code=201, headers={"Location": f"{UPLOADS}/{row.id}", **_stands(row)})

    @api.head("/uploads/{upload}", response_class=Response, summary="上传到哪了（tus）· How far an upload is (tus)")
    def stands(who: Who, upload: str) -> Response:
        row = service.upload_at(who, upload)
        told = {"Upload-Length": str(row.size), "Upload-Metadata": row.metadata, "Cache-Control": "no-store"}
        return Response(headers=told | _stands(row))

    @api.patch(
        "/uploads/{upload}", status_code=204, response_class=Response, summary="续传（tus）· Send bytes of a file (tus)",
        openapi_extra={"requestBody": {"required": True, "content": {APPENDS: {"schema": {"type": "string"}}}}},
    )  # fmt: skip
    async def append(who: Who, upload: str, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != APPENDS:
            raise Trouble(1312, type=APPENDS)
        if (packed := request.headers.get("content-encoding", "identity").lower()) != "identity":
            raise Trouble(1003, encoding=packed[:40])
        offset = _number(request, "Upload-Offset")
        coming = _number(request, "Content-Length") if "content-length" in request.headers else None
        checksum = _checksum(request.headers.get("upload-checksum"))
        work = await run_in_threadpool(service.append_to, who, upload, offset, coming, checksum)
        try:
            rest, cut = await _poured(request, service, work)
            row = await run_in_threadpool(service.end_upload, work, rest, cut)
        finally:
            work.close()
        if row is None:
            return Response(status_code=204, headers={"Upload-Offset": str(work.row.size), STORED: work.row.sha256})
        if cut:  # mostly nobody hears it
            raise Trouble(1001, why={"zh": "请求没有传完", "en": "the request did not arrive whole"})
        return Response(status_code=204, headers=_stands(row))

    @api.get("/{sha256}", response_class=Response, responses={200: raw, 206: raw}, summary="取文件 · Fetch a file")
    @api.head("/{sha256}", response_class=Response, summary="文件是否已在 · Is a file there")
    def fetch(
        who: Who, sha256: str, request: Request, scope: Annotated[str | None, Query(max_length=200)] = None
    ) -> Response:
        seen = service.see_blob(who, hash_of(sha256), scope, ask=request.method == "HEAD")
        return handed_out(request, service, seen.blob, seen.name)

    @api.get(
        "/{sha256}/thumbnail", response_class=Response, summary="照片缩略图 · A thumbnail of a photo",
        responses={200: {"content": {"image/jpeg": {}}}},
    )  # fmt: skip
    async def thumbnail(
        who: Who, sha256: str,
        size: Annotated[int, Query(ge=1, le=10_000)] = 400,
        scope: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Response:  # fmt: skip
        async with shown:
            made = await run_in_threadpool(service.thumbnail, who, hash_of(sha256), size, scope)
        return Response(made, headers=shown_as("", sha256, "jpg"))

    return api


# --- what comes ------------------------------------------------------------------------------------------------------


class Metadata(NamedTuple):
    sha256: str
    filename: str
    scope: str


def _metadata(text: str) -> Metadata:
    """Upload-Metadata: pairs of a key and base64, separated by commas. Raises Trouble 1310."""
    found: dict[str, str] = {}
    if len(text) > MAX_METADATA:
        raise Trouble(1310, why={"zh": f"超过 {MAX_METADATA} 个字符", "en": f"more than {MAX_METADATA} characters"})
    for pair in text.split(","):
        key, _, value = pair.strip().partition(" ")
        try:
            said = b64decode(value.strip(), validate=True).decode()
        except (NotBase64, UnicodeDecodeError, ValueError):
            raise Trouble(
                1310, why={"zh": f"{key[:40]} 不是 base64 的 UTF-8 文本", "en": f"{key[:40]} is not UTF-8 in base64"}
            ) from None
        found.setdefault(key, said)
    sha, scope = found.get("sha256", "").strip().lower(), found.get("scope", "")
    if not _HASH.fullmatch(sha):
        raise Trouble(1310, why={"zh": "sha256 须为 64 位十六进制", "en": "sha256 must be 64 hex digits"})
    if not scope or "\0" in scope:
        raise Trouble(1310, why={"zh": "缺少 scope（数据范围）", "en": "scope is missing"})
    return Metadata(sha, found.get("filename", ""), scope[:200])


def _number(request: Request, header: str) -> int:
    """Raises Trouble 1001."""
    said = request.headers.get(header, "")
    if not _NUMBER.fullmatch(said):
        raise Trouble(1001, why={"zh": f"{header} 须为非负整数", "en": f"{header} must be a number of bytes"})
    return int(said)


def _checksum(said: str | None) -> Checksum | None:
    """Raises Trouble 1001."""
    if said is None:
        return None
    algorithm, _, given = said.strip().partition(" ")
    try:
        digest = b64decode(given.strip(), validate=True)
    except (NotBase64, ValueError):
        digest = b""
    if ALGORITHMS.get(algorithm) != len(digest):
        known = "sha1 / sha256"
        raise Trouble(
            1001,
            why={"zh": f"Upload-Checksum 须为 {known} 加 base64", "en": f"Upload-Checksum must be {known} and base64"},
        )
    return Checksum(algorithm, digest)


async def _poured(request: Request, service: Service, work: Incoming) -> tuple[bytearray, bool]:
    """Give the body to the disk piece by piece as it comes; back comes what is left of it, and whether the line went dead."""
    held, stream = bytearray(), request.stream()
    try:
        while True:
            async with asyncio.timeout(STALLED_S):
                held += await anext(stream)
            if len(held) >= PIECE:
                full, held = held, bytearray()
                await run_in_threadpool(service.write_upload, work, full)
    except StopAsyncIteration:
        return held, False
    except (ClientDisconnect, TimeoutError):
        return held, True


# --- what goes out ---------------------------------------------------------------------------------------------------


def _stands(row: UploadRow) -> dict[str, str]:
    until = datetime.fromtimestamp(row.expires_at // 1000, UTC)
    return {"Upload-Offset": str(row.stands_at), "Upload-Expires": format_datetime(until, usegmt=True)}
