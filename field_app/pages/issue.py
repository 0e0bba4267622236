"""The next truck in three taps beside its plate and weight: plate, weight, sign. What is carried over is shown as such and
can be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft

from field_app.desks.asking import Need
from field_app.desks.issuing import Issuing
from field_app.kit import I, Kit
from field_app.pages.carried import IN_DETAILS, details, photos, shots, supervisor
from field_app.pages.plates import pad, plates, weight
from field_app.pages.shell import call, frame, guard, next_bar, page, part, scroll
from field_app.state import State


@page
def IssuePage(state: State, k: Kit):
    """On a phone; on a tablet the pane stands beside the board."""
    desk, _ = ft.use_state(state.issuing)
    return frame(state, k, k.say("issue.title"), subtitle(k, desk), Pane(), back=True, tabs=False)


def subtitle(k: Kit, desk: Issuing) -> str:
    s = desk.sending
    if s.lot is None or s.found is None:
        return ""
    to = s.names.org(desk.value("receiver_id"))
    return k.say("issue.sub", lot=s.lot.values.get("code", ""), to=to or k.say("issue.not.known"), n=s.today + 1)


def empty(state: State, k: Kit, need: Need) -> ft.Control:
    go = k.button(k.say("empty.sync"), call(state, state.go, "sync"), "next", I.SYNC, h=64, size=19)
    inside = [k.t(k.of(need.what), 20, True), *([k.t(k.of(need.why), 16, color="ink-2")] if need.why[0] else []), go]
    return scroll(k.card(*inside, spacing=10))


@part
def Pane(state: State, k: Kit):
    """Everything of the next truck, with its one button below."""
    desk, _ = ft.use_state(state.issuing)
    ft.use_state(state.here)  # a position that was lost changes what is said
    opened, set_opened = ft.use_state("")

    async def start() -> None:
        await desk.open()

    ft.use_effect(guard(state, start), [state.book])
    if not desk.sending.read:
        return scroll(k.t(k.say("trucks.loading"), 16, color="ink-2"))
    needs = desk.needs()
    if needs and needs[0].kind == "empty":
        return empty(state, k, needs[0])
    wide = state.width - 92 - 336 if state.wide else state.width
    items: list[ft.Control] = []
    if state.wide:
        items.append(
            ft.Row([k.t(k.say("issue.next"), 22, True, expand=True), k.t(k.say("issue.three"), 14, color="ink-2")])
        )
    items += [*plates(state, k, desk, opened, set_opened, wide), *weight(state, k, desk)]
    items.append(details(state, k, desk, needs, opened, set_opened))
    items.append(supervisor(state, k, desk, opened, set_opened))
    items.append(photos(state, k, desk))
    items += checked(state, k, desk, needs)
    body = scroll(*items, spacing=10)
    return ft.Column([body, foot(state, k, desk, needs, set_opened, wide)], spacing=0, expand=True,
                     horizontal_alignment=ft.CrossAxisAlignment.STRETCH)  # fmt: skip


# --- what is checked, and the button ----------------------------------------------------------------------------------


def checked(state: State, k: Kit, desk: Issuing, needs: list[Need]) -> list[ft.Control]:
    """The guards that hold in one line; what only deserves a look below it."""
    passed = [k.of(words) for words in desk.passed()]
    out: list[ft.Control] = []
    if passed:
        out.append(ft.Row([k.icon(I.VERIFIED_USER_OUTLINED, 20, "done"), k.t(" · ".join(passed), 15, color="ink-2", expand=True)], spacing=10,
                          vertical_alignment=ft.CrossAxisAlignment.START))  # fmt: skip
    for kind, words in desk.notes():
        icon = I.HELP_OUTLINE if kind == "unsure" else I.WARNING_AMBER
        out.append(k.judge(kind, icon, k.of(words)))
    stops = [n for n in needs if n.kind == "stop"]
    if len(stops) > 1:
        out += [k.judge("alert", I.BLOCK, k.of(n.what), k.of(n.why)) for n in stops[1:]]
    return out


def foot(
    state: State, k: Kit, desk: Issuing, needs: list[Need], set_opened: Callable[[str], None], wide: float
) -> ft.Control:
    """The pad while a figure is typed; what stops the load; what is still to do; else the one button."""
    if desk.pad:
        return pad(state, k, desk, wide)
    big = {"h": 64, "size": 19, "expand": True}
    if desk.busy:
        return next_bar(k, k.button(k.say("issue.busy"), None, "next", **big))
    if needs and needs[0].kind == "stop":
        return next_bar(
            k, ft.Container(k.judge("alert", I.BLOCK, k.of(needs[0].what), k.of(needs[0].why)), expand=True)
        )
    todo = next(iter(needs), None)
    if todo is not None:
        act: Callable[..., Any] | None = None
        if todo.code in ("gross", "tare", "net"):
            act = call(state, desk.open_pad, "tare" if todo.code == "tare" else "gross")
        elif todo.code in IN_DETAILS:
            act = call(state, set_opened, "details")
        elif todo.code == "supervisor":
            act = call(state, set_opened, "supervisor")
        elif todo.code == "paper_photo":
            act = call(state, shots, state, desk)
        return next_bar(k, k.button(k.of(todo.what), act, "next", **big))
    return next_bar(
        k,
        k.button(
            k.say("issue.go.late" if desk.late else "issue.go"),
            call(state, desk.sign_and_issue),
            "next",
            I.QR_CODE_2,
            **big,
        ),
    )
