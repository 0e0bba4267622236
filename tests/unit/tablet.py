"""A tablet that was enrolled by hand, and a stand-in for the server's answers, for the tests of the store alone."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from field_app.keys import Identity
from field_app.store import Batch, Edit, Store
from schemas import canonical
from schemas.rules import evidence
from schemas.wire import Outcome, PullHead, PushAnswer, Receipt, ScopeGrant

PROJECT = "01a1fbd4-f500-7000-8000-00000000000a"
FIELD = f"{PROJECT}.field"
SERVER = bytes(range(32))
AT = "2026-11-21T10:00:00+08:00"


def open_store(folder: Path, **kwargs: Any) -> Store:
    """The store of a tablet with one scope to write in."""
    store = Store(folder, **kwargs)
    if store.identity is None:
        ids = [store.new_id() for _ in range(3)]
        key = evidence.public_of(SERVER)
        store.keys.save(Identity(*ids[:2], "A1", ids[2], "李", "http://s", key, evidence.new_key(), bytes(32)))
        store.set_meta("epoch", "e1")
        store.grant(
            [
                ScopeGrant(
                    scope=FIELD,
                    audience="field",
                    owner=PROJECT,
                    name="P",
                    roles=["sampler"],
                    writes=["comment", "point"],
                )
            ]
        )
    return store


def comment(store: Store, text: str = "好", record: str | None = None, **more: Any) -> Edit:
    values = {"subject_kind": "point", "subject_id": PROJECT, "text": text, "at": AT, **more}
    return Edit("comment", record or store.new_id(), FIELD, values)


def answer(
    store: Store, batch: Batch, outcomes: list[tuple[Outcome, int | None]], details: list[Any] | None = None
) -> PushAnswer:
    """What the server would say to this batch."""
    runs = [(batch.first + n, 1, outcome, seq) for n, (outcome, seq) in enumerate(outcomes)]
    receipt = Receipt(
        receipt=store.new_id(), scope=batch.scope, enrolment=store.keys.require().enrolment, epoch="e1", first=batch.first,
        last=batch.last, head=batch.links[-1].hex(), runs=runs, at=AT, server_key=evidence.public_of(SERVER),
    )  # fmt: skip
    text = canonical.dumps(receipt.model_dump(mode="json", exclude_none=True)).decode()
    return PushAnswer(receipt=text, signature=evidence.sign(SERVER, text.encode()), details=details or [])


class Rows:
    """The server's rows of the scope, as they would be pulled."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, int, dict[str, Any]]] = {}
        self.seq = itertools.count(1)
        self.top = 0

    def put(self, type: str, id: str, values: dict[str, Any]) -> int:
        self.top = next(self.seq)
        self.rows[id] = (type, self.top, values)
        return self.top

    def digest(self) -> str:
        return evidence.digest_hex(sum(evidence.row_hash(line) for line in self.lines()))

    def lines(self, after: int = 0) -> list[bytes]:
        fresh = sorted((s, i, t, v) for i, (t, s, v) in self.rows.items() if s > after)
        return [evidence.row_line(t, i, s, v) for s, i, t, v in fresh]

    def pull(self, store: Store, limit: int = 1000) -> None:
        """One page."""
        cursor = store.cursor(FIELD)
        lines = self.lines(cursor)[:limit]
        reached = canonical.loads(lines[-1])["seq"] if len(lines) == limit else self.top
        head = PullHead(
            epoch="e1", cursor=reached, head=self.top, count=len(lines), more=reached < self.top, digest=None
        )
        store.apply_pull(FIELD, head, lines)
