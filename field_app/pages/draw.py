"""Things drawn by hand: the mark, point symbols, limit bars, the core."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import flet as ft
import flet.canvas as cv

from field_app.kit import I, Kit
from schemas.rules.limits import Judgement, Limit

STATES: dict[str, tuple[Any, str]] = {  # icon and colour
    "planned": (I.CIRCLE_OUTLINED, "planned"),
    "active": (I.CONTRAST, "active"),
    "done": (I.CHECK_CIRCLE_OUTLINE, "done"),
    "moved": (I.MOVE_DOWN, "warn"),
    "refused": (I.BLOCK, "planned"),
}
SYNCS: dict[str, tuple[Any, str]] = {
    "pending": (I.CLOUD_UPLOAD_OUTLINED, "active"),
    "accepted": (I.CLOUD_DONE_OUTLINED, "done"),
    "parked": (I.LINK_OFF, "warn"),
    "rejected": (I.REPLY, "alert"),
    "conflict": (I.CALL_SPLIT, "clash"),
    "photo": (I.BROKEN_IMAGE_OUTLINED, "alert"),
}
JUDGED: dict[str, tuple[Any, str]] = {
    "below": (I.ARROW_DOWNWARD, "done"),
    "above_screening": (I.ARROW_UPWARD, "warn"),
    "above_intervention": (I.KEYBOARD_DOUBLE_ARROW_UP, "alert"),
    "cannot_say": (I.HELP_OUTLINE, "unsure"),
    "": (I.MORE_HORIZ, "planned"),
}


def stroke(color: str, width: float, dash: list[int] | None = None) -> ft.Paint:
    return ft.Paint(color=color, stroke_width=width, style=ft.PaintingStyle.STROKE, stroke_dash_pattern=dash)


def fill(color: str) -> ft.Paint:
    return ft.Paint(color=color, style=ft.PaintingStyle.FILL)


def polygon(paint: ft.Paint, *points: tuple[float, float]) -> cv.Path:
    (x, y), *rest = points
    steps = [cv.Path.MoveTo(x, y), *(cv.Path.LineTo(a, b) for a, b in rest), cv.Path.Close()]
    return cv.Path(steps, paint=paint)


def polyline(paint: ft.Paint, *points: tuple[float, float]) -> cv.Points:
    return cv.Points(points=list(points), point_mode=cv.PointMode.POLYGON, paint=paint)


def mark(size: float) -> cv.Canvas:
    """土 as a hand auger: handle, ground line, and a stem that goes on below as a core. Its colours never change."""
    z = size / 52

    def bar(x: float, y: float, w: float, h: float, color: str, r: float = 0) -> cv.Rect:
        return cv.Rect(x * z, y * z, w * z, h * z, border_radius=r * z, paint=fill(color))

    paper = "#FFFDF7"
    return cv.Canvas(
        [bar(0, 0, 52, 52, "#1C4F4B", 12), bar(16.2, 9.7, 19.6, 4.9, paper, 2.4), bar(23.5, 9.7, 4.9, 18.4, paper),
         bar(8.7, 24.4, 34.6, 4.9, paper, 2.4), bar(23.5, 31, 4.9, 5.4, "#C3A877"), bar(23.5, 36.3, 4.9, 4.3, "#A3703F"),
         bar(23.5, 40.6, 4.9, 4.6, "#8ACB9B", 2)],
        width=size, height=size,
    )  # fmt: skip


def symbol(k: Kit, state: str, worst: str = "", chosen: bool = False, size: float = 40) -> cv.Canvas:
    """A point on the map: shape first, colour second. The worst judgement takes the shape, a dashed ring says that the
    point is still worked on."""
    c = size / 2
    shapes: list[Any] = []
    if worst in ("above_screening", "above_intervention"):
        color = k["alert" if worst == "above_intervention" else "warn"]
        shapes.append(polygon(fill(k["surface"]), (c, c - 15), (c + 15.5, c + 11.5), (c - 15.5, c + 11.5)))
        shapes.append(polygon(fill(color), (c, c - 12), (c + 13, c + 10), (c - 13, c + 10)))
        for y in [1] if worst == "above_screening" else [4, -1]:
            shapes.append(polyline(stroke(k["surface"], 2), (c - 4, c + y + 3), (c, c + y - 2), (c + 4, c + y + 3)))
        if state == "active":
            shapes.append(cv.Circle(c, c, 17, stroke(k["active"], 2.5, [4, 3])))
    elif state in ("done", "moved"):
        x, y = (c, c) if state == "done" else (c + 7, c - 5)
        if state == "moved":
            shapes += [cv.Line(c - 10, c + 7, x, y, stroke(k["warn"], 2.5)),
                       cv.Circle(c - 10, c + 7, 4, fill(k["surface"])), cv.Circle(c - 10, c + 7, 4, stroke(k["planned"], 2))]  # fmt: skip
        shapes += [cv.Circle(x, y, 10, fill(k["done"])), cv.Circle(x, y, 10, stroke(k["surface"], 1.5)),
                   polyline(stroke(k["surface"], 2), (x - 4, y), (x - 1, y + 3.5), (x + 4, y - 3))]  # fmt: skip
    else:
        color = k["active" if state == "active" else "planned"]
        shapes += [cv.Circle(c, c, 9, fill(k["surface"])), cv.Circle(c, c, 9, stroke(color, 2.5))]
        if state == "active":
            shapes.append(cv.Arc(c - 9, c - 9, 18, 18, 1.5708, 3.1416, paint=fill(color), use_center=True))
        if state == "refused":
            shapes.append(cv.Line(c - 5.5, c - 5.5, c + 5.5, c + 5.5, stroke(color, 2.5)))
    if chosen:
        shapes.append(cv.Circle(c, c, 17.5, stroke(k["primary"], 3)))
    return cv.Canvas(shapes, width=size, height=size)


def fraction(value: Decimal, limit: Limit) -> float:
    """Place on the limit bar: screening always at 50 %, intervention at 80 %, above it up to 99 %."""
    low, high = float(limit.screening), float(limit.intervention or 0)
    v = float(value)
    if low <= 0:
        return 0.0
    if v <= low and low != high:
        return 0.5 * v / low
    if high and v <= high:
        return 0.8 * v / high if low == high else 0.5 + 0.3 * (v - low) / (high - low)
    return min(0.99, 0.8 + 0.19 * (v / high - 1)) if high else min(0.99, 0.5 + 0.3 * (v / low - 1))


def limit_bar(k: Kit, limit: Limit | None, value: Decimal | None, judged: str, thick: int = 8) -> ft.Control:
    """By weights, not pixels: it stretches with its row and needs no word from the client about its width."""
    h = thick + 6
    track = ft.Container(
        bgcolor=k["sunken"], border=ft.Border.all(1, k["line-strong" if k.sun else "line"]), border_radius=thick / 2,
        height=thick, left=0, right=0, top=3,
    )  # fmt: skip
    parts: list[ft.Control] = [track]
    if limit is None:  # hatched: nothing can be said
        clear = "#00FFFFFF"
        hatch = ft.LinearGradient(
            begin=ft.Alignment(-1, 0), end=ft.Alignment(-0.96, 0), tile_mode=ft.GradientTileMode.REPEATED,
            colors=[k["line-strong"], k["line-strong"], clear, clear], stops=[0, 0.35, 0.35, 1],
        )  # fmt: skip
        parts = [ft.Container(gradient=hatch, border=ft.Border.all(1, k["line-strong"]), border_radius=thick / 2,
                              height=thick, left=0, right=0, top=3)]  # fmt: skip
        return ft.Stack(parts, height=h)
    if value is not None:
        n = max(1, round(1000 * fraction(value, limit)))
        color = k[JUDGED.get(judged, JUDGED[""])[1]]
        done = ft.Container(bgcolor=color, border_radius=thick / 2, expand=n, height=thick)
        parts.append(ft.Container(ft.Row([done, ft.Container(expand=1000 - n)], spacing=0), left=0, right=0, top=3))

    def tick() -> ft.Control:
        return ft.Container(width=2 if k.sun else 1.6, height=h, bgcolor=k["ink"])

    def at(x: float, what: ft.Control) -> ft.Control:  # by alignment: as items of the row they would take width
        return ft.Container(what, alignment=ft.Alignment(x, 0), left=0, right=0, top=0, height=h)

    merged = limit.intervention == limit.screening
    if not merged:
        parts.append(at(0, tick()))
    if limit.intervention is not None:
        double = ft.Row([ft.Container(width=15), tick(), ft.Container(width=2), tick()], spacing=0, tight=True)
        parts.append(at(0.6, double))
    return ft.Stack(parts, height=h)


class Layer(NamedTuple):
    """One layer as it is drawn; `word` is its soil in the reader's language."""

    top: float
    bottom: float
    texture: str
    word: str


def core(
    k: Kit, width: float, height: float, deep: float, marks: list[tuple[float, str, Judgement | None]],
    brackets: list[tuple[float, float]], now: float | None, bars: bool, *, analyte: str = "",
    layers: Sequence[Layer] = (), water: float | None = None,
) -> ft.Control:  # fmt: skip
    """The strip of ground: surface on top, layers by their pattern, what is not drilled dashed, water as a line, a bracket
    per sample, a mark per reading. Its text lists the same."""
    from field_app.pages.soil import ground

    top, x0, wide = 20.0, 30.0, 46.0 if bars else 32.0
    end = max((s.bottom for s in layers), default=0.0)
    deep = max(deep, 1.0, end, *(d for d, _, _ in marks), *(b for _, b in brackets), now or 0, water or 0)
    scale = (height - top - 14) / deep

    def y(depth: float) -> float:
        return round(top + depth * scale, 1)

    def text(s: str, x: float, at: float, size: float, align: ft.Alignment, bold: bool = False, color: str = "ink-2"):
        style = k.style(size / k.scale, bold, color)  # ticks keep their size: they stand between fixed lines
        return cv.Text(x, at, s, style=style, alignment=align)

    right = ft.Alignment.CENTER_RIGHT
    shapes: list[Any] = [text("m", 2, 8, 11, ft.Alignment.CENTER_LEFT)]
    every = 1 if deep <= 12 else 5 if deep <= 60 else 20
    for metre in range(0, int(deep) + 1, every):
        shapes += [cv.Line(25, y(metre), x0, y(metre), stroke(k["line-strong"], 1.5)),
                   text(str(metre), 22, y(metre), 12, right)]  # fmt: skip
    for layer in layers:
        shapes += ground(k, layer.texture, x0, y(layer.top), wide, y(layer.bottom) - y(layer.top))
        if layer.top:
            shapes.append(cv.Line(x0, y(layer.top), x0 + wide, y(layer.top), stroke(k["soil-line"], 1.5)))
    if end < deep:
        shapes.append(cv.Rect(x0, y(end), wide, y(deep) - y(end), paint=stroke(k["ink"], 1.5, [4, 3])))
    if end:
        shapes.append(cv.Rect(x0, top, wide, y(end) - top, paint=stroke(k["ink"], 1.5)))
    shapes.append(cv.Line(26, top, width - 6, top, stroke(k["ink"], 2)))
    if water is not None:
        at, x = y(water), x0 + wide - 9
        shapes += [cv.Line(x0, at, x0 + wide, at, stroke(k["active"], 2.5)),
                   polygon(fill(k["active"]), (x - 5, at - 8), (x + 5, at - 8), (x, at - 1))]  # fmt: skip
    for a, b in brackets:
        x = x0 + wide + 6
        shapes.append(
            polyline(stroke(k["ink"], 2.5), (x, y(a) + 2), (x + 6, y(a) + 2), (x + 6, y(b) - 2), (x, y(b) - 2))
        )
    start, span = x0 + wide + 20, width - (x0 + wide + 20) - 44
    if bars:
        low, high = start + span * 0.5, start + span * 0.8
        shapes += [cv.Line(low, top, low, y(deep), stroke(k["ink"], 1.4)), cv.Line(high, top, high, y(deep), stroke(k["ink"], 1)),
                   cv.Line(high + 3, top, high + 3, y(deep), stroke(k["ink"], 1))]  # fmt: skip
    for depth, shown, judged in marks:
        state = judged.state if judged else ""
        color = k[JUDGED[state][1]]
        x = width - 14.0
        if bars:
            value = Decimal(shown) if shown and shown[0] not in "<." else None
            known = judged.limit if judged else None
            x = start + (span * fraction(value, known) if value is not None and known else 0)
            shapes.append(cv.Line(start, y(depth), x, y(depth), stroke(color, 5)))
            shapes.append(
                text(shown, width - 4, y(depth), 12, right, True, "ink" if state in ("", "below") else JUDGED[state][1])
            )
        if state in ("above_screening", "above_intervention"):
            shapes.append(polygon(fill(color), (x - 6.5, y(depth) + 6), (x, y(depth) - 6), (x + 6.5, y(depth) + 6)))
        else:
            shapes.append(cv.Circle(x, y(depth), 4.5, fill(color)))
    if now is not None:
        shapes += [cv.Line(26, y(now), x0 + wide + 5, y(now), stroke(k["primary"], 4)),
                   polygon(fill(k["primary"]), (26, y(now)), (17, y(now) - 7), (17, y(now) + 7))]  # fmt: skip
    told = [k.say("point.core", depth=f"{deep:g}")]
    told += [k.say("core.layer", what=s.word, top=f"{s.top:g}", bottom=f"{s.bottom:g}") for s in layers]
    told += [k.say("core.water", m=f"{water:.2f}")] if water is not None else []
    told += [k.say("core.sample", top=f"{a:g}", bottom=f"{b:g}") for a, b in brackets]
    told += [k.say("core.reading", what=analyte, m=f"{d:g}", value=s).strip() for d, s, _ in marks]
    canvas = cv.Canvas(shapes, width=width, height=height)
    return ft.Semantics(label=k.say("core.between").join(told), image=True, container=True, content=canvas)
