"""A load that was read off a code: genuine or not, what it is, who signed which leg. Shared by signing and by the roadside check."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import flet as ft

from field_app.desks.legging import weights_out
from field_app.desks.reckoning import Around, Reading
from field_app.kit import I, Kit, column, strut
from field_app.state import State
from field_app.words import clock
from schemas.reference import codes
from schemas.rules.handover import WORDS, Claim
from schemas.rules.handover.judge import LegWorth
from schemas.rules.manifest.numbers import shown

SHOWN = {
    "genuine": ("done", I.VERIFIED_USER_OUTLINED), "forged": ("alert", I.GPP_BAD_OUTLINED), "unsure": ("unsure", I.HELP_OUTLINE),
}  # fmt: skip
MARKS = {"genuine": (I.CHECK_CIRCLE, "done"), "forged": (I.CANCEL, "alert"), "unsure": (I.HELP_OUTLINE, "unsure")}
TAKEN = ("received", "received_difference", "rejected", "returned")


def kind_name(k: Kit, kind: str) -> str:
    return k.of(codes("leg_kind")[kind])


def when(state: State, k: Kit, reading: Reading, around: Around | None) -> str:
    """How old what this device knows is."""
    heard = around.heard if around is not None and around.heard else reading.heard
    return clock(k.lang, heard, state.now()) if heard else ""


def verdict(state: State, k: Kit, reading: Reading) -> ft.Control:
    """The big coloured block: genuine, not genuine, or cannot say; how many were checked, and how quickly."""
    judged = reading.judged
    color, icon = SHOWN[judged.worth]
    good = sum(leg.worth == "genuine" for leg in judged.legs)
    lines = [k.say("worth.counted", all=len(judged.legs), n=good, ms=max(1, round(reading.ms)))]
    lines = [*reasons(k, reading), *lines]
    if reading.heard is None:
        lines.append(k.say("worth.no_list"))
    elif judged.worth == "unsure":
        lines.append(k.say("worth.list", when=clock(k.lang, reading.heard, state.now())))
    return k.judge(color, icon, k.say(f"worth.{judged.worth}"), ("；" if k.lang == "zh" else "; ").join(lines))


def reasons(k: Kit, reading: Reading) -> list[str]:
    """Why it is not simply genuine, leg by leg; of what makes it false first, and then nothing else."""
    worths = ("forged",) if reading.judged.worth == "forged" else ("unsure",)
    against = reading.judged.against
    out = [k.of(WORDS[against.why])] if against is not None else []
    for n, leg in enumerate(reading.judged.legs):
        if leg.worth in worths:
            name = k.say("worth.leg", n=n + 1, kind=kind_name(k, reading.chain.claims[n].kind))
            out.append(k.say(f"worth.why.{leg.why}", leg=name))
    return out


def load_card(state: State, k: Kit, reading: Reading, around: Around | None, part: str = "") -> ft.Control:
    """part: "brief", what is compared with the truck and the way; "rest", what is left then."""
    facts = _facts(k, reading, around)
    brief = (k.say("leg.lot"), k.say("leg.to"))
    if part == "rest":
        return k.card(*(_line(k, name, value) for name, value in facts if name not in brief), spacing=8)
    if part == "brief":
        facts = [(name, value) for name, value in facts if name in brief]
    load = reading.chain.load
    gross, net = weights_out(reading.chain)
    if gross is not None and net is not None:
        weight = k.say("leg.weight", net=_tonnes(net), gross=_tonnes(gross))
    else:
        weight = k.say("leg.no_weight")
    top = column(
        k.t(load.plate, 26, True, h=1.2), k.t(shown(load.number), 15, color="ink-2"), k.t(weight, 17, True), spacing=2
    )
    return k.card(top, *(_line(k, name, value) for name, value in facts), spacing=8)


def _tonnes(value: Decimal) -> str:
    """As a ticket says it: 30.10, and 30.105 where there are kilograms."""
    return f"{value:.3f}".removesuffix("0")


def _facts(k: Kit, reading: Reading, around: Around | None) -> list[tuple[str, str]]:
    """What the code's ids stand for; what nobody here knows is said to be unknown, with the id's end."""
    load = reading.chain.load
    names = around.names if around is not None else None
    plan = names.said("plans", load.plan) if names else {}
    own = names.of("transfer_plan", load.plan) if names else {}
    place = names.receiving(load.plan, load.receiver, None).get("site_name") if names else None
    to = _named(k, names.org(load.receiver) if names else "", load.receiver)
    if place and place != to:
        to = f"{to} · {place}"
    consignor = own.get("consignor_id") or plan.get("consignor")
    sender = names.org(consignor) if names and consignor else ""
    return [
        (k.say("leg.lot"), _named(k, names.lot(load.lot) if names else "", load.lot)),
        (k.say("leg.from"), _named(k, sender, consignor or load.plan)),
        (k.say("leg.carrier"), _named(k, names.org(load.carrier) if names else "", load.carrier)),
        (k.say("leg.to"), to),
        (k.say("leg.plan"), _named(k, str(own.get("code") or plan.get("code") or ""), load.plan)),
        (k.say("leg.cover"), k.of(codes("cover_kind").get(load.cover))),
    ]


def _named(k: Kit, name: str, id: str) -> str:
    return name or k.say("leg.unknown", id=id[-6:])


def _line(k: Kit, name: str, value: str) -> ft.Control:
    return ft.Row(
        [k.t(name, 15, color="ink-2"), k.t(value, 16, True, expand=True, text_align=ft.TextAlign.RIGHT)],
        spacing=12, vertical_alignment=ft.CrossAxisAlignment.START,
    )  # fmt: skip


def legs_card(state: State, k: Kit, reading: Reading, around: Around | None) -> ft.Control:
    """Who signed which leg, when, with what worth; below, who is still to sign."""
    rows = [
        _leg(state, k, claim, worth, leg.kid.hex(), mine, around)
        for claim, worth, leg, mine in zip(
            reading.chain.claims, reading.judged.legs, reading.chain.legs, reading.mine, strict=True
        )
    ]
    if reading.chain.claims[-1].kind not in TAKEN and reading.judged.worth != "forged":
        rows.append(_waiting(state, k, reading, around))
    return k.card(k.t(k.say("leg.signed", n=len(reading.chain.legs)), 14, True, "ink-2"), *rows, spacing=10)


def _leg(
    state: State, k: Kit, claim: Claim, worth: LegWorth, kid: str, mine: bool, around: Around | None
) -> ft.Control:  # fmt: skip
    icon, color = MARKS[worth.worth]
    names = around.names if around is not None else None
    who = worth.key.name if worth.key else k.say("leg.key.unknown", id=kid[:8])
    firm = names.org(worth.key.org) if names and worth.key else ""
    title = f"{kind_name(k, claim.kind)} · {who}" + (
        f"（{firm}）" if firm and k.lang == "zh" else f" ({firm})" if firm else ""
    )
    net = claim.net()
    below = [k.say("leg.at", time=clock(k.lang, claim.at, state.now()))]
    if net is not None:
        below.append(k.say("leg.net", net=_tonnes(Decimal(net) / 1000)))
    if claim.problem:
        below.append(k.of(codes("leg_problem")[claim.problem]))
    if claim.way != "own":
        below.append(k.of(codes("leg_way")[claim.way]))
    if mine and worth.worth != "forged":
        below.append(k.say("leg.me"))
    return _row(k, icon, color, title, " · ".join(below), k.say(f"worth.{worth.worth}"))


def _waiting(state: State, k: Kit, reading: Reading, around: Around | None) -> ft.Control:
    load = reading.chain.load
    began = next((c.at for c in reading.chain.claims if c.kind == "departed"), None)
    name = around.names.org(load.receiver) if around is not None else ""
    title = f"{kind_name(k, 'received')} · {name or k.say('leg.unknown', id=load.receiver[-6:])}"
    below = k.say("leg.waits")
    if began is not None and load.minutes:
        due = began + timedelta(minutes=load.minutes)
        below = k.say("leg.due", time=clock(k.lang, due, state.now()))
    return _row(k, I.SCHEDULE, "ink-3", title, below, "")


def _row(k: Kit, icon: Any, color: str, title: str, below: str, word: str) -> ft.Control:
    texts = column(k.t(title, 16, True), k.t(below, 14, color="ink-2"), expand=True)
    mark = ft.Icon(icon, size=30 * k.scale, color=k[color], semantics_label=word or None)
    return ft.Row([strut(44), mark, texts], spacing=10)


__all__ = ["kind_name", "legs_card", "load_card", "verdict", "when"]
