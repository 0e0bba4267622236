"""The table of the records of one type: columns are the type's fields as labelled; a page is asked for by seq."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.fields import Audience, RecordField, fields_of
from schemas.records import TYPES
from schemas.reference import codes
from schemas.shown import fact_fields, fields_in_order, title_fields
from schemas.wire import ScopeGrant
from sync_server.console.parts import Sign
from sync_server.console.said import text_of, type_words
from sync_server.console.tables.asked import ALL, JUDGED, NEW, OLD, ORDER
from sync_server.console.words import pick, words
from sync_server.service import Mark
from sync_server.store import Stored

if TYPE_CHECKING:
    from sync_server.console.tables.judged import Judged

PAGE = 50
FOLDED = 36  # characters of a cell that stand open; the rest is folded away
BREAKS = (" · ", "；", "。", "，", "、", "; ", ", ")  # where a long text is parted, if there is one
ROOMS = ("plan", "fieldwork", "samples")  # in the order of the work; the others stand behind them


class Column(NamedTuple):
    """One column: label with unit, and whether its figures stand to the right. `order`: what a click on its head asks for,
    "" where it cannot be sorted by; `sorted`: ascending, descending or "". `near`: shown where there is little room."""

    name: str
    label: str
    figures: bool
    order: str = ""
    sorted: str = ""
    near: bool = True


class Cell(NamedTuple):
    text: str
    more: str  # the rest of a long text, folded away
    figures: bool


class Line(NamedTuple):
    """One record: how it is called (or ""), its seq, the mark of a voided one, other marks, and a cell per column with the
    record it leads to, as type/id, or ""."""

    id: str
    name: str
    seq: int
    void: Sign | None
    cells: list[Cell]
    links: list[str]
    marks: list[Sign]
    judged: Judged | None = None


class Table(NamedTuple):
    head: Column  # what the records are called by, or their numbers
    columns: list[Column]
    lines: list[Line]
    empty: int  # columns left out: no record of this page has anything there, or there are more telling ones


class Rows(NamedTuple):
    """What a page has of its records: themselves, how what they point at is called, what stands about them."""

    rows: Sequence[Stored]
    names: Mapping[str, str]
    marks: Mapping[str, Mark]
    judged: Mapping[str, Judged]
    stands: Mapping[str, Sign] = {}  # how far what a record is about has come


def table(type: str, found: Rows, columns: tuple[str, ...], order: str, lang: str, now: datetime) -> Table:
    """`columns`: the chosen ones in their own order, ("all",), or () for those with contents. `order`: as in the address."""
    fields, rows, names = fields_in_order(type), found.rows, found.names
    key = fields[0] if fields[0].name in TYPES[type].about.key else None
    rest = [f for f in fields if f is not key]
    if columns and columns != (ALL,):
        chosen = [fields_of(TYPES[type])[n] for n in columns if key is None or n != key.name]
    else:
        chosen = [f for f in rest if columns or any(_given(r.values.get(f.name)) for r in rows)]
        if not columns and found.judged:
            chosen = _readings(chosen, order)
    near = {*title_fields(type), *fact_fields(type), "void_reason", *columns, order.removeprefix("-")}
    unit = _common_unit(rows) if found.judged and not columns else ""
    chosen = [f for f in chosen if not (unit and f.name == "unit")]
    heads = [_column(f, order, near, lang, unit) for f in chosen]
    if found.judged and not columns:
        heads = [h._replace(label=f"{words(lang)('depth')} m") if h.name == "depth_top_m" else h for h in heads]
    mark = Sign("block", "alert", words(lang)("voided"))
    lines = []
    for r in rows:
        seen = found.judged.get(r.id)
        cells = [cell(f, r.values.get(f.name), names, lang, now) for f in chosen]
        if seen is not None and not columns:
            said = {
                "value": Cell(seen.value, "", True), "parameter": Cell(seen.what, "", False),
                "depth_top_m": Cell(_depth(r.values), "", True),
            }  # fmt: skip
            cells = [said.get(f.name, c) for f, c in zip(chosen, cells, strict=True)]
        name = str(r.values.get(key.name) or "") if key else seen.point if seen else ""
        links = [_target(f, r.values, names) for f in chosen]
        lines.append(
            Line(
                r.id,
                name,
                r.seq,
                mark if r.values.get("deleted") else None,
                cells,
                links,
                [*_stand(found, r), *signs(found.marks.get(r.id), bool(r.values.get("deleted")), lang)],
                seen,
            )
        )
    w = words(lang)
    if key:
        head = _column(key, order, {key.name}, lang)
    else:
        label = w("point_code") if type == JUDGED else w("seq_no")
        way = {NEW: "descending", OLD: "ascending"}.get(order, "")
        head = Column("seq", label, False, OLD if order == NEW else NEW, way)
    return Table(head, heads, lines, len(rest) - len(chosen) if columns != (ALL,) else 0)


_READ = ("depth_top_m", "parameter", "value", "unit", "method", "instrument_id", "at", "void_reason")


def _readings(fields: Sequence[RecordField], order: str) -> list[RecordField]:
    """As people read them: depth, what, how much, by which instrument, when. The rest is a click away."""
    by_name = {f.name: f for f in fields}
    names = (*_READ, order.removeprefix("-"))
    return [by_name[n] for n in dict.fromkeys(names) if n in by_name]


def _depth(values: Mapping[str, Any]) -> str:
    ends = [str(values[n]) for n in ("depth_top_m", "depth_bottom_m") if values.get(n) is not None]
    return "–".join(dict.fromkeys(ends))


def _common_unit(rows: Sequence[Stored]) -> str:
    units = {str(r.values.get("unit")) for r in rows}
    return units.pop() if len(units) == 1 else ""


def _column(field: RecordField, order: str, near: Set[str], lang: str, unit: str = "") -> Column:
    label = _label(field, lang)
    if unit and field.name == "value":
        known = codes("unit").get(unit)
        label = f"{label} {pick(known, lang) if known else unit}"
    way = {field.name: "ascending", f"-{field.name}": "descending"}.get(order, "")
    down_first = field.kind in ("decimal", "int", "date", "datetime", "bool")
    turned = f"-{field.name}" if way == "ascending" or (not way and down_first) else field.name
    sortable = field.kind not in ("value", "values", "list")
    return Column(field.name, label, _figures(field), turned if sortable else "", way, field.name in near)


def _target(field: RecordField, values: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Where a reference leads, if the reader may read what is there."""
    value = values.get(field.name)
    if not field.spec.ref or not isinstance(value, str) or value not in names:
        return ""
    type = values.get("subject_kind") if field.spec.ref == "*" else field.spec.ref
    return f"{type}/{value}" if type in TYPES else ""


def _stand(found: Rows, row: Stored) -> list[Sign]:
    return [found.stands[row.id]] if row.id in found.stands and not row.values.get("deleted") else []


def signs(mark: Mark | None, void: bool, lang: str) -> list[Sign]:
    """Where its review stands, and an open conflict. Nobody reviews what is voided."""
    w, out = words(lang), []
    if mark and mark.conflicts:
        out.append(Sign("split", "clash", w("m_conflict")))
    if mark and mark.review and not void:
        icon, colour = {"waiting": ("clock", "active"), "passed": ("ok", "done"), "returned": ("back", "alert")}[
            mark.review.state
        ]
        out.append(Sign(icon, colour, w(f"m_{mark.review.state}")))
    return out


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


# --- which types ------------------------------------------------------------------------------------------------------


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
