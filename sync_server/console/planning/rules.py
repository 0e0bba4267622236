"""The project's figures and rules, and each planned point's tolerance: forms made of the record classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from schemas.fields import fields_of
from schemas.problems import Trouble
from schemas.record import Fault
from schemas.records import check
from schemas.records.planned_point import PlannedPoint
from schemas.records.project import Project
from schemas.values import PhotoRule, QcRule
from sync_server.console.house import House, Place
from sync_server.console.inputs import Input
from sync_server.console.parts import pager
from sync_server.console.planning import form, views
from sync_server.console.planning.room import Room, blank, faults_in, told
from sync_server.console.words import words
from sync_server.plan.importing import Version
from sync_server.service import Write
from sync_server.service.planning import refused
from sync_server.store import Stored, Values

FIGURES = ("shift_ok_m", "shift_reason_m", "accuracy_gate_m", "late_entry_hours", "mass_pct", "mass_abs_t", "nd_as")
LISTS: dict[str, type[BaseModel]] = {"qc_rules": QcRule, "photo_rules": PhotoRule}
POINTS = 100  # a page


def wanted(given: Mapping[str, Sequence[str]]) -> tuple[Values, dict[str, dict[int, list[Fault]]]]:
    """The figures and rules as typed, and what is wrong with the rows of the lists."""
    values: Values = form.typed(Project, FIGURES, given)
    faults = {}
    for name, model in LISTS.items():
        rows = form.typed_rows(model, name, given)
        values[name] = rows
        faults[name] = form.faults_of_rows(model, rows)
    return values, faults


def add_rules(house: House) -> None:
    app, service, room = house.app, house.service, Room(house)

    def stored(project: str) -> Stored:
        found = [r for r in service.records("project", f"{project}.field") if r.id == project]
        if not found:
            raise Trouble(2004)
        return found[0]

    def show(
        request: Request, place: Place, status: int = 200, *, typed: Values | None = None, faults: Sequence[Fault] = (),
        row_faults: Mapping[str, Mapping[int, Sequence[Fault]]] | None = None, trouble: Trouble | None = None, more: str = "", done: str = "",
    ) -> Response:  # fmt: skip
        lang, record = house.lang(request), stored(place.project)
        values = record.values if typed is None else typed
        lists = []
        for name, model in LISTS.items():
            rows = list(values.get(name) or []) + [{}] * (1 if name == more else 0)
            field = fields_of(Project)[name]
            lists.append((name, field.spec.label(lang), form.rows(model, rows, name, lang, (row_faults or {}).get(name, {})),
                          [f.zh if lang == "zh" else f.en for f in faults if f.field == name]))  # fmt: skip
        return room.page(
            request, "rules.html", place, status, figures=form.inputs(Project, FIGURES, values, lang, faults), lists=lists,
            seq=record.seq, trouble=told(trouble, lang), done=done, may=place.may_write("project"), now=_now(record, values, lang) if trouble else [],
        )  # fmt: skip

    def _now(record: Stored, values: Values, lang: str) -> list[tuple[str, str, str]]:
        """What differs between what is stored and what was typed."""
        out = []
        for i, j in zip(
            form.inputs(Project, FIGURES, record.values, lang), form.inputs(Project, FIGURES, values, lang), strict=True
        ):
            if i.value != j.value or i.options != j.options:
                out.append((i.label, _said(i), _said(j)))
        return out

    @app.get("/projects/{project}/plan/rules")
    def rules(request: Request, project: str, said: Annotated[str, Query(max_length=20)] = "") -> Response:
        place, w = house.entered(request, project), words(house.lang(request))
        done = w("pl_said_rules") if said == "saved" else w("pl_said_same") if said == "same" else ""
        return show(request, place, done=done)

    @app.post("/projects/{project}/plan/rules")
    async def save(request: Request, project: str) -> Response:
        place = await run_in_threadpool(room.managed, request, project)
        async with request.form(max_files=0, max_fields=3000) as posted:
            given = {k: [str(x) for x in posted.getlist(k)] for k in posted}
        return await run_in_threadpool(keep, request, place, given)

    def keep(request: Request, place: Place, given: Mapping[str, Sequence[str]]) -> Response:
        values, row_faults = wanted(given)
        do = given.get("do", [""])[0]
        if do.startswith("more."):
            return show(request, place, typed=values, row_faults=row_faults, more=do.removeprefix("more."))
        if do == "out":
            return show(request, place, typed=values, row_faults=row_faults)
        record = stored(place.project)
        new = {**{k: v for k, v in record.values.items() if k not in FIGURES}, **values}
        for name in LISTS:
            if not new[name] and name not in record.values:
                del new[name]
        try:
            faults = check(Project, new)
            if faults or any(row_faults.values()):
                raise refused(faults or [f for rows in row_faults.values() for found in rows.values() for f in found])
            if new == record.values:
                return room.back(place.project, "/rules", said="same")
            seen = given.get("seq", ["0"])[0]
            at = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 16 else 0
            service.change_seen(
                place.me.person,
                place.project,
                [Write("project", place.project, record.scope, new)],
                {place.project: at},
                "plan_rules",
            )
        except Trouble as err:
            if err.problem.number not in (3001, 3122):
                raise
            faults = [f for f in faults_in(err) if f.field in FIGURES or (f.field in LISTS and not row_faults[f.field])]
            return show(
                request, place, err.problem.status, typed=values, faults=faults, row_faults=row_faults, trouble=err
            )
        return room.back(place.project, "/rules", said="saved")

    # --- tolerance of each planned point -----------------------------------------------------------------------------

    def show_points(
        request: Request, place: Place, page: int, status: int = 200, *, typed: Mapping[str, str] | None = None,
        faults: Mapping[str, str] | None = None, trouble: Trouble | None = None, done: str = "",
    ) -> Response:  # fmt: skip
        lang, version = house.lang(request), room.version(place)
        rows = views.by_code(version.rows) if version else []
        pages = pager(len(rows), page, POINTS)
        (figure,) = form.inputs(PlannedPoint, ["tolerance_m"], {}, lang)
        return room.page(
            request, "tolerances.html", place, status, version=version, pages=pages, rows=rows[pages.first : pages.last], figure=figure,
            typed=typed or {}, faults=blank(faults or {}), trouble=told(trouble, lang), done=done, at=page, project=stored(place.project).values,
            frozen=bool(version and version.plan.values.get("approved_by")),
        )  # fmt: skip

    @app.get("/projects/{project}/plan/tolerances")
    def tolerances(
        request: Request,
        project: str,
        page: Annotated[int, Query(ge=1, le=10_000)] = 1,
        n: Annotated[int, Query(ge=0, le=POINTS)] = 0,
    ) -> Response:
        place, w = room.managed(request, project), words(house.lang(request))
        return show_points(request, place, page, done=w("pl_said_tolerances", n=n) if n else "")

    @app.post("/projects/{project}/plan/tolerances")
    async def save_tolerances(request: Request, project: str) -> Response:
        place = await run_in_threadpool(room.managed, request, project)
        async with request.form(max_files=0, max_fields=3 * POINTS) as posted:
            given = {k: str(v)[:40] for k, v in posted.items()}
        return await run_in_threadpool(keep_tolerances, request, place, given)

    def keep_tolerances(request: Request, place: Place, given: Mapping[str, str]) -> Response:
        page = int(p) if (p := given.get("page", "")).isascii() and p.isdecimal() and 0 < len(p) < 5 else 1
        version = room.version(place)
        rows = {r.id: r for r in version.rows} if version else {}
        writes, seen, faults, typed = [], {}, {}, {}
        for id, row in rows.items():
            if f"t.{id}" not in given:
                continue
            typed[id] = given[f"t.{id}"]
            values: dict[str, Any] = {k: v for k, v in row.values.items() if k != "tolerance_m"}
            values |= form.typed(PlannedPoint, ["tolerance_m"], {"tolerance_m": [typed[id]]})
            if values == row.values:
                continue
            wrong = [f for f in check(PlannedPoint, values) if f.field == "tolerance_m"]
            if wrong:
                faults[id] = wrong[0].zh if house.lang(request) == "zh" else wrong[0].en
            writes.append(Write("planned_point", id, row.scope, values))
            s = given.get(f"seq.{id}", "")
            seen[id] = int(s) if s.isascii() and s.isdecimal() and len(s) < 16 else 0
        try:
            if faults:
                raise refused([Fault("tolerance_m", *([next(iter(faults.values()))] * 2))])
            _belongs(version, given)
            if writes:
                service.change_seen(place.me.person, place.project, writes, seen, "plan_tolerances")
        except Trouble as err:
            if err.problem.number not in (3001, 3121, 3122):
                raise
            return show_points(request, place, page, err.problem.status, typed=typed, faults=faults, trouble=err)
        return room.back(place.project, "/tolerances", page=page, n=len(writes) or None)


def _said(i: Input) -> str:
    return next((o.word for o in i.options if o.chosen), i.value) or "—"


def _belongs(version: Version | None, given: Mapping[str, str]) -> None:
    """Raises Trouble 3122 where the form was of another version than the newest now."""
    if version is None or given.get("plan") != version.plan.id:
        raise Trouble(3122, who={"zh": "有人", "en": "Somebody"})
