"""Survey coordinates of a plan: X is north, the zone is read or given and never guessed, and PROJ agrees to a millimetre."""

from __future__ import annotations

import io
import re
from functools import cache
from math import hypot

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from schemas.problems import Trouble
from schemas.record import check
from schemas.records import TYPES
from schemas.rules.geo import distance_m
from sync_server.plan.importing import Options, planned_values
from sync_server.plan.projection import zone_given
from sync_server.plan.rows import PlanFile, read_plan

HAN = re.compile(r"[\u4e00-\u9fff]")
HEAD = "点位编号,X,Y\n"
# zone 40 (120° E) near Nanjing, by PROJ: 118.7654321 E, 32.0123456 N
X, Y = "3543887.646", "40383353.450"


@cache
def proj(source: int, target: int) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


def read(text: str, zone: int | None = None, fits: tuple[int, ...] = ()) -> PlanFile:
    return read_plan(text.encode(), zone=zone, fits=lambda: fits)


def surveyed(lon: float, lat: float, epsg: int) -> tuple[str, str]:
    """(X, Y) as a survey file writes them."""
    easting, northing = proj(4490, epsg).transform(lon, lat)
    return f"{northing:.3f}", f"{easting:.3f}"


def test_the_example_is_what_proj_says() -> None:
    x, y = surveyed(118.7654321, 32.0123456, 4528)
    assert (x, y) == (X, Y)


# --- what goes in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        "点位编号,X,Y", "点号,x坐标,y坐标", "点位,X(m),Y(m)", "点位,X（米）,Y（米）", "code,Northing,Easting", "编号,北坐标,东坐标",
        "编号,纵坐标X,横坐标Y", "编号,纵坐标,横坐标", "编号,X/m,Y/m", "编号,坐标X,坐标Y", "编号,Xm,Ym", "编号,北坐标（X）,东坐标（Y）",
    ],
)  # fmt: skip
def test_names_of_survey_columns(head: str) -> None:
    (row,) = read(f"{head}\nS01,{X},{Y}\n").rows
    assert row.position == {
        "lon": "118.7654321", "lat": "32.0123456", "source_epsg": 4528, "source_northing": X, "source_easting": Y,
    }  # fmt: skip


def test_without_prefix_the_zone_is_asked_for_and_named() -> None:
    text = HEAD + f"S01,{X},{Y[2:]}\n"
    with pytest.raises(Trouble) as caught:
        read(text)
    trouble = caught.value
    assert trouble.problem.number == 4005 and Y[2:] in trouble.text("zh") and Y[2:] in trouble.text("en")
    for remedy in (trouble.problem.remedy_zh, trouble.problem.remedy_en):
        assert "--zone" in remedy and "--central-meridian" in remedy
    assert trouble.extra == {"zones": []} and "第" not in trouble.text("zh").partition("无法")[2].replace(
        "哪个 3° 带", ""
    )
    with pytest.raises(Trouble) as caught:
        read(text, fits=(39, 40))
    assert "第 39 带（中央子午线 117°）、第 40 带（中央子午线 120°）" in caught.value.text("zh")
    assert "zone 39 (central meridian 117°), zone 40 (central meridian 120°)" in caught.value.text("en")
    (row,) = read(text, zone=40).rows
    assert (row.lon, row.lat, row.position["source_epsg"], row.position["source_easting"]) == (
        "118.7654321", "32.0123456", 4549, Y[2:],
    )  # fmt: skip
    (row,) = read(text, zone=39).rows  # another zone is another place, and nobody guessed it
    assert row.position["source_epsg"] == 4548 and distance_m(row.lon, row.lat, 118.7654321, 32.0123456) > 200_000


@settings(max_examples=300, deadline=None)
@given(st.integers(25, 45), st.floats(-2, 2), st.floats(3.2, 53.8), st.booleans())
def test_survey_coordinates_and_back(zone: int, off: float, lat: float, prefixed: bool) -> None:
    """What is stored lies where PROJ says (7 decimals: within 8 mm), and the stored metres are the file's own."""
    lon = 3 * zone + off
    epsg = zone + (4488 if prefixed else 4509)
    x, y = surveyed(lon, lat, epsg)
    (row,) = read(HEAD + f"S01,{x},{y}\n", zone=None if prefixed else zone).rows
    assert distance_m(row.lon, row.lat, *proj(epsg, 4490).transform(float(y), float(x))) < 0.008
    at = row.position
    assert (at["source_epsg"], at["source_northing"], at["source_easting"]) == (epsg, x, y)
    back = proj(at["source_epsg"], 4490).transform(float(at["source_easting"]), float(at["source_northing"]))
    assert distance_m(*back, lon, lat) < 1e-3
    again = surveyed(float(row.lon), float(row.lat), epsg)
    assert hypot(float(again[0]) - float(x), float(again[1]) - float(y)) < 0.01


def test_a_record_holds_it() -> None:
    (row,) = read(HEAD + f"S01,{X}4,{Y}5\n").rows
    values = planned_values(row, "0192f000-0000-7000-8000-000000000001", Options("Plan"))
    assert check(TYPES["planned_point"], values) == []
    assert (values["position"]["source_northing"], values["position"]["source_easting"]) == (
        X,
        Y[:-1] + str(int(Y[-1]) + 1),
    )  # to the mm


def test_the_projection_is_told_for_confirmation() -> None:
    east, north = surveyed(118.79, 32.05, 4528)[::-1]
    file = read(HEAD + f"S01,{X},{Y}\nS02,{north},{east}\nS03,bad,{Y}\n")
    found = file.projection
    assert found is not None and [(s.zone, s.central_meridian, s.prefixed, s.epsg, n) for s, n in found.systems] == [
        (40, 120, True, 4528, 2)
    ]
    assert found.first[0] == "S01" and (found.first[1].lon, found.first[1].lat) == ("118.7654321", "32.0123456")
    assert [float(v) for v in found.extent] == pytest.approx([118.7654321, 32.0123456, 118.79, 32.05], abs=1e-7)
    zh, en = found.words()
    for part in (
        "第 40 带",
        "中央子午线 120°",
        "EPSG:4528",
        "带带号",
        "2 个点位",
        "S01",
        X,
        Y,
        "118.7654321",
        "32.0123456",
        "118.79",
        "32.05",
    ):
        assert part in zh, part
    for part in (
        "zone 40",
        "central meridian 120°",
        "EPSG:4528",
        "with prefix",
        "2 points",
        "S01",
        X,
        Y,
        "118.7654321",
        "32.05",
    ):
        assert part in en, part
    assert "不带带号" in read(HEAD + f"S01,{X},{Y[2:]}\n", zone=40).projection.words()[0]  # type: ignore[union-attr]
    assert read("code,lon,lat\nS01,118.7,32\n").projection is None
    assert read(HEAD + "S01,bad,1\n").projection is None


def test_more_than_one_zone_is_noted() -> None:
    other = ",".join(surveyed(117.2, 32.0, 4527))
    file = read(HEAD + f"S01,{X},{Y}\nS02,{other}\nS03,{X},{Y}\n")
    assert file.faults == [] and [r.position["source_epsg"] for r in file.rows] == [4528, 4527, 4528]
    assert any("第 39 带 1 个、第 40 带 2 个" in zh and "zone 39: 1, zone 40: 2" in en for zh, en in file.notes)
    assert not read(HEAD + f"S01,{X},{Y}\n").notes


def test_points_outside_their_zone_are_noted() -> None:
    inside, outside = (",".join(surveyed(lon, 32.0, 4528)) for lon in (118.51, 118.49))
    file = read(HEAD + f"S01,{inside}\nS02,{outside}\n")
    assert file.faults == [] and any(
        "1 个点位在所属带 ±1.5° 以外" in zh and "1 points lie outside" in en for zh, en in file.notes
    )
    assert file.projection is not None and "±1.5°" in file.projection.words()[0]


def test_both_kinds_of_columns() -> None:
    file = read(f"code,lon,lat,X,Y\nS01,118.7,32.0,{X},{Y}\n")
    assert file.projection is None and [r.lon for r in file.rows] == ["118.7"] and file.ignored == ["X", "Y"]
    assert any("用了经纬度" in zh and "longitude and latitude were used" in en for zh, en in file.notes)
    file = read("code,lon,lat\nS01,118.7,32.0\n", zone=40)
    assert any("没有用到" in zh and "was not used" in en for zh, en in file.notes)
    half = read(f"code,lon,X,Y\nS01,118.7,{X},{Y}\n")
    assert [r.lon for r in half.rows] == ["118.7654321"] and half.ignored == ["lon"]


def test_of_a_workbook_too() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as made:
        sheet = made.add_worksheet("坐标")
        for y, row in enumerate(
            [
                ["控制点成果表"],
                ["点位编号", "坐标", None],
                [None, "X", "Y"],
                ["S01", float(X), float(Y)],
                ["S02", float(Y), float(X)],
            ]
        ):
            sheet.write_row(y, 0, row)
    file = read_plan(out.getvalue())
    assert [(r.line, float(r.position["source_northing"]), float(r.position["source_easting"])) for r in file.rows] == [
        (4, float(X), float(Y))
    ]
    assert [(f.line, f.column) for f in file.faults] == [(5, "X B5")]


# --- rows that are wrong ----------------------------------------------------------------------------------------------

BAD: list[tuple[str, str, str, str]] = [  # what follows a good row with prefix; column, zh, en
    (f"{Y},{X}", "X", "写反了", "look swapped"),
    (f"{Y[2:]},{X}", "X", "写反了", "look swapped"),
    (f"{X},{Y[2:]}", "Y", "没有带号", "has no zone prefix"),
    ("32.0123456,118.7654321", "X", "像是度", "look like degrees"),
    ("118.7654321,32.0123456", "X", "像是度", "look like degrees"),
    ("0,0", "X", "像是度", "look like degrees"),
    (f"{float(X) / 1000:.6f},{float(Y) / 1000:.6f}", "Y", "不是 6 位", "no easting of 6 digits"),  # kilometres
    (f"{X},{Y[:7]}.{Y[7]}", "Y", "不是 6 位", "no easting of 6 digits"),  # a digit lost
    (f"{X},{Y[:8]}{Y[9]}.{Y[10:]}", "Y", "超出", "is outside"),  # a digit too many
    (f"{X},46500000", "Y", "不是 6 位", "zone 25 to 45"),
    (f"{X},24500000", "Y", "不是 6 位", "zone 25 to 45"),
    (f"{X},20616636.459", "Y", "6° 带第 20 带", "6-degree zone 20"),
    (f"{X[:6]}.{X[6]}{X[8:]},{Y}", "X", "3.2", "3.2"),  # a digit lost: at sea, but in range
    (f"{X[:7]}{X[8]}.{X[9:]},{Y}", "X", "不是中国范围内的北坐标", "no northing in China"),
    (f"-{X},{Y}", "X", "不是中国范围内的北坐标", "no northing in China"),
    (f"6050000,{Y}", "X", "不在中国范围内", "outside China"),
    (f"{X},40899999", "Y", "太远", "off the central meridian"),
    (f"{X},", "Y", "没有填", "is empty"),
    (f"abc,{Y}", "X", "「abc」不是数", "“abc” is not a number"),
    (f"NaN,{Y}", "X", "不是数", "is not a number"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "column", "zh", "en"), BAD)
def test_a_wrong_row_is_told_and_stays_out(bad: str, column: str, zh: str, en: str) -> None:
    file = read(HEAD + f"S01,{X},{Y}\nS02,{bad}\nS03,{X},{Y}\n")
    if column == "X" and zh == "3.2":  # 3.2° N is within China's waters: it goes in, and is seen in the extent
        assert file.faults == [] and file.projection is not None and file.projection.extent[1].startswith(zh)
        return
    (fault,) = file.faults
    assert (fault.line, fault.column) == (3, column)
    assert zh in fault.zh and en in fault.en and HAN.search(fault.remedy_zh) and fault.remedy_en
    assert [r.code for r in file.rows] == ["S01", "S03"]


def test_a_zone_that_contradicts_the_file_is_told() -> None:
    file = read(HEAD + f"S01,{X},{Y}\nS02,{X},{Y[2:]}\n", zone=39)
    (fault,) = file.faults
    assert (
        (fault.line, fault.column) == (2, "Y")
        and "带号是 40，与指定的第 39 带不同" in fault.zh
        and "zone 39 was given" in fault.en
    )
    file = read(HEAD + f"S01,{X},{Y}\nS02,{X},{Y[2:]}\n", zone=40)
    assert file.faults == [] and file.rows[0].lon == file.rows[1].lon
    assert [r.position["source_epsg"] for r in file.rows] == [4528, 4549]


@pytest.mark.parametrize(
    ("zone", "meridian", "words"),
    [
        (24, None, "25～45，不是 24"), (46, None, "25 to 45, not 46"), (None, 121, "121 不是 75、78"), (None, 138, "none of 75"),
        (None, 72, "none of 75"), (39, 120, "第 39 带的中央子午线是 117，不是 120"), (0, None, "not 0"), (-40, None, "not -40"),
    ],
)  # fmt: skip
def test_a_wrong_zone_is_refused(zone: int | None, meridian: int | None, words: str) -> None:
    with pytest.raises(Trouble) as caught:
        zone_given(zone, meridian)
    assert caught.value.problem.number == 4008 and words in caught.value.text("zh") + caught.value.text("en")


def test_zones_by_number_or_meridian() -> None:
    assert [zone_given(40, None), zone_given(None, 120), zone_given(40, 120), zone_given()] == [40, 40, 40, None]
    with pytest.raises(Trouble) as caught:
        read(HEAD + f"S01,{X},{Y}\n", zone=60)
    assert caught.value.problem.number == 4008
