"""The public page of a load: whoever asks hears the same, and without the check value nothing."""

from __future__ import annotations

import httpx

from tests.api.world import Probe, World

LOAD = "/m/{number}"


def nothing(_who: str, _place: str) -> str:
    return "status 404"


def _ask(world: World, who: str, _: str) -> httpx.Response:
    return world.call("GET", "/m/20263211000418?c=AAAAAAAAAA", headers=world.headers(who, True))


RULES = {("GET", LOAD): nothing}
PROBES: dict[tuple[str, str], Probe] = {("GET", LOAD): _ask}
