"""Two faces of the layers step that take the whole pane: how a layer looks and smells, and the hole it lies in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import flet as ft

from field_app.form import form
from field_app.kit import I, Kit, column
from field_app.pages import soil
from field_app.pages.photo import ShotsOf
from field_app.pages.shell import call, guard, next_bar, scroll
from field_app.state import State
from field_app.visit import Visit
from field_app.visit.layers import OF_SOIL, SEEN
from schemas.fields import fields_of
from schemas.records import TYPES

LOOKS = (*OF_SOIL, *SEEN)
MORE = ("sign_text", "gravel_pct", "roots", "note")
HOLE = ("water_met", "first_water_m", "backfill", "end_reason", "depth_m", "method", "rig", "diameter_mm", "casing", "lead_id",
        "recorder_id", "checker_id", "driller_id", "opened_at", "ended_at", "aquitard_top_m", "note")  # fmt: skip
AFTER = "readings"  # the step that follows


def words_of(k: Kit, type: str, name: str, value: Any) -> str:
    options = fields_of(TYPES[type])[name].options()
    many = value if isinstance(value, list) else [value]
    return "、".join(k.of(options[v]) if v in options else str(v) for v in many)


def field_name(k: Kit, type: str, name: str) -> str:
    spec = fields_of(TYPES[type])[name].spec
    return k.of((spec.zh, spec.en))


def names(k: Kit, type: str, fields: Iterable[str]) -> str:
    return k.say("layer.and").join(field_name(k, type, f) for f in fields)


def auto_chip(k: Kit) -> ft.Control:
    return ft.Row(
        [k.icon(I.CONTENT_COPY, 15, "ink-2"), k.t(k.say("layer.auto"), 13, color="ink-2")], spacing=4, tight=True
    )


def open_hole(visit: Visit) -> None:
    """What is missing first, and it stays where it is while it is filled in."""
    visit.set_ui(layers_part="hole", hole_first=visit.hole_lacks())


def chips(
    k: Kit, type: str, name: str, values: Mapping[str, Any], auto: Iterable[str], on_pick: Callable[[str], Any],
    but: Iterable[str] = (),
) -> ft.Control:  # fmt: skip
    """A field of codes with every code in sight, and whether its value was filled in from elsewhere."""
    shown = {c: k.of(w) for c, w in fields_of(TYPES[type])[name].options().items() if c not in but}
    longest = max(map(len, shown.values())) * (2 if k.lang == "zh" else 1)
    columns = 4 if longest <= 4 and k.scale < 1.2 else 3 if longest <= 9 and k.scale < 1.2 else 2
    empty = values.get(name) in (None, "", [])
    title: list[ft.Control] = [k.t(field_name(k, type, name), 16, True)]
    title += [auto_chip(k)] if name in auto else [k.t(k.say("form.required"), 14, color="warn")] if empty else []
    return ft.Column([ft.Row(title, spacing=10, wrap=True), k.choices(shown, values.get(name), on_pick, columns)], spacing=6,
                     tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)  # fmt: skip


def looks(state: State, k: Kit, visit: Visit) -> tuple[ft.Control, ft.Control | None]:
    values = visit.layer[1] if visit.layer else {}
    texture = values.get("texture", "")
    span = k.say("layer.span", n=visit.layer_no, top=values.get("top_m", ""), bottom=visit.layer_bottom or "?")
    head = ft.Row(
        [soil.swatch(k, texture), k.t(f"{span} {k.of(soil.name(texture)) if texture else ''}", 17, True, expand=True)],
        spacing=10,
    )
    auto, items = visit.auto(values), [head]
    for name in LOOKS:
        if name == "odour_level" and values.get("odour", "none") == "none":
            continue
        if name == "signs":
            on_pick = lambda c: call(state, visit.toggle_sign, c)  # noqa: E731
        else:
            on_pick = lambda c, n=name: call(state, visit.set_layer, n, c)  # noqa: E731
        items.append(chips(k, "soil_layer", name, values, auto, on_pick, ("none",) if name == "odour_level" else ()))

    def change(name: str, read: Any) -> Any:
        return guard(state, lambda e: visit.set_layer(name, read(e)))

    items += form(k, TYPES["soil_layer"], values, change, state.options, MORE)
    return scroll(*items, spacing=18), _back(state, k, visit)


def hole(state: State, k: Kit, visit: Visit) -> tuple[ft.Control, ft.Control | None]:
    values = visit.hole[1] if visit.hole else {}
    first = visit.ui("hole_first", [])
    auto, items = visit.auto(values), [ShotsOf(visit, "layers")]

    def change(name: str, read: Any) -> Any:
        return guard(state, lambda e: visit.set_hole(name, read(e)))

    for name in (*(n for n in HOLE if n in first), *(n for n in HOLE if n not in first)):
        if name == "first_water_m" and not values.get("water_met"):
            continue
        if fields_of(TYPES["borehole"])[name].spec.codes:
            items.append(chips(k, "borehole", name, values, auto, lambda c, n=name: call(state, visit.set_hole, n, c)))
            continue
        (one,) = form(k, TYPES["borehole"], values, change, state.options, (name,))
        items.append(column(auto_chip(k), one, spacing=4) if name in auto else one)
        items[-1].horizontal_alignment = ft.CrossAxisAlignment.STRETCH
    if visit.hole and not visit.layers:
        items.append(k.button(k.say("hole.remove"), call(state, visit.remove_hole), "plain", I.DELETE_OUTLINE, size=15))
    return scroll(*items, spacing=18), _back(state, k, visit)


def _back(state: State, k: Kit, visit: Visit) -> ft.Control:
    """On to what is left here, to the next step where nothing is, else back to the layers."""
    what, part = visit.layers_next(), visit.ui("layers_part")
    if what == "looks" and part == "looks" and visit.layer is not None and not visit.layer_lacks():
        word = k.say("layer.go_looks.next")
        return next_bar(
            k, k.button(word, call(state, visit.finish_layer), "next", I.ARROW_FORWARD, h=64, size=19, expand=True)
        )
    if what == "hole" and part == "looks":
        word = k.say("layer.go_hole.next", n=len(visit.hole_lacks()))
        return next_bar(
            k, k.button(word, call(state, open_hole, visit), "next", I.ARROW_FORWARD, h=64, size=19, expand=True)
        )
    if what == "done":
        go, word = (
            call(state, lambda: visit.set_ui(step=AFTER, layers_part=None)),
            k.say("step.next", name=k.say(f"step.{AFTER}")),
        )
        return next_bar(k, k.button(word, go, "next", I.ARROW_FORWARD, h=64, size=19, expand=True))
    back = call(state, lambda: visit.set_ui(layers_part=None))
    return next_bar(k, k.button(k.say("layer.back"), back, "next", I.CHECK, h=64, size=19, expand=True))


FACES = {"looks": looks, "hole": hole}
