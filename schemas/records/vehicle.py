"""车辆 Vehicle."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class Vehicle(Record):
    about: ClassVar[About] = About(
        "vehicle",
        "车辆",
        "Vehicle",
        "reference",
        Audience.ORGANISATION,
        ("dispatcher", "project_manager"),
        ("plate",),
    )

    plate: Annotated[str, Spec("车牌号", "Plate number", mark="C")] = Field(max_length=200)
    vehicle_class: Annotated[str, Spec("车辆类型", "Vehicle class", codes="vehicle_class", mark="K")]
    carrier_id: Annotated[Id, Spec("承运单位", "Carrier", ref="organisation", mark="C")]
    transport_permit: Annotated[
        str | None, Spec("道路运输证号", "Road transport permit", need="vehicle_class not car", mark="C")
    ] = Field(default=None, max_length=200)
    permit_to: Annotated[date | None, Spec("运输证有效期", "Permit valid to", need="vehicle_class not car")] = None
    approved_load_t: Annotated[Decimal | None, Spec("核定载质量", "Approved load", unit="t", mark="K")] = Field(
        default=None, ge=0, le=100, decimal_places=2
    )
    tare_ref_t: Annotated[Decimal | None, Spec("参考皮重", "Reference tare", unit="t")] = Field(
        default=None, ge=1, le=30, decimal_places=2
    )
    gps_terminal: Annotated[str | None, Spec("定位终端号", "GPS terminal number", mark="C2")] = Field(
        default=None, max_length=200
    )
    cover: Annotated[
        str | None, Spec("覆盖方式", "Cover", codes="cover_kind", need="vehicle_class not car", mark="K")
    ] = None
