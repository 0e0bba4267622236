"""The fields of one record as they are read: in the form's order, with units, references as links, what is missing as missing.

Pure. A value is never rounded or shortened away: what is long is folded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from pydantic import BaseModel

from schemas import canonical
from schemas.fields import RecordField, fields_of
from schemas.record import Record
from schemas.records import TYPES, missing
from schemas.rules import geo
from sync_server.console.record.called import Names, figures, moment
from sync_server.console.said import in_order
from sync_server.console.tables.table import grouped
from sync_server.console.words import pick, words

OPEN = 240  # characters of a long text that stand open
MOST = 20_000  # characters of one value that a page carries; the whole is in the export
ROWS = 50  # of a list of values
_COMMON = frozenset(fields_of(Record))


class Bit(NamedTuple):
    """A part of a value. `href`: the record it is, below the project's records; `more`: what is folded away behind it."""

    text: str
    href: str = ""
    more: str = ""
    sub: tuple[Row, ...] = ()  # of a value class: its own fields
    head: tuple[str, ...] = ()  # of several of a class: a table
    lines: tuple[tuple[str, ...], ...] = ()
    strokes: str = ""  # a path: a signature


class Row(NamedTuple):
    name: str
    label: str
    bits: tuple[Bit, ...]
    unit: str = ""
    missing: bool = False
    figures: bool = False


class Sheet(NamedTuple):
    """`own`: what the type asks for; `common`: what every record has; `extra`: fields this version does not know, as they
    came; `empty`: labels of what nobody filled in and nobody need."""

    own: list[Row]
    common: list[Row]
    extra: list[tuple[str, Bit]]
    empty: list[str]
    wanting: int  # how many are missing


class Reader:
    """`types`: record → its type, of those the reader may see; `names`: how they are called."""

    def __init__(self, names: Names, types: Mapping[str, str], lang: str) -> None:
        self.names, self.types, self.lang, self.w = names, types, lang, words(lang)

    def sheet(self, type: str, values: Mapping[str, Any]) -> Sheet:
        known = fields_of(TYPES[type])
        lacking = {f.field for f in missing(TYPES[type], values)} if not values.get("deleted") else set()
        own: list[Row] = []
        common: list[Row] = []
        empty: list[str] = []
        for name, field in known.items():
            value = values.get(name)
            there = common if name in _COMMON else own
            if given(value) and not (name == "deleted" and value is False):
                there.append(self.row(field, value, values))
            elif name in lacking:
                there.append(Row(name, field.spec.label(self.lang), (), missing=True))
            elif name not in _COMMON:
                empty.append(field.spec.label(self.lang))
        extra = [(k, _raw(v)) for k, v in sorted(values.items()) if k not in known]
        return Sheet(own, common, extra, empty, len(lacking))

    def row(self, field: RecordField, value: Any, values: Mapping[str, Any]) -> Row:
        number = field.kind in ("decimal", "int") and not field.spec.codes
        return Row(field.name, field.spec.label(self.lang), tuple(self.bits(field, value, values)), field.spec.unit or "",
                   figures=number)  # fmt: skip

    def bits(self, field: RecordField, value: Any, values: Mapping[str, Any]) -> list[Bit]:
        if field.kind == "values" and isinstance(value, list) and field.model is not None:
            return [self._table(field.model, value)]
        if field.kind == "value" and isinstance(value, dict) and field.model is not None:
            if "rings" in value:
                return [_rings(value, self.lang)]
            return [Bit(_degrees(value), sub=tuple(self._inside(field.model, value)))]
        if isinstance(value, list):
            return [b for v in value[:ROWS] for b in self.bits(field, v, values)] + _rest(value, self.lang)
        return [self.one(field, value, values)]

    def one(self, field: RecordField | None, value: Any, values: Mapping[str, Any]) -> Bit:
        """A single value."""
        if not given(value):
            return Bit(self.w("empty_value"))
        if isinstance(value, bool):
            return Bit(self.w("yes" if value else "no"))
        if field is None or isinstance(value, dict | list):
            return _raw(value)
        if field.spec.ref:
            return self._reference(field, str(value), values)
        if str(value) in field.options():
            return Bit(pick(field.options()[str(value)], self.lang))
        if field.kind == "datetime":
            at = moment(value)
            return Bit(at.strftime("%Y-%m-%d %H:%M:%S") if at else str(value)[:60])
        if field.kind in ("decimal", "int") and not field.spec.codes:
            return Bit(grouped(figures(value)))
        return folded(str(value))

    def _reference(self, field: RecordField, id: str, values: Mapping[str, Any]) -> Bit:
        type = self.types.get(id)
        if type is None:
            return Bit(self.w("not_here", name=self.names.get(id) or id[:8]))
        return Bit(self.names.get(id) or self.w("record_n", n=id[:8]), f"{type}/{id}")

    def _inside(self, model: type[BaseModel], value: Mapping[str, Any]) -> list[Row]:
        known, out = fields_of(model), []
        for name in in_order(value, known):
            field = known.get(name)
            if not given(value[name]):
                continue
            if name == "strokes" and (path := strokes(value[name])):
                out.append(Row(name, field.spec.label(self.lang) if field else name, (Bit("", strokes=path),)))
            elif field is not None:
                out.append(self.row(field, value[name], value))
            else:
                out.append(Row(name, name, (_raw(value[name]),)))
        return out

    def _table(self, model: type[BaseModel], items: Sequence[Any]) -> Bit:
        """Several of a value class: a table of one as its own fields, of more as lines."""
        rows = [i for i in items if isinstance(i, dict)]
        if len(rows) == 1 or any("strokes" in r for r in rows):
            subs = [self._inside(model, r) for r in rows[:ROWS]]
            return Bit("", sub=tuple(row for rows_ in subs for row in rows_))
        known = fields_of(model)
        names = [n for n in known if any(given(r.get(n)) for r in rows)]
        names += sorted({k for r in rows for k in r if k not in known})
        head = tuple(
            " ".join(x for x in (known[n].spec.label(self.lang), known[n].spec.unit) if x) if n in known else n
            for n in names
        )
        lines = tuple(tuple(self.flat(known.get(n), r.get(n), r) for n in names) for r in rows[:ROWS])
        return Bit("", head=head, lines=lines, more=(_rest(rows, self.lang) or [Bit("")])[0].text)

    def flat(self, field: RecordField | None, value: Any, values: Mapping[str, Any]) -> str:
        """A value in one line of text, without links."""
        if not given(value):
            return ""
        if field is not None and field.kind == "value" and field.model is not None and isinstance(value, dict):
            rows = self._inside(field.model, value) if "rings" not in value else []
            return " · ".join(f"{r.label} {line(r)}" for r in rows) or _rings(value, self.lang).text
        if field is not None and field.kind == "values" and field.model is not None and isinstance(value, list):
            inner = [self._inside(field.model, v) for v in value if isinstance(v, dict)]
            return "；".join(" · ".join(f"{r.label} {line(r)}" for r in rows) for rows in inner)
        if isinstance(value, list):
            return ("、" if self.lang == "zh" else ", ").join(self.flat(field, v, values) for v in value)
        bit = self.one(field, value, values)
        unit = field.spec.unit if field is not None and field.spec.unit else ""
        return f"{bit.text}{bit.more}" + (f"\u00a0{unit}" if unit else "")


def line(row: Row) -> str:
    text = "、".join(b.text + b.more for b in row.bits if b.text)
    return f"{text}\u00a0{row.unit}" if row.unit and text else text


def _degrees(value: Mapping[str, Any]) -> str:
    """A position in short, where it is one; its own figures stand behind it."""
    try:
        return f"{Decimal(str(value['lon'])):.6f}° {Decimal(str(value['lat'])):.6f}°"
    except (KeyError, InvalidOperation, ValueError):
        return ""


def given(value: Any) -> bool:
    return value not in (None, "", [], {})


def folded(text: str) -> Bit:
    whole = text if len(text) <= MOST else f"{text[:MOST]}…"
    return Bit(whole) if len(whole) <= OPEN + 40 else Bit(whole[:OPEN], more=whole[OPEN:])


def _raw(value: Any) -> Bit:
    """As it came: text as text, anything else as JSON."""
    return folded(value if isinstance(value, str) else canonical.again(value).decode())


def _rest(items: Sequence[Any], lang: str) -> list[Bit]:
    return [Bit(words(lang)("and_more", n=len(items) - ROWS))] if len(items) > ROWS else []


def _rings(value: Mapping[str, Any], lang: str) -> Bit:
    """An area by its size and corners; the corners themselves are folded."""
    w = words(lang)
    try:
        rings = [[(float(p[0]), float(p[1])) for p in ring] for ring in value["rings"]]
        area = geo.polygon_area_m2(rings)
    except (TypeError, ValueError, IndexError, KeyError):
        return _raw(value)
    corners = sum(max(len(r) - 1, 0) for r in rings)
    listed = " ".join(f"{p[0]},{p[1]}" for ring in value["rings"] for p in ring)
    return Bit(w("area_of", n=corners, m2=grouped(f"{area:.0f}")), more=listed[:MOST])


def strokes(text: Any) -> str:
    """A signature's strokes as a path in a box 1000 wide; "" for anything else."""
    try:
        runs = json.loads(text)["s"]
        parts = []
        for run in runs[:2000]:
            places = [
                f"{float(x) / 10:.0f} {float(y) / 10:.0f}"
                for x, y, _ in zip(run[::3], run[1::3], run[2::3], strict=True)
            ]
            parts.append("M" + "L".join(places))
        return "".join(parts)
    except (TypeError, ValueError, KeyError):
        return ""
