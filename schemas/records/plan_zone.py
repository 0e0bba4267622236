"""布点区域 Plan zone."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record
from schemas.values import GeoPolygon


class PlanZone(Record):
    about: ClassVar[About] = About(
        "plan_zone", "布点区域", "Plan zone", "plan", Audience.FIELD, ("project_manager",), ("code",)
    )

    plan_id: Annotated[Id, Spec("所属方案", "Plan", ref="plan", mark="C")]
    code: Annotated[str, Spec("区域编号", "Zone code", mark="K")] = Field(max_length=64)
    kind: Annotated[str, Spec("区域类型", "Zone kind", codes="zone_kind", mark="C")]
    unit_class: Annotated[
        str | None, Spec("监测单元类别", "Unit class", codes="unit_class", need="kind = monitor_unit", mark="C2")
    ] = None
    boundary: Annotated[
        GeoPolygon | None, Spec("区域边界", "Zone boundary", widget="polygon", need="finalize", mark="C")
    ] = None
    area_m2: Annotated[Decimal | None, Spec("区域面积", "Zone area", unit="m²", need="finalize", mark="C")] = Field(
        default=None, ge=0, decimal_places=0
    )
    depth_top_m: Annotated[Decimal | None, Spec("区域顶深", "Zone top depth", atom="interval", unit="m", mark="K")] = (
        Field(default=None, ge=0, le=50, decimal_places=2)
    )
    depth_bottom_m: Annotated[
        Decimal | None, Spec("区域底深", "Zone bottom depth", atom="interval", unit="m", mark="K")
    ] = Field(default=None, ge=0, le=50, decimal_places=2)
    reason: Annotated[
        str | None, Spec("划分依据", "Reason for the zone", widget="longtext", need="finalize", mark="C")
    ] = Field(default=None, max_length=20000)
    lot_id: Annotated[Id | None, Spec("关联基坑堆体", "Soil lot", ref="soil_lot")] = None
