"""A project whose plan goes through its life: three versions, a file that waits for its confirmation, edits in a draft."""

from __future__ import annotations

from typing import Any

from sync_server.plan.editing import Edit, save_edits
from sync_server.plan.importing import read_version
from tests.ui.console_seed import Seeded, pos, seed

WIDE = "让开电缆沟，与业主现场核对过，原位置在配电室以南的电缆沟盖板上，钻机进不去" * 3
HEAD = "点位编号,经度,纬度,设计孔深,上深,下深,检测项目,布点理由\n"


def file(service: Any, seeded: Seeded) -> str:
    """The newest version with one point moved, one added, one left out, and two wrong rows."""
    version = read_version(service, seeded.field)
    assert version is not None
    lines = []
    for v in version.points:
        at = pos(44, 50) if v["code"] == "S05" else v["position"]
        if v["code"] != "S30":
            lines.append(
                f"{v['code']},{at['lon']},{at['lat']},{v.get('target_depth_m', '')},0,0.5,重金属,{v['reason']}"
            )
    a, b = pos(15, 22), pos(25, 22)
    lines += [
        f"S41,{a['lon']},{a['lat']},6,0,0.5,重金属,S14 东 12 m，圈边界",
        f"S42,{b['lon']},北纬32度,6,0,0.5,重金属,",
        f"S05,{b['lon']},{b['lat']},6,2,1,重金属,",
    ]
    return HEAD + "\n".join(lines) + "\n"


def fill(parts: Any) -> Seeded:
    seeded = seed(parts.service, parts.auth)
    plan(parts.service, seeded)
    return seeded


def moved(x: float, y: float) -> dict[str, Any]:
    return {"position": {**pos(x, y), "source_epsg": 4490}}


def plan(service: Any, seeded: Seeded) -> None:
    """Version 4 out of edits, a file and a draft of the project manager."""
    xujing = seeded.people["xujing"]
    version = read_version(service, seeded.field)
    assert version is not None
    edits = [
        Edit("move", "S12", moved(57, 43), WIDE[:36]),
        Edit("add", "S31", {**moved(5, 22), "role": "soil", "origin": "plan", "reason": "圈边界", "target_depth_m": "6", "targets": []}, "S14 西 18 m，圈边界"),
        Edit("cancel", "S18", {}, "混凝土 1.2 m 拒钻，由 S19 代替"),
        Edit("change", "S14", {"target_depth_m": "8"}, "见底确认"),
    ]  # fmt: skip
    verbs = {"move": "移动", "add": "新增", "cancel": "取消", "change": "改深度、偏移"}
    save_edits(service, seeded.project, xujing, edits, verbs, version.mark)
    text = file(service, seeded)
    service.put_plan_draft(
        xujing, seeded.project, "file", "红星_加密布点.csv", text.encode(), {"good": "yes", "note": "加密"}
    )
    draft = [Edit("move", "S07", moved(12, 31), "让开管沟"), Edit("cancel", "S30", {}, "业主不同意")]
    service.put_plan_draft(xujing, seeded.project, "edits", "", None, {"edits": [e._asdict() for e in draft]})
