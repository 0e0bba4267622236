"""Two windows on one tablet: the second asks, the first says where the tablet is now."""

from __future__ import annotations

import flet as ft

from field_app.kit import I, Kit
from field_app.pages.draw import mark
from field_app.pages.shell import frame, guard, next_bar, page, scroll
from field_app.state import State


@page
def Window(state: State, k: Kit):
    asked = state.seat == "ask"
    title, why, go = ("win.ask", "win.ask.why", "win.take") if asked else ("win.taken", "win.taken.why", "win.back")
    block = k.judge("warn" if asked else "unsure", I.TAB_OUTLINED, k.say(title), k.say(why))
    body = ft.Row(
        [ft.Container(scroll(ft.Row([mark(64)]), block, spacing=16), width=min(state.width, 560))],
        alignment=ft.MainAxisAlignment.CENTER, vertical_alignment=ft.CrossAxisAlignment.STRETCH,
    )  # fmt: skip
    take = k.button(k.say(go), guard(state, state.take_over), "next", I.ARROW_FORWARD, h=64, size=19, expand=True)
    return frame(state, k, k.say("app"), "", body, foot=next_bar(k, take), safe=False, tabs=False)
