"""Layer checks F10–F12: each with what triggers it and its nearest neighbour that must not."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.rules.reconcile import run
from tests.unit.factory import World


def hole(*layers: tuple[float, float], depth: float | None = 6, w: World | None = None, **values: Any) -> World:
    """S01 with one borehole and its layers, from the top."""
    w = w or World()
    w.both()
    w.add("borehole", "h:S01", depth_m=depth, **values)
    for n, (top, bottom) in enumerate(layers, 1):
        w.add("soil_layer", f"l{n}", layer_no=n, top_m=top, bottom_m=bottom)
    return w


def sampled(w: World, *spans: tuple[float, float], **values: Any) -> World:
    for n, (top, bottom) in enumerate(spans, 1):
        w.add("sample", f"s{n}", code=f"S01-{n}", depth_top_m=top, depth_bottom_m=bottom, **values)
    return w


def layer(w: World, n: int, **values: Any) -> World:
    old = w.records["soil_layer"].pop(next(id for id, r in w.records["soil_layer"].items() if r.layer_no == n))
    w.add("soil_layer", f"l{n}", layer_no=n, top_m=old.top_m, bottom_m=old.bottom_m, **values)
    return w


def elsewhere(w: World) -> World:
    """A second point whose hole is described."""
    w.both("S02", 20)
    w.add("borehole", "h:S02", point_id="v:S02", code="S02")
    w.add("soil_layer", "x1", borehole_id="h:S02", bottom_m=6)
    w.add("sample", "x", code="S02-1", point_id="v:S02", depth_top_m=1, depth_bottom_m=2)
    return w


def two_tries() -> World:
    """A hole that was given up at 1 m, and the one that was drilled."""
    w = hole((0, 2), (2, 6))
    w.add("borehole", "try", code="S01-1", depth_m=1, end_reason="refusal")
    w.add("soil_layer", "t1", borehole_id="try", layer_no=1, top_m=0, bottom_m=1)
    return w


def without_hole() -> World:
    w = World()
    w.both()
    return sampled(w, (0, 0.5), (5, 5.5))


WHOLE = ((0, 0.6), (0.6, 2.1), (2.1, 6))
F10 = [
    ("F10", "closed", hole(*WHOLE), []),
    ("F10", "no hole", without_hole(), []),
    ("F10", "gap", hole((0, 0.6), (0.9, 6)), ["error S01 0.6–0.9 m 没有土层描述"]),
    ("F10", "gap of the tolerance", hole((0, 0.6), (0.65, 6)), []),
    ("F10", "gap just beyond it", hole((0, 0.6), (0.66, 6)), ["error S01 0.6–0.66 m 没有土层描述"]),
    ("F10", "not from the surface", hole((0.3, 6)), ["error S01 0–0.3 m 没有土层描述"]),
    ("F10", "not to the bottom", hole((0, 4.4)), ["error S01 4.4–6 m 没有土层描述"]),
    ("F10", "bottom within the tolerance", hole((0, 5.95)), []),
    ("F10", "deeper than the hole", hole((0, 6.5)), ["error S01 土层到 6.5 m，孔深 6 m"]),
    ("F10", "two at once", hole((0, 2), (1.5, 6)), ["error S01 1.5–2 m 有两层描述"]),
    ("F10", "one inside another", hole((0, 4), (1, 2), (4, 6)), ["error S01 1–2 m 有两层描述"]),
    ("F10", "both ends", hole((1, 5)), ["error S01 0–1 m 没有土层描述", "error S01 5–6 m 没有土层描述"]),
    ("F10", "written in another order", hole((2.1, 6), (0, 0.6), (0.6, 2.1)), []),
    ("F10", "depth unknown", hole((0, 1), depth=None), ["unknown 「土层不连续」无法判断：缺钻探深度"]),
    ("F10", "no layer in the project", hole(), ["unknown 「土层不连续」无法判断：缺土层记录"]),
    ("F10", "no layer in this hole", elsewhere(hole()), ["error S01 0–6 m 没有土层描述"]),
    ("F10", "every try is asked", two_tries(), []),
    ("F10", "a voided hole", hole((1, 2), deleted=True, void_reason="typo"), []),
]  # fmt: skip
F11 = [
    ("F11", "one in each", sampled(hole(*WHOLE), (0, 0.5), (1.5, 2), (4, 4.5)), []),
    ("F11", "none in the last", sampled(hole(*WHOLE), (0, 0.5), (1.5, 2)), ["warning S01 第 3 层没有样品"]),
    ("F11", "none at all", hole(*WHOLE), ["warning S01 第 1、2、3 层没有样品（共 3 层）"]),
    ("F11", "thinner than 0.5 m", sampled(hole((0, 0.49), (0.49, 6)), (1, 2)), []),
    ("F11", "0.5 m thick", sampled(hole((0, 0.5), (0.5, 6)), (1, 2)), ["warning S01 第 1 层没有样品"]),
    ("F11", "the sample names its layer", sampled(hole((0, 2), (2, 6)), (1.8, 3), layer_id="l1"), ["warning S01 第 2 层没有样品"]),
    ("F11", "the middle decides", sampled(hole((0, 2), (2, 6)), (1.8, 3)), ["warning S01 第 1 层没有样品"]),
    ("F11", "a water sample is none of the soil", sampled(hole((0, 6)), (1, 2), medium="groundwater"), ["warning S01 第 1 层没有样品"]),
    ("F11", "a duplicate is none of its own", sampled(hole((0, 6)), (1, 2), kind="field_duplicate"), ["warning S01 第 1 层没有样品"]),
    ("F11", "a reason on the layer", layer(hole((0, 6)), 1, note="岩芯缺失"), []),
    ("F11", "concrete", layer(sampled(hole((0, 1), (1, 6)), (2, 3)), 1, texture="concrete"), []),
    ("F11", "no layers known", sampled(hole(), (1, 2)), []),
    ("F11", "no hole", without_hole(), []),
    ("F11", "only the hole that was drilled", sampled(two_tries(), (0, 0.5), (3, 4)), []),
    ("F11", "of another hole", sampled(two_tries(), (0, 0.5), (3, 4), borehole_id="try"), ["warning S01 第 1、2 层没有样品（共 2 层）"]),
]  # fmt: skip
F12 = [
    ("F12", "2.0 m", sampled(hole((0, 6)), (1.5, 2), (3.5, 4)), []),
    ("F12", "2.1 m", sampled(hole((0, 6)), (1.5, 2), (3.6, 4.1)), ["warning S01 1.75–3.85 m 间距 2.1 m"]),
    ("F12", "every gap", sampled(hole((0, 6)), (0.8, 1), (3.3, 3.5), (5.8, 6)),
     ["warning S01 0.9–3.4 m 间距 2.5 m", "warning S01 3.4–5.9 m 间距 2.5 m"]),
    ("F12", "above 0.5 m is not counted", sampled(hole((0, 6)), (0, 0.2), (2.4, 2.6)), []),
    ("F12", "from 0.5 m it is", sampled(hole((0, 6)), (0, 0.2), (2.5, 2.7)), ["warning S01 0.1–2.6 m 间距 2.5 m"]),
    ("F12", "below 6 m is not counted", sampled(hole((0, 12), depth=12), (4, 4.2), (9, 9.5)), []),
    ("F12", "one sample has no neighbour", sampled(hole((0, 6)), (4, 4.5)), []),
    ("F12", "no hole", without_hole(), []),
    ("F12", "given up", sampled(hole((0, 6), w=None), (1, 2), (4, 5), deleted=True, void_reason="typo"), []),
]  # fmt: skip
CASES: list[tuple[str, str, World, list[str]]] = [*F10, *F11, *F12]


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check: str, name: str, w: World, expected: list[str]) -> None:
    assert [f"{f.severity} {f.zh}" for f in run(w.facts()).by_check[check]] == expected


def test_a_reason_for_the_gaps_of_the_visit_is_one_for_its_layers() -> None:
    w = hole(*WHOLE)
    assert run(w.facts()).by_check["F11"]
    w.visit(gaps_accepted="土量不足")
    assert run(w.facts()).by_check["F11"] == []
