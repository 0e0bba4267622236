"""What is evidence is only ever added to, and the database itself refuses anything else: triggers on the journal, receipts, second
chains, decisions and the audit log.

A line of the journal never changes; what became of it may, as long as it is parked. A decision may be withdrawn as long as its
change waits. Nothing fires on INSERT: a push pays nothing for them. They hold against a slip in this program or at a database
prompt. Whoever owns the database can take them away: then `jingtu doctor` misses them, and signatures still tell what was altered.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from sync_server.store import tables as t
from sync_server.store.engine import is_postgresql

GUARDED = ("journal", "receipt", "fork", "decision", "audit")
MAY_CHANGE = ("outcome", "seq", "problem", "detail")  # of a parked line of the journal: what becomes of it
NAME = "append_only"
_FIXED = tuple(c.name for c in t.journal.columns if c.name not in MAY_CHANGE)
_UNDECIDED = "EXISTS (SELECT 1 FROM journal WHERE journal.id=OLD.id AND journal.outcome='parked')"
# when an UPDATE is let through
_ALLOWED = {
    "journal": {
        "sqlite": "OLD.outcome='parked' AND " + " AND ".join(f"NEW.{c} IS OLD.{c}" for c in _FIXED),
        "postgresql": "OLD.outcome='parked' AND "
        + " AND ".join(f"NEW.{c} IS NOT DISTINCT FROM OLD.{c}" for c in _FIXED),
    },
    "decision": {
        "sqlite": f"NEW.id IS OLD.id AND OLD.accepted AND NOT NEW.accepted AND {_UNDECIDED}",
        "postgresql": f"NEW.id=OLD.id AND OLD.accepted AND NOT NEW.accepted AND {_UNDECIDED}",
    },
}
_WHY = {
    "journal": "流水只增不改，未定的结果除外 / the journal is append-only: only what becomes of a parked change may change",
    "receipt": "回执只增不改 / receipts are append-only",
    "fork": "第二条链只增不改 / second chains are append-only",
    "decision": "决定只增不改，变更未定时可收回 / decisions are append-only: one may be withdrawn while its change waits",
    "audit": "操作日志只增不改 / the audit log is append-only",
}
_ROW, _WHOLE = 27, 34  # pg_trigger.tgtype: before update or delete, for each row; before truncate


class Guard(NamedTuple):
    """One trigger: of which table, under what name, and the text it is made with (PostgreSQL: of its function)."""

    table: str
    name: str
    body: str
    kind: int = 0  # pg_trigger.tgtype


def missing(conn: Connection) -> list[Guard]:
    """Those that are not there, or not as they should be."""
    there = _there(conn)
    return [g for g in (_postgresql() if is_postgresql(conn) else _sqlite()) if g not in there]


def put(conn: Connection) -> list[Guard]:
    """Make those that are missing; which they were."""
    wanting = missing(conn)
    for g in wanting:
        if is_postgresql(conn):
            _put_postgresql(conn, g)
        else:
            conn.exec_driver_sql(f'DROP TRIGGER IF EXISTS "{g.name}"')
            conn.exec_driver_sql(g.body)
    return wanting


def _there(conn: Connection) -> set[Guard]:
    if not is_postgresql(conn):
        rows = conn.exec_driver_sql("SELECT tbl_name, name, sql FROM sqlite_master WHERE type='trigger'")
        return {Guard(*row) for row in rows}
    found = conn.execute(
        text(
            "SELECT c.relname, g.tgname, p.prosrc, g.tgtype FROM pg_trigger g JOIN pg_class c ON c.oid=g.tgrelid"
            " JOIN pg_proc p ON p.oid=g.tgfoid WHERE NOT g.tgisinternal AND pg_table_is_visible(c.oid)"
            " AND g.tgenabled::text='A' AND g.tgqual IS NULL AND g.tgattr::text=''"
        )
    )
    return {Guard(*row) for row in found}


def _sqlite() -> list[Guard]:
    out = []
    for table in GUARDED:
        allowed = _ALLOWED.get(table, {}).get("sqlite")
        refuse = f"BEGIN SELECT RAISE(ABORT, '{_WHY[table]}'); END"
        for verb, when in (("UPDATE", f" WHEN NOT coalesce({allowed}, 0)" if allowed else ""), ("DELETE", "")):
            name = f"{NAME}_{table}_{verb.lower()}"
            out.append(Guard(table, name, f"CREATE TRIGGER {name} BEFORE {verb} ON {table}{when} {refuse}"))
    return out


def _postgresql() -> list[Guard]:
    out = []
    for table in GUARDED:
        allowed = _ALLOWED.get(table, {}).get("postgresql")
        let = f" IF TG_OP='UPDATE' THEN IF {allowed} THEN RETURN NEW; END IF; END IF;" if allowed else ""
        body = f"BEGIN{let} RAISE EXCEPTION '{_WHY[table]}'; END"
        out += [Guard(table, NAME, body, _ROW), Guard(table, f"{NAME}_whole", body, _WHOLE)]
    return out


def _put_postgresql(conn: Connection, g: Guard) -> None:
    function = f"{NAME}_{g.table}"
    when = "UPDATE OR DELETE ON {} FOR EACH ROW" if g.kind == _ROW else "TRUNCATE ON {} FOR EACH STATEMENT"
    for statement in (
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $jingtu${g.body}$jingtu$",
        f"DROP TRIGGER IF EXISTS {g.name} ON {g.table}",
        f"CREATE TRIGGER {g.name} BEFORE {when.format(g.table)} EXECUTE FUNCTION {function}()",
        # also where a session says it only replays what another database did
        f"ALTER TABLE {g.table} ENABLE ALWAYS TRIGGER {g.name}",
    ):
        conn.exec_driver_sql(statement)
