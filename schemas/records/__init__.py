"""All record types: `TYPES["sample"]` is the class, `TABLES["sample"]` the table with the same columns.

The table is derived from the class, column by column; nobody writes a column by hand.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from sqlalchemy import Table
from sqlmodel import Field, SQLModel

from schemas.fields import Audience, fields_of
from schemas.records.base import Fault, Id, Record, check, missing

__all__ = ["TABLES", "TYPES", "Audience", "Fault", "Id", "Record", "check", "missing"]


def _types() -> dict[str, type[Record]]:
    out: dict[str, type[Record]] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name == "base":
            continue
        for thing in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(thing, type) and issubclass(thing, Record) and thing is not Record:
                out[thing.about.type] = thing
    return dict(sorted(out.items()))


TYPES: dict[str, type[Record]] = _types()

_COLUMN = {"text": str | None, "json": str | None, "int": int | None, "bool": bool | None}


def _table(cls: type[Record]) -> Table:
    """Columns: id, scope, seq, then the fields (decimals, times and JSON as their wire text), then `extra` (JSON of
    fields this version does not know, which travel on)."""
    space: dict[str, Any] = {"__tablename__": cls.about.type, "__module__": __name__}
    annotations: dict[str, Any] = {"id": str, "scope": str, "seq": int}
    space |= {"id": Field(primary_key=True), "scope": Field(index=True), "seq": Field(index=True)}
    for name, field in fields_of(cls).items():
        annotations[name] = _COLUMN[field.storage]
        space[name] = Field(default=None)
    annotations["extra"] = str | None
    space["extra"] = Field(default=None)
    metaclass: Any = type(SQLModel)
    row: Any = metaclass(f"{cls.__name__}Row", (SQLModel,), {**space, "__annotations__": annotations}, table=True)
    table: Table = row.__table__
    return table


TABLES: dict[str, Table] = {name: _table(cls) for name, cls in TYPES.items()}
