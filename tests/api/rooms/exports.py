"""Exports: whoever may read the project; each export only for who asked for it."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx

from sync_server.export.wish import Wish
from tests.api.conftest import AT
from tests.api.rules import PROJECT, project_page
from tests.api.world import Probe, World

HERE = f"{PROJECT}/exports"
ONE = f"{HERE}/{{export}}"


def asking(who: str, place: str) -> str:
    seen = project_page(who, place)
    return "go" if seen == "ok" else seen


RULES = {
    ("GET", HERE): project_page,
    ("GET", f"{HERE}/new"): project_page,
    ("POST", HERE): asking,
    ("GET", ONE): project_page,
    ("GET", f"{ONE}/file"): project_page,
    ("POST", f"{ONE}/cancel"): asking,
    ("POST", f"{ONE}/again"): asking,
}


def own(world: World, who: str, project: str) -> str:
    """A finished export this person asked for, of a project; of no project: one nobody asked for."""
    s, id, data = world.server.service, world.server.new_id(), b"x"
    folder = world.server.folder / "exports"
    folder.mkdir(exist_ok=True)
    with s.store.writing() as tx:
        for row in tx.exports_in("waiting", "running"):
            tx.move_export(row.id, ("waiting", "running"), state="cancelled")
        if project in (world.server.project, world.server.other) and who in world.people:
            (folder / id).write_bytes(data)
            tx.add_export(id, project, world.people[who], Wish("csv", ("point",)).told(), "a.csv", AT)
            tx.move_export(id, ("waiting",), state="done", size=1, sha256=hashlib.sha256(data).hexdigest(), counts="{}", total=1,
                           scopes=f'["{project}.field"]', expires_at=s.now_ms() + 10**9)  # fmt: skip
    return id


def _ask(method: str, path: str, **more: Any) -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, _ = world.place(place)
        there = path.format(project=project, export=own(world, who, project))
        return world.call(method, there, headers=world.headers(who, True), **more)

    return probe


FORM = {"what": "type", "type": "point", "format": "csv", "heads": "labels", "language": "zh", "zone": "", "table": ""}
PROBES = {
    (m, r): _ask(m, r, **({"data": FORM} if (m, r) == ("POST", HERE) else {}))
    for m, r in RULES
    if "{export}" in r or m == "POST"
}
PROBES |= {(m, r): _ask(m, r) for m, r in RULES if (m, r) not in PROBES}
