"""From here to where something was found, or is said to be: distance and bearing, in a card, in one line, beside an outline."""

from __future__ import annotations

from collections.abc import Sequence

import flet as ft
import flet.canvas as cv

from field_app.book import PointRow
from field_app.desks.stake import Guide, guide
from field_app.kit import I, Kit
from field_app.pages.draw import fill, polygon, stroke
from field_app.pages.shell import part
from field_app.pages.stakeout import bar, bearing_words, dial, doubt, number
from field_app.pages.today import metres
from field_app.state import State
from schemas.rules.geo import Area, distance_and_bearing, distance_to_boundary_m

SPOT_M, GATE_M = 3.0, 10.0  # so near counts as the same spot; a fix poorer than the second proves nothing beyond it
Place = tuple[float, float]  # longitude and latitude


def guide_to(state: State, place: Place) -> Guide:
    """From here to there."""
    row = PointRow("", "", *place, "planned", "", "", 0, (), "", 0)
    now = state.now()
    return guide(row, state.here.fix, state.here.heading(now), now, SPOT_M, GATE_M)


@part
def WayCard(state: State, k: Kit, place: Place, title: str):
    """Listens to the position."""
    ft.use_state(state.here)
    g = guide_to(state, place)
    head = k.t(title, 15, True, "ink-2")
    if g.problem == "none":
        why = k.say(f"pos.none.{state.here.problem}")
        return k.card(head, ft.Row([k.icon(I.LOCATION_SEARCHING, 24, "ink-2"), k.t(why, 16, expand=True)], spacing=8))
    face = ft.Row([dial(k, g, 96), ft.Container(number(k, g), expand=True)], spacing=14,
                  vertical_alignment=ft.CrossAxisAlignment.CENTER)  # fmt: skip
    return k.card(head, face, *bar(k, g), *doubt(k, g), spacing=10)


def line(k: Kit, g: Guide) -> str:
    """The same in one line, over the lens."""
    if g.problem == "none":
        return k.say("map.no_fix")
    if g.problem in ("stale", "mocked"):
        return k.say("stake.old", s=f"{g.age_s:.0f}") if g.problem == "stale" else k.say("stake.mocked")
    if g.there:
        return k.say("way.there", m=metres(g.within_m))
    key = "way.doubt" if g.problem == "vague" else "way.off"
    return k.say(key, m=metres(g.metres), turn=bearing_words(k, g.bearing), acc=metres(g.accuracy_m or 0))


# --- an area ----------------------------------------------------------------------------------------------------------


@part
def AreaCard(state: State, k: Kit, area: Area, title: str, width: float):
    """The outline, north up, with whoever stands near it; inside, or how far outside."""
    ft.use_state(state.here)
    fix, now = state.here.fix, state.now()
    me = (fix.lon, fix.lat) if fix is not None else None
    tall = 150.0
    drawn = cv.Canvas(outline(k, area.rings, me, width, tall), width=width, height=tall)
    seen = ft.Semantics(label=k.say("way.area"), image=True, container=True, exclude_semantics=True, content=drawn)
    said = ""
    if fix is not None and me is not None and fix.age_s(now) <= 60:
        away = distance_to_boundary_m(area.rings, *me)
        sure = fix.accuracy_m is not None and fix.accuracy_m <= max(away, GATE_M)
        inside = area.contains(*me)
        said = (
            k.say("way.vague") if not sure else k.say("way.inside") if inside else k.say("way.outside", m=metres(away))
        )
    frame = ft.Container(seen, bgcolor=k["sunken"], border_radius=10, clip_behavior=ft.ClipBehavior.ANTI_ALIAS)
    return k.card(k.t(title, 15, True, "ink-2"), frame, *([k.t(said, 16, True)] if said else []), spacing=8)


def outline(
    k: Kit, rings: Sequence[Sequence[tuple[float, float]]], me: Place | None, width: float, tall: float
) -> list[cv.Shape]:
    """Drawn so that it fills the paper; who is far off is at the edge of it."""
    lons, lats = [p[0] for p in rings[0]], [p[1] for p in rings[0]]
    mid = ((min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2)
    span_x = distance_and_bearing(min(lons), mid[1], max(lons), mid[1])[0]
    span_y = distance_and_bearing(mid[0], min(lats), mid[0], max(lats))[0]
    pad = 24.0
    scale = min((width - 2 * pad) / max(span_x, 1.0), (tall - 2 * pad) / max(span_y, 1.0))
    east, north = (
        (span_x / (max(lons) - min(lons)) if max(lons) > min(lons) else 0.0),
        (span_y / (max(lats) - min(lats)) if max(lats) > min(lats) else 0.0),
    )

    def at(lon: float, lat: float) -> tuple[float, float]:
        return width / 2 + (lon - mid[0]) * east * scale, tall / 2 - (lat - mid[1]) * north * scale

    shapes: list[cv.Shape] = []
    for n, ring in enumerate(rings):
        corners = [at(*p) for p in ring]
        if n == 0:
            shapes.append(polygon(fill(ft.Colors.with_opacity(0.25, k["warn"])), *corners))
        shapes.append(polygon(stroke(k["warn"], 3), *corners))
    if me is not None and east and north:
        x, y = at(*me)
        x, y = min(width - 10, max(10.0, x)), min(tall - 10, max(10.0, y))
        shapes += [cv.Circle(x, y, 8, paint=fill(k["surface"])), cv.Circle(x, y, 6, paint=fill(k["primary"]))]
    return shapes
