"""审核意见 Review decision."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class ReviewDecision(Record):
    about: ClassVar[About] = About(
        "review_decision",
        "审核意见",
        "Review decision",
        "evidence",
        Audience.SUBJECT,
        ("project_manager",),
        (),
        frozen=True,
    )

    subject_kind: Annotated[str, Spec("审核对象类型", "Subject kind", atom="subject", mark="C")] = Field(
        pattern=r"^[a-z_]{1,64}$"
    )
    subject_id: Annotated[Id, Spec("审核对象", "Subject", atom="subject", ref="*")]
    record_seq: Annotated[int, Spec("审核时的版本", "Record version reviewed")] = Field(ge=1, le=2147483647)
    state: Annotated[str, Spec("审核结论", "Decision", codes="review_state", mark="C")]
    level: Annotated[int, Spec("审核级别", "Review level", default="1", mark="C")] = Field(ge=1, le=3)
    reason: Annotated[str | None, Spec("退回原因", "Reason for return", widget="longtext", need="state = back")] = (
        Field(default=None, max_length=20000)
    )
    person_id: Annotated[Id, Spec("审核人", "Reviewer", ref="person", mark="C")]
    at: Annotated[datetime, Spec("审核时间", "At", mark="C")]
