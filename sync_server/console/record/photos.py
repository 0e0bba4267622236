"""Photos for the pages: the file itself and its thumbnails, to whoever may see them. The rule is that of the API (service.see_blob).

A session sees a file where a record of this project (or of its organisation) that it may read names it; to everybody else it is as
little there as one that never was.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool

from sync_server.blobs.outgoing import handed_out, hash_of, shown
from sync_server.console.house import House
from sync_server.console.shell import YEAR_S

AT_ONCE = 4  # thumbnails made or waited for at a time: a page of photos keeps no thread from those who sync
# A file is its hash and never changes; what a session may see is asked at every fetch, and no shared cache keeps it. A browser shows
# what it kept only to the session that fetched it: whoever signs in there next is asked anew.
KEPT = {"Cache-Control": f"private, max-age={YEAR_S}, immutable", "Vary": "Cookie"}


def add_photos(house: House) -> None:
    service = house.service
    shown_now = asyncio.Semaphore(AT_ONCE)

    @house.app.get("/projects/{project}/photos/{sha256}")
    def photo(request: Request, project: str, sha256: str) -> Response:
        place = house.entered(request, project)
        seen = service.see_blob(place.caller, hash_of(sha256), place.ids)
        return handed_out(request, service, seen.blob, seen.name, KEPT)

    @house.app.get("/projects/{project}/photos/{sha256}/thumbnail")
    async def thumbnail(
        request: Request, project: str, sha256: str, size: Annotated[int, Query(ge=1, le=10_000)] = 400
    ) -> Response:
        def made() -> bytes:
            place = house.entered(request, project)
            return service.thumbnail(place.caller, hash_of(sha256), size, place.ids)

        async with shown_now:
            data = await run_in_threadpool(made)
        tag = f'"{sha256}-{size}"'
        headers = shown("", sha256, "jpg") | KEPT | {"ETag": tag}
        headers["Content-Disposition"] = f'inline; filename="{sha256[:16]}-{size}.jpg"'
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers)
