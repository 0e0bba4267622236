"""Exports: a list of one's own, choosing a new one, and one on its way."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Query, Request, Response
from starlette.responses import FileResponse, RedirectResponse

from schemas.problems import Trouble
from sync_server.console.exports import form as f
from sync_server.console.exports.jobs import job
from sync_server.console.house import House, Place
from sync_server.console.shell import ROOT
from sync_server.console.words import words
from sync_server.export.grids import Grid, fitting
from sync_server.export.telling import filter_words, type_label
from sync_server.service.lists import MOST

KINDS = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "csv": "text/csv; charset=utf-8",
         "geojson": "application/geo+json", "gpkg": "application/geopackage+sqlite3", "zip": "application/zip"}  # fmt: skip
SHOWN_AGAIN = (1001, 1005, 1007, 1008, 4503, 4504)


def add_exports(house: House) -> None:
    app, service = house.app, house.service
    here = "/projects/{project}/exports"

    def go(project: str, tail: str = "") -> Response:
        return RedirectResponse(f"{ROOT}/projects/{project}/exports{tail}", 303)

    def zone_here(place: Place) -> Grid | None:
        """The 3° zone the project lies in, as far as a planned or visited point tells."""
        for type in ("planned_point", "point"):
            for row in service.listed(type, f"{place.project}.field", True, limit=1).rows:
                at = row.values.get("position")
                if isinstance(at, dict) and at.get("lon"):
                    return fitting(float(at["lon"]))
        return None

    def choose(request: Request, place: Place, chosen: f.Chosen, trouble: Trouble | None = None) -> Response:
        lang = house.lang(request)
        table: dict[str, Any] = {}
        try:
            query = f.shown(chosen.table, place.scopes)
            if query is not None:
                names = service.names_of([c.value for c in query.where], place.ids)
                n = service.counted(query)
                said = filter_words(query, names, lang)
                w = words(lang)
                table = {"what": type_label(query.type, lang), "filter": w("x_shown_filter", filter=said) if said else w("x_shown_all"),
                         "rows": w("x_shown_more", n=MOST) if n > MOST else w("x_shown_rows", n=n)}  # fmt: skip
        except Trouble as err:
            if err.problem.number == 2004:
                raise
            trouble = trouble or err
            chosen = chosen._replace(table="", what=f.TYPE)
        return house.page(
            request, "exports/new.html", place, "exports", trouble.problem.status if trouble else 200, chosen=chosen, table=table,
            formats=f.formats(lang), types=f.types_of(place.scopes, lang), zones=f.zones(zone_here(place), lang),
            trouble=trouble.text(lang) if trouble else "",
            remedy=(trouble.problem.remedy_zh if lang == "zh" else trouble.problem.remedy_en) if trouble else "",
        )  # fmt: skip

    @app.get(here)
    def exports(request: Request, project: str) -> Response:
        place, lang, now = house.entered(request, project), house.lang(request), house.now()
        found = [job(row, lang, now) for row in service.exports_of(place.caller, project)]
        return house.page(request, "exports/exports.html", place, "exports", jobs=found)

    @app.get(f"{here}/new")
    def new(request: Request, project: str) -> Response:
        place, lang = house.entered(request, project), house.lang(request)
        table = f.table_of(list(request.query_params.multi_items()))
        first = f.Chosen(what=f.SHOWN if table else f.WHOLE_PROJECT, language=lang, table=table)
        return choose(request, place, first)

    @app.post(here)
    def order(
        request: Request, project: str,
        what: Annotated[str, Form(max_length=20)] = "", type: Annotated[str, Form(max_length=60)] = "",
        format: Annotated[str, Form(max_length=20)] = "", heads: Annotated[str, Form(max_length=20)] = "",
        language: Annotated[str, Form(max_length=5)] = "", zone: Annotated[str, Form(max_length=10)] = "",
        prefix: Annotated[str, Form(max_length=5)] = "", voided: Annotated[str, Form(max_length=5)] = "",
        table: Annotated[str, Form(max_length=f.LONGEST)] = "",
    ) -> Response:  # fmt: skip
        place = house.entered(request, project)
        chosen = f.Chosen(what, type, format, heads, language, zone, prefix == "yes", voided == "yes", table)
        try:
            id = service.order_export(place.caller, project, f.wish_of(chosen, place.scopes))
        except Trouble as err:
            if err.problem.number not in SHOWN_AGAIN:
                raise
            return choose(request, place, chosen, err)
        service.look_exports()
        return go(project, f"/{id}")

    def own(request: Request, project: str, id: str) -> tuple[Place, Any]:
        """One of the reader's own, in this project. Raises Trouble 2004."""
        place = house.entered(request, project)
        row = service.export_of(place.caller, id)
        if row.project != project:
            raise Trouble(2004)
        return place, row

    @app.get(f"{here}/{{export}}")
    def one(
        request: Request, project: str, export: str, said: Annotated[str, Query(pattern="^(|cancel|over)$")] = ""
    ) -> Response:
        place, row = own(request, project, export)
        lang = house.lang(request)
        done = words(lang)(f"x_said_{said}") if said else ""
        return house.page(request, "exports/export.html", place, "exports", job=job(row, lang, house.now()), done=done)

    @app.post(f"{here}/{{export}}/cancel")
    def cancel(request: Request, project: str, export: str) -> Response:
        place, row = own(request, project, export)
        done = service.cancel_export(place.caller, row.id)
        return go(project, f"/{row.id}?said={'cancel' if done else 'over'}")

    @app.post(f"{here}/{{export}}/again")
    def again(request: Request, project: str, export: str) -> Response:
        place, row = own(request, project, export)
        id = service.again_export(place.caller, row.id)
        service.look_exports()
        return go(project, f"/{id}")

    @app.get(f"{here}/{{export}}/file")
    def file(request: Request, project: str, export: str) -> Response:
        place, row = own(request, project, export)
        row, path = service.export_file(place.caller, row.id)
        kind = KINDS.get(row.name.rpartition(".")[2], "application/octet-stream")
        return FileResponse(path, media_type=kind, filename=row.name, content_disposition_type="attachment")
