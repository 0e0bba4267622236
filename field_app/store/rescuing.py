"""What a rescue bundle is made of. Only reads: whatever becomes of the file, here nothing counts as sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from field_app.keys import Identity
from field_app.store.outgoing import Outgoing
from field_app.store.rows import Batch

BATCH = 250  # changes; of a file that was damaged on its way, a batch comes in whole or not at all


class Draft(NamedTuple):
    """A record being filled in, of whoever it is. values: JSON."""

    record: str
    scope: str
    type: str
    values: bytes
    parent: str | None
    updated_at: str
    person: str


class Rescuing(Outgoing):
    def unsent_counts(self, whole: bool = False) -> dict[str, int]:
        """enrolment → how many of its changes the server has not acknowledged; `whole`: or all there are."""
        return dict(self._rows(f"SELECT enrolment,count(*) FROM {_source(whole)} GROUP BY enrolment"))

    def unsent_scopes(self, whole: bool = False) -> list[str]:
        """The organisation's first: others refer to it."""
        scopes = [s for (s,) in self._rows(f"SELECT DISTINCT scope FROM {_source(whole)}")]
        return sorted(scopes, key=lambda s: (not s.endswith(".organisation"), s))

    def unsent(self, scope: str, people: Mapping[str, Identity], whole: bool = False) -> Iterator[Batch]:
        """What these people have unacknowledged in the scope, in the order a sync would send it."""
        after: dict[str, Batch] = {}
        next_one = f"SELECT j.rowid FROM {_source(whole)} p JOIN journal j USING (enrolment,scope,pos)"
        while True:
            turns: dict[str, int] = {}  # enrolment → when its next change was made, among all that were made here
            for enrolment in people:
                last = after[enrolment].last if enrolment in after else 0
                sql = f"{next_one} WHERE p.enrolment=? AND p.scope=? AND p.pos>? ORDER BY p.pos LIMIT 1"
                for (turn,) in self._rows(sql, enrolment, scope, last):
                    turns[enrolment] = turn
            if not turns:
                return
            first, *others = sorted(turns, key=lambda e: turns[e])
            before = turns[others[0]] if others else 2**62
            batch = self.batch(scope, BATCH, people[first], before, after.get(first), whole)
            if batch is None:  # it was acknowledged a moment ago
                return
            after[first] = batch
            yield batch

    def all_drafts(self) -> Iterator[Draft]:
        """Everybody's, the oldest first."""
        for record, person in self._rows("SELECT record,person FROM draft ORDER BY updated_at,record"):
            found = self._rows("SELECT record,scope,type,vals,parent,updated_at,person FROM draft WHERE record=? AND person=?",
                               record, person)  # fmt: skip
            for r, scope, type, values, parent, at, who in found:  # one at a time: signatures are large
                yield Draft(r, scope, type, values.encode(), parent, at, who)


def _source(whole: bool) -> str:
    return "journal" if whole else "pending"
