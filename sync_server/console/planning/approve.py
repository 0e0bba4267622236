"""A version of a plan is reviewed by experts and approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool

from schemas.problems import Trouble
from schemas.record import Fault
from schemas.records.plan_review import PlanReview
from schemas.rules import reconcile
from schemas.values import Expert
from sync_server.console.house import House, Place
from sync_server.console.planning import form, views
from sync_server.console.planning.room import Room, faults_in, told
from sync_server.console.words import words
from sync_server.facts import load_facts
from sync_server.plan.importing import Version
from sync_server.service.planning import refused

FIELDS = ("kind", "held_on", "conclusion", "opinions", "reply", "accepted_reason", "minutes_sha256")
EMPTY_ROWS = 3  # for experts, on a fresh form


class Guard(NamedTuple):
    """One thing that has to hold before a version may be approved."""

    holds: bool
    icon: str
    colour: str
    text: str


def guards(version: Version, newest: Version | None, errors: Sequence[str], lang: str) -> list[Guard]:
    w = words(lang)
    is_newest = newest is not None and newest.plan.id == version.plan.id
    found = [
        (
            is_newest,
            w("pl_g_newest") if is_newest else w("pl_g_older", n=newest.plan.values["version"] if newest else ""),
        ),
        (
            not version.plan.values.get("approved_by"),
            w("pl_g_open" if not version.plan.values.get("approved_by") else "pl_g_approved"),
        ),
        (not errors, w("pl_g_clean") if not errors else w("pl_g_errors", n=len(errors))),
    ]
    return [Guard(ok, "ok" if ok else "warn", "done" if ok else "warn", text) for ok, text in found]


def add_approve(house: House) -> None:
    app, service, room = house.app, house.service, Room(house)

    def errors_of(place: Place, lang: str) -> list[str]:
        """Made afresh: what is approved must be what was judged."""
        return views.open_errors(reconcile.run(load_facts(service, place.project, house.now(), place.audiences)), lang)

    def show(
        request: Request, place: Place, plan: str, status: int = 200, *, typed: Mapping[str, Any] | None = None,
        faults: Sequence[Fault] = (), row_faults: Mapping[int, Sequence[Fault]] | None = None, trouble: Trouble | None = None, more: int = 0,
    ) -> Response:  # fmt: skip
        lang, now, newest = house.lang(request), house.now(), room.version(place)
        version = room.version(place, plan) if plan else newest
        if version is None:
            return room.back(place.project)
        seen = room.seen(place)
        errors = views.open_errors(seen.report, lang) if newest and version.plan.id == newest.plan.id else []
        line = next(x for x in service.plan_lines(f"{place.project}.field") if x.plan.id == version.plan.id)
        values = {"held_on": now.date().isoformat()} if typed is None else dict(typed)
        experts = list(values.get("experts") or []) + [{}] * (more or (EMPTY_ROWS if typed is None else 0))
        held = guards(version, newest, errors, lang)
        return room.page(
            request, "approve.html", place, status, version=version, guards=held, errors=errors[: views.LISTED // 10], all_errors=len(errors),
            fields=form.inputs(PlanReview, [f for f in FIELDS if f != "accepted_reason" or errors], values, lang, faults),
            rows=form.rows(Expert, experts, "experts", lang, row_faults or {}), trouble=told(trouble, lang),
            list_faults=[f.zh if lang == "zh" else f.en for f in faults if f.field == "experts"],
            may_approve=held[0].holds and held[1].holds, frozen=not held[1].holds, reviews=[views.review(r, lang, now) for r in line.reviews],
        )  # fmt: skip

    @app.get("/projects/{project}/plan/approve")
    def approve_form(request: Request, project: str, v: Annotated[str, Query(max_length=40)] = "") -> Response:
        return show(request, room.managed(request, project), v)

    @app.post("/projects/{project}/plan/approve")
    async def approve(request: Request, project: str) -> Response:
        place = await run_in_threadpool(room.managed, request, project)
        async with request.form(max_files=0, max_fields=400) as posted:
            given = {k: [str(x) for x in posted.getlist(k)] for k in posted}
        return await run_in_threadpool(keep, request, place, given)

    def keep(request: Request, place: Place, given: Mapping[str, Sequence[str]]) -> Response:
        plan, do = given.get("plan", [""])[0], given.get("do", [""])[0]
        if not plan:
            raise Trouble(2004)
        values = form.typed(PlanReview, FIELDS, given)
        experts = form.typed_rows(Expert, "experts", given)
        shown = {**values, "experts": experts}
        if do in ("more", "out"):
            return show(request, place, plan, typed=shown, more=do == "more")
        row_faults = form.faults_of_rows(Expert, experts)
        try:
            if any(row_faults.values()):
                raise refused([f for found in row_faults.values() for f in found])
            errors = errors_of(place, house.lang(request)) if do == "approve" else ()
            service.review_plan(
                place.me.person, place.project, plan, shown, given.get("seq", [""])[0], do == "approve", errors
            )
        except Trouble as err:
            if err.problem.number not in (3001, 3120, 3121, 3122):
                raise
            return show(
                request,
                place,
                plan,
                err.problem.status,
                typed=shown,
                faults=[] if row_faults else faults_in(err),
                row_faults=row_faults,
                trouble=err,
            )
        return room.back(place.project, v=plan, said="approved" if do == "approve" else "reviewed")
