"""What is missing before a truck may be issued: what nothing can be issued without, what the guards say, what is to be chosen or typed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from field_app.clock import CHINA
from field_app.desks.loading import PAPER
from field_app.keys import Identity
from field_app.words import WORDS, both
from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.rules.evidence import public_of
from schemas.rules.handover.cose import kid_of
from schemas.rules.handover.judge import SLACK
from schemas.rules.manifest import guards, shown
from schemas.rules.manifest.fold import fold
from schemas.rules.transfer_plan import newer_filed

if TYPE_CHECKING:
    from field_app.desks.chosen import Chosen

Words = tuple[str, str]


class Need(NamedTuple):
    """kind: empty (nothing can be issued at all) · do (the person chooses or types it) · stop (a guard). `why`: what to do about it."""

    code: str
    kind: str
    what: Words
    why: Words = ("", "")


def needs_of(desk: Chosen, identity: Identity | None, now: datetime) -> list[Need]:
    """The first first."""
    if not desk.sending.read:
        return []
    return nothing(desk) or [*(stopped(desk, identity, now) if desk.sending.plan else ()), *to_do(desk, now)]


def nothing(desk: Chosen) -> list[Need]:
    """Why nothing can be issued on this tablet now."""
    s = desk.sending
    if not s.scope:
        return [_empty("empty.right")]
    if not s.plans:
        return [_empty("empty.plan")]
    if s.plan is None:
        return []
    if not s.lots:
        code = str(s.plan.values.get("code", ""))
        return [Need("empty.lots", "empty", both("empty.lots", plan=code), WORDS["empty.lots.why"])]
    if s.serial is None and desk.own("serial") is None:
        return [_empty("empty.block")]
    return [] if desk.number else [_empty("empty.division")]


def _empty(code: str) -> Need:
    return Need(code, "empty", WORDS[code], WORDS[f"{code}.why"])


def to_do(desk: Chosen, now: datetime) -> list[Need]:
    """What is not chosen or typed yet, in the order of the page."""
    s, net = desk.sending, desk.net_t
    out = []

    def ask(code: str, there: object) -> None:
        if not there:
            out.append(Need(code, "do", WORDS[f"need.{code}"] if code != "plan" else WORDS["empty.plans"]))

    ask("plan", s.plan)
    ask("lot", s.lot)
    ask("plate", desk.truck)
    if desk.truck is not None:
        ask("gross", desk.gross.strip("."))
        ask("tare", desk.tare.strip("."))
        if net is not None:
            ask("net", net > 0)
        ask("driver", desk.value("driver_name"))
        ask("driver_phone", desk.value("driver_phone"))
        ask("cover", desk.cover)
    ask("receiver", desk.value("receiver_id") and desk.value("receiver_place"))
    ask("supervisor", desk.absent or desk.supervisor)
    if desk.late:
        at = desk.when(now)
        ask("at", at is not None and at <= now + SLACK)
        ask("paper_photo", desk.loading and any(v["step"] == PAPER for v in desk.loading.photos.values()))
    return out


def stopped(desk: Chosen, identity: Identity | None, now: datetime) -> list[Need]:
    """What the guards say of the leg as it would be signed now. What is still to be signed or typed is asked for by the page."""
    if desk.late:  # it happened: what was not as it should be is noted, and asked about
        return []
    found = [Need(x.code, "stop", (x.zh, x.en)) for x in guards.stops(lacking(desk, identity, now))]
    if _before_enrolment(desk, identity, now):  # everybody else would call it forged
        found.insert(0, Need("enrolled_later", "stop", WORDS["leg.lack.enrolled_later"]))
    return found


def _before_enrolment(desk: Chosen, identity: Identity | None, now: datetime) -> bool:
    """Is this device's clock earlier than the enrolment of its key, as the directory says?"""
    s = desk.sending
    kept = s.found.directories.get(s.scope) if s.found else None
    if kept is None or identity is None or identity.locked:
        return False
    key = kept[0].keys.get(kid_of(public_of(identity.private_key)))
    return key is not None and now < key.since - SLACK


def lacking(desk: Chosen, identity: Identity | None, now: datetime) -> list[guards.Lack]:
    found = guards.lacks("issued", leg_of(desk, identity, now), fold([]), known_of(desk, now), now)
    unasked = {*ASKED, *(("vehicle_unlisted", "vehicle_busy") if desk.truck is None else ())}
    return [x for x in found if x.code not in unasked]


def leg_of(desk: Chosen, identity: Identity | None, now: datetime) -> Mapping[str, Any]:
    person, name = (identity.person, identity.person_name) if identity else ("", "")
    return desk.leg(person, name, now)


def known_of(desk: Chosen, now: datetime) -> guards.Known:
    """What this tablet knows around the load, as the guards ask for it."""
    s, truck = desk.sending, desk.truck
    versions = [TransferPlan.of(p.id, p.values) for p in s.versions]
    plan = next((p for p in versions if s.plan is not None and p.id == s.plan.id), None)
    return guards.Known.of_records(
        desk.manifest(desk.number, now), plan, SoilLot.of(s.lot.id, s.lot.values) if s.lot else None,
        Vehicle.of(truck.id, truck.values) if truck else None, newer=plan is not None and newer_filed(plan, versions),
        today=(desk.when(now) or now).astimezone(CHINA).date(), open_loads=[shown(no) for no in truck.open] if truck else [],
        photos=frozenset(v["step"] for v in desk.loading.photos.values()) if desk.loading else frozenset(),
    )  # fmt: skip


def passed_of(desk: Chosen, identity: Identity | None, now: datetime) -> list[Words]:
    """The guards that hold, each in a word or two."""
    if desk.sending.plan is None:
        return []
    found = {x.code for x in lacking(desk, identity, now)}
    out = [WORDS[f"issue.ok.{word}"] for word, codes in PASSED.items() if not found & codes]
    if desk.truck is not None:
        out += [WORDS[f"issue.ok.{word}"] for word, code in OF_TRUCK.items() if code not in found]
        known = known_of(desk, now)
        if known.limit_t is not None and desk.net_t is not None and Decimal(desk.gross) <= known.limit_t:
            out.append(both("issue.ok.gross", t=f"{known.limit_t.normalize():f}"))
    return out


def notes_of(desk: Chosen, identity: Identity | None, now: datetime) -> list[tuple[str, Words]]:
    """What this tablet cannot know, what deserves a look, and that there is no position: (kind, words)."""
    known, leg = known_of(desk, now), leg_of(desk, identity, now)
    out: list[tuple[str, Words]] = [("unsure", (x.zh, x.en)) for x in lacking(desk, identity, now) if x.cannot]
    if desk.late:
        out += [("warn", (x.zh, x.en)) for x in guards.stops(lacking(desk, identity, now)) if x.code != "vehicle_busy"]
    out += [("warn", (x.zh, x.en)) for x in guards.warnings("issued", leg, fold([]), known, now)]
    if not desk.late and desk.position(now) is None:
        out.append(("warn", WORDS["issue.no_fix"]))
    return out


# what the page itself asks for: the weight is typed, and both sign once the button is pressed
ASKED = frozenset({"weight", "sender_signature", "supervisor_signature"})
PASSED = {
    "filed": frozenset({"plan_receipts", "plan_suspended", "plan_closed", "plan_superseded"}), "window": frozenset({"plan_date"}),
    "receiver": frozenset({"receiver_unlisted"}), "hazard": frozenset({"hazardous", "hazard_open"}),
}  # fmt: skip
OF_TRUCK = {"vehicle": "vehicle_unlisted", "free": "vehicle_busy"}
