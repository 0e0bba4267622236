"""整改 Corrective action."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class CorrectiveAction(Record):
    about: ClassVar[About] = About(
        "corrective_action",
        "整改",
        "Corrective action",
        "inspection",
        Audience.ENFORCEMENT,
        ("inspector", "party", "project_manager"),
        (),
    )

    finding_id: Annotated[Id, Spec("整改问题", "Finding", ref="finding", mark="K")]
    at: Annotated[datetime, Spec("整改时间", "Done at", mark="K")]
    measure_taken: Annotated[str, Spec("整改情况", "Measure taken", widget="longtext", mark="K")] = Field(
        max_length=20000
    )
    cost_yuan: Annotated[Decimal | None, Spec("整改投入", "Cost", unit="yuan", mark="K")] = Field(
        default=None, ge=0, decimal_places=0
    )
    done: Annotated[bool, Spec("整改完成", "Done", mark="K")]
    reported_by: Annotated[str, Spec("申报人", "Reported by", mark="K")] = Field(max_length=200)
