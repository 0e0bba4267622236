"""A third value for a conflict: the inputs its fields ask for, and what was typed as wire values. Pure.

Labels, units, limits and code lists come from the record class; whether a value is right the class says when it is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from schemas.fields import RecordField, fields_of
from schemas.records import TYPES
from schemas.rules.reconcile import Facts
from sync_server.console.inputs import Input, Option, chosen_of, input_of, options_of, typed_value
from sync_server.console.review.naming import FactNames

MOST_CHOICES = 300
MOST_CHECKS = 60


def inputs(
    type: str, names: Iterable[str], values: Mapping[str, Any], facts: Facts, lang: str, faults: Mapping[str, str]
) -> list[Input] | None:
    """None: one of these fields cannot be asked for here."""
    known = fields_of(TYPES[type]) if type in TYPES else {}
    if not all(n in known for n in names):
        return None
    out: list[Input] = []
    for name in names:
        field, value = known[name], values.get(name)
        if field.kind == "value" and field.model is not None and field.spec.widget != "polygon":
            inner = value if isinstance(value, Mapping) else {}
            parts = [(f"{name}.{k}", f, inner.get(k)) for k, f in fields_of(field.model).items()]
            group = f"{field.spec.label(lang)} "
        else:
            parts, group = [(name, field, value)], ""
        for n, (posted, f, v) in enumerate(parts):
            options = _options(f, v, facts, lang)
            if options is None:
                return None
            one = input_of(f, v, lang, posted, [faults[name]] if n == 0 and name in faults else (), options)
            out.append(one._replace(label=group + one.label))
    return out


def _options(field: RecordField, value: Any, facts: Facts, lang: str) -> list[Option] | None:
    """None: it cannot be asked for here, or there are too many to choose among."""
    if field.kind in ("value", "values") or (field.kind == "list" and not (field.spec.codes or field.spec.ref)):
        return None
    if field.spec.codes or not field.spec.ref or field.spec.widget == "none":
        return [] if field.spec.widget == "none" else options_of(field, value, lang)
    if field.spec.ref == "*":
        return None
    names, held, chosen = FactNames(facts), facts.records.get(field.spec.ref, {}), chosen_of(value)
    alive = [id for id, r in held.items() if not r.deleted or id in chosen]
    if len(alive) > (MOST_CHECKS if field.kind == "list" else MOST_CHOICES):
        return None
    return sorted((Option(id, names.get(id) or id[:8], id in chosen) for id in alive), key=lambda o: o.word)


def typed(type: str, names: Iterable[str], form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What was typed, by field; None = emptied."""
    known, out = fields_of(TYPES[type]), dict[str, Any]()
    for name in names:
        field = known[name]
        if field.kind == "value" and field.model is not None:
            inner = {
                k: v
                for k, f in fields_of(field.model).items()
                if (v := typed_value(f, form.get(f"{name}.{k}", ()))) is not None
            }
            out[name] = inner or None
        else:
            out[name] = typed_value(field, form.get(name, ()))
    return out
