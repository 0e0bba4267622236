"""What is missing before a step: each guard with its words, what a device cannot know, and the words for a step out of turn."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.records.vehicle import Vehicle
from schemas.rules.manifest import Known, Lack, Story, fold, join, lacks, number, shown, stops, warnings
from schemas.rules.manifest.mass import Tolerance
from schemas.rules.manifest.numbers import serial
from tests.unit.factory import NOW, at, record, uid
from tests.unit.hauled import CARRIER, KILN, Haul, directory, weighed

TODAY = date(2026, 9, 21)
SIGN = {"name": "Qian", "way": "signed", "signed_at": at("09:00").isoformat()}
LEG: dict[str, Any] = {"way": "own", "at": at("09:00").isoformat(), "weight": weighed("31"),
                       "signatures": [{**SIGN, "role": "sender"}, {**SIGN, "role": "supervisor"}]}  # fmt: skip
TAKEN: dict[str, Any] = {"way": "own", "weight": weighed("34.9"), "received_t": "19.9"}
FILING = {"authority_id": "org", "submitted_at": at("08:00", -30), "receipt_no": "1"}


def story(*kinds: str) -> Story:
    haul = Haul()
    haul.run(*kinds)
    return fold(join(haul.records, [], directory(), NOW).legs.get(haul.id, []))


def plan(**values: Any) -> TransferPlan:
    made = record("transfer_plan", "transfer-plan", **values)
    assert isinstance(made, TransferPlan)
    return made


def known(of_plan: TransferPlan | None = None, manifest: dict[str, Any] | None = None, hazard: str | None = "not_hazardous",
          newer: bool = False, **more: Any) -> Known:  # fmt: skip
    lot = record("soil_lot", "lot", code="A1", kind="pit", **({"hazard": hazard} if hazard else {}))
    truck = record("vehicle", "truck", plate="苏A12345", vehicle_class=more.pop("vehicle_class", "t4_31"), carrier_id="org",
                   permit_to=more.pop("permit_to", None))  # fmt: skip
    assert isinstance(lot, SoilLot) and isinstance(truck, Vehicle)
    values = {**Haul().values, **(manifest or {})}
    return Known.of_records(
        values, of_plan or plan(), lot, truck, newer=newer, today=TODAY, open_loads=more.pop("open_loads", ()),
        photos=more.pop("photos", frozenset({"cover"})), **more,
    )  # fmt: skip


def said(found: list[Lack]) -> list[str]:
    return [("? " if lack.cannot else "") + f"{lack.code} {lack.zh}" for lack in found]


def test_an_orderly_step_lacks_nothing() -> None:
    assert lacks("issued", LEG, story(), known(), NOW) == []
    assert lacks("departed", {"way": "own"}, story("issued"), known(), NOW) == []
    assert lacks("arrived", {"way": "own"}, story("issued", "departed"), known(), NOW) == []
    assert lacks("received", TAKEN, story("issued", "departed"), known(), NOW) == []
    differs = {**TAKEN, "received_t": "15", "problem": "spill", "problem_text": "wet"}
    assert lacks("received_difference", differs, story("issued", "departed"), known(), NOW) == []
    assert (
        lacks("rejected", {"problem": "kind_diff", "problem_text": "x"}, story("issued", "departed"), known(), NOW)
        == []
    )
    assert lacks("voided", {"note": "wrong plate"}, story("issued"), known(), NOW) == []


ISSUED: list[tuple[str, Known, dict[str, Any], list[str]]] = [
    ("not filed", known(plan(filings=[])), {}, ["plan_receipts 转运计划 ZY1 缺移出地、接收地主管部门的回执：收到回执后登记"]),
    ("filed with one", known(plan(filings=[{**FILING, "side": "origin", "accepted_at": at("08:00", -20)}, {**FILING, "side": "destination"}])), {},
     ["plan_receipts 转运计划 ZY1 缺接收地主管部门的回执：收到回执后登记"]),
    ("suspended", known(plan(suspended=True, suspend_reason="rain")), {}, ["plan_suspended 转运计划 ZY1 已暂停"]),
    ("closed", known(plan(filings=[{**FILING, "side": "result"}, *({**FILING, "side": s, "accepted_at": at("08:00", -20)} for s in ("origin", "destination"))])),
     {}, ["plan_closed 转运计划 ZY1 已结束"]),
    ("superseded", known(newer=True), {}, ["plan_superseded 转运计划 ZY1 有了新版本：按新版本开"]),
    ("too early", known(plan(from_date=date(2026, 9, 22))), {},
     ["plan_date 今天不在转运计划 ZY1 的 2026-09-22 至 2026-12-31 之内：改期要变更计划"]),
    ("last day", known(plan(to_date=TODAY)), {}, []),
    ("too late", known(plan(to_date=date(2026, 9, 20))), {},
     ["plan_date 今天不在转运计划 ZY1 的 2026-09-01 至 2026-09-20 之内：改期要变更计划"]),
    ("another truck", known(plan(vehicles=["b"])), {}, ["vehicle_unlisted 苏A12345 不在转运计划 ZY1 的车辆清单上：换车，或变更计划"]),
    ("another receiver", known(manifest={"receiver_place": "Tip"}), {}, ["receiver_unlisted Tip 不是转运计划 ZY1 的去向：换去向，或变更计划"]),
    ("another lot", known(plan(lots=["b"])), {}, ["lot_unlisted A1 不在转运计划 ZY1 内"]),
    ("hazardous", known(hazard="hazardous"), {},
     ["hazardous A1 是危险废物，不能用土壤联单转运。按《危险废物转移管理办法》（部令第23号）办：用危险废物转移联单，接收单位须有危险废物经营许可证"]),
    ("being identified", known(hazard="pending"), {}, ["hazard_open A1 的危废鉴别还没有结论，结论出来前不能转运"]),
    ("not identified", known(hazard=None), {}, ["hazard_open A1 没有危废鉴别结论：先填结论"]),
    ("truck busy", known(open_loads=("20263211000001",)), {}, ["vehicle_busy 苏A12345 还有未完的联单 20263211000001：先接收、退回或作废它；已经了结就扫司机手机上最新的码"]),
    ("not weighed", known(), {"weight": []}, ["weight 还没有过磅：填毛重和皮重"]),
    ("weighed in part", known(), {"weight": [{"gross_t": "30"}]}, ["weight 还没有过磅：填毛重和皮重"]),
    ("tare too large", known(), {"weight": weighed("15")}, ["weight 皮重不小于毛重：核对过磅单"]),
    ("no supervisor", known(), {"signatures": [{**SIGN, "role": "sender"}]}, ["supervisor_signature 监理还没有签字"]),
    ("supervisor absent", known(), {"signatures": [{**SIGN, "role": "supervisor", "way": "absent", "refuse_reason": "x"}]},
     ["supervisor_signature 监理还没有签字"]),
    ("beside, sender not", known(), {"way": "beside", "signatures": [{**SIGN, "role": "supervisor"}]}, ["sender_signature 移出方还没有签字"]),
    ("the device signs for the sender", known(), {"signatures": [{**SIGN, "role": "supervisor"}]}, []),
    ("from paper", known(open_loads=("1",)), {"way": "paper", "signatures": []}, []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "around", "change", "expected"), ISSUED, ids=[c[0] for c in ISSUED])
def test_issuing(name: str, around: Known, change: dict[str, Any], expected: list[str]) -> None:
    found = lacks("issued", {**LEG, **change}, story(), around, NOW)
    assert said(found) == expected
    assert all(lack.en and lack.en != lack.zh for lack in found)


def test_what_a_device_cannot_know_does_not_stop_and_is_said() -> None:
    found = lacks("issued", LEG, story(), Known(), NOW)
    assert said(found) == [
        "? plan_receipts 不知道转运计划是否已备案：这台设备上没有它", "? vehicle_busy 不知道 这辆车 有没有别的未完联单",
        "? hazard_open 不知道 这个土方单元 是不是危险废物：这台设备上没有它的记录",
    ]  # fmt: skip
    assert stops(found) == []
    found = lacks("departed", {"way": "own"}, story("issued"), Known.of_directory(None, Haul().load), NOW)
    assert [(lack.code, lack.cannot) for lack in found] == [
        ("plan_receipts", True),
        ("vehicle_busy", True),
        ("cover_photo", True),
    ]


def test_around_a_code_the_directory_tells() -> None:
    around = Known.of_directory(directory(), Haul().load, open_loads=(), photos=frozenset({"cover"}))
    assert lacks("departed", {"way": "own"}, story("issued"), around, NOW) == []
    assert lacks("issued", LEG, story(), around, NOW) == []
    strange = Haul().load._replace(plate="苏B1", receiver=CARRIER)
    found = lacks("issued", LEG, story(), Known.of_directory(directory(), strange, open_loads=()), NOW)
    assert [(lack.code, lack.cannot) for lack in found] == [("vehicle_unlisted", True), ("receiver_unlisted", False)]
    d = directory()
    d.said["plans"][Haul().load.plan]["state"] = "suspended"
    assert said(
        lacks(
            "departed",
            {},
            story("issued"),
            Known.of_directory(d, Haul().load, open_loads=(), photos=around.photos),
            NOW,
        )
    ) == ["plan_suspended 转运计划 ZY1 已暂停"]


DEPART: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("no photo", {"photos": frozenset({"loading"})}, {}, ["cover_photo 还没有覆盖照片：拍车厢盖好的样子"]),
    ("beside, driver not", {}, {"way": "beside"}, ["driver_signature 驾驶员还没有签字"]),
    ("beside, by hand", {}, {"way": "beside", "signatures": [{**SIGN, "role": "driver"}]}, []),
    ("a lost phone", {"photos": None}, {"way": "lost"}, []),
]


@pytest.mark.parametrize(("name", "around", "leg", "expected"), DEPART, ids=[c[0] for c in DEPART])
def test_departing(name: str, around: dict[str, Any], leg: dict[str, Any], expected: list[str]) -> None:
    assert said(lacks("departed", leg, story("issued"), known(**around), NOW)) == expected


def test_departing_unweighed() -> None:
    haul = Haul()
    haul.sign("issued")
    found = lacks("departed", {}, fold(join(haul.records, [], directory(), NOW).legs[haul.id]), known(), NOW)
    assert said(found) == ["weight 签发时没有过磅：先过磅"]


RECEIVE: list[tuple[str, str, dict[str, Any], Tolerance | None, list[str]]] = [
    ("nothing filled in", "received", {}, None, ["weight 还没有过磅：填毛重和皮重", "received_t 填确认接收量"]),
    ("0.3 t light of 20", "received", {"weight": weighed("34.7"), "received_t": "19.7"}, None, []),
    ("0.301 t light", "received", {"weight": weighed("34.699"), "received_t": "19.699"}, None,
     ["use_difference 与移出净重差 0.301 t，超过允差 0.300 t：按「有差异接收」签并写明原因"]),
    ("heavier", "received", {"weight": weighed("36"), "received_t": "21"}, None,
     ["use_difference 与移出净重差 1 t，超过允差 0.300 t：按「有差异接收」签并写明原因"]),
    ("the mass accepted differs from the scale", "received", {"weight": weighed("35"), "received_t": "12"}, None,
     ["use_difference 与移出净重差 8 t，超过允差 0.300 t：按「有差异接收」签并写明原因"]),
    ("the project allows more", "received", {"weight": weighed("34"), "received_t": "19"}, Tolerance(Decimal(5), Decimal(1)), []),
    ("a difference without a reason", "received_difference", {"weight": weighed("30"), "received_t": "15"}, None,
     ["problem 选差异类型", "problem_text 写明差异或拒收的原因"]),
    ("rejected without a reason", "rejected", {}, None, ["problem 选差异类型", "problem_text 写明差异或拒收的原因"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "leg", "tolerance", "expected"), RECEIVE, ids=[c[0] for c in RECEIVE])
def test_receiving(name: str, kind: str, leg: dict[str, Any], tolerance: Tolerance | None, expected: list[str]) -> None:
    assert said(lacks(kind, leg, story("issued", "departed"), known(tolerance=tolerance), NOW)) == expected


ROAD = ("issued", "departed")
TURNS: list[tuple[tuple[str, ...], str, str]] = [
    ((), "departed", "现在不能签「起运」：移出单位还没有签发，先扫签发后的交接码"),
    ((), "voided", "现在不能签「作废」：移出单位还没有签发，先扫签发后的交接码"),
    (("issued",), "issued", "现在不能签「移出签发」：这一步已经签过"),
    (("issued",), "received", "现在不能签「接收」：驾驶员还没有签起运；签过就扫他手机上的码"),
    (("issued",), "disposed", "现在不能签「已处置」：接收单位还没有接收"),
    (ROAD, "departed", "现在不能签「起运」：这一步已经签过"),
    (ROAD, "voided", "现在不能签「作废」：车已起运，不能作废；拉回来就签退回"),
    ((*ROAD, "received"), "rejected", "现在不能签「拒收」：这车已经接收"),
    ((*ROAD, "received"), "waypoint", "现在不能签「途中打卡」：这车已经接收"),
    ((*ROAD, "rejected"), "received", "现在不能签「接收」：这车已被拒收或退回"),
    ((*ROAD, "received", "disposed"), "returned", "现在不能签「退回」：这车已经接收"),
    (("issued", "voided"), "departed", "现在不能签「起运」：联单已作废，另开一张"),
]


@pytest.mark.parametrize(("kinds", "kind", "words"), TURNS)
def test_a_step_out_of_turn(kinds: tuple[str, ...], kind: str, words: str) -> None:
    found = [lack for lack in lacks(kind, {"way": "own"}, story(*kinds), known(), NOW) if lack.code == "step"]
    assert [lack.zh for lack in found] == [words] and not found[0].cannot


def test_two_ends_stop_every_further_step() -> None:
    haul = Haul()
    road = haul.run(*ROAD)[-1]
    haul.run("received")
    haul.sign("rejected", on=road, when=at("10:30"))
    told = fold(join(haul.records, [], directory(), NOW).legs[haul.id])
    assert "问清以哪个为准" in lacks("returned", {}, told, known(), NOW)[0].zh


def test_a_stand_in_may_fill_in_a_step_that_was_left_out() -> None:
    told = story(*ROAD, "received")
    assert lacks("arrived", {"way": "paper"}, told, known(), NOW) == []
    assert lacks("arrived", {"way": "own"}, told, known(), NOW)[0].code == "step"
    assert lacks("received", {**TAKEN, "way": "paper"}, told, known(), NOW)[0].code == "step"
    assert lacks("departed", {"way": "lost"}, story(), known(), NOW)[0].code == "step"  # nothing was issued


def test_warnings_do_not_stop() -> None:
    heavy = {**LEG, "weight": weighed("31.01")}
    assert lacks("issued", heavy, story(), known(), NOW) == []
    assert said(warnings("issued", heavy, story(), known(), NOW)) == [
        "gross_limit 总重 31.01 t 超过该车型限值 31 t（GB 1589，待核）"
    ]
    assert warnings("issued", LEG, story(), known(), NOW) == []
    assert warnings("issued", heavy, story(), known(vehicle_class="barge"), NOW) == []
    assert said(warnings("departed", {}, story("issued"), known(permit_to=date(2026, 9, 20)), NOW)) == [
        "permit_ended 道路运输证 2026-09-20 到期"
    ]
    late = {"way": "paper", "at": at("09:00", -14).isoformat()}  # Monday to Monday two weeks on: ten working days
    assert warnings("departed", late, story("issued"), known(), NOW) == []
    late["at"] = at("09:00", -15).isoformat()  # the Sunday before: eleven
    assert [w.code for w in warnings("departed", late, story("issued"), known(), NOW)] == ["paper_late"]
    assert warnings("departed", {"way": "paper", "at": "2026-09-0"}, story("issued"), known(), NOW) == []  # half typed


def test_numbers() -> None:
    assert number(2026, "321100", 418) == "20263211000418" == number(2026, "3211", 418)
    assert shown("20263211000418") == "2026 3211 000418" and serial("20263211000418") == 418
    assert shown("ZY-7") == "ZY-7" and serial("ZY-7") is None
    for year, place, n in (
        (2026, "32", 1),
        (2026, "32110x", 1),
        (2026, "3211", 0),
        (2026, "3211", 1_000_000),
        (26, "3211", 1),
    ):
        if place == "32110x":
            assert number(year, place, n) == "20263211000001"  # only province and city are used
            continue
        with pytest.raises(ValueError, match="‖"):
            number(year, place, n)


def test_the_day_is_that_of_china() -> None:
    midnight = datetime.fromisoformat("2026-12-31T16:30:00+00:00")  # the first of January there
    assert [lack.code for lack in lacks("issued", LEG, story(), known(), midnight)] == ["plan_date"]
    assert lacks("issued", LEG, story(), known(), midnight - timedelta(hours=1)) == []


def test_ids_in_the_test_are_those_of_the_plan() -> None:
    assert known().receiver_id == KILN == uid("kiln") and known().vehicle_id == uid("truck")
