"""Plate and weight of the next truck: what is tapped and typed for every load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft

from field_app.desks.issuing import Issuing
from field_app.desks.sending import Truck
from field_app.form import box
from field_app.kit import I, Kit, column
from field_app.pages.pad import Keypad, pad_height
from field_app.pages.shell import call, guard, tappable, width_of
from field_app.state import State
from field_app.words import clock

FEW = 3  # plates shown at once


def step(k: Kit, n: int, text: str) -> ft.Control:
    dot = ft.Container(k.t(str(n), 14, True, "surface", h=1.1), width=26, height=26, border_radius=13, bgcolor=k["ink"],
                       alignment=ft.Alignment.CENTER)  # fmt: skip
    return ft.Row([dot, k.t(text, 16, True, "ink-2", expand=True)], spacing=8)


# --- 1 the plate ------------------------------------------------------------------------------------------------------


def plates(
    state: State, k: Kit, desk: Issuing, opened: str, set_opened: Callable[[str], None], wide: float
) -> list[ft.Control]:
    trucks, chosen = desk.sending.trucks, desk.truck
    recent = any(t.recent for t in trucks)
    more = opened == "plates"
    first = [*trucks[:FEW]]
    if chosen is not None and chosen not in first:
        first = [chosen, *first[: FEW - 1]] if not more else first
    shown_: list[Truck] = list(trucks) if more else first
    if more and chosen is not None and chosen not in shown_:
        shown_ = [chosen, *shown_]
    columns = 4 if wide >= 560 and k.scale < 1.2 else 2
    room = (wide - 32 - 8 * (columns - 1)) / columns

    def pick(id: str) -> None:
        desk.choose(id)
        if more:  # the weight comes up again
            set_opened("")

    tiles = [plate(state, k, t, chosen is not None and t.id == chosen.id, room, pick) for t in shown_]
    rest = len(trucks) - len(first)
    word = k.say("issue.fewer") if more else k.say("issue.more", n=rest) if rest > 0 else k.say("issue.plate.other")
    tiles.append(
        k.button(word, call(state, set_opened, "" if more else "plates"), "plain", size=16, pad=6, expand=1, radius=14)
    )
    rows = []
    for at in range(0, len(tiles), columns):
        row = tiles[at : at + columns]
        rows.append(ft.Row([*row, *(ft.Container(expand=1) for _ in range(columns - len(row)))], spacing=8))
    out = [step(k, 1, k.say("issue.step.plate" if recent else "issue.step.plate.plan")),
           ft.Column(rows, spacing=8, tight=True)]  # fmt: skip
    if more:
        out.append(typed(state, k, desk, set_opened))
    return out


def plate(state: State, k: Kit, truck: Truck, on: bool, room: float, pick: Callable[[str], None]) -> ft.Control:
    """A truck that is on the road, as far as known, says so."""
    name = truck.plate if not truck.open else f"{truck.plate}，{k.say('issue.plate.open')}"
    icon = I.LOCAL_SHIPPING if truck.open else None
    size = min(17.0, (room - 10 - (34 if icon else 0)) / (width_of(truck.plate, 1.05) * k.scale))  # on one line
    return k.button(truck.plate, call(state, pick, truck.id), "chosen" if on else "plain", icon, size=size, pad=2, expand=1, name=name,
                    radius=14)  # fmt: skip


def typed(state: State, k: Kit, desk: Issuing, set_opened: Callable[[str], None]) -> ft.Control:
    async def take() -> None:
        await desk.take_plate()
        if not desk.typed:  # found
            set_opened("")

    field = box(
        k, k.say("issue.plate.type"), desk.typed, guard(state, lambda e: desk.type_plate(e.control.value)), expand=True
    )
    use = k.button(k.say("issue.plate.take"), call(state, take), "soft", size=16)
    new = []
    if state.records.may_make("vehicle"):
        new = [k.button(k.say("issue.plate.register"), call(state, register, state, desk), "plain", I.ADD, size=16)]
    return column(ft.Row([field, use], spacing=8), *new, spacing=8)


def register(state: State, desk: Issuing) -> None:
    state.records.begin("vehicle", **({"plate": desk.typed} if desk.typed else {}))


# --- 2 the weight -----------------------------------------------------------------------------------------------------


def weight(state: State, k: Kit, desk: Issuing) -> list[ft.Control]:
    at = desk.weighed_at()
    title = k.say("issue.step.weight.at", at=f"{at:%H:%M}") if at and desk.gross else k.say("issue.step.weight")
    net = desk.net_t
    big = k.val(desk.gross or "—", "t", 44 if len(desk.gross) <= 6 else 34, unit_size=20)
    facts = {"tare": f"{desk.tare or '—'} t", "net": "—" if net is None else f"{net} t",
             "ticket": str(desk.own("ticket") or k.say("issue.ticket.none"))}  # fmt: skip
    side = [line(k, f"issue.{name}", value) for name, value in facts.items()]
    body = ft.Row([big, ft.Column(side, spacing=0, tight=True, expand=True, horizontal_alignment=ft.CrossAxisAlignment.END)],
                  alignment=ft.MainAxisAlignment.SPACE_BETWEEN, spacing=10)  # fmt: skip
    label = "，".join(
        f"{k.say(f'issue.{name}')} {value}" for name, value in {"gross": f"{desk.gross or '—'} t", **facts}.items()
    )
    card = ft.Container(
        tappable(k, ft.Container(body, padding=ft.Padding.symmetric(horizontal=8)), label, call(state, desk.open_pad, "gross"),
                 desk.pad != "", padding=6),
        bgcolor=k["surface"], border=k.edge(), border_radius=16,
    )  # fmt: skip
    return [step(k, 2, title), card]


def line(k: Kit, key: str, value: str) -> ft.Control:
    return ft.Text(spans=[ft.TextSpan(f"{k.say(key)} ", k.style(16, False, "ink-2")), ft.TextSpan(value, k.style(16, False))],
                   no_wrap=True)  # fmt: skip


def pad(state: State, k: Kit, desk: Issuing, wide: float) -> ft.Control:
    """The figure being typed stands above its keys."""
    order = ("gross", "tare", "ticket")
    field = desk.pad
    following = order[(order.index(field) + 1) % 3]
    value = desk.figure(field)
    truck = desk.truck
    hint = ""
    if field == "tare" and truck is not None:
        if desk.own("tare"):
            hint = k.say("issue.tare.typed")
        elif truck.tare_at is not None:
            hint = k.say("issue.tare.last", at=clock(k.lang, truck.tare_at, state.now()))
        elif truck.tare:
            hint = k.say("issue.tare.ref")
    head = ft.Row(
        [k.t(" · ".join(x for x in (k.say(f"issue.{field}"), hint) if x), 15, True, "ink-2", expand=True),
         k.val(value or "—", "" if field == "ticket" else "t", 30, unit_size=16)],
        spacing=8,
    )  # fmt: skip

    def key(c: str) -> Callable[..., Any]:
        if c == "same":
            return call(state, desk.open_pad, "")
        if c == "turn":
            return call(state, desk.open_pad, following)
        return call(state, desk.press, c)

    room = min(wide - 32, 420.0)
    keys = Keypad(k, key, call(state, desk.open_pad, ""), k.say("issue.pad.done"), k.say("issue.close"),
                  ("turn", k.say(f"issue.{following}")), room, pad_height(state.height))  # fmt: skip
    return ft.Container(
        column(head, keys, spacing=8), bgcolor=k["paper"], padding=ft.Padding.only(left=16, right=16, top=8, bottom=12),
        border=ft.Border.only(top=ft.BorderSide(k.stroke, k["line"])),
    )  # fmt: skip
