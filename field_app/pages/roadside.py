"""A check on the road, without a network: genuine or not, who signed, what is loaded, another open manifest as far as known."""

from __future__ import annotations

from typing import Any

import flet as ft

from field_app.desks.handing import Handing
from field_app.desks.legging import number, weights_out
from field_app.desks.reckoning import Around, Reading
from field_app.form import box
from field_app.kit import I, Kit
from field_app.pages.finder import below_finder
from field_app.pages.leg import notes, nothing
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll, two_panes
from field_app.pages.step import shot
from field_app.pages.verdict import legs_card, load_card, verdict, when
from field_app.state import State
from schemas.rules.manifest.numbers import shown


@page
def RoadsidePage(state: State, k: Kit):
    desk, _ = ft.use_state(state.handing)
    ft.use_effect(guard(state, desk.resume), [])
    reading = desk.reading
    if reading is None:
        return nothing(state, k, k.say("road.title"))
    around = desk.around
    load = load_card(state, k, reading, around, "" if state.wide else "brief")
    first = [verdict(state, k, reading), load, legs_card(state, k, reading, around)]
    rest: list[ft.Control] = []
    if around is not None:
        others = open_ones(state, k, reading, around)
        first.insert(1, others) if around.others else rest.append(others)
        rest += notes(state, k, reading, around)
    rest += seen(state, k, desk, reading)
    if not state.wide:  # what the inspector fills in first
        rest.append(load_card(state, k, reading, around, "rest"))
    body = two_panes(k, scroll(*first), scroll(*rest)) if state.wide else scroll(*first, *rest)
    body = below_finder(desk.lens, body)
    return frame(
        state, k, k.say("road.title"), k.say("road.sub"), body, foot=_foot(state, k, desk), back=True, tabs=False
    )


def open_ones(state: State, k: Kit, reading: Reading, around: Around) -> ft.Control:
    """Another manifest that is not ended, of this truck: never "none", since other devices may know of one."""
    heard = when(state, k, reading, around) or k.say("road.open.never")
    if not around.others:
        return k.judge("unsure", I.HELP_OUTLINE, k.say("road.open.none"), k.say("road.open.none.why", when=heard))
    numbers = ("、" if k.lang == "zh" else ", ").join(shown(x.number) for x in around.others)
    return k.judge("alert", I.ERROR_OUTLINE, k.say("road.open.some", n=len(around.others)),
                   k.say("road.open.some.why", numbers=numbers, when=heard))  # fmt: skip


def seen(state: State, k: Kit, desk: Handing, reading: Reading) -> list[ft.Control]:
    """What the inspector finds: the plate, the weight, a photo."""
    road, load = desk.road, reading.chain.load
    items: list[ft.Control] = [
        box(
            k,
            k.say("road.plate"),
            road.plate,
            guard(state, lambda e: desk.put_road(plate=e.control.value)),
            max_length=20,
            counter="",
        )
    ]
    if not road.plate.strip():
        same = call(state, lambda: desk.put_road(plate=load.plate))
        items.append(k.button(k.say("road.plate.same", plate=load.plate), same, "plain", I.CHECK, size=16))
    if road.plate.strip() and _plain(road.plate) != _plain(load.plate):
        items.append(
            k.judge("warn", I.WARNING_AMBER, k.say("road.plate.other"), k.say("road.plate.other.why", plate=load.plate))
        )
    weighed = guard(state, lambda e: desk.put_road(gross=e.control.value))
    items.append(box(k, k.say("road.gross"), road.gross, weighed, keyboard_type=ft.KeyboardType.NUMBER))
    gross, found = weights_out(reading.chain)[0], number(road.gross)
    if gross is not None and found is not None:
        text = f"{found - gross:+.2f}".replace("-", "−")
        over = abs(found - gross) > desk.tolerance().of(gross)
        items.append(k.judge("alert" if over else "done", I.SCALE, k.say("road.off", t=text)))
    if desk.fault is not None:
        items.append(k.judge("alert", I.ERROR_OUTLINE, k.of(desk.fault[0]), k.of(desk.fault[1])))
    items.append(shot(state, k, desk, "plate"))
    if not _may(state, reading):
        items.append(k.judge("warn", I.INFO_OUTLINE, k.say("road.may_not")))
    return [k.card(*items, spacing=12)]


def _plain(plate: str) -> str:
    return "".join(c for c in plate if c.isalnum()).casefold()


def _may(state: State, reading: Reading) -> bool:
    return bool(state.records.may_write("hand_over", reading.scope))


def _foot(state: State, k: Kit, desk: Handing) -> ft.Control | None:
    reading = desk.reading
    if reading is None:
        return None
    wide: dict[str, Any] = {"h": 64, "size": 19, "expand": True}
    scan = k.button(
        "", call(state, state.replace, "scan"), "plain", I.QR_CODE_SCANNER, h=64, name=k.say("leg.scan.other")
    )
    if desk.lens.view is not None:
        shoot = call(state, desk.shoot) if desk.lens.ready else None
        shut = k.button(
            "", call(state, desk.lens.shut), "plain", I.NO_PHOTOGRAPHY_OUTLINED, h=64, name=k.say("photo.shut")
        )
        word = k.say("photo.shoot", name=k.say("road.plate")) if shoot else k.say("photo.opening")
        return next_bar(k, shut, k.button(word, shoot, "next", I.PHOTO_CAMERA_OUTLINED, **wide))
    if not _may(state, reading):
        return next_bar(
            k, k.button(k.say("leg.scan.other"), call(state, state.replace, "scan"), "next", I.QR_CODE_SCANNER, **wide)
        )
    ready = bool(desk.road.plate.strip()) and not desk.busy
    word = k.say("road.record") if desk.road.plate.strip() else k.say("road.lacks")
    return next_bar(
        k, scan, k.button(word, call(state, desk.record_check) if ready else None, "next", I.EDIT_OUTLINED, **wide)
    )
