"""Statements about who recorded what, for review."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, case, func, select

from schemas.records import TABLES
from sync_server.store import tables as t
from sync_server.store.records import READ, beside, select_rows, stored
from sync_server.store.rows import Stored

PART = 500  # records asked about at a time


class Made(NamedTuple):
    """A change that was taken. `line`: its bytes, only of one made on the server, whose enrolment names nobody."""

    n: int
    seq: int
    record: str
    id: str
    enrolment: str
    received_at: str
    line: bytes | None


class ReviewStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    def made_since(self, scope: str, seq: int, types: Iterable[str]) -> Iterator[Made]:
        """Changes to records of these types that were taken after this seq, parked ones that went in later among them, by
        seq; read as they are taken."""
        c = t.journal.c
        own = case((c.enrolment == "console", c.line))
        query = (
            select(c.n, c.seq, c.record, c.id, c.enrolment, c.received_at, own)
            .where(c.scope == scope, c.seq > seq, c.type.in_(sorted(types)))
            .order_by(c.seq, c.n)
        )
        for row in self.conn.execute(query.execution_options(yield_per=READ)):
            yield Made(*row)

    def decisions_about(self, scope: str, records: Sequence[str]) -> list[Stored]:
        """Review decisions about these records, voided ones too."""
        c = TABLES["review_decision"].c
        out: list[Stored] = []
        for start in range(0, len(records), PART):
            query = select_rows("review_decision").where(
                c.subject_id.in_(records[start : start + PART]), beside(c.scope, scope)
            )
            out += stored("review_decision", self.conn.execute(query))
        return out

    def last_photos(self, scope: str, records: Sequence[str]) -> dict[str, int]:
        """Record → the highest seq of a photo of it."""
        c = TABLES["photo"].c
        out: dict[str, int] = {}
        for start in range(0, len(records), PART):
            query = select(c.subject_id, func.max(c.seq)).where(
                c.subject_id.in_(records[start : start + PART]), beside(c.scope, scope), c.deleted.is_not(True)
            )
            out |= {id: seq for id, seq in self.conn.execute(query.group_by(c.subject_id))}
        return out
