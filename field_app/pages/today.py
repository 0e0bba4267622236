"""Today: the one thing to do next, what needs you, and the points by state and distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft

from field_app import words
from field_app.book import PointRow
from field_app.kit import I, Kit, column, strut
from field_app.pages.draw import JUDGED, STATES, SYNCS, symbol
from field_app.pages.shell import call, frame, page, part, scroll, tappable, two_panes
from field_app.state import State
from schemas.reference import codes
from schemas.rules.geo import compass

FILTERS = ("all", "planned", "active", "done")
SHOWN = 200  # rows handed to the client; the nearest come first


def metres(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:.0f}" if value < 10_000 else f"{value / 1000:.0f}k"


def group_names(k: Kit, groups: tuple[str, ...], most: int = 3) -> str:
    names = codes("analyte_group")
    # Without the bracket: "重金属(除汞和六价铬)" leaves no room for the next one.
    short = [k.of(names[g]).split("(")[0].strip() for g in groups[:most] if g in names]
    return " ".join(short) if k.lang == "zh" else ", ".join(short)


def where(k: Kit, row: PointRow) -> tuple[str, str]:
    if row.distance_m is None:
        return "", ""
    turn = "" if row.distance_m < 0.5 else f"{k.of(compass(row.bearing or 0))} {row.bearing or 0:.0f}°"
    return f"{metres(row.distance_m)} m", turn


def matches(row: PointRow, wanted: str) -> bool:
    return wanted == "all" or row.state == wanted or (wanted == "done" and row.state in ("moved", "refused"))


@ft.component
def Row(k: Kit, row: PointRow, far: str, turn: str, on_tap: Callable[[], Any]):
    icon, color = STATES[row.state]
    word = k.say(f"state.{row.state}")
    plan = (
        k.say("point.summary", depth=row.depth_m, n=row.targets)
        if row.depth_m
        else k.say("point.targets", n=row.targets)
    )
    below = f"{plan} · {group_names(k, row.groups, 2)}" if row.groups else plan
    chips: list[ft.Control] = [] if row.state == "planned" else [k.chip(icon, word, color)]
    if row.worst in ("above_screening", "above_intervention"):
        i, c = JUDGED[row.worst]
        chips.append(k.chip(i, k.say(f"judge.{row.worst}"), c))
    if row.sync in ("parked", "rejected", "pending"):
        i, c = SYNCS[row.sync]
        chips.append(ft.Icon(i, size=20, color=k[c], semantics_label=k.say(f"sync.{row.sync}")))
    body = ft.Row(
        [
            ft.Row([strut(60), symbol(k, row.state, row.worst)], spacing=0),
            column(
                ft.Row([k.t(row.code, 18, True), *chips], spacing=8, wrap=True, run_spacing=2),
                k.t(below, 14, color="ink-2", max_lines=2 if k.scale > 1 else 1, overflow=ft.TextOverflow.ELLIPSIS),
                expand=True,
            ),
            ft.Column(
                [k.t(far, 18, True, no_wrap=True), k.t(turn, 14, color="ink-2", no_wrap=True)],
                spacing=0, tight=True, horizontal_alignment=ft.CrossAxisAlignment.END,
            ),
        ],
        spacing=10,
    )  # fmt: skip
    label = "，".join(
        w for w in (row.code, word, k.say(f"judge.{row.worst}") if row.worst else "", below, far, turn) if w
    )
    return ft.Container(
        tappable(k, body, label, on_tap, padding=ft.Padding.symmetric(horizontal=6, vertical=2)),
        border=ft.Border.only(bottom=ft.BorderSide(k.stroke, k["line"])),
    )


@part
def PointList(state: State, k: Kit):
    """Apart, because it listens to the position: nothing else on the page moves with it."""
    ft.use_state(state.here)
    rows = [r for r in state.rows() if matches(r, state.filter)]
    known = state.here.fix is not None
    heading = ft.Row(
        [
            k.t(k.say("today.list"), 20, True, expand=True),
            k.t(k.say("today.by_distance" if known else "today.by_plan"), 13, color="ink-2"),
        ]
    )

    def show(name: str) -> None:
        state.filter = name

    counts = {f: sum(matches(r, f) for r in state.book.rows) for f in FILTERS}
    names = {f: f"{k.say('all' if f == 'all' else f'state.{f}')} {counts[f]}" for f in FILTERS}
    columns = 2 if k.scale > 1 and state.width < 600 or k.lang == "en" and state.width < 480 else 4
    tabs = k.choices(names, state.filter, lambda f: call(state, show, f), columns)
    items: list[ft.Control] = [
        ft.memo(Row)(k, r, *where(k, r), ft.use_callback(call(state, state.open, r.id), [r.id]), key=r.id)
        for r in rows[:SHOWN]
    ]
    if not items:
        items = [k.t(k.say("today.none"), 16, color="ink-2")]
    return ft.Column([heading, tabs, column(*items)], spacing=10, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def next_row(state: State) -> PointRow | None:
    rows = state.rows()
    return next((r for r in rows if r.state == "active"), None) or next((r for r in rows if r.state == "planned"), None)


def next_card(state: State, k: Kit) -> ft.Control:
    if not state.book.read:
        return k.card(k.t(k.say("today.loading"), 16, color="ink-2"))
    if not state.book.projects:
        return empty(state, k, "today.no_project")
    if not state.book.rows:
        return empty(state, k, "today.no_points")
    row = next_row(state)
    if row is None:
        return empty(state, k, "today.all_done")
    icon, color = STATES[row.state]
    active = row.state == "active"
    far, turn = where(k, row)
    facts = " · ".join(w for w in (group_names(k, row.groups), far, turn) if w)
    top = ft.Row(
        [
            symbol(k, row.state, row.worst, size=48),
            column(
                k.t(k.say("today.continue" if active else "today.next"), 14, True, "ink-2"),
                ft.Row([k.t(row.code, 26, True, h=1.2), k.chip(icon, k.say(f"state.{row.state}"), color)], spacing=10),
                k.t(facts, 15, color="ink-2"),
                expand=True,
            ),
        ],
        spacing=12,
    )
    go = k.button(
        k.say("today.go" if active else "today.start", code=row.code), call(state, state.open, row.id), "next",
        I.ARROW_FORWARD, h=64, size=19,
    )  # fmt: skip
    return k.card(top, go, spacing=12)


def empty(state: State, k: Kit, what: str) -> ft.Control:
    go = k.button(k.say("today.sync_now"), call(state, state.go, "sync"), "next", I.SYNC, h=64, size=19)
    return k.card(k.t(k.say(what), 20, True), k.t(k.say(f"{what}.why"), 16, color="ink-2"), go, spacing=10)


def progress_card(k: Kit, rows: tuple[PointRow, ...]) -> ft.Control:
    count = {s: sum(r.state == s for r in rows) for s in STATES}
    finished = count["done"] + count["moved"] + count["refused"]
    parts = [
        ft.Container(bgcolor=k[STATES[s][1]] if s != "planned" else k["sunken"], expand=n, height=20, border_radius=4,
                     border=ft.Border.all(1, k["line-strong"]))
        for s, n in sorted(count.items(), key=lambda x: ("done", "moved", "refused", "active", "planned").index(x[0]))
        if n
    ]  # fmt: skip
    rest = " · ".join(
        f"{k.say(f'state.{s}')} {count[s]}" for s in ("moved", "refused", "active", "planned") if count[s]
    )
    bar = ft.Semantics(label=rest, container=True, exclude_semantics=True, content=ft.Row(parts, spacing=3))
    return k.card(
        ft.Row([k.t(k.say("today.progress", n=finished, all=len(rows)), 16, True)]),
        bar,
        k.t(rest, 14, color="ink-2"),
    )


def needs_card(state: State, k: Kit) -> list[ft.Control]:
    todos = [t for t in state.todos if t.kind != "parked"]
    if not todos:
        return []
    head = ft.Row(
        [k.t(k.say("today.needs"), 18, True, expand=True), k.t(k.say("today.items", n=len(todos)), 14, color="ink-2")]
    )
    items = []
    for t in todos[:3]:
        icon, color = SYNCS[t.kind]
        line = ft.Row(
            [
                strut(56),
                k.chip(icon, k.say(f"sync.{t.kind}"), color),
                column(k.t(k.of(t.what), 17, True), k.t(k.of(t.why), 14, color="ink-2"), expand=True),
                k.icon(I.CHEVRON_RIGHT),
            ],
            spacing=10,
        )
        items.append(
            tappable(k, line, f"{k.say(f'sync.{t.kind}')} {k.of(t.what)}", call(state, state.go, "sync"), padding=2)
        )
    return [k.card(head, *items)]


@page
def Today(state: State, k: Kit):
    project, site = state.book.project or {}, state.book.site or {}
    standard = codes("standard").get(site.get("standard", ""))
    sub = " · ".join(w for w in (words.day(k.lang, state.now()), state.person, k.of(standard)) if w)
    cards = [next_card(state, k), *needs_card(state, k)]
    if state.book.rows:
        cards.append(progress_card(k, state.book.rows))
    points = [PointList()] if state.book.rows else []
    both = state.wide and bool(points)
    body = two_panes(k, scroll(*cards), scroll(*points)) if both else scroll(*cards, *points)
    return frame(state, k, project.get("name") or k.say("app"), sub, body)
