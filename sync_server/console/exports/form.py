"""The form of an export: what can be chosen, what is proposed, and what was chosen as a wish. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.wire import ScopeGrant
from sync_server.console.said import type_words
from sync_server.console.tables.asked import audiences_of, query_of
from sync_server.console.words import words
from sync_server.export.grids import GEOGRAPHIC, Grid, grids
from sync_server.export.wish import FORMATS, WHOLE, Wish
from sync_server.service import Query

LONGEST = 4000  # characters of a table's address
NOT_OURS = ("lang", "theme", "type", "after", "before", "columns")
SHOWN, TYPE, WHOLE_PROJECT = "shown", "type", "whole"


class Chosen(NamedTuple):
    """What the form says, as typed; `table`: the address of a table behind the question mark, with its type."""

    what: str = WHOLE_PROJECT
    type: str = "point"
    format: str = "xlsx"
    heads: str = "labels"
    language: str = "zh"
    zone: str = ""
    prefix: bool = True
    voided: bool = False
    table: str = ""


class Option(NamedTuple):
    value: str
    label: str


class Group(NamedTuple):
    label: str
    options: list[Option]


def table_of(params: Sequence[tuple[str, str]]) -> str:
    """The address a table's link brought along, without what is the page's own."""
    kept = [(k, v) for k, v in params if k not in NOT_OURS or k == "type"]
    return urlencode(kept) if any(k == "type" for k, _ in kept) else ""


def shown(table: str, scopes: Sequence[ScopeGrant]) -> Query | None:
    """The records a table shows; None where there is no table. Raises Trouble 1001, 1005, 1007, 1008, 2004."""
    if not table:
        return None
    pairs = parse_qsl(table[:LONGEST], keep_blank_values=True)
    type = dict(pairs).get("type", "")
    if type not in TYPES:
        raise Trouble(1005)
    return query_of(type, scopes, [(k, v) for k, v in pairs if k not in NOT_OURS])


def wish_of(chosen: Chosen, scopes: Sequence[ScopeGrant]) -> Wish:
    """Raises Trouble 4504 for what cannot be made, 2004 for what is not the reader's, and as `shown`."""
    query = shown(chosen.table, scopes) if chosen.what == SHOWN else None
    if chosen.what == SHOWN and query is None:
        raise _cannot(
            "没有带来表里的内容，请从记录表再点一次", "nothing came along from a table; use the link on the table again"
        )
    types: tuple[str, ...] = ()
    if query is not None:
        types = (query.type,)
    elif chosen.what == TYPE and chosen.format != "photos":
        if chosen.type not in TYPES:
            raise Trouble(1005)
        audiences_of(chosen.type, scopes)
        types = (chosen.type,)
    if chosen.format == "photos" and query is not None and query.type != "photo":
        raise _cannot(
            "照片包只装照片：从照片表导出，或选「整个项目」",
            "a photo archive holds photos: export the table of photos, or the whole project",
        )
    try:
        return Wish(
            chosen.format,
            types,
            chosen.heads,
            chosen.language,
            epsg_of(chosen.zone, chosen.prefix),
            chosen.voided,
            query,
        ).checked()
    except ValueError as err:
        raise _cannot("选项不认识", "an option is not known") from err


def epsg_of(zone: str, prefix: bool) -> int:
    """ "3-40" → 4528. ValueError for a zone there is not."""
    if not zone:
        return GEOGRAPHIC
    width, _, number = zone.partition("-")
    found = [g for g in grids().values() if (str(g.width), str(g.zone), g.prefixed) == (width, number, prefix)]
    if not found:
        raise ValueError(zone)
    return found[0].epsg


def zones(here: Grid | None, lang: str) -> list[Group]:
    """The zones to choose from; the one the project lies in says so and stands first."""
    w = words(lang)
    out = []
    for width, label in ((3, "x_three"), (6, "x_six")):
        known = [g for g in grids().values() if g.width == width and g.prefixed]
        known.sort(key=lambda g: not (here and g.meridian == here.meridian and here.width == width))
        out.append(
            Group(
                w(label),
                [
                    Option(
                        f"{g.width}-{g.zone}",
                        w("x_zone_here" if here == g else "x_zone", w=g.width, z=g.zone, m=g.meridian),
                    )
                    for g in known
                ],
            )
        )
    return out


def types_of(scopes: Sequence[ScopeGrant], lang: str) -> list[Group]:
    """The types the reader may export, by audience."""
    w, readable, out = words(lang), {str(s.audience) for s in scopes}, []
    audiences = [*WHOLE[:3], "organisation", WHOLE[3]]
    for audience in map(str, audiences):
        if audience in readable or audience == WHOLE[3]:
            found = [Option(t, type_words(t, lang)) for t, cls in TYPES.items() if cls.about.audience == audience]
            out.append(Group(w(f"aud_{audience}"), found))
    return out


def formats(lang: str) -> list[tuple[str, str, str]]:
    """(value, label, hint)"""
    w = words(lang)
    return [(f, w(f"x_f_{f}"), w(f"x_f_{f}_hint")) for f in FORMATS]


def chosen_of(form: Mapping[str, str]) -> Chosen:
    return Chosen(
        form.get("what", WHOLE_PROJECT), form.get("type", ""), form.get("format", ""), form.get("heads", ""), form.get("language", ""),
        form.get("zone", ""), form.get("prefix") == "yes", form.get("voided") == "yes", form.get("table", ""),
    )  # fmt: skip


def _cannot(zh: str, en: str) -> Trouble:
    return Trouble(4504, why={"zh": zh, "en": en})
