"""校准检查 Calibration."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record
from schemas.values import CalPoint


class Calibration(Record):
    about: ClassVar[About] = About(
        "calibration", "校准检查", "Calibration", "fieldwork", Audience.FIELD, ("sampler",), ()
    )

    instrument_id: Annotated[Id, Spec("校准仪器", "Instrument", ref="instrument", mark="C")]
    at: Annotated[datetime, Spec("校准时间", "Calibrated at", mark="C")]
    person_id: Annotated[Id, Spec("校准人", "Calibrated by", ref="person", mark="C")]
    points: Annotated[list[CalPoint], Spec("校准点", "Calibration points", mark="C")] = Field(min_length=1)
    result: Annotated[str, Spec("校准结论", "Result", codes="cal_result")]
    valid_hours: Annotated[Decimal | None, Spec("有效时长", "Valid for", unit="h", default="24", mark="C2")] = Field(
        default=None, ge=1, le=720, decimal_places=0
    )
