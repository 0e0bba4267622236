"""Distances, areas and Gauss-Krüger coordinates on the CGCS2000 ellipsoid.

Positions are longitude and latitude in degrees; WGS-84 differs by less than 0.1 mm in shape, so one set of formulas
serves both. Polygons are GeoJSON rings, [outer, hole, …], and an edge is straight in longitude and latitude (RFC 7946).
Longitudes 180 and −180 are the same meridian everywhere. No formula here is for use at the poles.

Sources: T. Vincenty, Survey Review 23 (1975); L. Krüger 1912, coefficients as in C. Karney, J. Geodesy 85 (2011);
CGCS2000 constants and zones: GB/T 17798 and the EPSG register.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import (
    asin,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    degrees,
    floor,
    hypot,
    isfinite,
    log,
    radians,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)

from schemas.reference import Label

Number = Decimal | float
Ring = Sequence[Sequence[Number]]

A = 6378137.0  # semi-major axis, m
F = 1 / 298.257222101
B = A * (1 - F)
E2 = F * (2 - F)
E = sqrt(E2)

# On the boundary counts as inside; nearer than this is on it. A millimetre is below any surveyed boundary.
BOUNDARY_M = 1e-3

_COMPASS = (
    Label("北", "N"),
    Label("东北", "NE"),
    Label("东", "E"),
    Label("东南", "SE"),
    Label("南", "S"),
    Label("西南", "SW"),
    Label("西", "W"),
    Label("西北", "NW"),
)

RING_PROBLEMS = {
    "out_of_range": Label("坐标超出范围", "A coordinate is out of range"),
    "not_closed": Label("边界未闭合", "The ring is not closed"),
    "too_few_corners": Label("边界不足三个角点", "Fewer than three corners"),
    "self_crossing": Label("边界自相交", "The boundary crosses or touches itself"),
}


def _east_of(lon: float, origin: float) -> float:
    """Longitude difference in degrees within ±180."""
    return (lon - origin + 180) % 360 - 180


def _inverse(lon1: float, lat1: float, lon2: float, lat2: float) -> tuple[float, float]:
    """Vincenty's inverse: distance in m and forward azimuth in radians. Identical points give (0, 0)."""
    lam0 = lam = radians(_east_of(lon2, lon1))
    u1, u2 = atan((1 - F) * tan(radians(lat1))), atan((1 - F) * tan(radians(lat2)))
    s1, c1, s2, c2 = sin(u1), cos(u1), sin(u2), cos(u2)
    for _ in range(100):
        east, north = c2 * sin(lam), c1 * s2 - s1 * c2 * cos(lam)
        sin_sigma, cos_sigma = hypot(east, north), s1 * s2 + c1 * c2 * cos(lam)
        if sin_sigma == 0:
            return 0.0, 0.0
        sigma = atan2(sin_sigma, cos_sigma)
        sin_alpha = c1 * c2 * sin(lam) / sin_sigma
        cos2 = 1 - sin_alpha**2
        mid = cos_sigma - 2 * s1 * s2 / cos2 if cos2 > 1e-15 else 0.0  # 0 on the equator
        c = F / 16 * cos2 * (4 + F * (4 - 3 * cos2))
        before = lam
        lam = lam0 + (1 - c) * F * sin_alpha * (sigma + c * sin_sigma * (mid + c * cos_sigma * (2 * mid * mid - 1)))
        if abs(lam - before) < 1e-13:
            big, delta = _series(cos2, sin_sigma, cos_sigma, mid)
            return B * big * (sigma - delta), atan2(east, north)
    # Nearly opposite ends of the earth: no site is. The sphere is good to 0.6 % and does not fail.
    return A * atan2(sin_sigma, cos_sigma), atan2(east, north)


def _series(cos2: float, sin_sigma: float, cos_sigma: float, mid: float) -> tuple[float, float]:
    """Vincenty's A and Δσ."""
    u2 = cos2 * E2 / (1 - E2)
    big = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)))
    small = u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2)))
    inner = cos_sigma * (2 * mid**2 - 1) - small / 6 * mid * (4 * sin_sigma**2 - 3) * (4 * mid**2 - 3)
    return big, small * sin_sigma * (mid + small / 4 * inner)


def distance_m(lon1: Number, lat1: Number, lon2: Number, lat2: Number) -> float:
    """Distance along the ellipsoid in metres; good to less than 0.1 mm over 10 km."""
    return _inverse(float(lon1), float(lat1), float(lon2), float(lat2))[0]


def bearing_deg(lon1: Number, lat1: Number, lon2: Number, lat2: Number) -> float:
    """True bearing from the first point to the second, 0 ≤ b < 360 degrees clockwise from north; 0 if identical."""
    return degrees(_inverse(float(lon1), float(lat1), float(lon2), float(lat2))[1]) % 360 % 360


def distance_and_bearing(lon1: Number, lat1: Number, lon2: Number, lat2: Number) -> tuple[float, float]:
    """`distance_m` and `bearing_deg` for the price of one."""
    metres, azimuth = _inverse(float(lon1), float(lat1), float(lon2), float(lat2))
    return metres, degrees(azimuth) % 360 % 360


def offset(lon: Number, lat: Number, east_m: Number, north_m: Number) -> tuple[float, float]:
    """The point reached by going hypot(east, north) metres at bearing atan2(east, north); (lon, lat) in degrees.

    The inverse of `distance_m` and `bearing_deg` (Vincenty's direct formula); longitude within −180 ≤ lon < 180.
    """
    lon, lat, east, north = float(lon), float(lat), float(east_m), float(north_m)
    far, azimuth = hypot(east, north), atan2(east, north)
    tan_u = (1 - F) * tan(radians(lat))
    cos_u = 1 / sqrt(1 + tan_u**2)
    sin_u = tan_u * cos_u
    start, sin_alpha = atan2(tan_u, cos(azimuth)), cos_u * sin(azimuth)
    cos2 = 1 - sin_alpha**2
    big = _series(cos2, 0, 1, 0)[0]
    sigma = plain = far / (B * big)
    for _ in range(100):
        mid = cos(2 * start + sigma)
        before, sigma = sigma, plain + _series(cos2, sin(sigma), cos(sigma), mid)[1]
        if abs(sigma - before) < 1e-15:
            break
    mid = cos(2 * start + sigma)
    side = sin_u * sin(sigma) - cos_u * cos(sigma) * cos(azimuth)
    lat2 = atan2(sin_u * cos(sigma) + cos_u * sin(sigma) * cos(azimuth), (1 - F) * hypot(sin_alpha, side))
    lam = atan2(sin(sigma) * sin(azimuth), cos_u * cos(sigma) - sin_u * sin(sigma) * cos(azimuth))
    c = F / 16 * cos2 * (4 + F * (4 - 3 * cos2))
    lam -= (1 - c) * F * sin_alpha * (sigma + c * sin(sigma) * (mid + c * cos(sigma) * (2 * mid**2 - 1)))
    return _east_of(lon + degrees(lam), 0), degrees(lat2)


def compass(bearing: Number) -> Label:
    """One of eight directions, 东北/NE and so on, for a bearing in degrees (any turn)."""
    return _COMPASS[floor(float(bearing) % 360 / 45 + 0.5) % 8]


def _edges(ring: Ring, origin: float) -> Iterator[tuple[float, float, float, float]]:
    """Edges as lon1, lat1, lon2, lat2, longitudes counted from `origin`; an open ring is closed."""
    if not ring:
        return
    first = float(ring[0][0])  # unwrap along the ring, so that no edge is cut by the meridian opposite `origin`
    points = [(_east_of(first, origin) + _east_of(float(p[0]), first), float(p[1])) for p in ring]
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1], strict=True):
        if (x1, y1) != (x2, y2):
            yield x1, y1, x2, y2


def _strip(lat: float) -> float:
    """Area on the ellipsoid from the equator to `lat`, m² per radian of longitude (authalic)."""
    s = sin(radians(lat))
    return B * B / 2 * (s / (1 - E2 * s * s) + log((1 + E * s) / (1 - E * s)) / (2 * E))


def polygon_area_m2(rings: Sequence[Ring]) -> float:
    """Area in m² on the ellipsoid, holes taken off; 0 without rings. Direction of the rings does not matter."""
    areas = []
    for ring in rings:
        if not ring:
            continue
        base = _strip(float(ring[0][1]))  # near the true height: keeps the sums small, so nothing is lost in rounding
        total = 0.0
        for x1, y1, x2, y2 in _edges(ring, float(ring[0][0])):
            middle, half = (y1 + y2) / 2, (y2 - y1) / 2 * sqrt(0.6)  # three-point Gauss along the edge
            mean = (5 * _strip(middle - half) + 8 * _strip(middle) + 5 * _strip(middle + half)) / 18 - base
            total += radians(x2 - x1) * mean
        areas.append(abs(total))
    return areas[0] - sum(areas[1:]) if areas else 0.0


def _nearest(rings: Sequence[Ring], lon: float, lat: float) -> tuple[float, float] | None:
    """The boundary point nearest to (lon, lat), found in the local plane."""
    phi = radians(lat)
    bend = 1 - E2 * sin(phi) ** 2
    kx, ky = A / sqrt(bend) * cos(phi), A * (1 - E2) / bend**1.5
    best: tuple[float, float, float] | None = None
    for ring in rings:
        for x1, y1, x2, y2 in _edges(ring, lon):
            dx, dy, px, py = (x2 - x1) * kx, (y2 - y1) * ky, -x1 * kx, (lat - y1) * ky
            share = min(1.0, max(0.0, (px * dx + py * dy) / (dx * dx + dy * dy)))
            gap = hypot(px - share * dx, py - share * dy)
            if best is None or gap < best[0]:
                best = gap, lon + x1 + share * (x2 - x1), y1 + share * (y2 - y1)
    return None if best is None else best[1:]


def distance_to_boundary_m(rings: Sequence[Ring], lon: Number, lat: Number) -> float:
    """Distance in metres to the nearest boundary, holes included; never negative. ValueError without a boundary."""
    found = _nearest(rings, float(lon), float(lat))
    if found is None:
        raise ValueError("no boundary: rings are empty")
    return distance_m(lon, lat, *found)


class _Outline:
    """One ring, unwrapped from its first corner on, so that asking for a point costs a comparison for each edge."""

    def __init__(self, ring: Ring) -> None:
        self.first = float(ring[0][0]) if ring else 0.0
        corners = [(_east_of(float(p[0]), self.first), float(p[1])) for p in ring]
        self.edges = [(*a, *b) for a, b in zip(corners, corners[1:] + corners[:1], strict=True)]

    def surrounds(self, lon: float, lat: float) -> bool:
        inside, base = False, _east_of(self.first, lon)
        for dx1, y1, dx2, y2 in self.edges:
            if (y1 > lat) != (y2 > lat):
                x1, x2 = base + dx1, base + dx2
                if x1 + (lat - y1) / (y2 - y1) * (x2 - x1) > 0:
                    inside = not inside
        return inside


class Area:
    """A polygon of which many points are asked. `rings` are not looked at again: they must stay as they are."""

    def __init__(self, rings: Sequence[Ring]) -> None:
        self.rings, self._outlines = rings, [_Outline(ring) for ring in rings]

    def contains(self, lon: Number, lat: Number) -> bool:
        """True inside the outer ring and outside every hole; on a boundary (within 1 mm) counts as inside."""
        x, y = float(lon), float(lat)
        if not self._outlines or not self._outlines[0].edges:
            return False
        outer, *holes = self._outlines
        if outer.surrounds(x, y) and not any(hole.surrounds(x, y) for hole in holes):
            return True
        return distance_to_boundary_m(self.rings, x, y) <= BOUNDARY_M


def contains(rings: Sequence[Ring], lon: Number, lat: Number) -> bool:
    """`Area.contains` of a polygon that is asked once."""
    return Area(rings).contains(lon, lat)


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _meet(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]) -> bool:
    """Whether segments ab and cd share a point."""
    if max(a[0], b[0]) < min(c[0], d[0]) or max(c[0], d[0]) < min(a[0], b[0]):
        return False
    if max(a[1], b[1]) < min(c[1], d[1]) or max(c[1], d[1]) < min(a[1], b[1]):
        return False
    return _turn(a, b, c) * _turn(a, b, d) <= 0 and _turn(c, d, a) * _turn(c, d, b) <= 0


def ring_problem(ring: Ring) -> str | None:
    """What is wrong with a ring: a key of RING_PROBLEMS, or None. Repeated points in a row are allowed."""
    given = [(float(p[0]), float(p[1])) for p in ring]
    if any(not (isfinite(x) and isfinite(y) and abs(x) <= 180 and abs(y) <= 90) for x, y in given):
        return "out_of_range"
    if len(given) < 2 or given[0] != given[-1]:
        return "not_closed" if given else "too_few_corners"
    points = [(_east_of(x, given[0][0]), y) for x, y in given]
    corners = [p for p, after in zip(points, points[1:], strict=False) if p != after]
    n = len(corners)
    if len(set(corners)) < 3:
        return "too_few_corners"
    for i in range(n):
        a, b, c = corners[i], corners[(i + 1) % n], corners[(i + 2) % n]
        ahead = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])
        if _turn(a, b, c) == 0 and ahead < 0:  # the line runs back on itself
            return "self_crossing"
        for j in range(i + 2, n - (i == 0)):
            if _meet(a, b, corners[j], corners[(j + 1) % n]):
                return "self_crossing"
    return None


# --- Gauss-Krüger, 3° zones -------------------------------------------------------------------------------------------

_N = F / (2 - F)
_RADIUS = A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64 + _N**6 / 256)  # rectifying radius
_ALPHA = (
    _N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16 + 41 * _N**4 / 180,
    13 * _N**2 / 48 - 3 * _N**3 / 5 + 557 * _N**4 / 1440,
    61 * _N**3 / 240 - 103 * _N**4 / 140,
    49561 * _N**4 / 161280,
)
_BETA = (
    _N / 2 - 2 * _N**2 / 3 + 37 * _N**3 / 96 - _N**4 / 360,
    _N**2 / 48 + _N**3 / 15 - 437 * _N**4 / 1440,
    17 * _N**3 / 480 - 37 * _N**4 / 840,
    4397 * _N**4 / 161280,
)
FIRST_ZONE, LAST_ZONE = 25, 45  # central meridians 75° to 135°
FALSE_EASTING = 500_000.0
_WIDEST = 9.0  # degrees from the central meridian: further off is a wrong zone, not a wide one


def gk_zone(lon: Number) -> int:
    """Number of the 3° zone a longitude lies in (117° → 39). ValueError outside zones 25–45."""
    zone = floor((float(lon) + 1.5) / 3)
    _check_zone(zone)
    return zone


def _check_zone(zone: int) -> None:
    if not FIRST_ZONE <= zone <= LAST_ZONE:
        raise ValueError(f"3-degree zone {zone} is outside {FIRST_ZONE}–{LAST_ZONE}")


def zone_of_epsg(epsg: int) -> tuple[int, bool]:
    """(zone number, whether eastings carry it as prefix) of EPSG 4513–4533 and 4534–4554. ValueError for others."""
    if 4513 <= epsg <= 4533:
        return epsg - 4488, True
    if 4534 <= epsg <= 4554:
        return epsg - 4509, False
    raise ValueError(f"EPSG {epsg} is not a CGCS2000 3-degree Gauss-Krüger system (4513–4554)")


def gk_forward(lon: Number, lat: Number, zone: int) -> tuple[float, float]:
    """(easting, northing) in metres in 3° zone `zone`, easting with the false 500 km but without the zone prefix.

    Good to less than 0.1 mm. ValueError for a zone outside 25–45 or a point more than 9° from its meridian.
    """
    _check_zone(zone)
    east = _east_of(float(lon), 3.0 * zone)
    if abs(east) > _WIDEST:
        raise ValueError(f"longitude {lon} is too far from the central meridian {3 * zone} of zone {zone}")
    lam, s = radians(east), sin(radians(float(lat)))
    t = sinh(atanh(s) - E * atanh(E * s))
    xi, eta = atan2(t, cos(lam)), atanh(sin(lam) / sqrt(1 + t * t))
    x, y = xi, eta
    for k, a in enumerate(_ALPHA, 1):
        x += a * sin(2 * k * xi) * cosh(2 * k * eta)
        y += a * cos(2 * k * xi) * sinh(2 * k * eta)
    return FALSE_EASTING + _RADIUS * y, _RADIUS * x


def gk_project(lon: Number, lat: Number, epsg: int) -> tuple[float, float]:
    """(easting, northing) in metres as the EPSG system writes them, the zone prefix included where it has one."""
    zone, prefixed = zone_of_epsg(epsg)
    easting, northing = gk_forward(lon, lat, zone)
    return easting + 1e6 * zone if prefixed else easting, northing


def gk_inverse(easting: Number, northing: Number, epsg: int) -> tuple[float, float]:
    """(lon, lat) in degrees from coordinates of an EPSG system.

    ValueError when the easting's zone prefix is missing, another zone's, or present where the system has none: eight
    digits before the point carry a prefix, six do not.
    """
    zone, prefixed = zone_of_epsg(epsg)
    east, prefix = float(easting), floor(float(easting) / 1e6)
    if prefix != (zone if prefixed else 0):
        wanted = f"must begin with zone {zone}" if prefixed else "must have no zone prefix"
        raise ValueError(f"easting {easting} in EPSG {epsg} {wanted}")
    xi, eta = float(northing) / _RADIUS, (east - 1e6 * prefix - FALSE_EASTING) / _RADIUS
    x, y = xi, eta
    for k, b in enumerate(_BETA, 1):
        x -= b * sin(2 * k * xi) * cosh(2 * k * eta)
        y -= b * cos(2 * k * xi) * sinh(2 * k * eta)
    s = sin(x) / cosh(y)  # sine of the conformal latitude
    lam = atan2(sinh(y), cos(x))
    target, s_lat = atanh(s), s
    for _ in range(20):  # conformal → geodetic latitude; gains two digits and a half each round
        before, s_lat = s_lat, tanh(target + E * atanh(E * s_lat))
        if abs(s_lat - before) < 1e-16:
            break
    return 3.0 * zone + degrees(lam), degrees(asin(s_lat))
