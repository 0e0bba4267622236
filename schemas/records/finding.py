"""问题项 Finding."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record
from schemas.values import GeoFix


class Finding(Record):
    about: ClassVar[About] = About(
        "finding", "问题项", "Finding", "inspection", Audience.ENFORCEMENT, ("inspector",), ("code",)
    )

    code: Annotated[str, Spec("问题编号", "Finding code")] = Field(max_length=64)
    inspection_id: Annotated[Id, Spec("所属检查", "Inspection", ref="inspection", mark="C")]
    answer_id: Annotated[Id | None, Spec("来源题项", "From item", ref="checklist_answer")] = None
    severity: Annotated[str, Spec("严重程度", "Severity", codes="severity", mark="C")]
    kind: Annotated[str, Spec("问题类别", "Kind of problem", mark="K")] = Field(max_length=200)
    description: Annotated[str, Spec("问题描述", "Description", widget="longtext")] = Field(max_length=20000)
    basis: Annotated[str, Spec("认定依据", "Legal basis", mark="C")] = Field(max_length=200)
    quote: Annotated[str | None, Spec("依据条文", "Basis text shown")] = Field(default=None, max_length=200)
    conduct_on: Annotated[
        date | None,
        Spec(
            "行为发生日",
            "Day of the conduct",
            hint_zh="按这一天适用法律；不填即检查当日",
            hint_en="the law of this day applies; the day of the check where empty",
            mark="C2",
        ),
    ] = None
    facility_id: Annotated[Id | None, Spec("涉及设施", "Facility", ref="facility", mark="K")] = None
    position: Annotated[
        GeoFix | None, Spec("问题位置", "Position of the problem", widget="position", need="finalize", mark="K")
    ] = None
    org_id: Annotated[Id, Spec("责任单位", "Responsible party", ref="organisation")]
    responsible: Annotated[str | None, Spec("责任人", "Responsible person", need="finalize")] = Field(
        default=None, max_length=200
    )
    deadline: Annotated[date | None, Spec("整改期限", "Deadline", need="severity not tip", mark="K")] = None
    measure: Annotated[str | None, Spec("整改要求", "Required measure", widget="longtext", need="severity not tip")] = (
        Field(default=None, max_length=20000)
    )
