"""Choosing the record a field refers to: a list with a search, for a field of any type first which type."""

from __future__ import annotations

import flet as ft

from field_app.desks.records import Listing
from field_app.kit import I, Kit, strut
from field_app.pages.listing import Search, rows, told
from field_app.pages.records import type_name
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll, tappable
from field_app.state import State
from schemas.records import TYPES


@page
def PickPage(state: State, k: Kit):
    desk, args = state.records, state.args
    ft.use_state(desk)
    kind, set_kind = ft.use_state(args.get("ref", ""))
    path = args.get("path", "")

    async def start() -> None:
        if state.route != "pick":
            return
        await desk.take(args.get("type", ""), args.get("id", ""), args.get("scope", ""))
        if kind in TYPES:
            await desk.open_list(kind, picking=True)

    ft.use_effect(guard(state, start), [kind])
    if kind not in TYPES:
        return frame(
            state, k, k.say("pick.kind"), "", scroll(*_kinds(state, k, set_kind), spacing=0), back=True, tabs=False
        )
    name = type_name(k, kind)
    listing = desk.picks if desk.picks.type == kind else Listing(kind)
    pick = lambda seen: call(state, desk.picked, seen, path)  # noqa: E731
    parts = [Search(kind, True, key=f"search-{kind}")]
    if listing.read and not listing.rows and not listing.text and listing.next is None:
        parts.append(
            ft.Container(
                k.card(k.t(k.say("pick.none", name=name), 18, True), k.t(k.say("pick.none.why"), 16, color="ink-2")),
                padding=16,
            )
        )
    else:
        parts += told(state, k, listing, False)
    parts.append(rows(state, k, desk, listing, pick, True))
    body = ft.Column(parts, spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    none = k.button(k.say("pick.clear"), call(state, desk.picked, None, path), "plain", h=64, expand=True)
    foot = next_bar(k, none) if "." not in path and path else None
    return frame(state, k, k.say("pick.title", name=name), "", body, foot=foot, back=True, tabs=False)


def _kinds(state: State, k: Kit, choose) -> list[ft.Control]:
    lines: list[ft.Control] = []
    for type in state.records.pick_types():
        name = type_name(k, type)
        line = ft.Row([strut(56), k.t(name, 18, True, expand=True), k.icon(I.CHEVRON_RIGHT)], spacing=8)
        lines.append(tappable(k, line, name, call(state, choose, type)))
    return lines
