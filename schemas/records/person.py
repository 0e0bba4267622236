"""人员 Person."""

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class Person(Record):
    about: ClassVar[About] = About(
        "person", "人员", "Person", "reference", Audience.ORGANISATION, ("project_manager",), ()
    )

    name: Annotated[str, Spec("姓名", "Name", mark="C")] = Field(max_length=200)
    org_id: Annotated[Id, Spec("所属单位", "Employer", ref="organisation", mark="C")]
    duties: Annotated[list[str], Spec("岗位", "Duties", codes="person_duty", need="finalize", mark="C")] = Field(
        default_factory=list
    )
    phone: Annotated[str | None, Spec("手机", "Mobile", mark="C2")] = Field(default=None, max_length=200)
    account: Annotated[str | None, Spec("系统账号", "Account")] = Field(default=None, max_length=200)
