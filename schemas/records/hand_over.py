"""交接码 Hand-over code: a manifest's chain of signatures as one device saw it."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Fault, Record
from schemas.values import GeoFix


class HandOver(Record):
    """Waits for nothing: whoever reaches a network first brings the legs of all, also where the manifest is not there yet."""

    about: ClassVar[About] = About(
        "hand_over", "交接码", "Hand-over code", "transfer", Audience.TRANSFER, ("dispatcher", "inspector", "party"), (),
        frozen=True,
    )  # fmt: skip

    number: Annotated[str, Spec("联单编号", "Manifest number")] = Field(pattern=r"^[0-9]{14}$")
    code: Annotated[str, Spec("交接码内容", "Text of the code", widget="none")] = Field(max_length=8000)
    seen_at: Annotated[datetime, Spec("读码时间", "Read at")]
    way: Annotated[str, Spec("读码方式", "How it was read", codes="scan_way")]
    purpose: Annotated[str, Spec("读码用途", "Purpose", codes="scan_purpose")]
    position: Annotated[GeoFix | None, Spec("读码位置", "Position", widget="position")] = None
    verdict: Annotated[str | None, Spec("核验结果", "Verdict", codes="scan_verdict", need="purpose = roadside")] = None
    plate_seen: Annotated[str | None, Spec("现场车牌", "Plate seen", need="purpose = roadside")] = Field(
        default=None, max_length=20
    )
    gross_seen_t: Annotated[Decimal | None, Spec("现场称重", "Weighed on the spot", unit="t")] = Field(
        default=None, ge=0, le=100, decimal_places=3
    )

    @classmethod
    def faults(cls, seen: Any) -> Iterator[Fault]:
        """It begins as every code of ours; whether it can be read and believed is judged, not refused."""
        yield from super().faults(seen)
        if not seen.code.startswith("JT1:"):
            yield Fault("code", "交接码须以 JT1: 开头", "A hand-over code begins with JT1:")
