"""Readings by depth for the drawings: the same judgement as R04, over whatever is wrong with a reading."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from schemas.rules.reconcile import Facts, run
from schemas.rules.reconcile.profile import Measured, measured, worst_analyte
from tests.unit.factory import World


def at_depth(w: World, id: str, value: Any, depth: Any = 1, code: str = "S01", **values: Any) -> None:
    w.add("field_reading", id, **{"borehole_id": f"h:{code}", "depth_top_m": depth, "value": value, **values})


def world(*codes: str) -> World:
    w = World()
    for n, code in enumerate(codes or ("S01",)):
        w.both(code, n * 10)
        w.add("borehole", f"h:{code}", point_id=f"v:{code}", code=code)
    return w


def found(facts: Facts, key: str = "arsenic") -> list[Measured]:
    return list(measured(facts, key, facts.places))


CASES: list[tuple[dict[str, Any], str]] = [  # arsenic, class 2: screening 60, intervention 140 mg/kg
    ({"value": 60}, "below"),
    ({"value": "60.1"}, "above_screening"),
    ({"value": 140}, "above_screening"),
    ({"value": "140.1"}, "above_intervention"),
    ({"value": None, "qualifier": "nd", "lod": 5}, "below"),
    ({"value": None, "qualifier": "nd", "lod": 900}, "cannot_say"),
    ({"value": 90, "qualifier": "gt"}, "above_screening"),
    ({"value": 5, "qualifier": "gt"}, "cannot_say"),
    ({"value": 90, "qualifier": "est"}, "above_screening"),
    ({"value": 90_000, "unit": "ug_kg"}, "above_screening"),
    ({"value": 90, "unit": "ppm_ib"}, "cannot_say"),
    ({"value": 90, "unit": "of a newer version"}, "cannot_say"),
]


@pytest.mark.parametrize(("values", "state"), CASES)
def test_states(values: dict[str, Any], state: str) -> None:
    w = world()
    at_depth(w, "r1", values.pop("value"), **values)
    (m,) = found(w.facts())
    assert m.state == state and m.depth == 1


def test_what_has_no_place_in_the_drawing() -> None:
    w = world()
    at_depth(w, "pid", 300, method="pid", parameter="PID", unit="ppm_ib")
    at_depth(w, "other", 300, parameter="Pb")
    at_depth(w, "nowhere", 300, depth=None)
    at_depth(w, "gone", 300, deleted=True, void_reason="x")
    assert found(w.facts()) == []
    w.add("site", "site", standard=None)
    at_depth(w, "r1", 300)
    assert [m.state for m in found(w.facts())] == ["cannot_say"]


def test_depth_of_a_sample_and_the_middle_of_an_interval() -> None:
    w = world()
    w.add("sample", "S01-1", depth_top_m=2, depth_bottom_m=3)
    at_depth(w, "r1", 61, borehole_id=None, sample_id="S01-1", depth=None)
    at_depth(w, "r2", 61, depth="0.5", depth_bottom_m="1.5")
    at_depth(w, "r3", 61, depth=4, depth_bottom_m=3)  # upside down: what is drawn stays where it says it begins
    assert [(m.depth, m.middle) for m in sorted(found(w.facts()), key=lambda m: m.depth)] == [
        (Decimal("0.5"), Decimal("1.0")), (2, 2), (4, 4)
    ]  # fmt: skip


def test_the_worst_is_that_of_the_findings() -> None:
    """Over random readings: the worst of the drawing is the finding R04, and there is none where there is no finding."""
    rng = random.Random(7)
    for _ in range(40):
        w = world("S01", "S02", "S03")
        for n in range(rng.randint(1, 12)):
            value = rng.choice((None, 5, 59, 60, 61, 139, 141, 700))
            qualifier = "nd" if value is None else rng.choice(("eq", "eq", "est", "gt"))
            at_depth(w, f"r{n}", value, rng.randint(0, 5), rng.choice(("S01", "S02", "S03")), qualifier=qualifier,
                     lod=rng.choice((4, 900)) if value is None else None, unit=rng.choice(("mg_kg", "mg_kg", "ug_kg")))  # fmt: skip
        facts = w.facts()
        worst: dict[str, Measured] = {}
        for m in found(facts):
            if m.state.startswith("above") and (m.place.code not in worst or m.rank > worst[m.place.code].rank):
                worst[m.place.code] = m
        told = {f.point_code: f.figures for f in run(facts).by_check["R04"] if f.missing is None}
        assert {c: m.state == "above_intervention" for c, m in worst.items()} == {
            c: f["severe"] for c, f in told.items()
        }
        for code, m in worst.items():
            assert m.limit is not None
            assert (m.limit.screening, m.limit.intervention) == (
                told[str(code)]["limit"],
                told[str(code)]["intervention"],
            )
            assert m.figure == told[str(code)]["value"] or m.reading.unit != told[str(code)]["unit"]


def test_the_worst_analyte() -> None:
    w = world("S01", "S02")
    assert worst_analyte(w.facts(), w.facts().places) is None

    def chosen() -> str | None:
        facts = w.facts()
        best = worst_analyte(facts, facts.places)
        return best.key if best else None

    at_depth(w, "r1", 5)
    assert chosen() == "arsenic"
    at_depth(w, "r2", 2000, code="S02", parameter="Pb")  # screening 800: 2.5 times
    assert chosen() == "lead"
    at_depth(w, "r3", 119)  # arsenic 1.98 times screening
    assert chosen() == "lead"
    at_depth(w, "r4", 141)  # above intervention by little is worse than above screening by much
    assert chosen() == "arsenic"
