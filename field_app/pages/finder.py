"""What an open lens sees, on pages that belong to no visit."""

from __future__ import annotations

import flet as ft

from field_app.desks.lens import Lens
from field_app.kit import Kit
from field_app.pages.photos import Glass
from field_app.pages.shell import guard, part
from field_app.state import State


@part
def Finder(state: State, k: Kit, lens: Lens):
    """Closed again when the page is left."""
    ft.use_effect(guard(state, lens.start), [], guard(state, lens.shut))
    seen = ft.Semantics(
        label=k.say("photo.lens"), image=True, container=True, content=ft.memo(Glass)(lens.view, key="glass")
    )
    return ft.Container(seen, height=min(state.height * 0.4, 420.0), bgcolor="#000000", border_radius=14,
                        clip_behavior=ft.ClipBehavior.ANTI_ALIAS)  # fmt: skip


def below_finder(lens: Lens, body: ft.Control) -> ft.Control:
    """What the lens sees stays above what is scrolled: nobody photographs what he cannot see."""
    if lens.view is None:
        return body
    seen = ft.Container(Finder(lens, key="finder"), padding=ft.Padding.only(left=16, right=16, top=12))
    return ft.Column([seen, body], spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
