"""Statements about scopes, records, the journal and chains."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, text, tuple_, update

from schemas.records import TABLES
from schemas.rows import codec
from schemas.rules.evidence import digest_hex
from sync_server.store import tables as t
from sync_server.store.engine import upsert
from sync_server.store.rows import Journaled, ScopeRow, Stored


class RecordStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    # --- scopes --------------------------------------------------------------------------------------------------

    def scope(self, id: str, lock: bool = False) -> ScopeRow | None:
        """With lock, others who write to this scope wait: seq is handed out in commit order."""
        if "\0" in id:
            return (
                None  # it came in an address; no database holds such text, and one of them complains about the question
            )
        query = select(t.scope).where(t.scope.c.id == id)
        row = self.conn.execute(query.with_for_update() if lock else query).first()
        return ScopeRow(row.id, row.owner, row.audience, row.seq, int(row.digest, 16)) if row else None

    def scopes(self, owner: str | None = None) -> list[ScopeRow]:
        query = select(t.scope).order_by(t.scope.c.id)
        rows = self.conn.execute(query if owner is None else query.where(t.scope.c.owner == owner))
        return [ScopeRow(r.id, r.owner, r.audience, r.seq, int(r.digest, 16)) for r in rows]

    def add_scope(self, id: str, owner: str, audience: str) -> None:
        self.conn.execute(insert(t.scope).values(id=id, owner=owner, audience=audience, seq=0, digest=digest_hex(0)))

    def move_scope(self, id: str, seq: int, digest: int) -> None:
        self.conn.execute(update(t.scope).where(t.scope.c.id == id).values(seq=seq, digest=digest_hex(digest)))

    # --- records -------------------------------------------------------------------------------------------------

    def types_of(self, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
        """id → (type, scope) of records that exist."""
        wanted = list(set(ids))
        out: dict[str, tuple[str, str]] = {}
        c = t.record_type.c
        for start in range(0, len(wanted), 500):
            for row in self.conn.execute(select(c.id, c.type, c.scope).where(c.id.in_(wanted[start : start + 500]))):
                out[row.id] = (row.type, row.scope)
        return out

    def load(self, type: str, ids: Sequence[str]) -> list[Stored]:
        table, out = TABLES[type], []
        for start in range(0, len(ids), 500):
            out += self._stored(type, select(table).where(table.c.id.in_(ids[start : start + 500])))
        return out

    def of_scope(self, type: str, scope: str, **equal: Any) -> list[Stored]:
        table = TABLES[type]
        query = select(table).where(table.c.scope == scope).order_by(table.c.id)
        for name, value in equal.items():
            query = query.where(table.c[name] == value)
        return self._stored(type, query)

    def of_scope_since(self, type: str, scope: str, seq: int) -> list[Stored]:
        table = TABLES[type]
        return self._stored(type, select(table).where(table.c.scope == scope, table.c.seq > seq).order_by(table.c.seq))

    def everywhere(self, type: str, **equal: Any) -> list[Stored]:
        table = TABLES[type]
        query = select(table).order_by(table.c.id)
        for name, value in equal.items():
            query = query.where(table.c[name] == value)
        return self._stored(type, query)

    def _stored(self, type: str, query: Any) -> list[Stored]:
        c = codec(type)
        # by name: a table that grew has its columns in another order than the class
        return [
            Stored(type, r["id"], r["scope"], r["seq"], c.from_row([r[name] for name in c.columns]))
            for r in self.conn.execute(query).mappings()
        ]

    def put(self, fresh: Iterable[Stored], changed: Iterable[Stored]) -> None:
        """Insert new records and rewrite changed ones, a statement per type."""
        for rows, statement in ((fresh, _insert), (changed, _update)):
            by_type: dict[str, list[dict[str, Any]]] = {}
            for s in rows:
                c = codec(s.type)
                cells = dict(zip(c.columns, c.to_row(s.id, s.scope, s.seq, s.values), strict=True))
                if statement is _update:
                    cells["_id"] = cells.pop("id")
                by_type.setdefault(s.type, []).append(cells)
                if statement is _insert:
                    by_type.setdefault("", []).append({"id": s.id, "type": s.type, "scope": s.scope})
            for type, cells_list in by_type.items():
                self.conn.execute(statement(type) if type else insert(t.record_type), cells_list)

    def changed_since(self, scope: str, cursor: int, limit: int) -> list[Stored]:
        """Records with seq > cursor, ascending, at most `limit`, tombstones included."""
        found = self.conn.execute(_since(), {"scope": scope, "cursor": cursor, "top": limit}).all()
        if not found:
            return []
        upper, kinds = found[-1].seq, {row.type for row in found}
        out: list[Stored] = []
        for type in kinds:
            table = TABLES[type]
            out += self._stored(
                type, select(table).where(table.c.scope == scope, table.c.seq > cursor, table.c.seq <= upper)
            )
        return sorted(out, key=lambda s: s.seq)

    # --- journal and chains --------------------------------------------------------------------------------------

    def chain(self, enrolment: str, scope: str) -> tuple[int, bytes] | None:
        c = t.chain.c
        row = self.conn.execute(select(c.pos, c.head).where(c.enrolment == enrolment, c.scope == scope)).first()
        return (row.pos, row.head) if row else None

    def set_chain(self, enrolment: str, scope: str, pos: int, head: bytes, new: bool) -> None:
        values = {"pos": pos, "head": head}
        if new:
            self.conn.execute(insert(t.chain).values(enrolment=enrolment, scope=scope, **values))
        else:
            self.conn.execute(
                update(t.chain).where(t.chain.c.enrolment == enrolment, t.chain.c.scope == scope).values(**values)
            )

    def links_between(self, enrolment: str, scope: str, first: int, last: int) -> dict[int, Journaled]:
        c = t.journal.c
        query = select(t.journal).where(c.enrolment == enrolment, c.scope == scope, c.pos.between(first, last))
        return {row.pos: Journaled(*row[1:]) for row in self.conn.execute(query)}

    def journaled(self, ids: Sequence[str]) -> dict[str, Journaled]:
        out: dict[str, Journaled] = {}
        for start in range(0, len(ids), 500):
            query = select(t.journal).where(t.journal.c.id.in_(ids[start : start + 500]))
            out |= {row.id: Journaled(*row[1:]) for row in self.conn.execute(query)}
        return out

    def lines_since(self, scope: str, seq: int) -> list[tuple[str, str, bytes]]:
        """(type, record, line) of the changes of devices that were taken after this seq, parked ones that went in later
        among them."""
        c = t.journal.c
        query = select(c.type, c.record, c.line).where(c.scope == scope, c.seq > seq, c.enrolment != "console")
        return [(r.type, r.record, r.line) for r in self.conn.execute(query.order_by(c.seq))]

    def add_journal(self, rows: Sequence[Journaled]) -> None:
        if rows:
            self.conn.execute(insert(t.journal), [r._asdict() for r in rows])

    def set_outcome(self, id: str, outcome: str, seq: int | None, problem: int | None, detail: str | None) -> None:
        self.conn.execute(
            update(t.journal)
            .where(t.journal.c.id == id)
            .values(outcome=outcome, seq=seq, problem=problem, detail=detail)
        )

    def history(self, record: str) -> list[Journaled]:
        """Every change made to a record, in the order it came in, whatever became of it."""
        query = select(t.journal).where(t.journal.c.record == record).order_by(t.journal.c.n)
        return [Journaled(*row[1:]) for row in self.conn.execute(query)]

    def parked(self, scope: str) -> list[Journaled]:
        query = (
            select(t.journal).where(t.journal.c.scope == scope, t.journal.c.outcome == "parked").order_by(t.journal.c.n)
        )
        return [Journaled(*row[1:]) for row in self.conn.execute(query)]

    def has_parked(self, scope: str) -> bool:
        c = t.journal.c
        query = select(c.n).where(c.scope == scope, c.outcome == "parked").limit(1)
        return self.conn.execute(query).first() is not None

    def wait_for(self, id: str, scope: str, missing: Iterable[str]) -> None:
        self.conn.execute(delete(t.waiting).where(t.waiting.c.id == id))
        rows = [{"id": id, "missing": m, "scope": scope} for m in sorted(set(missing))]
        if rows:
            self.conn.execute(insert(t.waiting), rows)

    def waiting_for(self, things: Sequence[str]) -> set[str]:
        """Scopes with changes parked for any of these."""
        out: set[str] = set()
        for start in range(0, len(things), 500):
            c = t.waiting.c
            out |= set(
                self.conn.execute(
                    select(c.scope).where(c.missing.in_(things[start : start + 500])).distinct()
                ).scalars()
            )
        return out

    def add_fork(self, enrolment: str, scope: str, first: int, lines: Sequence[tuple[str, bytes]], at: str) -> None:
        c = t.fork.c
        keys = [(enrolment, scope, first + n, id) for n, (id, _) in enumerate(lines)]
        have = set(
            self.conn.execute(
                select(c.pos, c.id).where(tuple_(c.enrolment, c.scope, c.pos, c.id).in_(keys))
            ).all()
        )  # fmt: skip
        rows = [
            {"enrolment": enrolment, "scope": scope, "pos": first + n, "id": id, "line": line, "received_at": at}
            for n, (id, line) in enumerate(lines)
            if (first + n, id) not in have
        ]
        if rows:
            self.conn.execute(insert(t.fork), rows)

    def decide(self, id: str, accepted: bool, by: str, at: str, reason: str) -> None:
        """A person's decision about a parked change; the first one counts."""
        self.conn.execute(insert(t.decision).values(id=id, accepted=accepted, by=by, at=at, reason=reason))

    def decision(self, id: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.decision).where(t.decision.c.id == id)).mappings().first()
        return dict(row) if row else None

    # --- epochs --------------------------------------------------------------------------------------------------

    def add_epoch(self, id: str, at: str, previous: str | None, heads: Mapping[str, int]) -> None:
        self.conn.execute(insert(t.epoch).values(id=id, began_at=at, previous=previous, heads=json.dumps(heads)))

    def epochs(self) -> dict[str, tuple[str | None, dict[str, int]]]:
        """id → (the epoch before it, seq of each scope it began with)."""
        return {r.id: (r.previous, json.loads(r.heads)) for r in self.conn.execute(select(t.epoch))}

    def add_seen(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows tablets had pulled of data that is gone; of one record in one epoch the newest counts, and what a person
        settled is open again only for a newer one."""
        c = t.seen_row.c
        for row in rows:
            key = (c.scope == row["scope"], c.record == row["record"], c.epoch == row["epoch"])
            have = self.conn.execute(select(c.seq).where(*key)).scalar()
            if have is None or have < row["seq"]:
                upsert(self.conn, t.seen_row, {**row, "settled_at": None})

    def seen_rows(self, scope: str) -> list[Mapping[str, Any]]:
        """Those nobody settled, by record; of one record the version of the later epoch last."""
        c = t.seen_row.c
        query = select(t.seen_row).where(c.scope == scope, c.settled_at.is_(None)).order_by(c.record, c.epoch)
        return [dict(r) for r in self.conn.execute(query).mappings()]

    def settle_seen(self, scope: str, record: str, at: str) -> None:
        c = t.seen_row.c
        query = update(t.seen_row).where(c.scope == scope, c.record == record, c.settled_at.is_(None))
        self.conn.execute(query.values(settled_at=at))

    def add_receipt(self, id: str, scope: str, enrolment: str, text: str, signature: str, claim: str) -> None:
        values = {
            "id": id,
            "scope": scope,
            "enrolment": enrolment,
            "text": text,
            "signature": signature,
            "claim": claim,
        }
        self.conn.execute(insert(t.receipt).values(**values))


@cache
def _insert(type: str) -> Any:
    return insert(TABLES[type])


@cache
def _since() -> Any:
    """One statement over all types: a sync asks this for every scope, mostly for nothing new."""
    parts = (f"SELECT seq, '{type}' AS type FROM \"{type}\" WHERE scope=:scope AND seq>:cursor" for type in TABLES)
    return text(f"{' UNION ALL '.join(parts)} ORDER BY seq LIMIT :top")


@cache
def _update(type: str) -> Any:
    table: Table = TABLES[type]
    names = [c for c in codec(type).columns if c != "id"]
    return update(table).where(table.c.id == bindparam("_id")).values({n: bindparam(n) for n in names})
