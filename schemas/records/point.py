"""点位 Point (visit)."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Merge, Spec
from schemas.record import Id, Record
from schemas.values import GeoFix


class Point(Record):
    about: ClassVar[About] = About(
        "point", "点位", "Point (visit)", "fieldwork", Audience.FIELD, ("sampler",), ("code",)
    )

    planned_point_id: Annotated[Id | None, Spec("计划点位", "Planned point", ref="planned_point")] = None
    code: Annotated[str, Spec("实际点位编号", "Point code", mark="C")] = Field(max_length=64)
    site_id: Annotated[Id, Spec("地块", "Site", ref="site", mark="C")]
    outcome: Annotated[
        str | None, Spec("完成情况", "Outcome", codes="visit_outcome", need="finalize", default="done")
    ] = None
    reason: Annotated[
        str | None,
        Spec(
            "移点或未完成原因", "Reason for shift or refusal", codes="reason_access", need="outcome not done", mark="K"
        ),
    ] = None
    reason_text: Annotated[str | None, Spec("原因说明", "Reason in words", merge=Merge.OVERWRITE, mark="C")] = Field(
        default=None, max_length=200
    )
    adjustment_id: Annotated[Id | None, Spec("点位调整单", "Adjustment", ref="point_adjustment")] = None
    position: Annotated[GeoFix | None, Spec("实测坐标", "Position", widget="position", need="finalize", mark="C")] = (
        None
    )
    weather: Annotated[str | None, Spec("天气", "Weather", codes="weather", need="finalize", mark="C")] = None
    air_temp_c: Annotated[Decimal | None, Spec("气温", "Air temperature", unit="℃", mark="C")] = Field(
        default=None, ge=-50, le=60, decimal_places=1
    )
    wind: Annotated[str | None, Spec("风向风力", "Wind", mark="C")] = Field(default=None, max_length=200)
    surface_kind: Annotated[str | None, Spec("地表情况", "Surface", need="finalize", mark="C")] = Field(
        default=None, max_length=200
    )
    samplers: Annotated[
        list[Id], Spec("采样人员", "Crew", ref="person", merge=Merge.UNION, need="finalize", mark="C")
    ] = Field(default_factory=list)
    started_at: Annotated[datetime, Spec("开始时间", "Started", mark="C")]
    ended_at: Annotated[datetime | None, Spec("结束时间", "Ended", need="finalize", mark="C")] = None
    gaps_accepted: Annotated[str | None, Spec("带缺项完成的理由", "Reason for finishing with gaps")] = Field(
        default=None, max_length=200
    )
