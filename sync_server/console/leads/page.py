"""Tasks over HTTP: the ledger, assigning, one task; the import of leads is beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse

from schemas.fields import Audience, fields_of
from schemas.problems import Trouble
from schemas.records.field_task import FieldTask
from schemas.reference import codes
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.terms import day
from sync_server.console.counts import of_enforcement
from sync_server.console.house import House, Place
from sync_server.console.inspections.opening import may_open
from sync_server.console.leads import rows
from sync_server.console.leads.importing import add_import
from sync_server.console.leads.task import add_task
from sync_server.console.manifests.filing import whole
from sync_server.console.parts import pager, when
from sync_server.console.planning.room import told
from sync_server.console.shell import ROOT
from sync_server.console.words import pick, words
from sync_server.service.leads import TASK

HERE, PAGE = "tasks", 100
CHANGING = {"zh": "派核查任务", "en": "assigning field tasks"}
SAID = ("imported", "assigned", "again", "withdrawn", "discarded")


def asked(
    state: Annotated[str, Query(max_length=20)] = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    who: Annotated[str, Query(max_length=64)] = "",
    q: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> rows.Asked:
    return rows.Asked(state, kind, who, q.strip(), page)


AskedFor = Annotated[rows.Asked, Depends(asked)]


class Room:
    """What the pages of tasks have in common."""

    def __init__(self, house: House) -> None:
        self.house, self.service = house, house.service

    def opened(self, request: Request, project: str) -> Place:
        """Raises Trouble 2004 for whoever may not read what was recorded for enforcement: for them it is not there."""
        return may_open(self.house.entered(request, project))

    def may(self, place: Place) -> bool:
        return place.may_write(TASK, Audience.ENFORCEMENT.value)

    def managed(self, request: Request, project: str) -> Place:
        """Raises Trouble 2004, 2003 for who may see tasks and not change them."""
        place = self.opened(request, project)
        if not self.may(place):
            raise Trouble(2003, what=CHANGING)
        return place

    def facts(self, place: Place) -> Facts:
        """Just as the records are now; no page of tasks waits for the checks."""
        return self.house.reader.facts(place.project, self.house.now(), place.audiences)

    def page(self, request: Request, template: str, place: Place, status: int = 200, **values: Any) -> Response:
        return self.house.page(
            request,
            f"leads/{template}",
            place,
            HERE,
            status,
            counts=of_enforcement(self.facts(place)),
            may=self.may(place),
            labels=labels(self.house.lang(request)),
            **values,
        )

    def back(self, project: str, path: str = "", **said: Any) -> Response:
        query = urlencode({k: v for k, v in said.items() if v not in ("", None)})
        return RedirectResponse(f"{ROOT}/projects/{project}/tasks{path}" + (f"?{query}" if query else ""), 303)


def labels(lang: str) -> dict[str, str]:
    return {n: field.spec.label(lang) for n, field in fields_of(FieldTask).items()}


def add_leads(house: House) -> None:
    app, service, room = house.app, house.service, Room(house)

    def ledger(
        request: Request, place: Place, by: rows.Asked, status: int = 200, *, done: str = "", trouble: Trouble | None = None,
        typed: Mapping[str, Any] | None = None,
    ) -> Response:  # fmt: skip
        facts, lang, now = room.facts(place), house.lang(request), house.now()
        all_, today = rows.entries(facts), day(now)
        fits = rows.fitting(all_, by)
        pages = pager(len(fits), by.page, PAGE)
        query = urlencode({k: v for k, v in by._asdict().items() if v and k != "page"})
        return room.page(
            request, "ledger.html", place, status, by=by, query=query, rows=[rows.row(e, today, lang) for e in fits[pages.first : pages.last]],
            pages=pages, total=len(all_), todo=sum(e.state != "answered" for e in all_), figures=rows.figures(facts, lang), states=rows.STATES,
            kinds=[(c, pick(label, lang)) for c, label in codes("task_kind").items()], inspectors=service.inspectors(place.project),
            as_of=when(facts.now, now), done=done, trouble=told(trouble, lang), typed=typed or {}, placed=any(rows.spot_of(e.task.model_dump(mode="json", include={"position", "geometry"})) for e in fits[:rows.MOST]),
        )  # fmt: skip

    @app.get("/projects/{project}/tasks")
    def listed(
        request: Request, project: str, by: AskedFor, said: Annotated[str, Query(max_length=20)] = "",
        n: Annotated[int, Query(ge=0, le=10_000)] = 0, known: Annotated[int, Query(ge=0, le=10_000)] = 0,
        first: Annotated[str, Query(max_length=64)] = "",
    ) -> Response:  # fmt: skip
        place, w = room.opened(request, project), words(house.lang(request))
        parts = [w(f"le_said_{said}", n=n, first=first)] if said in SAID and (said != "imported" or n) else []
        parts += [w("le_said_known", n=known)] if said == "imported" and known else []
        return ledger(request, place, by, done=" ".join(parts))

    @app.get("/projects/{project}/tasks/map.json")
    def tasks_map(request: Request, project: str, by: AskedFor) -> Response:
        place, lang = room.opened(request, project), house.lang(request)
        facts = room.facts(place)
        found = rows.fitting(rows.entries(facts), by)
        return JSONResponse(rows.tasks_map(facts, found, f"{ROOT}/projects/{project}", lang))

    @app.post("/projects/{project}/tasks")
    async def assign(request: Request, project: str) -> Response:
        place = await run_in_threadpool(room.managed, request, project)
        async with request.form(max_files=0, max_fields=2 * PAGE + 200) as form:
            ticked = [str(x)[:100] for x in form.getlist("id")]
            people = [str(x)[:64] for x in form.getlist("assigned_to") if str(x)]
            due = str(form.get("due_on") or "").strip()[:20]
        return await run_in_threadpool(assigned, request, place, ticked, people, due)

    def assigned(request: Request, place: Place, ticked: list[str], people: list[str], due: str) -> Response:
        seen = {id: whole(seq) for id, _, seq in (x.partition(":") for x in ticked)}
        try:
            done = service.assign_tasks(place.me.person, place.project, seen, people, due)
        except Trouble as err:
            if err.problem.number not in (3001, 3122, 6455, 6456):
                raise
            typed = {"ids": set(seen), "people": set(people), "due": due}
            return ledger(request, place, rows.Asked(), err.problem.status, trouble=err, typed=typed)
        return room.back(place.project, said="assigned", n=len(done))

    add_import(house, room)  # its addresses are asked for before {task}
    add_task(house, room)
