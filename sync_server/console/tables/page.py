"""The page of one type's records, and the search for anything by its name."""

from __future__ import annotations

from typing import Annotated, NamedTuple
from urllib.parse import urlencode

from fastapi import Query as Param
from fastapi import Request, Response
from starlette.responses import RedirectResponse

from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.rows import refs_of
from sync_server.console.house import House, Place
from sync_server.console.said import type_words
from sync_server.console.shell import ROOT, YEAR_S
from sync_server.console.tables import filters
from sync_server.console.tables.asked import (
    FILLED,
    JUDGED,
    NEW,
    OLD,
    WORST,
    Asked,
    Wrong,
    asked,
    id_of,
    params_of,
    place_of,
    place_text,
)  # fmt: skip
from sync_server.console.tables.find import clean, find
from sync_server.console.tables.judged import MOST, judged, rank
from sync_server.console.tables.standing import standing
from sync_server.console.tables.table import PAGE, Rows, kinds, table, who_makes
from sync_server.service import Query, Service
from sync_server.service.lists import MOST as COUNTED
from sync_server.store import Stored

REMEMBERED = 600  # characters of chosen columns that the browser keeps


class Part(NamedTuple):
    """One page of a list: its records, and what to ask with for the pages beside it."""

    rows: list[Stored]
    before: str | None
    after: str | None


def part(service: Service, found: Asked) -> Part:
    """Raises Trouble 1001 for a place that is none, 1009 where too many readings would have to be judged."""
    query, after, before = found.query, found.given.get("after", ""), found.given.get("before", "")
    if found.order == WORST:
        return _worst(service, query, id_of(after), id_of(before))
    page = service.page(query, place_of(query, after), place_of(query, before), PAGE)
    return Part(page.rows, place_text(query, page.before), place_text(query, page.after))


def _worst(service: Service, query: Query, after: str, before: str) -> Part:
    ids = service.ranked(query, rank, MOST)
    if ids is None:
        raise Trouble(1009, limit=MOST)
    first = 0
    if before in ids:
        first = max(0, ids.index(before) - PAGE)
    elif after in ids:
        first = ids.index(after) + 1
    rows = service.these(query.type, ids[first : first + PAGE], query.scope)
    last = first + PAGE
    return Part(rows, ids[first] if first else None, ids[last - 1] if last < len(ids) else None)


class Counted(NamedTuple):
    """How many records fit, and of how many; None where all do. COUNTED + 1 stands for more."""

    fit: int
    of: int | None


def counted(service: Service, query: Query) -> Counted:
    bare = query._replace(where=(), search="")
    narrowed = query != bare
    return Counted(service.counted(query), service.counted(bare) if narrowed else None)


def add_tables(house: House) -> None:
    service = house.service

    @house.app.get("/projects/{project}/records/{type}")
    def records(request: Request, project: str, type: str) -> Response:
        place, lang = house.entered(request, project), house.lang(request)
        params = request.query_params.multi_items()
        kept = _kept(request, type)
        found = asked(type, place.scopes, params if "columns" in request.query_params else [*params, ("columns", kept)])
        if len({name for name, _ in params}) < len(params):  # several boxes of one name: one address for one page
            here = urlencode(
                {name: value for name, value in found.given.items() if value and (name, value) != ("columns", kept)}
            )
            return RedirectResponse(f"{ROOT}/projects/{project}/records/{type}?{here}", 303)
        try:
            page = part(service, found)
        except Trouble as err:
            if err.problem.number != 1009:
                raise
            found = found._replace(order=NEW, wrong=[*found.wrong, Wrong("order", WORST, err)])
            page = part(service, found._replace(given={}))
        seen, given = _around(service, place, type, found.query, page.rows, lang), found.given
        seen = seen._replace(stands=standing(house, request, place, type, page.rows))
        shown = table(type, seen, found.columns, found.order, lang, house.now())
        how_many = counted(service, found.query)
        response = house.page(
            request, "tables/records.html", place, "records", 400 if found.wrong else 200, type=type,
            what=type_words(type, lang), table=shown, found=found, again=filters.AGAIN, before=page.before, after=page.after,
            further=bool(given.get("after") or given.get("before")), count=how_many, most=COUNTED, kinds=kinds(place.scopes, lang),
            audience=found.scope.audience, audiences=found.audiences, todo=who_makes(type, lang), judging=type == JUDGED,
            form=filters.form(type, found, lang), chips=filters.chips(type, found, {**seen.names, **_named(service, place, found)}, lang),
            picks=filters.choices(type, [c.name for c in shown.columns], lang), export={"type": type, **params_of(found.query)},
            said_order=filters.order_words(type, found.order, lang), orders=[NEW, OLD, *([WORST] if type == JUDGED else [])],
            troubles=[x.trouble for x in found.wrong], every=found.columns == ("all",),
        )  # fmt: skip
        _keep(request, response, type)
        return response

    @house.app.get("/projects/{project}/find")
    def search(
        request: Request, project: str, q: Annotated[str, Param(max_length=2000)] = "", all: str = ""
    ) -> Response:
        place, lang, text = house.entered(request, project), house.lang(request), clean(q)
        found = find(service, text, place.scopes, lang, house.now()) if text else None
        if found and found.only and not all:
            return RedirectResponse(f"{ROOT}/projects/{project}/records/{found.only}", 303)
        return house.page(request, "tables/find.html", place, "", q=text, found=found)


def _around(service: Service, place: Place, type: str, query: Query, rows: list[Stored], lang: str) -> Rows:
    """What the rows of a page need to be read: names of what they point at, marks, the limits that apply."""
    pointed = {id for r in rows for _, id in refs_of(type, r.values)}
    names = service.names_of(pointed, place.ids)
    marks = service.marks(type, query.scope, rows)
    if type != JUDGED:
        return Rows(rows, names, marks, {})
    facts = service.facts_of(rows, place.ids)
    return Rows(rows, names, marks, {r.id: j for r in rows if (j := judged(facts, r.id, lang)) is not None})


def _named(service: Service, place: Place, found: Asked) -> dict[str, str]:
    ids = filters.pointed(found)
    return service.names_of(ids, place.ids) if ids else {}


# --- chosen columns, remembered in the browser -----------------------------------------------------------------------


def _cookie(type: str) -> str:
    return f"jingtu_columns_{type}"


def _kept(request: Request, type: str) -> str:
    """What was chosen for this type before; what a newer or older version would not know is left out."""
    names = request.cookies.get(_cookie(type), "")[:REMEMBERED].split(".") if type in TYPES else []
    return ",".join(n for n in names if n == "all" or n in TYPES[type].model_fields and n != "id" and n != "seq")


def _keep(request: Request, response: Response, type: str) -> None:
    if "columns" not in request.query_params:
        return
    text = ".".join(n for n in request.query_params["columns"].split(",") if n)
    if text in ("", FILLED) or len(text) > REMEMBERED:
        response.delete_cookie(_cookie(type), path=ROOT)
        return
    secure = request.url.scheme == "https"
    response.set_cookie(
        _cookie(type), text, max_age=YEAR_S, path=ROOT, httponly=True, samesite="lax", secure=secure
    )  # fmt: skip
