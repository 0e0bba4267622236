"""Leads and tasks: whoever reads the project's enforcement records; inspectors and project managers change tasks."""

from __future__ import annotations

import httpx

from sync_server.service import Write
from tests.api.rules import PROJECT, WRITES, project_page, reads, role, signed_in
from tests.api.world import Probe, World

TASKS = f"{PROJECT}/tasks"
TASK = f"{TASKS}/{{task}}"


def page(who: str, place: str) -> str:
    seen = project_page(who, place)
    return seen if seen != "ok" or reads(who, f"{place}.enforcement") else "2004"


def data(who: str, place: str) -> str:
    """What script of a page asks for is answered with a problem instead of the sign-in page."""
    return page(who, place) if signed_in(who) else "2002"


def managed(seen: str, who: str) -> str:
    return seen if seen != "ok" or "field_task" in WRITES[role(who)].split() else "2003"


def form(who: str, place: str) -> str:
    return managed(page(who, place), who)


def form_data(who: str, place: str) -> str:
    return managed(data(who, place), who)


def change(who: str, place: str) -> str:
    seen = form(who, place)
    return "go" if seen == "ok" else seen


def nothing_uploaded(who: str, place: str) -> str:
    """Who may, is led back to upload a file first."""
    return change(who, place)


RULES = {
    ("GET", TASKS): page,
    ("GET", f"{TASKS}/map.json"): data,
    ("GET", TASK): page,
    ("GET", f"{TASK}/map.json"): data,
    ("GET", f"{TASKS}/import"): form,
    ("GET", f"{TASKS}/import/preview"): nothing_uploaded,
    ("GET", f"{TASKS}/import/map.json"): form_data,
    ("POST", f"{TASKS}/import"): change,
    ("POST", f"{TASKS}/import/preview"): change,
    ("POST", TASKS): change,
    ("POST", TASK): change,
}


def _task(world: World, project: str) -> tuple[str, int]:
    """One for every question: what is asked changes it."""
    server = world.server
    if project not in (server.project, server.other):
        return server.new_id(), 1
    id, scope = server.new_id(), f"{project}.enforcement"
    values = {"code": f"RW-{id[-6:]}", "kind": "grid", "title": "线索", "position": {"lon": "119.4", "lat": "32.1"}}
    server.service.write(None, [Write("field_task", id, scope, values)])
    return id, next(r.seq for r in server.service.records("field_task", scope) if r.id == id)


def _ask(method: str, route: str, **form: str) -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, _ = world.place(place)
        task, seq = _task(world, project)
        said = {"task": task, "seq": seq, "inspector": world.people["inspector"]}
        more = {"data": {k: v.format(**said) for k, v in form.items()}} if method == "POST" else {}
        if route.endswith("/import") and method == "POST":
            more["files"] = {"file": ("a.csv", "编号,来源,摘要,经度,纬度\n1,网格巡查,甲,119.4,32.1\n".encode())}
        if route.endswith("/import/preview") and method == "GET":  # else it would depend on who uploaded before
            known = world.people.get(who)
            if known:
                world.server.service.drop_plan_draft(known, project, "leads")
        return world.call(method, route.format(project=project, task=task), headers=world.headers(who, True), **more)

    return probe


PROBES: dict[tuple[str, str], Probe] = {key: _ask(*key) for key in RULES if key[0] == "GET"} | {
    ("POST", f"{TASKS}/import"): _ask("POST", f"{TASKS}/import", kind="grid"),
    ("POST", f"{TASKS}/import/preview"): _ask("POST", f"{TASKS}/import/preview", do="discard"),
    ("POST", TASKS): _ask("POST", TASKS, id="{task}:{seq}", due_on="2026-12-15"),
    ("POST", TASK): _ask("POST", TASK, do="withdraw", seq="{seq}", reason="重复"),
}
