"""A bad network between tablets and server: it loses, cuts or repeats a share of requests and answers, by a seed."""

from __future__ import annotations

import http.client
import random
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FaultyProxy:
    """Listens on loopback and forwards to one server. Each request and each answer meets a fault with `share`/2."""

    def __init__(self, upstream_port: int, seed: int, share: float = 0.30, port: int = 0) -> None:
        self.faults: dict[str, int] = {}
        self.calls = 0
        self._rng, self._lock = random.Random(seed), threading.Lock()
        self._share, self._upstream = share, upstream_port
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                outer.handle(self)

            do_POST = do_HEAD = do_PATCH = do_GET

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _draw(self) -> tuple[str, float]:
        with self._lock:
            self.calls += 1
            fault = (
                self._rng.choice(("lose", "cut", "repeat", "lose_answer", "cut_answer"))
                if self._rng.random() < self._share
                else ""
            )
            if fault:
                self.faults[fault] = self.faults.get(fault, 0) + 1
            return fault, self._rng.random()

    def handle(self, h: BaseHTTPRequestHandler) -> None:
        body = h.rfile.read(int(h.headers.get("Content-Length") or 0))
        fault, where = self._draw()
        h.close_connection = True
        if fault == "lose":
            return self._hang_up(h)
        if fault == "cut":
            self._send_half(h, body[: int(len(body) * where)], len(body))
            return self._hang_up(h)
        if fault == "repeat":
            self._forward(h, body)
        status, headers, answer = self._forward(h, body)
        if fault == "lose_answer":
            return self._hang_up(h)
        h.send_response(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                h.send_header(name, value)
        h.send_header("Content-Length", str(len(answer)))
        h.end_headers()
        if h.command != "HEAD":
            h.wfile.write(answer[: int(len(answer) * where)] if fault == "cut_answer" else answer)
        if fault == "cut_answer":
            self._hang_up(h)

    def _forward(self, h: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=120)
        headers = {k: v for k, v in h.headers.items() if k.lower() not in ("connection", "host", "content-length")}
        try:
            upstream.request(h.command, h.path, body, headers)
            response = upstream.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            upstream.close()

    def _send_half(self, h: BaseHTTPRequestHandler, part: bytes, length: int) -> None:
        """The server gets the first part of a request and then the line goes dead."""
        with socket.create_connection(("127.0.0.1", self._upstream), timeout=10) as s:
            head = [f"{h.command} {h.path} HTTP/1.1", "Host: localhost"]
            head += [
                f"{k}: {v}" for k, v in h.headers.items() if k.lower() not in ("host", "content-length", "connection")
            ]
            s.sendall("\r\n".join([*head, f"Content-Length: {length}", "", ""]).encode() + part)

    def _hang_up(self, h: BaseHTTPRequestHandler) -> None:
        try:
            h.wfile.flush()
            h.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
