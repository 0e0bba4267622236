"""The list of projects, and the page of one: what needs a decision, how far the work is."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response

from schemas.reference import Label
from schemas.rules.reconcile import CHECKS
from sync_server.console.house import House
from sync_server.console.overview import summary, views
from sync_server.console.waiting.page import counted
from sync_server.console.words import pick
from sync_server.facts import readable


def asked(
    state: Annotated[str, Query(max_length=40)] = "",
    severity: Annotated[str, Query(max_length=40)] = "",
    check: Annotated[str, Query(max_length=40)] = "",
    q: Annotated[str, Query(max_length=64)] = "",
    at: Annotated[str, Query(max_length=64)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    fpage: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> views.Filter:
    return views.Filter(state, severity, check, q.strip(), at, page, fpage)


Asked = Annotated[views.Filter, Depends(asked)]


def add_overview(house: House) -> None:
    app, service, reader = house.app, house.service, house.reader

    @app.get("/")
    def projects(request: Request) -> Response:
        me, lang, at = house.me(request), house.lang(request), house.now()
        lines = [
            summary.line(*reader.report(id, at, may)[:2], may, lang) for id, may in readable(me.scopes).items()
        ]  # fmt: skip
        lines.sort(key=lambda x: (-x.decide, x.name))
        return house.shell.page(request, "overview/projects.html", me=me, lines=lines)

    @app.get("/projects/{project}")
    def project(request: Request, project: str, by: Asked) -> Response:
        place, seen = house.opened(request, project)
        facts, report, media, audiences = seen.facts, seen.report, seen.media, place.audiences
        lang, waits = house.lang(request), service.waiting_count(counted(place.scopes))
        found = views.visible(report, audiences)
        rows, pages = views.rows(report, found, by, lang)
        grouped = views.groups(report, found, by, lang)
        return house.page(
            request, "overview/project.html", place, "overview", head=summary.head(facts, report, lang), by=by,
            kpis=summary.kpis(facts, report, audiences, lang), devices=summary.devices(facts, media, lang),
            photos=summary.photos(facts, media, lang), rows=rows, pages=pages,
            first=[g for g in grouped if g.severity in ("error", "severe")], total=sum(f.severity != "unknown" for f in found),
            others=[g for g in grouped if g.severity in ("warning", "info")], shown=views.SHOWN,
            cannot=[g for g in grouped if g.severity == "unknown"], has_plan=bool(facts.plans), states=views.STATES,
            focus=views.one_row(report, found, by.at, lang) if by.at else None, severities=views.SEVERITIES,
            checks=sorted((id, pick(Label(CHECKS[id].zh, CHECKS[id].en), lang)) for id in {f.check for f in found}),
            waiting=waits, counts={"waiting": waits.asks},
            map_query=urlencode({k: x for k, x in by.query().items() if k in ("state", "severity", "check", "q")} | {"lang": lang}),
        )  # fmt: skip
