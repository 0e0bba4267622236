"""Statements about pages of a table: what one costs does not grow with the rows of the others."""

from __future__ import annotations

from sqlalchemy import Connection

from schemas.records import TABLES
from sync_server.store.records import select_rows, stored
from sync_server.store.rows import Stored


class ListStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    def records_beyond(self, type: str, scope: str, seq: int, limit: int, down: bool) -> list[Stored]:
        """Of one type in one scope, voided ones too, at most `limit`: the next ones below this seq, the highest first,
        or (`down` false) above it, the lowest first. Read off the index over (scope, seq): no other row is looked at."""
        c = TABLES[type].c
        query = select_rows(type).where(c.scope == scope, c.seq < seq if down else c.seq > seq)
        return stored(type, self.conn.execute(query.order_by(c.seq.desc() if down else c.seq).limit(limit)))
