"""整改 on the board: open findings, overdue first; those that ended, for a second look."""

from __future__ import annotations

import flet as ft

from field_app.desks.courses import Row
from field_app.kit import I, Kit, column
from field_app.pages.course import chips, severity
from field_app.pages.shell import call, guard, part, tappable
from field_app.state import State

MOST = 30  # of one list that are drawn


@part
def FindingList(state: State, k: Kit):
    desk, _ = ft.use_state(state.rechecking)
    opened, show = ft.use_state(False)

    async def start() -> None:
        await desk.read()

    ft.use_effect(guard(state, start), [state.book])
    if desk.board is None:
        return ft.Container()
    due, over = [r for r in desk.board if not r.course.over], [r for r in desk.board if r.course.over]
    if not due and not over:
        return ft.Container()
    items: list[ft.Control] = [
        k.t(k.say("finds", n=len(due)) if due else k.say("finds.none"), 18, True),
        *rows(state, k, due),
    ]
    if over:
        word = k.say("finds.over.hide") if opened else k.say("finds.over", n=len(over))
        icon = I.EXPAND_LESS if opened else I.EXPAND_MORE
        items.append(k.button(word, call(state, show, not opened), "plain", icon, size=16))
        items += rows(state, k, over) if opened else []
    return ft.Column(items, spacing=10, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def rows(state: State, k: Kit, found: list[Row]) -> list[ft.Control]:
    out: list[ft.Control] = [Card(k, r, call(state, go_to, state, r.id), key=r.id) for r in found[:MOST]]
    if len(found) > MOST:
        out.append(k.t(k.say("finds.more", n=MOST), 14, color="ink-2"))
    return out


def go_to(state: State, finding: str) -> None:
    state.go("recheck", finding=finding)


@ft.component
def Card(k: Kit, row: Row, on_tap: object):
    top = ft.Row([severity(k, row), *chips(k, row)], spacing=6, run_spacing=4, wrap=True)
    below = " · ".join(x for x in (row.code, row.party) if x)
    inside = column(
        top,
        k.t(row.said, 17, True, max_lines=2, overflow=ft.TextOverflow.ELLIPSIS),
        k.t(below, 14, color="ink-2", max_lines=2),
        spacing=4,
    )
    state = k.say(f"finds.state.{row.course.state}")
    late = k.say("finds.late", n=row.late) if row.late else ""
    label = "，".join(x for x in (row.said, state, late, below) if x)
    return ft.Container(
        tappable(k, inside, label, on_tap, padding=12), bgcolor=k["surface"], border=k.edge(), border_radius=16
    )
