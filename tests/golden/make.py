"""`python -m tests.golden.make`: write down how the record types are, in records.json. Refuses a breaking edit.

--anyway   write it all the same (before a first release, or with a migration and a note in CHANGELOG.md)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from schemas.fields import RecordField, atoms_of, fields_of
from schemas.records import SCHEMA, TYPES
from schemas.reference import codes
from tests.golden.rules import Golden, breaking

FILE = Path(__file__).with_name("records.json")


def golden() -> Golden:
    """The types as the code has them now."""
    types = {
        name: {
            "audience": cls.about.audience.value, "writers": sorted(cls.about.writers), "frozen": cls.about.frozen, "fields": _fields(cls),
        }
        for name, cls in TYPES.items()
    }  # fmt: skip
    values = _values(TYPES.values())
    lists = {
        f.get("codes") for owner in (*(t["fields"] for t in types.values()), *values.values()) for f in owner.values()
    }
    return {
        "schema": SCHEMA,
        "types": types,
        "values": dict(sorted(values.items())),
        "codes": {n: list(codes(n)) for n in sorted(filter(None, lists))},
    }


def _values(classes: Iterable[type[BaseModel]]) -> dict[str, Any]:
    found = {f.model.__name__: f.model for cls in classes for f in fields_of(cls).values() if f.model}
    return {**_values(found.values()), **{n: _fields(m) for n, m in found.items()}} if found else {}


def _fields(cls: type[BaseModel]) -> dict[str, Any]:
    return {name: _field(cls, field) for name, field in fields_of(cls).items()}


def _field(cls: type[BaseModel], field: RecordField) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "kind": field.kind, "storage": field.storage, "required": field.required, "atom": atoms_of(cls)[field.name],
        "merge": field.spec.merge.value,
    }  # fmt: skip
    limits = {"ge": field.ge, "le": field.le}
    more = {
        "codes": field.spec.codes, "ref": field.spec.ref, "model": field.model.__name__ if field.model else None,
        "decimals": field.decimals, "max_length": field.max_length, **{k: str(v) for k, v in limits.items() if v is not None},
    }  # fmt: skip
    for m in cls.model_fields[field.name].metadata:
        more |= {k: getattr(m, k) for k in ("min_length", "pattern") if getattr(m, k, None) is not None}
    return facts | {k: v for k, v in more.items() if v is not None}


def text(made: Golden) -> str:
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def main() -> int:
    made = golden()
    old = json.loads(FILE.read_text()) if FILE.exists() else made
    faults = breaking(old, made)
    if old.get("schema", SCHEMA) >= SCHEMA and {**old, "schema": 0} != {**made, "schema": 0}:
        faults.append("类型变了，schemas.records.SCHEMA 要加一 · the types changed: raise schemas.records.SCHEMA")
    print(*faults, sep="\n", file=sys.stderr)
    if faults and "--anyway" not in sys.argv:
        print("会破坏旧记录，没有写 · this breaks old records; not written (--anyway)", file=sys.stderr)
        return 1
    FILE.write_text(text(made), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
