"""Processes that are there to be killed. One process loads all modules once and forks each of them, which saves the
second of imports that every one of a hundred deaths would cost; what is forked is a process of its own like any other.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOADED = ("field_app.sync", "sync_server.cli.commands", *(f"tests.crash.{x}" for x in (
    "writer", "planted", "opening", "server", "filling_tablet", "filling_server")))  # fmt: skip


class Child:
    """What it printed, line by line as it came, and its end."""

    def __init__(self, nursery: Nursery, pid: int, out: int, log: Path) -> None:
        self.pid, self.log, self._nursery = pid, log, nursery
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, args=(out,), daemon=True)
        self._reader.start()

    def _read(self, out: int) -> None:
        left = b""
        while piece := os.read(out, 1 << 16):
            *whole, left = (left + piece).split(b"\n")
            with self._more:
                self.lines += [line.decode() for line in whole]
                self._more.notify_all()
        os.close(out)  # half a line was no acknowledgement
        with self._more:
            self._ended = True
            self._more.notify_all()

    def wait_lines(self, count: int, seconds: float = 30.0) -> bool:
        """True when there are that many; False when it ended before."""
        with self._more:
            self._more.wait_for(lambda: len(self.lines) >= count or self._ended, seconds)
            return len(self.lines) >= count

    @property
    def ended(self) -> bool:
        return self._ended

    def kill(self) -> list[str]:
        """SIGKILL; everything it had printed by then, which a pipe keeps."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return self.end()

    def end(self) -> list[str]:
        """Wait until the process is gone, its files with it."""
        self.status = self._nursery.wait(self.pid)
        self._reader.join(30)
        return self.lines

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


class Nursery:
    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        self._lock = threading.Lock()
        mine, theirs = socket.socketpair()
        with open(folder / "nursery.log", "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.nursery", str(theirs.fileno())], pass_fds=[theirs.fileno()], cwd=ROOT,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        theirs.close()
        self._socket = mine

    def start(self, work: str, *args: Any, fault: str = "", **env: str) -> Child:
        """`work` is "module:function"; `fault` the name of one that is planted first."""
        out, into = os.pipe()
        self._count += 1
        log = self._folder / f"child{self._count}.log"
        order = {"work": work, "args": args, "env": env, "fault": fault}
        with open(log, "wb") as errors:
            pid = self._ask(order, [into, errors.fileno()])
        os.close(into)
        return Child(self, pid, out, log)

    def wait(self, pid: int) -> int:
        return self._ask({"wait": pid}, [])

    def _ask(self, order: Any, fds: list[int]) -> int:
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(order).encode() + b"\n"], fds)
            answer = b""
            while not answer.endswith(b"\n"):
                piece = self._socket.recv(100)
                if not piece:
                    raise RuntimeError((self._folder / "nursery.log").read_text()[-3000:])
                answer += piece
        return int(answer)

    def close(self) -> None:
        self._socket.close()
        self._process.wait(30)

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def main(fd: int) -> None:
    for name in LOADED:
        importlib.import_module(name)
    door, living = socket.socket(fileno=fd), set[int]()
    while True:
        order, fds = b"", list[int]()
        while not order.endswith(b"\n"):
            piece, more, _, _ = socket.recv_fds(door, 1 << 16, 4)
            fds += more
            order += piece
            if not piece:  # whoever asked is gone
                for pid in living:
                    os.kill(pid, signal.SIGKILL)
                return
        told = json.loads(order)
        if "wait" in told:
            pid = told["wait"]
            living.discard(pid)
            door.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            continue
        pid = os.fork()
        if pid == 0:
            door.close()
            _live(told, *fds)
        living.add(pid)
        for one in fds:
            os.close(one)
        door.sendall(b"%d\n" % pid)


def _live(told: Any, out: int, errors: int) -> None:
    code = 1
    try:
        os.dup2(out, 1)
        os.dup2(errors, 2)
        os.close(out)
        os.close(errors)
        os.environ.update(told["env"])
        if told["fault"]:
            importlib.import_module("tests.crash.planted").plant(told["fault"])
        module, name = told["work"].split(":")
        getattr(importlib.import_module(module), name)(*told["args"])
        code = 0
    except SystemExit as err:
        code = int(err.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def pause(seconds: float) -> None:
    """Also for a fraction of a millisecond."""
    until = time.perf_counter() + seconds
    while (left := until - time.perf_counter()) > 0:
        time.sleep(min(left, 0.002))


if __name__ == "__main__":
    main(int(sys.argv[1]))
