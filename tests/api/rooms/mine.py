"""What a party sees: its own findings, and it alone; to everybody else, whatever the role, there is no such page."""

from __future__ import annotations

from hashlib import sha256

import httpx

from sync_server.service import Write
from sync_server.store import BlobRow, SourceRow
from tests.api.conftest import AT
from tests.api.rules import PROJECT, PROJECTS, signed_in
from tests.api.tus import picture
from tests.api.world import Probe, World

MINE = f"{PROJECT}/mine"
ONE = f"{MINE}/{{finding}}"
SHOT = f"{ONE}/photos/{{sha256}}"


def party(who: str, place: str) -> str:
    if not signed_in(who):
        return "login"
    return "ok" if who == "party" and place == "own" else "2004"


def report(who: str, place: str) -> str:
    seen = party(who, place)
    return "go" if seen == "ok" else seen


RULES = {("GET", MINE): party, ("GET", ONE): party, ("GET", SHOT): party, ("POST", ONE): report}
PLACES = {SHOT: PROJECTS}


def _finding(world: World, project: str) -> tuple[str, str]:
    """A finding of the organisation that everybody here works for, in a signed inspection; and the hash of its photo."""
    server, held = world.server, world.__dict__.setdefault("of_a_party", {})
    if project not in (server.project, server.other):
        return server.new_id(), "0" * 64
    if project not in held:
        scope, new = f"{project}.enforcement", server.new_id
        site, inspection, finding, photo = new(), new(), new(), new()
        data = picture(f"finding {project}")
        sha, temp = sha256(data).hexdigest(), server.folder / "shot"
        temp.write_bytes(data)
        server.app.state.parts.files.take(temp, sha)
        with server.service.store.writing() as tx:
            tx.add_blob(BlobRow(sha, len(data), "jpg", "a.jpg", AT, "{}"))
            tx.add_blob_source(SourceRow(sha, scope, server.pm, None, "a.jpg", AT))
        officer = {"person_id": server.inspector, "name": "甲", "duty": "inspector"}
        signed = {"role": "inspector", "name": "甲", "way": "signed", "strokes": "M0 0", "signed_at": AT}
        server.service.write(
            None,
            [
                Write("site", site, f"{project}.field", {"code": f"S{site[-6:]}", "name": "九号", "status": "idle", "division_code": "1"}),
                Write("inspection", inspection, scope, {"code": f"J{finding[-6:]}", "kind": "patrol", "site_id": site, "org_id": server.org, "started_at": AT,
                                                        "officers": [officer], "signatures": [signed]}),
                Write("finding", finding, scope, {"code": f"W{finding[-6:]}", "inspection_id": inspection, "severity": "general", "kind": "a", "description": "a",
                                                  "basis": "a", "org_id": server.org}),
                Write("photo", photo, scope, {"sha256": sha, "step": "finding", "subject_kind": "finding", "subject_id": finding, "taken_at": AT, "source": "app_camera"}),
            ],
        )  # fmt: skip
        held[project] = (finding, sha)
    known: tuple[str, str] = held[project]
    return known


def _ask(method: str, route: str) -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, _ = world.place(place)
        finding, sha = _finding(world, project)
        there = route.format(project=project, finding=finding, sha256=sha)
        said = {"id": world.server.new_id(), "measure_taken": "已处理", "done": "false"}
        more = {"data": said} if method == "POST" else {}
        return world.call(method, there, headers=world.headers(who, True), **more)

    return probe


PROBES = {key: _ask(*key) for key in RULES}
