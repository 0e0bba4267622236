"""The log is moved into the database beside the writers, and nothing that was committed depends on it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from sync_server.store import engine as made

SOME = 300_000  # bytes of a row; the log is due after 16 MB


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM t").fetchone()[0])


@pytest.mark.parametrize("page", [None, 4096], ids=["new", "made by an older server"])
def test_the_log_is_moved_while_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int | None) -> None:
    path = tmp_path / "server.db"
    if page:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.executescript(f"PRAGMA page_size={page}; PRAGMA journal_mode=WAL; CREATE TABLE older (a)")
    threads: list[int] = []
    run = made._Checkpoints._run

    def noted(self: made._Checkpoints) -> None:
        threads.append(threading.get_ident())
        run(self)

    monkeypatch.setattr(made._Checkpoints, "_run", noted)
    engine = made.open_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a BLOB)")
        assert conn.exec_driver_sql("PRAGMA page_size").scalar_one() == (page or made.PAGE)
    for _ in range(20):  # 6 MB
        with engine.begin() as conn:
            conn.exec_driver_sql("INSERT INTO t VALUES (randomblob(?))", (SOME,))
    assert threads == []
    for _ in range(200):  # 60 MB more
        with engine.begin() as conn:
            conn.exec_driver_sql("INSERT INTO t VALUES (randomblob(?))", (SOME,))
    engine.dispose()
    assert len(threads) >= 2 and threading.get_ident() not in threads
    assert not [t for t in threading.enumerate() if t.name == "jingtu-checkpoint"]  # `dispose` waited for it
    assert path.stat().st_size > 16_000_000 and rows(path) == 220


def test_one_that_fails_is_not_told_to_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no part of what keeps a commit."""
    path = tmp_path / "server.db"
    engine = made.open_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a BLOB)")
    tried = 0

    def full(*_: object, **__: object) -> sqlite3.Connection:
        nonlocal tried
        tried += 1
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(made.sqlite3, "connect", full)
    for _ in range(120):
        with engine.begin() as conn:
            conn.exec_driver_sql("INSERT INTO t VALUES (randomblob(?))", (SOME,))
    engine.dispose()
    monkeypatch.undo()
    assert tried > 1 and rows(path) == 120


@pytest.mark.parametrize("head", [b"", b"\0" * 99, None])
def test_an_index_that_is_not_there_or_too_short_asks_for_nothing(tmp_path: Path, head: bytes | None) -> None:
    if head is not None:
        (tmp_path / "x.db-shm").write_bytes(head)
    assert made._Checkpoints(str(tmp_path / "x.db"))._waiting() == 0


WRITES = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    db.execute("BEGIN IMMEDIATE")
    print("in")
except sqlite3.OperationalError as err:
    print(err)
"""


def test_another_process_waits_for_a_writer_whoever_else_looks_here(tmp_path: Path) -> None:
    """Looking how long the log is must not take the locks away that this process holds on its index: `jingtu` beside a running
    server would write into the same log at the same moment."""
    path = tmp_path / "server.db"
    engine = made.open_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a BLOB)")

    def other() -> str:
        done = subprocess.run([sys.executable, "-c", WRITES, str(path)], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def waits() -> None:
        with engine.begin() as conn:
            conn.exec_driver_sql("INSERT INTO t VALUES ('second')")

    second = threading.Thread(target=waits)
    with engine.begin() as conn:
        conn.exec_driver_sql("INSERT INTO t VALUES ('first')")
        assert other() == "database is locked"
        second.start()
        second.join(0.3)
        assert second.is_alive() and other() == "database is locked"
    second.join()
    assert other() == "in"
    reader = engine.connect()
    reader.exec_driver_sql("SELECT 1")
    gone = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    reader.close()
    engine.dispose()
    assert not gone or len(os.listdir("/proc/self/fd")) < gone
    assert rows(path) == 2
    with engine.begin() as conn:  # a new index, and it is looked at anew
        conn.exec_driver_sql("INSERT INTO t VALUES ('third')")
    engine.dispose()
    assert rows(path) == 3
