"""Value classes: fields that mean something only together (a position, a signature, a weighing)."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from schemas.fields import Spec
from schemas.record import Id, Value

Coordinate = Annotated[Decimal, Spec("坐标", "Coordinate", unit="°")]


class GeoPolygon(Value):
    """Rings of [lon, lat] (CGCS2000): first the outer ring, then holes; each ring is closed."""

    rings: Annotated[list[list[list[Coordinate]]], Spec("边界环", "Rings", widget="none")] = Field(min_length=1)


class GeoPos(Value):
    """A planned position, with the figures as they were read from the file."""

    lon: Annotated[Decimal, Spec("经度", "Longitude", unit="°", mark="C")] = Field(ge=-180, le=180, decimal_places=7)
    lat: Annotated[Decimal, Spec("纬度", "Latitude", unit="°", mark="C")] = Field(ge=-90, le=90, decimal_places=7)
    elevation_m: Annotated[Decimal | None, Spec("计划高程", "Planned elevation", unit="m", mark="C")] = Field(
        default=None, ge=-200, le=9000, decimal_places=2
    )
    source_epsg: Annotated[int | None, Spec("原坐标系", "Source CRS (EPSG)", default="4490", mark="C")] = Field(
        default=None, ge=4326, le=4554
    )
    source_northing: Annotated[Decimal | None, Spec("原X(北)", "Source X (northing)", unit="m", mark="C")] = Field(
        default=None, decimal_places=3
    )
    source_easting: Annotated[Decimal | None, Spec("原Y(东)", "Source Y (easting)", unit="m", mark="C")] = Field(
        default=None, decimal_places=3
    )


class GeoFix(Value):
    """A measured position; the fix and its accuracy belong to it."""

    lon: Annotated[Decimal, Spec("经度", "Longitude", unit="°", mark="C")] = Field(ge=-180, le=180, decimal_places=7)
    lat: Annotated[Decimal, Spec("纬度", "Latitude", unit="°", mark="C")] = Field(ge=-90, le=90, decimal_places=7)
    h_acc_m: Annotated[
        Decimal | None, Spec("水平精度", "Horizontal accuracy", unit="m", need="fix_kind not in manual,map", mark="C")
    ] = Field(default=None, ge=0, le=10000, decimal_places=2)
    fix_kind: Annotated[str, Spec("定位方式", "Fix kind", codes="fix_kind")]
    fix_count: Annotated[int | None, Spec("平均次数", "Fixes averaged", default="1")] = Field(
        default=None, ge=1, le=3600
    )
    fix_age_s: Annotated[Decimal | None, Spec("定位时延", "Fix age", unit="s")] = Field(
        default=None, ge=0, decimal_places=1
    )
    mocked: Annotated[bool | None, Spec("模拟定位", "Mocked position", default="false")] = None
    elevation_m: Annotated[Decimal | None, Spec("高程", "Elevation", unit="m", mark="C")] = Field(
        default=None, ge=-200, le=9000, decimal_places=2
    )
    elevation_ref: Annotated[
        str | None, Spec("高程基准", "Elevation reference", codes="elevation_ref", need="elevation_m given", mark="K")
    ] = None
    v_acc_m: Annotated[Decimal | None, Spec("高程精度", "Vertical accuracy", unit="m")] = Field(
        default=None, ge=0, decimal_places=2
    )
    at: Annotated[datetime, Spec("定位时间", "Fix time")]
    manual_reason: Annotated[
        str | None, Spec("手工定位原因", "Reason for manual position", need="fix_kind in manual,map")
    ] = Field(default=None, max_length=200)


class FilePosition(Value):
    """Where a picture's own file says it was taken (EXIF); a claim of whatever wrote the file."""

    lon: Annotated[Decimal, Spec("文件经度", "Longitude in the file", unit="°")] = Field(
        ge=-180, le=180, decimal_places=7
    )
    lat: Annotated[Decimal, Spec("文件纬度", "Latitude in the file", unit="°")] = Field(ge=-90, le=90, decimal_places=7)
    h_acc_m: Annotated[Decimal | None, Spec("文件水平精度", "Accuracy in the file", unit="m")] = Field(
        default=None, ge=0, le=10000, decimal_places=2
    )
    at: Annotated[datetime | None, Spec("文件定位时间", "Fix time in the file")] = None


class Lod(Value):
    analyte: Annotated[str, Spec("检出限项目", "Analyte", mark="K")] = Field(max_length=200)
    lod: Annotated[Decimal, Spec("检出限值", "Limit", mark="K")] = Field(ge=0, decimal_places=3)
    unit: Annotated[str, Spec("检出限单位", "Unit", codes="unit", mark="K")]


class Signature(Value):
    role: Annotated[str, Spec("签字身份", "Signed as", codes="signoff_kind", mark="C")]
    person_id: Annotated[Id | None, Spec("签字人账号", "Signer (known person)", ref="person", mark="C")] = None
    name: Annotated[str, Spec("签字人姓名", "Signer name", mark="C")] = Field(max_length=200)
    way: Annotated[str, Spec("签字方式", "Way of signing", codes="sign_kind", mark="C")]
    refuse_reason: Annotated[
        str | None, Spec("拒签原因", "Reason not signed", need="way in refused,absent", mark="K")
    ] = Field(default=None, max_length=200)
    strokes: Annotated[str | None, Spec("笔迹", "Strokes", need="way = signed")] = Field(
        default=None, max_length=200000
    )
    signed_at: Annotated[datetime, Spec("签字时间", "Signed at", mark="C")]


class Notice(Value):
    kind: Annotated[str, Spec("告知内容", "Notice", codes="notice_kind", mark="C")]
    read_at: Annotated[datetime, Spec("告知时间", "Read at")]
    reply: Annotated[str | None, Spec("当事人答复", "Reply", mark="C")] = Field(default=None, max_length=200)


class Officer(Value):
    person_id: Annotated[Id, Spec("人员", "Person", ref="person", mark="C")]
    name: Annotated[str, Spec("执法人员姓名", "Officer name", mark="C")] = Field(max_length=200)
    certificate_no: Annotated[str | None, Spec("执法证号", "Certificate number", mark="C")] = Field(
        default=None, max_length=200
    )
    duty: Annotated[str, Spec("承担职责", "Part played", codes="person_duty", mark="C")]


class Inspected(Value):
    name: Annotated[str, Spec("被检查人姓名", "Name", mark="C2")] = Field(max_length=200)
    sex: Annotated[str | None, Spec("性别", "Sex", codes="sex", mark="C2")] = None
    duty: Annotated[str | None, Spec("职务", "Position held", mark="C2")] = Field(default=None, max_length=200)
    id_no: Annotated[str | None, Spec("身份证号", "ID number", mark="C2")] = Field(default=None, max_length=200)
    employer: Annotated[str | None, Spec("工作单位", "Employer", mark="C2")] = Field(default=None, max_length=200)
    phone: Annotated[str | None, Spec("联系电话", "Phone", mark="C2")] = Field(default=None, max_length=200)
    address: Annotated[str | None, Spec("住址", "Address", mark="C2")] = Field(default=None, max_length=200)
    postcode: Annotated[str | None, Spec("邮编", "Postcode", mark="C2")] = Field(default=None, max_length=200)


class QcRule(Value):
    qc_kind: Annotated[str, Spec("质控样类型", "QC kind", codes="qc_kind", mark="C")]
    medium: Annotated[str, Spec("适用介质", "Medium", codes="medium", mark="C")]
    groups: Annotated[list[str], Spec("适用项目组", "Analyte groups", codes="analyte_group", mark="C")] = Field(
        default_factory=list
    )
    basis: Annotated[str, Spec("计算基础", "Basis", codes="qc_basis")]
    share_pct: Annotated[Decimal | None, Spec("最低比例", "Least share", unit="%", need="basis = share", mark="C")] = (
        Field(default=None, ge=0, le=100, decimal_places=1)
    )
    least: Annotated[int | None, Spec("最少个数", "Least number", default="1", mark="C")] = Field(
        default=None, ge=0, le=99
    )
    basis_text: Annotated[str, Spec("规则依据", "Rule source", mark="C")] = Field(max_length=200)


class CalPoint(Value):
    kind: Annotated[str, Spec("校准方式", "Check kind", codes="cal_kind", mark="C")]
    standard: Annotated[str, Spec("标准物质", "Standard used", mark="C")] = Field(max_length=200)
    analyte: Annotated[str | None, Spec("检查项目", "Analyte checked", mark="K")] = Field(default=None, max_length=200)
    nominal: Annotated[Decimal | None, Spec("标准值", "Nominal value", mark="C2")] = Field(
        default=None, decimal_places=4
    )
    reading: Annotated[Decimal, Spec("示值", "Reading", mark="C")] = Field(decimal_places=4)
    unit: Annotated[str, Spec("校准单位", "Unit", codes="unit", mark="C")]
    tolerance: Annotated[Decimal | None, Spec("允许偏差", "Tolerance", mark="C2")] = Field(
        default=None, decimal_places=3
    )
    tolerance_is_pct: Annotated[bool | None, Spec("偏差为百分比", "Tolerance is per cent", default="true")] = None
    result: Annotated[str, Spec("单点结论", "Point result", codes="cal_result")]


class GeoLine(Value):
    """A way: [lon, lat] (CGCS2000) from its start to its end."""

    line: Annotated[list[list[Coordinate]], Spec("线路坐标", "Line", widget="none")] = Field(
        min_length=2, max_length=2000
    )


class Receiver(Value):
    org_id: Annotated[Id, Spec("接收单位", "Receiver", ref="organisation", mark="C")]
    site_name: Annotated[str, Spec("接收场所", "Receiving place", mark="C")] = Field(max_length=200)
    position: Annotated[
        GeoPos | None, Spec("接收场所坐标", "Receiver position", widget="position", need="finalize", mark="C")
    ] = None
    way: Annotated[str, Spec("最终处置措施", "Final disposal measure", codes="disposal_way", mark="C")]
    permit_no: Annotated[str, Spec("许可或环评文号", "Permit or EIA number", mark="C2")] = Field(max_length=200)
    capacity_t: Annotated[Decimal, Spec("可接收量", "Capacity", unit="t")] = Field(ge=0, le=10000000, decimal_places=1)
    route_km: Annotated[Decimal | None, Spec("线路里程", "Route length", unit="km", mark="C2")] = Field(
        default=None, ge=0, le=5000, decimal_places=1
    )
    route_min: Annotated[int, Spec("预计运输时间", "Expected driving time", unit="min")] = Field(ge=1, le=10000)
    sensitive: Annotated[str | None, Spec("沿线敏感点", "Sensitive places on route", widget="longtext")] = Field(
        default=None, max_length=20000
    )
    accepts: Annotated[
        str | None,
        Spec("可接收的土壤与污染物", "Soil and contaminants it may take", widget="longtext", need="finalize"),
    ] = Field(default=None, max_length=20000)
    dispose_days: Annotated[
        int | None,
        Spec("处置时限", "Time limit for disposal", unit="d", hint_zh="自接收之日起", hint_en="from receipt"),
    ] = Field(default=None, ge=1, le=3650)
    route: Annotated[GeoLine | None, Spec("运输线路", "Route", widget="none", mark="C")] = None


class Filing(Value):
    authority_id: Annotated[Id, Spec("报送部门", "Authority", ref="organisation", mark="C")]
    side: Annotated[str, Spec("报送对象", "Side", codes="filing_side", mark="C2")]
    submitted_at: Annotated[datetime, Spec("报送时间", "Submitted at", mark="C")]
    receipt_no: Annotated[str | None, Spec("回执文号", "Receipt number", need="accepted_at given")] = Field(
        default=None, max_length=200
    )
    accepted_at: Annotated[datetime | None, Spec("收悉时间", "Accepted at")] = None


class Weighing(Value):
    ticket_no: Annotated[str, Spec("过磅单号", "Weigh ticket number")] = Field(max_length=200)
    scale_id: Annotated[Id | None, Spec("地磅", "Weighbridge", ref="instrument", mark="C")] = None
    gross_t: Annotated[Decimal, Spec("毛重", "Gross weight", unit="t", mark="C2")] = Field(
        ge=0, le=100, decimal_places=3
    )
    tare_t: Annotated[Decimal, Spec("皮重", "Tare weight", unit="t", mark="C2")] = Field(ge=0, le=50, decimal_places=3)
    at: Annotated[datetime, Spec("过磅时间", "Weighed at")]


class PhotoRule(Value):
    role: Annotated[str | None, Spec("适用点位类型", "Planned role", codes="planned_role", mark="K")] = None
    step: Annotated[str, Spec("必拍环节", "Step", codes="photo_step", mark="K")]
    least: Annotated[int, Spec("最少张数", "Least number", default="1", mark="K")] = Field(ge=1, le=20)


class Expert(Value):
    """Somebody who reviewed a plan; seldom with an account here."""

    name: Annotated[str, Spec("专家姓名", "Name of the expert")] = Field(max_length=200)
    organisation: Annotated[str | None, Spec("专家单位", "Organisation of the expert")] = Field(
        default=None, max_length=200
    )
    title: Annotated[str | None, Spec("专家职称", "Professional title")] = Field(default=None, max_length=200)
