"""Composition root of the server: settings in, a running application out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from schemas import VERSION
from schemas.rules import evidence
from sync_server.api import BodyLimit, Marked, handle_problems, make_router
from sync_server.auth import Auth
from sync_server.console.pages import mount_console
from sync_server.restore import settle
from sync_server.service import Service
from sync_server.settings import Settings
from sync_server.store import Store, open_engine


def server_clock() -> datetime:
    return datetime.now(UTC)


class Parts(NamedTuple):
    settings: Settings
    service: Service
    auth: Auth


def open_store(url: str) -> Store:
    return Store(open_engine(url))


def service_of(settings: Settings, clock: Callable[[], datetime] = server_clock) -> Service:
    """The rules over a database as it is: nothing in it is made, upgraded or run again."""
    return Service(open_store(settings.url()), settings.secret("receipt.key", evidence.new_key), clock)


def build(settings: Settings, clock: Callable[[], datetime] = server_clock) -> Parts:
    """The server without its HTTP face, as the command line uses it."""
    settings.data.mkdir(parents=True, exist_ok=True)
    settle(settings, open_store)  # a restore that was killed on its last step
    service = service_of(settings, clock)
    service.start()
    auth = Auth(service, settings.secret("token.key", evidence.new_key), settings.access_minutes, settings.refresh_days)
    return Parts(settings, service, auth)


def create_app(settings: Settings | None = None, clock: Callable[[], datetime] = server_clock) -> FastAPI:
    parts = build(settings or Settings(), clock)
    app = FastAPI(title="净土外业 Jingtu", version=VERSION, docs_url=None, redoc_url=None)
    app.add_middleware(BodyLimit)
    app.add_middleware(GZipMiddleware, minimum_size=500, compresslevel=1)
    app.add_middleware(Marked, now_ms=parts.service.now_ms)
    handle_problems(app)
    app.include_router(make_router(parts.service, parts.auth))
    mount_console(app, parts.service, parts.auth)
    app.state.parts = parts
    return app
