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
    overdue_factor: Annotated[
        Decimal | None,
        Spec("超时系数", "Overdue factor", default="1.5", hint_zh="乘以预计运输时间", hint_en="times the driving time"),
    ] = Field(default=None, ge=1, le=10, decimal_places=2)
    lost_h: Annotated[Decimal | None, Spec("失联时限", "Lost after", unit="h", default="24")] = Field(
        default=None, ge=1, le=720, decimal_places=0
    )
    plan_over_pct: Annotated[Decimal | None, Spec("超计划允差", "Over the planned mass", unit="%", default="10")] = (
        Field(default=None, ge=0, le=100, decimal_places=1)
    )
    tare_pct: Annotated[Decimal | None, Spec("皮重漂移允差", "Tare drift", unit="%", default="5")] = Field(
        default=None, ge=0, le=100, decimal_places=1
    )
    unloading_m: Annotated[Decimal | None, Spec("卸车位置允差", "Unloading place", unit="m", default="200")] = Field(
        default=None, ge=10, le=10000, decimal_places=0
    )
    lot_pct: Annotated[Decimal | None, Spec("方量允差", "Pit volume tolerance", unit="%", default="10")] = Field(
        default=None, ge=0, le=100, decimal_places=1
    )
    receiver_pct: Annotated[
        Decimal | None, Spec("接收平衡允差", "Receiver balance tolerance", unit="%", default="1")
    ] = Field(default=None, ge=0, le=100, decimal_places=1)
    turnaround_min: Annotated[
        Decimal | None, Spec("最短往返装卸时间", "Least time to load and unload", unit="min", default="10")
    ] = Field(default=None, ge=0, le=600, decimal_places=0)
    code_pattern: Annotated[str | None, Spec("样品编号规则", "Sample code pattern")] = Field(
        default=None, max_length=200
    )
