"""Every SQL statement of the server. SQLite by default, PostgreSQL by one setting (issue HARDENED proves it).

Statements are built from tables with SQLAlchemy Core; nothing here decides anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    bindparam,
    create_engine,
    delete,
    event,
    insert,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

from schemas.problems import Trouble
from schemas.records import TABLES
from schemas.rows import codec
from schemas.rules.evidence import digest_hex
from sync_server import tables as t

Values = dict[str, Any]


class ScopeRow(NamedTuple):
    id: str
    owner: str
    audience: str
    seq: int
    digest: int


class Stored(NamedTuple):
    """A record as it stands."""

    type: str
    id: str
    scope: str
    seq: int
    values: Values


class Journaled(NamedTuple):
    """A line of the journal; the fields of `tables.journal` without n."""

    scope: str
    enrolment: str
    pos: int
    id: str
    type: str
    record: str
    line: bytes
    link: bytes
    proof: str
    outcome: str
    seq: int | None
    problem: int | None
    detail: str | None
    received_at: str


class DeviceKey(NamedTuple):
    enrolment: str
    device: str
    device_code: str
    person: str
    public_key: str
    salt_key: str
    state: str
    last_seen: str | None
    pending: int | None
    app_version: str | None


def open_engine(url: str) -> Engine:
    """`sqlite:///path` or a PostgreSQL address. SQLite: WAL, synchronous=FULL, writers wait their turn."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _connect(db: Any, _record: Any) -> None:
            db.isolation_level = None
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
                db.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def _begin(conn: Connection) -> None:
            conn.exec_driver_sql("BEGIN" if conn.get_execution_options().get("reading") else "BEGIN IMMEDIATE")

    return engine


class Store:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def create(self) -> None:
        """Make what is not there yet; record tables grow by the fields a newer version knows."""
        t.meta.create_all(self.engine)
        SQLModel.metadata.create_all(self.engine, tables=list(TABLES.values()))
        with self.writing() as tx:
            tx.add_missing_columns()

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        """One write transaction; commits at the end, rolls back on any exception. A full disk is told as such."""
        try:
            with self.engine.begin() as conn:
                yield Tx(conn)
        except OperationalError as err:
            if "full" in str(err.orig) or "No space" in str(err.orig):
                raise Trouble(1102) from err
            if "locked" in str(err.orig):
                raise Trouble(1101) from err
            raise

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """One consistent view of the data, without holding up writers."""
        with self.engine.connect().execution_options(reading=True) as conn, conn.begin():
            yield Tx(conn)


class Tx:
    """Statements inside one transaction."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    def add_missing_columns(self) -> None:
        from sqlalchemy import inspect

        inspector = inspect(self.conn)
        for name, table in TABLES.items():
            have = {c["name"] for c in inspector.get_columns(name)}
            for column in table.columns:
                if column.name not in have:
                    kind = column.type.compile(dialect=self.conn.dialect)
                    self.conn.exec_driver_sql(f'ALTER TABLE "{name}" ADD COLUMN "{column.name}" {kind}')

    # --- settings ------------------------------------------------------------------------------------------------

    def setting(self, key: str) -> str | None:
        return self.conn.execute(select(t.setting.c.value).where(t.setting.c.key == key)).scalar()

    def set_setting(self, key: str, value: str) -> None:
        self.conn.execute(delete(t.setting).where(t.setting.c.key == key))
        self.conn.execute(insert(t.setting).values(key=key, value=value))

    # --- scopes --------------------------------------------------------------------------------------------------

    def scope(self, id: str, lock: bool = False) -> ScopeRow | None:
        """With lock, others who write to this scope wait: seq is handed out in commit order."""
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
        return self._stored(type, select(table).where(table.c.scope == scope, table.c.seq > seq))

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

    # --- people and devices --------------------------------------------------------------------------------------

    def account(self, username: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.account).where(t.account.c.username == username)).mappings().first()
        return dict(row) if row else None

    def account_of(self, person: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.account).where(t.account.c.person == person)).mappings().first()
        return dict(row) if row else None

    def add_account(self, person: str, username: str, password: str) -> None:
        self.conn.execute(insert(t.account).values(person=person, username=username, password=password, disabled=False))

    def memberships(self, person: str) -> list[tuple[str, str]]:
        c = t.membership.c
        return [(r.owner, r.role) for r in self.conn.execute(select(c.owner, c.role).where(c.person == person))]

    def add_membership(self, person: str, owner: str, role: str) -> bool:
        if (owner, role) in self.memberships(person):
            return False
        self.conn.execute(insert(t.membership).values(person=person, owner=owner, role=role))
        return True

    def drop_membership(self, person: str, owner: str, role: str) -> None:
        c = t.membership.c
        self.conn.execute(delete(t.membership).where(c.person == person, c.owner == owner, c.role == role))

    def add_refresh(self, hash: str, family: str, person: str, expires_at: int) -> None:
        self.conn.execute(
            insert(t.refresh).values(hash=hash, family=family, person=person, expires_at=expires_at, used=False)
        )

    def refresh(self, hash: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.refresh).where(t.refresh.c.hash == hash)).mappings().first()
        return dict(row) if row else None

    def use_refresh(self, hash: str) -> bool:
        """True for the one who used it first."""
        done = self.conn.execute(
            update(t.refresh).where(t.refresh.c.hash == hash, t.refresh.c.used.is_(False)).values(used=True)
        )
        return done.rowcount == 1

    def drop_family(self, family: str) -> None:
        self.conn.execute(delete(t.refresh).where(t.refresh.c.family == family))

    def add_code(self, hash: str, person: str, use: str, made_by: str, expires_at: int) -> None:
        self.conn.execute(
            insert(t.code).values(hash=hash, person=person, use=use, made_by=made_by, expires_at=expires_at)
        )

    def code(self, hash: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.code).where(t.code.c.hash == hash)).mappings().first()
        return dict(row) if row else None

    def use_code(self, hash: str, enrolment: str) -> bool:
        done = self.conn.execute(
            update(t.code).where(t.code.c.hash == hash, t.code.c.used_by.is_(None)).values(used_by=enrolment)
        )
        return done.rowcount == 1

    def add_key(self, key: DeviceKey) -> None:
        self.conn.execute(insert(t.device_key).values(**key._asdict()))

    def key(self, enrolment: str) -> DeviceKey | None:
        row = self.conn.execute(select(t.device_key).where(t.device_key.c.enrolment == enrolment)).first()
        return DeviceKey(*row) if row else None

    def key_of(self, public_key: str) -> DeviceKey | None:
        row = self.conn.execute(select(t.device_key).where(t.device_key.c.public_key == public_key)).first()
        return DeviceKey(*row) if row else None

    def device_keys(self) -> list[DeviceKey]:
        return [DeviceKey(*row) for row in self.conn.execute(select(t.device_key).order_by(t.device_key.c.device_code))]

    def set_key(self, enrolment: str, **values: Any) -> None:
        self.conn.execute(update(t.device_key).where(t.device_key.c.enrolment == enrolment).values(**values))

    def take_numbers(self, use: str, size: int) -> int:
        """First number of a fresh range of `size`; ranges never overlap."""
        row = self.conn.execute(select(t.block.c.next_no).where(t.block.c.use == use).with_for_update()).first()
        first = row.next_no if row else 1
        if row:
            self.conn.execute(update(t.block).where(t.block.c.use == use).values(next_no=first + size))
        else:
            self.conn.execute(insert(t.block).values(use=use, next_no=first + size))
        return int(first)

    def first_use(self, jti: str, expires_at: int, now: int) -> bool:
        """A signed assertion counts once."""
        c = t.seen_assertion.c
        self.conn.execute(delete(t.seen_assertion).where(c.expires_at < now))
        if self.conn.execute(select(c.jti).where(c.jti == jti)).first():
            return False
        self.conn.execute(insert(t.seen_assertion).values(jti=jti, expires_at=expires_at))
        return True

    def add_session(self, hash: str, person: str, username: str, seen_at: int, expires_at: int) -> None:
        """Sessions that ended are cleared out on the way."""
        c = t.web_session.c
        self.conn.execute(delete(t.web_session).where(c.expires_at < seen_at))
        values = {"hash": hash, "person": person, "username": username, "seen_at": seen_at, "expires_at": expires_at}
        self.conn.execute(insert(t.web_session).values(**values))

    def session(self, hash: str) -> Mapping[str, Any] | None:
        row = self.conn.execute(select(t.web_session).where(t.web_session.c.hash == hash)).mappings().first()
        return dict(row) if row else None

    def touch_session(self, hash: str, seen_at: int) -> None:
        self.conn.execute(update(t.web_session).where(t.web_session.c.hash == hash).values(seen_at=seen_at))

    def drop_session(self, hash: str) -> None:
        self.conn.execute(delete(t.web_session).where(t.web_session.c.hash == hash))

    def throttle(self, key: str) -> int:
        """When this bucket is full again; 0 = it is."""
        return int(self.conn.execute(select(t.throttle.c.free_at).where(t.throttle.c.key == key)).scalar() or 0)

    def set_throttle(self, key: str, free_at: int, now: int) -> None:
        """Buckets that are full again are cleared out on the way."""
        c = t.throttle.c
        self.conn.execute(delete(t.throttle).where((c.free_at < now) | (c.key == key)))
        if free_at > now:
            self.conn.execute(insert(t.throttle).values(key=key, free_at=free_at))


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


def detail_json(**parts: Any) -> str | None:
    """What is told about a change beside its outcome."""
    kept = {k: v for k, v in parts.items() if v not in (None, [], "")}
    return json.dumps(kept, ensure_ascii=False) if kept else None
