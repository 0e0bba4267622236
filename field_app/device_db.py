"""The device database's shape and its way from one version to the next.

Only `store.py` uses this. A migration runs in one transaction, after the file was copied; a killed migration leaves the
old version.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from field_app.storage import to_disk, told
from schemas.records import TABLES

VERSION = 5

_V1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE scope (id TEXT PRIMARY KEY, audience TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL,
    roles TEXT NOT NULL, writes TEXT NOT NULL, cursor INTEGER NOT NULL DEFAULT 0, digest TEXT NOT NULL,
    pulled_at TEXT, left_at TEXT, refreshing INTEGER NOT NULL DEFAULT 0);
CREATE TABLE fresh (scope TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (scope, id)) WITHOUT ROWID;
CREATE TABLE journal (enrolment TEXT NOT NULL, scope TEXT NOT NULL, pos INTEGER NOT NULL, id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL, record TEXT NOT NULL, line BLOB NOT NULL, link BLOB NOT NULL,
    PRIMARY KEY (enrolment, scope, pos));
CREATE INDEX journal_record ON journal (record);
CREATE TABLE former_journal (enrolment TEXT NOT NULL, scope TEXT NOT NULL, pos INTEGER NOT NULL, id TEXT NOT NULL,
    type TEXT NOT NULL, record TEXT NOT NULL, line BLOB NOT NULL, link BLOB NOT NULL,
    PRIMARY KEY (enrolment, scope, pos));
CREATE TABLE pending (enrolment TEXT NOT NULL, scope TEXT NOT NULL, pos INTEGER NOT NULL, sends INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (enrolment, scope, pos)) WITHOUT ROWID;
CREATE TABLE ahead (id TEXT PRIMARY KEY, scope TEXT NOT NULL, record TEXT NOT NULL, seq INTEGER);
CREATE INDEX ahead_record ON ahead (record);
CREATE INDEX ahead_seq ON ahead (scope, seq);
CREATE TABLE overlay (record TEXT PRIMARY KEY, scope TEXT NOT NULL, type TEXT NOT NULL, vals TEXT NOT NULL);
CREATE INDEX overlay_type ON overlay (type);
CREATE TABLE outcome (id TEXT PRIMARY KEY, scope TEXT NOT NULL, type TEXT NOT NULL, record TEXT NOT NULL, outcome TEXT NOT NULL,
    seq INTEGER, detail TEXT, sends INTEGER NOT NULL DEFAULT 1, at TEXT NOT NULL);
CREATE INDEX outcome_kind ON outcome (outcome) WHERE outcome <> 'applied';
CREATE TABLE receipt (id TEXT PRIMARY KEY, scope TEXT NOT NULL, text TEXT NOT NULL, signature TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE draft (record TEXT PRIMARY KEY, scope TEXT NOT NULL, type TEXT NOT NULL, vals TEXT NOT NULL, parent TEXT,
    updated_at TEXT NOT NULL);
CREATE TABLE other (id TEXT PRIMARY KEY, scope TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, line BLOB NOT NULL);
CREATE TABLE block (use TEXT NOT NULL, from_no INTEGER NOT NULL, to_no INTEGER NOT NULL, next_no INTEGER NOT NULL,
    PRIMARY KEY (use, from_no));
"""

# Several people on one tablet, each with what he or she may see; and rows of an earlier epoch, to be offered to a server
# that was restored. '' = the only person there was: the store puts the name in when it opens.
_V2 = """
CREATE TABLE granted (person TEXT NOT NULL, scope TEXT NOT NULL, roles TEXT NOT NULL, writes TEXT NOT NULL,
    PRIMARY KEY (person, scope)) WITHOUT ROWID;
INSERT INTO granted SELECT '', id, roles, writes FROM scope WHERE left_at IS NULL;
ALTER TABLE scope DROP COLUMN roles;
ALTER TABLE scope DROP COLUMN writes;
ALTER TABLE draft RENAME TO draft_v1;
CREATE TABLE draft (record TEXT NOT NULL, scope TEXT NOT NULL, type TEXT NOT NULL, vals TEXT NOT NULL, parent TEXT,
    updated_at TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (person, record));
INSERT INTO draft SELECT record, scope, type, vals, parent, updated_at, '' FROM draft_v1;
DROP TABLE draft_v1;
ALTER TABLE journal ADD COLUMN person TEXT NOT NULL DEFAULT '';
UPDATE journal SET person=coalesce(json_extract(CAST(line AS TEXT), '$.by'), '') WHERE json_valid(CAST(line AS TEXT));
CREATE TABLE offer (scope TEXT NOT NULL, id TEXT NOT NULL, epoch TEXT NOT NULL, line BLOB NOT NULL,
    PRIMARY KEY (scope, id, epoch)) WITHOUT ROWID;
"""

# Rows are asked for by scope and seq together; `_record_tables` makes the index that takes the place of these two.
_V3 = ";".join(f'DROP INDEX IF EXISTS "ix_{name}_{column}"' for name in TABLES for column in ("scope", "seq"))

# Which photos this tablet owes the server: one for each person and scope that a finalized record names it in. `url`: where an upload
# of it was begun, `sent`: how much of it had come there when that was last known. problem, detail: why it is where it is.
_V4 = """
CREATE TABLE blob (sha256 TEXT NOT NULL, scope TEXT NOT NULL, person TEXT NOT NULL, record TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting', url TEXT, sent INTEGER NOT NULL DEFAULT 0, fails INTEGER NOT NULL DEFAULT 0,
    problem INTEGER, detail TEXT, PRIMARY KEY (person, scope, sha256)) WITHOUT ROWID;
CREATE INDEX blob_open ON blob (state) WHERE state<>'there';
CREATE INDEX blob_sha256 ON blob (sha256);
INSERT OR IGNORE INTO blob (sha256,scope,person,record)
    SELECT json_extract(CAST(line AS TEXT),'$.after.sha256'), scope, person, record FROM journal
    WHERE type='photo' AND json_valid(CAST(line AS TEXT)) AND json_extract(CAST(line AS TEXT),'$.after.sha256') IS NOT NULL
    ORDER BY rowid;
"""

# A scope one hands records in to and does not pull (`reads` 0). own: this change is in the base by now, and kept for who made it and
# may not read the base. Signed directories as they came; hash: what the server calls what is in it; at: when it last said so.
_V5 = """
ALTER TABLE granted ADD COLUMN reads INTEGER NOT NULL DEFAULT 1;
ALTER TABLE ahead ADD COLUMN own INTEGER NOT NULL DEFAULT 0;
CREATE TABLE directory (scope TEXT PRIMARY KEY, text TEXT NOT NULL, signature TEXT NOT NULL, hash TEXT NOT NULL, at TEXT NOT NULL);
"""

MIGRATIONS = {1: _V1, 2: _V2, 3: _V3, 4: _V4, 5: _V5}


def open_db(path: Path) -> sqlite3.Connection:
    """Open, bring up to date, and check that the file promises durability. One connection, guarded by Store's lock.

    Raises NewerDatabase, Trouble 5001, 5007 where there is no room for a first opening or a migration."""
    with told():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _opened(path, alone=False)
        except sqlite3.OperationalError as err:
            if not err.sqlite_errorname.startswith("SQLITE_IOERR_SHM"):
                raise
            # no room for the index beside the file: alone with it, SQLite keeps that in memory, and what is here can be read
            return _opened(path, alone=True)


def _opened(path: Path, alone: bool) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        if alone:
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA foreign_keys=ON")
        db.execute("PRAGMA cache_size=-8000")  # what one pull or receipt changes fits in
        migrate(db, path)
    except BaseException:
        db.close()
        raise
    return db


def migrate(db: sqlite3.Connection, path: Path) -> None:
    (have,) = db.execute("PRAGMA user_version").fetchone()
    if have > VERSION:
        raise NewerDatabase(have)
    if 0 < have < VERSION:
        _copy(db, path.with_suffix(f".v{have}.bak"))
    with _transaction(db):  # one: who says it is of this version has the columns of this version
        (have,) = db.execute("PRAGMA user_version").fetchone()  # another process may have been first
        for version in range(have + 1, VERSION + 1):
            for statement in MIGRATIONS[version].split(";"):
                if statement.strip():
                    db.execute(statement)
        if have != VERSION:
            db.execute(f"PRAGMA user_version={VERSION}")
        _record_tables(db)


def _copy(db: sqlite3.Connection, kept: Path) -> None:
    """The old database, whole and on the disk before it gets its name: whoever finds the copy may rely on it."""
    temp = kept.with_name(f"{kept.name}.new")
    temp.unlink(missing_ok=True)  # of one that was killed
    try:
        with closing(sqlite3.connect(temp)) as copy:
            db.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, no -wal beside it
        to_disk(temp)
        temp.replace(kept)
        to_disk(kept.parent)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk has rolled back already, and its name is what is to be told
            db.execute("ROLLBACK")
        raise


class NewerDatabase(Exception):
    """The file was written by a newer app; an older one must not touch it."""

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(
            f"本机数据来自更新的应用（v{version}），请升级 ‖ the data is of a newer app (v{version}); update first"
        )


def _record_tables(db: sqlite3.Connection) -> None:
    """Tables of record types grow by themselves: types and fields are only ever added (see docs/records.md)."""
    dialect = sqlite.dialect()  # type: ignore[no-untyped-call]
    for name, table in TABLES.items():
        have = {row[1] for row in db.execute(f'PRAGMA table_info("{name}")')}
        if not have:
            db.execute(str(CreateTable(table).compile(dialect=dialect)))
        there = {row[1] for row in db.execute(f'PRAGMA index_list("{name}")')}
        for index in sorted(table.indexes, key=lambda i: str(i.name)):
            if index.name not in there:
                db.execute(str(CreateIndex(index).compile(dialect=dialect)))
        for column in table.columns if have else ():
            if column.name not in have:
                kind = column.type.compile(dialect=dialect)
                db.execute(f'ALTER TABLE "{name}" ADD COLUMN "{column.name}" {kind}')
