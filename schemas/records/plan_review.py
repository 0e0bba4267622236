"""方案评审 Plan review."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record
from schemas.values import Expert


class PlanReview(Record):
    about: ClassVar[About] = About(
        "plan_review", "方案评审", "Plan review", "plan", Audience.FIELD, ("project_manager",), ()
    )

    plan_id: Annotated[Id, Spec("评审的方案", "Plan reviewed", ref="plan")]
    kind: Annotated[str, Spec("评审方式", "Kind of review", codes="plan_review_kind")]
    held_on: Annotated[date, Spec("评审日期", "Held on")]
    experts: Annotated[list[Expert], Spec("评审专家", "Experts", need="finalize")] = Field(default_factory=list)
    conclusion: Annotated[str, Spec("评审结论", "Conclusion", codes="plan_review_result")]
    opinions: Annotated[str | None, Spec("专家意见", "Opinions", widget="longtext", need="conclusion not pass")] = (
        Field(default=None, max_length=20000)
    )
    reply: Annotated[
        str | None, Spec("意见落实情况", "How each opinion was met", widget="longtext", need="conclusion = amended")
    ] = Field(default=None, max_length=20000)
    accepted_reason: Annotated[
        str | None, Spec("带问题批准的理由", "Reason for approving with open findings", widget="longtext")
    ] = Field(default=None, max_length=20000)
    minutes_sha256: Annotated[str | None, Spec("评审纪要文件哈希", "Hash of the minutes (SHA-256)")] = Field(
        default=None, pattern=r"^[0-9a-f]{64}$"
    )
