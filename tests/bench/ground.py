"""What every measurement stands on: a server's data folder and tablets' folders, made once by the shipped code and copied
for each repetition; the server as a process."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from field_app.store import Edit
from sync_server.main import build
from sync_server.service import Write
from sync_server.settings import Settings
from tests.bench.client import Client, Counter
from tests.bench.forks import FORKS
from tests.bench.generate import Places, records
from tests.bench.limits import limit_one, timed
from tests.bench.outside import fsyncs

__all__ = ["FORKS", "ROOT", "Client", "Counter", "Ground", "code_for", "copied", "edits", "found", "free_port", "fsyncs", "limit_one",
           "served", "timed"]  # fmt: skip
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

    @property
    def server(self) -> Path:
        """The server's data folder."""
        return self.folder / "server"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def found(folder: Path, url: str | None = None) -> Ground:
    """A fresh installation in `folder`/server: 24 people who may write in one project, one site, three instruments."""
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
    """A one-time code by which a tablet enrols for this person."""
    parts = build(Settings(data=ground.server, database_url=url))
    try:
        return parts.service.new_code(person, ground.people[0], minutes=1440)
    finally:
        parts.service.store.close()


@contextmanager
def served(data: Path, url: str | None = None, forked: bool = True) -> Iterator[tuple[str, int]]:
    """The real server in a process of its own on loopback: its address and pid. `url`: of a PostgreSQL database, else
    SQLite in `data`. `forked`: out of a process that has loaded the modules, which spares a second; else by the command."""
    port = free_port()
    if forked:
        child = FORKS.Process(target=_serve, args=(str(data), port, url), daemon=True)
        child.start()
        pid, running, end = child.pid or 0, child.is_alive, child.terminate
        wait: Callable[[float], object] = child.join
    else:
        env = {**os.environ, **({"JINGTU_DATABASE_URL": url} if url else {})}
        command = subprocess.Popen(
            [sys.executable, "-m", "sync_server.cli", *_order(str(data), port)], cwd=ROOT, env=env
        )
        pid, running, end, wait = command.pid, lambda: command.poll() is None, command.terminate, command.wait
    try:
        _answered(address := f"http://127.0.0.1:{port}", running)
        yield address, pid
    finally:
        end()
        wait(60)


def _order(data: str, port: int) -> list[str]:
    return ["server", "--data", data, "--port", str(port)]


def _serve(data: str, port: int, url: str | None) -> None:
    from sync_server.cli import app

    if url:
        os.environ["JINGTU_DATABASE_URL"] = url
    app(_order(data, port))


def _answered(address: str, running: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            httpx.get(address + "/api/v1/me", trust_env=False)  # refused, but answered
            return
        except httpx.HTTPError:
            if not running() or time.monotonic() > end:
                raise RuntimeError("the server did not start") from None
            time.sleep(0.02)


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """A copy of a scene for one repetition: each meets the same files."""
    with tempfile.TemporaryDirectory(prefix="jingtu-bench-", dir=folder.parent) as temp:
        here = Path(temp) / "scene"
        shutil.copytree(folder, here)
        yield here


def edits(ground: Ground, seed: int, count: int, scope: str, first: int = 0) -> list[Edit]:
    """Records as a tablet finalizes them; `first`: how many numbers of codes are in use already."""
    return [Edit(type, record, scope, values) for type, record, values in records(ground.places, seed, count, first)]
