"""A plan's file comes in: uploaded, read as `jingtu plan import` reads it, previewed against the newest version, confirmed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Annotated, Any, NamedTuple

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from schemas.fields import fields_of
from schemas.problems import Trouble
from schemas.record import Fault
from schemas.records import TYPES
from sync_server.console.house import House, Place
from sync_server.console.planning import changes, form, views
from sync_server.console.planning.room import Room, blank, told
from sync_server.console.words import words
from sync_server.plan.diff import steps
from sync_server.plan.importing import Options, import_plan, refuse_faulty, row_values, zones_of
from sync_server.plan.projection import zone_given
from sync_server.plan.rows import PlanFile, read_plan
from sync_server.store import DraftRow

MAX_FILE = 32_000_000  # bytes; the command line takes more
MAX_FORM = 500_000  # bytes around the file
MAX_DRAINED = 300_000_000  # bytes that are let in and thrown away
MAX_POINTS = 20_000  # of a file; reading and importing them takes seconds, not minutes
KIND = "file"
NAMES = ("title", "reason", "target", "role", "note", "sheet", "zone", "meridian", "good")
INTERVAL = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[-–~～]\s*(\d+(?:\.\d+)?)\s*(?:m|米)?\s*")


class Asked(NamedTuple):
    """The options as typed, and what is wrong with them."""

    typed: dict[str, Any]
    options: Options
    zone: int | None
    sheet: str | None
    faults: list[Fault]


def asked(typed: Mapping[str, Any], file: str) -> Asked:
    """What the file does not say; nothing is invented."""
    faults: list[Fault] = []
    interval = INTERVAL.fullmatch(typed.get("target") or "")
    if typed.get("target") and not interval:
        faults.append(Fault("target", "写成 上深-下深，如 0-0.5", "Write it as top-bottom, such as 0-0.5"))
    numbers: dict[str, int | None] = {}
    for name, zh, en in (("zone", "带号填 25～45", "Zones are 25 to 45"), ("meridian", "中央子午线填 75、78 … 135", "Central meridians are 75, 78 … 135")):  # fmt: skip
        text = str(typed.get(name) or "").strip()
        numbers[name] = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else None
        if text and numbers[name] is None:
            faults.append(Fault(name, zh, en))
    zone = None
    try:
        zone = zone_given(numbers["zone"], numbers["meridian"])
    except Trouble as err:
        faults.append(Fault("zone", err.text("zh"), err.text("en")))
    title = typed.get("title") or PurePath(file).stem or file
    options = Options(
        title, typed.get("reason") or None, (interval[1], interval[2]) if interval else None, tuple(typed.get("groups") or ()),
        typed.get("role") or "soil", bool(typed.get("good")), typed.get("note") or None,
    )  # fmt: skip
    return Asked(dict(typed), options, zone, typed.get("sheet") or None, faults)


def typed_in(posted: FormData) -> dict[str, Any]:
    """Only what the form asks for; each bounded."""
    text = {n: str(posted.get(n) or "").strip()[: 20_000 if n in ("reason", "note") else 200] for n in NAMES}
    known = fields_of(TYPES["planned_target"])["groups"].options()
    roles = fields_of(TYPES["planned_point"])["role"].options()
    groups = [str(g) for g in posted.getlist("groups") if g in known]
    return {k: v for k, v in text.items() if v and (k != "role" or v in roles)} | ({"groups": groups} if groups else {})


def add_upload(house: House) -> None:
    app, service, room = house.app, house.service, Room(house)

    def show_form(
        request: Request, place: Place, status: int = 200, *, typed: Mapping[str, Any] | None = None, draft: DraftRow | None = None,
        trouble: Trouble | None = None, faults: Sequence[Fault] = (), said: str = "",
    ) -> Response:  # fmt: skip
        lang = house.lang(request)
        newest = room.version(place)
        return room.page(
            request, "import.html", place, status, typed=blank(typed or {}), draft=draft, trouble=told(trouble, lang), said=said,
            next=newest.plan.values["version"] + 1 if newest else 1, limit=MAX_FILE // 1_000_000, most=MAX_POINTS,
            bad=blank({f.field: f.zh if lang == "zh" else f.en for f in faults}), quiet=False, zones=zones_of(service, place.project),
            **choices(typed or {}, lang),
        )  # fmt: skip

    def choices(typed: Mapping[str, Any], lang: str) -> dict[str, Any]:
        (groups,) = form.inputs(TYPES["planned_target"], ["groups"], typed, lang)
        (role,) = form.inputs(TYPES["planned_point"], ["role"], {"role": typed.get("role") or "soil"}, lang)
        return {"groups": groups, "role": role}

    def read(place: Place, draft: DraftRow, ask: Asked) -> PlanFile:
        return read_plan(
            draft.content or b"",
            zone=ask.zone,
            sheet=ask.sheet,
            most=MAX_POINTS,
            fits=lambda: zones_of(service, place.project),
        )

    def preview(
        request: Request,
        place: Place,
        draft: DraftRow,
        page: int = 1,
        status: int = 200,
        trouble: Trouble | None = None,
    ) -> Response:
        lang, ask = house.lang(request), asked(draft.options, draft.name)
        try:
            if ask.faults:
                raise Trouble(3001, faults={"zh": ask.faults[0].zh, "en": ask.faults[0].en})
            file = read(place, draft, ask)
        except Trouble as err:
            return show_form(
                request, place, err.problem.status, typed=draft.options, draft=draft, trouble=err, faults=ask.faults
            )
        newest, seen = room.version(place), room.seen(place)
        new = [
            {**point, "targets": [target] if target else []}
            for point, target in (row_values(row, "", ask.options) for row in file.rows)
        ]
        found = steps(newest.points if newest else (), new)
        wrong = len({f.line for f in file.faults})
        halted = ""
        try:
            refuse_faulty(file, ask.options._replace(confirmed=True))
        except Trouble as err:
            halted = err.text(lang)
        return room.page(
            request, "preview.html", place, status, draft=draft, typed=blank(ask.typed), options=ask.options, trouble=told(trouble, lang),
            changes=room.changes(request, seen, found, len(new), {}, page), old=newest.plan.values["version"] if newest else 0,
            mark=newest.mark if newest else "", new=newest.plan.values["version"] + 1 if newest else 1, halted=halted,
            total=len(file.rows) + wrong, good=len(file.rows), wrong=wrong, faults=changes.fault_lines(file.faults[: views.LISTED], lang),
            more_faults=max(0, len(file.faults) - views.LISTED), notes=[zh if lang == "zh" else en for zh, en in file.notes],
            ignored=file.ignored, projection=_of(file, lang), without=sum(not v["targets"] for v in new), bad=blank({}), quiet=True,
            limit=MAX_FILE // 1_000_000, most=MAX_POINTS, zones=[], **choices(ask.typed, lang),
        )  # fmt: skip

    @app.get("/projects/{project}/plan/import")
    def import_form(request: Request, project: str, said: Annotated[str, Query(max_length=20)] = "") -> Response:
        place, w = room.managed(request, project), words(house.lang(request))
        return show_form(request, place, said=w("pl_said_gone") if said == "gone" else "")

    @app.post("/projects/{project}/plan/import")
    async def upload(request: Request, project: str) -> Response:
        """The person is known before the file is read."""
        place = await run_in_threadpool(room.managed, request, project)
        told = int(request.headers.get("content-length", "0"))
        if told > MAX_FILE + MAX_FORM:
            if told <= MAX_DRAINED:  # a browser shows the answer only once it could send all
                async for _ in request.stream():
                    pass
            large = Trouble(4011, limit=MAX_FILE // 1_000_000)
            return await run_in_threadpool(show_form, request, place, large.problem.status, trouble=large)
        async with request.form(max_files=1, max_fields=200, max_part_size=200_000) as posted:
            typed, file = typed_in(posted), posted.get("file")
            content = await file.read(MAX_FILE + 1) if isinstance(file, UploadFile) else b""
            name = (file.filename or "") if isinstance(file, UploadFile) else ""
        return await run_in_threadpool(keep, request, place, typed, name, content)

    def keep(request: Request, place: Place, typed: dict[str, Any], name: str, content: bytes) -> Response:
        person, old = place.me.person, service.plan_draft(place.me.person, place.project, KIND)
        try:
            if len(content) > MAX_FILE:
                raise Trouble(4011, limit=MAX_FILE // 1_000_000)
            if not name and old is None:
                raise Trouble(4013)
        except Trouble as err:
            return show_form(request, place, err.problem.status, typed=typed, trouble=err)
        if name or old is None:
            service.put_plan_draft(person, place.project, KIND, _clean(name), content, typed)
        else:
            service.put_plan_draft(person, place.project, KIND, old.name, old.content, typed)
        return room.back(place.project, "/import/preview")

    @app.get("/projects/{project}/plan/import/preview")
    def look(request: Request, project: str, page: Annotated[int, Query(ge=1, le=10_000)] = 1) -> Response:
        place = room.managed(request, project)
        draft = service.plan_draft(place.me.person, place.project, KIND)
        return preview(request, place, draft, page) if draft else room.back(place.project, "/import", said="gone")

    @app.post("/projects/{project}/plan/import/preview")
    async def confirm(request: Request, project: str) -> Response:
        place = await run_in_threadpool(room.managed, request, project)
        async with request.form(max_files=0, max_fields=20) as posted:
            given = {k: str(v)[:200] for k, v in posted.items()}
        return await run_in_threadpool(decide, request, place, given)

    def decide(request: Request, place: Place, given: Mapping[str, str]) -> Response:
        person, project = place.me.person, place.project
        draft = service.plan_draft(person, project, KIND)
        if draft is None:
            return room.back(project, "/import", said="gone")
        if given.get("do") == "discard":
            service.drop_plan_draft(person, project, KIND)
            return room.back(project, said="discarded")
        ask = asked(draft.options, draft.name)
        try:
            if given.get("draft") != draft.id:  # another file was uploaded meanwhile, in another window
                raise Trouble(4009)
            options = ask.options._replace(confirmed=given.get("confirmed") == "yes")
            done = import_plan(service, project, read(place, draft, ask), options, person, seen=given.get("seen", ""))
        except Trouble as err:
            if err.problem.number in (2004, 1101, 1102, 1103):
                raise
            return preview(request, place, draft, status=err.problem.status, trouble=err)
        service.drop_plan_draft(person, project, KIND)
        return room.back(project, said="imported", n=done.version, points=done.points)


def _of(file: PlanFile, lang: str) -> list[str]:
    """What was found of survey coordinates, a sentence a line."""
    if file.projection is None:
        return []
    zh, en = file.projection.words()
    return zh.split("；") if lang == "zh" else en.split("; ")


def _clean(name: str) -> str:
    return "".join(c for c in PurePath(name.replace("\\", "/")).name if c.isprintable())[:200] or "?"


__all__ = ["MAX_FILE", "add_upload", "asked"]
