"""Manifests, plans and ledgers on paper: whoever reads the project's transfer records; for the others they are not there."""

from __future__ import annotations

from typing import Any

import httpx

from sync_server.service import Write
from tests.api.conftest import AT
from tests.api.rules import PROJECT, project_page, reads
from tests.api.world import Probe, World

LOADS, PLAN = f"{PROJECT}/manifests", f"{PROJECT}/transfer/{{plan}}"


def paper(who: str, place: str) -> str:
    seen = project_page(who, place)
    return seen if seen != "ok" or reads(who, f"{place}.transfer") else "2004"


RULES = dict.fromkeys(
    (("GET", f"{LOADS}/{{manifest}}.pdf"), ("GET", f"{LOADS}/out.xlsx"), ("GET", f"{LOADS}/in.xlsx"),
     ("GET", f"{PLAN}/filing.pdf"), ("GET", f"{PLAN}/notice.pdf")),
    paper,
)  # fmt: skip


def hauled(server: Any, project: str) -> dict[str, str]:
    """A site, a plan, a vehicle and a load with its first leg, not signed; ids by type."""
    scope, org, new = f"{project}.transfer", server.org, server.new_id
    ids = {t: new() for t in ("vehicle", "site", "soil_lot", "transfer_plan", "manifest", "manifest_leg")}
    receiver = {
        "org_id": org,
        "site_name": "2 号窑",
        "way": "cement_kiln",
        "permit_no": "1",
        "capacity_t": "5000.0",
        "route_km": "60.0",
        "route_min": 95,
    }
    values: dict[str, dict[str, Any]] = {
        "site": {"code": f"S{ids['site'][-6:]}", "name": "九号", "status": "idle", "division_code": "320115"},
        "soil_lot": {"code": f"JK{ids['soil_lot'][-6:]}", "kind": "pit", "density_t_m3": "1.85"},
        "vehicle": {"plate": f"苏A{ids['vehicle'][-5:]}", "vehicle_class": "t4_31", "carrier_id": org},
        "transfer_plan": {"code": f"ZY{ids['transfer_plan'][-6:]}", "version": 1, "site_id": ids["site"], "consignor_id": org, "lots": [ids["soil_lot"]], "mass_t": "1000.0",
                          "volume_m3": "600", "from_date": "2026-11-01", "to_date": "2026-12-31", "way": "road", "carriers": [org],
                          "vehicles": [ids["vehicle"]], "receivers": [receiver]},
        "manifest": {"number": f"20263201{int(ids['manifest'][-6:], 16) % 10**6:06d}", "plan_id": ids["transfer_plan"], "lot_id": ids["soil_lot"], "vehicle_id": ids["vehicle"],
                     "driver_name": "王强", "driver_phone": "1", "cover": "tarp", "receiver_id": org, "receiver_place": "2 号窑", "issued_at": AT, "supervised": True},
        "manifest_leg": {"manifest_id": ids["manifest"], "kind": "issued", "at": AT, "who_name": "赵敏", "org_id": org, "key_id": "k", "signature": "s",
                         "weight": [{"ticket_no": "1", "gross_t": "31.20", "tare_t": "15.10", "at": AT}]},
    }  # fmt: skip
    scopes = dict.fromkeys(ids, scope) | {"vehicle": server.home, "site": f"{project}.field"}
    server.service.write(None, [Write(t, ids[t], scopes[t], values[t]) for t in ids])
    return ids


def _ids(world: World, project: str) -> dict[str, str]:
    """Made once a project; of no project: what nobody has."""
    server = world.server
    held: dict[str, dict[str, str]] = world.__dict__.setdefault("hauled", {})
    if project not in held:
        known = project in (server.project, server.other)
        held[project] = (
            hauled(server, project) if known else {"manifest": server.new_id(), "transfer_plan": server.new_id()}
        )
    return held[project]


def _ask(path: str) -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, _ = world.place(place)
        ids = _ids(world, project)
        there = path.format(project=project, manifest=ids["manifest"], plan=ids["transfer_plan"])
        return world.call("GET", there, headers=world.headers(who, True))

    return probe


PROBES = {key: _ask(key[1]) for key in RULES}
