"""What a record is called where one line has to do. Pure: works on stored values and on typed records alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from schemas.fields import RecordField, fields_of
from schemas.records import TYPES, Record
from schemas.reference import analyte
from schemas.rows import refs_of
from schemas.rules.reconcile.terms import SHANGHAI
from schemas.shown import DEPTHS, title_fields
from sync_server.console.said import type_words
from sync_server.console.tables.table import grouped
from sync_server.console.words import pick, words
from sync_server.store import Stored

LONGEST = 80  # characters of a name
Names = Mapping[str, str]
# beside its title, what tells one from another in a list under one heading
_BESIDE = {
    "borehole": ("depth_m",), "calibration": ("at", "result"), "checklist_answer": ("answer",), "finding": ("severity",),
    "inspection": ("kind",), "manifest_leg": ("at",), "photo": ("taken_at",), "planned_target": ("groups",),
    "sample": ("medium",), "sample_container": ("type", "groups"), "soil_layer": ("texture", "colour"), "point_adjustment": ("decision",),
}  # fmt: skip


def called(
    type: str, id: str, record: Record | Mapping[str, Any], names: Names, lang: str, beside: bool = False
) -> str:
    """`names`: of what it refers to. `beside`: with what tells it from its neighbours in a list."""
    if type not in TYPES:
        return words(lang)("record_n", n=id[:8])
    known, of = fields_of(TYPES[type]), _reader(record)
    parts: list[str] = []
    if type == "device":
        parts = [" ".join(str(x) for x in (of("code"), of("label")) if x)]
    elif type == "field_reading":
        found = analyte(str(of("parameter") or ""))
        name = pick(found, lang) if found else str(of("parameter") or "")  # type: ignore[arg-type]
        parts = [_depth(of, known), f"{name} {measured(of, known, lang)}".strip()]
    elif type == "soil_layer":
        parts = [words(lang)("layer_n", n=of("layer_no")), _depth(of, known)]
    else:
        parts = [said(known[n], of(n), names, lang) for n in title_fields(type) if n in known]
        parts.append(_depth(of, known))
    if beside:
        parts += [said(known[n], of(n), names, lang) for n in _BESIDE.get(type, ()) if n in known]
    text = " · ".join(dict.fromkeys(p for p in parts if p))
    return (text if len(text) <= LONGEST else f"{text[:LONGEST]}…") or words(lang)("record_n", n=id[:8])


def called_all(records: Iterable[Stored], names: Names, lang: str) -> dict[str, str]:
    return {s.id: called(s.type, s.id, s.values, names, lang) for s in records}


def pointed_by(records: Iterable[Stored]) -> set[str]:
    """Every record these refer to."""
    return {id for s in records if s.type in TYPES for _, id in refs_of(s.type, s.values)}


def kind_and_name(type: str, name: str, lang: str) -> str:
    return f"{type_words(type, lang)} {name}"


def measured(of: Any, known: Mapping[str, RecordField], lang: str) -> str:
    """Value and unit of a reading as the instrument gave them; <0.01 below detection."""
    qualifier, value, lod = of("qualifier"), of("value"), of("lod")
    sign = {"lt": "<", "nd": "<", "gt": ">"}.get(qualifier, "")
    figure = lod if sign == "<" and value is None else value
    unit = said(known["unit"], of("unit"), {}, lang)
    return "" if figure is None else f"{sign}{grouped(figures(figure))}\u00a0{unit}"


def figures(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def said(field: RecordField, value: Any, names: Names, lang: str) -> str:
    """A single plain value in short; "" for what is not there."""
    if value in (None, "", []):
        return ""
    if isinstance(value, list | tuple):
        return ("、" if lang == "zh" else ", ").join(said(field, v, names, lang) for v in value)
    if isinstance(value, bool):
        return words(lang)("yes" if value else "no")
    if field.spec.ref:
        return names.get(str(value), "")
    options = field.options()
    if str(value) in options:
        return pick(options[str(value)], lang)
    if field.kind == "datetime":
        at = moment(value)
        return at.strftime("%m-%d %H:%M") if at else str(value)
    if isinstance(value, date):
        return value.isoformat()
    text = grouped(figures(value)) if field.kind in ("decimal", "int") else str(value)
    return f"{text}\u00a0{field.spec.unit}" if field.spec.unit else text


def moment(value: Any) -> datetime | None:
    """A time as people here read it; None for what is none."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return at.astimezone(SHANGHAI)
    except (ValueError, OverflowError):
        return None


def _reader(record: Record | Mapping[str, Any]) -> Any:
    if isinstance(record, Mapping):
        return record.get
    return lambda name: getattr(record, name, None)


def _depth(of: Any, known: Mapping[str, RecordField]) -> str:
    """1.5–2.0 m, or 2.0 m."""
    pair = next((p for p in DEPTHS if set(p) <= known.keys()), None)
    if pair is None:
        return ""
    ends = [figures(v) for v in map(of, pair) if v is not None]
    return f"{'–'.join(dict.fromkeys(ends))}\u00a0m" if ends else ""
