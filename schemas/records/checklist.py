"""检查表 Checklist."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class Checklist(Record):
    about: ClassVar[About] = About(
        "checklist", "检查表", "Checklist", "inspection", Audience.ORGANISATION, ("project_manager",), ("code",)
    )

    code: Annotated[str, Spec("检查表编号", "Checklist code")] = Field(max_length=64)
    state: Annotated[
        str | None,
        Spec(
            "检查表状态",
            "State",
            codes="checklist_state",
            default="draft",
            hint_zh="发布后不能再改，改动另出一版",
            hint_en="frozen once published; a change is a new version",
        ),
    ] = None
    project_id: Annotated[Id | None, Spec("适用项目", "For this project only", ref="project")] = None
    based_on: Annotated[str | None, Spec("来源检查表", "Made from", hint_zh="编号@版本", hint_en="code@version")] = (
        Field(default=None, max_length=100)
    )
    version: Annotated[int, Spec("检查表版本", "Checklist version")] = Field(ge=1, le=999)
    title_zh: Annotated[str, Spec("检查表名称", "Title (zh)", mark="C")] = Field(max_length=200)
    title_en: Annotated[str, Spec("英文名称", "Title (en)")] = Field(max_length=200)
    kind: Annotated[str, Spec("适用检查类型", "Inspection kind", codes="inspection_kind")]
    definition: Annotated[str, Spec("题项定义", "Items", widget="none")] = Field(max_length=2000000)
    verdict_rule: Annotated[str, Spec("结论规则", "Verdict rule", mark="C")] = Field(max_length=200)
    basis: Annotated[str, Spec("依据", "Basis", mark="C")] = Field(max_length=200)
    valid_from: Annotated[date | None, Spec("启用日期", "Valid from", atom="interval", need="finalize")] = None
    valid_to: Annotated[date | None, Spec("停用日期", "Valid to", atom="interval", mark="C")] = None
