"""项目 Project."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record
from schemas.values import PhotoRule, QcRule


class Project(Record):
    about: ClassVar[About] = About(
        "project", "项目", "Project", "plan", Audience.FIELD, ("project_manager",), ("code",)
    )

    code: Annotated[str, Spec("项目编号", "Project code", mark="C")] = Field(max_length=64)
    name: Annotated[str, Spec("项目名称", "Project name", mark="C")] = Field(max_length=200)
    stage: Annotated[str, Spec("工作阶段", "Stage", codes="survey_stage", mark="C")]
    client_id: Annotated[Id | None, Spec("委托单位", "Client", ref="organisation", need="finalize", mark="C")] = None
    surveyor_id: Annotated[Id, Spec("采样单位", "Survey firm", ref="organisation", mark="C")]
    plan_author_id: Annotated[Id | None, Spec("布点方案编制单位", "Plan author", ref="organisation")] = None
    supervisor_id: Annotated[Id | None, Spec("监理或质控单位", "Supervision firm", ref="organisation", mark="C")] = None
    contact_id: Annotated[Id | None, Spec("项目负责人", "Project manager", ref="person", need="finalize", mark="C")] = (
        None
    )
    started_on: Annotated[date | None, Spec("开工日期", "Started on")] = None
    tz_offset_min: Annotated[int | None, Spec("时区偏移", "Local offset", unit="min", default="480")] = Field(
        default=None, ge=-720, le=840
    )
    crs_epsg: Annotated[int | None, Spec("成果坐标系", "Output CRS", default="4490", mark="C")] = Field(
        default=None, ge=4490, le=4554
    )
    purge_rule: Annotated[
        str | None, Spec("采样前洗井规则", "Pre-sampling purge rule", codes="purge_rule", mark="C")
    ] = None
    accuracy_gate_m: Annotated[Decimal | None, Spec("定位精度门限", "Accuracy gate", unit="m", default="5")] = Field(
        default=None, ge=0.01, le=50, decimal_places=2
    )
    shift_ok_m: Annotated[Decimal | None, Spec("移点免批距离", "Silent shift limit", unit="m", default="2")] = Field(
        default=None, ge=0, le=20, decimal_places=1
    )
    shift_reason_m: Annotated[
        Decimal | None, Spec("移点须说明距离", "Shift needing a reason", unit="m", default="5")
    ] = Field(default=None, ge=0, le=50, decimal_places=1)
    late_entry_hours: Annotated[Decimal | None, Spec("补录时限", "Late entry limit", unit="h", default="12")] = Field(
        default=None, ge=0, le=720, decimal_places=0
    )
    screening_depths: Annotated[str | None, Spec("快筛深度设置", "Screening depth scheme", mark="K")] = Field(
        default=None, max_length=200
    )
    nd_as: Annotated[str | None, Spec("未检出取值", "ND taken as", codes="nd_rule", default="half_dl")] = None
    qc_rules: Annotated[list[QcRule], Spec("质控样规则", "QC rules", need="finalize", mark="C")] = Field(
        default_factory=list
    )
    photo_rules: Annotated[list[PhotoRule], Spec("必拍照片清单", "Required photos", mark="K")] = Field(
        default_factory=list
    )
    mass_pct: Annotated[Decimal | None, Spec("联单重量允差", "Weight tolerance", unit="%", default="1")] = Field(
        default=None, ge=0, le=10, decimal_places=2
    )
    mass_abs_t: Annotated[
        Decimal | None, Spec("联单重量绝对允差", "Weight tolerance (absolute)", unit="t", default="0.3")
    ] = Field(default=None, ge=0, le=5, decimal_places=2)
    code_pattern: Annotated[str | None, Spec("样品编号规则", "Sample code pattern")] = Field(
        default=None, max_length=200
    )
