"""Pages of records on the tablet: together they are what `all` gives, and its cost does not grow with the others."""

from __future__ import annotations

import itertools
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from field_app.keys import Identity
from field_app.store import Edit, Store, lists
from schemas.merge import put
from schemas.rules import evidence
from schemas.wire import Outcome, PullHead, ScopeGrant
from tests.unit.tablet import AT, FIELD, PROJECT, answer, open_store

A, B, C = (f"{PROJECT[:-1]}{n}.field" for n in "abc")
assert A == FIELD
POINT = {"code": "S1", "site_id": PROJECT, "started_at": AT}


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    yield made
    shutil.rmtree(made)


def comment(text: str, **more: Any) -> dict[str, Any]:
    return {"subject_kind": "point", "subject_id": PROJECT, "text": text, "at": AT, **more}


def second(store: Store) -> Identity:
    """Somebody else who shares the tablet; it is his turn then."""
    first = store.keys.require()
    ids = [store.new_id() for _ in range(2)]
    other = Identity(
        ids[0], first.device, "A1", ids[1], "王", "http://s", first.server_key, evidence.new_key(), bytes(32)
    )
    store.keys.save(other)
    return other


def grant(store: Store, who: Identity, scopes: list[str]) -> None:
    rest = {"audience": "field", "name": "P", "roles": ["sampler"], "writes": ["comment", "point"]}
    store.grant([ScopeGrant(scope=s, owner=s.partition(".")[0], **rest) for s in scopes], who)  # type: ignore[arg-type]


class Tablet:
    """Two people, three projects, and a server that answers in any way; every step is drawn."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.store = open_store(folder)
        self.people = [self.store.keys.require(), second(self.store)]
        self.server: dict[str, dict[str, tuple[int, str, dict[str, Any]]]] = {A: {}, B: {}, C: {}}
        self.seq = itertools.count(1)
        for who, scopes in zip(self.people, ([A, B], [A, C]), strict=True):
            grant(self.store, who, scopes)

    def id(self) -> str:
        text = f"{self.rng.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def values(self, type: str) -> dict[str, Any]:
        text = str(self.rng.random())
        return comment(text) if type == "comment" else {**POINT, "note": text}

    def step(self) -> None:
        steps = [self.write] * 6 + [self.void] * 3 + [self.server_writes] * 5 + [self.pull] * 5 + [self.push] * 3
        self.rng.choice([*steps, self.turn, self.turn, self.other_rights])()

    def turn(self) -> None:
        self.store.turn(self.rng.choice(self.people).enrolment)

    def other_rights(self) -> None:
        grant(self.store, self.rng.choice(self.people), [s for s in (A, B, C) if self.rng.random() < 0.7])

    def known(self) -> list[tuple[str, str, str]]:
        """(type, scope, record) of everything anywhere, seen or not."""
        here = self.store._rows("SELECT type,scope,record FROM overlay")
        return sorted({*here, *((t, s, r) for s, rows in self.server.items() for r, (_, t, _) in rows.items())})

    def write(self) -> None:
        type, scope, record = self.rng.choice(["comment", "comment", "point"]), self.rng.choice([A, B, C]), self.id()
        if self.rng.random() < 0.4 and (known := self.known()):
            type, scope, record = self.rng.choice(known)
        self.store.finalize([Edit(type, record, scope, self.values(type))], complete=False)

    def void(self) -> None:
        if known := self.known():
            type, scope, record = self.rng.choice(known)
            said = {"deleted": self.rng.random() < 0.8, "void_reason": "错"}
            self.store.finalize([Edit(type, record, scope, {**self.values(type), **said})], complete=False)

    def server_writes(self) -> None:
        scope, record = self.rng.choice([A, B, C]), self.id()
        of_scope = sorted(self.server[scope])
        if self.rng.random() < 0.4 and of_scope:
            record = self.rng.choice(of_scope)
        _, type, values = self.server[scope].get(record, (0, "comment", {}))
        fresh = {**comment("读"), **values, "deleted": self.rng.random() < 0.3}
        self.server[scope][record] = (next(self.seq), type, fresh)

    def pull(self) -> None:
        scope = self.rng.choice([s.scope for who in self.people for s in self.store.scopes(who)] or [A])
        at = self.store.cursor(scope)
        rows = sorted((q, t, r, v) for r, (q, t, v) in self.server[scope].items() if q > at)[: self.rng.randint(1, 20)]
        if rows and self.store._rows("SELECT 1 FROM scope WHERE id=?", scope):
            head = PullHead(epoch="e1", cursor=rows[-1][0], head=10**6, count=len(rows), more=True, digest=None)
            self.store.apply_pull(scope, head, [evidence.row_line(t, r, q, v) for q, t, r, v in rows])

    def push(self) -> None:
        for scope in self.store.pending_scopes():
            batch = self.store.batch(scope, 3)
            assert batch is not None
            changes = {c.id: c for _, _, c in self.store.changes()}
            told: list[tuple[Outcome, int | None]] = []
            for id in batch.ids:
                outcome, seq, c = self.rng.choice(list(Outcome)), None, changes[id]
                if outcome in (Outcome.APPLIED, Outcome.CONFLICT):
                    seq = next(self.seq)
                    values = dict(self.server[scope].get(c.record, (0, "", {}))[2])
                    put(values, c.after)
                    self.server[scope][c.record] = (seq, c.type, values)
                told.append((outcome, seq))
            self.store.acknowledge(batch, answer(self.store, batch, told))


def walk(store: Store, type: str, limit: int) -> list[Any]:
    out: list[Any] = []
    after: str | None = None
    for _ in range(10_000):
        page = store.page(type, after, limit)
        assert len(page.rows) <= limit
        assert page.next is None or page.next > (after or "")
        out += page.rows
        after = page.next
        if after is None:
            return out
    raise AssertionError("it does not end")


def same(tablet: Tablet, limit: int) -> int:
    """For everybody and every type; how many records were compared."""
    store, turn, compared = tablet.store, tablet.store.keys.require(), 0
    for who in tablet.people:
        store.turn(who.enrolment)
        for type in ("comment", "point"):
            every = sorted(store.all(type), key=lambda s: s.id)
            assert walk(store, type, limit) == every
            assert store.count(type) == len(every)
            by_id = {s.id: s for s in every}
            for _, _, record in tablet.known()[::5]:
                assert store.get(type, record) == by_id.get(record)
            compared += len(every)
    store.turn(turn.enrolment)
    return compared


@pytest.mark.parametrize("seed", range(8))
def test_all_pages_together_are_all(folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    tablet, compared = Tablet(folder, seed), 0
    for n in range(90):
        tablet.step()
        monkeypatch.setattr(lists, "LOOKED", tablet.rng.choice([1, 2, 5, 1000]))
        if n % 3 == 0:
            compared += same(tablet, tablet.rng.choice([1, 2, 3, 7, 100]))
    assert compared > 100
    tablet.store.close()


def test_the_walk_meets_what_is_hard(folder: Path) -> None:
    """What the comparison is worth: hidden records, own ones among them, voided ones and edited base rows do occur."""
    met: set[str] = set()
    tablet = Tablet(folder, 1)
    for _ in range(200):
        tablet.step()
        for who in tablet.people:
            tablet.store.turn(who.enrolment)
            mine = {s.scope for s in tablet.store.scopes()}
            found = tablet.store.all("comment", deleted=True)
            over = {r for (r,) in tablet.store._rows("SELECT record FROM overlay")}
            base = {r: s for r, s in tablet.store._rows("SELECT id, scope FROM comment")}
            met |= {"hidden"} if set(base.values()) - mine else set()
            met |= {"own in hidden"} if any(s.scope not in mine for s in found) else set()
            met |= {"voided base"} if any(s.seq and s.values.get("deleted") for s in found) else set()
            met |= {"voided here"} if any(not s.seq and s.values.get("deleted") for s in found) else set()
            met |= {"edited base"} if over & base.keys() else set()
            met |= {s.state for s in found}
    assert met == {
        "hidden",
        "own in hidden",
        "voided base",
        "voided here",
        "edited base",
        "accepted",
        "pending",
        "parked",
    }
    tablet.store.close()


# --- what a page costs -----------------------------------------------------------------------------------------------


def fill(store: Store, scope: str, count: int, **more: Any) -> None:
    at = store.cursor(scope)
    lines = [evidence.row_line("comment", store.new_id(), at + n + 1, comment(f"{n}", **more)) for n in range(count)]
    head = PullHead(epoch="e1", cursor=at + count, head=at + count, count=count, more=False, digest=None)
    store.apply_pull(scope, head, lines)


def steps(store: Store, work: Any) -> int:
    """What the database does for it, in steps of its own machine: the same on every computer."""
    done = 0

    def one() -> int:
        nonlocal done
        done += 1
        return 0

    store._db.set_progress_handler(one, 10)
    try:
        work()
    finally:
        store._db.set_progress_handler(None, 10)
    return done


def ordinary(store: Store, count: int) -> None:
    fill(store, A, count)


def unsent(store: Store, count: int) -> None:
    store.finalize([Edit("comment", store.new_id(), A, comment(str(n))) for n in range(count)])


def of_another_type(store: Store, count: int) -> None:
    store.finalize([Edit("point", store.new_id(), A, POINT) for _ in range(count)], complete=False)


def voided(store: Store, count: int) -> None:
    fill(store, A, count, deleted=True, void_reason="错")


def voided_here(store: Store, count: int) -> None:
    ids = [store.new_id() for _ in range(count)]
    store.finalize([Edit("comment", i, A, comment("错", deleted=True, void_reason="错")) for i in ids])


def hidden(store: Store, count: int) -> None:
    fill(store, B, count)


def hidden_unsent(store: Store, count: int) -> None:
    here = store.keys.require()
    store.turn(next(i for i in store.keys.identities if i != here.enrolment))
    store.finalize([Edit("comment", store.new_id(), B, comment(str(n))) for n in range(count)])
    store.turn(here.enrolment)


def voided_then_unsent(store: Store, count: int) -> None:
    """Neither layer may look on because the other has not come far."""
    voided(store, count)
    unsent(store, 300)


def voided_here_then_more(store: Store, count: int) -> None:
    voided_here(store, count)
    fill(store, A, 300)


KINDS = (ordinary, unsent, of_another_type, voided, voided_here, hidden, hidden_unsent, voided_then_unsent,
         voided_here_then_more)  # fmt: skip


def costs(folder: Path, kind: Callable[[Store, int], None], count: int) -> tuple[list[int], int]:
    """Of the first page and of one in the middle, from either end, and of all; on a tablet that was lent to somebody."""
    store = open_store(folder)
    grant(store, store.keys.require(), [A, B])
    grant(store, second(store), [A])
    kind(store, count)
    fill(store, A, 50)
    ids = [i for (i,) in store._rows("SELECT id FROM comment UNION SELECT record FROM overlay ORDER BY 1")]
    pages = [
        steps(store, lambda at=at, way=way: store.page("comment", at, 20, **way))  # type: ignore[misc]
        for way in ({}, {"newest": True}, {"newest": True, "deleted": True, "skip": (C,)})
        for at in (None, ids[len(ids) // 2])
    ]
    every = steps(store, lambda: store.all("comment"))
    store.close()
    return pages, every


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_a_page_costs_the_same_among_many(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    monkeypatch.setattr(lists, "LOOKED", 100)
    pages, every = costs(folder / "few", kind, 300)
    pages_of_many, every_of_many = costs(folder / "many", kind, 3000)
    for few, many in zip(pages, pages_of_many, strict=True):
        assert many <= 1.2 * few + 5
    assert kind is of_another_type or every_of_many > 2 * every, "the measure sees what grows"


def test_one_record_costs_the_same_among_many(folder: Path) -> None:
    found = []
    for count in (100, 2000):
        store = open_store(folder / str(count))
        unsent(store, count)
        (one,) = store.page("comment", None, 1).rows
        found.append(steps(store, lambda s=store, i=one.id: s.get("comment", i)))  # type: ignore[misc]
        store.close()
    assert found[1] <= 1.2 * found[0] + 5


@pytest.mark.parametrize("seed", range(6))
def test_the_last_first_with_voided_ones_and_without_some_scopes(folder: Path, seed: int) -> None:
    t = Tablet(folder, seed)
    for _ in range(60):
        t.step()
    for type in ("comment", "point"):
        for deleted, skip in ((False, ()), (True, ()), (True, (B,)), (False, (A, C))):
            want = [(s.id, s.values, s.state) for s in t.store.all(type, deleted=deleted) if s.scope not in skip]
            for newest in (False, True):
                got, after = [], None
                while True:
                    page = t.store.page(type, after, 3, newest=newest, deleted=deleted, skip=skip)
                    got += [(s.id, s.values, s.state) for s in page.rows]
                    after = page.next
                    if after is None:
                        break
                assert got == sorted(want, key=lambda x: x[0], reverse=newest)
            if not deleted:
                assert t.store.count(type, skip) == len(want)
    t.store.close()
