"""周期任务 Duty."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Spec
from schemas.record import Id, Record


class Duty(Record):
    about: ClassVar[About] = About(
        "duty", "周期任务", "Recurring duty", "inspection", Audience.ENFORCEMENT, ("project_manager",), ()
    )

    kind: Annotated[str, Spec("任务类别", "Kind of duty", codes="duty_kind", mark="C2")]
    site_id: Annotated[Id, Spec("任务地块", "Site", ref="site", mark="C2")]
    facility_id: Annotated[Id | None, Spec("任务设施", "Facility", ref="facility", mark="C2")] = None
    org_id: Annotated[Id, Spec("承担单位", "Responsible organisation", ref="organisation", mark="C")]
    every_months: Annotated[
        int,
        Spec(
            "周期",
            "Interval",
            unit="month",
            hint_zh="隐患排查 24–36，尾矿库 12，巡查 1–3",
            hint_en="hidden hazards 24–36, tailings 12, patrols 1–3",
            mark="C2",
        ),
    ] = Field(ge=1, le=120)
    first_due_on: Annotated[date, Spec("首次到期", "First due", mark="C2")]
    basis: Annotated[str, Spec("周期依据", "Basis of the interval")] = Field(max_length=200)
    ended_on: Annotated[date | None, Spec("终止日期", "Ended on")] = None
