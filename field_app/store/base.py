"""What both sides of the store stand on: the open file, who this device is, and a record as base + overlay."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import compress, dropwhile
from pathlib import Path
from typing import Any

from field_app.clock import Clock, DeviceClock
from field_app.device_db import open_db
from field_app.keys import Identity, Keys
from field_app.storage import problem_of
from field_app.store.rows import Values
from schemas import canonical, change
from schemas.change import Change
from schemas.ids import Ids
from schemas.merge import put
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.rows import codec
from schemas.rules import evidence


class Base:
    def __init__(self, folder: Path, clock: Clock | None = None, random: Callable[[int], bytes] = os.urandom) -> None:
        self.folder = folder
        self.clock: Clock = clock or DeviceClock()
        self.new_id = Ids(lambda: int(self.clock.now().timestamp() * 1000), random)
        self._lock = threading.RLock()
        self._db = open_db(folder / "tablet.db")
        self.keys = Keys(folder, self.clock)

    def close(self) -> None:
        with self._lock:  # under a statement of another thread it would take the process with it
            self._db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction. A full disk rolls back and is told as such."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as err:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                number = problem_of(err)
                if number:
                    raise Trouble(number) from err
                raise

    def _rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, args).fetchall()

    def _adopt_nobodys(self) -> None:
        """After an update from a version that knew one person: what is here is that person's."""
        if self.identity is not None and self._rows(
            "SELECT 1 FROM granted WHERE person='' UNION SELECT 1 FROM draft WHERE person=''"
        ):
            with self._write() as db:
                for table in ("granted", "draft"):  # what came meanwhile under the name is newer
                    db.execute(f"UPDATE OR IGNORE {table} SET person=? WHERE person=''", (self.identity.person,))
                    db.execute(f"DELETE FROM {table} WHERE person=''")

    @property
    def identity(self) -> Identity | None:
        return self.keys.identity

    def engine(self) -> dict[str, Any]:
        """The database as it is: version, its shape's number, bytes on disk, and what SQLite was built with."""
        ((version,),) = self._rows("SELECT sqlite_version()")
        ((shape,),) = self._rows("PRAGMA user_version")
        files = [self.folder / f"tablet.db{end}" for end in ("", "-wal")]
        size = sum(f.stat().st_size for f in files if f.exists())
        options = [o for (o,) in self._rows("PRAGMA compile_options")]
        if self._rows("SELECT 1 FROM pragma_function_list WHERE name='json_extract'"):
            options.append("JSON")  # built in since 3.38, where no option names it
        return {"version": version, "shape": shape, "bytes": size, "options": options}

    def meta(self, key: str) -> str | None:
        rows = self._rows("SELECT value FROM meta WHERE key=?", key)
        return rows[0][0] if rows else None

    def set_meta(self, key: str, value: str) -> None:
        with self._write() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (key, value))

    def scope_for(self, type: str, owner: str, audience: str | None = None) -> str:
        """The scope a record of this type belongs to. Types without an audience of their own take `audience`."""
        return f"{owner}.{audience or TYPES[type].about.audience.value}"

    def _base(self, db: sqlite3.Connection, type: str, record: str) -> tuple[int, Values] | None:
        c = codec(type)
        row = db.execute(f'SELECT {",".join(quoted(c.columns))} FROM "{type}" WHERE id=?', (record,)).fetchone()
        return (row[2], c.from_row(row)) if row else None

    def _view(self, db: sqlite3.Connection, type: str, record: str) -> Values | None:
        over = db.execute("SELECT vals FROM overlay WHERE record=?", (record,)).fetchone()
        if over:
            loaded: Values = json.loads(over[0])
            return loaded
        base = self._base(db, type, record)
        return base[1] if base else None

    def _set_overlay(self, db: sqlite3.Connection, record: str, scope: str, type: str, values: Values) -> None:
        db.execute(
            "INSERT OR REPLACE INTO overlay VALUES (?,?,?,?)", (record, scope, type, canonical.dumps(values).decode())
        )

    def _make_overlay(self, db: sqlite3.Connection, record: str) -> None:
        """Base + ahead. Without a base it begins with the change that made the record: half a record is never shown. A record
        whose changes are all in the base and kept for their maker (`own`) is as the base says."""
        lines = db.execute(
            "SELECT j.line, a.own FROM ahead a JOIN journal j ON j.id=a.id WHERE a.record=? ORDER BY j.rowid", (record,)
        ).fetchall()
        changes = [(change.decode(line), own) for line, own in lines]
        base = self._base(db, changes[0][0].type, record) if changes else None
        if base is None:
            changes = list(dropwhile(lambda c: not c[0].creates, changes))
        if not changes:
            db.execute("DELETE FROM overlay WHERE record=?", (record,))
            return
        values = base[1] if base else {}
        for one, own in changes:
            if not (own and base):
                put(values, one.after)
        self._set_overlay(db, record, changes[0][0].scope, changes[0][0].type, values)

    def _next_place(self, db: sqlite3.Connection, identity: Identity, one: Change) -> tuple[int, bytes]:
        """Position and link of a change that is added to the identity's chain. Raises Trouble 2011 while its key is locked."""
        if identity.locked:
            raise Trouble(2011)
        pos, link = db.execute(
            "SELECT pos, link FROM journal WHERE enrolment=? AND scope=? ORDER BY pos DESC LIMIT 1",
            (identity.enrolment, one.scope),
        ).fetchone() or (0, evidence.first_link(one.scope, identity.enrolment))
        return pos + 1, evidence.next_link(link, evidence.salt_of(identity.salt_key, one.id), one.line)


def quoted(columns: Iterable[str]) -> list[str]:
    return [f'"{c}"' for c in columns]


def put_rows(db: sqlite3.Connection, type: str, rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of a record type, or put them in the place of those with the same id. Only filled cells are named: most are
    empty, there are few patterns, and the driver takes longer over an empty cell than over one of text."""
    columns = quoted(codec(type).columns)
    by_shape: dict[tuple[bool, ...], list[tuple[Any, ...]]] = {}
    for row in rows:
        shape = tuple([c is not None for c in row])
        by_shape.setdefault(shape, []).append(tuple(compress(row, shape)))
    for shape, cells in by_shape.items():
        named = ",".join(compress(columns, shape))
        db.executemany(f'INSERT OR REPLACE INTO "{type}" ({named}) VALUES ({",".join("?" * sum(shape))})', cells)
