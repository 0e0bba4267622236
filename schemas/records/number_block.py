"""号段 Number block."""

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class NumberBlock(Record):
    about: ClassVar[About] = About(
        "number_block", "号段", "Number block", "evidence", Audience.ORGANISATION, (), (), frozen=True
    )

    use: Annotated[str, Spec("号段用途", "Use of the block", codes="block_use")]
    device_id: Annotated[Id, Spec("号段设备", "Device of the block", ref="device")]
    from_no: Annotated[int, Spec("起号", "From", atom="interval")] = Field(ge=0, le=2147483647)
    to_no: Annotated[int, Spec("止号", "To", atom="interval")] = Field(ge=0, le=2147483647)
