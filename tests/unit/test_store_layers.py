"""Base + ahead = view, and the digest the sum of the base, after every step, whatever the order of steps."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from schemas import change
from schemas.merge import merge, put
from schemas.records import TYPES
from schemas.rules import evidence
from schemas.wire import Outcome, OutcomeNow
from tests.unit.tablet import FIELD, Rows, answer, comment, open_store


class Layers(RuleBasedStateMachine):
    """A tablet and a server of one scope, whose steps come in any order; the model is the journal and the rows."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.store, self.rows = open_store(self.folder), Rows()
        self.ids = [self.store.new_id() for _ in range(3)]
        self.ahead: list[tuple[change.Change, int | None]] = []
        self.parked: list[change.Change] = []
        self.base: dict[str, tuple[int, dict[str, Any]]] = {}

    @rule(n=st.integers(0, 2), text=st.sampled_from("abc"), resolved=st.sampled_from([None, True, False]))
    def write(self, n: int, text: str, resolved: bool | None) -> None:
        more = {} if resolved is None else {"resolved": resolved}
        made = self.store.finalize([comment(self.store, text, self.ids[n], **more)])
        self.ahead += [(c, None) for c in made]

    @rule(n=st.integers(0, 2), text=st.sampled_from("xyz"))
    def somebody_else_writes(self, n: int, text: str) -> None:
        old = self.rows.rows.get(self.ids[n])
        self.rows.put("comment", self.ids[n], {**(old[2] if old else comment(self.store).values), "text": text})

    @rule(outcomes=st.lists(st.sampled_from(list(Outcome)), min_size=1, max_size=4))
    def push(self, outcomes: list[Outcome]) -> None:
        batch = self.store.batch(FIELD, len(outcomes))
        if batch is None:
            return
        told: list[tuple[Outcome, int | None]] = []
        for id, outcome in zip(batch.ids, outcomes, strict=False):
            at = next(n for n, (c, _) in enumerate(self.ahead) if c.id == id)
            c = self.ahead[at][0]
            if outcome is Outcome.REJECTED:
                self.ahead.pop(at)
            elif outcome is Outcome.PARKED:
                self.parked.append(c)
            told.append(
                (outcome, self._accept(at, c, outcome) if outcome in (Outcome.APPLIED, Outcome.CONFLICT) else None)
            )
        self.store.acknowledge(batch, answer(self.store, batch, told))
        self._settle()

    @precondition(lambda self: self.parked)
    @rule(outcome=st.sampled_from([Outcome.APPLIED, Outcome.REJECTED]))
    def what_waited_is_decided(self, outcome: Outcome) -> None:
        c = self.parked.pop(0)
        at = next(n for n, (x, _) in enumerate(self.ahead) if x.id == c.id)
        seq = self._accept(at, c, outcome) if outcome is Outcome.APPLIED else None
        if outcome is Outcome.REJECTED:
            self.ahead.pop(at)
        self.store.resolved(FIELD, [OutcomeNow(id=c.id, outcome=outcome, seq=seq)])
        self._settle()

    def _accept(self, at: int, c: change.Change, outcome: Outcome) -> int:
        old = self.rows.rows.get(c.record)
        values = merge(TYPES["comment"], old[2] if old else {}, c.before, c.after).values
        if "subject_kind" not in values:  # the one that made the record was refused: the server has it from elsewhere
            values = {**comment(self.store).values, **values}
        seq = self.rows.put("comment", c.record, values)
        self.ahead[at] = (c, seq)
        return seq

    @rule(limit=st.integers(1, 3))
    def pull_a_page(self, limit: int) -> None:
        for line in self.rows.lines(self.store.cursor(FIELD))[:limit]:
            row = change.canonical.loads(line)
            self.base[row["id"]] = (row["seq"], row["values"])
        self.rows.pull(self.store, limit)
        self._settle()

    def _settle(self) -> None:
        self.ahead = [
            (c, s)
            for c, s in self.ahead
            if s is None or self.base.get(c.record, (0,))[0] < s or s > self.store.cursor(FIELD)
        ]

    @rule()
    def start_over(self) -> None:
        self.store.start_over(FIELD)
        self.base = {}
        while self.store.cursor(FIELD) < self.rows.top:
            self.pull_a_page(3)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = open_store(self.folder)

    @invariant()
    def the_view_is_base_and_ahead(self) -> None:
        for id in self.ids:
            expected = dict(self.base[id][1]) if id in self.base else None
            for c, _ in self.ahead:
                if c.record == id and (expected is not None or c.creates):  # half a record is never shown
                    expected = {} if expected is None else expected
                    put(expected, c.after)
            seen = next(iter(self.store.all("comment", deleted=True, id=id)), None)
            assert (seen.values if seen else None) == expected

    @invariant()
    def the_digest_is_the_sum_of_the_base(self) -> None:
        total = sum(evidence.row_hash(evidence.row_line("comment", id, *row)) for id, row in self.base.items())
        assert self.store.digest(FIELD) == evidence.digest_hex(total) == self.store.recount_digest(FIELD)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)


Layers.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLayers = Layers.TestCase
