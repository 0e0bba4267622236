"""Sample checks S03 and S06: blanks of a batch, and what must not happen to a sample for VOC."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas.ids import Ids
from schemas.rules.reconcile import run
from schemas.rules.reconcile.samples import duplicate_shares
from tests.unit.factory import MORNING, World, uid
from tests.unit.test_reconcile_samples import batch, rule

GW, VOC = {"medium": "groundwater"}, {"groups": ["voc"]}


def taken(*blanks: dict[str, Any], rules: Any = None, n: int = 1, **values: Any) -> World:
    """n ordinary samples of a batch, and blanks with their links: kind, and batch, groups, medium where they differ."""
    w = World()
    w.add("project", qc_rules=rules or [])
    w.both()
    for i in range(n):
        w.add("sample", f"s{i}", code=f"S01-{i}", **values)
    for i, blank in enumerate(blanks):
        sample = {**values, "point_id": None, "depth_top_m": None, "depth_bottom_m": None, **blank}
        of = sample.pop("of", "260921A")
        if blank.get("sample", True):
            sample.pop("sample", None)
            w.add("sample", f"b{i}", code=f"QC-{i}", **sample)
        w.add(
            "qc_link", f"q{i}", qc_sample_id=f"b{i}", kind=blank["kind"], batch=of, original_id=None, matrix="methanol"
        )
    return w


FULL, TRIP, EQUIP = {"kind": "full_blank"}, {"kind": "trip_blank"}, {"kind": "equipment_blank"}
NO_FULL_GW = "error 批次 260921A 地下水缺全程序空白：0 个，应 ≥ 1 个（HJ 164-2020 10.2）"
NO_EQUIP = "error 批次 260921A 地下水缺设备空白：0 个，应 ≥ 1 个（HJ 1019-2019 7.2.4）"
NO_TRIP = "error 批次 260921A 土壤缺运输空白：0 个，应 ≥ 1 个（HJ 1019-2019 7.2.3）"
NO_FULL = "error 批次 260921A 土壤缺全程序空白：0 个，应 ≥ 1 个（HJ 1019-2019 7.2.2）"


def two_batches() -> World:
    w = taken(FULL, TRIP, **VOC)
    w.add("sample", "other", code="S01-X", batch="260922A", **VOC)
    return w


def bottles(*containers: dict[str, Any], sample: dict[str, Any] | None = None) -> World:
    """A VOC sample with containers; `ms` is when each was made, None an id that tells no time."""
    w = World()
    w.both()
    w.add("sample", "S01-1", **{"groups": ["voc", "metal"], **(sample or {})})
    start = int(MORNING.timestamp() * 1000)
    for i, each in enumerate(containers, 1):
        values = dict(each)
        ms = values.pop("ms", i * 60_000)
        id = uid(f"c{i}") if ms is None else Ids(lambda ms=ms: start + ms, bytes)()  # bytes(n): n zeros
        w.add("sample_container", id, code=f"S01-1-C0{i}", **values)
    return w


VIAL = {"type": "v40_meoh", "preservative": "meoh", "groups": ["voc"], "empty_g": 25, "amount": 5}
JAR: dict[str, Any] = {}
UNKNOWN_ORDER = "unknown 「VOC采样违规」无法判断：缺装样的先后"
LATE = "error S01-1 的 VOC 容器 S01-1-C02 装在 S01-1-C01 之后，应最先装"

CASES: list[tuple[str, str, World, list[str]]] = [
    ("S03", "soil for metals asks for none", taken(), []),
    ("S03", "water for metals, none", taken(**GW), [NO_FULL_GW, NO_EQUIP]),
    ("S03", "water for metals, both", taken(FULL, EQUIP, **GW), []),
    ("S03", "water for VOC asks a trip blank too", taken(FULL, EQUIP, **GW, **VOC),
     ["error 批次 260921A 地下水缺运输空白：0 个，应 ≥ 1 个（HJ 1019-2019 7.2.3）"]),
    ("S03", "water for VOC, a full blank for metals only", taken({**FULL, "groups": ["metal"]}, TRIP, EQUIP, **GW, groups=["voc", "metal"]),
     ["error 批次 260921A 地下水缺全程序空白：0 个，应 ≥ 1 个（HJ 1019-2019 7.2.2）"]),
    ("S03", "water for VOC, none: a blank two clauses ask for is told once", taken(TRIP, EQUIP, **GW, **VOC), [NO_FULL_GW]),
    ("S03", "soil for VOC, none", taken(**VOC), [NO_FULL, NO_TRIP]),
    ("S03", "soil for VOC, both", taken(FULL, TRIP, **VOC), []),
    ("S03", "a blank of the other medium", taken(FULL, {**TRIP, **GW}, **VOC), [NO_TRIP]),
    ("S03", "a blank of another batch", taken(FULL, {**TRIP, "of": "260922A"}, **VOC), [NO_TRIP]),
    ("S03", "each batch", two_batches(),
     [x.replace("260921A", "260922A") for x in (NO_FULL, NO_TRIP)]),
    ("S03", "a voided blank", taken(FULL, {**TRIP, "deleted": True}, **VOC), [NO_TRIP]),
    ("S03", "a blank that is not here", taken(FULL, {**TRIP, "sample": False}, **VOC),
     ["unknown 「空白样缺失」无法判断：缺空白样的样品记录"]),
    ("S03", "links not held", taken(**VOC).drop("qc_link"), ["unknown 「空白样缺失」无法判断：缺质控样关联"]),
    ("S03", "only blanks in a batch", taken({**TRIP, "batch": "260922A", "of": "260922A"}, n=0, **VOC), []),
    ("S03", "the project asks 10 % field blanks", taken({"kind": "field_blank"}, n=11, rules=[rule("field_blank")]),
     ["error 批次 260921A 土壤缺现场空白：1 个，应 ≥ 2 个（plan）"]),
    ("S03", "the project's 10 % met", taken({"kind": "field_blank"}, n=10, rules=[rule("field_blank")]), []),
    ("S03", "the project asks for none", taken(FULL, rules=[rule("trip_blank", basis="per_batch", share_pct=None, least=0)], **VOC), []),
    ("S03", "a rule per transport cannot be asked of a batch: the default counts",
     taken(FULL, rules=[rule("trip_blank", basis="per_transport", share_pct=None)], **VOC), [NO_TRIP]),
    ("S06", "vial, then jar", bottles(VIAL, JAR), []),
    ("S06", "jar, then vial", bottles(JAR, VIAL), [LATE]),
    ("S06", "jar, then vial after 1 s", bottles({**JAR, "ms": 0}, {**VIAL, "ms": 1000}), [LATE]),
    ("S06", "in one act", bottles({**JAR, "ms": 0}, {**VIAL, "ms": 999}), [UNKNOWN_ORDER]),
    ("S06", "an id without time", bottles({**JAR, "ms": None}, VIAL), [UNKNOWN_ORDER]),
    ("S06", "one of two vials tells no time", bottles(VIAL, {**VIAL, "ms": None}, JAR), [UNKNOWN_ORDER]),
    ("S06", "one of two vials behind the jar", bottles(JAR, VIAL, {**VIAL, "ms": None}), [LATE]),
    ("S06", "the jar was thrown away", bottles({**JAR, "state": "discarded", "discard_reason": "broken"}, VIAL), []),
    ("S06", "the jar for dry matter belongs to it", bottles({"type": "jar60", "groups": ["moisture"]}, VIAL), []),
    ("S06", "a vial alone", bottles(VIAL), []),
    ("S06", "no empty weight", bottles({**VIAL, "empty_g": None}, {**VIAL, "empty_g": None}), ["error S01-1 的甲醇瓶没有空瓶重：S01-1-C01、S01-1-C02"]),
    ("S06", "no empty weight, thrown away", bottles({**VIAL, "empty_g": None, "state": "discarded"}), []),
    ("S06", "a vial with water is not weighed", bottles({**VIAL, "type": "v40_water", "preservative": "none", "empty_g": None}), []),
    ("S06", "a composite", bottles(VIAL, sample={"composite_of": ["s2", "s3"]}), ["error S01-1 是混合样，VOC 不能取混合样"]),
    ("S06", "a composite for metals", bottles(JAR, sample={"composite_of": ["s2", "s3"], "groups": ["metal"]}), []),
    ("S06", "a blank", bottles({**VIAL, "empty_g": None}, sample={"kind": "trip_blank"}), []),
]  # fmt: skip


@pytest.mark.parametrize(("check", "name", "w", "expected"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_check(check: str, name: str, w: World, expected: list[str]) -> None:
    assert [f"{f.severity} {f.zh}" for f in run(w.facts()).by_check[check]] == expected


@pytest.mark.parametrize(
    ("n", "duplicates", "pct", "short", "room"),
    [(12, 1, "10", 1, 0), (10, 1, "10", 0, 0), (9, 1, "10", 0, 1), (1, 0, "10", 1, 0), (21, 1, "5", 1, 0), (20, 1, "5", 0, 0),
     (31, 1, "10", 3, 0), (5, 2, "10", 0, 15), (3, 0, "0", 1, 0), (3, 1, "0", 0, None), (40, 2, "7.5", 1, 0)],
)  # fmt: skip
def test_how_many_duplicates_are_still_due(n: int, duplicates: int, pct: str, short: int, room: int | None) -> None:
    (share,), media = duplicate_shares(batch(n, duplicates, [rule(share_pct=Decimal(pct))]).facts())
    assert (share.short, share.room, share.met, media) == (short, room, short == 0, ["soil"])
    assert (share.n, share.m) == (duplicates, n)
    # one more than there is room for is one too many
    if room is not None and not short:
        (after,), _ = duplicate_shares(batch(n + room + 1, duplicates, [rule(share_pct=Decimal(pct))]).facts())
        assert after.short == 1
