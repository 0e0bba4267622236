"""Inspection checks I01 to I05."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from schemas.records.duty import Duty
from schemas.records.finding import Finding as Problem
from schemas.records.inspection import Inspection
from schemas.records.person_qualification import PersonQualification
from schemas.records.photo import Photo
from schemas.reference import Label, codes
from schemas.rules import geo, onsite, rectify
from schemas.rules.duties import done_days, duties_of
from schemas.rules.lack import Lack
from schemas.rules.reconcile.checks import ERROR, INSPECTOR, MANAGER, PARTY, WARNING, Finding, Say, check
from schemas.rules.reconcile.courses import course
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.signed import superseded
from schemas.rules.reconcile.terms import day
from schemas.values import Officer

_OWN = "本系统设定"
LEAST_OFFICERS = 2  # 行政处罚法第42条, C
PAIR_M = 15  # D: the photo after is taken within this distance of the one before


def open_findings(facts: Facts) -> list[Problem]:
    """Findings neither closed nor referred; `none` is no finding."""
    return [f for f in facts.alive(Problem) if f.severity != "none" and not course(facts, f).over]


@check(
    "I01", "问题整改超期", "Finding overdue", ERROR, _OWN, "D", INSPECTOR,
    texts={"": ("问题 {code} 整改超期 {d} 天（期限 {deadline}）", "Finding {code} is overdue by {d} d (deadline {deadline})")},
    per_point=False, in_point=False,
)  # fmt: skip
def overdue(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    today = day(facts.now)
    for finding in open_findings(facts):
        told = course(facts, finding)
        if told.deadline is None:
            if finding.severity != "tip":
                yield say.cannot("整改期限", "the deadline", finding)
        elif late := rectify.late(told, today):
            yield say(finding, None, code=finding.code, d=late, deadline=told.deadline)


@check(
    "I02", "执法人员不足或证件过期", "Officers too few or certificate expired", ERROR, "行政处罚法（2021）第42条", "C", INSPECTOR,
    texts={"": ("{code} 当日持有效执法证的人员只有 {n} 名，应不少于 {least} 名",
                "{code}: officers with an enforcement certificate valid that day: {n}, at least {least} asked")},
    per_point=False, in_point=False,
)  # fmt: skip
def few_officers(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    amended = superseded(facts)
    for inspection in facts.alive(Inspection):
        if inspection.kind != "enforcement" or inspection.id in amended:
            continue
        people = {o.person_id for o in inspection.officers}
        if len(people) >= LEAST_OFFICERS and not facts.held(PersonQualification):
            yield say.cannot("人员资质记录", "the qualifications of the officers")
            continue
        n = len(certified(facts, inspection.officers, day(inspection.started_at)))
        if n < LEAST_OFFICERS:
            yield say(inspection, None, code=inspection.code, n=n, least=LEAST_OFFICERS)


def certified(facts: Facts, officers: Iterable[Officer], on: date) -> set[str]:
    """The officers, each once, whose enforcement certificate was valid on that day (both ends included)."""
    return {
        officer.person_id
        for officer in officers
        for q in facts.of(PersonQualification, "person_id", officer.person_id)
        if q.kind == "enforcement" and q.valid_from <= on and (q.valid_to is None or on <= q.valid_to)
    }


@check(
    "I04", "整改无前后照片", "No before/after photo", WARNING, _OWN, "D", PARTY,
    texts={
        "": ("问题 {finding} 已报整改完成，缺{what}", "Finding {finding} is reported done; missing: {what}"),
        "apart": ("问题 {finding} 整改前后照片相距 {d} m", "Finding {finding}: photos before and after are {d} m apart"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def no_pair_of_photos(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for finding in facts.alive(Problem):
        actions = facts.actions_of(finding.id)
        if not any(a.done for a in actions):
            continue
        if not facts.held(Photo):
            yield say.cannot("照片记录", "the photo records")
            return
        ids = [
            finding.id,
            finding.answer_id or "",
            *(a.id for a in actions),
            *(r.id for r in facts.rechecks_of(finding.id)),
        ]
        photos = [p for id in ids for p in facts.photos_of(id)]
        before, after = [p for p in photos if p.step == "finding"], [p for p in photos if p.step == "rectified"]
        what = [] if before else [Label("整改前照片", "the photo before")]
        what += [] if after else [Label("整改后照片", "the photo after")]
        if what:
            yield say(finding, None, finding=finding.code, what=what)
        elif (apart := _apart(before, after)) is not None and apart > PAIR_M:
            yield say(finding, None, "apart", finding=finding.code, d=round(apart))


def _apart(before: list[Photo], after: list[Photo]) -> float | None:
    """Least distance of a pair, less what the accuracies allow; None where no pair has positions."""
    gaps = [
        geo.distance_m(a.position.lon, a.position.lat, b.position.lon, b.position.lat)
        - float(a.position.h_acc_m or 0)
        - float(b.position.h_acc_m or 0)
        for a in before
        for b in after
        if a.position is not None and b.position is not None
    ]
    return min(gaps, default=None)


@check(
    "I03", "告知或签字缺失", "Notices or signatures missing", ERROR, "行政处罚法（2021）第55条；每名到场的人签字为笔录格式要求（待核）", "C", INSPECTOR,
    texts={"": ("{code}：{what}", "{code}: {what}")},
    per_point=False, in_point=False,
)  # fmt: skip
def not_told_or_signed(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    amended = superseded(facts)
    for inspection in facts.alive(Inspection):
        if inspection.id in amended:  # what stands now is the amendment
            continue
        values = inspection.model_dump(mode="json", exclude_none=True)
        lacks = [*onsite.notices_lacking(values), *onsite.unsigned(values)]
        if not inspection.signatures:
            lacks = [*onsite.notices_lacking(values), Lack("signatures", "没有任何签字", "nobody has signed")]
        if lacks:
            yield say(inspection, None, code=inspection.code, what=[Label(lack.zh, lack.en) for lack in lacks])


@check(
    "I05", "周期任务超期", "Recurring duty overdue", WARNING, "周期见任务本身所载依据；计算方法为本系统设定", "D", MANAGER,
    texts={
        "": ("{kind} 已超期 {d} 天（应于 {due} 前完成，上一次 {last}）",
             "{kind} overdue by {d} d (due {due}, last done {last})"),
        "never": ("{kind} 已超期 {d} 天（应于 {due} 前完成，还没有做过）", "{kind} overdue by {d} d (due {due}, never done)"),
    },
    per_point=False, in_point=False,
)  # fmt: skip
def duty_overdue(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    kinds = codes("duty_kind")
    for duty in facts.alive(Duty):
        if done_days(facts, duty) is None and duty.ended_on is None:
            kind = kinds.get(duty.kind, Label(duty.kind, duty.kind))
            yield say.cannot(f"{kind.zh}的完成记录", f"the records of {kind.en.lower()} done", duty)
    for state in duties_of(facts):
        if state.late_days:
            kind = kinds.get(state.duty.kind, Label(state.duty.kind, state.duty.kind))
            case = "" if state.last else "never"
            yield say(state.duty, None, case, kind=kind, d=state.late_days, due=state.due, last=state.last)
