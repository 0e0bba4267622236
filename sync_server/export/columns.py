"""The columns of a record type, off its fields: for people (labels, words, local times) or for programs (names, values as stored).

A cell's value by the column's kind: `text`, `number` (decimal text with its digits), `int`, `bool`, `date` and `time` (ISO text;
a time only in columns for people, where it is shown as of UTC+8), `json` (JSON text). None is an empty cell. What a newer version wrote
may be anything: a writer that meets another type writes it as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

from schemas.fields import Audience, RecordField, fields_of
from schemas.records import TYPES
from schemas.shown import fields_in_order
from sync_server.export.cells import Unique, as_json, is_number, text_of, wkt_polygon
from sync_server.export.grids import Grid
from sync_server.export.words import say
from sync_server.store import Stored

Kind = Literal["text", "number", "int", "bool", "date", "time", "json"]
Heads = Literal["labels", "names"]


class Row(NamedTuple):
    """A record with what is needed to write it. `names`: record → how it is called, of what it points at. `at`: where it lies, its own
    position (`own`) or that of the point it belongs to."""

    stored: Stored
    names: Mapping[str, str]
    at: Mapping[str, Any] | None = None
    own: bool = True


class Column(NamedTuple):
    head: str
    kind: Kind
    of: Callable[[Row], Any]


class Style(NamedTuple):
    """How a person wants it. `grid` None: longitude and latitude only."""

    heads: Heads = "labels"
    lang: str = "zh"
    grid: Grid | None = None

    @property
    def labels(self) -> bool:
        return self.heads == "labels"


def columns_of(type: str, style: Style, mapped: bool = False, reserved: tuple[str, ...] = ()) -> list[Column]:
    """In the order of a table on screen; what every file has stands around it. `mapped`: for map data, which also says whose position it
    is. Heads differ from one another and from `reserved`, capitals or not."""
    found = [_fixed("id", style, "text", lambda row: row.stored.id)]
    if mapped:
        found.append(_fixed("position_from", style, "text", partial(_position_from, style)))
    for field in fields_in_order(type):
        found += _of_field(field, style)
    if TYPES[type].about.audience is Audience.SUBJECT:
        found.append(_fixed("audience", style, "text", partial(_audience, style)))
    flag = _flag(style)
    found.append(
        _fixed("deleted", style, "text" if style.labels else "bool", lambda row: flag(row.stored.values.get("deleted")))
    )
    found.append(_fixed("seq", style, "int", lambda row: row.stored.seq))
    known = fields_of(TYPES[type])
    found.append(_fixed("extra", style, "json", lambda row: _json(_unknown(known, row.stored.values))))
    unique = Unique(reserved)
    return [c._replace(head=unique(c.head)) for c in found]


def _unknown(known: Mapping[str, RecordField], values: Mapping[str, Any]) -> dict[str, Any]:
    """What no other column shows: fields this version does not know, also inside values of several parts."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        field = known.get(name)
        if field is None or (field.kind == "value" and not isinstance(value, dict)):
            out[name] = value
        elif field.kind == "value" and field.model is not None:
            inner = fields_of(field.model)
            if rest := {k: v for k, v in value.items() if k not in inner}:
                out[name] = rest
    return out


def _position_from(style: Style, row: Row) -> str | None:
    if row.at is None:
        return None
    if not style.labels:
        return "own" if row.own else "point"
    return say(style.lang, "place_own" if row.own else "place_other")


def _fixed(name: str, style: Style, kind: Kind, of: Callable[[Row], Any]) -> Column:
    return Column(say(style.lang, name) if style.labels else name, kind, of)


def _audience(style: Style, row: Row) -> str:
    audience = row.stored.scope.rpartition(".")[2]
    return say(style.lang, f"aud_{audience}") if style.labels and audience in _AUDIENCES else audience


_AUDIENCES = ("field", "enforcement", "transfer", "organisation")


def _of_field(field: RecordField, style: Style) -> list[Column]:
    name = field.name
    if field.kind == "value" and field.model is not None:
        inner = fields_of(field.model)
        if "rings" in inner:
            return _polygon(field, style)
        return _position(field, style) if {"lon", "lat"} <= inner.keys() else _parts(field, style)
    if field.kind in ("values", "list"):
        return _many(field, style)
    return [Column(_head(field, style), *_plain(field, style, lambda row: row.stored.values.get(name)))]


def _head(field: RecordField, style: Style, around: RecordField | None = None) -> str:
    if not style.labels:
        return f"{around.name}.{field.name}" if around else field.name
    label = field.spec.label(style.lang)
    if around:
        label = say(style.lang, "inside", label=around.spec.label(style.lang), inner=label)
    if field.spec.unit:
        label = say(style.lang, "unit", label=label, unit=field.spec.unit)
    return say(style.lang, "local", label=label) if field.kind == "datetime" else label


def _plain(field: RecordField, style: Style, get: Callable[[Row], Any]) -> tuple[Kind, Callable[[Row], Any]]:
    """Kind and content of a column with one plain value a cell."""
    coded = bool(field.spec.codes or field.spec.ref)
    if field.kind == "decimal":
        return "number", get
    if field.kind == "int" and not coded:
        return "int", get
    if field.kind == "date":
        return "date", get
    if field.kind == "datetime" and style.labels:
        return "time", get
    if field.kind == "bool":
        flag = _flag(style)
        return ("text" if style.labels else "bool"), lambda row: flag(get(row))
    if style.labels:
        return "text", lambda row: text_of(field, get(row), row.names, style.lang) or None
    return "text", lambda row: _stored(get(row))


def _stored(value: Any) -> Any:
    """As it is, where it is text; what is not, is what no field of this kind holds."""
    return value if value is None or isinstance(value, str) else as_json(value)


def _flag(style: Style) -> Callable[[Any], Any]:
    def told(value: Any) -> Any:
        if not isinstance(value, bool):
            return None if value is None else _stored(value)
        return say(style.lang, "yes" if value else "no") if style.labels else value

    return told


def _inner(name: str, part: str) -> Callable[[Row], Any]:
    def get(row: Row) -> Any:
        value = row.stored.values.get(name)
        return value.get(part) if isinstance(value, dict) else None

    return get


def _parts(field: RecordField, style: Style) -> list[Column]:
    """One value of several parts: a column each."""
    inner = fields_of(field.model) if field.model else {}
    return [
        Column(_head(part, style, field), *_plain(part, style, _inner(field.name, part.name)))
        for part in inner.values()
    ]


def _position(field: RecordField, style: Style) -> list[Column]:
    """Longitude and latitude with the digits they were recorded with; X and Y of the chosen zone behind them."""
    found = _parts(field, style)
    if style.grid is None:
        return found
    grid, label = style.grid, field.spec.label(style.lang)
    lon, lat = _inner(field.name, "lon"), _inner(field.name, "lat")

    def projected(n: int, row: Row) -> str | None:
        where = lon(row), lat(row)
        both = grid.digits(*where) if is_number(where[0]) and is_number(where[1]) else None
        return both[n] if both else None

    north, east = partial(projected, 0), partial(projected, 1)
    heads = (
        (say(style.lang, "north", label=label), say(style.lang, "east", label=label)) if style.labels
        else (f"{field.name}.x_north", f"{field.name}.y_east")
    )  # fmt: skip
    return [*found[:2], Column(heads[0], "number", north), Column(heads[1], "number", east), *found[2:]]


def _polygon(field: RecordField, style: Style) -> list[Column]:
    head = say(style.lang, "wkt", label=field.spec.label(style.lang)) if style.labels else f"{field.name}.wkt"
    return [Column(head, "text", lambda row: wkt_polygon(row.stored.values.get(field.name)) or None)]


def _many(field: RecordField, style: Style) -> list[Column]:
    """A list: in words for people, beside it as JSON where an item has several parts; JSON alone for programs."""
    machine = lambda row: _json(row.stored.values.get(field.name))  # noqa: E731
    if not style.labels:
        return [Column(field.name, "json", machine)]
    words = Column(_head(field, style), "text", lambda row: _words(field, row, style.lang))
    if field.kind == "list":
        return [words]
    return [words, Column(say(style.lang, "json", label=field.spec.label(style.lang)), "json", machine)]


def _words(field: RecordField, row: Row, lang: str) -> str | None:
    return text_of(field, row.stored.values.get(field.name), row.names, lang) or None


def _json(value: Any) -> str | None:
    return as_json(value) if value not in (None, [], {}) else None
