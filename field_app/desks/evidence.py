"""What an item asks for and what of it is there: one rule for the page that collects it, and for the button that names the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from field_app.words import both
from schemas.fields import fields_of
from schemas.records.checklist_answer import ChecklistAnswer
from schemas.reference import Label
from schemas.rules.checklists import model

PICTURES = ("photo", "doc", "video", "sign", "scan")  # asks a photo answers
FIELDS = {
    "number": "number",
    "text": "text",
    "position": "position",
    "area": "area",
    "moment": "moment",
}  # ask → field of the answer
Values = Mapping[str, Any]


class Wanted(NamedTuple):
    """One thing asked for. name: as it is said; for a photo its Chinese is the caption. photos: ids of those that answer it."""

    what: str
    name: Label
    must: bool
    there: bool
    photos: tuple[str, ...] = ()


def name_of(ask: model.Ask) -> Label:
    """What the list calls it, else what it is."""
    if ask.name.zh:
        return ask.name
    if ask.what in PICTURES:
        return Label(*both(f"fail.{ask.what}"))
    field = fields_of(ChecklistAnswer).get(FIELDS.get(ask.what, ""))
    return Label(field.spec.zh, field.spec.en) if field is not None else Label(ask.what, ask.what)


def wanted(item: model.Item | None, answer: Values, photos: Mapping[str, Values], problem: bool) -> list[Wanted]:
    """In the list's order, the words last. `problem`: the answer is a "no"; else nothing is demanded. Photos that answer no ask stand
    under a photo nobody demands."""
    asks = list(item.asks) if item is not None else [model.Ask("photo")]
    out: list[Wanted] = []
    left = dict(photos)
    same: dict[str, int] = {}
    for ask in asks:
        if ask.what in PICTURES:
            same[name_of(ask).zh] = same.get(name_of(ask).zh, 0) + 1
    for ask in asks:
        name, must = name_of(ask), problem and not ask.optional
        if ask.what in PICTURES:
            same[name.zh] -= 1
            fits = [id for id, v in left.items() if v.get("caption") == name.zh]
            mine = fits if not same[name.zh] else fits[:1]  # the last of several of one name takes what is left
            for id in mine:
                del left[id]
            out.append(Wanted(ask.what, name, must, bool(mine), tuple(mine)))
        elif ask.what in FIELDS and ask.what != "text":
            out.append(Wanted(ask.what, name, must, answer.get(FIELDS[ask.what]) not in (None, "", {}, "-")))
    more = Label(*both("fail.photo"))
    if left or not any(w.what in PICTURES for w in out):
        out.append(Wanted("photo", more, False, bool(left), tuple(left)))
    text = next((a for a in asks if a.what == "text"), model.Ask("text"))
    words = str(answer.get("text") or "").strip()
    if item is not None:
        out.append(Wanted("text", name_of(text), problem, bool(words)))
    return out


def missing(all: Iterable[Wanted]) -> list[Wanted]:
    return [w for w in all if w.must and not w.there]


__all__ = ["FIELDS", "PICTURES", "Wanted", "missing", "name_of", "wanted"]
