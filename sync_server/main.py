"""Composition root of the server: settings in, a running application out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from schemas import VERSION
from schemas.rules import evidence
from sync_server.api import BodyLimit, Marked, handle_problems, make_router
from sync_server.auth import Auth
from sync_server.blobs.files import Files
from sync_server.blobs.pictures import Pictures
from sync_server.blobs.shelf import Shelf
from sync_server.blobs.tus import Packed, Spoken, make_blob_router
from sync_server.console.maps.tiles import Tiles
from sync_server.console.pages import mount_console
from sync_server.drafts import make_draft_router
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
    files: Files
    pictures: Pictures


def open_store(url: str) -> Store:
    return Store(open_engine(url))


def service_of(settings: Settings, clock: Callable[[], datetime] = server_clock) -> Service:
    """The rules over a database as it is: nothing in it is made, upgraded or run again."""
    return Service(
        open_store(settings.url()),
        settings.secret("receipt.key", evidence.new_key),
        clock,
        shelf=shelf_of(settings),
        exports=settings.data / "exports",
    )


def shelf_of(settings: Settings) -> Shelf:
    """Where files lie; nothing of it is made before there is a file."""
    data = settings.data
    return Shelf(
        Files(data / "blobs"), Pictures(data / "thumbnails"), data / "uploads", settings.max_blob_mb * 1_000_000,
        settings.upload_hours * 3_600_000, settings.uploads_per_person,
    )  # fmt: skip


def tiles_of(settings: Settings) -> Tiles | None:
    """The base map of the console, where its key is set."""
    key = settings.tianditu_key.get_secret_value().strip() if settings.tianditu_key else ""
    return Tiles(key, settings.tianditu_url, settings.tianditu_note) if key else None


def build(settings: Settings, clock: Callable[[], datetime] = server_clock) -> Parts:
    """The server without its HTTP face, as the command line uses it."""
    settings.data.mkdir(parents=True, exist_ok=True)
    settle(settings, open_store)  # a restore that was killed on its last step
    service = service_of(settings, clock)
    service.start()
    auth = Auth(service, settings.secret("token.key", evidence.new_key), settings.access_minutes, settings.refresh_days)
    return Parts(settings, service, auth, service.shelf.files, service.shelf.pictures)


def create_app(settings: Settings | None = None, clock: Callable[[], datetime] = server_clock) -> FastAPI:
    parts = build(settings or Settings(), clock)
    app = FastAPI(title="净土外业 Jingtu", version=VERSION, docs_url=None, redoc_url=None, lifespan=_living(parts))
    app.add_middleware(BodyLimit)
    app.add_middleware(Spoken, max_bytes=parts.service.shelf.max_bytes)
    app.add_middleware(Packed)
    app.add_middleware(Marked, now_ms=parts.service.now_ms)
    handle_problems(app)
    app.include_router(make_router(parts.service, parts.auth))
    app.include_router(make_blob_router(parts.service))
    app.include_router(make_draft_router(parts.service))
    app.state.console = mount_console(app, parts.service, parts.auth, tiles_of(parts.settings))
    app.state.parts = parts
    return app


def _living(parts: Parts) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """A server that starts has all its pages, and reads beside everything else what was left unread; one that ends leaves nothing
    running."""

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        app.state.console.made()
        parts.service.look_beside()
        parts.service.look_exports()
        yield
        await run_in_threadpool(parts.service.rest)

    return living
