"""出场台账 and 进场台账: a row per load, sums as intervals, a row per open question, and text that stays text."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from schemas.rules.manifest.balance import balance
from sync_server.documents.load import code_text
from sync_server.export.ledgers import ledger
from tests.unit.factory import NOW, at, uid
from tests.unit.haulage import TRUCK, Haulage

FIRST = "20263201000418"


def book(h: Haulage, side: Any, tmp_path: Path, lang: str = "zh") -> dict[str, list[dict[str, Any]]]:
    """Sheet → rows by head."""
    path = tmp_path / f"{side}.xlsx"
    ledger(h.facts(), side, lang, path, tmp_path, "李工", NOW)
    read = CalamineWorkbook.from_path(str(path))
    out = {}
    for name in read.sheet_names:
        rows = read.get_sheet_by_name(name).to_python()
        if name in ("说明", "About"):
            out[name] = [{"what": r[0], "text": r[1]} for r in rows]
        else:
            out[name] = [dict(zip(rows[0], row, strict=False)) for row in rows[1:]] if rows else []
    return out


def three() -> Haulage:
    """One home, one light by 4 t, one on the road whose weight nobody knows."""
    h = Haulage()
    h.issue(), h.depart(), h.arrive(), h.receive()
    h.add("vehicle", "truck-2", plate="苏A·K0002", vehicle_class="s6_49", carrier_id="carrier-co")
    h.issue("m2", "20263201000419", when=at("10:00"), vehicle_id="truck-2")
    h.depart("m2", at("10:20"))
    h.receive("m2", "27.20", at("12:00"), "received_difference", problem="weight_diff", problem_text="撒漏")
    h.add(
        "manifest",
        "m3",
        number="20263201000420",
        vehicle_id="truck",
        lot_id="lot",
        receiver_id="kiln",
        receiver_place="句容 2 号水泥窑",
        issued_at=at("13:00"),
    )
    h.leg("m3", "departed", at("13:20"), who_name="王强", org_id="carrier-co")
    return h


def test_a_row_per_load_with_who_when_and_how_much(tmp_path: Path) -> None:
    rows = book(three(), "out", tmp_path)["出场台账"]
    assert [r["联单编号"] for r in rows] == [FIRST, "20263201000419", "20263201000420"] and [
        r["序号"] for r in rows
    ] == [1, 2, 3]
    one = rows[0]
    assert (one["车牌号"], one["状态"], one["驾驶员姓名"], one["承运单位"]) == (
        TRUCK,
        "已接收",
        "王强",
        "通达运输有限公司",
    )
    assert (one["出场毛重（t）"], one["出场皮重（t）"], one["出场净重（t）"], one["折算方量（m³）"]) == (
        31.2,
        15.1,
        16.1,
        8.7,
    )
    assert (
        str(one["起运时间（UTC+8）"]) == "2026-09-21 09:20:00"
        and one["移出经办人"] == "赵敏、华翔修复工程有限公司"
        and one["监理签字人"] == "钱监理"
    )
    assert one["进出差（t）"] == -0.05 and one["允差判断"] == "允差内" and one["未决问题数"] == 0
    assert rows[1]["允差判断"] == "超允差" and rows[1]["进出差（t）"] == -4.0
    assert rows[2]["出场净重（t）"] == "" and rows[2]["允差判断"] == "不能比：一侧重量未知"  # not 0


def test_carbon_stands_beside_each_load(tmp_path: Path) -> None:
    rows = book(three(), "out", tmp_path)["出场台账"]
    assert rows[0]["t·km"] == pytest.approx(16.05 * 61.5) and rows[0]["kg CO2e"] == pytest.approx(16.05 * 61.5 * 0.129)
    assert rows[0]["碳因子"].startswith("0.129") and str(rows[2]["t·km"]).startswith("≥ 0")


def test_what_came_in_and_what_is_still_to_come(tmp_path: Path) -> None:
    found = book(three(), "in", tmp_path)
    assert [r["联单编号"] for r in found["进场台账"]] == [FIRST, "20263201000419"]
    one, two = found["进场台账"]
    assert (one["进场净重（t）"], one["确认接收量（t）"], one["堆放位置"], one["接收经办人"]) == (
        16.05,
        16.05,
        "B 区 4 号仓",
        "孙丽、海螺水泥（句容）有限公司",
    )
    assert (two["差异类型"], two["差异说明"]) == ("重量差异", "撒漏")
    assert [r["联单编号"] for r in found["未到场"]] == ["20263201000420"]


def test_sums_are_the_balance_and_intervals(tmp_path: Path) -> None:
    h = three()
    rows = book(h, "out", tmp_path)["合计"]
    total, line = rows[0], balance(h.facts()).total
    assert total["按"] == "全部" and total["车次"] == 3
    assert total["出场至少（t）"] == float(line.out.low) == 32.2 and total["出场至多（t）"] == "不知道"
    assert total["接收至少（t）"] == float(line.came.low) and "20263201000420" in total["不知道的"]
    assert {r["按"] for r in rows} == {"全部", "转运计划", "土方单元", "接收单位", "车辆", "日期"}


def test_each_open_question_has_a_row_contradictions_first(tmp_path: Path) -> None:
    h = three()
    h.lose("m1", "departed")  # waits
    h._leg("m2", "receiver", "rejected", at("12:30"), problem="spill", problem_text="撒漏")  # two ends
    facts = h.facts()
    rows = book(h, "out", tmp_path)["未决问题"]
    assert len(rows) == sum(len(facts.story(m.id).open) for m in facts.manifests()) >= 2
    assert [r["性质"] for r in rows] == sorted((r["性质"] for r in rows), key=lambda k: k != "须查问")
    assert {"two_ends", "gap"} <= {r["代码"] for r in rows}


def test_loads_known_only_from_a_code_are_in_it(tmp_path: Path) -> None:
    h = Haulage()
    h.issue(), h.depart(), h.receive()
    h.add("hand_over", number=FIRST, code=code_text(h.raw["m1"]), seen_at=at("11:10"), way="photo", purpose="handover")
    h.records["manifest_leg"], h.records["manifest"] = {}, {}
    rows = book(h, "out", tmp_path)["出场台账"]
    assert [(r["联单编号"], r["车牌号"], r["出场净重（t）"], r["未决问题数"]) for r in rows] == [
        (FIRST, TRUCK, 16.1, 1)
    ]


def test_voided_loads_stand_in_it_and_do_not_count(tmp_path: Path) -> None:
    h = Haulage()
    h.issue()
    h._leg("m1", "sender", "voided", at("09:10"))
    found = book(h, "out", tmp_path)
    assert [r["状态"] for r in found["出场台账"]] == ["已作废"] and found["合计"][0]["车次"] == 0
    assert book(h, "in", tmp_path)["进场台账"] == []


def test_text_calculates_nothing_and_stays_whole(tmp_path: Path) -> None:
    h = three()
    nasty = '=HYPERLINK("http://x","y")'
    h.add("vehicle", "truck", plate=nasty, vehicle_class="t4_31", carrier_id="carrier-co")
    rows = book(h, "out", tmp_path)["出场台账"]
    assert rows[0]["车牌号"] == nasty
    import zipfile

    with zipfile.ZipFile(tmp_path / "out.xlsx") as z:
        assert not any(b"<f>" in z.read(n) for n in z.namelist() if "worksheets/sheet" in n)


def test_an_empty_project_has_empty_ledgers(tmp_path: Path) -> None:
    found = book(Haulage(), "in", tmp_path, "en")
    assert found["Loads in"] == [] and found["Open questions"] == [] and found["Sums"][0]["Loads"] == 0
    assert {"what": "Exported by", "text": "李工"} in found["About"]


def test_two_thousand_loads_take_seconds(tmp_path: Path) -> None:
    h = Haulage()
    for n in range(2000):
        h.add("manifest", f"x{n}", number=f"20263201{n:06d}", vehicle_id="truck", lot_id="lot", receiver_id="kiln", receiver_place="句容 2 号水泥窑",
              issued_at=at("06:00") + timedelta(seconds=n))  # fmt: skip
        h.leg(f"x{n}", "issued", at("06:00") + timedelta(seconds=n), 31.2)
    rows = book(h, "out", tmp_path)["出场台账"]
    assert len(rows) == 2000 and uid("x0") in h.records["manifest"]
