"""The least that keeps a file: a Starlette PUT that writes what comes, hashes it, syncs it to the disk and compares the hash."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route


def serve(port: int, folder: str) -> None:
    place = Path(folder)

    async def put(request: Request) -> Response:
        sha, total = request.path_params["sha"], hashlib.sha256()
        temp = place / f"{sha}.new"
        with temp.open("wb", buffering=0) as file:
            try:
                async for piece in request.stream():
                    file.write(piece)
                    total.update(piece)
            except ClientDisconnect:  # cut on purpose (photos_cut)
                return Response(status_code=400)
            os.fsync(file.fileno())
        if total.hexdigest() != sha:
            return Response(status_code=422)
        os.replace(temp, place / sha)
        return Response(status_code=204)

    async def here(_: Request) -> Response:
        return Response(status_code=204)

    app = Starlette(routes=[Route("/{sha}", put, methods=["PUT"]), Route("/", here)])
    uvicorn.run(app, host="127.0.0.1", port=port, lifespan="off", log_level="warning")
