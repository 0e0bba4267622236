"""Photos of one load, before it is issued and after; and voiding it before it leaves."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.desks.trucks import VOIDS
from field_app.form import box
from field_app.kit import I, Kit
from field_app.pages.code import missing
from field_app.pages.photo import name_of
from field_app.pages.photos import Checklist
from field_app.pages.shell import call, frame, guard, next_bar, page, part, scroll
from field_app.pages.trucks import STATES, said
from field_app.state import State
from schemas.rules.manifest import shown

# --- photos -----------------------------------------------------------------------------------------------------------


@page
def ShotsPage(state: State, k: Kit):
    """Cover, plate, ticket: before the load is issued drafts of it, afterwards records of their own."""
    manifest = str(state.args.get("manifest", ""))
    loading = state.trucks.loading if manifest else state.issuing.loading
    ft.use_state(state.trucks)
    ft.use_state(state.issuing)

    async def start() -> None:
        if manifest:
            await state.trucks.show(manifest)
        else:
            await state.issuing.open()
            state.issuing.photos()

    ft.use_effect(guard(state, start), [manifest])
    if loading is None:
        return frame(
            state,
            k,
            k.say("shots.title"),
            "",
            scroll(k.t(k.say("trucks.loading"), 16, color="ink-2")),
            back=True,
            tabs=False,
        )
    return frame(
        state,
        k,
        k.say("shots.title"),
        k.say("shots.why"),
        Checklist(loading),
        foot=ShotBar(loading),
        back=True,
        tabs=False,
    )


@part
def ShotBar(state: State, k: Kit, loading: Any):
    """The next missing shot; when none is missing, back."""
    desk, _ = ft.use_state(state.photos)
    ft.use_state(loading)
    big = {"h": 64, "size": 18, "expand": True}

    def leave() -> None:
        desk.shut()
        state.back()

    if not loading.shots_lacking and not loading.ui("shot"):
        return next_bar(k, k.button(k.say("shots.back"), call(state, leave), "next", I.CHECK, **big))
    name = name_of(k, loading.shot)
    if desk.busy:
        return next_bar(k, k.button(k.say("photo.keeping"), None, "next", **big))
    if desk.lens is not None:
        text = k.say("photo.shoot", name=name) if desk.ready else k.say("photo.opening")
        act = call(state, desk.shoot, loading) if desk.ready else None
        shut = k.button("", call(state, desk.shut), "plain", I.NO_PHOTOGRAPHY_OUTLINED, h=64, name=k.say("photo.shut"))
        return next_bar(k, shut, k.button(text, act, "next", I.PHOTO_CAMERA_OUTLINED, **big))
    if desk.has_camera:
        return next_bar(
            k, k.button(k.say("photo.open", name=name), call(state, desk.open), "next", I.PHOTO_CAMERA_OUTLINED, **big)
        )
    file = call(state, desk.ask_file, True)
    return next_bar(k, k.button(k.say("photo.file.for", name=name), file, "next", I.FOLDER_OPEN_OUTLINED, **big))


# --- voiding ----------------------------------------------------------------------------------------------------------


@page
def VoidPage(state: State, k: Kit):
    """A signed leg with its reason; only before departure."""
    desk, _ = ft.use_state(state.trucks)
    manifest = str(state.args.get("manifest", ""))
    why, set_why = ft.use_state("")

    async def start() -> None:
        await desk.show(manifest)

    ft.use_effect(guard(state, start), [state.book, manifest])
    code = desk.code if desk.code is not None and desk.code.load.id == manifest else None
    if code is None:
        return frame(
            state, k, k.say("void.title"), "", scroll(*missing(k, desk.missing == manifest)), back=True, tabs=False
        )
    load = code.load
    reasons = {k.say(f"void.{v}"): k.say(f"void.{v}") for v in VOIDS}
    lacks = desk.void_lacks(code, why)
    items: list[ft.Control] = [
        k.card(k.t(load.plate, 26, True), k.t(f"{shown(load.number)} · {said(k, load)}", 16, color="ink-2"), spacing=2),
        k.t(k.say("void.why"), 16), k.t(k.say("void.reason"), 15, True, "ink-2"),
        k.choices(reasons, why, lambda r: call(state, set_why, r), 2 if k.scale < 1.2 else 1),
        box(k, k.say("void.reason"), why, guard(state, lambda e: set_why(e.control.value)), max_length=200, counter=""),
    ]  # fmt: skip
    items += [k.judge("alert", I.BLOCK, k.of((x.zh, x.en))) for x in lacks]

    async def go() -> None:
        await desk.void(code, why.strip())

    act = call(state, go) if why.strip() and not lacks else None
    bar = next_bar(k, k.button(k.say("void.go"), act, "next", STATES["voided"][0], h=64, size=19, expand=True))
    return frame(state, k, k.say("void.title"), shown(load.number), scroll(*items), foot=bar, back=True, tabs=False)
