"""Statements about pages of a table: a page goes on after a key, and what it costs does not grow with the pages in front.

In the order of arrival it is read off the index over (scope, seq). In any other order the scope's rows of the type are looked
at once, and no more of them are kept than the page has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, exists, false, func, literal, not_, or_, select

from schemas.fields import RecordField, fields_of
from schemas.records import TABLES, TYPES
from schemas.rows import codec
from schemas.shown import NAMES, searched
from sync_server.store.measures import instant, micros_of, number_parts, parts_of
from sync_server.store.records import select_rows, stored
from sync_server.store.rows import Stored

SEQ, SORTED = "seq", 100  # characters of a text that count for its place
_NOTHING = ("", "[]", "{}")
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")  # as both databases do


class Clause(NamedTuple):
    """One condition on one field (or on "id", "seq"): `value` as wire text.

    is, not: any of several codes parted by commas, an id, true or false, a number, a text · has: contains; of a reference,
    the name of what it points at · least, most: numbers as numbers, days and times · given, none: no value."""

    field: str
    op: str
    value: str = ""


class Query(NamedTuple):
    """Records of one type in one scope. `search`: words that all stand in its texts. `order`: "seq" or a field; what has
    nothing there comes last whichever way; ties go by id. `names_in`: scopes whose records' names may be looked at, beside
    its own."""

    type: str
    scope: str
    where: tuple[Clause, ...] = ()
    search: str = ""
    order: str = SEQ
    down: bool = True
    names_in: tuple[str, ...] = ()


class Key(NamedTuple):
    """A row's place in an order: what it is sorted by (empty: nothing there), and its id; by seq that alone."""

    parts: tuple[int | str, ...]
    id: str = ""


class Placed(NamedTuple):
    row: Stored
    key: Key


class ListStatements:
    """Part of Tx: all of it runs inside one transaction."""

    conn: Connection

    def records_beyond(self, type: str, scope: str, seq: int, limit: int, down: bool) -> list[Stored]:
        """Of one type in one scope, voided ones too, at most `limit`: the next ones below this seq, the highest first,
        or (`down` false) above it, the lowest first. Read off the index over (scope, seq): no other row is looked at."""
        c = TABLES[type].c
        query = select_rows(type).where(c.scope == scope, c.seq < seq if down else c.seq > seq)
        return stored(type, self.conn.execute(query.order_by(c.seq.desc() if down else c.seq).limit(limit)))

    def list_page(self, query: Query, key: Key | None, limit: int, back: bool = False) -> list[Placed]:
        """What follows `key` in the order asked for (None: from its beginning), or (`back`) stands in front of it, the
        nearest first; at most `limit`."""
        order = _Order(self.conn, query)
        asked = order.rows().where(*conditions(self.conn, query))
        if key is not None:
            asked = asked.where(order.beyond(key, back))
        return order.read(self.conn.execute(order.sorted(asked, back).limit(limit)).cursor)

    def list_any(self, query: Query, key: Key, back: bool) -> bool:
        """Is there a row on that side of the key? The first one found is enough."""
        asked = select(literal(1)).select_from(TABLES[query.type]).where(*conditions(self.conn, query))
        return self.conn.execute(asked.where(_Order(self.conn, query).beyond(key, back)).limit(1)).first() is not None

    def list_walk(self, query: Query, size: int) -> Iterator[list[Stored]]:
        """All of it in its order, `size` rows at a time; the database sorts, nothing here grows."""
        order = _Order(self.conn, query)
        asked = order.sorted(order.rows(), False).where(*conditions(self.conn, query))
        found = self.conn.execute(asked.execution_options(yield_per=size, stream_results=True))
        while rows := list(islice(found, size)):
            yield [placed.row for placed in order.placed(rows)]

    def list_called(self, type: str, scopes: Sequence[str], text: str, limit: int) -> list[tuple[int, Stored]]:
        """Records of a type that are called so: (0, …) exactly, (1, …) what begins so, (2, …) what holds it; those that are
        not voided first, then by name. One pass over the type's rows in these scopes."""
        c = TABLES[type].c
        names = [c[n] for n in called_by(type)]
        word = text.translate(_LOWER)
        exact = or_(*(func.lower(n) == word for n in names))
        begins = or_(*(func.lower(n).startswith(word, autoescape=True) for n in names))
        rank = case((exact, 0), (begins, 1), else_=2)
        asked = (
            select_rows(type).add_columns(rank.label("rank")).where(c.scope.in_(scopes), or_(*(_holds(n, text) for n in names)))
            .order_by("rank", func.coalesce(c.deleted, false()), names[0], c.id).limit(limit)
        )  # fmt: skip
        from_row = codec(type).from_row
        found = self.conn.execute(asked).cursor.fetchall()
        return [(int(r[-1]), Stored(type, r[0], r[1], r[2], from_row(r[:-1]))) for r in found]

    def list_count(self, query: Query, most: int) -> int:
        """How many there are; at most `most` + 1 are looked for."""
        some = select(literal(1)).select_from(TABLES[query.type]).where(*conditions(self.conn, query)).limit(most + 1)
        return int(self.conn.execute(select(func.count()).select_from(some.subquery())).scalar_one())


# --- orders ----------------------------------------------------------------------------------------------------------


class _Order:
    """The columns a query sorts by. `parts` are equal only where the id decides; the first is NULL where there is nothing."""

    def __init__(self, conn: Connection, query: Query) -> None:
        self.type, self.down, self.by_seq, self._conn = query.type, query.down, query.order == SEQ, conn
        self.c = TABLES[query.type].c
        self.parts = self._parts(query)

    def _parts(self, query: Query) -> list[ColumnElement[Any]]:
        if query.order == SEQ:
            return [self.c.seq]
        field = fields_of(TYPES[self.type])[query.order]
        column, sql = self.c[field.name], f'"{self.type}"."{field.name}"'
        if field.kind == "bool":
            return [case((column.is_(True), 1), (column.is_(False), 0))]
        if field.kind == "int":
            return [column]
        if field.kind == "decimal":
            return number_parts(self._conn, sql)
        if field.kind == "datetime":
            return [instant(self._conn, sql)]
        if field.spec.ref in TABLES and field.kind == "text":
            return [_name_of(column, field.spec.ref, _scopes(query))]
        text = func.substr(case((column.in_(_NOTHING), None), else_=column), 1, SORTED)
        if field.spec.codes and field.kind == "text":  # as the list has them; unknown ones behind, by themselves
            place = {code: n for n, code in enumerate(field.options())}
            rank = case((text.is_(None), None), else_=case(place, value=column, else_=len(place)))
            return [rank, text]
        return [text]

    def rows(self) -> Any:
        return select_rows(self.type).add_columns(*(p.label(f"key_{n}") for n, p in enumerate(self.parts)))

    def sorted(self, asked: Any, back: bool) -> Any:
        down = self.down is not back
        way: Callable[[Any], Any] = (lambda c: c.desc()) if down else (lambda c: c.asc())
        first = way(self.parts[0])
        if not self.by_seq:
            first = first.nulls_first() if back else first.nulls_last()
            return asked.order_by(first, *map(way, self.parts[1:]), way(self.c.id))
        return asked.order_by(first)

    def beyond(self, key: Key, back: bool) -> Any:
        """What comes behind a place (or, `back`, in front of it)."""
        down = self.down is not back
        further: Callable[[Any, Any], Any] = (lambda c, v: c < v) if down else (lambda c, v: c > v)
        nothing = self.parts[0].is_(None)
        if not key.parts:
            rest = and_(nothing, further(self.c.id, key.id))
            return or_(not_(nothing), rest) if back else rest
        if self.by_seq:
            return further(self.c.seq, key.parts[0])
        chain = further(self.c.id, key.id)
        for part, value in zip(reversed(self.parts), reversed(key.parts), strict=True):
            chain = or_(further(part, value), and_(part == value, chain))
        return chain if back else or_(chain, nothing)

    def read(self, cursor: Any) -> list[Placed]:
        return list(self.placed(cursor.fetchall()))

    def placed(self, rows: Sequence[Any]) -> Iterator[Placed]:
        own = len(codec(self.type).columns)
        from_row = codec(self.type).from_row
        for r in rows:
            parts = tuple(r[own:])
            key = Key(parts) if self.by_seq else Key(parts if parts[0] is not None else (), r[0])
            yield Placed(Stored(self.type, r[0], r[1], r[2], from_row(r[:own])), key)


def keys_of(query: Query) -> list[type]:
    """Of what kind the parts of a key are, so that one can be read out of an address."""
    if query.order == SEQ:
        return [int]
    field = fields_of(TYPES[query.type])[query.order]
    if field.kind == "decimal":
        return [int, int]
    if field.kind in ("int", "bool", "datetime"):
        return [int]
    return [int, str] if field.spec.codes and field.kind == "text" else [str]


# --- conditions ------------------------------------------------------------------------------------------------------


def conditions(conn: Connection, query: Query) -> list[ColumnElement[bool]]:
    c = TABLES[query.type].c
    found = [c.scope == query.scope, *(_clause(conn, query, clause) for clause in query.where)]
    for word in query.search.split():
        found.append(or_(*(_holds(c[name], word) for name in searched(query.type))))
    return found


def _clause(conn: Connection, query: Query, clause: Clause) -> ColumnElement[bool]:
    c, op, value = TABLES[query.type].c[clause.field], clause.op, clause.value
    if clause.field in ("id", "seq"):
        return _compared(c, op, value if clause.field == "id" else int(value))
    field = fields_of(TYPES[query.type])[clause.field]
    flat = field.storage in ("int", "bool")
    given = c.is_not(None) if flat else and_(c.is_not(None), c.not_in(_NOTHING))
    if op in ("given", "none"):
        return given if op == "given" else not_(given)
    if op == "not":
        return or_(c.is_(None), not_(_clause(conn, query, clause._replace(op="is"))))
    if op == "has":
        return _names(field, c, _scopes(query), value) if field.spec.ref else _holds(c, value)
    sql = f'"{query.type}"."{field.name}"'
    if field.kind == "bool":
        return func.coalesce(c, false()).is_(value == "true") if field.name == "deleted" else c.is_(value == "true")
    if field.kind == "int":
        return _compared(c, op, int(value))
    if field.kind == "decimal":
        (whole, rest), (n, m) = number_parts(conn, sql), parts_of(value)
        if op == "is":
            return and_(whole == n, rest == m)
        beyond, at = (whole > n, rest >= m) if op == "least" else (whole < n, rest <= m)
        return or_(beyond, and_(whole == n, at))
    if field.kind == "datetime":
        return _compared(instant(conn, sql), op, micros_of(datetime.fromisoformat(value)))
    if field.kind == "date":
        return and_(given, _compared(c, op, value))
    if field.storage == "json":
        return or_(*(c.contains(f'"{one}"', autoescape=True) for one in value.split(",")))
    return c.in_(value.split(",")) if field.spec.codes else c == value


def _compared(c: Any, op: str, value: Any) -> ColumnElement[bool]:
    return {"is": c == value, "least": c >= value, "most": c <= value}[op]  # type: ignore[no-any-return]


def _holds(c: Any, text: str) -> ColumnElement[bool]:
    """Contains; capital and small letters of ASCII are the same."""
    return func.lower(c).contains(text.translate(_LOWER), autoescape=True)


# --- names of what is referred to ------------------------------------------------------------------------------------


def _scopes(query: Query) -> list[str]:
    return [*dict.fromkeys((query.scope, *query.names_in))]


def names_in(type: str) -> list[str]:
    """The columns people know a record of a type by; of one nobody named, its short texts."""
    known = fields_of(TYPES[type])
    own = [n for n in NAMES if n in known and known[n].kind == "text"]
    return own or [n for n in searched(type) if n != "note"]


# beside NAMES: numbers that stand on things and papers
_NUMBERS = ("serial_no", "seal_no", "licence_no", "uscc", "short_name", "label")


@cache
def called_by(type: str) -> tuple[str, ...]:
    """The columns a search by name looks at; () for a type nobody calls by anything."""
    known = fields_of(TYPES[type])
    return tuple(n for n in (*NAMES, *_NUMBERS) if n in known and known[n].kind == "text")


def _name_of(c: Any, target: str, scopes: Sequence[str]) -> ColumnElement[Any]:
    """What the record is called that a column points at, for sorting."""
    t = TABLES[target].alias()
    names = [n for n in NAMES if n in t.c] or ["id"]
    first = func.substr(func.coalesce(*(t.c[n] for n in names), t.c.id), 1, SORTED)
    return select(first).where(t.c.id == c, t.c.scope.in_(scopes)).scalar_subquery()


def _names(field: RecordField, c: Any, scopes: Sequence[str], text: str) -> ColumnElement[bool]:
    """Does it point at something that is called so?"""
    found: list[ColumnElement[bool]] = []
    for target in [field.spec.ref] if field.spec.ref in TABLES else sorted(TABLES):
        t = TABLES[str(target)].alias()
        called = [_holds(t.c[n], text) for n in names_in(str(target))]
        if not called:
            continue
        here = and_(t.c.scope.in_(scopes), or_(*called))
        if field.storage == "json":
            found.append(exists().where(here, c.contains(t.c.id)))
        else:
            found.append(c.in_(select(t.c.id).where(here)))
    return or_(*found) if found else false()
