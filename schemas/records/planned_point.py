"""计划点位 Planned point."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Merge, Spec
from schemas.record import Id, Record
from schemas.values import GeoPos


class PlannedPoint(Record):
    about: ClassVar[About] = About(
        "planned_point", "计划点位", "Planned point", "plan", Audience.FIELD, ("project_manager",), ("code",)
    )

    plan_id: Annotated[Id, Spec("所属方案", "Plan", ref="plan", mark="C")]
    zone_id: Annotated[Id | None, Spec("布点区域", "Zone", ref="plan_zone", mark="C")] = None
    code: Annotated[str, Spec("点位编号", "Point code", mark="C")] = Field(max_length=64)
    role: Annotated[str, Spec("点位类型", "Role", codes="planned_role", mark="C")]
    origin: Annotated[str, Spec("来源", "Origin", codes="planned_origin", default="plan")]
    trigger_reading_ids: Annotated[
        list[Id],
        Spec(
            "触发读数",
            "Readings that asked for it",
            ref="field_reading",
            merge=Merge.UNION,
            need="origin in field_extra,step_out",
        ),
    ] = Field(default_factory=list)
    position: Annotated[GeoPos, Spec("计划坐标", "Planned position", widget="position", mark="C")]
    tolerance_m: Annotated[Decimal | None, Spec("允许偏移", "Tolerance", unit="m")] = Field(
        default=None, ge=0, le=50, decimal_places=1
    )
    reason: Annotated[
        str | None, Spec("布点理由", "Reason for the position", widget="longtext", need="finalize", mark="C")
    ] = Field(default=None, max_length=20000)
    target_depth_m: Annotated[
        Decimal | None, Spec("设计孔深", "Design depth", unit="m", need="role not surface_only", mark="C")
    ] = Field(default=None, ge=0, le=100, decimal_places=2)
    gw_depth_m: Annotated[Decimal | None, Spec("预计水位", "Expected water depth", unit="m", mark="C")] = Field(
        default=None, ge=0, le=100, decimal_places=2
    )
    order_no: Annotated[int | None, Spec("施工顺序", "Work order", merge=Merge.OVERWRITE, mark="K")] = Field(
        default=None, ge=1, le=2147483647
    )
