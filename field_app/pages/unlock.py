"""The PIN: the locked screen, another person's turn, a first PIN, a new one. Six taps, and it goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft

from field_app.desks.unlock import ASKS_FOR_ONE
from field_app.kit import CLEAR, I, Kit, column
from field_app.pages.shell import call, frame, guard, page, scroll
from field_app.pin import LENGTH
from field_app.state import State

KEYS = (("7", "8", "9"), ("4", "5", "6"), ("1", "2", "3"), ("", "0", "back"))  # as on the keypad of the readings
WIDEST = 360


@ft.component
def PinPad(k: Kit, on_key: Callable[[str], Any], on_back: Any, width: float):
    w = (width - 16) / 3

    def key(c: str) -> ft.Control:
        if not c:
            return ft.Container(width=w)
        if c == "back":
            return k.button(
                "", on_back, "fn", I.BACKSPACE_OUTLINED, h=64, w=w, pad=0, radius=14, name=k.say("pin.back")
            )
        return k.button(c, on_key(c), "key", h=64, w=w, size=26, pad=0, radius=14)

    return ft.Column([ft.Row([key(c) for c in row], spacing=8, tight=True) for row in KEYS], spacing=8, tight=True)


def dots(k: Kit, typed: int, busy: bool) -> ft.Control:
    """How many digits are there; never which."""
    size = 22 * k.scale

    def dot(on: bool) -> ft.Container:
        edge = ft.Border.all(2, k["ink"] if on else k["line-strong"])
        return ft.Container(width=size, height=size, border_radius=size, bgcolor=k["ink"] if on else CLEAR, border=edge)

    row = ft.Row([dot(n < typed) for n in range(LENGTH)], spacing=14, alignment=ft.MainAxisAlignment.CENTER)
    label = k.say("pin.checking") if busy else k.say("pin.typed", n=typed, all=LENGTH)
    return ft.Semantics(label=label, container=True, live_region=True, exclude_semantics=True, content=row)


def told(state: State, k: Kit) -> list[ft.Control]:
    """What the last six digits came to, or how long to wait."""
    desk = state.unlock
    if desk.wait_s:
        wait = k.say("pin.wait", s=desk.wait_s) if desk.wait_s < 60 else k.say("pin.wait.min", m=-(-desk.wait_s // 60))
        return [k.judge("warn", I.HOURGLASS_EMPTY, wait, k.say("pin.wait.why"))]
    key, n = desk.said
    if not key:
        return []
    why = {"pin.easy": "pin.easy.why", "pin.differ": "pin.differ.why"}.get(key)
    return [k.judge("warn", I.WARNING_AMBER, k.say(key, n=n), k.say(why) if why else "")]


def people(state: State, k: Kit) -> list[ft.Control]:
    """Who is here, where several share the tablet."""
    desk, here = state.unlock, dict(state.people)
    if desk.mode == "change" or len(here) < 2:
        return [k.t(desk.name, 20, True, text_align=ft.TextAlign.CENTER)]
    if desk.mode != "open" and not state.locked:
        return [k.t(desk.name, 20, True, text_align=ft.TextAlign.CENTER)]
    return [k.choices(here, desk.who, lambda id: call(state, desk.choose, id), 2)]


def forgotten(state: State, k: Kit) -> list[ft.Control]:
    """Nothing recorded is lost by a forgotten PIN; only the key is."""
    desk = state.unlock
    if desk.mode == "set" or desk.step != "pin":
        return []
    if not desk.forgot:
        return [k.button(k.say("pin.forgot"), call(state, desk.show_forgot, True), "bare", size=15)]
    again = k.button(k.say("pin.enrol"), call(state, state.enrol_here), "plain", I.KEY_OUTLINED)
    shut = k.button(k.say("back"), call(state, desk.show_forgot, False), "plain", expand=True)
    again.expand = True
    both = k.beside([again, shut], min(state.width, 480) - 56, 190)
    return [k.judge("active", I.INFO_OUTLINE, k.say("pin.forgot.title"), k.say("pin.forgot.why"), both)]


def words_of(state: State, k: Kit) -> tuple[str, str]:
    """Title, and what it is for."""
    desk = state.unlock
    if desk.step == "again":
        return k.say("pin.again"), k.say("pin.again.why")
    if desk.step == "new":
        return k.say("pin.new" if desk.mode == "change" else "pin.set"), k.say("pin.set.why")
    return k.say("pin.old" if desk.mode == "change" else "pin.enter"), ""


@page
def UnlockPage(state: State, k: Kit):
    desk = state.unlock
    ft.use_state(desk)  # the digits: this page alone is drawn anew for them
    title, why = words_of(state, k)
    width = min(state.width - 32, WIDEST)
    off = desk.checking or bool(desk.wait_s)
    on_key = ft.use_callback(lambda c: None if off else call(state, desk.key, c), [off])
    on_back = ft.use_callback(None if off else call(state, desk.back), [off])
    pad = ft.memo(PinPad)(k, on_key, on_back, width)
    other = "en" if k.lang == "zh" else "zh"
    switch = k.button(k.say(f"lang.{other}"), guard(state, lambda: state.look(lang=other)), "plain", size=15)
    heading = column(
        ft.Semantics(header=True, content=k.t(title, 22, True, text_align=ft.TextAlign.CENTER)),
        *([k.t(why, 15, color="ink-2", text_align=ft.TextAlign.CENTER)] if why else []), spacing=4,
    )  # fmt: skip
    heading.horizontal_alignment = ft.CrossAxisAlignment.CENTER
    above = [*people(state, k), heading, dots(k, desk.typed, desk.checking), *told(state, k), *forgotten(state, k)]
    body = ft.Row(
        [ft.Container(scroll(*above, spacing=16), width=min(state.width, 480))],
        alignment=ft.MainAxisAlignment.CENTER, vertical_alignment=ft.CrossAxisAlignment.STRETCH,
    )  # fmt: skip
    foot = ft.Container(
        ft.Row([pad], alignment=ft.MainAxisAlignment.CENTER), padding=ft.Padding.only(left=16, right=16, top=8, bottom=16)
    )  # fmt: skip
    if desk.forgot and desk.step == "pin" and state.height < 800 * k.scale and not state.wide:
        foot = None  # the pad would hide what was asked for
    name = k.say("app") if state.locked or desk.mode in ASKS_FOR_ONE else k.say("pin.change")
    sub = k.say("set.device", device=state.device, person=state.person) if state.device else ""
    return frame(
        state, k, name, "" if desk.mode == "set" else sub, body, foot=foot, safe=False, tabs=False,
        back=not state.locked, right=[switch] if state.locked else [],
    )  # fmt: skip
