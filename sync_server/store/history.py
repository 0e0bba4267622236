"""Statements about the past of one record: its changes, page by page, and what was said about it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from schemas.records import TABLES
from sync_server.store import tables as t
from sync_server.store.records import beside, select_rows, stored
from sync_server.store.rows import Journaled, Stored

MOST = 500  # comments, reviews or conflicts about one record that are looked at, the latest first


class HistoryStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    def changes_about(
        self, records: Sequence[str], scope: str, before: int | None, limit: int
    ) -> list[tuple[int, Journaled]]:
        """Changes made to any of these records in this scope, whatever became of them, the latest first, each with its place
        in the journal; those in front of the place `before`. Found by the index over records."""
        c = t.journal.c
        query = select(t.journal).where(c.record.in_(records), beside(c.scope, scope))
        if before is not None:
            query = query.where(c.n < before)
        return [(row.n, Journaled(*row[1:])) for row in self.conn.execute(query.order_by(c.n.desc()).limit(limit))]

    def changes_counted(self, record: str, scope: str) -> tuple[int, int]:
        """How many changes were made to a record, and on how many devices (the server is none)."""
        c, key = t.journal.c, t.device_key.c
        query = select(c.enrolment, key.device, func.count()).outerjoin(t.device_key, key.enrolment == c.enrolment)
        rows = self.conn.execute(
            query.where(c.record == record, beside(c.scope, scope)).group_by(c.enrolment, key.device)
        ).all()
        devices = {device or enrolment for enrolment, device, _ in rows if enrolment != "console"}
        return sum(n for *_, n in rows), len(devices)

    def said_about(self, type: str, subjects: Sequence[str], scope: str) -> list[Stored]:
        """Records of a type that is about others (comment, review_decision, conflict) whose subject is one of these, the
        latest first, at most MOST."""
        c = TABLES[type].c
        query = select_rows(type).where(c.subject_id.in_(subjects), beside(c.scope, scope))
        return stored(type, self.conn.execute(query.order_by(c.seq.desc()).limit(MOST)))

    def receipts_between(
        self, enrolment: str, scope: str, low: str, high: str, limit: int = 50
    ) -> list[tuple[str, str]]:
        """(id, text) of receipts given to a device for this scope with low <= id < high, in the order they were given: their
        ids begin with the time, so that no other receipt is looked at."""
        c = t.receipt.c
        query = select(c.id, c.text).where(c.id >= low, c.id < high, c.enrolment == enrolment, c.scope == scope)
        return [(row.id, row.text) for row in self.conn.execute(query.order_by(c.id).limit(limit))]
