"""A record type nobody knows yet."""

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class Hindsight(Record):
    about: ClassVar[About] = About("hindsight", "后见", "Hindsight", "fieldwork", Audience.FIELD, ("sampler",), ())

    point_id: Annotated[Id, Spec("点位", "Point", ref="point")]
    text: Annotated[str, Spec("内容", "Text")] = Field(max_length=200)
