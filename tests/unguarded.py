"""For tests that damage the evidence on purpose: its guards (sync_server/store/guards.py) are away meanwhile, and back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from sync_server.store import guards


def take_guards(conn: Connection) -> None:
    for g in guards.missing(conn):
        raise AssertionError(f"{g.name} of {g.table} was missing already")
    sqlite = conn.dialect.name == "sqlite"
    rows = (
        [(name, "") for (name,) in conn.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='trigger'").all()]
        if sqlite
        else [
            (name, f" ON {table}")
            for name, table in conn.exec_driver_sql(
                "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
            ).all()
        ]
    )
    for name, of in rows:
        conn.exec_driver_sql(f"DROP TRIGGER {name}{of}")


@contextmanager
def unguarded(conn: Connection) -> Iterator[None]:
    """Inside a write transaction."""
    take_guards(conn)
    yield
    guards.put(conn)
