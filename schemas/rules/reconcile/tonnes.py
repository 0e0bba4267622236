"""Transfer checks T03, T04, T10 and T14: the tonnes against the plan, the pit, the receiver's account and what the receiver may take.

All figures are those of the mass balance (`schemas.rules.manifest.balance`); tolerances are the project's (RULES §16, D).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from schemas.records.organisation import Organisation
from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.reference import Label, codes
from schemas.rules.manifest.balance import DENSITY_T_M3, Line, balance, masses, newest_plans
from schemas.rules.manifest.mass import NOTHING, Range
from schemas.rules.reconcile.checks import ERROR, MANAGER, WARNING, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.transfer import LAW, OWN, RULES, receiver_of


def _end(value: Decimal | None) -> Decimal | str:
    return "?" if value is None else value


@check(
    "T03", "超计划转运量", "Above the planned mass", ERROR, f"{OWN}；{LAW}", "D", MANAGER,
    texts={
        "": ("转运计划 {plan} 已接收 {a}–{b} t，计划 {c} t", "Plan {plan}: received {a}–{b} t, planned {c} t"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def above_plan(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    plans = {p.id: p for p in newest_plans(facts).values()}
    for line in balance(facts).by_plan:
        plan = plans.get(line.key)
        if plan is not None and line.fit == "over":
            yield say(plan, None, plan=plan.code, a=line.came.low, b=_end(line.came.high), c=plan.mass_t)
        elif plan is not None and line.fit == "cannot":
            yield say.cannot("未接收车次的重量", "the weights of the loads not yet received", plan)


@check(
    "T04", "吨位与方量不符", "Tonnes do not fit the pit", WARNING, OWN, "D", MANAGER,
    texts={
        "": ("土方单元 {lot} 实测 {a} m³（{kind}），出场 {t} t 按密度 {d} t/m³ 折 {b} m³",
             "Lot {lot}: surveyed {a} m³ ({kind}), but the {t} t that left mean {b} m³ at {d} t/m³"),
        "density": ("土方单元 {lot} 密度 {d} t/m³ 不在 {low}–{high} t/m³ 内", "Lot {lot}: density {d} t/m³ is not within {low}–{high} t/m³"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def tonnes_and_pit(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    low, high = DENSITY_T_M3
    for lot in facts.alive(SoilLot):
        if lot.density_t_m3 is not None and not low <= lot.density_t_m3 <= high:
            yield say(lot, None, "density", lot=lot.code, d=lot.density_t_m3, low=low, high=high)
    for line in balance(facts).by_lot:
        pit = facts.find(SoilLot, line.key)
        if line.fit in ("over", "under") and line.volume is not None:
            kind = codes("lot_volume_kind").get(line.volume_kind or "") or Label("口径未填", "kind not given")
            gone = line.gone
            yield say(
                pit, None, lot=line.name, a=line.survey_m3, kind=kind, t=_span(gone), d=line.density,
                b=_span(Range(round(line.volume.low, 1), None if line.volume.high is None else round(line.volume.high, 1))),
            )  # fmt: skip
        elif line.fit == "cannot":
            yield say.cannot(*_lacking(pit, line), pit)


def _lacking(pit: SoilLot | None, line: Line) -> Label:
    if pit is None:
        return Label("土方单元", "the soil lot")
    if pit.volume_m3 is None:
        return Label("测量方量", "the surveyed volume")
    if pit.density_t_m3 is None:
        return Label("密度", "the density")
    return Label("未定车次的重量", "the weights of the loads that are open")


def _span(r: Range) -> str:
    low, high = (None if v is None else f"{v.normalize():f}" for v in r)
    return low or "0" if low == high else f"{low}–{high or '?'}"


@check(
    "T10", "接收方不平衡", "Receiver balance open", WARNING, OWN, "D", MANAGER,
    texts={
        "": ("{org} 截至 {day} 接收 {a} t，已处置 {b} t，库存 {c} t，差 {d} t",
             "{org}: {a} t came by {day}, {b} t treated, {c} t in stock, {d} t apart"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def receiver_balance(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for line in balance(facts).by_receiver:
        org = facts.find(Organisation, line.key)
        if line.came_then is None or line.treated_t is None or line.stock_t is None:
            continue  # the receiver has not accounted for anything yet
        if line.fit == "cannot":
            yield say.cannot("未定车次的接收量", "what was accepted of the loads that are open", org)
        elif line.fit in ("over", "under"):
            came = line.came_then
            end = came.low if line.fit == "under" or came.high is None else came.high  # the nearer one
            apart = end - line.treated_t - line.stock_t
            yield say(
                org, None, org=line.name, day=line.as_of, a=_span(came), b=line.treated_t, c=line.stock_t, d=apart
            )


@check(
    "T14", "超接收能力", "Receiver's capacity passed", ERROR, f"{OWN}；{RULES}第10条（参照）", "D", MANAGER,
    texts={"": ("{org}（{place}）已接收 {a} t，可接收 {c} t", "{org} ({place}): {a} t received, it may take {c} t")},
    per_point=False, in_point=False,
)  # fmt: skip
def over_capacity(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    came: dict[tuple[str, str, str], Range] = {}
    for load in masses(facts):
        place, plan = receiver_of(facts, load.manifest), facts.get(TransferPlan, load.manifest.plan_id)
        if place is None or plan is None:
            continue
        key = (plan.code, place.org_id, place.site_name)
        came[key] = came.get(key, NOTHING).plus(load.mass.came)
    for code, plan in sorted(newest_plans(facts).items()):
        for place in plan.receivers:
            sofar = came.get((code, place.org_id, place.site_name))
            if sofar is None:
                continue
            if sofar.low > place.capacity_t:
                org = facts.find(Organisation, place.org_id)
                name = org.name if org else place.site_name
                yield say(plan, None, org=name, place=place.site_name, a=_span(sofar), c=place.capacity_t)
            elif sofar.high is None or sofar.high > place.capacity_t:
                yield say.cannot("未接收车次的重量", "the weights of the loads not yet received", plan)
