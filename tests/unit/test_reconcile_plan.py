"""Plan checks P01–P05 at the figures of 公告2022年第17号 表3-1."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.rules.reconcile import run
from tests.unit.factory import World, square


def world(area: int | None = 10000, stage: str = "preliminary", boundary: Any = None, **plan: Any) -> World:
    w = World(bare=True)
    w.add("project")
    w.add("site", area_m2=area, boundary=boundary)
    w.add("plan", stage=stage, **plan)
    return w


def soil_points(w: World, n: int, wells: int = 0, **values: Any) -> World:
    for i in range(n):
        w.planned(f"S{i:02}", **values)
    for i in range(wells):
        w.planned(f"W{i:02}", role="well")
    return w


def two_sites() -> World:
    w = World(bare=True)
    w.add("project")
    w.add("plan")
    w.add("site", "a", name="A", area_m2=5000, boundary=square(35))
    w.add("site", "b", name="B", area_m2=5000, boundary=square(35, east=1000))
    for i in range(3):
        w.planned(f"A{i}")
    for i in range(2):
        w.planned(f"B{i}", east=1000)
    return w


def targets(*depths: tuple[float, float] | str, role: str = "soil") -> World:
    """One planned point with soil targets: fixed intervals, or the name of a rule."""
    w = World()
    w.planned(role=role)
    for i, depth in enumerate(depths):
        if isinstance(depth, str):
            w.add("planned_target", f"t{i}", rule=depth)
        else:
            w.add("planned_target", f"t{i}", depth_top_m=depth[0], depth_bottom_m=depth[1])
    return w


def zoned(kind: str = "suspect", linked: bool = False, east: float = 0, boundary: Any = None) -> World:
    w = World()
    w.add("plan_zone", kind=kind, boundary=boundary)
    w.planned(east=east, zone_id="plan_zone" if linked else None)
    return w


SITE = square(50)
CASES: list[tuple[str, str, World, list[str]]] = [
    ("P01", "5000 m2 asks for 3", soil_points(world(5000), 3), []),
    ("P01", "2 of 3", soil_points(world(5000), 2), ["error Works：方案有 2 个土壤点，按面积 5000 m² 至少 3 个"]),
    ("P01", "5001 m2 asks for 6", soil_points(world(5001), 5), ["error Works：方案有 5 个土壤点，按面积 5001 m² 至少 6 个"]),
    ("P01", "6 of 6", soil_points(world(5001), 6), []),
    ("P01", "a background point is not one of the site", soil_points(world(5000), 3, role="background"),
     ["error Works：方案有 0 个土壤点，按面积 5000 m² 至少 3 个"]),
    # detailed: 800/400 + 1601/1600 rounded up = 2 + 2; wells 2401/6400 = 1
    ("P01", "detailed, enough", soil_points(world(2401, "detailed", suspect_area_m2=800), 4, 1), []),
    ("P01", "detailed, one short", soil_points(world(2401, "detailed", suspect_area_m2=800), 3, 0),
     ["error Works：方案有 3 个土壤点，按面积 2401 m² 至少 4 个", "error Works：方案有 0 个地下水井，按面积 2401 m² 至少 1 个"]),
    ("P01", "6401 m2 asks for 2 wells", soil_points(world(6401, "detailed", suspect_area_m2=0), 5, 1),
     ["error Works：方案有 1 个地下水井，按面积 6401 m² 至少 2 个"]),
    ("P01", "detailed without suspected area", soil_points(world(2401, "detailed"), 9),
     ["unknown 「布点数量不足」无法判断：缺方案的疑似区面积"]),
    ("P01", "no area", soil_points(world(None), 9), ["unknown 「布点数量不足」无法判断：缺地块面积"]),
    ("P01", "area of the boundary", soil_points(world(None, boundary=square(35)), 2),
     ["error Works：方案有 2 个土壤点，按面积 4899 m² 至少 3 个"]),
    ("P01", "remediation has no such figure", soil_points(world(5000, "remediation"), 0), []),
    ("P01", "each site by itself", two_sites(), ["error B：方案有 2 个土壤点，按面积 5000 m² 至少 3 个"]),
    ("P02", "empty", zoned(boundary=square(10, east=30)), ["error 区域 Z1 没有点位"]),
    ("P02", "a point inside", zoned(boundary=square(10)), []),
    ("P02", "a linked point", zoned(boundary=square(10, east=30), linked=True), []),
    ("P02", "an office area needs none", zoned("office", boundary=square(10, east=30)), []),
    ("P02", "no boundary", zoned(), ["unknown 「布点区域无点位」无法判断：缺布点区域边界"]),
    ("P03", "blank", soil_points(World(), 1, reason="  "), ["error S00 没有写布点理由"]),
    ("P03", "written", soil_points(World(), 1, reason="tank"), []),
    ("P04", "complete", targets((0, 0.5), (1.5, 2), (3.5, 4), (5.5, 6)), []),
    ("P04", "no surface", targets((1, 2), (3, 4)), ["error S01 缺表层（0–0.5 m）土壤任务"]),
    ("P04", "0-0.6 is not the surface", targets((0, 0.6), (1, 2)), ["error S01 缺表层（0–0.5 m）土壤任务"]),
    ("P04", "nothing deeper", targets((0, 0.5)), ["error S01 只有表层土壤任务，缺更深的任务"]),
    ("P04", "gap of exactly 2 m", targets((0, 0.5), (1, 2), (3, 4)), []),
    ("P04", "gap of 2.01 m", targets((0, 0.5), (1, 2), (3, 4.02)), ["warning S01 1.5–3.51 m 之间间距 2.01 m，建议不超过 2 m"]),
    ("P04", "first middle at 2.5 m: 2 m below 0.5", targets((0, 0.5), (2, 3)), []),
    ("P04", "first middle at 2.55 m", targets((0, 0.5), (2, 3.1)), ["warning S01 0.25–2.55 m 之间间距 2.3 m，建议不超过 2 m"]),
    ("P04", "below 6 m the spacing is free", targets((0, 0.5), (2, 3), (4, 5), (9, 10)), []),
    ("P04", "a target by rule may fill the gap", targets((0, 0.5), (4, 5), "worst"),
     ["unknown 「方案深度不完整」无法判断：缺按规则取样任务的深度"]),
    ("P04", "surface by rule, deeper by rule", targets("surface", "worst"), []),
    ("P04", "a surface point needs no more", targets(role="surface_only"), []),
    ("P05", "inside", soil_points(World(), 1), []),
    ("P05", "10 m outside", soil_points(World(), 1, east=60), ["error S00 在地块边界外 10 m"]),
    ("P05", "background may be outside", soil_points(World(), 1, east=60, role="background"), []),
    ("P05", "no boundary", soil_points(world(), 2), ["unknown 「计划点位越界」无法判断：缺地块边界（2 处）"]),
    ("P05", "outside its zone", zoned(linked=True, east=15, boundary=square(10)), ["error S01 在布点区域 Z1 边界外 5 m"]),
    ("P05", "inside its zone", zoned(linked=True, east=9, boundary=square(10)), []),
]  # fmt: skip


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check: str, name: str, w: World, expected: list[str]) -> None:
    assert [f"{f.severity} {f.zh}" for f in run(w.facts()).by_check[check]] == expected
