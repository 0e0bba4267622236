"""Checklists and rounds: whoever reads enforcement records looks; project managers change lists and duties, inspectors facilities too.

The project of the questions is asked with a list of its own; of another project nobody knows a list or a duty.
"""

from __future__ import annotations

import httpx

from schemas.rules.checklists import model, ready
from sync_server.service import Write
from tests.api.rules import PROJECT, PROJECTS, WRITES, project_page, reads, role
from tests.api.world import Probe, World

LISTS, DUTIES = f"{PROJECT}/checklists", f"{PROJECT}/duties"
ONE, ROUND = f"{LISTS}/{{list}}", f"{DUTIES}/{{type}}"


def look(who: str, place: str) -> str:
    seen = project_page(who, place)
    return seen if seen != "ok" or reads(who, f"{place}.enforcement") else "2004"


def may(type: str, then: str = "ok") -> object:
    def rule(who: str, place: str) -> str:
        seen = look(who, place)
        if seen != "ok":
            return seen
        return then if type in WRITES[role(who)].split() else "2003"

    return rule


RULES = {
    ("GET", LISTS): look,
    ("GET", f"{LISTS}/ready/{{name}}"): look,
    ("GET", ONE): look,
    ("GET", f"{ONE}/edit"): may("checklist"),
    ("GET", f"{ONE}/item"): may("checklist"),
    ("POST", f"{LISTS}/copy"): may("checklist", "go"),
    ("POST", ONE): may("checklist", "go"),
    ("POST", f"{ONE}/edit"): may("checklist", "go"),
    ("POST", f"{ONE}/item"): may("checklist", "go"),
    ("GET", DUTIES): look,
    ("GET", ROUND): may("duty"),
    ("POST", ROUND): may("duty", "go"),
}

PLACES = {ROUND: PROJECTS}


def drafted(world: World, project: str) -> tuple[str, int]:
    """(id, seq) of a draft of this project; of no project: one that nobody made."""
    s = world.server
    if project not in (s.project, s.other):
        return s.new_id(), 1
    code = f"own-{project[-6:]}"
    found = [r for r in s.service.records("checklist", s.home) if r.values["code"] == code]
    if not found:
        c = model.sealed(next(c for c in ready.every() if c.code == "well-check")._replace(code=code, ready=False))
        values = {**model.record_values(c), "state": "draft", "project_id": project}
        s.service.write(None, [Write("checklist", s.new_id(), s.home, values)])
        found = [r for r in s.service.records("checklist", s.home) if r.values["code"] == code]
    return found[0].id, found[0].seq


def site_of(world: World, project: str) -> str:
    """A site of this project, made once."""
    held: dict[str, str] = world.__dict__.setdefault("sites_of_duties", {})
    if project not in held:
        held[project] = id = world.server.new_id()
        if project in (world.server.project, world.server.other):
            values = {"code": id[-8:], "name": "九号", "status": "idle", "division_code": "1"}
            world.server.service.write(None, [Write("site", id, f"{project}.field", values)])
    return held[project]


HEAD = {"title_zh": "表", "title_en": "List", "kind": "patrol", "rule": "severity", "where": "project"}
ITEM = {"was": "WL-01", "code": "WL-01", "label_zh": "好", "label_en": "Good", "severity": "tip"}
DUTY = {"kind": "patrol", "every_months": "3", "first_due_on": "2026-12-01", "basis": "本地要求"}


def _ask(method: str, route: str, **form: str) -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, _ = world.place(place)
        s = world.server
        id, seq = drafted(world, project)
        there = route.format(project=project, list=id, name="well-check@1", type="duty")
        more = {**form, "seq": str(seq)}
        if form.get("kind") == "patrol" and "basis" in form:
            more |= {"site_id": site_of(world, project), "org_id": s.org}
        if "title_zh" in form:
            more["code"] = f"own-{project[-6:]}"
        sent = {"data": more} if method == "POST" else {}
        return world.call(method, there, headers=world.headers(who, True), **sent)

    return probe


PROBES: dict[tuple[str, str], Probe] = {key: _ask(*key) for key in RULES if key[0] == "GET"} | {
    ("POST", f"{LISTS}/copy"): _ask("POST", f"{LISTS}/copy", of="well-check@1"),
    ("POST", ONE): _ask("POST", ONE, do="down:WL-01"),
    ("POST", f"{ONE}/edit"): _ask("POST", f"{ONE}/edit", **HEAD),
    ("POST", f"{ONE}/item"): _ask("POST", f"{ONE}/item", **ITEM),
    ("POST", ROUND): _ask("POST", ROUND, **DUTY),
}
