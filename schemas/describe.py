"""Every record type as JSON, for people and programs that do not share our classes. Derived; nothing is defined here."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel

from schemas.fields import RecordField, fields_of
from schemas.records import SCHEMA, TYPES
from schemas.reference import codes


@cache
def describe() -> dict[str, Any]:
    """{"schema": n, "types": {name: …}, "codes": {list: {code: {"zh", "en"}}}}; keys that say nothing are left out."""
    lists: set[str] = set()
    types = {}
    for name, cls in TYPES.items():
        about = cls.about
        types[name] = {
            "zh": about.zh, "en": about.en, "audience": about.audience.value, "writers": list(about.writers), "frozen": about.frozen,
            "key": list(about.key), "fields": _fields(cls, lists),
        }  # fmt: skip
    labels = {n: {code: {"zh": label.zh, "en": label.en} for code, label in codes(n).items()} for n in sorted(lists)}
    return {"schema": SCHEMA, "types": types, "codes": labels}


def _fields(cls: type[BaseModel], lists: set[str]) -> dict[str, Any]:
    return {name: _field(field, lists) for name, field in fields_of(cls).items()}


def _field(field: RecordField, lists: set[str]) -> dict[str, Any]:
    spec = field.spec
    if spec.codes:
        lists.add(spec.codes)
    out = {
        "zh": spec.zh, "en": spec.en, "kind": field.kind, "required": field.required or None, "need": spec.need, "unit": spec.unit,
        "min": None if field.ge is None else str(field.ge), "max": None if field.le is None else str(field.le),
        "decimals": field.decimals, "max_length": field.max_length, "atom": spec.atom, "merge": spec.merge.value,
        "codes": spec.codes, "ref": spec.ref, "mark": spec.mark, "fields": _fields(field.model, lists) if field.model else None,
    }  # fmt: skip
    return {k: v for k, v in out.items() if v is not None}
