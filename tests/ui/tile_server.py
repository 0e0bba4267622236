"""A tile server on loopback that answers as TianDiTu does: one colour a layer, or an error."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

from PIL import Image

COLOURS = {"vec": (200, 220, 240, 255), "img": (90, 120, 80, 255), "cva": (0, 0, 0, 0), "cia": (0, 0, 0, 0)}


class Fake:
    """`key`: what it lets in; anything else is answered with 403. `asked`: the queries of the tiles."""

    def __init__(self, key: str) -> None:
        self.key, self.url = key, ""
        self.asked: list[dict[str, str]] = []
        self.broken = False


@contextmanager
def tile_server(key: str = "secret-of-the-server") -> Iterator[Fake]:
    fake = Fake(key)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there = urlparse(self.path)
            query = {k: v[0] for k, v in parse_qs(there.query).items()}
            layer = there.path.removeprefix("/").partition("_w/")[0]
            fake.asked.append(query)
            good = query.get("tk") == fake.key and not fake.broken and layer in COLOURS
            body = _png(layer) if good else b'{"msg":"no"}'
            self.send_response(200 if good else 403)
            self.send_header("Content-Type", "image/png" if good else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()


def _png(layer: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", (256, 256), COLOURS[layer]).save(out, "PNG")
    return out.getvalue()
