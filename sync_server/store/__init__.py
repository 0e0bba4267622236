"""Every SQL statement of the server. SQLite by default, PostgreSQL by one setting.

Statements are built from tables with SQLAlchemy Core; nothing here decides anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from schemas.problems import Trouble
from sync_server.store import tables as t
from sync_server.store.engine import copy_to, is_postgresql, open_engine, reading_options, told, upsert
from sync_server.store.migrations import VERSION, upgrade, version_of
from sync_server.store.people import PeopleStatements
from sync_server.store.records import RecordStatements
from sync_server.store.rows import DeviceKey, Journaled, ScopeRow, Stored, Values, detail_json

__all__ = [
    "DeviceKey", "Journaled", "ScopeRow", "Store", "Stored", "Tx", "Values", "detail_json", "open_engine",
]  # fmt: skip


log = logging.getLogger("jingtu")


class Store:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def create(self) -> None:
        """Make what is not there yet, or bring an older database up to date. Raises Trouble 4102 for a newer one."""
        if self._older():
            self._copy()
        with told(), self.engine.begin() as conn:
            upgrade(conn)

    def _older(self) -> bool:
        with self.engine.connect() as conn, conn.begin():
            return 0 < version_of(conn) < VERSION

    def _copy(self) -> None:
        """Before a migration the SQLite file is copied beside itself. PostgreSQL migrates inside a transaction; a copy of it
        is its administrator's `jingtu backup`."""
        name = self.engine.url.database
        if is_postgresql(self.engine) or not name or name == ":memory:":
            return
        with self.engine.connect() as conn, conn.begin():
            have = version_of(conn)
        kept = Path(f"{name}.v{have}.bak")
        copy_to(self.engine, kept.with_suffix(".new"))
        kept.with_suffix(".new").replace(kept)

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        """One write transaction; commits at the end, rolls back on any exception. Raises Trouble 1101, 1102, 1103.

        What is to follow (`Tx.after_commit`) cannot undo it any more: if it fails now, it is done at the next start."""
        with told(), self.engine.begin() as conn:
            tx = Tx(conn)
            yield tx
        for follow in tx.after_commit:
            try:
                follow()
            except Trouble as err:
                log.warning("left for the next start: %s", err)

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """One consistent view of the data, without holding up writers. Raises Trouble 1103."""
        options = reading_options(self.engine)
        with told(), self.engine.connect().execution_options(reading=True, **options) as conn, conn.begin():
            yield Tx(conn)


class Tx(RecordStatements, PeopleStatements):
    """Statements inside one transaction."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.after_commit: list[Callable[[], None]] = []

    # --- settings ------------------------------------------------------------------------------------------------

    def setting(self, key: str) -> str | None:
        return self.conn.execute(select(t.setting.c.value).where(t.setting.c.key == key)).scalar()

    def set_setting(self, key: str, value: str) -> None:
        upsert(self.conn, t.setting, {"key": key, "value": value})
