"""Plan against actual by medium and analyte group: what counts as a portion, when it is taken, what a point lacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas.rules.reconcile import Progress, run
from schemas.rules.reconcile.plain import report_json
from tests.unit.factory import World, at

Made = Callable[[World], Any]


def asked(
    w: World, code: str = "S01", id: str = "t1", groups: tuple[str, ...] = ("metal", "voc"), **values: Any
) -> None:
    values = {"depth_top_m": 0, "depth_bottom_m": "0.5", **values}
    w.add("planned_target", f"{code}/{id}", planned_point_id=code, groups=list(groups), **values)


def taken(w: World, code: str = "S01", groups: tuple[str, ...] = ("metal", "voc"), **values: Any) -> None:
    id = values.pop("id", f"{code}-1")
    w.add("sample", id, code=id, point_id=f"v:{code}", groups=list(groups), **values)


def packed(w: World, sample: str = "S01-1", groups: tuple[str, ...] = ("metal", "voc"), **values: Any) -> None:
    id = values.pop("id", f"{sample}-C1")
    w.add("sample_container", id, code=id, sample_id=sample, groups=list(groups), **values)


def one(*steps: Made) -> World:
    """One planned and visited point that asks for metals and VOCs at 0–0.5 m."""
    w = World()
    w.both("S01")
    asked(w)
    for step in steps:
        step(w)
    return w


# name, world, (metal planned/done, voc planned/done, samples planned/done), what S01 lacks
CASES: list[tuple[str, World, tuple[int, int, int, int, int, int], tuple[str, ...]]] = [
    ("nothing taken", one(), (1, 0, 1, 0, 1, 0), ("soil/metal", "soil/voc")),
    ("all taken", one(taken), (1, 1, 1, 1, 1, 1), ()),
    ("one group taken", one(lambda w: taken(w, groups=("metal",))), (1, 1, 1, 0, 1, 0), ("soil/voc",)),
    ("two samples share it", one(lambda w: taken(w, groups=("metal",)), lambda w: taken(w, groups=("voc",), id="b")),
     (1, 1, 1, 1, 1, 1), ()),
    ("too deep", one(lambda w: taken(w, depth_top_m=1, depth_bottom_m=2)), (1, 0, 1, 0, 1, 0), ("soil/metal", "soil/voc")),
    ("a blank is no sample of the ground", one(lambda w: taken(w, kind="trip_blank")), (1, 0, 1, 0, 1, 0),
     ("soil/metal", "soil/voc")),
    ("a voided sample", one(lambda w: taken(w, deleted=True, void_reason="x")), (1, 0, 1, 0, 1, 0),
     ("soil/metal", "soil/voc")),
    ("containers decide where there are any", one(taken, lambda w: packed(w, groups=("metal",))), (1, 1, 1, 0, 1, 0),
     ("soil/voc",)),
    ("a discarded container carries nothing",
     one(taken, packed, lambda w: packed(w, groups=("voc",), id="C2", state="discarded", discard_reason="broken")), (1, 1, 1, 1, 1, 1), ()),
    ("only a discarded one", one(taken, lambda w: packed(w, state="discarded", discard_reason="broken")), (1, 0, 1, 0, 1, 0),
     ("soil/metal", "soil/voc")),
    ("the same group twice in a target is one portion", one(lambda w: asked(w, groups=("metal", "voc", "metal"))),
     (1, 0, 1, 0, 1, 0), ("soil/metal", "soil/voc")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "w", "counts", "lacks"), CASES, ids=[c[0] for c in CASES])
def test_portions(name: str, w: World, counts: tuple[int, ...], lacks: tuple[str, ...]) -> None:
    report = run(w.facts())
    rows = {(p.medium, p.group): p for p in report.totals.progress}
    got = [n for key in ("metal", "voc", "") for n in (rows["soil", key].planned, rows["soil", key].done)]
    assert tuple(got) == counts
    (point,) = report.points
    assert point.lacking == lacks
    assert rows["soil", ""].points == bool(lacks) and rows["soil", "metal"].points == ("soil/metal" in lacks)
    assert (report.totals.targets, report.totals.targets_done) == counts[4:]


def test_a_lack_is_a_finding_too() -> None:
    """Whatever the page calls missing, F01, F05 or F06 says of the same point."""
    for name, w, _, lacks in CASES:
        report = run(w.facts())
        said = {f.check for f in report.findings if f.check in ("F01", "F05", "F06") and f.missing is None}
        if name == "one group taken":  # no containers are recorded: F06 cannot say, the samples' own lists can
            assert not said and lacks
        else:
            assert bool(said) == bool(lacks), name


def test_points_that_were_not_visited() -> None:
    w = World()
    for code in ("S01", "S02", "S03", "S04"):
        w.planned(code)
        asked(w, code, groups=("metal",))
    w.visit("S02", outcome="refused", reason="owner")
    w.add("point_adjustment", kind="cancel", planned_point_id="S03", decision="approved", decided_at=at("08:00"))
    w.visit("S04")
    taken(w, "S04", groups=("metal",))
    w.visit("X1", planned_point_id=None)  # asks for nothing
    report = run(w.facts())
    assert report.totals.progress == (Progress("soil", "", 3, 1, 2), Progress("soil", "metal", 3, 1, 2))
    lacks = {p.code: p.lacking for p in report.points}
    assert lacks == {"S01": ("soil/metal",), "S02": ("soil/metal",), "S03": (), "S04": (), "X1": ()}


def test_media_apart_and_depths_together() -> None:
    w = World()
    w.both("S01")
    asked(w, groups=("metal",))
    asked(w, id="t2", groups=("metal",), depth_top_m="1.5", depth_bottom_m="2.0")
    asked(w, id="t3", groups=("voc",), medium="groundwater", rule="hole_bottom", depth_top_m=None, depth_bottom_m=None)
    taken(w, groups=("metal",))
    progress = {(p.medium, p.group): (p.planned, p.done, p.points) for p in run(w.facts()).totals.progress}
    assert progress == {
        ("groundwater", ""): (1, 0, 1), ("groundwater", "voc"): (1, 0, 1), ("soil", ""): (2, 1, 1), ("soil", "metal"): (2, 1, 1),
    }  # fmt: skip


def test_an_approved_shallower_hole_asks_for_less() -> None:
    w = one(taken)
    asked(w, id="deep", groups=("metal",), depth_top_m=5, depth_bottom_m=6)
    assert run(w.facts()).totals.targets == 2
    w.add("point_adjustment", kind="depth", planned_point_id="S01", decision="approved", decided_at=at("08:00"),
          proposed_depth_m=3)  # fmt: skip
    report = run(w.facts())
    assert (report.totals.targets, report.totals.targets_done) == (1, 1)


def test_no_plan_and_no_targets() -> None:
    w = World(bare=True)
    w.add("project")
    assert run(w.facts()).totals.progress == ()
    w = World()
    w.both("S01")
    report = run(w.facts())
    assert (report.totals.progress, report.totals.targets, report.points[0].lacking) == ((), 0, ())


def test_the_command_line_and_programs_get_the_same() -> None:
    told = json.loads(json.dumps(report_json(run(one(taken, lambda w: packed(w, groups=("metal",))).facts()))))
    assert told["totals"]["progress"] == [
        {"medium": "soil", "group": "", "planned": 1, "done": 0, "points": 1},
        {"medium": "soil", "group": "metal", "planned": 1, "done": 1, "points": 0},
        {"medium": "soil", "group": "voc", "planned": 1, "done": 0, "points": 1},
    ]
    assert told["points"][0]["lacking"] == ["soil/voc"]


def test_counts_of_samples_and_points_above() -> None:
    w = World()
    for n, value in enumerate((10, 100, 900)):  # arsenic: screening 60, intervention 140 for class 2 land
        code = f"S{n}"
        w.both(code, n * 10)
        w.add("field_reading", f"r{n}", point_id=f"v:{code}", value=value)
        taken(w, code)
    t = run(w.facts()).totals
    assert (t.samples, t.above, t.above_intervention, t.exceedances) == (3, 2, 1, {"arsenic": 2})
