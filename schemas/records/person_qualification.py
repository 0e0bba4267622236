"""人员资质 Person qualification."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class PersonQualification(Record):
    about: ClassVar[About] = About(
        "person_qualification",
        "人员资质",
        "Person qualification",
        "reference",
        Audience.ORGANISATION,
        ("project_manager",),
        ("number",),
    )

    person_id: Annotated[Id, Spec("资质持有人", "Holder", ref="person", mark="C")]
    kind: Annotated[str, Spec("资质类型", "Kind", codes="qualification_kind", mark="C")]
    number: Annotated[str, Spec("证书编号", "Certificate number", mark="C")] = Field(max_length=64)
    issued_by: Annotated[str | None, Spec("发证机关", "Issued by", mark="C2")] = Field(default=None, max_length=200)
    valid_from: Annotated[date, Spec("有效期起", "Valid from", atom="interval", mark="C")]
    valid_to: Annotated[date | None, Spec("有效期止", "Valid to", atom="interval", mark="C")] = None
