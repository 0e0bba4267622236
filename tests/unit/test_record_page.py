"""What the page of a record is made of, without a server: words of a judgement, strokes, relations, times."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from schemas.records.field_reading import FieldReading
from sync_server.console.record import around
from sync_server.console.record.judged import ratio, verdict
from sync_server.console.record.known import Known
from sync_server.console.record.timeline import span
from sync_server.console.record.title import evidence, title
from sync_server.console.record.values import strokes
from sync_server.console.record.where import spot, spots
from tests.unit.factory import World, at, fix, uid


@pytest.mark.parametrize(
    ("value", "limit", "said"),
    [("642", "600", "1.07"), ("600", "600", "1.00"), ("600.5", "600", "1.001"), ("600.001", "600", "1.000002"), ("9000", "600", "15.00"),
     ("1", "0", "∞")],
)  # fmt: skip
def test_above_is_never_written_as_equal(value: str, limit: str, said: str) -> None:
    assert ratio(Decimal(value), Decimal(limit)) == said


def judged(world: World, **values: object) -> tuple[str, str, list[str]]:
    world.both()
    world.add("instrument", "xrf-1")
    reading = world.add("field_reading", "r", **{"point_id": "v:S01", "parameter": "Ni", **values})
    assert isinstance(reading, FieldReading)
    told = verdict(world.facts(), reading, "zh")
    assert told is not None
    return told.head, told.sign.icon, told.notes


@pytest.mark.parametrize(
    ("values", "head", "icon"),
    [
        ({"value": 2642}, "2\u00a0642\u00a0mg/kg，管制值 2\u00a0000 的 1.32 倍", "up2"),
        ({"value": "1000.5"}, "1\u00a0000.5\u00a0mg/kg，筛选值 900 的 1.11 倍，未超管制值 2\u00a0000", "up"),
        ({"value": 900}, "900\u00a0mg/kg，等于筛选值 900，未超", "down"),
        ({"value": None, "qualifier": "nd", "lod": 25}, "<25\u00a0mg/kg，未超筛选值 900", "down"),
        ({"value": None, "qualifier": "nd", "lod": 950}, "<950\u00a0mg/kg，无法判断：检出限 950 高于筛选值 900", "q"),
        (
            {"value": 12, "parameter": "PID", "method": "pid", "unit": "ppm_ib"},
            "无法判断：PID、FID 读数没有对应限值",
            "q",
        ),
    ],
)
def test_a_reading_in_words(values: dict[str, object], head: str, icon: str) -> None:
    said, sign, notes = judged(World(), **values)
    assert (head in said, sign) == (True, icon), said
    assert "快筛结果，不作达标结论" in notes


def test_whether_the_instrument_was_calibrated() -> None:
    for clock, result, word in (
        ("08:00", "passed", "校准有效"),
        ("08:00", "failed", "没有合格校准"),
        ("11:00", "passed", "没有合格校准"),
    ):
        world = World()
        world.both()
        world.add("instrument", "xrf-1")
        world.add("calibration", "c", at=at(clock), result=result)
        reading = world.add("field_reading", "r", point_id="v:S01", parameter="Ni", value=5)
        assert isinstance(reading, FieldReading)
        told = verdict(world.facts(), reading, "zh")
        assert told is not None and told.calibrated is not None and told.calibrated[0].word == word


def test_where_it_is() -> None:
    world = World()
    world.planned("S01")
    world.visit("S01", east=3, north=4)
    facts = world.facts()
    (own,) = spots(
        "point",
        uid("v:S01"),
        {"position": {"lon": "118.8", "lat": "32.0", "fix_kind": "manual", "mocked": True}},
        facts,
        "zh",
    )
    assert own.degrees == "118.800000° 32.000000°" and own.flag.startswith("这是模拟定位")
    lines = dict(own.lines)
    assert (
        lines["东 Y"].startswith("40 ".replace(" ", "\u00a0"))
        and "40 带，中央经线 120°" in lines["东 Y"]
        and lines["距计划"] == "0.00 m"
    )
    world.add("borehole", "h:S01")
    (above,) = spots("borehole", uid("h:S01"), {}, world.facts(), "zh")
    assert above.of == "点位 S01 实测" and dict(above.lines)["距计划"].startswith("5.00 m 东北")
    assert spot("", {"lon": "x", "lat": "1"}, facts, "point", "", "zh") is None
    assert spot("", {"lon": "-70", "lat": "1"}, facts, "point", "", "zh") is not None, (
        "outside the zones, and still a place"
    )


def test_what_belongs_to_a_point_and_what_refers_to_a_record() -> None:
    world = World()
    world.both()
    world.add("borehole", "h:S01")
    world.add("soil_layer", "l1", borehole_id="h:S01")
    world.add("sample", "s1", borehole_id="h:S01", collected_by=["person-1"])
    world.add("sample_container", "k1", sample_id="s1")
    world.add("field_reading", "r1", sample_id="s1")
    world.add("field_reading", "r2", borehole_id="h:S01", deleted=True)
    world.add("point_adjustment", "a1", planned_point_id="S01")
    world.add("sample", "else", point_id="v:S02")
    facts = world.facts()
    found = around.family(facts, uid("v:S01"))
    assert {t: {r.id for r in rows} for t, rows in found.items()} == {
        "borehole": {uid("h:S01")}, "soil_layer": {uid("l1")}, "sample": {uid("s1")}, "sample_container": {uid("k1")},
        "field_reading": {uid("r1"), uid("r2")}, "point_adjustment": {uid("a1")},
    }  # fmt: skip
    names = Known(facts, {}, {}, "zh").names
    kinds = around.kinds(facts, "person", uid("person-1"), names, "zh")
    assert [(k.type, k.total) for k in kinds if k.type == "sample"] == [("sample", 2)], (
        "also where it is one of several"
    )
    assert ("sample", "collected_by") in around.pointing("person") and ("inspection", "officers") in around.pointing(
        "person"
    )
    voided = next(k for k in around.family_kinds(found, names, "zh") if k.type == "field_reading")
    assert sorted(x.void for x in voided.kin) == [False, True]


def test_what_it_is_called_and_how_its_evidence_is_got() -> None:
    world = World()
    world.both()
    world.add("field_reading", "r", point_id="v:S01", parameter="Ni", depth_top_m="2.0", value=5)
    facts = world.facts()
    values = {"parameter": "Ni", "depth_top_m": "2.0"}
    names = Known(facts, {}, {}, "zh").names
    assert title("field_reading", uid("r"), values, facts, names, "zh") == "S01 · 2.0\u00a0m · 镍"
    assert evidence(facts, "field_reading", uid("r")) == f"jingtu evidence export NJ1 OUT.zip --point {uid('v:S01')}"
    assert evidence(facts, "site", uid("site")) == "jingtu evidence export NJ1 OUT.zip"


def test_strokes_are_drawn_and_nonsense_is_not() -> None:
    assert strokes('{"v":1,"h":5000,"s":[[0,0,0,5000,2500,9]]}') == "M0 0L500 250"
    for wrong in ("", "null", "{}", '{"s":[[1,2]]}', '{"s":"x"}', None, '{"s":[["a","b",0]]}', "<svg>"):
        assert strokes(wrong) == ""


@pytest.mark.parametrize(("seconds", "said"), [(5, "5 秒"), (83, "1 分"), (14040, "3 小时 54 分"), (300_000, "3 天")])
def test_spans_as_they_are_read(seconds: float, said: str) -> None:
    assert span(seconds, "zh") == said


def test_a_name_never_asks_itself() -> None:
    world = World()
    world.add("sample", "a", pair_sample_id="b", code="A")
    world.add("comment", "c1", subject_kind="comment", subject_id="c2", text="一", at=datetime(2026, 1, 1).astimezone())
    world.add("comment", "c2", subject_kind="comment", subject_id="c1", text="二", at=datetime(2026, 1, 1).astimezone())
    names = Known(world.facts(), {}, {}, "zh").names
    assert names.get(uid("c1")) == "一" and names.get(uid("nobody")) is None and fix() is not None
