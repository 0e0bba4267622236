"""What is known before the next truck is issued: plan, lot, vehicles in the order they are wanted, and what the last load
says of this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from field_app.clock import CHINA
from field_app.desks import loads
from field_app.desks.loads import Load, Names, by_time
from field_app.store import Seen, Store
from schemas.fields import Audience
from schemas.records.transfer_plan import TransferPlan
from schemas.rules.manifest import numbers
from schemas.rules.transfer_plan import in_force

# What one load has from the last one of the same lot, and what from the last one of the same vehicle.
OF_LOT = ("plan_id", "receiver_id", "receiver_place", "cover", "loading_place")
OF_VEHICLE = ("driver_name", "driver_phone", "licence_no")


class Truck(NamedTuple):
    """A vehicle that may be chosen. tare: its last one as weighed (`tare_at`), else the reference of its record. open: numbers of its
    loads that are still under way, as far as known here. listed: in the plan's list."""

    id: str
    plate: str
    values: Mapping[str, Any]
    recent: bool
    listed: bool
    tare: str
    tare_at: datetime | None
    open: tuple[str, ...]


@dataclass(frozen=True)
class Sending:
    """read: whether the store was looked at. plans: of each the version that loads go by, else the newest (`versions`: all); lots: of the chosen plan. last: the last load of the
    lot. left: numbers of this device; number: the one the next load will have, "" where there is none. rest_t: planned mass less what
    left. scope: where a load may be issued, "" where the person may not."""

    read: bool = False
    scope: str = ""
    plans: tuple[Seen, ...] = ()
    versions: tuple[Seen, ...] = ()
    plan: Seen | None = None
    lots: tuple[Seen, ...] = ()
    lot: Seen | None = None
    trucks: tuple[Truck, ...] = ()
    last: Load | None = None
    today: int = 0
    left: int = 0
    number: str = ""
    serial: int | None = None
    division: str = ""
    rest_t: Decimal | None = None
    people: tuple[Seen, ...] = ()
    found: loads.Read | None = None
    carried: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> Names:
        assert self.found is not None
        return self.found.names

    def truck(self, id: str | None) -> Truck | None:
        return next((t for t in self.trucks if t.id == id), None)

    def supervisors(self) -> list[str]:
        """Whoever witnessed the last load, then everybody of the plan's supervision."""
        before = supervisor_of(self.last)
        org = self.plan.values.get("supervisor_id") if self.plan else None
        own = [str(p.values["name"]) for p in self.people if org and p.values.get("org_id") == org]
        return list(dict.fromkeys(n for n in (before, *own) if n))

    def drivers(self, carrier: str | None) -> list[tuple[str, str]]:
        """(name, phone) of the carrier's people."""
        return [
            (str(p.values["name"]), str(p.values.get("phone", "")))
            for p in self.people
            if p.values.get("org_id") == carrier
        ]


def supervisor_of(load: Load | None) -> str:
    """Who signed for the supervision of this load; "" where nobody did."""
    steps = [leg.record for leg in load.story.steps if leg.record.kind == "issued"] if load else []
    signed = [s for leg in steps for s in leg.signatures if s.role == "supervisor" and s.way == "signed"]
    return signed[0].name if signed else ""


def read(store: Store, project: str, figures: Mapping[str, Any], wanted: Mapping[str, Any], now: datetime) -> Sending:
    """`wanted`: plan, lot and vehicle as far as they are chosen. For a worker's thread."""
    grants = [g for g in store.scopes() if g.audience == Audience.TRANSFER.value and project in ("", g.owner)]
    scope = next((g.scope for g in grants if {"manifest", "manifest_leg"} <= set(g.writes)), "")
    found = loads.read(store, project, figures, now)
    if not scope:
        return Sending(read=True, found=found)
    every = by_time(x for x in found.loads.values() if x.scope == scope and x.state != "draft")
    versions = store.all("transfer_plan", scope=scope)
    plans = _newest(versions)
    by_id = {p.id: p for p in plans}
    before = next((x for x in every if x.known), None)
    lot_id = wanted.get("lot_id") or (before.values.get("lot_id") if before else None)
    plan = by_id.get(str(wanted.get("plan_id"))) or _plan_for(plans, lot_id, before)
    ids = [str(i) for i in plan.values.get("lots", ())] if plan else []
    lots = tuple(x for i in ids if (x := store.get("soil_lot", i)) is not None)
    lot = next((x for x in lots if x.id == lot_id), None) or (lots[0] if len(lots) == 1 else None)
    of_lot = [x for x in every if lot is not None and x.known and x.values.get("lot_id") == lot.id]
    last = of_lot[0] if of_lot else None
    division = _division(store, plan)
    serial = store.following_number("manifest")
    return Sending(
        True, scope, plans, tuple(versions), plan, lots, lot, _trucks(store, plan, of_lot, every), last, sum(x.on_day_of(now) for x in of_lot),
        store.numbers_left("manifest"), number_of(now, division, serial), serial, division, _rest(plan, versions, every),
        tuple(store.all("person")), found, _carried(plan, last),
    )  # fmt: skip


def number_of(now: datetime, division: str, serial: int | None) -> str:
    """The 14 digits; "" where the division or the serial is missing."""
    if serial is None:
        return ""
    try:
        return numbers.number(now.astimezone(CHINA).year, division, serial)
    except ValueError:
        return ""


def _newest(versions: Iterable[Seen]) -> tuple[Seen, ...]:
    """Of each plan the version filed last, else the last one."""
    typed = {p.id: TransferPlan.of(p.id, p.values) for p in versions}
    by_id = {p.id: p for p in versions}
    out = []
    for code in sorted({p.code for p in typed.values()}):
        best = in_force(typed.values(), code) or max(
            (p for p in typed.values() if p.code == code), key=lambda p: (p.version, p.id)
        )
        out.append(by_id[best.id])
    return tuple(out)


def _plan_for(plans: tuple[Seen, ...], lot: str | None, before: Load | None) -> Seen | None:
    """The one the lot goes out under: that of its last load in its newest version, else the one that names it, else the only one."""
    naming = [p for p in plans if lot in p.values.get("lots", ())]
    used = before.values.get("plan_id") if before and before.values.get("lot_id") == lot else None
    return next((p for p in naming if p.id == used), None) or (
        naming[-1] if naming else plans[0] if len(plans) == 1 else None
    )


def _division(store: Store, plan: Seen | None) -> str:
    """Of the place the soil leaves: its site's, else the consignor's."""
    if plan is None:
        return ""
    for type, name in (("site", "site_id"), ("organisation", "consignor_id")):
        seen = store.get(type, str(plan.values.get(name)))
        if seen is not None and seen.values.get("division_code"):
            return str(seen.values["division_code"])
    return ""


def _trucks(store: Store, plan: Seen | None, of_lot: list[Load], every: list[Load]) -> tuple[Truck, ...]:
    """Those last used at this lot first, the latest of all at the front; then the others of the plan, by plate."""
    listed = list(dict.fromkeys(str(v) for v in plan.values.get("vehicles", ()))) if plan else []
    recent = list(dict.fromkeys(str(x.values.get("vehicle_id")) for x in of_lot))
    out = []
    for id in dict.fromkeys([*recent, *listed]):
        seen = store.get("vehicle", id)
        if seen is not None and (id in listed or not plan):
            out.append(truck_of(seen, id in recent, id in listed, every))
    return (*[t for t in out if t.recent], *sorted((t for t in out if not t.recent), key=lambda t: t.plate))


def truck_of(seen: Seen, recent: bool, listed: bool, every: Iterable[Load]) -> Truck:
    own = [x for x in every if x.values.get("vehicle_id") == seen.id]
    tare, at = next(((t, at) for x in own for t, at in _tares(x)), (None, None))
    reference = seen.values.get("tare_ref_t")
    return Truck(
        seen.id, str(seen.values.get("plate", "")), seen.values, recent, listed, str(tare or reference or ""), at,
        tuple(x.number for x in own if x.on_the_way),
    )  # fmt: skip


def _tares(load: Load) -> list[tuple[Decimal, datetime]]:
    """As weighed when it left; the same scale weighs it again."""
    return [(w.tare_t, w.at) for leg in load.story.steps if leg.record.kind == "issued" for w in leg.record.weight]


def _rest(plan: Seen | None, versions: Iterable[Seen], every: list[Load]) -> Decimal | None:
    """Planned mass less what left under any version of the plan; None where a load's weight is not known."""
    if plan is None or not plan.values.get("mass_t"):
        return None
    same = {p.id for p in versions if p.values.get("code") == plan.values.get("code")}
    gone = [
        x
        for x in every
        if x.values.get("plan_id") in same and x.state not in ("draft", "voided", "rejected", "returned")
    ]
    if any(x.trip.net_out_t is None for x in gone):
        return None
    return Decimal(plan.values["mass_t"]) - sum((x.trip.net_out_t or Decimal(0) for x in gone), start=Decimal(0))


def _carried(plan: Seen | None, last: Load | None) -> dict[str, Any]:
    """Receiver, cover and place of the last load; the plan's only receiver, carrier and cover where there was none."""
    out: dict[str, Any] = {n: last.values[n] for n in OF_LOT if last and last.values.get(n)}
    receivers = plan.values.get("receivers", ()) if plan else ()
    known = {(r.get("org_id"), r.get("site_name")) for r in receivers}
    if (out.get("receiver_id"), out.get("receiver_place")) not in known:
        out.pop("receiver_id", None)
        out.pop("receiver_place", None)
        if len(receivers) == 1:
            out |= {"receiver_id": receivers[0]["org_id"], "receiver_place": receivers[0]["site_name"]}
    if plan is not None:
        out["plan_id"] = plan.id
    return out


def driver_of(vehicle: str, every: Iterable[Load]) -> dict[str, Any]:
    """Who drove this vehicle the last time; nobody else's driver is taken over."""
    last = next((x for x in every if x.known and x.values.get("vehicle_id") == vehicle), None)
    return {n: last.values[n] for n in OF_VEHICLE if last and last.values.get(n)}
