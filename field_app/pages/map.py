"""Map: where the points lie and where I am; the chosen point beside it, and the way to it."""

from __future__ import annotations

import functools
from math import radians

import flet as ft

from field_app.kit import I, Kit, column
from field_app.pages.chart import Chart
from field_app.pages.draw import STATES
from field_app.pages.ground import LayerPanel, filter_panel, legend
from field_app.pages.shell import call, frame, guard, next_bar, page, part, scroll
from field_app.pages.today import group_names, metres, where
from field_app.state import State


def outside(state: State, k: Kit) -> list[ft.Control]:
    """Message 4, only where the position is good enough to say so."""
    away = state.stake.outside
    if away is None:
        return []
    return [k.judge("warn", I.WARNING_AMBER, k.say("map.outside", m=metres(away)), k.say("map.outside.why"))]


@part
def Target(state: State, k: Kit):
    """The chosen point: how far, in which direction."""
    ft.use_state(state.here)
    row = state.row(state.selected) if state.selected else None
    if row is None:
        word = k.say("map.pick" if state.book.rows else "map.no_points")
        why = [] if state.book.rows else [k.t(k.say("map.no_points.why"), 14, color="ink-2")]
        return column(*outside(state, k), k.card(k.t(word, 16, color="ink-2"), *why), spacing=10)
    far, turn = where(k, row)
    icon, color = STATES[row.state]
    small = not state.wide and state.height < 800 * k.scale  # the map needs the room
    size = 56 if small else 84
    compass = ft.Container(
        ft.Icon(I.NAVIGATION, size=size * 0.52, color=k["primary"], rotate=radians(row.bearing or 0)), width=size, height=size, border_radius=size / 2,
        bgcolor=k["sunken"], border=k.edge("line-strong", 2), alignment=ft.Alignment.CENTER,
    )  # fmt: skip
    number = (
        k.val(far.removesuffix(" m"), "m", 32 if small else 44, unit_size=18)
        if far
        else k.t(k.say("map.no_fix"), 18, True)
    )
    texts = column(
        ft.Row([k.t(row.code, 18, True), k.chip(icon, k.say(f"state.{row.state}"), color)], spacing=8, run_spacing=2, wrap=True),
        ft.Row([number, k.t(turn, 18, True)], spacing=12, run_spacing=0, wrap=True,
               vertical_alignment=ft.CrossAxisAlignment.END), expand=True,
    )  # fmt: skip
    groups = [k.t(group_names(k, row.groups, 4), 14, color="ink-2")] if row.groups and not small else []
    return column(*outside(state, k), k.card(ft.Row([compass, texts], spacing=14), *groups), spacing=10)


@part
def Foot(state: State, k: Kit):
    """Where the chosen point is far: the way to it; where one stands on it: the work."""
    ft.use_state(state.here)
    row = state.row(state.selected) if state.selected else None
    if row is None:
        return ft.Container()
    word = {"planned": "map.start", "active": "map.continue"}.get(row.state, "map.open")
    guide = state.stake.guide(row)
    if guide is not None and guide.there:
        work = call(state, functools.partial(state.open, step="position"), row.id)
        return next_bar(
            k, k.button(k.say(word, code=row.code), work, "next", I.ARROW_FORWARD, h=64, size=19, expand=True)
        )
    quiet = k.button(k.say(word, code=row.code), call(state, state.open, row.id), "plain", h=64, expand=2, pad=8)
    go = call(state, functools.partial(state.go, "stakeout", planned=row.id))
    return next_bar(
        k,
        quiet,
        k.button(k.say("map.go", code=row.code), go, "next", I.NEAR_ME_OUTLINED, h=64, size=19, expand=3, pad=8),
    )


def panel(state: State, k: Kit) -> list[ft.Control]:
    return filter_panel(state, k) if state.ground.panel == "filter" else [LayerPanel()]


@page
def MapPage(state: State, k: Kit):
    ft.use_state(state.ground)
    ground = state.ground
    ft.use_effect(guard(state, ground.look), [])

    def open_panel(name: str) -> None:
        ground.panel = "" if ground.panel == name else name

    right = [
        k.icon_button(I.FILTER_LIST, k.say("map.filter"), call(state, open_panel, "filter")),
        k.icon_button(I.LAYERS_OUTLINED, k.say("map.layers"), call(state, open_panel, "layers")),
    ]
    title, sub = k.say("map"), (state.book.project or {}).get("name", "")
    shut = call(state, open_panel, ground.panel)
    close = k.button(k.say("map.back"), shut, "next", I.MAP_OUTLINED, h=64, size=19, expand=True)
    if state.wide:
        beside = panel(state, k) if ground.panel else [Target(), legend(k)]
        side = ft.Column(
            [
                ft.Container(
                    ft.Column(beside, spacing=12, scroll=ft.ScrollMode.AUTO, horizontal_alignment=ft.CrossAxisAlignment.STRETCH),
                    expand=True, padding=ft.Padding.only(left=16, right=16, top=12),
                ),
                next_bar(k, close) if ground.panel else Foot(),
            ],
            spacing=0, horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
        )  # fmt: skip
        body: ft.Control = ft.Row(
            [
                ft.Container(Chart(state.width - 92 - 336, state.height - 116), expand=True),
                ft.Container(side, width=336, border=ft.Border.only(left=ft.BorderSide(k.stroke, k["line"]))),
            ],
            spacing=0, expand=True, vertical_alignment=ft.CrossAxisAlignment.STRETCH,
        )  # fmt: skip
        return frame(state, k, title, sub, body, right=right)
    if ground.panel:
        return frame(state, k, title, sub, scroll(*panel(state, k)), right=right, foot=next_bar(k, close))
    card = ft.Container(Target(), padding=ft.Padding.only(left=16, right=16, top=10, bottom=10))
    chart = ft.Container(Chart(state.width, max(200.0, state.height - 272 - 150 * k.scale)), expand=True)
    body = ft.Column([chart, card], spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    return frame(state, k, title, sub, body, right=right, foot=Foot())
