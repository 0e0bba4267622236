"""Looking for records, and at one of them: what was written into it here, and what became of that."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from typing import Any, NamedTuple

from field_app.store.base import quoted
from field_app.store.lists import LISTED, PAGE, Lists
from field_app.store.rows import Seen, Values
from schemas import change
from schemas.canonical import NotCanonical
from schemas.change import Change
from schemas.rows import codec
from schemas.shown import searched

SEARCHED = 20_000  # of either layer, the last made first
OPEN = ("rejected", "conflict", "parked")


class Found(NamedTuple):
    """whole: everything of the type was looked through, and nothing more fits."""

    rows: list[Seen]
    whole: bool


class Step(NamedTuple):
    """One change of a record made on this tablet. state: pending (sends: how often it went out already), accepted,
    parked, rejected, conflict; at: when the server's answer came."""

    change: Change
    state: str
    sends: int
    at: str | None
    detail: dict[str, Any]


class Looking(Lists):
    def find(self, type: str, text: str, limit: int = PAGE, skip: Collection[str] = ()) -> Found:
        """Records with this text in what they are called by or in another short text (`searched`), the last made first,
        voided ones too. Looks at the last SEARCHED rows of either layer."""
        names, text = searched(type), text.strip()
        columns = quoted(codec(type).columns)
        like = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        fits = " OR ".join(f"b.{column} LIKE ? ESCAPE '\\'" for column in quoted(names))
        with self._lock:
            hidden = self._hidden()
            end = self._db.execute(
                f'SELECT id FROM "{type}" ORDER BY id DESC LIMIT 1 OFFSET ?', (SEARCHED - 1,)
            ).fetchone()
            base = self._db.execute(
                f'SELECT {",".join(columns)} FROM "{type}" b WHERE b.id>=? AND ({fits}) AND scope NOT IN {LISTED}'
                " AND NOT EXISTS (SELECT 1 FROM overlay o WHERE o.record=b.id) ORDER BY b.id DESC LIMIT ?",
                (end[0] if end else "", *[like] * len(names), json.dumps(sorted(hidden | set(skip))), limit + 1),
            ).fetchall()
            overs = self._db.execute(
                "SELECT record,scope,vals FROM overlay WHERE type=? ORDER BY record DESC LIMIT ?", (type, SEARCHED)
            ).fetchall()
            mine = [o for o in self._shown([o for o in overs if o[1] not in skip], hidden)]
            states = self._states("v.type=?", type) if mine else {}
        out = [Seen(type, r[0], r[1], r[2], codec(type).from_row(r), "accepted") for r in base]
        for record, scope, vals in mine:
            values: Values = json.loads(vals)
            if any(text.casefold() in str(values.get(n, "")).casefold() for n in names):
                out.append(Seen(type, record, scope, 0, values, states.get(record, "pending")))
        out.sort(key=lambda s: s.id, reverse=True)
        return Found(out[:limit], not end and len(overs) < SEARCHED and len(out) <= limit)

    def history(self, record: str) -> list[Step]:
        """What was finalized here on one record, in order. Of scopes the person may not see only his or her own. A line
        whose bytes rotted is left out, as in `changes`."""
        with self._lock:
            hidden = json.dumps(sorted(self._hidden()))
            rows = self._db.execute(
                "SELECT j.line, p.pos IS NOT NULL, p.sends, o.outcome, o.sends, o.at, o.detail FROM journal j"
                " LEFT JOIN pending p ON p.enrolment=j.enrolment AND p.scope=j.scope AND p.pos=j.pos"
                " LEFT JOIN outcome o ON o.id=j.id"
                f" WHERE j.record=? AND (j.person=? OR j.scope NOT IN {LISTED}) ORDER BY j.rowid",
                (record, self._person(), hidden),
            ).fetchall()
        out = []
        for line, waits, tries, outcome, sends, at, detail in rows:
            state = "pending" if waits or not outcome else "accepted" if outcome == "applied" else outcome
            with suppress(NotCanonical):
                seen = json.loads(detail or "{}") if not waits else {}
                out.append(
                    Step(change.decode(line), state, (tries if waits else sends) or 0, None if waits else at, seen)
                )
        return out

    def troubles(self, records: Collection[str]) -> dict[str, str]:
        """record → the worst of what became of the person's changes of it: rejected, conflict, parked."""
        rows = self._rows(
            "SELECT o.record,o.outcome FROM outcome o JOIN journal j ON j.id=o.id"
            f" WHERE o.outcome IN ('rejected','conflict','parked') AND j.person=? AND o.record IN {LISTED}",
            self._person(), json.dumps(sorted(records)),
        )  # fmt: skip
        out: dict[str, str] = {}
        for record, outcome in rows:
            if record not in out or OPEN.index(outcome) < OPEN.index(out[record]):
                out[record] = outcome
        return out
