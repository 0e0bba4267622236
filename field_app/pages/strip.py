"""The core of the visit being worked on: layers, water, samples, and the readings of one analyte."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.book import SEVERITY, decimal
from field_app.kit import Kit
from field_app.pages import soil
from field_app.pages.draw import Layer, core
from field_app.visit import Visit, shown
from field_app.visit.digits import figure
from schemas.rules.limits import Judgement


def strip(k: Kit, visit: Visit, width: float, height: float, bars: bool, now: str = "") -> ft.Control:
    """`now`: the step whose place is pointed at (readings, layers). While readings are typed those of the analyte at hand
    are shown, else those of the worst one."""
    wanted = visit.parameter if now == "readings" else (highest(visit) or ("", None, None))[0]
    marks: list[tuple[float, str, Judgement | None]] = []
    for values in visit.readings.values():
        if values["parameter"] == wanted and decimal(values.get("depth_top_m")) is not None:
            marks.append((float(values["depth_top_m"]), shown(values), visit.book.judged(values)))
    brackets = [
        (float(a), float(b))
        for s in visit.samples.values()
        if (a := figure(s.get("depth_top_m"))) is not None
        and (b := figure(s.get("depth_bottom_m"))) is not None
        and b > a
    ]
    deep = float(decimal(visit.planned.get("target_depth_m")) or 6)
    at = {"readings": lambda: float(visit.depth), "layers": lambda: pointer(visit)}.get(now, lambda: None)()
    return core(
        k, width, height, deep, sorted(marks, key=lambda m: m[0]), brackets, at, bars, analyte=wanted,
        layers=drawn(k, visit), water=float(visit.water) if visit.water is not None else None,
    )  # fmt: skip


def drawn(k: Kit, visit: Visit) -> list[Layer]:
    """The layers that have a top and a bottom."""
    out = []
    for _, values in visit.layers:
        top, bottom = figure(values.get("top_m")), figure(values.get("bottom_m"))
        if top is not None and bottom is not None and bottom > top:
            texture = values.get("texture", "")
            word = k.of(soil.name(texture)) if texture else k.say("core.unknown")
            out.append(Layer(float(top), float(min(bottom, 200)), texture, word))
    return out


def pointer(visit: Visit) -> float:
    """Where the layer at hand ends so far."""
    bottom = figure(visit.layer_bottom)
    return float(bottom if bottom is not None and not visit.layer_wrong() else visit.layer_top)


def highest(visit: Visit) -> tuple[str, dict[str, Any], Judgement] | None:
    """The reading that lies worst against its limit."""

    def rank(found: tuple[str, dict[str, Any], Judgement]) -> tuple[int, float]:
        judged, value = found[2], decimal(found[1].get("value"))
        low = judged.limit.screening if judged.limit else None
        return SEVERITY.index(judged.state), float(value / low) if value is not None and low else 0.0

    all_ = [(v["parameter"], v, j) for v in visit.readings.values() if (j := visit.book.judged(v)) is not None]
    return max(all_, key=rank, default=None)
