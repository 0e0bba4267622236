"""Drafts of long checks: of whoever may write checks there, and of nobody else."""

from __future__ import annotations

import json
from hashlib import sha256

import httpx

from tests.api import rules
from tests.api.world import Probe, World

DRAFTS, DRAFT = "/api/v1/drafts", "/api/v1/drafts/{record}"
CONTENT = b'{"v":1}'


def own(who: str, _: str) -> str:
    """One's own, which may be none."""
    return rules.not_revoked(who) or "ok"


def none(who: str, _: str) -> str:
    """Of a draft that is somebody else's there is none."""
    return rules.not_revoked(who) or "6421"


def keep(who: str, place: str) -> str:
    if refused := rules.not_revoked(who):
        return refused
    audience = place.rpartition(".")[2]
    here = rules.reads(who, place) and audience == "enforcement" and rules.writes(who, "inspection", audience)
    return "ok" if here else "2004"


RULES = {("GET", DRAFTS): own, ("GET", DRAFT): none, ("DELETE", DRAFT): none, ("PUT", DRAFT): keep}
PLACES = {DRAFTS: ("",), DRAFT: rules.SCOPES}


def theirs(world: World) -> str:
    """A draft somebody else keeps."""
    held: dict[str, str] = world.__dict__.setdefault("drafted", {})
    if not held:
        server = world.server
        head = _head(server.enforcement)
        from schemas.wire import DraftPut
        from sync_server.service import Caller

        held["record"] = server.new_id()
        server.service.keep_draft(Caller(server.inspector), held["record"], DraftPut.model_validate(head), CONTENT)
    return held["record"]


def _head(scope: str) -> dict[str, object]:
    return {"type": "inspection", "scope": scope, "base": 0, "sha256": sha256(CONTENT).hexdigest()}


def listing(world: World, who: str, _: str) -> httpx.Response:
    return world.call("GET", DRAFTS, headers=world.headers(who, False))


def reading(method: str) -> Probe:
    def probe(world: World, who: str, _: str) -> httpx.Response:
        answer = world.call(method, f"{DRAFTS}/{theirs(world)}", headers=world.headers(who, False))
        assert CONTENT not in answer.content
        return answer

    return probe


def keeping(world: World, who: str, place: str) -> httpx.Response:
    _, scope = world.place(place)
    body = json.dumps(_head(scope)).encode() + b"\n" + CONTENT
    record = world.server.new_id()
    return world.call("PUT", f"{DRAFTS}/{record}", headers=world.headers(who, False), content=body)


PROBES: dict[tuple[str, str], Probe] = {
    ("GET", DRAFTS): listing, ("GET", DRAFT): reading("GET"), ("DELETE", DRAFT): reading("DELETE"), ("PUT", DRAFT): keeping,
}  # fmt: skip
