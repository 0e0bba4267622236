"""Fields of a task to fill in, made of its record class. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.fields import fields_of
from schemas.records.field_task import FieldTask
from sync_server.console.inputs import Input, Option, input_of


def inputs(
    names: Sequence[str], values: Mapping[str, Any], lang: str, options: Mapping[str, list[Option]], faults: Mapping[str, list[str]] | None = None
) -> dict[str, Input]:  # fmt: skip
    """`options`: what may be chosen where a field points to records."""
    known, out = fields_of(FieldTask), {}
    for name in names:
        made = input_of(known[name], values.get(name), lang, name, (faults or {}).get(name, ()), options.get(name))
        if name in options and not options[name]:  # nothing to choose from is no free text
            made = made._replace(kind="checks" if known[name].kind == "list" else "choice")
        hint = known[name].spec.hint_zh if lang == "zh" else known[name].spec.hint_en
        out[name] = made._replace(
            kind="choice" if name == "checklist" else made.kind, hint="" if name == "checklist" else hint or ""
        )
    return out
