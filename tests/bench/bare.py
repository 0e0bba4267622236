"""The least an HTTP server can do. GET / answers 204; PUT /lines keeps a body, GET /lines sends it compressed by gzip
level 1."""

from __future__ import annotations

import gzip
from typing import Any

import uvicorn

KEPT = b""


async def app(scope: Any, receive: Any, send: Any) -> None:
    global KEPT
    headers: list[tuple[bytes, bytes]] = []
    status, body = 204, b""
    if scope["method"] == "PUT":
        KEPT, more = b"", True
        while more:
            message = await receive()
            KEPT, more = KEPT + message["body"], message["more_body"]
    elif scope["path"] == "/lines":
        status, body = 200, gzip.compress(KEPT, 1, mtime=0)
        headers = [(b"content-encoding", b"gzip"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def serve(port: int) -> None:
    uvicorn.run(app, host="127.0.0.1", port=port, lifespan="off", log_level="warning")
