"""Plan checks P01–P05: enough points, in the right places, with reasons and depths."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal

from schemas.records.plan import Plan
from schemas.records.plan_zone import PlanZone
from schemas.records.planned_point import PlannedPoint
from schemas.records.planned_target import PlannedTarget
from schemas.records.site import Site
from schemas.reference import Label
from schemas.rules import geo
from schemas.rules.reconcile.checks import ERROR, MANAGER, WARNING, Finding, Say, check
from schemas.rules.reconcile.facts import Facts, View
from schemas.rules.reconcile.shift import boundary_m, inside

_FORM = "建设用地土壤污染状况初步调查监督检查工作指南（试行）（公告2022年第17号）表3-1"
_SOIL_ROLES = frozenset({"soil", "soil_and_well", "surface_only", "crop_pair"})
_WELL_ROLES = frozenset({"well", "soil_and_well"})
_DEEP_ROLES = frozenset({"soil", "soil_and_well"})
# Zones that ask for a point of their own (other, office and background areas do not, one by one).
_SAMPLED_ZONES = frozenset(
    {"suspect", "remediation", "secondary", "pit_bottom", "pit_wall", "stockpile", "monitor_unit"}
)

# 公告2022年第17号 表3-1, mark C: preliminary survey.
_SMALL_SITE_M2, _SMALL_SITE_POINTS, _LARGE_SITE_POINTS = 5000, 3, 6
# 公告2022年第17号 表3-1, mark C: detailed survey of a suspected site (环境保护部令第42号), one point per so many m².
_SUSPECT_M2, _OTHER_M2, _WELL_M2 = 400, 1600, 6400
# 公告2022年第17号 表3-1, mark C: surface 0–0.5 m; spacing of at most 2 m is recommended between 0.5 and 6 m.
_SURFACE_M, _SPACED_TO_M, _SPACING_M = Decimal("0.5"), Decimal(6), Decimal(2)

SOIL = Label("土壤点", "soil points")
WELLS = Label("地下水井", "groundwater wells")


def _ceil(area: Decimal, unit: int) -> int:
    return math.ceil(area / unit)


def _area(site: Site) -> Decimal | None:
    """The area on record, or that of the boundary."""
    if site.area_m2 is not None or site.boundary is None:
        return site.area_m2
    return Decimal(round(geo.polygon_area_m2(site.boundary.rings)))


def least_points(plan: Plan, area: Decimal) -> tuple[int, int] | None:
    """Least soil points and wells; None where the stage has no such figure. Detailed needs plan.suspect_area_m2."""
    if plan.stage == "preliminary":
        return (_SMALL_SITE_POINTS if area <= _SMALL_SITE_M2 else _LARGE_SITE_POINTS), 0
    if plan.stage == "detailed" and plan.suspect_area_m2 is not None:
        suspect = min(plan.suspect_area_m2, area)
        return _ceil(suspect, _SUSPECT_M2) + _ceil(area - suspect, _OTHER_M2), _ceil(area, _WELL_M2)
    return None


@check(
    "P01", "布点数量不足", "Too few points", ERROR, _FORM, "C", MANAGER,
    texts={"": ("{site}：方案有 {n} 个{kind}，按面积 {a} m² 至少 {m} 个",
                "{site}: {kind} in the plan: {n}; {a} m² asks for at least {m}")},
    per_point=False, in_point=False,
)  # fmt: skip
def too_few_points(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for plan in facts.plans:
        if plan.stage not in ("preliminary", "detailed"):
            continue
        if plan.stage == "detailed" and plan.suspect_area_m2 is None:
            yield say.cannot("方案的疑似区面积", "the suspected area of the plan", plan)
            continue
        if not facts.sites:
            yield say.cannot("地块", "the site", plan)
        points = [p for p in facts.planned if p.plan_id == plan.id and p.role != "background"]
        for site in facts.sites:
            area = _area(site)
            least = least_points(plan, area) if area is not None else None
            if area is None or least is None:
                yield say.cannot("地块面积", "the area of the site", site)
                continue
            if len(facts.sites) > 1 and site.boundary is None:
                yield say.cannot("地块边界", "the boundary of the site", site)
                continue
            own = points if len(facts.sites) == 1 else [p for p in points if _on(facts, site, p)]
            for roles, kind, need in ((_SOIL_ROLES, SOIL, least[0]), (_WELL_ROLES, WELLS, least[1])):
                n = sum(p.role in roles for p in own)
                if n < need:
                    yield say(site, site=site.name, n=n, kind=kind, a=area, m=need)


def _on(facts: Facts, site: Site, planned: PlannedPoint) -> bool:
    return site.boundary is not None and inside(facts, site.boundary, planned.position)


@check(
    "P02", "布点区域无点位", "Zone without a point", ERROR, f"{_FORM}；HJ 25.5-2018（K）", "C", MANAGER,
    texts={"": ("区域 {zone} 没有点位", "Zone {zone} has no point")},
    per_point=False, in_point=False,
)  # fmt: skip
def empty_zone(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    current = {p.id for p in facts.plans}
    linked = {p.zone_id for p in facts.planned}
    for zone in facts.alive(PlanZone):
        if zone.plan_id not in current or zone.kind not in _SAMPLED_ZONES or zone.id in linked:
            continue
        if zone.boundary is None:
            yield say.cannot("布点区域边界", "the boundary of the zone", zone)
        elif not any(inside(facts, zone.boundary, p.position) for p in facts.planned):
            yield say(zone, zone=zone.code)


@check(
    "P03", "点位无布点理由", "Point without a reason", ERROR, _FORM, "C", MANAGER,
    texts={"": ("{point} 没有写布点理由", "{point} has no written reason")},
)  # fmt: skip
def no_reason(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        if place.planned and not (place.planned.reason or "").strip():
            yield say(place.planned, place.code)


@check(
    "P04", "方案深度不完整", "Planned depths incomplete", ERROR, _FORM, "C", MANAGER,
    texts={
        "": ("{point} 缺表层（0–0.5 m）土壤任务", "{point} lacks a surface soil target (0–0.5 m)"),
        "deeper": ("{point} 只有表层土壤任务，缺更深的任务", "{point} has surface targets only, none deeper"),
        "gap": ("{point} {a}–{b} m 之间间距 {d} m，建议不超过 2 m",
                "{point} leaves {d} m at {a}–{b} m; at most 2 m is recommended"),
    },
)  # fmt: skip
def depths_incomplete(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    for place in view.places:
        if place.planned is None or place.planned.role not in _DEEP_ROLES:
            continue
        targets = [t for t in facts.targets_of(place.planned.id) if t.medium == "soil"]
        surface = [t for t in targets if is_surface(t)]
        mids = sorted({mid for t in targets if (mid := _mid(t)) is not None})
        floating = [t for t in targets if _mid(t) is None and not is_surface(t)]
        if not surface:
            yield say(place.planned, place.code)
        if len(surface) == len(targets) and surface:
            yield say(place.planned, place.code, "deeper")
        gaps = list(_gaps(mids))
        if gaps and floating:  # a target without a fixed depth may lie in the gap
            yield say.cannot("按规则取样任务的深度", "the depth of the targets that go by a rule")
            continue
        for a, b in gaps:
            yield say(place.planned, place.code, "gap", WARNING, a=a, b=b, d=b - a)


def is_surface(target: PlannedTarget) -> bool:
    bottom = target.depth_bottom_m
    if target.rule == "surface" and bottom is None:
        return True
    return bottom is not None and bottom <= _SURFACE_M


def _mid(target: PlannedTarget) -> Decimal | None:
    top, bottom = target.depth_top_m, target.depth_bottom_m
    return None if top is None or bottom is None else (top + bottom) / 2


def _gaps(mids: list[Decimal]) -> Iterator[tuple[Decimal, Decimal]]:
    """Consecutive middles more than the spacing apart, as far as they lie within 0.5–6 m."""
    for above, below in zip(mids, mids[1:], strict=False):
        if min(below, _SPACED_TO_M) - max(above, _SURFACE_M) > _SPACING_M:
            yield above, below


@check(
    "P05", "计划点位越界", "Planned point outside the site", ERROR, f"{_FORM} 布点位置", "C", MANAGER,
    texts={
        "": ("{point} 在地块边界外 {m} m", "{point} lies {m} m outside the site"),
        "zone": ("{point} 在布点区域 {zone} 边界外 {m} m", "{point} lies {m} m outside its zone {zone}"),
    },
)  # fmt: skip
def outside(facts: Facts, view: View, say: Say) -> Iterator[Finding]:
    bounds = [s.boundary for s in facts.sites if s.boundary is not None]
    for place in view.places:
        planned = place.planned
        if planned is None:
            continue
        if planned.role != "background":
            if not facts.sites:
                yield say.cannot("地块", "the site")
            elif len(bounds) < len(facts.sites):
                site = next(s for s in facts.sites if s.boundary is None)
                yield say.cannot("地块边界", "the boundary of the site", site)
            elif not any(inside(facts, b, planned.position) for b in bounds):
                m = round(min(boundary_m(b, planned.position) for b in bounds), 1)
                yield say(planned, place.code, m=m)
        zone = facts.get(PlanZone, planned.zone_id)
        if zone is None:
            continue
        if zone.boundary is None:
            yield say.cannot("布点区域边界", "the boundary of the zone", zone)
        elif not inside(facts, zone.boundary, planned.position):
            m = round(boundary_m(zone.boundary, planned.position), 1)
            yield say(planned, place.code, "zone", zone=zone.code, m=m)
