"""Loads: trucks on the road as this tablet knows them, the next truck beside them on a tablet, and all loads as a list."""

from __future__ import annotations

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import Any

import flet as ft

from field_app.desks.loads import Load
from field_app.desks.trucks import MOST, Board
from field_app.form import box
from field_app.kit import I, Kit, column, strut
from field_app.pages import issue
from field_app.pages.shell import call, frame, guard, next_bar, page, part, scroll, tappable
from field_app.state import State
from field_app.words import clock
from schemas.rules.manifest import shown

STATES: dict[str, tuple[Any, str]] = {  # icon and colour
    "draft": (I.EDIT_OUTLINED, "planned"),
    "issued": (I.HOURGLASS_EMPTY, "active"),
    "departed": (I.CONTRAST, "active"),
    "in_transit": (I.CONTRAST, "active"),
    "arrived": (I.PLACE_OUTLINED, "active"),
    "received": (I.CHECK_CIRCLE_OUTLINE, "done"),
    "received_difference": (I.DIFFERENCE_OUTLINED, "warn"),
    "rejected": (I.REPLY, "alert"),
    "returned": (I.U_TURN_LEFT, "warn"),
    "disposed": (I.CHECK_CIRCLE_OUTLINE, "done"),
    "closed": (I.CHECK_CIRCLE_OUTLINE, "done"),
    "voided": (I.BLOCK, "planned"),
    "disputed": (I.CALL_SPLIT, "clash"),
}
LEFT = 336  # px of the board beside the next truck
AGAIN_S = 30  # how often what is late is looked at anew


def tonnes(value: Decimal | None, k: Kit) -> str:
    return k.say("trucks.unweighed") if value is None else f"{value:.2f}"


def time_of(at: datetime | None, now: datetime, lang: str) -> str:
    """18:06 today, else with its day."""
    if at is None:
        return "—"
    said = clock(lang, at, now)
    return said.rpartition(" ")[2] if at.astimezone(now.tzinfo).date() == now.date() else said


def chip(k: Kit, load: Load) -> ft.Control:
    if load.alarm == "lost":
        return k.chip(I.SEARCH_OFF, k.say("trucks.lost", n=load.away_h), "alert")
    if load.alarm == "overdue":
        return k.chip(I.SCHEDULE, k.say("trucks.overdue", n=load.late), "alert")
    if load.alarm == "late":
        return k.chip(I.SCHEDULE, k.say("trucks.late", n=load.late), "warn")
    icon, color = STATES[load.state]
    return k.chip(icon, k.say(f"load.{load.state}"), color)


def said(k: Kit, load: Load) -> str:
    """The chip in words."""
    if load.alarm:
        return k.say(f"trucks.{load.alarm}", n=load.away_h if load.alarm == "lost" else load.late)
    return k.say(f"load.{load.state}")


def facts(k: Kit, load: Load, now: datetime) -> str:
    """000417 · 18.10 t · 出 17:41 · 应到 18:25."""
    no, t = load.number[-6:], tonnes(load.trip.net_out_t, k)
    if load.on_the_way:
        key = "trucks.facts.issued" if load.state == "issued" else "trucks.facts.out"
        text = k.say(key, no=no, t=t, at=time_of(load.since, now, k.lang))
        if load.state == "issued":
            return text
        return text + (
            k.say("trucks.facts.due", at=time_of(load.due, now, k.lang)) if load.due else k.say("trucks.facts.no_due")
        )
    if load.trip.net_in_t is not None:
        text = k.say("trucks.facts.both", no=no, out=t, came=tonnes(load.trip.net_in_t, k))
        diff = load.difference_t
        return text + (k.say("trucks.facts.diff", d=f"{diff:+.2f}".replace("-", "−")) if diff else "")
    return k.say("trucks.facts.ended", no=no, out=t)


def bar(k: Kit, load: Load, now: datetime) -> list[ft.Control]:
    """How much of the driving time is over; striped once it is; full when it came."""
    done = not load.on_the_way
    if load.state in ("issued", "draft", "voided") or (load.part(now) is None and not done):
        return []
    n = 1000 if done else max(1, round(1000 * (load.part(now) or 0)))
    color = STATES[load.state][1] if done else "warn" if load.alarm else "active"
    fill = ft.Container(bgcolor=k[color], expand=n, height=14)
    if load.alarm and not done:
        c, dark = k["warn"], ft.Colors.with_opacity(0.55, k["warn"])
        fill.bgcolor = None
        fill.gradient = ft.LinearGradient(begin=ft.Alignment(-1, 0), end=ft.Alignment(-0.94, 0), tile_mode=ft.GradientTileMode.REPEATED,
                                          colors=[c, c, dark, dark], stops=[0, 0.5, 0.5, 1])  # fmt: skip
    whole = ft.Container(
        ft.Row([fill, ft.Container(expand=1000 - n)] if n < 1000 else [fill], spacing=0), bgcolor=k["sunken"], border_radius=4,
        border=ft.Border.all(1, k["line-strong"]), clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
    )  # fmt: skip
    return [whole]


@ft.component
def Card(k: Kit, load: Load, now: datetime, on_tap: Any):
    top = ft.Row(
        [
            k.t(load.plate or load.number[-6:], 20, True, expand=True, max_lines=1, overflow=ft.TextOverflow.ELLIPSIS),
            chip(k, load),
        ],
        spacing=8,
    )
    text = facts(k, load, now)
    lines: list[ft.Control] = [top, k.t(text, 13, color="ink-2"), *bar(k, load, now)]
    if load.questions:
        lines.append(ft.Row([k.icon(I.HELP_OUTLINE, 18, "unsure"), k.t(k.say("trucks.open", n=len(load.questions)), 14, True, "unsure")],
                            spacing=6))  # fmt: skip
    label = "，".join([load.plate, said(k, load), text])
    inside = ft.Container(column(*lines, spacing=4), padding=ft.Padding.symmetric(horizontal=6, vertical=2))
    return ft.Container(
        tappable(k, inside, label, on_tap, padding=8), bgcolor=k["surface"], border=k.edge(), border_radius=16
    )


def cards(state: State, k: Kit, loads: tuple[Load, ...] | list[Load], now: datetime) -> list[ft.Control]:
    return [Card(k, x, now, call(state, go_to, state, x.id), key=x.id) for x in loads]


def go_to(state: State, manifest: str) -> None:
    state.go("code", manifest=manifest)


def heard(state: State, k: Kit, board: Board) -> str:
    """How old what is known here is."""
    if board.heard is None:
        return k.say("trucks.never")
    return k.say("trucks.heard", at=clock(k.lang, board.heard, state.now()))


def use_board(state: State) -> Board:
    """The board, read when the page opens, with every news, and now and then: what is late grows later by itself."""
    desk, _ = ft.use_state(state.trucks)
    alive = ft.use_ref(True)

    async def start() -> None:
        await desk.open()

    async def again() -> None:
        while alive.current:
            await asyncio.sleep(AGAIN_S)
            if alive.current and state.shown in ("trucks", "loads"):
                desk.tick()

    def stop() -> None:
        alive.current = False

    ft.use_effect(guard(state, start), [state.book])
    ft.use_effect(guard(state, again), [], guard(state, stop))
    board: Board = desk.board
    return board


def board_pane(state: State, k: Kit, board: Board, button: bool) -> ft.Control:
    now = state.now()
    head = column(
        k.t(k.say("trucks.road", n=len(board.road)), 22, True),
        k.t(heard(state, k, board), 14, color="ink-2"), spacing=2,
    )  # fmt: skip
    items: list[ft.Control] = [head]
    if not board.read:
        items.append(k.t(k.say("trucks.loading"), 16, color="ink-2"))
    elif not board.road:
        items.append(k.card(k.t(k.say("trucks.none"), 18, True), k.t(k.say("trucks.none.why"), 15, color="ink-2")))
    items += cards(state, k, board.road, now)
    if board.ended:
        items += [ft.Container(k.t(k.say("trucks.ended"), 15, True, "ink-2"), padding=ft.Padding.only(top=6)),
                  *cards(state, k, board.ended, now)]  # fmt: skip
    if board.unread:
        items.append(k.judge("unsure", I.HELP_OUTLINE, k.say("trucks.unread", n=board.unread)))
    every = k.button(k.say("trucks.all"), call(state, lambda: state.go("loads")), "plain", I.LIST_ALT)
    if button:
        return ft.Column([scroll(*items), ft.Container(every, padding=ft.Padding.only(left=16, right=16, bottom=12, top=4))], spacing=0,
                         expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)  # fmt: skip
    return scroll(*items, every)


@page
def TrucksPage(state: State, k: Kit):
    board = use_board(state)
    desk = state.trucks
    sub = k.say("trucks.sub", n=board.today, t=board.today_t) if board.read else ""
    scan = [k.icon_button(I.QR_CODE_SCANNER, k.say("trucks.scan"), call(state, lambda: state.go("scan")))]
    if not state.wide:
        foot = None
        if desk.writes:
            go = k.button(k.say("trucks.next"), call(state, lambda: state.go("issue")), "next", I.LOCAL_SHIPPING_OUTLINED, h=64, size=19,
                          expand=True)  # fmt: skip
            foot = next_bar(k, go)
        return frame(state, k, k.say("trucks"), sub, board_pane(state, k, board, False), foot=foot, right=scan)
    if not desk.writes:
        return frame(state, k, k.say("trucks"), sub, board_pane(state, k, board, False), right=scan)
    left = ft.Container(board_pane(state, k, board, True), width=LEFT, bgcolor=k["sunken"] if not k.sun else None,
                        border=ft.Border.only(right=ft.BorderSide(k.stroke, k["line"])))  # fmt: skip
    body = ft.Row(
        [left, ft.Container(issue.Pane(), expand=True)],
        spacing=0,
        expand=True,
        vertical_alignment=ft.CrossAxisAlignment.STRETCH,
    )
    return frame(state, k, k.say("trucks"), sub, body, right=scan)


@part
def Search(state: State, k: Kit):
    desk, _ = ft.use_state(state.trucks)
    field = box(k, k.say("trucks.search"), desk.text, guard(state, lambda e: desk.search(e.control.value)), expand=True)
    off = [k.icon_button(I.CLOSE, k.say("list.clear"), call(state, desk.search, ""))] if desk.text else []
    return ft.Container(ft.Row([field, *off], spacing=4), padding=ft.Padding.only(left=16, right=16, top=10, bottom=4))


@page
def LoadsPage(state: State, k: Kit):
    board = use_board(state)
    found, now = state.trucks.found(), state.now()
    lines: list[ft.Control] = []
    if not board.read:
        lines.append(k.t(k.say("trucks.loading"), 16, color="ink-2"))
    elif not board.every:
        lines.append(k.t(k.say("trucks.empty"), 18, True))
    elif not found:
        lines.append(k.t(k.say("trucks.found.none", text=state.trucks.text), 16, color="ink-2"))
    lines += [Line(k, x, now, call(state, go_to, state, x.id), key=x.id) for x in found[:MOST]]
    if len(found) > MOST:
        lines.append(k.t(k.say("trucks.found.most", n=MOST), 15, color="ink-2"))
    body = ft.Column([Search(key="search"), scroll(*lines, spacing=0)], spacing=0, expand=True,
                     horizontal_alignment=ft.CrossAxisAlignment.STRETCH)  # fmt: skip
    return frame(state, k, k.say("trucks.all"), f"{k.say('trucks.all.n', n=len(board.every))} · {heard(state, k, board)}", body, back=True,
                 tabs=False)  # fmt: skip


@ft.component
def Line(k: Kit, load: Load, now: datetime, on_tap: Any):
    below = " · ".join(x for x in (time_of(load.trip.issued or load.since, now, k.lang), f"{tonnes(load.trip.net_out_t, k)} t",
                                   load.lot, load.receiver) if x)  # fmt: skip
    no = shown(load.number)
    body = ft.Row(
        [
            strut(64),
            column(ft.Row([k.t(load.plate or no, 18, True), chip(k, load)], spacing=8, wrap=True, run_spacing=2),
                   k.t(f"{no} · {below}", 14, color="ink-2", max_lines=2, overflow=ft.TextOverflow.ELLIPSIS), expand=True, spacing=2),
            k.icon(I.CHEVRON_RIGHT),
        ],
        spacing=8,
    )  # fmt: skip
    return ft.Container(
        tappable(k, body, "，".join([load.plate, no, said(k, load), below]), on_tap, padding=ft.Padding.symmetric(horizontal=4, vertical=2)),
        border=ft.Border.only(bottom=ft.BorderSide(k.stroke, k["line"])),
    )  # fmt: skip
