"""Plans: versions, the points of one, comparing two; import, edit, approve and rules are files beside this one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from starlette.responses import JSONResponse

from schemas.fields import fields_of
from schemas.problems import Trouble
from schemas.records import TYPES
from sync_server.console.house import House, Place
from sync_server.console.parts import pager
from sync_server.console.planning import changes, edit, views
from sync_server.console.planning.approve import add_approve
from sync_server.console.planning.edit import add_edit
from sync_server.console.planning.room import Room, states_of
from sync_server.console.planning.rules import add_rules
from sync_server.console.planning.upload import KIND, add_upload, asked
from sync_server.console.words import words
from sync_server.plan.diff import Step, Values, steps
from sync_server.plan.editing import edited, edits_of
from sync_server.plan.importing import Version, row_values
from sync_server.plan.rows import read_plan

PAGE = 200  # points a page


def labels(lang: str) -> dict[str, str]:
    """Heads of the table of points."""
    fields = fields_of(TYPES["planned_point"])
    targets = TYPES["planned_target"].about
    own = {n: fields[n].spec.label(lang) for n in ("role", "target_depth_m", "tolerance_m", "reason")}
    return {**own, "targets": targets.zh if lang == "zh" else targets.en}


def add_planning(house: House) -> None:
    app, service, room = house.app, house.service, Room(house)

    @app.get("/projects/{project}/plan")
    def plan(
        request: Request, project: str, v: Annotated[str, Query(max_length=40)] = "", page: Annotated[int, Query(ge=1, le=10_000)] = 1,
        said: Annotated[str, Query(max_length=20)] = "", n: Annotated[int, Query(ge=0, le=10**6)] = 0,
        points: Annotated[int, Query(ge=0, le=10**6)] = 0,
    ) -> Response:  # fmt: skip
        place, seen = house.opened(request, project)
        lang, now, w = house.lang(request), house.now(), words(house.lang(request))
        scope = f"{project}.field"
        found, version = service.plan_lines(scope), room.version(place, v)
        people = {x.made_by for x in found} | {str(x.plan.values.get("approved_by") or "") for x in found}
        names = service.names_of(people - {""}, place.ids)
        lines = views.lines(found, names, lang, now)
        here = next((x for x in lines if version and x.id == version.plan.id), None)
        reviews = [views.review(r, lang, now) for x in found if here and x.plan.id == here.id for r in x.reviews]
        rows = views.by_code(version.rows) if version else []
        pages = pager(len(rows), page, PAGE)
        targets = {r.id: p["targets"] for r, p in zip(version.rows, version.points, strict=True)} if version else {}
        drafts = (
            {k: bool(service.plan_draft(place.me.person, project, k)) for k in (KIND, edit.KIND)}
            if place.may_write("plan")
            else {}
        )
        before = next((x.id for x in lines if here and x.version < here.version), "")
        return room.page(
            request, "plan.html", place, lines=lines, one=here, reviews=reviews, pages=pages, may=place.may_write("plan"), drafts=drafts,
            points=views.point_lines(rows[pages.first : pages.last], targets, states_of(seen), lang), before=before,
            labels=labels(lang), findings=views.findings(seen.report, lang) if here and here.newest else None,
            done=w(f"pl_said_{said}", n=n, points=points) if said in ("imported", "saved", "approved", "reviewed", "discarded") else "",
        )  # fmt: skip

    @app.get("/projects/{project}/plan/compare")
    def compare(
        request: Request, project: str, a: Annotated[str, Query(max_length=40)] = "", b: Annotated[str, Query(max_length=40)] = "",
        page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    ) -> Response:  # fmt: skip
        place, seen = house.opened(request, project)
        lang, now = house.lang(request), house.now()
        lines = views.lines(service.plan_lines(f"{project}.field"), {}, lang, now)
        old, new = two(place, lines, a, b)
        found = steps(old.points, new.points) if old and new else []
        reasons = changes.reasons_in(str(new.plan.values.get("change_note") or "")) if new else {}
        return room.page(
            request, "compare.html", place, lines=lines, old=old, new=new,
            changes=room.changes(request, seen, found, len(new.points) if new else 0, reasons, page),
        )  # fmt: skip

    def two(place: Place, lines: list[views.Line], a: str, b: str) -> tuple[Version | None, Version | None]:
        """The versions asked for; else the newest and the one before it."""
        b = b or (lines[0].id if lines else "")
        if not a:
            at = next((n for n, x in enumerate(lines) if x.id == b), 0)
            a = lines[at + 1].id if at + 1 < len(lines) else b
        return (room.version(place, a), room.version(place, b)) if lines else (None, None)

    @app.get("/projects/{project}/plan/map.json")
    def map_json(
        request: Request, project: str, of: Annotated[str, Query(pattern="^(|file|edits|compare)$")] = "",
        v: Annotated[str, Query(max_length=40)] = "", a: Annotated[str, Query(max_length=40)] = "", b: Annotated[str, Query(max_length=40)] = "",
    ) -> Response:  # fmt: skip
        place, seen = house.opened(request, project)
        points, found = drawn(place, of, v, a, b)
        lang = house.lang(request)
        return JSONResponse(changes.map_of(seen.facts, points, found, states_of(seen), lang, house.now()))

    def drawn(place: Place, of: str, v: str, a: str, b: str) -> tuple[list[Values], list[Step]]:
        """The points to draw, and what of them changes."""
        if of == "compare":
            old, new = room.version(place, a), room.version(place, b)
            return (new.points, steps(old.points, new.points)) if old and new else ([], [])
        version = room.version(place, v)
        points: list[Values] = version.points if version else []
        new_points = after(place, of, points)
        return new_points, steps(points, new_points) if of else []

    def after(place: Place, of: str, points: list[Values]) -> list[Values]:
        draft = service.plan_draft(place.me.person, place.project, edit.KIND if of == "edits" else KIND) if of else None
        if draft is None:
            return points
        try:
            if of == "edits":
                return edited(points, edits_of(draft.options))
            ask = asked(draft.options, draft.name)
            file = read_plan(draft.content or b"", zone=ask.zone, sheet=ask.sheet)
        except Trouble:  # the page says why
            return points
        made: list[tuple[Values, Any]] = [row_values(row, "", ask.options) for row in file.rows]
        return [{**point, "targets": [target] if target else []} for point, target in made]

    for add in (add_upload, add_edit, add_approve, add_rules):
        add(house)
