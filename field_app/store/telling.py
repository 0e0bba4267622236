"""What there is to tell a person about syncs: receipts, what was not simply accepted, conflicts, records sent back. Nothing
here writes; every list has a limit, and a count beside it where more may be waiting."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from field_app.store.lists import LISTED, Lists
from schemas import change
from schemas.canonical import NotCanonical
from schemas.change import Change

# A refused change of a record that was changed again here since has been dealt with, unless the later one is refused too.
_DEALT_WITH = (
    " AND NOT EXISTS (SELECT 1 FROM journal l LEFT JOIN outcome q ON q.id=l.id WHERE l.record=j.record"
    " AND l.person=j.person AND l.rowid>j.rowid)"
)
_TOLD = "FROM outcome o JOIN journal j ON j.id=o.id WHERE o.outcome=? AND j.person=?"


class Signed(NamedTuple):
    """A receipt as it came. text: of a schemas.wire.Receipt; signature: the server's, over exactly that text."""

    id: str
    scope: str
    text: str
    signature: str
    at: str


class Told(NamedTuple):
    """A change that was not simply accepted, and why."""

    id: str
    type: str
    record: str
    detail: dict[str, Any]
    at: str


class Telling(Lists):
    def receipts(self, limit: int) -> list[Signed]:
        """The last ones first."""
        sql = "SELECT id,scope,text,signature,at FROM receipt ORDER BY id DESC LIMIT ?"
        return [Signed(*r) for r in self._rows(sql, limit)]

    def receipt(self, id: str) -> Signed | None:
        rows = self._rows("SELECT id,scope,text,signature,at FROM receipt WHERE id=?", id)
        return Signed(*rows[0]) if rows else None

    def told(self, outcome: str, limit: int, skip: Collection[str] = ()) -> list[Told]:
        """The person's own changes with this outcome, the last first; of the rejected ones those still to be dealt with.
        `skip`: changes to leave out."""
        more = _DEALT_WITH if outcome == "rejected" else ""
        rows = self._rows(
            f"SELECT o.id,o.type,o.record,o.detail,o.at {_TOLD}{more} AND o.id NOT IN {LISTED} ORDER BY o.at DESC, o.id"
            " LIMIT ?", outcome, self._person(), json.dumps(sorted(skip)), limit,
        )  # fmt: skip
        return [Told(id, type, record, json.loads(detail or "{}"), at) for id, type, record, detail, at in rows]

    def told_of(self, id: str) -> Told | None:
        """What became of one of the person's own changes, whatever it was."""
        rows = self._rows(
            "SELECT o.id,o.type,o.record,o.detail,o.at FROM outcome o JOIN journal j ON j.id=o.id WHERE o.id=? AND j.person=?",
            id, self._person(),
        )  # fmt: skip
        return next((Told(i, t, r, json.loads(d or "{}"), at) for i, t, r, d, at in rows), None)

    def count_told(self, outcome: str, skip: Collection[str] = ()) -> int:
        more = _DEALT_WITH if outcome == "rejected" else ""
        sql = f"SELECT count(*) {_TOLD}{more} AND o.id NOT IN {LISTED}"
        ((n,),) = self._rows(sql, outcome, self._person(), json.dumps(sorted(skip)))
        return int(n)

    def waiting(self, limit: int) -> list[tuple[str, str, int, dict[str, Any]]]:
        """Parked changes by what they wait for: (type, a record of them, how many, detail), the most first."""
        rows = self._rows(
            f"SELECT o.type, min(o.record), count(*), max(o.detail) {_TOLD} GROUP BY o.type,"
            " json_extract(o.detail,'$.missing'), json_extract(o.detail,'$.problem') ORDER BY 3 DESC LIMIT ?",
            "parked", self._person(), limit,
        )  # fmt: skip
        return [(type, record, n, json.loads(detail or "{}")) for type, record, n, detail in rows]

    def changes_of(self, ids: Sequence[str]) -> dict[str, Change]:
        """The person's own changes by id. A line whose bytes rotted is left out."""
        sql = f"SELECT id,line FROM journal WHERE person=? AND id IN {LISTED}"
        out = {}
        for id, line in self._rows(sql, self._person(), json.dumps(list(ids))):
            with suppress(NotCanonical):
                out[id] = change.decode(line)
        return out

    def made_here(self, records: Collection[str]) -> set[str]:
        """Which of these records the person has written on this tablet."""
        sql = f"SELECT DISTINCT record FROM journal WHERE person=? AND record IN {LISTED}"
        return {r for (r,) in self._rows(sql, self._person(), json.dumps(sorted(records)))}

    def open_conflicts(self, limit: int) -> list[str]:
        """Conflicts nobody has decided, in scopes the person may see; the last first."""
        with self._lock:
            hidden = json.dumps(sorted(self._hidden()))
            rows = self._db.execute(
                "SELECT id FROM conflict WHERE choice IS NULL AND coalesce(deleted,0)=0"
                f" AND scope NOT IN {LISTED} ORDER BY id DESC LIMIT ?", (hidden, limit),
            ).fetchall()  # fmt: skip
        return [id for (id,) in rows]

    def sent_back(self, limit: int) -> list[str]:
        """Records that the last word of some level of review sent back; the last first. Whether they were done again
        since, the rules say."""
        with self._lock:
            hidden = json.dumps(sorted(self._hidden()))
            rows = self._db.execute(  # SQLite takes state from the row that has the greatest seq
                "SELECT subject_id FROM (SELECT subject_id, state, max(seq) AS at FROM review_decision WHERE subject_id IN"
                " (SELECT subject_id FROM review_decision WHERE state='back') AND state<>'comment' AND coalesce(deleted,0)=0"
                f" AND scope NOT IN {LISTED} GROUP BY subject_id, level HAVING state='back')"
                " GROUP BY subject_id ORDER BY max(at) DESC LIMIT ?", (hidden, limit),
            ).fetchall()  # fmt: skip
        return [subject for (subject,) in rows]
