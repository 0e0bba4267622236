"""Ordinary samples: code from this tablet's own block, the rest from the plan, what is left as a form."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.form import form
from field_app.kit import I, Kit, column
from field_app.pages.shell import call, guard, next_bar, scroll, tappable
from field_app.state import State
from field_app.visit import Visit
from schemas.records import TYPES

ASKED = ("depth_top_m", "depth_bottom_m", "groups", "pick_reason", "soil_tool", "appearance", "label_checked", "note")


def summary(k: Kit, visit: Visit, record: str, values: dict[str, Any]) -> ft.Control:
    left = [g for g in visit.gaps() if g.record == record]
    chip = (
        k.chip(I.CONTRAST, k.say("step.left", n=len(left)), "active")
        if left
        else k.chip(I.CHECK_CIRCLE_OUTLINE, k.say("step.ready"), "done")
    )
    depth = f"{values.get('depth_top_m', '–')} – {values.get('depth_bottom_m', '–')} m"
    return ft.Row([column(k.t(depth, 20, True), k.t(values["code"], 16), expand=True), chip], spacing=8)


def pane(state: State, k: Kit, visit: Visit) -> tuple[ft.Control, ft.Control | None]:
    open_ = visit.ui("sample")
    cards: list[ft.Control] = []
    for record, values in visit.samples.items():
        if record != open_:
            cards.append(
                tappable(
                    k,
                    k.card(summary(k, visit, record, values)),
                    values["code"],
                    call(state, lambda r=record: visit.set_ui(sample=r)),
                    padding=0,
                )
            )
            continue

        def change(name: str, read: Any, record: str = record) -> Any:
            return guard(state, lambda e: visit.change("sample", record, **{name: read(e)}))

        fields = form(k, TYPES["sample"], values, change, state.options, ASKED)
        remove = k.button(
            k.say("sample.remove"), call(state, visit.remove_sample, record), "plain", I.DELETE_OUTLINE, size=15
        )
        close = k.button(
            k.say("sample.done"), call(state, lambda: visit.set_ui(sample=None)), "soft", I.CHECK, size=15, expand=True
        )
        cards.append(
            k.card(summary(k, visit, record, values), *fields, ft.Row([remove, close], spacing=12), spacing=14)
        )
    if not cards:
        n = len(visit.book.targets.get(visit.point.get("planned_point_id", ""), ()))
        cards.append(
            k.card(
                k.icon(I.SCIENCE_OUTLINED, 28, "ink-2"),
                k.t(k.say("sample.none"), 18, True),
                k.t(k.say("sample.none.why", n=n), 16, color="ink-2"),
            )
        )
    word = k.say("sample.more" if visit.samples else "sample.add")
    short = k.scale > 1.1 and not state.wide  # the next button needs the width
    add = k.button("" if short else word, call(state, state.add_sample), "plain", I.ADD, h=64, name=word)
    go = k.button(
        k.say("step.next", name=k.say("step.scene")),
        call(state, lambda: visit.set_ui(step="scene", sample=None)),
        "next",
        I.ARROW_FORWARD,
        h=64,
        size=18,
        expand=True,
    )
    return scroll(*cards), next_bar(k, add, go)
