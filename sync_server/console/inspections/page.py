"""The addresses of inspections and findings: ledgers, one of each, sums, map, files; re-checks."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple
from urllib.parse import quote, urlencode

from fastapi import Depends, Form, Query, Request, Response
from starlette.responses import JSONResponse, RedirectResponse

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.records.inspection import Inspection
from schemas.reference import codes
from schemas.rules.reconcile import Facts
from schemas.rules.reconcile.terms import day
from sync_server.console.counts import of_enforcement
from sync_server.console.house import House, Place
from sync_server.console.inputs import day_of
from sync_server.console.inspections import checks, finding, one, places, rows
from sync_server.console.inspections.download import findings_file
from sync_server.console.inspections.opening import HERE, opened
from sync_server.console.inspections.papers import add_papers
from sync_server.console.parts import pager, when
from sync_server.console.shell import ROOT
from sync_server.console.words import pick, words
from sync_server.finding_sums import by_party, by_site
from sync_server.findings import Entry, by_id, entries, of_inspection
from sync_server.service.inspections import LONGEST, Wish

PAGE = 100  # rows a page
SEVERITIES = ("law", "severe", "general", "tip")
TABS = ("findings", "inspections", "parties", "sites", "map")


def asked(
    state: Annotated[str, Query(max_length=40)] = "",
    severity: Annotated[str, Query(max_length=40)] = "",
    party: Annotated[str, Query(max_length=64)] = "",
    site: Annotated[str, Query(max_length=64)] = "",
    q: Annotated[str, Query(max_length=200)] = "",
    at: Annotated[str, Query(max_length=64)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> rows.Asked:
    return rows.Asked(state, severity, party, site, q.strip(), at, page)


def asked_checks(
    state: Annotated[str, Query(max_length=40)] = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    party: Annotated[str, Query(max_length=64)] = "",
    site: Annotated[str, Query(max_length=64)] = "",
    q: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> checks.Asked:
    return checks.Asked(state, kind, party, site, q.strip(), page)


class Typed(NamedTuple):
    """What was typed into the box, shown again beside a fault."""

    opinion: str = ""
    next_deadline: str = ""
    referred_to: str = ""
    result: str = ""


AskedFor = Annotated[rows.Asked, Depends(asked)]
ChecksAskedFor = Annotated[checks.Asked, Depends(asked_checks)]


def add_inspections(house: House) -> None:
    add_papers(house)  # {inspection}.pdf is asked for before {inspection}
    app = house.app

    @app.get("/projects/{project}/findings")
    def ledger(request: Request, project: str, by: AskedFor) -> Response:
        place, facts = opened(house, request, project)
        lang, today, all_ = house.lang(request), day(facts.now), entries(facts)
        fits = rows.fitting(all_, by, today)
        pages = pager(len(fits), by.page, PAGE)
        shown = fits[pages.first : pages.last]
        chosen = by_id(facts).get(by.at) or (shown[0] if shown else None)
        figures, verdict = rows.figures(facts, lang)
        below = finding.values(house, place, facts, chosen, lang) if chosen else {}
        return _page(
            house, request, place, facts, "findings.html", "findings", by=by, rows=[rows.row(e, today, lang) for e in shown], pages=pages,
            total=len(all_), figures=figures, verdict=verdict, head=rows.heading(facts, lang), chosen=chosen.id if chosen else "", x=below,
            **_choices(facts, lang), may_task=place.may_write("field_task", Audience.ENFORCEMENT.value), n_checks=len(checks.every(facts)),
            query=_query(by, "page", "at"), form=Typed(), trouble=None, back="findings",
        )  # fmt: skip

    @app.get("/projects/{project}/findings.xlsx")
    def download(request: Request, project: str, by: AskedFor) -> Response:
        place, facts = opened(house, request, project)
        lang = house.lang(request)
        found = rows.fitting(entries(facts), by, day(facts.now))
        return findings_file(house, place, facts, found, _narrowed(facts, by, lang), lang)

    @app.get("/projects/{project}/findings/parties")
    def parties(request: Request, project: str) -> Response:
        place, facts = opened(house, request, project)
        return _page(house, request, place, facts, "sums.html", "parties", sums=by_party(facts), of="party")

    @app.get("/projects/{project}/findings/sites")
    def sites(request: Request, project: str) -> Response:
        place, facts = opened(house, request, project)
        return _page(house, request, place, facts, "sums.html", "sites", sums=by_site(facts), of="site")

    @app.get("/projects/{project}/findings/map")
    def map_page(request: Request, project: str, by: AskedFor) -> Response:
        place, facts = opened(house, request, project)
        lang, today = house.lang(request), day(facts.now)
        fits = rows.fitting(entries(facts), by, today)
        nowhere = places.without_place(fits)
        return _page(
            house, request, place, facts, "map.html", "map", by=by, total=len(entries(facts)), n_shown=len(fits) - len(nowhere), n_nowhere=len(nowhere),
            nowhere=[rows.row(e, today, lang) for e in nowhere[:PAGE]], drawable=len(fits) > len(nowhere), query=_query(by, "page", "at"), most=places.MOST,
            **_choices(facts, lang),
        )  # fmt: skip

    @app.get("/projects/{project}/findings/map.json")
    def map_json(request: Request, project: str, by: AskedFor) -> Response:
        place, facts = opened(house, request, project)
        fits = rows.fitting(entries(facts), by, day(facts.now))
        return JSONResponse(
            places.map_data(facts, fits, f"{ROOT}/projects/{quote(place.project, safe='')}", house.lang(request))
        )

    @app.get("/projects/{project}/findings/{finding_id}")
    def one_finding(
        request: Request, project: str, finding_id: str, done: Annotated[str, Query(pattern="^(|closed|keep|refer)$")] = "",
    ) -> Response:  # fmt: skip
        place, facts = opened(house, request, project)
        e = _entry(facts, finding_id)
        return _finding(house, request, place, facts, e, Typed(), done=_done(e, done, house.lang(request)))

    @app.post("/projects/{project}/findings/{finding_id}/recheck")
    def recheck(
        request: Request, project: str, finding_id: str,
        result: Annotated[str, Form(max_length=20)] = "",
        opinion: Annotated[str, Form(max_length=LONGEST)] = "",
        next_deadline: Annotated[str, Form(max_length=40)] = "",
        referred_to: Annotated[str, Form(max_length=400)] = "",
        seen: Annotated[str, Form(max_length=64)] = "",
    ) -> Response:  # fmt: skip
        place = opened(house, request, project)[0]
        lang = house.lang(request)
        wish = Wish(result, opinion, seen, day_of(next_deadline), referred_to, lang)
        try:
            house.service.recheck_finding(place.me.person, place.project, finding_id, wish)
        except Trouble as err:
            if err.problem.number not in (3001, 6440, 6441, 6442, 6443):
                raise
            facts = house.reader.facts(place.project, house.now(), place.audiences)
            typed = Typed(opinion, next_deadline, referred_to, result)
            return _finding(house, request, place, facts, _entry(facts, finding_id), typed, err)
        there = f"{ROOT}/projects/{quote(place.project, safe='')}/findings/{quote(finding_id, safe='')}"
        return RedirectResponse(f"{there}?{urlencode({'done': result})}", 303)

    @app.get("/projects/{project}/inspections")
    def check_ledger(request: Request, project: str, by: ChecksAskedFor) -> Response:
        place, facts = opened(house, request, project)
        lang, now = house.lang(request), house.now()
        fits = checks.fitting(facts, by)
        pages = pager(len(fits), by.page, PAGE)
        return _page(
            house, request, place, facts, "inspections.html", "inspections", by=by, pages=pages, total=len(checks.every(facts)),
            rows=[checks.row(facts, i, now, lang) for i in fits[pages.first : pages.last]], states=checks.STATES, kinds=checks.kinds(facts, lang),
            parties=checks.parties(facts), sites=checks.sites(facts), head=rows.heading(facts, lang),
        )  # fmt: skip

    @app.get("/projects/{project}/inspections/{inspection}")
    def one_check(request: Request, project: str, inspection: str) -> Response:
        place, facts = opened(house, request, project)
        found = facts.get(Inspection, inspection)
        if found is None:
            raise Trouble(2004)
        record = house.service.onsite_record(inspection, f"{place.project}.{Audience.ENFORCEMENT.value}")
        values = one.values(house, place, facts, found, record, house.lang(request))
        return _page(house, request, place, facts, "inspection.html", "inspections", **values)

    @app.get("/projects/{project}/inspections/{inspection}/map.json")
    def check_map(request: Request, project: str, inspection: str) -> Response:
        place, facts = opened(house, request, project)
        found = facts.get(Inspection, inspection)
        if found is None:
            raise Trouble(2004)
        root = f"{ROOT}/projects/{quote(place.project, safe='')}"
        return JSONResponse(places.of_check(facts, found, of_inspection(facts, inspection), root, house.lang(request)))


def _page(
    house: House,
    request: Request,
    place: Place,
    facts: Facts,
    template: str,
    tab: str,
    status: int = 200,
    **values: Any,
) -> Response:
    return house.page(
        request, f"inspections/{template}", place, HERE, status, tab=tab, tabs=TABS, counts=of_enforcement(facts),
        **{"as_of": when(facts.now, house.now()), **values},
    )  # fmt: skip


def _finding(
    house: House,
    request: Request,
    place: Place,
    facts: Facts,
    e: Entry,
    typed: Typed,
    err: Trouble | None = None,
    done: str = "",
) -> Response:
    lang = house.lang(request)
    said = (err.text(lang), err.problem.remedy_zh if lang == "zh" else err.problem.remedy_en) if err else None
    path = f"{ROOT}/projects/{quote(place.project, safe='')}/findings/{quote(e.id, safe='')}"
    return house.page(
        request, "inspections/finding.html", place, HERE, err.problem.status if err else 200, path=path, tab="findings", tabs=TABS,
        counts=of_enforcement(facts), x=finding.values(house, place, facts, e, lang), form=typed,
        trouble=said, done=done, back="finding",
    )  # fmt: skip


def _done(e: Entry, result: str, lang: str) -> str:
    """What was just decided, and what is still to come."""
    w = words(lang)
    if not result:
        return ""
    word = pick(codes("recheck_result")[result], lang)
    if e.course.pending is not None and e.course.pending.result == result:
        return w("in_done_first", result=word)
    return w(f"in_done_{result}")


def _entry(facts: Facts, id: str) -> Entry:
    """Raises Trouble 2004."""
    e = by_id(facts).get(id)
    if e is None:
        raise Trouble(2004)
    return e


def _choices(facts: Facts, lang: str) -> dict[str, Any]:
    return {
        "states": rows.STATES, "severities": [(s, pick(codes("severity")[s], lang)) for s in SEVERITIES], "parties": rows.parties(facts),
        "sites": rows.sites(facts),
    }  # fmt: skip


def _query(by: rows.Asked, *without: str) -> str:
    return urlencode({k: v for k, v in by._asdict().items() if k not in without and v not in ("", 1)})


def _narrowed(facts: Facts, by: rows.Asked, lang: str) -> str:
    """What was asked for, in words; "" for all."""
    w = words(lang)
    parts = [w(f"in_f_{by.state}")] if by.state in rows.STATES else []
    if by.severity in codes("severity"):
        parts.append(pick(codes("severity")[by.severity], lang))
    parts += [name for id, name in rows.parties(facts) if id == by.party]
    parts += [name for id, name in rows.sites(facts) if id == by.site]
    return "、".join([*parts, by.q] if by.q else parts)
