"""Carbon of the haulage: tonnes × kilometres of each load × the factor of its vehicle class.

Factors: GB/T 51366-2019 Appendix E (reference/factors.csv, C2 or K, 待核), in kg CO2e per t·km, each with its version. Which row stands for
which vehicle class is our reading of the nominal loads (K). What is not known stays an interval or unknown, never zero.

The factor of a t·km holds the truck's fuel already: a project that logs diesel must never add the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.reference import Label, cite, table
from schemas.rules.manifest.balance import TripMass, masses
from schemas.rules.manifest.mass import NOTHING, ZERO, Range
from schemas.rules.reconcile.transfer import receiver_of

if TYPE_CHECKING:
    from schemas.rules.reconcile.facts import Facts

# vehicle class → row of factors.csv: diesel, the nominal load nearest to what the class may carry (gross limit of GB 1589 less a usual
# tare of 8, 10, 13, 15, 15 and 17 t). Mark K. Barge, rail wagon and works vehicle have no row.
ROW_OF = {
    "t2_18": "diesel_10", "t3_25": "diesel_18", "t4_31": "diesel_18", "s4_36": "diesel_18", "s5_43": "diesel_30",
    "s6_49": "diesel_30",
}  # fmt: skip
NOT_WITH_FUEL = Label(
    "t·km 因子已含车辆燃料，不得与燃油消耗重复计算",
    "The factor per t·km holds the truck's fuel: do not count fuel as well",
)
_NO_KM = Label("里程未知", "distance not known")
_NO_FACTOR = Label("该车型没有因子", "no factor for this vehicle class")
_NO_VEHICLE = Label("车辆未知", "vehicle not known")
_NO_MASS = Label("重量未定", "mass not settled")


class Factor(NamedTuple):
    """kg CO2e per t·km, with what it stands on."""

    code: str
    name: Label
    value: Decimal
    version: str
    source: Label
    mark: str


class Haul(NamedTuple):
    """One load: how far, how much of it how far (t·km), and what that comes to (kg CO2e). None: cannot say at all."""

    manifest: str
    number: str
    km: Decimal | None
    measured: bool  # by the odometer; else the length of the planned route
    factor: Factor | None
    t_km: Range | None
    kg: Range | None
    unknown: tuple[Label, ...]


class Sum(NamedTuple):
    """The sum of some loads. An end that is None is not known; `unknown` names what is open, with the numbers of the loads."""

    key: str
    name: str
    loads: int
    t_km: Range
    kg: Range
    unknown: list[str]
    unknown_en: list[str]


class Carbon(NamedTuple):
    hauls: list[Haul]
    total: Sum
    by_plan: list[Sum]
    by_lot: list[Sum]
    factors: list[Factor]  # those used


@cache
def factors() -> dict[str, Factor]:
    return {
        r["code"]: Factor(r["code"], Label(r["zh"], r["en"]), Decimal(r["value"]), r["version"],
                          cite(f"{r['standard']} {r['table']}", r["row"], r["mark"]), r["mark"])
        for r in table("factors")
    }  # fmt: skip


def factor_of(vehicle_class: str) -> Factor | None:
    """The factor of a vehicle class, or None where the table has none."""
    row = ROW_OF.get(vehicle_class)
    return factors()[row] if row else None


def carbon(facts: Facts) -> Carbon:
    """Of every load that counts."""
    return facts.remember("carbon", lambda: _carbon(facts))


def _carbon(facts: Facts) -> Carbon:
    loads = [t for t in masses(facts) if t.counts]
    hauls = [_haul(facts, t) for t in loads]
    plans = {t.manifest.plan_id: facts.find(TransferPlan, t.manifest.plan_id) for t in loads}
    lots = {t.manifest.lot_id: facts.find(SoilLot, t.manifest.lot_id) for t in loads}
    by_plan: dict[str, list[Haul]] = {}
    by_lot: dict[str, list[Haul]] = {}
    for load, haul in zip(loads, hauls, strict=True):
        plan, lot = plans[load.manifest.plan_id], lots[load.manifest.lot_id]
        by_plan.setdefault(plan.code if plan else load.manifest.plan_id[:8], []).append(haul)
        by_lot.setdefault(lot.code if lot else load.manifest.lot_id[:8], []).append(haul)
    used = {h.factor.code: h.factor for h in hauls if h.factor}
    return Carbon(
        hauls, _sum("", hauls), [_sum(k, own) for k, own in sorted(by_plan.items())],
        [_sum(k, own) for k, own in sorted(by_lot.items())], [used[k] for k in sorted(used)],
    )  # fmt: skip


def _haul(facts: Facts, load: TripMass) -> Haul:
    km, measured = _km(facts, load)
    vehicle = facts.find(Vehicle, load.manifest.vehicle_id)
    factor = factor_of(vehicle.vehicle_class) if vehicle else None
    carried, unknown = _carried(load), []
    if not carried.exact:
        unknown.append(_NO_MASS)
    if km is None:
        unknown.append(_NO_KM)
    if factor is None:
        unknown.append(_NO_FACTOR if vehicle else _NO_VEHICLE)
    t_km = carried.times(km) if km is not None else None
    kg = t_km.times(factor.value) if t_km is not None and factor else None
    return Haul(load.manifest.id, load.manifest.number, km, measured, factor, t_km, kg, tuple(unknown))


def _km(facts: Facts, load: TripMass) -> tuple[Decimal | None, bool]:
    """How far it is to the receiver: by the odometer at both ends, else by the plan."""
    read = {leg.kind: leg.odometer_km for leg in facts.legs_of(load.manifest.id) if leg.odometer_km is not None}
    begin = next((read[k] for k in ("departed", "issued") if k in read), None)
    end = next((read[k] for k in ("arrived", "received", "received_difference", "rejected") if k in read), None)
    if begin is not None and end is not None and end > begin:
        return end - begin, True
    place = receiver_of(facts, load.manifest)
    return (place.route_km if place else None), False


def _carried(load: TripMass) -> Range:
    """Tonnes carried the whole way: what came; of a load turned away what left, and the same way back what returned."""
    m, state = load.mass, load.trip.state
    if state in ("received", "received_difference", "closed", "disposed"):
        return m.came
    if state == "rejected":
        return m.out
    if state == "returned":
        return m.out.plus(m.back)
    return Range(ZERO, m.out.high)  # on its way, or nobody knows


def _sum(name: str, hauls: Iterable[Haul]) -> Sum:
    own = list(hauls)
    open_: dict[Label, list[str]] = {}
    t_km = kg = NOTHING
    for haul in own:
        t_km = t_km.plus(haul.t_km or Range(ZERO, None))
        kg = kg.plus(haul.kg or Range(ZERO, None))
        for what in haul.unknown:
            open_.setdefault(what, []).append(haul.number)
    return Sum(
        name, name, len(own), t_km, kg, [f"{w.zh}：{'、'.join(n)}" for w, n in open_.items()],
        [f"{w.en}: {', '.join(n)}" for w, n in open_.items()],
    )  # fmt: skip
