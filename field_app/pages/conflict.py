"""A conflict: two values at equal size, whose they are, and a decision with its reason. It suggests nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import flet as ft

from field_app import words
from field_app.desks.clash import Clash, Side
from field_app.form.draw import box
from field_app.form.said import said
from field_app.kit import I, Kit, column
from field_app.pages.shell import call, frame, guard, next_bar, page, scroll
from field_app.state import State
from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.reference import codes

REASONS = ("site", "typo", "instrument", "label")
BIG = 34  # a value alone
CHOICES = ("take_after", "keep_now")


def called(c: Clash) -> Any:
    return lambda type, id: c.names.get((type, id), id[-6:])


def figures(state: State, k: Kit, c: Clash, values: dict[str, Any]) -> list[ft.Control]:
    """One field as large as it gets, several with their labels. A position's accuracy stands with it."""
    known = fields_of(TYPES[c.type]) if c.type in TYPES else {}
    out: list[ft.Control] = []
    for name, value in values.items():
        f = known.get(name)
        text = said(k, f, value, called(c), state.now())
        short = len(values) == 1 and len(text) <= 14
        shown = k.t(text, BIG if short else 19, True, h=1.15)
        if len(values) == 1:
            out.append(shown)
        else:
            out.append(column(k.t(k.of((f.spec.zh, f.spec.en)) if f else name, 14, color="ink-2"), shown))
        kind = value.get("fix_kind") if isinstance(value, dict) else None
        if kind in codes("fix_kind"):
            out.append(k.t(k.of(codes("fix_kind")[kind]), 15, color="ink-2"))
    return out


def whose(state: State, k: Kit, c: Clash, side: Side) -> str:
    hand = side.hand
    if hand is None:
        return k.say("clash.several") if c.told else k.say("clash.unknown")
    device = k.say("clash.device", code=hand.device_code) if hand.device_code else k.say("clash.console")
    at = words.clock(k.lang, datetime.fromisoformat(hand.at), state.now())
    return " · ".join(w for w in (hand.person_name, device, at) if w)


def side_card(state: State, k: Kit, c: Clash, choice: str) -> ft.Control:
    side = c.after if choice == "take_after" else c.now
    name = "clash.now" if choice == "keep_now" else "clash.after.mine" if side.mine else "clash.after"
    on = state.centre.given.get("choice") == choice and c.decides
    head: list[ft.Control] = [k.t(k.say(name), 15, True, "ink-2", expand=True)]
    if on:
        head.append(k.chip(I.CHECK, k.say("clash.pick"), "clash"))
    before = dict(c.before) if c.before.keys() == side.values.keys() else {}
    known = fields_of(TYPES[c.type]) if c.type in TYPES else {}
    from_ = [said(k, known.get(n), v, called(c), state.now()) for n, v in before.items() if v is not None]
    lines = [*figures(state, k, c, side.values), k.t(whose(state, k, c, side), 16, color="ink-2")]
    if from_:
        lines.append(k.t(k.say("clash.from", value=" · ".join(from_)), 14, color="ink-2"))
    body = column(ft.Row(head, spacing=8), *lines, spacing=6)
    label = "，".join([k.say(name), *(t for t in _texts(state, k, c, side))])
    inner: ft.Control = ft.Semantics(label=label, button=c.decides, selected=on, exclude_semantics=True, content=body)
    edge = ft.Border.all(3, k["clash"]) if on else ft.Border.all(max(2, k.stroke), k["line-strong"])
    tap = call(state, lambda: state.centre.give(choice=choice)) if c.decides and c.choice is None else None
    return ft.Container(
        inner, bgcolor=k["surface"], border=edge, border_radius=16, padding=16, on_click=tap, ink=tap is not None
    )


def _texts(state: State, k: Kit, c: Clash, side: Side) -> list[str]:
    known = fields_of(TYPES[c.type]) if c.type in TYPES else {}
    return [
        *(said(k, known.get(n), v, called(c), state.now()) for n, v in side.values.items()),
        whose(state, k, c, side),
    ]


def helps(k: Kit, c: Clash) -> list[ft.Control]:
    """Circumstances, no advice."""
    facts = [
        *(
            [k.say("clash.apart", m=f"{c.apart_m:.2f}" if c.apart_m < 10 else f"{c.apart_m:.0f}")]
            if c.apart_m is not None
            else []
        ),
        *([k.say("clash.by_instrument", name=c.instrument)] if c.instrument else []),
    ]
    if not facts:
        return []
    return [k.card(k.t(k.say("clash.facts"), 15, True, "ink-2"), *(k.t(f, 16) for f in facts))]


def reasons(state: State, k: Kit) -> ft.Control:
    now = state.centre.given.get("reason", "")
    pairs = {r: k.say(f"clash.because.{r}") for r in REASONS}
    chosen = next((r for r, text in pairs.items() if text == now), None)
    chips = k.choices(
        pairs,
        chosen,
        lambda r: call(state, lambda: state.centre.give(reason=pairs[r])),
        1 if k.lang == "en" and k.scale > 1 else 2,
    )
    own = "" if chosen else now
    typed = box(
        k,
        k.say("clash.other"),
        own,
        guard(state, lambda e: state.centre.give(reason=e.control.value)),
        multiline=True,
        min_lines=1,
        max_lines=4,
        max_length=2000,
        counter="",
    )
    return ft.Column(
        [k.t(k.say("clash.reason"), 17, True), chips, typed],
        spacing=8,
        tight=True,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )


def connection(state: State, k: Kit, c: Clash) -> list[ft.Control]:
    centre = state.centre
    if centre.asking:
        return [k.judge("active", I.SYNC, k.say("clash.asking"))]
    t = centre.trouble
    if t is None:
        return []
    again = k.button(k.say("clash.try"), call(state, centre.ask), "plain", I.SYNC)
    title = k.say("clash.offline") if c.decides else t.text(k.lang)
    why = k.say("clash.offline.why") if t.problem.number == 5004 else k.of((t.problem.remedy_zh, t.problem.remedy_en))
    if c.decides and t.problem.number != 5004:
        why = f"{t.text(k.lang)}。{why}"
    return [k.judge("unsure", I.CLOUD_OFF_OUTLINED, title, why, again)]


@page
def ConflictPage(state: State, k: Kit):
    ft.use_state(state.centre)
    id = state.args.get("id", "")
    centre = state.centre
    ft.use_effect(call(state, centre.open_clash, id), [id])
    c = centre.clash
    title = k.say("clash.title")
    if c is None or c.id != id or c.choice is not None:
        asked = centre.given.get("id") == id and not centre.asking and (c is None or c.choice is not None)
        block = (
            k.judge("done", I.CHECK_CIRCLE_OUTLINE, k.say("clash.gone"), k.say("clash.gone.why"))
            if asked
            else ft.Container()
        )
        return frame(state, k, title, k.of(c.what) if c else "", scroll(block), back=True)
    cards = [side_card(state, k, c, choice) for choice in CHOICES]
    if state.wide:
        pair: ft.Control = ft.Row(
            [ft.Container(x, expand=1) for x in cards], spacing=10, vertical_alignment=ft.CrossAxisAlignment.START
        )
    else:
        pair = ft.Column(cards, spacing=12, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    question = column(
        k.t(k.say("clash.which", what=k.of(c.what), field=k.of(c.field)), 20, True),
        k.t(k.say("clash.kept"), 14, color="ink-2"),
        spacing=4,
    )
    items: list[ft.Control] = [question, pair, *helps(k, c), *connection(state, k, c)]
    if not c.decides:
        items.append(
            k.judge(
                "clash", I.CALL_SPLIT, k.say("clash.admin" if c.home else "clash.manager"), k.say("clash.manager.why")
            )
        )
        foot = next_bar(
            k, k.button(k.say("back"), guard(state, lambda _: state.back()), "next", h=64, size=19, expand=True)
        )
        return frame(state, k, title, k.of(c.what), scroll(*items), foot=foot, back=True)
    items.append(reasons(state, k))
    chosen = centre.given.get("choice")
    said_ = k.say("busy") if state.busy == "decide" else k.say(f"clash.{chosen}") if chosen else k.say("clash.choose")
    ready = centre.ready and not state.busy
    go = k.button(
        said_,
        call(state, centre.decide) if ready else None,
        "next",
        I.CHECK if ready else None,
        h=64,
        size=18,
        expand=True,
    )
    leave = k.button(k.say("clash.leave"), guard(state, lambda _: state.back()), "plain", h=64)
    return frame(state, k, title, k.of(c.what), scroll(*items), foot=next_bar(k, leave, go), back=True)
