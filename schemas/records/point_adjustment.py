"""点位调整单 Point adjustment."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record
from schemas.values import GeoFix


class PointAdjustment(Record):
    about: ClassVar[About] = About(
        "point_adjustment",
        "点位调整单",
        "Point adjustment",
        "fieldwork",
        Audience.FIELD,
        ("project_manager", "sampler"),
        (),
    )

    planned_point_id: Annotated[
        Id | None, Spec("调整的计划点位", "Planned point", ref="planned_point", need="kind not extra", mark="C")
    ] = None
    kind: Annotated[str, Spec("调整类型", "Kind", codes="adjust_kind", mark="C")]
    reason: Annotated[str, Spec("调整原因", "Reason", codes="reason_access", mark="K")]
    reason_text: Annotated[str, Spec("调整说明", "Explanation", widget="longtext", mark="C")] = Field(max_length=20000)
    proposed_position: Annotated[GeoFix | None, Spec("建议坐标", "Proposed position", widget="position", mark="C")] = (
        None
    )
    proposed_depth_m: Annotated[
        Decimal | None, Spec("建议深度", "Proposed depth", unit="m", need="kind = depth", mark="C")
    ] = Field(default=None, ge=0, le=100, decimal_places=2)
    decision: Annotated[str, Spec("处理意见", "Decision", atom="decision", codes="decision", default="pending")]
    decided_by: Annotated[
        Id | None, Spec("同意人", "Decided by", atom="decision", ref="person", need="decision not pending")
    ] = None
    decided_at: Annotated[
        datetime | None, Spec("同意时间", "Decided at", atom="decision", need="decision not pending")
    ] = None
