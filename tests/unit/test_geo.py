"""Geo formulas against figures computed elsewhere (PROJ 9, GeographicLib), and against themselves both ways."""

from decimal import Decimal
from functools import cache
from math import cos, hypot, isclose, radians

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from schemas.rules import geo

LON = st.floats(73.6, 136.4, allow_nan=False)
LAT = st.floats(3.5, 53.6, allow_nan=False)
METRES = st.floats(-10_000, 10_000, allow_nan=False)

# lon1, lat1, lon2, lat2, azimuth, distance: GeographicLib on the CGCS2000 ellipsoid
LINES = [
    (116.4, 39.9, 116.41, 39.905, 57.00519659635524, 1019.5545778597249),
    (116.4, 39.9, 116.5, 39.95, 56.96765739795101, 10193.210029811182),
    (179.999, 10, -179.999, 10.001, 63.23266869717611, 245.59538274790035),
    (87.6, 43.8, 87.6001, 43.8, 89.9999653928413, 8.047512753895427),
    (121.5, 31.2, 121.5, 31.29, 0.0, 9978.631632907358),
    (116.4, 39.9, -70, -33, 37.47888298154284, 19055304.93494569),
]


@pytest.mark.parametrize(("lon1", "lat1", "lon2", "lat2", "azimuth", "far"), LINES)
def test_distance_and_bearing_match_geographiclib(lon1, lat1, lon2, lat2, azimuth, far):
    assert geo.distance_m(lon1, lat1, lon2, lat2) == pytest.approx(far, abs=1e-4)
    assert geo.bearing_deg(lon1, lat1, lon2, lat2) == pytest.approx(azimuth, abs=1e-7)


def test_identical_points_and_both_names_of_the_antimeridian():
    assert geo.distance_m(116.4, 39.9, 116.4, 39.9) == 0
    assert geo.bearing_deg(116.4, 39.9, 116.4, 39.9) == 0
    assert geo.distance_m(180, 40, -180, 40) == 0
    assert geo.distance_m(0, 0, 180, 0) == pytest.approx(
        20_003_931, rel=0.006
    )  # opposite ends: rough, but no exception
    assert geo.distance_m(Decimal("116.4"), Decimal("39.9"), 116.41, 39.905) == pytest.approx(1019.55458, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(LON, LAT, METRES, METRES)
def test_offset_is_the_inverse_of_distance_and_bearing(lon, lat, east, north):
    there = geo.offset(lon, lat, east, north)
    far = hypot(east, north)
    assert geo.distance_m(lon, lat, *there) == pytest.approx(far, abs=1e-5)
    if far > 1:
        bearing = radians(geo.bearing_deg(lon, lat, *there))
        assert far * cos(bearing) == pytest.approx(north, abs=1e-4)


def test_offset_crosses_the_antimeridian_and_keeps_east_and_north_apart():
    lon, lat = geo.offset(179.9999, 40, 100, 0)
    assert -180 <= lon < -179.998
    assert lat == pytest.approx(40, abs=1e-7)
    east_lon, east_lat = geo.offset(116.4, 39.9, 100, 0)
    north_lon, north_lat = geo.offset(116.4, 39.9, 0, 100)
    assert east_lon > 116.4 and abs(east_lat - 39.9) < 1e-8
    assert north_lat > 39.9 and north_lon == pytest.approx(116.4, abs=1e-12)


@pytest.mark.parametrize(
    ("bearing", "zh", "en"),
    [
        (0, "北", "N"),
        (22.4, "北", "N"),
        (22.6, "东北", "NE"),
        (45, "东北", "NE"),
        (90, "东", "E"),
        (135, "东南", "SE"),
        (180, "南", "S"),
        (225, "西南", "SW"),
        (270, "西", "W"),
        (315, "西北", "NW"),
        (337.6, "北", "N"),
        (360, "北", "N"),
        (-90, "西", "W"),
    ],
)
def test_compass(bearing, zh, en):
    assert geo.compass(bearing) == (zh, en)


# --- polygons ---------------------------------------------------------------------------------------------------------

SQUARE = [(116.4, 39.9), (116.41, 39.9), (116.41, 39.91), (116.4, 39.91), (116.4, 39.9)]
HOLE = [(116.404, 39.904), (116.406, 39.904), (116.406, 39.906), (116.404, 39.906), (116.404, 39.904)]


def test_area_of_a_known_square():
    # GeographicLib's geodesic polygon; its edges bend a little against ours
    assert geo.polygon_area_m2([SQUARE]) == pytest.approx(949464.605, abs=0.05)
    assert geo.polygon_area_m2([SQUARE[::-1]]) == pytest.approx(949464.605, abs=0.05)
    assert geo.polygon_area_m2([SQUARE[:-1]]) == pytest.approx(949464.605, abs=0.05)  # an open ring is closed
    assert geo.polygon_area_m2([]) == 0


def test_area_takes_holes_off_and_does_not_see_the_antimeridian():
    hole = geo.polygon_area_m2([HOLE])
    assert hole == pytest.approx(0.04 * 949464.605, rel=1e-4)
    assert geo.polygon_area_m2([SQUARE, HOLE]) == pytest.approx(geo.polygon_area_m2([SQUARE]) - hole, abs=1e-6)
    shifted = [(geo._east_of(lon + 63.595, 0), lat) for lon, lat in SQUARE]  # now across 180°
    assert min(lon for lon, _ in shifted) < 0 < max(lon for lon, _ in shifted)
    assert geo.polygon_area_m2([shifted]) == pytest.approx(geo.polygon_area_m2([SQUARE]), abs=1e-3)
    assert geo.contains([shifted], 180, 39.905) and geo.contains([shifted], -180, 39.905)
    assert not geo.contains([shifted], 0, 39.905)


@settings(max_examples=30, deadline=None)
@given(LON, LAT, st.floats(5, 500), st.floats(5, 500))
def test_area_of_a_small_rectangle_is_width_times_height(lon, lat, width, height):
    corners = [(0, 0), (width, 0), (width, height), (0, height), (0, 0)]
    area = geo.polygon_area_m2([[geo.offset(lon, lat, e, n) for e, n in corners]])
    assert isclose(area, width * height, rel_tol=3e-4)


def test_contains_with_holes_and_boundaries():
    rings = [SQUARE, HOLE]
    assert geo.contains(rings, 116.402, 39.902)
    assert not geo.contains(rings, 116.405, 39.905)  # in the hole
    assert not geo.contains(rings, 116.42, 39.905)
    assert not geo.contains(rings, 116.4, 39.92)
    for lon, lat in [*SQUARE, *HOLE, (116.405, 39.9), (116.4, 39.905), (116.405, 39.904)]:
        assert geo.contains(rings, lon, lat), (lon, lat)
    just_out = geo.offset(116.4, 39.905, -0.01, 0)
    assert not geo.contains(rings, *just_out)
    assert geo.contains(rings, *geo.offset(116.4, 39.905, 0.01, 0))
    assert not geo.contains([], 116.4, 39.9)
    assert not geo.contains([SQUARE], 116.405 - 180, 39.905)


def test_distance_to_boundary_is_metres_on_either_side():
    for east in (-250.0, 250.0):
        lon, lat = geo.offset(116.4, 39.905, east, 0)
        assert geo.distance_to_boundary_m([SQUARE], lon, lat) == pytest.approx(250, abs=1e-3)
    corner = geo.offset(116.41, 39.91, 30, 40)
    assert geo.distance_to_boundary_m([SQUARE], *corner) == pytest.approx(50, abs=1e-3)
    in_hole = geo.distance_to_boundary_m([SQUARE, HOLE], 116.405, 39.905)
    assert in_hole == pytest.approx(geo.distance_m(116.405, 39.905, 116.406, 39.905), abs=1e-3)
    with pytest.raises(ValueError, match="no boundary"):
        geo.distance_to_boundary_m([], 116.4, 39.9)


@pytest.mark.parametrize(
    ("ring", "problem"),
    [
        (SQUARE, None),
        (SQUARE[::-1], None),
        ([SQUARE[0], SQUARE[0], *SQUARE[1:]], None),  # a repeated point is harmless
        ([(0, 0), (4, 0), (4, 4), (2, 1), (0, 4), (0, 0)], None),  # concave
        ([(179.99, 1), (-179.99, 1), (-179.99, 2), (179.99, 1)], None),
        (SQUARE[:-1], "not_closed"),
        ([], "too_few_corners"),
        ([SQUARE[0]], "not_closed"),
        ([(0, 0), (1, 1), (0, 0)], "too_few_corners"),
        ([(0, 0), (1, 1), (1, 0), (0, 1), (0, 0)], "self_crossing"),  # bow tie
        ([(0, 0), (2, 0), (2, 2), (1, 0), (0, 2), (0, 0)], "self_crossing"),  # a corner lies on an edge
        ([(0, 0), (2, 0), (1, 0), (0, 0)], "self_crossing"),  # no area
        ([(0, 0), (2, 0), (2, 2), (2, -1), (0, 0)], "self_crossing"),  # runs back on itself
        ([(0, 0), (181, 0), (1, 1), (0, 0)], "out_of_range"),
        ([(0, 0), (1, float("nan")), (1, 1), (0, 0)], "out_of_range"),
        ([(39.9, 116.4), (39.9, 116.5), (40, 116.5), (39.9, 116.4)], "out_of_range"),  # latitude first
    ],
)
def test_ring_problem(ring, problem):
    assert geo.ring_problem(ring) == problem
    assert problem is None or problem in geo.RING_PROBLEMS


# --- Gauss-Krüger -----------------------------------------------------------------------------------------------------

PROJ = [
    (116.4, 39.9, 4548, 448688.8557344164, 4418598.001258592),
    (116.4, 39.9, 4527, 39448688.855734415, 4418598.001258592),
    (121.473, 31.2304, 4549, 640345.6130544066, 3457454.5990708135),
    (121.473, 31.2304, 4528, 40640345.61305441, 3457454.5990708135),
    (87.617, 43.793, 4538, 549658.9924807125, 4851007.599736632),
    (75, 39.5, 4534, 500000.0, 4374014.113467975),
    (135.1, 48.3, 4554, 507419.166765302, 5351790.401261913),
    (110.3, 20.0, 4546, 426745.6339999393, 2212519.3084794898),
    (118.4, 39.9, 4548, 619727.7473645667, 4419364.04614609),
]


@pytest.mark.parametrize(("lon", "lat", "epsg", "easting", "northing"), PROJ)
def test_gauss_kruger_matches_proj_both_ways(lon, lat, epsg, easting, northing):
    assert geo.gk_project(lon, lat, epsg) == pytest.approx((easting, northing), abs=1e-4)
    assert geo.gk_inverse(easting, northing, epsg) == pytest.approx((lon, lat), abs=1e-9)


def test_gk_forward_of_the_reference_point():
    easting, northing = geo.gk_forward(Decimal("116.4"), Decimal("39.9"), 39)
    assert (round(easting, 3), round(northing, 3)) == (448688.856, 4418598.001)


ZONES = range(geo.FIRST_ZONE, geo.LAST_ZONE + 1)
LATS = (3.0, 12.5, 18.2, 26.0, 31.9, 39.9, 47.3, 53.9)
MM = 1e-3


@cache
def proj(epsg: int) -> Transformer:
    """lon, lat → easting, northing by PROJ."""
    return Transformer.from_crs(4490, epsg, always_xy=True)


def agree(lon: float, lat: float, epsg: int) -> None:
    """Forward and inverse are within a millimetre of PROJ."""
    easting, northing = proj(epsg).transform(lon, lat)
    ours = geo.gk_project(lon, lat, epsg)
    assert hypot(ours[0] - easting, ours[1] - northing) < MM, (lon, lat, epsg)
    assert geo.distance_m(*geo.gk_inverse(easting, northing, epsg), lon, lat) < MM, (lon, lat, epsg)


@pytest.mark.parametrize("zone", ZONES)
def test_every_zone_agrees_with_proj_to_its_edges_and_beyond(zone):
    for epsg in (4488 + zone, 4509 + zone):
        for off in (-2.0, -1.5, -0.7, 0.0, 1e-7, 1.5, 2.0):
            for lat in LATS:
                agree(3 * zone + off, lat, epsg)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ZONES), st.floats(-2, 2), st.floats(3, 54), st.booleans())
def test_any_point_within_two_degrees_agrees_with_proj(zone, off, lat, prefixed):
    agree(3 * zone + off, lat, zone + (4488 if prefixed else 4509))


@pytest.mark.parametrize("zone", ZONES)
def test_the_systems_are_what_the_register_says(zone):
    with_prefix, without = CRS.from_epsg(4488 + zone), CRS.from_epsg(4509 + zone)
    assert with_prefix.name == f"CGCS2000 / 3-degree Gauss-Kruger zone {zone}"
    assert without.name == f"CGCS2000 / 3-degree Gauss-Kruger CM {3 * zone}E"
    for crs in (with_prefix, without):
        assert crs.geodetic_crs.to_epsg() == 4490
        assert [axis.direction for axis in crs.axis_info] == ["north", "east"]  # X is northing


@settings(max_examples=80, deadline=None)
@given(LON, LAT)
def test_gk_round_trip_in_the_own_zone(lon, lat):
    zone = geo.gk_zone(lon)
    assert abs(lon - 3 * zone) <= 1.5
    for epsg in (4488 + zone, 4509 + zone):
        there = geo.gk_project(lon, lat, epsg)
        assert geo.gk_inverse(*there, epsg) == pytest.approx((lon, lat), abs=1e-10)


def test_every_zone_has_two_systems():
    assert [geo.zone_of_epsg(e) for e in (4513, 4533, 4534, 4554)] == [(25, True), (45, True), (25, False), (45, False)]
    for zone in range(25, 46):
        assert geo.gk_project(3 * zone, 40, 4488 + zone)[0] == zone * 1e6 + 500_000
        assert geo.gk_project(3 * zone, 40, 4509 + zone)[0] == 500_000
    for epsg in (4512, 4555, 4490):
        with pytest.raises(ValueError, match=str(epsg)):
            geo.zone_of_epsg(epsg)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: geo.gk_inverse(39448688.856, 4418598.001, 4548), "no zone prefix"),
        (lambda: geo.gk_inverse(448688.856, 4418598.001, 4527), "begin with zone 39"),
        (lambda: geo.gk_inverse(40448688.856, 4418598.001, 4527), "begin with zone 39"),
        (lambda: geo.gk_inverse(4418598.001, 448688.856, 4548), "no zone prefix"),  # northing first
        (lambda: geo.gk_forward(116.4, 39.9, 20), "zone 20"),
        (lambda: geo.gk_forward(116.4, 39.9, 45), "too far"),
        (lambda: geo.gk_zone(20), "zone 7"),
    ],
)
def test_a_wrong_zone_or_prefix_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
