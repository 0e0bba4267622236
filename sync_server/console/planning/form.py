"""Forms made of record classes: what is asked for, what was typed, what is wrong with it. Pure.

Labels, units, limits and code lists come from the class; nothing about a field is written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from schemas.fields import ALWAYS, FINALIZE, RecordField, fields_of, needed
from schemas.record import Fault, fault_of
from sync_server.console.inputs import Input, input_of, typed_value
from sync_server.console.words import pick, words

MAX_ROWS = 60  # of a list of values
UNSURE = ("C2", "K", "K?", "D")  # marks of figures nobody confirmed against a standard


class Row(NamedTuple):
    """One value of a list of values."""

    n: int
    inputs: list[Input]


def inputs(
    model: type[BaseModel], names: Iterable[str], values: Mapping[str, Any], lang: str, faults: Sequence[Fault] = (), prefix: str = ""
) -> list[Input]:  # fmt: skip
    known = fields_of(model)
    return [_input(known[n], values.get(n), lang, [f for f in faults if f.field == n], prefix) for n in names]


def _input(field: RecordField, value: Any, lang: str, faults: Sequence[Fault], prefix: str) -> Input:
    w, spec = words(lang), field.spec
    hints = []
    if field.ge is not None and field.le is not None:
        hints.append(f"{field.ge}～{field.le}" if lang == "zh" else f"{field.ge} to {field.le}")
    if spec.default:
        known = field.options().get(spec.default)
        hints.append(w("pl_default", v=pick(known, lang) if known else spec.default))
    told = [f.zh if lang == "zh" else f.en for f in faults]
    return input_of(field, value, lang, prefix + field.name, told)._replace(
        hint=" · ".join(hints), source=w(_mark(spec.mark)), unsure=spec.mark in UNSURE
    )


def _mark(mark: str) -> str:
    return {"C": "pl_mark_c", "C1": "pl_mark_c", "C2": "pl_mark_c2", "D": "pl_mark_d"}.get(mark, "pl_mark_k")


def typed(
    model: type[BaseModel], names: Iterable[str], form: Mapping[str, Sequence[str]], prefix: str = ""
) -> dict[str, Any]:
    """What was typed, as wire values: absent where nothing was."""
    known = fields_of(model)
    found = ((name, typed_value(known[name], form.get(prefix + name, ()))) for name in names)
    return {name: value for name, value in found if value is not None}


def faults_of(model: type[BaseModel], values: Mapping[str, Any]) -> list[Fault]:
    """Everything wrong with the values of a value class, what its own fields ask for and is missing among it."""
    try:
        model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as err:
        return [fault_of(model, e) for e in err.errors(include_url=False)]
    return [
        Fault(name, f"请填写「{f.spec.zh}」", f"Fill in “{f.spec.en}”")
        for name, f in fields_of(model).items()
        if f.spec.need not in (None, ALWAYS, FINALIZE)
        and needed(f.spec.need, values)
        and values.get(name) in (None, "", [])
    ]


# --- lists of values: rows that are added and taken out --------------------------------------------------------------


def rows(
    model: type[BaseModel], values: Sequence[Mapping[str, Any]], list_name: str, lang: str, faults: Mapping[int, Sequence[Fault]]
) -> list[Row]:  # fmt: skip
    names = list(fields_of(model))
    return [Row(n, inputs(model, names, v, lang, faults.get(n, ()), f"{list_name}.{n}.")) for n, v in enumerate(values)]


def typed_rows(model: type[BaseModel], list_name: str, form: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The rows as typed, those left out that are ticked to be taken out or in which nothing stands."""
    numbers = sorted(
        {int(p[1]) for k in form if (p := k.split("."))[0] == list_name and len(p) == 3 and p[1].isdecimal()}
    )
    gone = set(form.get(f"{list_name}.out", ()))
    names = list(fields_of(model))
    found = [typed(model, names, form, f"{list_name}.{n}.") for n in numbers[:MAX_ROWS] if str(n) not in gone]
    return [row for row in found if row]


def faults_of_rows(model: type[BaseModel], values: Sequence[Mapping[str, Any]]) -> dict[int, list[Fault]]:
    return {n: found for n, v in enumerate(values) if (found := faults_of(model, v))}
