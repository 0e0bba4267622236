"""One record with everything that is known of it: as it stands, its neighbours, its past, what was said about it. Read only."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from schemas import change
from schemas.canonical import NotCanonical
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.wire import ACCEPTED, CONSOLE
from sync_server.service.base import Base
from sync_server.store import BlobRow, DeviceKey, Journaled, Stored, Tx

PAGE = 50  # changes a page
RECEIPT_MS = 60_000  # a receipt is given when the batch it is about has been taken, moments later
LOADED = 2000  # records that are read to be called by their names
ABOUT = ("comment", "review_decision", "conflict")  # types whose records are about another one


class Chapter(NamedTuple):
    """One change as the journal has it. `n`: its place there. `key`: of the device it came from, None for the server's own.
    `decision`: what a project manager decided about it while it waited. `receipt`: id of the one that acknowledged it."""

    n: int
    line: Journaled
    key: DeviceKey | None
    decision: Mapping[str, Any] | None
    receipt: str | None


class Recorded(NamedTuple):
    """A record as it stands. `above`, `below`: its neighbours of the same type in a table with the latest change first.
    `comments` (answers to them among them), `reviews`, `conflicts`: about it, the latest first.
    `authors`: comment → the person who wrote it."""

    stored: Stored
    above: str | None
    below: str | None
    comments: list[Stored]
    reviews: list[Stored]
    conflicts: list[Stored]
    authors: dict[str, str]


class Past(NamedTuple):
    """A page of its past, the latest first: changes to the record and to what is about it. `further`: what to ask with for
    what came before; `changes`, `devices`: of the record alone, in all."""

    chapters: list[Chapter]
    further: int | None
    changes: int
    devices: int


class Histories(Base):
    def recorded(self, type: str, id: str, scopes: Collection[str]) -> Recorded:
        """Raises Trouble 2004 where there is no such record of this type in these scopes."""
        with self.store.reading() as tx:
            found = tx.types_of([id]).get(id) if "\0" not in id else None
            if found is None or found[0] != type or type not in TYPES or found[1] not in scopes:
                raise Trouble(2004)
            (stored,) = tx.load(type, [id])
            above = tx.records_beyond(type, stored.scope, stored.seq, 1, False)
            below = tx.records_beyond(type, stored.scope, stored.seq, 1, True)
            comments, reviews, conflicts = (tx.said_about(kind, [id], stored.scope) for kind in ABOUT)
            if comments:
                comments += tx.said_about("comment", [c.id for c in comments], stored.scope)
            lines = tx.histories([c.id for c in comments])
        authors = {id: by for id, made in lines.items() if (by := _author(made))}
        before, after = above[0].id if above else None, below[0].id if below else None
        return Recorded(stored, before, after, comments, reviews, conflicts, authors)

    def past(self, of: Recorded, before: int | None = None, limit: int = PAGE) -> Past:
        """`before`: only what came in front of that place of the journal."""
        ids = [of.stored.id, *(s.id for s in (*of.comments, *of.reviews, *of.conflicts))]
        with self.store.reading() as tx:
            rows = tx.changes_about(ids, of.stored.scope, before, limit + 1)
            page = rows[:limit]
            decided = tx.decisions([j.id for _, j in page])
            keys = {e: tx.key(e) for e in {j.enrolment for _, j in page}}
            receipts = _receipts(tx, [j for _, j in page])
            changes, devices = tx.changes_counted(of.stored.id, of.stored.scope)
        chapters = [Chapter(n, j, keys[j.enrolment], decided.get(j.id), receipts.get(j.id)) for n, j in page]
        return Past(chapters, page[-1][0] if len(rows) > limit else None, changes, devices)

    def known(self, ids: Collection[str], scopes: Collection[str]) -> dict[str, Stored]:
        """Of these records those that are here, in these scopes; at most LOADED."""
        with self.store.reading() as tx:
            where = {i: t for i, (t, scope) in tx.types_of(list(ids)[:LOADED]).items() if scope in scopes}
            by_type: dict[str, list[str]] = {}
            for id, type in where.items():
                by_type.setdefault(type, []).append(id)
            return {s.id: s for type, of_type in by_type.items() for s in tx.load(type, of_type)}

    def pictures(self, shas: Iterable[str], absent: Iterable[str]) -> tuple[dict[str, BlobRow], dict[str, DeviceKey]]:
        """What is known of these files, and, of photo records whose file has not come, on which device each was made."""
        with self.store.reading() as tx:
            blobs, makers = tx.blobs_named(shas), tx.makers_of(absent)
            keys = {e: tx.key(e) for e in set(makers.values())}
        return blobs, {record: key for record, e in makers.items() if (key := keys[e]) is not None}


def _author(lines: Sequence[Journaled]) -> str:
    """Of a record: who made it."""
    for j in lines:
        with suppress(NotCanonical):
            made = change.decode(j.line)
            if made.creates and j.outcome in ACCEPTED:
                return made.by
    return ""


def _receipts(tx: Tx, lines: Sequence[Journaled]) -> dict[str, str]:
    """change → the first receipt that acknowledged it, of those a device handed in."""
    batches: dict[tuple[str, str, str], list[Journaled]] = {}
    for j in lines:
        if j.enrolment != CONSOLE:
            batches.setdefault((j.enrolment, j.scope, j.received_at), []).append(j)
    out: dict[str, str] = {}
    for (enrolment, scope, at), these in batches.items():
        try:
            began = int(datetime.fromisoformat(at).timestamp() * 1000)
        except ValueError:
            continue
        found = tx.receipts_between(enrolment, scope, _first_id(began - 1000), _first_id(began + RECEIPT_MS))
        for id, text in found:
            with suppress(ValueError, KeyError, TypeError):
                said = json.loads(text)
                for j in these:
                    if said["first"] <= j.pos <= said["last"]:
                        out.setdefault(j.id, id)
    return out


def _first_id(ms: int) -> str:
    """The least UUIDv7 of a moment."""
    digits = f"{max(ms, 0):012x}"
    return f"{digits[:8]}-{digits[8:]}"
