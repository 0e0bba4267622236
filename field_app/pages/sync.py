"""Sync: one button, how much is safe, the last receipts, and what needs a person, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import flet as ft

from field_app import words
from field_app.desks.centre import OUT_OF_REACH
from field_app.desks.needs import Proof, Todo
from field_app.kit import I, Kit, column, strut
from field_app.pages.draw import SYNCS
from field_app.pages.shell import call, frame, guard, next_bar, page, part, scroll, tappable, two_panes
from field_app.state import State
from schemas.problems import Trouble

REVOKED, NOT_REACHED = 2005, 5004
NO_PHOTOS = (1005, 1006)  # a server without a place for them


def size(n: int) -> str:
    return f"{n} B" if n < 1000 else f"{n / 1000:.0f} kB" if n < 1_000_000 else f"{n / 1e6:.1f} MB"


def bar(k: Kit, done: int, left: int, bad: int = 0) -> ft.Control:
    """`bad`: what does not go by itself."""
    weights = [(k["done"], done), (k["active"], left), (k["alert"], bad)] if done + left + bad else [(k["sunken"], 1)]
    return ft.Row(
        [ft.Container(bgcolor=c, expand=n, height=24, border_radius=4, border=ft.Border.all(1, k["line-strong"]))
         for c, n in weights if n],
        spacing=3,
    )  # fmt: skip


def headline(k: Kit, name: str, figure: str) -> ft.Control:
    return ft.Row(
        [k.t(name, 18, True), k.t(figure, 16, color="ink-2", expand=True, text_align=ft.TextAlign.END)], spacing=12
    )


def records_card(state: State, k: Kit) -> ft.Control:
    total, left = state.counts.get("finalized", 0), state.counts.get("pending", 0)
    parts = [
        headline(k, k.say("sync.records"), k.say("sync.all_in", n=total - left, all=total)),
        bar(k, total - left, left),
    ]
    parts += photos_part(state, k)
    return k.card(*parts, k.t(k.say("sync.resumes"), 14, color="ink-2"))


def photos_part(state: State, k: Kit) -> list[ft.Control]:
    """n of m, what is left, and what does not go by itself."""
    m, waits = state.centre.picture.media, state.centre.picture.photo_bytes
    if not m.total:
        return []
    bad = m.refused + m.damaged + m.missing
    said = []
    if m.waiting:
        said.append(k.say("sync.photos.left", n=m.waiting, size=size(waits)))
    if m.held:
        said.append(k.say("sync.photos.held", n=m.held))
    if bad:
        said.append(k.say("sync.photos.troubled", n=bad))
    return [
        headline(k, k.say("sync.photos"), k.say("sync.photos.in", n=m.there, all=m.total)),
        bar(k, m.there, m.waiting, bad),
        *(k.t(text, 14, color="ink-2") for text in said or [k.say("sync.photos.kept")]),
    ]


@part
def Running(state: State, k: Kit):
    """Apart: it is drawn many times a second while a sync runs, and nothing else with it."""
    centre, _ = ft.use_state(state.centre)
    p = centre.progress
    if p is None:
        return k.judge("active", I.SYNC, k.say("sync.connecting"))
    if p.phase == "photos":
        text = k.say("sync.photos.running", done=p.done, total=p.total)
        below = [
            k.say("sync.photos.this", at=size(p.at), size=size(p.size)),
            k.say("sync.photos.rest", size=size(p.left)),
        ]
        return k.judge("active", I.SYNC, text, " · ".join(below), bar(k, p.done, max(0, p.total - p.done)))
    key = {"push": "sync.running", "thumbs": "sync.thumbs.running"}.get(p.phase, "sync.pulling")
    text = k.say(key, done=p.done, total=p.total)
    more = [centre.picture.scopes.get(p.scope, ""), k.say("sync.bytes", up=size(p.up), down=size(p.down))]
    return k.judge("active", I.SYNC, text, " · ".join(m for m in more if m), bar(k, p.done, max(0, p.total - p.done)))


def trouble_block(k: Kit, t: Trouble, left: int) -> ft.Control:
    """One problem: what, and what to do. Not being reached is calm."""
    p = t.problem
    if p.number == 5004:
        return missed_block(k, left)
    calm = p.number in OUT_OF_REACH
    icon = I.CLOUD_OFF_OUTLINED if calm else I.WARNING_AMBER
    return k.judge("unsure" if calm else "warn", icon, t.text(k.lang), k.of((p.remedy_zh, p.remedy_en)))


def missed_block(k: Kit, left: int) -> ft.Control:
    why = k.say("sync.missed.why", n=left) if left else k.say("sync.missed.none")
    return k.judge("unsure", I.CLOUD_OFF_OUTLINED, k.say("sync.missed"), why)


def result_block(state: State, k: Kit) -> list[ft.Control]:
    r, left, owed = state.centre.result, state.counts.get("pending", 0), state.centre.picture.media.waiting
    if r is None:
        return []
    if r.stopped:
        why = k.say("sync.stopped.photos" if owed else "sync.stopped.why", n=left, p=owed)
        return [k.judge("unsure", I.PAUSE_CIRCLE_OUTLINE, k.say("sync.stopped"), why)]
    once = {p.problem.number: p for p in r.problems}  # of ten scopes each may say the same
    shown = [p for n, p in once.items() if n not in (REVOKED, 1209)]
    if shown:
        return [trouble_block(k, p, left) for p in shown[:3]]
    if once:
        return []
    told = k.say("sync.reached", sent=r.acknowledged, pulled=r.pulled)
    if left:
        return [k.judge("active", I.CLOUD_UPLOAD_OUTLINED, k.say("sync.done.left", n=left), told)]
    if r.photo_problems:
        return [photos_trouble(k, t) for t in r.photo_problems[:2]]
    if owed:
        why = k.say("sync.photos.next")
        return [k.judge("active", I.CLOUD_UPLOAD_OUTLINED, k.say("sync.photos.done", n=owed), why)]
    media = state.centre.picture.media
    if bad := media.total - media.there:
        return [k.judge("warn", I.BROKEN_IMAGE_OUTLINED, k.say("sync.photos.bad", n=bad), told)]
    return [k.judge("done", I.CLOUD_DONE_OUTLINED, k.say("sync.done"), told)]


def photos_trouble(k: Kit, t: Trouble) -> ft.Control:
    """Why photos wait while all records are through."""
    number = t.problem.number
    if number == NOT_REACHED:
        return k.judge("unsure", I.CLOUD_OFF_OUTLINED, k.say("sync.photos.cut"), k.say("sync.photos.cut.why"))
    if number in NO_PHOTOS:
        return k.judge("unsure", I.CLOUD_OFF_OUTLINED, k.say("sync.photos.older"), k.say("sync.photos.older.why"))
    return trouble_block(k, t, 0)


def person_block(state: State, k: Kit) -> list[ft.Control]:
    """What only a person can get going again: a PIN, a new enrolment, a rescue bundle."""
    centre, out = state.centre, list[ft.Control]()
    if centre.picture.locked:
        names = ("、" if k.lang == "zh" else ", ").join(centre.picture.locked)
        why = k.say("sync.locked.why", n=state.counts.get("locked", 0))
        out.append(k.judge("warn", I.LOCK_OUTLINED, k.say("sync.locked", names=names), why))
    if REVOKED in centre.numbers:
        why = k.say("sync.revoked.why", n=state.counts.get("pending", 0))
        out.append(k.judge("alert", I.BLOCK, k.say("sync.revoked"), why))
        out.append(k.button(k.say("sync.rescue"), call(state, state.go, "rescue"), "plain", I.USB_OUTLINED))
    if centre.must_enrol and not state.busy:
        again = k.button(k.say("sync.enrol_again"), guard(state, state.enrol_again), "plain", I.KEY_OUTLINED)
        out.append(k.card(k.t(k.say("sync.enrol_again.why"), 16), again))
    return out


def rule(k: Kit) -> ft.Control:
    return ft.Container(height=k.stroke, bgcolor=k["line"])


def last_line(state: State, k: Kit) -> ft.Control:
    last = state.last_sync
    if not last:
        return k.t(k.say("sync.never"), 16, color="ink-2")
    when = words.clock(k.lang, datetime.fromisoformat(last["at"]), state.now())
    text = k.say("sync.reached", sent=last["sent"], pulled=last["pulled"]) if last["reached"] else k.say("sync.missed")
    if last.get("up") or last.get("down"):
        text += " · " + k.say("sync.bytes", up=size(last["up"]), down=size(last["down"]))
    icon = I.CLOUD_DONE_OUTLINED if last["reached"] else I.CLOUD_OFF_OUTLINED
    return ft.Row(
        [k.icon(icon, 24, "ink-2"), column(k.t(when, 17, True), k.t(text, 15, color="ink-2"), expand=True)], spacing=12
    )


def receipt_line(state: State, k: Kit, one: Proof) -> ft.Control:
    when = words.clock(k.lang, datetime.fromisoformat(one.at), state.now())
    title = k.say("receipt.line", at=when, n=one.said.last - one.said.first + 1)
    below = k.say("receipt.id", id=one.short, scope=one.scope)
    icon, color = (I.VERIFIED_OUTLINED, "done") if one.good else (I.GPP_BAD_OUTLINED, "alert")
    line = ft.Row(
        [strut(56), k.icon(icon, 24, color), column(k.t(title, 17, True), k.t(below, 14, color="ink-2"), expand=True),
         k.icon(I.CHEVRON_RIGHT)],
        spacing=12,
    )  # fmt: skip
    return tappable(k, line, f"{title} {below}", call(state, lambda: state.go("receipt", id=one.id)), padding=2)


def last_card(state: State, k: Kit) -> ft.Control:
    lines: list[ft.Control] = [k.t(k.say("sync.last"), 14, True, "ink-2"), last_line(state, k)]
    if state.centre.picture.receipts:
        lines += [rule(k), k.t(k.say("receipt.list"), 14, True, "ink-2")]
        lines += [receipt_line(state, k, one) for one in state.centre.picture.receipts]
    return k.card(*lines)


def opens(state: State, todo: Todo) -> Callable[..., Any] | None:
    """Where a tap leads: the page that shows it and what can be done there."""
    if todo.opens in ("refused", "conflict"):
        return call(state, lambda: state.go(todo.opens, id=todo.id))
    if todo.opens == "record":
        return call(state, lambda: state.go("record", type=todo.type, id=todo.record))
    return None


def todo_line(state: State, k: Kit, todo: Todo) -> ft.Control:
    icon, color = SYNCS[todo.kind]
    said = k.say(f"sync.{todo.kind}")
    text = [k.t(k.of(todo.what), 17, True), k.t(k.of(todo.why), 15)]
    if k.of(todo.remedy):
        text.append(k.t(k.of(todo.remedy), 15, color="ink-2"))
    way = opens(state, todo)
    chip = ft.Row([k.chip(icon, said, color)])
    parts: list[ft.Control] = [strut(56), column(chip, *text, spacing=2, expand=True)]
    if way is None:
        return ft.Row(parts, spacing=8)
    label = f"{said} {k.of(todo.what)} {k.of(todo.why)}"
    return tappable(k, ft.Row([*parts, k.icon(I.CHEVRON_RIGHT)], spacing=8), label, way, padding=2)


def todo_card(state: State, k: Kit) -> ft.Control:
    picture = state.centre.picture
    if not picture.todos:
        return k.card(k.t(k.say("sync.nothing"), 16, color="ink-2"))
    lines: list[ft.Control] = []
    for todo in picture.todos:
        if lines:
            lines.append(rule(k))
        lines.append(todo_line(state, k, todo))
    if picture.more:
        lines.append(k.t(k.say("sync.more", n=picture.more), 15, color="ink-2"))
    n = k.say("today.items", n=picture.urgent)
    head = k.say("today.needs" if picture.urgent else "sync.waits")
    return k.card(headline(k, head, n if picture.urgent else ""), *lines, spacing=10)


def auto_card(state: State, k: Kit) -> ft.Control:
    pairs = {"on": k.say("sync.auto.on"), "off": k.say("sync.auto.off")}
    now = "on" if state.centre.auto else "off"
    pick = lambda c: call(state, lambda: state.centre.set_auto(c == "on"))  # noqa: E731
    text = column(k.t(k.say("sync.auto"), 17, True), k.t(k.say("sync.auto.why"), 14, color="ink-2"))
    return k.card(text, k.choices(pairs, now, pick))


@part
def Lists(state: State, k: Kit, right: bool):
    ft.use_state(state.centre)
    if right:
        return todo_card(state, k)
    return ft.Column(
        [last_card(state, k), auto_card(state, k)], spacing=12, horizontal_alignment=ft.CrossAxisAlignment.STRETCH
    )


@page
def SyncPage(state: State, k: Kit):
    centre, on = state.centre, state.centre.running
    if on:
        said = k.say("sync.stopping") if centre.stopping else k.say("sync.stop")
        stop = None if centre.stopping else guard(state, lambda _: centre.stop())
        go = k.button(said, stop, "plain", I.PAUSE, h=64, size=19, expand=True)
    else:
        go = k.button(k.say("sync.start"), call(state, state.sync), "next", I.SYNC, h=64, size=19, expand=True)
    head: list[ft.Control] = [Running()] if on else result_block(state, k)
    left = [*head, *person_block(state, k), records_card(state, k)]
    last, todo = Lists(False), Lists(True)
    body = two_panes(k, scroll(*left, last), scroll(todo)) if state.wide else scroll(*left, todo, last)
    host = state.server.split("://")[-1]
    return frame(state, k, k.say("sync"), k.say("sync.server", url=host) if host else "", body, foot=next_bar(k, go))
