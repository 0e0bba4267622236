"""The simulated network: the shipped server application behind httpx, with faults put in between.

Only transport and clock are simulated. A fault happens to the request or to the answer; the server cannot tell.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import httpx
import uvicorn

if TYPE_CHECKING:
    from tests.sim.process import ServerProcess


async def _here(work: Callable[..., Any], *args: Any, **_: Any) -> Any:
    return work(*args)


class AppTransport(httpx.BaseTransport):
    """Runs the real ASGI application in this thread, without sockets and without a pool of threads: a seed always takes
    the same course, and a request costs a third."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        pool, anyio.to_thread.run_sync = anyio.to_thread.run_sync, _here  # type: ignore[assignment]
        try:
            return self._loop.run_until_complete(self._call(request, body))
        finally:
            anyio.to_thread.run_sync = pool

    async def _call(self, request: httpx.Request, body: bytes) -> httpx.Response:
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method, "scheme": "http",
            "path": request.url.path, "raw_path": request.url.raw_path.split(b"?")[0], "query_string": request.url.query,
            "root_path": "", "headers": [(k.lower(), v) for k, v in request.headers.raw],
            "server": ("sim", 80), "client": ("sim", 1),
        }  # fmt: skip
        cut: int | None = request.extensions.get("cut")  # the line goes dead after so many bytes of the body
        sent = [{"type": "http.request", "body": body[:cut], "more_body": cut is not None}]
        start: dict[str, Any] = {}
        parts: list[bytes] = []
        done = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if sent:
                return sent.pop()
            if cut is None:
                await done.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    done.set()

        try:
            await self._app(scope, receive, send)
        except Exception:  # raised once more after the answer was made, for a real server's log
            if not start:
                raise
        return httpx.Response(start["status"], headers=start["headers"], content=b"".join(parts), request=request)

    def close(self) -> None:
        """httpx closes its transport after every client; the loop lives on for the next one."""

    def shut(self) -> None:
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


FAULTS = ("lose", "lose_answer", "cut", "cut_answer", "repeat", "repeat_late", "late", "portal", "stale")


class FaultyTransport(httpx.BaseTransport):
    """Loses requests, loses answers, cuts both, repeats requests (at once or much later, out of order), and like a bad
    proxy answers with its own page or with what it has kept of an earlier answer.

    `share` of the calls meet a fault, chosen by the seeded `rng`."""

    def __init__(
        self, inner: httpx.BaseTransport, rng: random.Random, share: float, between: Callable[[], None] | None = None
    ) -> None:
        self._inner, self._rng, self.share = inner, rng, share
        self._between = between or (lambda: None)
        self._late: list[httpx.Request] = []
        self._kept: dict[str, httpx.Response] = {}  # the last answer of each address
        self.faults: dict[str, int] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self._between()
        if self._late and self._rng.random() < 0.3:  # an old request arrives now, out of order
            self._forward(self._late.pop(self._rng.randrange(len(self._late))))
        if self._rng.random() >= self.share:
            return self._forward(request)
        fault = self._rng.choice(FAULTS)
        if request.url.path.endswith("/push") and self._rng.random() < 0.3:
            fault = "stale"
        self.faults[fault] = self.faults.get(fault, 0) + 1
        if fault == "lose":
            raise httpx.ConnectTimeout("lost", request=request)
        if fault == "cut":
            body = request.content[: self._rng.randrange(len(request.content) + 1)] if request.content else b""
            self._forward(
                httpx.Request(request.method, request.url, headers=_without_length(request.headers), content=body)
            )
            raise httpx.WriteError("cut", request=request)
        if fault == "lose_answer":
            self._forward(request)
            raise httpx.ReadTimeout("answer lost", request=request)
        if fault == "cut_answer":
            answer = self._forward(request)
            body = answer.read()
            headers = _without_length(answer.headers)
            return httpx.Response(
                answer.status_code, headers=headers, content=body[: self._rng.randrange(len(body) + 1)], request=request
            )
        if fault == "repeat":
            self._forward(request)
            return self._forward(request)
        if fault == "repeat_late":
            self._late.append(request)
            return self._forward(request)
        if fault == "stale":
            old = self._kept.get(request.url.path)
            if old is not None and request.method == "POST":  # answers to GET say that they must not be kept
                return httpx.Response(old.status_code, headers=old.headers, content=old.content, request=request)
            raise httpx.ConnectError("refused", request=request)
        if fault == "late":
            self._late.append(request)
            raise httpx.ReadTimeout("stuck somewhere", request=request)
        return httpx.Response(200, html="<html>Welcome to the hotel</html>", request=request)  # captive portal

    def _forward(self, request: httpx.Request) -> httpx.Response:
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        response = self._inner.handle_request(copy)
        response.read()
        answer = httpx.Response(
            response.status_code, headers=_without_length(response.headers), content=response.content, request=request
        )
        self._kept[request.url.path] = answer
        return answer

    def deliver_late(self) -> None:
        """What was stuck arrives now."""
        for request in self._late:
            self._forward(request)
        self._late.clear()

    def close(self) -> None:
        pass


def _without_length(headers: httpx.Headers) -> list[tuple[bytes, bytes]]:
    return [
        (k, v)
        for k, v in headers.raw
        if k.lower() not in (b"content-length", b"content-encoding", b"transfer-encoding")
    ]


class KeptOpen(httpx.BaseTransport):
    """httpx closes its transport after every client; these sockets serve the next one too."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.handle_request = inner.handle_request  # type: ignore[method-assign]


class Spread(httpx.BaseTransport):
    """What stands before several server processes: each request goes to one of them. Now and then that one dies while it is
    at it, and is back some requests later."""

    def __init__(self, servers: Sequence[ServerProcess], rng: random.Random, deaths: Callable[[], float]) -> None:
        self._servers, self._rng, self._deaths = servers, rng, deaths
        self._sockets = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        server = self._rng.choice([s for s in self._servers if s.up] or self._servers)
        server.asked += 1
        url = request.url.copy_with(host="127.0.0.1", port=server.port)
        sent = httpx.Request(request.method, url, headers=request.headers, content=request.read())
        if self._rng.random() >= self._deaths():
            return self._sockets.handle_request(sent)
        death = threading.Timer(self._rng.random() * 0.03, server.again)
        death.start()
        try:
            answer = self._sockets.handle_request(sent)
            answer.read()
            return answer
        finally:
            death.join()

    def close(self) -> None:
        """httpx closes its transport after every client; these sockets serve the next one too."""

    def shut(self) -> None:
        self._sockets.close()


class SmallPages(httpx.BaseTransport):
    """Asks for pulls in small pages, as a server with far more rows would answer them: a sync can be cut between them."""

    def __init__(self, inner: httpx.BaseTransport, rows: int) -> None:
        self._inner, self._rows = inner, str(rows)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/pull"):
            url = request.url.copy_merge_params({"limit": self._rows})
            request = httpx.Request(request.method, url, headers=request.headers)
        return self._inner.handle_request(request)


def served(app: Any) -> tuple[str, Callable[[], None]]:
    """The application on a real socket of this machine: its address, and how to stop it."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]

    def stop() -> None:
        server.should_exit = True
        thread.join(10)

    return f"http://127.0.0.1:{port}", stop
