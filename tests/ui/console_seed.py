"""A project as the console meets it: 30 planned points, most done, one moved too far, one missing, some exceeding.

seeded = seed(service, auth)         # through the service, as everything else gets in
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sync_server.auth import Auth
from sync_server.service import Service, Write
from sync_server.store import DeviceKey

NOW = datetime(2026, 11, 21, 10, 45, tzinfo=UTC)  # 18:45 in Shanghai
LON, LAT = 119.452, 32.2087
PASSWORD = "correct horse battery"


class Seeded(NamedTuple):
    project: str
    other: str  # a project nobody here may read
    field: str  # scope
    org: str
    people: dict[str, str]  # user name → person
    planned: dict[str, str]  # code → id


def east(m: float) -> float:
    return m / (111_320 * math.cos(math.radians(LAT)))


def north(m: float) -> float:
    return m / 111_320


def pos(x: float, y: float) -> dict[str, str]:
    return {"lon": f"{LON + east(x):.7f}", "lat": f"{LAT + north(y):.7f}"}


def at(minutes: float) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat()


def people(service: Service, auth: Auth, org: str, roles: dict[str, tuple[str, str]]) -> dict[str, str]:
    """user name → person; `roles`: user name → (shown name, role in every project made later)."""
    home = f"{org}.organisation"
    found = {}
    for username, (name, _) in roles.items():
        id = service.new_id()
        service.write(None, [Write("person", id, home, {"name": name, "org_id": org, "duties": ["sampler"]})])
        auth.add_account(id, username, PASSWORD)
        found[username] = id
    return found


def seed(service: Service, auth: Auth, *, points: int = 30, names: dict[str, str] | None = None) -> Seeded:
    """`names` overrides shown texts: project, site, point, device, person, reason."""
    said = {"project": "红星电镀厂地块 详细调查", "site": "红星电镀厂地块", "device": "平板 03", "person": "许静",
            "reason": "电镀车间东侧", "client": "净土勘测"} | (names or {})  # fmt: skip
    org = service.found(said["client"])
    home, new = f"{org}.organisation", service.new_id
    roles = {"xujing": (said["person"], "project_manager"), "zhoulan": ("周岚", "sampler"), "wang": ("王工", "inspector"),
             "stranger": ("外人", "sampler")}  # fmt: skip
    who = people(service, auth, org, roles)
    base = {
        "stage": "detailed",
        "client_id": org,
        "surveyor_id": org,
        "contact_id": who["xujing"],
        "started_on": "2026-11-10",
    }
    project = service.add_project({"code": "HX-2026", "name": said["project"], **base})
    other = service.add_project({"code": "BH-2026", "name": "滨河路加油站 初步调查", **base})
    for username in ("xujing", "zhoulan", "wang"):
        service.grant(who[username], project, roles[username][1])
    service.grant(who["stranger"], other, "sampler")
    field = f"{project}.field"

    xrf, cal = new(), new()
    service.write(None, [
        Write("instrument", xrf, home, {"code": "XRF-1", "kind": "xrf", "model": "Vanta", "serial_no": "842167", "org_id": org}),
        Write("calibration", cal, field, {
            "instrument_id": xrf, "at": at(700), "person_id": who["zhoulan"], "result": "passed",
            "points": [{"kind": "crm", "standard": "NIST 2711a", "reading": "22.5", "unit": "mg_kg", "result": "passed"}],
        }),
    ])  # fmt: skip

    side = 10 * math.ceil(math.sqrt(points))
    corners = [(-15, -15), (side + 5, -18), (side + 8, side), (side / 2, side + 6), (-12, side), (-15, -15)]
    ring = [[pos(x, y)["lon"], pos(x, y)["lat"]] for x, y in corners]
    site, plan = new(), new()
    service.write(None, [
        Write("site", site, field, {"code": "320000-001", "name": said["site"], "status": "survey", "boundary": {"rings": [ring]},
                                    "land_use": "r1", "standard": "gb36600_1", "division_code": "321102"}),
        Write("plan", plan, field, {"code": "FA-1", "version": 3, "title": "布点方案", "stage": "detailed", "author_id": org,
                                    "suspect_area_m2": "3000"}),
    ])  # fmt: skip
    planned: dict[str, str] = {}
    writes: list[Write] = []
    per_row = math.ceil(math.sqrt(points))
    for n in range(points):
        code, id = names["point"].format(n) if names and "point" in names else f"S{n + 1:02d}", new()
        planned[code] = id
        x, y = 10 * (n % per_row), side - 10 - 10 * (n // per_row)
        writes.append(Write("planned_point", id, field, {
            "plan_id": plan, "code": code, "role": "soil", "origin": "plan", "position": pos(x, y), "reason": said["reason"],
            "target_depth_m": "6",
        }))  # fmt: skip
        for top, bottom in (("0", "0.5"), ("1.5", "2.0")):
            writes.append(Write("planned_target", new(), field, {
                "planned_point_id": id, "medium": "soil", "rule": "fixed", "depth_top_m": top, "depth_bottom_m": bottom,
                "groups": ["metal"],
            }))  # fmt: skip
        writes += visit(service, n, code, id, x, y, site, who["zhoulan"], xrf)
    writes.append(Write("point", new(), field, visited(who["zhoulan"], site, "X01", pos(side - 5, side - 5), 60)))
    service.write(None, [Write(w.type, w.id, field, w.values) for w in writes])

    with service.store.writing() as tx:
        for n, (label, ago, pending) in enumerate(
            [(said["device"], 33, 4), ("平板 05", 60 * 52, 7), ("手机 11", 5, 0)]
        ):
            device = new()
            service._write_in(tx, None, home, [
                Write("device", device, home, {"code": f"A{n + 1}", "label": label, "use": "field", "state": "enrolled"})
            ])  # fmt: skip
            tx.add_key(
                DeviceKey(
                    new(), device, f"A{n + 1}", who["zhoulan"], f"k{n}", f"s{n}", "enrolled", at(ago), pending, None
                )
            )
    return Seeded(project, other, field, org, who, planned)


def visited(sampler: str, site: str, code: str, where: dict[str, str], minutes: float) -> dict[str, Any]:
    fix = {**where, "h_acc_m": "0.02", "fix_kind": "rtk_fixed", "fix_count": 20, "fix_age_s": "1", "at": at(minutes)}
    return {"code": code, "site_id": site, "outcome": "done", "position": fix, "weather": "sunny", "surface_kind": "水泥地",
            "samplers": [sampler], "started_at": at(minutes), "ended_at": at(minutes - 15)}  # fmt: skip


def visit(
    service: Service, n: int, code: str, planned: str, x: float, y: float, site: str, sampler: str, xrf: str
) -> list[Write]:
    """What was done at point n: 4 not at all, 1 refused, 1 partly; 11 moved 5.8 m; 6, 13, 20 above a limit."""
    if n % 30 in (17, 18, 24, 29):
        return []
    new = service.new_id
    dx, dy = (5.8, 0.2) if n % 30 == 11 else (0.3, 0.28)
    point = visited(sampler, site, code, pos(x + dx, y + dy), 600 - n % 30 * 18)
    point["planned_point_id"] = planned
    id = new()
    if n % 30 == 21:
        return [Write("point", id, "", {**point, "outcome": "refused", "reason": "utility", "reason_text": "地下管线"})]
    if n % 30 == 22:
        point |= {"outcome": "partial", "reason": "concrete", "reason_text": "混凝土"}
    out = [Write("point", id, "", point)]
    hole = new()
    out.append(Write("borehole", hole, "", {
        "point_id": id, "code": f"{code}-1", "opened_at": point["started_at"], "depth_m": "6.0", "end_reason": "target",
    }))  # fmt: skip
    for k, (top, bottom) in enumerate((("0", "0.5"), ("1.5", "2.0"))):
        sample = new()
        out.append(Write("sample", sample, "", {
            "code": f"HX-{code}-{k + 1}", "kind": "ordinary", "medium": "soil", "point_id": id, "borehole_id": hole,
            "depth_top_m": top, "depth_bottom_m": bottom, "pick_reason": "surface" if k == 0 else "xrf_max", "groups": ["metal"],
            "collected_at": point["started_at"], "collected_by": [sampler], "batch": "B1",
        }))  # fmt: skip
        nickel = {6: "642", 13: "391", 20: "164"}.get(n % 30, "41") if k else "38"
        out.append(Write("field_reading", new(), "", {
            "borehole_id": hole, "method": "xrf", "instrument_id": xrf, "parameter": "Ni", "depth_top_m": top,
            "depth_bottom_m": bottom, "value": nickel, "qualifier": "eq", "unit": "mg_kg", "at": point["started_at"],
            "entry_way": "typed", "live_time_s": "60",
        }))  # fmt: skip
    return out
