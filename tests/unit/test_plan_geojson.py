"""A plan out of GeoJSON: what GIS programs export goes in with its digits; every fault names its feature."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.problems import Trouble
from sync_server.plan import cells, geojson
from sync_server.plan.rows import PlanFile, read_plan

HAN = re.compile(r"[\u4e00-\u9fff]")
POINT = {"type": "Point", "coordinates": [118.75, 32.01]}


def feature(code: Any = "S02", geometry: Any = POINT, **more: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"code": code, **more}, "geometry": geometry}


def collection(*features: Any, **more: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", **more, "features": list(features)}


def read(value: Any, encoding: str = "utf-8") -> PlanFile:
    return read_plan(json.dumps(value, ensure_ascii=False).encode(encoding))


def crs(name: Any) -> Any:
    return {"type": "name", "properties": {"name": name}}


def test_digits_stay_as_written() -> None:
    text = """{"type": "FeatureCollection", "features": [
      {"type": "Feature", "properties": {"code": "S01"}, "geometry": {"type": "Point", "coordinates": [118.7654321, 32.0100000, 12.5]}},
      {"type": "Feature", "properties": {"code": "S02"}, "geometry": {"type": "Point", "coordinates": [1.1875e2, 32]}},
      {"type": "Feature", "properties": {"code": "S03"}, "geometry": {"type": "Point", "coordinates": [118.76543214, 32.1]}}]}"""
    file = read_plan(text.encode())
    assert file.faults == [] and file.projection is None
    assert [(r.line, r.code, r.lon, r.lat) for r in file.rows] == [
        (1, "S01", "118.7654321", "32.0100000"), (2, "S02", "118.75", "32"), (3, "S03", "118.7654321", "32.1"),
    ]  # fmt: skip
    assert any("1 figures had too many decimals" in en for _, en in file.notes)


def test_properties_are_columns() -> None:
    file = read(
        collection(
            {"type": "Feature", "properties": {"点位编号": 7.0, "检测项目": ["metal", "VOCs"], "孔深": 6.5, "备注": {"a": 1}, "经度": 1, "Y": 2},
             "geometry": POINT},
            {"type": "Feature", "id": 9, "properties": {"点位编号": "S02", "类型": "表层土点", "孔深": None}, "geometry": POINT},
        )
    )  # fmt: skip
    first, second = file.rows
    assert (first.code, first.fields, first.target) == ("7", {"target_depth_m": "6.5"}, {"groups": ["metal", "voc"]})
    assert (second.code, second.fields) == ("S02", {"role": "surface_only"})
    assert first.position == {"lon": "118.75", "lat": "32.01", "source_epsg": 4490}  # the geometry's, no property's
    assert sorted(file.ignored) == ["Y", "备注", "经度"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_every_encoding(encoding: str) -> None:
    file = read(collection(feature("坑𠮷1")), encoding)
    assert file.faults == [] and [r.code for r in file.rows] == ["坑𠮷1"]


@pytest.mark.parametrize(
    ("name", "epsg"),
    [
        ("urn:ogc:def:crs:EPSG::4490", 4490), ("EPSG:4490", 4490), ("urn:ogc:def:crs:EPSG:6.9:4326", 4326), ("epsg:4326", 4326),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", 4326), ("urn:ogc:def:crs:OGC::CRS84", 4326),
    ],
)  # fmt: skip
def test_systems_that_are_degrees(name: str, epsg: int) -> None:
    (row,) = read(collection(feature(), crs=crs(name))).rows
    assert row.position["source_epsg"] == epsg


@pytest.mark.parametrize(
    "given",
    [crs("urn:ogc:def:crs:EPSG::4528"), crs("EPSG:4610"), crs("EPSG:14490"), crs("EPSG:44901"), crs("西安80"), crs(4490), None, "EPSG:4490",
     {"type": "link", "properties": {"href": "http://x"}}],
)  # fmt: skip
def test_other_systems_are_refused(given: Any) -> None:
    with pytest.raises(Trouble) as caught:
        read(collection(feature(), crs=given))
    trouble = caught.value
    assert (
        trouble.problem.number == 4007
        and "EPSG:4490" in trouble.problem.remedy_zh
        and "EPSG:4326" in trouble.problem.remedy_en
    )
    if isinstance(given, dict) and isinstance(name := given["properties"].get("name"), str):
        assert name in trouble.text("zh") and name in trouble.text("en")


LINE = {"type": "LineString", "coordinates": [[118, 32], [119, 33]]}
BAD: list[tuple[Any, str, str]] = [
    (feature(geometry=LINE), "LineString，不是 Point", "LineString, not Point"),
    (feature(geometry=None), "没有几何坐标", "has no geometry"),
    ({"type": "Feature", "properties": {"code": "S02"}}, "没有几何坐标", "has no geometry"),
    (feature(geometry={"type": "Point"}), "坐标不是", "are not the two numbers"),
    (feature(geometry={"type": "Point", "coordinates": [118]}), "坐标不是", "are not the two numbers"),
    (feature(geometry={"type": "Point", "coordinates": ["118", "32"]}), "坐标不是", "are not the two numbers"),
    (feature(geometry={"type": "Point", "coordinates": [[118, 32], [119, 33]]}), "坐标不是", "are not the two numbers"),
    (feature(geometry={"type": "MultiPoint", "coordinates": [[118, 32], [119, 33]]}), "MultiPoint，不是 Point", "MultiPoint, not Point"),
    (feature(geometry={"type": "Point", "coordinates": [40512345.678, 3540123.456]}), "超出 -180～180", "outside -180 to 180"),
    (feature(geometry={"type": "Point", "coordinates": [32.01, 118.75]}), "118.75 超出 -90～90", "118.75 is outside -90 to 90"),
    (feature(geometry={"type": "Point", "coordinates": [float("nan"), 32]}), "「NaN」不是数", "“NaN” is not a number"),
    (feature(""), "没有填", "is empty"),
    (feature(None), "没有填", "is empty"),
    (feature("S02", 孔深="深"), "「深」不是数", "“深” is not a number"),
    (feature("S01"), "S01 与第 1 个要素重复", "S01 is in feature 1 too"),
    ("frog", "没有填", "is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "zh", "en"), BAD)
def test_a_wrong_feature_is_told_by_its_number(bad: Any, zh: str, en: str) -> None:
    file = read(collection(feature("S01"), bad, feature("S03")))
    faults = [f for f in file.faults if f.line == 2]
    assert any(zh in f.zh and en in f.en for f in faults), file.faults
    for f in file.faults:
        assert (
            f.place == "feature" and f.column and HAN.search(f.zh) and f.en and HAN.search(f.remedy_zh) and f.remedy_en
        )
    again = "与第 1 个要素重复" in zh
    assert [r.code for r in file.rows] == (["S03"] if again else ["S01", "S03"])  # nothing else is lost
    assert len({f.column for f in faults}) == len(faults)  # one thing wrong is told once


def test_a_multipoint_of_one_is_a_point() -> None:
    (row,) = read(collection(feature(geometry={"type": "MultiPoint", "coordinates": [[118.75, 32.01]]}))).rows
    assert (row.lon, row.lat) == ("118.75", "32.01")


@pytest.mark.parametrize(
    ("text", "number", "zh", "en"),
    [
        ("{", 4001, "JSON 在第 1 行第 2 个字处", "broken at line 1, character 2"),
        ('{"type": "FeatureCollection",\n "features": [}', 4001, "第 2 行", "line 2"),
        ("{}", 4001, "不是 FeatureCollection", "no FeatureCollection"),
        ('{"type": "Feature", "geometry": null}', 4001, "不是 FeatureCollection", "no FeatureCollection"),
        ('{"type": "FeatureCollection", "features": {}}', 4001, "不是 FeatureCollection", "no FeatureCollection"),
        ('{"type": "FeatureCollection", "features": []}', 4001, "没有点位", "no point"),
        ('{"type": "FeatureCollection", "features": [{"properties": {"name": "S01"}}]}', 4002, "缺少列：点位编号", "missing: point"),
        ('{"type": "FeatureCollection", "features": [{"properties": {"code": 1, "id": 2}}]}', 4001, "是同一列", "mean the same"),
        ('{"type": "FeatureCollection", "type": "x"}', 4001, "「type」出现两次", "“type” stands twice"),
        ('{"a": ' + "[" * 200_000 + "]" * 200_000 + "}", 4001, "嵌套过深", "nested too deeply"),
        ('{"a": [' + "[]," * 1_000_000 + "[]]}", 4001, "内容过多", "too much in it"),
    ],
)  # fmt: skip
def test_what_is_no_point_layer_is_told(text: str, number: int, zh: str, en: str) -> None:
    with pytest.raises(Trouble) as caught:
        read_plan(text.encode())
    trouble = caught.value
    assert trouble.problem.number == number and zh in trouble.text("zh") and en in trouble.text("en")


def test_too_many_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MAX_ROWS", 5)
    assert len(read(collection(*(feature(f"S{n}") for n in range(5)))).rows) == 5
    with pytest.raises(Trouble, match="more than 5 rows"):
        read(collection(*(feature(f"S{n}") for n in range(6))))


def test_the_bracket_limit_lets_the_largest_plan_in() -> None:
    """Five brackets and about a dozen commas a point."""
    one = json.dumps(feature(**{f"column{n}": n for n in range(50)}))
    assert (one.count("{") + one.count("[")) * cells.MAX_ROWS < geojson.MAX_BRACKETS
    assert (one.count(",") + 1) * cells.MAX_ROWS < geojson.MAX_COMMAS


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from(["type", "code", "coordinates", "geometry", "lon"]), x, max_size=3), max_leaves=8)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(JSON, max_size=4), JSON, st.data())
def test_whatever_comes(features: list[Any], geometry: Any, data: Any) -> None:
    text = json.dumps(collection(feature("S01"), *features, feature("S09", geometry)), ensure_ascii=False)
    raw = bytearray(text.encode("utf-8", "surrogatepass"))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        file = read_plan(bytes(raw))
    except Trouble as trouble:
        assert HAN.search(trouble.text("zh")) and trouble.text("en")
    else:
        assert not {r.line for r in file.rows} & {f.line for f in file.faults}
