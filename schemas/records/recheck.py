"""复查 Re-check."""

from datetime import date, datetime
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record
from schemas.values import GeoFix, Officer, Signature


class Recheck(Record):
    about: ClassVar[About] = About(
        "recheck", "复查", "Re-check", "inspection", Audience.ENFORCEMENT, ("inspector",), ()
    )

    finding_id: Annotated[Id, Spec("复查问题", "Finding", ref="finding")]
    action_id: Annotated[Id | None, Spec("对应整改", "Corrective action", ref="corrective_action")] = None
    at: Annotated[datetime, Spec("复查时间", "Checked at", mark="C")]
    officers: Annotated[list[Officer], Spec("复查人员", "Re-check officers")] = Field(min_length=1)
    result: Annotated[str, Spec("复查结论", "Result", codes="recheck_result")]
    second_look: Annotated[
        bool | None,
        Spec("回头看", "Second look", hint_zh="销号之后再看", hint_en="after it was closed", mark="C2"),
    ] = None
    next_deadline: Annotated[date | None, Spec("下次整改期限", "Next deadline", mark="K")] = None
    opinion: Annotated[str | None, Spec("复查意见", "Opinion", widget="longtext", need="finalize")] = Field(
        default=None, max_length=20000
    )
    position: Annotated[GeoFix | None, Spec("复查位置", "Position", widget="position", need="finalize")] = None
    signatures: Annotated[list[Signature], Spec("复查签字", "Signatures", need="finalize", mark="C")] = Field(
        default_factory=list
    )
    referred_to: Annotated[str | None, Spec("移送单位", "Referred to", need="result = refer", mark="K")] = Field(
        default=None, max_length=200
    )
