"""The finding a "no" made: its number and deadline, and what of it can be changed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import flet as ft

from field_app.desks.checking import CheckingDesk
from field_app.form import Means, form
from field_app.kit import I, Kit
from field_app.pages.shell import call, guard
from field_app.state import State
from schemas.fields import fields_of
from schemas.records.finding import Finding
from schemas.reference import codes

DAYS = (0, 7, 15, 30)  # usual deadlines (K)
FACTS = ("deadline", "conduct_on", "measure", "responsible", "facility_id")  # of a finding, behind one tap


def made(k: Kit, desk: CheckingDesk, key: str) -> ft.Control:
    """The finding a "no" made: number, severity, deadline."""
    part = desk.findings.get(key)
    if part is None:
        was = desk.inherited(key)  # of the record that this one amends
        return k.judge("active", I.HISTORY, k.say("onsite.found.was", codes=was)) if was else ft.Container()
    values = part.values
    number = str(values.get("code", "")).rpartition("-")[2]
    severity = k.of(codes("severity").get(values.get("severity", "")))
    deadline = values.get("deadline")
    why = (
        k.say("fail.made.why", severity=severity, deadline=deadline)
        if deadline
        else k.say("fail.made.no_deadline", severity=severity)
    )
    return k.judge("alert", I.CLOSE, k.say("fail.made", code=number), why)


def facts(state: State, k: Kit, desk: CheckingDesk, key: str) -> list[ft.Control]:
    """Severity, deadline, measure and who is responsible: filled in already, behind one tap."""
    part = desk.findings.get(key)
    if part is None:
        return []
    opened = desk.ui("facts") == key
    arrow = I.EXPAND_LESS if opened else I.EXPAND_MORE
    toggle = call(state, _facts, desk, None if opened else key)
    out: list[ft.Control] = [k.button(k.say("fail.more.open"), toggle, "plain", arrow, size=16)]
    return [*out, *finding_fields(state, k, desk, key)] if opened else out


def _facts(desk: CheckingDesk, key: str | None) -> None:
    desk.set_ui(facts=key)


def finding_fields(state: State, k: Kit, desk: CheckingDesk, key: str) -> list[ft.Control]:
    values = dict(desk.findings[key].values)
    item = desk.item(key)
    change = lambda name, read: guard(state, lambda e: desk.put_finding(key, **{name: read(e)}))  # noqa: E731
    places = desk.facilities
    names = [n for n in FACTS if (n != "facility_id" or places) and (n != "conduct_on" or item is not None)]
    if item is None:
        names = ["description", *names]
    options = lambda ref: places if ref == "facility" else {}  # noqa: E731
    drawn = form(k, Finding, values, change, options, names, means(state))
    at = names.index("deadline") + 1
    days = {str(n): k.say("fail.days", n=n) if n else k.say("fail.days.now") for n in DAYS}
    begun = desk.checked_on()
    now = str((date.fromisoformat(values["deadline"]) - begun).days) if _is_day(values.get("deadline")) else ""
    pick = lambda n: call(state, _due, desk, key, (begun + timedelta(days=int(n))).isoformat())  # noqa: E731
    drawn.insert(at, k.choices(days, now, pick, 4))
    spec = fields_of(Finding)["severity"].spec
    how_bad = {c: k.of(label) for c, label in codes("severity").items() if c != "none"}  # which is no finding
    drawn[:0] = [
        k.t(k.of((spec.zh, spec.en)), 16, True),
        k.choices(how_bad, values.get("severity"), lambda c: call(state, desk.put_severity, key, c), 2),
    ]
    basis = str(values.get("basis", ""))
    drawn.append(k.t(k.say("item.basis", text=basis), 14, color="ink-2"))
    if quote := values.get("quote"):
        drawn.append(k.t(str(quote), 14, color="ink-2"))
    return drawn


def _is_day(value: Any) -> bool:
    try:
        date.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def _due(desk: CheckingDesk, key: str, day: str) -> None:
    desk.put_finding(key, deadline=day)


def means(state: State) -> Means:
    """What a form on these pages may use: the clock, this position, names."""
    return Means(state.now, state.records.fix, state.records.called, lambda path: guard(state, lambda _: None))
