"""What a statement gives back: plain tuples, no rows of a database."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

Values = dict[str, Any]


class ScopeRow(NamedTuple):
    id: str
    owner: str
    audience: str
    seq: int
    digest: int


class Stored(NamedTuple):
    """A record as it stands."""

    type: str
    id: str
    scope: str
    seq: int
    values: Values


class Journaled(NamedTuple):
    """A line of the journal; the fields of `tables.journal` without n."""

    scope: str
    enrolment: str
    pos: int
    id: str
    type: str
    record: str
    line: bytes
    link: bytes
    proof: str
    outcome: str
    seq: int | None
    problem: int | None
    detail: str | None
    received_at: str


class Noted(NamedTuple):
    """A line of the audit log. `by`: a person's id, who ran the command, or "?"; `owner`: the project it concerns."""

    n: int
    at: str
    by: str
    action: str
    about: str
    owner: str | None
    detail: dict[str, Any]


class DeviceKey(NamedTuple):
    enrolment: str
    device: str
    device_code: str
    person: str
    public_key: str
    salt_key: str
    state: str
    last_seen: str | None
    pending: int | None
    app_version: str | None


class BlobRow(NamedTuple):
    """A file that is here; `exif`: JSON of what it says of itself, None as long as nobody has read it."""

    sha256: str
    size: int
    kind: str
    name: str
    received_at: str
    exif: str | None


class SourceRow(NamedTuple):
    """Who sent a file for which scope."""

    sha256: str
    scope: str
    person: str
    enrolment: str | None
    name: str
    received_at: str


class UploadRow(NamedTuple):
    """A file on its way: `stands_at` bytes of `size` are on the disk. `expires_at`: ms. `metadata`: as its sender wrote it."""

    id: str
    sha256: str
    size: int
    stands_at: int
    name: str
    scope: str
    person: str
    enrolment: str | None
    expires_at: int
    metadata: str = ""


def detail_json(**parts: Any) -> str | None:
    """What is told about a change beside its outcome."""
    kept = {k: v for k, v in parts.items() if v not in (None, [], "")}
    return json.dumps(kept, ensure_ascii=False) if kept else None
