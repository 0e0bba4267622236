"""From one version of the database to the next.

New tables, and new columns that may be empty, come by themselves (`grow`). Anything else is a numbered step here. All of
it runs in one transaction with the number, so that a process killed in between leaves the old version whole.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, func, insert, inspect, select
from sqlmodel import SQLModel

from schemas.problems import Trouble
from schemas.records import TABLES
from sync_server.store import guards
from sync_server.store import tables as t
from sync_server.store.engine import upsert, wait_for_start


def _device_numbers(conn: Connection) -> None:
    """2: device codes are counted like other numbers, because a restored server must be able to skip some; the epoch there
    is gets its row."""
    devices = conn.execute(select(func.count()).select_from(t.device_key)).scalar_one()
    if devices:
        conn.execute(insert(t.block).values(use="device", next_no=devices + 1))
    first = conn.execute(select(t.setting.c.value).where(t.setting.c.key == "epoch")).scalar()
    if first:  # made when the database was; nothing of before is known, nor needed
        conn.execute(insert(t.epoch).values(id=first, began_at="", previous=None, heads="{}"))


def _indexes(conn: Connection) -> None:
    """3: rows are asked for by scope and seq together, lines of the journal by scope and seq, and of outcomes only for parked."""
    for name in TABLES:
        for old in ("scope", "seq"):
            conn.exec_driver_sql(f'DROP INDEX IF EXISTS "ix_{name}_{old}"')
    conn.exec_driver_sql("DROP INDEX IF EXISTS journal_outcome")
    if (
        conn.dialect.name == "sqlite"
    ):  # one tree instead of two for what every new record writes and every reference asks
        conn.exec_driver_sql("ALTER TABLE record_type RENAME TO record_type_v2")
        t.record_type.create(conn)
        conn.exec_driver_sql("INSERT INTO record_type SELECT id, type, scope FROM record_type_v2")
        conn.exec_driver_sql("DROP TABLE record_type_v2")
    found = inspect(conn).get_multi_indexes()
    there = {index["name"] for of_table in found.values() for index in of_table}
    for table in (t.journal, *TABLES.values()):
        for index in sorted(table.indexes, key=lambda i: str(i.name)):
            if index.name not in there:  # a table that is new to this version came with its own
                index.create(conn)


def _photos(conn: Connection) -> None:
    """4: who may see a file follows from the records that name it. Also made with a new database: the index is the server's
    alone, so the table both sides share does not have it."""
    conn.exec_driver_sql("CREATE INDEX IF NOT EXISTS photo_sha256 ON photo (sha256)")


def _log_by_project(conn: Connection) -> None:
    """5: the audit log is read by project."""
    conn.exec_driver_sql("CREATE INDEX IF NOT EXISTS audit_owner ON audit (owner, n)")


def _subjects(conn: Connection) -> None:
    """6: what was said about a record is asked for by that record, for every row of a table. Also made with a new database, as
    step 4 is."""
    for name in ("review_decision", "conflict", "comment"):
        conn.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {name}_subject ON {name} (subject_id)")


def _chains(conn: Connection) -> None:
    """7: every page of a project says whether a chain did not fit; that must not look through the whole journal."""
    conn.exec_driver_sql("CREATE INDEX IF NOT EXISTS journal_unproven ON journal (scope) WHERE proof='unproven'")


def _loads(conn: Connection) -> None:
    """8: anybody may ask for a load by its number (console/public.py): that must cost next to nothing. Also made with a new database,
    as step 4 is."""
    for name, column in (("manifest", "number"), ("hand_over", "number"), ("manifest_leg", "manifest_id")):
        conn.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {name}_{column} ON {name} ({column})")


def _inspections(conn: Connection) -> None:
    """9: what belongs to an inspection or a finding is asked for by that one record, by anybody who holds the paper too (`/i/{id}`).
    Also made with a new database, as step 4 is."""
    for name, column in (("checklist_answer", "inspection_id"), ("finding", "inspection_id"), ("inspection", "amends_id"),
                         ("inspection", "code"), ("corrective_action", "finding_id"), ("recheck", "finding_id"), ("photo", "subject_id")):  # fmt: skip
        conn.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {name}_{column} ON {name} ({column})")


# 1 is the database of 0.1.0, which kept no number
STEPS: dict[int, Callable[[Connection], None]] = {
    2: _device_numbers, 3: _indexes, 4: _photos, 5: _log_by_project, 6: _subjects, 7: _chains, 8: _loads,
    9: _inspections,
}  # fmt: skip
VERSION = max(STEPS)


def version_of(conn: Connection) -> int:
    """0 for a database without our tables. Raises Trouble 4102 for one of a newer server."""
    if not inspect(conn).has_table("setting"):
        return 0
    found = conn.execute(select(t.setting.c.value).where(t.setting.c.key == "schema")).scalar()
    have = int(found) if found else 1
    if have > VERSION:
        raise Trouble(4102, found=have, known=VERSION)
    return have


def upgrade(conn: Connection) -> int:
    """Bring the database to VERSION; returns the version it had."""
    wait_for_start(conn)
    have = version_of(conn)
    grow(conn)
    for number, step in STEPS.items():
        if have and number > have:
            step(conn)
    if not have:
        _photos(conn)
        _subjects(conn)
        _loads(conn)
        _inspections(conn)
    guards.put(conn)  # no step: a database restored or mended by other means gets them back at the next start
    if have != VERSION:
        upsert(conn, t.setting, {"key": "schema", "value": str(VERSION)})
    return have


def grow(conn: Connection) -> None:
    """Tables and columns a newer version knows: types and fields are only ever added (docs/records.md)."""
    # asked for all at once: a question for each of some sixty tables would make up most of the time a server takes to start
    inspector = inspect(conn)
    there = {name: {c["name"] for c in found} for (_, name), found in inspector.get_multi_columns().items()}
    for metadata, tables in ((t.meta, t.meta.tables.values()), (SQLModel.metadata, TABLES.values())):
        metadata.create_all(conn, tables=[x for x in tables if x.name not in there], checkfirst=False)
    for table in (*t.meta.tables.values(), *TABLES.values()):
        for column in table.columns if table.name in there else ():
            if column.name not in there[table.name]:
                kind = column.type.compile(dialect=conn.dialect)
                conn.exec_driver_sql(f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {kind}')
