"""设备终端 Device."""

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Record


class Device(Record):
    about: ClassVar[About] = About("device", "设备终端", "Device", "evidence", Audience.ORGANISATION, (), ("code",))

    code: Annotated[str, Spec("设备码", "Device code")] = Field(max_length=64)
    label: Annotated[str, Spec("设备名称", "Label")] = Field(max_length=200)
    use: Annotated[str, Spec("用途", "Use", codes="enrolment_use")]
    state: Annotated[str, Spec("设备状态", "State", codes="device_state", default="enrolled")]
    app_version: Annotated[str | None, Spec("应用版本", "App version")] = Field(default=None, max_length=200)
