"""The map as data: points one by one, or gathered in a grid where too many are in view to be told apart.

However much a project holds, an answer has at most MANY points or CELLS × CELLS marks, and ENDS marks of each other kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from schemas.records.plan_zone import PlanZone
from schemas.records.site import Site
from schemas.rules.reconcile import Facts, PointState
from schemas.values import GeoPolygon
from sync_server.console.maps.sieve import WORST, Spot, actual
from sync_server.console.overview import views
from sync_server.console.words import compass, words

MANY = 2000  # points drawn one by one; above, neighbours on the screen become one mark
CELL_PX = 56
CELLS = 40  # a side of the grid at most
CORNERS = 20_000  # of all boundaries together
Ring = list[list[float]]


class Box(NamedTuple):
    west: float
    south: float
    east: float
    north: float

    def holds(self, lon: float, lat: float) -> bool:
        return self.west <= lon <= self.east and self.south <= lat <= self.north


def box_of(text: str) -> Box | None:
    """ "west,south,east,north" in degrees; None when it is not that."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        return None
    good = all(map(math.isfinite, (west, south, east, north))) and west <= east and south <= north
    return Box(west, south, east, north) if good else None


def map_data(facts: Facts, fits: Sequence[Spot], box: Box | None, zoom: int, lang: str) -> dict[str, Any]:
    """What map.js draws. `whole`: every point is here, nothing to ask for when the map moves. `bounds`: of all that fits, where
    no box is asked for."""
    chosen = [s for s in fits if s.lon is not None]
    ground = grounds(facts)
    out: dict[str, Any] = {
        "total": len(chosen), "whole": len(chosen) <= MANY, "boundary": ground["boundary"], "zones": ground["zones"],
        "bounds": _around(chosen, ground["boundary"]) if box is None else None,
        "points": [], "clusters": [],
    }  # fmt: skip
    inside = chosen
    if box is not None and not out["whole"]:
        west, south, east, north = box
        inside = [s for s in chosen if west <= s[1] <= east and south <= s[2] <= north]  # type: ignore[operator]
    if len(inside) <= MANY:
        out["points"] = [_point(s, lang) for s in inside]
    else:
        out["points"], out["clusters"] = _clusters(inside, zoom, lang)
    return out


def _around(chosen: Sequence[Spot], sites: Sequence[Sequence[Ring]]) -> list[list[float]] | None:
    corners = [(lon, lat) for site in sites for lat, lon in site[0]]
    return bounds([s[1:3] for s in chosen] + corners)


def bounds(places: Sequence[tuple[Any, Any]]) -> list[list[float]] | None:
    """[[south, west], [north, east]] of (lon, lat)."""
    if not places:
        return None
    lons, lats = [lon for lon, _ in places], [lat for _, lat in places]
    return [[min(lats), min(lons)], [max(lats), max(lons)]]


# --- ground ----------------------------------------------------------------------------------------------------------


def grounds(facts: Facts) -> dict[str, Any]:
    """Boundaries of the sites (rings, holes after the outer one) and zones of the plan in force, corners as [lat, lon]; made
    once for a report."""
    return facts.remember("console.map.ground", lambda: _grounds(facts))


def _grounds(facts: Facts) -> dict[str, Any]:
    plans = {p.id for p in facts.plans}
    sites = [rings for site in facts.alive(Site) if (rings := _rings(site.boundary))]
    zones = [(z.code, r) for z in facts.alive(PlanZone) if z.plan_id in plans for r in _rings(z.boundary)[:1]]
    corners = sum(len(r) for rings in sites for r in rings) + sum(len(r) for _, r in zones)
    step = max(1, -(-corners // CORNERS))
    return {
        "boundary": [[_thinned(r, step) for r in rings] for rings in sites],
        "zones": [{"c": code, "r": _thinned(r, step)} for code, r in zones[: CORNERS // 4]],
    }


def _rings(polygon: GeoPolygon | None) -> list[Ring]:
    return [[[float(at[1]), float(at[0])] for at in ring] for ring in polygon.rings] if polygon else []


def _thinned(ring: Ring, step: int) -> Ring:
    """Every so-maniest corner, and the last; a triangle stays one."""
    if step == 1 or len(ring) <= 4 * step:
        return ring
    return ring[::step] if ring[::step][-1] == ring[-1] else [*ring[::step], ring[-1]]


# --- points ----------------------------------------------------------------------------------------------------------


def told(p: PointState, lang: str) -> list[str]:
    """What stands beside the code of a point: its state, and how far it is from where it was planned."""
    w = words(lang)
    lines = [w(f"s_{p.state}") + (f" · {w(f'e_{p.exceed}')}" if p.visited else "")]
    if p.exceeded:
        lines[0] += f" · {views.element_names(p.exceeded, lang)}"
    if p.shift_m is not None:
        lines.append(f"{w('to_planned')} {shift(p, lang)}")
    return lines


def shift(p: PointState, lang: str) -> str:
    """0.41 m 东南 132° · 允许范围内"""
    w = words(lang)
    how = {True: "beyond", False: "within", None: "shift_unknown"}[p.shifted]
    bearing = compass(p.bearing_deg, lang) if p.bearing_deg is not None and p.shift_m else ""
    return f"{p.shift_m:.2f} m {bearing} · {w(how)}"


def _point(s: Spot, lang: str) -> dict[str, Any]:
    p = s.p
    out: dict[str, Any] = {"c": p.code, "s": s.symbol, "r": views.row_id(p), "t": told(p, lang), "m": p.shifted}
    if s.key != p.code:
        out["k"] = s.key
    for key, at in (("a", actual(p)), ("p", p.planned)):
        if at:
            out[key] = [float(at[1]), float(at[0])]
    if p.state == "partial":
        out["w"] = True
    return out


def _clusters(inside: Sequence[Spot], zoom: int, lang: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """One mark per cell of the screen grid, at the middle of its points, in the shape of the worst; a point that is alone in its
    cell stays a point."""
    step = CELL_PX * 360 / (256 * 2**zoom)
    lons, lats = [s[1] for s in inside], [s[2] for s in inside]
    # no view of a screen has so many cells; whoever asks for more of them gets larger ones
    step = max(step, (max(lons) - min(lons)) / CELLS, (max(lats) - min(lats)) / CELLS)  # type: ignore[type-var,operator]
    cells: dict[tuple[int, int], list[Any]] = {}
    for s in inside:
        lon, lat, rank = s[1], s[2], s[4]
        cell = cells.get(key := (int(lon // step), int(lat // step)))
        if cell is None:
            cells[key] = [1, lon, lat, lon, lon, lat, lat, rank, s]
            continue
        cell[0] += 1
        cell[1] += lon
        cell[2] += lat
        if lon < cell[3]:
            cell[3] = lon
        elif lon > cell[4]:
            cell[4] = lon
        if lat < cell[5]:
            cell[5] = lat
        elif lat > cell[6]:
            cell[6] = lat
        if rank < cell[7]:
            cell[7] = rank
    points = [_point(cell[8], lang) for cell in cells.values() if cell[0] == 1]
    return points, [_cluster(cell) for cell in cells.values() if cell[0] > 1]


def _cluster(cell: Sequence[Any]) -> dict[str, Any]:
    n, lon, lat, west, east, south, north, rank, _ = cell
    return {
        "at": [lat / n, lon / n],
        "n": n,
        "s": WORST[min(rank, len(WORST) - 1)],
        "b": [[south, west], [north, east]],
    }


def without_place(spots: Iterable[Spot]) -> int:
    return sum(s.lon is None for s in spots)
