"""Transfer checks T01–T03, T05–T09 (the others: test_reconcile_tonnes, test_reconcile_legs) and the state of a manifest, whatever the order of its legs."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from schemas.records.manifest_leg import ManifestLeg
from schemas.rules.manifest import manifest_state, trip
from schemas.rules.reconcile import run
from tests.unit.factory import World, at, fix, record

HOME = ("received", at("10:00"))


def load(*legs: tuple[Any, ...], plan: dict[str, Any] | None = None, project: dict[str, Any] | None = None,
         **manifest: Any) -> World:  # fmt: skip
    """One manifest with legs (kind, time[, gross weight]); the plan expects 60 min on the road."""
    w = World()
    w.add("project", **(project or {}))
    w.add("transfer_plan", "transfer-plan", **(plan or {}))
    w.add("vehicle", "truck")
    add(w, "m1", "20263201000001", *legs, **manifest)
    return w


def add(w: World, id: str, number: str, *legs: tuple[Any, ...], **manifest: Any) -> World:
    w.add("manifest", id, number=number, **manifest)
    for leg in legs:
        w.leg(id, *leg)
    return w


def weighed(out: float, came: float | None, **kw: Any) -> World:
    return load(("issued", at("09:00"), out), ("received", at("10:00"), came), **kw)


def pair(second: str, plate: str = "truck", *end: Any) -> World:
    w = load(("issued", at("09:00")), *end)
    w.add("vehicle", "truck-2", plate="A12345" if plate == "twin" else "B1")
    vehicle = {"truck": "truck", "twin": "truck-2", "other": "truck-2"}[plate]
    return add(w, "m2", "20263201000002", ("issued", at(second)), vehicle_id=vehicle)


def received_at(east: float, **kw: Any) -> World:
    w = load(**kw)
    w.add("manifest_leg", "l", kind="issued", at=at("09:00"))
    w.add("manifest_leg", "l2", kind="received", at=at("10:00"), position=fix(east))
    return w


LEFT = ("departed", at("16:30"))  # 1.5 h before now
FILED = {"authority_id": "org", "submitted_at": at("08:00", -9), "receipt_no": "1"}


def filed(origin: Any, destination: Any, **plan: Any) -> World:
    pairs = (("origin", origin), ("destination", destination))
    filings = [{**FILED, "side": side, "accepted_at": when} for side, when in pairs if when]
    return load(("departed", at("09:00")), plan={"filings": filings, **plan})


NO = "20263201000001"
CASES: list[tuple[str, str, World, list[str]]] = [
    ("T01", "1.5 h of 60 min", load(LEFT), []),
    ("T01", "1.5 h and 1 min", load(("departed", at("16:29"))), [f"error 联单 {NO} 开出 1.5 h 未接收，预计 60 min"]),
    ("T01", "received", load(("departed", at("08:00")), ("received", at("09:00"))), []),
    ("T01", "received with difference", load(("departed", at("08:00")), ("received_difference", at("09:00"))), []),
    ("T01", "rejected", load(("departed", at("08:00")), ("rejected", at("09:00"))), []),
    ("T01", "arrived is not received", load(("departed", at("08:00")), ("arrived", at("09:00"))),
     [f"error 联单 {NO} 开出 10 h 未接收，预计 60 min"]),
    ("T01", "issued only", load(("issued", at("16:00"))), [f"error 联单 {NO} 开出 2 h 未接收，预计 60 min"]),
    ("T01", "voided", load(("issued", at("08:00")), ("voided", at("08:10"))), []),
    ("T01", "no legs yet", load(), []),
    ("T01", "lost", load(("departed", at("17:59", -1))), [f"error 联单 {NO} 开出 24 h 仍未接收，视为失联"]),
    ("T01", "receiver not in the plan", load(("departed", at("08:00")), receiver_id="other"),
     ["unknown 「联单未接收」无法判断：缺转运计划中该去向的预计运输时间"]),
    ("T01", "lost, whatever the plan says", load(("departed", at("08:00", -2)), receiver_id="other"),
     [f"error 联单 {NO} 开出 58 h 仍未接收，视为失联"]),
    ("T01", "the project waits longer", load(("departed", at("16:01")), project={"overdue_factor": 2}), []),
    ("T01", "the project calls it lost sooner", load(("departed", at("13:59")), project={"lost_h": 4}),
     [f"error 联单 {NO} 开出 4 h 仍未接收，视为失联"]),
    # 20 t net: 1 % = 0.2 t, so 0.3 t decides; 40 t net: 0.4 t
    ("T02", "0.3 t light of 20", weighed(35, 34.7), []),
    ("T02", "0.301 t light of 20", weighed(35, 34.699), [f"error 联单 {NO} 少 0.301 t（1.5 %）：出 20 t，进 19.699 t"]),
    ("T02", "0.301 t heavy", weighed(35, 35.301), [f"error 联单 {NO} 多 0.301 t（1.5 %）：出 20 t，进 20.301 t"]),
    ("T02", "0.4 t light of 40", weighed(55, 54.6), []),
    ("T02", "0.401 t light of 40", weighed(55, 54.599), [f"error 联单 {NO} 少 0.401 t（1 %）：出 40 t，进 39.599 t"]),
    ("T02", "the project allows more", weighed(35, 34.5, project={"mass_abs_t": 0.5}), []),
    ("T02", "the project allows less", weighed(35, 34.75, project={"mass_abs_t": 0.1}),
     [f"error 联单 {NO} 少 0.25 t（1.2 %）：出 20 t，进 19.75 t"]),
    ("T02", "not weighed on arrival", weighed(35, None), ["unknown 「进出重量不符」无法判断：缺接收过磅"]),
    ("T02", "still on the road", load(("issued", at("09:00"), 35)), []),
    ("T03", "110 %", weighed(37, 37, plan={"mass_t": 20}), []),
    ("T03", "over 110 %", weighed(37.1, 37.1, plan={"mass_t": 20}), ["error 转运计划 ZY1 已接收 22.1–22.1 t，计划 20 t"]),
    ("T03", "the project allows more", weighed(37.1, 37.1, plan={"mass_t": 20}, project={"plan_over_pct": 12}), []),
    ("T03", "over if the rest arrives", load(("issued", at("09:00"), 37.1), plan={"mass_t": 20}),
     ["unknown 「超计划转运量」无法判断：缺未接收车次的重量"]),
    ("T03", "rejected loads do not count", load(("issued", at("09:00"), 37.1), ("rejected", at("10:00")), plan={"mass_t": 20}), []),
    ("T05", "one after the other", pair("10:00", "truck", HOME), []),
    ("T05", "before the first is received", pair("09:59", "truck", HOME), [f"error A12345 同时有联单 {NO} 与 20263201000002"]),
    ("T05", "another truck", pair("09:30", "other", HOME), []),
    ("T05", "the same plate in two vehicle records", pair("09:30", "twin", HOME), [f"error A12345 同时有联单 {NO} 与 20263201000002"]),
    ("T05", "the first never received", pair("17:00"), [f"error A12345 同时有联单 {NO} 与 20263201000002"]),
    ("T05", "the first voided", pair("17:00", "truck", ("voided", at("09:05"))), []),
    ("T06", "both filed before", filed(at("09:00"), at("08:00")), []),
    ("T06", "origin a minute late", filed(at("09:01"), at("08:00")),
     ["error 转运计划 ZY1 首车 2026-09-21 09:00 早于 2026-09-21 09:01（移出地）"]),
    ("T06", "destination not filed", filed(at("08:00"), None), ["error 转运计划 ZY1 首车 2026-09-21 09:00 起运，尚无接收地备案回执"]),
    ("T06", "before the first day", filed(at("08:00"), at("08:00"), from_date=at("08:00", 1).date()),
     ["error 转运计划 ZY1 首车 2026-09-21 09:00 早于 2026-09-22 00:00（计划开始日期）"]),
    ("T06", "plan not here", load(LEFT, plan_id="elsewhere"), ["unknown 「未备案先起运」无法判断：缺转运计划"]),
    ("T07", "as planned", load(LEFT), []),
    ("T07", "another truck", load(LEFT, plan={"vehicles": ["b"]}), [f"error 联单 {NO} 车辆 A12345 不在计划内"]),
    ("T07", "another receiver", load(LEFT, receiver_id="other", receiver_place="Tip"), [f"error 联单 {NO} 接收单位 Tip 不在计划内"]),
    ("T07", "unloaded 200 m away", received_at(20200), []),
    ("T07", "unloaded 210 m away", received_at(20210), [f"error 联单 {NO} 接收位置距计划场所 210 m"]),
    ("T07", "the project allows more", received_at(20290, project={"unloading_m": 300}), []),
    ("T07", "plan not here", load(LEFT, plan_id="elsewhere"), ["unknown 「计划外车辆或去向」无法判断：缺转运计划"]),
    ("T08", "31 t on four axles", load(("issued", at("09:00"), 31)), []),
    ("T08", "31.01 t", load(("issued", at("09:00"), 31.01)), [f"warning 联单 {NO} 毛重 31.01 t 超过 31 t"]),
    ("T08", "vehicle not here", load(("issued", at("09:00"), 40), vehicle_id="x"), ["unknown 「超载」无法判断：缺车辆记录"]),
]  # fmt: skip


def tare(reference: float | None, **kw: Any) -> World:
    w = load(("issued", at("09:00"), 30), **kw)
    w.add("vehicle", "truck", tare_ref_t=reference)
    return w


CASES += [
    ("T09", "5 %", tare(14.29), []),  # 15 / 14.29 = +4.97 %
    ("T09", "over 5 %", tare(14.28), ["warning A12345 皮重 15 t，参考 14.28 t，变化 5 %"]),
    ("T09", "the project allows more", tare(14.0, project={"tare_pct": 8}), []),
    ("T09", "no reference", tare(None), ["unknown 「皮重漂移」无法判断：缺车辆参考皮重"]),
]


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check: str, name: str, w: World, expected: list[str]) -> None:
    assert [f"{f.severity} {f.zh}" for f in run(w.facts()).by_check[check]] == expected


def test_totals() -> None:
    w = weighed(35, 34)
    add(w, "m2", "2", ("issued", at("09:00"), 35), ("received", at("10:00"), 35))
    add(w, "m3", "3", ("issued", at("09:00"), 35), ("departed", at("09:10")))
    add(w, "m4", "4", ("issued", at("09:00"), 35), ("rejected", at("10:00")))
    add(w, "m5", "5", ("issued", at("09:00"), 35), ("voided", at("09:10")))
    add(w, "m6", "6")
    assert run(w.facts()).totals.manifests == {"sent": 4, "received": 2, "short": 1, "not_received": 1}


STATES = [
    ((), "draft"),
    (("issued",), "issued"),
    (("issued", "departed"), "departed"),
    (("issued", "departed", "waypoint"), "in_transit"),
    (("issued", "departed", "relay", "arrived"), "arrived"),
    (("issued", "departed", "arrived", "received"), "received"),
    (("issued", "departed", "received_difference"), "received_difference"),
    (("issued", "departed", "arrived", "rejected"), "rejected"),
    (("issued", "departed", "rejected", "returned"), "returned"),
    (("departed", "received", "disposed"), "closed"),
    (("disposed",), "disposed"),
    (("issued", "voided"), "voided"),
    (("issued", "departed", "voided"), "departed"),  # only before departure
    (("issued", "received", "rejected"), "disputed"),
    (("issued", "paper_entry", "amended"), "issued"),
    (("received",), "received"),  # the earlier legs are still on another device
]


@pytest.mark.parametrize(("kinds", "state"), STATES)
def test_manifest_state_in_any_order(kinds: tuple[str, ...], state: str) -> None:
    legs = [record("manifest_leg", kind, kind=kind, at=at(f"{9 + i:02}:00")) for i, kind in enumerate(kinds)]
    for order in permutations(legs):
        assert manifest_state([leg for leg in order if isinstance(leg, ManifestLeg)]) == state


def test_truck_and_trailer_are_weighed_together() -> None:
    leg = record("manifest_leg", at=at("09:00"), weight=[
        {"ticket_no": "1", "gross_t": 30, "tare_t": 12, "at": at("09:00")},
        {"ticket_no": "2", "gross_t": 14, "tare_t": 4, "at": at("09:05")},
    ])  # fmt: skip
    assert isinstance(leg, ManifestLeg) and trip([leg]).net_out_t == 28
