"""The mass balance: per load, and added up by vehicle, day, pit, receiver and plan. An interval wherever something is not known.

Voided loads do not count; a load turned away goes back to its pit. A day is the day its loads were weighed out and issued, so that what
left and what came of it stand in one line, and no leg that comes late moves a load to another. Sources: RULES §16 (mass balance, D; figures of the project); 部令第23号 Art. 10, 12 (weigh every load), C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from schemas.records.disposal_record import DisposalRecord
from schemas.records.manifest import Manifest
from schemas.records.organisation import Organisation
from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.reference import Label
from schemas.rules.manifest.fold import unsure
from schemas.rules.manifest.mass import NOT_ISSUED, NOTHING, ZERO, Mass, Range, Tolerance, mass
from schemas.rules.manifest.trips import State, Trip, trip
from schemas.rules.transfer_plan import in_force

if TYPE_CHECKING:
    from schemas.rules.reconcile.facts import Facts

__all__ = ["Balance", "Line", "Range", "TripMass", "balance", "beyond"]

DENSITY_T_M3 = (Decimal("1.2"), Decimal("2.2"))  # D, RULES §16: what soil can weigh
Fit = Literal["fits", "over", "under", "cannot", ""]
_CHINA = timezone(timedelta(hours=8))


class TripMass(NamedTuple):
    """One load. `excess`: out less in where they differ by more than the project allows (below 0: heavier on arrival); 0 where
    they agree; None where one side was not weighed."""

    manifest: Manifest
    trip: Trip
    mass: Mass
    excess: Decimal | None

    @property
    def state(self) -> State:
        return self.trip.state

    @property
    def out_t(self) -> Decimal | None:
        """As weighed."""
        return self.trip.net_out_t

    @property
    def in_t(self) -> Decimal | None:
        """As weighed, or as confirmed where it was not."""
        return self.trip.net_in_t

    @property
    def counts(self) -> bool:
        return self.state != "voided"

    @property
    def day(self) -> date:
        """The day it is counted under."""
        return _day(self.manifest.issued_at)


class Line(NamedTuple):
    """The sum of some loads. Masses in t; `gone`: left for good, out less back load by load. `unknown` (Chinese), `unknown_en`: what makes intervals of them, with the numbers.
    `weighed`: how many were weighed on both sides; `lost_t`: by how much more of these left than came.

    A pit's line has its surveyed volume and the volume its net mass means by its density (`volume_kind`: bank 实方, loose 松方; the
    density is taken as of the same kind); a plan's its mass and the limit; a receiver's what was treated, what lies in stock, and
    what had come (`came_then`) by `as_of`, the last day these are known for. `fit` says how the two sides agree within the project's
    tolerance: over and under are certain, cannot = it depends on what is unknown, "" = nothing to compare (yet)."""

    key: str
    name: str
    loads: int
    out: Range
    came: Range
    back: Range
    gone: Range
    unknown: list[str]
    unknown_en: list[str]
    on_road: int = 0
    weighed: int = 0
    lost_t: Decimal = ZERO
    fit: Fit = ""
    planned_t: Decimal | None = None
    limit_t: Decimal | None = None
    volume: Range | None = None
    survey_m3: Decimal | None = None
    volume_kind: str | None = None
    density: Decimal | None = None
    treated_t: Decimal | None = None
    stock_t: Decimal | None = None
    came_then: Range | None = None
    as_of: date | None = None


class Balance(NamedTuple):
    """`unheard`: devices that still hold changes, or never said: there may be loads that nobody here knows of."""

    trips: list[TripMass]
    total: Line
    by_plan: list[Line]
    by_lot: list[Line]
    by_receiver: list[Line]
    by_vehicle: list[Line]
    by_day: list[Line]
    unheard: list[str]


def balance(facts: Facts) -> Balance:
    """Everything the facts know of loads. Lines are in order of their names; trips in order of their numbers."""
    return facts.remember("balance", lambda: _balance(facts))


def tolerance(facts: Facts) -> Tolerance:
    return Tolerance(facts.setting("mass_pct"), facts.setting("mass_abs_t"))


def beyond(facts: Facts, out: Decimal, came: Decimal) -> Decimal:
    """out − came where they differ by more than the project allows; 0 otherwise. Below 0: heavier on arrival."""
    lost = out - came
    return lost if abs(lost) > tolerance(facts).of(out) else ZERO


def masses(facts: Facts) -> list[TripMass]:
    """Every load, by number, voided ones included."""

    def make() -> list[TripMass]:
        allowed = tolerance(facts)
        return sorted(
            (_one(facts, m, allowed) for m in facts.manifests()), key=lambda t: (t.manifest.number, t.manifest.id)
        )

    return facts.remember("masses", make)


def _one(facts: Facts, manifest: Manifest, allowed: Tolerance) -> TripMass:
    legs = facts.legs_of(manifest.id)
    seen = trip(legs)
    out, came = seen.net_out_t, seen.net_in_t
    found = mass(legs, allowed)
    if _anybodys(facts, manifest):  # there may be no such load: it adds nothing for certain
        out_, came_, back_ = (Range(ZERO, r.high) for r in (found.out, found.came, found.back))
        found = Mass(out_, came_, back_, (*found.unknown, NOT_ISSUED))
    return TripMass(manifest, seen, found, None if out is None or came is None else beyond(facts, out, came))


def _anybodys(facts: Facts, manifest: Manifest) -> bool:
    """A load known only from a code that nobody who is known to issue loads has signed: whoever hands in codes can make one up."""
    if facts.directory is None or facts.find(Manifest, manifest.id) is not None:
        return False
    steps = facts.story(manifest.id).steps
    return not any(leg.load is not None and unsure(leg) == 0 for leg in steps)


def newest_plans(facts: Facts) -> dict[str, TransferPlan]:
    """Plan code → the version that loads go by: the one in force, or the highest where none is filed."""
    plans = facts.alive(TransferPlan)
    top: dict[str, TransferPlan] = {}
    for plan in plans:
        if plan.code not in top or top[plan.code].version < plan.version:
            top[plan.code] = plan
    return {code: in_force(plans, code) or plan for code, plan in top.items()}


def _balance(facts: Facts) -> Balance:
    counted = [t for t in masses(facts) if t.counts]
    newest = newest_plans(facts)

    def plan_of(m: Manifest) -> tuple[str, str]:
        plan = facts.find(TransferPlan, m.plan_id)
        return (
            (newest[plan.code].id, plan.code)
            if plan and plan.code in newest
            else (m.plan_id, name_of(facts, "plans", m.plan_id))
        )

    def lot_of(m: Manifest) -> tuple[str, str]:
        lot = facts.find(SoilLot, m.lot_id)
        return m.lot_id, lot.code if lot else name_of(facts, "lots", m.lot_id)

    def receiver_of(m: Manifest) -> tuple[str, str]:
        org = facts.find(Organisation, m.receiver_id)
        return m.receiver_id, org.name if org else m.receiver_place

    def vehicle_of(m: Manifest) -> tuple[str, str]:
        vehicle = facts.find(Vehicle, m.vehicle_id)
        return m.vehicle_id, vehicle.plate if vehicle else name_of(facts, "vehicles", m.vehicle_id)

    def day_of(m: Manifest) -> tuple[str, str]:
        day = _day(m.issued_at).isoformat()
        return day, day

    def to(receiver: str) -> list[TripMass]:
        return [t for t in counted if t.manifest.receiver_id == receiver]

    return Balance(
        masses(facts),
        _line("", "", counted),
        [_of_plan(facts, line, newest) for line in _lines(counted, plan_of)],
        [_of_lot(facts, line) for line in _lines(counted, lot_of)],
        [_of_receiver(facts, line, to(line.key)) for line in _lines(counted, receiver_of)],
        _lines(counted, vehicle_of),
        _lines(counted, day_of),
        [d.label for d in facts.devices if d.pending != 0],
    )


def _day(at: datetime) -> date:
    return at.astimezone(_CHINA).date()


def name_of(facts: Facts, kind: str, id: str) -> str:
    """What the directory calls a plan, lot or vehicle ("plans", "lots", "vehicles") that is not here; else the beginning of its id."""
    known = facts.directory.of(kind, id) if facts.directory else {}
    return str(known.get("plate" if kind == "vehicles" else "code") or id[:8])


def _lines(loads: Sequence[TripMass], by: Callable[[Manifest], tuple[str, str]]) -> list[Line]:
    groups: dict[str, tuple[str, list[TripMass]]] = {}
    for load in loads:
        key, name = by(load.manifest)
        groups.setdefault(key, (name, []))[1].append(load)
    return [_line(key, name, own) for key, (name, own) in sorted(groups.items(), key=lambda g: (g[1][0], g[0]))]


def _line(key: str, name: str, loads: Sequence[TripMass]) -> Line:
    open_: dict[Label, list[str]] = {}
    for load in loads:
        for what in load.mass.unknown:
            open_.setdefault(what, []).append(load.manifest.number)
    both = [(t.trip.net_out_t, t.trip.net_in_t) for t in loads]
    lost = [out - came for out, came in both if out is not None and came is not None]
    return Line(
        key, name, len(loads), _sum(t.mass.out for t in loads), _sum(t.mass.came for t in loads), _sum(t.mass.back for t in loads),
        _sum(t.mass.gone for t in loads),
        [f"{what.zh}：{_some(numbers, '、', ' 等 {n} 车')}" for what, numbers in open_.items()],
        [f"{what.en}: {_some(numbers, ', ', ' and others, {n} in all')}" for what, numbers in open_.items()],
        sum(t.trip.on_the_way for t in loads), len(lost), sum(lost, ZERO),
    )  # fmt: skip


def _some(numbers: Sequence[str], join: str, more: str) -> str:
    return join.join(numbers[:5]) + (more.format(n=len(numbers)) if len(numbers) > 5 else "")


def _sum(ranges: Iterable[Range]) -> Range:
    whole = NOTHING
    for each in ranges:
        whole = whole.plus(each)
    return whole


def _of_plan(facts: Facts, line: Line, newest: dict[str, TransferPlan]) -> Line:
    """Received against planned (T03)."""
    plan = next((p for p in newest.values() if p.id == line.key), None)
    if plan is None:
        return line
    limit = plan.mass_t * (100 + facts.setting("plan_over_pct")) / 100
    most = line.came.high
    fit: Fit = "over" if line.came.low > limit else "cannot" if most is None or most > limit else "fits"
    return line._replace(planned_t=plan.mass_t, limit_t=limit, fit=fit)


def _of_lot(facts: Facts, line: Line) -> Line:
    """What left by its density against what was surveyed (T04). Too little is only said once every plan of the pit has ended."""
    lot = facts.find(SoilLot, line.key)
    if lot is None:
        return line._replace(fit="cannot")
    survey, density = lot.volume_m3, lot.density_t_m3
    line = line._replace(survey_m3=survey, volume_kind=lot.volume_kind, density=density)
    if survey is None or density is None:
        return line._replace(fit="cannot")
    volume, share = line.gone.over(density), facts.setting("lot_pct") / 100
    most, least = survey * (1 + share), survey * (1 - share)
    plans = [p for p in newest_plans(facts).values() if lot.id in p.lots]
    ended = bool(plans) and all(p.to_date < _day(facts.now) for p in plans)
    fit: Fit = ""
    if volume.low > most:
        fit = "over"
    elif volume.high is None or volume.high > most:
        fit = "cannot"
    elif ended:
        fit = "under" if volume.high < least else "cannot" if volume.low < least else "fits"
    return line._replace(volume=volume, fit=fit)


def _of_receiver(facts: Facts, line: Line, loads: Sequence[TripMass]) -> Line:
    """Came in = treated + in stock (what was turned away did not come in), on the last day the receiver accounted for (T10)."""
    said = [r for r in facts.alive(DisposalRecord) if r.receiver_id == line.key and r.to_date is not None]
    if not said:
        return line
    as_of = max(r.to_date for r in said if r.to_date is not None)
    last = {r.lot_code: r for r in sorted(said, key=lambda r: (r.to_date or as_of, r.id))}
    treated, stock = sum((r.mass_t for r in said), ZERO), sum((r.stock_t for r in last.values()), ZERO)
    then = _sum(_by(t, as_of) for t in loads)
    share = facts.setting("receiver_pct") / 100
    accounted = treated + stock
    fit: Fit = "cannot"
    if then.low * (1 - share) > accounted:
        fit = "under"
    elif then.high is not None and then.high * (1 + share) < accounted:
        fit = "over"
    elif then.high is not None and then.high * (1 - share) <= accounted <= then.low * (1 + share):
        fit = "fits"
    return line._replace(treated_t=treated, stock_t=stock, came_then=then, as_of=as_of, fit=fit)


def _by(load: TripMass, day: date) -> Range:
    """What had come of a load by the end of a day."""
    if load.trip.ended is not None:
        return load.mass.came if _day(load.trip.ended) <= day else NOTHING
    return load.mass.came if _day(load.manifest.issued_at) <= day else NOTHING
