"""The page of one record, comments on it, and photos: open to whoever may read what the record belongs to."""

from __future__ import annotations

import httpx

from sync_server.store import Stored
from tests.api import rules
from tests.api.rules import PROJECT, READS, SCOPES, WRITES, role, table_page
from tests.api.world import Probe, World, values_of

ONE = f"{PROJECT}/records/{{type}}/{{id}}"
PHOTO = f"{PROJECT}/photos/{{sha256}}"


def comment(who: str, place: str) -> str:
    """Whoever may read the record and write comments anywhere there."""
    seen = table_page(who, place)
    return seen if seen != "ok" else "go" if "comment" in WRITES[role(who)].split() else "2003"


def another_comment(who: str, place: str) -> str:
    """The probe names a comment that is not there."""
    said = comment(who, place)
    return "2004" if said == "go" else said


def photo(who: str, place: str) -> str:
    """A file that a record of the project or its organisation names; for the others it is not there."""
    project, _, audience = place.partition(".")
    if place == "organisation":
        project, audience = "own", "organisation"
    seen = rules.project_page(who, project)
    if seen != "ok":
        return seen
    return "ok" if audience in READS[role(who)].split() and project in ("own", "foreign") else "1309"


RULES = {
    ("GET", ONE): table_page,
    ("POST", f"{ONE}/comments"): comment,
    ("POST", f"{ONE}/comments/{{comment}}"): another_comment,
    ("GET", PHOTO): photo,
    ("GET", f"{PHOTO}/thumbnail"): photo,
}
PLACES = {PHOTO: SCOPES, f"{PHOTO}/thumbnail": SCOPES}


def _there(world: World, place: str) -> tuple[str, str, str]:
    """(project, type, id) of a record made for one question; of no project: one that nobody made."""
    project, _ = world.place(place)
    type, id, audience = rules.type_of(place), world.server.new_id(), place.partition(".")[2] or "field"
    if not place.startswith("nowhere"):
        scope = world.server.home if audience == "organisation" else f"{project}.{audience}"
        with world.server.service.store.writing() as tx:
            tx.put([Stored(type, id, scope, 0, values_of(world, audience))], [])
    return project, type, id


def _record(method: str, rest: str = "") -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, type, id = _there(world, place)
        path = f"/console/projects/{project}/records/{type}/{id}{rest}"
        more = {"data": {"text": "看过"}} if method == "POST" else {}
        return world.call(
            method, path.replace("{comment}", world.server.new_id()), headers=world.headers(who, True), **more
        )

    return probe


def _photo(rest: str = "") -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        owner, _, _ = place.partition(".")
        project = world.server.project if place == "organisation" else world.place(f"{owner}.field")[0]
        sha = world.blobs.get(place, "0" * 64)
        return world.call("GET", f"/console/projects/{project}/photos/{sha}{rest}", headers=world.headers(who, True))

    return probe


PROBES = {
    ("GET", ONE): _record("GET"),
    ("POST", f"{ONE}/comments"): _record("POST", "/comments"),
    ("POST", f"{ONE}/comments/{{comment}}"): _record("POST", "/comments/{comment}"),
    ("GET", PHOTO): _photo(),
    ("GET", f"{PHOTO}/thumbnail"): _photo("/thumbnail"),
}
