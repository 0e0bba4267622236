"""登记 Enrolment: one person on one device, with one key."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class Enrolment(Record):
    about: ClassVar[About] = About("enrolment", "设备登记", "Enrolment", "evidence", Audience.ORGANISATION, ())

    person_id: Annotated[Id, Spec("使用人", "For person", ref="person")]
    device_id: Annotated[Id, Spec("登记设备", "Device", ref="device")]
    use: Annotated[str, Spec("授权用途", "Use granted", codes="enrolment_use")]
    public_key: Annotated[str, Spec("公钥", "Public key", widget="none")] = Field(pattern=r"^[A-Za-z0-9_-]{43}$")
    used_at: Annotated[datetime, Spec("登记时间", "Enrolled at")]
    state: Annotated[str, Spec("登记状态", "State", codes="device_state", default="enrolled")]
