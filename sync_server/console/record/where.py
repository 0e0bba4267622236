"""Where something is: degrees, Gauss-Krüger with its zone, accuracy and kind of fix, and how far it lies from the plan. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from schemas.fields import fields_of
from schemas.records import TYPES
from schemas.reference import codes
from schemas.rules import geo
from schemas.rules.reconcile import Facts
from schemas.values import FilePosition, GeoFix, GeoPos
from sync_server.console.record.called import moment
from sync_server.console.tables.table import grouped
from sync_server.console.words import compass, pick, words

POSITIONS = (GeoFix, GeoPos, FilePosition)


class Spot(NamedTuple):
    """One position. `of`: whose it is; `lines`: (what, figure) in the order they are read; `flag`: what to be careful of."""

    of: str
    degrees: str
    lines: list[tuple[str, str]]
    flag: str


def spots(type: str, id: str, values: Mapping[str, Any], facts: Facts, lang: str) -> list[Spot]:
    """Of the record's own fields; of what has none, its point's."""
    found = [
        spot(field.spec.label(lang), values[name], facts, type, id, lang)
        for name, field in fields_of(TYPES[type]).items()
        if field.model in POSITIONS and isinstance(values.get(name), dict)
    ]
    if own := [s for s in found if s is not None]:
        return own
    place = facts.place_of(type, id)
    if place is None or type in ("plan_zone",):
        return []
    fix = place.main.position if place.main else None
    at: Any = fix or (place.planned.position if place.planned else None)
    if at is None:
        return []
    of = words(lang)("pos_of_visit" if fix else "pos_of_plan", code=place.code)
    whose = (
        ("point", place.main.id) if fix and place.main else ("planned_point", place.planned.id if place.planned else "")
    )
    made = spot(of, at.model_dump(mode="json", exclude_none=True), facts, *whose, lang)
    return [made] if made else []


def spot(of: str, value: Mapping[str, Any], facts: Facts, type: str, id: str, lang: str) -> Spot | None:
    """None for what is no position."""
    w = words(lang)
    try:
        lon, lat = Decimal(str(value["lon"])), Decimal(str(value["lat"]))
        degrees = f"{lon:.6f}° {lat:.6f}°"
    except (KeyError, InvalidOperation, ValueError):
        return None
    lines: list[tuple[str, str]] = []
    try:
        zone = geo.gk_zone(lon)
        east, north = geo.gk_forward(lon, lat, zone)
        lines.append((w("north_x"), f"{grouped(f'{north:.2f}')} m"))
        lines.append((w("east_y"), f"{grouped(f'{east + 1e6 * zone:.2f}')} m{w('zone', n=zone, m=3 * zone)}"))
    except ValueError:
        lines.append((w("gk"), w("gk_outside")))
    lines.append((w("datum_word"), "CGCS2000"))
    kind = codes("fix_kind").get(str(value.get("fix_kind") or ""))
    quality = [f"±{value['h_acc_m']} m"] if value.get("h_acc_m") is not None else []
    quality += [pick(kind, lang)] if kind else [str(value["fix_kind"])] if value.get("fix_kind") else []
    quality += [w("fix_count", n=value["fix_count"])] if (value.get("fix_count") or 1) != 1 else []
    quality += [w("fix_age", n=value["fix_age_s"])] if value.get("fix_age_s") else []
    if quality:
        lines.append((w("fix"), " · ".join(quality)))
    if (at := moment(value.get("at"))) is not None:
        lines.append((w("fix_at"), at.strftime("%Y-%m-%d %H:%M:%S")))
    if value.get("elevation_m") is not None:
        lines.append((w("elevation"), f"{value['elevation_m']} m"))
    place = facts.place_of(type, id)
    planned = place.planned.position if place and place.planned and type != "planned_point" else None
    if planned is not None:
        metres, bearing = geo.distance_and_bearing(planned.lon, planned.lat, lon, lat)
        lines.append(
            (w("to_planned"), f"{grouped(f'{metres:.2f}')} m{'' if metres < 0.005 else f' {compass(bearing, lang)}'}")
        )
    flag = w("mocked") if value.get("mocked") else w("no_accuracy") if "fix_kind" in value and not quality[:1] else ""
    reason = str(value.get("manual_reason") or "")
    return Spot(of, degrees, lines, " · ".join(x for x in (flag, reason) if x))
