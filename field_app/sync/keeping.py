"""Drafts of long checks on the server: kept and taken up when a person says so, in the name of whose turn it is.

A draft that is over, because its check was signed and sent, is removed there by the sync.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import TypeVar

import httpx
from pydantic import ValidationError

from field_app.keys import Identity
from field_app.sync.talk import NotReached, SyncResult, Talk, ours
from schemas.problems import Trouble
from schemas.wire import BLOBS, DRAFTS, Draft, DraftList, DraftPut

T = TypeVar("T")
OLDER = (1005, 1006)  # a server that keeps no drafts


class Keeping(Talk):
    def drafts(self) -> list[Draft]:
        """What this person keeps there, the last kept first. Raises Trouble 2005, 5004 …"""
        return self._alone(lambda: self._ask("GET", DRAFTS, DraftList)).drafts

    def keep_draft(self, record: str, put: DraftPut, content: bytes) -> Draft:
        """Raises Trouble 6420 with what is there in `extra["now"]`, 6422, 6423, 6424, 2004, 2005, 5004 …"""

        def kept() -> Draft:
            packed = self._pack([put.model_dump_json().encode(), content])
            fits = lambda d: d.record == record and d.sha256 == put.sha256  # noqa: E731
            return self._ask("PUT", f"{DRAFTS}/{record}", Draft, fits, packed=packed)

        return self._alone(kept)

    def fetch_draft(self, record: str) -> tuple[Draft, bytes]:
        """One with its contents, as they were kept. Raises Trouble 6421, 2005, 5004 …"""

        def fetched() -> tuple[Draft, bytes]:
            answer = self._raw("GET", f"{DRAFTS}/{record}", check=lambda r: _draft(r, record))
            found = _draft(answer, record)
            assert found is not None  # else it would not count as an answer
            return found

        return self._alone(fetched)

    def drop_draft(self, record: str, version: int | None = None) -> None:
        """It may be gone already; `version`: only if it is still this one. Raises Trouble 6420, 2005, 5004 …"""
        self._alone(lambda: self._drop(record, version))

    def fetch_photo(self, sha: str, scope: str) -> bytes | None:
        """A photo as it was taken; None where it has not come to the server yet. Raises Trouble 2005, 5004 …"""

        def fetched() -> bytes | None:
            try:
                answer = self._raw("GET", f"{BLOBS}/{sha}", check=lambda r: _whole(r, sha), params={"scope": scope})
            except Trouble as err:
                if err.problem.number == 1309:
                    return None
                raise
            return answer.content

        return self._alone(fetched)

    def _drop(self, record: str, version: int | None = None) -> None:
        params = {} if version is None else {"version": version}
        try:
            self._raw(
                "DELETE", f"{DRAFTS}/{record}", check=lambda r: r if ours(r) else None, good=(204,), params=params
            )
        except Trouble as err:
            if err.problem.number != 6421:  # gone is gone: an answer may have been lost
                raise

    def _drop_signed(self, people: Sequence[Identity]) -> None:
        """Of these people: what was signed here and has come needs no draft any more. Where that fails the next sync does it."""
        for who in people:
            for record in self.store.kept_and_signed(who):
                self._who = who
                try:
                    self._drop(record)
                except Trouble as err:
                    if err.problem.number not in OLDER:
                        return
                with suppress(Trouble):
                    self.store.set_kept(record, None, who)

    def _alone(self, work: Callable[[], T]) -> T:
        """A conversation of its own. Raises Trouble."""
        who = self.store.keys.require()
        if who.locked:
            raise Trouble(2011)
        with self._turn, self._client(who.server_url) as http:
            self._stop.clear()
            self._http, self._who, self._result = http, who, SyncResult()
            try:
                return work()
            except NotReached as err:
                raise err.trouble from err
            except httpx.InvalidURL as err:
                raise NotReached().trouble from err


def _draft(response: httpx.Response, record: str) -> tuple[Draft, bytes] | None:
    """Head and contents, if they are whole and belong together."""
    first, _, content = response.content.partition(b"\n")
    try:
        head = Draft.model_validate_json(first)
    except ValidationError:
        return None
    whole = head.record == record and sha256(content).hexdigest() == head.sha256
    return (head, content) if whole else None


def _whole(response: httpx.Response, sha: str) -> httpx.Response | None:
    return response if ours(response) and sha256(response.content).hexdigest() == sha else None
