"""Which page is shown. One view; the system's back button goes one level up until Today."""

from __future__ import annotations

import flet as ft

from field_app.kit import Kit
from field_app.pages.enrol import Enrol
from field_app.pages.map import MapPage
from field_app.pages.point import PointPage
from field_app.pages.settings import Settings
from field_app.pages.shell import AppCtx, guard, use_app
from field_app.pages.sync import SyncPage
from field_app.pages.today import Today
from field_app.state import State

PAGES = {"today": Today, "map": MapPage, "sync": SyncPage, "settings": Settings, "point": PointPage, "enrol": Enrol}


@ft.component
def Root():
    state, k = use_app()
    home = state.route == "today" or (state.route == "enrol" and not state.person)
    return [
        ft.View(
            route="/",
            controls=[PAGES.get(state.route, Today)(key=state.route)],
            padding=0,
            spacing=0,
            bgcolor=Kit(state.theme)["paper"],
            can_pop=home,
            on_confirm_pop=guard(state, lambda _: state.back()),
        )
    ]


@ft.component
def App(made: tuple[State]):
    """`made` is a tuple so that this component itself does not listen: the pages do."""
    # As an effect: before the first mount a change would be lost, and the point left open would not come back.
    ft.use_effect(guard(made[0], made[0].resume), [])
    return AppCtx(made[0], lambda: Root())
