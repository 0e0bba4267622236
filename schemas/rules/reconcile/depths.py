"""Fieldwork checks F05, F06 and F08: was every planned depth sampled, for every group, in a hole deep enough?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from schemas.records.borehole import Borehole
from schemas.records.planned_target import PlannedTarget
from schemas.records.qc_link import QcLink
from schemas.records.sample import Sample
from schemas.records.sample_container import SampleContainer
from schemas.reference import Label, codes
from schemas.rules.reconcile.checks import ERROR, SAMPLER, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.plan import is_surface
from schemas.rules.reconcile.terms import Place

_FORM = "建设用地土壤污染状况初步调查监督检查工作指南（试行）（公告2022年第17号）表3-2"

OVERLAP_SHARE = Decimal("0.5")  # D: how much of a planned interval a sample has to cover
DEPTH_SLACK_M = Decimal("0.2")  # K: drilled depth may fall short of the design by this much
LEAST_TRIES = 2  # K: holes kept in the log before a refusal is accepted
DUPLICATES = frozenset({"field_duplicate", "blind_duplicate"})

_PICKED = {
    "surface": frozenset({"surface"}),
    "worst": frozenset({"pid_max", "xrf_max", "visible", "odour"}),
    "water_table": frozenset({"water_table"}),
    "layer_change": frozenset({"layer"}),
    "hole_bottom": frozenset({"bottom"}),
    "below_exceed": frozenset({"bottom"}),
}
_EARLY_ENDS = frozenset({"clean", "aquitard", "rock", "refusal", "safety"})


def satisfying(target: PlannedTarget, samples: list[Sample]) -> list[Sample]:
    """The ordinary samples that answer a planned target."""
    return [s for s in samples if s.kind == "ordinary" and s.medium == target.medium and _answers(target, s)]


def _answers(target: PlannedTarget, sample: Sample) -> bool:
    top, bottom = target.depth_top_m, target.depth_bottom_m
    if target.medium not in ("soil", "sediment"):  # the depth of a water sample is not that of the ground
        return True
    if top is not None and bottom is not None:
        if sample.depth_top_m is None or sample.depth_bottom_m is None:
            return False
        common = min(bottom, sample.depth_bottom_m) - max(top, sample.depth_top_m)
        return common >= OVERLAP_SHARE * (bottom - top) and common > 0
    if target.rule == "fixed" or sample.target_id == target.id:
        return True
    if is_surface(target) and sample.depth_bottom_m is not None and sample.depth_bottom_m <= Decimal("0.5"):
        return True
    return sample.pick_reason in _PICKED.get(target.rule, frozenset())


def _interval(target: PlannedTarget) -> Label:
    if target.depth_top_m is not None and target.depth_bottom_m is not None:
        text = f"{target.depth_top_m.normalize():f}–{target.depth_bottom_m.normalize():f} m"
        return Label(f" {text} ", text)
    rule = codes("target_rule").get(target.rule, Label(target.rule, target.rule))
    return Label(f"「{rule.zh}」", f"“{rule.en}”")


def _asked(facts: Facts, place: Place) -> list[PlannedTarget]:
    """The targets in force: an approved depth adjustment drops those that lie below it altogether."""
    if place.planned is None:
        return []
    depth = _adjusted_depth(facts, place)
    targets = facts.targets_of(place.planned.id)
    return [t for t in targets if depth is None or t.depth_top_m is None or t.depth_top_m < depth]


def answered(facts: Facts, place: Place) -> list[tuple[PlannedTarget, list[Sample]]]:
    """The targets in force, each with the samples that answer it."""

    def look() -> list[tuple[PlannedTarget, list[Sample]]]:
        samples = facts.samples_at(place)
        return [(target, satisfying(target, samples)) for target in _asked(facts, place)]

    return facts.remember(("answered", id(place)), look)


def carried(facts: Facts, samples: list[Sample]) -> set[str]:
    """The analyte groups of these samples' containers."""
    return {g for s in samples for c in facts.containers_of(s.id) if c.state != "discarded" for g in c.groups}


def _adjusted_depth(facts: Facts, place: Place) -> Decimal | None:
    approved = [a for a in facts.adjustments_at(place) if a.kind == "depth" and a.decision == "approved"]
    dated = [(a.decided_at, a.proposed_depth_m) for a in approved if a.decided_at is not None]
    return max(dated, key=lambda pair: pair[0])[1] if dated else None


@check(
    "F05", "深度任务缺失", "Depth target not sampled", ERROR,
    f"{_FORM}；HJ 25.2-2019（转引自该指南）；重合比例为本系统设定", "C", SAMPLER,
    texts={
        "": ("{point} 缺{interval}的{medium}样", "{point} lacks a {medium} sample at {interval}"),
        "duplicate": ("{point}{interval}计划采平行样，没有采", "{point}: the duplicate planned at {interval} is missing"),
    },
)  # fmt: skip
def target_missing(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        if not place.visited:
            continue
        for target, found in answered(facts, place):
            if not found:
                medium = codes("medium").get(target.medium, Label(target.medium, target.medium))
                medium = Label(medium.zh, medium.en.lower())
                yield say(target, place.code, interval=_interval(target), medium=medium)
            elif target.qc_kind in DUPLICATES and not any(_has_duplicate(facts, s) for s in found):
                yield say(target, place.code, "duplicate", interval=_interval(target))


def _has_duplicate(facts: Facts, sample: Sample) -> bool:
    return any(link.kind in DUPLICATES for link in facts.of(QcLink, "original_id", sample.id))


@check(
    "F06", "检测项目组缺失", "Analyte groups missing", ERROR, f"{_FORM} 第10项", "C", SAMPLER,
    texts={"": ("{sample} 的容器缺项目组：{groups}", "{sample} has no container for: {groups}")},
)  # fmt: skip
def groups_missing(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        if not place.visited:
            continue
        changed = [a for a in facts.adjustments_at(place) if a.kind == "analyte" and a.decision == "approved"]
        for target, found in answered(facts, place):
            if not found:
                continue
            if not facts.alive(SampleContainer):
                yield say.cannot("样品容器", "the containers")
                return
            have = carried(facts, found)
            lacking = [g for g in target.groups if g not in have]
            if lacking and changed:  # the approved change is in words: what is asked now is not known
                yield say.cannot("调整后的检测项目清单", "the list of analytes after the approved change", changed[0])
            elif lacking:
                names = [codes("analyte_group").get(g, Label(g, g)) for g in lacking]
                yield say(found[0], place.code, sample=[s.code for s in found], groups=names)


_WHY = {
    "none": Label("未写终孔原因", "no reason for ending"),
    "target": Label("终孔原因为达到设计深度", "ended “at target depth”"),
    "text": Label("终孔原因没有说明", "the reason for ending is not explained"),
    "tries": Label("拒钻须保留至少 2 次尝试", "a refusal needs at least 2 tries in the log"),
}


@check(
    "F08", "孔深不足", "Hole shallower than planned", ERROR, f"{_FORM} 第2项；允差与尝试次数待核", "C", SAMPLER,
    texts={"": ("{hole} 深 {d} m，方案 {t} m：{why}", "{hole} is {d} m deep, the plan asks {t} m: {why}")},
)  # fmt: skip
def hole_shallow(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        if place.planned is None or not place.visited:
            continue
        want = _adjusted_depth(facts, place)
        want = place.planned.target_depth_m if want is None else want
        if want is None or place.planned.role == "surface_only":
            continue
        if not facts.alive(Borehole):
            yield say.cannot("钻孔记录", "the boreholes")
            return
        holes = facts.boreholes_at(place)
        deepest = max(holes, key=lambda h: (h.depth_m is not None, h.depth_m or 0), default=None)
        if deepest is None:
            yield say.cannot("钻孔记录", "the borehole", place.main, place.code)
        elif deepest.depth_m is None:
            yield say.cannot("钻探深度", "the drilled depth", deepest, place.code)
        elif deepest.depth_m < want - DEPTH_SLACK_M and (why := _unexcused(deepest, place, holes)):
            yield say(deepest, place.code, hole=deepest.code, d=deepest.depth_m, t=want, why=_WHY[why])


def _unexcused(hole: Borehole, place: Place, holes: list[Borehole]) -> str | None:
    """Why ending early is not accepted; None when it is."""
    if hole.end_reason not in _EARLY_ENDS:
        return "target" if hole.end_reason == "target" else "none"
    words = [hole.note, *(text for v in place.visits for text in (v.reason_text, v.note, v.gaps_accepted))]
    explained = any((w or "").strip() for w in words) or (
        hole.end_reason == "aquitard" and hole.aquitard_top_m is not None
    )
    if not explained:
        return "text"
    return "tries" if hole.end_reason == "refusal" and len(holes) < LEAST_TRIES else None
