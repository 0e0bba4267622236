"""Files sent and fetched, written from §10 of `docs/sync-protocol.md` alone."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import time
from typing import Any

import httpx

from tests.contract.encoding import NotReached, Problem
from tests.contract.stranger import Stranger

BLOBS = "/api/v1/blobs"
TUS = {"Tus-Resumable": "1.0.0"}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def asked(client: Stranger, method: str, path: str, tries: int = 4, **rest: Any) -> httpx.Response:
    """A request, repeated until an answer came. One that is not the server's own is none."""
    headers = TUS | {"Authorization": f"Bearer {client.access}"} | rest.pop("headers", {})
    for _ in range(tries):
        with contextlib.suppress(httpx.HTTPError):
            answer = client.http.request(method, path, headers=headers, **rest)
            if answer.headers.get("tus-resumable") == "1.0.0":
                return answer
    raise NotReached(path)


def is_there(client: Stranger, sha: str, scope: str) -> bool:
    answer = asked(client, "HEAD", f"{BLOBS}/{sha}", params={"scope": scope})
    return answer.status_code == 200 and answer.headers.get("etag") == f'"{sha}"'


def send(client: Stranger, data: bytes, name: str, scope: str, piece: int = 50_000, tries: int = 100) -> int:
    """Until the server has it; how many bytes were sent for that."""
    sha, there, sent = hashlib.sha256(data).hexdigest(), "", 0
    for _ in range(tries):
        try:
            if is_there(client, sha, scope):
                return sent
            if not there:
                told = {"sha256": sha, "filename": name, "scope": scope}
                said = ",".join(f"{key} {b64(value.encode())}" for key, value in told.items())
                made = asked(client, "POST", BLOBS, headers={"Upload-Length": str(len(data)), "Upload-Metadata": said})
                if made.status_code != 201:
                    raise Problem(made.json())
                there = made.headers["location"]
            stands = asked(client, "HEAD", there)
            if stands.status_code == 410:
                there = ""
                continue
            at = int(stands.headers["upload-offset"])
            while True:
                part = data[at : at + piece]
                headers = {
                    "Content-Type": "application/offset+octet-stream", "Upload-Offset": str(at),
                    "Upload-Checksum": f"sha256 {b64(hashlib.sha256(part).digest())}",
                }  # fmt: skip
                sent += len(part)
                answer = asked(client, "PATCH", there, content=part, headers=headers)
                if answer.headers.get("jingtu-blob") == sha:
                    return sent
                if answer.status_code == 422:
                    raise Problem(answer.json())
                if answer.status_code != 204:
                    break
                at = int(answer.headers["upload-offset"])
        except (NotReached, KeyError):
            time.sleep(0.01)
    raise NotReached(sha)


def fetch(client: Stranger, sha: str) -> bytes:
    """In parts."""
    got = b""
    while True:
        answer = asked(client, "GET", f"{BLOBS}/{sha}", headers={"Range": f"bytes={len(got)}-{len(got) + 99_999}"})
        if answer.status_code == 416:
            return got
        if answer.status_code != 206:
            raise Problem(answer.json())
        got += answer.content
