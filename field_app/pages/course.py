"""One finding as it is told: what it is, what happened, what is open, photos before and after."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.desks.courses import SOON, Case, Row
from field_app.desks.rechecking import Rechecking
from field_app.kit import I, Kit, column
from field_app.pages.shell import call
from field_app.pages.snaps import picture, strip
from field_app.state import State
from field_app.words import clock
from schemas.fields import fields_of
from schemas.record import Record
from schemas.records.finding import Finding
from schemas.reference import codes
from schemas.rules.rectify_words import Step

STATES: dict[str, tuple[Any, str]] = {  # icon and colour
    "issued": (I.ASSIGNMENT_LATE_OUTLINED, "active"),
    "rectifying": (I.CONTRAST, "active"),
    "reported": (I.HOURGLASS_EMPTY, "warn"),
    "closed": (I.CHECK_CIRCLE_OUTLINE, "done"),
    "referred": (I.REPLY, "planned"),
}
STEPS: dict[str, Any] = {
    "issued": I.ASSIGNMENT_LATE_OUTLINED, "action": I.BUILD_OUTLINED, "reported": I.TASK_ALT, "closed": I.CHECK_CIRCLE_OUTLINE,
    "keep": I.UPDATE, "refer": I.REPLY, "voided": I.BLOCK,
}  # fmt: skip
SEVERE = {"severe": "alert", "law": "alert", "general": "warn", "tip": "planned"}


def label(k: Kit, cls: type[Record], name: str) -> str:
    """What a field is called."""
    spec = fields_of(cls)[name].spec
    return k.of((spec.zh, spec.en))


def due(k: Kit, row: Row) -> tuple[str, str]:
    """How it stands with its deadline, and in which colour; "" where there is nothing to say."""
    if row.late:
        return k.say("finds.late", n=row.late), "alert"
    if row.left is None:
        return "", "ink-2"
    return (
        k.say("finds.today") if row.left == 0 else k.say("finds.left", n=row.left)
    ), "warn" if row.left <= SOON else "planned"


def chips(k: Kit, row: Row) -> list[ft.Control]:
    icon, color = STATES[row.course.state]
    out: list[ft.Control] = [k.chip(icon, k.say(f"finds.state.{row.course.state}"), color)]
    words, shade = due(k, row)
    if words:
        out.append(k.chip(I.SCHEDULE, words, shade))
    if row.course.pending is not None:
        out.append(k.chip(I.GROUP_ADD_OUTLINED, k.say("finds.waits"), "warn"))
    asked = [q for q in row.course.open if not q.waits]
    if asked:
        out.append(k.chip(I.HELP_OUTLINE, k.say("finds.open", n=len(asked)), "unsure"))
    return out


def severity(k: Kit, row: Row) -> ft.Control:
    return k.chip(
        I.PRIORITY_HIGH, k.of(codes("severity").get(row.severity)) or row.severity, SEVERE.get(row.severity, "planned")
    )


def head(k: Kit, row: Row) -> ft.Control:
    on = row.course.deadline
    day = k.say("recheck.deadline", day=on.isoformat()) if on else k.say("recheck.deadline.none")
    lines: list[ft.Control] = [
        ft.Row([severity(k, row), *chips(k, row)], spacing=8, run_spacing=6, wrap=True), k.t(row.said, 20, True),
        k.t(" · ".join(x for x in (row.party, row.values.get("responsible"), row.site) if x), 15, color="ink-2"),
        k.t(f"{day} · {k.say('finds.age', n=row.age + 1)}", 15, True),
    ]  # fmt: skip
    if row.values.get("measure"):
        colon = "：" if k.lang == "zh" else ": "
        lines.append(k.t(f"{label(k, Finding, 'measure')}{colon}{row.values['measure']}", 15))
    lines.append(k.t(str(row.values.get("basis", "")), 13, color="ink-2"))
    return k.card(*lines, spacing=6)


def story(state: State, k: Kit, case: Case) -> ft.Control:
    """Every step, whether it counts or not."""
    rows = [_step(state, k, case, s) for s in case.row.course.steps]
    return k.card(k.t(k.say("recheck.story"), 15, True, "ink-2"), *rows, spacing=10)


def _step(state: State, k: Kit, case: Case, s: Step) -> ft.Control:
    pending = case.row.course.pending
    waits = pending is not None and s.id in pending.rechecks
    off = "" if s.counts else k.say("finds.waits" if waits else "recheck.not_counted")
    at = clock(k.lang, s.at, state.now())
    below = " · ".join(x for x in (at, ("、" if k.lang == "zh" else ", ").join(s.who), off) if x)
    lines: list[ft.Control] = [
        k.t(k.of(s.words), 16, s.counts, "ink" if s.counts else "ink-2"),
        k.t(below, 14, color="ink-2"),
    ]
    if text := _said(case, s):
        lines.append(k.t(text, 15))
    return ft.Row([k.icon(STEPS.get(s.kind, I.CIRCLE_OUTLINED), 22, "ink" if s.counts else "ink-3"), column(*lines, spacing=2, expand=True)],
                  spacing=10, vertical_alignment=ft.CrossAxisAlignment.START)  # fmt: skip


def _said(case: Case, s: Step) -> str:
    for a in case.actions:
        if a.id == s.id:
            return a.measure_taken
    for r in case.rechecks:
        if r.id == s.id:
            return " · ".join(str(x) for x in (r.opinion, r.next_deadline, r.referred_to) if x)
    return ""


def questions(k: Kit, row: Row) -> list[ft.Control]:
    return [
        k.judge("active" if q.waits else "unsure", I.HOURGLASS_EMPTY if q.waits else I.HELP_OUTLINE,
                k.say("recheck.question.waits" if q.waits else "recheck.question"), k.of((q.zh, q.en)))
        for q in row.course.open
    ]  # fmt: skip


def photos(state: State, k: Kit, desk: Rechecking, case: Case) -> ft.Control:
    """Before and after; a tap on one before makes it the one that lies over the lens."""
    parts: list[ft.Control] = []
    ghost = desk.ghost
    for key, shots in (("recheck.before", case.before), ("recheck.after", case.after)):
        name = k.say(key)
        made: list[ft.Control] = []
        for n, p in enumerate(shots, 1):
            seen = picture(k, desk.thumb(p.values["sha256"]), k.say("recheck.photo.n", name=name, n=n))
            if key == "recheck.before" and len(shots) > 1:
                seen.on_click, seen.ink = call(state, lambda id=p.id: desk.set_ui(ghost=id)), True
                seen.border = ft.Border.all(3, k["primary"]) if ghost is not None and ghost.id == p.id else k.edge()
            made.append(seen)
        parts.append(
            column(
                k.t(name, 15, True, "ink-2"),
                strip(made) if made else k.t(k.say("recheck.photo.none"), 15, color="ink-2"),
                spacing=6,
            )
        )
    return k.card(*parts, spacing=12)
