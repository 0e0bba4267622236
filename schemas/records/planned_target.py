"""计划采样任务 Planned sampling target."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class PlannedTarget(Record):
    about: ClassVar[About] = About(
        "planned_target", "计划采样任务", "Planned sampling target", "plan", Audience.FIELD, ("project_manager",), ()
    )

    planned_point_id: Annotated[Id, Spec("计划点位", "Planned point", ref="planned_point", mark="C")]
    medium: Annotated[str, Spec("计划介质", "Medium", codes="medium", mark="C")]
    rule: Annotated[str, Spec("取样规则", "Depth rule", codes="target_rule", mark="C")]
    depth_top_m: Annotated[
        Decimal | None,
        Spec("计划上深", "Planned top", atom="interval", unit="m", need="rule in fixed,surface", mark="C"),
    ] = Field(default=None, ge=0, le=100, decimal_places=2)
    depth_bottom_m: Annotated[
        Decimal | None,
        Spec("计划下深", "Planned bottom", atom="interval", unit="m", need="rule in fixed,surface", mark="C"),
    ] = Field(default=None, ge=0, le=100, decimal_places=2)
    groups: Annotated[list[str], Spec("计划项目组", "Planned analyte groups", codes="analyte_group", mark="C")] = Field(
        min_length=1
    )
    qc_kind: Annotated[str | None, Spec("计划质控", "Planned QC", codes="qc_kind", mark="C")] = None
    lab_id: Annotated[Id | None, Spec("计划检测单位", "Planned laboratory", ref="organisation", mark="C")] = None
