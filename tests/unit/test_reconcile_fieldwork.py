"""Fieldwork checks F01–F08, F18, F19 and Y05: each with what triggers it and its nearest neighbour that must not."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.rules.reconcile import UnsureClock, run
from tests.unit.factory import MORNING, World, at, fix, square, uid


def planned(**values: Any) -> World:
    w = World()
    w.planned(**values)
    return w


def visited(planned: dict[str, Any] | None = None, **visit: Any) -> World:
    w = World()
    w.planned(**(planned or {}))
    w.visit(**visit)
    return w


def adjusted(w: World, kind: str, decision: str = "approved", decided: Any = MORNING, **values: Any) -> World:
    """With an adjustment of the planned point S01; `kind` extra belongs to no planned point."""
    planned_id = None if kind == "extra" else "S01"
    w.add(
        "point_adjustment",
        "a1",
        kind=kind,
        decision=decision,
        decided_at=decided,
        planned_point_id=planned_id,
        **values,
    )
    return w


# --- shifts: the limits are 2 m (silent) and 5 m (approval) unless the project says otherwise ------------------------


def shifted(m: float, acc: float | None = 0.5, *, photo: bool = False, tolerance: float | None = None,
            zone: Any = None, limits: float | None = None, **visit: Any) -> World:  # fmt: skip
    w = World()
    if limits is not None:
        w.add("project", shift_ok_m=limits, shift_reason_m=limits)
    if zone:
        w.add("plan_zone", boundary=zone)
    w.planned(tolerance_m=tolerance, zone_id="plan_zone" if zone else None)
    w.visit(east=m, acc=acc, **visit)
    if photo:
        w.add("photo", step="position")
    return w


def drilled_after_approval(m: float, decided: Any, **values: Any) -> World:
    w = adjusted(shifted(m, photo=True), "shift", decided=decided, **values)
    w.add("borehole", opened_at=at("09:30"))
    return w


ALL3 = "缺移点原因、现场照片、开工前的批准"
SHIFT = [
    ("F02", "1 m is silent", shifted(1), []),
    ("F02", "3 m", shifted(3), ["error S01 偏移 3 m（东，方位 90°），超过 2 m，缺移点原因、现场照片"]),
    ("F02", "3 m with reason and photo", shifted(3, photo=True, reason="utility"), []),
    ("F02", "3 m with reason only", shifted(3, reason="utility"), ["error S01 偏移 3 m（东，方位 90°），超过 2 m，缺现场照片"]),
    ("F02", "a photo of drilling does not show the shift", shifted(3, reason="utility"),
     ["error S01 偏移 3 m（东，方位 90°），超过 2 m，缺现场照片"]),
    ("F02", "6 m", shifted(6), [f"error S01 偏移 6 m（东，方位 90°），超过 5 m，{ALL3}"]),
    ("F02", "6 m, all limits 5", shifted(6, 0.5, tolerance=5, limits=5), [f"error S01 偏移 6 m（东，方位 90°），超过 5 m，{ALL3}"]),
    ("F02", "4 m, all limits 5", shifted(4, 0.5, tolerance=5, limits=5), []),
    ("F02", "6 m within the point's own tolerance", shifted(6, tolerance=8), []),
    ("F02", "9 m, the point's own tolerance is 8", shifted(9, tolerance=8), [f"error S01 偏移 9 m（东，方位 90°），超过 8 m，{ALL3}"]),
    ("F02", "approved before drilling", drilled_after_approval(6, at("09:30")), []),
    ("F02", "approved after drilling began", drilled_after_approval(6, at("09:31")),
     ["error S01 偏移 6 m（东，方位 90°），超过 5 m，缺开工前的批准（批准晚于开工）"]),
    ("F02", "refused", drilled_after_approval(6, at("09:00"), decision="refused"),
     ["error S01 偏移 6 m（东，方位 90°），超过 5 m，缺开工前的批准"]),
    ("F02", "1.5 m out of the zone", shifted(1.5, zone=square(0.5)), ["error S01 偏移 1.5 m（东，方位 90°），已出布点区域，缺开工前的批准"]),
    ("F02", "1.5 m within the zone", shifted(1.5, zone=square(3)), []),
    ("F02", "out of the zone by less than the accuracy", shifted(1, 0.9, zone=square(0.5)), []),
    ("F02", "photos not held", shifted(3, reason="utility").drop("photo"), ["unknown 「移点超限未说明」无法判断：缺照片记录"]),
    ("F02", "a refused visit is no place of work", shifted(6, outcome="refused"), []),
    ("F03", "accuracy 1 at 2.5 m", shifted(2.5, 1), ["unknown S01 偏移 2.5 m，定位精度 1 m，无法判断是否超过 2 m"]),
    ("F03", "accuracy 0.4 at 2.5 m", shifted(2.5, 0.4), []),
    ("F03", "accuracy 1 at 1.5 m", shifted(1.5, 1), ["unknown S01 偏移 1.5 m，定位精度 1 m，无法判断是否超过 2 m"]),
    ("F03", "second limit", shifted(5.3, 1, photo=True, reason="utility"),
     ["unknown S01 偏移 5.3 m，定位精度 1 m，无法判断是否超过 5 m"]),
    ("F03", "second limit, approved anyhow", adjusted(shifted(5.3, 1), "shift"), []),
    ("F03", "no accuracy", shifted(30, None), ["unknown S01 偏移 30 m，没有定位精度，无法判断是否超过 2 m"]),
    ("F03", "no position", visited(position=None), ["unknown S01 没有实测坐标，无法判断偏移"]),
    ("F02", "not judged where accuracy cannot tell", shifted(2.5, 1), []),
]  # fmt: skip
SHIFT[4][2].add("photo", step="rig_e")


def older_plan(new_codes: tuple[str, ...], version: int = 2, deleted: bool = False) -> World:
    """S01 of version 1 was visited; a later version has these codes."""
    w = visited()
    w.add("plan", "plan-2", version=version, code="NJ1-P2", deleted=deleted, void_reason="x" if deleted else None)
    for code in new_codes:
        w.add("planned_point", f"{code}/2", code=code, plan_id="plan-2")
    return w


def extra(**values: Any) -> World:
    w = World()
    w.visit("X01", planned_point_id=None, **values)
    return w


def no_plan() -> World:
    w = World(bare=True)
    w.visit("X01", planned_point_id=None)
    return w


DONE = [
    ("F01", "no visit", planned(), ["error S01 未做"]),
    ("F01", "done", visited(), []),
    ("F01", "partial", visited(outcome="partial", reason="water"), []),
    ("F01", "no outcome written", visited(outcome=None), []),
    ("F01", "abandoned", visited(outcome="abandoned", reason="rock"), ["error S01 未做"]),
    ("F01", "refused", visited(outcome="refused", reason="owner"), ["error S01 记为无法施工或取消，但取消没有批准"]),
    ("F01", "cancelled", adjusted(planned(), "cancel"), []),
    ("F01", "cancellation not yet decided", adjusted(planned(), "cancel", "pending", None), ["error S01 未做"]),
    ("F01", "voided visit", visited(deleted=True, void_reason="typo"), ["error S01 未做"]),
    ("F01", "done under an older version", older_plan(("S01",)), []),
    ("F01", "a new point of the new version", older_plan(("S01", "S02")), ["error S02 未做"]),
    ("F01", "a voided version does not count", older_plan(("S02",), deleted=True), []),
    ("F04", "done under an older version", older_plan(("S01",)), []),
    ("F04", "dropped from the new version", older_plan(("S02",)),
     ["warning S01 所属计划点位已不在现行方案（第 2 版）中，也无新增批准"]),
    ("F04", "not in the plan", extra(), ["warning X01 不在方案中，也无新增批准"]),
    ("F04", "approved", adjusted(extra(adjustment_id="a1"), "extra"), []),
    ("F04", "approval pending", adjusted(extra(adjustment_id="a1"), "extra", "pending", None), ["warning X01 不在方案中，也无新增批准"]),
    ("F04", "no plan at all", no_plan(), ["warning X01 没有采样方案可对照，也无新增批准"]),
    ("F04", "planned point not here", visited(planned_point_id="elsewhere", code="Q9"),
     ["unknown 「计划外点位」无法判断：缺点位所属的计划点位"]),
    ("F04", "planned point not here, but its code is", visited(planned_point_id="elsewhere"), []),
]  # fmt: skip


def fixed(**values: Any) -> World:
    return visited(position=fix(**values))


FIX = [
    ("F07", "good", fixed(), []),
    ("F07", "mocked", fixed(mocked=True), ["warning S01 定位为RTK固定解，精度 0.5 m：模拟定位"]),
    ("F07", "by hand", fixed(fix_kind="manual", acc=None), ["warning S01 定位为手工录入，精度 未知：手工定位无原因"]),
    ("F07", "by hand, explained", fixed(fix_kind="manual", acc=None, manual_reason="under a roof"), []),
    ("F07", "10 s old", fixed(fix_age_s=10), []),
    ("F07", "10.1 s old", fixed(fix_age_s=10.1), ["warning S01 定位为RTK固定解，精度 0.5 m：定位已过 10.1 s"]),
    ("F07", "at the gate", fixed(acc=5), []),
    ("F07", "above the gate", fixed(acc=5.1), ["warning S01 定位为RTK固定解，精度 5.1 m：精度超过门限 5 m"]),
]


# --- depths ----------------------------------------------------------------------------------------------------------


def sampled(target: dict[str, Any], *samples: dict[str, Any], containers: bool = True, **visit: Any) -> World:
    w = visited(**visit)
    w.add("planned_target", "t1", **target)
    for i, values in enumerate(samples):
        w.add("sample", f"s{i}", code=f"S01-{i}", **values)
        if containers:
            w.add("sample_container", f"c{i}", sample_id=f"s{i}", groups=values.get("groups", ["metal"]))
    return w


def slice_(top: float, bottom: float, **more: Any) -> dict[str, Any]:
    return {"depth_top_m": top, "depth_bottom_m": bottom, **more}


def boxed(*containers: dict[str, Any], target: tuple[str, ...] = ("metal", "voc")) -> World:
    w = sampled(slice_(0, 1, groups=list(target)), slice_(0, 1), containers=False)
    for i, values in enumerate(containers):
        w.add("sample_container", f"c{i}", sample_id="s0", **values)
    return w


def hole(
    depth: float | None, end: str | None = "target", tries: int = 1, design: float | None = 6, **values: Any
) -> World:
    w = visited({"target_depth_m": design})
    for i in range(tries):
        w.add("borehole", f"h{i}", code=f"S01-{i}", depth_m=depth, end_reason=end, **values)
    return w


def planned_duplicate(taken: bool) -> World:
    w = sampled(slice_(0, 1, qc_kind="field_duplicate"), slice_(0, 1), slice_(0, 1, kind="field_duplicate"))
    if taken:
        w.add("qc_link", qc_sample_id="s1", original_id="s0")
    return w


DEPTH = [
    ("F05", "exactly half covered", sampled(slice_(1, 2), slice_(1.5, 2)), []),
    ("F05", "49 %", sampled(slice_(1, 2), slice_(1.51, 2)), ["error S01 缺 1–2 m 的土壤样"]),
    ("F05", "no sample", sampled(slice_(1, 2)), ["error S01 缺 1–2 m 的土壤样"]),
    ("F05", "another medium", sampled(slice_(1, 2), slice_(1, 2, medium="sediment")), ["error S01 缺 1–2 m 的土壤样"]),
    ("F05", "a duplicate is no sample of its own", sampled(slice_(1, 2), slice_(1, 2, kind="field_duplicate")),
     ["error S01 缺 1–2 m 的土壤样"]),
    ("F05", "worst by screening", sampled({"rule": "worst"}, slice_(1, 2, pick_reason="xrf_max")), []),
    ("F05", "worst by screening, none picked so", sampled({"rule": "worst"}, slice_(1, 2, pick_reason="fixed")),
     ["error S01 缺「筛查最高处」的土壤样"]),
    ("F05", "named as this target", sampled({"rule": "below_exceed"}, slice_(3, 4, pick_reason="fixed", target_id="t1")), []),
    ("F05", "water has no ground depth", sampled({"medium": "groundwater"}, {"medium": "groundwater"}), []),
    ("F05", "refused point", sampled(slice_(1, 2), outcome="refused"), []),
    ("F05", "depth given up with approval", adjusted(sampled(slice_(3, 4)), "depth", proposed_depth_m=3), []),
    ("F05", "depth still asked", adjusted(sampled(slice_(2, 3)), "depth", proposed_depth_m=3), ["error S01 缺 2–3 m 的土壤样"]),
    ("F05", "planned duplicate missing", planned_duplicate(False), ["error S01 0–1 m 计划采平行样，没有采"]),
    ("F05", "planned duplicate taken", planned_duplicate(True), []),
    ("F06", "all groups", boxed({"groups": ["metal"]}, {"groups": ["voc"]}), []),
    ("F06", "VOC missing", boxed({"groups": ["metal"]}), ["error S01-0 的容器缺项目组：挥发性有机物"]),
    ("F06", "VOC broken", boxed({"groups": ["metal"]}, {"groups": ["voc"], "state": "discarded", "discard_reason": "broken"}),
     ["error S01-0 的容器缺项目组：挥发性有机物"]),
    ("F06", "no containers anywhere", boxed(), ["unknown 「检测项目组缺失」无法判断：缺样品容器"]),
    ("F06", "changed with approval", adjusted(boxed({"groups": ["metal"]}), "analyte"),
     ["unknown 「检测项目组缺失」无法判断：缺调整后的检测项目清单"]),
    ("F08", "5.8 of 6", hole(5.8), []),
    ("F08", "5.79 of 6", hole(5.79), ["error S01-0 深 5.79 m，方案 6 m：终孔原因为达到设计深度"]),
    ("F08", "no reason", hole(3, None), ["error S01-0 深 3 m，方案 6 m：未写终孔原因"]),
    ("F08", "rock, not explained", hole(3, "rock"), ["error S01-0 深 3 m，方案 6 m：终孔原因没有说明"]),
    ("F08", "rock, explained", hole(3, "rock", note="granite"), []),
    ("F08", "aquitard with its depth", hole(3, "aquitard", aquitard_top_m=3), []),
    ("F08", "refused once", hole(3, "refusal", note="boulder"), ["error S01-0 深 3 m，方案 6 m：拒钻须保留至少 2 次尝试"]),
    ("F08", "refused twice", hole(3, "refusal", 2, note="boulder"), []),
    ("F08", "approved to 3 m", adjusted(hole(3), "depth", proposed_depth_m=3), []),
    ("F08", "no borehole at all", hole(3, tries=0), ["unknown 「孔深不足」无法判断：缺钻孔记录"]),
    ("F08", "no depth", hole(None), ["unknown 「孔深不足」无法判断：缺钻探深度"]),
    ("F08", "no design depth", hole(3, design=None), []),
]  # fmt: skip


# --- times -----------------------------------------------------------------------------------------------------------


def journey(km: float, gap_min: int, crew: tuple[str, str] = ("li", "li"), **b: Any) -> World:
    """S01 from 9 to 10 h, then S02 so far away after so many minutes."""
    w = World()
    w.add("person", "li", name="Li")
    w.visit("S01", samplers=[crew[0]], started_at=at("09:00"), ended_at=at("10:00"))
    start = at("10:00").timestamp() + gap_min * 60
    moment = MORNING.fromtimestamp(start, MORNING.tzinfo)
    w.visit("S02", km * 1000, samplers=[crew[1]], **{"started_at": moment, "ended_at": at("12:00"), **b})
    return w


def twice(*outcomes: str) -> World:
    w = planned()
    for i, outcome in enumerate(outcomes):
        w.visit(id=f"v{i}", outcome=outcome, reason="rock", started_at=at(f"{9 + i:02}:00"))
    return w


TIME = [
    ("F18", "10 km in 10 min", journey(10, 10), []),
    ("F18", "30 km in 10 min", journey(30, 10), ["warning Li在 S01 与 S02 之间相距 30 km，用时 10 min，不可能"]),
    ("F18", "another crew", journey(30, 10, ("li", "wu")), []),
    ("F18", "16 min at both", journey(0.01, -16), ["warning Li同时在 S01 与 S02，重叠 16 min"]),
    ("F18", "15 min at both", journey(0.01, -15), []),
    ("F18", "10 min at both, 5 km apart", journey(5, -10), ["warning Li在 S01 与 S02 之间相距 5 km，用时 0 min，不可能"]),
    ("F18", "next hole at the same minute", journey(0.03, 0), []),
    ("F18", "ended before it started", visited(started_at=at("10:00"), ended_at=at("09:59")), ["warning S01 结束时间早于开始时间"]),
    ("F18", "open end", journey(10, 10, ended_at=None), []),
    ("F19", "done twice", twice("done", "partial"), ["warning S01 有 2 次完成的到访：S01 2026-09-21 09:00、S01 2026-09-21 10:00"]),
    ("F19", "abandoned, then done", twice("abandoned", "done"), []),
]  # fmt: skip

CASES: list[tuple[str, str, World, list[str]]] = [*SHIFT, *DONE, *FIX, *DEPTH, *TIME]


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check: str, name: str, w: World, expected: list[str]) -> None:
    assert [f"{f.severity} {f.zh}" for f in run(w.facts()).by_check[check]] == expected


def test_tablet_says_whose_knowledge() -> None:
    w = planned()
    w.planned("S02")
    w.visit("S02", outcome="refused", reason="owner")
    found = run(w.facts("tablet")).by_check["F01"]
    assert [f.zh for f in found] == [
        "S01 就本机所知（18:00）未做",
        "S02 记为无法施工或取消，就本机所知（18:00）取消没有批准",
    ]
    assert found[0].en == "S01 is not done as far as this tablet knows (18:00)"


def test_unsure_clock() -> None:
    w = journey(30, 10)
    w.planned("S01")
    clocks = [
        UnsureClock("point", uid("v:S01"), -400),
        UnsureClock("point", uid("v:S01"), 360),
        UnsureClock("site", uid("site"), 900),
    ]
    report = run(w.facts(unsure_clocks=clocks))
    assert [f.zh for f in report.by_check["Y05"]] == [
        "S01 有 2 条记录的设备时钟相差最多 400 s，时间存疑",
        "1 条不属于点位的记录，设备时钟相差最多 900 s，时间存疑",
    ]
    assert report.by_check["F18"] == []  # times of an unsure clock prove nothing
    assert run(w.facts()).by_check["Y05"] == []


def test_point_state_of_a_shift() -> None:
    def state(w: World) -> tuple[bool | None, float | None]:
        (point,) = run(w.facts()).points
        return point.shifted, point.shift_m

    assert state(shifted(6, 0.5, tolerance=5, limits=5)) == (True, 6.0)
    assert state(shifted(4, 0.5, tolerance=5, limits=5)) == (False, 4.0)
    assert state(shifted(5.3, 0.5, tolerance=5, limits=5)) == (None, 5.3)
    assert state(visited(position=None)) == (None, None)
    assert state(planned()) == (None, None)
