"""The panel of readings by depth: the drawing, the same in words, and which other analytes there are. Pure."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from schemas.reference import analyte
from schemas.rules.reconcile import Facts, Report
from sync_server.console.charts.core import name_of, unit_of
from sync_server.console.charts.depth import depth_text, depths, depths_of
from sync_server.console.words import pick, words


class Choice(NamedTuple):
    """Another analyte that was judged. `above`: points above its screening value."""

    key: str
    name: str
    above: int
    chosen: bool


class Drawn(NamedTuple):
    """`picture` None: nothing to draw, and `empty` says why. `said`: the facts of the drawing, a sentence each."""

    title: str
    line: str
    cite: str
    picture: Markup | None
    empty: str
    said: list[str]
    choices: list[Choice]


def drawn(facts: Facts, report: Report, asked: str, lang: str) -> Drawn:
    """Readings of the analyte asked for, where it was judged; else of the one furthest above a limit."""
    w = words(lang)
    known = {a.key: n for name, n in report.totals.exceedances.items() if (a := analyte(name))}
    wanted = analyte(asked) if asked else None
    d = depths_of(facts, wanted.key if wanted and wanted.key in known else "")
    shown = d.analyte.key if d else ""
    listed = [Choice(key, name_of(a, lang), n, key == shown) for key, n in known.items() if (a := analyte(key))]
    listed.sort(key=lambda c: (-c.above, c.name))
    if d is None:
        why = w("depth_none_plan") if not facts.plans and not report.points else w("depth_none")
        return Drawn(w("depth_title_none"), "", "", None, why, [], listed)
    cite = w("depth_cite", x=pick(d.limit.cite, lang)) if d.limit else w("depth_mixed")
    line = w("depth_line", unit=unit_of(d.unit, lang), n=d.readings)
    return Drawn(
        w("depth_title", name=name_of(d.analyte, lang)),
        line,
        cite,
        depths(d, lang),
        "",
        depth_text(d, lang)[1:],
        listed,
    )
