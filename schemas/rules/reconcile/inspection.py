"""Inspection checks I01, I02, I04, and the state of a finding as its corrective actions and re-checks tell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Literal

from schemas.records.corrective_action import CorrectiveAction
from schemas.records.finding import Finding as Problem
from schemas.records.inspection import Inspection
from schemas.records.person_qualification import PersonQualification
from schemas.records.photo import Photo
from schemas.records.recheck import Recheck
from schemas.reference import Label
from schemas.rules import geo
from schemas.rules.reconcile.checks import ERROR, INSPECTOR, PARTY, WARNING, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.terms import day
from schemas.values import Officer

_OWN = "本系统设定"
LEAST_OFFICERS = 2  # 行政处罚法第42条, C
PAIR_M = 15  # D: the photo after is taken within this distance of the one before

State = Literal["issued", "rectifying", "reported", "closed", "referred"]
_OVER = frozenset({"closed", "referred"})


def fold(actions: Iterable[CorrectiveAction], rechecks: Iterable[Recheck]) -> State:
    """The state a finding has come to. In order of time; a re-check at the same moment follows its action."""
    events = sorted(
        [(a.at, 0, a.id, _after_action(a)) for a in actions] + [(r.at, 1, r.id, _AFTER[r.result]) for r in rechecks]
    )
    state: State = "issued"
    for _, order, _, after in events:
        if order == 1 or state not in _OVER:  # only another re-check opens what one has closed
            state = after
    return state


_AFTER: dict[str, State] = {"closed": "closed", "keep": "rectifying", "refer": "referred"}


def _after_action(action: CorrectiveAction) -> State:
    return "reported" if action.done else "rectifying"


def finding_state(facts: Facts, finding: Problem) -> State:
    return fold(facts.actions_of(finding.id), facts.rechecks_of(finding.id))


def open_findings(facts: Facts) -> list[Problem]:
    """Findings neither closed nor referred; `none` is no finding."""
    return [f for f in facts.alive(Problem) if f.severity != "none" and finding_state(facts, f) not in _OVER]


@check(
    "I01", "问题整改逾期", "Finding overdue", ERROR, _OWN, "D", INSPECTOR,
    texts={"": ("问题 {code} 整改逾期 {d} 天（期限 {deadline}）", "Finding {code} is overdue by {d} d (deadline {deadline})")},
    per_point=False, in_point=False,
)  # fmt: skip
def overdue(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    today = day(facts.now)
    for finding in open_findings(facts):
        if finding.deadline is None:
            if finding.severity != "tip":
                yield say.cannot("整改期限", "the deadline", finding)
        elif today > finding.deadline:
            late = (today - finding.deadline).days
            yield say(finding, None, code=finding.code, d=late, deadline=finding.deadline)


@check(
    "I02", "执法人员不足或证件过期", "Officers too few or certificate expired", ERROR, "行政处罚法（2021）第42条", "C", INSPECTOR,
    texts={"": ("{code} 当日持有效执法证的人员只有 {n} 名，应不少于 {least} 名",
                "{code}: officers with an enforcement certificate valid that day: {n}, at least {least} asked")},
    per_point=False, in_point=False,
)  # fmt: skip
def few_officers(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    amended = {i.amends_id for i in facts.alive(Inspection) if i.amends_id}
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
