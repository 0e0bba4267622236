"""Transfer checks T01, T02 and T05–T09: did every load arrive, whole, as planned, one at a time?

National law asks for a transfer plan (土壤污染防治法第41条) but gives no figure for weights and times: those are the project's
own (fields of `project`, their defaults of mark D); manifests follow the rules for hazardous waste by analogy
(危险废物转移管理办法，部令第23号). `since` among a finding's figures: from when it is so.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from schemas.records.manifest import Manifest
from schemas.records.organisation import Organisation
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.reference import Label
from schemas.rules import geo
from schemas.rules.manifest import Trip
from schemas.rules.manifest.axles import GROSS_LIMIT_T
from schemas.rules.manifest.balance import beyond, masses
from schemas.rules.reconcile.checks import DISPATCHER, ERROR, MANAGER, WARNING, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.terms import SHANGHAI, hours
from schemas.values import Receiver

OWN = "本系统设定"
LAW = "土壤污染防治法第41条（2026-08-14 前；其后见生态环境法典，条号待核）"
RULES = "危险废物转移管理办法（部令第23号）"


class Load(NamedTuple):
    manifest: Manifest
    trip: Trip
    receiver: Receiver | None


def loads(facts: Facts) -> list[Load]:
    """Every manifest that counts, with what its legs add up to; also those known only from hand-over codes."""
    return facts.remember(
        "loads", lambda: [Load(t.manifest, t.trip, receiver_of(facts, t.manifest)) for t in masses(facts)]
    )


def receiver_of(facts: Facts, manifest: Manifest) -> Receiver | None:
    """The receiver of a load, as the plan has it."""
    plan = facts.get(TransferPlan, manifest.plan_id)
    own = [r for r in (plan.receivers if plan else []) if r.org_id == manifest.receiver_id]
    return next((r for r in own if r.site_name == manifest.receiver_place), own[0] if own else None)


def is_short(facts: Facts, load: Load) -> bool:
    out, came = load.trip.net_out_t, load.trip.net_in_t
    return out is not None and came is not None and beyond(facts, out, came) > 0


@check(
    "T01", "联单未接收", "Manifest not received", ERROR, f"{OWN}；{RULES}第18条（参照）", "D",
    Label("调度员、接收单位", "dispatcher, receiver"),
    texts={
        "": ("联单 {no} 开出 {h} h 未接收，预计 {min} min",
             "Load {no} has been out for {h} h and is not received; {min} min were expected"),
        "lost": ("联单 {no} 开出 {h} h 仍未接收，视为失联",
                 "Load {no} has been out for {h} h and is not received: lost contact"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def not_received(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for load in loads(facts):
        since = load.trip.began or load.trip.issued
        if since is None or not load.trip.on_the_way:
            continue
        away, lost = hours(facts.now - since), facts.setting("lost_h")
        minutes = load.receiver.route_min if load.receiver else None
        if away > lost:
            begun = since + timedelta(hours=float(lost))
            yield say(
                load.manifest,
                None,
                "lost",
                no=load.manifest.number,
                h=round(away, 1),
                min=minutes,
                since=begun,
                alarm="lost",
            )
        elif minutes is None:
            yield say.cannot("转运计划中该去向的预计运输时间", "the expected driving time to this receiver in the plan")
        elif away * 60 > (due := minutes * facts.setting("overdue_factor")):
            begun = since + timedelta(minutes=float(due))
            yield say(load.manifest, None, no=load.manifest.number, h=round(away, 1), min=minutes, since=begun)


@check(
    "T02", "进出重量不符", "Weights do not agree", ERROR, f"{OWN}；{RULES}第18条（参照）", "D", DISPATCHER,
    texts={
        "": ("联单 {no} 少 {d} t（{p} %）：出 {out} t，进 {came} t", "Load {no} is {d} t ({p} %) light: {out} t out, {came} t in"),
        "heavy": ("联单 {no} 多 {d} t（{p} %）：出 {out} t，进 {came} t",
                  "Load {no} is {d} t ({p} %) heavy: {out} t out, {came} t in"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def weights_differ(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for load in loads(facts):
        out, came = load.trip.net_out_t, load.trip.net_in_t
        if not load.trip.received:
            continue
        if out is None or came is None:
            side = ("移出", "departure") if out is None else ("接收", "arrival")
            yield say.cannot(f"{side[0]}过磅", f"the weighing at {side[1]}", load.manifest)
        elif lost := beyond(facts, out, came):
            p = round(abs(lost) / out * 100, 1) if out else Decimal(100)
            yield say(
                load.manifest, None, "" if lost > 0 else "heavy",
                no=load.manifest.number, d=abs(lost), p=p, out=out, came=came, since=load.trip.ended,
                alarm=None if lost > 0 else "heavy",
            )  # fmt: skip


@check(
    "T05", "一车多单", "Two open manifests on one vehicle", ERROR, f"{OWN}；{RULES}第16条（参照）", "D", DISPATCHER,
    texts={"": ("{plate} 同时有联单 {a} 与 {b}", "{plate} has manifests {a} and {b} open at once")},
    per_point=False, in_point=False,
)  # fmt: skip
def two_at_once(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    by_plate: dict[str, list[tuple[datetime, datetime, Manifest]]] = {}
    forever = max([facts.now, *(leg.at for m in facts.manifests() for leg in facts.legs_of(m.id))])
    for load in loads(facts):
        start = load.trip.issued or load.trip.began
        if start is None or not load.trip.sent:
            continue
        vehicle = facts.find(Vehicle, load.manifest.vehicle_id)
        plate = vehicle.plate if vehicle else load.manifest.vehicle_id[:8]
        by_plate.setdefault(plate, []).append((start, load.trip.ended or forever, load.manifest))
    for plate, spans in sorted(by_plate.items()):
        spans.sort(key=lambda s: (s[0], s[2].number))
        clashes: dict[str, list[str]] = {}
        longest: tuple[datetime, datetime, Manifest] | None = None
        by_id = {m.id: m for _, _, m in spans}
        for span in spans:
            if longest is not None and span[0] < longest[1]:
                clashes.setdefault(longest[2].id, []).append(span[2].number)
            if longest is None or span[1] > longest[1]:
                longest = span
        for id, others in clashes.items():
            yield say(by_id[id], None, plate=plate, a=by_id[id].number, b=others, since=by_id[id].issued_at)


@check(
    "T06", "未备案先起运", "Departed before filing", ERROR, LAW, "C", MANAGER,
    texts={
        "": ("转运计划 {plan} 首车 {t} 早于 {u}（{what}）", "Plan {plan}: first load {t} precedes {u} ({what})"),
        "unfiled": ("转运计划 {plan} 首车 {t} 起运，尚无{what}备案回执", "Plan {plan}: first load {t}, no filing receipt of {what}"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def before_filing(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    first: dict[str, datetime] = {}
    for load in loads(facts):
        if load.trip.began and load.trip.sent:
            id = load.manifest.plan_id
            first[id] = min(load.trip.began, first.get(id, load.trip.began))
    for id, began in first.items():
        plan = facts.get(TransferPlan, id)
        if plan is None:
            yield say.cannot("转运计划", "the transfer plan")
            continue
        for side, what in (
            ("origin", Label("移出地", "the origin")),
            ("destination", Label("接收地", "the destination")),
        ):
            accepted = [f.accepted_at for f in plan.filings if f.side == side and f.accepted_at is not None]
            if not accepted:
                yield say(plan, None, "unfiled", plan=plan.code, t=began, what=what)
            elif began < min(accepted):
                yield say(plan, None, plan=plan.code, t=began, u=min(accepted), what=what)
        opens = datetime(plan.from_date.year, plan.from_date.month, plan.from_date.day, tzinfo=SHANGHAI)
        if began < opens:
            yield say(plan, None, plan=plan.code, t=began, u=opens, what=Label("计划开始日期", "first day of the plan"))


@check(
    "T07", "计划外车辆或去向", "Vehicle or destination not in the plan", ERROR, f"{RULES}第11条（参照）；距离为{OWN}", "C",
    DISPATCHER,
    texts={"": ("联单 {no} {what}不在计划内", "Load {no}: {what} is not in the plan"),
           "far": ("联单 {no} 接收位置距计划场所 {d} m", "Load {no} was received {d} m from the planned place")},
    per_point=False, in_point=False,
)  # fmt: skip
def not_in_plan(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for load in loads(facts):
        manifest = load.manifest
        plan = facts.get(TransferPlan, manifest.plan_id)
        if not load.trip.sent:
            continue
        if plan is None:
            yield say.cannot("转运计划", "the transfer plan")
            continue
        since = load.trip.began or load.trip.issued
        if manifest.vehicle_id not in plan.vehicles:
            vehicle = facts.find(Vehicle, manifest.vehicle_id)
            plate = vehicle.plate if vehicle else manifest.vehicle_id[:8]
            yield say(manifest, None, no=manifest.number, what=Label(f"车辆 {plate} ", f"vehicle {plate}"), since=since)
        if load.receiver is None:
            org = facts.find(Organisation, manifest.receiver_id)
            name = org.name if org else manifest.receiver_place
            yield say(
                manifest, None, no=manifest.number, what=Label(f"接收单位 {name} ", f"receiver {name}"), since=since
            )
            continue
        for leg in facts.legs_of(manifest.id):
            place = load.receiver.position
            if leg.kind not in ("received", "received_difference") or leg.position is None or place is None:
                continue
            d = geo.distance_m(place.lon, place.lat, leg.position.lon, leg.position.lat)
            if d - float(leg.position.h_acc_m or 0) > facts.setting("unloading_m"):
                yield say(manifest, None, "far", no=manifest.number, d=round(d), since=leg.at, alarm="far")


@check(
    "T08", "超载", "Overweight", WARNING, "GB 1589-2016（待核）", "K", DISPATCHER,
    texts={"": ("联单 {no} 毛重 {a} t 超过 {b} t", "Load {no}: gross {a} t over {b} t")},
    per_point=False, in_point=False,
)  # fmt: skip
def overweight(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for load in loads(facts):
        vehicle = facts.find(Vehicle, load.manifest.vehicle_id)
        gross = max((w.gross_t for leg in facts.legs_of(load.manifest.id) for w in leg.weight), default=None)
        if gross is None:
            continue
        if vehicle is None:
            yield say.cannot("车辆记录", "the vehicle")
        elif (limit := GROSS_LIMIT_T.get(vehicle.vehicle_class)) is not None and gross > limit:
            yield say(load.manifest, None, no=load.manifest.number, a=gross, b=limit, since=load.trip.issued)


@check(
    "T09", "皮重漂移", "Tare drift", WARNING, OWN, "D", DISPATCHER,
    texts={"": ("{plate} 皮重 {a} t，参考 {b} t，变化 {p} %", "{plate}: tare {a} t against {b} t, changed by {p} %")},
    per_point=False, in_point=False,
)  # fmt: skip
def tare_drift(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    worst: dict[str, tuple[Decimal, Decimal, Vehicle]] = {}
    for load in loads(facts):
        vehicle = facts.find(Vehicle, load.manifest.vehicle_id)
        tares = [w.tare_t for leg in facts.legs_of(load.manifest.id) for w in leg.weight]
        if vehicle is None or not tares:
            continue
        if vehicle.tare_ref_t is None:
            yield say.cannot("车辆参考皮重", "the reference tare of the vehicle", vehicle)
            continue
        for tare in tares:
            p = abs(tare - vehicle.tare_ref_t) / vehicle.tare_ref_t * 100
            if p > facts.setting("tare_pct") and p > worst.get(vehicle.id, (Decimal(0),))[0]:
                worst[vehicle.id] = (p, tare, vehicle)
    for p, tare, vehicle in worst.values():
        yield say(vehicle, None, plate=vehicle.plate, a=tare, b=vehicle.tare_ref_t, p=round(p, 1))
