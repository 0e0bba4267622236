"""The signed directory of a project's transfers: for whoever reads them there, and whoever hands in to them."""

from __future__ import annotations

from tests.api import rules
from tests.api.world import Probe, ask

DIRECTORY = "/api/v1/scopes/{scope}/directory"


def directory(who: str, place: str) -> str:
    if refused := rules.not_revoked(who):
        return refused
    hands_in = place.startswith("own") and "transfer" in rules.HANDS_IN.get(rules.role(who), "").split()
    here = place.endswith(".transfer") and (rules.reads(who, place) or hands_in)
    return "ok" if here else "2004"


RULES = {("GET", DIRECTORY): directory}
PROBES: dict[tuple[str, str], Probe] = {("GET", DIRECTORY): ask(DIRECTORY)}
