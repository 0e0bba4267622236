"""Diagnostics: what an administrator asks for, to be copied by one tap."""

from __future__ import annotations

import asyncio

import flet as ft

from field_app.kit import I, Kit
from field_app.pages.shell import frame, guard, next_bar, page, scroll
from field_app.state import State

COPY_S = 5.0  # a client that never answers must not hold the button


@page
def Diagnostics(state: State, k: Kit):
    text, set_text = ft.use_state("")
    copied, set_copied = ft.use_state("")

    async def read() -> None:
        set_text(await state.diagnostics())

    async def copy() -> None:
        try:
            await asyncio.wait_for(ft.Clipboard().set(text), COPY_S)
            set_copied("yes")
        except Exception:  # refused by the browser, or not answered: the text can be selected
            set_copied("no")

    ft.use_effect(guard(state, read), [state.lang])
    block = {
        "yes": [k.judge("done", I.CHECK_CIRCLE_OUTLINE, k.say("diag.copied"))],
        "no": [k.judge("warn", I.WARNING_AMBER, k.say("diag.not_copied"), k.say("diag.not_copied.why"))],
    }.get(copied, [])
    lines = [
        ft.Column(
            [k.t(name, 14, color="ink-2"), k.t(value, 16, selectable=copied == "no")], spacing=0, tight=True
        )
        for name, _, value in (line.partition(": ") for line in text.splitlines())
    ]  # fmt: skip
    foot = next_bar(
        k, k.button(k.say("diag.copy"), guard(state, copy) if text else None, "next", I.CONTENT_COPY, h=64, size=19, expand=True)
    )  # fmt: skip
    body = scroll(*block, k.t(k.say("set.diag.why"), 15, color="ink-2"), k.card(*lines, spacing=10))
    return frame(state, k, k.say("set.diag"), "", body, foot=foot, back=True)
