"""The map page, what map.js asks for, and the tiles of the base map."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response
from starlette.responses import JSONResponse

from schemas.problems import Trouble
from sync_server.api import problem_response
from sync_server.console.house import House, Place
from sync_server.console.inputs import day_of
from sync_server.console.maps import card as cards
from sync_server.console.maps import ends
from sync_server.console.maps.legend import legend
from sync_server.console.maps.mapdata import bounds, box_of, grounds, map_data, without_place
from sync_server.console.maps.sieve import LEVELS, STATES, Asked, Held, checks_of, crews, fitting, found_at, held
from sync_server.console.parts import pager
from sync_server.console.shell import ROOT
from sync_server.facts import Seen

LISTED = 30  # loads and problems under the map; all of them stand in their tables
BASES = ("vec", "img", "none")
LAYERS = {"vec": "vec,cva", "img": "img,cia", "none": ""}
TILE_AGE_S = 3600


def asked(
    state: Annotated[str, Query(max_length=40)] = "",
    exceed: Annotated[str, Query(max_length=40)] = "",
    severity: Annotated[str, Query(max_length=40)] = "",
    check: Annotated[str, Query(max_length=40)] = "",
    crew: Annotated[str, Query(max_length=64)] = "",
    since: Annotated[str, Query(max_length=40, alias="from")] = "",
    until: Annotated[str, Query(max_length=40, alias="to")] = "",
    q: Annotated[str, Query(max_length=200)] = "",
    at: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Asked:
    first, last = day_of(since), day_of(until)
    if first and last and first > last:
        first, last = last, first
    return Asked(state, exceed, severity, check, crew, first, last, q.strip(), at, page)


AskedFor = Annotated[Asked, Depends(asked)]


def add_maps(house: House) -> None:
    @house.app.get("/projects/{project}/map")
    def show(
        request: Request,
        project: str,
        by: AskedFor,
        base: Annotated[str, Query(max_length=10)] = "",
        view: Annotated[str, Query(max_length=10)] = "",
    ) -> Response:
        place, seen = house.opened(request, project)
        h = held(seen.facts, seen.report, place.audiences)
        return _page(house, request, place, seen, h, by, base, view)

    @house.app.get("/projects/{project}/map.json")
    def map_json(
        request: Request,
        project: str,
        by: AskedFor,
        box: Annotated[str, Query(max_length=200)] = "",
        zoom: Annotated[int, Query(ge=0, le=30)] = 16,
        full: Annotated[bool, Query()] = False,
    ) -> Response:
        """`full`: with what stands beside the points, too, as the map page shows it."""
        place, (facts, report, *_) = house.opened(request, project)
        lang, h, area = house.lang(request), held(facts, report, place.audiences), box_of(box)
        data = map_data(facts, fitting(h, by), area, zoom, lang)
        if (focus := found_at(h, by.at)) and focus.lon is not None:
            data["focus"] = {"at": [focus.lat, focus.lon], "k": focus.key}
        if full and area is None:
            loads = ends.hauls_fitting(ends.hauls(facts, h), h, by)
            found = ends.problems_fitting(ends.problems(facts, h), h, by)
            data |= ends.marks(loads, lang)
            data["problems"] = ends.problem_marks(found, f"{ROOT}/projects/{project}", lang)
            corners = [tuple(at[::-1]) for at in data["bounds"] or ()]
            data["wide"] = bounds([*corners, *((x["at"][1], x["at"][0]) for x in (*data["ends"], *data["problems"]))])
        return JSONResponse(data)

    @house.app.get("/projects/{project}/tiles/{layer}/{z}/{x}/{y}")
    def tile(request: Request, project: str, layer: str, z: int, x: int, y: int) -> Response:
        house.entered(request, project)  # the base map is for people of the project: its key is counted
        try:
            if house.tiles is None:
                raise Trouble(4601)
            found = house.tiles.tile(layer, z, x, y)
        except Trouble as err:
            return problem_response(err)
        return Response(found.data, media_type=found.kind, headers={"Cache-Control": f"private, max-age={TILE_AGE_S}"})


def _page(
    house: House, request: Request, place: Place, seen: Seen, h: Held, by: Asked, base: str, view: str
) -> Response:
    facts, lang = seen.facts, house.lang(request)
    focus = found_at(h, by.at)
    card = None
    if focus:
        visit = cards.main_visit(facts, focus)
        key = house.service.made_on(visit) if visit else None
        card = cards.card(facts, h, focus, key.device_code if key else "", lang)
    manages = place.may_write("planned_point")
    if request.headers.get("hx-target") == "card":  # map.js asks for the card alone
        return house.page(request, "maps/card.html", place, "map", card=card, at=by.at, manages=manages)
    fits = fitting(h, by)
    pages = pager(len(fits), by.page)
    all_loads, all_problems = ends.hauls(facts, h), ends.problems(facts, h)
    loads, problems = ends.hauls_fitting(all_loads, h, by), ends.problems_fitting(all_problems, h, by)
    chosen = base if base in BASES else BASES[0]
    layers = LAYERS[chosen] if house.tiles else ""
    placed = len(fits) - without_place(fits)
    ground = grounds(facts)
    sees = ends.may_see(place.audiences)
    return house.page(
        request, "maps/map.html", place, "map", by=by, card=card, at=by.at, manages=manages, states=STATES, levels=LEVELS, crews=crews(facts, h),
        checks=checks_of(h, lang), rows=cards.rows(facts, h, fits[pages.first : pages.last], lang), pages=pages, total=len(h.spots),
        placed=placed, nowhere=without_place(h.spots), has_plan=bool(facts.plans), visited=any(s.days for s in h.spots),
        loads=[ends.haul_line(facts, x, lang) for x in loads[:LISTED]], n_loads=len(loads),
        late=sum(x.stands == "late" for x in loads), problems=[ends.problem_line(x, lang) for x in problems[:LISTED]],
        n_problems=len(problems), n_open=sum(x.open for x in problems), sees_loads=sees[0], sees_problems=sees[1],
        drawable=bool(any(s.lon is not None for s in h.spots) or ground["boundary"] or ground["zones"]
                      or any(x.start or x.goal for x in all_loads) or any(x.at for x in all_problems)),
        wide=view == "wide", has_ends=any(x.start or x.goal for x in loads) or any(x.at for x in problems),
        legend=legend(lang, bool(ground["zones"]), bool(all_loads), bool(all_problems)), tiles_on=house.tiles is not None,
        note=house.tiles.note if house.tiles else "", base=chosen, bases=BASES, layers=layers,
        map_query=urlencode({k: x for k, x in by.query().items() if k != "page"} | {"lang": lang, "full": "1"}),
    )  # fmt: skip
