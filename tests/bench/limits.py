"""The limits: the least anybody could do for the same end on the same machine (docs/performance.md, in words)."""

from __future__ import annotations

import gc
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.bench import bare
from tests.bench.forks import FORKS

Lines = Sequence[tuple[str, bytes]]  # id, line


def timed(work: Callable[[], Any]) -> float:
    """Seconds, on a heap that was cleared before."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def raw_table(path: Path) -> sqlite3.Connection:
    """A fresh r(id text primary key, body blob): WAL, synchronous=FULL, as everything here is."""
    for tail in ("", "-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        db.execute(f"PRAGMA {pragma}")
    db.execute("CREATE TABLE r (id TEXT PRIMARY KEY, body BLOB)")
    return db


def limit_one(lines: Lines, folder: Path) -> float:
    """L1: the same lines by sqlite3 executemany into r(id text primary key, body blob), one WAL transaction,
    synchronous=FULL, up to COMMIT. Seconds."""
    path = folder / "limit.db"
    db = raw_table(path)
    gc.collect()
    began = time.perf_counter()
    db.execute("BEGIN")
    db.executemany("INSERT INTO r VALUES (?,?)", lines)
    db.execute("COMMIT")
    took = time.perf_counter() - began
    db.close()
    path.unlink()
    return took


def beside(lines: Lines, folder: Path) -> float:
    """L1 for a repetition that begins now: the median of three, for one alone jumps."""
    return statistics.median(limit_one(lines, folder) for _ in range(3))


@contextmanager
def bare_server(port: int) -> Iterator[httpx.Client]:
    """A process of its own with uvicorn and nothing on it (bare.py), and a client with an open connection to it."""
    process = FORKS.Process(target=bare.serve, args=(port,), daemon=True)
    process.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            end = time.monotonic() + 60
            while True:
                try:
                    http.get("/")
                    break
                except httpx.HTTPError:
                    if not process.is_alive() or time.monotonic() > end:
                        raise RuntimeError("the bare server did not start") from None
                    time.sleep(0.02)
            yield http
    finally:
        process.terminate()
        process.join(60)


def bare_request(http: httpx.Client) -> float:
    """One GET answered with 204 and nothing. Seconds."""
    return timed(lambda: http.get("/"))


def bare_lines(http: httpx.Client, lines: Sequence[bytes]) -> float:
    """The lines, which the bare server has, compressed there (gzip, level 1), sent, unpacked and split here. Seconds."""
    http.put("/lines", content=b"\n".join(lines))
    got: list[bytes] = []
    took = timed(lambda: got.extend(http.get("/lines").content.split(b"\n")))
    if got != list(lines):
        raise RuntimeError("the bare server sent something else")
    return took
