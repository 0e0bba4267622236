"""The PostgreSQL of the tests as it would run in earnest: fsync on, PostgreSQL's own defaults."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import delete, insert, select, text

from schemas.records import TABLES
from sync_server.store import open_engine
from sync_server.store import tables as t
from tests.bench.sizes import Size
from tests.pg import Cluster

# what the tests set otherwise, to be quick
DEFAULTS = {
    "shared_buffers": "128MB", "autovacuum": "on", "checkpoint_timeout": "5min", "max_wal_size": "1GB", "wal_level": "replica",
    "max_wal_senders": "10", "jit": "on",
}  # fmt: skip


@contextmanager
def postgresql() -> Iterator[Cluster]:
    pg = Cluster(quick=False)
    try:
        pg.restart(signal.SIGINT, **DEFAULTS)
        yield pg
    finally:
        pg.close()


def template_of(pg: Cluster, sqlite: Path) -> str:
    """The name of a database with all that stands in a server's SQLite file: the same people, records, chains and digests,
    so that the same tablets may go on with it. Made for copies, which begin with fresh statistics."""
    name = pg.make()
    old, new = open_engine(f"sqlite:///{sqlite}"), open_engine(pg.url(name))
    try:
        with old.begin() as source, new.begin() as target:
            for table in (*t.meta.sorted_tables, *TABLES.values()):
                rows = [dict(r) for r in source.execute(select(table)).mappings()]
                target.execute(delete(table))
                if rows:
                    target.execute(insert(table), rows)
                counted = [c.name for c in table.primary_key if c.autoincrement is True]
                for column in counted if rows else ():  # the counter goes on after the last one
                    sql = f"SELECT setval(pg_get_serial_sequence('\"{table.name}\"', '{column}'), max({column})) FROM \"{table.name}\""
                    target.execute(text(sql))
    finally:
        old.dispose()
        new.dispose()
    pg.sql("VACUUM ANALYZE", name)
    return name


def processes(pg: Cluster) -> list[int]:
    """The server and everything it started: writers, and a process for each connection."""
    children = Path(f"/proc/{pg.pid}/task/{pg.pid}/children")
    return [pg.pid, *map(int, children.read_text().split())] if children.exists() else [pg.pid]


def size_of(pg: Cluster, name: str) -> Size:
    """Tables, their indexes and long values; without what the system keeps for itself."""
    sql = "SELECT coalesce(sum(pg_total_relation_size(oid)),0)::bigint FROM pg_class WHERE relkind='r' AND relnamespace='public'::regnamespace"
    whole, journal = (pg.sql(sql + more, name)[0][0] for more in ("", " AND relname='journal'"))
    return Size(whole, journal)
