"""批注 Comment."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class Comment(Record):
    about: ClassVar[About] = About(
        "comment",
        "批注",
        "Comment",
        "evidence",
        Audience.SUBJECT,
        ("dispatcher", "inspector", "project_manager", "sampler"),
        (),
    )

    subject_kind: Annotated[str, Spec("批注对象类型", "Subject kind", atom="subject")] = Field(
        pattern=r"^[a-z_]{1,64}$"
    )
    subject_id: Annotated[Id, Spec("批注对象", "Subject", atom="subject", ref="*")]
    field_name: Annotated[str | None, Spec("批注字段", "Field")] = Field(default=None, max_length=200)
    text: Annotated[str, Spec("批注内容", "Text", widget="longtext")] = Field(max_length=20000)
    at: Annotated[datetime, Spec("批注时间", "At")]
    resolved: Annotated[bool | None, Spec("已处理", "Resolved", default="false")] = None
