"""核查任务 on the board: leads to go and look at, overdue first, one's own before those of others."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.desks.courses import SOON
from field_app.desks.leads import Task
from field_app.kit import I, Kit, column
from field_app.pages.shell import call, guard, part, tappable
from field_app.pages.today import metres
from field_app.state import State
from schemas.reference import codes

MOST = 20
STATES: dict[str, tuple[Any, str]] = {  # icon and colour
    "open": (I.CIRCLE_OUTLINED, "planned"),
    "assigned": (I.PERSON_PIN_CIRCLE_OUTLINED, "active"),
    "visited": (I.PLACE_OUTLINED, "active"),
    "answered": (I.CHECK_CIRCLE_OUTLINE, "done"),
    "overdue": (I.SCHEDULE, "alert"),
}


@part
def TaskList(state: State, k: Kit):
    """Those that are answered are records like any other, and not shown here."""
    desk, _ = ft.use_state(state.tasking)
    opened, show = ft.use_state(False)

    async def start() -> None:
        await desk.read()

    ft.use_state(state.here)
    ft.use_effect(guard(state, start), [state.book, state.here.fix is None])
    waiting = [t for t in desk.board or () if t.state != "answered"]
    if not waiting:
        return ft.Container()
    mine, others = (
        [t for t in waiting if t.mine or not t.values.get("assigned_to")],
        [t for t in waiting if not t.mine and t.values.get("assigned_to")],
    )
    items: list[ft.Control] = [k.t(k.say("tasks", n=len(mine)), 18, True), *rows(state, k, mine)]
    if others:
        word = k.say("tasks.others.hide") if opened else k.say("tasks.others", n=len(others))
        items.append(
            k.button(word, call(state, show, not opened), "plain", I.EXPAND_LESS if opened else I.EXPAND_MORE, size=16)
        )
        items += rows(state, k, others) if opened else []
    return ft.Column(items, spacing=10, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def rows(state: State, k: Kit, found: list[Task]) -> list[ft.Control]:
    out: list[ft.Control] = [Card(k, t, call(state, go_to, state, t.id), key=t.id) for t in found[:MOST]]
    if len(found) > MOST:
        out.append(k.t(k.say("tasks.more", n=MOST), 14, color="ink-2"))
    return out


def go_to(state: State, task: str) -> None:
    state.go("task", id=task)


def due(k: Kit, t: Task) -> tuple[str, str]:
    if t.late:
        return k.say("tasks.late", n=t.late), "alert"
    if t.left is None:
        return "", ""
    return (
        k.say("tasks.today") if t.left == 0 else k.say("tasks.left", n=t.left)
    ), "warn" if t.left <= SOON else "planned"


def chips(k: Kit, t: Task) -> list[ft.Control]:
    out: list[ft.Control] = []
    if t.state != "overdue":
        icon, color = STATES[t.state]
        out.append(k.chip(icon, k.say(f"tasks.state.{t.state}"), color))
    words, color = due(k, t)
    if words:
        out.append(k.chip(I.SCHEDULE, words, color))
    if t.began:
        out.append(k.chip(I.EDIT_OUTLINED, k.say("tasks.begun"), "active"))
    return out


@ft.component
def Card(k: Kit, t: Task, on_tap: object):
    kind = k.of(codes("task_kind").get(t.kind)) or t.kind
    far = k.say("tasks.far", m=metres(t.distance_m)) if t.distance_m is not None else ""
    below = " · ".join(x for x in (kind, t.code, far) if x)
    inside = column(
        ft.Row(chips(k, t), spacing=6, run_spacing=4, wrap=True),
        k.t(t.title, 17, True, max_lines=2, overflow=ft.TextOverflow.ELLIPSIS), k.t(below, 14, color="ink-2"), spacing=4,
    )  # fmt: skip
    label = "，".join(x for x in (t.title, k.say(f"tasks.state.{t.state}"), due(k, t)[0], below) if x)
    return ft.Container(
        tappable(k, inside, label, on_tap, padding=12), bgcolor=k["surface"], border=k.edge(), border_radius=16
    )
