"""钻孔 Borehole."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class Borehole(Record):
    about: ClassVar[About] = About("borehole", "钻孔", "Borehole", "fieldwork", Audience.FIELD, ("sampler",), ("code",))

    point_id: Annotated[Id, Spec("所属点位", "Point", ref="point", mark="K")]
    code: Annotated[str, Spec("钻孔编号", "Borehole code", mark="C")] = Field(max_length=64)
    driller_id: Annotated[Id | None, Spec("钻探单位", "Drilling firm", ref="organisation", mark="C")] = None
    rig: Annotated[str | None, Spec("钻机型号", "Rig", need="finalize", mark="C")] = Field(default=None, max_length=200)
    method: Annotated[
        str | None, Spec("钻进方法", "Drilling method", codes="drill_method", need="finalize", mark="C")
    ] = None
    diameter_mm: Annotated[Decimal | None, Spec("孔径", "Hole diameter", unit="mm", need="finalize", mark="C")] = Field(
        default=None, ge=30, le=500, decimal_places=0
    )
    casing: Annotated[bool | None, Spec("全程套管跟进", "Full casing", need="finalize", mark="C")] = None
    opened_at: Annotated[datetime, Spec("开孔时间", "Hole opened", mark="C")]
    ended_at: Annotated[datetime | None, Spec("终孔时间", "Hole ended", need="finalize", mark="C")] = None
    depth_m: Annotated[Decimal | None, Spec("钻探深度", "Drilled depth", unit="m", need="finalize", mark="C")] = Field(
        default=None, ge=0, le=200, decimal_places=2
    )
    end_reason: Annotated[
        str | None, Spec("终孔原因", "Reason for ending", codes="hole_end", need="finalize", mark="C")
    ] = None
    first_water_m: Annotated[Decimal | None, Spec("初见水位埋深", "First water level", unit="m", mark="C")] = Field(
        default=None, ge=0, le=200, decimal_places=2
    )
    water_met: Annotated[bool | None, Spec("见地下水", "Groundwater met", need="finalize", mark="C")] = None
    aquitard_top_m: Annotated[Decimal | None, Spec("隔水层顶深", "Aquitard top", unit="m", mark="C")] = Field(
        default=None, ge=0, le=200, decimal_places=2
    )
    backfill: Annotated[str | None, Spec("封孔方式", "Backfill", codes="backfill", need="finalize", mark="C")] = None
    lead_id: Annotated[Id | None, Spec("钻探负责人", "Drilling lead", ref="person", need="finalize", mark="C")] = None
    recorder_id: Annotated[Id | None, Spec("记录人", "Recorder", ref="person", need="finalize", mark="C")] = None
    checker_id: Annotated[Id | None, Spec("校核人", "Checker", ref="person", need="finalize", mark="C")] = None
