"""HTTP: handlers of a few lines. Authenticate, parse, call the service, return."""

from __future__ import annotations

import gzip
import io
import logging
import re
import secrets
import zlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

import zstandard
from fastapi import APIRouter, Depends, FastAPI, Form, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.describe import describe
from schemas.problems import Trouble
from schemas.wire import (
    MAX_BODY,
    OLDEST_TABLET,
    PROTOCOL,
    UPLOADS,
    Block,
    BlockRequest,
    ConflictNow,
    DecisionRequest,
    DirectoryAnswer,
    EnrolAnswer,
    EnrolRequest,
    Me,
    OutcomeNow,
    OutcomeQuery,
    PushAnswer,
    PushHead,
    SeenAnswer,
    SeenHead,
)
from sync_server.auth import Auth
from sync_server.service import Caller, Service

log = logging.getLogger("jingtu")
NDJSON = "application/x-ndjson"
PROBLEM = "application/problem+json"
_WORDS = {"type": "object", "properties": {"title": {"type": "string"}, "remedy": {"type": "string"}}}
PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "number", "status", "title", "zh", "en"],
    "properties": {
        "type": {"type": "string"}, "number": {"type": "integer"}, "status": {"type": "integer"}, "title": {"type": "string"},
        "detail": {"type": "string"}, "zh": _WORDS, "en": _WORDS,
    },
}  # fmt: skip
MAX_PACKED = 8_000_000
WINDOW = 1 << 23  # bytes a zstd body may ask to look back, and with that its reader's memory
MAX_SMALL = 1_000_000  # any body but a push
bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)


class Token(BaseModel):
    access_token: str
    token_type: str = "bearer"
    expires_in: int
    refresh_token: str | None = None


def caller(request: Request, token: Annotated[str | None, Depends(bearer)]) -> Caller:
    """Whom the bearer token speaks for. Raises Trouble 2002."""
    if not token:
        raise Trouble(2002)
    auth: Auth = request.app.state.parts.auth
    return auth.caller(token)


Who = Annotated[Caller, Depends(caller)]


def problem_response(trouble: Trouble) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if trouble.problem.status == 401 else {}
    if trouble.problem.number == 1012:  # map programs ask for a password
        headers["WWW-Authenticate"] = 'Basic realm="Jingtu", Bearer'
    if trouble.problem.status in (423, 429, 503):
        headers["Retry-After"] = str(trouble.words.get("seconds", 5))
    if trouble.problem.status == 416:
        headers["Content-Range"] = f"bytes */{trouble.words['size']}"
    return JSONResponse(trouble.body(), trouble.problem.status, headers, media_type=PROBLEM)


PAGES_WITH_FILES = re.compile(r"/console/projects/[^/]+/(?:plan/import|tasks/import|mine/[^/]+)")


def bounds_itself(scope: Scope) -> bool:
    """A push knows how much it takes, and so does an upload, whose length was announced; files of plans and leads and photos of what
    was rectified are refused on their page, by the length its browser tells."""
    path: str = scope["path"]
    if scope["method"] == "POST" and PAGES_WITH_FILES.fullmatch(path):
        length = dict(scope["headers"]).get(b"content-length", b"")
        return length.isdigit() and len(length) < 20
    if path.startswith("/api/v1/scopes/"):
        return path.endswith(("/push", "/seen"))
    return path.startswith(f"{UPLOADS}/") and scope["method"] == "PATCH"


class BodyLimit:
    """Refuses large bodies before anyone reads them, told by their length or as they come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or bounds_itself(scope):
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        told = headers.get(b"content-length", b"")
        early: list[Message] = []
        size = int(told) if told.isdigit() and len(told) < 20 else 0
        if not told and b"transfer-encoding" in headers:  # at most the limit is held, then given on as it came
            more = True
            while more and size <= MAX_SMALL:
                early.append(await receive())
                size += len(early[-1].get("body", b""))
                more = bool(early[-1].get("more_body"))
        if size > MAX_SMALL or (told and not told.isdigit()) or len(told) >= 20:
            return await problem_response(Trouble(1002, limit=MAX_SMALL))(scope, receive, send)
        early.reverse()

        async def again() -> Message:
            return early.pop() if early else await receive()

        await self._app(scope, again, send)


def handle_problems(app: FastAPI) -> None:
    """Everything that goes wrong leaves as a numbered problem; a traceback goes to the log only, under a trace number."""

    @app.exception_handler(Trouble)
    async def _known(_: Request, err: Trouble) -> Response:
        return problem_response(err)

    @app.exception_handler(RequestValidationError)
    async def _wrong(_: Request, err: RequestValidationError) -> Response:
        why = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in err.errors()[:5])
        return problem_response(Trouble(1001, why=why))

    @app.exception_handler(HTTPException)
    async def _http(_: Request, err: HTTPException) -> Response:
        return problem_response(Trouble({404: 1005, 405: 1006}.get(err.status_code, 1001), why=str(err.detail)))

    @app.exception_handler(Exception)
    async def _unknown(request: Request, err: Exception) -> Response:
        trace = secrets.token_hex(4)
        log.error("trace %s: %s %s", trace, request.method, request.url.path, exc_info=err)
        return problem_response(Trouble(1100, trace=trace))


class Marked:
    """Every answer carries the server's time and its protocol; none may be kept by anybody on the way. A tablet that is too
    old for this server is told so before anything else is looked at."""

    def __init__(self, app: ASGIApp, now_ms: Callable[[], int]) -> None:
        self._app, self._now_ms = app, now_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers["Jingtu-Time"], headers["Jingtu-Protocol"] = str(self._now_ms()), str(PROTOCOL)
                if message["status"] != 204:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        spoken = dict(scope["headers"]).get(b"jingtu-protocol", b"")
        if spoken.isdigit() and int(spoken[:9]) < OLDEST_TABLET:
            return await problem_response(Trouble(1104))(scope, receive, marked)
        await self._app(scope, receive, marked)


class Body(NamedTuple):
    """A body as it came."""

    packed: bytes
    encoding: str

    def unpacked(self) -> bytes:
        """Raises Trouble 1001, 1002. Takes a while: not for the event loop."""
        return self.packed if self.encoding == "identity" else unpack(self.packed, self.encoding)


async def read_body(request: Request) -> Body:
    """The body; its size bounded, and so is what it unpacks to, so that a small request cannot fill the memory.

    Raises Trouble 1001, 1002, 1003."""
    packed = bytearray()
    try:
        async for chunk in request.stream():
            packed += chunk
            if len(packed) > MAX_PACKED:
                raise Trouble(1002, limit=MAX_BODY)
    except ClientDisconnect as err:  # the line went dead; nobody hears this, and it is no fault of ours
        raise Trouble(1001, why={"zh": "请求没有传完", "en": "the request did not arrive whole"}) from err
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip", "zstd"):
        raise Trouble(1003, encoding=encoding[:40])
    return Body(bytes(packed), encoding)


def unpack(packed: bytes, encoding: str = "gzip") -> bytes:
    try:
        with _reader(packed, encoding) as f:
            body: bytes = f.read(MAX_BODY + 1)
        said = zstandard.frame_content_size(packed) if encoding == "zstd" else -1
        if 0 <= said <= MAX_BODY and said != len(body):  # cut short, which a zstd reader does not mind
            raise EOFError
        if encoding == "zstd" and said < 0 and len(body) <= MAX_BODY and not _is_whole_frame(packed):
            raise EOFError
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as err:
        raise Trouble(1001, why={"zh": "压缩内容不完整", "en": "the compressed body is not whole"}) from err
    if len(body) > MAX_BODY:
        raise Trouble(1002, limit=MAX_BODY)
    return body


def _is_whole_frame(packed: bytes) -> bool:
    """Of a frame that does not tell its size: the whole of one, and nothing behind it. It is read a second time for that."""
    frame = zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj()
    frame.decompress(packed)
    return frame.eof and not frame.unused_data


def _reader(packed: bytes, encoding: str) -> Any:
    if encoding == "gzip":
        return gzip.GzipFile(fileobj=io.BytesIO(packed))
    return zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(io.BytesIO(packed))


def packed_lines(request: Request, lines: Sequence[bytes], media_type: str = NDJSON) -> Response:
    """NDJSON (or one line of JSON), packed with zstd where that is understood; else the gzip of every other answer has its turn."""
    body = b"\n".join(lines)
    asked = request.headers.get("accept-encoding", "").replace(" ", "").split(",")
    understood = {part.partition(";")[0] for part in asked if not part.endswith(";q=0")}
    if "zstd" not in understood or len(body) < 500:
        return Response(body, media_type=media_type)
    headers = {"Content-Encoding": "zstd", "Vary": "Accept-Encoding"}
    return Response(
        zstandard.ZstdCompressor(1, write_checksum=True).compress(body), headers=headers, media_type=media_type
    )


def make_router(service: Service, auth: Auth) -> APIRouter:
    problem = {"description": "问题 · a numbered problem (RFC 9457)", "content": {PROBLEM: {"schema": PROBLEM_SCHEMA}}}
    api = APIRouter(prefix="/api/v1", responses={"4XX": problem, "5XX": problem})

    @api.post(
        "/auth/token",
        summary="密码、刷新令牌或设备签名换取访问令牌 · Password, refresh token or device assertion for an access token",
    )
    def token(
        request: Request,
        grant_type: Annotated[str, Form()] = "password",
        username: Annotated[str, Form(max_length=200)] = "",
        password: Annotated[str, Form(max_length=1000)] = "",
        refresh_token: Annotated[str, Form(max_length=200)] = "",
        assertion: Annotated[str, Form(max_length=4000)] = "",
    ) -> Token:
        if grant_type == "password":
            got = auth.by_password(username.strip(), password, request.client.host if request.client else "?")
        elif grant_type == "refresh_token":
            got = auth.by_refresh(refresh_token)
        elif grant_type == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            got = auth.by_assertion(assertion)
        else:
            raise Trouble(1001, why="grant_type")
        return Token(access_token=got.access_token, expires_in=got.expires_in, refresh_token=got.refresh_token)

    @api.post("/enrol", summary="用一次性登记码登记设备 · Enrol a device with a one-time code")
    def enrol(request: EnrolRequest) -> EnrolAnswer:
        return service.enrol(request)

    @api.get("/types", summary="全部记录类型 · Every record type, its fields, limits, atoms and code lists")
    def types() -> dict[str, Any]:
        return describe()

    @api.get(
        "/me",
        summary="我是谁，能看哪些数据范围，到哪了 · Who am I, which scopes may I see, and how far are they",
        response_model=Me,
        responses={204: {"description": "与 state 所指相同 · all is as in the state asked about"}},
    )
    def me(
        who: Who,
        epoch: Annotated[str | None, Query(max_length=100)] = None,
        state: Annotated[str | None, Query(max_length=40)] = None,
    ) -> Me | Response:
        said = service.me(who, epoch)
        # nothing that is shared may keep an answer to a request with a token, so not even that is said
        return Response(status_code=204) if state is not None and state == said.state else said

    @api.post("/blocks", summary="领取号段 · Take a block of numbers")
    def block(who: Who, request: BlockRequest) -> Block:
        return service.take_block(who, request.use, request.size)

    @api.post(
        "/scopes/{scope}/push",
        summary="提交变更 · Push changes (NDJSON: PushHead, then one change a line)",
        openapi_extra={"requestBody": {"required": True, "content": {NDJSON: {"schema": {"type": "string"}}}}},
        response_model=PushAnswer,
    )
    async def push(who: Who, scope: str, request: Request) -> Response:
        body = await read_body(request)

        def taken() -> Response:  # all of it in one thread: between threads every change of hands costs
            head, lines = _headed(body.unpacked(), PushHead)
            answer = service.push(who, scope, head, lines)
            return Response(answer.model_dump_json(), media_type="application/json")

        return await run_in_threadpool(taken)

    @api.get(
        "/scopes/{scope}/pull",
        summary="拉取记录 · Pull rows with seq > cursor (NDJSON: PullHead, then one row a line)",
        response_class=Response,
        responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
    )
    def pull(
        request: Request, who: Who, scope: str,
        cursor: Annotated[int, Query(ge=0, le=2**62)] = 0,
        epoch: Annotated[str | None, Query(max_length=100)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    ) -> Response:  # fmt: skip
        head, lines = service.pull(who, scope, epoch, cursor, limit)
        return packed_lines(request, [head.model_dump_json(exclude_none=True).encode(), *lines])

    @api.get(
        "/scopes/{scope}/directory",
        summary="项目的签名名录：谁的公钥、单位、计划、车辆 · The signed directory of a project: keys, firms, plans, vehicles",
        response_model=DirectoryAnswer,
        responses={304: {"description": "与 If-None-Match 所指相同 · as the one asked about"}},
    )
    def directory(request: Request, who: Who, scope: str) -> Response:
        kept = service.directory(who, scope)
        tag = f'"{kept.hash}"'
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers={"ETag": tag})
        body = DirectoryAnswer(directory=kept.text, signature=kept.signature).model_dump_json().encode()
        answer = packed_lines(request, [body], "application/json")
        answer.headers["ETag"] = tag
        return answer

    @api.post("/scopes/{scope}/outcomes", summary="待关联变更的现况 · What became of parked changes")
    def outcomes(who: Who, scope: str, query: OutcomeQuery) -> list[OutcomeNow]:
        return service.outcomes(who, scope, query.ids)

    @api.post(
        "/scopes/{scope}/seen",
        summary="恢复之后：把之前拉取到、服务器上已没有的记录交来备查 · After a restore: rows pulled before that the server lost",
        openapi_extra={"requestBody": {"required": True, "content": {NDJSON: {"schema": {"type": "string"}}}}},
    )
    async def seen(who: Who, scope: str, request: Request) -> SeenAnswer:
        body = await read_body(request)
        head, lines = _headed(await run_in_threadpool(body.unpacked), SeenHead)
        return SeenAnswer(kept=await run_in_threadpool(service.take_seen, who, scope, head, lines))

    @api.get(
        "/conflicts/{conflict}", summary="一条冲突：两个值，各是谁填的 · A conflict: both values, and whose they are"
    )
    def conflict(who: Who, conflict: str) -> ConflictNow:
        return service.conflict(who, conflict)

    @api.post("/conflicts/{conflict}/decision", summary="裁决一条冲突 · Decide a conflict")
    def decide(who: Who, conflict: str, request: DecisionRequest) -> ConflictNow:
        return service.decide_conflict(who, conflict, request.choice, request.reason, request.value)

    return api


Head = TypeVar("Head", bound=BaseModel)


def _headed(body: bytes, model: type[Head]) -> tuple[Head, list[bytes]]:
    """A first line that says what follows, then the lines. Raises Trouble 1001."""
    first, _, rest = body.partition(b"\n")
    try:
        head = model.model_validate_json(first)
    except ValidationError as err:
        raise Trouble(1001, why=_short(err)) from err
    lines = rest.split(b"\n") if rest else []
    if lines and not lines[-1]:
        lines.pop()
    return head, lines


def _short(err: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in err.errors()[:3])
