"""质控样关联 QC link."""

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class QcLink(Record):
    about: ClassVar[About] = About("qc_link", "质控样关联", "QC link", "samples", Audience.FIELD, ("sampler",), ())

    qc_sample_id: Annotated[Id, Spec("质控样品", "QC sample", ref="sample", mark="C")]
    kind: Annotated[str, Spec("质控类型", "Kind", codes="qc_kind", mark="C")]
    original_id: Annotated[
        Id | None,
        Spec("对应原样", "Original sample", ref="sample", need="kind in field_duplicate,blind_duplicate", mark="C"),
    ] = None
    batch: Annotated[
        str | None,
        Spec(
            "覆盖批次",
            "Batch covered",
            need="kind in full_blank,trip_blank,equipment_blank,field_blank,container_blank",
            mark="C",
        ),
    ] = Field(default=None, max_length=200)
    after_point_id: Annotated[
        Id | None, Spec("采集于某点之后", "Taken after point", ref="point", need="kind = equipment_blank", mark="C")
    ] = None
    matrix: Annotated[
        str | None,
        Spec(
            "空白基质",
            "Blank matrix",
            codes="blank_matrix",
            need="kind in full_blank,trip_blank,equipment_blank,field_blank",
            default="none",
            mark="C",
        ),
    ] = None
    control_code: Annotated[
        str | None, Spec("监控样编号", "Control sample code", need="kind = control_sample", mark="C")
    ] = Field(default=None, max_length=200)
    secret: Annotated[bool | None, Spec("对实验室保密", "Secret from the laboratory", default="true", mark="K")] = None
