"""Values ⇄ the columns of the table named after the type. Both stores use this and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

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
        self._fields = [(f.name, f.storage) for f in fields_of(TYPES[type]).values()]
        self._known = {name for name, _ in self._fields}

    def to_row(self, id: str, scope: str, seq: int, values: Mapping[str, Any]) -> tuple[Any, ...]:
        cells: list[Any] = [id, scope, seq]
        for name, storage in self._fields:
            value = values.get(name)
            cells.append(canonical.dumps(value).decode() if storage == "json" and value is not None else value)
        extra = {k: v for k, v in values.items() if k not in self._known}
        cells.append(canonical.dumps(extra).decode() if extra else None)
        return tuple(cells)

    def from_row(self, row: Sequence[Any]) -> dict[str, Any]:
        """The values, nulls left out. `row` is in the order of `columns`."""
        values: dict[str, Any] = {}
        for (name, storage), cell in zip(self._fields, row[3:-1], strict=True):
            if cell is not None:
                values[name] = json.loads(cell) if storage == "json" else bool(cell) if storage == "bool" else cell
        if row[-1]:
            values.update(json.loads(row[-1]))
        return values


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
def _pointers(cls: type[BaseModel]) -> tuple[_Pointer, ...]:
    """Walked once per class: a record is looked through for every change."""
    out = []
    for name, field in fields_of(cls).items():
        inside = _pointers(field.model) if field.model is not None and not field.spec.ref else ()
        if field.spec.ref or inside:
            out.append(_Pointer(name, field.spec.ref or "", inside))
    return tuple(out)


def refs_of(type: str, values: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> list[tuple[str, str]]:
    """(type, id) of every record these values point at; also inside value classes. "*" is resolved by subject_kind,
    which `known` holds where the values are only part of a record."""
    out: list[tuple[str, str]] = []
    kind = values.get("subject_kind") or (known or {}).get("subject_kind")
    _collect(_pointers(TYPES[type]), values, str(kind), out)
    return out


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and ID.match(value) is not None


def _collect(pointers: tuple[_Pointer, ...], values: Mapping[str, Any], kind: str, out: list[tuple[str, str]]) -> None:
    for name, target, inside in pointers:
        value = values.get(name)
        if value in (None, "", []):
            continue
        if target:
            to = kind if target == "*" else target
            # anything but an id is a fault of the record, told by `check`; here it points nowhere
            out.extend((to, v) for v in (value if isinstance(value, list) else [value]) if _is_id(v))
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                _collect(inside, item, kind, out)
