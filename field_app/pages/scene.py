"""Site notes (weather, surface, crew, note) and the check before finishing."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.desks.drafting import Live
from field_app.form import form
from field_app.kit import I, Kit, column, strut
from field_app.pages.shell import call, guard, next_bar, part, scroll
from field_app.state import State
from field_app.visit import STEPS, Visit
from field_app.visit.core import Gap
from field_app.words import say
from schemas.records import TYPES
from schemas.reference import Label

ASKED = ("weather", "surface_kind", "note", "samplers", "outcome", "air_temp_c", "wind")
LOOKED_AT, SUGGESTED, SHORT = 24, 4, 20  # points; words offered; letters of one
REFUSED = ("weather", "surface_kind", "note", "samplers", "outcome", "reason", "reason_text", "air_temp_c", "wind")


def pane(state: State, k: Kit, visit: Visit) -> tuple[ft.Control, ft.Control | None]:
    def change(name: str, read: Any) -> Any:
        return guard(state, lambda e: visit.set_point(**{name: read(e)}))

    asked = ASKED if visit.point.get("outcome", "done") == "done" else REFUSED
    fields = form(k, TYPES["point"], Live(lambda: visit.point), change, state.options, asked)
    if said := grounds(state):  # below the box they fill
        now = visit.point.get("surface_kind")
        pick = lambda text: call(state, lambda: visit.set_point(surface_kind=None if text == now else text))  # noqa: E731
        at = asked.index("surface_kind")
        fields[at] = column(fields[at], k.choices({t: t for t in said}, now, pick), spacing=8)
        fields[at].horizontal_alignment = ft.CrossAxisAlignment.STRETCH
    go = k.button(
        k.say("step.next", name=k.say("step.check")),
        call(state, lambda: visit.set_ui(step="check")),
        "next",
        I.ARROW_FORWARD,
        h=64,
        size=19,
        expand=True,
    )
    return scroll(*fields, spacing=18), next_bar(k, go)


def grounds(state: State) -> list[str]:
    """What the surface was called at the nearest points that are done: mostly it is the same again, and nothing to type."""
    seen = (state.book.visits.get(row.id) for row in state.rows("done", LOOKED_AT))
    words = (str(v.values.get("surface_kind") or "") for v in seen if v is not None)
    return list(dict.fromkeys(w for w in words if 0 < len(w) <= SHORT))[:SUGGESTED]


def check_pane(state: State, k: Kit, visit: Visit) -> tuple[ft.Control, ft.Control | None]:
    gaps = visit.gaps()
    items: list[ft.Control] = []
    if gaps:
        items.append(k.judge("warn", I.WARNING_AMBER, k.say("check.left", n=len(gaps)), k.say("check.same_rules")))
        lines: list[ft.Control] = []
        for place in by_place(gaps):
            if lines:
                lines.append(ft.Container(height=k.stroke, bgcolor=k["line"]))
            first = place[0]
            go = k.button(
                k.say("check.go"),
                call(state, lambda s=first: jump(visit, s.step, s.record)),
                "soft",
                w=96 * k.scale,
                pad=4,
                name=f"{k.say('check.go')} {k.of(first.where)}：{k.of(first.what)}",
            )
            texts = column(k.t(k.of(first.where), 17, True), *(k.t(k.of(g.what), 15) for g in place), expand=True)
            if state.wide or k.scale < 1.2:
                lines.append(ft.Row([strut(64), texts, go], spacing=10))
            else:
                texts.expand = None
                lines.append(column(texts, ft.Row([go], alignment=ft.MainAxisAlignment.END), spacing=4))
        items.append(k.card(*lines))
    else:
        items.append(
            k.judge(
                "done", I.CHECK_CIRCLE_OUTLINE, k.say("check.ready"), k.say("check.ready.why", n=len(visit.edits()))
            )
        )
        items.append(Findings(visit))
    have = [s for s in STEPS[:-1] if visit.done(s)]
    if have:
        chips = [k.chip(I.CHECK_CIRCLE_OUTLINE, k.say(f"step.{s}"), "done") for s in have]
        items.append(k.card(k.t(k.say("check.have"), 17, True), ft.Row(chips, wrap=True, spacing=8, run_spacing=8)))
    if gaps:
        first = gaps[0]
        text, act = (
            k.say("check.fix", name=k.say(f"step.{first.step}")),
            call(state, lambda: jump(visit, first.step, first.record)),
        )
        button = k.button(text, act, "next", I.ARROW_FORWARD, h=64, size=19, expand=True)
    else:
        busy = bool(state.busy)
        button = k.button(
            k.say("busy")
            if busy
            else k.say("check.finish.why" if visit.point.get("gaps_accepted") else "check.finish", code=visit.code),
            None if busy else call(state, state.finish),
            "next",
            I.CHECK,
            h=64,
            size=19,
            expand=True,
        )
    return scroll(*items), next_bar(k, button)


@part
def Findings(state: State, k: Kit, visit: Visit):
    """What the same rules find that nobody refuses: missing samples of the plan, a far shift, a high reading."""
    found, show = ft.use_state(())

    async def look() -> None:
        show(await state.findings())

    ft.use_effect(guard(state, look), [visit.id])
    if not found:
        return ft.Container()
    lines = [
        ft.Row([k.icon(I.CHEVRON_RIGHT, 20, "ink-2"), k.t(k.of(f), 16, expand=True)], spacing=6) for f in found[:12]
    ]
    reasons = {w: k.say(f"check.why.{w}") for w in ("core_lost", "too_little", "later", "safety")}
    kept = visit.point.get("gaps_accepted")
    now = next((w for w in reasons if kept in (say("zh", f"check.why.{w}"), say("en", f"check.why.{w}"))), None)
    # The words are kept, not a code: they are read by people years later. A second tap takes the reason off.
    pick = lambda w: call(state, lambda: visit.set_point(gaps_accepted=None if w == now else reasons[w]))  # noqa: E731
    return ft.Column(
        [k.judge("warn", I.FACT_CHECK_OUTLINED, k.say("check.found", n=len(found)), k.say("check.found.why")), k.card(*lines), k.choices(reasons, now, pick)],
        spacing=12, horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )  # fmt: skip


def by_place(gaps: list[Gap]) -> list[list[Gap]]:
    """Those that one tap leads to stand together: a hole of which nothing is known lacks ten things in one place."""
    places: dict[tuple[str, str, Label], list[Gap]] = {}
    for g in gaps:
        places.setdefault((g.step, g.record, g.where), []).append(g)
    return list(places.values())


def jump(visit: Visit, step: str, record: str) -> None:
    visit.set_ui(step=step, sample=record if step == "samples" else None)
    if step == "layers":
        visit.take_up(record)
