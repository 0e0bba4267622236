"""What a template is given: labelled cells, tables of them, and pictures by name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel

from schemas.fields import fields_of
from sync_server.documents.text import CELL, plain
from sync_server.documents.words import say

Cell = dict[str, str]


class Sheet(NamedTuple):
    """A document before it is set. `file`: its name without ending."""

    template: str
    data: dict[str, Any]
    pictures: dict[str, str]
    at: datetime
    file: str


def label(cls: type[BaseModel], name: str, lang: str) -> str:
    return fields_of(cls)[name].spec.label(lang)


def unit(cls: type[BaseModel], name: str) -> str:
    return fields_of(cls)[name].spec.unit or ""


def coded(cls: type[BaseModel], name: str, code: str | None, lang: str) -> str:
    """A code's word; a code this version does not know stands as it is."""
    if code is None:
        return ""
    known = fields_of(cls)[name].options().get(code)
    return code if known is None else known.zh if lang == "zh" else known.en


def cell(words: str, text: object, lang: str, tone: str = "", most: int = CELL, none: str = "") -> Cell:
    """A labelled value. Where there is none, `none` says why, in grey, instead of a blank that may be taken for "nothing"."""
    shown = plain(text if text is not None else "", most, say(lang, "cut"))
    return (
        {"label": words, "text": shown, "tone": tone}
        if shown
        else {"label": words, "text": none or say(lang, "missing"), "tone": "missing"}
    )


def entry(text: object, tone: str = "", most: int = CELL, mark: str = "…") -> Cell:
    """A cell of a table; an empty one stays empty."""
    return {"text": plain(text if text is not None else "", most, mark), "tone": tone}


def joined(parts: Iterable[str], lang: str, by: str = "join") -> str:
    return say(lang, by).join(p for p in parts if p)


def paired(cells: Sequence[Cell | None]) -> list[list[Cell]]:
    """Two to a row; None is left out."""
    kept = [c for c in cells if c is not None]
    return [kept[n : n + 2] for n in range(0, len(kept), 2)]


def frame(lang: str, title: str, foot: str) -> dict[str, Any]:
    """What every template reads."""
    return {
        "lang": lang, "region": "cn" if lang == "zh" else "gb", "title": title, "foot": foot,
        "page": [say(lang, f"page_{n}") for n in (1, 2, 3)],
    }  # fmt: skip
