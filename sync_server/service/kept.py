"""Drafts of long checks: one a person and record, kept until the check is signed and has come; nobody else's to read.

A draft is no record: nothing is checked in it, nothing is merged, and nothing counts it. It is versioned, so that what one tablet
keeps is never put in the place of what another kept meanwhile unless the person says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import datetime, timedelta, timezone
from hashlib import sha256

from schemas.problems import Trouble
from schemas.wire import KEPT_TYPES, MAX_DRAFT, MOST_DRAFTS, Draft, DraftPut
from sync_server.access import may_write
from sync_server.service.base import Base, Caller
from sync_server.store import KeptRow, Tx

CHINA = timezone(timedelta(hours=8))
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Kept(Base):
    def drafts(self, caller: Caller) -> list[Draft]:
        """A person's own, the last kept first; without those whose check has come, and those of scopes where he or she may write no
        such record any more. Raises Trouble 2005."""
        with self.store.reading() as tx:
            self._who_keeps(tx, caller)
            rows = self._open_drafts(tx, caller.person, tx.kept_drafts(caller.person))
        return [_said(row) for row in rows]

    def draft(self, caller: Caller, record: str) -> tuple[Draft, bytes]:
        """One with its contents. Raises Trouble 2005, 6421."""
        with self.store.reading() as tx:
            self._who_keeps(tx, caller)
            row = tx.kept_draft(caller.person, record) if _ID.fullmatch(record) else None
            if row is None or not self._open_drafts(tx, caller.person, [row]):
                raise Trouble(6421)
            return _said(row), tx.kept_content(caller.person, record) or b""

    def keep_draft(self, caller: Caller, record: str, put: DraftPut, content: bytes) -> Draft:
        """Keep it. The same contents again change nothing, whatever they are said to go on from: an answer may have been lost.

        Raises Trouble 1001, 2004, 2005, 6420 (another version is there than `put.base`), 6422, 6423 (the check has come), 6424."""
        _fits(record, put, content)
        with self.store.writing() as tx:
            code = self._who_keeps(tx, caller)
            tx.turn(f"drafts {caller.person}")  # two tablets at once: one of them is told of the other's
            if not self._writes_checks(tx, caller.person, put.scope, put.type):
                raise Trouble(2004)
            if tx.types_of([record]).get(record) == (put.type, put.scope):
                raise Trouble(6423)
            there = tx.kept_draft(caller.person, record)
            if there is not None and there.sha256 == put.sha256:
                return _said(there)
            if there is not None and there.version != put.base:
                raise _newer(there)
            if there is None:
                self._drop_come_drafts(tx, caller.person)
                if tx.count_kept(caller.person) >= MOST_DRAFTS:
                    raise Trouble(6424, limit=MOST_DRAFTS)
            version = max(put.base, there.version if there else 0) + 1
            row = KeptRow(caller.person, record, put.type, put.scope, version, self.now(), code, len(content), put.sha256,
                          put.title, put.done, put.total, put.photos)  # fmt: skip
            tx.set_kept(row, content)
        return _said(row)

    def drop_draft(self, caller: Caller, record: str, version: int | None = None) -> None:
        """Remove one. `version`: only if it is still this one. Raises Trouble 2005, 6420, 6421 (it is gone already, or not one's own)."""
        with self.store.writing() as tx:
            self._who_keeps(tx, caller)
            tx.turn(f"drafts {caller.person}")
            there = tx.kept_draft(caller.person, record) if _ID.fullmatch(record) else None
            if there is None:
                raise Trouble(6421)
            if version is not None and there.version != version:
                raise _newer(there)
            tx.drop_kept(caller.person, record)

    # --- whose, and of what ------------------------------------------------------------------------------------------

    def _who_keeps(self, tx: Tx, caller: Caller) -> str:
        """The code of the tablet that asks, "" for a person's own sign-in. A tablet that was revoked neither reads nor keeps any more.
        Raises Trouble 2005."""
        return self._live_key(tx, caller.enrolment).device_code if caller.enrolment else ""

    def _writes_checks(self, tx: Tx, person: str, scope_id: str, type: str) -> bool:
        scope = tx.scope(scope_id)
        if scope is None or type not in KEPT_TYPES:
            return False
        return may_write(self._roles(tx, person, scope.owner, scope.audience), type, scope.audience)

    def _open_drafts(self, tx: Tx, person: str, rows: Collection[KeptRow]) -> list[KeptRow]:
        """Those whose check has not come, and may still be written."""
        come = tx.types_of([row.record for row in rows])
        may: dict[tuple[str, str], bool] = {}
        for row in rows:
            if (row.scope, row.type) not in may:
                may[row.scope, row.type] = self._writes_checks(tx, person, row.scope, row.type)
        return [row for row in rows if may[row.scope, row.type] and come.get(row.record) != (row.type, row.scope)]

    def _drop_come_drafts(self, tx: Tx, person: str) -> None:
        """Drafts of checks that have come since: they make room."""
        rows = tx.kept_drafts(person)
        come = tx.types_of([row.record for row in rows])
        for row in rows:
            if come.get(row.record) == (row.type, row.scope):
                tx.drop_kept(person, row.record)


def _fits(record: str, put: DraftPut, content: bytes) -> None:
    """Raises Trouble 1001, 6422."""
    if not _ID.fullmatch(record):
        raise Trouble(1001, why={"zh": "记录编号不对", "en": "not a record's id"})
    if "\0" in put.title + put.scope + put.type:
        raise Trouble(1001, why="\\0")
    if len(content) > MAX_DRAFT:
        raise Trouble(6422, size=len(content), limit=MAX_DRAFT)
    if sha256(content).hexdigest() != put.sha256:
        raise Trouble(1001, why={"zh": "草稿在路上损坏了", "en": "the draft was damaged on its way"})
    try:
        whole = isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        raise Trouble(1001, why={"zh": "草稿不是 JSON 对象", "en": "the draft is no JSON object"})


def _said(row: KeptRow) -> Draft:
    return Draft(**{name: value for name, value in row._asdict().items() if name != "person"})


def _newer(there: KeptRow) -> Trouble:
    """What is there, in words and whole: for the tablet to show beside its own."""
    at = datetime.fromisoformat(there.at).astimezone(CHINA)
    told = {"version": there.version, "device": there.device or "–", "at": f"{at:%Y-%m-%d %H:%M}"}
    return Trouble(6420, {"now": _said(there).model_dump()}, **told)
