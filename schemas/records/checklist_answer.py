"""检查项 Checklist answer."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record
from schemas.values import GeoFix, GeoPolygon


class ChecklistAnswer(Record):
    about: ClassVar[About] = About(
        "checklist_answer",
        "检查项",
        "Checklist answer",
        "inspection",
        Audience.ENFORCEMENT,
        ("inspector",),
        ("number",),
    )

    inspection_id: Annotated[Id, Spec("所属检查", "Inspection", ref="inspection", mark="C")]
    item_code: Annotated[str, Spec("题项编号", "Item code", mark="C")] = Field(max_length=200)
    answer: Annotated[str, Spec("检查结果", "Answer", codes="answer_value", default="unanswered", mark="C")]
    number: Annotated[Decimal | None, Spec("数值答案", "Number", atom="number", mark="C")] = Field(
        default=None, decimal_places=4
    )
    unit: Annotated[str | None, Spec("数值单位", "Unit", atom="number", mark="C")] = Field(default=None, max_length=200)
    text: Annotated[
        str | None, Spec("检查意见", "Opinion", widget="longtext", need="answer in fail,insufficient", mark="C")
    ] = Field(default=None, max_length=20000)
    choices: Annotated[str | None, Spec("选项答案", "Choices")] = Field(default=None, max_length=200)
    position: Annotated[GeoFix | None, Spec("题项位置", "Position", widget="position", mark="C")] = None
    area: Annotated[GeoPolygon | None, Spec("题项范围", "Area", widget="polygon", mark="C")] = None
    moment: Annotated[datetime | None, Spec("题项时间", "Date or time")] = None
    instance: Annotated[str | None, Spec("重复组序", "Repeat instance")] = Field(default=None, max_length=200)
    auto_value: Annotated[str | None, Spec("自动核对结果", "Automatic value")] = Field(default=None, max_length=200)
