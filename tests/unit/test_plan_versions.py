"""What one version of a plan changes against another, and edits that become one: pure parts, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.problems import Trouble
from schemas.records.project import Project
from schemas.rules.geo import offset
from schemas.values import Expert, QcRule
from sync_server.console.planning import changes, form, views
from sync_server.plan.diff import counted, steps
from sync_server.plan.editing import Edit, edited, next_code, note_of, put, read_point
from sync_server.plan.importing import compare
from sync_server.store import Stored

Values = dict[str, Any]
SOIL = {"medium": "soil", "rule": "surface", "depth_top_m": "0", "depth_bottom_m": "0.5", "groups": ["metal", "voc"]}


def at(east: float = 0, north: float = 0) -> Values:
    lon, lat = offset(118.7, 32.0, east, north)
    return {"lon": f"{lon:.7f}", "lat": f"{lat:.7f}"}


def point(code: str, **more: Any) -> Values:
    return {"code": code, "plan_id": "1", "role": "soil", "position": at(), "targets": [SOIL], **more}


CASES: list[tuple[str, Values, Values, tuple[str, ...], float | None]] = [
    ("nothing", {}, {}, (), None),
    ("spelling of a figure", {"target_depth_m": "6"}, {"target_depth_m": "6.00"}, (), None),
    ("another version's id", {"plan_id": "1", "zone_id": "z1"}, {"plan_id": "2", "zone_id": "z2"}, (), None),
    ("order of groups", {}, {"targets": [{**SOIL, "groups": ["voc", "metal"]}]}, (), None),
    ("figures as read", {"position": {**at(), "source_easting": "1.000"}}, {}, (), None),
    ("depth", {"target_depth_m": "6"}, {"target_depth_m": "8"}, ("target_depth_m",), None),
    ("a field that is given now", {}, {"tolerance_m": "1.0"}, ("tolerance_m",), None),
    ("a field that is gone", {"reason": "x"}, {}, ("reason",), None),
    ("targets", {}, {"targets": []}, ("targets",), None),
    ("a field of a newer version", {"later": 1}, {"later": 2}, ("later",), None),
    ("position", {}, {"position": at(5.6)}, (), 5.6),
    ("position and depth", {}, {"position": at(0, -3), "target_depth_m": "8"}, ("target_depth_m",), 3.0),
]


@pytest.mark.parametrize(("name", "old", "new", "fields", "metres"), CASES, ids=[c[0] for c in CASES])
def test_one_point(name: str, old: Values, new: Values, fields: tuple[str, ...], metres: float | None) -> None:
    found = steps([point("S1", **old)], [point("S1", **new)])
    assert bool(found) == bool(fields or metres)
    if found:
        assert found[0].fields == fields
        assert found[0].moved_m == (pytest.approx(metres, abs=0.02) if metres else None)


def test_directions() -> None:
    for east, north, bearing in ((5, 0, 90), (0, 5, 0), (-5, 0, 270), (0, -5, 180), (5, 5, 45)):
        (step,) = steps([point("S1")], [point("S1", position=at(east, north))])
        assert step.bearing == pytest.approx(bearing % 360, abs=0.2) or (bearing == 0 and step.bearing > 359.8)


def test_added_removed_and_the_same_as_the_import_says() -> None:
    old = [point("A"), point("B"), point("C", target_depth_m="6")]
    new = [point("B", position=at(2)), point("C", target_depth_m="7"), point("D")]
    found, told = steps(old, new), compare(old, new)
    assert [(s.code, changes.kinds_of(s)) for s in found] == [
        ("A", ["removed"]),
        ("B", ["moved"]),
        ("C", ["changed"]),
        ("D", ["added"]),
    ]
    assert counted(found) == {"added": 1, "moved": 1, "changed": 1, "removed": 1}
    assert (told.added, told.removed, [c for c, _ in told.moved], told.changed, told.unchanged) == (
        ["D"], ["A"], ["B"], [("C", ["target_depth_m"])], 0,
    )  # fmt: skip


def plan(version: int, **more: Any) -> Stored:
    return Stored("plan", f"p{version}", "x.field", version, {"version": version, **more})


def test_state_of_a_version() -> None:
    one, two, three = plan(1, approved_by="x"), plan(2, approved_by="y"), plan(3)
    assert [views.state_of(p, (one, two, three)) for p in (one, two, three)] == ["superseded", "approved", "draft"]
    assert views.state_of(plan(1), (plan(1), two)) == "superseded"
    assert views.state_of(plan(1), (plan(1), plan(2))) == "draft"


# --- edits -----------------------------------------------------------------------------------------------------------

MOVE = Edit("move", "S1", {"position": at(3)}, "沟")


def test_edits_make_a_version() -> None:
    old = [point("S1", tolerance_m="1"), point("S2"), point("S3")]
    edits = [MOVE, Edit("cancel", "S2", {}, "拒钻"), Edit("add", "S4", {"role": "soil", "position": at(9)}, "圈边界"),
             Edit("change", "S3", {"target_depth_m": "8"}, "见底")]  # fmt: skip
    new = edited(old, edits)
    assert [(s.code, changes.kinds_of(s)) for s in steps(old, new)] == [
        ("S1", ["moved"]), ("S2", ["removed"]), ("S3", ["changed"]), ("S4", ["added"]),
    ]  # fmt: skip
    assert (
        new[0]["tolerance_m"] == "1" and old[0]["position"] == at()
    )  # what is not edited stays, the older version too
    verbs = {"move": "移动", "add": "新增", "change": "改", "cancel": "取消"}
    assert changes.reasons_in(note_of(edits, verbs)) == {"S1": "沟", "S2": "拒钻", "S3": "见底", "S4": "圈边界"}


@pytest.mark.parametrize("edit", [MOVE._replace(code="no"), Edit("cancel", "no", {}, "x"), Edit("add", "S1", {}, "x")])
def test_an_edit_that_does_not_fit(edit: Edit) -> None:
    with pytest.raises(Trouble) as err:
        edited([point("S1")], [edit])
    assert err.value.problem.number == 4014 and edit.code in err.value.text("zh") and edit.code in err.value.text("en")


def test_putting_edits_together() -> None:
    again = MOVE._replace(values={"position": at(4)})
    assert put([MOVE], again) == [again]
    change = Edit("change", "S1", {"target_depth_m": "8"}, "x")
    assert put([MOVE], change) == [MOVE, change]
    gone = Edit("cancel", "S1", {}, "x")
    assert put([MOVE, change], gone) == [gone]
    added = Edit("add", "S9", {"position": at(), "role": "soil"}, "x")
    (merged,) = put([added], Edit("move", "S9", {"position": at(7)}, "y"))
    assert (merged.op, merged.values) == ("add", {"position": at(7), "role": "soil"})
    assert put([added], gone._replace(code="S9")) == []  # it was never there


@pytest.mark.parametrize(("taken", "like", "said"), [
    (["S1", "S2"], ["S1", "S2"], "S3"), (["S01", "S30", "X01"], ["S01", "S30"], "S31"), (["W-09"], ["W-09"], "W-10"),
    ([], [], "S01"), (["东厂"], ["东厂"], "S01"), (["S99"], ["S99"], "S100"), (["S01", "S05"], ["S01"], "S06"),
])  # fmt: skip
def test_next_code(taken: list[str], like: list[str], said: str) -> None:
    assert next_code(taken, like) == said


POINTS: list[tuple[Values, int | None, str]] = [
    ({"code": "S1", "lon": "118.7", "lat": "32"}, None, ""),
    ({"code": "S1", "lon": "32", "lat": "118.7"}, None, "lat"),
    ({"code": "S1", "lon": "", "lat": "32"}, None, "lon"),
    ({"code": "S1", "lon": "x", "lat": "32"}, None, "lon"),
    ({"code": "S1", "northing": "3543887.646", "easting": "40383353.450"}, None, ""),
    ({"code": "S1", "northing": "3543887.646", "easting": "383353.450"}, 40, ""),
    ({"code": "S1", "northing": "383353.450", "easting": "3543887.646"}, 40, "northing"),
    ({"code": "S1", "lon": "118.7", "lat": "32", "target_depth_m": "600"}, None, "target_depth_m"),
    ({"code": "S1", "lon": "118.7", "lat": "32", "reason": 'a,"b"\nc'}, None, ""),
    ({"code": "=cmd()", "lon": "118.7", "lat": "32"}, None, "code"),
]


@pytest.mark.parametrize(("cells", "zone", "wrong"), POINTS)
def test_a_point_is_read_as_a_row_of_a_file(cells: dict[str, str], zone: int | None, wrong: str) -> None:
    row, faults = read_point(cells, zone)
    assert (row is None) == bool(wrong)
    if wrong:
        assert wrong in {f.column for f in faults}
    elif row and "northing" in cells:
        assert (row.lon[:7], row.lat[:6]) == ("118.765", "32.012")
    elif row and "reason" in cells:
        assert row.fields["reason"] == cells["reason"]


def test_an_easting_without_a_zone_asks_for_it() -> None:
    with pytest.raises(Trouble) as err:
        read_point({"code": "S1", "northing": "3543887.646", "easting": "383353.450"})
    assert err.value.problem.number == 4005


# --- forms -----------------------------------------------------------------------------------------------------------


def test_figures_as_typed() -> None:
    given = {"shift_ok_m": [" ２．５ "], "nd_as": [""], "accuracy_gate_m": ["abc"]}
    assert form.typed(Project, ["shift_ok_m", "nd_as", "accuracy_gate_m"], given) == {
        "shift_ok_m": "2.5",
        "accuracy_gate_m": "abc",
    }


RULES: list[tuple[Values, list[str]]] = [
    ({"qc_kind": "field_duplicate", "medium": "soil", "groups": ["metal"], "basis": "share", "share_pct": "10", "least": 1, "basis_text": "HJ"}, []),
    ({"qc_kind": "field_duplicate", "medium": "soil", "basis": "share", "basis_text": "HJ"}, ["share_pct"]),
    ({"qc_kind": "field_duplicate", "medium": "soil", "basis": "per_batch", "basis_text": "HJ"}, []),
    ({"qc_kind": "nope", "medium": "soil", "basis": "per_batch", "basis_text": "HJ"}, ["qc_kind"]),
    ({"qc_kind": "trip_blank", "medium": "soil", "basis": "share", "share_pct": "101", "basis_text": "HJ"}, ["share_pct"]),
    ({"qc_kind": "trip_blank", "medium": "soil", "basis": "per_batch", "least": "viele", "basis_text": "HJ"}, ["least"]),
    ({"medium": "soil"}, ["qc_kind", "basis", "basis_text"]),
]  # fmt: skip


@pytest.mark.parametrize(("values", "wrong"), RULES)
def test_faults_stand_at_the_field(values: Values, wrong: list[str]) -> None:
    assert [f.field for f in form.faults_of(QcRule, values)] == wrong
    for i in form.inputs(
        QcRule, ["qc_kind", "share_pct", "least", "basis", "basis_text"], values, "zh", form.faults_of(QcRule, values)
    ):
        assert bool(i.faults) == (i.name in wrong)


def test_rows_are_added_and_taken_out() -> None:
    given = {"experts.0.name": ["甲"], "experts.2.name": ["乙"], "experts.2.title": ["教授"], "experts.5.name": [" "],
             "experts.out": ["0"], "experts.x.name": ["no"], "other.1.name": ["no"]}  # fmt: skip
    assert form.typed_rows(Expert, "experts", given) == [{"name": "乙", "title": "教授"}]


def test_where_a_figure_comes_from() -> None:
    by_name = {i.name: i for i in form.inputs(Project, ["shift_ok_m", "nd_as"], {}, "zh")}
    assert (
        by_name["shift_ok_m"].unsure
        and "待确认" in by_name["shift_ok_m"].source
        and "不填用 2" in by_name["shift_ok_m"].hint
    )
