"""Every SQL statement of the server. SQLite by default, PostgreSQL by one setting.

Statements are built from tables with SQLAlchemy Core; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, delete, event, insert, inspect, select
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

from schemas.problems import Trouble
from schemas.records import TABLES
from sync_server.store import tables as t
from sync_server.store.people import PeopleStatements
from sync_server.store.records import RecordStatements
from sync_server.store.rows import DeviceKey, Journaled, ScopeRow, Stored, Values, detail_json

__all__ = [
    "DeviceKey", "Journaled", "ScopeRow", "Store", "Stored", "Tx", "Values", "detail_json", "open_engine",
]  # fmt: skip


def open_engine(url: str) -> Engine:
    """`sqlite:///path` or a PostgreSQL address. SQLite: WAL, synchronous=FULL, writers wait their turn."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _connect(db: Any, _record: Any) -> None:
            db.isolation_level = None
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
                db.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def _begin(conn: Connection) -> None:
            conn.exec_driver_sql("BEGIN" if conn.get_execution_options().get("reading") else "BEGIN IMMEDIATE")

    return engine


class Store:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def create(self) -> None:
        """Make what is not there yet; record tables grow by the fields a newer version knows."""
        t.meta.create_all(self.engine)
        SQLModel.metadata.create_all(self.engine, tables=list(TABLES.values()))
        with self.writing() as tx:
            tx.add_missing_columns()

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        """One write transaction; commits at the end, rolls back on any exception. A full disk is told as such."""
        try:
            with self.engine.begin() as conn:
                yield Tx(conn)
        except OperationalError as err:
            if "full" in str(err.orig) or "No space" in str(err.orig):
                raise Trouble(1102) from err
            if "locked" in str(err.orig):
                raise Trouble(1101) from err
            raise

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """One consistent view of the data, without holding up writers."""
        with self.engine.connect().execution_options(reading=True) as conn, conn.begin():
            yield Tx(conn)


class Tx(RecordStatements, PeopleStatements):
    """Statements inside one transaction."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    def add_missing_columns(self) -> None:
        inspector = inspect(self.conn)
        for name, table in TABLES.items():
            have = {c["name"] for c in inspector.get_columns(name)}
            for column in table.columns:
                if column.name not in have:
                    kind = column.type.compile(dialect=self.conn.dialect)
                    self.conn.exec_driver_sql(f'ALTER TABLE "{name}" ADD COLUMN "{column.name}" {kind}')

    # --- settings ------------------------------------------------------------------------------------------------

    def setting(self, key: str) -> str | None:
        return self.conn.execute(select(t.setting.c.value).where(t.setting.c.key == key)).scalar()

    def set_setting(self, key: str, value: str) -> None:
        self.conn.execute(delete(t.setting).where(t.setting.c.key == key))
        self.conn.execute(insert(t.setting).values(key=key, value=value))
