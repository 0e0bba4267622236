"""The log is moved into the database beside the writers, and nothing that was committed depends on it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from sync_server.store import engine as made

SOME = 300_000  # bytes of a row; the log is due after 16 MB


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM t").fetchone()[0])


def test_the_log_is_moved_while_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "server.db"
    threads: list[int] = []
    run = made._Checkpoints._run

    def noted(self: made._Checkpoints) -> None:
        threads.append(threading.get_ident())
        run(self)

    monkeypatch.setattr(made._Checkpoints, "_run", noted)
    engine = made.open_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE t (a BLOB)")
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
