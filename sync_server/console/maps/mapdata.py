"""The map as data: points one by one, or gathered in a grid where too many are in view to be told apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.records.site import Site
from schemas.rules.reconcile import Facts, Finding, PointState, Report
from sync_server.console.overview import views
from sync_server.console.words import compass, words

MANY = 2000  # points drawn one by one; above, neighbours on the screen become one mark
CELL_PX = 56
_WORST = ("intervention", "screening", "extra", "planned", "refused", "partial", "done", "cancelled")


class Box(NamedTuple):
    west: float
    south: float
    east: float
    north: float

    def holds(self, at: tuple[float, float]) -> bool:
        lon, lat = at
        return self.west <= lon <= self.east and self.south <= lat <= self.north


def box_of(text: str) -> Box | None:
    """ "west,south,east,north" in degrees; None when it is not that."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        return None
    return Box(west, south, east, north) if west <= east and south <= north else None


def map_data(
    facts: Facts, report: Report, found: Sequence[Finding], by: views.Filter, box: Box | None, zoom: int, lang: str
) -> dict[str, Any]:
    """What map.js draws. `whole`: everything is here, nothing to ask for when the map moves."""
    chosen = [(p, at) for p in views.fitting(report, found, by) if (at := _at(p)) is not None]
    rings = [
        [[float(lat), float(lon)] for lon, lat, *_ in ring]
        for site in facts.alive(Site) if site.boundary for ring in site.boundary.rings
    ]  # fmt: skip
    out: dict[str, Any] = {
        "total": len(chosen), "whole": len(chosen) <= MANY, "boundary": rings,
        "bounds": _bounds([at for _, at in chosen] + [(lon, lat) for ring in rings for lat, lon in ring]),
        "points": [], "clusters": [],
    }  # fmt: skip
    inside = [(p, at) for p, at in chosen if out["whole"] or box is None or box.holds(at)]
    if len(inside) <= MANY:
        out["points"] = [_point(p, lang) for p, _ in inside]
    else:
        out["clusters"] = _clusters(inside, zoom)
    return out


def _actual(p: PointState) -> tuple[Decimal, Decimal] | None:
    """Where work was done: somebody who was turned away at the gate moved no point."""
    return p.actual if p.visited or p.planned is None else None


def _at(p: PointState) -> tuple[float, float] | None:
    at = _actual(p) or p.planned
    return (float(at[0]), float(at[1])) if at else None


def _bounds(places: Sequence[tuple[float, float]]) -> list[list[float]] | None:
    if not places:
        return None
    lons, lats = [lon for lon, _ in places], [lat for _, lat in places]
    return [[min(lats), min(lons)], [max(lats), max(lons)]]


def _point(p: PointState, lang: str) -> dict[str, Any]:
    w = words(lang)
    told = [w(f"s_{p.state}") + (f" · {w(f'e_{p.exceed}')}" if p.visited else "")]
    if p.exceeded:
        told[0] += f" · {views.element_names(p.exceeded, lang)}"
    if p.shift_m is not None:
        how = {True: "beyond", False: "within", None: "shift_unknown"}[p.shifted]
        bearing = compass(p.bearing_deg, lang) if p.bearing_deg is not None else ""
        told.append(f"{w('to_planned')} {p.shift_m:.2f} m {bearing} · {w(how)}")
    out: dict[str, Any] = {"c": p.code, "s": views.symbol_of(p), "r": views.row_id(p), "t": told, "m": p.shifted}
    for key, at in (("a", _actual(p)), ("p", p.planned)):
        if at:
            out[key] = [float(at[1]), float(at[0])]
    if p.state == "partial":
        out["w"] = True
    return out


def _clusters(inside: Iterable[tuple[PointState, tuple[float, float]]], zoom: int) -> list[dict[str, Any]]:
    """One mark per cell of the screen grid, at the middle of its points, in the shape of the worst."""
    step = CELL_PX * 360 / (256 * 2**zoom)
    cells: dict[tuple[int, int], list[tuple[PointState, tuple[float, float]]]] = {}
    for p, at in inside:
        cells.setdefault((int(at[0] // step), int(at[1] // step)), []).append((p, at))
    out = []
    for held in cells.values():
        lons, lats = [at[0] for _, at in held], [at[1] for _, at in held]
        worst = min((views.symbol_of(p) for p, _ in held), key=_WORST.index)
        out.append(
            {"at": [sum(lats) / len(held), sum(lons) / len(held)], "n": len(held), "s": worst,
             "b": [[min(lats), min(lons)], [max(lats), max(lons)]]}
        )  # fmt: skip
    return out
