"""A tablet whose process is killed again and again at any time. One folder lives through all of it.

After each death the shipped store opens the folder again, and what it holds must be what was confirmed, or that and the
one call under way: nothing in between, nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
from pathlib import Path
from typing import Any

from field_app.store import Store
from field_app.sync import Syncer
from schemas.rows import codec
from sync_server.main import create_app
from sync_server.service import Service, Write
from tests.crash.nursery import Child, Nursery, pause
from tests.crash.site import Broken, Site, want
from tests.crash.writer import ELSEWHERE, print_of
from tests.sim.transport import served


class Known:
    """What the person was told. Everything in here must be on the tablet for ever."""

    def __init__(self) -> None:
        self.changes: dict[str, tuple[str, str]] = {}  # id → record, hash of its line
        self.views: dict[str, str] = {}  # record → hash of what it shows
        self.drafts: dict[str, str] = {}
        self.numbers: list[int] = []
        self.acknowledged: set[str] = set()
        self.receipts: set[str] = set()
        self.blocks: set[tuple[str, int, int]] = set()
        self.cursors: dict[str, int] = {}
        self.people: set[str] = set()
        self.active = ""
        self.burnt = 0  # numbers that were taken by a call nobody heard the end of
        self.unheard = 0  # receipts, likewise


class Life:
    def __init__(self, folder: Path, nursery: Nursery, seed: int, fault: str = "") -> None:
        self.rng, self.seed, self.fault = random.Random(f"tablet {seed}"), seed, fault
        self.nursery, self.folder = nursery, folder / "tablet"
        self.site = Site(folder / "server")
        self.app = create_app(self.site.settings)
        self.service: Service = self.app.state.parts.service
        self.url, self._stop = served(self.app)
        self.codes = [self.site.code(self.service, p) for p in self.site.samplers]
        self.known, self.runs = Known(), 0
        self.figures = {"kills": 0, "confirmed": 0, "in_flight_kept": 0, "in_flight_gone": 0, "while_opening": 0}

    def close(self) -> None:
        self._stop()
        self.service.store.close()

    # --- one death -----------------------------------------------------------------------------------------------

    def die(self) -> None:
        rng = self.rng
        self.runs += 1
        known = self.known
        child = self.nursery.start(
            "tests.crash.writer:main", str(self.folder), f"{self.seed}/{self.runs}", self.url, self.site.field, self.site.site,
            self.codes[len(known.people) :], rng.random() < 0.7, fault=self.fault,
        )  # fmt: skip
        if rng.random() < 0.12:  # before or while it opens the folder
            pause(rng.uniform(0, 0.06))
        else:
            count = rng.choice([1, rng.randint(2, 20), rng.randint(20, 120)])
            want(child.wait_lines(count), f"the writer ended by itself: {child.lines[-3:]} {child.said()}")
            pause(rng.choice([0, rng.uniform(0, 0.02), rng.uniform(0, 0.25)]))
        self.look(child)
        if known.people and rng.random() < 0.5:
            self._somebody_else()

    def look(self, child: Child) -> None:
        lines = child.kill()
        want(child.status == -9, f"the writer ended by itself with {child.status}: {child.said()}")
        under_way = self._heard(lines)
        self.figures["kills"] += 1
        self.figures["confirmed"] += sum(line.startswith('["did"') for line in lines)
        self.figures["while_opening"] += not lines
        for file in self.folder.glob("*.json"):
            try:
                json.loads(file.read_text())
            except ValueError as err:
                raise Broken(f"{file.name} is not whole: {err}") from err
        store = Store(self.folder)
        try:
            kept = self._same(store, under_way)
            whole(store)
        finally:
            store.close()
        if under_way and kept is not None:
            self.figures["in_flight_kept" if kept else "in_flight_gone"] += 1

    def _heard(self, lines: list[str]) -> list[Any]:
        """Note what was confirmed; what was announced last and not confirmed."""
        known, under_way = self.known, list[Any]()
        for line in lines:
            how, what, *more = json.loads(line)
            if how == "will":
                under_way = [what, *more]
                continue
            if how == "told":
                if what == "acknowledged":
                    known.acknowledged |= set(more[0])
                    known.receipts.add(more[1])
                elif what == "block":
                    known.blocks.add((more[0], more[1], more[2]))
                elif what == "pulled":
                    known.cursors[more[0]] = more[1]
                continue
            self._confirm(under_way, what, more)
            under_way = []
        return under_way

    def _confirm(self, asked: list[Any], what: str, more: list[Any]) -> None:
        known = self.known
        if what == "draft":
            known.drafts[asked[1]] = asked[2]
        elif what == "drop":
            known.drafts.pop(asked[1], None)
        elif what == "finalize":
            self._finalized(asked, {record: (id, line) for id, record, line in more[0]})
        elif what == "number":
            want(more[0] not in known.numbers, f"number {more[0]} was handed out twice")
            known.numbers.append(more[0])
        elif what == "turn":
            known.active = asked[1]
        elif what == "enrol":
            known.people.add(more[0])
            known.active = more[0]

    def _finalized(self, asked: list[Any], made: dict[str, tuple[str, str]]) -> None:
        for record, shows in asked[1]:
            self.known.drafts.pop(record, None)
            if record in made:
                id, line = made[record]
                self.known.changes[id] = (record, line)
                self.known.views[record] = shows

    # --- what must be there --------------------------------------------------------------------------------------

    def _same(self, store: Store, under_way: list[Any]) -> bool | None:
        """Did the call under way leave its mark? None where that is not to be seen."""
        known, kept = self.known, None
        asked = under_way[0] if under_way else ""
        rows = store._rows("SELECT id, record, line FROM journal")
        have = {id: (record, hashlib.sha256(line).hexdigest()) for id, record, line in rows}
        lost = [id for id, there in known.changes.items() if have.get(id) != there]
        want(not lost, f"confirmed, and gone or altered: {len(lost)} changes, first {lost[:1]}")
        new = {record: (id, line) for id, (record, line) in have.items() if id not in known.changes}
        if new:
            want(asked == "finalize" and new.keys() == {r for r, _ in under_way[1]},
                 f"{len(new)} changes nobody confirmed, under way was {under_way}: half a transaction")  # fmt: skip
            self._finalized(under_way, new)
        kept = bool(new) if asked == "finalize" else kept
        drafts = {r: print_of(json.loads(v)) for r, v in store._rows("SELECT record, vals FROM draft")}
        if asked in ("draft", "drop") and drafts != known.drafts:
            kept = True
            self._confirm(under_way, asked, [])
        want(drafts == known.drafts, f"drafts are not what was typed: {drafts.items() ^ known.drafts.items()}")
        for record, shows in known.views.items():
            ((values,),) = store._rows("SELECT vals FROM overlay WHERE record=?", record) or [(None,)]
            seen = json.loads(values) if values else _base(store, "comment", record)
            want(seen is not None and print_of(seen) == shows, f"{record} does not show what was finalized last")
        self._numbers(store, asked)
        self._identity(store, under_way)
        self._sent(store)
        return kept

    def _numbers(self, store: Store, asked: str) -> None:
        known = self.known
        blocks = store._rows("SELECT use, from_no, to_no, next_no FROM block")
        want(known.blocks <= {b[:3] for b in blocks}, "a block of numbers that was told is gone")
        used = {n for _, first, _, nxt in blocks for n in range(first, nxt)}
        want(set(known.numbers) <= used, f"numbers that were told are free again: {set(known.numbers) - used}")
        burnt = len(used) - len(known.numbers)
        want(
            burnt - known.burnt <= (asked == "number"),
            f"{burnt - known.burnt} numbers are used up that nobody was told",
        )
        known.burnt = burnt

    def _identity(self, store: Store, under_way: list[Any]) -> None:
        known, asked = self.known, under_way[0] if under_way else ""
        have, active = set(store.keys.identities), store.identity.enrolment if store.identity else ""
        want(known.people <= have, "an enrolment is gone")
        if have != known.people:
            want(asked == "enrol" and len(have - known.people) == 1, f"an enrolment nobody asked for: {under_way}")
            known.people, known.active = have, active
        elif asked == "turn" and active == under_way[1]:
            known.active = active
        want(active == known.active, f"it is the turn of {active}, not of {known.active}; under way {under_way}")
        for identity in store.keys.identities.values():
            want(len(identity.private_key) == len(identity.salt_key) == 32, "a key is not whole")

    def _sent(self, store: Store) -> None:
        """Every change waits or has an outcome, never both, never neither."""
        known = self.known
        rows = store._rows("SELECT j.id, p.pos IS NOT NULL, o.id IS NOT NULL FROM journal j LEFT JOIN pending p"
                           " USING (enrolment, scope, pos) LEFT JOIN outcome o ON o.id=j.id")  # fmt: skip
        odd = [id for id, waits, told in rows if waits == told]
        want(not odd, f"neither waiting nor settled, or both: {odd[:3]}")
        want(
            known.acknowledged <= {id for id, waits, _ in rows if not waits}, "a receipt was told, and its changes wait"
        )
        receipts = {id for (id,) in store._rows("SELECT id FROM receipt")}
        want(known.receipts <= receipts, "a receipt is gone")
        unheard = len(receipts - known.receipts)
        want(unheard - known.unheard <= 1, "more than one receipt nobody heard of")
        known.unheard = unheard
        for scope, cursor in known.cursors.items():
            ((at, refreshing),) = store._rows("SELECT cursor, refreshing FROM scope WHERE id=?", scope)
            want(at >= cursor or refreshing, f"{scope} was pulled up to {cursor}, is at {at}")

    # --- others, and the end -------------------------------------------------------------------------------------

    def _somebody_else(self) -> None:
        """The project manager ticks off a comment meanwhile: its row comes back with another value in it."""
        rows = self.service.records("comment", self.site.field)
        for row in self.rng.sample(rows, min(2, len(rows))):
            values = {**row.values, ELSEWHERE: not row.values.get(ELSEWHERE, False)}
            self.service.write(self.site.pm, [Write("comment", row.id, row.scope, values)])

    def finish(self) -> dict[str, int]:
        """All of it goes out, and the server holds each change once, with its bytes."""
        store = Store(self.folder)
        try:
            for _ in range(2):
                result = Syncer(store).run()
                want(not result.problems, f"cannot sync after all: {[str(p) for p in result.problems]}")
            want(result.digests_equal and store.counts()["pending"] == 0, "tablet and server are not equal at the end")
            whole(store)
            with self.service.store.reading() as tx:
                for id, (_, line) in self.known.changes.items():
                    found = tx.journaled([id]).get(id)
                    want(
                        found is not None and hashlib.sha256(found.line).hexdigest() == line,
                        f"{id} is not on the server",
                    )
                    want(found is not None and found.proof == "proven", f"{id} is not proven")
        finally:
            store.close()
        return {**self.figures, "changes": len(self.known.changes), "numbers": len(self.known.numbers)}


def _base(store: Store, type: str, record: str) -> dict[str, Any] | None:
    c = codec(type)
    rows = store._rows(f'SELECT {",".join(c.columns)} FROM "{type}" WHERE id=?', record)
    return c.from_row(rows[0]) if rows else None


def whole(store: Store) -> None:
    """What must hold of any tablet at any time, judged by hand: the chain, the layers, the digest, the file."""
    want(store._rows("PRAGMA quick_check") == [("ok",)], "the file is damaged")
    salts = {i.enrolment: i.salt_key for i in store.keys.identities.values()}
    chains: dict[tuple[str, str], tuple[int, bytes]] = {}
    lines: dict[str, list[dict[str, Any]]] = {}
    rows = store._rows(
        "SELECT enrolment, scope, pos, id, record, line, link FROM journal ORDER BY enrolment, scope, pos"
    )
    for enrolment, scope, pos, id, _, line, link in rows:
        first = hashlib.sha256(f"jingtu-chain-1\n{scope}\n{enrolment}".encode()).digest()
        before, head = chains.get((enrolment, scope), (0, first))
        salt = hmac.new(salts[enrolment], id.encode(), "sha256").digest()[:16]
        made = hashlib.sha256(head + hashlib.sha256(salt + line).digest()).digest()
        want((pos, link) == (before + 1, made), f"the chain of {enrolment} breaks at {pos}")
        chains[enrolment, scope] = (pos, link)
    for record, type, line in store._rows(
        "SELECT a.record, j.type, j.line FROM ahead a JOIN journal j ON j.id=a.id ORDER BY j.rowid"
    ):
        lines.setdefault(record, []).append({"type": type, **json.loads(line)})
    over = {record: json.loads(vals) for record, vals in store._rows("SELECT record, vals FROM overlay")}
    want(over.keys() == lines.keys(), "an overlay without changes ahead, or the other way round")
    for record, ahead in lines.items():
        values = _base(store, ahead[0]["type"], record) or {}
        for one in ahead:
            values = {k: v for k, v in {**values, **one["after"]}.items() if v is not None}
        want(values == over[record], f"the overlay of {record} is not its base and what is ahead of it")
    for scope, refreshing in store._rows("SELECT id, refreshing FROM scope"):
        want(
            refreshing or store.digest(scope) == store.recount_digest(scope), f"the digest of {scope} is not its rows'"
        )


def run(folder: Path, nursery: Nursery, kills: int, seed: int, fault: str = "") -> dict[str, int]:
    began = time.monotonic()
    life = Life(folder, nursery, seed, fault)
    try:
        for _ in range(kills):
            life.die()
        done = life.finish()
    finally:
        life.close()
    return {**done, "ms": int((time.monotonic() - began) * 1000)}


__all__ = ["run", "whole"]
