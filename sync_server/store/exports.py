"""Statements about exports: what was asked for, how far it is, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from sync_server.store import tables as t

LISTED = 50
OPEN = ("waiting", "running")


class ExportRow(NamedTuple):
    """A row of `tables.export_job`. `expires_at`: ms."""

    id: str
    project: str
    person: str
    wish: str
    name: str
    state: str
    runner: str | None
    scopes: str | None
    done: int
    total: int | None
    size: int | None
    sha256: str | None
    counts: str | None
    problem: int | None
    words: str | None
    made_at: str
    ended_at: str | None
    expires_at: int | None

    @property
    def open(self) -> bool:
        """Not ended yet."""
        return self.state in OPEN

    def whose(self) -> list[str]:
        """Scopes whose records the file holds."""
        return list(json.loads(self.scopes or "[]"))

    def wished(self) -> dict[str, Any]:
        return dict(json.loads(self.wish))

    def counted(self) -> dict[str, Any]:
        return dict(json.loads(self.counts or "{}"))

    def told(self) -> dict[str, Any]:
        """Words of the problem."""
        return dict(json.loads(self.words or "{}"))


_C = t.export_job.c
_ROW = select(*(_C[name] for name in ExportRow._fields))


class ExportStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    def add_export(self, id: str, project: str, person: str, wish: Mapping[str, Any], name: str, at: str) -> None:
        values = {"id": id, "project": project, "person": person, "wish": json.dumps(wish, ensure_ascii=False), "name": name,
                  "state": "waiting", "done": 0, "made_at": at}  # fmt: skip
        self.conn.execute(insert(t.export_job).values(**values))

    def export(self, id: str) -> ExportRow | None:
        if "\0" in id:
            return None
        row = self.conn.execute(_ROW.where(_C.id == id)).first()
        return ExportRow._make(row) if row else None

    def exports_of(self, person: str, project: str, limit: int = LISTED) -> list[ExportRow]:
        """The last ones first."""
        query = _ROW.where(_C.person == person, _C.project == project).order_by(_C.made_at.desc(), _C.id.desc())
        return [ExportRow._make(r) for r in self.conn.execute(query.limit(limit))]

    def exports_open(self, person: str) -> int:
        """How many of a person's have not ended."""
        query = select(func.count()).where(_C.person == person, _C.state.in_(OPEN))
        return int(self.conn.execute(query).scalar_one())

    def exports_in(self, *states: str) -> list[ExportRow]:
        """The first that was asked for first."""
        query = _ROW.where(_C.state.in_(states)).order_by(_C.made_at, _C.id)
        return [ExportRow._make(r) for r in self.conn.execute(query)]

    def exports_over(self, now: int) -> list[str]:
        """Done ones whose file has had its time (ms)."""
        query = select(_C.id).where(_C.state == "done", _C.expires_at <= now)
        return list(self.conn.execute(query).scalars())

    def next_export_over(self) -> int | None:
        """When the next file has had its time (ms)."""
        found = self.conn.execute(select(func.min(_C.expires_at)).where(_C.state == "done")).scalar()
        return None if found is None else int(found)

    def move_export(self, id: str, states: Sequence[str], **values: Any) -> bool:
        """Change a job if it is in one of these states; of two who try the same, one does."""
        done = self.conn.execute(update(t.export_job).where(_C.id == id, _C.state.in_(states)).values(**values))
        return done.rowcount == 1
