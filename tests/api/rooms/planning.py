"""Plans: whoever may open the project sees them; project managers and administrators change them."""

from __future__ import annotations

import httpx

from sync_server.service import Write
from tests.api.rules import PROJECT, decides, decision, project_data, project_page
from tests.api.world import Probe, World, ask

PLAN = f"{PROJECT}/plan"
FILE = ("方案.csv", "点位编号,经度,纬度\nS1,118.7,32\n".encode(), "text/csv")


def managed(who: str, place: str) -> str:
    """A form that changes the plan is opened by who may change it."""
    seen = project_page(who, place)
    return seen if seen != "ok" or decides(who) else "2003"


def planned(world: World, project: str) -> tuple[str, int]:
    """(plan, seq): of a project that has none one is made; of no project, one that nobody made."""
    s = world.server
    if project not in world.late:
        return s.new_id(), 1
    found = s.service.records("plan", f"{project}.field")
    if not found:
        values = {"code": "P-P1", "version": 1, "title": "方案", "stage": "detailed", "author_id": s.org}
        s.service.write(None, [Write("plan", s.new_id(), f"{project}.field", values)])
        found = s.service.records("plan", f"{project}.field")
    return found[0].id, found[0].seq


def look(path: str) -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        planned(world, world.place(place)[0])
        return ask(path)(world, who, place)  # type: ignore[return-value]

    return probe


def look_at_preview(world: World, who: str, place: str) -> httpx.Response:
    project, _ = world.place(place)
    if who in world.people:
        world.server.service.put_plan_draft(world.people[who], project, "file", FILE[0], FILE[1], {})
    return world.call("GET", f"/console/projects/{project}/plan/import/preview", headers=world.headers(who, True))


def post(path: str, **form: str) -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, _ = world.place(place)
        plan, seq = planned(world, project)
        data = {k: v.format(plan=plan, seq=seq) for k, v in form.items()}
        there = f"/console/projects/{project}/plan{path}"
        return world.call("POST", there, data=data, headers=world.headers(who, True))

    return probe


def send(world: World, who: str, place: str) -> httpx.Response:
    there = f"/console/projects/{world.place(place)[0]}/plan/import"
    return world.call("POST", there, files={"file": FILE}, headers=world.headers(who, True))


RULES = {
    **{("GET", f"{PLAN}{p}"): project_page for p in ("", "/compare", "/rules")},
    ("GET", f"{PLAN}/map.json"): project_data,
    **{("GET", f"{PLAN}{p}"): managed for p in ("/import", "/import/preview", "/edit", "/tolerances", "/approve")},
    **{
        ("POST", f"{PLAN}{p}"): decision
        for p in ("/import", "/import/preview", "/edit", "/tolerances", "/approve", "/rules")
    },
}
PROBES: dict[tuple[str, str], Probe] = {
    **{key: look(key[1]) for key in RULES if key[0] == "GET"},
    ("GET", f"{PLAN}/import/preview"): look_at_preview,
    ("POST", f"{PLAN}/import"): send,
    ("POST", f"{PLAN}/import/preview"): post("/import/preview", do="discard"),
    ("POST", f"{PLAN}/edit"): post("/edit", do="discard"),
    ("POST", f"{PLAN}/tolerances"): post("/tolerances", plan="{plan}"),
    ("POST", f"{PLAN}/rules"): post("/rules", do="save"),
    ("POST", f"{PLAN}/approve"): post(
        "/approve",
        do="review",
        plan="{plan}",
        seq="{seq}",
        kind="written",
        held_on="2026-11-20",
        conclusion="pass",
        **{"experts.0.name": "甲"},
    ),
}
