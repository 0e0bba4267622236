"""The coordinate systems an export may be in: CGCS2000 longitude and latitude, or a Gauss-Krüger zone, 3° or 6° wide.

EPSG numbers and definitions: EPSG register, 4490 and 4491–4554; written as WKT 1, which every reader of GeoPackage knows.
In survey files X is north and Y is east; GeoPackage and GDAL take the east first.
"""

from __future__ import annotations

from functools import cache
from math import isfinite
from typing import NamedTuple

from schemas.rules.geo import FALSE_EASTING, FIRST_ZONE, LAST_ZONE, gk_forward

GEOGRAPHIC = 4490
WIDTHS = (3, 6)
FIRST_SIX, LAST_SIX = 13, 23  # 6° zones of China: central meridians 75° to 135°
_MM = 3  # digits after the point; a position is never known better


class Grid(NamedTuple):
    """One projected system. `prefixed`: whether eastings begin with the zone's number."""

    epsg: int
    width: int  # degrees: 3 or 6
    zone: int
    prefixed: bool

    @property
    def meridian(self) -> int:
        """The central one, degrees east."""
        return 3 * self.zone if self.width == 3 else 6 * self.zone - 3

    @property
    def false_easting(self) -> int:
        """Metres, with the zone's number where eastings have it."""
        return int(FALSE_EASTING) + (1_000_000 * self.zone if self.prefixed else 0)

    def label(self, lang: str) -> str:
        if lang == "zh":
            prefix = f"Y 带带号 {self.zone}" if self.prefixed else "Y 不带带号"
            return f"CGCS2000 高斯-克吕格 {self.width}° 带第 {self.zone} 带（中央子午线 {self.meridian}°，{prefix}，EPSG:{self.epsg}）"
        prefix = f"easting with zone prefix {self.zone}" if self.prefixed else "easting without prefix"
        return f"CGCS2000 Gauss-Krüger, {self.width}-degree zone {self.zone} (central meridian {self.meridian}°, {prefix}, EPSG:{self.epsg})"

    def project(self, lon: float, lat: float) -> tuple[float, float]:
        """(X north, Y east) in metres, good to less than 0.1 mm. ValueError where the zone is no use: too far off, no place."""
        if not (isfinite(lon) and -89 <= lat <= 89):
            raise ValueError(f"no place in a zone: {lon} {lat}")
        easting, northing = gk_forward(lon, lat, self.meridian // 3)
        return northing, easting - FALSE_EASTING + self.false_easting

    def digits(self, lon: str, lat: str) -> tuple[str, str] | None:
        """X north and Y east to the millimetre, of degrees as text; None where they cannot be told in this zone."""
        try:
            north, east = self.project(float(lon), float(lat))
        except (ValueError, OverflowError):
            return None
        return f"{north:.{_MM}f}", f"{east:.{_MM}f}"

    def outside(self, lon: float) -> bool:
        """Beyond the zone's own half width: usual where a site crosses the edge, otherwise the zone is the wrong one."""
        return abs((lon - self.meridian + 180) % 360 - 180) > self.width / 2


@cache
def grids() -> dict[int, Grid]:
    """Every zone, EPSG number → grid."""
    out = [Grid(4491 + z - FIRST_SIX, 6, z, True) for z in range(FIRST_SIX, LAST_SIX + 1)]
    out += [Grid(4502 + z - FIRST_SIX, 6, z, False) for z in range(FIRST_SIX, LAST_SIX + 1)]
    out += [Grid(4513 + z - FIRST_ZONE, 3, z, True) for z in range(FIRST_ZONE, LAST_ZONE + 1)]
    out += [Grid(4534 + z - FIRST_ZONE, 3, z, False) for z in range(FIRST_ZONE, LAST_ZONE + 1)]
    return {g.epsg: g for g in out}


def grid_of(epsg: int | None) -> Grid | None:
    """None for longitude and latitude. ValueError for a system there is not."""
    if epsg in (None, GEOGRAPHIC):
        return None
    try:
        return grids()[int(epsg or 0)]
    except KeyError:
        raise ValueError(f"EPSG {epsg} is none of 4490 to 4554") from None


def fitting(lon: float, width: int = 3, prefixed: bool = True) -> Grid | None:
    """The zone a longitude lies in; None outside of them all."""
    found = [g for g in grids().values() if g.width == width and g.prefixed == prefixed and not g.outside(lon)]
    return min(found, key=lambda g: abs(lon - g.meridian), default=None)


def crs_label(grid: Grid | None, lang: str) -> str:
    if grid is not None:
        return grid.label(lang)
    return "CGCS2000 经纬度（EPSG:4490）" if lang == "zh" else "CGCS2000 longitude and latitude (EPSG:4490)"


_GEOGCS = (
    'GEOGCS["China Geodetic Coordinate System 2000",DATUM["China_2000",SPHEROID["CGCS2000",6378137,298.257222101,'
    'AUTHORITY["EPSG","1024"]],AUTHORITY["EPSG","1043"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4490"]]'
)
WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]'
)


def name_of(grid: Grid | None) -> str:
    """As the register calls it."""
    if grid is None:
        return "China Geodetic Coordinate System 2000"
    three = "3-degree Gauss-Kruger" if grid.width == 3 else "Gauss-Kruger"
    return f"CGCS2000 / {three} {f'zone {grid.zone}' if grid.prefixed else f'CM {grid.meridian}E'}"


def wkt_of(grid: Grid | None) -> str:
    """The definition, WKT 1."""
    if grid is None:
        return _GEOGCS
    return (
        f'PROJCS["{name_of(grid)}",{_GEOGCS},PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],'
        f'PARAMETER["central_meridian",{grid.meridian}],PARAMETER["scale_factor",1],'
        f'PARAMETER["false_easting",{grid.false_easting}],PARAMETER["false_northing",0],UNIT["metre",1,AUTHORITY["EPSG","9001"]],'
        f'AUTHORITY["EPSG","{grid.epsg}"]]'
    )
