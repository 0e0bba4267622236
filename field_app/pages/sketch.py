"""A sketch of the place: a finger on white paper, three pens, words to tap. Every stroke is kept; saving makes a picture of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft
import flet.canvas as cv

from field_app.capture.sketch import COLORS, LETTER, PEN, WORD, Mark, Paper, paper_of
from field_app.desks.onsite import OnsiteDesk
from field_app.form import box
from field_app.kit import FONT, I, Kit
from field_app.pages.item import gone
from field_app.pages.shell import call, frame, guard, next_bar, page, part, scroll
from field_app.state import State
from field_app.words import say

NAMES = (
    "gate", "workshop", "outlet", "store", "tank", "point", "well", "pit", "heap", "fence", "office", "problem",
)  # fmt: skip
SIDE = 300  # px of the tools beside the paper on a tablet


@page
def SketchPage(state: State, k: Kit):
    desk, _ = ft.use_state(state.onsite)
    check, _ = ft.use_state(state.checking)
    id = str(state.args.get("id", ""))

    async def start() -> None:
        if state.route == "sketch":
            await desk.open(id)

    ft.use_effect(guard(state, start), [id])
    if check.missing == id:
        return gone(state, k)
    if check.id != id:
        return frame(
            state, k, k.say("sketch.title"), "", scroll(k.t(k.say("onsite.loading"), 16, color="ink-2")), back=True
        )
    body = Drawing(desk, check.ui("sketch"), key=f"sketch-{id}")
    return frame(
        state, k, k.say("sketch.title"), str(check.inspection.get("code", "")), body, back=True, tabs=False, safe=False
    )


@part
def Drawing(state: State, k: Kit, desk: OnsiteDesk, kept: dict[str, Any] | None):
    ref = ft.use_ref(lambda: paper_of(kept, 0.62 if state.wide else 0.9))
    paper: Paper = ref.current
    tool, take = ft.use_state("black")
    own, set_own = ft.use_state("")
    sure, set_sure = ft.use_state(False)
    _, redraw = ft.use_state(0)
    wide, tall = _size(state, paper.aspect)

    def changed() -> None:
        set_sure(False)
        desk.check.set_ui(sketch=paper.kept if paper.marks else None)
        redraw(paper.version)

    def undo() -> None:
        paper.undo()
        changed()

    def clear() -> None:
        if not sure:
            set_sure(True)
            return
        paper.clear()
        changed()

    pick = lambda name: call(state, take, name)  # noqa: E731
    pens = k.choices({c: k.say(f"sketch.{c}") for c in COLORS}, tool, pick, 3)
    words = {f"#{say('zh', f'sketch.word.{n}')}": k.say(f"sketch.word.{n}") for n in NAMES}
    if own.strip():
        words[f"#{own.strip()}"] = own.strip()

    def typed(text: str) -> None:
        set_own(text)
        if text.strip():
            take(f"#{text.strip()}")

    tools: list[ft.Control] = [
        pens,
        k.t(k.say("sketch.word"), 15, True, "ink-2"),
        k.choices(words, tool, pick, 2 if state.wide else 3),
        box(
            k,
            k.say("sketch.word.own"),
            own,
            guard(state, lambda e: typed(e.control.value)),
            max_length=WORD,
            counter="",
        ),
    ]
    if paper.full:
        tools.insert(0, k.judge("warn", I.WARNING_AMBER, k.say("sketch.full")))
    if desk.check.fault is not None:
        fault = desk.check.fault
        tools.insert(0, k.judge("alert", I.ERROR_OUTLINE, k.of(fault[0]), k.of(fault[1])))
    sheet = Sheet(paper, tool, wide, tall, changed, len(paper.marks))
    word = k.say("sketch.keeping" if desk.busy else "sketch.keep")
    save = call(state, desk.keep_sketch, paper) if paper.marks and not desk.busy else None
    foot = next_bar(
        k,
        k.button("", call(state, undo) if paper.marks else None, "plain", I.UNDO, h=64, name=k.say("sketch.undo")),
        k.button("", call(state, clear) if paper.marks else None, "plain", I.DELETE_FOREVER if sure else I.DELETE_OUTLINE, h=64,
                 name=k.say("sketch.clear.sure" if sure else "sketch.clear")),
        k.button(word, save, "next", I.CHECK, h=64, size=19, expand=True),
    )  # fmt: skip
    warn = [k.t(k.say("sketch.clear.sure"), 15, True, "warn")] if sure else []
    if state.wide:
        middle: ft.Control = ft.Row(
            [ft.Container(scroll(*warn, *tools), width=SIDE), ft.Container(sheet, expand=True, alignment=ft.Alignment.TOP_CENTER)],
            spacing=0, expand=True, vertical_alignment=ft.CrossAxisAlignment.START,
        )  # fmt: skip
    else:
        middle = ft.Column(
            [sheet, scroll(*warn, *tools)], spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.CENTER
        )
    return ft.Column([middle, foot], spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


@part
def Sheet(
    state: State, k: Kit, paper: Paper, tool: str, wide: float, tall: float, on_mark: Callable[[], None], marks: int
):
    """The paper. While the finger moves only this is drawn anew, and of it only the line it is on. `marks`: how many there are, so that
    an undone one goes."""
    _, redraw = ft.use_state(0)
    dry = ft.use_memo(lambda: cv.Canvas([s for m in paper.dry for s in _shapes(m, wide)], width=wide, height=tall),
                      [len(paper.dry), wide, tall, marks])  # fmt: skip

    def down(e: Any) -> None:
        if not tool.startswith("#"):
            paper.down(tool, e.local_position.x / wide, e.local_position.y / wide)
            redraw(paper.version)

    def move(e: Any) -> None:
        paper.move(e.local_position.x / wide, e.local_position.y / wide)
        redraw(paper.version)

    def up(e: Any) -> None:
        paper.up()
        redraw(paper.version)
        on_mark()

    def tap(e: Any) -> None:
        x, y = e.local_position.x / wide, e.local_position.y / wide
        if tool.startswith("#"):
            paper.write(tool[1:], x, y)
        else:
            paper.down(tool, x, y)
            paper.up()
        redraw(paper.version)
        on_mark()

    ink = ft.TextStyle(size=18, color="#777777", font_family=FONT)
    hint = (
        []
        if paper.marks
        else [
            ft.Container(
                ft.Text(k.say("sketch.here"), style=ink), width=wide, height=tall, alignment=ft.Alignment.CENTER
            )
        ]
    )
    live = paper.live
    north = cv.Canvas([cv.Path(
        [cv.Path.MoveTo(wide - 24, 10), cv.Path.LineTo(wide - 34, 38), cv.Path.LineTo(wide - 24, 32), cv.Path.LineTo(wide - 14, 38), cv.Path.Close()],
        paint=ft.Paint(color="#111111", style=ft.PaintingStyle.FILL))], width=wide, height=tall)  # fmt: skip
    moving = cv.Canvas(_shapes(live, wide) if live is not None else [], width=wide, height=tall)
    white = ft.Container(ft.Stack([*hint, north, dry, moving]), width=wide, height=tall, bgcolor="#FFFFFF", border_radius=12,
                         clip_behavior=ft.ClipBehavior.HARD_EDGE)  # fmt: skip
    touch = ft.GestureDetector(
        content=white, drag_interval=10, on_pan_start=guard(state, down), on_pan_update=guard(state, move), on_pan_end=guard(state, up),
        on_tap_up=guard(state, tap),
    )  # fmt: skip
    named = ft.Semantics(label=k.say("sketch.paper", n=len(paper.marks)), container=True, content=touch)
    return ft.Container(
        named,
        border=k.edge("line-strong", 2),
        border_radius=14,
        margin=ft.Margin.symmetric(horizontal=14, vertical=8),
        width=wide + 4,
    )


def _shapes(mark: Mark, wide: float) -> list[cv.Shape]:
    if mark[0] == "#":
        x, y, size = mark[1] * wide, mark[2] * wide, max(13.0, LETTER * wide)
        style = ft.TextStyle(size=size, color="#111111", font_family=FONT)
        dot = cv.Circle(x, y, size * 0.22, paint=ft.Paint(color="#111111", style=ft.PaintingStyle.FILL))
        return [dot, cv.Text(x + size * 0.4, y - size * 0.7, mark[3], style=style)]
    paint = ft.Paint(color=COLORS.get(mark[0], COLORS["black"]), stroke_width=max(2.0, wide * PEN), style=ft.PaintingStyle.STROKE,
                     stroke_cap=ft.StrokeCap.ROUND, stroke_join=ft.StrokeJoin.ROUND)  # fmt: skip
    places = [(x * wide, y * wide) for x, y in mark[1]]
    return [cv.Points(points=places if len(places) > 1 else places * 2, point_mode=cv.PointMode.POLYGON, paint=paint)]


def _size(state: State, aspect: float) -> tuple[float, float]:
    """Of the paper in px: as wide as there is room, and never higher than the page."""
    room = state.width - SIDE - 48 if state.wide else state.width - 32
    most = state.height - (60 + 100 + 40 if state.wide else 60 + 100 + 190)
    wide = min(room, max(240.0, most) / aspect)
    return wide, wide * aspect
