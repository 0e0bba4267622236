"""检查 Inspection."""

from datetime import date, datetime
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record
from schemas.values import GeoFix, Inspected, Notice, Officer, Signature


class Inspection(Record):
    about: ClassVar[About] = About(
        "inspection", "检查", "Inspection", "inspection", Audience.ENFORCEMENT, ("inspector",), ("code",)
    )

    code: Annotated[str, Spec("检查编号", "Inspection code")] = Field(max_length=64)
    kind: Annotated[str, Spec("检查类型", "Kind of inspection", codes="inspection_kind", mark="C")]
    checklist_id: Annotated[Id | None, Spec("所用检查表", "Checklist", ref="checklist")] = None
    site_id: Annotated[Id, Spec("检查地块", "Site", ref="site", mark="C")]
    point_id: Annotated[
        Id | None, Spec("检查点位", "Point checked", ref="point", need="kind = sampling_supervision")
    ] = None
    manifest_id: Annotated[Id | None, Spec("检查联单", "Manifest checked", ref="manifest", need="kind = roadside")] = (
        None
    )
    facility_id: Annotated[Id | None, Spec("检查设施", "Facility checked", ref="facility", mark="K")] = None
    task_id: Annotated[Id | None, Spec("来源任务", "Task", ref="field_task", mark="C")] = None
    list_code: Annotated[str | None, Spec("检查表编号", "Checklist code", atom="list")] = Field(
        default=None, max_length=64
    )
    list_version: Annotated[int | None, Spec("检查表版本", "Checklist version", atom="list")] = Field(
        default=None, ge=1, le=999
    )
    list_sha256: Annotated[
        str | None,
        Spec(
            "检查表哈希",
            "SHA-256 of the checklist",
            atom="list",
            hint_zh="答案永远对应这一版",
            hint_en="the answers belong to this version for ever",
        ),
    ] = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    stage: Annotated[str | None, Spec("所处阶段", "Stage checked", codes="survey_stage", mark="C")] = None
    org_id: Annotated[Id, Spec("被检查单位", "Inspected organisation", ref="organisation", mark="C")]
    legal_person: Annotated[str | None, Spec("法定代表人", "Legal representative", mark="C2")] = Field(
        default=None, max_length=200
    )
    inspected: Annotated[
        list[Inspected],
        Spec("被检查人", "Inspected persons", need="kind in enforcement,hidden_hazard,transfer", mark="C2"),
    ] = Field(default_factory=list)
    officers: Annotated[list[Officer], Spec("检查人员", "Officers", mark="C")] = Field(min_length=1)
    notices: Annotated[list[Notice], Spec("告知事项", "Notices", need="kind = enforcement", mark="C")] = Field(
        default_factory=list
    )
    started_at: Annotated[datetime, Spec("检查开始时间", "Started at", mark="C2")]
    ended_at: Annotated[datetime | None, Spec("检查结束时间", "Ended at", need="finalize", mark="C2")] = None
    position: Annotated[
        GeoFix | None, Spec("检查地点坐标", "Position of the check", widget="position", need="finalize", mark="C")
    ] = None
    place: Annotated[str | None, Spec("检查地点", "Place", need="finalize", mark="C2")] = Field(
        default=None, max_length=200
    )
    body: Annotated[
        str | None, Spec("检查情况", "Body of the record", widget="longtext", need="kind = enforcement", mark="C2")
    ] = Field(default=None, max_length=20000)
    verdict: Annotated[str | None, Spec("质量评价结论", "Verdict", codes="verdict", need="finalize", mark="C")] = None
    verdict_by_rule: Annotated[
        str | None,
        Spec(
            "按规则得出的结论",
            "Verdict by the rule",
            codes="verdict",
            hint_zh="检查人员只能定得更严",
            hint_en="a person may only make it stricter",
            mark="C",
        ),
    ] = None
    opinion: Annotated[
        str | None, Spec("总体意见", "Overall opinion", widget="longtext", need="finalize", mark="C")
    ] = Field(default=None, max_length=20000)
    measure: Annotated[str | None, Spec("处理措施", "Measure taken", codes="measure_kind", mark="C")] = None
    deadline: Annotated[date | None, Spec("整改期限", "Deadline", need="measure = rectify", mark="K")] = None
    signatures: Annotated[list[Signature], Spec("签字", "Signatures", need="finalize", mark="C")] = Field(
        default_factory=list
    )
    content_sha256: Annotated[
        str | None,
        Spec(
            "签字内容哈希",
            "SHA-256 of what was signed",
            hint_zh="印在笔录每一页",
            hint_en="stands on every printed page",
        ),
    ] = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    amends_id: Annotated[Id | None, Spec("更正的检查", "Amends inspection", ref="inspection")] = None
    amend_reason: Annotated[str | None, Spec("更正原因", "Reason for the amendment", need="amends_id given")] = Field(
        default=None, max_length=200
    )
