"""核查任务 Field task."""

from datetime import date, datetime
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Merge, Spec
from schemas.record import Id, Record
from schemas.values import GeoPolygon, GeoPos


class FieldTask(Record):
    about: ClassVar[About] = About(
        "field_task",
        "核查任务",
        "Field task",
        "inspection",
        Audience.ENFORCEMENT,
        ("inspector", "project_manager"),
        ("code",),
    )

    code: Annotated[str, Spec("任务编号", "Task code", mark="C2")] = Field(max_length=64)
    kind: Annotated[str, Spec("线索来源", "Origin of the lead", codes="task_kind", mark="C2")]
    title: Annotated[str, Spec("线索摘要", "Summary", mark="C2")] = Field(max_length=200)
    detail: Annotated[str | None, Spec("线索内容", "Lead in full", widget="longtext", mark="C2")] = Field(
        default=None, max_length=20000
    )
    site_id: Annotated[Id | None, Spec("任务地块", "Site", ref="site")] = None
    point_id: Annotated[Id | None, Spec("任务点位", "Point", ref="point")] = None
    org_id: Annotated[Id | None, Spec("涉及单位", "Party concerned", ref="organisation", mark="C2")] = None
    geometry: Annotated[
        GeoPolygon | None, Spec("疑似图斑", "Area", widget="polygon", need="position empty", mark="C2")
    ] = None
    position: Annotated[
        GeoPos | None, Spec("核查位置", "Place to go to", widget="position", need="geometry empty", mark="C2")
    ] = None
    source_ref: Annotated[str | None, Spec("线索编号", "Lead number", mark="C2")] = Field(default=None, max_length=200)
    assigned_to: Annotated[
        list[Id], Spec("承办人", "Assigned to", ref="person", merge=Merge.UNION, need="due_on given", mark="C")
    ] = Field(default_factory=list)
    due_on: Annotated[date | None, Spec("办结期限", "Due", mark="K")] = None
    checklist: Annotated[
        str | None,
        Spec("指定检查表", "Checklist to use", hint_zh="编号@版本", hint_en="code@version"),
    ] = Field(default=None, max_length=100)
    outcome: Annotated[str | None, Spec("核查结论", "Outcome", atom="answer", codes="task_outcome")] = None
    outcome_text: Annotated[
        str | None,
        Spec("核查说明", "Outcome in words", atom="answer", widget="longtext", need="outcome given"),
    ] = Field(default=None, max_length=20000)
    visited_at: Annotated[
        datetime | None,
        Spec("到场时间", "Visited at", atom="answer", need="outcome in confirmed,not_found,partly", mark="K"),
    ] = None
    answered_by: Annotated[
        Id | None, Spec("核查人", "Answered by", atom="answer", ref="person", need="outcome given", mark="C")
    ] = None
