"""On-site records on paper and their public page: whoever reads the project's inspections has the first; without the check value of a
paper nobody gets anything of the second."""

from __future__ import annotations

from typing import Any

import httpx

from sync_server.service import Write
from tests.api.conftest import AT
from tests.api.rules import PROJECT, project_page, reads
from tests.api.world import Probe, World

PAPER, PUBLIC = f"{PROJECT}/inspections/{{inspection}}.pdf", "/i/{id}"


def paper(who: str, place: str) -> str:
    seen = project_page(who, place)
    return seen if seen != "ok" or reads(who, f"{place}.enforcement") else "2004"


def nothing(_who: str, _place: str) -> str:
    return "status 404"


def inspected(server: Any, project: str) -> str:
    """An inspection of a site of its own; the id."""
    site, id = server.new_id(), server.new_id()
    officer = {"person_id": server.inspector, "name": "检查员", "duty": "inspector"}
    server.service.write(None, [
        Write("site", site, f"{project}.field", {"code": f"S{site[-6:]}", "name": "九号", "status": "idle", "division_code": "320115"}),
        Write("inspection", id, f"{project}.enforcement", {
            "code": f"JC-{id[-6:]}", "kind": "patrol", "site_id": site, "org_id": server.org, "officers": [officer], "started_at": AT}),
    ])  # fmt: skip
    return id


def _paper(world: World, who: str, place: str) -> httpx.Response:
    project, _ = world.place(place)
    held: dict[str, str] = world.__dict__.setdefault("inspected", {})
    if project not in held:
        known = project in (world.server.project, world.server.other)
        held[project] = inspected(world.server, project) if known else world.server.new_id()
    return world.call("GET", PAPER.format(project=project, inspection=held[project]), headers=world.headers(who, True))


def _public(world: World, who: str, _: str) -> httpx.Response:
    id = world.__dict__.setdefault("public_onsite", inspected(world.server, world.server.project))
    return world.call("GET", f"/i/{id}?c=AAAAAAAAAA", headers=world.headers(who, True))


RULES = {("GET", PAPER): paper, ("GET", PUBLIC): nothing}
PROBES: dict[tuple[str, str], Probe] = {("GET", PAPER): _paper, ("GET", PUBLIC): _public}
