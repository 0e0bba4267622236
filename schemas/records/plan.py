"""采样方案 Sampling plan."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class Plan(Record):
    about: ClassVar[About] = About(
        "plan", "采样方案", "Sampling plan", "plan", Audience.FIELD, ("project_manager",), ("code",)
    )

    code: Annotated[str, Spec("方案编号", "Plan code", mark="C")] = Field(max_length=64)
    version: Annotated[int, Spec("方案版本", "Version")] = Field(ge=1, le=999)
    title: Annotated[str, Spec("方案名称", "Title", mark="C")] = Field(max_length=200)
    stage: Annotated[str, Spec("方案阶段", "Stage", codes="survey_stage", mark="C")]
    author_id: Annotated[Id, Spec("编制单位", "Author organisation", ref="organisation", mark="C")]
    approved_by: Annotated[Id | None, Spec("批准人", "Approved by", atom="approval", ref="person", need="finalize")] = (
        None
    )
    approved_at: Annotated[datetime | None, Spec("批准时间", "Approved at", atom="approval", need="finalize")] = None
    layout_method: Annotated[
        str | None, Spec("布点方法", "Layout method", codes="layout_method", need="finalize", mark="K")
    ] = None
    suspect_area_m2: Annotated[Decimal | None, Spec("疑似区面积", "Suspected area", unit="m²", mark="C")] = Field(
        default=None, ge=0, decimal_places=0
    )
    target_depth_m: Annotated[Decimal | None, Spec("设计最大深度", "Design depth", unit="m", mark="C")] = Field(
        default=None, ge=0, le=100, decimal_places=1
    )
    media: Annotated[list[str], Spec("采样介质", "Media", codes="medium", need="finalize", mark="C")] = Field(
        default_factory=list
    )
    groups: Annotated[
        list[str], Spec("检测项目组", "Analyte groups", codes="analyte_group", need="finalize", mark="C")
    ] = Field(default_factory=list)
    change_note: Annotated[str | None, Spec("版本变更说明", "Change note", widget="longtext")] = Field(
        default=None, max_length=20000
    )
