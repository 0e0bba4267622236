"""What exists before the day starts: firms, people, the project with its plan, instruments, trucks, a checklist.

All of it is made up, except the positions and figures of the plan (assets/demo/README.md). It goes in through the same
service as everything else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sync_server.main import Parts
from sync_server.plan.importing import Options, import_plan
from sync_server.plan.rows import read_plan
from sync_server.service import Write

PASSWORD = "jingtu-demo"  # on loopback, with made-up data
PEOPLE = {  # username → name, roles in the project, duty
    "xujing": ("许静", ("project_manager",), "manager"),
    "zhoulan": ("周岚", ("sampler",), "sampler"),
    "shenli": ("沈立", ("sampler", "dispatcher"), "dispatcher"),
    "wujian": ("吴建", ("sampler", "inspector"), "inspector"),
    "chenyu": ("陈瑜", ("auditor",), "qc"),
}
PARTIES = {  # device → name, firm, role in the project: phones that only have to do with trucks; nobody of these has a password
    "driver": ("马强", "carrier", "party"), "receiver": ("孙丽", "receiver", "party"), "gate": ("高敏", "remediator", "dispatcher"),
}  # fmt: skip
FIRMS = {
    "liable": ("示范化工有限公司", "liable"), "remediator": ("示范环境修复有限公司", "remediator"),
    "supervisor": ("示范环境监理有限公司", "supervisor"), "carrier": ("示范运输有限公司", "carrier"),
    "receiver": ("示范水泥有限公司", "receiver"), "origin": ("移出地生态环境局（示范）", "authority"),
    "destination": ("接收地生态环境局（示范）", "authority"),
}  # fmt: skip
PLATES = [f"苏L{n}" for n in ("A5541", "A5542", "A5543", "B1016", "B1017", "B1018")]


@dataclass
class Demo:
    """The ids of what was made."""

    org: str
    project: str
    site: str
    people: dict[str, str] = field(default_factory=dict)
    parties: dict[str, str] = field(default_factory=dict)
    firms: dict[str, str] = field(default_factory=dict)
    instruments: list[str] = field(default_factory=list)
    vehicles: list[str] = field(default_factory=list)
    lot: str = ""
    transfer_plan: str = ""
    checklist: str = ""

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self.__dict__, ensure_ascii=False))

    @classmethod
    def load(cls, path: Path) -> Demo:
        return cls(**json.loads(path.read_text()))


def seed(parts: Parts, points: Path, today: date, start: datetime) -> Demo:
    """Make it all. Raises Trouble 4001–4003 when the points file is not right."""
    service, new = parts.service, parts.service.new_id
    plan_file = read_plan(points.read_bytes())
    org = service.found("示范检测有限公司")
    home = f"{org}.organisation"
    demo = Demo(org, "", new())
    writes: list[Write] = []

    def add(type: str, scope: str, /, **values: Any) -> str:
        id = new()
        writes.append(Write(type, id, scope, values))
        return id

    for key, (name, role) in FIRMS.items():
        uscc = f"9132000000000{len(demo.firms):04d}X"[:18]
        demo.firms[key] = add("organisation", home, name=name, uscc=uscc, roles=[role],
                              **({"permit_no": "示范-0001"} if role in ("carrier", "receiver") else {}))  # fmt: skip
    for username, (name, _, duty) in PEOPLE.items():
        demo.people[username] = add("person", home, name=name, org_id=org, duties=[duty], account=username)
    for device, (name, firm, _) in PARTIES.items():
        demo.parties[device] = add(
            "person",
            home,
            name=name,
            org_id=demo.firms[firm],
            duties=["driver" if device == "driver" else "dispatcher"],
        )
    for n, username in enumerate(("wujian", "xujing")):
        add("person_qualification", home, person_id=demo.people[username], kind="enforcement", number=f"32-示范-{n + 1:03d}",
            valid_from=str(today - timedelta(days=300)), valid_to=str(today + timedelta(days=300)))  # fmt: skip
    for n in range(3):
        demo.instruments.append(
            add(
                "instrument",
                home,
                code=f"XRF-{n + 1}",
                kind="xrf",
                model="手持式 XRF",
                serial_no=f"84216{n}",
                org_id=org,
            )
        )
    for plate in PLATES:
        demo.vehicles.append(
            add("vehicle", home, plate=plate, vehicle_class="t4_31", carrier_id=demo.firms["carrier"], transport_permit="示范-道运-0001",
                permit_to=str(today + timedelta(days=365)), approved_load_t="18.50", tare_ref_t="12.40", cover="tarp")
        )  # fmt: skip
    demo.checklist = add(
        "checklist", home, code="field-sampling", version=1, title_zh="现场采样检查（示范）", title_en="Field sampling check (demo)",
        kind="sampling_supervision", verdict_rule="any_no_severe", basis="公告2022年第17号 表3-2", valid_from="2022-07-01",
        definition=json.dumps([{"code": "FS-01", "zh": "点位与方案一致", "en": "Point as planned"}], ensure_ascii=False),
    )  # fmt: skip
    service.write(None, writes)
    writes.clear()

    demo.project = service.add_project({
        "code": "DEMO-2026-001", "name": "默兹河漫滩表层土示范项目", "stage": "detailed", "client_id": demo.firms["liable"],
        "surveyor_id": org, "plan_author_id": org, "supervisor_id": demo.firms["supervisor"], "contact_id": demo.people["xujing"],
        "accuracy_gate_m": "5", "shift_ok_m": "5", "shift_reason_m": "5", "started_on": str(today),
        "qc_rules": [{"qc_kind": "field_duplicate", "medium": "soil", "groups": [], "basis": "share", "share_pct": "5.0", "least": 1,
                      "basis_text": "HJ 166-2026 11.3"}],
    })  # fmt: skip
    for username, (_, roles, _) in PEOPLE.items():
        parts.auth.add_account(demo.people[username], username, PASSWORD)
        for role in roles:
            service.grant(demo.people[username], demo.project, role)
    for device, (_, _, role) in PARTIES.items():
        service.grant(demo.parties[device], demo.project, role)
    manager, f, t = demo.people["xujing"], f"{demo.project}.field", f"{demo.project}.transfer"
    service.write(manager, [Write("site", demo.site, f, {
        "code": "DEMO", "name": "默兹河漫滩示范地块", "status": "survey", "land_use": "other_farm", "standard": "gb15618", "ph_band": "b6575",
        "owner_id": demo.firms["liable"], "division_code": "320111",
    })])  # fmt: skip
    options = Options(
        "示范采样方案", reason="按已有调查数据布点", target=("0", "0.2"), groups=("metal",), role="surface_only"
    )
    import_plan(service, demo.project, plan_file, options, manager)

    demo.lot = add("soil_lot", t, code="JK1", kind="pit", volume_m3="80.0", volume_kind="bank", density_t_m3="1.60",
                   contaminants="镉、锌超筛选值", hazard="not_hazardous")  # fmt: skip
    filed = [{"authority_id": demo.firms[side], "side": side, "submitted_at": _at(start, days=-20), "receipt_no": f"示范〔2026〕{n + 1} 号",
              "accepted_at": _at(start, days=-10)} for n, side in enumerate(("origin", "destination"))]  # fmt: skip
    demo.transfer_plan = add(
        "transfer_plan", t, code="ZJ-2026-01", version=1, site_id=demo.site, consignor_id=demo.firms["remediator"],
        supervisor_id=demo.firms["supervisor"], lots=[demo.lot], mass_t="128.0", volume_m3="80", from_date=str(today - timedelta(days=5)),
        to_date=str(today + timedelta(days=25)), way="road", carriers=[demo.firms["carrier"]], vehicles=demo.vehicles, measures="苫布覆盖，出场洗车",
        emergency="遗撒即停车围挡并报告", notice_text="污染土壤转运（示范）", filings=filed,
        receivers=[{"org_id": demo.firms["receiver"], "site_name": "示范水泥一号堆场", "position": {"lon": "119.5000000", "lat": "32.2000000"},
                    "way": "cement_kiln", "permit_no": "示范环审〔2024〕8 号", "capacity_t": "5000", "route_km": "38.0", "route_min": 60,
                    "accepts": "镉、锌污染土，不含危险废物", "dispose_days": 90}],
    )  # fmt: skip
    # a dispatcher writes transfer records; here the installation does, before anyone has a device
    service.write(None, writes)
    return demo


def _at(start: datetime, days: int) -> str:
    return (start + timedelta(days=days)).isoformat(timespec="seconds")
