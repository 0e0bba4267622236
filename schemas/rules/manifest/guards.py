"""May this step be done now, and if not, what is missing. The same on tablet and server.

Guards: RULES §16 [D]; signatures, weighing and the named receiver after 危险废物转移管理办法（部令第23号）第10–12、16、18条 [C] by analogy. A step that
was signed all the same is never refused: it happened, and is asked about.

Codes. Of the step: step. Of the plan: plan_receipts, plan_suspended, plan_closed, plan_superseded, plan_date, lot_unlisted,
vehicle_unlisted, receiver_unlisted, hazardous, hazard_open. Of the truck: vehicle_busy. Of the leg: weight, sender_signature,
supervisor_signature, driver_signature, receiver_signature, cover_photo, received_t, use_difference, problem, problem_text, void_reason,
amended_what. Warnings: gross_limit, permit_ended, paper_late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas.fields import fields_of
from schemas.records.project import Project
from schemas.rules import transfer_plan
from schemas.rules.lack import Lack
from schemas.rules.manifest.fold import Story
from schemas.rules.manifest.known import Known, PlanKnown
from schemas.rules.manifest.mass import Tolerance
from schemas.rules.manifest.questions import kind_words
from schemas.rules.manifest.trips import STAND_INS, TAKEN, trip
from schemas.rules.transfer_plan import hazard

__all__ = ["DEFAULT_TOLERANCE", "Known", "Lack", "PlanKnown", "lacks", "stops", "warnings"]

_SHANGHAI = timezone(timedelta(hours=8))
PAPER_DAYS = 10  # working days to enter a paper manifest (令第23号第20条, C)
_TO_DRIVE = frozenset({"issued", "departed"})  # steps for which plan and truck must be free


def stops(lacking: Sequence[Lack]) -> list[Lack]:
    """Those that stand against the step; the others this device cannot know."""
    return [lack for lack in lacking if not lack.cannot]


def lacks(kind: str, leg: Mapping[str, Any], story: Story, known: Known, now: datetime) -> list[Lack]:
    """What is missing before a leg of this kind may be signed; empty: it may be done. `leg`: its values (wire form) as far as they are
    there; `story`: of the legs before it."""
    way = leg.get("way") or "own"
    found = list(_step(kind, way, story))
    if kind in _TO_DRIVE and way not in STAND_INS:
        found += [*_plan(known, now), *_busy(known)]
    if kind == "issued":
        found += [*_listed(known), *_hazard(known)]
    if kind in ("issued", *TAKEN):
        found += _weighed(leg)
    found += _signed(kind, leg, way)
    if kind == "departed":
        found += _ready(story, known, way)
    if kind in TAKEN:
        found += _taken(kind, leg, story, known)
    if kind in ("received_difference", "rejected"):
        if not leg.get("problem"):
            found.append(Lack("problem", "选差异类型", "Choose what differs"))
        if not leg.get("problem_text"):
            found.append(Lack("problem_text", "写明差异或拒收的原因", "Say what differs, or why it is rejected"))
    if kind == "voided" and not (leg.get("problem_text") or leg.get("note")):
        found.append(Lack("void_reason", "写明作废原因", "Say why it is voided"))
    if kind == "amended" and not (leg.get("problem_text") or leg.get("note")):
        found.append(Lack("amended_what", "写明更正了什么", "Say what is corrected"))
    return found


def warnings(kind: str, leg: Mapping[str, Any], story: Story, known: Known, now: datetime) -> list[Lack]:
    """What should be looked at and does not stand against the step."""
    out = []
    gross = sum((g for g, _ in _tickets(leg)), Decimal(0))
    if known.limit_t is not None and gross > known.limit_t:
        out.append(Lack("gross_limit", f"总重 {gross} t 超过该车型限值 {known.limit_t} t（GB 1589，待核）",
                        f"Gross {gross} t is over the {known.limit_t} t of this class (GB 1589, to be checked)"))  # fmt: skip
    if known.permit_to is not None and kind in _TO_DRIVE and known.permit_to < now.astimezone(_SHANGHAI).date():
        out.append(
            Lack(
                "permit_ended",
                f"道路运输证 {known.permit_to} 到期",
                f"The road transport permit ended on {known.permit_to}",
            )
        )
    at = _time(leg.get("at"))
    if leg.get("way") == "paper" and at and _working_days(at, now) > PAPER_DAYS:
        out.append(Lack("paper_late", f"纸质联单应在 {PAPER_DAYS} 个工作日内补录（未计法定节假日）",
                        f"A paper manifest is to be entered within {PAPER_DAYS} working days (public holidays not counted)"))  # fmt: skip
    return out


# --- one guard each --------------------------------------------------------------------------------------------------


def _step(kind: str, way: str, story: Story) -> Iterator[Lack]:
    """Is it this step's turn? A stand-in may also fill in a step that was left out."""
    have = {leg.record.kind for leg in story.steps}
    if kind in story.next or kind == "paper_entry":
        return
    if way in STAND_INS and kind not in have and have and story.state not in ("voided", "disputed"):
        return
    word = kind_words(kind)
    zh, en = _why_not(kind, story.state, have)
    yield Lack("step", f"现在不能签「{word.zh}」：{zh}", f"“{word.en}” cannot be signed now: {en}")


def _why_not(kind: str, state: str, have: set[str]) -> tuple[str, str]:
    if kind in have and kind not in ("waypoint", "relay"):
        return "这一步已经签过", "this step is signed already"
    if state == "draft":
        return (
            "移出单位还没有签发，先扫签发后的交接码",
            "the sender has not issued it; scan the code of the issued manifest first",
        )
    if state == "voided":
        return "联单已作废，另开一张", "the manifest is voided; issue another one"
    if state == "disputed":
        return "结局有两个，先问清以哪个为准", "it has two ends; ask first which one holds"
    if kind == "disposed":
        return "接收单位还没有接收", "the receiver has not received it"
    if state == "issued":
        return (
            "驾驶员还没有签起运；签过就扫他手机上的码",
            "the driver has not signed the departure; if he did, scan the code on his phone",
        )
    if kind == "voided":
        return (
            "车已起运，不能作废；拉回来就签退回",
            "the truck has departed; a load that comes back is signed as returned",
        )
    if state in ("received", "received_difference", "disposed", "closed"):
        return "这车已经接收", "this load is received"
    if state in ("rejected", "returned"):
        return "这车已被拒收或退回", "this load was rejected or returned"
    return "这一步的时候已过", "its turn has passed"


def _plan(known: Known, now: datetime) -> Iterator[Lack]:
    plan = known.plan
    if plan is None:
        yield Lack("plan_receipts", "不知道转运计划是否已备案：这台设备上没有它",
                   "Cannot say whether the plan is filed: it is not on this device", cannot=True)  # fmt: skip
        return
    if plan.missing or plan.state in ("draft", "submitted"):
        sides = plan.missing or transfer_plan.SIDES
        zh = "、".join(transfer_plan.SIDE_WORDS[s].zh for s in sides)
        en = " and ".join(transfer_plan.SIDE_WORDS[s].en for s in sides)
        yield Lack("plan_receipts", f"转运计划 {plan.code} 缺{zh}主管部门的回执：收到回执后登记",
                   f"Plan {plan.code}: no receipt of the authority of {en}; enter it when it comes")  # fmt: skip
    elif plan.state == "suspended":
        yield Lack("plan_suspended", f"转运计划 {plan.code} 已暂停", f"Plan {plan.code} is suspended")
    elif plan.state == "closed":
        yield Lack("plan_closed", f"转运计划 {plan.code} 已结束", f"Plan {plan.code} is closed")
    elif plan.state == "superseded":
        yield Lack(
            "plan_superseded",
            f"转运计划 {plan.code} 有了新版本：按新版本开",
            f"Plan {plan.code} has a newer version: go by that one",
        )
    elif plan.state is None:
        yield Lack(
            "plan_receipts",
            f"不知道转运计划 {plan.code} 是否已备案",
            f"Cannot say whether plan {plan.code} is filed",
            cannot=True,
        )
    today = now.astimezone(_SHANGHAI).date()
    if plan.from_date is None or plan.to_date is None:
        yield Lack(
            "plan_date",
            f"不知道转运计划 {plan.code} 的起止日期",
            f"Cannot say from when to when plan {plan.code} goes",
            cannot=True,
        )
    elif not plan.from_date <= today <= plan.to_date:
        yield Lack("plan_date", f"今天不在转运计划 {plan.code} 的 {plan.from_date} 至 {plan.to_date} 之内：改期要变更计划",
                   f"Today is outside plan {plan.code}, {plan.from_date} to {plan.to_date}: other dates need an amended plan")  # fmt: skip


def _listed(known: Known) -> Iterator[Lack]:
    """Lot, vehicle and receiver are those of the plan."""
    plan = known.plan
    if plan is None:
        return
    lot, plate, place = known.lot_code or "土方单元", known.plate or "车辆", known.receiver_place or "接收场所"
    if plan.lots is not None and known.lot_id is not None and known.lot_id not in plan.lots:
        yield Lack(
            "lot_unlisted",
            f"{lot} 不在转运计划 {plan.code} 内",
            f"{known.lot_code or 'The lot'} is not in plan {plan.code}",
        )
    if plan.vehicles is None or known.vehicle_id is None:
        yield Lack("vehicle_unlisted", f"不知道 {plate} 是否在转运计划 {plan.code} 的车辆清单上",
                   f"Cannot say whether {known.plate or 'the vehicle'} is on the list of plan {plan.code}", cannot=True)  # fmt: skip
    elif known.vehicle_id not in plan.vehicles:
        yield Lack("vehicle_unlisted", f"{plate} 不在转运计划 {plan.code} 的车辆清单上：换车，或变更计划",
                   f"{known.plate or 'The vehicle'} is not on the list of plan {plan.code}: take another, or amend the plan")  # fmt: skip
    if plan.receivers is not None and known.receiver_id is not None:
        listed = (known.receiver_id, known.receiver_place or "") in plan.receivers
        if not listed:
            yield Lack("receiver_unlisted", f"{place} 不是转运计划 {plan.code} 的去向：换去向，或变更计划",
                       f"{known.receiver_place or 'The receiver'} is no destination of plan {plan.code}: choose another, or amend it")  # fmt: skip


def _hazard(known: Known) -> Iterator[Lack]:
    code = known.lot_code or (known.lot_id or "")[:8] or None
    yield from hazard(known.hazard or None, code, known=known.hazard is not None)


def _busy(known: Known) -> Iterator[Lack]:
    """One open manifest per vehicle: 令第23号第16条 [C], one manifest per vehicle and trip."""
    plate = known.plate or "这辆车"
    if known.open_loads is None:
        yield Lack("vehicle_busy", f"不知道 {plate} 有没有别的未完联单", f"Cannot say whether {known.plate or 'the truck'} has another open manifest",
                   cannot=True)  # fmt: skip
    elif known.open_loads:
        numbers = "、".join(known.open_loads)
        yield Lack("vehicle_busy", f"{plate} 还有未完的联单 {numbers}：先接收、退回或作废它；已经了结就扫司机手机上最新的码",
                   f"{known.plate or 'The truck'} has an open manifest {', '.join(known.open_loads)}: receive, return or void it first; if that is done, scan the newest code on the driver's phone")  # fmt: skip


def _tickets(leg: Mapping[str, Any]) -> list[tuple[Decimal, Decimal]]:
    """(gross, tare) of each ticket that has both."""
    out = []
    for w in leg.get("weight") or ():
        try:
            out.append((Decimal(str(w["gross_t"])), Decimal(str(w["tare_t"]))))
        except (InvalidOperation, LookupError, TypeError):
            continue
    return out


def _weighed(leg: Mapping[str, Any]) -> Iterator[Lack]:
    """Every load is weighed: 令第23号第10条 [C]."""
    tickets = _tickets(leg)
    if not tickets:
        yield Lack("weight", "还没有过磅：填毛重和皮重", "Not weighed yet: fill in gross and tare")
    elif any(tare >= gross for gross, tare in tickets):
        yield Lack("weight", "皮重不小于毛重：核对过磅单", "The tare is not below the gross weight: check the ticket")


def _signed(kind: str, leg: Mapping[str, Any], way: str) -> Iterator[Lack]:
    """Who has to sign. On the signer's own device its key signs for the first of them; by hand for the others."""
    roles = {
        "issued": ("sender", "supervisor"), "departed": ("driver",), "received": ("receiver",), "received_difference": ("receiver",),
        "rejected": ("receiver",),
    }.get(kind, ())  # fmt: skip
    if way in STAND_INS:
        return  # from paper: the signatures are on the paper, its photo goes with the leg
    by_hand = {s.get("role") for s in leg.get("signatures") or () if s.get("way") == "signed"}
    for n, role in enumerate(roles):
        if role in by_hand or (n == 0 and way == "own"):
            continue
        zh, en = _SIGNERS[role]
        yield Lack(f"{role}_signature", f"{zh}还没有签字", f"The {en} has not signed")


_SIGNERS = {
    "sender": ("移出方", "sender"), "supervisor": ("监理", "supervisor"), "driver": ("驾驶员", "driver"), "receiver": ("接收方", "receiver"),
}  # fmt: skip


def _ready(story: Story, known: Known, way: str) -> Iterator[Lack]:
    """Weighed before departure, and a photo of the cover."""
    if (
        "issued" in {leg.record.kind for leg in story.steps}
        and trip([leg.record for leg in story.steps]).net_out_t is None
    ):
        yield Lack("weight", "签发时没有过磅：先过磅", "It was not weighed when it was issued: weigh it first")
    if way in STAND_INS:
        return
    if known.photos is None:
        yield Lack(
            "cover_photo", "不知道有没有覆盖照片", "Cannot say whether there is a photo of the cover", cannot=True
        )
    elif "cover" not in known.photos:
        yield Lack(
            "cover_photo", "还没有覆盖照片：拍车厢盖好的样子", "No photo of the cover yet: take one of the covered load"
        )


def _taken(kind: str, leg: Mapping[str, Any], story: Story, known: Known) -> Iterator[Lack]:
    """What the receiver took, and whether it is what left: a difference is to be told (令第23号第18条, C)."""
    try:
        taken = Decimal(str(leg["received_t"]))
    except (InvalidOperation, LookupError, TypeError):
        yield Lack("received_t", "填确认接收量", "Fill in the mass accepted")
        return
    out = trip([s.record for s in story.steps]).net_out_t
    if kind != "received" or out is None:
        return
    came = [taken, *([sum((g - t for g, t in tickets), Decimal(0))] if (tickets := _tickets(leg)) else [])]
    allowed = (known.tolerance or DEFAULT_TOLERANCE).of(out)
    worst = max((abs(out - c) for c in came), default=Decimal(0))
    if worst > allowed:
        yield Lack("use_difference", f"与移出净重差 {worst} t，超过允差 {round(allowed, 3)} t：按「有差异接收」签并写明原因",
                   f"{worst} t off the net weight sent, more than {round(allowed, 3)} t: sign as received with a difference and say why")  # fmt: skip


def _default(name: str) -> Decimal:
    return Decimal(str(fields_of(Project)[name].spec.default))


DEFAULT_TOLERANCE = Tolerance(_default("mass_pct"), _default("mass_abs_t"))


def _time(text: Any) -> datetime | None:
    """A time as it is typed, perhaps not whole yet."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else None


def _working_days(since: datetime, now: datetime) -> int:
    """Mondays to Fridays after the day of `since`, up to today."""
    first, last = since.astimezone(_SHANGHAI).date(), now.astimezone(_SHANGHAI).date()
    days = max((last - first).days, 0)
    return sum((first + timedelta(days=n)).weekday() < 5 for n in range(1, min(days, 60) + 1))
