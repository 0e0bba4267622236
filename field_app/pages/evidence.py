"""What an item asks for: photos as slots, a figure on the big pad, position, area, time, phrases to tap."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import flet as ft

from field_app.desks.answering import phrase_of
from field_app.desks.checkdraft import PROBLEMS
from field_app.desks.checking import CheckingDesk
from field_app.desks.evidence import PICTURES, Wanted, missing
from field_app.form import form
from field_app.kit import I, Kit, column, strut
from field_app.pages.finder import below_finder
from field_app.pages.found import facts, made, means
from field_app.pages.pad import Keypad, display
from field_app.pages.photos import TALL, empty, grid
from field_app.pages.shell import call, guard, next_bar, part, scroll, tappable
from field_app.state import State
from schemas.records.checklist_answer import ChecklistAnswer
from schemas.rules.checklists import auto


@part
def Pane(state: State, k: Kit, code: str):
    """At the right of an item on a tablet."""
    desk, _ = ft.use_state(state.checking)
    room = (state.width - 92) * 5 / 11 - 32
    problem = desk.answer_of(code) in PROBLEMS
    head = made(k, desk, code) if problem else k.t(k.say("item.optional"), 15, True, "ink-2")
    body = below_finder(desk.lens, scroll(head, *parts(state, k, desk, code, room), *facts(state, k, desk, code)))
    bar = (
        bar_of(state, k, desk, code)
        if problem or desk.lens.view is not None or desk.busy or desk.ui("pad") == code
        else None
    )
    return ft.Column([body, *([bar] if bar is not None else [])], spacing=0, expand=True,
                     horizontal_alignment=ft.CrossAxisAlignment.STRETCH)  # fmt: skip


def parts(
    state: State, k: Kit, desk: CheckingDesk, key: str, room: float, only: Collection[str] | None = None
) -> list[ft.Control]:
    """What is asked for, each as that which collects it."""
    all = [w for w in desk.wanted(key) if only is None or w.what in only]
    problem = desk.item(key) is None or desk.answer_of(key) in PROBLEMS
    out: list[ft.Control] = []
    if desk.fault is not None:
        out.append(k.judge("alert", I.ERROR_OUTLINE, k.of(desk.fault[0]), k.of(desk.fault[1])))
    doubted = desk.ui("dropping")
    if pictures := [w for w in all if w.what in PICTURES]:
        if problem:
            out.append(k.t(k.say("fail.evidence"), 15, True, "ink-2"))
        out.append(grid([slot(state, k, desk, key, w) for w in pictures], room))
        if any(doubted in w.photos for w in pictures):
            out.append(sure(state, k, desk, k.say("fail.photo.sure"), lambda: desk.drop_photo(doubted)))
        if desk.lens.there:
            next_ = next((w for w in pictures if not w.there), pictures[0])
            file = call(state, desk.file_item, key, next_.name)
            out.append(
                k.button(k.say("fail.file", name=k.of(next_.name)), file, "bare", I.FOLDER_OPEN_OUTLINED, size=15)
            )
    for w in all:
        if w.what == "number":
            out.append(figure(state, k, desk, key, w, room))
    fields = [w.what for w in all if w.what in ("position", "area", "moment")]
    if fields:
        out += asked_fields(state, k, desk, key, fields)
    if any(w.what == "text" for w in all):
        out += words(state, k, desk, key, problem)
    return out


def _asking(desk: CheckingDesk, what: str | None) -> None:
    desk.set_ui(dropping=what)


def sure(state: State, k: Kit, desk: CheckingDesk, question: str, remove: Callable[[], None]) -> ft.Control:
    """Asked before something is taken off: a glove hits more than was meant."""

    def go() -> None:
        desk.set_ui(dropping=None)
        remove()

    keep = k.button(k.say("fail.keep"), call(state, _asking, desk, None), "plain", size=16, expand=1)
    off = k.button(k.say("fail.remove"), call(state, go), "plain", I.DELETE_OUTLINE, size=16, expand=1)
    return k.judge("warn", I.WARNING_AMBER, question, "", ft.Row([keep, off], spacing=8))


# --- photos -----------------------------------------------------------------------------------------------------------


def slot(state: State, k: Kit, desk: CheckingDesk, key: str, w: Wanted) -> Callable[[float], ft.Control]:
    """Taken: picture, tick, name, and a second tap takes one more. Missing: dashed edge, camera, name."""
    name = k.of(w.name)
    problem = desk.item(key) is None or desk.answer_of(key) in PROBLEMS

    def make(wide: float) -> ft.Control:
        aim = call(state, desk.aim_item, key, w.name)
        if not w.photos:
            inside = empty(
                k, wide, I.PHOTO_CAMERA_OUTLINED, name, "" if w.must or not problem else k.say("fail.maybe"), [7, 5]
            )
            label = k.say("fail.photo.missing", name=name)
            return ft.Container(
                ft.Semantics(label=label, button=True, exclude_semantics=True, content=inside), width=wide, ink=True, on_click=aim,
                border_radius=14,
            )  # fmt: skip
        last = w.photos[-1]
        data = desk.thumb(desk.photos[last]["sha256"]) if last in desk.photos else None
        picture: ft.Control = (
            ft.Image(src=data, fit=ft.BoxFit.COVER, height=TALL, width=wide, gapless_playback=True)
            if data
            else ft.Container(k.icon(I.IMAGE_OUTLINED, 32, "ink-2"), height=TALL, bgcolor=k["sunken"], alignment=ft.Alignment.CENTER)
        )  # fmt: skip
        text = k.say("fail.photo.taken", name=name, n=len(w.photos))
        line = ft.Row(
            [strut(40), k.icon(I.CHECK_CIRCLE_OUTLINE, 20, "done"), k.t(text, 15, True, expand=True)], spacing=6
        )
        tile = ft.Container(
            ft.Semantics(label=text, button=True, exclude_semantics=True, content=column(
                picture, ft.Container(line, padding=ft.Padding.symmetric(horizontal=8, vertical=4)))),
            ink=True, on_click=aim, border_radius=14, border=k.edge(), bgcolor=k["surface"], clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
        )  # fmt: skip
        off = k.icon_button(I.DELETE_OUTLINE, k.say("fail.photo.drop", name=name), call(state, _asking, desk, last))
        return ft.Container(
            ft.Stack([tile, ft.Container(off, right=0, top=0, bgcolor=k["surface"], border_radius=28)]), width=wide
        )

    return make


# --- figures, fields, words -------------------------------------------------------------------------------------------


def figure(state: State, k: Kit, desk: CheckingDesk, key: str, w: Wanted, room: float) -> ft.Control:
    """The figure with its limit; a tap opens the pad below it."""
    item = desk.item(key)
    ask = next(a for a in item.asks if a.what == "number") if item is not None else None
    part = desk.answers.get(key)
    text = str(part.values.get("number", "")) if part is not None else ""
    unit = ask.unit if ask is not None else ""
    name = k.of(w.name)
    limit = auto.limit_of(ask) if ask is not None else None
    said: list[ft.Control] = []
    if limit is not None:
        value = desk.value_of(key)
        if value is None:
            said = [k.t(k.say("item.limit", limit=limit.said), 14, color="ink-2")]
        elif limit.holds(value):
            said = [k.chip(I.CHECK, k.say("fail.within", limit=limit.said), "done")]
        else:
            said = [k.chip(I.CLOSE, k.say("fail.over", limit=limit.said), "alert")]
    inside = ft.Row(
        [column(k.t(name, 14, True, "ink-2"), k.val(text or "—", unit, 28, unit_size=16), expand=True), *said],
        spacing=8,
    )
    row = tappable(k, inside, f"{name} {text or '—'} {unit}", call(state, _pad, desk, key), desk.ui("pad") == key)
    return ft.Container(row, bgcolor=k["surface"], border=k.edge(), border_radius=16, padding=6)


def pad(
    state: State, k: Kit, desk: CheckingDesk, key: str, room: float, done: Callable[..., Any] | None = None
) -> ft.Control:  # fmt: skip
    """The pad for an item's figure, where the thumb is. `done`: what its tall key does; else it is put away."""
    item, part = desk.item(key), desk.answers.get(key)
    ask = next((a for a in item.asks if a.what == "number"), None) if item is not None else None
    text = str(part.values.get("number", "")) if part is not None else ""
    shown = display(k, k.of(ask.name) if ask is not None else "", text, ask.unit if ask is not None else "")
    keys = Keypad(k, lambda c: call(state, _key, desk, key, c), done or call(state, _done, desk, key), k.say("fail.pad.done"),
                  k.say("fail.pad.sign"), ("clear", k.say("fail.pad.clear")), min(room, 420.0), 56)  # fmt: skip
    return column(shown, keys, spacing=8)


def _pad(desk: CheckingDesk, key: str) -> None:
    if desk.ui("pad") == key:
        _done(desk, key)
    else:
        desk.set_ui(pad=key)


def _done(desk: CheckingDesk, key: str) -> None:
    desk.weigh(key)
    desk.set_ui(pad=None)


def _key(desk: CheckingDesk, key: str, code: str) -> None:
    desk.press(key, "sign" if code == "same" else code)


def asked_fields(state: State, k: Kit, desk: CheckingDesk, key: str, names: list[str]) -> list[ft.Control]:
    """Position, area and time as every form asks for them."""
    part = desk.answers.get(key)
    values = dict(part.values) if part is not None else {}
    change = lambda name, read: guard(state, lambda e: desk.put_asked(key, **{name: read(e)}))  # noqa: E731
    return form(k, ChecklistAnswer, values, change, lambda ref: {}, names, means(state))


def words(state: State, k: Kit, desk: CheckingDesk, key: str, problem: bool) -> list[ft.Control]:
    """Phrases to tap, and a box for what they do not say."""
    item, part = desk.item(key), desk.answers.get(key)
    if item is None:
        return []
    out: list[ft.Control] = []
    if item.phrases and (problem or item.kind == "text"):
        shown = {phrase_of(p): k.of(p) for p in item.phrases}
        chosen = [p for p in shown if p in desk.said(key)]
        out.append(k.t(k.say("fail.phrases"), 15, True, "ink-2"))
        out.append(chips(k, shown, chosen, lambda p: call(state, desk.say_phrase, key, p)))
    change = lambda name, read: guard(state, lambda e: desk.put_text(key, read(e) or ""))  # noqa: E731
    out += form(
        k, ChecklistAnswer, dict(part.values) if part is not None else {}, change, lambda ref: {}, ["text"], None
    )
    return out


def chips(k: Kit, shown: dict[str, str], chosen: list[str], on_tap: Callable[[str], Any]) -> ft.Control:
    """As many in a row as their words leave room for."""
    made = [
        k.button(word, on_tap(c), "chosen" if c in chosen else "plain", size=16, pad=16, radius=14)
        for c, word in shown.items()
    ]
    return ft.Row(made, spacing=8, run_spacing=8, wrap=True)


# --- the one button ---------------------------------------------------------------------------------------------------


def bar_of(
    state: State, k: Kit, desk: CheckingDesk, key: str, *before: ft.Control, onward: ft.Control | None = None
) -> ft.Control | None:
    """The evidence that is next; when none is missing, `onward`. `before`: quiet buttons at its left."""
    big: dict[str, Any] = {"h": 64, "size": 18, "expand": True, "pad": 8}
    if desk.busy:
        return next_bar(k, k.button(k.say("fail.keeping"), None, "next", **big))
    if desk.lens.view is not None:
        return lens_bar(state, k, desk)
    if desk.ui("pad") == key:
        room = (state.width - 92) * 5 / 11 if state.wide and state.route == "item" else min(state.width, 760)
        return next_bar(k, ft.Container(pad(state, k, desk, key, room - 32), expand=True))
    lacks = missing(desk.wanted(key))
    todo = next((w for w in lacks if w.what in PICTURES), None)
    if todo is not None:
        word = k.say("fail.shoot" if desk.lens.there else "fail.file", name=k.of(todo.name))
        icon = I.PHOTO_CAMERA_OUTLINED if desk.lens.there else I.FOLDER_OPEN_OUTLINED
        go = k.button(word, call(state, desk.aim_item, key, todo.name), "next", icon, **big)
        return next_bar(k, *before, go)
    todo = next((w for w in lacks if w.what == "number"), None)
    if todo is not None:
        return next_bar(
            k, *before, k.button(k.say("fail.type", name=k.of(todo.name)), call(state, _pad, desk, key), "next", **big)
        )
    todo = next((w for w in lacks if w.what == "position"), None)
    if todo is not None:
        return next_bar(
            k,
            *before,
            k.button(k.say("fail.position.take"), call(state, _here, state, desk, key), "next", I.MY_LOCATION, **big),
        )
    if onward is not None:
        return next_bar(k, *before, onward)
    return next_bar(k, *before) if before else None


def _here(state: State, desk: CheckingDesk, key: str) -> None:
    fix = state.records.fix()
    if fix is not None:
        desk.put_asked(key, position=fix)


def lens_bar(state: State, k: Kit, desk: CheckingDesk) -> ft.Control:
    big: dict[str, Any] = {"h": 64, "size": 18, "expand": True}
    shut = k.button("", call(state, desk.lens.shut), "plain", I.NO_PHOTOGRAPHY_OUTLINED, h=64, name=k.say("photo.shut"))
    name = k.of(desk.aim)
    word = k.say("fail.take", name=name) if desk.lens.ready else k.say("photo.opening")
    act = call(state, desk.snap) if desk.lens.ready and not desk.busy else None
    return next_bar(k, shut, k.button(word, act, "next", I.PHOTO_CAMERA_OUTLINED, **big))


__all__ = ["Pane", "bar_of", "lens_bar", "missing", "pad", "parts", "sure"]
