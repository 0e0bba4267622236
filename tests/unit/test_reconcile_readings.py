"""Reading checks R01, R02, R04, R06 at the figures of the standards."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.rules.reconcile import run
from tests.unit.factory import World, at


def world(*readings: dict[str, Any], site: dict[str, Any] | None = None, **instrument: Any) -> World:
    w = World()
    w.add("site", **{"standard": "gb36600_2", "land_use": "r2", **(site or {})})
    w.add("instrument", "xrf-1", **instrument)
    w.both()
    for i, values in enumerate(readings):
        w.add("field_reading", f"r{i}", **{"point_id": "v:S01", **values})
    return w


def calibrated(reading: Any, *checks: tuple[Any, str], method: str = "xrf", **values: Any) -> World:
    w = world({"at": reading, "method": method})
    for i, (moment, result) in enumerate(checks):
        w.add("calibration", f"c{i}", at=moment, result=result, **values)
    return w


def of_sample(medium: str, **reading: Any) -> World:
    w = world({"point_id": None, "sample_id": "s1", "method": "test_kit", **reading})
    w.add("sample", "s1", medium=medium)
    return w


FARM = {"standard": "gb15618", "land_use": "dry_orchard", "ph_band": "b6575"}
NO_PH = {"standard": "gb15618", "land_use": "dry_orchard"}

CASES: list[tuple[str, str, World, list[str]]] = [
    ("R01", "same morning", calibrated(at("10:00"), (at("08:00"), "passed")), []),
    ("R01", "never", calibrated(at("10:00")), ["error XRF-1 于 2026-09-21 的 1 个读数无合格校准"]),
    ("R01", "24 h before", calibrated(at("10:00"), (at("10:00", -1), "passed")), []),
    ("R01", "24 h and 1 min before", calibrated(at("10:01"), (at("10:00", -1), "passed")),
     ["error XRF-1 于 2026-09-21 的 1 个读数无合格校准"]),
    ("R01", "at the same moment", calibrated(at("10:00"), (at("10:00"), "passed")), []),
    ("R01", "afterwards", calibrated(at("10:00"), (at("10:01"), "passed")), ["error XRF-1 于 2026-09-21 的 1 个读数无合格校准"]),
    ("R01", "valid for 8 h only", calibrated(at("17:00"), (at("08:00"), "passed"), valid_hours=8),
     ["error XRF-1 于 2026-09-21 的 1 个读数无合格校准"]),
    ("R01", "another instrument", calibrated(at("10:00"), (at("08:00"), "passed"), instrument_id="pid-1"),
     ["error XRF-1 于 2026-09-21 的 1 个读数无合格校准"]),
    ("R01", "failed", calibrated(at("10:00"), (at("08:00"), "failed")), ["error XRF-1 于 2026-09-21 的 1 个读数无合格校准"]),
    ("R01", "failed since it passed", calibrated(at("10:00"), (at("08:00"), "passed"), (at("09:00"), "failed")),
     ["error XRF-1 于 2026-09-21 的 1 个读数无合格校准"]),
    ("R01", "passed again", calibrated(at("10:00"), (at("08:00"), "failed"), (at("09:00"), "passed")), []),
    ("R01", "restricted use proves nothing", calibrated(at("10:00"), (at("08:00"), "limited")),
     ["error XRF-1 于 2026-09-21 的 1 个读数无合格校准"]),
    ("R01", "a thermometer is verified, not calibrated daily", calibrated(at("10:00"), method="thermometer"), []),
    ("R01", "calibrations not held", calibrated(at("10:00")).drop("calibration"), ["unknown 「当日无合格校准」无法判断：缺校准记录"]),
    # 23:30 Beijing on the 21st and 00:30 on the 22nd are two days, though one day in UTC
    ("R01", "the day is Beijing's", world({"at": at("23:30")}, {"at": at("00:30", 1)}),
     ["error XRF-1 于 2026-09-21 的 1 个读数无合格校准", "error XRF-1 于 2026-09-22 的 1 个读数无合格校准"]),
    ("R02", "failed after passing", calibrated(at("10:00"), (at("08:00"), "passed"), (at("12:00"), "failed")),
     ["warning XRF-1 于 2026-09-21 12:00 校准不合格，此前 1 个读数存疑"]),
    ("R02", "read before it passed", calibrated(at("07:00"), (at("08:00"), "passed"), (at("12:00"), "failed")), []),
    ("R02", "read after it failed", calibrated(at("13:00"), (at("08:00"), "passed"), (at("12:00"), "failed")), []),
    ("R02", "passed in between", calibrated(at("10:00"), (at("08:00"), "passed"), (at("11:00"), "passed"), (at("12:00"), "failed")),
     []),
    ("R02", "failed twice", calibrated(at("10:00"), (at("08:00"), "passed"), (at("12:00"), "failed"), (at("12:05"), "failed")),
     ["warning XRF-1 于 2026-09-21 12:00 校准不合格，此前 1 个读数存疑"]),
    # GB 36600 class 2: As 60 / 140
    ("R04", "at the screening value", world({"value": 60}), []),
    ("R04", "above it", world({"value": 60.1, "depth_top_m": 1.5}), ["warning S01 1.5 m 砷 60.1 超筛选值 60（快筛，建议送检）"]),
    ("R04", "above the intervention value", world({"value": 141}), ["warning 严重：S01 砷 141 超管制值 140（快筛，建议送检）"]),
    ("R04", "the worst of several", world({"value": 61}, {"value": 200}, {"value": 70}), ["warning 严重：S01 砷 200 超管制值 140（快筛，建议送检）"]),
    ("R04", "the worst across units", world({"value": 70}, {"value": 65000, "unit": "ug_kg"}), ["warning S01 砷 70 超筛选值 60（快筛，建议送检）"]),
    ("R04", "one per analyte", world({"value": 61}, {"parameter": "Pb", "value": 900}),
     ["warning S01 砷 61 超筛选值 60（快筛，建议送检）", "warning S01 铅 900 超筛选值 800（快筛，建议送检）"]),
    ("R04", "class 1: As 20", world({"value": 21}, site={"standard": "gb36600_1"}), ["warning S01 砷 21 超筛选值 20（快筛，建议送检）"]),
    ("R04", "PID is never judged", world({"method": "pid", "parameter": "PID", "unit": "ppm_ib", "value": 5000}), []),
    ("R04", "farmland, cadmium 0.3 at pH 6.5-7.5", world({"parameter": "Cd", "value": 0.3}, site=FARM), []),
    ("R04", "farmland, cadmium 0.31", world({"parameter": "Cd", "value": 0.31}, site=FARM), ["warning S01 镉 0.31 超筛选值 0.3（快筛，建议送检）"]),
    ("R04", "farmland without pH", world({"parameter": "Cd", "value": 0.31}, site=NO_PH), ["unknown 「读数超标准」无法判断：缺土壤 pH 分组"]),
    ("R04", "no standard", world({}, {"parameter": "Pb"}, site={"standard": None}), ["unknown 「读数超标准」无法判断：缺评价标准（2 处）"]),
    ("R04", "total chromium", world({"parameter": "Cr", "value": 90}),
     ["unknown 「读数超标准」无法判断：缺铬的价态（限值只对六价铬）"]),
    ("R04", "no figures", world({"parameter": "Zn"}, {"parameter": "Zn"}, {"parameter": "Fe"}, {"parameter": "Mo"}),
     ["unknown 「读数超标准」无法判断：缺GB 36600 第二类 中的限值：钼、铁、锌"]),
    ("R04", "not an analyte", world({"parameter": "Live time"}), []),
    ("R04", "detection limit above the value", world({"value": None, "qualifier": "nd", "lod": 61}),
     ["unknown 「读数超标准」无法判断：缺砷不高于限值的检出限"]),
    ("R04", "detection limit low enough", world({"value": None, "qualifier": "nd", "lod": 60}), []),
    ("R04", "groundwater: As class IV 0.05 mg/L", of_sample("groundwater", value=0.06, unit="mg_l"),
     ["warning S01 0 m 砷 0.06 超Ⅳ类限值 0.05（快筛，建议送检）"]),
    ("R04", "no standard for sediment", of_sample("sediment", value=100), []),
    ("R06", "30 s at 20 %", world({"live_time_s": 30, "moisture_pct": 20}), []),
    ("R06", "29.9 s", world({"live_time_s": 29.9}, {"live_time_s": 60}), ["info S01 有 1 个 XRF 读数仅供参考（测量 29.9 s，少于 30 s）"]),
    ("R06", "21 % moisture", world({"moisture_pct": 21}, {"moisture_pct": 25}), ["info S01 有 2 个 XRF 读数仅供参考（含水 25 %，高于 20 %）"]),
]  # fmt: skip


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check: str, name: str, w: World, expected: list[str]) -> None:
    assert [f"{f.severity} {f.zh}" for f in run(w.facts()).by_check[check]] == expected


def levels(*readings: dict[str, Any], **kw: Any) -> tuple[str, tuple[str, ...]]:
    (point,) = run(world(*readings, **kw).facts()).points
    return point.exceed, point.exceeded


def test_level_of_a_point() -> None:
    assert levels() == ("unknown", ())  # nothing measured is not clean
    assert levels({"value": 10}) == ("none", ())
    assert levels({"value": "-1"}) == ("unknown", ())
    assert levels({"value": 10}, {"parameter": "Zn"}, {"parameter": "Cr"}) == ("none", ())
    assert levels({"value": 61}, {"parameter": "Pb", "value": 900}) == ("screening", ("arsenic", "lead"))
    assert levels({"value": 61}, {"parameter": "Pb", "value": 2501}) == ("intervention", ("arsenic", "lead"))
    assert levels({"value": 10}, {"parameter": "Hg", "value": None, "qualifier": "nd", "lod": 39}) == ("unknown", ())
    assert levels({"value": 61}, {"parameter": "Hg", "value": None, "qualifier": "nd", "lod": 39}) == (
        "screening",
        ("arsenic",),
    )
    assert levels({"method": "pid", "parameter": "PID", "unit": "ppm_ib", "value": 900}) == ("unknown", ())


def test_exceedances_count_points_not_readings() -> None:
    w = world({"value": 61}, {"value": 62}, {"parameter": "Pb", "value": 10})
    w.both("S02", 20)
    w.add("field_reading", "x", point_id="v:S02", value=10)
    w.add("borehole", "hole", point_id="v:S02")
    w.add("field_reading", "y", borehole_id="hole", value=99)
    w.planned("S03", 40)
    w.visit("S03", 40, outcome="refused", reason="owner")
    w.add("field_reading", "z", point_id="v:S03", value=99)  # not a visited point
    assert run(w.facts()).totals.exceedances == {"arsenic": 2, "lead": 0}


def test_readings_of_a_voided_hole_do_not_count() -> None:
    w = world()
    w.add("borehole", "hole", deleted=True, void_reason="typo")
    w.add("field_reading", "y", borehole_id="hole", value=99)
    report = run(w.facts())
    assert report.by_check["R04"] == [] and report.by_check["R01"] == []


def test_a_known_limit_judges_as_the_tables_do() -> None:
    """The second reading of a kind is held against the remembered limit: it must come out as it would alone."""
    for value in ("0", "59.9999", "60", "60.0001", "140", "140.0001", "-1"):
        alone = levels({"value": value})
        (_, second) = run(_two_points(value).facts()).points
        assert (second.exceed, second.exceeded) == alone, value


def _two_points(value: str) -> World:
    w = world({"value": 1})
    w.both("S02", 20)
    w.add("field_reading", "x", point_id="v:S02", value=value)
    return w
