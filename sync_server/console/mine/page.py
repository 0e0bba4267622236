"""A party's own findings over HTTP: which there are, one of them, and what is reported about it.

These pages are no pages of the project: whoever is only a party opens nothing else of it (service/owned.py says whose is what).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from schemas.fields import fields_of
from schemas.problems import Trouble
from schemas.record import Record
from schemas.records.corrective_action import CorrectiveAction
from schemas.records.finding import Finding
from schemas.rules import rectify
from sync_server.blobs.outgoing import hash_of
from sync_server.blobs.outgoing import shown as as_file
from sync_server.console.house import House
from sync_server.console.inputs import Input, input_of
from sync_server.console.mine import report, shown
from sync_server.console.planning.room import faults_in
from sync_server.console.record.photos import KEPT
from sync_server.console.shell import ROOT
from sync_server.console.words import compass, words
from sync_server.service.rectifying import MOST_PHOTOS

MAX_POST = 120_000_000  # bytes of one report, photos and all
MAX_DRAINED = 300_000_000  # bytes that are let in and thrown away
AT_ONCE = 4  # thumbnails made or waited for at a time
SAID = ("reported", "again")
SIZE = 1600  # px of the photo that lies over the camera
# The camera and the place are asked for on the page of one finding, by its own script, and on no other page.
ALLOWED = {"Permissions-Policy": "camera=(self), microphone=(), geolocation=(self)"}


def add_mine(house: House) -> None:
    app, service = house.app, house.service
    making = asyncio.Semaphore(AT_ONCE)

    @app.get("/projects/{project}/mine")
    def mine(request: Request, project: str) -> Response:
        me = house.me(request)
        found = service.own_findings(me.person, project)
        today, lang = rectify.day(house.now()), house.lang(request)
        over = sum(f.state in rectify.OVER for f in found.findings)
        return house.room(
            request, "mine/list.html", me, f"mine {project}", project=project, name=found.project, org=found.org,
            rows=[shown.row(f, today, lang) for f in found.findings], open=len(found.findings) - over, over=over, labels=labels(Finding, lang),
        )  # fmt: skip

    @app.get("/projects/{project}/mine/{finding}")
    def one(request: Request, project: str, finding: str, said: Annotated[str, Query(max_length=20)] = "") -> Response:
        done = words(house.lang(request))(f"mi_said_{said}") if said in SAID else ""
        return show(request, project, finding, done=done)

    def show(
        request: Request, project: str, finding: str, status: int = 200, *, typed: Mapping[str, str] | None = None, done: str = "",
        trouble: Trouble | None = None,
    ) -> Response:  # fmt: skip
        me, lang, now = house.me(request), house.lang(request), house.now()
        own = service.own_finding(me.person, project, finding)
        faults = report.faults_by_field(faults_in(trouble), lang) if trouble else {}
        given = typed or {}
        answer = house.room(
            request, "mine/finding.html", me, f"mine {project}", status, project=project, name=service.parties(me.person).get(project, ""),
            f=own, page=shown.page(own, now, lang), done=done, most=MOST_PHOTOS, size=SIZE, now=int(now.timestamp() * 1000),
            id=given.get("id") or service.new_id(), when=given.get("at") or report.shown_at(now), chosen=given.get("done", ""),
            labels=labels(CorrectiveAction, lang), flabels=labels(Finding, lang), compass=",".join(compass(45 * n, lang).split()[0] for n in range(8)),
            inputs=inputs(given, faults, lang), faults={n: faults.get(n, []) for n in ("at", "done")},
            trouble=(trouble.text(lang), words(lang)("mi_do_again")) if trouble else ("", ""),
        )  # fmt: skip
        answer.headers.update(ALLOWED)
        return answer

    def labels(cls: type[Record], lang: str) -> dict[str, str]:
        return {n: field.spec.label(lang) for n, field in fields_of(cls).items()}

    def inputs(given: Mapping[str, str], faults: Mapping[str, list[str]], lang: str) -> dict[str, Input]:
        known = fields_of(CorrectiveAction)
        made = {n: input_of(known[n], given.get(n, ""), lang, n, faults.get(n, ())) for n in report.FIELDS}
        w = words(lang)
        made["cost_yuan"] = made["cost_yuan"]._replace(unit=f"{w('mi_yuan')} · {w('mi_optional')}")
        return made

    @app.post("/projects/{project}/mine/{finding}")
    async def hand_in(request: Request, project: str, finding: str) -> Response:
        """Whose finding it is, is known before a photo is read."""
        await run_in_threadpool(lambda: service.own_finding(house.me(request).person, project, finding))
        told = int(request.headers.get("content-length", MAX_POST + 1))
        if told > MAX_POST:
            if told <= MAX_DRAINED:  # a browser shows the answer only once it could send all
                async for _ in request.stream():
                    pass
            large = Trouble(1301, size=told, limit=MAX_POST)
            return await run_in_threadpool(lambda: show(request, project, finding, 413, trouble=large))
        async with request.form(max_files=4 * MOST_PHOTOS, max_fields=60, max_part_size=200_000) as form:
            got = report.posted(form, house.now())
            return await run_in_threadpool(keep, request, project, finding, got)

    def keep(request: Request, project: str, finding: str, got: report.Posted) -> Response:
        person = house.me(request).person
        try:
            values = report.values_of(got.typed, house.now())
            new = service.report_rectified(person, project, finding, report.report_id(got.id), values, got.photos)
        except Trouble as err:
            if err.problem.number not in (3001, 6450, 6451, 1301, 1307):
                raise
            return show(request, project, finding, err.problem.status, typed=got.typed, trouble=err)
        query = urlencode({"said": "reported" if new else "again"})
        return RedirectResponse(f"{ROOT}/projects/{project}/mine/{finding}?{query}", 303)

    @app.get("/projects/{project}/mine/{finding}/photos/{sha256}")
    async def photo(
        request: Request, project: str, finding: str, sha256: str, size: Annotated[int, Query(ge=1, le=10_000)] = 400
    ) -> Response:
        def made() -> bytes:
            person = house.me(request).person
            return service.own_photo(person, project, finding, hash_of(sha256), size)

        async with making:
            data = await run_in_threadpool(made)
        headers = as_file("", sha256, "jpg") | KEPT
        headers["Content-Disposition"] = f'inline; filename="{sha256[:16]}-{size}.jpg"'
        return Response(data, headers=headers)
