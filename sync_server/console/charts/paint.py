"""What several drawings share: scales, ticks, soils as patterns. Sized by attributes, painted by classes of charts.css."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from html import escape

from markupsafe import Markup

# soil_texture → the pattern it is drawn with; the patterns carry the meaning, the fills only help
SOILS = {
    "misc_fill": "fill", "plain_fill": "plain", "silt": "silt", "silty_clay": "silty", "clay": "clay", "mud": "clay",
    "silty_sand": "sand", "fine_sand": "sand", "medium_sand": "coarse", "coarse_sand": "coarse", "gravel": "gravel",
    "cobble": "gravel", "rock": "rock", "sand_soil": "sand", "sandy_loam": "silt", "loam": "silty", "clay_soil": "clay",
    "concrete": "concrete",
}  # fmt: skip
_TILES = {  # width, height, strokes
    "fill": (14, 14, "M2 4l3-2 2 3zM9 9l3 1-1 3zM3 12h2M11 3h1"),
    "plain": (12, 12, "M2 3h4M8 9h3"),
    "silty": (14, 8, "M0 4h8M11 4l3-3"),
    "silt": (10, 10, "M2 2v2M7 7v2"),
    "clay": (10, 6, "M0 3h10"),
    "sand": (8, 8, "M2 2h1M6 6h1"),
    "coarse": (7, 7, "M1 2h2M4 5h2M2 1v2"),
    "gravel": (15, 14, "M2 3l2-2 3 2-2 3zM9 9l2-1 2 2-2 2z"),
    "rock": (12, 12, "M0 12L12 0"),
    "concrete": (10, 10, "M0 0l10 10M0 10L10 0"),
}
COLOURS = {"above_intervention": "alert", "above_screening": "warn", "below": "done", "cannot_say": "unsure"}
_STEPS = (Decimal("0.5"), Decimal(1), Decimal(2), Decimal(5), Decimal(10), Decimal(20), Decimal(50), Decimal(100))


def _defs(name: str) -> str:
    w, h, strokes = _TILES[name]
    return (
        f'<pattern id="so-{name}" width="{w}" height="{h}" patternUnits="userSpaceOnUse">'
        f'<path d="{strokes}" class="nf s-soil"/></pattern>'
    )


SOIL_DEFS = Markup("".join(_defs(name) for name in _TILES))  # once a page, in the sprite


def ground(texture: str | None, x: float, y: float, w: float, h: float) -> str:
    """One layer as two boxes: fill and pattern. A soil that is not known is only a box."""
    box = f'<rect x="{x:g}" y="{y:.1f}" width="{w:g}" height="{max(h, 0):.1f}"'
    kind = SOILS.get(texture or "")
    return f'{box} class="so-{kind}"/>{box} fill="url(#so-{kind})"/>' if kind else f'{box} class="f-sunken"/>'


def text(x: float, y: float, said: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(said)}</text>'


def shape(state: str, x: float, y: float) -> str:
    """A reading on the scale: triangle above a limit, dot below, hollow where it cannot be judged."""
    colour = COLOURS[state]
    if state in ("above_screening", "above_intervention"):
        return f'<path d="M{x - 7:.1f} {y + 6:.1f}l7 -13 7 13z" class="f-{colour} s-surface"/>'
    if state == "below":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="f-done s-surface"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" class="f-surface s-planned" stroke-width="2"/>'


def ticks(bottom: Decimal, most: int = 8) -> list[Decimal]:
    """Depths that are written beside a scale: from 0, by a round step, at most so many."""
    step = next((s for s in _STEPS if bottom / s <= most), _STEPS[-1])
    return [step * n for n in range(int(bottom / step) + 1)]


def apart(places: Iterable[tuple[float, bool]], least: float) -> set[int]:
    """Which of these y (in px) may carry a text so that none lies on another; the marked ones first. Indices."""
    listed = list(places)
    taken: list[float] = []
    chosen: set[int] = set()
    for index in sorted(range(len(listed)), key=lambda i: not listed[i][1]):
        y = listed[index][0]
        if all(abs(y - other) >= least for other in taken):
            taken.append(y)
            chosen.add(index)
    return chosen


def metres(depth: Decimal) -> str:
    """At least one decimal, and every digit that was written: 2.0, 1.25."""
    plain = depth.normalize()
    return f"{depth:.1f}" if -int(plain.as_tuple().exponent) < 2 else f"{plain:f}"
