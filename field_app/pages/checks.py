"""检查: tasks, checks begun, findings to look at again; and choosing the list of a new check."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import flet as ft

from field_app.desks.checking import Begun
from field_app.desks.checks import MOST, Checks, Choice, Signed
from field_app.form import box
from field_app.kit import I, Kit, column, strut
from field_app.pages.findings import FindingList
from field_app.pages.keep import KeptLink
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll, tappable, two_panes
from field_app.pages.tasks import TaskList
from field_app.state import State
from field_app.words import clock
from schemas.reference import codes
from schemas.rules.checklists import model


@page
def ChecksPage(state: State, k: Kit):
    desk, _ = ft.use_state(state.checks)

    async def start() -> None:
        await desk.open()

    ft.use_effect(guard(state, start), [state.book])
    board = desk.board
    items: list[ft.Control] = []
    if not board.read:
        items.append(k.t(k.say("checks.loading"), 16, color="ink-2"))
    elif board.begun:
        items.append(k.t(k.say("checks.begun", n=len(board.begun)), 18, True))
        items += [card(state, k, b) for b in board.begun]
    else:
        items.append(k.card(k.t(k.say("checks.none"), 18, True), k.t(k.say("checks.none.why"), 15, color="ink-2")))
    tasks, findings = TaskList(key="tasks"), FindingList(key="findings")
    last: list[ft.Control] = []
    if board.signed:
        last.append(k.t(k.say("checks.signed"), 16, True, "ink-2"))
        last += [signed_row(state, k, s) for s in board.signed]
    last.append(KeptLink(key="kept"))
    last.append(
        k.button(k.say("checks.records"), call(state, lambda: state.go("records")), "plain", I.LIST_ALT, size=16)
    )
    new = k.button(
        k.say("checks.new"), call(state, lambda: state.go("newcheck")), "next", I.ADD, h=64, size=19, expand=True
    )
    sub = str((state.book.project or {}).get("name", ""))
    if state.wide:
        body = two_panes(k, scroll(*items, tasks), scroll(findings, *last))
    else:
        body = scroll(*items, tasks, findings, *last)
    return frame(state, k, k.say("checks"), sub, body, foot=next_bar(k, new))


def title_of(k: Kit, kind: str, title: Any) -> str:
    """The list's name, else the kind of check."""
    return k.of(title) or k.of(codes("inspection_kind").get(kind)) or kind


def card(state: State, k: Kit, b: Begun) -> ft.Control:
    name = title_of(k, b.kind, b.title)
    key = "checks.begun.facts" if b.total else "checks.begun.facts.any"
    facts = k.say(key, n=b.answered, all=b.total, fails=b.fails, photos=b.photos)
    at = clock(k.lang, datetime.fromisoformat(b.started_at), state.now()) if b.started_at else ""
    below = " · ".join(x for x in (b.place, at) if x)
    bar: list[ft.Control] = []
    if b.total:
        done = max(0, min(b.total, b.answered))
        part = [ft.Container(bgcolor=k["active"], expand=done, height=10)] if done else []
        rest = [ft.Container(expand=b.total - done)] if done < b.total else []
        bar = [ft.Container(ft.Row([*part, *rest], spacing=0), bgcolor=k["sunken"], border_radius=4, border=k.edge("line-strong", 1),
                            clip_behavior=ft.ClipBehavior.ANTI_ALIAS)]  # fmt: skip
    inside = column(
        ft.Row([k.t(name, 18, True, expand=True, max_lines=2, overflow=ft.TextOverflow.ELLIPSIS), k.icon(I.CHEVRON_RIGHT)], spacing=8),
        k.t(below, 14, color="ink-2"), *bar, k.t(facts, 14, color="ink-2"), spacing=4,
    )  # fmt: skip
    go = call(state, lambda: state.go("item", id=b.id))
    return ft.Container(tappable(k, inside, "，".join([name, below, facts]), go, padding=12), bgcolor=k["surface"], border=k.edge(),
                        border_radius=16)  # fmt: skip


def signed_row(state: State, k: Kit, s: Signed) -> ft.Control:
    name, verdict = title_of(k, s.kind, s.title), k.of(codes("verdict").get(s.verdict))
    at = clock(k.lang, datetime.fromisoformat(s.started_at), state.now()) if s.started_at else ""
    below = " · ".join(x for x in (s.code, at, verdict) if x)
    body = ft.Row([strut(56), column(k.t(name, 16, True, max_lines=1, overflow=ft.TextOverflow.ELLIPSIS), k.t(below, 14, color="ink-2"),
                                     expand=True, spacing=2), k.icon(I.CHEVRON_RIGHT)], spacing=8)  # fmt: skip
    go = call(state, lambda: state.go("onsite", id=s.id))
    return tappable(k, body, f"{name}，{below}", go, padding=ft.Padding.symmetric(horizontal=4, vertical=2))


# --- a new check ------------------------------------------------------------------------------------------------------


@page
def NewCheckPage(state: State, k: Kit):
    """The list, then the point or facility where the list is about one: three taps to the first item."""
    desk, _ = ft.use_state(state.checks)

    async def start() -> None:
        await desk.open()

    ft.use_effect(guard(state, start), [state.book], call(state, desk.choose, None))
    sub = str((state.book.site or {}).get("name", ""))
    chosen = desk.choosing
    if not state.book.site_id:
        body = scroll(k.judge("warn", I.INFO_OUTLINE, k.say("begin.no_site")))
        return frame(state, k, k.say("begin.title"), "", body, back=True, tabs=False)
    if chosen is not None and desk.asks:
        return about(state, k, desk, chosen)
    lists = desk.board.lists
    own, ready = [c for c in lists if not c.ready], [c for c in lists if c.ready]
    items: list[ft.Control] = []
    for key, group in (("begin.own", own), ("begin.ready", ready)):
        if group:
            items += [k.t(k.say(key), 15, True, "ink-2"), *(list_row(state, k, desk, c) for c in group)]
    if not lists and desk.board.read:
        items.append(k.judge("unsure", I.HELP_OUTLINE, k.say("begin.none"), k.say("begin.none.why")))
    return frame(state, k, k.say("begin.title"), sub, scroll(*items, spacing=8), back=True, tabs=False)


def list_row(state: State, k: Kit, desk: Checks, c: model.Checklist) -> ft.Control:
    kind = k.of(codes("inspection_kind").get(c.kind)) or c.kind
    facts = k.say("begin.items", n=len(c.items), version=c.version, kind=kind)
    unsure = c.mark in ("D", "K?")
    chips = [k.chip(I.HELP_OUTLINE, k.say("begin.unsure"), "unsure")] if unsure else []

    def choose() -> None:
        desk.choose(c)
        if not desk.asks:
            desk.begin()

    body = ft.Row([strut(60), column(k.t(k.of(c.title), 18, True), k.t(facts, 14, color="ink-2"), *chips, expand=True, spacing=2),
                   k.icon(I.CHEVRON_RIGHT)], spacing=8)  # fmt: skip
    return ft.Container(tappable(k, body, f"{k.of(c.title)}，{facts}", call(state, choose), padding=ft.Padding.symmetric(horizontal=10, vertical=4)),
                        bgcolor=k["surface"], border=k.edge(), border_radius=14)  # fmt: skip


def about(state: State, k: Kit, desk: Checks, chosen: model.Checklist) -> ft.Control:
    point = desk.asks == "point"
    choices: list[Choice] = desk.points() if point else list(desk.board.facilities)
    items: list[ft.Control] = [k.t(k.of(chosen.title), 20, True)]
    if point:
        items.append(k.t(k.say("begin.point.why" if choices else "begin.point.empty"), 15, color="ink-2"))
    if point and (desk.text or len(choices) == MOST):
        items.append(box(k, k.say("begin.search"), desk.text, guard(state, lambda e: desk.search(e.control.value))))
    items += [choice_row(state, k, desk, c, point) for c in choices]
    none = k.say("begin.point.none" if point else "begin.facility.none")
    items.append(k.button(none, call(state, desk.begin), "plain", I.ARROW_FORWARD))
    title = k.say("begin.point" if point else "begin.facility")
    back = k.icon_button(I.LIST_ALT, k.say("begin.title"), call(state, desk.choose, None))
    return frame(
        state,
        k,
        title,
        str((state.book.site or {}).get("name", "")),
        scroll(*items, spacing=8),
        back=True,
        right=[back],
        tabs=False,
    )


def choice_row(state: State, k: Kit, desk: Checks, c: Choice, point: bool) -> ft.Control:
    outcome = k.of(codes("visit_outcome").get(c.more)) if point else c.more
    far = k.say("begin.far", m=f"{c.distance_m:.0f}") if c.distance_m is not None else ""
    below = " · ".join(x for x in (outcome or c.more, far) if x)

    def go() -> None:
        desk.begin(point=c.id) if point else desk.begin(facility=c.id)

    body = ft.Row(
        [strut(60), k.t(c.name, 18, True), k.t(below, 15, color="ink-2", expand=True), k.icon(I.CHEVRON_RIGHT)],
        spacing=12,
    )
    return ft.Container(tappable(k, body, f"{c.name}，{below}", call(state, go), padding=ft.Padding.symmetric(horizontal=10, vertical=2)),
                        bgcolor=k["surface"], border=k.edge(), border_radius=14)  # fmt: skip
