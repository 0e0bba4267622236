"""Readings by depth against the limit, of a whole project and one analyte.

The limits stand at the same places for every analyte (screening at 50 %, intervention at 80 % of the width), depth runs
down. Only points above a limit get a line and a name; the rest are grey dots. Solid and dashed tell the lines apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from markupsafe import Markup

from schemas.reference import Analyte, analyte
from schemas.rules.limits import Limit, State
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.profile import Measured, measured, worst_analyte
from sync_server.console.charts import INTERVENTION_AT, SCREENING_AT, limit_place
from sync_server.console.charts.core import figure_of, name_of, span_of, unit_of
from sync_server.console.charts.paint import COLOURS, text, ticks
from sync_server.console.words import pick, words

LINES, DOTS, MARKS, ON_A_LINE = 6, 700, 150, 40  # drawn at most
_RANK = {"above_intervention": 2, "above_screening": 1}
Box = tuple[float, float, float, float]


class Step(NamedTuple):
    """One reading of a point that has a line."""

    at: float  # on the limit scale, 0 to 0.99
    depth: Decimal
    state: State
    figure: str
    span: str
    id: str


class Line(NamedTuple):
    """A point above a limit. `over`: the limit it is above; `times`: its worst reading in terms of that."""

    code: str
    state: State
    steps: tuple[Step, ...]  # from above down
    worst: Step
    over: Decimal
    times: Decimal


class Depths(NamedTuple):
    """One analyte's readings. `limit` None: the sites have different ones. `points`: state → points whose worst it is."""

    analyte: Analyte
    unit: str
    limit: Limit | None
    readings: int
    unjudged: int
    bottom: Decimal
    dots: tuple[tuple[float, Decimal], ...]
    marks: tuple[tuple[float, Decimal, State], ...]  # above a limit, of points without a line of their own
    lines: tuple[Line, ...]
    points: dict[State, int]

    @property
    def unnamed(self) -> int:
        """Points above a limit that have no line."""
        return sum(self.points.get(s, 0) for s in _STATES_ABOVE) - len(self.lines)


_STATES_ABOVE: tuple[State, State] = ("above_intervention", "above_screening")


def depths_of(facts: Facts, key: str = "") -> Depths | None:
    """Of the analyte with this key, else of the one that is furthest above a limit. None where nothing of it can be held
    against a standard at a depth. Worked out once per state of the records, in one pass over the readings."""
    chosen = analyte(key) if key else facts.remember("worst analyte", lambda: worst_analyte(facts, facts.places))
    if chosen is None:
        return None
    return facts.remember(("by depth", chosen.key), lambda: _depths(facts, chosen))


def _depths(facts: Facts, chosen: Analyte) -> Depths | None:
    of_place: dict[int, list[Measured]] = {}
    limits: set[tuple[Decimal, Decimal | None, str]] = set()
    first: Limit | None = None
    unjudged = readings = 0
    for m in measured(facts, chosen.key, facts.places):
        readings += 1
        if m.limit is None or m.figure is None or m.state == "cannot_say":
            unjudged += 1
            continue
        first = first or m.limit
        limits.add((m.limit.screening, m.limit.intervention, m.limit.unit))
        of_place.setdefault(id(m.place), []).append(m)
    if first is None:
        return None
    dots: list[tuple[float, Decimal]] = []
    marks: list[tuple[float, Decimal, State]] = []
    points: dict[State, int] = {}
    above: list[tuple[tuple[int, Decimal], list[Measured]]] = []
    bottom = Decimal(1)
    for found in of_place.values():
        worst = max(found, key=lambda m: m.rank)
        points[worst.state] = points.get(worst.state, 0) + 1
        bottom = max(bottom, max(m.bottom or m.depth for m in found))
        if worst.state in _RANK:
            above.append((worst.rank, found))
        else:
            dots += [(_at(m), m.middle) for m in found]
    above.sort(key=lambda pair: pair[0], reverse=True)
    for _, found in above[LINES:]:
        marks += [(_at(m), m.middle, m.state) for m in found if m.state in _RANK]
        dots += [(_at(m), m.middle) for m in found if m.state not in _RANK]
    lines = tuple(_line(found) for _, found in above[:LINES])
    return Depths(
        chosen, first.unit, first if len(limits) == 1 else None, readings, unjudged, bottom, _thinned(dots, bottom),
        _marked(marks, bottom), lines, points,
    )  # fmt: skip


def _at(m: Measured) -> float:
    assert m.figure is not None and m.limit is not None
    return max(0.0, limit_place(m.figure, m.limit.screening, m.limit.intervention))


def _line(found: list[Measured]) -> Line:
    worst = max(found, key=lambda m: m.rank)
    kept = sorted(found, key=lambda m: m.rank, reverse=True)[:ON_A_LINE]
    steps = {m.reading.id: _step(m) for m in sorted(kept, key=lambda m: (m.middle, m.reading.id))}
    assert worst.limit is not None
    iv = worst.limit.intervention
    over = iv if worst.state == "above_intervention" and iv is not None else worst.limit.screening
    return Line(worst.place.code, worst.state, tuple(steps.values()), steps[worst.reading.id], over, worst.ratio)


def _step(m: Measured) -> Step:
    return Step(_at(m), m.middle, m.state, figure_of(m), span_of(m), m.reading.id)


def _thinned(dots: list[tuple[float, Decimal]], bottom: Decimal) -> tuple[tuple[float, Decimal], ...]:
    """Dots that would lie on each other are one; so many that none can be told apart are fewer."""
    grid = 240
    while True:
        seen = {(round(x * grid), round(float(z / bottom) * grid)): (x, z) for x, z in dots}
        if len(seen) <= DOTS:
            return tuple(sorted(seen.values()))
        grid = grid * 3 // 4


def _marked(marks: list[tuple[float, Decimal, State]], bottom: Decimal) -> tuple[tuple[float, Decimal, State], ...]:
    """As dots are thinned; of those in one place the worst stays."""
    grid = 80
    while True:
        seen: dict[tuple[int, int], tuple[float, Decimal, State]] = {}
        for x, z, state in sorted(marks, key=lambda m: _RANK[m[2]]):
            seen[round(x * grid), round(float(z / bottom) * grid)] = (x, z, state)
        if len(seen) <= MARKS:
            return tuple(sorted(seen.values()))
        grid = grid * 3 // 4


def depth_text(d: Depths, lang: str) -> list[str]:
    """The same facts as the drawing, a sentence each; the readings of the named points stand in `lines`."""
    w, unit = words(lang), unit_of(d.unit, lang)
    name = name_of(d.analyte, lang)
    out = [w("depth_alt", name=name, n=d.readings)]
    if d.limit is not None:
        iv = d.limit.intervention
        out.append(w("depth_limit", s=f"{d.limit.screening:f}", unit=unit, word=pick(d.limit.word, lang)))
        if iv is not None:
            out.append(w("depth_limit_i", i=f"{iv:f}", unit=unit))
    for state in (*_STATES_ABOVE, "below"):
        if n := d.points.get(state, 0):
            out.append(w("depth_points", n=n, state=w(f"read_{state}")))
    out += [line_text(d, line, lang) for line in d.lines]
    if d.unnamed:
        out.append(w("depth_unnamed", n=d.unnamed))
    if d.unjudged:
        out.append(w("depth_unjudged", n=d.unjudged))
    return out


def line_text(d: Depths, line: Line, lang: str) -> str:
    """S14 642 mg/kg, 2.0 m, 管制值 600 的 1.07 倍"""
    w = words(lang)
    kind = "i" if line.state == "above_intervention" else "s"
    times = f"{line.times:.2f}" if line.times < 100 else f"{line.times:.0f}"
    return w(
        f"depth_line_{kind}", code=line.code, v=line.worst.figure, unit=unit_of(d.unit, lang), z=line.worst.span,
        over=f"{line.over:f}", x=times,
    )  # fmt: skip


class _Frame(NamedTuple):
    """Where the plot lies in its picture."""

    left: float
    right: float
    top: float
    bottom: float
    deepest: float

    def x(self, at: float) -> float:
        return self.left + (self.right - self.left) * at

    def y(self, depth: Decimal) -> float:
        return self.top + (self.bottom - self.top) * float(depth) / self.deepest


def depths(d: Depths, lang: str) -> Markup:
    """The drawing in two sizes; the style sheet shows the one that fits."""
    return _drawn(d, lang, "wide", 500, 400) + _drawn(d, lang, "narrow", 330, 400)


def _drawn(d: Depths, lang: str, size: str, width: int, height: int) -> Markup:
    w, narrow = words(lang), size == "narrow"
    marks = ticks(d.bottom * Decimal("1.02"))
    f = _Frame(34 if narrow else 44, width - 10, 30, height - 26, float(max(marks[-1], d.bottom * Decimal("1.02"))))
    s, i = f.x(SCREENING_AT), f.x(INTERVENTION_AT)
    iv = (
        any(line.state == "above_intervention" for line in d.lines)
        if d.limit is None
        else d.limit.intervention is not None
    )
    merged = (
        d.limit is not None and iv and d.limit.intervention is not None and d.limit.intervention <= d.limit.screening
    )
    first = i if merged else s
    tall = f.bottom - f.top
    parts = [
        f'<rect x="{f.left:g}" y="{f.top:g}" width="{first - f.left:.1f}" height="{tall:g}" class="f-paper"/>',
        f'<rect x="{first:.1f}" y="{f.top:g}" width="{f.right - first:.1f}" height="{tall:g}" class="f-{"alert" if merged else "warn"}-soft"/>',
    ]
    if iv and not merged:
        parts.append(
            f'<rect x="{i:.1f}" y="{f.top:g}" width="{f.right - i:.1f}" height="{tall:g}" class="f-alert-soft"/>'
        )
    for z in marks:
        parts.append(f'<path d="M{f.left:g} {f.y(z):.1f}H{f.right:g}" class="s-line"/>')
        parts.append(text(f.left - 8, f.y(z) + 4, f"{z.normalize():f}", "tx12 te f-ink2"))
    parts.append(text(2, 18, w("depth_axis"), "tx12 f-ink2"))
    parts += _limits(d, f, w, narrow, iv, merged)
    parts.append(f'<path d="M{f.left - 4:g} {f.top:g}H{f.right:g}" class="s-ink" stroke-width="2.5"/>')
    if d.dots:  # one path of round ends, an eighth of the bytes of so many circles
        spots = "".join(f"M{f.x(x):.0f} {f.y(z):.0f}h0" for x, z in d.dots)
        parts.append(f'<path d="{spots}" class="nf s-ink3 dim" stroke-width="6" stroke-linecap="round"/>')
    parts += [_triangle(f.x(x), f.y(z), COLOURS[state], 4.5) for x, z, state in d.marks]
    for n, line in enumerate(d.lines):
        spots = " ".join(f"{f.x(p.at):.1f},{f.y(p.depth):.1f}" for p in line.steps)
        dash = ' stroke-dasharray="5 3"' if n % 2 else ""
        parts.append(f'<polyline points="{spots}" class="nf s-{COLOURS[line.state]}" stroke-width="2.2"{dash}/>')
    for line in d.lines:
        for p in line.steps:
            x, y = f.x(p.at), f.y(p.depth)
            parts.append(
                _triangle(x, y, COLOURS[p.state], 6)
                if p.state in _RANK
                else f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="f-done"/>'
            )
    parts += _names(d, f)
    parts += _below(d, f, w, iv, merged)
    return Markup(
        '<svg class="chart {}" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">{}</svg>'
    ).format(size, width, height, width, height, w("core_stop").join(depth_text(d, lang)), Markup("".join(parts)))


def _limits(d: Depths, f: _Frame, w: Callable[..., str], narrow: bool, iv: bool, merged: bool) -> list[str]:
    s, i, parts = f.x(SCREENING_AT), f.x(INTERVENTION_AT), []
    word = "_n" if narrow else ""
    if not merged:
        said = w(f"depth_s{word}", v=f"{d.limit.screening:f}") if d.limit else w("depth_s_any")
        parts += [
            f'<path d="M{s:.1f} 24V{f.bottom:g}" class="s-ink" stroke-width="2"/>',
            text(s, 18, said, "tx12 tm f-ink"),
        ]
    if iv:
        value = d.limit.intervention if d.limit else None
        said = w(f"depth_i{word}", v=f"{value:f}") if value is not None else w("depth_i_any")
        parts.append(
            f'<path d="M{i - 2:.1f} 24V{f.bottom:g}M{i + 2:.1f} 24V{f.bottom:g}" class="s-ink" stroke-width="1.5"/>'
        )
        parts.append(text(i, 18, said, "tx12 tm f-ink"))
    return parts


def _below(d: Depths, f: _Frame, w: Callable[..., str], iv: bool, merged: bool) -> list[str]:
    """How many points are in which part of the scale."""
    n, y = d.points.get, f.bottom + 18
    end = f.x(INTERVENTION_AT) if iv else f.right
    edge = f.x(INTERVENTION_AT) if merged else f.x(SCREENING_AT)
    parts = [text((f.left + edge) / 2, y, w("depth_n_below", n=n("below", 0)), "tx12 tm f-ink2")]
    if not merged:
        parts.append(
            text((f.x(SCREENING_AT) + end) / 2, y, w("depth_n_s", n=n("above_screening", 0)), "tx12 tm f-warn")
        )
    if iv:
        parts.append(text((end + f.right) / 2, y, w("depth_n_i", n=n("above_intervention", 0)), "tx12 tm f-alert"))
    return parts


def _triangle(x: float, y: float, colour: str, r: float) -> str:
    return f'<path d="M{x - r:.1f} {y + r * 0.85:.1f}l{r:g} {-r * 1.8:.1f} {r:g} {r * 1.8:.1f}z" class="f-{colour} s-surface"/>'


def _names(d: Depths, f: _Frame) -> list[str]:
    """Name and value at each line's worst reading, where there is room; what does not fit stands in the list below."""
    taken: list[Box] = [
        (f.x(p.at) - 7, f.y(p.depth) - 7, f.x(p.at) + 7, f.y(p.depth) + 7) for line in d.lines for p in line.steps
    ]
    parts = []
    for line in d.lines:
        said = f"{line.code if len(line.code) <= 12 else line.code[:11] + '…'} {line.worst.figure}"
        wide = sum(12.5 if ord(c) > 0x2E80 else 7.2 for c in said)
        x, y = f.x(line.worst.at), f.y(line.worst.depth)
        for cx, cy in _around(x, y, wide):
            box = (cx - wide / 2, cy - 11, cx + wide / 2, cy + 4)
            inside = box[0] >= f.left and box[2] <= f.right + 8 and box[1] >= f.top and box[3] <= f.bottom
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                parts.append(text(cx, cy, said, f"tx12 tm bold halo f-{COLOURS[line.state]}"))
                break
    return parts


def _around(x: float, y: float, wide: float) -> Iterable[tuple[float, float]]:
    """Places for a name around a spot, the best first: the middle of its base line."""
    for up in (4, 20, -13, 34, -27):
        for side in (-1, 1):
            yield x + side * (wide / 2 + 10), y + up
    yield from ((x, y + 22), (x, y - 14))


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
