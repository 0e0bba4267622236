"""土层 Soil layer."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class SoilLayer(Record):
    about: ClassVar[About] = About("soil_layer", "土层", "Soil layer", "fieldwork", Audience.FIELD, ("sampler",), ())

    borehole_id: Annotated[Id, Spec("土层所属钻孔", "Borehole", ref="borehole", mark="C")]
    layer_no: Annotated[int, Spec("层号", "Layer number", mark="C")] = Field(ge=1, le=99)
    top_m: Annotated[Decimal, Spec("层顶深度", "Top", atom="interval", unit="m", mark="C")] = Field(
        ge=0, le=200, decimal_places=2
    )
    bottom_m: Annotated[Decimal, Spec("层底深度", "Bottom", atom="interval", unit="m", mark="C")] = Field(
        ge=0, le=200, decimal_places=2
    )
    texture: Annotated[str | None, Spec("土性", "Texture", codes="soil_texture", need="finalize", mark="C")] = None
    colour: Annotated[str | None, Spec("颜色", "Colour", codes="soil_colour", need="finalize", mark="C")] = None
    moisture: Annotated[str | None, Spec("湿度", "Moisture", codes="soil_moisture", need="finalize", mark="C")] = None
    density: Annotated[
        str | None, Spec("密实度或状态", "Density or state", codes="soil_density", need="finalize", mark="C")
    ] = None
    odour: Annotated[str | None, Spec("气味", "Odour", codes="odour", need="finalize", default="none", mark="C")] = None
    odour_level: Annotated[
        str | None, Spec("气味程度", "Odour strength", codes="level3", need="odour not none", mark="K")
    ] = None
    signs: Annotated[
        list[str], Spec("污染迹象", "Signs of contamination", codes="contamination_sign", need="finalize", mark="C")
    ] = Field(default_factory=list)
    sign_text: Annotated[str | None, Spec("外观描述", "Description", mark="C")] = Field(default=None, max_length=200)
    roots: Annotated[str | None, Spec("植物根系", "Roots", codes="root_amount", mark="C2")] = None
    gravel_pct: Annotated[Decimal | None, Spec("砾石含量", "Gravel share", unit="%", mark="K")] = Field(
        default=None, ge=0, le=100, decimal_places=0
    )
