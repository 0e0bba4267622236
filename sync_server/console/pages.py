"""The review pages: authenticate, read, show. What is shown is made in views.py, how it looks in templates/."""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Form, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.problems import Trouble
from schemas.reference import Label
from schemas.rules.reconcile import CHECKS
from schemas.wire import Me
from sync_server.api import problem_response
from sync_server.auth import Auth
from sync_server.console import charts, summary, views
from sync_server.console.api import make_report_router
from sync_server.console.mapdata import box_of, map_data
from sync_server.console.records import add_records
from sync_server.console.session import (
    Sessions,
    Visitor,
    check_origin,
    give_cookie,
    plain_over_network,
    take_cookie,
)
from sync_server.console.waiting import add_waiting, counted, scopes_of
from sync_server.console.words import LANGS, pick, words
from sync_server.facts import FactsReader, Seen, readable
from sync_server.service import Service

log = logging.getLogger("jingtu")
ROOT = "/console"
STATIC = Path(__file__).parent / "static"
LANG, THEME, THEMES = "jingtu_lang", "jingtu_theme", ("light", "dark", "system")
YEAR_S = 365 * 86_400

# Script and style of others come out of wheels, byte for byte what their makers published; nothing else is served of them.
LIBRARIES = {
    "htmx.min.js": ("js_lib_htmx", "static/htmx/htmx.min.js", "text/javascript",
                    "491955cd1810747d7d7b9ccb936400afb760e06d25d53e4572b64b6563b2784e"),
    "leaflet.js": ("js_lib_leaflet", "static/js_lib_leaflet/leaflet.js", "text/javascript",
                   "db49d009c841f5ca34a888c96511ae936fd9f5533e90d8b2c4d57596f4e5641a"),
    "leaflet.css": ("js_lib_leaflet", "static/js_lib_leaflet/leaflet.css", "text/css",
                    "a7837102824184820dfa198d1ebcd109ff6d0ff9a2672a074b9a1b4d147d04c6"),
}  # fmt: skip

POLICY = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def library(name: str) -> tuple[bytes, str]:
    """A file of LIBRARIES, read and proven. Raises RuntimeError when it is not the one that was reviewed."""
    package, path, kind, wanted = LIBRARIES[name]
    data = files(package).joinpath(path).read_bytes()
    if hashlib.sha256(data).hexdigest() != wanted:
        raise RuntimeError(f"{package}/{path} 不是核对过的版本 ‖ is not the reviewed file (sha256 differs)")
    return data, kind


@cache
def stamp() -> str:
    """Of all that a page loads: in its addresses, so that browsers keep files until they change."""
    own = b"".join(p.read_bytes() for p in sorted(STATIC.iterdir()))
    return hashlib.sha256(own + "".join(row[3] for row in LIBRARIES.values()).encode()).hexdigest()[:12]


class Guard:
    """Around every page: foreign posts are refused, every answer carries the policy, no fault shows its insides."""

    def __init__(self, app: ASGIApp, shell: Shell) -> None:
        self.app, self.shell = app, shell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, started = Request(scope, receive), False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.update(POLICY)
                kept = "/static/" in request.url.path or "/lib/" in request.url.path
                lasting = kept and message["status"] == 200 and request.query_params.get("v") == stamp()
                headers["Cache-Control"] = (
                    f"public, max-age={YEAR_S}, immutable" if lasting else "no-cache" if kept else "no-store"
                )
            await send(message)

        try:
            check_origin(request)
            await self.app(scope, receive, guarded)
        except Trouble as err:
            await self.shell.trouble(request, err)(scope, receive, guarded)
        except Exception as err:
            trace = secrets.token_hex(4)
            log.error("trace %s: %s %s", trace, request.method, request.url.path, exc_info=err)
            if not started:
                await self.shell.trouble(request, Trouble(1100, trace=trace))(scope, receive, guarded)


class Shell:
    """Turns a template and its values into a page in the reader's language and theme."""

    def __init__(self) -> None:
        self.env = Environment(
            loader=PackageLoader("sync_server.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self.env.globals.update(
            root=ROOT, v=stamp(), symbol=charts.symbol, limit_bar=charts.limit_bar, progress=charts.progress,
            number=summary.number,
        )  # fmt: skip

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        lang, theme = choice(request, "lang", LANG, LANGS), choice(request, "theme", THEME, THEMES)
        here = {k: x for k, x in request.query_params.items() if k not in ("lang", "theme")}

        def link(changes: dict[str, Any] | None = None, path: str | None = None, at: str = "") -> str:
            """An address on this page: what is asked for now, with changes."""
            query = {**here, **(changes or {})} if path is None else changes or {}
            query = {k: x for k, x in query.items() if x not in (None, "")}
            return (path or request.url.path) + (f"?{urlencode(query)}" if query else "") + (f"#{at}" if at else "")

        body = self.env.get_template(template).render(
            w=words(lang), lang=lang, theme=theme, link=link, **{"me": None, "project_id": None, "roles": (), **values}
        )
        response = HTMLResponse(body, status)
        for name, cookie, allowed in (("lang", LANG, LANGS), ("theme", THEME, THEMES)):
            asked = request.query_params.get(name)
            if asked in allowed:
                secure = request.url.scheme == "https"
                response.set_cookie(
                    cookie, str(asked), max_age=YEAR_S, path="/", httponly=True, samesite="lax", secure=secure
                )
        return response

    def trouble(self, request: Request, err: Trouble) -> Response:
        if request.url.path.endswith(".json"):
            return problem_response(err)
        p, lang = err.problem, choice(request, "lang", LANG, LANGS)
        other = "en" if lang == "zh" else "zh"
        response = self.page(
            request, "error.html", p.status, number_=p.number, title=err.text(lang), other=err.text(other), other_lang=other,
            remedy=p.remedy_zh if lang == "zh" else p.remedy_en,
        )  # fmt: skip
        if p.status in (429, 503):
            response.headers["Retry-After"] = str(err.words.get("seconds", 5))
        return response


def choice(request: Request, name: str, cookie: str, allowed: tuple[str, ...]) -> str:
    """Asked for in the address, else in the cookie, else the first; for the theme the system's."""
    for value in (request.query_params.get(name), request.cookies.get(cookie)):
        if value in allowed:
            return str(value)
    return "system" if name == "theme" else allowed[0]


def after_sign_in(wanted: str) -> str:
    """Only a page of ours: an address out of a link must not lead away."""
    clean = wanted.startswith(f"{ROOT}/") and "\\" not in wanted and wanted.isprintable()
    return wanted if clean else f"{ROOT}/"


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


def _roles(me: Me, project: str) -> list[str]:
    return sorted({role for s in me.scopes if s.owner == project for role in s.roles})


class _SignedOut(Exception):
    pass


def make_console(service: Service, auth: Auth, reader: FactsReader) -> FastAPI:
    shell, sessions = Shell(), Sessions(service, auth)
    held = {name: library(name) for name in LIBRARIES}
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(Guard, shell=shell)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.exception_handler(Trouble)
    async def _trouble(request: Request, err: Trouble) -> Response:
        return shell.trouble(request, err)

    @app.exception_handler(RequestValidationError)
    async def _wrong(request: Request, err: RequestValidationError) -> Response:
        why = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in err.errors()[:3])
        return shell.trouble(request, Trouble(1001, why=why))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, err: HTTPException) -> Response:
        return shell.trouble(request, Trouble({404: 1005, 405: 1006}.get(err.status_code, 1001), why=str(err.detail)))

    @app.exception_handler(_SignedOut)
    async def _signed_out(request: Request, _: _SignedOut) -> Response:
        if request.url.path.endswith(".json"):
            return problem_response(Trouble(2002))
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        there = f"{ROOT}/login?{urlencode({'next': here})}"
        if request.headers.get("hx-request"):  # it would put the sign-in page into a corner of this one
            return Response(status_code=204, headers={"HX-Redirect": there})
        return RedirectResponse(there, 303)

    def visitor(request: Request) -> Visitor:
        found = sessions.visitor(request)
        if found is None:
            raise _SignedOut
        return found

    def now() -> datetime:
        return datetime.fromisoformat(service.now())

    def opened(request: Request, project: str) -> tuple[Me, frozenset[str], Seen]:
        """Who asks, what he or she may see, and the report made of just that. Raises Trouble 2004."""
        me = service.me(visitor(request).caller)
        audiences = readable(me.scopes).get(project)
        if audiences is None:
            raise Trouble(2004)
        return me, audiences, reader.report(project, now(), audiences)

    @app.get("/lib/{name}")
    def lib(name: str) -> Response:
        if name not in held:
            raise Trouble(1005)
        data, kind = held[name]
        return Response(data, media_type=kind)

    @app.get("/login")
    def login(request: Request, next: Annotated[str, Query(max_length=2000)] = "") -> Response:
        if sessions.visitor(request):
            return RedirectResponse(after_sign_in(next), 303)
        return shell.page(
            request, "login.html", next=next, trouble=None, username="", exposed=plain_over_network(request)
        )

    @app.post("/login")
    def sign_in(
        request: Request,
        username: Annotated[str, Form(max_length=200)] = "",
        password: Annotated[str, Form(max_length=1000)] = "",
        next: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        try:
            token = sessions.sign_in(request, username, password)
        except Trouble as err:
            if err.problem.number not in (2001, 2007):
                raise
            response = shell.page(
                request, "login.html", err.problem.status, next=next, trouble=err, username=username,
                exposed=plain_over_network(request),
            )  # fmt: skip
            if err.problem.number == 2007:
                response.headers["Retry-After"] = str(err.words["seconds"])
            return response
        done = RedirectResponse(after_sign_in(next), 303)
        give_cookie(request, done, token)
        return done

    @app.post("/logout")
    def sign_out(request: Request) -> Response:
        sessions.sign_out(request)
        done = RedirectResponse(f"{ROOT}/login", 303)
        take_cookie(request, done)
        return done

    @app.get("/")
    def projects(request: Request) -> Response:
        me, lang, at = service.me(visitor(request).caller), choice(request, "lang", LANG, LANGS), now()
        lines = [
            summary.line(*reader.report(id, at, may)[:2], may, lang) for id, may in readable(me.scopes).items()
        ]  # fmt: skip
        lines.sort(key=lambda x: (-x.decide, x.name))
        return shell.page(request, "projects.html", me=me, lines=lines)

    @app.get("/projects/{project}")
    def project(request: Request, project: str, by: Asked) -> Response:
        me, audiences, seen = opened(request, project)
        facts, report, media = seen.facts, seen.report, seen.media
        lang = choice(request, "lang", LANG, LANGS)
        found = views.visible(report, audiences)
        rows, pages = views.rows(report, found, by, lang)
        grouped = views.groups(report, found, by, lang)
        return shell.page(
            request, "project.html", me=me, project_id=project, roles=_roles(me, project), head=summary.head(facts, report, lang), by=by,
            kpis=summary.kpis(facts, report, audiences, lang), devices=summary.devices(facts, media, lang),
            photos=summary.photos(facts, media, lang), rows=rows, pages=pages,
            first=[g for g in grouped if g.severity in ("error", "severe")], total=sum(f.severity != "unknown" for f in found),
            others=[g for g in grouped if g.severity in ("warning", "info")], shown=views.SHOWN,
            cannot=[g for g in grouped if g.severity == "unknown"], has_plan=bool(facts.plans), states=views.STATES,
            focus=views.one_row(report, found, by.at, lang) if by.at else None, severities=views.SEVERITIES,
            checks=sorted((id, pick(Label(CHECKS[id].zh, CHECKS[id].en), lang)) for id in {f.check for f in found}),
            waiting=service.waiting_count(counted(scopes_of(me, project))),
            map_query=urlencode({k: x for k, x in by.query().items() if k in ("state", "severity", "check", "q")} | {"lang": lang}),
        )  # fmt: skip

    @app.get("/projects/{project}/map.json")
    def map_json(
        request: Request,
        project: str,
        by: Asked,
        box: Annotated[str, Query(max_length=200)] = "",
        zoom: Annotated[int, Query(ge=0, le=30)] = 16,
    ) -> Response:
        _, audiences, (facts, report, *_) = opened(request, project)
        lang = choice(request, "lang", LANG, LANGS)
        found = views.visible(report, audiences)
        return JSONResponse(map_data(facts, report, found, by, box_of(box), zoom, lang))

    lang_of = lambda request: choice(request, "lang", LANG, LANGS)  # noqa: E731
    add_waiting(app, service, shell, visitor, lang_of, ROOT)
    add_records(app, service, shell, visitor, lang_of)
    return app


def mount_console(app: FastAPI, service: Service, auth: Auth) -> None:
    """The pages under /console, the same report for programs, and the way there from the bare address."""
    reader = FactsReader(service)
    app.include_router(make_report_router(service, reader))
    app.mount(ROOT, make_console(service, auth, reader))

    @app.get("/", include_in_schema=False)
    def home() -> Response:
        return RedirectResponse(f"{ROOT}/", 303)
