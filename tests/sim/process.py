"""A server in a process of its own, as `jingtu server` runs one, except that its clock is the simulation's.

Processes are forked from one that has imported everything, so that two servers for every seed cost little.
"""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import os
import socket
import struct
import threading
from datetime import UTC, datetime, timedelta
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvicorn

from sync_server.main import create_app
from sync_server.settings import Settings
from tests.sim.tablet import TurnableClock

START_S = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SharedClock(TurnableClock):
    """The time of the world, where the servers of other processes can read it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        file.write_bytes(bytes(8))
        self._cell = _cell(file)
        self.pass_seconds(0)

    def pass_seconds(self, seconds: float) -> None:
        super().pass_seconds(seconds)
        self._cell[:8] = struct.pack("q", (self.at - _EPOCH) // timedelta(microseconds=1))


def _cell(file: Path) -> mmap.mmap:
    with open(file, "r+b") as f:
        return mmap.mmap(f.fileno(), 8)


def _serve(folder: Path, url: str, clock: Path, parent: Connection) -> None:
    cell = _cell(clock)

    def now() -> datetime:
        return _EPOCH + timedelta(microseconds=struct.unpack("q", cell[:8])[0])

    door = socket.create_server(("127.0.0.1", 0), backlog=200)
    app = create_app(Settings(data=folder, database_url=url), now)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))

    def end_with_parent() -> None:
        with contextlib.suppress(EOFError, OSError):
            parent.recv()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    parent.send(door.getsockname()[1])
    server.run(sockets=[door])


@cache
def _forks() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.sim.world"])
    return context


class ServerProcess:
    """One `jingtu server`; it may be killed and started again."""

    def __init__(self, folder: Path, url: str, clock: Path) -> None:
        self._args = (folder, url, clock)
        self._turn = threading.Lock()
        self._starter: threading.Thread | None = None
        self.kills = self.asked = 0  # how often it died, how many requests came to it
        self.start()

    def start(self) -> None:
        self._line, theirs = _forks().Pipe()
        self._process = _forks().Process(target=_serve, args=(*self._args, theirs), daemon=True)
        self._process.start()
        theirs.close()
        if not self._line.poll(START_S):
            raise RuntimeError("the server did not start")
        self.port: int = self._line.recv()  # EOFError: it ended, and said why on its error output
        self.up = True

    def kill(self) -> None:
        """Gone between two instructions; its connections are cut."""
        self._process.kill()
        self._process.join()
        self.kills += 1

    def again(self) -> None:
        """Kill it; it starts anew while the others serve."""
        with self._turn:
            if not self.up:
                return
            self.up = False
            self.kill()
            self._line.close()
            self._starter = threading.Thread(target=self.start)
            self._starter.start()

    def wait(self) -> None:
        """Until it is up, if it is starting."""
        if self._starter is not None:
            self._starter.join()

    def stop(self) -> None:
        self.wait()
        self._process.kill()
        self._process.join()
        self._line.close()
