"""Inspections and findings: whoever reads the project's enforcement records; inspectors write re-checks."""

from __future__ import annotations

from typing import Any

import httpx

from sync_server.service import Write
from tests.api.conftest import AT
from tests.api.rules import PROJECT, WRITES, project_page, reads, role, signed_in
from tests.api.world import Probe, World

CHECKS, FOUND = f"{PROJECT}/inspections", f"{PROJECT}/findings"


def page(who: str, place: str) -> str:
    seen = project_page(who, place)
    return seen if seen != "ok" or reads(who, f"{place}.enforcement") else "2004"


def data(who: str, place: str) -> str:
    """What script of a page asks for is answered with a problem instead of the sign-in page."""
    return page(who, place) if signed_in(who) else "2002"


def recheck(who: str, place: str) -> str:
    seen = page(who, place)
    return seen if seen != "ok" else "go" if "recheck" in WRITES[role(who)].split() else "2003"


RULES = {
    ("GET", FOUND): page,
    ("GET", f"{FOUND}.xlsx"): page,
    ("GET", f"{FOUND}/parties"): page,
    ("GET", f"{FOUND}/sites"): page,
    ("GET", f"{FOUND}/map"): page,
    ("GET", f"{FOUND}/map.json"): data,
    ("GET", f"{FOUND}/{{finding_id}}"): page,
    ("POST", f"{FOUND}/{{finding_id}}/recheck"): recheck,
    ("GET", CHECKS): page,
    ("GET", f"{CHECKS}/{{inspection}}"): page,
    ("GET", f"{CHECKS}/{{inspection}}/map.json"): data,
}


def found(server: Any, project: str) -> dict[str, str]:
    """A check with a finding, in this project."""
    scope, new, org = f"{project}.enforcement", server.new_id, server.org
    ids = {t: new() for t in ("site", "inspection", "finding")}
    officers = [{"person_id": server.inspector, "name": "甲", "duty": "inspector"}]
    server.service.write(None, [
        Write("site", ids["site"], f"{project}.field", {"code": ids["site"][-8:], "name": "九号", "status": "idle", "division_code": "1"}),
        Write("inspection", ids["inspection"], scope, {"code": ids["inspection"][-8:], "kind": "patrol", "site_id": ids["site"], "org_id": org,
                                                       "officers": officers, "started_at": AT}),
        Write("finding", ids["finding"], scope, {"code": ids["finding"][-8:], "inspection_id": ids["inspection"], "severity": "general", "kind": "标牌",
                                                 "description": "缺标牌", "basis": "待核", "org_id": org}),
    ])  # fmt: skip
    return ids


def _ids(world: World, project: str) -> dict[str, str]:
    """Made once a project; of no project: what nobody has."""
    held: dict[str, dict[str, str]] = world.__dict__.setdefault("found", {})
    if project not in held:
        server = world.server
        known = project in (server.project, server.other)
        held[project] = found(server, project) if known else {t: server.new_id() for t in ("inspection", "finding")}
    return held[project]


def _ask(method: str, route: str) -> Probe:
    """Each re-check is of a finding of its own: what one decided, the next one would have to look at again."""

    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, _ = world.place(place)
        if method == "POST":
            world.__dict__.setdefault("found", {}).pop(project, None)
        ids = _ids(world, project)
        there = route.format(project=project, inspection=ids["inspection"], finding_id=ids["finding"])
        more: dict[str, Any] = {}
        if method == "POST":
            seen = (
                seen_of(world, project, ids["finding"]) if project in (world.server.project, world.server.other) else ""
            )
            more = {"data": {"result": "keep", "opinion": "再改", "next_deadline": "2099-01-01", "seen": seen}}
        return world.call(method, there, headers=world.headers(who, True), **more)

    return probe


def seen_of(world: World, project: str, finding: str) -> str:
    from sync_server.service.inspections import mark_of

    rows = world.server.service.records("finding", f"{project}.enforcement")
    return mark_of((finding, next(r.seq for r in rows if r.id == finding)), [])


PROBES: dict[tuple[str, str], Probe] = {key: _ask(*key) for key in RULES}
