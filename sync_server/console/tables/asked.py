"""What a reader asks a table for: the part of its address behind the question mark, read into a `Query`, and back.

    method.is=xrf  value.least=150  at.least=2026-11-21  note.has=油  borehole_id.has=S14  deleted.is=false
    lod.set=none, given; or none=lod  given=lod
    q=words  of=audience  order=new, old, field, -field  columns=a,b,c or all  after=place  before=place

Exports and the OGC API read the same addresses. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import NamedTuple

from schemas.fields import Audience, RecordField, fields_of
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.reference import Label
from schemas.rules.reconcile.terms import SHANGHAI
from schemas.wire import ScopeGrant
from sync_server.service import Clause, Key, Query
from sync_server.store.lists import SEQ, keys_of

ORDER = (Audience.FIELD, Audience.TRANSFER, Audience.ENFORCEMENT, Audience.ORGANISATION)
LONGEST, WORDS = 200, 8  # characters of one value; words looked for together
NEW, OLD, WORST = "new", "old", "worst"  # orders beside those by a field; the last one for readings only
JUDGED = "field_reading"
ALL, FILLED = "all", "filled"  # all columns; those with contents, as without a word about it
PRESENCE = ("none", "given")
PLACE = 2**62

_DECIMAL = re.compile(r"-?\d{1,18}(\.\d{1,12})?\Z", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


class Wrong(NamedTuple):
    """One part of the address that cannot be done as asked; the rest is."""

    name: str  # "value.least"
    value: str
    trouble: Trouble


class Asked(NamedTuple):
    """`order`: as in the address. `columns`: names; () for those with contents. `given`: what was typed, by parameter."""

    query: Query
    scope: ScopeGrant
    audiences: list[str]
    order: str
    columns: tuple[str, ...]
    wrong: list[Wrong]
    given: dict[str, str]


def audiences_of(type: str, scopes: Sequence[ScopeGrant]) -> dict[str, ScopeGrant]:
    """Audience → the scope this person may read records of the type in. Raises Trouble 2004 where there is none: for
    such a reader the records are as little there as a foreign project's."""
    about = TYPES[type].about
    wanted = ORDER if about.audience is Audience.SUBJECT else (about.audience,)
    here = {str(s.audience): s for a in wanted for s in scopes if s.audience == a.value}
    if not here:
        raise Trouble(2004)
    return here


def asked(type: str, scopes: Sequence[ScopeGrant], params: Iterable[tuple[str, str]]) -> Asked:
    """Read an address. A filter that makes no sense is told and left out. Raises Trouble 1005 for a type nobody knows, 2004
    for a scope that is not the reader's, 1001 for an order, column or scope that no page of ours leads to."""
    if type not in TYPES:
        raise Trouble(1005)
    given = _joined(params)
    audiences = audiences_of(type, scopes)
    scope = audiences.get(given.get("of") or next(iter(audiences)))
    if scope is None:
        raise Trouble(2004)
    where, wrong = [], []
    for name, value in given.items():
        if not value or ("." not in name and name not in PRESENCE):
            continue
        parts = [(f"{v}.set", name) for v in value.split(",") if v] if name in PRESENCE else [(name, value)]
        for part, wanted in parts:
            found = _clause(type, part, wanted)
            if isinstance(found, Clause):
                where.append(found)
            else:
                wrong.append(Wrong(name, value, found))
    search = " ".join(given.get("q", "").split()[:WORDS])
    if not _fit(search):
        wrong.append(Wrong("q", search[:LONGEST], _nonsense(Label("搜索", "Search"), search)))
        search = ""
    order = given.get("order") or NEW
    by, down = _order(type, order)
    query = Query(type, scope.scope, tuple(where), search, by, down, tuple(s.scope for s in scopes))
    return Asked(query, scope, list(audiences), order, _columns(type, given.get("columns", "")), wrong, given)


def query_of(type: str, scopes: Sequence[ScopeGrant], params: Iterable[tuple[str, str]]) -> Query:
    """The same where nothing may be left out. Raises also Trouble 1007, 1008. The order "worst first" is the page's own:
    here it is that of arrival."""
    found = asked(type, scopes, params)
    if found.wrong:
        raise found.wrong[0].trouble
    return found.query


def params_of(query: Query) -> dict[str, str]:
    """What `query_of` reads this query from, but for its type."""
    out = {"of": query.scope.rpartition(".")[2]}
    for clause in query.where:
        name, value = (f"{clause.field}.set", clause.op) if clause.op in ("given", "none") else (
            f"{clause.field}.{clause.op}", clause.value)  # fmt: skip
        out[name] = value
    if query.search:
        out["q"] = query.search
    if (query.order, query.down) != (SEQ, True):
        out["order"] = OLD if query.order == SEQ else f"-{query.order}" if query.down else query.order
    return out


def _joined(params: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Several choices of one list belong together."""
    out: dict[str, str] = {}
    for name, value in params:
        value = value.strip()
        out[name] = (
            f"{out[name]},{value}"
            if out.get(name) and value and (name.endswith((".is", ".not")) or name in ("columns", *PRESENCE))
            else value
        )
    return out


# --- filters ---------------------------------------------------------------------------------------------------------


def ops_of(field: RecordField) -> tuple[str, ...]:
    """What may be asked of a field, by its kind; "set": whether anything is there."""
    if field.kind == "bool":
        return ("is", "set")
    if field.spec.codes:
        return ("is", "not", "set")
    if field.spec.ref:
        return ("has", "is", "set") if field.kind == "text" else ("has", "set")
    if field.kind in ("decimal", "int"):
        return ("least", "most", "is", "set")
    if field.kind in ("date", "datetime"):
        return ("least", "most", "set")
    return ("has", "is", "set") if field.kind == "text" else ("has", "set")


def _clause(type: str, name: str, value: str) -> Clause | Trouble:
    field_name, _, op = name.partition(".")
    field = fields_of(TYPES[type]).get(field_name)
    if field is None or op not in ops_of(field):
        return Trouble(1008, name=name[:60])
    read = _value(field, op, value) if _fit(value) else None
    if read is None:
        return _nonsense(Label(field.spec.zh, field.spec.en), value)
    return Clause(field.name, read) if op == "set" else Clause(field.name, op, read)


def _nonsense(what: Label, value: str) -> Trouble:
    shown = "".join(c for c in value[:40] if c.isprintable())
    return Trouble(1007, field={"zh": what.zh, "en": what.en}, value=shown)


def _fit(text: str) -> bool:
    return len(text) <= LONGEST and "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _value(field: RecordField, op: str, value: str) -> str | None:
    """As wire text; None for what makes no sense."""
    if op == "set":
        return value if value in ("given", "none") else None
    if field.kind == "bool":
        return value if value in ("true", "false") else None
    if field.spec.codes:
        chosen = [v for v in value.split(",") if v]
        return ",".join(dict.fromkeys(chosen)) if chosen and set(chosen) <= field.options().keys() else None
    if field.spec.ref:
        return value if op == "has" or _ID.match(value) else None
    if field.kind in ("decimal", "int"):
        digits = re.sub(r"\s", "", unicodedata.normalize("NFKC", value)).replace("\u2212", "-")
        return digits if (_WHOLE if field.kind == "int" else _DECIMAL).match(digits) else None
    if field.kind in ("date", "datetime"):
        return _moment(field.kind == "datetime", op, value)
    return value


def _moment(with_time: bool, op: str, value: str) -> str | None:
    """A day as people count it in China; with its beginning or end where the field has a time."""
    try:
        if not with_time:
            return date.fromisoformat(value).isoformat() if len(value) == 10 else None
        if len(value) == 10:
            edge = time.min if op == "least" else time.max
            return datetime.combine(date.fromisoformat(value), edge, SHANGHAI).isoformat()
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo else at.replace(tzinfo=SHANGHAI)).isoformat()
    except ValueError:
        return None


def day_of(value: str) -> str:
    """The day a bound of time stands for, as a date box has it."""
    try:
        return datetime.fromisoformat(value).astimezone(SHANGHAI).date().isoformat() if len(value) > 10 else value
    except OverflowError:  # the first and the last day there are
        return value[:10]
    except ValueError:
        return ""


# --- orders, columns, places -----------------------------------------------------------------------------------------


def _order(type: str, order: str) -> tuple[str, bool]:
    if order in (NEW, OLD) or (order == WORST and type == JUDGED):
        return SEQ, order != OLD
    name = order.removeprefix("-")
    if name not in fields_of(TYPES[type]):
        raise Trouble(1001, why={"zh": f"没有这种次序：{order[:60]}", "en": f"there is no such order: {order[:60]}"})
    return name, order.startswith("-")


def _columns(type: str, text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(n for n in text.split(",") if n and n != FILLED))
    strange = set(names) - fields_of(TYPES[type]).keys() - {ALL}
    if strange:
        name = sorted(strange)[0][:60]
        raise Trouble(1001, why={"zh": f"没有这一列：{name}", "en": f"there is no such column: {name}"})
    return (ALL,) if ALL in names else names


def id_of(text: str) -> str:
    """A place in the order "worst first" is the record itself. Raises Trouble 1001."""
    if text and not _ID.match(text):
        raise Trouble(1001, why={"zh": "翻页的位置读不懂", "en": "the place in the list cannot be read"})
    return text


def place_text(query: Query, key: Key | None) -> str | None:
    """A place in a list, for an address: the id, and what the row is sorted by."""
    if key is None:
        return None
    if query.order == SEQ:
        return str(key.parts[0])
    return "~".join([key.id, *(str(int(p) if isinstance(p, bool) else p) for p in key.parts)])


def place_of(query: Query, text: str) -> Key | None:
    """Raises Trouble 1001 for what is no place of this order."""
    if not text:
        return None
    kinds = keys_of(query)
    try:
        if len(text) > 10 * LONGEST or not _fit(text[:LONGEST]) or "\0" in text:
            raise ValueError(text)
        if query.order == SEQ:
            if not text.isascii() or not text.isdigit() or int(text[:20]) > PLACE:
                raise ValueError(text)
            return Key((int(text),))
        id, *parts = text.split("~", len(kinds))
        if not _ID.match(id) or (parts and len(parts) != len(kinds)):
            raise ValueError(text)
        read = tuple(kind(part) for kind, part in zip(kinds, parts, strict=True)) if parts else ()
        if any(isinstance(p, int) and abs(p) >= 2**63 for p in read):
            raise ValueError(text)
        return Key(read, id)
    except ValueError as err:
        raise Trouble(1001, why={"zh": "翻页的位置读不懂", "en": "the place in the list cannot be read"}) from err
