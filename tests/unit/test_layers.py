"""Layers of a visit without a browser: what a tap or a key makes of the drafts, and what 完成 would record."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import flet.canvas as cv
import pytest

from field_app.book import Book
from field_app.clock import CHINA
from field_app.kit import Kit
from field_app.pages import soil
from field_app.pages.draw import Layer, core
from field_app.pages.strip import drawn, pointer
from field_app.store import Seen
from field_app.visit import STEPS, Visit
from field_app.visit.digits import figure, typed
from schemas.fields import fields_of
from schemas.records import TYPES, check, missing
from schemas.reference import codes

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=CHINA)
PERSON, OTHER = "01900000-0000-7000-8000-00000000a003", "01900000-0000-7000-8000-00000000a004"
LAST = {"rig": "Geoprobe 7822DT", "method": "direct_push", "diameter_mm": "83", "casing": True, "lead_id": OTHER,
        "recorder_id": OTHER, "checker_id": OTHER, "backfill": "bentonite", "water_met": True}  # fmt: skip
CLAY = {"texture": "clay", "colour": "brown", "moisture": "moist", "density": "plastic", "odour": "petroleum"}
SAND = {"texture": "fine_sand", "colour": "yellow", "moisture": "damp", "density": "loose"}


class Bench:
    """A visit whose drafts are kept in a dict, as the store would."""

    def __init__(
        self, depth: str | None = "6.0", drafts: dict[str, tuple[str, dict[str, Any]]] | None = None, **book: Any
    ) -> None:
        self.ids, self.clock = itertools.count(1), NOON
        self.kept: dict[str, tuple[str, dict[str, Any]]] = drafts or {}
        known = Book(targets={}, visits={}, drafts={}, readings={}, samples={}, **book)
        plan = {"code": "S15", "role": "soil", "position": {"lon": "119.45", "lat": "32.2"}, "target_depth_m": depth}
        point = Seen(
            "point",
            self.id(),
            "x.field",
            0,
            {"code": "S15", "samplers": [PERSON], "started_at": NOON.isoformat()},
            "draft",
        )
        children = [
            Seen(type, id, "x.field", 0, values, "draft") for id, (type, values) in self.kept.items() if type != "point"
        ]
        self.visit = Visit(
            known,
            Seen("planned_point", self.id(), "x.field", 1, plan, "accepted"),
            point,
            children,
            self.keep,
            self.drop,
            self.id,
            self.now,
        )

    def id(self) -> str:
        return f"01900000-0000-7000-8000-{next(self.ids):012x}"

    def now(self) -> datetime:
        self.clock += timedelta(minutes=1)
        return self.clock

    def keep(self, type: str, record: str, values: dict[str, Any]) -> None:
        self.kept[record] = (type, dict(values))

    def drop(self, record: str) -> None:
        self.kept.pop(record)

    def type(self, text: str) -> None:
        for c in text:
            self.visit.depth_key(c)

    def layer(self, bottom: str, texture: str) -> None:
        self.type(bottom)
        self.visit.pick_soil(texture)
        self.visit.next_layer()

    def spans(self) -> list[tuple[int, str, str]]:
        return [(v["layer_no"], v["top_m"], v.get("bottom_m", "")) for _, v in self.visit.layers]


def three(**book: Any) -> Bench:
    b = Bench(**book)
    b.layer("0.6", "misc_fill")
    b.layer("2.1", "plain_fill")
    b.visit.pick_soil("silty_clay")
    b.visit.depth_key("bottom")
    return b


# --- one layer under the other ---------------------------------------------------------------------------------------


def test_two_taps_a_layer_and_every_key_is_kept() -> None:
    b = Bench()
    b.type("0")
    assert [v["bottom_m"] for t, v in b.kept.values() if t == "soil_layer"] == ["0"]
    b.type(".6")
    b.visit.pick_soil("misc_fill")
    assert {t for t, _ in b.kept.values()} == {"point", "borehole", "soil_layer"}
    b.visit.next_layer()
    b.layer("2.1", "plain_fill")
    assert b.visit.layer is None and (b.visit.layer_no, str(b.visit.layer_top)) == (3, "2.1")
    b.visit.pick_soil("silty_clay")
    b.visit.depth_key("bottom")
    assert b.spans() == [(1, "0", "0.6"), (2, "0.6", "2.1"), (3, "2.1", "6.0")]
    assert b.visit.at_bottom and b.visit.hole is not None and b.visit.hole[1]["depth_m"] == "6.0"
    again = Bench(drafts=b.kept)  # the process was killed
    assert again.spans() == b.spans()


def test_a_layer_begins_with_its_soil_too_and_the_depth_may_follow() -> None:
    b = Bench()
    b.visit.pick_soil("clay")
    assert b.spans() == [(1, "0", "")] and b.visit.layer_lacks()[0] == "bottom_m"
    b.type("1.5")
    assert b.spans() == [(1, "0", "1.5")]


def test_what_is_missing_is_told_and_the_layer_stays() -> None:
    b = Bench()
    b.visit.next_layer()
    assert b.visit.ui("layer_told") and b.visit.layer_lacks() == ["bottom_m", "texture"] and not b.visit.layers
    b.type("0.6")
    b.visit.next_layer()
    assert b.visit.layer is not None and b.visit.layer_stops() == ["texture"]
    b.visit.pick_soil("silt")
    b.visit.next_layer()  # how it looks may follow
    assert b.visit.layer is None
    b.visit.pick_soil("silt")
    b.visit.depth_key("bottom")
    assert b.visit.layers_next() == "looks"
    b.visit.finish_layer()
    assert b.visit.layer_no == 1 and b.visit.ui("layers_part") == "looks"
    for _ in range(2):
        for name, code in (("colour", "grey"), ("moisture", "damp"), ("density", "loose")):
            b.visit.set_layer(name, code)
        b.visit.finish_layer()
    assert b.visit.layers_next() == "hole"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("1.8", "shallow"), ("2.1", "shallow"), ("2.11", ""), ("2", ""), ("2.", ""), ("1", "shallow"), ("12", ""), ("201", "deep"), ("200", "")],
)  # fmt: skip
def test_a_wrong_depth_is_told_at_once_and_half_a_figure_left_in_peace(text: str, wrong: str) -> None:
    b = Bench()
    b.layer("2.1", "clay")
    b.visit.take_layer(None)
    b.type(text)
    assert b.visit.layer_bottom == text and b.visit.layer_wrong() == wrong


def test_half_a_figure_is_told_when_one_wants_to_go_on() -> None:
    b = Bench(soils={"clay": CLAY})
    b.layer("2.1", "clay")
    b.type("2")
    b.visit.pick_soil("clay")
    b.visit.next_layer()
    assert b.visit.layer is not None and b.visit.layer_wrong() == "shallow"


def test_tops_follow() -> None:
    b = three(soils={t: CLAY for t in ("misc_fill", "plain_fill", "silty_clay")})
    first, second, third = (id for id, _ in b.visit.layers)
    b.visit.take_layer(first)
    b.type("0.8")  # a new figure, not digits behind the old one
    assert b.spans() == [(1, "0", "0.8"), (2, "0.8", "2.1"), (3, "2.1", "6.0")]
    b.visit.remove_layer(second)
    assert b.spans() == [(1, "0", "0.8"), (2, "0.8", "6.0")] and second not in b.kept
    b.visit.insert_layer(third)
    assert b.spans() == [(1, "0", "0.8"), (2, "0.8", ""), (3, "0.8", "6.0")]
    b.type("1.5")
    assert b.spans() == [(1, "0", "0.8"), (2, "0.8", "1.5"), (3, "1.5", "6.0")]
    b.visit.depth_key("back")
    assert b.spans()[1:] == [(2, "0.8", "1."), (3, "1", "6.0")]


def test_the_last_layer_goes_and_the_hole_with_it_unless_it_was_written_on() -> None:
    b = Bench()
    b.type("1")
    b.visit.remove_layer(b.visit.layers[0][0])
    assert {t for t, _ in b.kept.values()} == {"point"} and b.visit.hole is None
    b.type("1")
    b.visit.set_hole("rig", "X")
    b.visit.remove_layer(b.visit.layers[0][0])
    assert b.visit.hole is not None and "depth_m" not in b.visit.hole[1]
    b.visit.remove_hole()
    assert {t for t, _ in b.kept.values()} == {"point"}


def test_the_bottom_of_the_hole() -> None:
    b = Bench(depth="6.0")
    b.visit.pick_soil("clay")
    b.type("4.4")
    assert not b.visit.at_bottom
    b.visit.depth_key("bottom")  # ended here: what was typed stays
    assert b.spans() == [(1, "0", "4.4")] and b.visit.at_bottom
    assert b.visit.hole is not None and "end_reason" not in b.visit.hole[1]  # has to be said
    b.visit.take_layer(None)
    assert not b.visit.at_bottom
    b.type("6")
    assert b.visit.at_bottom and b.visit.hole[1]["end_reason"] == "target"
    unplanned = Bench(depth=None)
    unplanned.visit.depth_key("bottom")
    assert unplanned.spans() == [] and not unplanned.visit.at_bottom


# --- what is filled in -----------------------------------------------------------------------------------------------


def test_what_goes_with_a_soil_comes_from_the_hole_then_the_project_then_the_layer_above() -> None:
    b = Bench(soils={"clay": CLAY, "fine_sand": SAND})
    b.layer("1", "clay")
    (first,) = b.visit.layers
    assert {n: first[1][n] for n in ("colour", "moisture", "density")} == {
        "colour": "brown",
        "moisture": "moist",
        "density": "plastic",
    }
    assert set(b.visit.auto(first[1])) == {"colour", "moisture", "density", "odour", "signs"}
    assert (first[1]["odour"], first[1]["signs"]) == ("none", ["none"])  # what was smelt elsewhere is not carried here
    b.visit.take_layer(first[0])
    b.visit.set_layer("colour", "grey")
    assert "colour" not in b.visit.auto(b.visit.layers[0][1])
    b.visit.take_layer(None)
    b.layer("2", "clay")
    assert b.visit.layers[1][1]["colour"] == "grey"  # of this hole
    b.layer("3", "fine_sand")
    assert b.visit.layers[2][1]["colour"] == "yellow"
    b.type("4")
    b.visit.pick_soil("gravel")  # never seen: as above, where that can be
    assert {n: b.visit.layers[3][1].get(n) for n in ("colour", "density")} == {"colour": "yellow", "density": "loose"}
    b.visit.pick_soil("mud")
    assert b.visit.layers[3][1].get("density") is None  # loose says nothing of mud
    assert b.visit.layers[3][1]["colour"] == "yellow"


def test_what_a_person_chose_is_not_changed_by_another_soil() -> None:
    b = Bench(soils={"clay": CLAY, "fine_sand": SAND})
    b.type("1")
    b.visit.set_layer("moisture", "dry")
    b.visit.pick_soil("clay")
    b.visit.pick_soil("fine_sand")
    values = b.visit.layers[0][1]
    assert (values["moisture"], values["colour"], values["density"]) == ("dry", "yellow", "loose")


def test_same_as_above() -> None:
    b = Bench(soils={"clay": CLAY})
    b.visit.depth_key("same")  # nothing above: as in the last point
    assert b.visit.layers[0][1]["texture"] == "clay"
    b.type("1")
    b.visit.set_layer("odour", "petroleum")
    b.visit.set_layer("odour_level", "clear")
    b.visit.next_layer()
    b.visit.depth_key("same")
    second = b.visit.layers[1][1]
    assert (second["texture"], second["odour"], second["odour_level"], second["top_m"]) == (
        "clay",
        "petroleum",
        "clear",
        "1",
    )
    assert "bottom_m" not in second and "texture" in b.visit.auto(second)


def test_signs_are_none_or_some() -> None:
    b = Bench()
    b.visit.toggle_sign("stain")
    b.visit.toggle_sign("slag")
    assert b.visit.layers[0][1]["signs"] == ["stain", "slag"]
    b.visit.toggle_sign("none")
    assert b.visit.layers[0][1]["signs"] == ["none"]
    b.visit.toggle_sign("slag")
    b.visit.toggle_sign("slag")
    assert b.visit.layers[0][1]["signs"] == ["none"]


def test_the_hole_is_filled_from_the_last_one_but_not_with_what_was_seen_there() -> None:
    b = three(last_hole=LAST)
    assert b.visit.hole is not None and b.visit.hole[1]["end_reason"] == "target"
    record, values = b.visit.hole
    assert (values["code"], values["rig"], values["method"], values["casing"]) == (
        "S15",
        LAST["rig"],
        "direct_push",
        True,
    )
    assert (values["lead_id"], values["recorder_id"]) == (OTHER, PERSON)  # who has the tablet writes the record
    assert b.visit.hole_lacks() == ["water_met", "backfill"]
    b.visit.set_hole("first_water_m", "3.2")
    assert b.visit.hole[1]["water_met"] is True and str(b.visit.water) == "3.2"
    b.visit.set_hole("water_met", False)
    assert "first_water_m" not in b.visit.hole[1]
    b.visit.set_hole("backfill", "cement")
    assert b.visit.hole_lacks() == [] and "rig" in b.visit.auto(b.visit.hole[1])
    b.visit.set_hole("depth_m", "7")
    b.visit.take_layer(b.visit.layers[0][0])
    b.type("0.7")
    assert b.visit.hole[1]["depth_m"] == "7"  # by hand: the layers do not change it any more


def test_the_next_thing() -> None:
    b = Bench(last_hole=LAST, soils={t: CLAY for t in ("misc_fill", "clay")})
    assert b.visit.layers_next() == "skip"
    b.layer("0.6", "misc_fill")
    assert b.visit.layers_next() == "layer"
    b.visit.pick_soil("clay")
    assert b.visit.layers_next() == "layer"
    b.visit.depth_key("bottom")
    assert b.visit.layers_next() == "hole"
    b.visit.set_hole("water_met", False)
    b.visit.set_hole("backfill", "bentonite")
    assert b.visit.layers_next() == "done" and b.visit.done("layers")


# --- into the records ------------------------------------------------------------------------------------------------


def whole() -> Bench:
    b = three(last_hole=LAST, soils={t: CLAY for t in ("misc_fill", "plain_fill", "silty_clay")})
    b.visit.set_hole("water_met", False)
    b.visit.set_hole("backfill", "bentonite")
    return b


def test_hole_and_layers_can_be_finished() -> None:
    b = whole()
    assert [g for g in b.visit.gaps() if g.step == "layers"] == []
    edits = [e for e in b.visit.edits() if e[0] in ("borehole", "soil_layer")]
    assert [t for t, _, _ in edits] == ["borehole", "soil_layer", "soil_layer", "soil_layer"]
    for type, _, values in edits:
        assert check(TYPES[type], values) == [] and missing(TYPES[type], values) == [], values
        assert not [n for n in values if n.startswith("_")]
        assert set(values) <= set(fields_of(TYPES[type]))


def test_a_figure_that_ends_in_a_dot_is_recorded_without_it() -> None:
    b = Bench()
    b.type("1.")
    assert [v["bottom_m"] for t, _, v in b.visit.edits() if t == "soil_layer"] == ["1"]


def test_a_gap_names_its_layer() -> None:
    b = Bench()
    b.type("1")
    b.visit.next_layer()
    wheres = {g.where for g in b.visit.gaps() if g.step == "layers"}
    assert ("土层 1", "Layer 1") in wheres and ("钻孔", "Borehole") in wheres


@pytest.mark.parametrize(
    ("top", "bottom", "layer"),
    [("0.0", "0.5", 1), ("1.5", "2.0", 2), ("1.8", "2.6", 3), ("2.1", "2.1", 2), ("5", "9", None)],
)
def test_a_sample_is_told_its_layer(top: str, bottom: str, layer: int | None) -> None:
    b = whole()
    b.visit.add(
        "sample", {"code": "S15-1", "kind": "ordinary", "medium": "soil", "depth_top_m": top, "depth_bottom_m": bottom}
    )
    (values,) = [v for t, _, v in b.visit.edits() if t == "sample"]
    expected = next((id for id, v in b.visit.layers if v["layer_no"] == layer), None)
    assert values.get("layer_id") == expected
    assert values.get("borehole_id") == (b.visit.hole[0] if layer and b.visit.hole else None)


def test_a_sample_of_water_and_one_without_a_hole_are_left_alone() -> None:
    b = whole()
    b.visit.add(
        "sample", {"code": "W", "kind": "ordinary", "medium": "groundwater", "depth_top_m": "1", "depth_bottom_m": "2"}
    )
    bare = Bench()
    bare.visit.add(
        "sample", {"code": "S", "kind": "ordinary", "medium": "soil", "depth_top_m": "1", "depth_bottom_m": "2"}
    )
    for visit in (b.visit, bare.visit):
        (values,) = [v for t, _, v in visit.edits() if t == "sample"]
        assert "layer_id" not in values and "borehole_id" not in values


# --- figures and the drawing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "text"),
    [(".", "0."), ("..", "0."), ("05", "5"), ("0.5", "0.5"), ("00", "0"), ("1.234", "1.23"), ("12345678", "123456"), ("1.2.3", "1.23")],
)  # fmt: skip
def test_typed(keys: str, text: str) -> None:
    now = ""
    for key in keys:
        now = typed(now, key, 6, 2)
    assert now == text


def test_typed_behind_a_sign() -> None:
    assert typed("<", ".", 7) == "<0." and typed("<0", "5", 7) == "<5" and typed("<5", "0", 7) == "<50"
    assert [figure(t) for t in ("", ".", "<5", None, "1.")][:4] == [None] * 4 and str(figure("1.")) == "1"


def test_every_soil_has_a_pattern_that_stays_in_its_layer() -> None:
    textures = list(codes("soil_texture"))
    assert set(soil.FIRST) <= set(textures)
    kinds = {tuple(soil.strokes(t, 0, 0, 60, 60)) for t in soil.FIRST}
    assert len(kinds) == len(soil.FIRST)  # the pattern alone tells them apart: in sunlight there is nothing else
    for texture in textures:
        ends = soil.strokes(texture, 30, 20, 46, 33)
        assert ends and len(ends) % 2 == 0
        assert all(30 <= x <= 76 and 20 <= y <= 53 for x, y in ends), texture


@pytest.mark.parametrize("bars", [False, True])
@pytest.mark.parametrize("theme", ["light", "dark", "sun"])
def test_the_core_says_and_draws_layers_water_and_samples(bars: bool, theme: str) -> None:
    k = Kit(name=theme)
    b = whole()
    b.visit.set_hole("first_water_m", "3.2")
    shown = drawn(k, b.visit)
    assert [(s.top, s.bottom, s.word) for s in shown] == [
        (0.0, 0.6, "杂填土"),
        (0.6, 2.1, "素填土"),
        (2.1, 6.0, "粉质黏土"),
    ]
    control = core(k, 200 if bars else 92, 500, 6.0, [(0.5, "642", None)], [(1.5, 2.0)], pointer(b.visit), bars, analyte="Ni",
                   layers=shown, water=3.2)  # fmt: skip
    assert control.label == (
        "土柱 计划 6 m；杂填土 0–0.6 m；素填土 0.6–2.1 m；粉质黏土 2.1–6 m；水位 3.20 m；样品 1.5–2 m；Ni 0.5 m 642"
    )
    shapes = control.content.shapes  # type: ignore[union-attr]
    patterns = [s for s in shapes if isinstance(s, cv.Points) and s.point_mode == cv.PointMode.LINES]
    assert len(patterns) == 3  # one shape a layer
    fills = {
        s.paint.color
        for s in shapes
        if isinstance(s, cv.Rect) and s.paint.color in (soil.colour(k, t) for t in soil.FIRST)
    }
    assert len(fills) == (1 if theme == "sun" else 3)


def test_a_core_of_nothing_and_a_very_deep_one() -> None:
    k = Kit()
    assert core(k, 92, 400, 6.0, [], [], None, False).label == "土柱 计划 6 m"
    deep = core(k, 92, 400, 6.0, [], [], None, False, layers=[Layer(0, 200, "rock", "基岩")])
    ticks = [s for s in deep.content.shapes if isinstance(s, cv.Text)]  # type: ignore[union-attr]
    assert len(ticks) < 15


def test_layers_come_between_position_and_readings() -> None:
    assert STEPS[:3] == ("position", "layers", "readings")


# --- readings on the same pad ----------------------------------------------------------------------------------------

XRF = Seen("instrument", "01900000-0000-7000-8000-00000000a007", "o.organisation", 1,
           {"kind": "xrf", "model": "Vanta", "lod_default": [{"analyte": "Ni", "unit": "mg_kg", "lod": "8"}, {"analyte": "Hg", "unit": "mg_kg"}]},
           "accepted")  # fmt: skip


def reading(keys: list[str]) -> tuple[Visit, dict[str, Any]]:
    b = Bench(instruments=(XRF,), site={"standard": "gb36600_1", "land_use": "r1"})
    for key in keys:
        b.visit.key(key)
    return b.visit, next(iter(b.visit.readings.values()), {})


@pytest.mark.parametrize(
    ("keys", "text", "value", "lod"),
    [
        (list("642"), "642", "642", None), (["."], "0.", None, None), (list("0."), "0.", None, None), (list("0.0"), "0.0", "0.0", None),
        (["0"], "0", "0", None), (list("05"), "5", "5", None), (list("1.23456"), "1.2345", "1.2345", None),
        (list("123456789"), "1234567", "1234567", None), (list("1..5"), "1.5", "1.5", None), (["nd"], "<8", None, "8"),
        (["nd", "5"], "5", "5", None), (["nd", "back"], "<", None, None), (["nd", "back", "0"], "<0", None, None),
        (["nd", "back", "0", "."], "<0.", None, None), (["nd", "back", "0", ".", "5"], "<0.5", None, "0.5"),
    ],
)  # fmt: skip
def test_a_reading_is_what_was_typed_or_not_yet_one(
    keys: list[str], text: str, value: str | None, lod: str | None
) -> None:
    visit, values = reading(keys)
    assert visit.text("Ni") == text and (values.get("value"), values.get("lod")) == (value, lod)
    if value is None and lod is None:  # half a figure is no reading, and 完成 says so
        assert visit.judged("Ni") is None and any(g.step == "readings" for g in visit.gaps())
    recorded = next(v for t, _, v in visit.edits() if t == "field_reading")
    assert "_text" not in recorded


def test_the_last_digit_taken_back_takes_the_reading_back() -> None:
    visit, values = reading(["6", "back"])
    assert values == {} and visit.text("Ni") == ""


def test_repeat_takes_the_nearest_depth_above_and_never_empties() -> None:
    visit, _ = reading(list("642"))
    visit.key("same")
    assert visit.text("Ni") == "642"  # nothing above: what was typed stays
    visit.move(3)
    visit.key("same")
    assert (str(visit.depth), visit.text("Ni")) == ("2.0", "642")
    visit.key("7")  # a new figure, not a digit behind the old one
    assert visit.text("Ni") == "7"


def test_a_corrected_figure_keeps_its_time() -> None:
    b = Bench(instruments=(XRF,), site={})
    b.visit.key("6")
    (first,) = (v["at"] for v in b.visit.readings.values())
    b.visit.key("4")
    b.visit.key("back")
    assert [v["at"] for v in b.visit.readings.values()] == [first]
    b.visit.pick("Ni")
    b.visit.key("7")  # measured again
    assert [v["at"] for v in b.visit.readings.values()] != [first]


def test_back_leads_from_a_face_to_the_pad_and_then_to_the_steps() -> None:
    b = Bench()
    b.visit.set_ui(step="layers", layers_part="hole")
    b.visit.up()
    assert (b.visit.ui("step"), b.visit.ui("layers_part")) == ("layers", None)
    b.visit.up()
    assert b.visit.ui("step") is None


def test_a_point_of_the_surface_alone_wants_no_hole() -> None:
    b = Bench()
    assert b.visit.drilled
    b.visit._planned = b.visit._planned._replace(values={**b.visit.planned, "role": "surface_only"})
    assert not b.visit.drilled
