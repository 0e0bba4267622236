"""样品容器 Container."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class SampleContainer(Record):
    about: ClassVar[About] = About(
        "sample_container",
        "样品容器",
        "Container",
        "samples",
        Audience.FIELD,
        ("project_manager", "sampler"),
        ("code",),
    )

    code: Annotated[str, Spec("容器编号", "Container code", mark="C")] = Field(max_length=64)
    sample_id: Annotated[Id, Spec("所属样品", "Sample", ref="sample", mark="C")]
    type: Annotated[str, Spec("容器类型", "Container", codes="container_type", mark="C")]
    volume_ml: Annotated[Decimal, Spec("容器容积", "Volume", unit="mL", mark="C")] = Field(
        ge=1, le=20000, decimal_places=0
    )
    amount: Annotated[Decimal | None, Spec("装样量", "Amount filled", need="finalize", mark="C")] = Field(
        default=None, ge=0, decimal_places=2
    )
    preservative: Annotated[
        str | None, Spec("保存剂", "Preservative", codes="preservative", need="finalize", mark="C")
    ] = None
    groups: Annotated[list[str], Spec("装样项目组", "Analyte groups", codes="analyte_group", mark="C")] = Field(
        min_length=1
    )
    empty_g: Annotated[Decimal | None, Spec("空瓶重", "Empty weight", unit="g", need="type = v40_meoh", mark="C")] = (
        Field(default=None, ge=0, le=500, decimal_places=2)
    )
    full_g: Annotated[Decimal | None, Spec("装样后重", "Filled weight", unit="g", mark="C")] = Field(
        default=None, ge=0, le=500, decimal_places=2
    )
    methanol_ml: Annotated[
        Decimal | None, Spec("甲醇体积", "Methanol volume", unit="mL", need="preservative = meoh", mark="C")
    ] = Field(default=None, ge=0, le=20, decimal_places=1)
    headspace_ok: Annotated[
        bool | None, Spec("无气泡或留空合格", "Headspace or bubble check", need="groups contains voc", mark="C")
    ] = None
    bagged: Annotated[bool | None, Spec("独立装袋", "Bagged apart", need="groups contains voc", mark="C")] = None
    cold: Annotated[bool | None, Spec("低温保存", "Kept cold", need="finalize", mark="C")] = None
    state: Annotated[str, Spec("容器状态", "State", codes="container_state", default="filled", mark="C")]
    discard_reason: Annotated[
        str | None, Spec("容器作废原因", "Reason discarded", codes="discard_reason", need="state = discarded", mark="C")
    ] = None
    seal_no: Annotated[str | None, Spec("封签号", "Seal number", mark="K")] = Field(default=None, max_length=200)
