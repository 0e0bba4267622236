"""现场检查（勘察）笔录: its parts in the order of the paper, what each still lacks, and the one button that leads on. A signed one is
shown as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft

from field_app.desks.heading import PARTS
from field_app.desks.onsite import OnsiteDesk
from field_app.kit import I, Kit, column, strut
from field_app.pages import evidence, onsite_end, onsite_filed, onsite_parts
from field_app.pages.finder import below_finder
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll, tappable
from field_app.state import State

PICTURES: dict[str, Any] = {
    "head": I.PLACE_OUTLINED, "officers": I.BADGE_OUTLINED, "notices": I.CAMPAIGN_OUTLINED, "body": I.NOTES,
    "found": I.REPORT_PROBLEM_OUTLINED, "sketch": I.BRUSH_OUTLINED, "verdict": I.GAVEL_OUTLINED, "sign": I.DRAW_OUTLINED,
}  # fmt: skip
OPTIONAL = ("sketch", "found")
LIST = 320  # px of the list of parts on a tablet
Draw = Callable[[State, Kit, OnsiteDesk, float], list[ft.Control]]
DRAW: dict[str, Draw] = {
    "head": onsite_parts.head, "officers": onsite_parts.officers, "notices": onsite_parts.notices, "body": onsite_parts.body,
    "found": onsite_end.found, "sketch": onsite_end.sketch, "verdict": onsite_end.verdict, "sign": onsite_end.sign,
}  # fmt: skip


@page
def OnsitePage(state: State, k: Kit):
    desk, _ = ft.use_state(state.onsite)
    check, _ = ft.use_state(state.checking)
    id, part = str(state.args.get("id", "")), str(state.args.get("part", ""))

    async def start() -> None:
        if state.route == "onsite":  # drawn once more while it is left
            await desk.open(id)
            await check.look()

    ft.use_effect(guard(state, start), [id, state.book])
    if check.id == id and desk.opened == id:
        return _draft(state, k, desk, id, part)
    if desk.filed is not None and desk.filed.seen.id == id:
        return onsite_filed.whole(state, k, desk)
    title = k.say("onsite.title")
    if desk.opened == id:
        gone = k.judge("unsure", I.HELP_OUTLINE, k.say("onsite.gone"), k.say("onsite.gone.why"))
        return frame(state, k, title, "", scroll(gone), back=True)
    return frame(state, k, title, "", scroll(k.t(k.say("onsite.loading"), 16, color="ink-2")), back=True)


def _draft(state: State, k: Kit, desk: OnsiteDesk, id: str, part: str) -> ft.Control:
    check = desk.check
    title = k.say("onsite.title.amend" if desk.inspection.get("amends_id") else "onsite.title")
    sub = str(desk.inspection.get("code", ""))
    if state.wide:
        now = part if part in PARTS else _first(desk)
        room = state.width - 92 - LIST
        content = below_finder(check.lens, scroll(*_content(state, k, desk, now, room - 32), key=f"part-{now}"))
        right = ft.Column([content, _foot(state, k, desk, now)], spacing=0, expand=True,
                          horizontal_alignment=ft.CrossAxisAlignment.STRETCH)  # fmt: skip
        edge = ft.Border.only(right=ft.BorderSide(k.stroke, k["line"]))
        body = ft.Row(
            [ft.Container(scroll(*_rows(state, k, desk, id, now), spacing=4), width=LIST, border=edge), ft.Container(right, expand=True)],
            spacing=0, expand=True, vertical_alignment=ft.CrossAxisAlignment.STRETCH,
        )  # fmt: skip
        return frame(state, k, title, sub, body, back=True)
    if part not in PARTS:
        body = scroll(*_missing(state, k, desk), *_rows(state, k, desk, id, ""), spacing=4)
        return frame(state, k, title, sub, body, foot=_foot(state, k, desk, ""), back=True, tabs=False)
    body = below_finder(check.lens, scroll(*_content(state, k, desk, part, state.width - 32), key=f"part-{part}"))
    return frame(
        state, k, k.say(f"onsite.part.{part}"), sub, body, foot=_foot(state, k, desk, part), back=True, tabs=False
    )


def _first(desk: OnsiteDesk) -> str:
    """The first part something is missing in; signing where nothing is."""
    return next((p for p in PARTS if desk.lacks_of(p)), "sign")


def _content(state: State, k: Kit, desk: OnsiteDesk, part: str, room: float) -> list[ft.Control]:
    title = [ft.Semantics(header=True, content=k.t(k.say(f"onsite.part.{part}"), 22, True))] if state.wide else []
    return [*title, *_lacking(k, desk, part), *DRAW[part](state, k, desk, room)]


def _lacking(k: Kit, desk: OnsiteDesk, part: str) -> list[ft.Control]:
    """What is missing in this part, in words."""
    lacks = desk.lacks_of(part)
    if not lacks or part in ("found", "notices", "sign") or (part == "body" and not desk.body_open):
        return []  # there each is said where it is mended
    words = [k.of((x.zh, x.en)) for x in lacks[:4]]
    if len(lacks) > 4:
        words.append(k.say("onsite.lacks.more", n=len(lacks) - 4))
    return [k.judge("warn", I.ERROR_OUTLINE, k.say("onsite.lacks"), "\n".join(words))]


def _missing(state: State, k: Kit, desk: OnsiteDesk) -> list[ft.Control]:
    lacks = desk.lacks()
    if lacks or desk.signatures:
        return []
    return [k.judge("done", I.CHECK_CIRCLE_OUTLINE, k.say("onsite.sign.ready"))]


# --- the parts --------------------------------------------------------------------------------------------------------


def _rows(state: State, k: Kit, desk: OnsiteDesk, id: str, now: str) -> list[ft.Control]:
    return [_row(state, k, desk, id, part, part == now) for part in PARTS]


def _row(state: State, k: Kit, desk: OnsiteDesk, id: str, part: str, chosen: bool) -> ft.Control:
    name, (icon, color, word) = k.say(f"onsite.part.{part}"), _state(k, desk, part)
    inside = ft.Row(
        [strut(52), k.icon(PICTURES[part], 24, "ink-2"), column(k.t(name, 17, True), k.t(word, 14, color=color), expand=True),
         k.icon(icon, 22, color)], spacing=10,
    )  # fmt: skip
    move = state.replace if state.wide or state.args.get("part") else state.go
    return tappable(k, inside, f"{name} {word}", call(state, _to, state, desk, move, id, part), chosen, padding=4)


def _state(k: Kit, desk: OnsiteDesk, part: str) -> tuple[Any, str, str]:
    """Icon, colour and words of how far a part is."""
    lacks = desk.lacks_of(part)
    if part == "sign":
        signers = desk.signers()
        n = sum(desk.signature(s) is not None for s in signers)
        if n:
            done = not desk.unsigned()
            return (I.CHECK_CIRCLE if done else I.RADIO_BUTTON_UNCHECKED), ("done" if done else "ink-2"), k.say(
                "onsite.state.signed", n=n, all=len(signers))  # fmt: skip
        if desk.lacks():
            return I.LOCK_OUTLINE, "ink-2", k.say("onsite.state.wait")
        return I.RADIO_BUTTON_UNCHECKED, "ink-2", k.say("onsite.state.signed", n=0, all=len(signers))
    if lacks:
        return I.ERROR_OUTLINE, "warn", k.say("onsite.state.lacks", n=len(lacks))
    if _empty(desk, part):
        return I.REMOVE, "ink-2", k.say("onsite.state.none")
    return I.CHECK_CIRCLE, "done", k.say("onsite.state.done")


def _empty(desk: OnsiteDesk, part: str) -> bool:
    """Nothing is in it, and nothing is asked for."""
    if part == "sketch":
        return desk.sketch() is None
    return part in ("notices", "body") and not desk.inspection.get(part)


def _to(state: State, desk: OnsiteDesk, move: Callable[..., None], id: str, part: str) -> None:
    desk.check.lens.shut()
    move("onsite", id=id, part=part)


# --- the one button ---------------------------------------------------------------------------------------------------


def _foot(state: State, k: Kit, desk: OnsiteDesk, part: str) -> ft.Control:
    """The camera's own while it is open; signing where it is shown; else the next part that lacks something."""
    check = desk.check
    if check.lens.view is not None:
        return evidence.lens_bar(state, k, check)
    big: dict[str, Any] = {"h": 64, "size": 19, "expand": True}
    if part == "sign":
        return next_bar(k, *onsite_end.sign_buttons(state, k, desk, big))
    after = PARTS[PARTS.index(part) + 1 :] if part else PARTS
    to = next((p for p in after if desk.lacks_of(p)), None) or next(
        (p for p in PARTS if p != part and desk.lacks_of(p)), "sign"
    )
    move = state.replace if part or state.wide else state.go
    go = call(state, _to, state, desk, move, check.id, to)
    return next_bar(
        k, k.button(k.say("onsite.next", part=k.say(f"onsite.part.{to}")), go, "next", I.ARROW_FORWARD, **big)
    )
