"""交接环节 Manifest leg."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Fault, Id, Record
from schemas.values import GeoFix, Signature, Weighing


class ManifestLeg(Record):
    about: ClassVar[About] = About(
        "manifest_leg",
        "交接环节",
        "Manifest leg",
        "transfer",
        Audience.TRANSFER,
        ("dispatcher", "party"),
        (),
        frozen=True,
    )

    manifest_id: Annotated[Id, Spec("所属联单", "Manifest", ref="manifest")]
    kind: Annotated[str, Spec("环节类型", "Kind", codes="leg_kind")]
    at: Annotated[datetime, Spec("环节时间", "Time", mark="C")]
    position: Annotated[
        GeoFix | None, Spec("环节坐标", "Position", widget="position", need="kind not voided", mark="C2")
    ] = None
    who_name: Annotated[str, Spec("经办人", "Handled by", mark="C")] = Field(max_length=200)
    org_id: Annotated[Id, Spec("经办单位", "Organisation", ref="organisation", mark="C")]
    key_id: Annotated[str, Spec("签名密钥", "Signing key")] = Field(max_length=200)
    signature: Annotated[str, Spec("数字签名", "Digital signature")] = Field(max_length=200)
    signatures: Annotated[
        list[Signature],
        Spec(
            "手写签名", "Handwritten signatures", need="kind in issued,departed,received,received_difference,rejected"
        ),
    ] = Field(default_factory=list)
    cose: Annotated[
        str | None,
        Spec("签名原文", "Signed bytes", widget="none", hint_zh="COSE_Sign1", hint_en="COSE_Sign1"),
    ] = Field(default=None, max_length=4000)
    way: Annotated[str | None, Spec("签署方式", "How it was signed", codes="leg_way", default="own")] = None
    prev_hash: Annotated[str | None, Spec("前一环节哈希", "Hash of the previous leg")] = Field(
        default=None, max_length=200
    )
    weight: Annotated[
        list[Weighing], Spec("过磅", "Weighing", need="kind in issued,received,received_difference", mark="C")
    ] = Field(default_factory=list)
    received_t: Annotated[
        Decimal | None,
        Spec("确认接收量", "Accepted mass", unit="t", need="kind in received,received_difference", mark="C"),
    ] = Field(default=None, ge=0, le=80, decimal_places=3)
    heap: Annotated[str | None, Spec("堆放位置", "Heap or cell", need="kind in received,received_difference")] = Field(
        default=None, max_length=200
    )
    problem: Annotated[
        str | None,
        Spec("差异类型", "Difference", codes="leg_problem", need="kind in received_difference,rejected", mark="C"),
    ] = None
    problem_text: Annotated[str | None, Spec("差异说明", "Difference explained", need="problem given", mark="C")] = (
        Field(default=None, max_length=200)
    )
    reported_at: Annotated[
        datetime | None, Spec("报告主管部门时间", "Reported to the authority", need="kind = rejected", mark="C")
    ] = None
    odometer_km: Annotated[Decimal | None, Spec("里程表", "Odometer", unit="km")] = Field(
        default=None, ge=0, decimal_places=0
    )

    @classmethod
    def faults(cls, seen: Any) -> Iterator[Fault]:
        """V12 weighing: tare below gross (RECORDS §5)."""
        yield from super().faults(seen)
        for w in seen.weight:
            if w.tare_t >= w.gross_t:
                yield Fault(
                    "weight",
                    f"过磅单 {w.ticket_no}：皮重不小于毛重",
                    f"Weigh ticket {w.ticket_no}: tare is not below gross",
                )
