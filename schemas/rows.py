"""Values ⇄ the columns of the table named after the type. Both stores use this and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from pydantic import BaseModel

from schemas import canonical
from schemas.change import ID
from schemas.fields import fields_of
from schemas.records import TABLES, TYPES


class Codec:
    """One type's columns, in table order: id, scope, seq, the fields, extra."""

    def __init__(self, type: str) -> None:
        self.type = type
        self.columns: tuple[str, ...] = tuple(c.name for c in TABLES[type].columns)
        fields = fields_of(TYPES[type]).values()
        self._names = [f.name for f in fields]
        self._known = set(self._names)
        # where a cell is not the value itself: place in the row, name
        self._json = [(n, f.name) for n, f in enumerate(fields, 3) if f.storage == "json"]
        self._bools = [(n, f.name) for n, f in enumerate(fields, 3) if f.storage == "bool"]

    def is_json(self, place: int) -> bool:
        """Whether the cell there is JSON text of the value."""
        return any(n == place for n, _ in self._json)

    def to_row(self, id: str, scope: str, seq: int, values: Mapping[str, Any]) -> tuple[Any, ...]:
        cells: list[Any] = [id, scope, seq, *map(values.get, self._names), None]
        for n, _ in self._json:
            if cells[n] is not None:
                cells[n] = canonical.again(cells[n]).decode()
        if not values.keys() <= self._known:
            cells[-1] = canonical.again({k: v for k, v in values.items() if k not in self._known}).decode()
        return tuple(cells)

    def from_row(self, row: Sequence[Any]) -> dict[str, Any]:
        """The values, nulls left out. `row` is in the order of `columns`."""
        values = {name: cell for name, cell in zip(self._names, row[3:-1], strict=True) if cell is not None}
        for n, name in self._json:
            if row[n] is not None:
                values[name] = _parse(row[n])
        for n, name in self._bools:
            if row[n] is not None:
                values[name] = bool(row[n])
        if row[-1]:
            values.update(_parse(row[-1]))
        return values


_parse = msgspec.json.Decoder().decode  # of what was written by `to_row`


@cache
def codec(type: str) -> Codec:
    """Raises KeyError for a type this version does not know."""
    return Codec(type)


class _Pointer(NamedTuple):
    """A field that refers to records: by itself, or inside its value class."""

    name: str
    target: str  # "*" = as subject_kind says; "" = look inside
    inside: tuple[_Pointer, ...]


@cache
def pointers_of(cls: type[BaseModel]) -> tuple[_Pointer, ...]:
    """The fields of a class that refer to records. Walked once: a record is looked through for every change."""
    out = []
    for name, field in fields_of(cls).items():
        inside = pointers_of(field.model) if field.model is not None and not field.spec.ref else ()
        if field.spec.ref or inside:
            out.append(_Pointer(name, field.spec.ref or "", inside))
    return tuple(out)


def refs_of(type: str, values: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> list[tuple[str, str]]:
    """(type, id) of every record these values point at; also inside value classes. "*" is resolved by subject_kind,
    which `known` holds where the values are only part of a record."""
    out: list[tuple[str, str]] = []
    pointers = pointers_of(TYPES[type])
    if any([p.name in values for p in pointers]):  # an edit seldom moves one
        kind = values.get("subject_kind") or (known or {}).get("subject_kind")
        _collect(pointers, values, str(kind), out)
    return out


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and ID.match(value) is not None


def _collect(pointers: tuple[_Pointer, ...], values: Mapping[str, Any], kind: str, out: list[tuple[str, str]]) -> None:
    for name, target, inside in pointers:
        value = values.get(name)
        if not value:
            continue
        if target:
            to = kind if target == "*" else target
            # anything but an id is a fault of the record, told by `check`; here it points nowhere
            out.extend((to, v) for v in (value if isinstance(value, list) else [value]) if _is_id(v))
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                _collect(inside, item, kind, out)
