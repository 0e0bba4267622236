"""The signature pad: who signs as what, and the strokes of a finger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import Any

import flet as ft
import flet.canvas as cv

from field_app.capture import pen
from field_app.capture.pen import Ink
from field_app.form import box, menu
from field_app.kit import I, Kit, column
from field_app.pages.shell import call, frame, guard, next_bar, page, part
from field_app.state import State
from field_app.words import clock
from schemas.fields import fields_of
from schemas.reference import codes
from schemas.values import Signature

Value = dict[str, Any]
UNSIGNED = ("refused", "absent")  # ways that need a reason
WHYS = ("objects", "no_word", "left", "unable")
SIDE = 380  # px of the fields beside a wide pad


def person_of(state: State, name: str) -> str | None:
    """Who it is, where the name says so; of two who share a name it does not."""
    found = [p.id for p in state.book.people if p.values.get("name") == name.strip()]
    return found[0] if len(found) == 1 else None


@page
def SignPage(state: State, k: Kit):
    """The pad as a page of its own: a form scrolls, and a finger that signs must not scroll it."""
    return frame(
        state,
        k,
        k.say("sign.title"),
        "",
        Pad(state.signing.value, state.signing.give, key=f"pad-{state.signing.asked}"),
        back=True,
        tabs=False,
        safe=False,
    )


@part
def Pad(state: State, k: Kit, value: Value | None, on_done: Callable[[Value | None], None]):
    old = value or {}
    ink = ft.use_ref(lambda: Ink(_strokes(old)))
    drawn: Ink = ink.current
    _, redraw = ft.use_state(0)
    role, set_role = ft.use_state(old.get("role"))
    name, set_name = ft.use_state(old.get("name", ""))
    way, set_way = ft.use_state(old.get("way", "signed"))
    why, set_why = ft.use_state(old.get("refuse_reason"))
    wrong, tell = ft.use_state("")
    wide, tall = _size(state)

    def again(change: Callable[[], None]) -> Any:
        def act() -> None:
            change()
            tell("")
            redraw(drawn.version)

        return call(state, act)

    def stroked() -> None:
        tell("")
        redraw(drawn.version)

    def put(set_: Callable[[Any], None], value: Any) -> None:
        set_(value)
        tell("")

    def done() -> None:
        missing = _missing(role, name, way, why, drawn)
        tell(missing)
        if missing:
            return
        aspect = tall / wide
        person = person_of(state, name)
        on_done(pen.as_value(drawn.strokes, name, role, state.now(), aspect=aspect, way=way,
                             reason=why if way in UNSIGNED else None, person=person))  # fmt: skip

    asked = fields_of(Signature)["role"].spec
    roles = {c: k.of(label) for c, label in codes("signoff_kind").items()}
    ways = {c: k.of(label) for c, label in codes("sign_kind").items()}
    known = list(dict.fromkeys(n for n in (state.person, *(p.values.get("name", "") for p in state.book.people)) if n))
    fields: list[ft.Control] = [
        menu(k, k.of((asked.zh, asked.en)), roles, role, guard(state, lambda e: put(set_role, e.control.value))),
        box(
            k,
            k.say("sign.who"),
            name,
            guard(state, lambda e: put(set_name, e.control.value)),
            max_length=200,
            counter="",
        ),
    ]
    if known and len(known) <= 6:
        fields.append(k.choices({n: n for n in known}, name, lambda n: call(state, put, set_name, n), 3))
    fields.append(k.choices(ways, way, lambda c: call(state, put, set_way, c), 3))
    if way in UNSIGNED:
        reasons = {k.say(f"sign.reason.{w}"): k.say(f"sign.reason.{w}") for w in WHYS}
        fields.append(k.choices(reasons, why, lambda w: call(state, put, set_why, w), 2))
    if wrong:
        fields.append(k.judge("warn", I.WARNING_AMBER, k.say(wrong)))
    signed = way == "signed"
    undo = k.button("", again(drawn.undo), "plain", I.UNDO, h=64, name=k.say("sign.undo"))
    clear = k.button("", again(drawn.clear), "plain", I.DELETE_OUTLINE, h=64, name=k.say("sign.clear"))
    go = k.button(k.say("sign.done"), call(state, done), "next", I.CHECK, h=64, size=19, expand=True)
    foot = next_bar(k, *([undo, clear] if signed else []), go)
    above = ft.Column(
        [ft.Container(ft.Column(fields, spacing=10, horizontal_alignment="stretch"), padding=16)],
        scroll=ft.ScrollMode.AUTO, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )  # fmt: skip
    paper = [Sheet(drawn, wide, tall, stroked)] if signed else []
    if state.wide:
        middle: ft.Control = ft.Row(
            [ft.Container(above, width=SIDE), *paper], spacing=0, expand=True, vertical_alignment="start"
        )
    else:
        middle = ft.Column([above, *paper], spacing=0, expand=True, horizontal_alignment="center")
    return ft.Column([middle, foot], spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


@part
def Sheet(state: State, k: Kit, ink: Ink, wide: float, tall: float, on_stroke: Callable[[], None]):
    """The paper. Only this is drawn anew while the finger moves, and of it only the stroke it is on."""
    _, redraw = ft.use_state(0)
    began = ft.use_ref(monotonic())
    line = ft.Paint(color=k["ink"], stroke_width=max(3.0, wide * 0.006), style=ft.PaintingStyle.STROKE,
                    stroke_cap=ft.StrokeCap.ROUND, stroke_join=ft.StrokeJoin.ROUND)  # fmt: skip

    def shape(stroke: list[pen.Point]) -> cv.Points:
        places = [(p.x * wide, p.y * wide) for p in stroke]
        return cv.Points(points=places if len(places) > 1 else places * 2, point_mode=cv.PointMode.POLYGON, paint=line)

    dry = ft.use_memo(
        lambda: cv.Canvas([shape(s) for s in ink.dry], width=wide, height=tall),
        [len(ink.dry), wide, tall, k.name, id(ink.dry[-1]) if ink.dry else 0],
    )

    def place(e: Any) -> tuple[float, float, int]:
        at = e.local_position
        return at.x / wide, at.y / wide, round((monotonic() - began.current) * 1000)

    def down(e: Any) -> None:
        ink.down(*place(e))
        redraw(ink.version)

    def move(e: Any) -> None:
        ink.move(*place(e))
        redraw(ink.version)

    def up(e: Any) -> None:
        if e.local_position is not None:  # the last stretch, which the interval between two moves may have left out
            ink.move(*place(e))
        ink.up()
        redraw(ink.version)
        on_stroke()

    def dot(e: Any) -> None:
        ink.down(*place(e))
        ink.up()
        redraw(ink.version)
        on_stroke()

    hint = [] if ink.strokes else [ft.Container(k.t(k.say("sign.here"), 18, color="ink-3"), alignment=ft.Alignment.CENTER, width=wide, height=tall)]  # fmt: skip
    base = cv.Canvas(
        [cv.Line(wide * 0.06, tall * 0.78, wide * 0.94, tall * 0.78, paint=ft.Paint(color=k["line"], stroke_width=2))],
        width=wide,
        height=tall,
    )
    live = cv.Canvas([shape(ink.live)] if ink.live else [], width=wide, height=tall)
    paper = ft.Container(
        ft.Stack([base, *hint, dry, live]), width=wide, height=tall, bgcolor=k["surface"], border_radius=14,
        clip_behavior=ft.ClipBehavior.HARD_EDGE,
    )  # fmt: skip
    touch = ft.GestureDetector(
        content=paper, drag_interval=10, on_pan_start=guard(state, down), on_pan_update=guard(state, move),
        on_pan_end=guard(state, up), on_tap_up=guard(state, dot),
    )  # fmt: skip
    label = k.say("sign.pad", n=len(ink.strokes))
    parts: list[ft.Control] = [
        ft.Container(
            ft.Semantics(label=label, container=True, content=touch), border=k.edge("line-strong", 2), border_radius=14
        )
    ]
    if ink.full:
        parts.append(k.t(k.say("sign.long"), 15, True, "warn"))
    return ft.Container(
        column(*parts, spacing=6), padding=ft.Padding.only(left=14, right=14, bottom=8, top=14 if state.wide else 0)
    )


def own(state: State) -> Callable[..., ft.Control]:
    """For a form's `Means.own["Signature"]`: a row shows who signed, and opens the pad."""

    def row(k: Kit, values: Value, on_row: Callable[[Value], Any], path: str) -> ft.Control:
        def signed(new: Value | None) -> None:
            if new is not None:
                on_row(new)

        go = k.button(
            k.say("sign.open"), call(state, state.signing.ask, values, signed), "soft", I.DRAW_OUTLINED, size=17
        )
        return column(*_given(state, k, values), go, spacing=10)

    return row


def _given(state: State, k: Kit, value: Value) -> list[ft.Control]:
    if not value.get("name"):
        return []
    role = k.of(codes("signoff_kind").get(value.get("role", "")))
    way = k.of(codes("sign_kind").get(value.get("way", "")))
    at = value.get("signed_at")
    when = clock(k.lang, datetime.fromisoformat(at), state.now()) if at else ""
    said = [k.t(k.say("sign.given", role=role, name=value["name"]), 17, True),
            k.t(" · ".join(x for x in (way, value.get("refuse_reason"), when) if x), 15, color="ink-2")]  # fmt: skip
    return [*said, Picture(value["strokes"])] if value.get("strokes") else said


@part
def Picture(state: State, k: Kit, strokes: str):
    """Black on white in every theme: it is a document. Drawn in a worker's thread."""
    data, show = ft.use_state(None)

    async def draw() -> None:
        with suppress(ValueError):
            show(await asyncio.to_thread(pen.png, {"strokes": strokes}))

    ft.use_effect(guard(state, draw), [strokes])
    inside = ft.Image(src=data, height=96, fit=ft.BoxFit.CONTAIN) if data else ft.Container(height=96)
    return ft.Container(inside, bgcolor="#FFFFFF", border_radius=8)


def _strokes(value: Value) -> list[list[pen.Point]]:
    try:
        return pen.strokes_of(value["strokes"])[0] if value.get("strokes") else []
    except ValueError:
        return []


def _size(state: State) -> tuple[float, float]:
    """Of the paper, in px."""
    if state.wide:
        return state.width - SIDE - 32, min(state.height - 60 - 100 - 40, (state.width - SIDE - 32) * 0.6)
    wide = state.width - 32
    return wide, max(180.0, min(wide * 0.75, state.height * 0.36))


def _missing(role: str | None, name: str, way: str, why: str | None, ink: Ink) -> str:
    """The word for what is not there yet."""
    if not role:
        return "sign.need.role"
    if not name.strip():
        return "sign.need.name"
    if way == "signed":
        return "sign.need.strokes" if not ink.strokes else "" if ink.large else "sign.small"
    return "sign.need.reason" if way in UNSIGNED and not why else ""
