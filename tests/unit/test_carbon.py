"""Carbon of the haulage: t·km by the route or the odometer, the factor of the class, and what is not known stays so."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas.reference import codes, table
from schemas.rules.carbon import ROW_OF, Carbon, carbon, factor_of, factors
from schemas.rules.manifest.mass import Range
from tests.unit.factory import DEFAULTS, World, at, uid
from tests.unit.test_reconcile_transfer import add, load

PLACE = DEFAULTS["transfer_plan"]["receivers"][0]
ISSUED, HOME = ("issued", at("09:00"), 35), ("received", at("10:00"), 34.9)


def hauled(*legs: tuple[Any, ...], km: float | None = 40, vehicle: str | None = "t4_31") -> World:
    w = load(*legs, plan={"receivers": [{**PLACE, "route_km": km}]})
    if vehicle is None:
        w.records["vehicle"].clear()
    else:
        w.add("vehicle", "truck", vehicle_class=vehicle)
    return w


def r(low: str, high: str | None) -> Range:
    return Range(Decimal(low), None if high is None else Decimal(high))


CASES: list[tuple[str, World, Range | None, Range | None, list[str]]] = [
    ("received: what came, 40 km", hauled(ISSUED, HOME), r("796", "796"), r("102.684", "102.684"), []),
    ("another class, another factor", hauled(ISSUED, HOME, vehicle="s6_49"), r("796", "796"), r("62.088", "62.088"), []),
    ("on the road: up to all of it", hauled(ISSUED, ("departed", at("09:05"))), r("0", "800"), r("0", "103.2"), ["重量未定"]),
    ("turned away: there", hauled(ISSUED, ("rejected", at("10:00"))), r("800", "800"), r("103.2", "103.2"), []),
    ("turned away: there and back", hauled(ISSUED, ("rejected", at("10:00")), ("returned", at("11:00"), 34)), r("1560", "1560"),
     r("201.24", "201.24"), []),
    ("distance not known", hauled(ISSUED, HOME, km=None), None, None, ["里程未知"]),
    ("a barge has no factor", hauled(ISSUED, HOME, vehicle="barge"), r("796", "796"), None, ["该车型没有因子"]),
    ("vehicle not known", hauled(ISSUED, HOME, vehicle=None), r("796", "796"), None, ["车辆未知"]),
    ("weight not known", hauled(("departed", at("09:00")), ("received", at("10:00"))), r("0", None), r("0", None), ["重量未定"]),
]  # fmt: skip


def of(w: World) -> Carbon:
    return carbon(w.facts())


@pytest.mark.parametrize(("name", "w", "t_km", "kg", "unknown"), CASES, ids=[c[0] for c in CASES])
def test_one_load(name: str, w: World, t_km: Range | None, kg: Range | None, unknown: list[str]) -> None:
    (haul,) = of(w).hauls
    assert (haul.t_km, haul.kg, [u.zh for u in haul.unknown]) == (t_km, kg, unknown)
    total = of(w).total  # a sum with something unknown in it has no upper end, and no false zero
    assert total.kg == (kg or r("0", None)) and bool(total.unknown) == bool(unknown)


def test_the_odometer_goes_before_the_plan() -> None:
    w = hauled(ISSUED)
    w.leg("m1", "departed", at("09:05"), odometer_km=120_000)
    w.leg("m1", "arrived", at("09:55"), odometer_km=120_052)
    w.leg("m1", "received", at("10:00"), 35)
    (haul,) = of(w).hauls
    assert (haul.km, haul.measured, haul.t_km) == (52, True, r("1040", "1040"))
    w.leg("m1", "arrived", at("09:55"), odometer_km=119_000)  # turned back, or read wrongly
    assert of(w).hauls[0].km == 40 and not of(w).hauls[0].measured


def test_sums_and_their_factors() -> None:
    w = hauled(ISSUED, HOME)
    w.add("soil_lot", "lot", code="JK1")
    add(w, "m2", "20263201000002", ISSUED, ("departed", at("09:05")))
    add(w, "m3", "20263201000003", ISSUED, ("voided", at("09:05")))
    made = of(w)
    assert [(s.name, s.loads, s.t_km) for s in (*made.by_plan, *made.by_lot)] == [
        ("ZY1", 2, r("796", "1596")),
        ("JK1", 2, r("796", "1596")),
    ]
    assert made.by_lot[0].unknown == ["重量未定：20263201000002"]
    (used,) = made.factors
    assert (used.value, used.version, used.mark) == (Decimal("0.129"), "2019", "K") and used.source.zh.endswith(
        "（待核）"
    )
    assert uid("m3") not in {h.manifest for h in made.hauls}


def test_every_row_is_of_a_version_and_a_mark() -> None:
    assert {r["code"]: r["value"] for r in table("factors")} == {
        "petrol_2": "0.334", "petrol_8": "0.115", "diesel_2": "0.286", "diesel_8": "0.179", "diesel_10": "0.162", "diesel_18": "0.129",
        "diesel_30": "0.078", "diesel_46": "0.057",
    }  # fmt: skip
    assert all(f.version and f.mark in ("C2", "K") for f in factors().values())
    assert set(ROW_OF) <= set(codes("vehicle_class")) and {c for c in codes("vehicle_class") if not factor_of(c)} == {
        "barge",
        "wagon",
        "car",
    }
