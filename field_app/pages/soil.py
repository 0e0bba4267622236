"""Soils as they are drawn: a fill and a pattern each. The pattern carries the meaning; in sunlight it stands alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import flet as ft
import flet.canvas as cv

from field_app.kit import Kit, tokens
from schemas.reference import Label, codes

Stroke = tuple[float, float, float, float]


class Pattern(NamedTuple):
    """A tile and its strokes, in pixels; repeated from the top left corner."""

    w: float
    h: float
    strokes: tuple[Stroke, ...]


_SHARDS = ((2, 4, 5, 2), (5, 2, 7, 5), (7, 5, 2, 4), (9, 9, 12, 10), (12, 10, 11, 13), (11, 13, 9, 9), (3, 12, 5, 12), (11, 3, 12, 3))  # fmt: skip
_STONES = ((2, 3, 4, 1), (4, 1, 7, 3), (7, 3, 5, 6), (5, 6, 2, 3), (9, 9, 11, 8), (11, 8, 13, 10), (13, 10, 11, 12), (11, 12, 9, 9))  # fmt: skip
PATTERNS = {
    "fill": Pattern(14, 14, _SHARDS),
    "plain-fill": Pattern(12, 12, ((2, 3, 6, 3), (8, 9, 11, 9))),
    "silty-clay": Pattern(14, 8, ((0, 4, 8, 4), (11, 4, 14, 1))),
    "silt": Pattern(10, 10, ((2, 2, 2, 4), (7, 7, 7, 9))),
    "clay": Pattern(10, 6, ((0, 3, 10, 3),)),
    "fine-sand": Pattern(8, 8, ((2, 2, 3, 2), (6, 6, 7, 6))),
    "medium-sand": Pattern(7, 7, ((1, 2, 3, 2), (4, 5, 6, 5), (2, 1, 2, 3))),
    "gravel": Pattern(15, 14, _STONES),
    "rock": Pattern(12, 12, ((0, 12, 12, 0),)),
    "concrete": Pattern(10, 10, ((0, 0, 10, 10), (0, 10, 10, 0))),
}
_OF = {
    "misc_fill": "fill", "plain_fill": "plain-fill", "silt": "silt", "silty_clay": "silty-clay", "clay": "clay",
    "mud": "clay", "silty_sand": "fine-sand", "fine_sand": "fine-sand", "medium_sand": "medium-sand",
    "coarse_sand": "medium-sand", "gravel": "gravel", "cobble": "gravel", "rock": "rock", "sand_soil": "fine-sand",
    "sandy_loam": "silt", "loam": "silty-clay", "clay_soil": "clay", "concrete": "concrete",
}  # fmt: skip
FIRST = (
    "misc_fill",
    "plain_fill",
    "silt",
    "silty_clay",
    "clay",
    "fine_sand",
    "gravel",
)  # one tap; the others behind 更多


def name(texture: str) -> Label:
    """The soil's own label; Label("", "") while none is chosen."""
    return codes("soil_texture").get(texture, Label(texture, texture))


def colour(k: Kit, texture: str) -> str:
    kind = _OF.get(texture, "fill")
    if k.sun:
        return "#FFFFFF"
    soils: dict[str, str] = tokens()["soil"]
    return soils.get(kind, k["sunken"])


def strokes(texture: str, x: float, y: float, w: float, h: float) -> list[tuple[float, float]]:
    """Ends of the pattern's strokes within a box, two by two: a stroke that does not fit is left out, not cut."""
    tile = PATTERNS[_OF.get(texture, "fill")]
    out: list[tuple[float, float]] = []
    down = 0.0
    while down < h:
        right = 0.0
        while right < w:
            for a, b, c, d in tile.strokes:
                if right + max(a, c) <= w and down + max(b, d) <= h:
                    out += [
                        (round(x + right + a, 1), round(y + down + b, 1)),
                        (round(x + right + c, 1), round(y + down + d, 1)),
                    ]
            right += tile.w
        down += tile.h
    return out


def ground(k: Kit, texture: str, x: float, y: float, w: float, h: float) -> list[cv.Shape]:
    """One layer: its fill, and all strokes of its pattern as one shape. A layer without a soil is hatched by nothing."""
    shapes: list[cv.Shape] = [cv.Rect(x, y, w, h, paint=ft.Paint(color=colour(k, texture) if texture else k["sunken"]))]
    ends = strokes(texture, x, y, w, h) if texture else []
    if ends:
        line = ft.Paint(
            color=ft.Colors.with_opacity(1 if k.sun else 0.75, k["soil-line"]), stroke_width=1.4 if k.sun else 1
        )
        shapes.append(cv.Points(points=ends, point_mode=cv.PointMode.LINES, paint=line))
    return shapes


def swatch(k: Kit, texture: str, w: float = 24, h: float = 36) -> cv.Canvas:
    edge = cv.Rect(0, 0, w, h, paint=ft.Paint(color=k["ink"], stroke_width=1, style=ft.PaintingStyle.STROKE))
    return cv.Canvas([*ground(k, texture, 0, 0, w, h), edge], width=w, height=h)


def others(shown: Iterable[str]) -> list[str]:
    """The soils that are not among the first."""
    return [c for c in codes("soil_texture") if c not in shown]
