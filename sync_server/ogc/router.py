"""The handlers of /ogc: who asks, what may be seen, which page of features."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import JSONResponse

from schemas.fields import Audience
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.wire import ScopeGrant
from sync_server.auth import Auth
from sync_server.facts import FactsReader, readable
from sync_server.ogc import documents as doc
from sync_server.ogc import features
from sync_server.ogc.asking import Asked, asked
from sync_server.service import Caller, Service
from sync_server.service.places import Located

JUDGED = "judged"  # the points as the rules judge them, beside the record types
LEFT_OUT = frozenset({"device", "enrolment", "number_block", "conflict"})  # what the server keeps for itself


def key_of(request: Request) -> Caller:
    """A key for programs, or a token of the API, as Bearer or as the password of Basic (its user name is not looked at).
    Raises Trouble 1012."""
    kind, _, rest = request.headers.get("authorization", "").partition(" ")
    token = rest.strip()
    if kind.lower() == "basic":
        try:
            token = base64.b64decode(token, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            token = ""
    elif kind.lower() != "bearer":
        token = ""
    auth: Auth = request.app.state.parts.auth
    for known in (auth.by_key, auth.caller) if token else ():
        try:
            return known(token)
        except Trouble as err:
            if err.problem.number not in (2002, 2010):
                raise
    raise Trouble(1012)


Key = Annotated[Caller, Depends(key_of)]


class Shelf(NamedTuple):
    """One collection for one person."""

    about: doc.Collection
    project: str
    type: str
    scopes: list[ScopeGrant]  # of this project that records of the type may lie in
    audiences: frozenset[str]


def shelves(scopes: list[ScopeGrant]) -> dict[str, Shelf]:
    """Every collection these grants open, the judged points of each project first."""
    out: dict[str, Shelf] = {}
    for project, audiences in readable(scopes).items():
        own = [s for s in scopes if s.reads and s.owner == project]
        name = next((s.name for s in own), "")
        for type in (JUDGED, *TYPES):
            if type in LEFT_OUT:
                continue
            wanted = None if type == JUDGED else TYPES[type].about.audience
            if wanted is Audience.ORGANISATION:
                continue
            held = [s for s in own if wanted is Audience.SUBJECT or s.audience == (wanted or Audience.FIELD).value]
            if held:
                c = doc.Collection(f"{project}.{type}", *features.title(type, name), features.dated(type))
                out[c.id] = Shelf(c, project, type, held, audiences)
    return out


def make_ogc_router(service: Service, reader: FactsReader) -> APIRouter:
    api = APIRouter(prefix=doc.ROOT, include_in_schema=False)

    def base(request: Request) -> str:
        return str(request.base_url).rstrip("/")

    def shelf(caller: Caller, collection: str) -> tuple[Shelf, list[str]]:
        """Raises Trouble 2004."""
        grants = service.me(caller).scopes
        found = shelves(grants).get(collection)
        if found is None:
            raise Trouble(2004)
        return found, [s.scope for s in grants if s.reads]

    def plain(request: Request) -> None:
        asked({k: v for k, v in request.query_params.items() if k == "f"})

    @api.get("")
    def landing(request: Request) -> Response:
        plain(request)
        return JSONResponse(doc.landing(base(request)))

    @api.get("/api")
    def definition(request: Request) -> Response:
        return JSONResponse(doc.api(base(request)), media_type=doc.OPENAPI)

    @api.get("/conformance")
    def conformance(request: Request) -> Response:
        plain(request)
        return JSONResponse(doc.conformance())

    @api.get("/collections")
    def collections(request: Request, caller: Key) -> Response:
        plain(request)
        return JSONResponse(
            doc.collections(base(request), [s.about for s in shelves(service.me(caller).scopes).values()])
        )

    @api.get("/collections/{collection}")
    def collection(request: Request, caller: Key, collection: str) -> Response:
        plain(request)
        return JSONResponse(doc.collection(base(request), shelf(caller, collection)[0].about))

    @api.get("/collections/{collection}/items")
    def items(request: Request, caller: Key, collection: str) -> Response:
        there, ids = shelf(caller, collection)
        filters = features.filters(there.type)
        query = asked(request.query_params, frozenset(filters))
        wanted = {k: v for k, v in request.query_params.items() if k in filters}
        if there.type == JUDGED:
            found, after = judged(there, query, wanted)
        else:
            found, after = stored(there, ids, query, wanted)
        path = f"/collections/{collection}/items"
        links = [doc.link(base(request), f"{path}{features.again(request.query_params)}", "self", doc.GEOJSON),
                 doc.link(base(request), f"/collections/{collection}", "collection")]  # fmt: skip
        if after is not None:
            links.append(
                doc.link(base(request), path + features.again(request.query_params, after), "next", doc.GEOJSON)
            )
        body = {
            "type": "FeatureCollection", "timeStamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "numberReturned": len(found), "features": found, "links": links,
        }  # fmt: skip
        return JSONResponse(body, media_type=doc.GEOJSON)

    @api.get("/collections/{collection}/items/{feature}")
    def item(request: Request, caller: Key, collection: str, feature: str) -> Response:
        plain(request)
        there, ids = shelf(caller, collection)
        if there.type == JUDGED:
            everything = Asked(None, None, 2**31, 0)
            found = next((f for f in judged(there, everything, {})[0] if f["id"] == feature), None)
        else:
            row = service.record_in(there.type, feature, [s.scope for s in there.scopes])
            located = service.located(there.type, [row], ids) if row else []
            found = shown(there.type, located, ids)[0] if located else None
        if found is None:
            raise Trouble(2004)
        path = f"/collections/{collection}"
        found["links"] = [doc.link(base(request), f"{path}/items/{feature}", "self", doc.GEOJSON),
                          doc.link(base(request), path, "collection")]  # fmt: skip
        return JSONResponse(found, media_type=doc.GEOJSON)

    def stored(there: Shelf, ids: list[str], query: Asked, wanted: Mapping[str, str]) -> tuple[list[dict[str, Any]], int | None]:  # fmt: skip
        """By seq; where records of a type lie in several scopes, one scope after the other."""
        first = query.after >> features.SEQ_BITS
        after = query.after & (2**features.SEQ_BITS - 1)
        out: list[dict[str, Any]] = []
        for n, scope in enumerate(there.scopes[first:], first):
            found = service.features(
                there.type, scope.scope, after, query.limit - len(out), ids, features.fitting(there.type, query, wanted)
            )
            out += shown(there.type, found.rows, ids)
            if found.after is not None:
                return out, (n << features.SEQ_BITS) | found.after
            if len(out) >= query.limit and n + 1 < len(there.scopes):
                return out, (n + 1) << features.SEQ_BITS
            after = 0
        return out, None

    def shown(type: str, rows: list[Located], ids: list[str]) -> list[dict[str, Any]]:
        names = service.names_of(features.pointed_at(type, rows), ids)
        return [features.feature(type, one, names) for one in rows]

    def judged(there: Shelf, query: Asked, wanted: Mapping[str, str]) -> tuple[list[dict[str, Any]], int | None]:
        """The points of the report, in its order; a place in it to go on from."""
        now = datetime.fromisoformat(service.now())
        facts, report, *_ = reader.report(there.project, now, there.audiences)
        out: list[dict[str, Any]] = []
        for n, point in enumerate(report.points[query.after :], query.after):
            if not features.point_fits(point, query, wanted):
                continue
            if len(out) == query.limit:
                return out, n
            out.append(features.judged(point))
        return out, None

    return api
