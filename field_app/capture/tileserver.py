"""Hands map tiles to the app's own client, which takes them over HTTP only.

On a device by a server of its own on the loopback address, that no other machine reaches; where the app is a web page, by
that page's server (`asgi`), because the browser's loopback need not be ours. Either way the path begins with a word
nobody else knows. A tile that is not there is a transparent picture: for an error the client would tell us of each one.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Find = Callable[[int, int, int], bytes | None]  # zoom, column, row from the north → picture
MOUNT = "/tiles"
EMPTY = bytes.fromhex(  # one transparent pixel
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
HEADERS = {
    "Cache-Control": "no-store",  # they lie on this device already
    "Access-Control-Allow-Origin": "*",  # the client's page comes from another port
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


def kind_of(picture: bytes) -> str:
    """Its media type by its first bytes; "" for what no map can show."""
    if picture.startswith(b"\x89PNG"):
        return "image/png"
    if picture.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/webp" if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP" else ""


class TileServer:
    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(18)
        self._key = ""
        self._find: Find | None = None
        self._same_origin = False
        self._server: ThreadingHTTPServer | None = None

    def show(self, key: str, find: Find | None) -> None:
        """From now on tiles of this file; its key stands in the address, so that no client shows those of another."""
        self._key, self._find = key, find

    @property
    def address(self) -> str:
        """The template the client fills in. Starts the loopback server at the first call."""
        return f"{self._base()}/{self._token}/{self._key}/{{z}}/{{x}}/{{y}}"

    def _base(self) -> str:
        if self._same_origin:
            return MOUNT
        if self._server is None:
            self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
            self._server.daemon_threads = True
            threading.Thread(target=self._server.serve_forever, daemon=True, name="jingtu-tiles").start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, path: str) -> tuple[bytes, str] | None:
        """(picture, media type) for /token/key/z/x/y; None for whoever does not know the way."""
        token, _, rest = path.lstrip("/").partition("/")
        key, *places = rest.split("/")
        if not secrets.compare_digest(token.encode(), self._token.encode()) or len(places) != 3:
            return None
        try:
            z, x, y = (int(p) for p in places)
            found = self._find(z, x, y) if self._find and key == self._key else None
        except ValueError:
            return None
        kind = kind_of(found) if found else ""
        return (found, kind) if found and kind else (EMPTY, "image/png")

    # --- two ways to be asked ------------------------------------------------------------------------------------

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = answer(self.path)
                self.send_response(404 if found is None else 200)
                body, kind = found or (b"", "text/plain")
                for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """The path holds the word nobody else knows."""

        return Handler

    def asgi(self) -> Callable[..., Awaitable[None]]:
        """For the server of the web page, mounted at MOUNT: the same origin as the page."""
        self._same_origin = True

        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                return
            path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
            found = await asyncio.to_thread(self.answer, path)
            body, kind = found or (b"", "text/plain")
            headers = {**HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}
            raw = [(n.lower().encode(), v.encode()) for n, v in headers.items()]
            await send({"type": "http.response.start", "status": 404 if found is None else 200, "headers": raw})
            await send({"type": "http.response.body", "body": body})

        return app
