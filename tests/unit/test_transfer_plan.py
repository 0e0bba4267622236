"""A transfer plan: its state by filings, versions and dates; what it lacks; the hazardous-waste flag; limits of receivers."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from schemas.records.soil_lot import SoilLot
from schemas.records.transfer_plan import TransferPlan
from schemas.rules.transfer_plan import (
    dispose_by,
    in_force,
    lacks,
    missing_receipts,
    newer_filed,
    receiver_of,
    state,
)
from tests.unit.factory import at, lonlat, record, uid

TODAY = date(2026, 9, 21)
RECEIVER: dict[str, Any] = {
    "org_id": "kiln", "site_name": "Kiln", "position": lonlat(20000), "way": "cement_kiln", "permit_no": "1", "capacity_t": 1000,
    "route_min": 60, "route_km": 25, "accepts": "As, Pb", "dispose_days": 60,
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "supervisor_id": "supervision", "measures": "tarp", "emergency": "call", "notice_text": "…", "receivers": [RECEIVER],
}  # fmt: skip


def filing(side: str, accepted: bool = True) -> dict[str, Any]:
    more = {"accepted_at": at("08:00", -20), "receipt_no": "1"} if accepted else {}
    return {"authority_id": "org", "side": side, "submitted_at": at("08:00", -30), **more}


BOTH = [filing("origin"), filing("destination")]


def plan(id: str = "transfer-plan", /, **values: Any) -> TransferPlan:
    made = record("transfer_plan", id, **{**WHOLE, **values})
    assert isinstance(made, TransferPlan)
    return made


def lot(hazard: str | None = "not_hazardous", **values: Any) -> SoilLot:
    made = record("soil_lot", "lot", code="A1", kind="pit", **({"hazard": hazard} if hazard else {}), **values)
    assert isinstance(made, SoilLot)
    return made


STATES: list[tuple[str, dict[str, Any], bool, bool, date, str]] = [
    ("nothing submitted", {"filings": []}, False, False, TODAY, "draft"),
    ("to one authority", {"filings": [filing("origin", False)]}, False, False, TODAY, "submitted"),
    ("one receipt", {"filings": [filing("origin"), filing("destination", False)]}, False, False, TODAY, "submitted"),
    ("both receipts", {"filings": BOTH}, False, False, TODAY, "filed"),
    ("both, a load has left", {"filings": BOTH}, False, True, TODAY, "active"),
    ("a load before the first day", {"filings": BOTH, "from_date": date(2026, 9, 22)}, False, True, TODAY, "filed"),
    ("on the first day", {"filings": BOTH, "from_date": TODAY}, False, True, TODAY, "active"),
    ("after the last day, no report yet", {"filings": BOTH}, False, True, date(2027, 1, 1), "active"),
    ("suspended", {"filings": BOTH, "suspended": True, "suspend_reason": "rain"}, False, True, TODAY, "suspended"),
    ("suspended before it was filed", {"filings": [], "suspended": True, "suspend_reason": "rain"}, False, False, TODAY, "draft"),
    ("goes on", {"filings": BOTH, "suspended": False}, False, True, TODAY, "active"),
    ("a newer one is filed", {"filings": BOTH}, True, True, TODAY, "superseded"),
    ("never filed, a newer one is", {"filings": []}, True, False, TODAY, "superseded"),
    ("the result reported", {"filings": [*BOTH, filing("result", False)]}, False, True, TODAY, "closed"),
    ("reported, and a newer version", {"filings": [*BOTH, filing("result")]}, True, True, TODAY, "closed"),
    ("refiled after the first was lost", {"filings": [filing("origin", False), *BOTH]}, False, False, TODAY, "filed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "values", "newer", "first_load", "today", "expected"), STATES, ids=[s[0] for s in STATES]
)
def test_state(name: str, values: dict[str, Any], newer: bool, first_load: bool, today: date, expected: str) -> None:
    assert state(plan(**values), newer, first_load, today) == expected


def test_the_version_loads_go_by_is_the_highest_filed_one() -> None:
    one = plan("one", version=1, filings=BOTH)
    two = plan("two", version=2, filings=[filing("origin")])
    three = plan("three", version=3, filings=BOTH, deleted=True, void_reason="x")
    other = plan("other", code="ZY2", version=9, filings=BOTH)
    for order in ([one, two, three, other], [other, three, two, one]):
        assert in_force(order, "ZY1") is one and not newer_filed(one, order)
    assert missing_receipts(two) == ["destination"]
    filed = plan("two", version=2, filings=BOTH)
    assert (
        in_force([one, filed], "ZY1") is filed
        and newer_filed(one, [one, filed])
        and not newer_filed(filed, [one, filed])
    )
    assert in_force([two], "ZY1") is None and in_force([], "ZY1") is None


def test_a_whole_plan_lacks_nothing() -> None:
    assert lacks(plan(), [lot()]) == []


LACKS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("quantity", {"mass_t": 0}, {}, "缺污染土壤数量：填吨数和方量"),
    ("route", {}, {"route_km": None}, "缺到Kiln的运输线路：在图上画，或填里程"),
    ("supervisor", {"supervisor_id": None}, {}, "缺监理单位：联单要监理签字"),
    ("position", {}, {"position": None}, "缺Kiln的坐标：卸车位置要和它比"),
    ("accepts", {}, {"accepts": None}, "缺Kiln可接收的土壤与污染物"),
    ("dispose_days", {}, {"dispose_days": None}, "缺Kiln的处置时限"),
    ("measures", {"measures": None}, {}, "缺防洒漏措施"),
    ("emergency", {"emergency": None}, {}, "缺应急措施"),
    ("notice", {"notice_text": None}, {}, "缺公告牌内容"),
    ("changed", {"version": 2}, {}, "第 2 版要写明变更内容"),
    ("density", {"volume_m3": 1000}, {}, "吨数与方量折合密度 1.00 t/m³，应在 1.2–2.2：核对数量"),
    ("density", {"volume_m3": 400}, {}, "吨数与方量折合密度 2.50 t/m³，应在 1.2–2.2：核对数量"),
    ("capacity", {}, {"capacity_t": 999}, "接收单位共可接收 999 t，少于计划 1000 t"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "values", "receiver", "words"), LACKS, ids=[f"{x[0]} {x[3][:12]}" for x in LACKS])
def test_what_is_missing(code: str, values: dict[str, Any], receiver: dict[str, Any], words: str) -> None:
    found = lacks(plan(**{"receivers": [{**RECEIVER, **receiver}], **values}), [lot()])
    assert [(x.code, x.zh, x.cannot) for x in found] == [(code, words, False)]
    assert found[0].en and found[0].en != words


def test_each_of_the_six_elements_is_asked_for() -> None:
    """Values of a newer version may be read without their limits; an empty one is still missing."""
    bare = plan().model_copy(update={"from_date": None, "way": "", "mass_t": None, "receivers": []})
    assert [x.code for x in lacks(bare, [lot()])] == ["time", "way", "quantity", "destination"]
    unsaid = plan()
    unsaid.receivers[0].__dict__.update(way="", route_km=None)
    assert [x.code for x in lacks(unsaid, [lot()])] == ["route", "disposal"]


def test_a_drawn_route_is_a_route() -> None:
    drawn = {**RECEIVER, "route_km": None, "route": {"line": [["118.8", "32.0"], ["118.9", "32.1"]]}}
    assert lacks(plan(receivers=[drawn]), [lot()]) == []


HAZARD = [
    ("hazardous", "hazardous", False, "A1 是危险废物，不能用土壤联单转运。按《危险废物转移管理办法》（部令第23号）办"),
    ("pending", "hazard_open", False, "A1 的危废鉴别还没有结论，结论出来前不能转运"),
    (None, "hazard_open", False, "A1 没有危废鉴别结论：先填结论"),
]


@pytest.mark.parametrize(("flag", "code", "cannot", "words"), HAZARD)
def test_hazardous_waste_stops_the_plan(flag: str | None, code: str, cannot: bool, words: str) -> None:
    (found,) = lacks(plan(), [lot(flag)])
    assert (found.code, found.cannot) == (code, cannot) and found.zh.startswith(words)


def test_a_lot_that_is_not_here_cannot_be_said() -> None:
    (found,) = lacks(plan(), [])
    assert (found.code, found.cannot) == ("hazard_open", True)


def test_more_than_the_lots_hold() -> None:
    assert lacks(plan(), [lot(volume_m3="546")]) == []  # 600 m³ planned, 10 % more than surveyed and no more
    (found,) = lacks(plan(), [lot(volume_m3="545")])
    assert (found.code, found.zh) == ("lots_volume", "计划方量 600 m³ 多于土方单元测量方量 545 m³：核对")


def test_what_a_receiver_may_take_and_until_when() -> None:
    found = receiver_of(plan(), uid("kiln"), "Kiln")
    assert (
        found is not None
        and receiver_of(plan(), uid("kiln"), "Tip") is None
        and receiver_of(plan(), uid("other"), "Kiln") is None
    )
    assert dispose_by(found, at("23:30")) == date(2026, 11, 20)
    assert dispose_by(found, at("23:30").astimezone(tz=None)) == date(2026, 11, 20)
    without = receiver_of(plan(receivers=[{**RECEIVER, "dispose_days": None}]), uid("kiln"), "Kiln")
    assert without is not None and dispose_by(without, at("10:00")) is None
