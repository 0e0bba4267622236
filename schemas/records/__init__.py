"""All record types: `TYPES["sample"]` is the class, `TABLES["sample"]` the table with the same columns.

The table is derived from the class, column by column; nobody writes a column by hand.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table
from sqlmodel import SQLModel

from schemas.fields import Audience, fields_of
from schemas.record import Fault, Id, Record, check, missing

__all__ = ["SCHEMA", "TABLES", "TYPES", "Audience", "Fault", "Id", "Record", "check", "missing"]

# Counts the states the record types were in; raised with every addition (tests/golden asks for it). A tablet says it with
# every push: what a newer one wrote and this server cannot judge waits for the server's update instead of being refused.
SCHEMA = 5


def _types() -> dict[str, type[Record]]:
    out: dict[str, type[Record]] = {}
    for module in pkgutil.iter_modules(__path__):
        for thing in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(thing, type) and issubclass(thing, Record) and thing is not Record:
                out[thing.about.type] = thing
    return dict(sorted(out.items()))


TYPES: dict[str, type[Record]] = _types()

# ordered by code point on both databases
_TEXT: Any = String().with_variant(String(collation="C"), "postgresql")
_COLUMN = {"text": _TEXT, "json": _TEXT, "int": BigInteger(), "bool": Boolean()}


def _table(cls: type[Record]) -> Table:
    """Columns: id, scope, seq, then the fields (decimals, times and JSON as their wire text), then `extra` (JSON of
    fields this version does not know, which travel on)."""
    columns: list[Column[object]] = [Column(name, _COLUMN[field.storage]) for name, field in fields_of(cls).items()]
    return Table(
        cls.about.type,
        SQLModel.metadata,
        Column("id", _TEXT, primary_key=True),
        Column("scope", _TEXT, nullable=False),
        Column("seq", BigInteger, nullable=False),
        *columns,
        Column("extra", _TEXT),
        Index(f"{cls.about.type}_scope_seq", "scope", "seq"),
    )


TABLES: dict[str, Table] = {name: _table(cls) for name, cls in TYPES.items()}
