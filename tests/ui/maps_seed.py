"""What the map shows beside the points: zones, five loads (received, short, on its way, overdue, without positions), inspections."""

from __future__ import annotations

from typing import Any, NamedTuple

from sync_server.auth import Auth
from sync_server.service import Service, Write
from tests.ui.console_seed import Seeded, at, people, pos, seed

KILN = (21_000, 9_000)  # m east and north of the site


class Mapped(NamedTuple):
    seeded: Seeded
    manifests: dict[str, str]  # number → id
    findings: dict[str, str]  # code → id
    device: str  # code of the tablet that recorded S01


def corners(x: float, y: float, w: float, h: float) -> dict[str, Any]:
    ring = [(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)]
    return {"rings": [[[pos(a, b)["lon"], pos(a, b)["lat"]] for a, b in ring]]}


def fix(x: float, y: float, minutes: float) -> dict[str, Any]:
    return {**pos(x, y), "h_acc_m": "2.0", "fix_kind": "single", "at": at(minutes)}


def mapped(service: Service, auth: Auth, *, points: int = 30, names: dict[str, str] | None = None) -> Mapped:
    """`names`: as console_seed.seed's; also "zone"."""
    seeded = seed(service, auth, points=points, names=names)
    said = {"zone": "电镀车间"} | (names or {})
    field, org, new = seeded.field, seeded.org, service.new_id
    transfer, enforcement, home = (f"{seeded.project}.{a}" for a in ("transfer", "enforcement", "field"))
    home = f"{org}.organisation"
    with service.store.reading() as tx:
        (plan,) = (s.id for s in tx.of_scope_since("plan", field, 0))
        (site,) = (s.id for s in tx.of_scope_since("site", field, 0))
    people(service, auth, org, {"dong": ("董师傅", "dispatcher")})
    zones = [(said["zone"], (-4, 36, 24, 18)), ("废水站", (33, 36, 14, 14))]
    service.write(None, [
        Write("plan_zone", new(), field, {"plan_id": plan, "code": code, "kind": "suspect", "boundary": corners(*at_), "reason": "生产区",
                                          "area_m2": "400"})
        for code, at_ in zones
    ])  # fmt: skip

    kiln, truck, lot, move = new(), new(), new(), new()
    service.write(None, [
        Write("organisation", kiln, home, {"name": "宏泰水泥窑", "roles": ["receiver"]}),
        Write("vehicle", truck, home, {"plate": "苏L·A5541", "vehicle_class": "t4_31", "carrier_id": org, "tare_ref_t": "15"}),
    ])  # fmt: skip
    receiver = {"org_id": kiln, "site_name": "宏泰水泥窑协同处置", "position": pos(*KILN), "way": "cement_kiln", "permit_no": "1",
                "capacity_t": "5000.0", "route_min": 60}  # fmt: skip
    service.write(None, [
        Write("soil_lot", lot, transfer, {"code": "K1", "kind": "pit"}),
        Write("transfer_plan", move, transfer, {
            "code": "ZY-02", "version": 1, "site_id": site, "consignor_id": org, "lots": [lot], "mass_t": "640.0", "volume_m3": "400",
            "from_date": "2026-11-12", "to_date": "2026-12-31", "way": "road", "carriers": [org], "vehicles": [truck],
            "receivers": [receiver],
        }),
    ])  # fmt: skip
    manifests: dict[str, str] = {}
    gate, there = (46.0, -10.0), (KILN[0] + 30.0, KILN[1] + 20.0)
    # number → legs: (kind, minutes ago, where, gross t)
    loads: dict[str, list[tuple[str, float, tuple[float, float] | None, str]]] = {
        "20263211000402": [("issued", 1500, gate, "33.06"), ("received", 1430, there, "33.05")],
        "20263211000409": [("issued", 1400, gate, "33.66"), ("received", 1320, there, "32.71")],
        "20263211000416": [("issued", 190, gate, "32.92"), ("departed", 185, gate, "")],
        "20263211000418": [("issued", 30, gate, "33.44")],
        "20263211000403": [("issued", 1450, None, "34.02"), ("received", 1390, None, "34.00")],
    }
    for number, legs in loads.items():
        id = manifests[number] = new()
        service.write(None, [Write("manifest", id, transfer, {
            "number": number, "plan_id": move, "lot_id": lot, "vehicle_id": truck, "driver_name": "王师傅", "driver_phone": "1",
            "cover": "tarp", "receiver_id": kiln, "receiver_place": "宏泰水泥窑协同处置", "issued_at": at(legs[0][1]), "supervised": True,
        })])  # fmt: skip
        for kind, minutes, where, gross in legs:
            values: dict[str, Any] = {"manifest_id": id, "kind": kind, "at": at(minutes), "who_name": "赵", "org_id": org, "key_id": "k",
                                      "signature": "s"}  # fmt: skip
            if where:
                values["position"] = fix(*where, minutes)
            if gross:
                values["weight"] = [{"ticket_no": "1", "gross_t": gross, "tare_t": "15.00", "at": at(minutes)}]
            service.write(None, [Write("manifest_leg", new(), transfer, values)])

    inspection = new()
    officers = [{"person_id": seeded.people["wang"], "name": "王工", "duty": "inspector"}]
    service.write(None, [Write("inspection", inspection, enforcement, {
        "code": "JC-01", "kind": "enforcement", "site_id": site, "org_id": org, "officers": officers, "started_at": at(3000),
        "position": fix(20, -12, 3000),
    })])  # fmt: skip
    findings: dict[str, str] = {}
    for code, severity, where in (
        ("W-03", "severe", (38, 20)),
        ("W-05", "general", (2, 8)),
        ("W-07", "general", (12, 44)),
    ):
        findings[code] = new()
        service.write(None, [Write("finding", findings[code], enforcement, {
            "code": code, "inspection_id": inspection, "severity": severity, "kind": "cover", "description": "保温箱 9.2 ℃",
            "basis": "41", "org_id": org, "deadline": "2026-11-18", "position": fix(*where, 2990),
        })])  # fmt: skip
    service.write(None, [Write("recheck", new(), enforcement, {
        "finding_id": findings["W-07"], "at": at(1000), "result": "closed",
        "officers": [*officers, {"person_id": seeded.people["xujing"], "name": "许静", "duty": "inspector"}],
        "signatures": [{"role": "inspector", "name": name, "way": "stamped", "signed_at": at(1000)} for name in ("王工", "许静")],
    })])  # fmt: skip
    return Mapped(seeded, manifests, findings, "A1")
