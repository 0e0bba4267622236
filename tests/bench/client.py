"""The real client over real sockets, with counters around it: bytes on the wire, requests, transactions on the tablet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpcore
import httpx

from field_app.store import Edit, Store
from field_app.sync import Progress, Syncer


class Client:
    """A tablet's store and syncer, aimed at an address. Its connection is kept from one sync to the next."""

    def __init__(self, folder: Path, address: str) -> None:
        self.store = Store(folder)
        identity = self.store.identity
        if identity is not None and identity.server_url != address:
            self.store.keys.save(identity._replace(server_url=address))
        self.counter = Counter()
        self.transport = counted_transport(self.counter)
        self.syncer = Syncer(self.store, _Kept(self.transport, self.counter))
        self.address = address

    def enrol(self, code: str) -> None:
        self.syncer.enrol(self.address, code, "平板")

    def finalize(self, edits: list[Edit], part: int = 200) -> None:
        """`part` records in a transaction, unsent afterwards."""
        for n in range(0, len(edits), part):
            self.store.finalize(edits[n : n + part], complete=False)

    @contextmanager
    def session(self) -> Iterator[Syncer]:
        """A syncer that has said who it is: what follows is the work itself."""
        who = self.store.keys.require()
        with self.syncer._client(self.address) as http:
            self.syncer._http, self.syncer._who = http, who
            self.syncer._tell = _quiet
            self.syncer._meet()
            yield self.syncer

    @contextmanager
    def commits(self) -> Iterator[list[int]]:
        """How many transactions the tablet's database commits meanwhile: [count]. SQLite itself names every statement."""
        count = [0]

        def seen(statement: str) -> None:
            count[0] += statement.upper().startswith(("COMMIT", "END"))

        db = self.store._db
        db.set_trace_callback(seen)
        try:
            yield count
        finally:
            db.set_trace_callback(None)

    def close(self) -> None:
        self.store.close()
        self.transport.close()


def _quiet(_: Progress) -> None:
    pass


class _Kept(httpx.BaseTransport):
    """httpx closes its transport after every client; these sockets serve the next one too."""

    def __init__(self, inner: httpx.BaseTransport, counter: Counter) -> None:
        self._inner, self._counter = inner, counter

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._counter.requests += 1
        return self._inner.handle_request(request)


def counted_transport(counter: Counter) -> httpx.HTTPTransport:
    transport = httpx.HTTPTransport()
    transport._pool._network_backend = counter  # type: ignore[attr-defined]
    return transport


class Counter(httpcore.NetworkBackend):
    """Every byte on the client's sockets, both ways, headers and all; requests."""

    def __init__(self) -> None:
        self._real = httpcore.SyncBackend()
        self.bytes = 0
        self.requests = 0

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _Counted(self._real.connect_tcp(*args, **kwargs), self)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class _Counted(httpcore.NetworkStream):
    def __init__(self, real: httpcore.NetworkStream, counter: Counter) -> None:
        self._real, self._counter = real, counter
        self.close, self.get_extra_info = real.close, real.get_extra_info  # type: ignore[method-assign]

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        got = self._real.read(max_bytes, timeout)
        self._counter.bytes += len(got)
        return got

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._counter.bytes += len(buffer)
        self._real.write(buffer, timeout)
