"""Photos of a point: a checklist in the order of the work, the camera that stays open, files from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft
import flet.canvas as cv

from field_app.desks.photos import PhotoDesk
from field_app.kit import I, Kit, column, strut
from field_app.pages.draw import stroke
from field_app.pages.photo import GAP, Detail, loose, name_of, reasons
from field_app.pages.shell import call, guard, next_bar, part, scroll
from field_app.state import State
from field_app.visit import STEPS, Visit
from field_app.visit.photos import Slot

TALL = 116  # of a slot's picture


def subtitle(k: Kit, visit: Visit) -> str:
    """Second line of the step."""
    if visit.photos_asked:
        slots = visit.slots()
        need = sum(s.least for s in slots)
        return k.say("step.photos.of", n=need - visit.shots_lacking, all=need)
    n = len(visit.photos)
    return k.say("step.photos.n", n=n) if n else k.say("step.optional")


def pane(state: State, k: Kit, visit: Visit) -> tuple[ft.Control, ft.Control | None]:
    return Checklist(visit), Bar(visit)


# --- the one button ---------------------------------------------------------------------------------------------------


@part
def Bar(state: State, k: Kit, visit: Visit):
    """The next missing shot; when none is missing, the next step."""
    desk, _ = ft.use_state(state.photos)
    ft.use_state(visit)
    wide = {"h": 64, "expand": True}
    onward = STEPS[STEPS.index("photos") + 1]
    word = k.say("step.next", name=k.say(f"step.{onward}"))

    def leave() -> None:
        desk.shut()
        visit.set_ui(step=onward, shot=None, photo=None)

    on = call(state, leave)
    chosen = bool(visit.ui("shot"))
    if not visit.shots_lacking and not chosen:
        go = k.button(word, on, "next", I.ARROW_FORWARD, size=18, **wide)
        shut = k.button("", call(state, desk.shut), "plain", I.NO_PHOTOGRAPHY_OUTLINED, h=64, name=k.say("photo.shut"))
        return next_bar(k, *([shut] if desk.lens is not None else []), go)
    skip = k.button("", on, "plain", I.ARROW_FORWARD, h=64, name=word)
    name = name_of(k, visit.shot)
    if desk.busy:
        return next_bar(k, skip, k.button(k.say("photo.keeping"), None, "next", size=18, **wide))
    if desk.lens is not None:
        text = k.say("photo.shoot", name=name) if desk.ready else k.say("photo.opening")
        act = call(state, desk.shoot, visit) if desk.ready else None
        shut = k.button("", call(state, desk.shut), "plain", I.NO_PHOTOGRAPHY_OUTLINED, h=64, name=k.say("photo.shut"))
        return next_bar(k, shut, k.button(text, act, "next", I.PHOTO_CAMERA_OUTLINED, size=18, **wide))
    if desk.has_camera:
        text, act, icon = k.say("photo.open", name=name), call(state, desk.open), I.PHOTO_CAMERA_OUTLINED
    else:
        text, act, icon = k.say("photo.file.for", name=name), call(state, desk.ask_file, True), I.FOLDER_OPEN_OUTLINED
    return next_bar(k, skip, k.button(text, act, "next", icon, size=18, **wide))


# --- the checklist ----------------------------------------------------------------------------------------------------


@part
def Checklist(state: State, k: Kit, visit: Visit):
    desk, _ = ft.use_state(state.photos)
    ft.use_state(visit)

    async def look() -> None:
        await desk.look(visit)

    ft.use_effect(guard(state, look), [visit.id])
    room = (state.width - 92 - 216 - 292 if state.wide else state.width) - 32
    slots = visit.slots()
    items: list[ft.Control] = []
    if (fault := desk.fault(k.lang)) is not None:
        items.append(k.judge("alert", I.ERROR_OUTLINE, *fault))
    if desk.asking and not desk.has_camera:  # the button at the bottom asked
        items.append(reasons(state, k, desk, visit))
    open_ = visit.ui("photo")
    below = next((n for n, s in enumerate(slots) if open_ in s.taken), -1) if open_ in visit.photos else -1
    shown = Detail(visit, open_) if below >= 0 else None
    more = {step: name_of(k, step) for step in visit.optional_shots()}
    chosen = visit.shot if visit.ui("shot") else None
    opened = bool(visit.ui("more_shots")) or chosen in more
    tiles = [tile(state, k, desk, visit, s) for s in slots]
    tiles.append(adding(k, opened, call(state, lambda: visit.set_ui(more_shots=not opened, shot=None))))
    items += [heading(k, visit), grid(tiles, room, below, shown)]
    if opened:
        pick = lambda step: call(state, aim, visit, step)  # noqa: E731
        items.append(k.card(k.t(k.say("photo.more"), 14, True, "ink-2"), k.choices(more, chosen, pick)))
    if desk.has_camera and desk.asking:
        items.append(reasons(state, k, desk, visit))
    elif desk.has_camera:
        items.append(
            k.button(k.say("photo.file"), call(state, desk.ask_file, True), "plain", I.FOLDER_OPEN_OUTLINED, size=16)
        )
    if desk.loose:
        items.append(loose(state, k, desk, visit))
    body = scroll(*items)
    if desk.lens is None:
        return body
    return ft.Column([Lens(visit), body], spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


@ft.component
def Glass(lens: Any):
    """The camera's control, never drawn anew: as the child of a new parent it would count as taken off the page."""
    return lens


@part
def Lens(state: State, k: Kit, visit: Visit):
    """What the camera sees, with the name of what is wanted on it. It stays open until it is closed."""
    desk, _ = ft.use_state(state.photos)
    ft.use_effect(guard(state, desk.start), [], guard(state, desk.shut))
    note = next((s.note for s in visit.slots() if s.step == visit.shot), None)
    wanted = visit.shots_lacking or visit.ui("shot")
    text = k.say("photo.aimed", name=name_of(k, visit.shot)) if wanted else k.say("photo.all")
    text += f" · {k.of(note)}" if note and wanted else ""
    if desk.played:
        text += f" · {k.say('photo.played')}"
    label = ft.Container(
        k.t(text, 16, True, "#FFFFFF"), bgcolor="#B3000000", padding=ft.Padding.symmetric(horizontal=12, vertical=6),
        left=0, right=0, bottom=0,
    )  # fmt: skip
    tall = min(state.height * 0.42, 420.0)
    seen = ft.Semantics(
        label=k.say("photo.lens"), image=True, container=True, content=ft.memo(Glass)(desk.lens, key="glass")
    )
    return ft.Container(
        ft.Stack([ft.Container(seen, left=0, right=0, top=0, bottom=0), label]), height=tall, bgcolor="#000000",
        clip_behavior=ft.ClipBehavior.HARD_EDGE,
    )  # fmt: skip


def aim(visit: Visit, step: str) -> None:
    """The chosen kind is the next photo; a second tap lets it go."""
    visit.aim(None if visit.ui("shot") == step else step)


def heading(k: Kit, visit: Visit) -> ft.Control:
    if visit.photos_asked:
        return ft.Row(
            [k.t(k.say(visit.head), 16, True, expand=True), k.t(subtitle(k, visit), 15, color="ink-2")], spacing=8
        )
    return column(k.t(k.say("photo.advised"), 16, True), k.t(k.say("photo.advised.why"), 14, color="ink-2"), spacing=2)


def grid(
    tiles: list[Callable[[float], ft.Control]], room: float, at: int = -1, shown: ft.Control | None = None
) -> ft.Control:
    """Rows of tiles; `shown` stands below the row of the tile `at`, where the finger is."""
    columns = 3 if room >= 560 else 2
    wide = (room - GAP * (columns - 1)) / columns
    rows: list[ft.Control] = []
    for first in range(0, len(tiles), columns):
        made = [make(wide) for make in tiles[first : first + columns]]
        rows.append(ft.Row(made, spacing=GAP, vertical_alignment=ft.CrossAxisAlignment.STRETCH, intrinsic_height=True))
        if shown is not None and first <= at < first + columns:
            rows.append(shown)
    return ft.Column(rows, spacing=GAP, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def tile(state: State, k: Kit, desk: PhotoDesk, visit: Visit, slot: Slot) -> Callable[[float], ft.Control]:
    """Taken: picture, tick, name. Missing: dashed edge, camera, name. The one that is next has the ring."""
    name, n = name_of(k, slot.step), len(slot.taken)
    aimed = visit.shot == slot.step
    key = "photo.wants" if slot.least > 1 else "photo.taken" if n else "photo.missing"
    label = k.say(key, name=name, n=n, all=slot.least)
    doubted = any(visit.against(r) or desk.twice(visit, r) for r in slot.taken)
    if doubted:
        label = f"{label}，{k.say('photo.against')}" if k.lang == "zh" else f"{label}, {k.say('photo.against')}"
    count = f"{n}/{slot.least}" if slot.least > 1 else f"×{n}" if n > 1 else ""

    def choose() -> None:
        if slot.taken and (aimed or not slot.lacking):  # the first tap says what is next, the second opens it
            visit.set_ui(photo=None if visit.ui("photo") in slot.taken else slot.taken[-1])
        else:
            aim(visit, slot.step)

    def make(wide: float) -> ft.Control:
        shown: list[ft.Control] = []
        edge = ft.Border.all(3, k["primary"]) if aimed else k.edge()
        if slot.taken:
            data = desk.thumb(visit.photos[slot.taken[-1]]["sha256"])
            picture: ft.Control = (
                ft.Image(src=data, fit=ft.BoxFit.COVER, height=TALL, width=wide, gapless_playback=True)
                if data
                else ft.Container(
                    k.icon(I.IMAGE_OUTLINED, 32, "ink-2"),
                    height=TALL,
                    bgcolor=k["sunken"],
                    alignment=ft.Alignment.CENTER,
                )
            )
            icon, color = (I.CONTRAST, "active") if slot.lacking else (I.CHECK_CIRCLE_OUTLINE, "done")
            if doubted:  # in its place: the count says the rest, and a second one leaves large text no room
                icon, color = I.WARNING_AMBER, "warn"
            words = [
                k.icon(icon, 20, color),
                k.t(name, 15, True, expand=True),
                *([k.t(count, 14, color="ink-2")] if count else []),
            ]
            line = ft.Row([strut(40), *words], spacing=6)
            shown = [picture, ft.Container(line, padding=ft.Padding.symmetric(horizontal=8, vertical=4))]
            inside: ft.Control = ft.Column(
                shown, spacing=0, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH
            )
        else:
            inside = empty(
                k, wide - 6 if aimed else wide, I.PHOTO_CAMERA_OUTLINED, name, count, [] if aimed else [7, 5]
            )
            edge = edge if aimed else None
        return ft.Container(
            ft.Semantics(label=label, button=True, selected=aimed, exclude_semantics=True, content=inside),
            width=wide, ink=True, on_click=call(state, choose), border_radius=14, border=edge,
            bgcolor=k["surface"] if slot.taken else None, clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
        )  # fmt: skip

    return make


def adding(k: Kit, opened: bool, on_click: Callable[..., Any]) -> Callable[[float], ft.Control]:
    """The last tile: kinds that are on no list."""

    def make(wide: float) -> ft.Control:
        inside = empty(k, wide, I.EXPAND_LESS if opened else I.ADD, k.say("photo.add"), "", [2, 4])
        name = ft.Semantics(label=k.say("photo.add"), button=True, exclude_semantics=True, content=inside)
        return ft.Container(name, width=wide, ink=True, on_click=on_click, border_radius=14)

    return make


def empty(k: Kit, wide: float, icon: Any, name: str, count: str, dash: list[int]) -> ft.Control:
    """What is not taken yet. No dash: the ring round it is its edge."""
    tall = TALL + 50 - (0 if dash else 6)
    words = [k.icon(icon, 30), k.t(name, 15, True, text_align=ft.TextAlign.CENTER)]
    if count:
        words.append(k.t(count, 14, color="ink-2"))
    middle = ft.Container(
        ft.Column(words, spacing=6, alignment="center", horizontal_alignment="center", tight=True),
        height=tall, width=wide, padding=8, alignment=ft.Alignment.CENTER,
    )  # fmt: skip
    if not dash:
        return middle
    edge = cv.Rect(1, 1, wide - 2, tall - 2, border_radius=14, paint=stroke(k["line-strong"], 2, dash))
    return ft.Stack([cv.Canvas([edge], width=wide, height=tall), middle])
