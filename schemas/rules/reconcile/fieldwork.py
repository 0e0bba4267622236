"""Fieldwork checks F01–F04, F07, F18, F19 and Y05: was each point done, where, and can its times be true?

The figures of F02, F07 and F18 are in no national standard (mark D): the limits of a shift and the accuracy gate are
fields of the project, the others are named here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from schemas.records.person import Person
from schemas.records.photo import Photo
from schemas.records.point import Point
from schemas.records.point_adjustment import PointAdjustment
from schemas.reference import Label, codes
from schemas.rules import geo
from schemas.rules.reconcile.checks import (
    ERROR,
    MANAGER,
    SAMPLER,
    UNKNOWN,
    WARNING,
    Finding,
    Say,
    check,
    show,
)
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.shift import left, shift_of, work_began
from schemas.rules.reconcile.terms import Place, done

_FORM = "建设用地土壤污染状况初步调查监督检查工作指南（试行）（公告2022年第17号）表3-2"
_SETTING = "项目设置（无国家统一数值）"

FIX_AGE_S = Decimal(10)  # D: an older fix may be of the place before
TOP_SPEED_KMH = 100  # D
OVERLAP = timedelta(minutes=15)  # D
# D: times are often written to the minute, so that a gap of 0 may be one of a minute.
ROUNDING = timedelta(minutes=1)

# Photos that show where a point was set and why it could not stand where planned.
_SHIFT_STEPS = frozenset({"point_before", "surface", "position", "overview", "barrier", "other"})


@check(
    "F01", "点位未完成", "Point not done", ERROR, f"{_FORM} 第1项", "C", Label("项目经理、采样员", "project manager, sampler"),
    texts={
        "": ("{point} 未做", "{point} is not done"),
        "refused": ("{point} 记为无法施工或取消，但取消没有批准", "{point} is recorded as refused or cancelled, but no cancellation is approved"),
        "tablet": ("{point} 就本机所知（{clock}）未做", "{point} is not done as far as this tablet knows ({clock})"),
        "refused_tablet": ("{point} 记为无法施工或取消，就本机所知（{clock}）取消没有批准",
                           "{point} is recorded as refused or cancelled; no approval as far as this tablet knows ({clock})"),
    },
)  # fmt: skip
def not_done(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        if place.planned is None or place.visited or cancelled(facts, place):
            continue
        case = "refused" if any(v.outcome in ("refused", "not_needed") for v in place.visits) else ""
        if facts.basis.where == "tablet":
            case = f"{case}_tablet" if case else "tablet"
        yield say(place.planned, place.code, case, clock=facts.basis.clock)


def cancelled(facts: Facts, place: Place) -> bool:
    return any(a.kind == "cancel" and a.decision == "approved" for a in facts.adjustments_at(place))


_WHAT = {
    "reason": Label("移点原因", "a reason"),
    "photo": Label("现场照片", "a photo"),
    "approval": Label("开工前的批准", "an approval"),
    "late": Label("开工前的批准（批准晚于开工）", "an approval before work began (it came later)"),
}


@check(
    "F02", "移点超限未说明", "Shift without reason or approval", ERROR, f"{_FORM} 第1项；{_SETTING}", "D",
    Label("采样员、项目经理", "sampler, project manager"),
    texts={
        "": ("{point} 偏移 {d} m（{compass}，方位 {b}°），超过 {lim} m，缺{what}",
             "{point} shifted {d} m ({compass}, bearing {b}°), beyond {lim} m; missing: {what}"),
        "left": ("{point} 偏移 {d} m（{compass}，方位 {b}°），已出{area}，缺{what}",
                 "{point} shifted {d} m ({compass}, bearing {b}°) and left {area}; missing: {what}"),
    },
)  # fmt: skip
def shift_unexplained(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        shift = shift_of(facts, place)
        if shift is None or place.main is None or not place.visited:
            continue
        area = left(facts, place)
        if not shift.beyond_ok and area is None:
            continue
        what = []
        if shift.beyond_ok:
            if not _explained(facts, place, place.main):
                what.append(_WHAT["reason"])
            if not facts.held(Photo):
                yield say.cannot("照片记录", "the photo records")
            elif not _pictured(facts, place):
                what.append(_WHAT["photo"])
        if shift.beyond_reason or area is not None:
            approval = _approval(facts, place, place.main)
            if approval:
                what.append(_WHAT[approval])
        if what:
            bearing = round(shift.bearing)
            yield say(
                place.main, place.code, "left" if area and not shift.beyond_ok else "",
                d=round(shift.m, 1), b=bearing, compass=geo.compass(shift.bearing), what=what,
                lim=shift.reason_m if shift.beyond_reason else shift.ok_m, area=area,
            )  # fmt: skip


def _shifts(facts: Facts, place: Place) -> list[PointAdjustment]:
    return [a for a in facts.adjustments_at(place) if a.kind == "shift"]


def _explained(facts: Facts, place: Place, visit: Point) -> bool:
    return bool(visit.reason or (visit.reason_text or "").strip() or _shifts(facts, place))


def _pictured(facts: Facts, place: Place) -> bool:
    own = [p for id in (*place.planned_ids, *(v.id for v in place.visits)) for p in facts.photos_of(id)]
    return any(p.step in _SHIFT_STEPS for p in own) or any(facts.photos_of(a.id) for a in _shifts(facts, place))


def _approval(facts: Facts, place: Place, visit: Point) -> str | None:
    """None when an approval precedes the work; otherwise what to say is missing."""
    approved = [a for a in _shifts(facts, place) if a.decision == "approved" and a.decided_at is not None]
    began = work_began(facts, visit)
    if any(a.decided_at is not None and a.decided_at <= began for a in approved):
        return None
    return "late" if approved else "approval"


@check(
    "F03", "偏移无法判定", "Shift cannot be judged", UNKNOWN, _SETTING, "D", SAMPLER,
    texts={
        "": ("{point} 偏移 {d} m，定位精度 {acc} m，无法判断是否超过 {lim} m",
             "{point} shifted {d} m; accuracy {acc} m cannot tell whether {lim} m is exceeded"),
        "no_accuracy": ("{point} 偏移 {d} m，没有定位精度，无法判断是否超过 {lim} m",
                        "{point} shifted {d} m; without an accuracy it cannot be told whether {lim} m is exceeded"),
        "no_position": ("{point} 没有实测坐标，无法判断偏移", "{point} has no measured position: its shift is unknown"),
    },
)  # fmt: skip
def shift_unknown(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        visit = place.main
        if place.planned is None or visit is None or not place.visited:
            continue
        shift = shift_of(facts, place)
        if shift is None:
            zh, en = "实测坐标", "the measured position"
            yield say.cannot(zh, en, visit, place.code, "no_position")
            continue
        d, acc = round(shift.m, 1), shift.accuracy
        if acc is None:
            zh, en = "定位精度", "the accuracy of the fix"
            yield say.cannot(zh, en, visit, place.code, "no_accuracy", d=d, lim=shift.ok_m)
        elif shift.beyond_ok is None:
            yield say(visit, place.code, d=d, acc=acc, lim=shift.ok_m)
        elif shift.beyond_ok and shift.beyond_reason is None and _approval(facts, place, visit):
            yield say(visit, place.code, d=d, acc=acc, lim=shift.reason_m)


@check(
    "F04", "计划外点位", "Point outside the plan", WARNING, f"{_FORM} 第1项", "C", MANAGER,
    texts={
        "": ("{point} 不在方案中，也无新增批准", "{point} is not in the plan and has no approval"),
        "removed": ("{point} 所属计划点位已不在现行方案（第 {version} 版）中，也无新增批准",
                    "The planned point of {point} is no longer in the plan in force (version {version}); no approval"),
        "no_plan": ("{point} 没有采样方案可对照，也无新增批准", "There is no sampling plan to hold {point} against"),
    },
)  # fmt: skip
def outside_plan(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        if place.planned or place.main is None:
            continue
        if any(a.kind == "extra" and a.decision == "approved" for a in facts.adjustments_at(place)):
            continue
        if place.unknown:
            yield say.cannot("点位所属的计划点位", "the planned point of the visit", place.main)
            continue
        version = max((p.version for p in facts.plans), default=None)
        case = "no_plan" if version is None else "removed" if place.removed else ""
        yield say(place.main, place.code, case, version=version)


@check(
    "F07", "定位不可信", "Position not to be trusted", WARNING, _SETTING, "D", SAMPLER,
    texts={"": ("{point} 定位为{kind}，精度 {acc}：{what}", "{point}: {kind} fix, accuracy {acc}: {what}")},
)  # fmt: skip
def doubtful_fix(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    gate = facts.setting("accuracy_gate_m")
    for place in view.places:
        for visit in place.visits:
            fix = visit.position
            if fix is None:
                continue
            what = []
            if fix.mocked:
                what.append(Label("模拟定位", "mocked position"))
            if fix.fix_kind in ("manual", "map") and not (fix.manual_reason or "").strip():
                what.append(Label("手工定位无原因", "manual position without a reason"))
            if fix.fix_age_s is not None and fix.fix_age_s > FIX_AGE_S:
                what.append(Label(f"定位已过 {fix.fix_age_s} s", f"the fix is {fix.fix_age_s} s old"))
            if fix.h_acc_m is not None and fix.h_acc_m > gate:
                what.append(Label(f"精度超过门限 {gate} m", f"accuracy above the gate of {gate} m"))
            if what:
                acc = Label("未知", "unknown") if fix.h_acc_m is None else f"{fix.h_acc_m} m"
                kind = codes("fix_kind").get(fix.fix_kind, Label(fix.fix_kind, fix.fix_kind))
                yield say(visit, place.code, kind=kind, acc=acc, what=what)


@check(
    "F18", "不可能的时间或行程", "Impossible time or travel", WARNING, "本系统设定", "D", MANAGER,
    texts={
        "": ("{who}在 {a} 与 {b} 之间相距 {d} km，用时 {t} min，不可能",
             "{who} cannot get from {a} to {b}, {d} km, in {t} min"),
        "overlap": ("{who}同时在 {a} 与 {b}，重叠 {t} min", "{who} was at {a} and {b} at once for {t} min"),
        "order": ("{point} 结束时间早于开始时间", "{point} ended before it started"),
    },
    per_point=False,
)  # fmt: skip
def impossible_times(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    unsure = {c.id for c in facts.unsure_clocks if c.type == "point"}
    mine = {v.id for v in view.visits}
    crews: dict[str, list[Point]] = {}
    for visit in facts.alive(Point):
        if visit.id in unsure:  # Y05 says so; its times prove nothing
            continue
        if visit.ended_at is not None and visit.ended_at < visit.started_at:
            if visit.id in mine:
                yield say(visit, facts.code_of("point", visit.id), "order")
            continue
        for person in visit.samplers:
            crews.setdefault(person, []).append(visit)
    for person, visits in sorted(crews.items()):
        visits.sort(key=lambda v: (v.started_at, v.id))
        last = None  # the visit so far that ended latest
        for visit in visits:
            if last is not None and {last.id, visit.id} & mine:
                yield from _travel(facts, say, person, last, visit)
            if last is None or _end(visit) >= _end(last):
                last = visit


def _end(visit: Point) -> datetime:
    return visit.ended_at or visit.started_at


def _travel(facts: Facts, say: Say, person: str, a: Point, b: Point) -> Iterator[Finding]:
    known = facts.get(Person, person)
    who = known.name if known else Label("同一采样员", "One sampler")
    gap = b.started_at - _end(a)
    code = facts.code_of("point", b.id)
    overlap = min(_end(a), _end(b)) - b.started_at
    if overlap > OVERLAP:
        yield say(b, code, "overlap", who=who, a=a.code, b=b.code, t=round(overlap.total_seconds() / 60))
        return
    if a.position is None or b.position is None:
        return
    apart = geo.distance_m(a.position.lon, a.position.lat, b.position.lon, b.position.lat)
    apart -= float(a.position.h_acc_m or 0) + float(b.position.h_acc_m or 0)
    time = max(gap, timedelta(0)) + ROUNDING
    if apart / 1000 > TOP_SPEED_KMH * time.total_seconds() / 3600:
        t = round(max(gap, timedelta(0)).total_seconds() / 60, 1)
        yield say(b, code, who=who, a=a.code, b=b.code, d=round(apart / 1000, 1), t=t)


@check(
    "F19", "同一点位多次完成", "Point visited twice", WARNING, "本系统设定", "D", MANAGER,
    texts={"": ("{point} 有 {n} 次完成的到访：{list}", "{point} was done {n} times: {list}")},
)  # fmt: skip
def visited_twice(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        visits = [v for v in place.visits if done(v)]
        if place.planned and len(visits) > 1:
            yield say(visits[1], place.code, n=len(visits), list=[_when(v) for v in visits])


def _when(visit: Point) -> Label:
    text = f"{visit.code} {show(visit.started_at, 'zh')}"
    return Label(text, text)


@check(
    "Y05", "设备时钟存疑", "Clock unsure", WARNING, "本系统设定", "D", MANAGER,
    texts={
        "": ("{point} 有 {n} 条记录的设备时钟相差最多 {s} s，时间存疑",
             "{point}: times in doubt, device clock off by up to {s} s, records: {n}"),
        "rest": ("{n} 条不属于点位的记录，设备时钟相差最多 {s} s，时间存疑",
                 "Records of no point with times in doubt: {n}, device clock off by up to {s} s"),
    },
)  # fmt: skip
def unsure_clock(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    by_code: dict[str | None, list[float]] = {}
    for unsure in facts.unsure_clocks:
        by_code.setdefault(facts.code_of(unsure.type, unsure.id), []).append(abs(unsure.offset_s))
    for place in view.places:
        if offsets := by_code.pop(place.code, None):
            yield say(place.main or place.planned, place.code, n=len(offsets), s=round(max(offsets)))
    if view.whole and (offsets := by_code.pop(None, None)):
        yield say(None, None, "rest", n=len(offsets), s=round(max(offsets)))
