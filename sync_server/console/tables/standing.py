"""How far what a record is about has come, as the map and the overview say it: a load on its way, a planned point not done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import Request

from sync_server.console.house import House, Place
from sync_server.console.maps.ends import hauls_of, stand_sign
from sync_server.console.overview.views import signs, told
from sync_server.console.parts import Sign
from sync_server.store import Stored


def standing(house: House, request: Request, place: Place, type: str, rows: Sequence[Stored]) -> Mapping[str, Sign]:
    """id → sign, for the loads that were sent and the points of the plan in use; nothing for other types."""
    if type not in ("manifest", "planned_point") or not rows:
        return {}
    _, seen = house.at_hand(request, place.project)
    lang = house.lang(request)
    if type == "planned_point":
        return {p.planned_id: signs(p, lang)[0] for p in seen.report.points if p.planned_id}
    by = told(seen.facts, seen.report, place.audiences).by
    late = {f.subject_id for (check, _), these in by.items() if check == "T01" for f in these}
    return {x.load.manifest.id: stand_sign(x, lang) for x in hauls_of(seen.facts, late)}
