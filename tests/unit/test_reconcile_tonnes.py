"""Checks T04, T10 and T14: tonnes against the pit, the receiver's account and its capacity; and the lines of the balance."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from schemas.rules.manifest.alarms import alarms
from schemas.rules.manifest.balance import balance
from schemas.rules.manifest.mass import Range
from schemas.rules.reconcile import DeviceSeen, run
from tests.unit.factory import NOW, World, at, uid
from tests.unit.test_reconcile_transfer import NO, add, load

ENDED = {"to_date": date(2026, 9, 20)}


def pit(
    net: float | None, plan: dict[str, Any] | None = None, project: dict[str, Any] | None = None, **lot: Any
) -> World:
    """A pit of 10 m³ (bank) at 1.6 t/m³, that is 16 t, of which a load of so much came to the receiver."""
    legs = [("issued", at("09:00"), net and net + 15), ("received", at("10:00"), net and net + 15)]
    w = load(*legs, plan={"lots": ["lot"], **(plan or {})}, project=project)
    w.add("soil_lot", "lot", **{"code": "JK1", "volume_m3": 10, "volume_kind": "bank", "density_t_m3": 1.6, **lot})
    w.add("organisation", "kiln", name="Kiln Ltd", roles=["receiver"])
    return w


def accounted(net: float, mass: float, stock: float, *later: tuple[Any, ...], **kw: Any) -> World:
    w = pit(net, **kw)
    w.add("disposal_record", "d1", receiver_id="kiln", lot_code="H1", from_date=date(2026, 9, 1), to_date=date(2026, 9, 21), mass_t=mass,
          stock_t=stock, way="cement_kiln")  # fmt: skip
    if later:
        add(w, "m2", "20263201000002", *later)
    return w


def may_take(net: float, capacity: float, *more: tuple[Any, ...]) -> World:
    w = pit(net)
    plan = w.records["transfer_plan"][uid("transfer-plan")]
    plan.receivers[0].capacity_t = Decimal(str(capacity))  # type: ignore[attr-defined]
    if more:
        add(w, "m2", "20263201000002", *more)
    return w


CASES: list[tuple[str, str, World, list[str]]] = [
    ("T04", "110 % while it goes on", pit(17.6), []),
    ("T04", "over 110 %", pit(17.7), ["warning 土方单元 JK1 实测 10 m³（实方），出场 17.7 t 按密度 1.6 t/m³ 折 11.1 m³"]),
    ("T04", "loose volume says so", pit(30, volume_kind="loose"),
     ["warning 土方单元 JK1 实测 10 m³（松方），出场 30 t 按密度 1.6 t/m³ 折 18.8 m³"]),
    ("T04", "the project allows more", pit(17.7, project={"lot_pct": 20}), []),
    ("T04", "little, but not at its end", pit(2), []),
    ("T04", "little, and all is over", pit(2, ENDED), ["warning 土方单元 JK1 实测 10 m³（实方），出场 2 t 按密度 1.6 t/m³ 折 1.2 m³"]),
    ("T04", "90 % at the end", pit(14.4, ENDED), []),
    ("T04", "density of no soil", pit(2, density_t_m3=2.3), ["warning 土方单元 JK1 密度 2.3 t/m³ 不在 1.2–2.2 t/m³ 内"]),
    ("T04", "not surveyed", pit(2, volume_m3=None), ["unknown 「吨位与方量不符」无法判断：缺测量方量"]),
    ("T04", "density not known", pit(2, density_t_m3=None), ["unknown 「吨位与方量不符」无法判断：缺密度"]),
    ("T04", "weight not known", pit(None), ["unknown 「吨位与方量不符」无法判断：缺未定车次的重量"]),
    ("T04", "lot not here", load(("issued", at("09:00"), 35), ("received", at("10:00"), 35)), ["unknown 「吨位与方量不符」无法判断：缺土方单元"]),
    ("T10", "nothing accounted for", pit(80), []),
    ("T10", "1 %", accounted(80, 70, 9.2), []),
    ("T10", "over 1 % missing", accounted(80, 70, 9.1),
     ["warning Kiln Ltd 截至 2026-09-21 接收 80 t，已处置 70 t，库存 9.1 t，差 0.9 t"]),
    ("T10", "over 1 % too much", accounted(80, 70, 10.9),
     ["warning Kiln Ltd 截至 2026-09-21 接收 80 t，已处置 70 t，库存 10.9 t，差 -0.9 t"]),
    ("T10", "the project allows more", accounted(80, 70, 9.1, project={"receiver_pct": 2}), []),
    ("T10", "turned away is not in", accounted(80, 70, 10, ("issued", at("09:00"), 30), ("rejected", at("09:50"))), []),
    ("T10", "a load on the road", accounted(80, 70, 20, ("issued", at("09:00"), 30), ("departed", at("09:10"))),
     ["unknown 「接收方不平衡」无法判断：缺未定车次的接收量"]),
    ("T10", "more than can be on the road", accounted(80, 70, 40, ("issued", at("09:00"), 30), ("departed", at("09:10"))),
     ["warning Kiln Ltd 截至 2026-09-21 接收 80–95.3 t，已处置 70 t，库存 40 t，差 -14.7 t"]),
    ("T10", "came after the account", accounted(80, 70, 10, ("issued", at("08:00", 1), 30), ("received", at("10:00", 1), 30)), []),
    ("T14", "just what it may take", may_take(80, 80), []),
    ("T14", "more", may_take(80.1, 80), ["error Kiln Ltd（Kiln）已接收 80.1 t，可接收 80 t"]),
    ("T14", "more if the rest arrives", may_take(80, 90, ("issued", at("09:00"), 30)), ["unknown 「超接收能力」无法判断：缺未接收车次的重量"]),
]  # fmt: skip


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check: str, name: str, w: World, expected: list[str]) -> None:
    assert [f"{f.severity} {f.zh}" for f in run(w.facts()).by_check[check]] == expected


def r(low: float, high: float | None = None) -> Range:
    return Range(Decimal(str(low)), Decimal(str(low if high is None else high)))


def several() -> World:
    """Received whole, on the road, turned away and back, voided: 20 t each; two trucks, two days."""
    w = load(
        ("issued", at("09:00"), 35), ("departed", at("09:05")), ("received", at("10:00"), 34.9), plan={"mass_t": 100}
    )
    w.add("vehicle", "truck-2", plate="B2")
    w.add("soil_lot", "lot", code="JK1", volume_m3=100, volume_kind="bank", density_t_m3=1.6)
    add(w, "m2", "20263201000002", ("issued", at("09:00"), 35), ("departed", at("09:05")), vehicle_id="truck-2")
    add(
        w, "m3", "20263201000003", ("issued", at("11:00"), 35), ("rejected", at("12:00")), ("returned", at("13:00"), 35)
    )
    add(w, "m4", "20263201000004", ("issued", at("14:00"), 35), ("voided", at("14:05")))
    w.add("manifest", "m5", number="20263201000005", issued_at=at("09:00", -1), vehicle_id="truck-2")
    return w


def test_lines_of_the_balance() -> None:
    b = balance(several().facts(devices=[DeviceSeen("d1", "T1", NOW, 3), DeviceSeen("d2", "T2", NOW, 0)]))
    assert [t.manifest.number[-1] for t in b.trips] == ["1", "2", "3", "4", "5"]
    assert (b.total.loads, b.total.on_road, b.total.weighed) == (4, 1, 1) and b.total.lost_t == Decimal("0.1")
    assert b.total.out == Range(Decimal(60), None) and b.total.came == Range(
        Decimal("19.9"), None
    )  # of one no leg has come
    assert b.total.unknown == ["未见接收：20263201000002、20263201000005", "环节未到：20263201000005"]
    assert b.total.unknown_en[1] == "no leg has come: 20263201000005"
    assert b.unheard == ["T1"]
    by_truck = {line.name: line for line in b.by_vehicle}
    assert by_truck["A12345"].out == r(40) and by_truck["A12345"].came == r(19.9) and by_truck["A12345"].back == r(20)
    assert by_truck["A12345"].gone == r(20) and not by_truck["A12345"].unknown
    days = {line.name: line for line in b.by_day}
    assert list(days) == ["2026-09-20", "2026-09-21"]
    assert days["2026-09-21"].came == r(19.9, 40.2) and days["2026-09-20"].came == Range(Decimal(0), None)
    (plan,) = b.by_plan
    assert (plan.name, plan.planned_t, plan.limit_t, plan.fit) == ("ZY1", 100, 110, "cannot")
    (lot,) = b.by_lot
    assert lot.volume is not None and lot.volume.low == Decimal("12.5") and lot.volume.high is None  # 20 t at least
    assert (lot.volume_kind, lot.fit) == ("bank", "cannot")


def test_alarms_are_the_findings_of_the_checks() -> None:
    w = load(("issued", at("09:00"), 47), ("departed", at("09:05")))
    add(w, "m2", "20263201000002", ("issued", at("06:00"), 35), ("received", at("07:00"), 30), vehicle_id="other")
    facts = w.facts()
    found = alarms(facts, facts.now)
    assert [(a.code, a.manifest == uid("m1"), a.severity) for a in found] == [
        ("not_in_plan", False, "error"), ("off_weight", False, "error"), ("overdue", True, "error"), ("overweight", True, "warning"),
    ]  # fmt: skip
    assert found[2].since == at("10:35") and NO in found[2].zh and NO in found[2].en
    assert {a.zh for a in found} == {
        f.zh for f in run(facts).findings if f.check.startswith("T") and f.severity in ("error", "warning")
    }
    assert not [a for a in alarms(facts, at("09:30")) if a.code == "overdue"]  # as of another moment
