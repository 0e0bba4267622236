"""What to look after: alarms of the rules, one row a load, the worst first, each with what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote

from schemas.records.organisation import Organisation
from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.rules.manifest.alarms import Alarm
from schemas.rules.manifest.numbers import shown as number_shown
from schemas.rules.reconcile import Facts, Report
from sync_server.console.manifests.rows import alarms_of, by_id, difference, due, lasting
from sync_server.console.parts import Sign
from sync_server.console.words import words

SHOWN = 6
_ICON = {
    "overdue": "clock", "lost": "clock", "off_weight": "scale", "heavy": "scale", "overweight": "scale", "tare_drift": "scale",
    "two_open": "truck", "turnaround": "truck", "not_in_plan": "move", "far": "move", "open_question": "q", "signature": "shield",
    "unfiled": "doc", "disposal_late": "clock", "paper_late": "doc",
}  # fmt: skip
KNOWN = (
    "overdue", "lost", "off_weight", "heavy", "plan_exceeded", "pit_volume", "two_open", "unfiled", "not_in_plan", "far", "overweight",
    "tare_drift", "receiver_balance", "open_question", "turnaround", "disposal_late", "capacity", "signature", "paper_late",
)  # fmt: skip


class Watch(NamedTuple):
    """One load, plan, pit, vehicle or receiver to look after. `path`: behind the project's address."""

    sign: Sign
    title: str
    lines: list[str]
    do: str
    verb: str
    age: str
    path: str


def loads_to_watch(facts: Facts, report: Report) -> int:
    """How many loads and other things: the number behind the entry of the navigation."""
    return len({_about(a) for a in alarms_of(facts, report)})


def _about(a: Alarm) -> tuple[str, str]:
    return ("manifest", a.manifest) if a.manifest is not None else a.subject


def watched(facts: Facts, report: Report, lang: str, now: datetime, most: int = SHOWN) -> list[Watch]:
    grouped: dict[tuple[str, str], list[Alarm]] = {}
    for a in alarms_of(facts, report):
        grouped.setdefault(_about(a), []).append(a)
    return [_watch(facts, report, about, these, lang, now) for about, these in list(grouped.items())[:most]]


def _watch(
    facts: Facts, report: Report, about: tuple[str, str], these: Sequence[Alarm], lang: str, now: datetime
) -> Watch:
    w, first = words(lang), these[0]
    code = first.code if first.code in KNOWN else "other"
    sign = Sign(_ICON.get(first.code, "warn"), "alert" if first.severity == "error" else "warn", w(f"mf_a_{code}"))
    entry = by_id(facts, report).get(about[1]) if about[0] == "manifest" else None
    title = ""
    if entry is not None:
        m = entry.trip.manifest
        number = number_shown(m.number)
        title = f"{number[-6:] if len(number) > 8 else number} {entry.plate}".strip()
        if first.code in ("off_weight", "heavy"):
            diff, _, _ = difference(entry.trip)
            explained = entry.trip.state == "received_difference"
            sign = Sign(sign.icon, "warn" if explained else sign.colour, f"{diff} t")
    else:
        title = _name(facts, *about)
    since = (due(entry) if entry is not None and first.code in ("overdue", "lost") else None) or first.since
    age = lasting(now - since, lang) if since is not None and since <= now else ""
    return Watch(
        sign, title, [a.zh if lang == "zh" else a.en for a in these], w(f"mf_do_{code}"), w("mf_look"), age, path_of(about),
    )  # fmt: skip


def _name(facts: Facts, type: str, id: str) -> str:
    if type == "vehicle":
        return v.plate if (v := facts.find(Vehicle, id)) else ""
    if type == "transfer_plan":
        return p.code if (p := facts.find(TransferPlan, id)) else ""
    if type == "soil_lot":
        return s.code if (s := facts.find(SoilLot, id)) else ""
    return o.name if (o := facts.find(Organisation, id)) else ""


def path_of(about: tuple[str, str]) -> str:
    type, id = about
    if type == "manifest":
        return f"/manifests/{quote(id, safe='')}"
    if type == "transfer_plan":
        return f"/transfer/{quote(id, safe='')}"
    return f"/records/{quote(type, safe='')}/{quote(id, safe='')}" if id else ""


def todo(a: Alarm, lang: str) -> str:
    """What to do about an alarm."""
    return words(lang)(f"mf_do_{a.code if a.code in KNOWN else 'other'}")
