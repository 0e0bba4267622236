"""The filter of a table as its reader meets it: a box per field by its kind, and a chip for everything that narrows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.fields import RecordField, fields_of
from schemas.records import TYPES
from schemas.shown import fact_fields, fields_in_order, title_fields
from sync_server.console.tables.asked import NEW, OLD, PRESENCE, WORST, Asked, day_of
from sync_server.console.words import Words, pick, words

AGAIN: dict[str, str | None] = {
    "after": None,
    "before": None,
    "said": None,
}  # another question begins on its first page
Options = list[tuple[str, str]]


class Control(NamedTuple):
    """One input. `options`: of a choice, else None; `kind`: the type of an input; `wrong`: why what stands there cannot be."""

    name: str
    label: str
    value: str
    kind: str
    options: Options | None = None
    wrong: str = ""


class Box(NamedTuple):
    """What one field is narrowed by. `used`: something stands in it."""

    label: str
    controls: list[Control]
    used: bool


class Form(NamedTuple):
    """`first`: the fields that tell records from each other, and those in use; `rest`: all others."""

    first: list[Box]
    rest: list[Box]
    presence: list[Control]
    used: int
    wrong: bool  # what cannot be read stands in one of the boxes


class Chip(NamedTuple):
    text: str
    go: dict[str, str | None]  # how the address changes when it is taken away


def form(type: str, found: Asked, lang: str) -> Form:
    w, wrong = words(lang), {x.name: x.trouble.text(lang) for x in found.wrong}
    near = {*title_fields(type), *fact_fields(type), "deleted"}
    first: list[Box] = []
    rest: list[Box] = []
    fields = [*fields_in_order(type), fields_of(TYPES[type])["deleted"]]
    for field in fields:
        controls = _controls(field, found.given, wrong, w, lang)
        if not controls:
            continue
        box = Box(field.spec.label(lang), controls, any(c.value for c in controls))
        (first if box.used or field.name in near else rest).append(box)
    none = [(f.name, f.spec.label(lang)) for f in fields if not f.required and f.name != "deleted"]
    presence = [
        Control(name, w(f"f_{name}"), found.given.get(name, ""), "", [("", w("f_any")), *_with(none, found.given.get(name, ""))],
                wrong.get(name, ""))
        for name in PRESENCE
    ]  # fmt: skip
    boxes = [c.wrong for b in (*first, *rest) for c in b.controls] + [c.wrong for c in presence]
    return Form(first, rest, presence, len(chips(type, found, {}, lang)), any(boxes))


def _controls(
    field: RecordField, given: Mapping[str, str], wrong: Mapping[str, str], w: Words, lang: str
) -> list[Control]:
    def one(op: str, label: str, kind: str = "text", options: Options | None = None) -> Control:
        name = f"{field.name}.{op}"
        value = given.get(name, "")
        if kind == "date":
            value = day_of(value)
        return Control(name, label, value, kind, options, wrong.get(name, ""))

    label = field.spec.label(lang)
    if field.kind == "bool":
        yes_no = [("", w("f_any")), ("true", w("yes")), ("false", w("no"))]
        return [one("is", label, "", yes_no)]
    if field.spec.codes:
        options = [(code, pick(text, lang)) for code, text in field.options().items()]
        return [one("is", label, "", [("", w("f_any")), *_with(options, given.get(f"{field.name}.is", ""))])]
    if field.kind in ("decimal", "int"):
        unit = f" {field.spec.unit}" if field.spec.unit else ""
        return [one(op, f"{label} {w(f'f_{op}')}{unit}", "number") for op in ("least", "most")]
    if field.kind in ("date", "datetime"):
        return [one(op, f"{label} {w(f'f_{op}_day')}", "date") for op in ("least", "most")]
    if field.kind in ("value", "values") or (field.kind == "list" and not field.spec.ref):
        return []
    return [one("has", f"{label} {w('f_name') if field.spec.ref else w('f_has')}")]


def _with(options: Options, chosen: str) -> Options:
    """Several at once come in an address only: then they stand as one choice."""
    if "," not in chosen:
        return options
    known = dict(options)
    return [*options, (chosen, " / ".join(known.get(c, c) for c in chosen.split(",")))]


def chips(type: str, found: Asked, names: Mapping[str, str], lang: str) -> list[Chip]:
    """What narrows the table, each to be taken away by itself."""
    w, known, out = words(lang), fields_of(TYPES[type]), []
    wrong = {x.name for x in found.wrong}
    if found.query.search:
        out.append(Chip(w("c_search", x=found.query.search), {"q": None, **AGAIN}))
    for clause in found.query.where:
        field = known[clause.field]
        param = f"{clause.field}.{clause.op}"
        if clause.op in PRESENCE:
            param = clause.op if clause.field in found.given.get(clause.op, "").split(",") else f"{clause.field}.set"
        if param in wrong:
            continue
        left = [x for x in found.given.get(param, "").split(",") if x != clause.field] if param in PRESENCE else []
        out.append(
            Chip(_chip(field, clause.op, clause.value, names, w, lang), {param: ",".join(left) or None, **AGAIN})
        )
    return out


def _chip(field: RecordField, op: str, value: str, names: Mapping[str, str], w: Words, lang: str) -> str:
    label = field.spec.label(lang)
    if op in PRESENCE:
        return w(f"c_{op}", f=label)
    if field.kind == "bool":
        said = w("yes" if value == "true" else "no")
    elif field.spec.codes:
        said = w("join_names").join(pick(field.options()[v], lang) for v in value.split(",") if v in field.options())
    elif field.spec.ref and op == "is":
        said = names.get(value, value[:8])
    elif field.kind in ("date", "datetime"):
        return w(f"c_{op}_day", f=label, x=day_of(value))
    else:
        said = value if not field.spec.unit or op == "has" else f"{value} {field.spec.unit}"
    return w(f"c_{op}", f=label, x=said)


def pointed(found: Asked) -> set[str]:
    """Records the filter names by their ids."""
    known: Iterable[str] = (c.value for c in found.query.where if c.op == "is" and len(c.value) == 36)
    return set(known)


def order_words(type: str, order: str, lang: str) -> str:
    w = words(lang)
    if order in (NEW, OLD, WORST):
        return w(f"order_{order}")
    label = fields_of(TYPES[type])[order.removeprefix("-")].spec.label(lang)
    return w("order_down" if order.startswith("-") else "order_up", f=label)


class Choice(NamedTuple):
    """A column to choose."""

    name: str
    label: str
    chosen: bool


def choices(type: str, shown: Iterable[str], lang: str) -> list[Choice]:
    here = set(shown)
    key = fields_in_order(type)[0].name if fields_in_order(type)[0].name in TYPES[type].about.key else ""
    return [Choice(f.name, f.spec.label(lang), f.name in here) for f in fields_in_order(type) if f.name != key]
