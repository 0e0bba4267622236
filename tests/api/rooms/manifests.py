"""Loads and transfer plans: whoever reads the project's transfer records; dispatchers and project managers change plans."""

from __future__ import annotations

import httpx

from tests.api.rooms.papers import _ids, paper
from tests.api.rules import PROJECT, WRITES, role, signed_in
from tests.api.world import Probe, World

LOADS, PLANS = f"{PROJECT}/manifests", f"{PROJECT}/transfer"
THING = f"{PLANS}/things/{{type}}"


def data(who: str, place: str) -> str:
    """What script of a page asks for is answered with a problem instead of the sign-in page."""
    return paper(who, place) if signed_in(who) else "2002"


def form(who: str, place: str) -> str:
    """A form is opened by who may write what comes of it."""
    seen = paper(who, place)
    return seen if seen != "ok" or "transfer_plan" in WRITES[role(who)].split() else "2003"


def change(who: str, place: str) -> str:
    """`do=more` shows the form again with one row more; whatever is stored leads on."""
    seen = form(who, place)
    return "go" if seen == "ok" else seen


RULES = {
    ("GET", LOADS): paper,
    ("GET", f"{LOADS}/{{manifest}}"): paper,
    ("GET", f"{LOADS}/{{manifest}}/map.json"): data,
    ("GET", PLANS): paper,
    ("GET", f"{PLANS}/{{plan}}"): paper,
    ("GET", f"{PLANS}/{{plan}}/map.json"): data,
    ("GET", f"{PLANS}/things"): paper,
    ("GET", f"{PLANS}/new"): form,
    ("GET", f"{PLANS}/{{plan}}/edit"): form,
    ("GET", THING): form,  # the probe is about a vehicle, which the same people write
    ("POST", f"{PLANS}/new"): form,
    ("POST", f"{PLANS}/{{plan}}/edit"): form,
    ("POST", f"{PLANS}/{{plan}}"): change,
    ("POST", THING): change,
}


def _seq(world: World, project: str, plan: str) -> int:
    rows = world.server.service.records("transfer_plan", f"{project}.transfer")
    return next((r.seq for r in rows if r.id == plan), 1)


def _ask(method: str, route: str, **form: str) -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, _ = world.place(place)
        ids = _ids(world, project)
        there = route.format(project=project, manifest=ids["manifest"], plan=ids["transfer_plan"], type="vehicle")
        said = {
            "new": world.server.new_id()[-8:],
            "org": world.server.org,
            "seq": _seq(world, project, ids["transfer_plan"]),
        }
        more = {"data": {k: v.format(**said) for k, v in form.items()}} if method == "POST" else {}
        return world.call(method, there, headers=world.headers(who, True), **more)

    return probe


PROBES: dict[tuple[str, str], Probe] = {key: _ask(*key) for key in RULES if key[0] == "GET"} | {
    ("POST", f"{PLANS}/new"): _ask("POST", f"{PLANS}/new", do="more"),
    ("POST", f"{PLANS}/{{plan}}/edit"): _ask("POST", f"{PLANS}/{{plan}}/edit", do="more"),
    ("POST", f"{PLANS}/{{plan}}"): _ask("POST", f"{PLANS}/{{plan}}", do="resume", seq="{seq}"),
    ("POST", THING): _ask("POST", THING, plate="苏L{new}", vehicle_class="t4_31", carrier_id="{org}"),
}
