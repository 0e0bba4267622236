"""The workspace of one visit: core, steps, and the pane of the step at hand."""

from __future__ import annotations

import functools
from datetime import datetime

import flet as ft

from field_app.book import decimal
from field_app.clock import CHINA
from field_app.kit import I, Kit, column, group, strut
from field_app.pages import containers, layers, photos, position, readings, samples, scene
from field_app.pages.draw import JUDGED, STATES, limit_bar
from field_app.pages.shell import call, frame, next_bar, page, scroll, tappable
from field_app.pages.strip import highest, strip
from field_app.pages.today import Today, metres
from field_app.state import State
from field_app.visit import STEPS, Visit, shown
from field_app.words import clock
from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.reference import analyte

PANES = {
    "position": position.pane, "layers": layers.pane, "readings": readings.pane, "samples": samples.pane, "photos": photos.pane, "scene": scene.pane,
    "check": scene.check_pane,
}  # fmt: skip
TYPED = {"layers": layers.wide_pane, "readings": readings.wide_pane}  # on a tablet the pad takes the place of the steps


def subtitle(k: Kit, visit: Visit, step: str) -> str:
    """Second line of a step: what is there, or what is missing."""
    left = [g for g in visit.gaps() if g.step == step]
    if step == "position":
        at, shift = visit.point.get("position"), visit.shift
        if not at or shift is None:
            return k.say("pos.sub.none")
        if at["fix_kind"] == "manual":
            return k.say("pos.sub.hand", m=metres(shift.metres))
        return k.say("pos.sub", acc=f"{decimal(at.get('h_acc_m')) or 0:.1f}", m=metres(shift.metres))
    if step == "layers":
        return layers.subtitle(k, visit)
    if step == "readings":
        return k.say("step.readings.n", n=len(visit.readings)) if visit.readings else k.say("step.optional")
    if step == "samples":
        n = len(visit.samples)
        return (
            (k.say("step.left", n=len(left)) if left else k.say("step.samples.n", n=n))
            if n
            else k.say("step.samples.plan", n=len(visit.targets()))
            if visit.targets()
            else k.say("step.optional")
        )
    if step == "photos":
        return photos.subtitle(k, visit)
    if step == "scene":
        return k.say("step.left", n=len(left)) if left else k.say("scene.title")
    n = len(visit.gaps())
    return k.say("step.left", n=n) if n else k.say("step.ready")


def next_step(visit: Visit) -> str:
    ground = ["layers"] if visit.layers or (visit.drilled and not visit.readings) else []
    planned = ["samples"] if visit.targets() else []
    must = ("position", *ground, "readings", *planned, *(["photos"] if visit.photos_asked else []), "scene")
    return next((s for s in must if not visit.done(s)), "check")


def steps(state: State, k: Kit, visit: Visit, now: str) -> ft.Control:
    rows: list[ft.Control] = []
    for n, step in enumerate(STEPS, 1):
        ok, here = visit.done(step), step == now
        color = k["done"] if ok else k["primary"] if here else k["line-strong"]
        inside = (
            ft.Icon(I.CHECK, size=20, color=k["surface"])
            if ok
            else k.t(str(n), 15, True, "on-primary" if here else "ink-2", h=1.1)
        )
        dot = ft.Container(
            inside, width=32, height=32, border_radius=16, alignment=ft.Alignment.CENTER,
            bgcolor=color if ok or here else k["surface"], border=ft.Border.all(2, color),
        )  # fmt: skip
        name, sub = k.say(f"step.{step}"), subtitle(k, visit, step)
        line = ft.Row(
            [strut(48), dot, column(k.t(name, 17, True), k.t(sub, 14, color="ink-2"), expand=True), k.icon(I.CHEVRON_RIGHT)],
            spacing=10,
        )  # fmt: skip
        word = k.say("step.done" if ok else "step.now" if here else "step.todo")
        label = f"{k.say('step.name', n=n, name=name)}，{word}，{sub}"
        rows.append(
            tappable(
                k,
                line,
                label,
                call(state, lambda s=step: visit.set_ui(step=s)),
                here,
                ft.Padding.symmetric(horizontal=10, vertical=6),
            )
        )
    return ft.Column(rows, spacing=2, tight=True)


def highest_card(k: Kit, visit: Visit) -> list[ft.Control]:
    found = highest(visit)
    if found is None:
        return []
    parameter, values, judged = found
    icon, color = JUDGED[judged.state]
    known = analyte(parameter)
    unit = readings.unit_name(k, values["unit"])
    head = ft.Row(
        [k.val(f"{known.zh if known and k.lang == 'zh' else parameter} {group(shown(values))}", unit, 20, unit_size=15), k.chip(icon, k.say(f"judge.{judged.state}"), color)],
        alignment=ft.MainAxisAlignment.SPACE_BETWEEN, wrap=True, run_spacing=4,
    )  # fmt: skip
    bar = limit_bar(k, judged.limit, decimal(values.get("value")), judged.state)
    deep = values.get("depth_top_m", "")
    return [
        k.card(
            k.t(k.say("point.highest"), 14, True, "ink-2"),
            head,
            bar,
            k.t(f"{deep} m · {k.of(judged.title)}", 14, color="ink-2"),
            spacing=6,
            padding=14,
        )
    ]


def header(state: State, k: Kit, visit: Visit) -> tuple[str, str]:
    started = datetime.fromisoformat(visit.point["started_at"]).astimezone(CHINA)
    return visit.code, k.say("point.started", time=f"{started:%H:%M}", depth=visit.planned.get("target_depth_m", "–"))


@page
def Workspace(state: State, k: Kit):
    visit: Visit | None = state.visit
    ft.use_state(visit)  # draws anew with every edit of the visit
    if visit is None:  # drawn once more while it is left
        return ft.Container()
    step = visit.ui("step")
    title, sub = header(state, k, visit)
    icon, color = STATES["active"]
    right: list[ft.Control] = [k.chip(icon, k.say("state.active"), color)]
    if state.wide:
        return wide(state, k, visit, step, title, sub, right)
    if step is None:
        at = next_step(visit)
        tall = max(380.0, state.height - 60 - 56 - 90 - 20)
        body = ft.Row(
            [
                ft.Container(strip(k, visit, 92, min(tall, 560), False), width=104, bgcolor=k["surface"], padding=ft.Padding.only(left=6, top=10),
                             border=ft.Border.only(right=ft.BorderSide(k.stroke, k["line"]))),
                ft.Container(scroll(steps(state, k, visit, at), *highest_card(k, visit), padding=8), expand=True),
            ],
            spacing=0, expand=True, vertical_alignment=ft.CrossAxisAlignment.STRETCH,
        )  # fmt: skip
        go = k.button(
            k.say("step.continue", name=k.say(f"step.{at}")),
            call(state, lambda: visit.set_ui(step=at)),
            "next",
            I.ARROW_FORWARD,
            h=64,
            size=19,
            expand=True,
        )
        return frame(state, k, title, sub, body, foot=next_bar(k, go), back=True, right=right, tabs=False)
    body, foot = PANES[step](state, k, visit)
    title = f"{visit.code} · {k.say(f'step.{step}')}"
    sub = f"{STEPS.index(step) + 1} / {len(STEPS)}"
    if step in TYPED:
        sub = readings.subtitle(k, state, visit) if step == "readings" else layers.title(k, visit)
    more = readings.swap(state, k, visit) if step == "readings" else []
    return frame(state, k, title, sub, body, foot=foot, back=True, tabs=False, right=more)


def wide(
    state: State, k: Kit, visit: Visit, step: str | None, title: str, sub: str, right: list[ft.Control]
) -> ft.Control:
    """Tablet: core | steps | pane; while figures are typed the steps give way to the keypad."""
    tall = max(420.0, state.height - 60 - 56 - 24)
    typing = step in TYPED
    left = ft.Container(
        strip(k, visit, 200, tall, True, step or ""), width=216, bgcolor=k["surface"], padding=ft.Padding.only(left=10, top=12),
        border=ft.Border.only(right=ft.BorderSide(k.stroke, k["line"])),
    )  # fmt: skip
    if typing:
        title = f"{title} · {k.say(f'step.{step}')}"
        body = ft.Row(
            [left, ft.Container(TYPED[step](state, k, visit), expand=True)],
            spacing=0,
            expand=True,
            vertical_alignment=ft.CrossAxisAlignment.STRETCH,
        )
        return frame(state, k, title, sub, body, back=True, right=right)
    shown_step = step or next_step(visit)
    if shown_step in TYPED:  # the next thing, but the pad takes the steps' place only when asked for
        go = call(state, lambda: visit.set_ui(step=shown_step))
        name = k.say("step.continue", name=k.say(f"step.{shown_step}"))
        pane, foot = (
            ft.Container(),
            next_bar(k, k.button(name, go, "next", I.ARROW_FORWARD, h=64, size=19, expand=True)),
        )
    else:
        pane, foot = PANES[shown_step](state, k, visit)
    draft = ft.Row([k.icon(I.EDIT_NOTE, 20, "ink-2"), k.t(k.say("point.draft"), 14, color="ink-2")], spacing=8)
    list_ = ft.Container(
        ft.Column([scroll(steps(state, k, visit, shown_step), *highest_card(k, visit), padding=0), draft], expand=True), width=292, padding=10,
        border=ft.Border.only(right=ft.BorderSide(k.stroke, k["line"])),
    )  # fmt: skip
    work = ft.Column(
        [ft.Container(pane, expand=True), foot] if foot else [pane],
        spacing=0,
        expand=True,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )
    body = ft.Row([left, list_, work], spacing=0, expand=True, vertical_alignment=ft.CrossAxisAlignment.STRETCH)
    return frame(state, k, title, sub, body, back=True, right=right)


@page
def PointPage(state: State, k: Kit):
    if state.visit is not None:
        return Workspace()
    row = state.row(state.selected)
    seen = state.book.visits.get(state.selected)
    if row is None or seen is None:
        return Today()  # after a restart nothing says which point this was
    return recorded(state, k, row.code, row.state, seen)


def recorded(state: State, k: Kit, code: str, what: str, seen) -> ft.Control:
    """What was recorded here already; nothing of it can be changed on this page."""
    icon, color = STATES[what]
    values = seen.values
    lines = []
    for r in state.book.readings.get(seen.id, ()):
        judged = state.book.judged(r.values)
        known = analyte(r.values["parameter"])
        name = known.zh if known and k.lang == "zh" else r.values["parameter"]
        text = f"{name} {r.values.get('depth_top_m', '')} m · {group(shown(r.values))} {readings.unit_name(k, r.values['unit'])}"
        i, c = JUDGED[judged.state if judged else ""]
        chip = [k.chip(i, k.say(f"judge.{judged.state}"), c)] if judged else []
        if k.scale > 1.2 and not state.wide:
            lines.append(column(k.t(text, 17), ft.Row(chip), spacing=2))
        else:
            lines.append(ft.Row([strut(40), k.t(text, 17, expand=True), *chip], spacing=8))
    note = [k.t(values["note"], 16)] if values.get("note") else []
    known_reasons = fields_of(TYPES["point"])["reason"].options()
    reason = k.of(known_reasons.get(values.get("reason", ""))) or values.get("reason_text", "")
    word = k.say("point.recorded" if what == "done" else f"state.{what}")
    head = k.judge(color, icon, word, " · ".join(w for w in (reason, k.say(f"sync.{seen.state}")) if w))
    at = values.get("started_at")
    sub = clock(k.lang, datetime.fromisoformat(at), state.now()) if at else ""
    whole = functools.partial(state.go, "record", type="point", id=seen.id)
    open_ = k.button(k.say("point.whole"), call(state, whole), "plain", I.LIST_ALT, size=16)
    again = k.button(
        k.say("point.again"), call(state, state.open, state.selected, True), "plain", I.ADD, h=64, expand=True
    )
    return frame(
        state,
        k,
        code,
        sub,
        scroll(head, *([k.card(*lines)] if lines else []), containers.Recorded(seen.id), *note, open_),
        foot=next_bar(k, again),
        back=True,
        tabs=False,
    )
