"""What a person fills in, made of a field of a record class: label, unit, limits and code list come from there. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from schemas.fields import RecordField
from schemas.problems import Trouble
from sync_server.console.words import pick, words


class Option(NamedTuple):
    code: str
    word: str
    chosen: bool


class Input(NamedTuple):
    """One field of a form. `kind`: text, longtext, number, date, choice, checks."""

    name: str  # as it is posted
    label: str
    unit: str
    kind: str
    value: str
    options: list[Option]
    most: int | None  # characters
    faults: list[str]
    hint: str = ""  # limits and default, in words
    source: str = ""  # where the figure or the demand comes from
    unsure: bool = False


def input_of(
    field: RecordField, value: Any, lang: str, name: str, faults: Sequence[str] = (), options: list[Option] | None = None
) -> Input:  # fmt: skip
    """`options`: what may be chosen where the field has no code list of its own."""
    text = "" if value is None or isinstance(value, list | dict) else str(value)
    chosen = options if options is not None else options_of(field, value, lang)
    return Input(
        name, field.spec.label(lang), field.spec.unit or "", _kind(field, bool(chosen)), text, chosen, field.max_length, list(faults)
    )  # fmt: skip


def options_of(field: RecordField, value: Any, lang: str) -> list[Option]:
    """Of its code list, or yes and no."""
    chosen = chosen_of(value)
    if field.kind == "bool":
        return [Option(code, words(lang)(word), code in chosen) for code, word in (("true", "yes"), ("false", "no"))]
    return [Option(code, pick(label, lang), code in chosen) for code, label in field.options().items()]


def chosen_of(value: Any) -> set[str]:
    """What is chosen, as it is posted."""
    if isinstance(value, list):
        return {str(v) for v in value}
    if isinstance(value, bool):
        return {"true" if value else "false"}
    return set() if value in (None, "") else {str(value)}


def _kind(field: RecordField, offered: bool) -> str:
    if offered or field.spec.codes or field.spec.ref:
        return "checks" if field.kind == "list" else "choice"
    if field.kind in ("decimal", "int"):
        return "number"
    if field.kind == "date":
        return "date"
    return "longtext" if field.spec.widget == "longtext" else "text"


def typed_value(field: RecordField, given: Sequence[str]) -> Any:
    """What was typed, as a wire value; None where nothing was. A figure that is none stays text, so that it is shown again
    beside its fault."""
    texts = [x.strip() for x in given if x.strip()]
    if not texts:
        return None
    if field.kind == "list":
        return texts
    if field.kind == "bool":
        return texts[0] == "true"
    if field.kind not in ("decimal", "int"):
        return texts[0]
    plain = unicodedata.normalize("NFKC", texts[0])
    return int(plain) if field.kind == "int" and plain.isdecimal() and len(plain) < 16 else plain


def day_of(text: str) -> date | None:
    """A day in an address; None where none is given. Raises Trouble 1001."""
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        zh, en = f"日期「{text[:20]}」，写成 2026-11-21", f"date “{text[:20]}”, write 2026-11-21"
        raise Trouble(1001, why={"zh": zh, "en": en}) from None
