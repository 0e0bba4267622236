"""Stake-out: the distance, large; an arrow; and more of both the nearer one comes. A doubtful fix takes the number's place."""

from __future__ import annotations

import asyncio
from math import radians
from typing import Any

import flet as ft

from field_app.book import PointRow
from field_app.desks.stake import BEATS_S, Guide
from field_app.kit import I, Kit, column
from field_app.pages.draw import STATES
from field_app.pages.map import outside
from field_app.pages.shell import call, frame, guard, next_bar, page, part, scroll
from field_app.pages.today import group_names, metres
from field_app.state import State
from schemas.rules.geo import compass

NEAR: dict[str, tuple[Any, str]] = {  # word's icon and colour
    "far": (I.MORE_HORIZ, "planned"),
    "nearer": (I.KEYBOARD_ARROW_UP, "active"),
    "near": (I.KEYBOARD_DOUBLE_ARROW_UP, "active"),
    "close": (I.ADJUST, "warn"),
    "there": (I.CHECK_CIRCLE_OUTLINE, "done"),
}
PAUSE_S = 0.2  # between two looks at whether to vibrate
CALL_S = 2.0


def bearing_words(k: Kit, degrees: float) -> str:
    return f"{k.of(compass(degrees))} {degrees:.0f}°"


def doubt(k: Kit, g: Guide) -> list[ft.Control]:
    """Why there is no number, or not a good one."""
    if g.problem == "stale":
        return [k.judge("warn", I.HISTORY, k.say("stake.stale", s=f"{g.age_s:.0f}"), k.say("stake.stale.why"))]
    if g.problem == "mocked":
        why = k.say("stake.mocked.why", m=metres(g.metres), turn=bearing_words(k, g.bearing))
        return [k.judge("warn", I.WARNING_AMBER, k.say("pos.mocked"), why)]
    if g.problem == "vague":
        word = "stake.vague.unknown" if g.accuracy_m is None else "stake.vague"
        return [
            k.judge(
                "warn",
                I.GPS_NOT_FIXED,
                k.say(word, acc=metres(g.accuracy_m or 0), m=metres(g.metres)),
                k.say("stake.vague.why"),
            )
        ]
    return []


def dial(k: Kit, g: Guide, size: float) -> ft.Control:
    """The arrow. Above it what is up: north, or the way one walks. At the point a ring with a tick takes its place."""
    color = k[NEAR[g.nearness][1]] if g.nearness != "far" else k["primary"]
    inner: ft.Control
    if not g.sure:
        inner = ft.Icon(I.HISTORY if g.problem == "stale" else I.QUESTION_MARK, size=size * 0.5, color=k["planned"])
    elif g.there:
        inner = ft.Icon(I.CHECK, size=size * 0.6, color=color)
    else:
        faint = 0.45 if g.problem == "vague" else 1.0
        inner = ft.Icon(
            I.NAVIGATION, size=size * 0.62, color=ft.Colors.with_opacity(faint, color), rotate=radians(g.arrow)
        )
    ring = ft.Container(
        inner, width=size, height=size, border_radius=size / 2, bgcolor=k["sunken"], alignment=ft.Alignment.CENTER,
        border=ft.Border.all(8 if g.there else 5 if g.nearness == "close" else 3, color if g.sure else k["line-strong"]),
    )  # fmt: skip
    up = k.say("stake.north" if g.heading is None else "stake.ahead")
    mark = k.t(up if g.sure and not g.there else "", 14, True, "ink-2", h=1.1)
    turn = k.say(f"stake.turn.{g.turn}", n=f"{_off(g):.0f}") if g.turn else bearing_words(k, g.bearing)
    label = turn if g.sure else k.say(f"stake.{g.problem}", s=f"{g.age_s:.0f}")
    drawn = ft.Column([mark, ring], spacing=2, tight=True, horizontal_alignment=ft.CrossAxisAlignment.CENTER)
    return ft.Semantics(label=label, image=True, container=True, exclude_semantics=True, content=drawn)


def _off(g: Guide) -> float:
    return abs((g.arrow + 180) % 360 - 180)


def number(k: Kit, g: Guide) -> ft.Control:
    if g.problem == "none":
        return k.t(k.say("map.no_fix"), 26, True)
    if g.problem in ("stale", "mocked"):
        short = k.say("stake.old", s=f"{g.age_s:.0f}") if g.problem == "stale" else k.say("stake.mocked")
        return k.t(short, 26, True, "warn")
    icon, color = NEAR[g.nearness]
    size = 56 if g.nearness in ("close", "there") else 44
    figure = k.val(metres(g.metres), "m", size, color if color == "done" else "ink", unit_size=20)
    turn = [] if g.there else [k.t(bearing_words(k, g.bearing), 20, True)]
    if g.turn and not g.there:
        turn = [
            k.t(k.say(f"stake.turn.{g.turn}", n=f"{_off(g):.0f}"), 22, True),
            k.t(bearing_words(k, g.bearing), 16, color="ink-2"),
        ]
    chips: list[ft.Control] = [k.chip(icon, k.say(f"stake.near.{g.nearness}"), color)]
    if g.accuracy_m is not None:
        chips.append(
            k.chip(I.GPS_FIXED, k.say("stake.acc", m=metres(g.accuracy_m)), "warn" if g.problem else "planned")
        )
    said = ft.Semantics(label=f"{metres(g.metres)} m {k.say(f'stake.near.{g.nearness}')}", live_region=True, container=True,
                        exclude_semantics=True, content=figure)  # fmt: skip
    return column(ft.Row(chips, spacing=8, run_spacing=4, wrap=True), said, *turn, spacing=2)


def bar(k: Kit, g: Guide) -> list[ft.Control]:
    """What is left, on a scale that becomes finer: 500, 100, 20, 5 m. The tick is where one has arrived."""
    if not g.sure or g.problem == "none":
        return []
    color, scale = k[NEAR[g.nearness][1]], g.scale_m
    n = min(1000, max(1, round(1000 * (1.0 if g.there else g.filled))))
    filled = ft.Row([ft.Container(bgcolor=color, expand=n, height=20, border_radius=10),
                     *([ft.Container(expand=1000 - n)] if n < 1000 else [])], spacing=0)  # fmt: skip
    track = ft.Container(
        bgcolor=k["sunken"], border=k.edge("line-strong", 1), border_radius=10, height=20, left=0, right=0, top=5
    )
    at = max(-1.0, 1 - 2 * g.within_m / scale)
    tick = ft.Container(
        ft.Container(width=3, height=30, bgcolor=k["ink"]),
        alignment=ft.Alignment(at, 0),
        left=0,
        right=0,
        top=0,
        height=30,
    )
    stack = ft.Stack([track, ft.Container(filled, left=0, right=0, top=5), tick], height=30)
    label = k.say("stake.bar", m=metres(g.metres), all=f"{scale:g}")
    below = k.say("stake.there", m=metres(g.within_m)) if g.there else k.say("stake.steps", n=g.steps)
    return [
        ft.Semantics(label=label, container=True, exclude_semantics=True, content=stack),
        ft.Row([k.t(below, 16, True, expand=True), k.t(k.say("stake.scale", m=f"{scale:g}"), 14, color="ink-2")]),
    ]


@part
def Live(state: State, k: Kit, target: PointRow, wide: bool):
    """Listens to the position."""
    ft.use_state(state.here)
    g = state.stake.guide(target)
    if g.problem == "none":
        why = k.say(f"pos.none.{state.here.problem}")
        first = k.judge("warn" if state.here.problem else "active", I.LOCATION_SEARCHING, why, k.say("pos.none.why"))
        return column(first, spacing=12)
    face = [dial(k, g, 148 if wide or state.width >= 420 else 112), ft.Container(number(k, g), expand=True)]
    card = k.card(ft.Row(face, spacing=16, vertical_alignment=ft.CrossAxisAlignment.CENTER), *bar(k, g), spacing=12)
    hint = k.t(k.say("stake.by_north" if g.heading is None else "stake.by_walk"), 14, color="ink-2")
    return ft.Column(
        [*outside(state, k), *doubt(k, g), card, *([hint] if g.sure and not g.there else [])], spacing=12, tight=True,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )  # fmt: skip


@part
def Arrive(state: State, k: Kit, target: PointRow):
    """One tap to where the position is taken. Never shut: somebody may stand on the peg while the sky is hidden."""
    ft.use_state(state.here)
    g = state.stake.guide(target)
    fresh = target.state in ("planned", "active")
    word = "map.open" if not fresh else "stake.arrive" if g.there else "stake.anyway"
    button = k.button(
        k.say(word, code=target.code),
        call(state, state.stake.arrive),
        "next",
        I.ARROW_FORWARD,
        h=64,
        size=19,
        expand=True,
    )
    return next_bar(k, button)


@part
def Pulse(state: State, k: Kit, target: PointRow):
    """Vibrates faster the nearer one is: only what the page shows anyway. A device that cannot is not asked again."""
    ft.use_state(state.stake)
    haptic, turn = ft.use_ref(lambda: None), ft.use_ref(0)

    async def beat() -> None:
        last, there = 0.0, False
        loop = asyncio.get_running_loop()
        turn.current = mine = turn.current + 1  # the one before ends
        while turn.current == mine and state.stake.vibrates:
            g, now = state.stake.guide(target), loop.time()
            every = BEATS_S.get(g.nearness) if g.sure else None
            arrived, there = g.there and not there, g.there
            if arrived or (every is not None and now - last >= every):
                last = now
                haptic.current = haptic.current or ft.HapticFeedback()
                touch = haptic.current.vibrate if arrived else haptic.current.medium_impact
                try:
                    await asyncio.wait_for(touch(), CALL_S)
                except Exception:  # no such part here: the page says everything without it
                    return
            await asyncio.sleep(PAUSE_S)

    def stop() -> None:
        turn.current += 1

    ft.use_effect(guard(state, beat), [state.stake.vibrates], stop)
    on = state.stake.vibrates
    return k.button(
        k.say("stake.vibrate" if on else "stake.vibrate.off"), call(state, state.stake.vibrate, not on), "plain",
        I.VIBRATION if on else I.SMARTPHONE, size=15,
    )  # fmt: skip


def facts(k: Kit, row: PointRow) -> ft.Control:
    icon, color = STATES[row.state]
    plan = (
        k.say("point.summary", depth=row.depth_m, n=row.targets)
        if row.depth_m
        else k.say("point.targets", n=row.targets)
    )
    words = " · ".join(w for w in (plan, group_names(k, row.groups, 4)) if w)
    return k.card(ft.Row([k.chip(icon, k.say(f"state.{row.state}"), color)]), k.t(words, 16), spacing=4)


@page
def StakeOut(state: State, k: Kit):
    target = state.stake.target
    if target is None:
        gone = k.judge("warn", I.WRONG_LOCATION_OUTLINED, k.say("stake.gone"), k.say("stake.gone.why"))
        to_map = k.button(
            k.say("stake.to_map"), call(state, state.go, "map"), "next", I.MAP_OUTLINED, h=64, size=19, expand=True
        )
        return frame(state, k, k.say("map"), "", scroll(gone), foot=next_bar(k, to_map), back=True, tabs=False)
    body = scroll(Live(target, state.wide), facts(k, target), Pulse(target, key=target.id))
    return frame(
        state, k, k.say("stake.title", code=target.code), (state.book.project or {}).get("name", ""), body, foot=Arrive(target),
        back=True, tabs=False,
    )  # fmt: skip
