"""GDAL reads every export: rows, names, coordinate system, positions. PROJ judges our zones."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy
import pyogrio
import pyproj
import pytest

from sync_server.export.columns import Style
from sync_server.export.grids import GEOGRAPHIC, crs_label, fitting, grid_of, grids, name_of, wkt_of
from sync_server.store import Stored
from tests.unit.exported import ABOUT, SCOPE, id_of, layer, point, rows_of, writer, written

DEG, MM = 1e-9, 1e-3
RNG = random.Random(4490)
POINTS = [
    point(n, f"{RNG.uniform(118.6, 121.4):.7f}", f"{RNG.uniform(18, 53):.7f}", note=f"第 {n} 点") for n in range(1, 301)
]
RING = [["119.10", "32.10"], ["119.25", "32.11"], ["119.24", "32.21"], ["119.09", "32.20"], ["119.10", "32.10"]]
HOLE = [["119.15", "32.15"], ["119.16", "32.16"], ["119.17", "32.14"], ["119.15", "32.15"]]
SITE = Stored(
    "site",
    id_of(1),
    SCOPE,
    1,
    {"code": "D1", "name": "红星电镀厂地块" * 20, "status": "survey", "boundary": {"rings": [RING, HOLE]}},
)


def lonlat(stored: Stored) -> tuple[float, float]:
    at = stored.values["position"]
    return float(at["lon"]), float(at["lat"])


def positions(blobs: numpy.ndarray) -> numpy.ndarray:
    """x and y of points as WKB."""
    return numpy.array([numpy.frombuffer(b, dtype="<f8", offset=5)[:2] for b in blobs])


def opened(path: Path, name: str | None = None) -> tuple[dict, numpy.ndarray | None, dict]:
    meta, _, geometry, fields = pyogrio.raw.read(str(path), layer=name)
    return meta, geometry, dict(zip(meta["fields"], fields, strict=True))


@pytest.mark.parametrize("heads", ["labels", "names"])
def test_geopackage_in_degrees(tmp_path: Path, heads: str) -> None:
    path = written("gpkg", tmp_path, "point", rows_of("point", POINTS, {id_of(9): "红星"}), Style(heads), title="点位")  # type: ignore[arg-type]
    meta, geometry, found = opened(path, "点位")
    assert meta["crs"] == "EPSG:4490" and meta["geometry_type"] == "Point" and len(geometry) == 300
    assert abs(positions(geometry) - numpy.array([lonlat(p) for p in POINTS])).max() < DEG
    if heads == "labels":
        assert (
            list(found["备注"][:2]) == ["第 1 点", "第 2 点"]
            and set(found["地块"]) == {"红星"}
            and set(found["位置来自"]) == {"本记录"}
        )
        assert found["实测坐标·经度（°）"].dtype == float
    else:
        assert list(found["code"][:2]) == ["S01", "S02"] and set(found["position_from"]) == {"own"}
    assert dict(pyogrio.list_layers(path)) == {"点位": "Point", "说明": None}
    assert pyogrio.read_info(path, layer="点位")["features"] == 300


@pytest.mark.parametrize(
    "epsg", [4528, 4549, 4510, 4499]
)  # 3° zone 40 with prefix, CM 120 without, 6° CM 123, 6° zone 21
def test_geopackage_in_a_zone_is_what_proj_says(tmp_path: Path, epsg: int) -> None:
    path = written("gpkg", tmp_path, "point", rows_of("point", POINTS), Style(grid=grid_of(epsg)), title="点位")
    meta, geometry, found = opened(path, "点位")
    assert meta["crs"] == f"EPSG:{epsg}" and pyproj.CRS.from_user_input(meta["crs"]) == pyproj.CRS.from_epsg(epsg)
    east, north = pyproj.Transformer.from_crs(4490, epsg, always_xy=True).transform(
        *zip(*map(lonlat, POINTS), strict=True)
    )
    wanted = numpy.array([east, north]).T
    assert abs(positions(geometry) - wanted).max() < MM
    assert (
        abs(found["实测坐标·Y 东（m）"] - wanted[:, 0]).max() <= MM
        and abs(found["实测坐标·X 北（m）"] - wanted[:, 1]).max() <= MM
    )
    assert (
        abs(found["实测坐标·经度（°）"] - numpy.array([lonlat(p)[0] for p in POINTS])).max() < DEG
    )  # beside it, as recorded


@pytest.mark.parametrize("epsg", [None, 4528])
def test_a_boundary_with_a_hole(tmp_path: Path, epsg: int | None) -> None:
    style = Style(grid=grid_of(epsg))
    path = written("gpkg", tmp_path / "g", "site", rows_of("site", [SITE]), style, title="地块")
    meta, _geometry, found = opened(path, "地块")
    assert meta["geometry_type"] == "Polygon" and found["地块名称"][0] == "红星电镀厂地块" * 20
    assert found["地块边界（WKT 经纬度）"][0].startswith("POLYGON ((119.10 32.10")
    bounds = pyogrio.read_bounds(path, layer="地块")[1][:, 0]
    corners = numpy.array(RING, dtype=float).T
    if epsg:
        corners = numpy.array(pyproj.Transformer.from_crs(4490, epsg, always_xy=True).transform(*corners))
    wanted = [corners[0].min(), corners[1].min(), corners[0].max(), corners[1].max()]
    assert abs(bounds - numpy.array(wanted)).max() < (MM if epsg else DEG)
    assert tuple(pyogrio.read_info(path, layer="地块")["total_bounds"]) == pytest.approx(
        wanted, abs=MM if epsg else DEG
    )
    as_json = written("geojson", tmp_path / "j", "site", rows_of("site", [SITE]), style)
    assert opened(as_json)[0]["geometry_type"] == "Polygon"
    assert abs(pyogrio.read_bounds(as_json)[1][:, 0] - numpy.array([119.09, 32.10, 119.25, 32.21])).max() < DEG


def test_geojson_is_read_with_every_position(tmp_path: Path) -> None:
    path = written("geojson", tmp_path, "point", rows_of("point", POINTS), Style(grid=grid_of(4528)), title="点位")
    meta, geometry, found = opened(path)
    assert len(geometry) == 300 and abs(positions(geometry) - numpy.array([lonlat(p) for p in POINTS])).max() < DEG
    assert meta["crs"] == "EPSG:4326"  # what RFC 7946 makes every reader think; the file says CGCS2000 beside it
    assert list(found["备注"][:1]) == ["第 1 点"] and found["实测坐标·Y 东（m）"].min() > 40_000_000


@pytest.mark.parametrize("format", ["xlsx", "csv"])
def test_tables_are_read_whole(tmp_path: Path, format: str) -> None:
    path = written(format, tmp_path, "point", rows_of("point", POINTS), title="点位")
    _, _, found = opened(path, "点位" if format == "xlsx" else None)
    assert len(found["记录号"]) == 300 and found["备注"][299] == "第 300 点"
    assert abs(found["实测坐标·经度（°）"].astype(float) - numpy.array([lonlat(p)[0] for p in POINTS])).max() < DEG


def test_layers_of_every_kind_in_one_file(tmp_path: Path) -> None:
    """A layer of points, one of areas, a table without places, and records that lie where their point does."""
    style, sample = (
        Style(),
        Stored(
            "sample",
            id_of(3),
            SCOPE,
            3,
            {"code": "HX-S01-1", "kind": "ordinary", "medium": "soil", "point_id": id_of(1)},
        ),
    )
    made = writer("gpkg", tmp_path, style)
    for type, title, rows in (("point", "点位", rows_of("point", [*POINTS[:3], point(7, position=None)])), ("site", "地块", rows_of("site", [SITE])),
                              ("plan", "采样方案", rows_of("plan", [])),
                              ("sample", "样品", [r._replace(at=POINTS[0].values["position"], own=False) for r in rows_of("sample", [sample])])):  # fmt: skip
        made.begin(layer(type, "gpkg", style, title))
        made.write(rows)
    made.close(ABOUT)
    assert dict(pyogrio.list_layers(made.path)) == {
        "点位": "Point",
        "地块": "Polygon",
        "采样方案": None,
        "样品": "Point",
        "说明": None,
    }
    _, geometry, found = opened(made.path, "样品")
    assert (
        abs(positions(geometry) - numpy.array([lonlat(POINTS[0])])).max() < DEG and found["位置来自"][0] == "所属点位"
    )
    assert [g is None for g in opened(made.path, "点位")[1]] == [False, False, False, True]
    assert list(opened(made.path, "说明")[2]["说明"]) == ["HX 地块", "1"]


# --- the zones -------------------------------------------------------------------------------------------------------


def test_every_zone_is_defined_as_the_register_has_it() -> None:
    assert sorted(grids()) == [*range(4491, 4555)]
    for epsg, grid in grids().items():
        theirs = pyproj.CRS.from_epsg(epsg)
        assert name_of(grid) == theirs.name and pyproj.CRS.from_wkt(wkt_of(grid)) == pyproj.CRS.from_wkt(
            theirs.to_wkt("WKT1_GDAL")
        ), epsg
    ours, theirs = pyproj.CRS.from_wkt(wkt_of(None)), pyproj.CRS.from_epsg(GEOGRAPHIC)
    assert ours == pyproj.CRS.from_wkt(theirs.to_wkt("WKT1_GDAL")) and ours.to_epsg() == 4490


def test_every_zone_projects_as_proj_does() -> None:
    worst = 0.0
    for epsg, grid in grids().items():
        there = pyproj.Transformer.from_crs(4490, epsg, always_xy=True)
        for _ in range(20):
            lon, lat = grid.meridian + RNG.uniform(-3, 3), RNG.uniform(3, 54)
            east, north = there.transform(lon, lat)
            x, y = grid.project(lon, lat)
            worst = max(worst, abs(x - north), abs(y - east))
    assert worst < MM


def test_which_zone_and_what_lies_outside() -> None:
    assert (
        fitting(119.45) == grids()[4528]
        and fitting(119.45, 6) == grids()[4498]
        and fitting(119.45, prefixed=False) == grids()[4549]
    )
    assert fitting(-70) is None and fitting(73.4) is None
    assert grids()[4528].outside(121.6) and not grids()[4528].outside(121.4) and not grids()[4498].outside(119.9)
    assert (
        grids()[4528].digits("150", "32") is None
        and grids()[4528].digits("119.45", "90") is None
        and grids()[4528].digits("nan", "1") is None
    )
    north, east = grids()[4528].digits("119.4520000", "32.2087000") or ("", "")
    assert re.fullmatch(r"35\d{5}\.\d{3}", north) and re.fullmatch(r"40\d{6}\.\d{3}", east)
    assert grid_of(None) is None and grid_of(4490) is None
    for wrong in (0, 3857, 4489, 4555):
        with pytest.raises(ValueError, match="EPSG"):
            grid_of(wrong)
    for lang in ("zh", "en"):
        assert (
            "4528" in crs_label(grids()[4528], lang)
            and "120°" in crs_label(grids()[4528], lang)
            and "4490" in crs_label(None, lang)
        )
