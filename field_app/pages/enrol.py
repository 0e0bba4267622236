"""Enrol: server address and code, once; then a PIN. Everything after works without a network."""

from __future__ import annotations

from collections.abc import Mapping

import flet as ft

from field_app.form import box
from field_app.kit import I, Kit
from field_app.pages.draw import mark
from field_app.pages.shell import frame, guard, next_bar, page, scroll
from field_app.state import State


@page
def Enrol(state: State, k: Kit):
    joining = state.joining
    scanned = state.args  # of a code that was scanned: server, code, the server key's fingerprint
    server, set_server = ft.use_state(scanned.get("server") or state.server or "https://")
    code, set_code = ft.use_state(scanned.get("code", ""))
    label, set_label = ft.use_state(k.say("enrol.first"))
    ready = len(code.strip()) >= 8 and "://" in server and len(server) > 10 and label.strip()

    async def go() -> None:
        typed = "".join(code.split())  # pasted out of a chat: with blanks and line ends
        await state.enrol(server, typed, label, scanned.get("key", "") if typed == scanned.get("code") else "")

    promise = [
        ft.Row([k.icon(icon, 24, "ink-2"), k.t(k.say(key), 16, expand=True)], spacing=12)
        for icon, key in (
            (I.KEY_OUTLINED, "enrol.own_key" if joining else "enrol.key"),
            (I.VISIBILITY_OFF_OUTLINED, "enrol.apart") if joining else (I.CLOUD_OFF_OUTLINED, "enrol.offline"),
            (I.DRAW_OUTLINED, "enrol.sign") if joining else (I.DOWNLOAD_OUTLINED, "enrol.load"),
            (I.PASSWORD, "enrol.pin"),
        )
    ]
    other = "en" if k.lang == "zh" else "zh"
    switch = k.button(k.say(f"lang.{other}"), guard(state, lambda: state.look(lang=other)), "plain", size=15)
    server_box = box(
        k, k.say("enrol.server"), server, guard(state, lambda e: set_server(e.control.value)),
        keyboard_type=ft.KeyboardType.URL,
    )  # fmt: skip
    items = [
        ft.Row(
            [
                mark(64),
                k.t(
                    k.say("enrol.join" if joining else "enrol.again" if state.person else "enrol.title"),
                    20,
                    True,
                    expand=True,
                ),
            ],
            spacing=14,
        ),
        *told(k, scanned),
        k.button(k.say("enrol.scan"), guard(state, lambda: state.go("scan")), "soft", I.QR_CODE_SCANNER),
        *([] if joining else [server_box]),
        box(
            k,
            k.say("enrol.code"),
            code,
            guard(state, lambda e: set_code(e.control.value)),
            capitalization=ft.TextCapitalization.CHARACTERS,
        ),
        *([] if joining else [box(k, k.say("enrol.label"), label, guard(state, lambda e: set_label(e.control.value)))]),
        k.card(k.t(k.say("enrol.join.then" if joining else "enrol.then"), 14, True, "ink-2"), *promise, spacing=12),
    ]
    busy = state.busy == "enrol"
    text = (
        k.say("busy") if busy else k.say("enrol.go" if ready else "enrol.join.missing" if joining else "enrol.missing")
    )
    foot = next_bar(
        k,
        k.button(
            text, guard(state, go) if ready and not busy else None, "next", I.ARROW_FORWARD, h=64, size=19, expand=True
        ),
    )
    return frame(
        state,
        k,
        k.say("app"),
        "",
        scroll(*items),
        foot=foot,
        safe=False,
        tabs=False,
        back=bool(state.person),
        right=[switch],
    )


def told(k: Kit, scanned: Mapping[str, str]) -> list[ft.Control]:
    """What a scanned code filled in, and by what the server will be known."""
    if not scanned.get("code"):
        return []
    key = scanned.get("key", "")
    shown = " ".join(key[i : i + 4] for i in range(0, len(key), 4))
    return [k.judge("done", I.QR_CODE_2, k.say("enrol.scanned"), k.say("enrol.scanned.key", mark=shown) if key else "")]
