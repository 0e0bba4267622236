"""Values of records as they are read, not as they are stored: labels, units, names of what they point at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from schemas.fields import RecordField, fields_of
from schemas.records import TYPES
from schemas.reference import Label
from sync_server.console.parts import when
from sync_server.console.words import pick, words

LONGEST = 300  # characters of one value; strokes of a signature say nothing to a reader


def text_of(field: RecordField | None, value: Any, names: Mapping[str, str], lang: str, now: datetime) -> str:
    """A value as it is read, not as it is stored."""
    w = words(lang)
    if value in (None, "", [], {}):
        return w("empty_value")
    if isinstance(value, list):
        return _short(("、" if lang == "zh" else ", ").join(text_of(field, v, names, lang, now) for v in value))
    if isinstance(value, bool):
        return w("yes" if value else "no")
    if isinstance(value, dict):
        inner = fields_of(field.model) if field and field.model else {}
        parts = (
            f"{inner[k].spec.label(lang) if k in inner else k} {text_of(inner.get(k), value[k], names, lang, now)}"
            for k in in_order(value, inner)
        )
        return _short(" · ".join(parts))
    text = str(value)
    if field is None:
        return _short(text)
    if field.spec.ref:
        return names.get(text, w("record_n", n=text[:8]))
    if text in field.options():
        return pick(field.options()[text], lang)
    if field.kind == "datetime":
        try:
            return when(datetime.fromisoformat(text), now)
        except (ValueError, TypeError):
            return _short(text)
    return _short(f"{text} {field.spec.unit}" if field.spec.unit else text)


def in_order(values: Mapping[str, Any], known: Mapping[str, RecordField]) -> list[str]:
    """Names as the form asks for them; on the wire they stand by the alphabet. What is not known stands last."""
    return [name for name in known if name in values] + [name for name in values if name not in known]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def type_words(type: str, lang: str) -> str:
    about = TYPES[type].about if type in TYPES else None
    return pick(Label(about.zh, about.en), lang) if about else type
