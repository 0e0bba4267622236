"""冲突 Conflict."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class Conflict(Record):
    about: ClassVar[About] = About("conflict", "冲突", "Conflict", "evidence", Audience.SUBJECT, (), ())

    subject_kind: Annotated[str, Spec("冲突记录类型", "Record kind", atom="subject")] = Field(pattern=r"^[a-z_]{1,64}$")
    subject_id: Annotated[Id, Spec("冲突记录", "Record", atom="subject", ref="*")]
    change_id: Annotated[str, Spec("触发变更", "Change")] = Field(max_length=200)
    field_name: Annotated[str, Spec("字段", "Field")] = Field(max_length=2000)
    before: Annotated[str, Spec("改前", "Before")] = Field(max_length=20_000_000)
    now: Annotated[str, Spec("现值", "Now")] = Field(max_length=20_000_000)
    after: Annotated[str, Spec("改后", "After")] = Field(max_length=20_000_000)
    choice: Annotated[str | None, Spec("处理选择", "Choice", atom="decision", codes="conflict_choice")] = None
    decided_by: Annotated[
        Id | None, Spec("处理人", "Decided by", atom="decision", ref="person", need="choice given")
    ] = None
    decided_at: Annotated[datetime | None, Spec("处理时间", "Decided at", atom="decision", need="choice given")] = None
    reason: Annotated[
        str | None, Spec("处理理由", "Reason", atom="decision", widget="longtext", need="choice given")
    ] = Field(default=None, max_length=20000)
