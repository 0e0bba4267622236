"""The link between the app's process and the server, which somebody can cut: bytes go through, or nothing does."""

from __future__ import annotations

import contextlib
import socket
import threading


class Link:
    """Listens on loopback and hands on to one port. `cut` ends what is open and refuses what comes, as a hill does."""

    def __init__(self, upstream: int) -> None:
        self._upstream, self._open, self._lock = upstream, set[socket.socket](), threading.Lock()
        self.up = True
        self._listen = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listen.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        self.up = False
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.up = True

    def close(self) -> None:
        self.cut()
        self._listen.close()

    def _serve(self) -> None:
        while True:
            try:
                here, _ = self._listen.accept()
            except OSError:
                return
            if not self.up:
                here.close()
                continue
            try:
                there = socket.create_connection(("127.0.0.1", self._upstream), timeout=10)
            except OSError:
                here.close()
                continue
            there.settimeout(None)
            with self._lock:
                self._open |= {here, there}
            for a, b in ((here, there), (there, here)):
                threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(source)
        source.close()
