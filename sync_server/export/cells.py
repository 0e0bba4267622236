"""A value as it stands in a cell: whole, in words, and harmless to whatever program opens the file. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from schemas import canonical
from schemas.fields import RecordField, fields_of
from schemas.rules.reconcile.terms import SHANGHAI
from sync_server.export.words import say

# What makes a spreadsheet calculate when a cell begins with it; the wide forms count in East Asian versions.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
LONGEST_STROKES = 20_000  # a field that may be longer holds drawn lines: they say nothing to a reader
_NUMBER = re.compile(r"-?\d+(\.\d+)?\Z", re.ASCII)
# Windows keeps these for itself; they are names of devices whatever follows the dot
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in "123456789")})


def is_number(text: Any) -> bool:
    """Plain decimal text as records hold it: no exponent, no sign but minus."""
    return isinstance(text, str) and _NUMBER.match(text) is not None


def calculates(text: str) -> bool:
    """Whether a spreadsheet would take this text for a formula; blanks in front are dropped by some of them."""
    return text.startswith(FORMULA) or text.lstrip().startswith(FORMULA)


def local(text: str) -> str:
    """A time with its offset as it stood on a clock in China: 2026-11-21 18:45:00. What is no such time stays as it is."""
    at = moment(text)
    if at is None:
        return text
    return at.isoformat(sep=" ", timespec="milliseconds" if at.microsecond else "seconds")


def moment(text: str) -> datetime | None:
    """The same without offset, for cells that hold real times; None for what is none."""
    try:
        at = datetime.fromisoformat(text)
        return None if at.tzinfo is None else at.astimezone(SHANGHAI).replace(tzinfo=None)
    except (ValueError, TypeError, OverflowError):
        return None


def as_json(value: Any) -> str:
    return canonical.again(value).decode()


def text_of(field: RecordField | None, value: Any, names: Mapping[str, str], lang: str) -> str:
    """A value in words: the label of a code, the name of what is pointed at, parts of a value with their labels. "" for none."""
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, bool):
        return say(lang, "yes" if value else "no")
    if isinstance(value, list):
        parts = [text_of(field, v, names, lang) for v in value]
        inner = field is not None and field.model is not None
        return ("；" if lang == "zh" else "; ").join(parts) if inner else say(lang, "join").join(parts)
    if isinstance(value, dict):
        return _inside(field, value, names, lang)
    text = str(value)
    if field is None:
        return text
    if field.spec.ref:
        return names.get(text, text)
    options = field.options()
    if text in options:
        return options[text].zh if lang == "zh" else options[text].en
    return local(text) if field.kind == "datetime" else text


def _inside(field: RecordField | None, value: Mapping[str, Any], names: Mapping[str, str], lang: str) -> str:
    inner = fields_of(field.model) if field is not None and field.model is not None else {}
    out = []
    for name in [*(n for n in inner if n in value), *(n for n in value if n not in inner)]:
        one = inner.get(name)
        if one is not None and (one.max_length or 0) > LONGEST_STROKES:
            said = say(lang, "strokes") if value[name] else ""
        else:
            said = text_of(one, value[name], names, lang)
        if said:
            unit = f" {one.spec.unit}" if one is not None and one.spec.unit else ""
            out.append(f"{one.spec.label(lang) if one is not None else name} {said}{unit}")
    return " · ".join(out)


def wkt_polygon(value: Any) -> str:
    """POLYGON((lon lat, …)) with the digits of the record; "" for what is no polygon."""
    try:
        rings = [[(str(p[0]), str(p[1])) for p in ring] for ring in value["rings"]]
    except (TypeError, KeyError, IndexError):
        return ""
    if not rings or not all(is_number(x) and is_number(y) for ring in rings for x, y in ring):
        return ""
    return f"POLYGON ({', '.join('(' + ', '.join(f'{x} {y}' for x, y in ring) + ')' for ring in rings)})"


def file_name(text: str, most: int = 80) -> str:
    """A part of a file's name that every system takes: nothing that leads to another folder, hides or turns around what follows,
    or is kept by Windows for itself. Never empty."""
    plain = unicodedata.normalize("NFC", text)
    kept = "".join(
        "_" if c in '\\/:*?"<>|' else c for c in plain if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029"
    )
    kept = " ".join(kept.split()).strip(" .")
    if kept.partition(".")[0].strip().casefold() in _DEVICES or kept.startswith(("-", "~", "=", "+", "@")):
        kept = f"_{kept}"
    while len(kept.encode()) > most:
        kept = kept[:-1]
    return kept.strip(" .") or "_"


class Unique:
    """Names that must differ, also where capitals do not count: the second of the same gets a number."""

    def __init__(self, taken: tuple[str, ...] = ()) -> None:
        self._taken = {t.casefold() for t in taken}

    def __call__(self, name: str, longest: int = 10_000) -> str:
        found, n = name[:longest], 1
        while found.casefold() in self._taken:
            n += 1
            tail = f" {n}"
            found = name[: longest - len(tail)] + tail
        self._taken.add(found.casefold())
        return found
