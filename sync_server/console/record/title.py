"""What the page of a record is headed by, and how its evidence is got. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.reference import Label, analyte
from schemas.rules.reconcile import Facts
from sync_server.console.parts import number
from sync_server.console.record.called import Names, called
from sync_server.console.said import type_words
from sync_server.console.words import pick
from sync_server.store import Stored

_CODED = frozenset({"soil_layer", "photo", "comment", "qc_link"})  # named by their point first


def title(type: str, id: str, values: Mapping[str, Any], facts: Facts, names: Names, lang: str) -> str:
    """S14 · 2.0 m · 镍 for a reading; else what the record is called, with its point where that does not say it."""
    if type == "field_reading":
        found = analyte(str(values.get("parameter") or ""))
        name = pick(Label(found.zh, found.en), lang) if found else str(values.get("parameter") or "")
        depths = [str(values[k]) for k in ("depth_top_m", "depth_bottom_m") if values.get(k) is not None]
        depth = f"{'–'.join(dict.fromkeys(depths))}\u00a0m" if depths else ""
        whose = facts.code_of(type, id) or names.get(
            str(values.get("sample_id") or values.get("borehole_id") or values.get("point_id")), ""
        )
        return " · ".join(x for x in (whose, depth, name) if x) or type_words(type, lang)
    own = called(type, id, values, names, lang)
    code = facts.code_of(type, id) if type in _CODED else None
    return f"{code} · {own}" if code and code not in own else own


def subtitle(s: Stored, lang: str) -> str:
    """Of which type it is, and the number of its version."""
    return f"{type_words(s.type, lang)} {s.id[:8]} · {number(s.seq)}"


class Evidence(NamedTuple):
    """The command that writes what can be proved of this record."""

    command: str


def evidence(facts: Facts, type: str, id: str) -> str:
    """`jingtu evidence export …` for the point or the inspection a record belongs to, else for the project."""
    code = facts.project.code if facts.project else facts.project_id
    base = f"jingtu evidence export {_quoted(code)} OUT.zip"
    if type == "inspection":
        return f"{base} --inspection {id}"
    for name in ("inspection_id",):
        record = facts.records.get(type, {}).get(id)
        if name in fields_of(TYPES[type]) and (above := getattr(record, name, None)):
            return f"{base} --inspection {above}"
    place = facts.place_of(type, id)
    if place is None:
        return base
    at = (
        id
        if type in ("point", "planned_point")
        else place.main.id
        if place.main
        else place.planned.id
        if place.planned
        else ""
    )
    return f"{base} --point {at}" if at else base


def _quoted(code: str) -> str:
    plain = all(c.isalnum() or c in "-_." for c in code)
    return code if plain else "'" + code.replace("'", "'\\''") + "'"
