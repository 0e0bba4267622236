"""Review and conflicts: everybody who reads a project sees them; project managers and administrators decide."""

from __future__ import annotations

import re

import httpx

from sync_server.service import Write
from tests.api import rules
from tests.api.rules import PROJECT, PROJECTS, decides, decision, project_page, table_page
from tests.api.world import Probe, World, values_of

REVIEW, ONE = f"{PROJECT}/review", f"{PROJECT}/review/{{type}}/{{id}}"
CONFLICT = f"{PROJECT}/conflicts/{{conflict}}"


def one_decision(who: str, place: str) -> str:
    """About a record somebody may read."""
    seen = table_page(who, place)
    return seen if seen != "ok" else "go" if decides(who) else "2003"


RULES = {
    ("GET", REVIEW): project_page,
    ("POST", REVIEW): decision,
    ("POST", ONE): one_decision,
    ("GET", f"{PROJECT}/conflicts"): project_page,
    ("GET", CONFLICT): project_page,
    ("POST", CONFLICT): decision,
}
PLACES = {
    REVIEW: PROJECTS,
    ONE: ("own.field", "own.enforcement", "foreign", "nowhere"),
    f"{PROJECT}/conflicts": PROJECTS,
}


def _recorded(world: World, place: str) -> tuple[str, str, str, int]:
    """(project, type, id, seq) of a record made for one question; of no project: one that nobody made."""
    project, _ = world.place(place)
    audience = place.partition(".")[2] or "field"
    type, id = rules.WRITTEN[audience], world.server.new_id()
    if place.startswith("nowhere"):
        return project, type, id, 1
    scope = f"{project}.{audience}"
    values = values_of(world, audience)
    if place.startswith("foreign"):  # a site of its own
        values |= {"site_id": _site(world, scope)}
    world.server.service.write(None, [Write(type, id, scope, values)])
    seq = next(s.seq for s in world.server.service.records(type, scope) if s.id == id)
    return project, type, id, seq


def _site(world: World, scope: str) -> str:
    id = world.server.new_id()
    site = {"code": f"S{id[-6:]}", "name": "地块", "status": "idle", "division_code": "1"}
    world.server.service.write(None, [Write("site", id, scope, site)])
    return id


def _many(world: World, who: str, place: str) -> httpx.Response:
    project, type, id, seq = _recorded(world, place)
    form = {"item": f"{type}:{id}:{seq}", "decision": "pass"}
    return world.call("POST", f"/console/projects/{project}/review", data=form, headers=world.headers(who, True))


def _one(world: World, who: str, place: str) -> httpx.Response:
    project, type, id, seq = _recorded(world, place)
    form = {"seq": str(seq), "decision": "back", "reason": "复测"}
    path = f"/console/projects/{project}/review/{type}/{id}"
    return world.call("POST", path, data=form, headers=world.headers(who, True))


def _conflict(method: str) -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, _ = world.place(place)
        clash = world.conflict(project)
        path, headers = f"/console/projects/{project}/conflicts/{clash}", world.headers(who, True)
        if method == "GET":
            return world.call("GET", path, headers=headers)
        form = {"choice": "keep_now", "reason": "看过", "seen": seen_of(world, path)}
        return world.call("POST", path, data=form, headers=headers)

    return probe


def seen_of(world: World, path: str) -> str:
    """What the page says it showed, as the organisation's administrator sees it."""
    html = world.call("GET", path, headers=world.headers("home_administrator", True)).text
    found = re.search(r'name="seen" value="(\w+)"', html)
    return found[1] if found else ""


PROBES = {
    ("POST", REVIEW): _many,
    ("POST", ONE): _one,
    ("GET", CONFLICT): _conflict("GET"),
    ("POST", CONFLICT): _conflict("POST"),
}
