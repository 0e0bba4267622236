"""样品 Sample."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.fields import About, Audience, Merge, Spec
from schemas.record import Id, Record


class Sample(Record):
    about: ClassVar[About] = About("sample", "样品", "Sample", "samples", Audience.FIELD, ("sampler",), ("code",))

    code: Annotated[str, Spec("样品编号", "Sample code", mark="C")] = Field(max_length=64)
    kind: Annotated[str, Spec("样品类型", "Kind", codes="sample_kind", default="ordinary", mark="C")]
    medium: Annotated[str, Spec("样品介质", "Medium", codes="medium", mark="C")]
    point_id: Annotated[
        Id | None, Spec("样品所属点位", "Point", ref="point", need="kind in ordinary,field_duplicate", mark="C")
    ] = None
    borehole_id: Annotated[Id | None, Spec("样品所属钻孔", "Borehole", ref="borehole", mark="C")] = None
    layer_id: Annotated[
        Id | None,
        Spec("对应土层", "Soil layer", ref="soil_layer", need="borehole_id given and kind = ordinary", mark="C"),
    ] = None
    target_id: Annotated[Id | None, Spec("对应计划任务", "Planned target", ref="planned_target")] = None
    depth_top_m: Annotated[
        Decimal | None,
        Spec(
            "上深",
            "Depth top",
            atom="interval",
            unit="m",
            need="kind in ordinary,field_duplicate and medium in soil,sediment,soil_gas",
            mark="C",
        ),
    ] = Field(default=None, ge=0, le=200, decimal_places=2)
    depth_bottom_m: Annotated[
        Decimal | None,
        Spec(
            "下深",
            "Depth bottom",
            atom="interval",
            unit="m",
            need="kind in ordinary,field_duplicate and medium in soil,sediment",
            mark="C",
        ),
    ] = Field(default=None, ge=0, le=200, decimal_places=2)
    pick_reason: Annotated[
        str | None,
        Spec("选样理由", "Reason picked", codes="pick_reason", need="medium = soil and kind = ordinary", mark="C"),
    ] = None
    best_reading_id: Annotated[
        Id | None,
        Spec("对应筛查读数", "Screening reading", ref="field_reading", need="pick_reason in pid_max,xrf_max", mark="C"),
    ] = None
    groups: Annotated[
        list[str], Spec("检测项目", "Analyte groups", codes="analyte_group", merge=Merge.UNION, mark="C")
    ] = Field(min_length=1)
    composite_of: Annotated[list[Id], Spec("混合样来源", "Composite of", ref="sample", merge=Merge.UNION, mark="C")] = (
        Field(default_factory=list)
    )
    collected_at: Annotated[datetime, Spec("采样时间", "Collected at", mark="C")]
    collected_by: Annotated[list[Id], Spec("采样人", "Sampled by", ref="person", merge=Merge.UNION, mark="C")] = Field(
        min_length=1
    )
    recorder_id: Annotated[
        Id | None,
        Spec(
            "记录人员",
            "Recorder",
            ref="person",
            need="kind in ordinary,field_duplicate and medium = groundwater",
            mark="C",
        ),
    ] = None
    batch: Annotated[str, Spec("采样批次", "Sampling batch", mark="C")] = Field(max_length=200)
    soil_tool: Annotated[
        str | None,
        Spec(
            "取土工具",
            "Soil tool",
            codes="soil_tool",
            need="kind in ordinary,field_duplicate and medium = soil",
            mark="C",
        ),
    ] = None
    water_tool: Annotated[
        str | None,
        Spec(
            "采水方式",
            "Water tool",
            codes="water_tool",
            need="kind in ordinary,field_duplicate and medium in groundwater,surface_water",
            mark="C",
        ),
    ] = None
    water_depth_m: Annotated[
        Decimal | None,
        Spec(
            "采水深度",
            "Sampling depth in water",
            unit="m",
            need="kind in ordinary,field_duplicate and medium in groundwater,surface_water",
            mark="C",
        ),
    ] = Field(default=None, ge=0, le=200, decimal_places=2)
    flow_ml_min: Annotated[
        Decimal | None,
        Spec(
            "采样流速",
            "Sampling flow",
            unit="mL/min",
            need="kind in ordinary,field_duplicate and medium = groundwater and water_tool = low_flow_pump",
            mark="C",
        ),
    ] = Field(default=None, ge=0, le=5000, decimal_places=0)
    odour_taste: Annotated[
        str | None,
        Spec("嗅和味", "Odour and taste", need="kind in ordinary,field_duplicate and medium = groundwater", mark="C"),
    ] = Field(default=None, max_length=200)
    seen_water: Annotated[
        list[str],
        Spec(
            "肉眼可见物",
            "Visible matter",
            codes="seen_water",
            need="kind in ordinary,field_duplicate and medium in groundwater,surface_water",
            mark="C",
        ),
    ] = Field(default_factory=list)
    appearance: Annotated[
        str | None, Spec("样品性状", "Appearance", codes="sample_state", need="finalize", default="normal", mark="C")
    ] = None
    preserved: Annotated[
        bool | None, Spec("固定剂已加", "Preservative added", need="medium in groundwater,surface_water", mark="C")
    ] = None
    label_checked: Annotated[bool | None, Spec("标签已核对", "Label checked", need="finalize", mark="C")] = None
    pair_sample_id: Annotated[
        Id | None, Spec("协同样品", "Paired sample", ref="sample", need="medium = crop", mark="K")
    ] = None
    crop_name: Annotated[str | None, Spec("农产品名称", "Crop", need="medium = crop", mark="K")] = Field(
        default=None, max_length=200
    )
