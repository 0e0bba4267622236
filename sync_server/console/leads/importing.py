"""A file of leads comes in: uploaded, read, previewed, confirmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse

from schemas.problems import Trouble
from schemas.records.organisation import Organisation
from schemas.records.site import Site
from schemas.reference import codes
from schemas.rules.reconcile import Facts
from sync_server.console.house import House, Place
from sync_server.console.inputs import Option
from sync_server.console.leads import rows
from sync_server.console.leads.inputs import inputs
from sync_server.console.planning.changes import fault_lines
from sync_server.console.planning.room import told
from sync_server.console.words import words
from sync_server.plan.importing import zones_of
from sync_server.plan.leads import MAX_LEADS, Defaults, LeadFile, LeadRow, read_leads
from sync_server.service.leads import same_key
from sync_server.store import DraftRow

if TYPE_CHECKING:
    from sync_server.console.leads.page import Room

MAX_FILE = 16_000_000  # bytes
MAX_FORM = 300_000  # bytes around the file
MAX_DRAINED = 100_000_000  # bytes that are let in and thrown away
KIND, LISTED = "leads", 200
NAMES = ("kind", "title", "due_on", "site_id", "zone")


class Lead(NamedTuple):
    """One lead of the preview."""

    values: dict[str, Any]
    known: bool
    remark: str  # what became of its party


class Line(NamedTuple):
    """A lead in the list."""

    code: str
    title: str
    kind: str
    where: str
    due: str
    known: bool
    remark: str


def add_import(house: House, room: Room) -> None:
    app, service = house.app, house.service

    def form_page(
        request: Request, place: Place, status: int = 200, *, typed: Mapping[str, str] | None = None, draft: DraftRow | None = None,
        trouble: Trouble | None = None, done: str = "",
    ) -> Response:  # fmt: skip
        lang, facts = house.lang(request), room.facts(place)
        given = dict(typed or {})
        if typed is None and len(facts.sites) == 1:
            given["site_id"] = facts.sites[0].id
        sites = [Option(s.id, s.name, s.id == given.get("site_id")) for s in facts.alive(Site)]
        made = inputs(("kind", "due_on", "site_id"), given, lang, {"site_id": sites})
        return room.page(
            request, "import.html", place, status, inputs=made, typed={n: given.get(n, "") for n in NAMES}, draft=draft, mb=MAX_FILE // 1_000_000,
            most=MAX_LEADS, trouble=told(trouble, lang), done=done,
        )  # fmt: skip

    def read(place: Place, draft: DraftRow) -> tuple[LeadFile, list[Lead]]:
        """Raises Trouble as `read_leads` does."""
        typed = draft.options
        defaults = Defaults(str(typed.get("kind") or ""), str(typed.get("title") or ""), str(typed.get("due_on") or ""))
        zone = str(typed.get("zone") or "")
        given = int(zone) if zone.isascii() and zone.isdecimal() and len(zone) < 4 else None
        file = read_leads(draft.content or b"", defaults, zone=given, fits=lambda: zones_of(service, place.project))
        return file, leads_of(
            file.rows, room.facts(place), service.known_leads(place.project), str(typed.get("site_id") or "")
        )

    def preview(
        request: Request, place: Place, draft: DraftRow, status: int = 200, trouble: Trouble | None = None
    ) -> Response:
        lang = house.lang(request)
        try:
            file, leads = read(place, draft)
        except Trouble as err:
            if not 4000 < err.problem.number < 4100 and err.problem.number != 6459:
                raise
            return form_page(
                request,
                place,
                err.problem.status,
                typed={k: str(v) for k, v in draft.options.items()},
                draft=draft,
                trouble=err,
            )
        zh = lang == "zh"
        return room.page(
            request, "preview.html", place, status, draft=draft, lines=[line(x, lang) for x in leads[:LISTED]], listed=LISTED, total=len(leads),
            good=sum(not x.known for x in leads), known=sum(x.known for x in leads), wrong=len({f.line for f in file.faults}),
            faults=fault_lines(file.faults[:LISTED], lang), notes=[a if zh else b for a, b in file.notes], ignored=file.ignored,
            system=file.projection.words()[0 if zh else 1].split("；" if zh else "; ") if file.projection else [], trouble=told(trouble, lang),
            placed=bool(leads),
        )  # fmt: skip

    def draft_of(place: Place) -> DraftRow | None:
        return service.plan_draft(place.me.person, place.project, KIND)

    @app.get("/projects/{project}/tasks/import")
    def import_form(request: Request, project: str, said: Annotated[str, Query(max_length=20)] = "") -> Response:
        place, w = room.managed(request, project), words(house.lang(request))
        return form_page(request, place, done=w("le_said_gone") if said == "gone" else "")

    @app.post("/projects/{project}/tasks/import")
    async def upload(request: Request, project: str) -> Response:
        """The person is known before the file is read."""
        place = await run_in_threadpool(room.managed, request, project)
        told_ = int(request.headers.get("content-length", MAX_FILE + MAX_FORM + 1))
        if told_ > MAX_FILE + MAX_FORM:
            if told_ <= MAX_DRAINED:  # a browser shows the answer only once it could send all
                async for _ in request.stream():
                    pass
            large = Trouble(6458, limit=MAX_FILE // 1_000_000)
            return await run_in_threadpool(lambda: form_page(request, place, large.problem.status, trouble=large))
        async with request.form(max_files=1, max_fields=40, max_part_size=100_000) as form:
            typed = {n: str(form.get(n) or "").strip()[:200] for n in NAMES}
            file = form.get("file")
            content = await file.read(MAX_FILE + 1) if isinstance(file, UploadFile) else b""
            name = (file.filename or "") if isinstance(file, UploadFile) else ""
        return await run_in_threadpool(keep, request, place, typed, name, content)

    def keep(request: Request, place: Place, typed: dict[str, str], name: str, content: bytes) -> Response:
        person, old = place.me.person, draft_of(place)
        typed["kind"] = typed["kind"] if typed["kind"] in codes("task_kind") else ""
        if typed["site_id"] and room.facts(place).find(Site, typed["site_id"]) is None:
            typed["site_id"] = ""
        try:
            if len(content) > MAX_FILE:
                raise Trouble(6458, limit=MAX_FILE // 1_000_000)
            if not name and old is None:
                raise Trouble(4013)
        except Trouble as err:
            return form_page(request, place, err.problem.status, typed=typed, trouble=err)
        kept_name, kept = (_clean(name), content) if name or old is None else (old.name, old.content)
        service.put_plan_draft(person, place.project, KIND, kept_name, kept, {k: v for k, v in typed.items() if v})
        return room.back(place.project, "/import/preview")

    @app.get("/projects/{project}/tasks/import/preview")
    def look(request: Request, project: str) -> Response:
        place = room.managed(request, project)
        draft = draft_of(place)
        return preview(request, place, draft) if draft else room.back(place.project, "/import", said="gone")

    @app.get("/projects/{project}/tasks/import/map.json")
    def look_map(request: Request, project: str) -> Response:
        place = room.managed(request, project)
        draft = draft_of(place)
        try:
            leads = read(place, draft)[1] if draft else []
        except Trouble:
            leads = []
        found = [
            (x.values, "closed" if x.known else "open", str(x.values.get("source_ref") or ""), [str(x.values["title"])], "") for x in leads
        ]  # fmt: skip
        return JSONResponse(rows.map_data(room.facts(place), found))

    @app.post("/projects/{project}/tasks/import/preview")
    async def confirm(request: Request, project: str) -> Response:
        place = await run_in_threadpool(room.managed, request, project)
        async with request.form(max_files=0, max_fields=20) as form:
            given = {k: str(v)[:200] for k, v in form.items()}
        return await run_in_threadpool(decide, request, place, given)

    def decide(request: Request, place: Place, given: Mapping[str, str]) -> Response:
        person, project, draft = place.me.person, place.project, draft_of(place)
        if draft is None:
            return room.back(project, "/import", said="gone")
        if given.get("do") == "discard":
            service.drop_plan_draft(person, project, KIND)
            return room.back(project, said="discarded")
        try:
            if given.get("draft") != draft.id:  # another file was uploaded meanwhile, in another window
                raise Trouble(6457)
            file, leads = read(place, draft)
            if file.projection is not None and given.get("confirmed") != "yes":
                zh, en = file.projection.words()
                raise Trouble(4006, found={"zh": zh, "en": en})
            done = service.import_leads(person, project, [x.values for x in leads], draft.name)
        except Trouble as err:
            if err.problem.number in (2004, 1101, 1102, 1103):
                raise
            return preview(request, place, draft, err.problem.status, err)
        service.drop_plan_draft(person, project, KIND)
        return room.back(
            project,
            said="imported",
            n=len(done.codes) or None,
            known=done.known or None,
            first=done.codes[0] if done.codes else "",
        )


def leads_of(found: Sequence[LeadRow], facts: Facts, known: set[tuple[str, ...]], site: str) -> list[Lead]:
    """With the party each names, where the project knows it; what it does not know is kept in words."""
    firms: dict[str, str] = {}
    for o in facts.alive(Organisation):
        for name in (o.name, o.short_name, o.uscc):
            if name:
                firms.setdefault(_plain(name), o.id)
    seen, out = set(known), []
    for one in found:
        values, remark = dict(one.values), ""
        if one.org:
            if id := firms.get(_plain(one.org)):
                values["org_id"] = id
            else:
                remark = one.org
                said = " / ".join(words(lang)("le_org_said", name=one.org) for lang in ("zh", "en"))
                values["detail"] = "\n".join(x for x in (values.get("detail", ""), said) if x)
        if site:
            values["site_id"] = site
        key = same_key(values)
        out.append(Lead(values, key in seen, remark))
        seen.add(key)
    return out


def line(x: Lead, lang: str) -> Line:
    w, v = words(lang), x.values
    at = v.get("position")
    rings = rows.rings_of(v)
    where = f"{at['lon']}, {at['lat']}" if at else w("le_outline", n=len(rings[0]) - 1) if rings else ""
    remark = w("le_org_unknown", name=x.remark) if x.remark else ""
    return Line(str(v.get("source_ref") or ""), str(v["title"]), rows.kind_word(str(v["kind"]), lang), where, str(v.get("due_on") or "—"), x.known, remark)  # fmt: skip


def _plain(text: str) -> str:
    return "".join(text.casefold().split())


def _clean(name: str) -> str:
    return "".join(c for c in PurePath(name.replace("\\", "/")).name if c.isprintable())[:200] or "?"
