"""One load: its code as large as the screen allows, who has signed and who comes next; its photos; voiding it before it leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import flet as ft
import flet.canvas as cv

from field_app.desks.loads import Load
from field_app.desks.trucks import Code
from field_app.kit import I, Kit, column
from field_app.pages.draw import polyline, stroke
from field_app.pages.photo import name_of
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll, tappable
from field_app.pages.trucks import chip, time_of, tonnes
from field_app.state import State
from schemas.rules.manifest import shown
from schemas.rules.manifest.join import Leg

SIDE = 336  # px beside the code on a tablet
ROLE = {
    "issued": "issued",
    "departed": "departed",
    "received": "received",
    "received_difference": "received",
    "rejected": "received",
}
QUIET = "#FFFFFF"  # round the code in every theme: a scanner needs its white edge


@page
def CodePage(state: State, k: Kit):
    desk, _ = ft.use_state(state.trucks)
    manifest = str(state.args.get("manifest", ""))
    large, set_large = ft.use_state(False)

    async def start() -> None:
        if manifest:
            await desk.show(manifest)

    ft.use_effect(guard(state, start), [state.book, manifest])
    code: Code | None = desk.code if desk.code is not None and desk.code.load.id == manifest else None
    if code is None:
        return frame(state, k, k.say("code.title.done"), "", scroll(*missing(k, desk.missing == manifest)), back=True)
    load = code.load
    title = k.say(
        {"issued": "code.title", "departed": "code.title.next", "in_transit": "code.title.next"}.get(
            load.state, "code.title.done"
        )
    )
    sub = " · ".join(x for x in (shown(load.number), load.plate if state.wide else "") if x)
    if large and code.png:
        return frame(
            state, k, title, sub, enlarged(state, k, code, lambda: set_large(False)), back=True, tabs=False, safe=False
        )
    grow = call(state, set_large, True)
    if not state.wide:
        body = scroll(top(k, load, state.now()), *picture(state, k, code, min(state.width - 32, max(state.height * 0.46, 300)), grow),
                      *facts(state, k, code), spacing=14)  # fmt: skip
        return frame(state, k, title, sub, body, foot=foot(state, k, code), back=True, tabs=False)
    tall = state.height - 60 - 56 - 120
    left = ft.Container(
        ft.Column(picture(state, k, code, min(tall, state.width - 92 - SIDE - 60), grow), spacing=14, alignment="center",
                  horizontal_alignment="center"), expand=True, alignment=ft.Alignment.CENTER)  # fmt: skip
    right = ft.Column([scroll(this(k, load), *facts(state, k, code)), foot(state, k, code)], spacing=0, expand=True,
                      horizontal_alignment=ft.CrossAxisAlignment.STRETCH)  # fmt: skip
    edge = ft.Border.only(left=ft.BorderSide(k.stroke, k["line"]))
    body = ft.Row([left, ft.Container(right, width=SIDE, border=edge)], spacing=0, expand=True,
                  vertical_alignment=ft.CrossAxisAlignment.STRETCH)  # fmt: skip
    return frame(
        state, k, title, sub, body, back=True, right=[ft.Container(chip(k, load), padding=ft.Padding.only(right=8))]
    )


def missing(k: Kit, sure: bool) -> list[ft.Control]:
    if not sure:
        return [k.t(k.say("trucks.loading"), 16, color="ink-2")]
    return [k.card(k.t(k.say("code.gone"), 20, True), k.t(k.say("code.gone.why"), 16, color="ink-2"))]


def top(k: Kit, load: Load, now: datetime) -> ft.Control:
    net = k.say("code.net.t", t=tonnes(load.trip.net_out_t, k))
    return ft.Row(
        [column(k.t(load.plate or shown(load.number), 26, True, h=1.2),
                k.t(" · ".join(x for x in (net, load.lot) if x), 15, color="ink-2"), expand=True), chip(k, load)],
        spacing=10,
    )  # fmt: skip


def this(k: Kit, load: Load) -> ft.Control:
    """On a tablet beside the code."""
    way = f"{load.lot} → {load.receiver}" if load.lot and load.receiver else load.lot or load.receiver
    return k.card(
        k.t(k.say("code.this"), 15, True, "ink-2"),
        k.val(tonnes(load.trip.net_out_t, k), f"t {k.say('code.net')}", 44, unit_size=18), k.t(way, 16, color="ink-2"), spacing=2,
    )  # fmt: skip


def picture(state: State, k: Kit, code: Code, size: float, grow: Callable[..., Any]) -> list[ft.Control]:
    """The code with its white edge; nothing to show where no signed leg is here. A tap makes it as large as the screen."""
    if not code.png:
        if code.load.state in ("issued", "departed", "in_transit", "arrived"):
            return [k.judge("unsure", I.HELP_OUTLINE, k.say("code.none"), k.say("code.none.why"))]
        return []
    if code.load.state == "voided":
        return [k.judge("warn", I.BLOCK, k.say("load.voided"))]
    image = ft.Image(src=code.png, width=size - 6, height=size - 6, fit=ft.BoxFit.CONTAIN, filter_quality=ft.FilterQuality.NONE,
                     gapless_playback=True)  # fmt: skip
    label = k.say("code.picture", no=shown(code.load.number))
    white = ft.Container(
        ft.Semantics(label=label, button=True, exclude_semantics=True, content=image), bgcolor=QUIET, border=k.edge(), border_radius=16,
        width=size, height=size, alignment=ft.Alignment.CENTER, on_click=grow,
    )  # fmt: skip
    return [ft.Row([white], alignment=ft.MainAxisAlignment.CENTER),
            k.t(k.say("code.offline"), 15, color="ink-2", text_align=ft.TextAlign.CENTER)]  # fmt: skip


def enlarged(state: State, k: Kit, code: Code, shut: Callable[[], None]) -> ft.Control:
    size = min(state.width - 8, state.height - 150)
    image = ft.Image(
        src=code.png,
        width=size,
        height=size,
        fit=ft.BoxFit.CONTAIN,
        filter_quality=ft.FilterQuality.NONE,
        gapless_playback=True,
    )
    less = k.button(k.say("code.small"), call(state, shut), "plain", I.FULLSCREEN_EXIT, expand=True)
    whole = ft.Container(
        ft.Semantics(label=k.say("code.picture", no=shown(code.load.number)), image=True, container=True, content=image), bgcolor=QUIET,
        expand=True, alignment=ft.Alignment.CENTER,
    )  # fmt: skip
    return ft.Column(
        [whole, next_bar(k, less)], spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH
    )


# --- who signed, who comes next ---------------------------------------------------------------------------------------


def facts(state: State, k: Kit, code: Code) -> list[ft.Control]:
    load, now = code.load, state.now()
    rows = [hand(state, k, code, leg, now) for leg in load.story.steps]
    rows += [waiting(k, code, kind, now) for kind in coming(load)]
    out: list[ft.Control] = [k.card(k.t(k.say("code.hands"), 15, True, "ink-2"), *rows, spacing=12)]
    out += [k.judge("unsure" if q.waits else "alert", I.HELP_OUTLINE if q.waits else I.ERROR_OUTLINE, k.of((q.zh, q.en)))
            for q in load.questions]  # fmt: skip
    if load.state == "issued" and state.trucks.writes and load.known:
        out += before(state, k, code)
    return out


def coming(load: Load) -> list[str]:
    """Whose signatures are still to come, in their order."""
    if load.state == "issued":
        return ["departed", "received"]
    return ["received"] if load.state in ("departed", "in_transit", "arrived") else []


def dot(k: Kit, there: bool, color: str) -> ft.Control:
    if there:
        return ft.Container(ft.Icon(I.CHECK, size=18, color=k["surface"]), width=28, height=28, border_radius=14, bgcolor=k[color],
                            alignment=ft.Alignment.CENTER)  # fmt: skip
    ring = cv.Circle(14, 14, 12.5, stroke(k["ink-2"], 2, [4, 4]))
    hands = polyline(stroke(k["ink-2"], 2), (14, 8), (14, 14.5), (18, 14.5))
    return cv.Canvas([ring, hands], width=28, height=28)


def hand(state: State, k: Kit, code: Code, leg: Leg, now: datetime) -> ft.Control:
    """One signed leg: who, when, what."""
    record = leg.record
    role = ROLE.get(record.kind)
    word = (
        k.say(f"code.role.{role}")
        if role in ("issued", "departed") or record.kind == "received"
        else k.of(_kind(record.kind))
    )
    who = record.who_name or (leg.key.name if leg.key else "") or code.names.org(record.org_id)
    witness = (
        next((s.name for s in record.signatures if s.role == "supervisor" and s.way == "signed"), "")
        if record.kind == "issued"
        else ""
    )
    line = k.say("code.step", role=word, who=who) + (k.say("code.with", name=witness) if witness else "")
    parts = [k.say("code.at", at=time_of(record.at, now, k.lang))]
    if record.weight:
        net = sum((w.gross_t - w.tare_t for w in record.weight), start=record.weight[0].gross_t * 0)
        parts.append(k.say("code.net.t", t=f"{net:.2f}"))
    if (record.way or "own") != "own":
        parts.append(k.say(f"code.way.{record.way}"))
    below = [k.t(" · ".join(parts), 14, color="ink-2")]
    color = "done"
    if leg.worth in ("unsure", "unsigned"):
        color = "unsure"
        below.append(k.t(k.say("code.unsure" if leg.worth == "unsure" else "code.unsigned"), 14, True, "unsure"))
    return ft.Row([dot(k, True, color), column(k.t(line, 17, True), *below, expand=True)], spacing=12,
                  vertical_alignment=ft.CrossAxisAlignment.START)  # fmt: skip


def _kind(kind: str) -> Any:
    from schemas.reference import codes

    return codes("leg_kind").get(kind)


def waiting(k: Kit, code: Code, kind: str, now: datetime) -> ft.Control:
    load = code.load
    who = str(load.values.get("driver_name") or "") if kind == "departed" else load.receiver
    line = " · ".join(x for x in (k.say(f"code.role.{kind}"), who) if x)
    if kind == "received" and load.due is not None and load.state != "issued":
        why = k.say("code.wait.due", at=time_of(load.due, now, k.lang))
    else:
        why = k.say(f"code.wait.{kind}")
    return ft.Row([dot(k, False, "planned"), column(k.t(line, 17, True), k.t(why, 14, color="ink-2"), expand=True)], spacing=12,
                  vertical_alignment=ft.CrossAxisAlignment.START)  # fmt: skip


# --- before it leaves -------------------------------------------------------------------------------------------------


def before(state: State, k: Kit, code: Code) -> list[ft.Control]:
    """Photos that are still missing, the driver without a device, and the way to void it."""
    loading = state.trucks.loading
    out: list[ft.Control] = []
    if loading is not None and loading.id == code.load.id:
        lacking = [s.step for s in loading.slots() if s.lacking]
        all_ = sum(s.least for s in loading.slots())
        what = ("、" if k.lang == "zh" else ", ").join(name_of(k, s) for s in lacking)
        text = k.say("code.photos", n=all_ - len(lacking), all=all_)
        why = k.say("code.photos.why", what=what) if lacking else k.say("code.photos.done")
        icon, color = (I.PHOTO_CAMERA_OUTLINED, "warn") if lacking else (I.CHECK_CIRCLE_OUTLINE, "done")
        row = ft.Row([k.icon(icon, 24, color), column(k.t(text, 17, True), k.t(why, 14, color="ink-2"), expand=True),
                      k.icon(I.CHEVRON_RIGHT, 24, "ink-2")], spacing=10)  # fmt: skip
        go = call(state, lambda: state.go("shots", manifest=code.load.id))
        out.append(
            ft.Container(tappable(k, row, f"{text} {why}", go), bgcolor=k["surface"], border=k.edge(), border_radius=16)
        )
    if code.text:
        out.append(k.button(k.say("code.beside"), call(state, beside, state, code), "plain", I.DRAW_OUTLINED, size=16))
    out.append(
        k.button(
            k.say("code.void"), call(state, lambda: state.go("void", manifest=code.load.id)), "plain", I.BLOCK, size=16
        )
    )
    return out


def beside(state: State, code: Code) -> None:
    """The driver signs here by hand: the page of the next step, for somebody who has no device."""
    state.go("leg")
    state.handing.show(code.text, "own")
    state.handing.choose("departed")
    state.handing.choose_way("beside")
    state.handing.put(who=str(code.load.values.get("driver_name") or ""))


def foot(state: State, k: Kit, code: Code) -> ft.Control | None:
    """What comes next from the other phone."""
    if not code.load.on_the_way or not code.png:
        return ft.Container() if state.wide else None
    word = k.say("code.answer" if code.load.state == "issued" else "code.answer.next")
    scan = call(state, lambda: state.go("scan"))
    return next_bar(k, k.button(word, scan, "next", I.QR_CODE_SCANNER, h=64, size=19, expand=True))
