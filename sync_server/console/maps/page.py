"""The map: what map.js asks for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response
from starlette.responses import JSONResponse

from sync_server.console.house import House
from sync_server.console.maps.mapdata import box_of, map_data
from sync_server.console.overview import views
from sync_server.console.overview.page import Asked


def add_maps(house: House) -> None:
    @house.app.get("/projects/{project}/map.json")
    def map_json(
        request: Request,
        project: str,
        by: Asked,
        box: Annotated[str, Query(max_length=200)] = "",
        zoom: Annotated[int, Query(ge=0, le=30)] = 16,
    ) -> Response:
        place, (facts, report, *_) = house.opened(request, project)
        found = views.visible(report, place.audiences)
        return JSONResponse(map_data(facts, report, found, by, box_of(box), zoom, house.lang(request)))
