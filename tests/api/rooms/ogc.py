"""Features for maps: everybody who may read a project's field records, by key or token; a device that was revoked reads nothing."""

from __future__ import annotations

import httpx

from tests.api.rules import PROJECTS, anybody, known, reads
from tests.api.world import Probe, World

ROOT = "/ogc"
ONE = f"{ROOT}/collections/{{collection}}"


def any_key(who: str, _: str) -> str:
    """The list of collections is one's own."""
    return "1012" if known(who) else "2005" if who == "device_revoked" else "ok"


def collection(who: str, place: str) -> str:
    seen = any_key(who, place)
    return seen if seen != "ok" or reads(who, f"{place}.field") else "2004"


def no_such_feature(who: str, place: str) -> str:
    seen = any_key(who, place)
    return "2004" if seen == "ok" else seen


RULES = {
    ("GET", ROOT): anybody,
    ("GET", f"{ROOT}/api"): anybody,
    ("GET", f"{ROOT}/conformance"): anybody,
    ("GET", f"{ROOT}/collections"): any_key,
    ("GET", ONE): collection,
    ("GET", f"{ONE}/items"): collection,
    ("GET", f"{ONE}/items/{{feature}}"): no_such_feature,
}
PLACES = {ONE: PROJECTS, f"{ONE}/items": PROJECTS, f"{ONE}/items/{{feature}}": PROJECTS}


def _ask(path: str) -> Probe:
    def probe(world: World, who: str, place: str) -> httpx.Response:
        project, _ = world.place(place)
        there = path.format(collection=f"{project}.point", feature=world.server.new_id())
        return world.call("GET", there, headers=world.headers(who, False))

    return probe


PROBES = {(m, r): _ask(r) for m, r in RULES if "{" in r}
