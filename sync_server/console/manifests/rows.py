"""The table of loads: what each is, how it stands, which fit what is asked for. Pure; figures come from the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from schemas.records.organisation import Organisation
from schemas.records.soil_lot import SoilLot
from schemas.records.vehicle import Vehicle
from schemas.rules.manifest.alarms import Alarm, from_findings
from schemas.rules.manifest.balance import TripMass, balance, name_of
from schemas.rules.manifest.fold import Story
from schemas.rules.manifest.numbers import shown as number_shown
from schemas.rules.reconcile import Facts, Report
from schemas.rules.reconcile.transfer import Load, loads
from sync_server.console.parts import Sign, when
from sync_server.console.words import words

SEVERITIES = ("error", "warning", "info")
ROAD = frozenset({"issued", "departed", "in_transit", "arrived"})
STATES = (
    "draft", "issued", "departed", "in_transit", "arrived", "received", "received_difference", "rejected", "returned", "disposed", "closed",
    "voided", "disputed",
)  # fmt: skip
_SIGN = {
    "draft": ("circle", "planned"), "issued": ("half", "active"), "departed": ("half", "active"), "in_transit": ("half", "active"),
    "arrived": ("half", "active"), "received": ("ok", "done"), "received_difference": ("scale", "warn"), "rejected": ("back", "alert"),
    "returned": ("back", "warn"), "disposed": ("ok", "done"), "closed": ("ok", "done"), "voided": ("block", "planned"),
    "disputed": ("split", "clash"),
}  # fmt: skip


class Entry(NamedTuple):
    """One load with all that is known of it."""

    trip: TripMass
    load: Load | None  # its times; None where the rules of time do not count it
    story: Story
    alarms: tuple[Alarm, ...]
    at: datetime | None  # when it left, or was issued
    plate: str
    lot: str
    receiver: str


class Asked(NamedTuple):
    """What a reader asked for; the part of the address behind the question mark."""

    state: str = ""  # a state, "road" (all under way) or "alarm"
    day: date | None = None
    plate: str = ""
    lot: str = ""
    receiver: str = ""
    open: bool = False  # only those with open questions
    q: str = ""
    page: int = 1

    @property
    def narrowed(self) -> bool:
        return bool(self.state or self.day or self.plate or self.lot or self.receiver or self.open or self.q)


class Row(NamedTuple):
    """A load in the table."""

    id: str
    number: str
    plate: str
    lot: str
    out: str
    came: str
    diff: str
    grave: bool  # the difference is more than the project allows
    time: str
    sign: Sign
    questions: int


def entries(facts: Facts, report: Report) -> list[Entry]:
    """Every load: with an alarm first (the grave before the others), then under way, then with open questions, then the newest."""
    return facts.remember("console.manifests", lambda: sorted(_entries(facts, report), key=_rank))


def alarms_of(facts: Facts, report: Report) -> list[Alarm]:
    """The alarms among the report's findings, sorted once."""
    return facts.remember("console.alarms", lambda: from_findings(report.findings))


def _entries(facts: Facts, report: Report) -> list[Entry]:
    by_id: dict[str, list[Alarm]] = {}
    for a in alarms_of(facts, report):
        if a.manifest is not None:
            by_id.setdefault(a.manifest, []).append(a)
    timed = {x.manifest.id: x for x in loads(facts)}
    out = []
    for trip in balance(facts).trips:
        m, load = trip.manifest, timed.get(trip.manifest.id)
        vehicle, lot, org = (
            facts.find(Vehicle, m.vehicle_id),
            facts.find(SoilLot, m.lot_id),
            facts.find(Organisation, m.receiver_id),
        )
        at = (load.trip.began or load.trip.issued) if load else None
        out.append(
            Entry(trip, load, facts.story(m.id), tuple(by_id.get(m.id, ())), at,
                  vehicle.plate if vehicle else name_of(facts, "vehicles", m.vehicle_id),
                  lot.code if lot else name_of(facts, "lots", m.lot_id), org.name if org else m.receiver_place)
        )  # fmt: skip
    return out


def _rank(e: Entry) -> tuple[int, bool, bool, float, str]:
    worst = min(
        (SEVERITIES.index(a.severity) if a.severity in SEVERITIES else 1 for a in e.alarms), default=len(SEVERITIES)
    )
    return (
        worst,
        e.trip.state not in ROAD,
        not e.story.open,
        -(e.at.timestamp() if e.at else 0.0),
        e.trip.manifest.number,
    )


def fitting(found: Sequence[Entry], by: Asked) -> list[Entry]:
    plate, q = _plain(by.plate), _plain(by.q)
    return [
        e for e in found
        if (not by.state or by.state == e.trip.state or (by.state == "road" and e.trip.state in ROAD) or (by.state == "alarm" and e.alarms))
        and (by.day is None or e.trip.day == by.day)
        and (not plate or plate in _plain(e.plate))
        and (not by.lot or by.lot == e.trip.manifest.lot_id)
        and (not by.receiver or by.receiver == e.trip.manifest.receiver_id)
        and (not by.open or e.story.open)
        and (not q or any(q in _plain(x) for x in (e.trip.manifest.number, e.plate, e.trip.manifest.driver_name)))
    ]  # fmt: skip


def _plain(text: str) -> str:
    """Plates and numbers are found however they are spaced."""
    return "".join(c for c in text.casefold() if c.isalnum())


def rows(found: Sequence[Entry], now: datetime, lang: str) -> list[Row]:
    return [row(e, now, lang) for e in found]


def row(e: Entry, now: datetime, lang: str) -> Row:
    m = e.trip.manifest
    diff, grave = difference_text(e.trip, lang)
    return Row(
        m.id, number_shown(m.number), e.plate or "—", e.lot or "—", tonnes(e.trip.out_t), tonnes(e.trip.in_t), diff, grave, time_of(e, now, lang),
        sign(e, now, lang), len(e.story.open),
    )  # fmt: skip


def tonnes(t: Decimal | None) -> str:
    """As it was weighed; a dash where it was not."""
    return "—" if t is None else f"{t:f}"


def difference(trip: TripMass) -> tuple[str, str, bool]:
    """(in less out with its sign, per cent where it is more than the project allows, whether it is)."""
    if trip.out_t is None or trip.in_t is None:
        return "—", "", False
    d = trip.in_t - trip.out_t
    text = f"{'−' if d < 0 else '+' if d > 0 else ''}{abs(d):f}"
    if not trip.excess or not trip.out_t:
        return text, "", bool(trip.excess)
    return text, f"{abs(d) / trip.out_t * 100:.1f}", True


def difference_text(trip: TripMass, lang: str) -> tuple[str, bool]:
    """−0.95 (5.1 %)."""
    text, pct, grave = difference(trip)
    return text + (words(lang)("mf_pct", p=pct) if pct else ""), grave


def due(e: Entry) -> datetime | None:
    """When it should be there by the plan's driving time; None where that is not known."""
    if e.load is None or e.load.receiver is None:
        return None
    since = e.load.trip.began or e.load.trip.issued
    return since + timedelta(minutes=e.load.receiver.route_min) if since else None


def time_of(e: Entry, now: datetime, lang: str) -> str:
    w = words(lang)
    if e.trip.state in ROAD:
        there = due(e)
        if e.trip.state == "arrived" and e.load and e.load.trip.arrived:
            return w("mf_t_arrived", t=when(e.load.trip.arrived, now))
        return w("mf_t_due", t=when(there, now)) if there else w("mf_t_left", t=when(e.at, now)) if e.at else "—"
    if e.load and e.load.trip.ended:
        return w("mf_t_ended", t=when(e.load.trip.ended, now))
    return w("mf_t_left", t=when(e.at, now)) if e.at else "—"


def sign(e: Entry, now: datetime, lang: str) -> Sign:
    """The state; of a load that is late by how much, since that is what one acts on."""
    w, there = words(lang), due(e)
    if (
        e.trip.state in ROAD
        and any(a.code in ("overdue", "lost") for a in e.alarms)
        and there is not None
        and now > there
    ):
        return Sign("clock", "alert", w("mf_late", t=lasting(now - there, lang)))
    if e.trip.excess and e.trip.state in ("received", "received_difference", "disposed", "closed"):
        said = e.trip.state == "received_difference"
        return Sign("scale", "warn" if said else "alert", w("mf_off_said" if said else "mf_off"))
    return state_sign(e.trip.state, lang)


def state_sign(state: str, lang: str) -> Sign:
    icon, colour = _SIGN.get(state, ("q", "unsure"))
    return Sign(icon, colour, words(lang)(f"mf_s_{state}") if state in _SIGN else state)


def lasting(t: timedelta, lang: str) -> str:
    """53 min, 8 h, 3 d."""
    w, minutes = words(lang), max(0, int(t.total_seconds() // 60))
    if minutes < 90:
        return w("mf_min", n=minutes)
    return w("mf_h", n=minutes // 60) if minutes < 48 * 60 else w("mf_d", n=minutes // 1440)


def by_id(facts: Facts, report: Report) -> Mapping[str, Entry]:
    return facts.remember("console.manifests.by_id", lambda: {e.trip.manifest.id: e for e in entries(facts, report)})
