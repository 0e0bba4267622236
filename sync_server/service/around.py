"""What belongs to the rows of a table: what they hang on, what was decided about them, which readings exceed most. Read only."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from schemas.records import TYPES
from schemas.records.field_reading import FieldReading
from schemas.records.review_decision import ReviewDecision
from schemas.rules import review as rules
from schemas.rules.reconcile import Basis, Facts
from sync_server.service.base import Base
from sync_server.service.reviewing import recorders
from sync_server.store import Stored, Tx
from sync_server.store.lists import Query

# what a reading hangs on, towards its site
_UP = {
    "sample_id": "sample",
    "borehole_id": "borehole",
    "point_id": "point",
    "site_id": "site",
    "instrument_id": "instrument",
}
PART = 500
KEPT = 8  # orders that are not worked out again as long as nothing changes

Rank = Callable[[Facts, FieldReading], tuple[Any, ...]]


class Mark(NamedTuple):
    """What stands about one record. `review` is None for types nobody reviews; `conflicts`: open ones."""

    review: rules.ReviewState | None
    conflicts: int


class Around(Base):
    def _begin_around(self) -> None:
        self._ranked: OrderedDict[tuple[Any, ...], list[str]] = OrderedDict()
        self._ranking = threading.Lock()

    def facts_of(self, rows: Sequence[Stored], scopes: Collection[str]) -> Facts:
        """These readings and what they hang on, as the rules want it: what they say of a reading needs no more."""
        with self.store.reading() as tx:
            return self._facts(tx, rows, scopes)

    def _facts(self, tx: Tx, rows: Sequence[Stored], scopes: Collection[str]) -> Facts:
        found: dict[str, dict[str, Any]] = {t: {} for t in ("field_reading", *_UP.values())}
        found["field_reading"] = {r.id: FieldReading.of(r.id, r.values, r.seq) for r in rows}
        todo = [r.values for r in rows]
        while todo:
            wanted: dict[str, set[str]] = {}
            for values in todo:
                for name, type in _UP.items():
                    id = values.get(name)
                    if isinstance(id, str) and id not in found[type]:
                        wanted.setdefault(type, set()).add(id)
            todo = []
            for type, ids in wanted.items():
                here = sorted(ids)
                for start in range(0, len(here), PART):
                    for s in tx.load(type, here[start : start + PART]):
                        if s.scope in scopes:
                            found[type][s.id] = TYPES[type].of(s.id, s.values, s.seq)
                            todo.append(s.values)
                for id in ids - found[type].keys():
                    found[type][id] = None  # asked for once
        records = {t: {id: r for id, r in of.items() if r is not None} for t, of in found.items()}
        now = datetime.fromisoformat(self.now())
        return Facts(records=records, now=now, basis=Basis("server", now, 0))

    def ranked(self, query: Query, rank: Rank, most: int) -> list[str] | None:
        """The ids of a list of readings, the highest `rank(facts, reading)` first; None where there are more than `most`.
        Worked out once as long as nothing in the scopes changes."""
        with self.store.reading() as tx:
            scopes = (query.scope, *query.names_in)
            heads = tuple((s.id, s.seq) for s in tx.scopes_named(scopes))
            key = (query, heads, tx.setting("epoch"), rank)
            with self._ranking:
                if key in self._ranked:
                    self._ranked.move_to_end(key)
                    return self._ranked[key]
            if tx.list_count(query, most) > most:
                return None
            rows = [r for part in tx.list_walk(query, PART) for r in part]
            facts = self._facts(tx, rows, scopes)
        order = sorted(((*rank(facts, r), r.id) for r in facts.every(FieldReading)), reverse=True)
        ids = [o[-1] for o in order]
        with self._ranking:
            self._ranked[key] = ids
            while len(self._ranked) > KEPT:
                self._ranked.popitem(last=False)
        return ids

    def these(self, type: str, ids: Sequence[str], scope: str) -> list[Stored]:
        """Records by id, in the order of the ids."""
        with self.store.reading() as tx:
            here = {s.id: s for s in tx.load(type, ids) if s.scope == scope}
        return [here[id] for id in ids if id in here]

    def marks(self, type: str, scope: str, rows: Sequence[Stored]) -> dict[str, Mark]:
        """Of each record: where its review stands, and how many conflicts are open."""
        ids = [r.id for r in rows]
        said: dict[str, list[ReviewDecision]] = {}
        open_: dict[str, int] = {}
        with self.store.reading() as tx:
            for c in tx.said_about("conflict", ids, scope):
                if not c.values.get("choice") and not c.values.get("deleted"):
                    open_[c.values["subject_id"]] = open_.get(c.values["subject_id"], 0) + 1
            if type in rules.REVIEWED:
                for d in tx.decisions_about(scope, ids):
                    said.setdefault(d.values["subject_id"], []).append(ReviewDecision.of(d.id, d.values, d.seq))
            # who recorded it and what came after counts only where something was decided
            histories, photos = (tx.histories(list(said)), tx.last_photos(scope, list(said))) if said else ({}, {})
        out = {}
        for r in rows:
            state = None
            if type in rules.REVIEWED:
                people = recorders(histories.get(r.id, ()))
                state = rules.state_of(r.seq, said.get(r.id, ()), people, photos.get(r.id, 0))
            out[r.id] = Mark(state, open_.get(r.id, 0))
        return out
