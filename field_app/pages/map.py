"""Map without tiles: boundary, planned points by state, and me. Only what is in view goes to the client."""

from __future__ import annotations

import asyncio
from math import cos, floor, log2, radians

import flet as ft
import flet_map as fm

from field_app.book import PointRow
from field_app.kit import I, Kit, column
from field_app.pages.draw import STATES, symbol
from field_app.pages.shell import call, frame, guard, next_bar, page, part
from field_app.pages.today import group_names, metres, where
from field_app.state import State
from schemas.rules.geo import contains, distance_to_boundary_m

MOST = 300  # markers at once: 1 000 make a gesture take a second
CELL = 72  # pixels of a cluster's cell
EARTH = 156_543.03392  # metres per pixel at zoom 0 on the equator


def pixel_m(lat: float, zoom: float) -> float:
    return EARTH * cos(radians(lat)) / 2**zoom


def in_view(rows: list[PointRow], lon: float, lat: float, zoom: float, width: float, height: float) -> list[PointRow]:
    """Points inside the window, with a margin of half a window so that a small pan needs nothing new."""
    per = pixel_m(lat, zoom)
    dlat, dlon = height * per / 110_900, width * per / (111_320 * cos(radians(lat)))
    return [r for r in rows if abs(r.lat - lat) <= dlat and abs(r.lon - lon) <= dlon]


def clustered(rows: list[PointRow], lat: float, zoom: float, most: int = MOST) -> list[list[PointRow]]:
    """Each point alone while there are few; else those of one grid cell together."""
    if len(rows) <= most:
        return [[r] for r in rows]
    size = CELL * pixel_m(lat, zoom)
    while True:
        cells: dict[tuple[int, int], list[PointRow]] = {}
        for r in rows:
            at = (floor(r.lat * 110_900 / size), floor(r.lon * 111_320 * cos(radians(lat)) / size))
            cells.setdefault(at, []).append(r)
        if len(cells) <= most:
            return list(cells.values())
        size *= 1.5


def whole(rows: tuple[PointRow, ...], rings: list, width: float, height: float) -> tuple[float, float, float]:
    """(lon, lat, zoom) that shows the site."""
    places = [(r.lon, r.lat) for r in rows] + [(float(x), float(y)) for ring in rings for x, y in ring]
    if not places:
        return 116.39, 39.9, 4.0
    lons, lats = [p[0] for p in places], [p[1] for p in places]
    lon, lat = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
    wide = max((max(lons) - min(lons)) * 111_320 * cos(radians(lat)), 30)
    tall = max((max(lats) - min(lats)) * 110_900, 30)
    per = max(wide / max(width - 80, 100), tall / max(height - 140, 100))
    return lon, lat, min(20.0, max(3.0, log2(EARTH * cos(radians(lat)) / per)))


def here_at(lon: float, lat: float) -> fm.MapLatitudeLongitude:
    return fm.MapLatitudeLongitude(lat, lon)


def halo(k: Kit, text: str, size: float, bold: bool) -> ft.Control:
    """Text that stays readable over lines: its outline in the ground's colour below it."""
    size /= k.scale**0.5
    style = k.style(size, True)
    outline = ft.TextStyle(size=style.size, weight=style.weight, font_family=style.font_family, letter_spacing=0, font_family_fallback=style.font_family_fallback,
                           foreground=ft.Paint(color=k["surface"], style=ft.PaintingStyle.STROKE, stroke_width=4, stroke_join=ft.StrokeJoin.ROUND))  # fmt: skip
    return ft.Stack([ft.Text(text, style=outline, no_wrap=True), ft.Text(text, style=style, no_wrap=True)])


def marker(state: State, k: Kit, row: PointRow, chosen: bool) -> fm.Marker:
    def pick() -> None:
        state.selected = row.id

    word = k.say(f"state.{row.state}") + (f"，{k.say(f'judge.{row.worst}')}" if row.worst else "")
    stack = ft.Stack(
        [ft.Container(symbol(k, row.state, row.worst, chosen), left=12, top=10),
         ft.Container(halo(k, row.code, 14 if chosen else 12, chosen), left=0, right=0, top=46, alignment=ft.Alignment.CENTER)],
        width=64, height=66,
    )  # fmt: skip
    name = ft.Semantics(label=f"{row.code} {word}", button=True, selected=chosen, exclude_semantics=True, content=stack)
    return fm.Marker(
        coordinates=here_at(row.lon, row.lat),
        width=64,
        height=66,
        content=ft.GestureDetector(name, on_tap=guard(state, pick)),
    )


@part
def Chart(state: State, k: Kit, width: float, height: float):
    """The map itself. Listens to the position; redrawn for a pan only when the points in view change."""
    ft.use_state(state.here)
    rings = ((state.book.site or {}).get("boundary") or {}).get("rings", [])
    start = ft.use_memo(lambda: whole(state.book.rows, rings, width, height), [state.book.project_id, width, height])
    view, set_view = ft.use_state(start)
    ref = ft.use_ref(None)
    pending = ft.use_ref(None)
    lon, lat, zoom = view

    async def settle(e: fm.MapPositionChangeEvent) -> None:
        at = (e.coordinates.longitude, e.coordinates.latitude, e.camera.zoom)
        pending.current = at
        await asyncio.sleep(0.2)
        moved = (
            abs(at[2] - view[2]) > 0.3
            or abs(at[0] - view[0]) + abs(at[1] - view[1]) > 100 * pixel_m(at[1], at[2]) / 111_000
        )
        if pending.current == at and moved and len(state.book.rows) > 50:  # a small site is always there as a whole
            set_view(at)

    def asks(fn):
        async def run() -> None:
            if ref.current is not None:
                await asyncio.wait_for(fn(ref.current), 5)

        return guard(state, run)

    def to_me():
        fix = state.here.fix
        return asks(lambda m: m.move_to(here_at(fix.lon, fix.lat), zoom=19.0)) if fix else guard(state, lambda: None)

    groups = clustered(in_view(state.rows(), lon, lat, zoom, width, height), lat, zoom)
    markers = []
    for cell in groups:
        if len(cell) == 1:
            markers.append(marker(state, k, cell[0], cell[0].id == state.selected))
            continue
        x, y = sum(r.lon for r in cell) / len(cell), sum(r.lat for r in cell) / len(cell)
        disc = ft.Container(
            k.t(str(len(cell)), 15, True, "on-primary"),
            width=52,
            height=52,
            border_radius=26,
            bgcolor=k["primary"],
            alignment=ft.Alignment.CENTER,
        )
        name = ft.Semantics(label=k.say("map.cluster", n=len(cell)), button=True, exclude_semantics=True, content=disc)
        closer = asks(lambda m, x=x, y=y: m.move_to(here_at(x, y), zoom=min(zoom + 2, 21.0)))
        markers.append(
            fm.Marker(coordinates=here_at(x, y), width=56, height=56, content=ft.GestureDetector(name, on_tap=closer))
        )
    fix = state.here.fix
    layers: list = []
    for ring in rings:
        line = [here_at(float(x), float(y)) for x, y in ring]
        layers.append(
            fm.PolygonLayer(polygons=[fm.PolygonMarker(coordinates=line, color=k["surface"], border_stroke_width=0)])
        )
        layers.append(
            fm.PolylineLayer(
                polylines=[
                    fm.PolylineMarker(
                        coordinates=line,
                        color=k["ink"],
                        stroke_width=2.5,
                        stroke_pattern=fm.DashedStrokePattern(segments=[12, 4, 3, 4]),
                    )
                ]
            )
        )
    if fix is not None:
        circle = fm.CircleMarker(coordinates=here_at(fix.lon, fix.lat), radius=max(fix.accuracy_m or 1, 0.5), use_radius_in_meter=True,
                                 color=ft.Colors.with_opacity(0.25, k["active"]), border_color=k["active"], border_stroke_width=1.5)  # fmt: skip
        layers.append(fm.CircleLayer(circles=[circle]))
        target = state.row(state.selected) if state.selected else None
        if target is not None:
            layers.append(
                fm.PolylineLayer(
                    polylines=[
                        fm.PolylineMarker(
                            coordinates=[here_at(fix.lon, fix.lat), here_at(target.lon, target.lat)],
                            color=k["primary"],
                            stroke_width=3,
                            stroke_pattern=fm.DottedStrokePattern(spacing_factor=2.4),
                        )
                    ]
                )
            )
        dot = ft.Semantics(
            label=k.say("map.my_place", m=f"{fix.accuracy_m or 0:.1f}"),
            container=True,
            content=ft.Icon(I.NAVIGATION, size=30, color=k["active"]),
        )
        markers.append(fm.Marker(coordinates=here_at(fix.lon, fix.lat), width=40, height=40, content=dot))
    layers.append(fm.MarkerLayer(markers=markers))
    chart = fm.Map(
        ref=ref, layers=layers, initial_center=here_at(start[0], start[1]), initial_zoom=start[2], min_zoom=3, max_zoom=22,
        bgcolor=k["paper"], expand=True, keep_alive=True, on_position_change=guard(state, settle),
        interaction_configuration=fm.InteractionConfiguration(flags=fm.InteractionFlag.ALL & ~fm.InteractionFlag.ROTATE),
    )  # fmt: skip
    keys = ft.Column(
        [
            k.button("", asks(lambda m: m.zoom_in()), "plain", I.ADD, w=56, pad=0, name=k.say("map.in")),
            k.button("", asks(lambda m: m.zoom_out()), "plain", I.REMOVE, w=56, pad=0, name=k.say("map.out")),
            k.button("", asks(lambda m: m.move_to(here_at(start[0], start[1]), zoom=float(start[2]))), "plain", I.ZOOM_OUT_MAP, w=56, pad=0, name=k.say("map.all")),
            k.button("", to_me(), "plain", I.MY_LOCATION, w=56, pad=0, name=k.say("map.me")),
        ],
        spacing=8, right=12, bottom=12,
    )  # fmt: skip
    note = ft.Container(k.chip(I.LAYERS_CLEAR_OUTLINED, k.say("map.no_tiles"), "planned"), left=12, top=12)
    return ft.Stack([chart, note, keys], expand=True)


def outside(state: State, k: Kit) -> list[ft.Control]:
    """Message 4, only where the position is good enough to say so."""
    rings, fix = ((state.book.site or {}).get("boundary") or {}).get("rings", []), state.here.fix
    if not rings or fix is None:
        return []
    pairs = [[(float(x), float(y)) for x, y in ring] for ring in rings]
    if contains(pairs, fix.lon, fix.lat):
        return []
    away = abs(distance_to_boundary_m(pairs, fix.lon, fix.lat))
    if away <= (fix.accuracy_m or 0):
        return []
    return [k.judge("warn", I.WARNING_AMBER, k.say("map.outside", m=metres(away)), k.say("map.outside.why"))]


@part
def Target(state: State, k: Kit):
    """The chosen point: how far, in which direction."""
    ft.use_state(state.here)
    row = state.row(state.selected) if state.selected else None
    if row is None:
        return column(*outside(state, k), k.card(k.t(k.say("map.pick"), 16, color="ink-2")), spacing=10)
    far, turn = where(k, row)
    icon, color = STATES[row.state]
    compass = ft.Container(
        ft.Icon(I.NAVIGATION, size=44, color=k["primary"], rotate=radians(row.bearing or 0)), width=84, height=84, border_radius=42,
        bgcolor=k["sunken"], border=k.edge("line-strong", 2), alignment=ft.Alignment.CENTER,
    )  # fmt: skip
    number = k.val(far.removesuffix(" m"), "m", 44, unit_size=18) if far else k.t(k.say("map.no_fix"), 18, True)
    texts = column(
        ft.Row([k.t(k.say("map.go", code=row.code), 18, True), k.chip(icon, k.say(f"state.{row.state}"), color)], spacing=8, wrap=True),
        number, k.t(turn, 20, True), expand=True,
    )  # fmt: skip
    groups = [k.t(group_names(k, row.groups, 4), 14, color="ink-2")] if row.groups else []
    return column(*outside(state, k), k.card(ft.Row([compass, texts], spacing=14), *groups), spacing=10)


def legend(k: Kit) -> ft.Control:
    pairs = [
        ("planned", ""),
        ("active", ""),
        ("done", ""),
        ("moved", ""),
        ("refused", ""),
        ("done", "above_screening"),
        ("done", "above_intervention"),
    ]
    lines = []
    for a in range(0, len(pairs), 2):
        row = [
            ft.Row(
                [symbol(k, s, w, size=40), k.t(k.say(f"judge.{w}" if w else f"state.{s}"), 15, expand=True)],
                spacing=4,
                expand=1,
            )
            for s, w in pairs[a : a + 2]
        ]
        lines.append(ft.Row(row + ([ft.Container(expand=1)] if len(row) < 2 else [])))
    return k.card(k.t(k.say("map.legend"), 14, True, "ink-2"), *lines, spacing=0)


@page
def MapPage(state: State, k: Kit):
    row = state.row(state.selected) if state.selected else None
    button = None
    if row is not None:
        word = "map.start" if row.state == "planned" else "map.open"
        button = k.button(
            k.say(word, code=row.code),
            call(state, state.open, row.id),
            "next",
            I.ARROW_FORWARD,
            h=64,
            size=19,
            expand=True,
        )
    title, sub = k.say("map"), (state.book.project or {}).get("name", "")
    if state.wide:
        height = state.height - 116
        side = ft.Column(
            [
                ft.Container(
                    ft.Column([Target(), legend(k)], spacing=12, scroll=ft.ScrollMode.AUTO),
                    expand=True,
                    padding=ft.Padding.only(left=16, right=16, top=12),
                ),
                *([next_bar(k, button)] if button else []),
            ],
            spacing=0,
        )
        body = ft.Row(
            [
                ft.Container(Chart(state.width - 92 - 336, height), expand=True),
                ft.Container(side, width=336, border=ft.Border.only(left=ft.BorderSide(k.stroke, k["line"]))),
            ],
            spacing=0,
            expand=True,
            vertical_alignment="stretch",
        )
        return frame(state, k, title, sub, body)
    height = state.height - 116 - 72 - 240
    card = ft.Container(Target(), padding=ft.Padding.only(left=16, right=16, top=10, bottom=10))
    body = ft.Column(
        [ft.Container(Chart(state.width, height), expand=True), card],
        spacing=0,
        expand=True,
        horizontal_alignment="stretch",
    )
    return frame(state, k, title, sub, body, foot=next_bar(k, button) if button else None)
