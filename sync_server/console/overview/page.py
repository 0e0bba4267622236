"""The list of projects, and the page of one: what needs a decision, how far the work is."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response

from schemas.reference import Label
from schemas.rules.reconcile import CHECKS
from sync_server.access import PARTY
from sync_server.console.counts import counted
from sync_server.console.house import House, Place
from sync_server.console.overview import crews, summary, views
from sync_server.console.overview.profile import drawn
from sync_server.console.overview.todo import todos
from sync_server.console.words import pick
from sync_server.facts import Seen, readable
from sync_server.service.waiting import Count


def asked(
    state: Annotated[str, Query(max_length=40)] = "",
    severity: Annotated[str, Query(max_length=40)] = "",
    check: Annotated[str, Query(max_length=40)] = "",
    q: Annotated[str, Query(max_length=200)] = "",
    at: Annotated[str, Query(max_length=200)] = "",
    lacks: Annotated[str, Query(max_length=200)] = "",
    analyte: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    fpage: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> views.Filter:
    return views.Filter(state, severity, check, q.strip(), at, lacks, analyte, page, fpage)


Asked = Annotated[views.Filter, Depends(asked)]


def add_overview(house: House) -> None:
    app, service, reader = house.app, house.service, house.reader

    @app.get("/")
    def projects(request: Request) -> Response:
        me, lang, at = house.me(request), house.lang(request), house.now()
        lines = []
        for id, may in readable(me.scopes).items():
            waits = service.waiting_count(counted(house.place(me, id).scopes))
            lines.append(summary.line(reader.report(id, at, may), may, waits.asks, lang))
        lines.sort(key=lambda x: (-x.decide, x.name))
        handed_in = sorted({g.name for g in me.scopes if not g.reads})  # of another firm: nothing of these is shown
        mine = {g.owner: g.name for g in me.scopes if PARTY in g.roles}  # but its own findings
        return house.shell.page(
            request,
            "overview/projects.html",
            me=me,
            lines=lines,
            handed_in=handed_in,
            mine=sorted(mine.items(), key=lambda x: (x[1], x[0])),
            base=str(request.base_url).rstrip("/"),
        )

    @app.get("/projects/{project}")
    def project(request: Request, project: str, by: Asked) -> Response:
        place, seen = house.opened(request, project)
        lang, waits = house.lang(request), service.waiting_count(counted(place.scopes))
        return house.page(request, "overview/project.html", place, "overview", counts={"waiting": waits.asks},
                          **shown(seen, place, by, waits, lang))  # fmt: skip


def shown(seen: Seen, place: Place, by: views.Filter, waits: Count, lang: str) -> dict[str, Any]:
    """What the page of a project is made of."""
    facts, report, media, audiences = seen.facts, seen.report, seen.media, place.audiences
    told = views.told(facts, report, audiences)
    rows, pages = views.rows(report, told, by, lang)
    grouped = views.groups(report, told, by, lang)
    pictures = crews.photos(facts, media, lang)
    return {
        "head": summary.head(facts, report, lang), "by": by, "todo": todos(facts, told.every, waits, lang), "depth": drawn(facts, report, by.analyte, lang),
        "kpis": summary.kpis(report, pictures, audiences, lang), "bars": summary.bars(report, lang), "photos": pictures,
        "devices": crews.devices(facts, media, lang), "crews": crews.crews(facts, lang), "rows": rows, "pages": pages,
        "first": [g for g in grouped if g.severity in ("error", "severe")], "total": len(told.every) - told.total("unknown"),
        "others": [g for g in grouped if g.severity in ("warning", "info")],
        "cannot": [g for g in grouped if g.severity == "unknown"], "has_plan": bool(facts.plans), "planned": report.totals.planned,
        "states": views.STATES, "severities": views.SEVERITIES, "lacks": summary.lacks_words(by.lacks, lang),
        "focus": views.one_row(report, told, by.at, lang) if by.at else None,
        "checks": sorted((id, pick(Label(CHECKS[id].zh, CHECKS[id].en), lang)) for id in {check for check, _ in told.by}),
        "map_query": urlencode(views.map_query(by) | {"lang": lang}),
    }  # fmt: skip
