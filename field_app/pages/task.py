"""One task: go there, look, take a photo, answer; or say why it was not reached; or begin a check from it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import flet as ft

from field_app.desks.leads import Open
from field_app.desks.tasking import Tasking
from field_app.form import box
from field_app.kit import I, Kit
from field_app.pages.course import label
from field_app.pages.finder import Finder
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll, scroll_to, two_panes
from field_app.pages.snaps import openers, picture, shooting, strip, taken, under
from field_app.pages.tasks import chips
from field_app.pages.way import AreaCard, WayCard
from field_app.state import State
from field_app.words import WORDS, clock
from schemas.records.field_task import FieldTask
from schemas.reference import codes

PHRASES = (1, 2, 3, 4)
ASKED = "asked"  # where the questions begin


@page
def TaskPage(state: State, k: Kit):
    desk, _ = ft.use_state(state.tasking)
    ft.use_state(state.checks)
    id = str(state.args.get("id", ""))
    asking, ask = ft.use_state("")
    ref = ft.use_ref(None)

    async def start() -> None:
        if state.route == "task":
            await desk.open(id)
            await state.checks.open()

    ft.use_effect(guard(state, start), [id, state.book])
    shown = desk.open_
    if shown is None or shown.task.id != id:
        gone = desk.missing == id
        body = (
            k.judge("warn", I.WRONG_LOCATION_OUTLINED, k.say("task.gone"), k.say("task.gone.why"))
            if gone
            else k.t(k.say("recheck.loading"), 16, color="ink-2")
        )
        return frame(state, k, k.say("task.title"), "", scroll(body), back=True, tabs=False)
    width = (state.width - 92) * 6 / 11 - 32 if state.wide else state.width - 32
    told: list[ft.Control] = [head(state, k, shown)]
    if shown.task.place is not None:
        told.append(WayCard(shown.task.place, label(k, FieldTask, "position"), key="way"))
    if shown.area is not None:
        told.append(AreaCard(shown.area, label(k, FieldTask, "geometry"), width - 34, key="area"))
    if shown.shots:
        told.append(k.card(k.t(k.say("task.photo"), 15, True, "ink-2"), strip([
            picture(k, desk.thumb(p.values["sha256"]), k.say("snap.taken", name=k.say("task.photo"), n=n)) for n, p in enumerate(shown.shots, 1)
        ])))  # fmt: skip
    told += check(state, k, desk, shown, asking, ask)
    form: list[ft.Control] = []
    foot: ft.Control | None = None
    if shown.task.state != "answered" or desk.begun:
        form, foot = (
            answer(state, k, desk, asking, ask, state.width * 5 / 11 - 74 if state.wide else state.width - 32),
            bar(state, k, desk, None if state.wide else ref),
        )
        form[0] = ft.Container(form[0], key=ft.ScrollKey(ASKED))
    elif state.records.home_of("field_task"):
        again = k.button(
            k.say("task.again"), call(state, desk.put), "plain", I.EDIT_OUTLINED, h=64, size=18, expand=True
        )
        foot = next_bar(k, again)
    lens = Finder(desk.lens, key="finder") if desk.lens.view is not None else None
    if state.wide and form:
        body = two_panes(k, scroll(*told), under(lens, scroll(*form)))
    else:
        body = under(lens, scroll(*told, *form, ref=ref))
    return frame(state, k, k.say("task.title"), shown.task.code, body, foot=foot, back=True, tabs=False)


def joined(parts: Iterable[str | None]) -> str:
    return " · ".join(x for x in parts if x)


def head(state: State, k: Kit, shown: Open) -> ft.Control:
    t, v = shown.task, shown.task.values
    kind = k.of(codes("task_kind").get(t.kind)) or t.kind
    who = k.say("task.assigned", who="、".join(shown.assigned)) if shown.assigned else k.say("task.assigned.none")
    due = k.say("task.due", day=v["due_on"]) if v.get("due_on") else ""
    lines: list[ft.Control] = [ft.Row(chips(k, t), spacing=8, run_spacing=6, wrap=True), k.t(t.title, 20, True)]
    facts, about = (kind, v.get("source_ref"), due), (shown.org, shown.site, shown.point)
    for text, color in (
        (joined(facts), "ink"),
        (joined(about), "ink-2"),
        (who, "ink-2"),
        (v.get("detail") or "", "ink"),
    ):
        if text:
            lines.append(k.t(str(text), 15, color=color))
    if v.get("outcome"):
        outcome = k.of(codes("task_outcome").get(v["outcome"])) or v["outcome"]
        at = clock(k.lang, datetime.fromisoformat(v["visited_at"]), state.now()) if v.get("visited_at") else ""
        text = " · ".join(x for x in (v.get("outcome_text"), k.say("task.arrived.at", at=at) if at else "") if x)
        lines.append(k.judge("done", I.CHECK_CIRCLE_OUTLINE, k.say("task.answered", outcome=outcome), text))
    return k.card(*lines, spacing=6)


def check(state: State, k: Kit, desk: Tasking, shown: Open, asking: str, ask: Any) -> list[ft.Control]:
    """A check begun from the task, made from it, or to be begun."""
    out: list[ft.Control] = []
    for seen in shown.checks:
        go = call(state, lambda id=seen.id: state.go("record", type="inspection", id=id))
        out.append(
            k.button(
                k.say("task.check.made", code=seen.values.get("code", "")), go, "plain", I.FACT_CHECK_OUTLINED, size=16
            )
        )
    if not state.records.home_of("inspection"):
        return out
    if begun := desk.check:
        return [
            *out,
            k.button(
                k.say("task.check.go_on"),
                call(state, lambda: state.go("item", id=begun)),
                "soft",
                I.FACT_CHECK_OUTLINED,
                size=16,
            ),
        ]
    if shown.list is not None:
        word = k.say("task.check.on", list=k.of(shown.list.title))
        return [*out, k.button(word, call(state, desk.begin_check, shown.list), "soft", I.FACT_CHECK_OUTLINED, size=16)]
    if asking != "list":
        return [*out, k.button(k.say("task.check"), call(state, ask, "list"), "soft", I.FACT_CHECK_OUTLINED, size=16)]
    lists = {f"{c.code}@{c.version}": c for c in state.checks.board.lists}
    if not lists:
        return [*out, k.t(k.say("task.check.none"), 15, color="ink-2")]
    pick = k.choices(
        {c: k.of(x.title) for c, x in lists.items()}, None, lambda c: call(state, desk.begin_check, lists[c]), 1
    )
    return [*out, k.card(k.t(k.say("task.check.choose"), 15, True, "ink-2"), pick)]


def answer(state: State, k: Kit, desk: Tasking, asking: str, ask: Any, width: float) -> list[ft.Control]:
    v = desk.values
    outcomes = {c: k.of(w) for c, w in codes("task_outcome").items()}
    out: list[ft.Control] = []
    if v.get("visited_at"):
        at = clock(k.lang, datetime.fromisoformat(v["visited_at"]), state.now())
        out.append(
            ft.Row([k.icon(I.PLACE_OUTLINED, 22, "done"), k.t(k.say("task.arrived.at", at=at), 16, True)], spacing=8)
        )
    else:
        out.append(k.button(k.say("task.arrived"), call(state, desk.arrive), "soft", I.PLACE_OUTLINED, size=17))
    out += [
        k.t(k.say("task.photo"), 15, True, "ink-2"),
        *taken(state, k, desk),
        *openers(state, k, desk, ("visited",), width),
    ]
    out += [
        k.t(label(k, FieldTask, "outcome"), 18, True),
        k.choices(
            outcomes,
            v.get("outcome"),
            lambda c: call(state, desk.choose, c),
            3 if k.lang == "zh" and k.scale < 1.2 else 2,
        ),
    ]
    if v.get("outcome"):
        now = str(v.get("outcome_text") or "")
        keys = [key for n in PHRASES if (key := f"task.why.{v['outcome']}.{n}") in WORDS]
        ready = {WORDS[key][0]: k.say(key) for key in keys}  # into the record in Chinese, as the on-site record is
        if ready:
            picked = [p for p in ready if p in now]
            out.append(
                k.choices(
                    ready,
                    picked,
                    lambda p: call(state, desk.phrase, p),
                    1 if k.lang == "en" or k.scale > 1.2 else 2,
                )
            )
        changed = guard(state, lambda e: desk.put(outcome_text=e.control.value))
        out.append(
            box(k, label(k, FieldTask, "outcome_text"), now, changed, multiline=True, max_length=2000, counter="")
        )
    if desk.begun and asking != "drop":
        out.append(k.button(k.say("task.drop"), call(state, ask, "drop"), "bare", I.DELETE_OUTLINE, size=15))
    elif desk.begun:

        async def go() -> None:
            ask("")
            await desk.drop()

        out.append(k.button(k.say("task.drop.sure"), guard(state, go), "plain", I.DELETE_OUTLINE, size=16))
    return out


def bar(state: State, k: Kit, desk: Tasking, ref: ft.Ref[ft.Column] | None) -> ft.Control:
    """`ref`: what scrolls, where what is asked may be out of sight."""
    shots = shooting(state, k, desk)
    if shots is not None:
        return next_bar(k, *shots)
    big: dict[str, Any] = {"h": 64, "size": 19, "expand": True}
    if desk.finishing:
        return next_bar(k, k.button(k.say("task.busy"), None, "next", **big))
    lacks = desk.lacks()
    if lacks:
        shoot = lacks[0].code == "photo"
        act = call(state, desk.aim_at, "visited") if shoot else call(state, scroll_to, ref, ASKED) if ref else None
        icon = I.PHOTO_CAMERA_OUTLINED if shoot else I.ARROW_DOWNWARD if ref else None
        return next_bar(k, k.button(k.of(lacks[0].words), act, "next", icon, **big))
    return next_bar(k, k.button(k.say("task.finish"), call(state, desk.finish), "next", I.CHECK, **big))
