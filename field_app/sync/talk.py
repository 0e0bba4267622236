"""Requests to the server: tokens, tries, and what counts as an answer.

A 200 is success only when it carries what was asked for, whole and checked; anything else is "not reached".
"""

from __future__ import annotations

import gzip
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import httpx
import zstandard
from pydantic import BaseModel, ValidationError

from field_app.keys import Identity
from field_app.store import Store
from schemas import canonical
from schemas.problems import PROBLEMS, Trouble
from schemas.rules import evidence
from schemas.wire import OLDEST_SERVER, PROTOCOL

TRIES = 4  # of one request, before this scope waits for the next sync
DAMAGED = (1001, 1207)  # unreadable there: most likely hurt on the way, so worth another try
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523
QUICK_S = 5.0  # an answer that took longer says too little about the clock
CLOCK_STEP_MS = 500  # a difference to the server's clock that moved by less is not noted anew
Model = TypeVar("Model", bound=BaseModel)


@dataclass
class SyncResult:
    """What a sync did. `reached` = the server answered at all; `problems` name what has to wait, nothing is lost."""

    reached: bool = False
    pushed: int = 0
    acknowledged: int = 0
    rejected: int = 0
    parked: int = 0
    conflicts: int = 0
    pulled: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    digests_equal: bool = False
    stopped: bool = False  # by a person; what is left goes on with the next sync
    problems: list[Trouble] = field(default_factory=list)
    photos: int = 0  # that the server has now and, for all that was known here, had not before
    thumbs: int = 0  # small pictures of others' photos that came
    photo_problems: list[Trouble] = field(default_factory=list)  # what photos wait for; records are not touched by it


class Progress(NamedTuple):
    """What is under way. Changes sent and to send, or the seq reached and the scope's last one, or photos on the server and all of
    them; bytes of the whole sync. Of photos also the one on its way, as far as it is and whole, and all that are left, in bytes."""

    phase: str  # push, pull, photos or thumbs
    scope: str
    done: int
    total: int
    up: int = 0
    down: int = 0
    at: int = 0
    size: int = 0
    left: int = 0


class NotReached(Exception):
    """No usable answer: timeout, cut, captive portal, proxy page, a server that cannot. `trouble` says it in words."""

    def __init__(self, trouble: Trouble | None = None) -> None:
        self.trouble = trouble or Trouble(5004)
        super().__init__(str(self.trouble))


class Stopped(NotReached):
    """The person said so."""


class Packed:
    """Lines of a request's body. Packed with zstd, which is four times as fast as gzip; a server older than that says so once
    (1003), and gets gzip."""

    def __init__(self, lines: Sequence[bytes], zstd: bool) -> None:
        self._lines, self.zstd = lines, zstd
        whole = b"\n".join(lines)
        self.content = (
            zstandard.ZstdCompressor(1, write_checksum=True).compress(whole)
            if zstd
            else gzip.compress(whole, 1, mtime=0)
        )

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": "application/x-ndjson", "Content-Encoding": "zstd" if self.zstd else "gzip"}

    def again(self) -> None:
        """For an older server."""
        self.__init__(self._lines, zstd=False)  # type: ignore[misc]


class Turn:
    """One conversation at a time. Who is in one that takes long lets those in who came meanwhile, between two requests."""

    def __init__(self) -> None:
        self._free, self._held, self._waiting = threading.Condition(), False, 0

    def __enter__(self) -> None:
        with self._free:
            self._waiting += 1
            try:
                self._free.wait_for(lambda: not self._held)
                self._held = True
            finally:
                self._waiting -= 1

    def __exit__(self, *_: object) -> None:
        with self._free:
            self._held = False
            self._free.notify_all()

    @property
    def wanted(self) -> bool:
        return self._waiting > 0

    def let_in(self) -> None:
        """Everybody who waits now, one after the other; then it is ours again."""
        with self._free:
            self._held = False
            self._free.notify_all()
            self._free.wait_for(lambda: not self._held and not self._waiting)
            self._held = True


class Talk:
    """`transport` and `pause` are replaced in tests; everything else is what ships."""

    def __init__(
        self, store: Store, transport: httpx.BaseTransport | None = None, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.store = store
        self._transport, self._pause = transport, pause
        self._tokens: dict[str, str] = {}  # enrolment → access token
        self._tls: ssl.SSLContext | None = None
        self._result = SyncResult()
        self._zstd = True
        self._http: httpx.Client
        self._who: Identity
        self._stop = threading.Event()
        self._turn = Turn()  # windows and the clock may all ask for one

    def stop(self) -> None:
        """End the sync that runs, before its next request."""
        self._stop.set()

    def reachable(self, server_url: str, within_s: float = 5.0) -> bool:
        """Does our server answer there? One small request that says nothing about anybody."""
        with self._client(server_url) as http, suppress(httpx.HTTPError, httpx.InvalidURL, ValueError):
            answer = http.get("/api/v1/me", timeout=within_s)
            return ours(answer) and answer.status_code < 500
        return False

    def _client(self, base_url: str) -> httpx.Client:
        timeout = httpx.Timeout(60.0, connect=10.0)
        spoken = {"Jingtu-Protocol": str(PROTOCOL)}
        if self._transport is not None:
            http = httpx.Client(base_url=base_url, transport=self._transport, timeout=timeout, trust_env=False)
            return _plain(http, spoken)
        # reading the system's certificates takes 0.1 s: once per app, and only where TLS is spoken
        if self._tls is None and base_url.startswith("https:"):
            self._tls = httpx.create_ssl_context()
        return _plain(httpx.Client(base_url=base_url, verify=self._tls or False, timeout=timeout), spoken)

    def _pack(self, lines: Sequence[bytes]) -> Packed:
        return Packed(lines, self._zstd)

    def _ask(
        self, method: str, path: str, model: type[Model], check: Callable[[Model], bool] | None = None, **request: Any
    ) -> Model:
        def whole(response: httpx.Response) -> Model | None:
            answer = parsed(response, model)
            return answer if answer is not None and (check is None or check(answer)) else None

        return whole(self._raw(method, path, check=whole, **request)) or refuse()

    def _raw(
        self,
        method: str,
        path: str,
        check: Callable[[httpx.Response], object],
        before: Callable[[], None] | None = None,
        or_same: bool = False,
        tries: int = TRIES,
        good: Collection[int] = (200,),
        **request: Any,
    ) -> httpx.Response:
        """Send until a whole, checked answer came, with a status of `good`; `or_same`: or our server's word (204) that nothing is
        new. Raises Trouble for a problem the server states, else NotReached with what was last met."""
        packed: Packed | None = request.pop("packed", None)
        given: dict[str, str] = request.pop("headers", {})
        damaged: Trouble | None = None
        met: Trouble | None = None
        for attempt in range(tries):
            if self._stop.is_set():
                raise Stopped
            if attempt:
                self._pause(0.2 * 2**attempt)
            try:
                token = self._tokens.get(self._who.enrolment) or self._new_token()
            except Trouble as err:
                # the statement arrived twice and counts once (2002), our clock was far off (2008), the server cannot now: once
                # more, with another
                if err.problem.number not in (2002, 2008) and err.problem.status < 500:
                    raise
                if attempt == tries - 1 and err.problem.status < 500:
                    raise
                met = err
                continue
            except httpx.HTTPError as err:
                met = met_instead(err)
                continue
            try:
                if before:
                    before()
                began = time.monotonic()
                more = {"content": packed.content} if packed else {}
                headers = {**given, **(packed.headers if packed else {}), "Authorization": f"Bearer {token}"}
                response = self._http.request(method, path, headers=headers, **request, **more)
            except httpx.HTTPError as err:
                met = met_instead(err)
                continue
            finally:
                self._result.bytes_up += len(packed.content if packed else request.get("content") or b"")
            self._result.bytes_down += response.num_bytes_downloaded
            self._note_time(response, time.monotonic() - began)
            trouble = _trouble(response)
            if trouble is not None and not (method == "HEAD" and response.status_code in good):
                if trouble.problem.number == 2002:
                    self._tokens.pop(self._who.enrolment, None)
                elif trouble.problem.number in DAMAGED:
                    damaged = trouble
                elif trouble.problem.number == 1003 and packed and packed.zstd:
                    self._zstd = False
                    packed.again()
                elif trouble.problem.status < 500:
                    raise trouble
                else:
                    met = trouble
                continue
            if response.status_code in good and check(response) is not None:
                return response
            if response.status_code == 401 and ours(response):  # to HEAD, whose answer has no body that says so
                self._tokens.pop(self._who.enrolment, None)
                continue
            # a captive portal may say 204 to anything, but not in our server's name
            if or_same and response.status_code == 204 and "jingtu-protocol" in response.headers:
                return response
            met = foreign(response)
        raise damaged or NotReached(met)

    def _new_token(self) -> str:
        """An access token for a signed statement of who we are: nobody types a password in the field."""
        identity = self._who
        clock: Trouble | None = None
        for _ in range(2):
            offset = int(self.store.meta("server_offset_ms") or 0)
            now = int((self.store.clock.now().timestamp() * 1000 + offset) // 1000)
            claims = {
                "iss": identity.enrolment,
                "aud": "jingtu",
                "iat": now,
                "exp": now + 120,
                "jti": secrets.token_hex(16),
            }
            body = ".".join(evidence.b64(canonical.dumps(part)) for part in ({"alg": "EdDSA", "typ": "JWT"}, claims))
            assertion = f"{body}.{evidence.sign(identity.private_key, body.encode())}"
            began = time.monotonic()
            response = self._http.post("/api/v1/auth/token", data={"grant_type": JWT_BEARER, "assertion": assertion})
            trouble = _trouble(response)
            self._note_time(response, time.monotonic() - began)
            if trouble is not None:
                if trouble.problem.number == 2008:
                    clock = trouble
                    continue  # once more, by the server's time
                raise trouble
            try:
                token = response.json()["access_token"] if response.status_code == 200 else None
            except (ValueError, KeyError, TypeError):
                token = None
            if not isinstance(token, str):
                raise foreign(response) or httpx.ProtocolError("not a token")
            self._tokens[identity.enrolment] = token
            return token
        raise clock or httpx.ProtocolError("clock")

    def _note_time(self, response: httpx.Response, taken_s: float) -> None:
        """How far the server's clock is from ours: told with every answer, noted where it moved."""
        told = response.headers.get("Jingtu-Time", "")
        if told.isdigit() and len(told) < 16 and taken_s < QUICK_S:
            offset = int(told) - int((self.store.clock.now().timestamp() - taken_s / 2) * 1000)
            known = self.store.meta("server_offset_ms")
            if known is None or abs(offset - int(known)) > CLOCK_STEP_MS:
                self.store.set_meta("server_offset_ms", str(offset))

    def _read(self, response: httpx.Response, model: type[Model]) -> Model:
        trouble = _trouble(response)
        if trouble is not None:
            raise trouble
        answer = parsed(response, model) if response.status_code == 200 else None
        if answer is None:
            raise NotReached(foreign(response))
        return answer


def _plain(http: httpx.Client, headers: dict[str, str]) -> httpx.Client:
    """Only headers that mean something to our server: each request of a sync pays for every byte."""
    http.headers = httpx.Headers({"Accept-Encoding": "zstd", **headers})
    for name in ("accept", "connection", "user-agent"):
        http.headers.pop(name, None)
    return http


def refuse() -> Any:
    raise NotReached


def ours(response: httpx.Response) -> bool:
    """Does this answer speak in our server's name? Every one of its answers does, errors too."""
    return "jingtu-protocol" in response.headers


def foreign(response: httpx.Response) -> Trouble | None:
    """Of an answer that does not count: is it of somebody else, such as the page that asks to sign in to a network? A
    failing gateway before our server (5xx) is not."""
    if ours(response) or (response.status_code >= 500 and response.status_code != 511):  # 511: RFC 6585
        return None
    return Trouble(5020)


def met_instead(err: BaseException) -> Trouble | None:
    """What a request that failed on its way met, as far as that is worth other words than "not reached"."""
    cause: BaseException | None = err
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Trouble(5021)
        cause = cause.__cause__ or cause.__context__
    return None


def parsed(response: httpx.Response, model: type[Model]) -> Model | None:
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        return None


def _trouble(response: httpx.Response) -> Trouble | None:
    """The server's own word on what is wrong; a proxy's error page is not one."""
    spoken = response.headers.get("jingtu-protocol", "")
    if spoken.isdigit() and int(spoken[:9]) < OLDEST_SERVER:
        return Trouble(5006)
    if "application/problem+json" not in response.headers.get("content-type", ""):
        return None
    try:
        body = response.json()
        number = int(body["number"])
    except (ValueError, KeyError, TypeError):
        return None
    if number not in PROBLEMS:  # a newer server: show its own words
        number = 5005
    known = PROBLEMS[number]
    trouble = Trouble(number, {k: v for k, v in body.items() if k not in ("type", "title", "detail")})
    said = {lang: body[lang].get("title") for lang in ("zh", "en") if isinstance(body.get(lang), dict)}
    trouble.said = {lang: str(said.get(lang) or getattr(known, lang)) for lang in ("zh", "en")}
    return trouble
