"""Survey coordinates of a plan: northing (X) and easting (Y) in CGCS2000 3° Gauss-Krüger zones → longitude, latitude.

A zone is read from the easting's prefix or given by a person; it is never guessed. What was found is shown for
confirmation, since nothing in a file can tell CGCS2000 from an older datum, or 40 from a mistyped 39.
EPSG 4513–4533: eastings with zone prefix (25–45); 4534–4554: without, by central meridian (75°–135°).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from math import floor
from typing import Any, NamedTuple

from schemas.problems import Trouble
from schemas.rules.geo import FIRST_ZONE, LAST_ZONE, gk_inverse
from sync_server.plan.cells import Words

# Northings between 3° and 54° N, eastings as far as 400 km from the meridian; what lies outside is another column,
# another unit or another system. Finer limits are those of the position that comes out.
NORTHINGS, EASTINGS = (300_000, 6_100_000), (100_000, 900_000)
NORTH = (3.0, 54.0)  # degrees; as for other positions in China (RECORDS v_geofix, mark D)
OWN_DEG, WIDEST_DEG = 1.5, 3.0  # a zone's own half width; further off than the widest the zone is wrong
SIX_DEGREE_ZONES = range(13, 24)  # the 6° zones of China: another projection


class System(NamedTuple):
    zone: int  # 25–45
    prefixed: bool  # whether eastings begin with it

    @property
    def epsg(self) -> int:
        return self.zone + (4488 if self.prefixed else 4509)

    @property
    def central_meridian(self) -> int:
        """Degrees east."""
        return 3 * self.zone


class Placed(NamedTuple):
    """One point: as the file has it (m, to the millimetre) and where that is (degrees, 7 decimals: about a centimetre)."""

    system: System
    northing: str
    easting: str
    lon: str
    lat: str

    @property
    def outside(self) -> bool:
        """Beyond the zone's own half width: usual where a site crosses the edge, otherwise the zone is wrong."""
        return abs(float(self.lon) - self.system.central_meridian) > OWN_DEG


class Wrong(NamedTuple):
    """Why a pair is no position: the field to blame, or none when only the zone is missing."""

    field: str | None
    words: Words | None = None


class Projection(NamedTuple):
    """What was found in the file, to be shown and confirmed before anything is imported."""

    systems: list[tuple[System, int]]  # with the number of points, by zone
    first: tuple[str, Placed]  # code of the first point, and where it is
    extent: tuple[str, str, str, str]  # west, south, east, north in degrees
    outside: int = 0  # points beyond ±1.5° of their zone's meridian

    def words(self) -> tuple[str, str]:
        """(zh, en): zone, central meridian, first point and extent, on one line each."""
        code, at = self.first
        w, s, e, n = self.extent
        zh = "；".join(
            f"第 {x.zone} 带（中央子午线 {x.central_meridian}°，EPSG:{x.epsg}，Y {'带' if x.prefixed else '不带'}带号）{count} 个点位"
            for x, count in self.systems
        )
        en = "; ".join(
            f"zone {x.zone} (central meridian {x.central_meridian}°, EPSG:{x.epsg}, easting {'with' if x.prefixed else 'without'} prefix): {count} points"
            for x, count in self.systems
        )
        zh_outside, en_outside = (
            f"；{self.outside} 个点位在所属带 ±1.5° 以外",
            f"; {self.outside} points outside ±1.5° of their zone",
        )
        return (
            f"按 CGCS2000 3° 带{zh}；第一个点 {code} X={at.northing} Y={at.easting} → 东经 {at.lon}° 北纬 {at.lat}°；"
            f"范围 东经 {w}°～{e}° 北纬 {s}°～{n}°" + (zh_outside if self.outside else ""),
            f"CGCS2000 3-degree {en}; first point {code} X={at.northing} Y={at.easting} → {at.lon}° E {at.lat}° N; "
            f"extent {w}° to {e}° E, {s}° to {n}° N" + (en_outside if self.outside else ""),
        )


def zone_given(zone: int | None = None, central_meridian: int | None = None) -> int | None:
    """The zone a person named by number (25–45) or central meridian (75, 78 … 135). Raises Trouble 4008."""
    if central_meridian is not None:
        if central_meridian % 3 or not FIRST_ZONE * 3 <= central_meridian <= LAST_ZONE * 3:
            raise Trouble(4008, why={"zh": f"中央子午线 {central_meridian} 不是 75、78 … 135 之一",
                                     "en": f"the central meridian {central_meridian} is none of 75, 78 … 135"})  # fmt: skip
        if zone is not None and zone * 3 != central_meridian:
            raise Trouble(4008, why={"zh": f"第 {zone} 带的中央子午线是 {zone * 3}，不是 {central_meridian}",
                                     "en": f"the central meridian of zone {zone} is {zone * 3}, not {central_meridian}"})  # fmt: skip
        return central_meridian // 3
    if zone is not None and not FIRST_ZONE <= zone <= LAST_ZONE:
        raise Trouble(4008, why={"zh": f"3° 带的带号是 {FIRST_ZONE}～{LAST_ZONE}，不是 {zone}",
                                 "en": f"3-degree zones are {FIRST_ZONE} to {LAST_ZONE}, not {zone}"})  # fmt: skip
    return zone


def zone_needed(easting: str, fits: Sequence[int]) -> Trouble:
    """Eastings without prefix and nobody named a zone. `fits`: zones in which the project is known to lie."""
    zh = "、".join(f"第 {z} 带（中央子午线 {3 * z}°）" for z in fits)
    en = ", ".join(f"zone {z} (central meridian {3 * z}°)" for z in fits)
    words = {
        "zh": f"；本项目已有的位置在{zh}" if fits else "",
        "en": f"; what is known of this project lies in {en}" if fits else "",
    }
    return Trouble(4005, {"zones": list(fits)}, easting=easting, fits=words)


def _prefix(easting: Decimal) -> int | None:
    """0 for an easting without prefix, the first two digits of one with; None when it is no easting."""
    prefix = floor(easting / 1_000_000)
    inside = EASTINGS[0] <= easting - prefix * 1_000_000 < EASTINGS[1]
    known = prefix == 0 or prefix in SIX_DEGREE_ZONES or FIRST_ZONE <= prefix <= LAST_ZONE
    return prefix if inside and known else None


def _between(value: Decimal, limits: tuple[int, int]) -> bool:
    return limits[0] <= value < limits[1]


def place(northing: str, easting: str, zone: int | None) -> Placed | Wrong:
    """Where a pair of plain decimals (m) is. `zone` is the one a person gave."""
    x, y = Decimal(northing), Decimal(easting)
    prefix = _prefix(y)
    if max(abs(x), abs(y)) <= 180:
        return Wrong("northing", Words(
            f"{northing}、{easting} 像是度，不是米", f"{northing}, {easting} look like degrees, not metres",
            "经纬度的列名写 经度、纬度", "Name the columns of degrees longitude and latitude"))  # fmt: skip
    if _prefix(x) is not None and _between(y, NORTHINGS) and (prefix is None or not _between(x, NORTHINGS)):
        return Wrong("northing", Words(
            f"X {northing} 与 Y {easting} 像是写反了", f"X {northing} and Y {easting} look swapped",
            "测量坐标 X 是北、Y 是东：对调两列，或把列名改为 东坐标、北坐标",
            "X is north and Y is east in survey files: swap the columns, or name them easting and northing"))  # fmt: skip
    if prefix is None:
        return Wrong("easting", Words(
            f"Y {easting} 不是 6 位（不带带号）或 8 位（带号 {FIRST_ZONE}～{LAST_ZONE} 开头）的东坐标",
            f"Y {easting} is no easting of 6 digits, or of 8 beginning with a zone {FIRST_ZONE} to {LAST_ZONE}",
            "核对单位是否为米、位数和带号", "Check that it is metres, the number of digits and the zone"))  # fmt: skip
    if prefix in SIX_DEGREE_ZONES:
        return Wrong("easting", Words(
            f"Y {easting} 是 6° 带第 {prefix} 带的坐标", f"Y {easting} is of the 6-degree zone {prefix}",
            "换算成 CGCS2000 3° 带的坐标", "Convert it to a CGCS2000 3-degree zone"))  # fmt: skip
    if not _between(x, NORTHINGS):
        return Wrong("northing", Words(
            f"X {northing} 不是中国范围内的北坐标（{NORTHINGS[0]}～{NORTHINGS[1]} m）",
            f"X {northing} is no northing in China ({NORTHINGS[0]} to {NORTHINGS[1]} m)",
            "核对单位是否为米、位数，以及 X、Y 是否写反", "Check that it is metres, the digits, and that X is north"))  # fmt: skip
    if prefix and zone and prefix != zone:
        return Wrong("easting", Words(
            f"Y {easting} 的带号是 {prefix}，与指定的第 {zone} 带不同", f"Y {easting} begins with zone {prefix}, but zone {zone} was given",
            "改正带号；各点带号正确时不要指定带", "Correct it, or give no zone where the file's own are right"))  # fmt: skip
    known = prefix or zone
    return Wrong(None) if not known else _inverse(northing, easting, System(known, bool(prefix)))


def _inverse(northing: str, easting: str, system: System) -> Placed | Wrong:
    lon, lat = gk_inverse(Decimal(easting), Decimal(northing), system.epsg)
    off = lon - system.central_meridian
    if abs(off) > WIDEST_DEG:
        return Wrong("easting", Words(
            f"Y {easting} 离第 {system.zone} 带的中央子午线 {abs(off):.1f}°，太远", f"Y {easting} lies {abs(off):.1f}° off the central meridian of zone {system.zone}",
            "核对带号和位数", "Check the zone and the digits"))  # fmt: skip
    if not NORTH[0] <= lat <= NORTH[1]:
        return Wrong("northing", Words(
            f"X {northing} 换算为北纬 {lat:.4f}°，不在中国范围内", f"X {northing} comes out at latitude {lat:.4f}°, outside China",
            "核对单位是否为米和位数", "Check that it is metres, and the digits"))  # fmt: skip
    return Placed(system, northing, easting, f"{lon:.7f}", f"{lat:.7f}")


def summary(placed: Iterable[tuple[str, Placed]]) -> Projection | None:
    """Of all good points (code, place); None when there is none."""
    points = list(placed)
    if not points:
        return None
    counts: dict[System, int] = {}
    for _, at in points:
        counts[at.system] = counts.get(at.system, 0) + 1
    lons = sorted((at.lon for _, at in points), key=float)
    lats = sorted((at.lat for _, at in points), key=float)
    outside = sum(at.outside for _, at in points)
    return Projection(sorted(counts.items()), points[0], (lons[0], lats[0], lons[-1], lats[-1]), outside)


def position_of(placed: Placed) -> dict[str, Any]:
    """The planned position's values: the file's own figures stay beside the degrees."""
    return {
        "lon": placed.lon, "lat": placed.lat, "source_epsg": placed.system.epsg,
        "source_northing": placed.northing, "source_easting": placed.easting,
    }  # fmt: skip
