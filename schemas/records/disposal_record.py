"""处置记录 Disposal record."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class DisposalRecord(Record):
    about: ClassVar[About] = About(
        "disposal_record", "处置记录", "Disposal record", "transfer", Audience.TRANSFER, ("dispatcher", "party"),
        ("lot_code",),
    )  # fmt: skip

    receiver_id: Annotated[Id, Spec("处置单位", "Receiver", ref="organisation", mark="C2")]
    lot_code: Annotated[str, Spec("接收堆位", "Receiving heap")] = Field(max_length=64)
    from_date: Annotated[date, Spec("处置开始", "From", atom="interval", mark="C2")]
    to_date: Annotated[date | None, Spec("处置结束", "To", atom="interval", need="finalize", mark="C2")] = None
    manifests: Annotated[list[Id], Spec("所含联单", "Manifests it ends", ref="manifest")] = Field(default_factory=list)
    mass_t: Annotated[Decimal, Spec("处置量", "Mass treated", unit="t")] = Field(ge=0, le=10000000, decimal_places=1)
    stock_t: Annotated[Decimal, Spec("库存量", "Stock", unit="t", hint_zh="处置结束日", hint_en="at the end")] = Field(
        ge=0, le=10000000, decimal_places=1
    )
    way: Annotated[str, Spec("处置方式", "Disposal", codes="disposal_way", mark="C")]
    product: Annotated[str | None, Spec("处置后去向", "Product and where it went", mark="K")] = Field(
        default=None, max_length=200
    )
