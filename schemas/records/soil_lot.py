"""基坑堆体 Soil lot."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class SoilLot(Record):
    about: ClassVar[About] = About(
        "soil_lot", "基坑堆体", "Soil lot", "transfer", Audience.TRANSFER, ("project_manager",), ("code",)
    )

    code: Annotated[str, Spec("土方单元编号", "Lot code")] = Field(max_length=64)
    kind: Annotated[str, Spec("单元类型", "Kind", codes="lot_kind", mark="K")]
    zone_id: Annotated[Id | None, Spec("对应区域", "Zone", ref="plan_zone", mark="K")] = None
    volume_m3: Annotated[
        Decimal | None, Spec("测量方量", "Surveyed volume", atom="volume", unit="m³", need="finalize")
    ] = Field(default=None, ge=0, le=10000000, decimal_places=1)
    volume_kind: Annotated[
        str | None, Spec("方量口径", "Volume kind", atom="volume", codes="lot_volume_kind", need="finalize", mark="K")
    ] = None
    density_t_m3: Annotated[Decimal | None, Spec("密度", "Density", unit="t/m³", need="finalize")] = Field(
        default=None, ge=1, le=2.5, decimal_places=2
    )
    contaminants: Annotated[str | None, Spec("污染物及浓度", "Contaminants", widget="longtext", need="finalize")] = (
        Field(default=None, max_length=20000)
    )
    hazard: Annotated[
        str | None, Spec("危废鉴别结论", "Hazard identification", codes="hazard_flag", need="finalize")
    ] = None
    temp_storage: Annotated[str | None, Spec("暂存要求", "Temporary storage")] = Field(default=None, max_length=200)
