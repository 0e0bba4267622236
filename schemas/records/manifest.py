"""转运联单 Manifest."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class Manifest(Record):
    about: ClassVar[About] = About(
        "manifest", "转运联单", "Manifest", "transfer", Audience.TRANSFER, ("dispatcher",), ("number",)
    )

    number: Annotated[str, Spec("联单编号", "Manifest number", mark="C")] = Field(max_length=64)
    plan_id: Annotated[Id, Spec("转运计划", "Transfer plan", ref="transfer_plan")]
    lot_id: Annotated[Id, Spec("土方单元", "Soil lot", ref="soil_lot")]
    vehicle_id: Annotated[Id, Spec("运输车辆", "Vehicle", ref="vehicle", mark="C")]
    driver_name: Annotated[str, Spec("驾驶员姓名", "Driver", mark="C")] = Field(max_length=200)
    driver_phone: Annotated[str, Spec("驾驶员电话", "Driver phone", mark="C2")] = Field(max_length=200)
    licence_no: Annotated[str | None, Spec("从业资格证号", "Driver licence number", mark="C2")] = Field(
        default=None, max_length=200
    )
    cover: Annotated[str, Spec("覆盖方式", "Cover used", codes="cover_kind")]
    receiver_id: Annotated[Id, Spec("指定接收单位", "Named receiver", ref="organisation", mark="C")]
    receiver_place: Annotated[str, Spec("指定接收场所", "Named receiving place", mark="C")] = Field(max_length=200)
    loading_place: Annotated[str | None, Spec("装车位置", "Loading place")] = Field(default=None, max_length=200)
    issued_at: Annotated[datetime, Spec("开具时间", "Issued at", mark="C2")]
    supervised: Annotated[bool, Spec("监理已见证", "Supervisor present")]
    planned_t: Annotated[Decimal | None, Spec("预计净重", "Expected net", unit="t")] = Field(
        default=None, ge=0, le=80, decimal_places=1
    )
    paper: Annotated[bool | None, Spec("纸质联单补录", "Entered from paper", default="false", mark="C")] = None
