"""重点设施 Facility."""

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Merge, Spec
from schemas.record import Id, Record
from schemas.values import GeoFix


class Facility(Record):
    about: ClassVar[About] = About(
        "facility",
        "重点设施",
        "Facility",
        "inspection",
        Audience.ENFORCEMENT,
        ("inspector", "project_manager"),
        ("code",),
    )

    code: Annotated[str, Spec("设施编号", "Facility code", mark="K")] = Field(max_length=64)
    name: Annotated[str, Spec("设施名称", "Facility name", mark="K")] = Field(max_length=200)
    site_id: Annotated[Id, Spec("设施地块", "Site", ref="site", mark="K")]
    org_id: Annotated[Id | None, Spec("设施单位", "Operator", ref="organisation", mark="K")] = None
    hazard_class: Annotated[str, Spec("涉及工业活动", "Industrial activity", codes="hazard_class", mark="K")]
    kind: Annotated[str, Spec("设施类型", "Facility kind", codes="facility_kind", mark="K")]
    position: Annotated[
        GeoFix | None, Spec("设施坐标", "Facility position", widget="position", need="finalize", mark="K")
    ] = None
    hidden: Annotated[
        bool,
        Spec(
            "隐蔽性重点设施",
            "Hidden facility",
            hint_zh="隐蔽的为一类单元",
            hint_en="hidden ones make a class 1 unit",
            default="false",
            mark="K",
        ),
    ]
    unit_class: Annotated[str | None, Spec("单元类别", "Unit class", codes="unit_class", mark="C2")] = None
    protections: Annotated[
        list[str], Spec("防渗漏设施", "Protective measures", codes="protection", merge=Merge.UNION, mark="K")
    ] = Field(default_factory=list)
    material: Annotated[str | None, Spec("涉及有毒有害物质", "Toxic substances held", mark="C")] = Field(
        default=None, max_length=200
    )
