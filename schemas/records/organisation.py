"""单位 Organisation."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Record
from schemas.values import GeoPos


class Organisation(Record):
    about: ClassVar[About] = About(
        "organisation", "单位", "Organisation", "reference", Audience.ORGANISATION, ("project_manager",), ("uscc",)
    )

    name: Annotated[str, Spec("单位名称", "Name", mark="C")] = Field(max_length=200)
    short_name: Annotated[str | None, Spec("单位简称", "Short name")] = Field(default=None, max_length=200)
    uscc: Annotated[str | None, Spec("统一社会信用代码", "Unified social credit code", need="finalize", mark="C")] = (
        Field(default=None, max_length=200)
    )
    roles: Annotated[list[str], Spec("单位角色", "Roles", codes="org_role", mark="C")] = Field(min_length=1)
    legal_person: Annotated[
        str | None, Spec("法定代表人", "Legal representative", need="roles contains key_unit", mark="C2")
    ] = Field(default=None, max_length=200)
    industry_code: Annotated[str | None, Spec("行业代码", "Industry code", mark="K")] = Field(
        default=None, max_length=200
    )
    contact: Annotated[str | None, Spec("联系人", "Contact person", mark="C")] = Field(default=None, max_length=200)
    phone: Annotated[str | None, Spec("单位电话", "Phone", mark="C")] = Field(default=None, max_length=200)
    address: Annotated[str | None, Spec("单位地址", "Address", mark="C")] = Field(default=None, max_length=200)
    division_code: Annotated[str | None, Spec("行政区划代码", "Administrative division code", mark="C")] = Field(
        default=None, max_length=200
    )
    position: Annotated[GeoPos | None, Spec("单位坐标", "Organisation position", widget="position")] = None
    registered_as_key_unit_on: Annotated[
        date | None, Spec("纳入重点单位名录日期", "Listed as key unit on", need="roles contains key_unit", mark="C")
    ] = None
    permit_no: Annotated[
        str | None, Spec("许可证号", "Permit number", need="roles contains receiver,carrier", mark="C")
    ] = Field(default=None, max_length=200)
