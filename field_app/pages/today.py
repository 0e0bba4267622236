"""Today: the one thing to do next, what needs you, and the points by state and distance."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import flet as ft

from field_app import words
from field_app.book import PointRow
from field_app.kit import I, Kit, column, strut
from field_app.nearby import FILTERS
from field_app.pages.draw import JUDGED, STATES, SYNCS, symbol
from field_app.pages.shell import call, frame, guard, page, part, scroll, tappable, two_panes
from field_app.pages.sync import opens
from field_app.state import State
from schemas.reference import codes
from schemas.rules.geo import compass

FIRST, MORE, MOST = 30, 40, 300  # rows handed to the client: at first, with each step on, and at last
CLEARLY_M = 10  # so much nearer another point has to be to become the next one


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
def PointList(state: State, k: Kit, most: int, on_more: Callable[[], None]):
    """Apart, because it listens to the position: nothing else on the page moves with it. However many points there are,
    only the rows shown are looked at; a row is drawn anew only where its words change."""
    ft.use_state(state.here)
    book, wanted = state.book, state.filter
    rows = state.rows(wanted, most)
    known = state.here.fix is not None
    heading = ft.Row(
        [
            k.t(k.say("today.list"), 20, True, expand=True),
            k.t(k.say("today.by_distance" if known else "today.by_plan"), 13, color="ink-2"),
        ]
    )

    def show(name: str) -> None:
        state.filter = name

    names = {f: f"{k.say('all' if f == 'all' else f'state.{f}')} {book.places.count(f)}" for f in FILTERS}
    columns = 2 if k.scale > 1 and state.width < 600 or k.lang == "en" and state.width < 480 else 4
    tabs = k.choices(names, wanted, lambda f: call(state, show, f), columns)
    taps: dict[str, Callable[[], Any]] = ft.use_ref(dict).current
    items: list[ft.Control] = [
        ft.memo(Row)(k, book.by_id[r.id], *where(k, r), taps.setdefault(r.id, call(state, state.open, r.id)), key=r.id)
        for r in rows
    ]
    left = book.places.count(wanted) - len(rows)
    if left and most < MOST:
        items.append(k.button(k.say("today.more", n=left), call(state, on_more), "plain", I.EXPAND_MORE))
    elif left:
        items.append(k.t(k.say("today.rest", n=left), 15, color="ink-2"))
        items.append(k.button(k.say("today.see_map"), call(state, state.go, "map"), "plain", I.MAP_OUTLINED))
    if not rows:
        items = [k.t(k.say("today.none"), 16, color="ink-2")]
    return ft.Column([heading, tabs, column(*items)], spacing=10, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def next_row(state: State, last: str = "") -> PointRow | None:
    """The nearest point under way, else the nearest to do. `last` stays it until another one is clearly nearer: a button
    must not become another's while a finger is on its way."""
    for wanted in ("active", "planned"):
        best = next(iter(state.rows(wanted)), None)
        if best is None:
            continue
        kept = state.row(last) if last else None
        if kept is None or kept.state != wanted or kept.distance_m is None or best.distance_m is None:
            return best
        return kept if kept.distance_m <= best.distance_m + CLEARLY_M else best
    return None


@part
def NextCard(state: State, k: Kit):
    """Listens to the position: how far the next job is."""
    ft.use_state(state.here)
    last = ft.use_ref("")
    if not state.book.read:
        return k.card(k.t(k.say("today.loading"), 16, color="ink-2"))
    if not state.book.projects:
        return empty(state, k, "today.no_project")
    if not state.book.rows:
        return empty(state, k, "today.no_points")
    row = next_row(state, last.current or "")
    if row is None:
        return empty(state, k, "today.all_done")
    last.current = row.id
    icon, color = STATES[row.state]
    active = row.state == "active"
    far, turn = where(k, row)
    facts = " · ".join(w for w in (group_names(k, row.groups), far, turn) if w)
    top = ft.Row(
        [
            symbol(k, row.state, row.worst, size=48),
            column(
                k.t(k.say("today.continue" if active else "today.next"), 14, True, "ink-2"),
                ft.Row(
                    [k.t(row.code, 26, True, h=1.2), k.chip(icon, k.say(f"state.{row.state}"), color)],
                    spacing=10, wrap=True, run_spacing=2,
                ),
                k.t(facts, 15, color="ink-2"),
                expand=True,
            ),
        ],
        spacing=12,
    )  # fmt: skip
    go = k.button(
        k.say("today.go" if active else "today.start", code=row.code), call(state, state.open, row.id), "next",
        I.ARROW_FORWARD, h=64, size=19,
    )  # fmt: skip
    walk = k.button(
        k.say("today.walk", code=row.code), call(state, functools.partial(state.go, "stakeout", planned=row.id)), "plain",
        I.NEAR_ME_OUTLINED,
    )  # fmt: skip
    return k.card(top, go, walk, spacing=12)


def empty(state: State, k: Kit, what: str) -> ft.Control:
    go = k.button(k.say("today.sync_now"), call(state, state.go, "sync"), "next", I.SYNC, h=64, size=19)
    return k.card(k.t(k.say(what), 20, True), k.t(k.say(f"{what}.why"), 16, color="ink-2"), go, spacing=10)


def progress_card(k: Kit, count: Mapping[str, int]) -> ft.Control:
    finished = count.get("done", 0) + count.get("moved", 0) + count.get("refused", 0)
    parts = [
        ft.Container(bgcolor=k[STATES[s][1]] if s != "planned" else k["sunken"], expand=count[s], height=20, border_radius=4,
                     border=ft.Border.all(1, k["line-strong"]))
        for s in ("done", "moved", "refused", "active", "planned")
        if count.get(s)
    ]  # fmt: skip
    rest = " · ".join(
        f"{k.say(f'state.{s}')} {count[s]}" for s in ("moved", "refused", "active", "planned") if count.get(s)
    )
    bar = ft.Semantics(label=rest, container=True, exclude_semantics=True, content=ft.Row(parts, spacing=3))
    return k.card(
        ft.Row([k.t(k.say("today.progress", n=finished, all=sum(count.values())), 16, True)]),
        bar,
        k.t(rest, 14, color="ink-2"),
    )


def needs_card(state: State, k: Kit) -> list[ft.Control]:
    """What was returned, what is in conflict; below it, quietly, what waits to be sent."""
    todos = [t for t in state.todos if t.kind != "parked"]
    left, photos = state.counts.get("pending", 0), state.centre.picture.media.waiting
    if not todos and not left and not photos:
        return []
    items = []
    for t in todos[:3]:
        icon, color = SYNCS[t.kind]
        texts = column(k.t(k.of(t.what), 17, True), k.t(k.of(t.why), 14, color="ink-2"), expand=True)
        items.append(_line(state, k, icon, color, k.say(f"sync.{t.kind}"), texts, k.of(t.what), opens(state, t)))
    if state.urgent > 3:
        more = k.say("today.needs.more", n=state.urgent - 3)
        items.append(_line(state, k, I.MORE_HORIZ, "planned", more, ft.Container(expand=True), ""))
    if left:
        icon, color = SYNCS["pending"]
        waits = k.say("today.waits", n=left)
        items.append(_line(state, k, icon, color, k.say("sync.pending"), k.t(waits, 16, expand=True), waits))
    if photos:
        items.append(PhotosWait(photos))
    if not todos:
        return [k.card(*items, padding=8)]
    head = ft.Row(
        [k.t(k.say("today.needs"), 18, True, expand=True), k.t(k.say("today.items", n=state.urgent), 14, color="ink-2")]
    )
    return [k.card(head, *items)]


@part
def PhotosWait(state: State, k: Kit, left: int):
    """Apart: while they are sent it is drawn anew with every one."""
    centre, _ = ft.use_state(state.centre)
    p = centre.progress
    running = p is not None and p.phase == "photos"
    icon, color = SYNCS["pending"]
    said = k.say("sync.photos.running", done=p.done, total=p.total) if running else k.say("today.waits.photos", n=left)
    return _line(state, k, icon, color, k.say("sync.pending"), k.t(said, 16, expand=True), said)


def _line(
    state: State, k: Kit, icon: Any, color: str, word: str, what: ft.Control, name: str, act: Callable[..., Any] | None = None
) -> ft.Control:  # fmt: skip
    """One tap to where it is dealt with; else to Sync, where all of it stands."""
    chip = k.chip(icon, word, color)
    if state.width < 420 and (k.scale > 1 or k.lang == "en"):  # beside the chip one word a line would be left
        what.expand = None
        line = ft.Row([strut(56), column(ft.Row([chip]), what, spacing=2, expand=True), k.icon(I.CHEVRON_RIGHT)])
    else:
        line = ft.Row([strut(56), chip, what, k.icon(I.CHEVRON_RIGHT)], spacing=10)
    return tappable(k, line, f"{word} {name}".strip(), act or call(state, state.go, "sync"), padding=2)


def projects_card(state: State, k: Kit) -> list[ft.Control]:
    """To change between projects; nothing to see where there is one."""
    book = state.book
    if len(book.projects) < 2:
        return []
    rows = []
    for id, name in book.projects:
        on = id == book.project_id
        line = ft.Row(
            [strut(48), k.icon(I.RADIO_BUTTON_CHECKED if on else I.RADIO_BUTTON_UNCHECKED, 24), k.t(name, 17, on, expand=True)],
            spacing=10,
        )  # fmt: skip
        rows.append(tappable(k, line, name, call(state, state.choose_project, id), on, padding=6))
    return [k.card(k.t(k.say("today.projects"), 18, True), column(*rows))]


@page
def Today(state: State, k: Kit):
    most, set_most = ft.use_state(FIRST)
    project, site = state.book.project or {}, state.book.site or {}
    standard = codes("standard").get(site.get("standard", ""))
    sub = " · ".join(w for w in (words.day(k.lang, state.now()), state.person, k.of(standard)) if w)
    more = ft.use_callback(lambda: set_most(lambda n: min(n + MORE, MOST)), [])

    def scrolled(e: ft.OnScrollEvent) -> None:
        if e.max_scroll_extent - e.pixels < 400 and most < min(MOST, state.book.places.count(state.filter)):
            more()

    cards = [NextCard(), *needs_card(state, k)]
    if state.book.rows:
        cards.append(progress_card(k, state.book.counts))
    cards += projects_card(state, k)
    points = [PointList(most, more)] if state.book.rows else []
    watched = guard(state, scrolled)
    both = state.wide and bool(points)
    if both:
        body = two_panes(k, scroll(*cards), _listened(scroll(*points), watched))
    else:
        body = _listened(scroll(*cards, *points), watched)
    return frame(state, k, project.get("name") or k.say("app"), sub, body)


def _listened(column: ft.Column, on_scroll: Callable[[Any], Any]) -> ft.Column:
    """The next rows come by themselves when the end is near; the button below them is for who cannot wait."""
    column.on_scroll, column.scroll_interval = on_scroll, 200
    return column
