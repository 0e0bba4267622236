"""What `check` and `missing` say of a record: every fault by the field's label, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.fields import fields_of, needed
from schemas.records import TYPES, check, missing

HAN = re.compile(r"[\u4e00-\u9fff]")
ID = "01890000-0000-7000-8000-000000000001"
OTHER = "01890000-0000-7000-8000-000000000002"
TIME = "2026-09-21T09:00:00+08:00"

READING = {
    "point_id": ID, "method": "xrf", "instrument_id": ID, "parameter": "lead", "value": "12.5", "qualifier": "eq", "unit": "mg_kg",
    "at": TIME, "entry_way": "typed",
}  # fmt: skip
POINT = {"code": "S01", "site_id": ID, "started_at": TIME}
FIX = {"lon": "118.8", "lat": "32.0", "fix_kind": "rtk_fixed", "at": TIME}
LAYER = {"borehole_id": ID, "layer_no": 1, "top_m": "0", "bottom_m": "0.5"}
LEG = {
    "manifest_id": ID,
    "kind": "issued",
    "at": TIME,
    "who_name": "Wang",
    "org_id": ID,
    "key_id": "k",
    "signature": "s",
}
BASES: dict[str, dict[str, Any]] = {"field_reading": READING, "point": POINT, "soil_layer": LAYER, "manifest_leg": LEG}
GONE = object()

FAULTS = [
    ("point", {"code": GONE}, ["实际点位编号：必填"], ["Point code: is required"]),
    ("point", {"weather": "frogs"}, ["天气：代码 frogs 不在"], ["Weather: code frogs is not in list weather"]),
    ("point", {"weather": "{0} {x}"}, ["天气：代码 {0} {x} 不在"], ["Weather: code {0} {x} is not"]),  # never a format string
    ("point", {"code": "x" * 65}, ["实际点位编号：最多 64 个字"], ["Point code: takes at most 64 characters"]),
    ("point", {"air_temp_c": "61"}, ["气温：不能大于 60"], ["Air temperature: must be at most 60"]),
    ("point", {"air_temp_c": "-50.5"}, ["气温：不能小于 -50"], ["Air temperature: must be at least -50"]),
    ("point", {"air_temp_c": "1.25"}, ["气温：最多 1 位小数"], ["Air temperature: takes at most 1 decimals"]),
    ("point", {"air_temp_c": 1.5}, ["气温：应为十进制数文本"], ["Air temperature: expected decimal text"]),
    ("point", {"air_temp_c": 1}, ["气温：应为十进制数文本"], ["Air temperature: expected decimal text"]),
    ("point", {"air_temp_c": "1e1"}, ["气温：应为十进制数文本"], ["Air temperature: expected decimal text"]),
    ("point", {"air_temp_c": "NaN"}, ["气温：应为十进制数文本"], ["Air temperature: expected decimal text"]),
    ("point", {"started_at": "2026-09-21T09:00:00"}, ["开始时间：时间须带时区偏移"], ["Started: the time needs its UTC offset"]),
    ("point", {"started_at": "yesterday"}, ["开始时间：应为带时区的时间"], ["Started: must be a time"]),
    ("point", {"started_at": 1726880400}, ["开始时间：应为带时区的时间"], ["Started: must be a time"]),
    ("point", {"site_id": "S01"}, ["地块：格式不对"], ["Site: has the wrong form"]),
    ("point", {"site_id": ID.upper()}, [], []),  # digits only: upper case is the same text
    ("point", {"site_id": "0189000A-0000-7000-8000-000000000001"}, ["地块：格式不对"], ["Site: has the wrong form"]),
    ("point", {"code": 7}, ["实际点位编号：应为文本"], ["Point code: must be text"]),
    ("point", {"samplers": ID}, ["采样人员：应为列表"], ["Crew: must be a list"]),
    ("point", {"samplers": [ID, "Li"]}, ["采样人员 第 2 项：格式不对"], ["Crew no. 2: has the wrong form"]),
    ("point", {"position": {**FIX, "lon": "181"}}, ["实测坐标 经度：不能大于 180"], ["Position Longitude: must be at most 180"]),
    ("point", {"position": {**FIX, "at": "2026-09-21T09:00"}}, ["实测坐标 定位时间：时间须带"], ["Position Fix time: the time needs"]),
    ("point", {"position": "118,32"}, ["实测坐标：应为一组值"], ["Position: must be a set of values"]),
    ("point", {"position": FIX, "future": {"x": [1]}, "zz": "?"}, [], []),  # unknown fields are no fault
    ("soil_layer", {"layer_no": "1"}, ["层号：应为整数"], ["Layer number: must be a whole number"]),
    ("soil_layer", {"layer_no": 10**30}, ["层号：不能大于 99"], ["Layer number: must be at most 99"]),
    ("soil_layer", {"layer_no": True}, ["层号：应为整数"], ["Layer number: must be a whole number"]),
    ("soil_layer", {"signs": ["none", "nope"]}, ["污染迹象：代码 nope 不在"], ["Signs of contamination: code nope is not"]),
    ("soil_layer", {"deleted": "yes"}, ["作废：应为是或否"], ["Voided: must be true or false"]),
    ("soil_layer", {"layer_no": 0, "top_m": "-1"}, ["层号：不能小于 1", "层顶深度：不能小于 0"], ["Layer number: must be at least 1", "Top: must be at least 0"]),
    # V01: the lower end of an interval is beyond its upper end
    ("soil_layer", {"top_m": "0.5"}, ["层底深度 0.5 须大于层顶深度 0.5"], ["Bottom 0.5 must be beyond Top 0.5"]),
    ("soil_layer", {"top_m": "0.6"}, ["层底深度 0.5 须大于"], ["Bottom 0.5 must be beyond"]),
    ("soil_layer", {"top_m": "0.49"}, [], []),
    ("field_reading", {"depth_top_m": "1", "depth_bottom_m": "0.5"}, ["读数下深 0.5 须大于读数上深 1"], ["Depth bottom 0.5 must be beyond"]),
    # V07: one parent
    ("field_reading", {"point_id": GONE}, ["读数只能属于"], ["A reading belongs to exactly one"]),
    ("field_reading", {"sample_id": OTHER}, ["读数只能属于"], ["A reading belongs to exactly one"]),
    ("field_reading", {"point_id": GONE, "borehole_id": ID}, [], []),
    # V08: censored values
    ("field_reading", {"qualifier": "nd", "value": GONE}, ["低于检出限时须填检出限"], ["needs its detection limit"]),
    ("field_reading", {"qualifier": "lt", "lod": "5"}, ["未检出的值不能大于检出限"], ["cannot exceed the detection limit"]),
    ("field_reading", {"qualifier": "lt", "lod": "12.5"}, [], []),
    ("field_reading", {"qualifier": "nd", "value": GONE, "lod": "5"}, [], []),
    ("field_reading", {"value": GONE}, ["请填读数"], ["Enter the value"]),
    ("field_reading", {"value": GONE, "raw_text": "ERR"}, [], []),
    # V12: weighing
    ("manifest_leg", {"weight": [{"ticket_no": "7", "gross_t": "12.4", "tare_t": "12.4", "at": TIME}]}, ["过磅单 7：皮重不小于毛重"], ["Weigh ticket 7: tare is not below gross"]),
    ("manifest_leg", {"weight": [{"ticket_no": "7", "gross_t": "30", "tare_t": "12.4", "at": TIME}]}, [], []),
]  # fmt: skip


@pytest.mark.parametrize(("type", "change", "zh", "en"), FAULTS)
def test_check_names_each_fault(type: str, change: dict[str, Any], zh: list[str], en: list[str]) -> None:
    values = {k: v for k, v in {**BASES[type], **change}.items() if v is not GONE}
    faults = check(TYPES[type], values)
    assert len(faults) == len(zh) == len(en), faults
    for fault, a, b in zip(faults, zh, en, strict=True):
        assert fault.field in fields_of(TYPES[type])
        assert fault.zh.startswith(a)
        assert b in fault.en and not HAN.search(fault.en)


def wrongs() -> Iterator[Any]:
    yield from ({"a": 1}, [["a"]], "\u2028{x}", 10**30, True, 1.5, -1, "2026-13-45", "9" * 40)


@pytest.mark.parametrize("name", TYPES)
def test_whatever_comes_is_told_in_both_languages(name: str) -> None:
    """Every field of every type, with values of every wrong kind: faults in words of its own language, no exception."""
    cls = TYPES[name]
    for field in fields_of(cls).values():
        for bad in wrongs():
            for fault in check(cls, {field.name: bad}):
                spec = fields_of(cls)[fault.field].spec
                assert fault.en.startswith(spec.en) and not HAN.search(fault.en), fault
                assert fault.zh.startswith(spec.zh) and "不合要求（" not in fault.zh, fault


# --- what is still to be filled in -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "values", "want"),
    [
        ("kind = pid", {"kind": "pid"}, True),
        ("kind = pid", {"kind": "xrf"}, False),
        ("kind = pid", {}, False),
        ("kind in pid,xrf", {"kind": "xrf"}, True),
        ("kind in pid,xrf", {}, False),
        ("kind not in pid,xrf", {"kind": "meter"}, True),
        ("kind not in pid,xrf", {"kind": "pid"}, False),
        ("kind not in pid,xrf", {}, False),  # nothing is known of the kind yet
        ("kind not pid", {"kind": "xrf"}, True),
        ("kind not pid", {}, False),
        ("groups contains voc", {"groups": ["metal", "voc"]}, True),
        ("groups contains voc,svoc", {"groups": ["svoc"]}, True),
        ("groups contains voc", {"groups": []}, False),
        ("groups contains voc", {}, False),
        ("value given", {"value": "0"}, True),
        ("value given", {"value": False}, True),
        ("value given", {"value": ""}, False),
        ("value given", {"value": []}, False),
        ("value empty", {}, True),
        ("value empty", {"value": "1"}, False),
        ("deleted = true", {"deleted": True}, True),
        ("deleted = true", {"deleted": False}, False),
        ("a = 1 and b = 2", {"a": "1", "b": "2"}, True),
        ("a = 1 and b = 2", {"a": "1"}, False),
        ("a = 1 and b = 2 or c given", {"c": "x"}, True),
        ("a = 1 or b = 2 and c = 3", {"a": "1"}, True),
        ("a = 1 or b = 2 and c = 3", {"b": "2"}, False),
    ],
)
def test_needed(condition: str, values: dict[str, Any], want: bool) -> None:
    assert needed(condition, values) is want


@pytest.mark.parametrize("condition", ["", "kind", "kind like x", "kind == x", "kind in a, b"])
def test_a_condition_that_does_not_parse_is_told(condition: str) -> None:
    with pytest.raises(ValueError, match="cannot read the condition"):
        needed(condition, {"kind": "x"})


def test_missing_asks_for_what_the_form_still_needs() -> None:
    sample = TYPES["sample"]
    empty = {f.field: f for f in missing(sample, {})}
    assert {"code", "kind", "medium", "groups", "collected_at", "label_checked"} <= set(empty)
    assert "depth_top_m" not in empty and "void_reason" not in empty
    assert (empty["code"].zh, empty["code"].en) == ("请填写「样品编号」", "Fill in “Sample code”")
    soil = {f.field for f in missing(sample, {"kind": "ordinary", "medium": "soil"})}
    water = {f.field for f in missing(sample, {"kind": "ordinary", "medium": "groundwater"})}
    assert {"depth_top_m", "depth_bottom_m", "soil_tool"} <= soil and "soil_tool" not in water
    assert {"water_tool", "recorder_id"} <= water and "depth_top_m" not in water
    assert "void_reason" in {f.field for f in missing(sample, {"deleted": True})}
    assert "groups" in {f.field for f in missing(sample, {"groups": []})}


@pytest.mark.parametrize("name", TYPES)
def test_missing_never_asks_for_what_is_there(name: str) -> None:
    cls = TYPES[name]
    asked = {f.field for f in missing(cls, {})}
    assert {n for n, f in fields_of(cls).items() if f.required} <= asked
    full: dict[str, Any] = dict.fromkeys(fields_of(cls), "x")
    assert missing(cls, full) == []
