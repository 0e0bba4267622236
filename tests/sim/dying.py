"""A process that dies between two statements of its database."""

from __future__ import annotations

import sqlite3
from typing import Any


class Killed(BaseException):
    """The process is gone: nothing of the app may catch this and go on."""


class DyingDb:
    """A tablet's connection. After `die_in(n)` the n-th statement inside a transaction, COMMIT included, and all later
    ones are never run."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._left: int | None = None

    def die_in(self, statements: int | None) -> None:
        self._left = statements

    def execute(self, sql: str, args: Any = ()) -> sqlite3.Cursor:
        if self._left is not None:
            if self._left <= 0:
                raise Killed
            self._left -= self._db.in_transaction
        return self._db.execute(sql, args)

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
        if self._left is not None:
            if self._left <= 0:
                raise Killed
            self._left -= self._db.in_transaction
        return self._db.executemany(sql, rows)

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def close(self) -> None:
        self._db.close()  # what was not committed is rolled back when the file is opened again
