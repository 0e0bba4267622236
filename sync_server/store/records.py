"""Statements about scopes, records, the journal and chains."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, text, tuple_, update

from schemas.records import TABLES
from schemas.rows import codec
from schemas.rules.evidence import digest_hex
from sync_server.store import tables as t
from sync_server.store.engine import add_in_order, add_rows, is_postgresql, listed, rewrite_rows, upsert
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
        row = self.conn.execute(_SCOPE_LOCKED if lock else _SCOPE, {"scope_id": id}).first()
        return ScopeRow(row.id, row.owner, row.audience, row.seq, int(row.digest, 16)) if row else None

    def scopes(self, owner: str | None = None) -> list[ScopeRow]:
        query = select(t.scope).order_by(t.scope.c.id)
        rows = self.conn.execute(query if owner is None else query.where(t.scope.c.owner == owner))
        return [ScopeRow(r.id, r.owner, r.audience, r.seq, int(r.digest, 16)) for r in rows]

    def scopes_named(self, ids: Sequence[str]) -> list[ScopeRow]:
        """Those of these that exist."""
        these, given = listed(self.conn, ids)
        rows = self.conn.exec_driver_sql(
            f"SELECT id,owner,audience,seq,digest FROM scope WHERE id IN {these}", (given,)
        )
        return [ScopeRow(id, owner, audience, seq, int(digest, 16)) for id, owner, audience, seq, digest in rows]

    def add_scope(self, id: str, owner: str, audience: str) -> None:
        self.conn.execute(insert(t.scope).values(id=id, owner=owner, audience=audience, seq=0, digest=digest_hex(0)))

    def move_scope(self, id: str, seq: int, digest: int) -> None:
        self.conn.execute(_MOVE_SCOPE, {"scope_id": id, "new_seq": seq, "new_digest": digest_hex(digest)})

    # --- records -------------------------------------------------------------------------------------------------

    def types_of(self, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
        """id → (type, scope) of records that exist."""
        wanted = set(ids)
        if not wanted:
            return {}
        these, given = listed(self.conn, wanted)
        rows = self.conn.exec_driver_sql(f"SELECT id,type,scope FROM record_type WHERE id IN {these}", (given,))
        return {id: (type, scope) for id, type, scope in rows.all()}

    def load(self, type: str, ids: Sequence[str]) -> list[Stored]:
        these, given = listed(self.conn, ids)
        return stored(type, self.conn.exec_driver_sql(f"{_select_text(type)} WHERE id IN {these}", (given,)))

    def of_scope(self, type: str, scope: str, **equal: Any) -> list[Stored]:
        table = TABLES[type]
        query = select_rows(type).where(table.c.scope == scope).order_by(table.c.id)
        for name, value in equal.items():
            query = query.where(table.c[name] == value)
        return stored(type, self.conn.execute(query))

    def of_scope_since(self, type: str, scope: str, seq: int) -> Iterator[Stored]:
        """By seq; read as they are taken."""
        table = TABLES[type]
        query = select_rows(type).where(table.c.scope == scope, table.c.seq > seq).order_by(table.c.seq)
        from_row = codec(type).from_row
        for r in self.conn.execute(query.execution_options(yield_per=READ)):
            yield Stored(type, r[0], r[1], r[2], from_row(r))

    def everywhere(self, type: str, **equal: Any) -> list[Stored]:
        table = TABLES[type]
        query = select_rows(type).order_by(table.c.id)
        for name, value in equal.items():
            query = query.where(table.c[name] == value)
        return stored(type, self.conn.execute(query))

    def put(self, fresh: Iterable[Stored], changed: Iterable[Stored]) -> None:
        """Insert new records and rewrite changed ones, a statement per type."""
        self.add_records(_rows(fresh))
        self.rewrite_records(_rows(changed))

    def add_records(self, rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
        """Insert new records: type → rows in the order of its codec's columns."""
        known: list[tuple[Any, ...]] = []
        for type, of_type in rows.items():
            add_rows(self.conn, TABLES[type], codec(type).columns, of_type)
            known += [(row[0], type, row[1]) for row in of_type]
        add_rows(self.conn, t.record_type, ("id", "type", "scope"), known)

    def rewrite_records(self, rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
        """The same for records that are there."""
        for type, of_type in rows.items():
            rewrite_rows(self.conn, TABLES[type], codec(type).columns, of_type)

    def changed_since(self, scope: str, cursor: int, limit: int) -> list[Stored]:
        """Records with seq > cursor, ascending, at most `limit`, tombstones included."""
        found = self.conn.execute(_since(), {"scope": scope, "cursor": cursor, "top": limit}).all()
        if not found:
            return []
        upper, kinds = found[-1].seq, {row.type for row in found}
        out: list[Stored] = []
        for type in kinds:
            c = TABLES[type].c
            query = select_rows(type).where(c.scope == scope, c.seq > cursor, c.seq <= upper)
            out += stored(type, self.conn.execute(query))
        return sorted(out, key=lambda s: s.seq)

    # --- journal and chains --------------------------------------------------------------------------------------

    def chain(self, enrolment: str, scope: str) -> tuple[int, bytes] | None:
        row = self.conn.execute(_CHAIN, {"enrolment_id": enrolment, "scope_id": scope}).first()
        return (row.pos, row.head) if row else None

    def set_chain(self, enrolment: str, scope: str, pos: int, head: bytes, new: bool) -> None:
        if new:
            self.conn.execute(insert(t.chain).values(enrolment=enrolment, scope=scope, pos=pos, head=head))
        else:
            named = {"enrolment_id": enrolment, "scope_id": scope, "new_pos": pos, "new_head": head}
            self.conn.execute(_MOVE_CHAIN, named)

    def links_between(self, enrolment: str, scope: str, first: int, last: int) -> dict[int, Journaled]:
        named = {"enrolment_id": enrolment, "scope_id": scope, "first": first, "last": last}
        return {row.pos: Journaled(*row[1:]) for row in self.conn.execute(_LINKS, named)}

    def links_at(self, enrolment: str, scope: str, positions: Sequence[int]) -> dict[int, bytes]:
        c = t.journal.c
        query = select(c.pos, c.link).where(c.enrolment == enrolment, c.scope == scope, c.pos.in_(positions))
        return {row.pos: row.link for row in self.conn.execute(query)}

    def outcomes_between(self, enrolment: str, scope: str, first: int, last: int) -> list[Journaled]:
        """What became of a run of lines; the lines themselves and their links are left out."""
        named = {"enrolment_id": enrolment, "scope_id": scope, "first": first, "last": last}
        return [
            Journaled(scope, enrolment, row.pos, row.id, "", "", b"", b"", "", row.outcome, row.seq, row.problem, row.detail, "")
            for row in self.conn.execute(_OUTCOMES, named).all()
        ]  # fmt: skip

    def journaled(self, ids: Sequence[str]) -> dict[str, Journaled]:
        these, given = listed(self.conn, ids)
        rows = self.conn.exec_driver_sql(f"SELECT {_JOURNAL} FROM journal WHERE id IN {these}", (given,))
        return {j.id: j for j in map(Journaled._make, rows.all())}

    def lines_since(self, scope: str, seq: int) -> Iterator[tuple[str, str, bytes]]:
        """(type, record, line) of the changes of devices that were taken after this seq, parked ones that went in later
        among them; read as they are taken."""
        c = t.journal.c
        query = select(c.type, c.record, c.line).where(c.scope == scope, c.seq > seq, c.enrolment != "console")
        for row in self.conn.execute(query.order_by(c.seq).execution_options(yield_per=READ)):
            yield row.type, row.record, row.line

    def add_journal(self, rows: Sequence[Journaled]) -> None:
        """In this order: `n` says which came first."""
        add_in_order(self.conn, t.journal, Journaled._fields, rows)

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
        return [Journaled(*row[1:]) for row in self.conn.execute(_PARKED, {"scope_id": scope})]

    def has_parked(self, scope: str) -> bool:
        c = t.journal.c
        query = select(c.n).where(c.scope == scope, text("journal.outcome='parked'")).limit(1)
        return self.conn.execute(query).first() is not None

    def parked_of(self, person: str, scopes: Sequence[str]) -> tuple[int, int]:
        """How many changes of a person wait in these scopes, and a number that is another when others do."""
        these, given = listed(self.conn, scopes)
        mark = "%s" if is_postgresql(self.conn) else "?"
        row = self.conn.exec_driver_sql(
            f"SELECT count(*), coalesce(sum(n),0) FROM journal WHERE outcome='parked' AND scope IN {these}"
            f" AND enrolment IN (SELECT enrolment FROM device_key WHERE person={mark})", (given, person),
        ).one()  # fmt: skip
        return int(row[0]), int(row[1])

    def wait_for(self, id: str, scope: str, missing: Iterable[str]) -> None:
        self.conn.execute(delete(t.waiting).where(t.waiting.c.id == id))
        rows = [{"id": id, "missing": m, "scope": scope} for m in sorted(set(missing))]
        if rows:
            self.conn.execute(insert(t.waiting), rows)

    def waiting_for(self, things: Sequence[str]) -> set[str]:
        """Scopes with changes parked for any of these."""
        if self.conn.execute(_ANY_WAITING).first() is None:  # as nearly always: nobody need ask about a thousand things
            return set()
        these, given = listed(self.conn, things)
        rows = self.conn.exec_driver_sql(f"SELECT DISTINCT scope FROM waiting WHERE missing IN {these}", (given,))
        return {scope for (scope,) in rows}

    def add_fork(
        self,
        enrolment: str,
        scope: str,
        first: int,
        lines: Sequence[tuple[str, bytes]],
        at: str,
        claim: str | None = None,
    ) -> None:
        """The lines of a second chain from where it parts, `first`; `claim`: the head it was signed with, as JSON."""
        c = t.fork.c
        keys = [(enrolment, scope, first + n, id) for n, (id, _) in enumerate(lines)]
        have = set(
            self.conn.execute(
                select(c.pos, c.id).where(tuple_(c.enrolment, c.scope, c.pos, c.id).in_(keys))
            ).all()
        )  # fmt: skip
        rows = [
            {
                "enrolment": enrolment,
                "scope": scope,
                "pos": first + n,
                "id": id,
                "line": line,
                "received_at": at,
                "claim": claim,
            }
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
        self.conn.execute(_ADD_RECEIPT, values)


# Made once, so that their text is: SQLAlchemy looks a statement's text up by what the statement is made of.
_SCOPE = select(t.scope).where(t.scope.c.id == bindparam("scope_id"))
_SCOPE_LOCKED = _SCOPE.with_for_update()
_MOVE_SCOPE = (
    update(t.scope)
    .where(t.scope.c.id == bindparam("scope_id"))
    .values(seq=bindparam("new_seq"), digest=bindparam("new_digest"))
)
_OWN_CHAIN = (t.chain.c.enrolment == bindparam("enrolment_id")) & (t.chain.c.scope == bindparam("scope_id"))
_CHAIN = select(t.chain.c.pos, t.chain.c.head).where(_OWN_CHAIN)
_MOVE_CHAIN = update(t.chain).where(_OWN_CHAIN).values(pos=bindparam("new_pos"), head=bindparam("new_head"))
_LINKS = (
    select(t.journal)
    .where(t.journal.c.enrolment == bindparam("enrolment_id"), t.journal.c.scope == bindparam("scope_id"))
    .where(t.journal.c.pos.between(bindparam("first"), bindparam("last")))
    .order_by(t.journal.c.pos)
)
_OUTCOMES = _LINKS.with_only_columns(
    t.journal.c.pos, t.journal.c.id, t.journal.c.outcome, t.journal.c.seq, t.journal.c.problem, t.journal.c.detail
)
# the words of the partial index, literally: else neither database would use it
_PARKED = (
    select(t.journal)
    .where(t.journal.c.scope == bindparam("scope_id"), text("journal.outcome='parked'"))
    .order_by(t.journal.c.n)
)
_ADD_RECEIPT = insert(t.receipt)
_ANY_WAITING = select(t.waiting.c.id).limit(1)


def _rows(records: Iterable[Stored]) -> dict[str, list[tuple[Any, ...]]]:
    out: dict[str, list[tuple[Any, ...]]] = {}
    for s in records:
        out.setdefault(s.type, []).append(codec(s.type).to_row(s.id, s.scope, s.seq, s.values))
    return out


READ = 500  # rows held at a time where a whole scope is gone through
_JOURNAL = ",".join(Journaled._fields)


def stored(type: str, rows: Any) -> list[Stored]:
    from_row = codec(type).from_row
    # the driver's own tuples, all at once: what SQLAlchemy wraps round each takes as long as reading it
    return [Stored(type, r[0], r[1], r[2], from_row(r)) for r in rows.cursor.fetchall()]


def beside(column: ColumnElement[str], scope: str) -> ColumnElement[bool]:
    """In this scope, without an index: where a few records are asked for by name, SQLite, which counts no values, would rather
    go through the whole scope."""
    return column.concat("") == scope


@cache
def select_rows(type: str) -> Any:
    """For `stored`. Columns by name: a table that grew has them in another order than the class."""
    return select(*(TABLES[type].c[name] for name in codec(type).columns))


@cache
def _select_text(type: str) -> str:
    columns = ",".join(f'"{name}"' for name in codec(type).columns)
    return f'SELECT {columns} FROM "{type}"'


@cache
def _since() -> Any:
    """One statement over all types: a sync asks this for every scope, mostly for nothing new. No more of a type is looked
    at than could be in the answer."""
    part = "SELECT * FROM (SELECT seq, '{0}' AS type FROM \"{0}\" WHERE scope=:scope AND seq>:cursor ORDER BY seq LIMIT :top) AS p_{0}"
    return text(" UNION ALL ".join(part.format(type) for type in TABLES) + " ORDER BY seq LIMIT :top")
