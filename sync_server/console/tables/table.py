"""The table of the records of one type: columns are the type's fields as labelled; a page is asked for by seq."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from fastapi import Query, Request, Response

from schemas.fields import Audience, RecordField
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.rows import refs_of
from schemas.shown import fields_in_order
from schemas.wire import ScopeGrant
from sync_server.console.house import House
from sync_server.console.parts import Sign
from sync_server.console.said import text_of, type_words
from sync_server.console.words import words
from sync_server.store import Stored

PAGE = 50
FOLDED = 36  # characters of a cell that stand open; the rest is folded away
BREAKS = (" · ", "；", "。", "，", "、", "; ", ", ")  # where a long text is parted, if there is one
ORDER = (Audience.FIELD, Audience.TRANSFER, Audience.ENFORCEMENT, Audience.ORGANISATION)
ROOMS = ("plan", "fieldwork", "samples")  # in the order of the work; the others stand behind them


class Column(NamedTuple):
    """One field of the type: label with unit, and whether its figures stand to the right."""

    name: str
    label: str
    figures: bool


class Cell(NamedTuple):
    text: str
    more: str  # the rest of a long text, folded away
    figures: bool


class Line(NamedTuple):
    """One record: how it is called (or ""), its seq, the mark of a voided one, and a cell per column."""

    id: str
    name: str
    seq: int
    void: Sign | None
    cells: list[Cell]


class Table(NamedTuple):
    head: str  # label of what the records are called by; "" where they have no name
    columns: list[Column]
    lines: list[Line]
    empty: int  # columns left out, because no record of this page has anything there


def table(type: str, rows: Sequence[Stored], names: Mapping[str, str], every: bool, lang: str, now: datetime) -> Table:
    """`names`: record → how it is called, for what these rows point at. `every`: also columns with nothing in them."""
    fields = fields_in_order(type)
    key = fields[0] if fields[0].name in TYPES[type].about.key else None
    rest = [f for f in fields if f is not key]
    shown = [f for f in rest if every or any(_given(r.values.get(f.name)) for r in rows)]
    columns = [Column(f.name, _label(f, lang), _figures(f)) for f in shown]
    mark = Sign("block", "alert", words(lang)("voided"))
    lines = [
        Line(r.id, str(r.values.get(key.name) or "") if key else "", r.seq, mark if r.values.get("deleted") else None,
             [cell(f, r.values.get(f.name), names, lang, now) for f in shown])
        for r in rows
    ]  # fmt: skip
    return Table(_label(key, lang) if key else "", columns, lines, len(rest) - len(shown))


def cell(field: RecordField, value: Any, names: Mapping[str, str], lang: str, now: datetime) -> Cell:
    """A value as it is read; the unit stands in the head of the column."""
    if not _given(value):
        return Cell("", "", _figures(field))
    if _figures(field):
        return Cell(grouped(str(value)), "", True)
    return Cell(*_parted(text_of(field, value, names, lang, now)), False)


def _parted(text: str) -> tuple[str, str]:
    """What stands open and what is folded away; together they are the text."""
    if len(text) <= FOLDED + 4:
        return text, ""
    at = max(text.rfind(b, FOLDED // 2, FOLDED) for b in BREAKS)
    at = FOLDED if at < 0 else at + 1
    return text[:at].rstrip(), text[at:]


def grouped(digits: str) -> str:
    """The digits as they were given, parted by a no-break space from four before the point: 1 050.20"""
    whole, point, rest = digits.partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(whole):,}{point}{rest}".replace(",", "\u00a0") if whole.isdecimal() else digits


def _given(value: Any) -> bool:
    return value not in (None, "", [], {})


def _figures(field: RecordField) -> bool:
    return field.kind in ("decimal", "int") and not field.spec.codes


def _label(field: RecordField, lang: str) -> str:
    return " ".join(x for x in (field.spec.label(lang), field.spec.unit) if x)


# --- which scope, which types ----------------------------------------------------------------------------------------


def audiences_of(type: str, scopes: Sequence[ScopeGrant]) -> dict[str, ScopeGrant]:
    """Audience → the scope this person may read records of the type in. Raises Trouble 2004 where there is none: for
    such a reader the records are as little there as a foreign project's."""
    about = TYPES[type].about
    wanted = ORDER if about.audience is Audience.SUBJECT else (about.audience,)
    here = {str(s.audience): s for a in wanted for s in scopes if s.audience == a.value}
    if not here:
        raise Trouble(2004)
    return here


class Kinds(NamedTuple):
    """Types that belong together, for the reader to choose among."""

    label: str
    types: list[tuple[str, str]]  # (type, word)


def kinds(scopes: Sequence[ScopeGrant], lang: str) -> list[Kinds]:
    """Every type this person may read, by audience; what hangs on other records stands last."""
    w, readable = words(lang), {s.audience for s in scopes}
    out = []
    for audience in (*ORDER, Audience.SUBJECT):
        if audience is Audience.SUBJECT or audience.value in readable:
            types = sorted((t for t, cls in TYPES.items() if cls.about.audience is audience), key=_room)
            out.append(Kinds(w(f"aud_{audience.value}"), [(t, type_words(t, lang)) for t in types]))
    return out


def _room(type: str) -> int:
    room = TYPES[type].about.room
    return ROOMS.index(room) if room in ROOMS else len(ROOMS)


def who_makes(type: str, lang: str) -> str:
    """What to do about an empty table, by who records this type."""
    w, writers = words(lang), TYPES[type].about.writers
    if not writers:
        return w("no_records_server")
    who = w("join_names").join(w(role) for role in writers)
    return w("no_records_plan" if set(writers) == {"project_manager"} else "no_records_tablet", who=who)


def add_tables(house: House) -> None:
    service = house.service

    @house.app.get("/projects/{project}/records/{type}")
    def records(
        request: Request,
        project: str,
        type: str,
        of: Annotated[str, Query(max_length=40)] = "",
        order: Annotated[str, Query(pattern="^(new|old)$")] = "new",
        after: Annotated[int | None, Query(ge=0, le=2**62)] = None,
        before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
        columns: Annotated[str, Query(pattern="^(|all)$")] = "",
    ) -> Response:
        place, lang = house.entered(request, project), house.lang(request)
        scopes = place.scopes
        if type not in TYPES:
            raise Trouble(1005)
        audiences = audiences_of(type, scopes)
        scope = audiences.get(of or next(iter(audiences)))
        if scope is None:
            raise Trouble(2004)
        found = service.listed(type, scope.scope, order == "new", after, before, PAGE)
        pointed = {id for r in found.rows for _, id in refs_of(type, r.values)}
        names = service.names_of(pointed, [s.scope for s in scopes])
        return house.page(
            request, "tables/records.html", place, "records", type=type, what=type_words(type, lang),
            table=table(type, found.rows, names, columns == "all", lang, house.now()), every=columns == "all", order=order,
            before=found.before, after=found.after, further=after is not None or before is not None,
            kinds=kinds(scopes, lang), audience=scope.audience, audiences=list(audiences), todo=who_makes(type, lang),
        )  # fmt: skip
