"""Rescue bundle: what goes in, one tap, and what to do with the file."""

from __future__ import annotations

import flet as ft

from field_app.desks.rescue import Rescue
from field_app.kit import I, Kit, column
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll, two_panes
from field_app.rescue import Survey
from field_app.state import State

COMMAND = "jingtu bundle import"


def size(n: int) -> str:
    return f"{n} B" if n < 1000 else f"{n / 1000:.0f} kB" if n < 1_000_000 else f"{n / 1e6:.1f} MB"


def row(k: Kit, icon: object, name: str, figure: str) -> ft.Control:
    return ft.Row(
        [k.icon(icon, 24, "ink-2"), k.t(name, 16, expand=True), k.t(figure, 17, True)], spacing=10
    )  # fmt: skip


def contents(k: Kit, desk: Rescue, found: Survey | None) -> ft.Control:
    head = k.t(k.say("rescue.in"), 18, True)
    if found is None:
        return k.card(head, k.t(k.say("rescue.looking"), 16, color="ink-2"))
    rows = [
        row(k, I.DESCRIPTION_OUTLINED, k.say("rescue.changes.whole" if desk.whole else "rescue.changes"),
            k.say("rescue.n", n=found.changes)),
        row(k, I.EDIT_NOTE, k.say("rescue.drafts"), k.say("rescue.n.drafts", n=found.drafts)),
    ]  # fmt: skip
    if found.photos:
        figure = k.say("rescue.n.photos", n=len(found.photos), size=size(found.photo_bytes))
        rows.append(row(k, I.PHOTO_OUTLINED, k.say("rescue.photos"), figure))
    return k.card(head, *rows)


def left_out(k: Kit, found: Survey | None) -> list[ft.Control]:
    """What the tablet has and no bundle of now can hold."""
    if found is None:
        return []
    out = []
    if found.locked:
        names = "、".join(o.person_name for o in found.locked)
        n = sum(o.changes for o in found.locked)
        out.append(
            k.judge("warn", I.LOCK_OUTLINED, k.say("rescue.locked", names=names, n=n), k.say("rescue.locked.why"))
        )
    if found.foreign:
        out.append(
            k.judge("warn", I.KEY_OFF_OUTLINED, k.say("rescue.foreign", n=found.foreign), k.say("rescue.foreign.why"))
        )
    if not (found.changes or found.drafts or out):
        out.append(k.judge("done", I.CHECK_CIRCLE_OUTLINE, k.say("rescue.nothing"), k.say("rescue.nothing.why")))
    return out


def choices(state: State, k: Kit, desk: Rescue, found: Survey | None) -> list[ft.Control]:
    def photos(code: str) -> object:
        return call(state, desk.take_photos, code == "with")

    def whole(code: str) -> object:
        return call(state, desk.take_whole, code == "whole")

    out: list[ft.Control] = []
    if found is not None and found.photos:
        options = {"with": k.say("rescue.with"), "without": k.say("rescue.without")}
        out.append(k.choices(options, "with" if desk.with_photos else "without", photos, 2))
    options = {"unsent": k.say("rescue.unsent"), "whole": k.say("rescue.whole")}
    out.append(k.choices(options, "whole" if desk.whole else "unsent", whole, 2))
    out.append(k.t(k.say("rescue.whole.why"), 14, color="ink-2"))
    return out


def became(state: State, k: Kit, desk: Rescue) -> list[ft.Control]:
    """The written file, and where it is now."""
    made = desk.written
    if desk.percent is not None:
        return [k.judge("active", I.HOURGLASS_EMPTY, k.say("rescue.writing", n=desk.percent))]
    if made is None:
        return []
    why = k.say("rescue.written.why", name=made.path.name, changes=made.changes, drafts=made.drafts, photos=made.photos)
    out = [k.judge("done", I.CHECK_CIRCLE_OUTLINE, k.say("rescue.written", size=size(made.size)), why)]
    if desk.handed is None:
        return [*out, k.judge("active", I.UPLOAD_FILE, k.say("rescue.handing"))]
    reason, where = desk.handed
    if reason == "done":
        said = (
            k.say("rescue.handed.at", where=where)
            if where
            else k.say("rescue.handed.web")
            if desk.ways == ("save",)
            else ""
        )
        out.append(k.judge("done", I.UPLOAD_FILE, k.say("rescue.handed"), said))
    elif reason == "cancelled":
        out.append(k.judge("warn", I.UPLOAD_FILE, k.say("rescue.cancelled"), k.say("rescue.cancelled.why")))
    elif reason == "large":
        out.append(k.judge("warn", I.UPLOAD_FILE, k.say("rescue.large"), k.say("rescue.large.why")))
    else:
        out.append(
            k.judge("alert", I.ERROR_OUTLINE, k.say("rescue.failed"), k.say("rescue.failed.why", path=made.path))
        )
    icons = {"save": I.SAVE_ALT, "share": I.SHARE_OUTLINED}
    again = [
        k.button(
            k.say(f"rescue.{way}"), None if desk.busy else call(state, desk.hand, way), "plain", icons[way], expand=1
        )
        for way in desk.ways
    ]
    return [*out, ft.Row(again, spacing=12)]


def then(k: Kit, desk: Rescue) -> ft.Control:
    """What to do with the file, in order."""
    name = desk.written.path.name if desk.written else "jingtu-….jtb"
    lines: list[ft.Control] = [k.t(k.say("rescue.then"), 18, True)]
    for n in (1, 2, 3, 4):
        parts: list[ft.Control] = [k.t(k.say(f"rescue.step.{n}"), 16)]
        if n == 2:
            parts.append(k.t(f"{COMMAND} {name}", 15, True))
        number = ft.Container(k.t(str(n), 16, True, "primary"), width=24 * k.scale)
        lines.append(
            ft.Row([number, column(*parts, expand=True)], spacing=6, vertical_alignment=ft.CrossAxisAlignment.START)
        )
    return k.card(*lines, spacing=10)


@page
def RescuePage(state: State, k: Kit):
    desk, _ = ft.use_state(state.rescue)
    ft.use_effect(guard(state, desk.look), [])
    found = desk.survey
    why = column(k.t(k.say("rescue.for"), 17, True), k.t(k.say("rescue.for.why"), 16, color="ink-2"), spacing=4)
    here = [*left_out(k, found), contents(k, desk, found), *choices(state, k, desk, found)]
    done, next_steps, about = became(state, k, desk), then(k, desk), k.card(why)
    idle = not desk.busy and not state.busy and found is not None
    label = (
        k.say("rescue.writing", n=desk.percent)
        if desk.percent is not None
        else k.say("rescue.again" if desk.written else "rescue.write")
    )
    go = k.button(label, call(state, desk.write) if idle else None, "next", I.SAVE_OUTLINED, h=64, size=19, expand=True)
    if state.wide:
        body = two_panes(k, scroll(*done, *here), scroll(next_steps, about))
    else:  # once there is a file, what to do with it is what one wants to read
        body = scroll(*done, next_steps, *here, about) if desk.written else scroll(*done, *here, next_steps, about)
    return frame(state, k, k.say("rescue"), k.say("rescue.sub"), body, foot=next_bar(k, go), back=True)
