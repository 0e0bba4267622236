"""Layers: how deep, which soil; what goes with it comes along. And the hole they were found in.

On a phone the core stands left of the soils and the pad below them; on a tablet the pad has a column of its own. Two
further faces of the step take the whole pane: how the layer looks and smells, and the hole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import flet as ft

from field_app.kit import I, Kit, column, strut
from field_app.pages import soil
from field_app.pages.hole import AFTER, FACES, LOOKS, auto_chip, names, open_hole, words_of
from field_app.pages.pad import Keypad, display, pad_height
from field_app.pages.shell import call, scroll, tappable
from field_app.pages.strip import strip
from field_app.state import State
from field_app.visit import Visit
from field_app.visit.digits import figure
from field_app.visit.layers import DEEPEST


def title(k: Kit, visit: Visit) -> str:
    if visit.ui("layers_part") == "hole":
        return k.say("hole.sub", code=visit.hole[1]["code"] if visit.hole else visit.code)
    return k.say("layer.title", n=visit.layer_no, top=f"{visit.layer_top:f}")


def subtitle(k: Kit, visit: Visit) -> str:
    """Second line of the step in the list."""
    left = [g for g in visit.gaps() if g.step == "layers"]
    if left:
        return k.say("step.left", n=len(left))
    if not visit.layers:
        return k.say("step.optional")
    return k.say("step.layers.n", n=len(visit.layers), m=f"{visit.layers_end:f}")


# --- soils ------------------------------------------------------------------------------------------------------------


def tiles(state: State, k: Kit, visit: Visit, columns: int) -> ft.Control:
    now = visit.layer[1].get("texture", "") if visit.layer else ""
    shown = list(soil.FIRST)
    if now and now not in shown:
        shown = [*shown[:-1], now]
    wide = visit.ui("all_soils")
    if wide:
        shown += soil.others(shown)
    cells = [tile(k, t, t == now, call(state, pick, visit, t)) for t in shown]
    flip = call(state, lambda: visit.set_ui(all_soils=not wide))
    cells.append(
        k.button(k.say("layer.fewer" if wide else "layer.more"), flip, "plain", pad=6, size=16, expand=1, radius=14)
    )
    rows = []
    for at in range(0, len(cells), columns):
        row = cells[at : at + columns]
        rows.append(ft.Row([*row, *(ft.Container(expand=1) for _ in range(columns - len(row)))], spacing=8))
    return ft.Column(rows, spacing=8, tight=True)


def pick(visit: Visit, texture: str) -> None:
    visit.pick_soil(texture)
    if visit.ui("all_soils"):
        visit.set_ui(all_soils=False)


def tile(k: Kit, texture: str, chosen: bool, on_click: Callable[..., Any]) -> ft.Control:
    """A soil as one looks at it: its drawing and its name. Names grow little: the drawing says the same."""
    word = k.of(soil.name(texture))
    size = min(16.0, 16 * 1.12 / k.scale) if k.lang == "zh" else min(14.0, 14 * 1.06 / k.scale)
    text = k.t(word, size, True, "on-primary" if chosen else "ink", h=1.15, expand=True, max_lines=2)
    row = ft.Row([strut(56), soil.swatch(k, texture), text], spacing=8)
    return ft.Container(
        ft.Semantics(label=word, button=True, selected=chosen, exclude_semantics=True, content=row), expand=1, ink=True,
        on_click=on_click, bgcolor=k["primary"] if chosen else k["surface"], border_radius=14,
        border=ft.Border.all(max(k.stroke, 1), k["primary" if chosen else "line-strong"]), padding=ft.Padding.symmetric(horizontal=8),
    )  # fmt: skip


# --- what is there ----------------------------------------------------------------------------------------------------


def look(k: Kit, name: str, value: Any) -> str:
    """One of them in words; as a code no odour says only none."""
    return k.say("layer.no_odour") if (name, value) == ("odour", "none") else words_of(k, "soil_layer", name, value)


def looks_row(state: State, k: Kit, visit: Visit) -> list[ft.Control]:
    """Colour, moisture … of the layer at hand in one line; a tap opens them."""
    if visit.layer is None or not visit.layer[1].get("texture"):
        return []
    values = visit.layer[1]
    lacking = [f for f in visit.layer_lacks() if f in LOOKS]
    have = [look(k, f, values[f]) for f in LOOKS if values.get(f) and (f, values[f]) != ("signs", ["none"])]
    text = " · ".join(have) or k.say("layer.looks")
    lines: list[ft.Control] = [k.t(text, 16, True)]
    if lacking:
        lines = [
            *([k.t(text, 16)] if have else []),
            k.t(k.say("layer.looks.lack", what=names(k, "soil_layer", lacking)), 15, True, "warn"),
        ]
    elif any(f in visit.auto(values) for f in LOOKS):
        lines.append(auto_chip(k))
    row = ft.Row([strut(48), column(*lines, expand=True), k.icon(I.CHEVRON_RIGHT)], spacing=8)
    label = (
        k.say("layer.looks")
        + "，"
        + (k.say("layer.looks.lack", what=names(k, "soil_layer", lacking)) if lacking else text)
    )
    open_ = call(state, lambda: visit.set_ui(layers_part="looks"))
    return [
        edged(k, tappable(k, row, label, open_, padding=ft.Padding.symmetric(horizontal=12, vertical=4)), bool(lacking))
    ]


def edged(k: Kit, what: ft.Container, warn: bool = False) -> ft.Container:
    what.bgcolor = k["surface"]
    what.border = ft.Border.all(2 if warn else k.stroke, k["warn" if warn else "line-strong"])
    return what


def told(k: Kit, visit: Visit) -> list[ft.Control]:
    """A wrong depth at once; what is missing when one wants to go on."""
    wrong = visit.layer_wrong()
    values = visit.layer[1] if visit.layer else {}
    bottom = visit.layer_bottom
    if wrong == "deep":
        title, why = k.say("layer.deep", bottom=bottom), k.say("layer.deep.why", most=DEEPEST)
        return [k.judge("alert", I.ERROR_OUTLINE, title, why)]
    if wrong:
        title = k.say("layer.shallow", bottom=bottom, top=values.get("top_m", "0"))
        return [k.judge("alert", I.ERROR_OUTLINE, title, k.say("layer.shallow.why"))]
    lacking = visit.layer_stops()
    if visit.ui("layer_told") and lacking:
        title = k.say("layer.lack", n=visit.layer_no, what=names(k, "soil_layer", lacking))
        return [k.judge("warn", I.WARNING_AMBER, title, k.say("layer.lack.why"))]
    return []


def list_(state: State, k: Kit, visit: Visit) -> list[ft.Control]:
    """The layers so far; a tap takes one up again."""
    rows: list[ft.Control] = []
    at = visit.layer[0] if visit.layer else None
    for record, values in visit.layers:
        texture = values.get("texture", "")
        word = k.of(soil.name(texture)) if texture else k.say("core.unknown")
        span = f"{values['top_m']}–{values.get('bottom_m') or '?'} m"
        lacking = visit.layer_lacks(record) or visit.layer_wrong(values)
        lines = [k.t(f"{values['layer_no']} {word}", 16, True), k.t(span, 14, color="ink-2")]
        mark = [k.icon(I.WARNING_AMBER, 22, "warn")] if lacking else []
        row = ft.Row([strut(48), soil.swatch(k, texture), column(*lines, expand=True), *mark], spacing=10)
        label = k.say("layer.edit", n=values["layer_no"], what=f"{word} {span}")
        rows.append(
            tappable(
                k,
                row,
                label,
                call(state, visit.take_layer, record),
                record == at,
                ft.Padding.symmetric(horizontal=8, vertical=4),
            )
        )
    if not rows:
        return []
    quiet: list[ft.Control] = []
    if at is not None:
        insert, remove = call(state, visit.insert_layer, at), call(state, visit.remove_layer, at)
        quiet = [k.button(k.say("layer.insert"), insert, "plain", size=15, pad=6, expand=1),
                 k.button(k.say("layer.remove"), remove, "plain", size=15, pad=6, expand=1)]  # fmt: skip
    more = (
        [k.button(k.say("layer.another"), call(state, visit.take_layer, None), "plain", I.ADD, size=15)]
        if at and visit.at_bottom
        else []
    )
    return [k.t(k.say("layer.list"), 14, True, "ink-2"), *rows, *([ft.Row(quiet, spacing=8)] if quiet else []), *more]


def hole_row(state: State, k: Kit, visit: Visit) -> list[ft.Control]:
    if visit.hole is None:
        return []
    values, lacking = visit.hole[1], visit.hole_lacks()
    parts = [words_of(k, "borehole", "method", values["method"])] if values.get("method") else []
    parts += [k.say("hole.depth", m=values["depth_m"])] if values.get("depth_m") else []
    if values.get("first_water_m"):
        parts.append(k.say("hole.water", m=values["first_water_m"]))
    elif "water_met" in values:
        parts.append(k.say("hole.met" if values["water_met"] else "hole.dry"))
    name = k.say("hole.title")
    lines: list[ft.Control] = [k.t(name, 16, True), k.t(" · ".join(parts), 14, color="ink-2")]
    if lacking:
        lines.append(k.t(k.say("hole.left", n=len(lacking)), 14, True, "warn"))
    row = ft.Row(
        [strut(48), k.icon(I.LAYERS_OUTLINED), column(*lines, expand=True), k.icon(I.CHEVRON_RIGHT)], spacing=10
    )
    label = "，".join([name, *parts, *([k.say("hole.left", n=len(lacking))] if lacking else [])])
    return [
        edged(
            k,
            tappable(
                k, row, label, call(state, open_hole, visit), padding=ft.Padding.symmetric(horizontal=12, vertical=4)
            ),
        )
    ]


# --- the pad ----------------------------------------------------------------------------------------------------------


def shown_depth(k: Kit, visit: Visit) -> ft.Control:
    return display(k, k.say("layer.bottom"), visit.layer_bottom, "m")


def depth_row(k: Kit, visit: Visit) -> ft.Control:
    """The same in one line: on a phone the pad needs the height."""
    head = column(
        k.t(k.say("layer.bottom"), 14, True, "ink-2"),
        k.t(k.say("layer.from", top=f"{visit.layer_top:f}"), 14, color="ink-2"),
    )
    return ft.Container(
        ft.Row([head, k.val(visit.layer_bottom or "—", "m", 34, unit_size=17)], alignment=ft.MainAxisAlignment.SPACE_BETWEEN),
        bgcolor=k["surface"], border=ft.Border.all(2, k["primary"]), border_radius=14,
        padding=ft.Padding.symmetric(horizontal=12, vertical=6),
    )  # fmt: skip


def keypad(state: State, k: Kit, visit: Visit, width: float, height: float) -> ft.Control:
    what = visit.layers_next()
    name = k.say(f"step.{AFTER}")
    left = len(visit.hole_lacks())
    word = {"skip": k.say("layer.skip", name=name), "layer": k.say("layer.next"),
            "looks": k.say("layer.go_looks"), "hole": k.say("layer.go_hole", n=left), "done": k.say("layer.go_on", name=name)}[what]  # fmt: skip
    acts: Mapping[str, Callable[..., Any]] = {
        "skip": lambda: visit.set_ui(step=AFTER), "layer": visit.next_layer, "looks": visit.finish_layer, "hole": lambda: open_hole(visit),
        "done": lambda: visit.set_ui(step=AFTER),
    }  # fmt: skip
    on_key = ft.use_callback(lambda c: call(state, visit.depth_key, c), [visit.id])
    go = ft.use_callback(call(state, acts[what]), [visit.id, what])
    return ft.memo(Keypad)(k, on_key, go, word, k.say("layer.same"), ("bottom", to_bottom(k, visit)), width, height)


def to_bottom(k: Kit, visit: Visit) -> str:
    """Of the key: down to the planned bottom; or, once a depth is typed, that this is where the hole ends."""
    typed, deep = figure(visit.layer_bottom), visit.planned_depth
    if typed is not None and typed != deep:
        return k.say("layer.ends", m=f"{typed:f}")
    if deep is not None and deep > visit.layer_top:
        return k.say("layer.to_bottom", m=f"{deep:f}")
    return k.say("layer.ends.unknown")


# --- whole panes ------------------------------------------------------------------------------------------------------


def work(state: State, k: Kit, visit: Visit, columns: int, depth: bool) -> ft.Control:
    """Every part has a place of its own, also while there is nothing in it: what moves up because a sentence went would
    not be what the finger was aimed at."""
    head = depth_row(k, visit) if depth else k.t(title(k, visit), 20, True)

    def place(items: list[ft.Control]) -> ft.Control:
        stretch = ft.CrossAxisAlignment.STRETCH
        return ft.Column(items, spacing=10, tight=True, horizontal_alignment=stretch, visible=bool(items))

    return scroll(
        head, place(told(k, visit)), tiles(state, k, visit, columns), place(looks_row(state, k, visit)),
        place(hole_row(state, k, visit)), place(list_(state, k, visit)), spacing=10,
        padding=ft.Padding.symmetric(horizontal=10, vertical=8),
    )  # fmt: skip


def pane(state: State, k: Kit, visit: Visit) -> tuple[ft.Control, ft.Control | None]:
    if (face := FACES.get(visit.ui("layers_part"))) is not None:
        return face(state, k, visit)
    width, height = min(state.width - 32, 480), pad_height(state.height)
    tall = max(200.0, state.height - 60 - 56 - (4 * height * min(k.scale, 1.15) + 3 * 8 + 24) - 12)
    room = k.scale < 1.2 and state.width >= 380  # the soils need the width more than the core does
    core = ft.Container(
        strip(k, visit, 84, min(tall, 560), False, "layers"), width=92, bgcolor=k["surface"], padding=ft.Padding.only(left=2, top=8),
        border=ft.Border.only(right=ft.BorderSide(k.stroke, k["line"])),
    )  # fmt: skip
    upper = ft.Row(
        [*([core] if room else []), ft.Container(work(state, k, visit, 2, True), expand=True)], spacing=0, expand=True,
        vertical_alignment=ft.CrossAxisAlignment.STRETCH,
    )  # fmt: skip
    pad = ft.Container(keypad(state, k, visit, width, height), padding=ft.Padding.only(left=16, right=16, top=8, bottom=10),
                       border=ft.Border.only(top=ft.BorderSide(k.stroke, k["line"])))  # fmt: skip
    return ft.Column([upper, pad], spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH), None


def wide_pane(state: State, k: Kit, visit: Visit) -> ft.Control:
    if (face := FACES.get(visit.ui("layers_part"))) is not None:
        body, foot = face(state, k, visit)
        rows = [ft.Container(body, expand=True), *([foot] if foot else [])]
        return ft.Column(rows, spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    room = state.width - 92 - 216 - 312
    middle = work(state, k, visit, 1 if room < 300 else 2 if room < 520 else 3, False)
    pad = ft.Container(
        ft.Column([shown_depth(k, visit), keypad(state, k, visit, 280, 60)], spacing=12, horizontal_alignment="stretch"),
        width=312, bgcolor=k["sunken"], padding=ft.Padding.symmetric(vertical=12, horizontal=16),
        border=ft.Border.only(left=ft.BorderSide(2, "#000000")) if k.sun else None,
    )  # fmt: skip
    return ft.Row(
        [ft.Container(middle, expand=True), pad],
        spacing=0,
        expand=True,
        vertical_alignment=ft.CrossAxisAlignment.STRETCH,
    )
