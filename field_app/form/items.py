"""What a form asks, and how, by walking the fields of a record or value class. No control in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from field_app.form.typed import closed
from schemas import canonical
from schemas.fields import ALWAYS, FINALIZE, RecordField, fields_of, needed
from schemas.record import Record, check, fault_of
from schemas.rules.geo import RING_PROBLEMS, ring_problem

CHIPS = 6  # up to so many codes stand open as big buttons; more go into a menu
HIDDEN = ("deleted", "void_reason", "late_entry_reason")  # asked by their own acts, not by a form
# Named exceptions: (type, field) → widget.
WIDGETS = {  # asked at every point or sample: one tap, although there are seven or eight
    ("point", "weather"): "chips", ("sample", "soil_tool"): "chips", ("sample", "water_tool"): "chips",
}  # fmt: skip

Values = Mapping[str, Any]


class Item(NamedTuple):
    """One field as the form asks for it. `asked`: 完成 wants it, given what the other fields hold now."""

    name: str
    widget: str  # text longtext decimal int bool date datetime chips menu multi ref multi_ref position polygon nested
    zh: str
    en: str
    unit: str | None
    options: Mapping[str, tuple[str, str]]
    ref: str | None
    asked: bool
    low: Decimal | None
    high: Decimal | None
    decimals: int | None
    max_length: int | None
    hint: tuple[str, str] | None
    default: str | None
    model: type[BaseModel] | None = None  # the value class of position, polygon and nested
    many: bool = False  # a list of them
    idle: bool = False  # hangs on other fields, which do not ask for it now


def items(cls: type[BaseModel], values: Values, only: Iterable[str] | None = None) -> list[Item]:
    """The fields of a record or value class in their own order, what every record has last; or those named in `only`, in
    that order."""
    known = fields_of(cls)
    if only is None:
        common = fields_of(Record) if issubclass(cls, Record) else {}
        only = sorted((n for n in known if n not in HIDDEN), key=lambda n: n in common)
    return [i for n in only if (i := _item(cls, known[n], values)).widget != "none"]


def _item(cls: type[BaseModel], f: RecordField, values: Values) -> Item:
    spec = f.spec
    need = spec.need
    hangs = bool(need) and need not in (ALWAYS, FINALIZE)
    wanted = hangs and needed(need or "", values)
    asked = f.required or need in (ALWAYS, FINALIZE) or wanted
    hint = (spec.hint_zh or "", spec.hint_en or "") if spec.hint_zh or spec.hint_en else None
    options = {code: (label.zh, label.en) for code, label in f.options().items()}
    return Item(f.name, _widget(cls, f), spec.zh, spec.en, spec.unit, options, spec.ref, asked, f.ge, f.le, f.decimals,
                f.max_length, hint, spec.default, f.model, f.kind == "values", hangs and not wanted)  # fmt: skip


def _widget(cls: type[BaseModel], f: RecordField) -> str:
    spec = f.spec
    about = getattr(cls, "about", None)
    if about and (about.type, f.name) in WIDGETS:
        return WIDGETS[about.type, f.name]
    if spec.widget:
        return spec.widget
    if f.kind == "list":
        return "multi_ref" if spec.ref else "multi" if spec.codes else "longtext"
    if f.kind in ("value", "values"):
        return "nested"
    if spec.codes:
        return "chips" if len(f.options()) <= CHIPS else "menu"
    return "ref" if spec.ref else f.kind


def defaults(cls: type[BaseModel]) -> dict[str, Any]:
    """What a new record or row begins with."""
    out: dict[str, Any] = {}
    for name, f in fields_of(cls).items():
        text = f.spec.default
        if text is not None:
            out[name] = int(text) if f.kind == "int" else text == "true" if f.kind == "bool" else text
    return out


# --- what is wrong, and what is not there -----------------------------------------------------------------------------

Words = tuple[str, str]


def given(value: Any) -> bool:
    return value not in (None, "", [], {})


def faults(cls: type[Record], values: Values) -> dict[str, Words]:
    """What is wrong with what is there, by field; what is merely missing is told when finishing."""
    known = fields_of(cls)
    out = {}
    for f in check(cls, values):
        if not given(values.get(f.field)):
            continue
        field = known.get(f.field)
        if field is None or field.model is None or not unfinished(field, values[f.field]):
            out[f.field] = (f.zh, f.en)
    return out


def inner_faults(model: type[BaseModel], row: Values) -> dict[str, Words]:
    """What is wrong with what is there of one row of a value class, by its fields."""
    known = {n: v for n, v in row.items() if n in fields_of(model)}
    try:
        model.model_validate_json(canonical.dumps(known), strict=True)
    except ValidationError as err:
        found = [fault_of(model, e) for e in err.errors(include_url=False) if e["type"] != "missing"]
        return {f.field: (f.zh, f.en) for f in found if given(row.get(f.field))}
    return {}


def inner_missing(model: type[BaseModel], row: Values) -> list[Item]:
    """What one row of a value class still needs."""
    return [i for i in items(model, row) if i.asked and not given(row.get(i.name))]


def unfinished(field: RecordField, value: Any) -> bool:
    """Do rows of a nested field lack something?"""
    rows = value if isinstance(value, list) else [value]
    return field.model is not None and any(isinstance(r, dict) and inner_missing(field.model, r) for r in rows)


def ring_fault(rings: Any) -> Words | None:
    """What is wrong with the outer ring of an area, which the form closes by itself."""
    ring = rings[0] if rings else []
    try:
        wrong = ring_problem([(float(x), float(y)) for x, y in closed(ring)]) if ring else None
    except (TypeError, ValueError):
        return RING_PROBLEMS["out_of_range"]
    return RING_PROBLEMS[wrong] if wrong else None
