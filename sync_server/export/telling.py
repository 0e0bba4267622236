"""What a file says of itself: of which project, what is in it, chosen how, by whom, when, how many rows, in which coordinates, and
where the figures come from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from schemas.fields import fields_of
from schemas.records import TYPES
from sync_server.export.cells import local
from sync_server.export.grids import crs_label
from sync_server.export.layers import About
from sync_server.export.wish import Wish
from sync_server.export.words import say
from sync_server.store.lists import Query

OPS = {
    "is": ("是", "is"), "not": ("不是", "is not"), "has": ("含", "contains"), "least": ("≥", "≥"), "most": ("≤", "≤"),
    "given": ("有内容", "is given"), "none": ("空", "is empty"),
}  # fmt: skip


class Counts(NamedTuple):
    """What came of it. `outside`, `untold`: positions beyond the chosen zone, and so far off that it says nothing of them; `cut`: cells;
    `missing`, `damaged`: photos."""

    rows: Mapping[str, int]  # type → records
    outside: int = 0
    untold: int = 0
    cut: int = 0
    missing: int = 0
    damaged: int = 0

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def type_label(type: str, lang: str) -> str:
    about = TYPES[type].about
    return about.zh if lang == "zh" else about.en


def title(wish: Wish, lang: str) -> str:
    """What it is, in a few words."""
    if wish.format == "photos":
        return say(lang, "photos")
    return say(lang, "join").join(type_label(t, lang) for t in wish.types) if wish.types else say(lang, "whole")


def filter_words(query: Query | None, names: Mapping[str, str], lang: str) -> str:
    """The choice of a table in words; "" where there is none."""
    if query is None:
        return ""
    known, n = fields_of(TYPES[query.type]), 0 if lang == "zh" else 1
    parts = [f"“{query.search}”"] if query.search else []
    for field_name, op, value in query.where:
        field = known.get(field_name)
        label = field.spec.label(lang) if field else field_name
        options = field.options() if field else {}
        words = [options[v].zh if lang == "zh" else options[v].en for v in value.split(",") if v in options] or [
            names.get(value, local(value))
        ]
        if field and field.kind == "bool":
            words = [say(lang, "yes" if value == "true" else "no")]
        said = "" if op in ("given", "none") else f" {say(lang, 'join').join(words)}"
        parts.append(f"{label} {OPS.get(op, (op, op))[n]}{said}")
    return ("；" if lang == "zh" else "; ").join(parts)


def about(wish: Wish, project: str, who: str, when: str, counts: Counts, names: Mapping[str, str]) -> About:
    """`project`: code and name; `when`: ISO time."""
    lang = wish.lang
    lines = [("about_project", project), ("about_what", title(wish, lang))]
    lines.append(("about_filter", filter_words(wish.query, names, lang) or say(lang, "about_none")))
    if wish.query is None:
        lines.append(("about_voided", say(lang, "about_voided_in" if wish.voided else "about_voided_out")))
    lines += [("about_who", who), ("about_when", f"{local(when)} UTC+8"), ("about_rows", str(counts.total))]
    if len(counts.rows) > 1:
        lines += [("about_rows", say(lang, "rows_of", what=type_label(t, lang), n=n)) for t, n in counts.rows.items()]
    lines.append(("about_crs", crs_label(wish.style.grid, lang)))
    if wish.style.grid is not None:
        lines.append(("about_crs", say(lang, "about_geographic_only" if wish.format == "geojson" else "about_axes")))
    lines += [("about_outside", text) for text in warnings(counts, lang)]
    if counts.cut:
        lines.append(("about_cut", say(lang, "about_cut_line", n=counts.cut)))
    if wish.format in ("csv", "photos"):
        lines.append(("about_text", say(lang, "about_text_csv")))
    lines.append(("about_source", say(lang, "about_source_line" if wish.heads == "labels" else "about_source_names")))
    lines.append(("about_source", say(lang, "about_moment")))
    return About([(say(lang, what), text) for what, text in lines])


def warnings(counts: Counts, lang: str) -> list[str]:
    """What a person must know of the coordinates before using them."""
    out = [say(lang, "about_outside_line", n=counts.outside)] if counts.outside else []
    return out + ([say(lang, "about_untold", n=counts.untold)] if counts.untold else [])
