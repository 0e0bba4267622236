"""One receipt: what the server signed, checked on this tablet."""

from __future__ import annotations

from datetime import datetime

import flet as ft

from field_app import words
from field_app.desks.needs import Proof
from field_app.kit import I, Kit, column
from field_app.pages.shell import call, frame, page, scroll
from field_app.state import State
from schemas.rules.sealing import fingerprint


def grouped(text: str) -> str:
    """Hex in fours: to be compared by eye, and free to wrap."""
    return " ".join(text[n : n + 4] for n in range(0, len(text), 4))


def fact(k: Kit, label: str, value: str) -> ft.Control:
    return column(k.t(label, 14, color="ink-2"), k.t(value, 17), spacing=2)


def facts(state: State, k: Kit, one: Proof) -> list[ft.Control]:
    r = one.said
    kinds = ("applied", "conflict", "parked", "rejected")
    n = {kind: sum(count for _, count, outcome, _ in r.runs if outcome == kind) for kind in kinds}
    outcomes = " · ".join(k.say(f"receipt.{kind}", n=n[kind]) for kind in kinds if n[kind])
    when = lambda text: words.clock(k.lang, datetime.fromisoformat(text), state.now())  # noqa: E731
    backup = str(r.backed_up_to) if r.backed_up_to is not None else k.say("receipt.backup.none")
    rows = (
        ("scope", one.scope),
        ("range", k.say("receipt.from_to", first=r.first, last=r.last, n=r.last - r.first + 1)),
        ("outcomes", outcomes),
        ("at", when(r.at)),
        ("here", when(one.at)),
        ("key", grouped(fingerprint(r.server_key))),
        ("head", grouped(r.head)),
        ("full", r.receipt),
        ("backup", backup),
    )
    return [fact(k, k.say(f"receipt.{name}"), value) for name, value in rows]


@page
def ReceiptPage(state: State, k: Kit):
    ft.use_state(state.centre)
    id = state.args.get("id", "")
    ft.use_effect(call(state, state.centre.open_receipt, id), [id])
    one = state.centre.proof
    if one is None or one.id != id:
        gone = state.centre.thing == ()
        body = k.judge("unsure", I.HELP_OUTLINE, k.say("receipt.gone")) if gone else ft.Container()
        return frame(state, k, k.say("receipt.list"), "", scroll(body), back=True)
    block = (
        k.judge("done", I.VERIFIED_OUTLINED, k.say("receipt.good"), k.say("receipt.good.why"))
        if one.good
        else k.judge("alert", I.GPP_BAD_OUTLINED, k.say("receipt.bad"), k.say("receipt.bad.why"))
    )
    body = scroll(block, k.card(*facts(state, k, one), spacing=14))
    return frame(state, k, one.short, k.say("receipt.sub", scope=one.scope), body, back=True)
