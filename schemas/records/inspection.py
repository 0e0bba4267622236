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
    stage: Annotated[str | None, Spec("所处阶段", "Stage checked", codes="survey_stage", mark="C")] = None
    org_id: Annotated[Id, Spec("被检查单位", "Inspected organisation", ref="organisation", mark="C")]
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
    opinion: Annotated[
        str | None, Spec("总体意见", "Overall opinion", widget="longtext", need="finalize", mark="C")
    ] = Field(default=None, max_length=20000)
    measure: Annotated[str | None, Spec("处理措施", "Measure taken", codes="measure_kind", mark="C")] = None
    deadline: Annotated[date | None, Spec("整改期限", "Deadline", need="measure = rectify", mark="K")] = None
    signatures: Annotated[list[Signature], Spec("签字", "Signatures", need="finalize", mark="C")] = Field(
        default_factory=list
    )
    amends_id: Annotated[Id | None, Spec("更正的检查", "Amends inspection", ref="inspection")] = None
