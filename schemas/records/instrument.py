"""仪器设备 Instrument."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record
from schemas.values import Lod


class Instrument(Record):
    about: ClassVar[About] = About(
        "instrument",
        "仪器设备",
        "Instrument",
        "reference",
        Audience.ORGANISATION,
        ("project_manager", "sampler"),
        ("code",),
    )

    code: Annotated[str, Spec("设备编号", "Instrument code", mark="C")] = Field(max_length=64)
    kind: Annotated[str, Spec("设备类型", "Kind", codes="instrument_kind", mark="C")]
    maker: Annotated[str | None, Spec("生产厂家", "Maker", mark="C")] = Field(default=None, max_length=200)
    model: Annotated[str, Spec("型号", "Model", mark="C")] = Field(max_length=200)
    serial_no: Annotated[str, Spec("出厂编号", "Serial number", mark="C")] = Field(max_length=200)
    org_id: Annotated[Id, Spec("所有单位", "Owner", ref="organisation")]
    lamp_ev: Annotated[Decimal | None, Spec("灯电压", "Lamp energy", unit="eV", need="kind = pid", mark="C")] = Field(
        default=None, ge=8, le=12, decimal_places=2
    )
    cf_default: Annotated[Decimal | None, Spec("校正系数", "Correction factor", default="1", mark="K")] = Field(
        default=None, ge=0.1, le=100, decimal_places=2
    )
    mode: Annotated[str | None, Spec("测量模式", "Method or mode", mark="C")] = Field(default=None, max_length=200)
    lod_default: Annotated[list[Lod], Spec("各元素检出限", "Detection limits", mark="K")] = Field(default_factory=list)
    verified_to: Annotated[
        date | None,
        Spec("检定有效期", "Metrology valid to", need="kind in weighbridge,balance,level_meter,thermometer", mark="C"),
    ] = None
