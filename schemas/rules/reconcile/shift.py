"""How far a visit lies from its planned point, and whether that can be told at the accuracy of the fix."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from schemas.records.plan_zone import PlanZone
from schemas.records.point import Point
from schemas.records.site import Site
from schemas.reference import Label
from schemas.rules import geo
from schemas.rules.reconcile.facts import Facts
from schemas.rules.reconcile.terms import Place
from schemas.values import GeoFix, GeoPolygon, GeoPos

SITE = Label("地块边界", "the site boundary")
ZONE = Label("布点区域", "the zone")


class Shift(NamedTuple):
    """`beyond_ok`, `beyond_reason`: beyond the silent limit, beyond the limit that asks for approval; None = the
    accuracy cannot tell (or there is none)."""

    m: float
    bearing: float
    accuracy: Decimal | None
    ok_m: Decimal
    reason_m: Decimal
    beyond_ok: bool | None
    beyond_reason: bool | None


def shift_of(facts: Facts, place: Place) -> Shift | None:
    """The shift of the visit that speaks for a planned point; None without a measured position."""
    return facts.remember(("shift", id(place)), lambda: _shift_of(facts, place))


def _shift_of(facts: Facts, place: Place) -> Shift | None:
    if place.planned is None or place.main is None or place.main.position is None:
        return None
    plan, fix = place.planned.position, place.main.position
    metres, bearing = geo.distance_and_bearing(plan.lon, plan.lat, fix.lon, fix.lat)
    tolerance = place.planned.tolerance_m
    ok = tolerance if tolerance is not None else facts.setting("shift_ok_m")
    reason = max(facts.setting("shift_reason_m"), ok)
    acc = fix.h_acc_m
    return Shift(metres, bearing, acc, ok, reason, _beyond(metres, ok, acc), _beyond(metres, reason, acc))


def _beyond(metres: float, limit: Decimal, accuracy: Decimal | None) -> bool | None:
    if accuracy is None or abs(metres - float(limit)) <= float(accuracy):
        return None
    return metres > float(limit)


def inside(facts: Facts, polygon: GeoPolygon, position: GeoPos | GeoFix) -> bool:
    area = facts.remember(("area", id(polygon)), lambda: geo.Area(polygon.rings))
    return area.contains(position.lon, position.lat)


def boundary_m(polygon: GeoPolygon, position: GeoPos | GeoFix) -> float:
    return geo.distance_to_boundary_m(polygon.rings, position.lon, position.lat)


def left(facts: Facts, place: Place) -> Label | None:
    """What the visit left although its planned point lies inside: the site or its zone, by more than the accuracy."""
    visit, planned = place.main, place.planned
    if visit is None or planned is None or visit.position is None or visit.position.h_acc_m is None:
        return None
    site, zone = facts.get(Site, visit.site_id), facts.get(PlanZone, planned.zone_id)
    areas = [(zone.boundary, ZONE)] if zone else []
    if site and planned.role != "background":
        areas.append((site.boundary, SITE))
    for area, name in areas:
        if area is None or not inside(facts, area, planned.position) or inside(facts, area, visit.position):
            continue
        if boundary_m(area, visit.position) > float(visit.position.h_acc_m):
            return name
    return None


def work_began(facts: Facts, visit: Point) -> datetime:
    """When drilling began, or the visit where no hole is known: what an approval has to precede."""
    return min((hole.opened_at for hole in facts.boreholes_of(visit.id)), default=visit.started_at)
