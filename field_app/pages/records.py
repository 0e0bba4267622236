"""Records: the types this person may see, by room; what one may write first. Drafts of forms stand above them."""

from __future__ import annotations

import flet as ft

from field_app.desks.records import DraftRow, Kind
from field_app.kit import I, Kit, column, group, strut
from field_app.pages.shell import call, frame, guard, page, part, scroll, tappable, two_panes
from field_app.state import State
from schemas.records import TYPES

ROOM_ICONS = {
    "fieldwork": I.CONSTRUCTION, "samples": I.SCIENCE_OUTLINED, "plan": I.MAP_OUTLINED, "transfer": I.LOCAL_SHIPPING_OUTLINED,
    "inspection": I.FACT_CHECK_OUTLINED, "reference": I.BADGE_OUTLINED, "evidence": I.COMMENT_OUTLINED,
}  # fmt: skip


def type_name(k: Kit, type: str) -> str:
    about = TYPES[type].about if type in TYPES else None
    return k.of((about.zh, about.en)) if about else type


def kind_row(state: State, k: Kit, kind: Kind) -> ft.Control:
    name, n = type_name(k, kind.type), k.say("rec.n", n=group(str(kind.count)))
    chip = [k.icon(I.EDIT_OUTLINED, 20, "primary")] if kind.writes else []
    line = ft.Row(
        [strut(56), k.t(name, 18, True, expand=True), *chip, k.t(n, 16, color="ink-2"), k.icon(I.CHEVRON_RIGHT)],
        spacing=10,
    )
    label = "，".join((name, n, k.say("rec.mine" if kind.writes else "rec.read")))
    return tappable(
        k,
        line,
        label,
        call(state, lambda: state.go("list", type=kind.type)),
        padding=ft.Padding.symmetric(horizontal=4),
    )


def room_card(state: State, k: Kit, room: str, kinds: tuple[Kind, ...]) -> ft.Control:
    head = ft.Row(
        [
            k.icon(ROOM_ICONS.get(room, I.LIST_ALT), 22, "ink-2"),
            k.t(k.say(f"room.{room}"), 16, True, "ink-2", expand=True),
        ],
        spacing=8,
    )
    lines: list[ft.Control] = []
    for kind in kinds:
        if lines:
            lines.append(ft.Container(height=k.stroke, bgcolor=k["line"]))
        lines.append(kind_row(state, k, kind))
    return k.card(head, column(*lines), spacing=6, padding=14)


@part
def Drafts(state: State, k: Kit):
    """To go on with, or to drop after a question."""
    desk = state.records
    ft.use_state(desk)
    asked, ask = ft.use_state("")
    if not desk.drafts:
        return ft.Container()
    lines: list[ft.Control] = []
    for d in desk.drafts:
        if lines:
            lines.append(ft.Container(height=k.stroke, bgcolor=k["line"]))
        lines.append(_draft(state, k, d))
        drop = k.icon_button(
            I.DELETE_OUTLINE, f"{k.say('rec.draft.drop')} {d.name or type_name(k, d.type)}", call(state, ask, d.id)
        )
        lines[-1] = ft.Row([ft.Container(lines[-1], expand=True), drop], spacing=4)
        if asked == d.id:

            async def gone(id: str = d.id) -> None:
                ask("")
                await desk.drop_draft(id)

            yes = k.button(
                k.say("rec.draft.sure"), call(state, gone), "plain", I.DELETE_OUTLINE, size=16, expand=1, pad=8
            )
            no = k.button(k.say("rec.draft.keep"), call(state, ask, ""), "soft", size=16, expand=1, pad=8)
            name = f"{type_name(k, d.type)} {d.name}".strip()
            lines.append(
                k.judge(
                    "warn",
                    I.HELP_OUTLINE,
                    k.say("rec.draft.ask", name=name, n=d.entries),
                    "",
                    ft.Row([yes, no], spacing=8),
                )
            )
    head = column(
        k.t(k.say("rec.drafts", n=len(desk.drafts)), 18, True), k.t(k.say("rec.drafts.why"), 14, color="ink-2")
    )
    return k.card(head, *lines, spacing=8)


def _draft(state: State, k: Kit, d: DraftRow) -> ft.Control:
    word, type = k.say("rec.draft.change" if d.amends else "rec.draft.new"), type_name(k, d.type)
    title, below = d.name or type, f"{type} · {word}" if d.name else word
    head = k.t(title, 18, True, max_lines=1, overflow=ft.TextOverflow.ELLIPSIS)
    text = column(head, k.t(below, 14, color="ink-2"), expand=True)
    line = ft.Row([strut(60), k.icon(I.EDIT_NOTE, 24, "active"), text], spacing=10)
    go = call(state, lambda: state.go("form", type=d.type, id=d.id, scope=d.scope))
    return tappable(k, line, f"{title} {below}", go, padding=ft.Padding.symmetric(horizontal=4))


@page
def RecordsPage(state: State, k: Kit):
    desk = state.records
    ft.use_state(desk)
    ft.use_effect(guard(state, desk.open_tab), [state.book])
    title, sub = k.say("records"), (state.book.project or {}).get("name", "")
    if desk.kinds is None:
        return frame(state, k, title, sub, scroll(k.t(k.say("list.loading"), 16, color="ink-2")))
    if not desk.kinds:
        go = k.button(k.say("today.sync_now"), call(state, state.go, "sync"), "next", I.SYNC, h=64, size=19)
        empty = k.card(k.t(k.say("rec.none"), 20, True), k.t(k.say("rec.none.why"), 16, color="ink-2"), go, spacing=10)
        return frame(state, k, title, sub, scroll(empty))
    cards = [room_card(state, k, room, kinds) for room, kinds in desk.kinds]
    note = ft.Row([k.icon(I.EDIT_OUTLINED, 18, "primary"), k.t(k.say("rec.mine"), 14, color="ink-2")], spacing=6)
    if not state.wide:
        return frame(state, k, title, sub, scroll(Drafts(), note, *cards))
    half = _half([len(kinds) + 2 for _, kinds in desk.kinds])
    return frame(state, k, title, sub, two_panes(k, scroll(Drafts(), note, *cards[:half]), scroll(*cards[half:])))


def _half(heights: list[int]) -> int:
    """How many cards go left, so that both sides are about as long."""
    whole, sofar = sum(heights), 0
    for n, h in enumerate(heights):
        if sofar + h / 2 > whole / 2:
            return max(1, n)
        sofar += h
    return len(heights)
