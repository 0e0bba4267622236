"""The map itself: window, grid or base map, boundary, points, me. Only what is in view is looked at and goes to the client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import cos, floor, log2, log10, radians
from typing import Any

import flet as ft
import flet_map as fm

from field_app.book import PointRow
from field_app.capture.position import STALE_S
from field_app.kit import I, Kit
from field_app.nearby import Box, Mark, belongs
from field_app.pages.draw import symbol
from field_app.pages.shell import guard, part
from field_app.state import State

View = tuple[float, float, float]  # lon, lat, zoom
EARTH = 156_543.03392  # metres per pixel at zoom 0 on the equator
SMALL = 50  # so few points are always there as a whole
GRID = 56  # pixels a grid's cell has at least
MIN_ZOOM, MAX_ZOOM = 3, 22
LOW = 340  # pixels: below, the keys stand two by two


def pixel_m(lat: float, zoom: float) -> float:
    return EARTH * cos(radians(lat)) / 2**zoom


def around(view: View, width: float, height: float) -> Box:
    """The window and half of one more on each side, so that a small pan needs nothing new."""
    lon, lat, zoom = view
    per = pixel_m(lat, zoom)
    dlat, dlon = height * per / 110_900, width * per / (111_320 * cos(radians(lat)))
    return Box(lon - dlon, lat - dlat, lon + dlon, lat + dlat)


def whole(box: Box | None, rings: list, width: float, height: float) -> View:
    """(lon, lat, zoom) that shows the site."""
    places = [(float(x), float(y)) for ring in rings for x, y in ring]
    if box is not None:
        places += [(box.west, box.south), (box.east, box.north)]
    if not places:
        return 116.39, 39.9, 4.0
    lons, lats = [p[0] for p in places], [p[1] for p in places]
    lon, lat = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
    wide = max((max(lons) - min(lons)) * 111_320 * cos(radians(lat)), 30)
    tall = max((max(lats) - min(lats)) * 110_900, 30)
    per = max(wide / max(width - 64, 100), tall / max(height - 110, 100))
    return lon, lat, min(20.0, max(float(MIN_ZOOM), log2(EARTH * cos(radians(lat)) / per)))


def grid_step(lat: float, zoom: float) -> float:
    """Metres between two lines: 1, 2 or 5 times a power of ten."""
    least = GRID * pixel_m(lat, zoom)
    power = 10.0 ** floor(log10(least))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= least)


def step_words(step: float) -> str:
    return f"{step:g} m" if step < 1000 else f"{step / 1000:g} km"


def grid(k: Kit, view: View, at_lat: float, width: float, height: float) -> list[fm.PolylineMarker]:
    """Lines that stay where they are while the window moves: `at_lat` says how long a degree is, for the whole site."""
    step, box = grid_step(view[1], view[2]), around(view, width, height)
    dlat, dlon = step / 110_900, step / (111_320 * cos(radians(at_lat)))
    lines = [
        ((n * dlon, box.south), (n * dlon, box.north))
        for n in range(floor(box.west / dlon), floor(box.east / dlon) + 1)
    ]
    lines += [
        ((box.west, n * dlat), (box.east, n * dlat))
        for n in range(floor(box.south / dlat), floor(box.north / dlat) + 1)
    ]
    return [
        fm.PolylineMarker(coordinates=[here_at(*a), here_at(*b)], color=k["line"], stroke_width=1) for a, b in lines
    ]


def here_at(lon: float, lat: float) -> fm.MapLatitudeLongitude:
    return fm.MapLatitudeLongitude(lat, lon)


def halo(k: Kit, text: str, size: float) -> ft.Control:
    """Text that stays readable over lines: its outline in the ground's colour below it."""
    style = k.style(size / k.scale**0.5, True)
    outline = ft.TextStyle(size=style.size, weight=style.weight, font_family=style.font_family, letter_spacing=0, font_family_fallback=style.font_family_fallback,
                           foreground=ft.Paint(color=k["surface"], style=ft.PaintingStyle.STROKE, stroke_width=4, stroke_join=ft.StrokeJoin.ROUND))  # fmt: skip
    return ft.Stack([ft.Text(text, style=outline, no_wrap=True), ft.Text(text, style=style, no_wrap=True)])


def marker(state: State, k: Kit, row: PointRow, chosen: bool) -> fm.Marker:
    def pick() -> None:
        state.selected = row.id
        state.ground.panel = ""  # on a tablet it stands where the point is told of

    word = k.say(f"state.{row.state}") + (f"，{k.say(f'judge.{row.worst}')}" if row.worst else "")
    stack = ft.Stack(
        [ft.Container(symbol(k, row.state, row.worst, chosen), left=12, top=10),
         ft.Container(halo(k, row.code, 14 if chosen else 12), left=-16, right=-16, top=46, alignment=ft.Alignment.CENTER)],
        width=64, height=66, clip_behavior=ft.ClipBehavior.NONE,
    )  # fmt: skip
    name = ft.Semantics(label=f"{row.code} {word}", button=True, selected=chosen, exclude_semantics=True, content=stack)
    tap = ft.GestureDetector(name, on_tap=guard(state, pick))
    return fm.Marker(coordinates=here_at(row.lon, row.lat), width=64, height=66, content=tap)


def crowd(k: Kit, mark: Mark, closer: Callable[[], Any]) -> fm.Marker:
    """Points too close together to be drawn apart: how many, and a tap brings them nearer."""
    size = 52 if mark.n < 1000 else 60
    text = str(mark.n) if mark.n < 10_000 else f"{mark.n / 1000:.0f}k"
    disc = ft.Container(
        k.t(text, 15 / k.scale**0.5, True, "on-primary", no_wrap=True), width=size, height=size, border_radius=size / 2,
        bgcolor=k["primary"], border=ft.Border.all(2, k["surface"]), alignment=ft.Alignment.CENTER,
    )  # fmt: skip
    name = ft.Semantics(label=k.say("map.cluster", n=mark.n), button=True, exclude_semantics=True, content=disc)
    tap = ft.GestureDetector(name, on_tap=closer)
    return fm.Marker(coordinates=here_at(mark.lon, mark.lat), width=60, height=60, content=tap)


def borders(k: Kit, rings: list, filled: bool) -> list[fm.MapLayer]:
    """`filled`: without a base map the site is lighter than what surrounds it."""
    out: list[fm.MapLayer] = []
    lines = [[here_at(float(x), float(y)) for x, y in ring] for ring in rings]
    if filled and lines:
        out.append(
            fm.PolygonLayer([fm.PolygonMarker(line, color=k["surface"], border_stroke_width=0) for line in lines])
        )
    dashes = fm.DashedStrokePattern(segments=[12, 4, 3, 4])
    edges = [
        fm.PolylineMarker(coordinates=line, color=k["ink"], stroke_width=2.5, stroke_pattern=dashes) for line in lines
    ]
    return [*out, fm.PolylineLayer(polylines=edges)] if edges else out


def me(state: State, k: Kit) -> list[fm.MapLayer]:
    """Where I am, how sure that is, and the way to the chosen point. An old or made-up position is grey."""
    fix = state.here.fix
    if fix is None:
        return []
    now = state.now()
    old = fix.age_s(now) > STALE_S
    color, heading = k["planned" if old or fix.mocked else "active"], state.here.heading(now)
    out: list[fm.MapLayer] = [fm.CircleLayer(circles=[
        fm.CircleMarker(coordinates=here_at(fix.lon, fix.lat), radius=max(fix.accuracy_m or 1, 0.5), use_radius_in_meter=True,
                        color=ft.Colors.with_opacity(0.25, color), border_color=color, border_stroke_width=1.5)
    ])]  # fmt: skip
    target = state.book.by_id.get(state.selected)
    if target is not None:
        ends = [here_at(fix.lon, fix.lat), here_at(target.lon, target.lat)]
        dots = fm.DottedStrokePattern(spacing_factor=2.4)
        way = fm.PolylineMarker(coordinates=ends, color=k["primary"], stroke_width=3, stroke_pattern=dots)
        out.append(fm.PolylineLayer(polylines=[way]))
    acc = f"{fix.accuracy_m:.1f}" if fix.accuracy_m is not None else "–"
    label = k.say("map.old_place", s=f"{fix.age_s(now):.0f}") if old else k.say("map.my_place", m=acc)
    icon = ft.Icon(
        I.NAVIGATION if heading is not None else I.MY_LOCATION, size=30, color=color, rotate=radians(heading or 0)
    )
    dot = ft.Semantics(label=label, container=True, content=icon)
    return [
        *out,
        fm.MarkerLayer(markers=[fm.Marker(coordinates=here_at(fix.lon, fix.lat), width=40, height=40, content=dot)]),
    ]


@part
def Chart(state: State, k: Kit, width: float, height: float):
    """The map itself. A fix moves only what shows me; a pan that goes far enough asks anew what is in view."""
    ft.use_state(state.here)
    ft.use_state(state.ground)
    book, ground = state.book, state.ground
    rings = ((book.site or {}).get("boundary") or {}).get("rings", [])
    start = ft.use_memo(
        lambda: whole(book.places.box, rings, width, height), [book.project_id, book.read, width, height]
    )
    view, set_view = ft.use_state(start)
    ref, pending, shown = ft.use_ref(None), ft.use_ref(None), ft.use_ref(None)
    shown.current = view

    async def settle(e: fm.MapPositionChangeEvent) -> None:
        at = (e.coordinates.longitude, e.coordinates.latitude, e.camera.zoom)
        pending.current = at
        await asyncio.sleep(0.2)
        lon, lat, zoom = shown.current
        per = pixel_m(at[1], at[2])
        moved = max(
            abs(at[0] - lon) * 111_320 * cos(radians(lat)) / per / width, abs(at[1] - lat) * 110_900 / per / height
        )
        if pending.current == at and (abs(at[2] - zoom) > 0.3 or moved > 0.25):
            set_view(at)

    def asks(fn: Callable[[fm.Map], Any]) -> Callable[..., Any]:
        async def run() -> None:
            if ref.current is not None:
                await asyncio.wait_for(fn(ref.current), 5)

        return guard(state, run)

    async def to_me() -> None:
        fix = state.here.fix
        if fix is not None and ref.current is not None:
            await asyncio.wait_for(ref.current.move_to(here_at(fix.lon, fix.lat), zoom=19.0), 5)

    def marks() -> list[fm.Marker]:
        if len(book.rows) <= SMALL:
            found = [Mark(1, r.lon, r.lat, n) for n, r in enumerate(book.rows) if belongs(r.state, ground.wanted)]
        else:
            found = book.places.marks(around(view, width, height), view[2], ground.wanted)
        out, nearer = [], min(view[2] + 2, 21.0)
        for m in found:
            if m.at is not None:
                out.append(marker(state, k, book.rows[m.at], book.rows[m.at].id == state.selected))
            else:
                out.append(crowd(k, m, asks(lambda c, m=m: c.move_to(here_at(m.lon, m.lat), zoom=nearer))))
        return out

    tiles = ground.file
    on = ft.use_memo(marks, [book.places, view, ground.wanted, state.selected, k, width, height])
    lines = ft.use_memo(
        lambda: grid(k, view, start[1], width, height) if tiles is None else [], [view, tiles, k, width, height]
    )
    edges = ft.use_memo(lambda: borders(k, rings, tiles is None), [book.site, tiles, k])
    layers: list[Any] = (
        [*edges[:1], fm.PolylineLayer(polylines=lines), *edges[1:]]
        if len(edges) > 1
        else [fm.PolylineLayer(polylines=lines), *edges]
    )
    if tiles is not None:
        layers.insert(0, fm.TileLayer(
            url_template=ground.address, min_native_zoom=tiles.min_zoom, max_native_zoom=tiles.max_zoom, key=tiles.key,
            user_agent_package_name="jingtu",
        ))  # fmt: skip
    layers += [*me(state, k), fm.MarkerLayer(markers=on)]
    chart = fm.Map(
        ref=ref, layers=layers, initial_center=here_at(start[0], start[1]), initial_zoom=start[2], min_zoom=MIN_ZOOM, max_zoom=MAX_ZOOM,
        bgcolor=k["paper"], expand=True, keep_alive=True, on_position_change=guard(state, settle),
        interaction_configuration=fm.InteractionConfiguration(flags=fm.InteractionFlag.ALL & ~fm.InteractionFlag.ROTATE),
    )  # fmt: skip

    def key(act: Callable[..., Any] | None, icon: Any, name: str) -> ft.Control:
        return k.button("", act, "plain", icon, w=56, pad=0, name=k.say(name))

    all_of_it = asks(lambda m: m.move_to(here_at(start[0], start[1]), zoom=float(start[2])))
    near = [key(asks(lambda m: m.zoom_in()), I.ADD, "map.in"), key(asks(lambda m: m.zoom_out()), I.REMOVE, "map.out")]
    far = [
        key(all_of_it, I.ZOOM_OUT_MAP, "map.all"),
        key(guard(state, to_me) if state.here.fix else None, I.MY_LOCATION, "map.me"),
    ]
    stacked = [[*near, *far]] if height >= LOW else [far, near]
    columns = [ft.Column(list(some), spacing=8, tight=True) for some in stacked]
    keys = ft.Row(columns, spacing=8, tight=True, right=12, bottom=12)
    return ft.Stack([chart, ft.Container(notes(state, k, view, start), left=12, top=12, right=76), keys], expand=True)


def notes(state: State, k: Kit, view: View, start: View) -> ft.Control:
    """What the map does and does not show."""
    ground, out = state.ground, []
    if ground.problem:
        out.append(k.chip(I.BROKEN_IMAGE_OUTLINED, k.say(f"tiles.bad.{ground.problem}"), "warn"))
    if ground.file is None:
        step = step_words(grid_step(view[1], view[2]))
        out.append(k.chip(I.LAYERS_CLEAR_OUTLINED, k.say("map.no_tiles", step=step), "planned"))
    elif not ground.file.covers(start[0], start[1]):
        out.append(k.chip(I.WRONG_LOCATION_OUTLINED, k.say("tiles.elsewhere"), "warn"))
    else:
        said = ground.file.attribution or ground.file.name
        out.append(k.chip(I.LAYERS_OUTLINED, said if len(said) <= 32 else f"{said[:31]}…", "planned"))
        out.append(k.chip(I.COMPARE_ARROWS, k.say("tiles.datum"), "warn"))
    if ground.wanted != "all":
        out.append(k.chip(I.FILTER_LIST, k.say("map.filtered", what=k.say(f"state.{ground.wanted}")), "active"))
    return ft.Row(out, spacing=6, run_spacing=6, wrap=True)
