"""Readings: own keypad, one row per analyte, judged live against the site's limits with the figure and its source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft

from field_app.book import decimal
from field_app.kit import I, Kit, column, group, strut
from field_app.pages.draw import JUDGED, limit_bar
from field_app.pages.pad import Keypad, display, pad_height
from field_app.pages.shell import call, part, scroll, tappable
from field_app.state import State
from field_app.visit import DEPTH_STEP, Visit
from schemas.reference import CannotSay, analyte, codes
from schemas.rules.limits import Judgement, Limit, number, screening

EXCUSES = ("standard", "later", "compare")


def unit_name(k: Kit, unit: str) -> str:
    label = codes("unit").get(unit)
    return k.of(label) if label else unit


def name_of(k: Kit, parameter: str) -> str:
    known = analyte(parameter)
    if known is None or known.symbol != parameter:
        return parameter
    return f"{known.zh} {parameter}" if k.lang == "zh" else f"{parameter} {known.en}"


def instrument_name(visit: Visit) -> str:
    i = visit.instrument
    return (
        ""
        if i is None
        else f"{i.values['kind'].upper()} {i.values.get('model', '')} {i.values.get('serial_no', '')}".strip()
    )


def subtitle(k: Kit, state: State, visit: Visit) -> str:
    i = visit.instrument
    if i is None:
        return k.say("read.none")
    time = visit.book.calibrated(i.id, state.now())
    word = k.say("read.calibrated", time=time) if time else k.say("read.not_today")
    return f"{instrument_name(visit)} · {word}"


def limit_of(visit: Visit, parameter: str, unit: str) -> Limit | None:
    site = visit.book.site or {}
    if not site.get("standard") or unit == "ppm_ib":
        return None
    found = screening(
        parameter, site["standard"], unit=unit, land_use=site.get("land_use"), ph_band=site.get("ph_band")
    )
    return None if isinstance(found, CannotSay) else found


def cut(text: str) -> str:
    return f"<{group(text[1:])}" if text.startswith("<") else group(text)


@ft.component
def AnalyteRow(
    k: Kit, name: str, text: str, judged: Judgement | None, limit: Limit | None, here: bool, on_tap: Callable[[], Any]
):
    state = judged.state if judged else ""
    color = JUDGED[state][1] if state in ("above_screening", "above_intervention") else "ink"
    value = decimal(text) if text and not text.startswith("<") else None
    known = judged.limit if judged else limit
    size = 30 if here and len(text) <= 6 else 20
    line = ft.Row(
        [
            strut(52),
            ft.Container(k.t(name, 20, True, no_wrap=True), width=52 * k.scale),
            ft.Container(limit_bar(k, known, value, state), expand=True),
            # One width in all rows, else the limit lines would not stand under each other.
            ft.Container(ft.Text(cut(text) or "—", style=k.style(size, True, color, 1.1), no_wrap=True), width=104 * min(k.scale, 1.15), alignment=ft.Alignment.CENTER_RIGHT),
        ],
        spacing=10,
    )  # fmt: skip
    word = k.say(f"judge.{state}") if state else k.say("judge.wait", what="")
    return tappable(
        k, line, f"{name} {text or '—'} {word}", on_tap, here, ft.Padding.symmetric(horizontal=8, vertical=2)
    )


def rows(state: State, k: Kit, visit: Visit) -> ft.Control:
    out = []
    for parameter, unit in visit.parameters:
        tap = ft.use_callback(call(state, visit.pick, parameter), [visit.id, parameter])
        judged = visit.judged(parameter)
        out.append(
            ft.memo(AnalyteRow)(
                k,
                parameter,
                visit.text(parameter),
                judged,
                limit_of(visit, parameter, unit),
                parameter == visit.parameter,
                tap,
                key=parameter,
            )
        )
    return ft.Column(out, spacing=0, tight=True)


def judge_block(k: Kit, visit: Visit, most: int | None = None) -> ft.Control:
    parameter = visit.parameter
    unit = dict(visit.parameters).get(parameter, "mg_kg")
    judged, limit = visit.judged(parameter), limit_of(visit, parameter, unit)
    if judged is None:
        detail = ""
        if limit is not None:
            low = number(limit.screening)
            detail = (
                k.say("judge.limits", low=low, high=number(limit.intervention))
                if limit.intervention
                else k.say("judge.limit", low=low)
            )
            detail += f" {unit_name(k, unit)} · {k.of(limit.cite)}"
        return k.judge("planned", I.MORE_HORIZ, k.say("judge.wait", what=name_of(k, parameter)), detail, most=most)
    icon, color = JUDGED[judged.state]
    return k.judge(color, icon, k.of(judged.title), k.of(judged.detail), most=most)


def depth_row(state: State, k: Kit, visit: Visit) -> ft.Control:
    less = k.button("", call(state, visit.move, -1), "plain", I.REMOVE, w=64, pad=0, name=k.say("read.up"))
    more = k.button("", call(state, visit.move, 1), "plain", I.ADD, w=64, pad=0, name=k.say("read.down"))
    shown = ft.Column(
        [k.t(k.say("read.depth"), 14, True, "ink-2"), k.val(f"{visit.depth}", "m", 26, unit_size=16)],
        spacing=0, tight=True, horizontal_alignment=ft.CrossAxisAlignment.CENTER,
    )  # fmt: skip
    return ft.Row([less, shown, more], alignment=ft.MainAxisAlignment.SPACE_BETWEEN)


def shown_value(k: Kit, visit: Visit) -> ft.Control:
    unit = unit_name(k, dict(visit.parameters).get(visit.parameter, ""))
    return display(k, name_of(k, visit.parameter), cut(visit.text(visit.parameter)), unit)


def keypad(state: State, k: Kit, visit: Visit, width: float, height: float = 60) -> ft.Control:
    names = [p for p, _ in visit.parameters]
    at = names.index(visit.parameter) if visit.parameter in names else 0
    last = at == len(names) - 1
    deeper = visit.depth + DEPTH_STEP
    text = k.say("read.next", what=f"{deeper} m" if last else names[at + 1])
    on_key = ft.use_callback(lambda c: call(state, visit.key, c), [visit.id])
    go = ft.use_callback(call(state, visit.move, 1) if last else call(state, visit.next_parameter), [visit.id, last])
    return ft.memo(Keypad)(k, on_key, go, text, k.say("read.same"), ("nd", k.say("read.nd")), width, height)


def uncalibrated(state: State, k: Kit, visit: Visit) -> ft.Control:
    """Message 8: the pad comes only after a check, or a reason to go on without."""
    excuse = lambda text: call(state, visit.excuse, text)  # noqa: E731
    title = k.say("read.uncalibrated", name=instrument_name(visit))
    texts = {e: k.say(f"read.excuse.{e}") for e in EXCUSES}
    block = k.judge("warn", I.WARNING_AMBER, title, k.say("read.uncalibrated.why"))
    if visit.instrument is not None and state.records.may_make("calibration"):
        begin = call(state, lambda: state.records.begin("calibration", instrument_id=visit.instrument.id))
        block = column(block, k.button(k.say("read.calibrate"), begin, "soft", I.FACT_CHECK_OUTLINED), spacing=10)
    return column(block, k.choices(texts, None, lambda e: excuse(texts[e]), 1), spacing=10)


def swap(state: State, k: Kit, visit: Visit) -> list[ft.Control]:
    """In the title of a phone: the pad needs the height that the choice would take."""
    if len(visit.book.instruments) < 2:
        return []
    flip = call(state, lambda: visit.set_ui(choose=not visit.ui("choose")))
    return [k.icon_button(I.SWAP_HORIZ, k.say("read.instrument"), flip)]


def chooser(state: State, k: Kit, visit: Visit, always: bool = True) -> list[ft.Control]:
    if len(visit.book.instruments) < 2 or not (always or visit.ui("choose")):
        return []
    names = {i.id: f"{i.values['kind'].upper()} {i.values.get('model', '')}" for i in visit.book.instruments}
    now = visit.instrument.id if visit.instrument else None
    return [k.choices(names, now, lambda id: call(state, visit.use_instrument, id), min(3, len(names)))]


@part
def Phone(state: State, k: Kit, visit: Visit):
    ft.use_state(visit)
    if visit.instrument is None:
        return scroll(k.judge("warn", I.WARNING_AMBER, k.say("read.none"), k.say("read.none.why")))
    if visit.uncalibrated():
        return scroll(*chooser(state, k, visit), uncalibrated(state, k, visit))
    width = min(state.width - 32, 480)
    height = pad_height(state.height)
    body = scroll(
        *chooser(state, k, visit, always=False),
        depth_row(state, k, visit),
        rows(state, k, visit),
        k.t(k.say("read.legend"), 13, color="ink-2"),
        spacing=6,
        padding=ft.Padding.only(left=16, right=16, top=8, bottom=4),
    )
    pinned = ft.Container(
        column(judge_block(k, visit, 3 if k.scale < 1.2 else 2), keypad(state, k, visit, width, height), spacing=8),
        padding=ft.Padding.only(left=16, right=16, top=4, bottom=10),
    )
    return ft.Column([ft.Container(body, expand=True), pinned], spacing=0, expand=True, horizontal_alignment="stretch")


@part
def Tablet(state: State, k: Kit, visit: Visit):
    ft.use_state(visit)
    if visit.instrument is None:
        return scroll(k.judge("warn", I.WARNING_AMBER, k.say("read.none"), k.say("read.none.why")))
    if visit.uncalibrated():
        return scroll(*chooser(state, k, visit), uncalibrated(state, k, visit))
    head = ft.Row(
        [column(k.t(k.say("read.count", n=len(visit.readings)), 20, True), k.t(subtitle(k, state, visit), 13, color="ink-2"), expand=True),
         ft.Container(depth_row(state, k, visit), width=240)], spacing=8)  # fmt: skip
    middle = scroll(
        *chooser(state, k, visit),
        head,
        rows(state, k, visit),
        judge_block(k, visit),
        k.t(k.say("read.legend"), 13, color="ink-2"),
        padding=ft.Padding.symmetric(vertical=12, horizontal=14),
    )
    go = k.button(
        k.say("read.go_depth", depth=visit.depth + DEPTH_STEP),
        call(state, visit.move, 1),
        "plain",
        I.ARROW_FORWARD,
        expand=True,
    )
    pad = ft.Container(
        ft.Column([shown_value(k, visit), keypad(state, k, visit, 280), ft.Container(expand=True), ft.Row([go])], spacing=12, horizontal_alignment="stretch"),
        width=312, bgcolor=k["sunken"], padding=ft.Padding.symmetric(vertical=12, horizontal=16),
        border=ft.Border.only(left=ft.BorderSide(2, "#000000")) if k.sun else None,
    )  # fmt: skip
    return ft.Row([ft.Container(middle, expand=True), pad], spacing=0, expand=True, vertical_alignment="stretch")


def pane(state: State, k: Kit, visit: Visit) -> tuple[ft.Control, ft.Control | None]:
    return Phone(visit), None


def wide_pane(state: State, k: Kit, visit: Visit) -> ft.Control:
    return Tablet(visit)
