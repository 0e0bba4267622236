"""The review pages, put together: sign-in, files of others, what a fault looks like, and every room."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import FastAPI, Form, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from schemas.problems import Trouble
from sync_server.api import problem_response
from sync_server.auth import Auth
from sync_server.console.api import make_report_router
from sync_server.console.checklists.page import add_checklists
from sync_server.console.exports.page import add_exports
from sync_server.console.house import House, SignedOut
from sync_server.console.inspections.page import add_inspections
from sync_server.console.leads.page import add_leads
from sync_server.console.manifests.page import add_manifests
from sync_server.console.maps.page import add_maps
from sync_server.console.maps.tiles import Tiles
from sync_server.console.mine.page import add_mine
from sync_server.console.overview.page import add_overview
from sync_server.console.people.page import add_people
from sync_server.console.planning.page import add_planning
from sync_server.console.public import Counted, add_public
from sync_server.console.public_onsite import add_public_onsite
from sync_server.console.record.page import add_record
from sync_server.console.review.page import add_review
from sync_server.console.session import Sessions, give_cookie, plain_over_network, take_cookie
from sync_server.console.shell import LIBRARIES, ROOT, STATIC, Guard, Shell, library
from sync_server.console.tables.page import add_tables
from sync_server.console.waiting.page import add_waiting
from sync_server.facts import FactsReader
from sync_server.ogc.router import make_ogc_router
from sync_server.service import Service

# each adds its own pages
ROOMS = (
    add_overview, add_maps, add_tables, add_waiting, add_planning, add_record, add_review, add_exports, add_people, add_manifests,
    add_inspections, add_leads, add_mine, add_checklists,
)  # fmt: skip


LONGEST_NEXT = 2000  # characters of the address somebody comes back to


def after_sign_in(wanted: str) -> str:
    """Only a page of ours: an address out of a link must not lead away."""
    clean = wanted.startswith(f"{ROOT}/") and "\\" not in wanted and wanted.isprintable()
    return wanted if clean else f"{ROOT}/"


def make_console(service: Service, auth: Auth, reader: FactsReader, tiles: Tiles | None = None) -> FastAPI:
    shell, sessions = Shell(service.administers), Sessions(service, auth)
    held = {name: library(name) for name in LIBRARIES}
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    house = House(app, service, auth, sessions, reader, shell, tiles)
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

    @app.exception_handler(SignedOut)
    async def _signed_out(request: Request, _: SignedOut) -> Response:
        if request.url.path.endswith(".json"):
            return problem_response(Trouble(2002))
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if len(here) > LONGEST_NEXT:  # the sign-in page would refuse it; the page without its filters is the next best
            here = request.url.path if len(request.url.path) <= LONGEST_NEXT else f"{ROOT}/"
        there = f"{ROOT}/login?{urlencode({'next': here})}"
        if request.headers.get("hx-request"):  # it would put the sign-in page into a corner of this one
            return Response(status_code=204, headers={"HX-Redirect": there})
        return RedirectResponse(there, 303)

    @app.get("/lib/{name}")
    def lib(name: str) -> Response:
        if name not in held:
            raise Trouble(1005)
        data, kind = held[name]
        return Response(data, media_type=kind)

    @app.get("/login")
    def login(request: Request, next: Annotated[str, Query(max_length=LONGEST_NEXT)] = "") -> Response:
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
        next: Annotated[str, Form(max_length=LONGEST_NEXT)] = "",
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

    for add in ROOMS:
        add(house)
    return app


class Console:
    """The console, made when the server starts or somebody first asks: it has hundreds of handlers, and whoever needs none of its
    pages does not wait half a second for them."""

    def __init__(self, make: Callable[[], FastAPI]) -> None:
        self._make, self._lock = make, threading.Lock()
        self._made: FastAPI | None = None

    def made(self) -> FastAPI:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    @property
    def routes(self) -> list[BaseRoute]:
        return self.made().routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        console = self._made
        if console is None:
            console = await run_in_threadpool(self.made)
        await console(scope, receive, send)


def mount_console(app: FastAPI, service: Service, auth: Auth, tiles: Tiles | None = None) -> Console:
    """The pages under /console, the same report for programs, features for maps, and the way there from the bare address."""
    reader = FactsReader(service)
    app.include_router(make_report_router(service, reader))
    app.include_router(make_ogc_router(service, reader))
    console = Console(lambda: make_console(service, auth, reader, tiles))
    app.mount(ROOT, console)
    counted = Counted()  # one count for all that anybody may ask
    add_public(app, service, counted)
    add_public_onsite(app, service, counted)

    @app.get("/", include_in_schema=False)
    def home() -> Response:
        return RedirectResponse(f"{ROOT}/", 303)

    return console
