"""Statements for looking after an installation: lists for its administrator, recounting, mending what is derived."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, delete, func, inspect, select, update

from schemas.records import TABLES
from schemas.rows import codec
from schemas.rules import evidence
from sync_server.store import guards
from sync_server.store import tables as t
from sync_server.store.engine import listed, upsert
from sync_server.store.migrations import version_of
from sync_server.store.rows import Journaled, Stored

PAGE = 5000  # rows held at a time while a whole table is gone through
BACKUP = "backup"  # the setting that tells the last backup that was tried out and found good


_SETTINGS = select(t.setting.c.key, t.setting.c.value)


class Head(NamedTuple):
    """How far a scope is, and the fingerprint of its rows."""

    seq: int
    digest: str


class State(NamedTuple):
    """What a copy of a database must have in common with the one it was made of."""

    schema_version: int
    epoch: str
    scopes: dict[str, Head]
    counts: dict[str, int]  # rows of every table


class CareStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection
    _settings: dict[str, str] | None

    # --- settings ------------------------------------------------------------------------------------------------

    def setting(self, key: str) -> str | None:
        if self._settings is None:  # a handful, and most transactions ask for several
            self._settings = {name: value for name, value in self.conn.execute(_SETTINGS)}
        return self._settings.get(key)

    def set_setting(self, key: str, value: str) -> None:
        self._settings = None
        upsert(self.conn, t.setting, {"key": key, "value": value})

    # --- the whole -----------------------------------------------------------------------------------------------

    def state(self) -> State:
        """Raises Trouble 4102 for a database of a newer server. Of an older one it counts the tables that are there."""
        version = version_of(self.conn)
        there = set(inspect(self.conn).get_table_names())
        known: dict[str, Table] = {**t.meta.tables, **TABLES}
        counts = {
            name: self.conn.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in sorted(known.items())
            if name in there
        }
        epoch = (
            self.conn.execute(select(t.setting.c.value).where(t.setting.c.key == "epoch")).scalar() if version else ""
        )
        scopes = self.conn.execute(select(t.scope).order_by(t.scope.c.id)).all() if version else []
        return State(version, epoch or "", {r.id: Head(r.seq, r.digest) for r in scopes}, counts)

    def schema_version(self) -> int:
        """Raises Trouble 4102 for a database of a newer server."""
        return version_of(self.conn)

    def epoch_name(self) -> str:
        """ "" for a database without our tables."""
        if not inspect(self.conn).has_table("setting"):
            return ""
        return self.conn.execute(select(t.setting.c.value).where(t.setting.c.key == "epoch")).scalar() or ""

    def backed_up(self) -> dict[str, Any]:
        """{"at", "file", "epoch", "heads": {scope: seq}} of the last good backup; {} when there is none."""
        text = self.setting(BACKUP)
        return dict(json.loads(text)) if text else {}

    def set_backed_up(self, at: str, file: str, epoch: str, heads: Mapping[str, int]) -> None:
        said = {"at": at, "file": file, "epoch": epoch, "heads": dict(heads)}
        self.set_setting(BACKUP, json.dumps(said, ensure_ascii=False))

    def end_sign_ins(self, person: str | None = None) -> dict[str, int]:
        """Whoever is signed in has to do so again: one person, or everybody. Codes for enrolling count no longer."""
        gone = {}
        for table in (t.web_session, t.refresh, t.code):
            statement = delete(table)
            done = self.conn.execute(statement if person is None else statement.where(table.c.person == person))
            gone[table.name] = done.rowcount
        return gone

    def raise_numbers(self, use: str, by: int) -> int:
        """The next `by` numbers of a use are handed out to nobody. Returns the next number."""
        row = self.conn.execute(select(t.block.c.next_no).where(t.block.c.use == use).with_for_update()).first()
        next_no = (row.next_no if row else 1) + by
        upsert(self.conn, t.block, {"use": use, "next_no": next_no})
        return int(next_no)

    # --- lists ---------------------------------------------------------------------------------------------------

    def accounts(self) -> list[Mapping[str, Any]]:
        c = t.account.c
        query = select(c.person, c.username, c.disabled).order_by(c.username)
        return [dict(r) for r in self.conn.execute(query).mappings()]

    def set_account(self, person: str, **values: Any) -> None:
        self.conn.execute(update(t.account).where(t.account.c.person == person).values(**values))

    def all_memberships(self, owner: str | None = None) -> list[tuple[str, str, str]]:
        """(person, owner, role)."""
        c = t.membership.c
        query = select(c.person, c.owner, c.role).order_by(c.owner, c.person, c.role)
        rows = self.conn.execute(query if owner is None else query.where(c.owner == owner))
        return [(r.person, r.owner, r.role) for r in rows]

    def members_of(self, owners: Sequence[str]) -> list[tuple[str, str, str]]:
        """(person, owner, role) of these owners, by owner."""
        these, given = listed(self.conn, owners)
        sql = f"SELECT person,owner,role FROM membership WHERE owner IN {these} ORDER BY owner,person,role"
        return [(person, owner, role) for person, owner, role in self.conn.exec_driver_sql(sql, (given,))]

    # --- going through everything --------------------------------------------------------------------------------

    def journal_by_seq(self, scope: str) -> Iterator[Journaled]:
        """The accepted changes of a scope in the order in which they counted."""
        c = t.journal.c
        return self._pages(c.seq, (c.scope == scope) & c.seq.is_not(None))

    def journal_by_chain(self, enrolment: str, scope: str) -> Iterator[Journaled]:
        c = t.journal.c
        return self._pages(c.pos, (c.scope == scope) & (c.enrolment == enrolment))

    def _pages(self, key: Any, which: ColumnElement[bool]) -> Iterator[Journaled]:
        """Of equal keys all come, so that a doubled one shows."""
        last: tuple[int, int] | None = None
        while True:
            query = select(t.journal).where(which).order_by(key, t.journal.c.n).limit(PAGE)
            if last is not None:
                query = query.where((key > last[0]) | ((key == last[0]) & (t.journal.c.n > last[1])))
            rows = self.conn.execute(query).all()
            yield from (Journaled(*row[1:]) for row in rows)
            if len(rows) < PAGE:
                return
            last = (getattr(rows[-1], key.name), rows[-1].n)

    def chains_of(self, scope: str) -> dict[str, tuple[int, bytes]]:
        """enrolment → (position, head)."""
        c = t.chain.c
        rows = self.conn.execute(select(c.enrolment, c.pos, c.head).where(c.scope == scope).order_by(c.enrolment))
        return {r.enrolment: (r.pos, r.head) for r in rows}

    def enrolments_in(self, scope: str) -> set[str]:
        """Whose lines are in the journal of a scope."""
        c = t.journal.c
        return set(self.conn.execute(select(c.enrolment).where(c.scope == scope).distinct()).scalars())

    def receipts_of(self, enrolment: str, scope: str) -> Iterator[Mapping[str, Any]]:
        c, last = t.receipt.c, ""
        while True:
            query = select(t.receipt).where(c.scope == scope, c.enrolment == enrolment, c.id > last).order_by(c.id)
            rows = self.conn.execute(query.limit(PAGE)).mappings().all()
            yield from (dict(r) for r in rows)
            if len(rows) < PAGE:
                return
            last = rows[-1]["id"]

    def rows_of(self, type: str, scope: str) -> Iterator[Stored]:
        table, c, last = TABLES[type], codec(type), ""
        while True:
            query = select(table).where(table.c.scope == scope, table.c.id > last).order_by(table.c.id).limit(PAGE)
            rows = self.conn.execute(query).mappings().all()
            for r in rows:
                yield Stored(type, r["id"], r["scope"], r["seq"], c.from_row([r[name] for name in c.columns]))
            if len(rows) < PAGE:
                return
            last = rows[-1]["id"]

    def recount(self, scope: str) -> int:
        """The digest of a scope from its rows."""
        rows = (s for type in TABLES for s in self.rows_of(type, scope))
        return sum(evidence.row_hash(evidence.row_line(s.type, s.id, s.seq, s.values)) for s in rows)

    def row_scopes(self) -> set[str]:
        """Scopes that any row claims to be in."""
        out: set[str] = set()
        for table in (t.journal, *TABLES.values()):
            out |= set(self.conn.execute(select(table.c.scope).distinct()).scalars())
        return out

    def typed_of(self, scope: str) -> dict[str, str]:
        """record → type, as references are answered by."""
        c = t.record_type.c
        return {r.id: r.type for r in self.conn.execute(select(c.id, c.type).where(c.scope == scope))}

    def waits_of(self, scope: str) -> dict[str, set[str]]:
        """parked change → what it waits for, as an arriving record is compared with."""
        out: dict[str, set[str]] = {}
        c = t.waiting.c
        for r in self.conn.execute(select(c.id, c.missing).where(c.scope == scope)):
            out.setdefault(r.id, set()).add(r.missing)
        return out

    def forks_of(self, scope: str) -> list[tuple[str, int, int]]:
        """(enrolment, first position, how many lines) of second heads of a cloned device."""
        c = t.fork.c
        query = select(c.enrolment, func.min(c.pos), func.count()).where(c.scope == scope).group_by(c.enrolment)
        return [(r[0], int(r[1]), int(r[2])) for r in self.conn.execute(query.order_by(c.enrolment))]

    def guards_missing(self) -> list[str]:
        """What of the evidence the database itself would not protect (guards.py): names of tables."""
        return sorted({g.table for g in guards.missing(self.conn)})

    # --- mending what is derived ---------------------------------------------------------------------------------

    def set_digest(self, scope: str, digest: int) -> None:
        values = {"digest": evidence.digest_hex(digest)}
        self.conn.execute(update(t.scope).where(t.scope.c.id == scope).values(**values))

    def set_seq(self, scope: str, seq: int) -> None:
        self.conn.execute(update(t.scope).where(t.scope.c.id == scope).values(seq=seq))

    def set_type_of(self, record: str, type: str, scope: str) -> None:
        upsert(self.conn, t.record_type, {"id": record, "type": type, "scope": scope})

    def put_chain(self, enrolment: str, scope: str, pos: int, head: bytes) -> None:
        upsert(self.conn, t.chain, {"enrolment": enrolment, "scope": scope, "pos": pos, "head": head})

    def put_guards(self) -> None:
        guards.put(self.conn)
