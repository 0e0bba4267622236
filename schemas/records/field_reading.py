"""现场读数 Field reading."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Fault, Id, Record


class FieldReading(Record):
    about: ClassVar[About] = About(
        "field_reading", "现场读数", "Field reading", "fieldwork", Audience.FIELD, ("sampler",), ()
    )

    point_id: Annotated[Id | None, Spec("读数所属点位", "Point", ref="point", mark="C")] = None
    borehole_id: Annotated[Id | None, Spec("读数所属钻孔", "Borehole", ref="borehole", mark="C")] = None
    sample_id: Annotated[Id | None, Spec("读数所属样品", "Sample", ref="sample", mark="C")] = None
    method: Annotated[str, Spec("方法", "Method", codes="method_kind", mark="C")]
    instrument_id: Annotated[Id, Spec("测量仪器", "Instrument", ref="instrument", mark="C")]
    parameter: Annotated[str, Spec("测量参数", "Parameter", mark="C")] = Field(max_length=200)
    depth_top_m: Annotated[
        Decimal | None, Spec("读数上深", "Depth top", atom="interval", unit="m", need="borehole_id given", mark="C")
    ] = Field(default=None, ge=0, le=200, decimal_places=2)
    depth_bottom_m: Annotated[Decimal | None, Spec("读数下深", "Depth bottom", atom="interval", unit="m", mark="C")] = (
        Field(default=None, ge=0, le=200, decimal_places=2)
    )
    value: Annotated[Decimal | None, Spec("读数值", "Value", atom="result", mark="C")] = Field(
        default=None, decimal_places=4
    )
    qualifier: Annotated[str, Spec("限定符", "Qualifier", codes="qualifier", atom="result", default="eq", mark="C")]
    unit: Annotated[str, Spec("读数单位", "Unit", codes="unit", atom="result", mark="C")]
    lod: Annotated[
        Decimal | None, Spec("检出限", "Detection limit", atom="result", need="qualifier in lt,nd", mark="C")
    ] = Field(default=None, decimal_places=4)
    sigma_1s: Annotated[Decimal | None, Spec("单倍标准偏差", "Standard error (1 σ)", mark="C")] = Field(
        default=None, decimal_places=4
    )
    cf: Annotated[Decimal | None, Spec("响应校正系数", "Correction factor", mark="K")] = Field(
        default=None, decimal_places=2
    )
    live_time_s: Annotated[Decimal | None, Spec("测量时长", "Live time", unit="s", mark="K")] = Field(
        default=None, ge=0, le=600, decimal_places=1
    )
    repeat_no: Annotated[int | None, Spec("重复次序", "Repeat number", default="1", mark="C")] = Field(
        default=None, ge=1, le=10
    )
    moisture_pct: Annotated[Decimal | None, Spec("测时含水率", "Moisture at reading", unit="%", mark="K")] = Field(
        default=None, ge=0, le=100, decimal_places=0
    )
    at: Annotated[datetime, Spec("测量时间", "Measured at", mark="C")]
    entry_way: Annotated[str, Spec("录入方式", "Entry way", codes="entry_way", default="typed")]
    source_row: Annotated[int | None, Spec("原始行号", "Source row", mark="C")] = Field(
        default=None, ge=1, le=2147483647
    )
    raw_text: Annotated[str | None, Spec("原始读数文本", "Raw text", mark="C")] = Field(default=None, max_length=200)

    @classmethod
    def faults(cls, seen: Any) -> Iterator[Fault]:
        """V07 one parent, V08 censored values (RECORDS §5)."""
        yield from super().faults(seen)
        if sum(x is not None for x in (seen.point_id, seen.borehole_id, seen.sample_id)) != 1:
            yield Fault(
                "point_id",
                "读数只能属于点位、钻孔、样品之一",
                "A reading belongs to exactly one of point, borehole, sample",
            )
        if seen.qualifier in ("lt", "nd") and seen.lod is None:
            yield Fault("lod", "低于检出限时须填检出限", "A value below detection needs its detection limit")
        elif (
            seen.qualifier in ("lt", "nd") and seen.value is not None and seen.lod is not None and seen.value > seen.lod
        ):
            yield Fault(
                "value", "未检出的值不能大于检出限", "A value below detection cannot exceed the detection limit"
            )
        elif seen.qualifier not in ("lt", "nd") and seen.value is None and not seen.raw_text:
            yield Fault("value", "请填读数，或选未检出", "Enter the value, or choose not detected")
