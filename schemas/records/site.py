"""地块 Site."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record
from schemas.values import GeoPolygon


class Site(Record):
    about: ClassVar[About] = About("site", "地块", "Site", "plan", Audience.FIELD, ("project_manager",), ("code",))

    code: Annotated[str, Spec("地块编码", "Site code", mark="K")] = Field(max_length=64)
    name: Annotated[str, Spec("地块名称", "Site name", mark="C")] = Field(max_length=200)
    status: Annotated[str, Spec("地块状态", "State", codes="site_status", mark="C2")]
    boundary: Annotated[
        GeoPolygon | None, Spec("地块边界", "Boundary", widget="polygon", need="finalize", mark="C")
    ] = None
    area_m2: Annotated[Decimal | None, Spec("地块面积", "Area", unit="m²", mark="C")] = Field(
        default=None, ge=1, decimal_places=0
    )
    land_use: Annotated[
        str | None, Spec("规划用途", "Planned land use", codes="land_use", need="finalize", mark="C")
    ] = None
    standard: Annotated[
        str | None, Spec("评价标准", "Standard applied", codes="standard", need="finalize", mark="C")
    ] = None
    gw_standard: Annotated[str | None, Spec("地下水评价标准", "Groundwater standard", codes="standard", mark="C")] = (
        None
    )
    ph_band: Annotated[
        str | None, Spec("土壤pH分组", "Soil pH band", codes="ph_band", need="standard = gb15618", mark="C")
    ] = None
    owner_id: Annotated[Id | None, Spec("土壤污染责任人", "Liable party", ref="organisation", mark="C")] = None
    user_id: Annotated[Id | None, Spec("土地使用权人", "Land-use right holder", ref="organisation", mark="C")] = None
    division_code: Annotated[str | None, Spec("地块行政区划", "Administrative division", need="finalize", mark="C")] = (
        Field(default=None, max_length=200)
    )
    location: Annotated[str | None, Spec("地块位置说明", "Location", mark="C")] = Field(default=None, max_length=200)
    industry_history: Annotated[
        str | None, Spec("历史行业与生产", "Industrial history", widget="longtext", mark="C")
    ] = Field(default=None, max_length=20000)
    gw_sensitive: Annotated[
        bool | None, Spec("地下水敏感区1km内", "Within 1 km of groundwater protection", mark="C2")
    ] = None
    sensitive_receptors: Annotated[
        str | None, Spec("周边敏感目标", "Sensitive receptors", widget="longtext", mark="C")
    ] = Field(default=None, max_length=20000)
