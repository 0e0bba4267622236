"""Photos that are being taken for something on its own page: small pictures, and the buttons of its lens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flet as ft

from field_app.desks.snapping import Snapping
from field_app.kit import I, Kit
from field_app.pages.shell import call
from field_app.pages.step import aim_of
from field_app.state import State

SMALL = 132.0
Values = Mapping[str, Any]


def picture(k: Kit, data: bytes | None, label: str, wide: float = SMALL, tall: float = 100) -> ft.Control:
    """What is not on this tablet says so."""
    if data:
        inside: ft.Control = ft.Image(
            src=data, width=wide, height=tall, fit=ft.BoxFit.COVER, gapless_playback=True, exclude_from_semantics=True
        )
    else:
        inside = ft.Container(k.t(k.say("recheck.photo.away"), 12, color="ink-2", text_align=ft.TextAlign.CENTER), padding=6,
                              alignment=ft.Alignment.CENTER)  # fmt: skip
        label = (
            f"{label}，{k.say('recheck.photo.away')}" if k.lang == "zh" else f"{label}, {k.say('recheck.photo.away')}"
        )
    return ft.Container(
        ft.Semantics(label=label, image=True, container=True, exclude_semantics=True, content=inside), width=wide, height=tall,
        bgcolor=k["sunken"], border_radius=10, clip_behavior=ft.ClipBehavior.ANTI_ALIAS, border=k.edge(),
    )  # fmt: skip


def strip(controls: Sequence[ft.Control]) -> ft.Control:
    return ft.Row(list(controls), spacing=8, run_spacing=8, wrap=True)


def under(seen: ft.Control | None, body: ft.Control) -> ft.Control:
    """The lens above what is scrolled; without one the same, so that the list stays where it was scrolled to."""
    top = ft.Container(seen, padding=ft.Padding.only(left=16, right=16, top=12) if seen is not None else 0)
    return ft.Column([top, body], spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def taken(state: State, k: Kit, desk: Snapping) -> list[ft.Control]:
    """Each with its name, and off with it."""
    rows: list[ft.Control] = []
    for n, (id, values) in enumerate(desk.photos.items(), 1):
        name = k.say("snap.taken", name=aim_of(k, values["step"]), n=n)
        drop = k.icon_button(I.DELETE_OUTLINE, k.say("snap.drop", name=name), call(state, desk.drop_photo, id))
        rows.append(
            ft.Row(
                [picture(k, desk.thumb(values["sha256"]), name, 96, 72), k.t(name, 16, True, expand=True), drop],
                spacing=10,
            )
        )
    if desk.fault is not None:
        what, why = desk.fault
        rows.append(k.judge("alert", I.ERROR_OUTLINE, k.of(what), k.of(why)))
    return rows


def openers(state: State, k: Kit, desk: Snapping, steps: Sequence[str], width: float) -> list[ft.Control]:
    """Open the lens for a kind of photo, or choose a file."""
    if desk.lens.view is not None or desk.busy:
        return []
    key = "snap.open" if desk.lens.there else "snap.file"
    cams = [
        k.button(
            k.say(key, name=aim_of(k, s)),
            call(state, desk.aim_at, s),
            "plain",
            I.PHOTO_CAMERA_OUTLINED,
            size=16,
            pad=10,
            expand=1,
        )
        for s in steps
    ]
    out: list[ft.Control] = [k.beside(cams, width, 180)]
    if desk.lens.there:
        out.append(
            k.button(
                k.say("snap.file", name=aim_of(k, steps[0])),
                call(state, desk.from_file, steps[0]),
                "bare",
                I.FOLDER_OPEN_OUTLINED,
                size=15,
            )
        )
    return out


def shooting(state: State, k: Kit, desk: Snapping) -> list[ft.Control] | None:
    """The bar while the lens is open or a photo is being kept; None otherwise."""
    big: dict[str, Any] = {"h": 64, "size": 18, "expand": True}
    if desk.busy:
        return [k.button(k.say("snap.keeping"), None, "next", **big)]
    if desk.lens.view is None:
        return None
    shut = k.button("", call(state, desk.lens.shut), "plain", I.NO_PHOTOGRAPHY_OUTLINED, h=64, name=k.say("snap.shut"))
    act: Callable[..., Any] | None = call(state, desk.shoot) if desk.lens.ready else None
    word = k.say("snap.take", name=aim_of(k, desk.aim)) if desk.lens.ready else k.say("snap.opening")
    return [shut, k.button(word, act, "next", I.PHOTO_CAMERA_OUTLINED, **big)]
