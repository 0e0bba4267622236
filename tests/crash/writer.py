"""The process that dies: a person at work on a tablet. Every call is announced before and confirmed after, one line each,
on a pipe that outlives it. What is confirmed is what the app would have confirmed to the person.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from pathlib import Path
from typing import Any

from field_app.store import Edit, Store
from field_app.sync import Syncer
from schemas import canonical
from schemas.problems import Trouble
from tests.crash.site import comment

Values = dict[str, Any]
ELSEWHERE = "resolved"  # the one field that others write


def say(*words: Any) -> None:
    os.write(1, json.dumps(words).encode() + b"\n")  # whole or not at all: far below what a pipe takes at once


def print_of(values: Values) -> str:
    own = {k: v for k, v in values.items() if k != ELSEWHERE and v not in (None, "", [])}
    return hashlib.sha256(canonical.dumps(own)).hexdigest()


class Person:
    def __init__(self, folder: str, seed: str, url: str, field: str, site: str, codes: list[str], syncs: bool) -> None:
        self.rng = random.Random(seed)
        self.url, self.field, self.site, self.codes, self.syncs = url, field, site, codes, syncs
        self.store = Store(Path(folder))
        say("told", "open")
        self.syncer = Syncer(self.store, pause=lambda _: None)
        self._watch()
        self.n = 0

    def _watch(self) -> None:
        """The steps inside a sync that nobody sees, but that must not be undone either."""
        store = self.store
        acknowledge, pull, block = store.acknowledge, store.apply_pull, store.add_block

        def acknowledged(batch: Any, answer: Any, times: int) -> None:
            acknowledge(batch, answer, times)
            say("told", "acknowledged", batch.ids, json.loads(answer.receipt)["receipt"])

        def pulled(scope: str, head: Any, lines: Any) -> None:
            pull(scope, head, lines)
            say("told", "pulled", scope, head.cursor)

        def given(one: Any) -> None:
            block(one)
            say("told", "block", one.use, one.from_no, one.to_no)

        store.acknowledge, store.apply_pull, store.add_block = acknowledged, pulled, given  # type: ignore[method-assign]

    def work(self) -> None:
        if self.store.identity is None:
            self.enrol()
        acts = (
            [self.draft] * 4
            + [self.finalize] * 4
            + [self.amend] * 3
            + [self.number] * 2
            + [self.drop]
            + [self.turn] * 3
        )
        acts += [self.sync] * 3 if self.syncs else []
        acts += [self.enrol] if self.codes else []
        while True:
            self.rng.choice(acts)()

    def text(self) -> str:
        self.n += 1
        return f"第 {self.n} 次 {self.rng.random()} " + "字" * self.rng.choice([0, 10, 2000])

    def draft(self) -> None:
        """A few edits to one form, each of which is kept at once."""
        open_drafts = self.store.drafts("comment")
        new = self.rng.random() < 0.4 or not open_drafts
        record = self.store.new_id() if new else self.rng.choice(open_drafts).id
        for _ in range(self.rng.randint(1, 4)):
            values = comment(self.site, self.text())
            say("will", "draft", record, print_of(values))
            self.store.save_draft("comment", record, self.field, values)
            say("did", "draft")

    def drop(self) -> None:
        for draft in self.store.drafts("comment")[:1]:
            say("will", "drop", draft.id)
            self.store.drop_draft(draft.id)
            say("did", "drop")

    def finalize(self) -> None:
        """Several in one go: drafts and new ones."""
        edits = [
            Edit("comment", d.id, self.field, d.values) for d in self.store.drafts("comment")[: self.rng.randint(0, 2)]
        ]
        edits += [
            Edit("comment", self.store.new_id(), self.field, comment(self.site, self.text()))
            for _ in range(self.rng.randint(1, 4))
        ]
        self._finalize(edits)

    def amend(self) -> None:
        """One's own, or what is on the server: two people who change one field on one tablet may part as a conflict, because
        each has a chain of his or her own. That is for the rules of merging to say, not for this test."""
        me = self.store.keys.require().enrolment
        last = dict(self.store._rows("SELECT record, enrolment FROM journal ORDER BY rowid"))
        seen = [s for s in self.store.all("comment") if s.state == "accepted" or last.get(s.id) == me]
        if not seen:
            return
        one = self.rng.choice(seen)
        if self.rng.random() < 0.1:
            self._finalize([Edit("comment", one.id, one.scope, {**one.values, "deleted": True, "void_reason": "重复"})])
        else:
            self._finalize([Edit("comment", one.id, one.scope, {**one.values, "text": self.text()})])

    def _finalize(self, edits: list[Edit]) -> None:
        say("will", "finalize", [(e.record, print_of(e.values)) for e in edits])
        made = self.store.finalize(edits, complete=False)
        say("did", "finalize", [(c.id, c.record, hashlib.sha256(c.line).hexdigest()) for c in made])

    def number(self) -> None:
        if self.store.numbers_left("sample"):
            say("will", "number")
            say("did", "number", self.store.next_number("sample"))

    def turn(self) -> None:
        people = [e for e, _ in self.store.people()]
        if len(people) > 1:
            to = self.rng.choice(people)
            say("will", "turn", to)
            self.store.turn(to)
            say("did", "turn", to)

    def enrol(self) -> None:
        if not self.codes:
            return
        code = self.codes[0]
        say("will", "enrol", code)
        try:
            answer = self.syncer.enrol(self.url, code, "平板", beside=self.store.identity is not None)
        except Trouble as err:
            say("did", "not enrol", err.problem.number)
            if err.problem.number != 5004:
                raise
            return
        self.codes.pop(0)
        say("did", "enrol", answer.enrolment)

    def sync(self) -> None:
        say("will", "sync")
        self.syncer.run()
        say("did", "sync")


def main(folder: str, seed: str, url: str, field: str, site: str, codes: list[str], syncs: bool) -> None:
    Person(folder, seed, url, field, site, codes, syncs).work()
