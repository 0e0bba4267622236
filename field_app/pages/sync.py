"""Sync: one button, how much is safe, and what needs a person, with what to do."""

from __future__ import annotations

from datetime import datetime

import flet as ft

from field_app import words
from field_app.kit import I, Kit, column, strut
from field_app.pages.draw import SYNCS
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll, two_panes
from field_app.state import State, Todo


def records_card(state: State, k: Kit) -> ft.Control:
    total, left = state.counts.get("finalized", 0), state.counts.get("pending", 0)
    sent = total - left
    weights = [(k["done"], sent), (k["active"], left)] if total else [(k["sunken"], 1)]
    bar = ft.Row(
        [ft.Container(bgcolor=c, expand=n, height=24, border_radius=4, border=ft.Border.all(1, k["line-strong"]))
         for c, n in weights if n],
        spacing=3,
    )  # fmt: skip
    head = ft.Row(
        [
            k.t(k.say("sync.records"), 18, True, expand=True),
            k.t(k.say("sync.all_in", n=sent, all=total), 16, color="ink-2"),
        ]
    )
    return k.card(head, bar, k.t(k.say("sync.resumes"), 14, color="ink-2"))


def result_block(state: State, k: Kit) -> list[ft.Control]:
    if state.busy == "sync":
        p = state.progress
        text = k.say("sync.connecting")
        if p is not None:
            text = (
                k.say("sync.running", done=p.done, total=p.total)
                if p.phase == "push"
                else k.say("sync.pulling", done=p.done)
            )
        return [k.judge("active", I.SYNC, text)]
    r = state.result
    if r is None:
        return []
    left = state.counts.get("pending", 0)
    if not r.reached:
        first = r.problems[0].problem if r.problems else None
        why = k.say("sync.missed.why", n=left)
        if first is not None and first.number != 5004:  # reached, but not let in
            title, why = k.of((first.zh, first.en)), k.of((first.remedy_zh, first.remedy_en))
            return [k.judge("warn", I.CLOUD_OFF_OUTLINED, title, why)]
        return [k.judge("unsure", I.CLOUD_OFF_OUTLINED, k.say("sync.missed"), why)]
    if r.problems:
        lines = [f"{p.text(k.lang)}。{k.of((p.problem.remedy_zh, p.problem.remedy_en))}" for p in r.problems[:3]]
        return [k.judge("warn", I.WARNING_AMBER, k.say("sync.problems", n=len(r.problems)), "\n".join(lines))]
    return [
        k.judge(
            "done",
            I.CLOUD_DONE_OUTLINED,
            k.say("sync.done"),
            k.say("sync.reached", sent=r.acknowledged, pulled=r.pulled),
        )
    ]


def enrol_block(state: State, k: Kit) -> list[ft.Control]:
    """Only where the server takes nothing more from this enrolment: otherwise nobody should come across it."""
    if not state.must_enrol or state.busy:
        return []
    again = k.button(k.say("sync.enrol_again"), guard(state, state.enrol_again), "plain", I.KEY_OUTLINED)
    return [k.card(k.t(k.say("sync.enrol_again.why"), 16), again)]


def last_card(state: State, k: Kit) -> ft.Control:
    last = state.last_sync
    if not last:
        return k.card(k.t(k.say("sync.never"), 16, color="ink-2"))
    when = words.clock(k.lang, datetime.fromisoformat(last["at"]), state.now())
    text = k.say("sync.reached", sent=last["sent"], pulled=last["pulled"]) if last["reached"] else k.say("sync.missed")
    icon = I.CLOUD_DONE_OUTLINED if last["reached"] else I.CLOUD_OFF_OUTLINED
    line = ft.Row(
        [k.icon(icon, 24, "ink-2"), column(k.t(when, 17, True), k.t(text, 15, color="ink-2"), expand=True)], spacing=12
    )
    return k.card(k.t(k.say("sync.last"), 14, True, "ink-2"), line)


def todo_line(k: Kit, todo: Todo) -> ft.Control:
    icon, color = SYNCS[todo.kind]
    text = [k.t(k.of(todo.what), 17, True), k.t(k.of(todo.why), 15)]
    if k.of(todo.remedy):
        text.append(k.t(k.of(todo.remedy), 15, color="ink-2"))
    return ft.Row(
        [
            strut(56),
            ft.Container(k.chip(icon, k.say(f"sync.{todo.kind}"), color), width=96 * k.scale),
            column(*text, expand=True),
        ],
        spacing=8,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )


def todo_card(state: State, k: Kit) -> ft.Control:
    if not state.todos:
        return k.card(k.t(k.say("sync.nothing"), 16, color="ink-2"))
    lines: list[ft.Control] = []
    for t in state.todos[:50]:
        if lines:
            lines.append(ft.Container(height=k.stroke, bgcolor=k["line"]))
        lines.append(todo_line(k, t))
    head = ft.Row(
        [
            k.t(k.say("today.needs"), 18, True, expand=True),
            k.t(k.say("today.items", n=len(state.todos)), 14, color="ink-2"),
        ]
    )
    return k.card(head, *lines, spacing=10)


@page
def SyncPage(state: State, k: Kit):
    busy = state.busy == "sync"
    go = k.button(k.say("busy") if busy else k.say("sync.start"), None if busy else call(state, state.sync), "next",
                  I.SYNC, h=64, size=19, expand=True)  # fmt: skip
    left = [*result_block(state, k), *enrol_block(state, k), records_card(state, k), last_card(state, k)]
    todo = todo_card(state, k)
    body = two_panes(k, scroll(*left), scroll(todo)) if state.wide else scroll(*left, todo)
    host = state.server.split("://")[-1]
    return frame(state, k, k.say("sync"), k.say("sync.server", url=host) if host else "", body, foot=next_bar(k, go))
