"""One page for all codes: the camera, a picture, a scanner that types, a text that is pasted."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.desks.scanning import Scanning
from field_app.form import box
from field_app.kit import I, Kit
from field_app.pages.finder import Finder
from field_app.pages.shell import call, frame, guard, next_bar, page, part, scroll
from field_app.state import State


@page
def ScanPage(state: State, k: Kit):
    desk, _ = ft.use_state(state.scanning)
    ft.use_effect(guard(state, lambda: desk.begin()), [])
    lens = desk.lens
    ft.use_effect(guard(state, desk.watch), [lens.ready])
    items: list[ft.Control] = []
    if desk.fault is not None:
        what, remedy = desk.fault
        items.append(k.judge("alert", I.ERROR_OUTLINE, k.of(what), k.of(remedy)))
    if not desk.decodes:
        items.append(k.judge("warn", I.INFO_OUTLINE, k.say("scan.no_decoder"), k.say("scan.no_decoder.why")))
    if lens.view is not None:
        items.append(Finder(lens, key="finder"))
        items.append(k.t(k.say("scan.aim"), 15, color="ink-2"))
    items.append(Field())
    if desk.decodes:
        file = k.button(
            k.say("scan.file"), None if desk.busy else call(state, desk.from_file), "plain", I.IMAGE_OUTLINED
        )
        items.append(file)
    title = k.say("scan.title")
    back = state.deep or not state.party
    return frame(
        state, k, title, k.say("scan.sub"), scroll(*items), foot=_foot(state, k, desk), back=back, tabs=bool(state.person),
        safe=bool(state.person),
    )  # fmt: skip


def _foot(state: State, k: Kit, desk: Scanning) -> ft.Control | None:
    lens, wide = desk.lens, {"h": 64, "size": 19, "expand": True}
    if not desk.decodes or not lens.there:
        return None
    if desk.busy:
        return next_bar(k, k.button(k.say("scan.reading"), None, "next", **wide))
    if lens.view is None:
        return next_bar(k, k.button(k.say("scan.camera"), call(state, lens.open), "next", I.QR_CODE_SCANNER, **wide))
    shut = k.button("", call(state, lens.shut), "plain", I.NO_PHOTOGRAPHY_OUTLINED, h=64, name=k.say("photo.shut"))
    shoot: Any = call(state, desk.shoot) if lens.ready else None
    word = k.say("scan.shoot" if lens.ready else "photo.opening")
    return next_bar(k, shut, k.button(word, shoot, "next", I.QR_CODE_SCANNER, **wide))


@part
def Field(state: State, k: Kit):
    """Has the keyboard from the start, so that a scanner can type at once, and asks for none on the screen; empty after each code."""
    desk, _ = ft.use_state(state.scanning)
    text, set_text = ft.use_state("")

    async def done(value: str) -> None:
        set_text("")
        await desk.typed(value)

    async def entered(e: Any) -> None:
        await done(e.control.value or "")

    async def tapped() -> None:
        await done(text)

    field = box(
        k, k.say("scan.field"), text, guard(state, lambda e: set_text(e.control.value)), autofocus=True,
        on_submit=guard(state, entered), keyboard_type=ft.KeyboardType.NONE, autocorrect=False, enable_suggestions=False, key=f"scan-{desk.round}",
    )  # fmt: skip
    parts: list[ft.Control] = [field, k.t(k.say("scan.field.why"), 14, color="ink-2")]
    if text.strip():
        parts.append(k.button(k.say("scan.read"), call(state, tapped), "soft", I.ARROW_FORWARD))
    return ft.Column(parts, spacing=8, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
