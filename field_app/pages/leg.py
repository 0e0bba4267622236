"""One load whose code was read: what it is worth, what it is, and the one step that is to be signed."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.desks.handing import Handing
from field_app.desks.reckoning import OLD_H, Around, Reading, age_h
from field_app.kit import I, Kit
from field_app.pages.finder import below_finder
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll, two_panes
from field_app.pages.step import Step, aim_of, other_ways
from field_app.pages.verdict import kind_name, legs_card, load_card, verdict
from field_app.state import State
from field_app.words import clock
from schemas.rules.manifest.numbers import shown


@page
def LegPage(state: State, k: Kit):
    desk, _ = ft.use_state(state.handing)
    ft.use_effect(guard(state, desk.resume), [])
    reading = desk.reading
    if reading is None:
        return nothing(state, k, k.say("leg.title"))
    around = desk.around
    stands_in = desk.draft is not None and desk.draft.way != "own"
    first = [verdict(state, k, reading), *notes(state, k, reading, around, stands_in)]
    rest: list[ft.Control] = [legs_card(state, k, reading, around)]
    step = around is not None and desk.draft is not None and bool(around.steps or stands_in)
    if step and not state.wide:  # what is to be done before what is only to be read: it would be below the fold
        first += [load_card(state, k, reading, around, "brief"), Step()]
        rest.append(load_card(state, k, reading, around, "rest"))
    else:
        first.append(load_card(state, k, reading, around))
        rest += [Step()] if step else []
    if around is not None:
        if desk.fault is not None:
            first.insert(0, k.judge("alert", I.ERROR_OUTLINE, k.of(desk.fault[0]), k.of(desk.fault[1])))
        if reading.belongs and reading.judged.worth != "forged":
            rest.append(other_ways(state, k, desk))
    sub = f"{shown(reading.chain.load.number)} · {reading.chain.load.plate}"
    body = two_panes(k, scroll(*first), scroll(*rest)) if state.wide else scroll(*first, *rest)
    body = below_finder(desk.lens, body)
    return frame(state, k, k.say("leg.title"), sub, body, foot=foot(state, k, desk), back=True, tabs=False)


def nothing(state: State, k: Kit, title: str) -> ft.Control:
    go = k.button(k.say("leg.scan"), call(state, state.replace, "scan"), "next", I.QR_CODE_SCANNER, h=64, size=19)
    card = k.card(k.t(k.say("leg.none"), 20, True), k.t(k.say("leg.none.why"), 16, color="ink-2"), go, spacing=10)
    return frame(state, k, title, "", scroll(card), back=True)


def notes(state: State, k: Kit, reading: Reading, around: Around | None, stands_in: bool = False) -> list[ft.Control]:
    """What is said besides: an old code, one that was read before, another chain, signatures that were kept. stands_in: somebody
    else signs here, who is not told what the device's own person has signed."""
    out: list[ft.Control] = []

    def say(color: str, icon: Any, key: str, title: dict[str, object] | None = None, **words: object) -> None:
        out.append(k.judge(color, icon, k.say(key, **(title or {})), k.say(f"{key}.why", **words)))

    if not reading.belongs:
        say("warn", I.INFO_OUTLINE, "leg.foreign")
    if around is None:
        return out
    if around.forked:
        say("clash", I.CALL_SPLIT, "leg.forked")
    if around.older:
        say("warn", I.HISTORY, "leg.older")
    elif around.kept:
        say("done", I.CHECK_CIRCLE_OUTLINE, "leg.kept")
    elif around.seen_before is not None and not stands_in:
        say("active", I.HISTORY, "leg.again", time=clock(k.lang, around.seen_before, state.now()))
    hours = age_h(reading, state.now())
    if hours >= OLD_H and reading.judged.worth != "forged" and around.story.next:
        say("warn", I.SCHEDULE, "leg.old", {"n": hours})
    for q in around.story.contradictions if reading.judged.worth != "forged" else ():
        out.append(k.judge("clash", I.HELP_OUTLINE, k.of((q.zh, q.en))))
    if around.signed and not stands_in:
        names = "、".join(kind_name(k, s) for s in around.signed) if k.lang == "zh" else ", ".join(
            kind_name(k, s) for s in around.signed)  # fmt: skip
        out.append(k.judge("active", I.DRAW_OUTLINED, k.say("leg.mine", steps=names)))
    if (
        reading.belongs
        and not reading.inspects
        and not around.steps
        and not stands_in
        and reading.judged.worth != "forged"
    ):
        out.append(k.judge("active", I.INFO_OUTLINE, k.say("leg.nothing"),
                           k.say("leg.nothing.why", state=k.say(f"leg.state.{around.story.state}"))))  # fmt: skip
    return out


def foot(state: State, k: Kit, desk: Handing) -> ft.Control | None:
    """One filled button: the photo that is missing, else signing; where nothing is to be signed, the code or the next one."""
    reading, around, draft = desk.reading, desk.around, desk.draft
    wide: dict[str, Any] = {"h": 64, "size": 19, "expand": True}
    if reading is None or around is None:
        return None
    scan = call(state, state.replace, "scan")
    other = k.button("", scan, "plain", I.QR_CODE_SCANNER, h=64, name=k.say("leg.scan.other"))
    signable = draft is not None and (around.steps or draft.way != "own") and reading.judged.worth != "forged"
    if not signable or around.older:
        manifest = reading.chain.load.manifest
        known = around.kept or around.older or around.seen_before is not None or around.signed
        if known and reading.judged.worth != "forged":
            code = k.button(k.say("leg.code"), call(state, _code, state, manifest), "next", I.QR_CODE_2, **wide)
            return next_bar(k, other, code)
        return next_bar(k, k.button(k.say("leg.scan.other"), scan, "next", I.QR_CODE_SCANNER, **wide))
    if desk.busy:
        return next_bar(k, k.button(k.say("leg.signing"), None, "next", **wide))
    if desk.lens.view is not None:
        shut = k.button(
            "", call(state, desk.lens.shut), "plain", I.NO_PHOTOGRAPHY_OUTLINED, h=64, name=k.say("photo.shut")
        )
        word = k.say("leg.photo.shoot", name=aim_of(k, desk.aim)) if desk.lens.ready else k.say("photo.opening")
        shoot = call(state, desk.shoot) if desk.lens.ready else None
        return next_bar(k, shut, k.button(word, shoot, "next", I.PHOTO_CAMERA_OUTLINED, **wide))
    lacks = [x for x in desk.lacks() if not x.cannot]
    missing = {"cover_photo": "cover", "paper_photo": "document"}
    if step := next((missing[x.code] for x in lacks if x.code in missing), None):
        key = "leg.photo" if desk.lens.there else "leg.photo.file"
        go = k.button(
            k.say(key, name=aim_of(k, step)), call(state, desk.aim_at, step), "next", I.PHOTO_CAMERA_OUTLINED, **wide
        )
        return next_bar(k, other, go)
    assert draft is not None
    kind = draft.final_kind(desk.difference())
    return next_bar(
        k, other, k.button(k.say(f"leg.do.{kind}"), call(state, desk.sign), "next", I.DRAW_OUTLINED, **wide)
    )


def _code(state: State, manifest: str) -> None:
    state.replace("code", manifest=manifest)
