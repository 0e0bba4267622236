"""A transfer plan's state, folded from its filings, versions and dates, and what it still lacks.

土壤污染防治法第41条 [C] asks for six elements (time, way, route, quantity, destination, final disposal), reported beforehand to the
authorities of origin and destination; since 2026-08-15 the 生态环境法典 stands in its place (article to be checked). States: RULES §16
[D]. Hazardous waste is not soil to be moved by such a plan: 危险废物转移管理办法（部令第23号）goes for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal

from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.reference import Label
from schemas.rules.lack import Lack
from schemas.values import Receiver

PlanState = Literal["draft", "submitted", "filed", "active", "suspended", "closed", "superseded"]
SIDES = ("origin", "destination")
SIDE_WORDS = {"origin": Label("移出地", "origin"), "destination": Label("接收地", "destination")}
DENSITY = (Decimal("1.2"), Decimal("2.2"))  # t/m³, plausible for soil (RULES §16, D)
VOLUME_PCT = Decimal(10)  # mass ÷ density against volume (RULES §16, D: project.lot_pct's default)
_SHANGHAI = timezone(timedelta(hours=8))
# What goes for hazardous waste instead. 令第23号 [C]; the licence: 固体废物污染环境防治法第80条 [K].
HAZARD_RULES = Label(
    "按《危险废物转移管理办法》（部令第23号）办：用危险废物转移联单，接收单位须有危险废物经营许可证",
    "Go by 危险废物转移管理办法 (order no. 23): a hazardous-waste manifest, and a receiver licensed for hazardous waste",
)


# of a submitted version: what is about it and not in it
FREE = frozenset({"filings", "suspended", "suspend_reason", "note"})


def state(plan: TransferPlan, newer: bool, first_load: bool, today: date) -> PlanState:
    """`newer`: a later version is filed; `first_load`: a load has left under this version. A filed plan is active from its first load
    on, never before its first day; it stays so after its last day, until the result is reported (closed)."""
    if any(f.side == "result" for f in plan.filings):
        return "closed"
    if not missing_receipts(plan):
        if newer:
            return "superseded"
        if plan.suspended:
            return "suspended"
        return "active" if first_load and today >= plan.from_date else "filed"
    if newer:
        return "superseded"
    return "submitted" if any(f.side in SIDES for f in plan.filings) else "draft"


def frozen(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """What of a version that was handed to an authority these values (wire form) would change, and may not: "contents" (what the
    authorities were given becomes a new version), "filings" (they are only added to and given their receipt); None: it may be."""
    if not old.get("filings"):
        return None
    if any(old.get(k) != new.get(k) for k in old.keys() | new.keys() if k not in FREE):
        return "contents"
    before, after = list(old["filings"]), list(new.get("filings") or ())
    kept = len(after) >= len(before) and all(_same_filing(a, b) for a, b in zip(before, after, strict=False))
    return None if kept else "filings"


def _same_filing(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """The same filing, perhaps with its answer now."""
    added = {k for k in ("receipt_no", "accepted_at") if k not in before}
    return {k: v for k, v in after.items() if k not in added} == dict(before)


def missing_receipts(plan: TransferPlan) -> list[str]:
    """Sides (origin, destination) whose authority has not acknowledged the plan."""
    have = {f.side for f in plan.filings if f.accepted_at is not None}
    return [side for side in SIDES if side not in have]


def in_force(plans: Iterable[TransferPlan], code: str) -> TransferPlan | None:
    """The version of a plan that loads go by: the highest one filed with both authorities. A newer draft changes nothing yet."""
    filed = [p for p in plans if p.code == code and not p.deleted and not missing_receipts(p)]
    return max(filed, key=lambda p: (p.version, p.id), default=None)


def newer_filed(plan: TransferPlan, plans: Iterable[TransferPlan]) -> bool:
    """Is a later version of the same plan filed with both authorities?"""
    top = in_force(plans, plan.code)
    return top is not None and top.version > plan.version


def receiver_of(plan: TransferPlan, org: str, place: str) -> Receiver | None:
    """The receiver and place as the plan names them; None where it does not."""
    return next((r for r in plan.receivers if r.org_id == org and r.site_name == place), None)


def dispose_by(receiver: Receiver, received: datetime) -> date | None:
    """Last day to dispose of what came then; None where the plan sets no limit. The limit is the plan's own [D]: no national figure
    is known."""
    if receiver.dispose_days is None:
        return None
    return received.astimezone(_SHANGHAI).date() + timedelta(days=receiver.dispose_days)


# --- what is missing -------------------------------------------------------------------------------------------------


def lacks(plan: TransferPlan, lots: Sequence[SoilLot]) -> list[Lack]:
    """What is missing before the plan can go to the authorities. `lots`: those of the plan that are known; of the others it is not
    known whether they are hazardous."""
    return [*_elements(plan), *_more(plan), *_quantities(plan, lots), *_hazard(plan, lots)]


def _elements(plan: TransferPlan) -> Iterator[Lack]:
    """The six elements of 第41条 [C]."""
    if plan.from_date is None or plan.to_date is None:
        yield Lack("time", "缺运输时间：填转运开始和结束日期", "Transport time: fill in first and last day")
    if not plan.way:
        yield Lack("way", "缺运输方式", "Way of transport: choose one")
    if plan.mass_t is None or plan.volume_m3 is None or not plan.mass_t or not plan.volume_m3:
        yield Lack("quantity", "缺污染土壤数量：填吨数和方量", "Quantity: fill in tonnes and cubic metres")
    if not plan.receivers:
        yield Lack("destination", "缺去向：至少一个接收单位", "Destination: name at least one receiver")
    for r in plan.receivers:
        name = r.site_name
        if r.route is None and r.route_km is None:
            yield Lack(
                "route", f"缺到{name}的运输线路：在图上画，或填里程", f"Route to {name}: draw it or fill in its length"
            )
        if not r.way:
            yield Lack("disposal", f"缺{name}的最终处置措施", f"Final disposal at {name}: choose one")


def _more(plan: TransferPlan) -> Iterator[Lack]:
    """What the guards and checks of loads go by."""
    if plan.supervisor_id is None:
        yield Lack(
            "supervisor", "缺监理单位：联单要监理签字", "Supervision: its signature is asked for on every manifest"
        )
    if not plan.carriers:
        yield Lack("carriers", "缺承运单位", "Carriers: name at least one")
    if not plan.vehicles:
        yield Lack("vehicles", "缺车辆清单", "Vehicles: list at least one")
    for r in plan.receivers:
        name = r.site_name
        if r.position is None:
            yield Lack(
                "position", f"缺{name}的坐标：卸车位置要和它比", f"Position of {name}: unloading is compared with it"
            )
        if not r.permit_no:
            yield Lack("permit", f"缺{name}的许可或环评文号", f"Permit or EIA number of {name}")
        if not r.accepts:
            yield Lack("accepts", f"缺{name}可接收的土壤与污染物", f"Soil and contaminants {name} may take")
        if r.dispose_days is None:
            yield Lack("dispose_days", f"缺{name}的处置时限", f"Time limit for disposal at {name}")
    if not plan.measures:
        yield Lack("measures", "缺防洒漏措施", "Spill and cover measures")
    if not plan.emergency:
        yield Lack("emergency", "缺应急措施", "Emergency measures")
    if not plan.notice_text:
        yield Lack("notice", "缺公告牌内容", "Notice board text")
    if plan.version > 1 and not plan.changed_what:
        yield Lack("changed", f"第 {plan.version} 版要写明变更内容", f"Version {plan.version}: say what was amended")


def _quantities(plan: TransferPlan, lots: Sequence[SoilLot]) -> Iterator[Lack]:
    """Tonnes against cubic metres, against the lots' own volumes, against what the receivers may take."""
    if plan.mass_t and plan.volume_m3:
        density = round(plan.mass_t / plan.volume_m3, 2)
        low, high = DENSITY
        if not low <= density <= high:
            yield Lack(
                "density", f"吨数与方量折合密度 {density} t/m³，应在 {low}–{high}：核对数量",
                f"Tonnes and volume mean {density} t/m³, expected {low}–{high}: check the quantities",
            )  # fmt: skip
    known = [lot for lot in lots if lot.id in plan.lots]
    surveyed = [lot.volume_m3 for lot in known if lot.volume_m3 is not None]
    if plan.volume_m3 and len(surveyed) == len(plan.lots):
        total = sum(surveyed, Decimal(0))
        if plan.volume_m3 > total * (1 + VOLUME_PCT / 100):
            yield Lack(
                "lots_volume", f"计划方量 {plan.volume_m3} m³ 多于土方单元测量方量 {total} m³：核对",
                f"Planned {plan.volume_m3} m³, the lots were surveyed at {total} m³: check",
            )  # fmt: skip
    capacity = sum((r.capacity_t for r in plan.receivers), Decimal(0))
    if plan.mass_t and plan.receivers and capacity < plan.mass_t:
        yield Lack(
            "capacity", f"接收单位共可接收 {capacity} t，少于计划 {plan.mass_t} t",
            f"The receivers may take {capacity} t, less than the planned {plan.mass_t} t",
        )  # fmt: skip


def _hazard(plan: TransferPlan, lots: Sequence[SoilLot]) -> Iterator[Lack]:
    here = {lot.id: lot for lot in lots}
    for id in plan.lots:
        lot = here.get(id)
        yield from hazard(lot.hazard if lot else None, lot.code if lot else id[:8], known=lot is not None)


def hazard(flag: str | None, code: str | None, known: bool = True) -> Iterator[Lack]:
    """What stands against moving a lot by a manifest of soil. `known` False: the lot is not here, it cannot be said."""
    zh, en = (code, code) if code else ("这个土方单元", "this lot")
    if flag == "hazardous":
        yield Lack("hazardous", f"{zh} 是危险废物，不能用土壤联单转运。{HAZARD_RULES.zh}",
                   f"{en} is hazardous waste and not to be moved as soil. {HAZARD_RULES.en}")  # fmt: skip
    elif flag == "pending":
        yield Lack("hazard_open", f"{zh} 的危废鉴别还没有结论，结论出来前不能转运",
                   f"{en}: the hazard identification is not concluded; no transfer before it is")  # fmt: skip
    elif flag != "not_hazardous" and known:
        yield Lack(
            "hazard_open", f"{zh} 没有危废鉴别结论：先填结论", f"{en} has no hazard identification: fill it in first"
        )
    elif flag != "not_hazardous":
        yield Lack("hazard_open", f"不知道 {zh} 是不是危险废物：这台设备上没有它的记录",
                   f"Cannot say whether {en} is hazardous waste: its record is not here", cannot=True)  # fmt: skip
