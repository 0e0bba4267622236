"""One task: the lead, who goes there by when, and the answer with its photos; changed, sent out again, withdrawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from schemas.fields import RecordField, fields_of
from schemas.problems import Trouble
from schemas.record import Fault
from schemas.records import check
from schemas.records.checklist import Checklist
from schemas.records.field_task import FieldTask
from schemas.records.inspection import Inspection
from schemas.records.organisation import Organisation
from schemas.records.person import Person
from schemas.records.site import Site
from schemas.rules.checklists import ready
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.terms import day
from sync_server.console.house import House, Place
from sync_server.console.inputs import Option, typed_value
from sync_server.console.leads import rows
from sync_server.console.leads.inputs import inputs
from sync_server.console.manifests.filing import whole
from sync_server.console.parts import Sign, when
from sync_server.console.planning.room import faults_in, told
from sync_server.console.record import shots
from sync_server.console.record.known import Known
from sync_server.console.said import text_of
from sync_server.console.shell import ROOT
from sync_server.console.words import pick, words
from sync_server.service.planning import refused

if TYPE_CHECKING:
    from sync_server.console.leads.page import Room

EDITED = ("title", "kind", "detail", "source_ref", "site_id", "org_id", "checklist", "assigned_to", "due_on")
_LEAD = ("kind", "source_ref", "detail", "site_id", "point_id", "org_id", "checklist", "assigned_to", "due_on", "note")
_ANSWER = ("outcome", "outcome_text", "visited_at", "answered_by")
SAID = ("saved", "same", "again")


class Answer(NamedTuple):
    sign: Sign
    values: list[tuple[str, str]]
    shots: list[Any]
    checks: list[tuple[str, str]]  # (address, code)


def add_task(house: House, room: Room) -> None:
    app, service = house.app, house.service

    def entry_of(facts: Facts, task: str) -> rows.Entry:
        found = rows.by_id(facts).get(task)
        if found is None:
            raise Trouble(2004)
        return found

    def show(
        request: Request, place: Place, task: str, status: int = 200, *, typed: Mapping[str, Any] | None = None, trouble: Trouble | None = None, done: str = "",
    ) -> Response:  # fmt: skip
        facts, lang, now = room.facts(place), house.lang(request), house.now()
        e = entry_of(facts, task)
        values = e.task.model_dump(mode="json", exclude_none=True)
        faults: dict[str, list[str]] = {}
        for f in faults_in(trouble) if trouble else ():
            faults.setdefault(f.field, []).append(f.zh if lang == "zh" else f.en)
        given = {**values, **(typed or {})}
        chosen = options(facts, service.inspectors(place.project), given, day(now), place.project, lang)
        rings = rows.rings_of(values)
        at = rows.spot_of(values)
        return room.page(
            request, "task.html", place, status, e=e, sign=rows.sign(e, lang), kind=rows.kind_word(e.task.kind, lang), lead=said(facts, values, _LEAD, lang, now),
            where=(f"{at[1]:.7f}° {at[0]:.7f}°" if at else "") + (" · " + words(lang)("le_outline", n=len(rings[0]) - 1) if rings else ""), placed=at is not None,
            answer=answer(facts, e, lang, now, place), inputs=inputs(EDITED, given, lang, chosen, faults), reason=str((typed or {}).get("reason") or ""),
            reason_faults=faults.get("void_reason", []), trouble=told(trouble, lang), done=done, seq=e.task.seq,
        )  # fmt: skip

    def answer(facts: Facts, e: rows.Entry, lang: str, now: datetime, place: Place) -> Answer | None:
        photos = [p for p in facts.photos_of(e.task.id) if not p.deleted]
        checks = [
            (f"{ROOT}/projects/{place.project}/inspections/{i.id}", i.code)
            for i in facts.of(Inspection, "task_id", e.task.id)
        ]
        if not e.task.outcome and not photos and not checks:
            return None
        blobs, makers = service.pictures({p.sha256 for p in photos}, [p.id for p in photos])
        shown = shots.shots(photos, facts, {}, blobs, makers, Known(facts, {}, {}, lang).names, lang)
        return Answer(
            rows.sign(e, lang),
            said(facts, e.task.model_dump(mode="json", exclude_none=True), _ANSWER, lang, now),
            shown,
            checks,
        )

    @app.get("/projects/{project}/tasks/{task}")
    def one(request: Request, project: str, task: str, said: Annotated[str, Query(max_length=20)] = "") -> Response:
        done = words(house.lang(request))(f"le_said_{said}") if said in SAID else ""
        return show(request, room.opened(request, project), task, done=done)

    @app.get("/projects/{project}/tasks/{task}/map.json")
    def task_map(request: Request, project: str, task: str) -> Response:
        place = room.opened(request, project)
        facts = room.facts(place)
        return JSONResponse(
            rows.tasks_map(facts, [entry_of(facts, task)], f"{ROOT}/projects/{project}", house.lang(request))
        )

    @app.post("/projects/{project}/tasks/{task}")
    async def act(request: Request, project: str, task: str) -> Response:
        """`do`: save, again or withdraw."""
        place = await run_in_threadpool(room.managed, request, project)
        async with request.form(max_files=0, max_fields=300) as form:
            given = {k: [str(x)[:20_000] for x in form.getlist(k)] for k in form}
        return await run_in_threadpool(acted, request, place, task, given)

    def acted(request: Request, place: Place, task: str, given: Mapping[str, Sequence[str]]) -> Response:
        person, project = place.me.person, place.project
        seq, do = whole("".join(given.get("seq", ())[:1])), "".join(given.get("do", ())[:1])
        reason = "".join(given.get("reason", ())[:1])
        typed: dict[str, Any] = {}
        try:
            if do == "again":
                new = service.send_again(person, project, task, seq)
                return room.back(project, f"/{new}", said="again")
            if do == "withdraw":
                service.withdraw_task(person, project, task, seq, reason)
                return room.back(project, said="withdrawn")
            if do != "save":
                raise Trouble(1001, why={"zh": "没有选要做什么", "en": "nothing was chosen to do"})
            typed = {n: typed_value(fields_of(FieldTask)[n], given.get(n, ())) for n in EDITED}
            stored = service.stored_task(project, task)
            new_values = {k: v for k, v in {**stored.values, **typed}.items() if v not in (None, [])}
            if new_values == dict(stored.values):
                return room.back(project, f"/{task}", said="same")
            if faults := _faults(new_values, room.facts(place)):
                raise refused(faults)
            service.keep_task(person, project, task, new_values, seq)
            return room.back(project, f"/{task}", said="saved")
        except Trouble as err:
            if err.problem.number not in (3001, 3122, 6455):
                raise
            shown = {k: v for k, v in typed.items() if v is not None} if do == "save" else {"reason": reason}
            return show(request, place, task, err.problem.status, typed=shown, trouble=err)


def _faults(values: Mapping[str, Any], facts: Facts) -> list[Fault]:
    faults = list(check(FieldTask, dict(values)))
    if values.get("site_id") and facts.find(Site, str(values["site_id"])) is None:
        faults.append(Fault("site_id", "没有这个地块", "There is no such site"))
    if values.get("org_id") and facts.find(Organisation, str(values["org_id"])) is None:
        faults.append(Fault("org_id", "没有这个单位", "There is no such organisation"))
    return faults


def options(
    facts: Facts, inspectors: Sequence[tuple[str, str]], values: Mapping[str, Any], today: Any, project: str, lang: str
) -> dict[str, list[Option]]:
    """What may be chosen; what is chosen already stays, whatever it is."""
    held = [str(x) for x in values.get("assigned_to") or ()]
    people = dict(inspectors) | {
        id: p.name if (p := facts.find(Person, id)) else id[:8] for id in held if id not in dict(inspectors)
    }
    sites = [(s.id, s.name) for s in facts.alive(Site)]
    orgs = sorted(((o.id, o.name) for o in facts.alive(Organisation)), key=lambda x: x[1])
    lists = [
        (f"{c.code}@{c.version}", f"{pick(c.title, lang)} · {c.version}")
        for c in ready.offered(today, facts.alive(Checklist), project)
    ]
    pinned = str(values.get("checklist") or "")
    if pinned and pinned not in dict(lists):
        lists.append((pinned, pinned))
    found = {"site_id": sites, "org_id": orgs, "checklist": lists, "assigned_to": list(people.items())}
    chosen = {k: {str(x) for x in v} if isinstance(v := values.get(k), list) else {str(v or "")} for k in found}
    return {k: [Option(id, name, id in chosen[k]) for id, name in every] for k, every in found.items()}


def said(
    facts: Facts, values: Mapping[str, Any], names: Sequence[str], lang: str, now: datetime
) -> list[tuple[str, str]]:
    known: Mapping[str, RecordField] = fields_of(FieldTask)
    called: dict[str, str] = {}
    for cls in (Site, Organisation, Person):
        for n in names:
            r = facts.find(cls, raw) if isinstance(raw := values.get(n), str) else None
            if isinstance(r, Site | Organisation | Person):
                called[r.id] = r.name
    called |= {id: p.name for id in values.get("assigned_to") or () if (p := facts.find(Person, id))}
    out = []
    for n in names:
        if values.get(n) in (None, "", []):
            continue
        raw = values[n]
        text = raw if n in ("detail", "outcome_text", "note") else when(datetime.fromisoformat(raw), now) if n == "visited_at" else text_of(known[n], raw, called, lang, now)  # fmt: skip
        out.append((known[n].spec.label(lang), str(text)))
    return out
