"""Statements about what waits for a person: parked changes, second chains, broken chains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, exists, func, literal_column, or_, select, tuple_, update

from sync_server.store import tables as t
from sync_server.store.rows import Journaled


class Chained(NamedTuple):
    """Lines of one device in one scope that stand apart: of its second chain, or where its chain does not fit."""

    enrolment: str
    scope: str
    first: int  # position of the first of them
    lines: int
    received_at: str  # of the last of them


class WaitingStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    def parked_page(
        self, scopes: Sequence[str], held: bool, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, Journaled]]:
        """Parked changes of these scopes in the order they came, each with its place; `held`: those that wait for a right
        or come from a revoked device, else those that wait for a record or a type."""
        c = t.journal.c
        query = select(t.journal).where(*self._parked(scopes, held), c.n > after).order_by(c.n).limit(limit)
        return [(row.n, Journaled(*row[1:])) for row in self.conn.execute(query)]

    def parked_count(self, scopes: Sequence[str], held: bool) -> int:
        found = self.conn.execute(select(func.count()).select_from(t.journal).where(*self._parked(scopes, held)))
        return int(found.scalar_one())

    def _parked(self, scopes: Sequence[str], held: bool) -> list[ColumnElement[bool]]:
        c, w = t.journal.c, t.waiting.c
        for_person = exists().where(w.id == c.id, or_(w.missing.like("right:%"), w.missing.like("device:%")))
        return [c.scope.in_(scopes), literal_column("journal.outcome='parked'"), for_person if held else ~for_person]

    def change_decision(self, id: str, accepted: bool, by: str, at: str, reason: str) -> None:
        """Another decision about a change that still waits; the audit log keeps both."""
        values = {"accepted": accepted, "by": by, "at": at, "reason": reason}
        self.conn.execute(update(t.decision).where(t.decision.c.id == id).values(**values))

    def decisions(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        out: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(ids), 500):
            query = select(t.decision).where(t.decision.c.id.in_(ids[start : start + 500]))
            out |= {row["id"]: dict(row) for row in self.conn.execute(query).mappings()}
        return out

    def histories(self, records: Sequence[str]) -> dict[str, list[Journaled]]:
        """Of several records: every change made to each, in the order it came in."""
        out: dict[str, list[Journaled]] = {}
        for start in range(0, len(records), 500):
            c = t.journal.c
            query = select(t.journal).where(c.record.in_(records[start : start + 500])).order_by(c.n)
            for row in self.conn.execute(query):
                out.setdefault(row.record, []).append(Journaled(*row[1:]))
        return out

    def forks(self, scopes: Sequence[str], after: tuple[str, str] = ("", ""), limit: int = 1000) -> list[Chained]:
        """Devices that came with a second chain, by (enrolment, scope)."""
        c = t.fork.c
        key = tuple_(c.enrolment, c.scope)
        query = select(c.enrolment, c.scope, func.min(c.pos), func.count(), func.max(c.received_at)).where(
            c.scope.in_(scopes), key > tuple_(*after)
        )
        found = self.conn.execute(query.group_by(c.enrolment, c.scope).order_by(c.enrolment, c.scope).limit(limit))
        return [Chained(*row) for row in found]

    def unproven(self, scopes: Sequence[str], after: tuple[str, str] = ("", ""), limit: int = 1000) -> list[Chained]:
        """Devices whose chain did not fit somewhere, by (enrolment, scope)."""
        c = t.journal.c
        key = tuple_(c.enrolment, c.scope)
        query = select(c.enrolment, c.scope, func.min(c.pos), func.count(), func.max(c.received_at)).where(
            c.scope.in_(scopes), literal_column("journal.proof='unproven'"), key > tuple_(*after)
        )
        found = self.conn.execute(query.group_by(c.enrolment, c.scope).order_by(c.enrolment, c.scope).limit(limit))
        return [Chained(*row) for row in found]
