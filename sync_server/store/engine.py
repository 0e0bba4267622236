"""Opening the database, and what its failures mean to a person. The only file that knows the two databases apart."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from itertools import compress, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolEmpty

from schemas.problems import Trouble

log = logging.getLogger("jingtu")
POOL = 40  # as many as the server has threads for requests
PAGE = 8192  # bytes; of a database that is made now, older ones have 4096
CHECKPOINT = 16_000_000  # bytes of the log that are not in the database yet
STARTING = 7_341_220  # advisory lock of this application: one process at a time makes or migrates tables
OLDEST = 14  # PostgreSQL

# For every connection, whatever the server's or the user's defaults are. A process that vanished with its machine must not
# hold its locks for the two hours TCP gives it.
_SESSION = {
    "synchronous_commit": "on", "timezone": "UTC", "lock_timeout": "60s", "idle_in_transaction_session_timeout": "1h",
    "tcp_keepalives_idle": "60", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3",
}  # fmt: skip
_REACH = {
    "client_encoding": "utf8",
    "connect_timeout": 10,
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


def open_engine(url: str) -> Engine:
    """`sqlite:///path` or `postgresql://user@host/name`. Raises Trouble 4101 for anything else.

    SQLite: WAL, synchronous=FULL, writers wait their turn. PostgreSQL 14 or newer, through psycopg; its synchronous_commit is
    set for every connection, so that what was acknowledged is on its disk whatever the server's default is. Writers read
    what others have committed by then (READ COMMITTED): what they wait for with a lock they see as it is now."""
    address = _address(url)
    if address.get_backend_name() == "postgresql":
        # what somebody put into the address goes before ours, so that ours counts
        given = address.query.get("options", "")
        options = " ".join(
            [given if isinstance(given, str) else " ".join(given), *(f"-c {k}={v}" for k, v in _SESSION.items())]
        )
        return create_engine(
            address.set(drivername="postgresql+psycopg").difference_update_query(["options"]), pool_size=POOL, max_overflow=0,
            pool_timeout=30, pool_pre_ping=True, isolation_level="READ COMMITTED",
            connect_args={**_REACH, "options": options.strip(), "application_name": "jingtu"},
        )  # fmt: skip
    # a pool smaller than the number of threads would turn a crowd away while the database still had room
    files = {"pool_size": POOL, "max_overflow": 0} if address.database not in (None, "", ":memory:") else {}
    engine = create_engine(address, **files)

    @event.listens_for(engine, "connect")
    def _connect(db: Any, _record: Any) -> None:
        db.isolation_level = None
        # What a push changes fits into a cache of 8 MB; into the 2 MB there are without being asked it does not, and pages are
        # written twice.
        # Before anything is in it: twice as large a page takes half as many writes, and a line seldom spills over.
        for pragma in (
            f"page_size={PAGE}", "journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON",
            f"wal_autocheckpoint={4 * CHECKPOINT // PAGE}", "cache_size=-8000",
            "recursive_triggers=ON",  # else REPLACE would delete a guarded row without asking its guard
        ):  # fmt: skip
            db.execute(f"PRAGMA {pragma}")

    beside = _Checkpoints(str(address.database)) if files else None

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        reading = conn.get_execution_options().get("reading")
        if beside and not reading:
            beside.look()
        conn.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    @event.listens_for(engine, "engine_disposed")
    def _disposed(_: Engine) -> None:
        if beside:
            beside.close()

    return engine


class _Checkpoints:
    """Moves what is in the log into the database beside the writers: nobody who commits waits for it. It is no part of what
    keeps a commit (that is the log). Where it does not keep up, the database does it itself at four times the size (twice, with the
    pages of an older database).

    A checkpoint of 16 MB costs little more than one of 4, and there are a quarter as many.

    The index beside the log carries the locks of every connection, and a process that closes *any* descriptor of a file loses
    all its locks on it (sqlite.org/howtocorrupt.html, 2.2): two processes could then write the log at once. So it is opened
    once, and closed only when the file has no name any more, which is after the last connection has gone."""

    def __init__(self, database: str) -> None:
        self._database, self._index = database, f"{database}-shm"
        self._lock, self._looking = threading.Lock(), threading.Lock()
        self._thread: threading.Thread | None = None
        self._fd: int | None = None

    def look(self) -> None:
        """Begin one where the log has grown, unless one is under way."""
        if self._waiting() > CHECKPOINT and self._lock.acquire(blocking=False):
            self._thread = threading.Thread(target=self._run, name="jingtu-checkpoint", daemon=True)
            self._thread.start()

    def _waiting(self) -> int:
        """How many bytes of the log are not in the database yet: szPage, mxFrame and nBackfill of the index beside it
        (sqlite.org/walformat.html, 2.1); the log's file says nothing, it is written anew from its start."""
        try:
            with self._looking:
                self._let_go()
                if self._fd is None:
                    self._fd = os.open(self._index, os.O_RDONLY | os.O_CLOEXEC)
                head = os.pread(self._fd, 100, 0)
        except OSError:
            return 0
        if len(head) < 100:
            return 0
        size, frames, moved = (int.from_bytes(head[a:b], sys.byteorder) for a, b in ((14, 16), (16, 20), (96, 100)))
        return (frames - moved) * size

    def _let_go(self) -> None:
        """Close the index where it has been deleted: nobody holds a lock on that one any more."""
        if self._fd is not None and os.fstat(self._fd).st_nlink == 0:
            os.close(self._fd)
            self._fd = None

    def _run(self) -> None:
        try:
            with closing(sqlite3.connect(self._database, isolation_level=None)) as db:
                db.execute("PRAGMA synchronous=FULL")
                db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as err:  # a full disk, say: whoever writes next is told by the write itself
            log.warning("checkpoint: %s", err)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Wait until none is under way. An index that others still use stays open: see above."""
        if self._thread is not None:
            self._thread.join()
        with self._looking:
            self._let_go()


def _address(url: str) -> URL:
    try:
        # the short form many hosts hand out
        address = make_url(f"postgresql://{url.removeprefix('postgres://')}" if url.startswith("postgres://") else url)
        if address.get_backend_name() in ("sqlite", "postgresql"):
            return address
    except ArgumentError:
        pass
    kind = url.partition(":")[0][:20]  # no more of it: there may be a password inside
    zh = f"JINGTU_DATABASE_URL 以「{kind}」开头；写法是 postgresql://用户@主机/数据库名"
    en = f"JINGTU_DATABASE_URL begins with “{kind}”; it is written postgresql://user@host/database"
    raise Trouble(4101, why={"zh": zh, "en": en})


def check_server(conn: Connection) -> None:
    """Is this PostgreSQL one we can keep our promises on? Raises Trouble 4101."""
    if not is_postgresql(conn):
        return
    version = int(conn.execute(text("SHOW server_version_num")).scalar_one()) // 10_000
    if version < OLDEST:
        zh = f"PostgreSQL 是 {version} 版，须是 {OLDEST} 版或更新"
        raise Trouble(4101, why={"zh": zh, "en": f"PostgreSQL is version {version}; {OLDEST} or newer is needed"})
    encoding = conn.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        zh = f"数据库的编码是 {encoding}，须用 UTF8 新建（CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0）"
        en = f"the database is encoded {encoding}; make it with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        raise Trouble(4101, why={"zh": zh, "en": en})


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
    with told(), room_on_disk():
        with closing(sqlite3.connect(path)) as copy:
            raw = engine.raw_connection()
            try:
                raw.driver_connection.backup(copy)  # type: ignore[union-attr]
            finally:
                raw.close()
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, no -wal beside it
        to_disk(path, path.parent)


def to_disk(*places: Path) -> None:
    """Files and folders as they are now survive a power cut."""
    for place in places:
        fd = os.open(place, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


@contextmanager
def room_on_disk() -> Iterator[None]:
    """For files written without the database's engine. Raises Trouble 1102 where there is no room for them."""
    try:
        yield
    except OSError as err:
        if err.errno in (ENOSPC, EDQUOT, EFBIG):
            raise Trouble(1102) from err
        raise
    except sqlite3.OperationalError as err:
        if err.sqlite_errorname in _FULL:
            raise Trouble(1102) from err
        raise


def upsert(conn: Connection, table: Table, values: dict[str, Any]) -> None:
    """Insert, or rewrite the row with this primary key: in one statement, so that two at once cannot both insert."""
    keys = [c.name for c in table.primary_key]
    rest = {k: v for k, v in values.items() if k not in keys}
    made: Any = (postgresql.insert if is_postgresql(conn) else sqlite.insert)(table).values(**values)
    conn.execute(made.on_conflict_do_update(index_elements=keys, set_=rest))


def insert_new(conn: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Insert unless a row with this primary key is there; True for the one who did. Of two at once one is told False."""
    made: Any = (postgresql.insert if is_postgresql(conn) else sqlite.insert)(table).values(**values)
    # what comes back tells; the count of rows an insert touched is not known on PostgreSQL
    return conn.execute(made.on_conflict_do_nothing().returning(*table.primary_key)).first() is not None


# --- many rows at once: what SQLAlchemy does for each row costs more than the database does ---------------------------


def listed(conn: Connection, values: Iterable[Any], type: str = "text") -> tuple[str, Any]:
    """A list as one parameter, for `WHERE x IN …`: (SQL with one mark, the parameter). One statement whatever its length."""
    if is_postgresql(conn):
        return f"(SELECT unnest(%s::{type}[]))", list(values)
    return "(SELECT value FROM json_each(?))", json.dumps(list(values))


def add_rows(conn: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows whose cells are in the order of `columns`."""
    if not rows:
        return
    if is_postgresql(conn):
        named = ",".join(f'"{c}"' for c in columns)
        _copy_in(conn, f'COPY "{table.name}" ({named}) FROM STDIN', rows)
        return
    for shape, cells in _by_shape(rows).items():
        named = ",".join(f'"{c}"' for c in compress(columns, shape))
        conn.exec_driver_sql(f'INSERT INTO "{table.name}" ({named}) VALUES ({",".join("?" * sum(shape))})', cells)


def add_in_order(conn: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """The same, one after another as they stand here: where the order they went in says which came first."""
    if is_postgresql(conn):
        return add_rows(conn, table, columns, rows)
    maybe = [n for n, c in enumerate(columns) if table.c[c].nullable]
    for empty, alike in groupby(rows, lambda row: [n for n in maybe if row[n] is None]):
        filled = [n for n in range(len(columns)) if n not in empty]
        named = ",".join(f'"{columns[n]}"' for n in filled)
        statement = f'INSERT INTO "{table.name}" ({named}) VALUES ({",".join("?" * len(filled))})'
        conn.exec_driver_sql(statement, [*map(itemgetter(*filled), alike)])


def _copy_in(conn: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY, which SQLAlchemy has no word for: its errors are told as those of any other statement."""
    driver = conn.dialect.loaded_dbapi
    cursor = conn.connection.cursor()
    try:
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except driver.Error as err:
        if conn.connection.driver_connection.closed:  # type: ignore[union-attr]
            conn.invalidate()
        raise DBAPIError.instance(
            statement, None, err, driver.Error, connection_invalidated=conn.invalidated, dialect=conn.dialect
        ) from err
    finally:
        cursor.close()


def _by_shape(rows: Sequence[tuple[Any, ...]]) -> dict[tuple[bool, ...], list[tuple[Any, ...]]]:
    """Which cells are filled → those cells. Most are empty, there are few patterns, and the driver takes longer over an empty
    cell than over one of text."""
    out: dict[tuple[bool, ...], list[tuple[Any, ...]]] = {}
    for row in rows:
        shape = tuple([c is not None for c in row])
        out.setdefault(shape, []).append(tuple(compress(row, shape)))
    return out


def rewrite_rows(conn: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Rewrite rows by the first of `columns`, whose cell names the row."""
    if not rows:
        return
    key, *rest = columns
    if is_postgresql(conn):  # there an update writes a new row all the same, and COPY does so faster
        conn.exec_driver_sql(f'DELETE FROM "{table.name}" WHERE "{key}"=ANY(%s)', ([row[0] for row in rows],))
        add_rows(conn, table, columns, rows)
        return
    for (_, *shape), cells in _by_shape(rows).items():
        sets = ",".join(f'"{c}"=?' if filled else f'"{c}"=NULL' for c, filled in zip(rest, shape, strict=True))
        conn.exec_driver_sql(f'UPDATE "{table.name}" SET {sets} WHERE "{key}"=?', [(*row[1:], row[0]) for row in cells])


def add_up(conn: Connection, table: Table, key: dict[str, Any], column: str, by: int, first: int) -> int:
    """Raise a counter that may not be there yet (it begins at `first`), in one statement; what it was before."""
    made: Any = (postgresql.insert if is_postgresql(conn) else sqlite.insert)(table).values(
        **key, **{column: first + by}
    )
    raised = made.on_conflict_do_update(index_elements=list(key), set_={column: table.c[column] + by})
    return int(conn.execute(raised.returning(table.c[column])).scalar_one()) - by


@contextmanager
def told() -> Iterator[None]:
    """What a database reports becomes a numbered problem where a person can do something about it; the rest goes on up.

    Raises Trouble 1101 (busy: try again), 1102 (disk full), 1103 (not reachable), 1001 (text no database can hold)."""
    try:
        yield
    except PoolEmpty as err:  # every connection is in use
        raise Trouble(1101) from err
    except UnicodeEncodeError as err:
        raise Trouble(1001, why={"zh": "文本含半个代理对", "en": "the text holds half a surrogate pair"}) from err
    except DBAPIError as err:
        number = _number(err)
        if number is None:
            raise
        if number != 1001:  # a person is told to try again; why stands here for the administrator
            log.warning("%s: %s", number, str(err.orig).strip())
        raise Trouble(number, why={"zh": "文本含空字符", "en": "the text holds a NUL"}) from err


# serialization_failure, deadlock_detected, lock_not_available, query_canceled, idle in a transaction for too long,
# unique_violation: two at once made the same row, and the one that lost sees the other's when it comes again
_BUSY = frozenset({"40001", "40P01", "55P03", "57014", "25P03", "25P04", "23505"})


# a quota or a size limit shows as a failed write, not as "full"; SHM…: the index beside a database that is opened
_FULL = frozenset({
    "SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC", "SQLITE_IOERR_TRUNCATE",
    "SQLITE_IOERR_SHMOPEN", "SQLITE_IOERR_SHMSIZE",
})  # fmt: skip


def _number(err: DBAPIError) -> int | None:
    if hasattr(err.orig, "sqlstate"):  # PostgreSQL
        state, said = getattr(err.orig, "sqlstate", None) or "", str(err.orig)
        if state in ("53100", "58030"):  # disk_full, io_error
            return 1102
        # while connecting there is no state, only words: "too many clients", "too many connections", "connection slots"
        if state in _BUSY or state.startswith("53") or "too many c" in said or "connection slots" in said:
            return 1101
        # a server that stops, that is not one to write to (a standby), or none at all
        if state.startswith(("08", "57P")) or state == "25006" or err.connection_invalidated:
            return 1103
        if not state:
            return 1001 if "NUL" in said else 1103 if isinstance(err, OperationalError) else None
        return None
    if not isinstance(err, OperationalError):
        return None
    name = getattr(err.orig, "sqlite_errorname", "")
    if name in _FULL:
        return 1102
    return 1101 if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) else None
