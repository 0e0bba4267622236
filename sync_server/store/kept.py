"""Statements about drafts of long checks that people keep on the server."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select

from sync_server.store import tables as t
from sync_server.store.engine import upsert


class KeptRow(NamedTuple):
    """A draft without its contents. size: bytes of them; done, total: items; device: code of the tablet it came from."""

    person: str
    record: str
    type: str
    scope: str
    version: int
    at: str
    device: str
    size: int
    sha256: str
    title: str
    done: int
    total: int
    photos: int


class KeptStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    def kept_drafts(self, person: str) -> list[KeptRow]:
        """Of one person, the last kept first."""
        query = select(*_HEAD).where(_C.person == person).order_by(_C.at.desc(), _C.record)
        return [KeptRow(*row) for row in self.conn.execute(query)]

    def kept_draft(self, person: str, record: str) -> KeptRow | None:
        row = self.conn.execute(select(*_HEAD).where(_C.person == person, _C.record == record)).first()
        return KeptRow(*row) if row else None

    def kept_content(self, person: str, record: str) -> bytes | None:
        row = self.conn.execute(select(_C.content).where(_C.person == person, _C.record == record)).first()
        return bytes(row.content) if row else None

    def count_kept(self, person: str) -> int:
        query = select(func.count()).select_from(t.kept_draft).where(_C.person == person)
        return int(self.conn.execute(query).scalar_one())

    def set_kept(self, row: KeptRow, content: bytes) -> None:
        """In the place of the one there was."""
        upsert(self.conn, t.kept_draft, {**row._asdict(), "content": content})

    def drop_kept(self, person: str, record: str) -> bool:
        """False if there was none."""
        done = self.conn.execute(delete(t.kept_draft).where(_C.person == person, _C.record == record))
        return done.rowcount == 1


_C = t.kept_draft.c
_HEAD = [_C[name] for name in KeptRow._fields]
