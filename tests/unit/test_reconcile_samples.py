"""Sample and photo checks S01, S02, S04, S05, S07, S11, H01 at the figures of the standards."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.rules.reconcile import run
from tests.unit.factory import World, at


def codes(*samples: dict[str, Any]) -> World:
    w = World()
    w.both()
    for i, values in enumerate(samples):
        w.add("sample", f"s{i}", **values)
    return w


VOID = {"deleted": True, "void_reason": "label torn"}


def batch(n: int, duplicates: int, rules: Any = None, kind: str = "field_duplicate", **values: Any) -> World:
    """n ordinary samples of one batch and some duplicates of the first."""
    w = World()
    w.add("project", qc_rules=rules or [])
    w.both()
    for i in range(n):
        w.add("sample", f"s{i}", code=f"S01-{i}", **values)
    for i in range(duplicates):
        w.add("sample", f"d{i}", code=f"S01-D{i}", kind="field_duplicate", **values)
        w.add("qc_link", f"q{i}", qc_sample_id=f"d{i}", original_id="s0", kind=kind)
    return w


def rule(kind: str = "field_duplicate", **values: Any) -> dict[str, Any]:
    return {
        "qc_kind": kind,
        "medium": "soil",
        "basis": "share",
        "share_pct": 10,
        "least": 1,
        "basis_text": "plan",
        **values,
    }


SOIL_DEFAULT = "unknown 项目没有土壤平行样规则，按默认 ≥ 5 % 且每批不少于 1 个判断（HJ 166-2026 11.3）"
WATER_DEFAULT = "unknown 项目没有地下水平行样规则，按默认 ≥ 10 % 且每批不少于 1 个判断（HJ 164-2020 10.2）"
GW = {"medium": "groundwater"}
METAL = "重金属(除汞和六价铬)"


def two_batches() -> World:
    w = batch(10, 1)
    w.add("sample", "other", code="S01-X", batch="260922A")
    return w


def pair(original: dict[str, Any] | None = None, link: dict[str, Any] | None = None, **dup: Any) -> World:
    w = World()
    w.both()
    w.both("S02", 20)
    w.add("sample", "S01-1", **(original or {}))
    w.add("sample", "S01-2", **{"code": "S01-2", "kind": "field_duplicate", **dup})
    if link is not None:
        w.add("qc_link", **link)
    return w


def bottle(medium: str = "soil", **values: Any) -> World:
    w = World()
    w.both()
    w.add("sample", "S01-1", medium=medium)
    w.add("sample_container", **values)
    return w


def kept(hours: float, *states: str, group: str = "voc", medium: str = "soil") -> World:
    """A sample taken so many hours ago, with a container in each state."""
    from datetime import timedelta

    from tests.unit.factory import NOW

    w = World()
    w.both()
    w.add("sample", "S01-1", medium=medium, groups=[group], collected_at=NOW - timedelta(hours=hours))
    for i, state in enumerate(states):
        w.add("sample_container", f"c{i}", groups=[group], state=state, discard_reason="broken")
    return w


def deep(bottom: float, hole: float | None) -> World:
    w = World()
    w.both()
    w.add("borehole", "h", depth_m=hole)
    w.add("sample", "S01-1", borehole_id="h", depth_top_m=0, depth_bottom_m=bottom)
    return w


RULES = [
    {"step": "core_box", "least": 1},
    {"step": "position", "least": 2},
    {"step": "well_head", "least": 1, "role": "well"},
]


def shots(*photos: dict[str, Any], rules: Any = RULES, **visit: Any) -> World:
    w = World()
    w.add("project", photo_rules=rules)
    w.both(**visit)
    w.add("borehole", "h")
    for i, values in enumerate(photos):
        w.add("photo", f"p{i}", **{"sha256": f"{i:064x}", **values})
    return w


HOLE = {"subject_kind": "borehole", "subject_id": "h"}

CASES: list[tuple[str, str, World, list[str]]] = [
    ("S01", "two codes", codes({"code": "A"}, {"code": "B"}), []),
    ("S01", "one code twice", codes({"code": "A"}, {"code": "A"}), ["error 编号 A 用于 2 个样品（含作废的）"]),
    ("S01", "a voided code is not used again", codes({"code": "A", **VOID}, {"code": "A"}), ["error 编号 A 用于 2 个样品（含作废的）"]),
    ("S01", "both voided", codes({"code": "A", **VOID}, {"code": "A", **VOID}), []),
    ("S02", "soil 1 of 20", batch(20, 1), [SOIL_DEFAULT]),
    ("S02", "soil 1 of 21", batch(21, 1),
     [SOIL_DEFAULT, f"error 批次 260921A 土壤{METAL}平行样 1/21 = 4.8 %，应 ≥ 5 % 且不少于 1 个"]),
    ("S02", "soil, none of 2", batch(2, 0), [SOIL_DEFAULT, f"error 批次 260921A 土壤{METAL}平行样 0/2 = 0 %，应 ≥ 5 % 且不少于 1 个"]),
    ("S02", "water 1 of 10", batch(10, 1, **GW), [WATER_DEFAULT]),
    ("S02", "water 1 of 11", batch(11, 1, **GW),
     [WATER_DEFAULT, f"error 批次 260921A 地下水{METAL}平行样 1/11 = 9.1 %，应 ≥ 10 % 且不少于 1 个"]),
    ("S02", "every batch", two_batches(), [SOIL_DEFAULT, f"error 批次 260922A 土壤{METAL}平行样 0/1 = 0 %，应 ≥ 5 % 且不少于 1 个"]),
    ("S02", "the project asks 10 %", batch(20, 1, [rule()]), [f"error 批次 260921A 土壤{METAL}平行样 1/20 = 5 %，应 ≥ 10 % 且不少于 1 个"]),
    ("S02", "the project's 10 % met", batch(20, 2, [rule()]), []),
    ("S02", "the project asks 2 per batch", batch(5, 1, [rule(basis="per_batch", share_pct=None, least=2)]),
     [f"error 批次 260921A 土壤{METAL}平行样 1/5 = 20 %，应 ≥ 0 % 且不少于 2 个"]),
    ("S02", "a rule for VOC only", batch(20, 0, [rule(groups=["voc"])]), []),
    ("S02", "per group", batch(20, 0, [rule(groups=["voc"])], groups=["metal", "voc"]),
     ["error 批次 260921A 土壤挥发性有机物平行样 0/20 = 0 %，应 ≥ 10 % 且不少于 1 个"]),
    ("S02", "blind ones count as duplicates", batch(20, 2, [rule()], "blind_duplicate"), []),
    ("S02", "open ones are not blind", batch(20, 2, [rule("blind_duplicate")]),
     [f"error 批次 260921A 土壤{METAL}平行样 0/20 = 0 %，应 ≥ 10 % 且不少于 1 个"]),
    ("S02", "no rule known", batch(3, 0, medium="sediment"), ["unknown 「平行样不足」无法判断：缺底泥(沉积物)平行样规则"]),
    ("S02", "nothing is measured on an archive sample", batch(3, 0, groups=["archive"]), []),
    ("S04", "alike", pair(link={}), []),
    ("S04", "no link", pair(), ["error 平行样 S01-2 没有关联原样"]),
    ("S04", "depth 5 cm off", pair(link={}, depth_bottom_m="0.55"), []),
    ("S04", "depth 6 cm off", pair(link={}, depth_bottom_m="0.56"), ["error S01-2 与原样 S01-1 不一致：深度"]),
    ("S04", "depth 6 cm off, from the surface", pair(link={}, depth_top_m="0.06"), ["error S01-2 与原样 S01-1 不一致：深度"]),
    ("S04", "2 h later", pair(link={}, collected_at=at("12:00")), []),
    ("S04", "2 h 1 min later", pair(link={}, collected_at=at("12:01")), ["error S01-2 与原样 S01-1 不一致：采样时间"]),
    ("S04", "more groups", pair(link={}, groups=["metal", "voc"]), ["error S01-2 与原样 S01-1 不一致：检测项目组"]),
    ("S04", "fewer groups", pair({"groups": ["metal", "voc"]}, {}), []),
    ("S04", "another point and medium", pair(link={}, point_id="v:S02", medium="sediment"), ["error S01-2 与原样 S01-1 不一致：点位、介质"]),
    ("S04", "of itself", pair(link={"original_id": "S01-2"}), ["error S01-2 与原样 S01-2 不一致：原样（指向自己）"]),
    ("S04", "original voided", pair(VOID, {}), ["error S01-2 与原样 S01-1 不一致：原样（已作废）"]),
    ("S04", "original is a blank", pair({"kind": "full_blank"}, {}), ["error S01-2 与原样 S01-1 不一致：原样（本身是质控样）"]),
    ("S04", "no original given", pair(link={"original_id": None}), ["error S01-2 与原样 — 不一致：原样（未填）"]),
    ("S04", "original not here", pair(link={"original_id": "elsewhere"}), ["unknown 「平行样不配对」无法判断：缺平行样的原样"]),
    ("S05", "a brown jar for metals", bottle(), []),
    ("S05", "a canister for metals", bottle(type="canister"),
     ["error S01-1-C01（重金属(除汞和六价铬)）容器为苏玛罐，应为玻璃瓶或250mL棕色玻璃瓶或500mL棕色玻璃瓶或聚乙烯瓶或聚乙烯袋；"
      "DB11/T 656-2019 附录D.4 金属（汞、六价铬除外）"]),
    ("S05", "119 g of 120", bottle(amount=119),
     ["error S01-1-C01（重金属(除汞和六价铬)）装样量 119，应 ≥ 120 g；DB11/T 656-2019 附录D.4 金属（汞、六价铬除外）"]),
    ("S05", "120 g", bottle(amount=120), []),
    ("S05", "not cooled", bottle(cold=False),
     ["error S01-1-C01（重金属(除汞和六价铬)）须冷藏避光；DB11/T 656-2019 附录D.4 金属（汞、六价铬除外）"]),
    ("S05", "water, Cr(VI) at pH 8-9", bottle("groundwater", type="bot_p", preservative="naoh_ph89", groups=["cr6"], amount=250), []),
    ("S05", "water, Cr(VI) with acid", bottle("groundwater", type="bot_p", preservative="hno3_1", groups=["cr6"], amount=250),
     ["error S01-1-C01（六价铬）保存剂为硝酸1%，应为氢氧化钠 pH 8-9；HJ 164-2020 附录D 第14行"]),
    ("S05", "thrown away", bottle(type="canister", state="discarded", discard_reason="broken"), []),
    ("S05", "no row", bottle(groups=["radio"]), ["unknown 「容器或保存剂不符」无法判断：缺土壤中放射性的容器要求"]),
    # HJ 605: VOC 7 d = 168 h; a fifth of it is 33.6 h
    ("S07", "33.6 h left", kept(168 - 33.6, "filled"), []),
    ("S07", "33 h left", kept(135, "filled"), ["warning S01 1 个土壤挥发性有机物样只剩 33 h（时限 168 h）"]),
    ("S07", "1 h over", kept(169, "packed"), ["warning S01 1 个土壤挥发性有机物样已超过保存时限 1 h（时限 168 h）"]),
    ("S07", "received", kept(169, "received"), []),
    ("S07", "discarded", kept(169, "discarded"), []),
    ("S07", "one received, one still here", kept(169, "received", "filled"), ["warning S01 1 个土壤挥发性有机物样已超过保存时限 1 h（时限 168 h）"]),
    ("S07", "water, Cr(VI) 24 h", kept(20, "filled", group="cr6", medium="groundwater"),
     ["warning S01 1 个地下水六价铬样只剩 4 h（时限 24 h）"]),
    ("S07", "no holding time", kept(20, "filled", group="geotech"), ["unknown 「保存时限风险」无法判断：缺土壤中土工参数的保存时限"]),
    ("S11", "5 cm deeper", deep(6.05, 6), []),
    ("S11", "6 cm deeper", deep(6.06, 6), ["error S01-1 底深 6.06 m > S01 孔深 6 m"]),
    ("S11", "no depth of the hole", deep(6, None), ["unknown 「样品深度超孔深」无法判断：缺钻探深度"]),
    ("H01", "complete", shots({"step": "core_box", **HOLE}, {"step": "position"}, {"step": "position"}), []),
    ("H01", "one short", shots({"step": "core_box", **HOLE}, {"step": "position"}), ["error S01 缺 1 张照片：采样位置"]),
    ("H01", "none", shots(), ["error S01 缺 3 张照片：岩心箱、采样位置×2"]),
    ("H01", "the same file twice is one photo", shots({"step": "core_box", **HOLE}, *[{"step": "position", "sha256": "b" * 64}] * 2),
     ["error S01 缺 1 张照片：采样位置"]),
    ("H01", "not visited", shots(outcome="refused"), []),
    ("H01", "no list", shots(rules=[]), ["unknown 「必拍照片缺失」无法判断：缺项目的必拍照片清单"]),
    ("H01", "photos not held", shots().drop("photo"), ["unknown 「必拍照片缺失」无法判断：缺照片记录"]),
]  # fmt: skip


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check: str, name: str, w: World, expected: list[str]) -> None:
    assert [f"{f.severity} {f.zh}" for f in run(w.facts()).by_check[check]] == expected


def test_duplicates_are_counted_on_visited_points() -> None:
    w = batch(4, 1)  # on S01
    w.both("S02", 10)
    w.planned("S03", 20)
    w.visit("S03", 20, outcome="refused", reason="owner")
    for name, values in {"blind": {"point_id": None}, "refused": {"point_id": "v:S03"}}.items():
        w.add("sample", name, code=name, kind="field_duplicate", **values)
        w.add("qc_link", f"q-{name}", qc_sample_id=name, kind="blind_duplicate", original_id="s0")
    w.add("sample", "unlinked", code="u", kind="field_duplicate")
    w.add("sample", "blank", code="b", kind="full_blank")
    w.add("qc_link", "q-blank", qc_sample_id="blank", kind="full_blank", batch="260921A")
    report = run(w.facts())
    assert [p.duplicates for p in report.points] == [2, 0, 1]
    assert (report.totals.visited, report.totals.duplicates, report.totals.duplicate_share) == (2, 2, 1.0)
