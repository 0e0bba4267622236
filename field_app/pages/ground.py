"""What lies beside the map: which points are shown and what their signs mean, and the base map below them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import flet as ft

from field_app.kit import I, Kit, column, strut
from field_app.nearby import FILTERS
from field_app.pages.draw import symbol
from field_app.pages.shell import call, guard, part, tappable
from field_app.state import State

PICK_S = 3600.0
SIGNS = (
    ("planned", ""), ("active", ""), ("done", ""), ("moved", ""), ("refused", ""), ("done", "above_screening"),
    ("done", "above_intervention"),
)  # fmt: skip


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}" if size < 10_000_000 else f"{size / 1e6:.0f}"


def legend(k: Kit) -> ft.Control:
    cells = [
        ft.Row(
            [symbol(k, s, w, size=40), k.t(k.say(f"judge.{w}" if w else f"state.{s}"), 15, expand=True)],
            spacing=4,
            expand=1,
        )
        for s, w in SIGNS
    ]
    by = 1 if k.lang == "en" or k.scale > 1 else 2  # long words need the whole width
    lines: list[ft.Control] = [
        ft.Row([*cells[n : n + by], *([ft.Container(expand=1)] if len(cells[n : n + by]) < by else [])])
        for n in range(0, len(cells), by)
    ]
    return k.card(k.t(k.say("map.legend"), 14, True, "ink-2"), *lines, spacing=0)


def _choice(k: Kit, on: bool, title: str, below: str, act: object) -> ft.Control:
    icon = I.RADIO_BUTTON_CHECKED if on else I.RADIO_BUTTON_UNCHECKED
    texts = column(k.t(title, 17, on), *([k.t(below, 14, color="ink-2")] if below else []), expand=True)
    return tappable(
        k, ft.Row([strut(48), k.icon(icon), texts], spacing=10), f"{title} {below}".strip(), act, on, padding=6
    )  # type: ignore[arg-type]


def filter_panel(state: State, k: Kit) -> list[ft.Control]:
    ground = state.ground

    def show(wanted: str) -> None:
        ground.wanted = wanted

    rows = [
        _choice(
            k, ground.wanted == f, k.say("all" if f == "all" else f"state.{f}"), str(state.book.places.count(f)),
            call(state, show, f),
        )
        for f in FILTERS
    ]  # fmt: skip
    return [k.card(k.t(k.say("map.filter"), 18, True), column(*rows)), legend(k)]


@part
def LayerPanel(state: State, k: Kit):
    """Base maps on this tablet: one of them, or none; and one more from a file."""
    ft.use_state(state.ground)
    picker = ft.use_ref(lambda: None)
    sure, set_sure = ft.use_state("")
    ground = state.ground
    ft.use_effect(guard(state, ground.look), [])
    web = bool(ft.context.page.web)

    async def pick() -> None:
        picker.current = picker.current or ft.FilePicker()
        found = await asyncio.wait_for(picker.current.pick_files(), PICK_S)
        if found and found[0].path:
            await ground.bring(Path(found[0].path))

    async def remove(name: str) -> None:
        if sure != name:
            set_sure(name)
            return
        set_sure("")
        await ground.remove(name)

    rows = [_choice(k, not ground.chosen, k.say("tiles.none"), k.say("tiles.none.why"), call(state, ground.choose, ""))]
    for name, size in ground.files:
        on = name == ground.chosen
        below = k.say("tiles.size", n=megabytes(size))
        if on and ground.file is not None:
            below = " · ".join(w for w in (below, ground.file.name, ground.file.attribution) if w)
        rows.append(_choice(k, on, name, below, call(state, ground.choose, name)))
    out: list[ft.Control] = []
    if ground.problem:
        out.append(
            k.judge("warn", I.BROKEN_IMAGE_OUTLINED, k.say(f"tiles.bad.{ground.problem}"), k.say("tiles.bad.why"))
        )
    out.append(k.card(k.t(k.say("map.layers"), 18, True), column(*rows)))
    if ground.file is not None:
        out.append(k.judge("warn", I.COMPARE_ARROWS, k.say("tiles.datum"), k.say("tiles.datum.why")))
    if ground.copied is not None:
        done, size = ground.copied
        words = k.say("tiles.copying", n=megabytes(done), all=megabytes(size))
        bar = ft.ProgressBar(value=done / max(size, 1), color=k["primary"], bgcolor=k["sunken"], bar_height=12)
        out.append(k.card(k.t(words, 16), ft.Semantics(label=words, container=True, content=bar)))
    elif web:
        out.append(k.card(k.t(k.say("tiles.by_hand"), 15, color="ink-2"), k.t(str(ground.folder), 14, selectable=True)))
    else:
        add = k.button(k.say("tiles.bring"), guard(state, pick), "plain", I.ADD)
        out.append(k.card(add, k.t(k.say("tiles.bring.why"), 14, color="ink-2")))
    for name, _ in ground.files if ground.copied is None else ():
        word = k.say("tiles.remove.sure") if sure == name else k.say("tiles.remove", name=name)
        out.append(k.button(word, call(state, remove, name), "plain", I.DELETE_OUTLINE, size=15))
    return ft.Column(out, spacing=12, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
