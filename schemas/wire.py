"""What tablet and server say to each other; docs/sync-protocol.md is the prose of this file."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

# Both sides name the protocol they speak in the header Jingtu-Protocol. What is only added does not change it.
PROTOCOL = 1
OLDEST_TABLET = 1  # the server tells older ones to update first (1104)
OLDEST_SERVER = 1  # the tablet waits for older ones to be updated (5006)
MAX_BATCH = 1000  # changes in one push
MAX_BODY = 16_000_000  # bytes of one push after decompression
PULL_LIMIT = 1000  # rows in one pull answer
MAX_DIRECTORY = 8_000_000  # characters of a signed directory [D]
CONSOLE = "console"  # the chain of edits made on the server

# Drafts of long checks, kept on the server for who writes them, and for nobody else.
DRAFTS = "/api/v1/drafts"
KEPT_TYPES = ("inspection",)  # what a draft may be of
MAX_DRAFT = 2_000_000  # bytes of a draft's contents [D]
MOST_DRAFTS = 50  # of one person [D]

# Photos and other files travel by tus 1.0 (docs/sync-protocol.md); what an upload ended in is told in the header Jingtu-Blob.
TUS = "1.0.0"
BLOBS = "/api/v1/blobs"
UPLOADS = f"{BLOBS}/uploads"
MAX_BLOB = 200_000_000  # bytes of one file [D]; the server's setting may say less
LEAST_CHUNK, MOST_CHUNK = 64 << 10, 4 << 20  # bytes our client sends at a time
STORED = "Jingtu-Blob"  # header of the answer that ends an upload: the hash, now that the blob is there

Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
Signature = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{86}$")]


class Outcome(StrEnum):
    """What became of a change. Every well-signed change has one."""

    APPLIED = "applied"
    CONFLICT = "conflict"  # accepted; at least one atom waits for a person
    PARKED = "parked"  # a reference, a type or a right is missing; run again when it comes
    REJECTED = "rejected"  # with problem number and remedy; kept in the journal, never applied


ACCEPTED = (Outcome.APPLIED, Outcome.CONFLICT)


class Wire(BaseModel):
    """Unknown keys are ignored: tablets and servers differ in age by months."""

    model_config = ConfigDict(extra="ignore", strict=True)


class PushHead(Wire):
    """First line of a push: whose chain, from which position, and the signed head after the last line."""

    enrolment: str
    epoch: str
    first: int = Field(ge=1, le=2**53)
    prev: Hex64
    head: Hex64
    lines: (
        Hex64  # SHA-256 of the lines as sent, joined by line feeds: tells damage on the way from damage on the device
    )
    signature: Signature
    links: list[Hex64] | None = None  # sent when asked (problem 1205): locates the line that does not fit
    types: int = Field(default=1, ge=1, le=2**31)  # which state of the record types the tablet knows (records.SCHEMA)
    pending: int = Field(default=0, ge=0, le=2**53)  # how many more wait on the device; shown to the project manager


class Receipt(Wire):
    """Signed by the server, for exactly these changes. runs: [position, how many, outcome, seq of the first or null];
    seqs rise by one inside a run."""

    receipt: str
    scope: str
    enrolment: str
    epoch: str
    first: int
    last: int
    head: Hex64
    runs: list[tuple[int, int, Outcome, int | None]]
    at: str
    server_key: Key
    backed_up_to: int | None = None


class Detail(Wire):
    """About one change that was not simply applied."""

    id: str  # "" for a line that cannot be read
    position: int | None = None
    outcome: Outcome
    problem: int | None = None
    zh: str | None = None
    en: str | None = None
    missing: list[str] = []
    conflicts: list[str] = []


class PushAnswer(Wire):
    """`receipt` is the text of a Receipt; `signature` is over exactly that text."""

    receipt: str
    signature: Signature
    details: list[Detail] = []


class PullHead(Wire):
    """First line of a pull answer; `count` row lines follow. `digest` only when nothing more is to come."""

    epoch: str
    cursor: int
    head: int
    count: int
    more: bool
    digest: Hex64 | None = None
    backed_up_to: int | None = None


class SeenHead(Wire):
    """First line of what a tablet offers after a restore; row lines as it had pulled them follow."""

    epoch: str = Field(max_length=100)  # in which it had pulled them


class SeenAnswer(Wire):
    kept: int  # how many of the rows a person will be shown


class EnrolRequest(Wire):
    code: str = Field(min_length=8, max_length=64)
    public_key: Key
    salt_key: Key
    label: str = Field(min_length=1, max_length=100)
    app_version: str = Field(default="", max_length=40)
    signature: Signature  # over "jingtu-enrol-1\n" + code + "\n" + public_key + "\n" + salt_key
    # a further person on a tablet that is enrolled already: by which enrolment, and its key's signature over the same text
    beside: str | None = Field(default=None, max_length=64)
    beside_signature: Signature | None = None


class ScopeGrant(Wire):
    """A scope this user may pull, and the record types he or she may write there. `reads` false: a scope this user hands records in
    to (another firm's driver, receiver), and pulls nothing of."""

    scope: str
    audience: Literal["field", "enforcement", "transfer", "organisation"]
    owner: str  # the project's or organisation's record id
    name: str
    roles: list[str]
    writes: list[str]
    reads: bool = True


class EnrolAnswer(Wire):
    enrolment: str
    device: str
    device_code: str
    person: str
    person_name: str
    server_key: Key
    epoch: str
    scopes: list[ScopeGrant]


class Me(Wire):
    """Who the token speaks for, and what that person may see now."""

    person: str
    person_name: str
    enrolment: str | None
    device: str | None
    epoch: str
    server_key: Key
    scopes: list[ScopeGrant]
    # asked with an earlier epoch: up to which seq of each scope the data of then is today's too; a scope not named: 0
    since: dict[str, int] | None = None
    # of all that this person may see: `state` names it, and is answered with 204 as long as it stays; how far each scope is
    state: str | None = None
    heads: dict[str, tuple[int, Hex64]] | None = None
    # the hash of each signed directory this person may ask for, by its scope; None: of a server that has none
    directories: dict[str, str] | None = None


class DirectoryAnswer(Wire):
    """`directory`: the text of a directory (rules/handover/directory.py); `signature` is over exactly that text."""

    directory: str = Field(max_length=MAX_DIRECTORY)
    signature: Signature


class BlockRequest(Wire):
    use: Literal["sample", "manifest", "custody", "inspection"]
    size: int = Field(ge=1, le=10_000)


class Block(Wire):
    use: str
    from_no: int
    to_no: int


class OutcomeQuery(Wire):
    ids: list[str] = Field(max_length=MAX_BATCH)


class OutcomeNow(Detail):
    seq: int | None = None


class Hand(Wire):
    """Who put a value where it is. `at`: the clock of the device it was made on; "" names = the server itself."""

    person: str
    person_name: str
    device_code: str
    at: str


class ConflictNow(Wire):
    """A conflict as it stands, with what a person wants to know before deciding. `now` and `after` are the atom's fields,
    null = empty; `now` is today's value, which may have moved since the conflict was noted."""

    id: str
    scope: str
    subject_kind: str
    subject_id: str
    now: dict[str, Any]
    after: dict[str, Any]
    now_by: Hand | None = None  # None: several changes made it what it is
    after_by: Hand | None = None
    choice: str | None = None  # set once it is decided
    may_decide: bool


class DecisionRequest(Wire):
    """`value`, the atom's fields, only with choice set_value."""

    choice: Literal["keep_now", "take_after", "set_value"]
    reason: str = Field(min_length=1, max_length=2000)
    value: dict[str, Any] | None = None


class DraftPut(Wire):
    """First line of a draft that is to be kept; its contents, one JSON object, are the second. `base`: the version the contents go on
    from, 0 where this device knows of none; `sha256`: of the contents' bytes. title, done, total, photos: what a list shows of it."""

    type: str = Field(max_length=64)
    scope: str = Field(max_length=200)
    base: int = Field(ge=0, le=2**53)
    sha256: Hex64
    title: str = Field(default="", max_length=200)
    done: int = Field(default=0, ge=0, le=100_000)
    total: int = Field(default=0, ge=0, le=100_000)
    photos: int = Field(default=0, ge=0, le=100_000)


class Draft(Wire):
    """A draft that is on the server. `version` rises with every time it is kept; at: the server's time; device: the code of the tablet
    it came from, "" where it came from none."""

    record: str
    type: str
    scope: str
    version: int
    at: str
    device: str
    size: int
    sha256: Hex64
    title: str
    done: int
    total: int
    photos: int


class DraftList(Wire):
    drafts: list[Draft]
