"""Opening the database, and what its failures mean to a person. The only file that knows the two databases apart."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from schemas.problems import Trouble

POOL = 40  # as many as the server has threads for requests
STARTING = 7_341_220  # advisory lock of this application: one process at a time makes or migrates tables


def open_engine(url: str) -> Engine:
    """`sqlite:///path` or `postgresql://user@host/name`.

    SQLite: WAL, synchronous=FULL, writers wait their turn. PostgreSQL 14 or newer, through psycopg; its synchronous_commit is
    set for every connection, so that what was acknowledged is on its disk whatever the server's default is."""
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
        options = "-c synchronous_commit=on -c timezone=UTC -c lock_timeout=60000"
        return create_engine(
            address, pool_size=POOL, max_overflow=0, pool_timeout=30, pool_pre_ping=True,
            connect_args={"options": options, "connect_timeout": 10, "application_name": "jingtu"},
        )  # fmt: skip
    engine = create_engine(address)

    @event.listens_for(engine, "connect")
    def _connect(db: Any, _record: Any) -> None:
        db.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
            db.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        conn.exec_driver_sql("BEGIN" if conn.get_execution_options().get("reading") else "BEGIN IMMEDIATE")

    return engine


def is_postgresql(engine: Engine | Connection) -> bool:
    return engine.dialect.name == "postgresql"


def reading_options(engine: Engine) -> dict[str, Any]:
    """One view of the data for as long as the transaction lasts."""
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if is_postgresql(engine) else {}


def wait_for_start(conn: Connection) -> None:
    """Of several server processes that start at once, one makes the tables while the others wait (SQLite: the write
    transaction itself does it)."""
    if is_postgresql(conn):
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": STARTING})


def wait_turn(conn: Connection, key: str) -> None:
    """Until this transaction ends nobody else gets past here with the same key, whether or not there is a row for it yet."""
    if is_postgresql(conn):
        conn.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 1))"), {"key": key})


def copy_to(engine: Engine, path: Path) -> None:
    """A consistent copy of an SQLite database while others read and write, on the disk when this returns."""
    path.unlink(missing_ok=True)
    with told(), closing(sqlite3.connect(path)) as copy:
        raw = engine.raw_connection()
        try:
            raw.driver_connection.backup(copy)  # type: ignore[union-attr]
        finally:
            raw.close()
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, no -wal beside it
    for place in (path, path.parent):
        fd = os.open(place, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)


def upsert(conn: Connection, table: Table, values: dict[str, Any]) -> None:
    """Insert, or rewrite the row with this primary key: in one statement, so that two at once cannot both insert."""
    keys = [c.name for c in table.primary_key]
    rest = {k: v for k, v in values.items() if k not in keys}
    made: Any = (postgresql.insert if is_postgresql(conn) else sqlite.insert)(table).values(**values)
    conn.execute(made.on_conflict_do_update(index_elements=keys, set_=rest))


@contextmanager
def told() -> Iterator[None]:
    """What a database reports becomes a numbered problem where a person can do something about it; the rest goes on up.

    Raises Trouble 1101 (busy: try again), 1102 (disk full), 1103 (not reachable), 1001 (text no database can hold)."""
    try:
        yield
    except DBAPIError as err:
        number = _number(err)
        if number is None:
            raise
        raise Trouble(number, why={"zh": "文本含空字符", "en": "the text holds a NUL"}) from err


def _number(err: DBAPIError) -> int | None:
    state, said = getattr(err.orig, "sqlstate", None), str(err.orig)
    if hasattr(err.orig, "sqlstate"):  # PostgreSQL
        if state in ("53100", "58030"):  # disk_full, io_error
            return 1102
        # serialization_failure, deadlock_detected, lock_not_available, query_canceled, too_many_connections; two at once
        # that made the same row: the one that lost sees the other's when it comes again
        if state in ("40001", "40P01", "55P03", "57014", "53300") or isinstance(err, IntegrityError):
            return 1101
        if isinstance(err, OperationalError) or (state or "").startswith(("08", "57P")):
            return 1103
        return 1001 if "NUL" in said and state is None else None
    if not isinstance(err, OperationalError):
        return None
    name = getattr(err.orig, "sqlite_errorname", "")
    # a quota or a size limit shows as a failed write, not as "full"
    if name == "SQLITE_FULL" or name in ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE"):
        return 1102
    return 1101 if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) else None
