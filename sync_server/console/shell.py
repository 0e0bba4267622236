"""What every page is framed by: template, language, theme; the policy of every answer; files of others, proven."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.problems import Trouble
from sync_server.api import problem_response
from sync_server.console import charts
from sync_server.console.charts.core import core, core_text
from sync_server.console.charts.paint import SOIL_DEFS
from sync_server.console.parts import number
from sync_server.console.session import check_origin
from sync_server.console.words import LANGS, words

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
                for name, value in POLICY.items():
                    headers.setdefault(name, value)  # a file of somebody's is kept even closer
                kept = "/static/" in request.url.path or "/lib/" in request.url.path
                lasting = kept and message["status"] == 200 and request.query_params.get("v") == stamp()
                if not headers.get("cache-control", "").startswith("private"):  # of a picture that never changes
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

    def __init__(self, administers: Callable[[str], bool] = lambda person: False) -> None:
        self.administers = administers
        self.env = Environment(
            loader=PackageLoader("sync_server.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self.env.globals.update(
            root=ROOT, v=stamp(), symbol=charts.symbol, limit_bar=charts.limit_bar, progress=charts.progress,
            core=core, core_text=core_text, number=number, soil_defs=SOIL_DEFS,
        )  # fmt: skip

    def page(
        self, request: Request, template: str, status: int = 200, path: str | None = None, **values: Any
    ) -> Response:
        """`path`: where the links of this page to itself lead, when it is the answer to a post."""
        here_path = path or request.url.path
        lang, theme = choice(request, "lang", LANG, LANGS), choice(request, "theme", THEME, THEMES)
        here = {k: x for k, x in request.query_params.items() if k not in ("lang", "theme")}

        def link(changes: dict[str, Any] | None = None, path: str | None = None, at: str = "") -> str:
            """An address on this page: what is asked for now, with changes."""
            query = {**here, **(changes or {})} if path is None else changes or {}
            query = {k: x for k, x in query.items() if x not in (None, "")}
            return (path or here_path) + (f"?{urlencode(query)}" if query else "") + (f"#{at}" if at else "")

        body = self.env.get_template(template).render(
            w=words(lang),
            lang=lang,
            theme=theme,
            link=link,
            **{
                "me": None,
                "project_id": None,
                "roles": (),
                "nav": "projects",
                "counts": {},
                "admin": self._admin(values),
                **values,
            },
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

    def _admin(self, values: Mapping[str, Any]) -> bool:
        """Does the reader look after the whole organisation?"""
        return values.get("me") is not None and self.administers(values["me"].person)

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
