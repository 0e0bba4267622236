"""What every measurement stands on: a server's data folder and tablets' folders, made once by the shipped code and copied
for each repetition; the limits; how bytes and fsyncs are counted from outside."""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpcore
import httpx

from field_app.store import Edit, Store
from field_app.sync import Progress, Syncer
from sync_server.main import build
from sync_server.service import Write
from sync_server.settings import Settings
from tests.bench.generate import Places, records

ROOT = Path(__file__).resolve().parents[2]


class Ground(NamedTuple):
    """An organisation, a project, its people, and enrolled tablets; all on files."""

    folder: Path
    project: str
    places: Places
    people: tuple[str, ...]

    @property
    def scope(self) -> str:
        return f"{self.project}.field"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def found(folder: Path, url: str | None = None) -> Ground:
    """A fresh installation in `folder`/server."""
    parts = build(Settings(data=folder / "server", database_url=url))
    s = parts.service
    org = s.found("测量公司")
    home = f"{org}.organisation"
    people = tuple(s.new_id() for _ in range(24))
    s.write(
        None,
        [
            Write("person", p, home, {"org_id": org, "duties": ["sampler"], "name": f"人{n}"})
            for n, p in enumerate(people)
        ],
    )
    project = s.add_project({"code": "B1", "name": "测量", "stage": "detailed", "client_id": org, "surveyor_id": org,
                             "contact_id": people[0]})  # fmt: skip
    site, instruments = s.new_id(), tuple(s.new_id() for _ in range(3))
    s.write(None, [
        Write("site", site, f"{project}.field", {"code": "S", "name": "地块", "status": "idle", "division_code": "320115"}),
        *(Write("instrument", i, home, {"code": f"XRF-{n}", "kind": "xrf", "model": "Vanta", "serial_no": str(n), "org_id": org})
          for n, i in enumerate(instruments)),
    ])  # fmt: skip
    for p in people:
        s.grant(p, project, "sampler")
    s.store.close()
    return Ground(folder, project, Places(site, instruments, people), people)


def code_for(ground: Ground, person: str, url: str | None = None) -> str:
    parts = build(Settings(data=ground.folder / "server", database_url=url))
    try:
        return parts.service.new_code(person, ground.people[0], minutes=1440)
    finally:
        parts.service.store.close()


@contextmanager
def served(data: Path, url: str | None = None) -> Iterator[tuple[str, int]]:
    """The real server process on loopback: its address and pid."""
    port = free_port()
    env = {**os.environ, **({"JINGTU_DATABASE_URL": url} if url else {})}
    command = [sys.executable, "-m", "sync_server.cli", "server", "--data", str(data), "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        address = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 60
        while True:
            try:
                httpx.get(address + "/openapi.json", trust_env=False)
                break
            except httpx.HTTPError:
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("the server did not start") from None
                time.sleep(0.05)
        yield address, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


class Client:
    """A tablet's store and syncer, aimed at an address."""

    def __init__(self, folder: Path, address: str) -> None:
        self.store = Store(folder)
        identity = self.store.identity
        if identity is not None and identity.server_url != address:
            self.store.keys.save(identity._replace(server_url=address))
        self.counter = Counter()
        self.transport = httpx.HTTPTransport()
        self.transport._pool._network_backend = self.counter  # type: ignore[attr-defined]
        self.syncer = Syncer(self.store, _Kept(self.transport))
        self.address = address

    def enrol(self, code: str) -> None:
        self.syncer.enrol(self.address, code, "平板")

    def finalize(self, edits: list[Edit], part: int = 200) -> None:
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

    def close(self) -> None:
        self.store.close()
        self.transport.close()


def _quiet(_: Progress) -> None:
    pass


class _Kept(httpx.BaseTransport):
    """httpx closes its transport after every client; these sockets serve the next one too."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.handle_request = inner.handle_request  # type: ignore[method-assign]


class Counter(httpcore.NetworkBackend):
    """Every byte on the client's sockets, headers and all."""

    def __init__(self) -> None:
        self._real = httpcore.SyncBackend()
        self.bytes = 0

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


# --- limits ----------------------------------------------------------------------------------------------------------


def limit_one(lines: list[tuple[str, bytes]], folder: Path) -> float:
    """L1: the same lines by sqlite3 executemany into r(id text primary key, body blob), one WAL transaction,
    synchronous=FULL, up to COMMIT. Seconds."""
    path = folder / "limit.db"
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        db.execute(f"PRAGMA {pragma}")
    db.execute("CREATE TABLE r (id TEXT PRIMARY KEY, body BLOB)")
    began = time.perf_counter()
    db.execute("BEGIN")
    db.executemany("INSERT INTO r VALUES (?,?)", lines)
    db.execute("COMMIT")
    took = time.perf_counter() - began
    db.close()
    path.unlink()
    return took


def timed(work: Callable[[], Any]) -> float:
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def fsyncs(pid: int, work: Callable[[], Any]) -> int | None:
    """How often a process calls fsync or fdatasync meanwhile, counted by strace; None where there is none."""
    if not shutil.which("strace"):
        work()
        return None
    with tempfile.NamedTemporaryFile("r") as out:
        trace = subprocess.Popen(
            ["strace", "-f", "-q", "-e", "trace=fsync,fdatasync", "-o", out.name, "-p", str(pid)],
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.5)
        work()
        time.sleep(0.2)
        trace.send_signal(signal.SIGINT)
        trace.wait()
        return len(re.findall(r"^\d+ +f(?:data)?sync\(", out.read(), re.M))


def edits(ground: Ground, seed: int, count: int, scope: str) -> list[Edit]:
    return [Edit(type, record, scope, values) for type, record, values in records(ground.places, seed, count)]
