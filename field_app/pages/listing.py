"""The records of one type, the last made first; one page at a time, the next one when the end comes near."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import flet as ft

from field_app.desks.records import SEARCHED, Listing, Records
from field_app.form import box, given, said
from field_app.kit import I, Kit, column
from field_app.pages.draw import SYNCS
from field_app.pages.records import type_name
from field_app.pages.shell import call, frame, guard, next_bar, page, part, scroll, tappable
from field_app.state import State
from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.shown import DEPTHS, fact_fields, searched, title_fields

ROW = 84  # px of a row at normal text size
NEAR = 1200  # px before the end the next page is asked for


def title_of(k: Kit, desk: Records, type: str, id: str, values: Mapping[str, Any], now: datetime) -> str:
    known = fields_of(TYPES[type])
    kind = str(values.get("subject_kind", ""))
    parts = [said(k, known[n], values[n], desk.called, now, kind) for n in title_fields(type) if given(values.get(n))]
    return " ".join(parts) or f"{type_name(k, type)} {id[-6:]}"


def facts_of(k: Kit, desk: Records, type: str, values: Mapping[str, Any], now: datetime) -> str:
    known, names, out = fields_of(TYPES[type]), list(fact_fields(type)), []
    for top, bottom in DEPTHS:
        if top in names:
            ends = [str(values[n]) for n in (top, bottom) if given(values.get(n))]
            out += [f"{'–'.join(ends)} m"] if ends else []
            names = [n for n in names if n not in (top, bottom)]
    kind = str(values.get("subject_kind", ""))
    out += [said(k, known[n], values[n], desk.called, now, kind) for n in names if given(values.get(n))]
    return " · ".join(out)


@ft.component
def Row(k: Kit, title: str, facts: str, state: str, void: bool, chosen: bool, height: float, on_tap: Callable[[], Any]):
    icon, color = SYNCS[state]
    word = k.say(f"sync.{state}")
    chips = [k.chip(I.BLOCK, k.say("list.void"), "alert")] if void else []
    chips += [k.chip(I.CHECK, k.say("pick.chosen"), "done")] if chosen else []
    if state != "accepted":
        chips.append(k.chip(icon, word, color))
    name = k.t(title, 18, True, "ink-2" if void else "ink", max_lines=1, overflow=ft.TextOverflow.ELLIPSIS, expand=True)
    body = ft.Row(
        [
            column(
                ft.Row([name, *chips], spacing=8),
                k.t(facts, 15, color="ink-2", max_lines=1, overflow=ft.TextOverflow.ELLIPSIS), expand=True, spacing=2,
            ),
            k.icon(I.CHEVRON_RIGHT),
        ],
        spacing=8,
    )  # fmt: skip
    label = "，".join(x for x in (title, k.say("list.void") if void else "", word, facts) if x)
    return ft.Container(
        tappable(k, body, label, on_tap, chosen, padding=ft.Padding.symmetric(horizontal=8)), height=height,
        border=ft.Border.only(bottom=ft.BorderSide(k.stroke, k["line"])), padding=ft.Padding.symmetric(vertical=2),
    )  # fmt: skip


def rows(state: State, k: Kit, desk: Records, listing: Listing, on_row: Callable[[Any], Callable[[], Any]], picking: bool, chosen: tuple[str, ...] = ()) -> ft.Control:  # fmt: skip
    """The list itself. `on_row` gives the handler of a row."""
    now, height = state.now(), ROW * k.scale
    lines: list[ft.Control] = []
    for seen in listing.rows:
        sign = (listing.signs or {}).get(seen.id, seen.state)
        lines.append(
            ft.memo(Row)(
                k, title_of(k, desk, seen.type, seen.id, seen.values, now), facts_of(k, desk, seen.type, seen.values, now),
                sign if sign in SYNCS else "pending", bool(seen.values.get("deleted")), seen.id in chosen, height,
                ft.use_callback(on_row(seen), [seen.id]), key=seen.id,
            )
        )  # fmt: skip
    if listing.next is not None:
        more = k.button(k.say("list.more"), call(state, desk.more, picking), "soft", I.EXPAND_MORE, size=16)
        lines.append(ft.Container(more, height=height, padding=8))

    def near(e: ft.OnScrollEvent) -> None:
        if listing.next is not None and e.max_scroll_extent - e.pixels < NEAR:
            state._later(desk.more(picking))

    return ft.ListView(lines, item_extent=height, expand=True, on_scroll=guard(state, near), scroll_interval=100,
                       padding=ft.Padding.symmetric(horizontal=8))  # fmt: skip


@part
def Search(state: State, k: Kit, type: str, picking: bool):
    """What is searched is said; with a way back to the whole list."""
    desk = state.records
    text, set_text = ft.use_state("")

    async def typed(e: Any) -> None:
        set_text(e.control.value)
        await desk.search(e.control.value, picking)

    async def clear() -> None:
        set_text("")
        await desk.search("", picking, 0)

    known = fields_of(TYPES[type])
    names = ("、" if k.lang == "zh" else ", ").join(
        k.of((known[n].spec.zh, known[n].spec.en)) for n in searched(type)[:3]
    )
    by = k.say("list.by", fields=names)
    field = box(k, k.say("list.search"), text, guard(state, typed), helper=by, expand=True)
    off = [k.icon_button(I.CLOSE, k.say("list.clear"), call(state, clear))] if text else []
    return ft.Container(
        ft.Row([field, *off], spacing=4, vertical_alignment=ft.CrossAxisAlignment.START),
        padding=ft.Padding.only(left=16, right=16, top=10, bottom=4),
    )


def told(state: State, k: Kit, listing: Listing, makes: bool) -> list[ft.Control]:
    """What stands above the rows, or in their place."""
    name = type_name(k, listing.type)
    lines: list[str] = []
    if not listing.read:
        lines = [k.say("list.loading")]
    elif listing.text and not listing.rows:
        lines = [k.say("list.found.none", text=listing.text)]
    elif listing.text:
        n = len(listing.rows)
        lines = [k.say("list.found" if listing.whole else "list.found.most", n=n)]
    elif not listing.rows and listing.next is None:
        lines = [k.say("list.empty", name=name), k.say("list.empty.write" if makes else "list.empty.read")]
    if listing.text and not listing.whole:
        lines.append(k.say("list.found.near", n=SEARCHED))
    return [
        ft.Container(k.t(x, 16, color="ink-2"), padding=ft.Padding.symmetric(horizontal=16, vertical=4)) for x in lines
    ]


@page
def ListPage(state: State, k: Kit):
    desk, type = state.records, state.args.get("type", "")
    ft.use_state(desk)

    async def start() -> None:
        if type in TYPES and state.route == "list":
            await desk.open_list(type)

    ft.use_effect(guard(state, start), [type, state.book])
    if type not in TYPES:
        return frame(state, k, k.say("records"), "", scroll(k.t(k.say("one.gone"), 18, True)), back=True)
    listing = desk.listing if desk.listing.type == type else Listing(type)
    name, makes = type_name(k, type), desk.may_make(type)
    parts = [Search(type, False, key=f"search-{type}"), *told(state, k, listing, makes)]
    go = lambda seen: call(state, lambda: state.go("record", type=seen.type, id=seen.id))  # noqa: E731
    parts.append(rows(state, k, desk, listing, go, False))
    body = ft.Column(parts, spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    foot = None
    if makes:
        new = k.button(
            k.say("list.new", name=name), call(state, desk.begin, type), "next", I.ADD, h=64, size=19, expand=True
        )
        foot = next_bar(k, new)
    return frame(state, k, name, k.say("list.newest"), body, foot=foot, back=True, tabs=False)
