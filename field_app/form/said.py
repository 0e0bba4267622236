"""A stored value as it is read: code words, names of records, times as short as they stay clear."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from field_app import words
from field_app.form.items import given
from field_app.form.places import corners_of
from field_app.form.typed import moment
from field_app.kit import Kit, group
from schemas.fields import RecordField, fields_of

Called = Callable[[str, str], str]  # type and id → name
LONGEST = 600


def said(k: Kit, field: RecordField | None, value: Any, called: Called, now: datetime, kind: str = "") -> str:
    """kind: the type a reference of any type ("*") points at; `subject_kind` of its record."""
    if not given(value):
        return "–"
    if isinstance(value, list):
        parts = [said(k, field, v, called, now, kind) for v in value]
        return ("\n" if field is not None and field.model else "、" if k.lang == "zh" else ", ").join(parts)
    if isinstance(value, bool):
        return k.say("form.yes" if value else "form.no")
    if isinstance(value, dict):
        return _whole(k, field, value, called, now)
    text = str(value)
    if field is None:
        return text[:LONGEST]
    if field.spec.ref:
        return called(kind if field.spec.ref == "*" else field.spec.ref, text)
    if text in field.options():
        return k.of(field.options()[text])
    if field.kind == "datetime" and (at := moment(text)) is not None:
        return words.clock(k.lang, at, now)
    if field.kind in ("decimal", "int"):
        text = group(text)
    return f"{text} {field.spec.unit}" if field.spec.unit else text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _whole(k: Kit, field: RecordField | None, value: dict[str, Any], called: Called, now: datetime) -> str:
    if "rings" in value:
        return k.say("form.area.corners", n=len(corners_of(value)))
    if "lon" in value and "lat" in value:
        more = [f"±{value['h_acc_m']} m" if "h_acc_m" in value else "", value.get("manual_reason", "")]
        return " · ".join([f"{value['lon']}°, {value['lat']}°", *(m for m in more if m)])
    inner = fields_of(field.model) if field is not None and field.model else {}
    parts = []
    for name in [*(n for n in inner if n in value), *(n for n in value if n not in inner)]:
        if name == "strokes":
            continue
        label = k.of((inner[name].spec.zh, inner[name].spec.en)) if name in inner else name
        parts.append(f"{label} {said(k, inner.get(name), value[name], called, now)}")
    return " · ".join(parts)
