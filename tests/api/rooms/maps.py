"""The map page for whoever may open the project, and the tiles of its base map, which this server does not have."""

from __future__ import annotations

from tests.api.rules import PROJECT, PROJECTS, project_page
from tests.api.world import ask

TILE = f"{PROJECT}/tiles/{{layer}}/{{z}}/{{x}}/{{y}}"


def tile(who: str, place: str) -> str:
    seen = project_page(who, place)
    return "4601" if seen == "ok" else seen


RULES = {("GET", f"{PROJECT}/map"): project_page, ("GET", TILE): tile}
PROBES = {("GET", f"{PROJECT}/map"): ask(f"{PROJECT}/map"), ("GET", TILE): ask(f"{PROJECT}/tiles/vec/1/0/0")}
PLACES = {TILE: PROJECTS}
