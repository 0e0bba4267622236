"""A file of leads: what is taken of each kind of file, every fault with its place, and nothing guessed."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from schemas.problems import Trouble
from schemas.records import TYPES, check
from sync_server.plan.leads import Defaults, LeadFile, read_leads
from sync_server.service.leads import same_key

RING = [["119.1", "32.1"], ["119.2", "32.1"], ["119.2", "32.2"], ["119.1", "32.1"]]
NUMBERS = [[float(x), float(y)] for x, y in RING]


def collection(*features: tuple[dict[str, Any], str, Any], **more: Any) -> bytes:
    made = [
        {"type": "Feature", "properties": p, "geometry": {"type": kind, "coordinates": at}} for p, kind, at in features
    ]
    return json.dumps({"type": "FeatureCollection", "features": made, **more}).encode()


def read(text: str | bytes, kind: str = "grid", title: str = "", due: str = "", **more: Any) -> LeadFile:
    return read_leads(text.encode() if isinstance(text, str) else text, Defaults(kind, title, due), **more)


def told(file: LeadFile) -> list[tuple[int, str, str]]:
    return [(f.line, f.column, f.zh) for f in file.faults]


def test_points_and_outlines_of_a_geojson() -> None:
    file = read(
        collection(
            ({"图斑编号": "T1", "面积": 3.2}, "Polygon", [NUMBERS]),
            ({"图斑编号": "T2"}, "MultiPolygon", [[NUMBERS]]),
            ({"图斑编号": 3.0}, "Point", [119.45, 32.2]),
        ),
        "remote_sensing", "疑似堆土", "2026-12-15",
    )  # fmt: skip
    assert [r.values for r in file.rows] == [
        {"kind": "remote_sensing", "title": "疑似堆土 T1", "source_ref": "T1", "geometry": {"rings": [RING]}, "due_on": "2026-12-15"},
        {"kind": "remote_sensing", "title": "疑似堆土 T2", "source_ref": "T2", "geometry": {"rings": [RING]}, "due_on": "2026-12-15"},
        {"kind": "remote_sensing", "title": "疑似堆土 3", "source_ref": "3", "position": {"lon": "119.45", "lat": "32.2", "source_epsg": 4490}, "due_on": "2026-12-15"},
    ]  # fmt: skip
    assert (file.faults, file.ignored) == ([], ["面积"])
    for row in file.rows:  # what comes out is a task
        assert check(TYPES["field_task"], {**row.values, "code": "RW-1"}) == []


@pytest.mark.parametrize(
    ("geometry", "at", "said"),
    [
        ("LineString", NUMBERS, "几何类型是 LineString，不是点或面"),
        ("MultiPolygon", [[NUMBERS], [NUMBERS]], "图斑分成 2 块"),
        ("Polygon", [[["a", "b"]]], "边界不是成对的坐标"),
        ("Polygon", [[[119.1, 32.1]] * 2001], "图斑有 2001 个拐点，最多 2000 个"),
        ("Polygon", [[[32.1, 119.1], [32.2, 119.1], [32.2, 119.2]]], "纬度 119.1 不是 ±90° 以内的数"),
        ("Polygon", [[[119.1, 32.1], [119.1, 32.1]]], "边界不到三个拐点"),
        ("Point", [119.1], "坐标不是 [经度, 纬度] 两个数"),
        ("Point", None, "坐标不是 [经度, 纬度] 两个数"),
    ],
)
def test_a_shape_that_cannot_be_gone_to_is_a_fault_of_its_row_alone(geometry: str, at: Any, said: str) -> None:
    file = read(
        collection(({"id": "T1"}, geometry, at), ({"id": "T2", "name": "好的"}, "Point", [119.1, 32.1])), title="x"
    )
    assert [(line, zh) for line, _, zh in told(file)] == [(1, said)]
    assert [r.values["title"] for r in file.rows] == ["好的"]


def test_a_table_with_every_column() -> None:
    file = read(
        "线索编号,线索来源,摘要,内容,经度,纬度,办结期限,涉及单位\n"
        "X1,信访举报,夜间倾倒,群众反映夜里有车,119.4512345678,32.2,2026/12/1,红星厂\n"
        "X2,grid,焚烧,,119.45,32.2,20261203,\n"
        "X3,网格巡查,堆放,,119.45,32.2,2026年12月3日,\n"
    )
    assert file.faults == [] and [r.org for r in file.rows] == ["红星厂", "", ""]
    first = file.rows[0].values
    assert first["kind"] == "complaint" and first["detail"] == "群众反映夜里有车" and first["due_on"] == "2026-12-01"
    assert first["position"]["lon"] == "119.4512346" and file.notes[0][0] == "1 个坐标的小数位过多，已四舍五入"
    assert [r.values["due_on"] for r in file.rows[1:]] == ["2026-12-03"] * 2
    assert file.rows[1].values["kind"] == "grid"


def test_every_fault_of_every_row_is_told_with_its_column_and_what_to_do() -> None:
    file = read(
        "编号,来源,摘要,经度,纬度,期限\n"
        "A,卫星,,32.2,119.45,2026-13-1\n"  # an origin nobody knows, no summary, swapped, no day
        "B,,乙,,32.2,\n"
        "C,,丙,119.4,32.1,\n"
        "C,,丁,119.4,32.1,\n"
        f"D,,{'长' * 201},119.4,32.1,\n",
        kind="grid",
    )
    assert told(file) == [
        (2, "来源", "不认识「卫星」"), (2, "摘要", "没有摘要"), (2, "纬度", "119.45 超出 -90～90"), (2, "期限", "「2026-13-1」不是日期"),
        (3, "经度", "没有填"),
        (4, "编号", "编号 C 与第 5 行重复"), (5, "编号", "编号 C 与第 4 行重复"),
        (6, "摘要", "超过 200 个字"),
    ]  # fmt: skip
    assert file.rows == [] and all(f.remedy_zh and f.remedy_en and f.en for f in file.faults)


def test_swapped_degrees_are_told_and_not_turned_round() -> None:
    file = read("编号,摘要,经度,纬度\n1,甲,32.2,80.5\n")
    assert told(file)[0][2] == "经度 32.2、纬度 80.5 像是写反了" and file.rows == []
    shape = read('编号,摘要,wkt\n1,甲,"POLYGON((32.2 80.5, 32.3 80.5, 32.3 80.6))"\n')
    assert "像是写反了" in told(shape)[0][2] and shape.rows == []


def test_well_known_text_and_an_open_ring() -> None:
    file = read(
        "id,name,wkt\n"
        '1,甲,"POLYGON((119.1 32.1, 119.2 32.1, 119.2 32.2))"\n'
        '2,乙,"MULTIPOLYGON(((119.1 32.1, 119.2 32.1, 119.2 32.2, 119.1 32.1)))"\n'
        "3,丙,POINT Z (119.1 32.1 5)\n"
        "4,丁,LINESTRING(1 2)\n"
        '5,戊,"MULTIPOLYGON(((119.1 32.1,119.2 32.1,119.2 32.2)),((119.1 32.1,119.2 32.1,119.2 32.2)))"\n'
        "6,己,POINT(nan 32)\n"
    )
    assert [r.values.get("geometry", {}).get("rings") for r in file.rows] == [[RING], [RING], None]
    assert file.rows[2].values["position"]["lat"] == "32.1"
    assert told(file) == [
        (5, "wkt", "「LINESTRING(1 2)」不是 POINT 或 POLYGON"), (6, "wkt", "图斑分成 2 块"), (7, "wkt", "经度 nan 不是 ±180° 以内的数")
    ]  # fmt: skip


def test_survey_coordinates_are_placed_and_shown_to_be_confirmed() -> None:
    file = read("编号,摘要,X,Y\n1,甲,3564000.123,40448000.5\n")
    at = file.rows[0].values["position"]
    assert (at["lon"], at["lat"], at["source_epsg"]) == ("119.4485129", "32.1985267", 4528)
    assert file.projection is not None and file.projection.systems[0][0].zone == 40
    with pytest.raises(Trouble) as err:
        read("编号,摘要,X,Y\n1,甲,3564000.123,448000.5\n")
    assert err.value.problem.number == 4005
    assert read("编号,摘要,X,Y\n1,甲,3564000.123,448000.5\n", zone=40).rows[0].values["position"]["lon"] == at["lon"]


def test_a_workbook_and_the_codes_a_spreadsheet_made_dates_of() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet, day = book.add_worksheet("线索"), book.add_format({"num_format": "yyyy-mm-dd"})
    for row, cells in enumerate(
        (("编号", "摘要", "经度", "纬度", "办结期限"), ("T1", "甲", 119.45, 32.2, ""), ("", "乙", 119.4, 32.1, ""))
    ):
        sheet.write_row(row, 0, cells)
    import datetime as dt

    sheet.write_datetime(1, 4, dt.datetime(2026, 12, 15), day)
    sheet.write_datetime(2, 0, dt.datetime(2026, 1, 2), day)
    book.close()
    file = read(out.getvalue())
    assert [(r.values["title"], r.values.get("due_on")) for r in file.rows] == [
        ("甲", "2026-12-15")
    ]  # a day may be a day
    assert [c for _, c, _ in told(file)] == ["编号 A3"]  # a number may not


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (b"", 4001), (b"\x00\x01", 4001), ("编号,摘要\n1,甲\n".encode(), 4002), ("编号,摘要,经度,纬度\n".encode(), 4001),
        (b'{"type":"FeatureCollection"}', 4001), (collection(({}, "Point", [1, 2]), crs={"properties": {"name": "EPSG:3857"}}), 4007),
        (("编号,摘要,经度,纬度\n" + "1,甲,119,32\n" * 5001).encode(), 6459), (b'{"type":"FeatureCollection","features":[]}', 4001),
    ],
)  # fmt: skip
def test_what_is_no_file_of_leads_is_told_as_a_whole(data: bytes, number: int) -> None:
    with pytest.raises(Trouble) as err:
        read(data)
    assert err.value.problem.number == number


def test_nothing_is_made_up_for_a_row_without_origin_or_summary() -> None:
    file = read("编号,经度,纬度\nT1,119.4,32.1\n", kind="")
    assert [zh for *_, zh in told(file)] == ["没有线索来源", "没有摘要"]


def test_what_is_the_same_lead() -> None:
    at = {"lon": "119.40", "lat": "32.1"}
    one = {"kind": "grid", "title": "甲", "position": at}
    assert same_key(one) == same_key({**one, "position": {"lon": "119.4", "lat": "32.10", "source_epsg": 4490}})
    assert same_key(one) != same_key({**one, "title": "乙"})
    assert same_key({**one, "source_ref": "T1"}) == same_key({**one, "source_ref": "T1", "title": "乙"})
    assert same_key({**one, "source_ref": "T1"}) != same_key({**one, "kind": "complaint", "source_ref": "T1"})
    assert same_key({"kind": "grid", "title": "甲", "geometry": {"rings": [RING]}}) != same_key(one)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)


@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT), min_size=1, max_size=6))
def test_any_cells_come_to_rows_that_are_tasks_or_to_faults(rows: list[tuple[str, ...]]) -> None:
    quoted = "\n".join(",".join('"' + c.replace('"', '""') + '"' for c in row) for row in rows)
    try:
        file = read(f"编号,摘要,经度,纬度,期限\n{quoted}\n")
    except Trouble as err:
        assert err.problem.number in (4001, 4002)
        return
    for row in file.rows:
        assert check(TYPES["field_task"], {**row.values, "code": "RW-1"}) == []
        assert abs(Decimal(row.values["position"]["lon"])) <= 180
    assert {r.line for r in file.rows}.isdisjoint(f.line for f in file.faults)
