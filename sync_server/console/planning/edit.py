"""Planned points are moved, added, changed or taken out: collected in a draft, looked at, saved as the next version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool

from schemas.fields import fields_of
from schemas.problems import Trouble
from schemas.record import Fault
from schemas.records.planned_point import PlannedPoint
from sync_server.console.house import House, Place
from sync_server.console.planning import form
from sync_server.console.planning.room import Room, blank, faults_in, told
from sync_server.console.words import words
from sync_server.plan.diff import Values, steps
from sync_server.plan.editing import MAX_EDITS, OPS, Edit, edited, edits_of, next_code, put, read_point, save_edits
from sync_server.plan.importing import Version, zones_of
from sync_server.plan.projection import zone_given
from sync_server.service.planning import refused

KIND = "edits"
CELLS = ("code", "lon", "lat", "northing", "easting", "role", "target_depth_m", "tolerance_m", "reason")
MAX_REASON = 2000
# which cells an edit of this kind takes beside the code
TAKES = {
    "add": ("role", "target_depth_m", "tolerance_m"),
    "move": (),
    "change": ("target_depth_m", "tolerance_m", "role"),
    "cancel": (),
}


def edit_of(given: Mapping[str, str], points: Mapping[str, Values], ever: set[str]) -> Edit:
    """What was typed as an edit. Raises Trouble 3001 with a fault for each cell, 4005, 4008."""
    op, code, reason = given.get("op", ""), given.get("code", "").strip(), given.get("reason", "").strip()
    faults: list[Fault] = []
    if op not in OPS:
        faults.append(Fault("op", "选要做什么", "Choose what to do"))
    if not code:
        faults.append(Fault("code", "填点位编号", "Give the point's code"))
    elif op == "add" and code in ever:
        faults.append(Fault("code", f"编号 {code} 用过了，换一个：做过的工作按编号相连",
                            f"Code {code} was used before, take another: work done is attached by code"))  # fmt: skip
    elif op != "add" and code not in points:
        faults.append(Fault("code", f"方案里没有 {code}", f"The plan has no {code}"))
    if not reason:
        faults.append(Fault("reason", "写明理由", "Give the reason"))
    like = given.get("like", "").strip()
    if op == "add" and like and like not in points:
        faults.append(Fault("like", f"方案里没有 {like}", f"The plan has no {like}"))
    if faults:
        raise refused(faults)
    values: Values = {}
    if op == "add" and like:
        kept = ("role", "target_depth_m", "tolerance_m", "gw_depth_m")
        values = {**{k: points[like][k] for k in kept if k in points[like]}, "targets": points[like].get("targets", [])}
    if op != "cancel":
        values |= _read(op, code, given, points)
    if op == "add":
        values = {"role": "soil", "origin": "plan", "reason": reason, **values}
    if op == "change":
        values = {k: v for k, v in values.items() if points[code].get(k) != v}
        if not values:
            raise refused([Fault("target_depth_m", "没有改动", "Nothing is changed")])
    return Edit(op, code, values, reason[:MAX_REASON])


def _read(op: str, code: str, given: Mapping[str, str], points: Mapping[str, Values]) -> Values:
    where = {k: given.get(k, "") for k in ("lon", "lat", "northing", "easting")}
    if op == "change":
        at = points[code]["position"]
        where = {"lon": at["lon"], "lat": at["lat"]}
    zone = _number(given.get("zone", "")), _number(given.get("meridian", ""))
    row, faults = read_point({"code": code, **where, **{k: given.get(k, "") for k in TAKES[op]}}, zone_given(*zone))
    if row is None:
        raise refused([Fault(f.column, f"{f.zh}；{f.remedy_zh}", f"{f.en}; {f.remedy_en}") for f in faults])
    return row.fields if op == "change" else {**row.fields, "position": row.position}


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else None


def add_edit(house: House) -> None:
    app, service, room = house.app, house.service, Room(house)

    def drafted(place: Place) -> list[Edit]:
        draft = service.plan_draft(place.me.person, place.project, KIND)
        return edits_of(draft.options) if draft else []

    def draft_id(place: Place) -> str:
        draft = service.plan_draft(place.me.person, place.project, KIND)
        return draft.id if draft else ""

    def keep_draft(place: Place, edits: Sequence[Edit]) -> None:
        if edits:
            service.put_plan_draft(
                place.me.person, place.project, KIND, "", None, {"edits": [e._asdict() for e in edits]}
            )
        else:
            service.drop_plan_draft(place.me.person, place.project, KIND)

    def ever(place: Place) -> set[str]:
        with service.store.reading() as tx:
            return tx.codes_ever(f"{place.project}.field")

    def show(
        request: Request, place: Place, version: Version, status: int = 200, *, given: Mapping[str, str] | None = None, page: int = 1,
        faults: Sequence[Fault] = (), trouble: Trouble | None = None, said: str = "",
    ) -> Response:  # fmt: skip
        lang, edits, seen = house.lang(request), drafted(place), room.seen(place)
        points, stale = version.points, ""
        try:
            points = edited(version.points, edits)
        except Trouble as err:  # the plan changed under the draft
            stale = err.text(lang)
        codes, known = {p["code"] for p in points}, ever(place)
        typed = blank({"op": "move", **(given or {})})
        if typed["op"] == "add" and not typed.get("code"):
            typed["code"] = next_code(known | codes, codes)
        found = steps(version.points, points)
        (role,) = form.inputs(PlannedPoint, ["role"], {"role": typed.get("role", "")}, lang)
        labels = {n: f.spec.label(lang) for n, f in fields_of(PlannedPoint).items()}
        return room.page(
            request, "edit.html", place, status, version=version, draft=draft_id(place), edits=edits, ops=OPS, typed=typed, labels=labels, role=role,
            faults=blank({f.field: f.zh if lang == "zh" else f.en for f in faults}), trouble=told(trouble, lang), stale=stale, done=said,
            changes=room.changes(request, seen, found, len(points), {e.code: e.reason for e in edits}, page),
            old=version.plan.values["version"], new=version.plan.values["version"] + 1, proposed=next_code(known | codes, codes),
            zones=zones_of(service, place.project), at=_at(typed, points),
        )  # fmt: skip

    def _at(typed: Mapping[str, str], points: Sequence[Values]) -> dict[str, Any]:
        """Where the chosen point is now, to start from."""
        return next((p["position"] for p in points if p["code"] == typed.get("code")), {})

    @app.get("/projects/{project}/plan/edit")
    def edit_form(
        request: Request, project: str, op: Annotated[str, Query(pattern=f"^({'|'.join(OPS)})$")] = "move",
        code: Annotated[str, Query(max_length=64)] = "", said: Annotated[str, Query(max_length=20)] = "",
        page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    ) -> Response:  # fmt: skip
        place, w = room.managed(request, project), words(house.lang(request))
        version = room.version(place)
        if version is None:
            return room.back(project)
        return show(
            request,
            place,
            version,
            given={"op": op, "code": code},
            page=page,
            said=w(f"pl_said_{said}") if said in ("put", "out") else "",
        )

    @app.post("/projects/{project}/plan/edit")
    async def edit(request: Request, project: str) -> Response:
        place = await run_in_threadpool(room.managed, request, project)
        async with request.form(max_files=0, max_fields=40) as posted:
            given = {k: str(v)[: MAX_REASON if k == "reason" else 200] for k, v in posted.items()}
        return await run_in_threadpool(act, request, place, given)

    def act(request: Request, place: Place, given: Mapping[str, str]) -> Response:
        version, do, project = room.version(place), given.get("do", ""), place.project
        if version is None:
            return room.back(project)
        edits = drafted(place)
        if do == "discard":
            keep_draft(place, [])
            return room.back(project, said="discarded")
        if do == "out":
            keep_draft(place, [e for e in edits if (e.op, e.code) != (given.get("op"), given.get("code"))])
            return room.back(project, "/edit", said="out")
        try:
            if do == "save":
                return save(place, edits, given, house.lang(request))
            points = {p["code"]: p for p in edited(version.points, edits)}
            new = put(edits, edit_of(given, points, ever(place) | points.keys()))
            edited(version.points, new)
            if len(new) > MAX_EDITS:
                raise Trouble(4010, count=len(new), limit=MAX_EDITS)
        except Trouble as err:
            if err.problem.number in (2004, 1101, 1102, 1103):
                raise
            return show(request, place, version, err.problem.status, given=given, faults=faults_in(err), trouble=err)
        keep_draft(place, new)
        return room.back(project, "/edit", said="put", op=given.get("op"))

    def save(place: Place, edits: Sequence[Edit], given: Mapping[str, str], lang: str) -> Response:
        if not edits:
            raise Trouble(4012)
        if given.get("draft") != draft_id(place):  # edited in another window since
            raise Trouble(4009)
        verbs = {op: words(lang)(f"pl_op_{op}") for op in OPS}
        done = save_edits(service, place.project, place.me.person, edits, verbs, given.get("seen", ""))
        return room.back(place.project, said="saved", n=done.version)
