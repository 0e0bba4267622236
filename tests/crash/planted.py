"""Faults as they could be written, planted into a process that is about to be killed. The tests must notice each.

`synchronous=OFF` is none of them: what a process wrote before SIGKILL is with the kernel, synced or not. Only a power cut
shows it, which no test here can make; tests/unit/test_store.py asserts that it is FULL.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import field_app.device_db
import field_app.keys
import field_app.store.base
import sync_server.store
import sync_server.store.migrations
from field_app.store import Store
from schemas.problems import Trouble
from sync_server.blobs.incoming import Incoming
from sync_server.service import Service
from sync_server.store import Tx


def _grouped_commits() -> None:
    """Tablet: several transactions are committed together, because that is faster; the person is told before."""

    @contextmanager
    def write(self: Any) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if not self._db.in_transaction:
                self._db.execute("BEGIN IMMEDIATE")
                self._grouped = 0
            yield self._db
            self._grouped += 1
            if self._grouped >= 5:
                self._db.execute("COMMIT")

    field_app.store.base.Base._write = write  # type: ignore[method-assign]


def _numbers_ahead() -> None:
    """Tablet: numbers come out of memory, and the database learns of them now and then."""
    cache: dict[str, int] = {}

    def next_number(self: Store, use: str) -> int:
        ((at, to),) = self._rows(
            "SELECT next_no, to_no FROM block WHERE use=? AND next_no<=to_no ORDER BY from_no LIMIT 1", use
        )
        n = cache[use] = max(cache.get(use, 0) + 1, at)
        if n % 5 == 0 or n == to:
            with self._write() as db:
                db.execute("UPDATE block SET next_no=? WHERE use=? AND next_no=?", (n + 1, use, at))
        return n

    Store.next_number = next_number  # type: ignore[method-assign]


def _half_finalized() -> None:
    """Tablet: each record of one 完成 in a transaction of its own."""
    real = Store.finalize

    def finalize(self: Store, edits: Any, complete: bool = True) -> Any:
        return [c for edit in edits for c in real(self, [edit], complete)]

    Store.finalize = finalize  # type: ignore[method-assign]


def _renamed_before_written() -> None:
    """Tablet: the key file gets its name first, its contents afterwards."""

    def write(self: Any, path: Path, data: Any) -> None:
        temp = path.with_suffix(".new")
        temp.touch(0o600)
        os.replace(temp, path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        time.sleep(0.02)  # a slow card
        with path.open("w") as f:
            json.dump(data, f)
            f.flush()
            os.fsync(f.fileno())

    field_app.keys.Keys._write = write  # type: ignore[method-assign]


@contextmanager
def _each_by_itself(db: sqlite3.Connection) -> Iterator[None]:
    yield


def _migration_without_transaction() -> None:
    """Tablet: every statement of a migration counts by itself."""
    field_app.device_db._transaction = _each_by_itself


def _copy_under_its_name() -> None:
    """Tablet: the copy before a migration is written under its final name."""

    def copy(db: sqlite3.Connection, kept: Path) -> None:
        other = sqlite3.connect(kept)
        db.backup(other, pages=16)
        other.close()

    field_app.device_db._copy = copy


def _server_migration_without_transaction() -> None:
    """Server: every statement of a migration counts by itself."""
    real = sync_server.store.migrations.upgrade

    def upgrade(conn: Any) -> int:
        conn.exec_driver_sql("COMMIT")
        have = real(conn)
        conn.exec_driver_sql("BEGIN IMMEDIATE")
        return have

    sync_server.store.upgrade = upgrade  # type: ignore[attr-defined]


def _answered_before_commit() -> None:
    """Server: the answer goes out while the commit is still to come."""

    @contextmanager
    def writing(self: Any) -> Iterator[Tx]:
        conn = self.engine.connect()
        begun = conn.begin()
        try:
            yield Tx(conn)
        except BaseException:
            begun.rollback()
            conn.close()
            raise

        def commit() -> None:
            begun.commit()
            conn.close()

        threading.Timer(0.08, commit).start()

    sync_server.store.Store.writing = writing  # type: ignore[method-assign]


def _batch_in_pieces() -> None:
    """Server: a long batch is committed every few lines, so that others need not wait."""
    import sync_server.pushing as pushing

    real = pushing.take_lines

    def take_lines(tx: Any, work: Any, author: Any, head: Any, lines: Any, links: Any, proofs: Any, skip: int) -> None:
        half = max(skip, len(lines) // 2)
        real(tx, work, author, head, lines[:half], links, proofs, skip)
        work.finish()
        tx.set_chain(
            head.enrolment,
            work.scope.id,
            head.first + half - 1,
            links[half - 1],
            new=tx.chain(head.enrolment, work.scope.id) is None,
        )
        tx.conn.exec_driver_sql("COMMIT")
        tx.conn.exec_driver_sql("BEGIN IMMEDIATE")
        raise _Cut

    class _Cut(Exception):
        pass

    pushing.take_lines = take_lines
    push = Service.push

    def cut(self: Any, *args: Any) -> Any:
        try:
            return push(self, *args)
        except _Cut as err:
            raise Trouble(1101) from err

    Service.push = cut  # type: ignore[method-assign]


def _written_behind() -> None:
    """Server: a piece goes to the file's end, wherever a request before it was cut."""
    real = Incoming.begin

    def begin(self: Incoming, *given: Any) -> None:
        kept = os.ftruncate
        os.ftruncate = lambda *_: None
        try:
            real(self, *given)
        finally:
            os.ftruncate = kept
        os.lseek(self._fd, 0, os.SEEK_END)

    Incoming.begin = begin  # type: ignore[method-assign]


def _kept_before_it_came() -> None:
    """Server: the offset is moved when a piece begins, by what it says that it brings."""
    real = Service.append_to

    def append_to(self: Service, caller: Any, id: str, offset: int, coming: Any, checksum: Any) -> Incoming:
        work = real(self, caller, id, offset, coming, checksum)
        if offset + (coming or 0) < work.row.size:
            with self.store.writing() as tx:
                tx.move_upload(id, offset + (coming or 0), work.row.expires_at)
        return work

    Service.append_to = append_to  # type: ignore[method-assign]


def _renamed_before_looked_at() -> None:
    """Server: an upload's file stands under its hash from the first byte."""
    real = Service.append_to

    def append_to(self: Service, *given: Any) -> Incoming:
        work = real(self, *given)
        there = self.shelf.files.path(work.row.sha256)
        there.parent.mkdir(parents=True, exist_ok=True)
        if not there.exists():
            there.hardlink_to(work.path)
        return work

    Service.append_to = append_to  # type: ignore[method-assign]


TABLET: dict[str, Callable[[], None]] = {
    "told before the commit": _grouped_commits,
    "numbers out of memory": _numbers_ahead,
    "records of one go by themselves": _half_finalized,
    "the key file renamed before it is written": _renamed_before_written,
}
MIGRATION: dict[str, Callable[[], None]] = {
    "a migration without a transaction": _migration_without_transaction,
    "the copy written under its name": _copy_under_its_name,
    "a migration of the server without a transaction": _server_migration_without_transaction,
}
SERVER: dict[str, Callable[[], None]] = {
    "answered before the commit": _answered_before_commit,
    "half a batch": _batch_in_pieces,
}


UPLOADS: dict[str, Callable[[], None]] = {
    "written behind what was cut off": _written_behind,
    "kept before it has come": _kept_before_it_came,
    "renamed before it was looked at": _renamed_before_looked_at,
}


def plant(name: str) -> None:
    ({**TABLET, **MIGRATION, **SERVER, **UPLOADS})[name]()
