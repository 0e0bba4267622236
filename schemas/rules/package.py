"""The evidence package, format 1: what its files hold (ARCHITECTURE.md, docs/evidence.md). `rules.judging` judges it.

What the judge insists on, beside the forms below:
- The zip: entries stored, adjoining, in the order of the directory, package.json the last; flags 0, no data descriptors, no extra fields
  but ZIP64's, no comments but the seal. Names are those of `NAMES`; every one is named by package.json, and nothing else is there.
- JSON is UTF-8 without a key twice; package.json and keys.json are canonical. Only photos.json and decisions.json may hold floats.
- .ndjson: one object a line, each line ended by a line feed. Rows in records.ndjson are exactly `evidence.row_line`, each record once.
- Whoever shows a record shows every change of it, whatever became of the change, and every receipt that covers such a position or one
  where the chain was broken on the device. With selection "project" nothing of the project's own scopes is hidden; only the organisation's has hidden positions.
- counts: changes (shown), hidden, records, photos (listed), photos_missing (not there), receipts, chains; forks are in none of them.
- A photo is listed where a shown record names it; `records` are the ids of the shown photo records that name it now, sorted.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.wire import Hex64, Key

FORMAT = 1
KIND = "jingtu-evidence"
SEAL = "jingtu-seal-1"
PACKAGE, KEYS, RECORDS, DECISIONS, PHOTOS, INDEX = (
    "package.json", "keys.json", "records.ndjson", "decisions.json", "photos.json", "index.html",
)  # fmt: skip

COUNTS = ("changes", "hidden", "records", "photos", "photos_missing", "receipts", "chains")

NAMES = re.compile(
    r"(?:package\.json|keys\.json|records\.ndjson|decisions\.json|photos\.json|index\.html"
    r"|pages/[1-9][0-9]{0,6}\.html|(?:chains|receipts|forks)/[1-9][0-9]{0,6}\.ndjson|pages/[1-9][0-9]{0,6}\.html|photos/[0-9a-f]{64}\.[a-z0-9]{1,8})",
    re.ASCII,
)  # fullmatch


def seal_message(whole: str) -> bytes:
    """What the server signs: the SHA-256, in hex, of every byte of the file before the archive's comment."""
    return f"{SEAL}\n{whole}".encode()


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class File(_Part):
    sha256: Hex64
    size: int = Field(ge=0)


class Named(_Part):
    id: str
    name: str


class Selection(_Part):
    kind: Literal["project", "point", "inspection"]
    id: str
    label: str


class Chain(_Part):
    """One device's (or the console's) changes in one scope. last: how many positions the file has; head: the link of the last (with
    0 positions, where only a second chain was kept: the first link, and an empty file)."""

    scope: str
    enrolment: str
    last: int = Field(ge=0)
    head: Hex64
    file: str
    receipts: str | None = None
    forks: str | None = None


class Package(_Part):
    """package.json: canonical JSON."""

    format: int
    kind: str
    made_at: str
    made_by: Named
    app: str
    epoch: str
    organisation: Named
    project: Named
    selection: Selection
    server_key: Key
    files: dict[str, File]  # every file but this one
    chains: list[Chain]
    counts: dict[str, int]  # of each of COUNTS, and of nothing else


class Enrolment(_Part):
    """By the server's word: whose key this is."""

    enrolment: str
    device: str
    device_code: str
    person: str
    person_name: str
    public_key: Key
    state: str


class Keys(_Part):
    """keys.json"""

    server_key: Key
    enrolments: list[Enrolment]


class Hidden(_Part):
    """A position outside the selection: SHA-256(salt + line)."""

    pos: int = Field(ge=1)
    inner: Hex64
    link: Hex64 | None = None  # as the device claimed it, where the line does not fit (unproven)


class Shown(_Part):
    """A position of the selection, with the exact bytes and what became of it. salt: 16 bytes as hex."""

    pos: int = Field(ge=1)
    salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    line: str | None = None
    line64: str | None = None  # base64url, where the line is no UTF-8 or holds a NUL
    outcome: Literal["applied", "conflict", "parked", "rejected", "again"]
    seq: int | None = Field(default=None, ge=1)
    problem: int | None = None
    detail: dict[str, Any] | None = None
    received_at: str
    proof: Literal["proven", "unproven", "server"]
    link: Hex64 | None = None


class Signed(_Part):
    """A receipt: `text` is a wire Receipt, signed by the server; `claim` the wire PushHead, signed by the device."""

    text: str
    signature: str
    claim: str


class Fork(_Part):
    """The other chain of a cloned device, from where it parts. Lines are Shown or Hidden without what became of them."""

    claim: str | None
    received_at: str
    lines: list[dict[str, Any]]


class Photo(_Part):
    """photos.json: a list of these. exif: what the bytes say of themselves (docs/evidence.md)."""

    sha256: Hex64
    there: bool
    file: str | None = None
    size: int | None = Field(default=None, ge=0)
    kind: str | None = None
    received_at: str | None = None
    by: str | None = None  # enrolment, or the person where it was none
    exif: dict[str, Any] | None = None
    records: list[str]


class Decision(_Part):
    """decisions.json: a list of these, about changes parked for a right or from a revoked device."""

    id: str  # the change
    accepted: bool
    by: str
    at: str
    reason: str
