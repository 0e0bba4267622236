"""转运计划 Transfer plan."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Merge, Spec
from schemas.record import Id, Record
from schemas.values import Filing, Receiver


class TransferPlan(Record):
    about: ClassVar[About] = About(
        "transfer_plan",
        "转运计划",
        "Transfer plan",
        "transfer",
        Audience.TRANSFER,
        ("dispatcher", "project_manager"),
        ("code",),
    )

    code: Annotated[str, Spec("转运计划编号", "Plan number")] = Field(max_length=64)
    version: Annotated[int, Spec("计划版本", "Version", default="1")] = Field(ge=1, le=99)
    site_id: Annotated[Id, Spec("移出地块", "Origin site", ref="site", mark="C")]
    consignor_id: Annotated[Id, Spec("移出单位", "Consignor", ref="organisation", mark="C")]
    supervisor_id: Annotated[Id | None, Spec("监理单位", "Supervision", ref="organisation", need="finalize")] = None
    lots: Annotated[list[Id], Spec("转出土方单元", "Soil lots", ref="soil_lot", merge=Merge.UNION)] = Field(
        min_length=1
    )
    mass_t: Annotated[Decimal, Spec("计划转运量", "Planned mass", unit="t", mark="C")] = Field(
        ge=0, le=10000000, decimal_places=1
    )
    volume_m3: Annotated[Decimal, Spec("计划转运方量", "Planned volume", unit="m³", mark="C")] = Field(
        ge=0, le=10000000, decimal_places=0
    )
    from_date: Annotated[date, Spec("转运开始日期", "From", atom="interval", mark="C")]
    to_date: Annotated[date, Spec("转运结束日期", "To", atom="interval", mark="C")]
    day_window: Annotated[str | None, Spec("每日运输时段", "Daily window", mark="C2")] = Field(
        default=None, max_length=200
    )
    way: Annotated[str, Spec("运输方式", "Transport way", codes="transport_way", mark="C")]
    carriers: Annotated[list[Id], Spec("承运单位", "Carriers", ref="organisation", merge=Merge.UNION, mark="C")] = (
        Field(min_length=1)
    )
    vehicles: Annotated[list[Id], Spec("车辆清单", "Vehicles", ref="vehicle", merge=Merge.UNION, mark="C")] = Field(
        min_length=1
    )
    receivers: Annotated[list[Receiver], Spec("去向与处置", "Receivers", mark="C")] = Field(min_length=1)
    measures: Annotated[
        str | None, Spec("防洒漏措施", "Spill and cover measures", widget="longtext", need="finalize")
    ] = Field(default=None, max_length=20000)
    emergency: Annotated[str | None, Spec("应急措施", "Emergency measures", widget="longtext", need="finalize")] = (
        Field(default=None, max_length=20000)
    )
    temp_store: Annotated[str | None, Spec("暂存场所", "Temporary storage place")] = Field(default=None, max_length=200)
    filings: Annotated[list[Filing], Spec("报送与备案", "Filings", mark="C")] = Field(default_factory=list)
    notice_text: Annotated[
        str | None, Spec("公告牌内容", "Notice board text", widget="longtext", need="finalize", mark="C")
    ] = Field(default=None, max_length=20000)
    suspended: Annotated[bool | None, Spec("暂停执行", "Suspended", default="false")] = None
    suspend_reason: Annotated[str | None, Spec("暂停原因", "Reason for suspending", need="suspended = true")] = Field(
        default=None, max_length=200
    )
    changed_what: Annotated[
        str | None,
        Spec("变更内容", "What was amended", widget="longtext", hint_zh="第 2 版起填写", hint_en="from version 2 on"),
    ] = Field(default=None, max_length=20000)
