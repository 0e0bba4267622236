"""Statements for an evidence package: what refers to what, and chains as they were handed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from schemas.records import TABLES
from sync_server.store import tables as t
from sync_server.store.engine import listed
from sync_server.store.records import READ
from sync_server.store.rows import Journaled


class ForkLine(NamedTuple):
    """One line of a device's second chain; `claim`: the head of the push it came with, as JSON, where that was kept."""

    enrolment: str
    scope: str
    pos: int
    id: str
    line: bytes
    received_at: str
    claim: str | None


class ProofStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    def referring(self, type: str, column: str, ids: Iterable[str], scopes: Sequence[str]) -> list[str]:
        """Records of a type, in these scopes, whose plain reference in `column` is one of `ids`."""
        these, given = listed(self.conn, ids)
        here, of = listed(self.conn, scopes)
        rows = self.conn.exec_driver_sql(
            f'SELECT id FROM "{type}" WHERE "{column}" IN {these} AND scope IN {here} ORDER BY id', (given, of)
        )
        return [id for (id,) in rows]

    def pointing(self, type: str, column: str, scope: str) -> Iterator[tuple[str, str]]:
        """(record, JSON text) where a column that holds several references, or has them inside, has anything."""
        c = TABLES[type].c
        query = (
            select(c.id, c[column]).where(c.scope == scope, c[column].is_not(None), c[column] != "[]").order_by(c.id)
        )
        for row in self.conn.execute(query.execution_options(yield_per=READ)):
            yield row[0], row[1]

    def unsettled(self, scope: str) -> Iterator[Journaled]:
        """Changes of a scope that did not go in: parked, refused, or come a second time."""
        c = t.journal.c
        query = select(t.journal).where(c.scope == scope, c.seq.is_(None)).order_by(c.n)
        for row in self.conn.execute(query.execution_options(yield_per=READ)):
            yield Journaled(*row[1:])

    def taken_lines(self, scope: str) -> Iterator[tuple[str, str, bytes]]:
        """(type, record, line) of every change that went in, in the order in which they counted."""
        c = t.journal.c
        query = select(c.type, c.record, c.line).where(c.scope == scope, c.seq.is_not(None)).order_by(c.seq)
        for row in self.conn.execute(query.execution_options(yield_per=READ)):
            yield row.type, row.record, row.line

    def places_of(self, records: Iterable[str]) -> list[tuple[str, str, int]]:
        """(scope, enrolment, position) of every change about any of these records."""
        these, given = listed(self.conn, records)
        rows = self.conn.exec_driver_sql(
            f"SELECT scope, enrolment, pos FROM journal WHERE record IN {these} ORDER BY n", (given,)
        )
        return [(scope, enrolment, pos) for scope, enrolment, pos in rows]

    def chain_weight(self, enrolment: str, scope: str) -> tuple[int, int]:
        """How many lines of a chain are in the journal, and their bytes."""
        c = t.journal.c
        query = select(func.count(), func.coalesce(func.sum(func.length(c.line)), 0))
        row = self.conn.execute(query.where(c.scope == scope, c.enrolment == enrolment)).one()
        return int(row[0]), int(row[1])

    def broken_positions(self, enrolment: str, scope: str) -> list[int]:
        """Positions of a chain where it was broken on the device."""
        c = t.journal.c
        query = select(c.pos).where(c.scope == scope, c.enrolment == enrolment, c.proof == "unproven").order_by(c.pos)
        return [pos for (pos,) in self.conn.execute(query)]

    def fork_lines(self, scope: str) -> Iterator[ForkLine]:
        """Lines of second chains in a scope, in the order they came."""
        c = t.fork.c
        query = select(c.enrolment, c.scope, c.pos, c.id, c.line, c.received_at, c.claim)
        for row in self.conn.execute(query.where(c.scope == scope).order_by(c.n).execution_options(yield_per=READ)):
            yield ForkLine(*row)
