"""How batches go out: how large they are, what is noted beside the one on its way, how often each change was sent, in which
order. The shipped store, syncer and server, with a wire between that can be cut."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import zstandard

from field_app.store import Edit, Store
from field_app.sync import NotReached, Syncer
from field_app.sync.loop import FIRST, LEAST
from schemas import change
from schemas.problems import PROBLEMS, Trouble
from schemas.wire import MAX_BATCH
from tests.api.conftest import AT
from tests.api.test_shared_tablet import Site, shared, site
from tests.sim.tablet import AtOnce

assert site  # the fixture
SOME = 250
Answer = Callable[[httpx.Request, list[bytes]], httpx.Response | None]


def lines_of(request: httpx.Request) -> list[bytes]:
    unpack = zstandard.decompress if request.headers["content-encoding"] == "zstd" else gzip.decompress
    return unpack(request.content).split(b"\n")[1:]


def refused(request: httpx.Request, number: int) -> httpx.Response:
    headers = {"content-type": "application/problem+json", "jingtu-protocol": "1"}
    return httpx.Response(
        PROBLEMS[number].status, json=Trouble(number, limit=1).body(), headers=headers, request=request
    )


class Wire(httpx.BaseTransport):
    """Notes every push that goes out; `answer` may cut it, or answer in the server's place."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.sizes: list[int] = []
        self.sent: Counter[str] = Counter()
        self.answer: Answer = lambda request, lines: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/push"):
            return self._site.net.handle_request(request)
        lines = lines_of(request)
        self.sizes.append(len(lines))
        self.sent.update(change.change_id(line) or "" for line in lines)
        return self.answer(request, lines) or self._site.net.handle_request(request)

    def close(self) -> None:
        """httpx closes its transport after every client."""


class Desk:
    """A tablet with this much to send."""

    def __init__(self, site: Site, count: int, **more: Any) -> None:
        self.site, self.wire = site, Wire(site)
        self.store = Store(site.folder / "desk")
        self.syncer = Syncer(self.store, self.wire, lambda _: None, **more)
        self.syncer.enrol("http://sim", site.code(site.li), "平板")
        self.syncer.run()
        assert self.syncer._room == FIRST
        self.syncer._room = SOME  # where to begin is a matter of speed, and how to go on of what is promised
        self.write(count)

    def write(self, count: int) -> None:
        self.store.finalize([comment(self.site, self.store, f"{n}") for n in range(count)])

    def pending(self) -> int:
        return self.store.counts()["pending"]


def comment(site: Site, store: Store, text: str, record: str | None = None) -> Edit:
    values = {"subject_kind": "project", "subject_id": site.project, "text": text, "at": AT}
    return Edit("comment", record or store.new_id(), site.field, values)


@pytest.fixture
def desk(site: Site) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(count: int, **more: Any) -> Desk:
        made.append(Desk(site, count, **more))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


def lost(request: httpx.Request, _: list[bytes]) -> httpx.Response | None:
    raise httpx.ConnectTimeout("lost", request=request)


def numbers(syncer: Syncer) -> list[int]:
    return [p.problem.number for p in syncer.run().problems]


# --- how large -------------------------------------------------------------------------------------------------------


def test_batches_double_as_they_arrive(desk: Callable[..., Desk]) -> None:
    one = desk(3000)
    result = one.syncer.run()
    assert result.problems == [] and result.acknowledged == result.pushed == 3000 and one.pending() == 0
    # the second was made ready beside the first, before anybody knew that it would arrive
    assert one.wire.sizes == [SOME, SOME, 2 * SOME, MAX_BATCH, MAX_BATCH]
    assert set(one.wire.sent.values()) == {1} and len(one.wire.sent) == 3000


def test_batches_halve_where_they_do_not_arrive_and_grow_again(desk: Callable[..., Desk]) -> None:
    one = desk(400)
    one.wire.answer = lost
    for _ in range(4):
        assert numbers(one.syncer) == [5004]
    assert one.wire.sizes == [s for s in (SOME, SOME // 2, 62, LEAST) for _ in range(4)]  # four tries of each
    assert numbers(one.syncer) == [5004] and one.wire.sizes[-1] == LEAST  # never less
    one.wire.answer, one.wire.sizes = lambda *_: None, []
    assert numbers(one.syncer) == [] and one.pending() == 0
    assert one.wire.sizes == [50, 50, 100, 200] and sum(one.wire.sizes) == 400


def test_one_change_goes_out_alone_where_there_is_but_one(desk: Callable[..., Desk]) -> None:
    one = desk(1)
    one.wire.answer = lambda request, lines: refused(request, 1002)
    assert numbers(one.syncer) == [1002] and one.wire.sizes == [1] and one.pending() == 1


@pytest.mark.parametrize("number", [1002, 1004])
def test_batches_shrink_for_good_to_what_a_server_takes(desk: Callable[..., Desk], number: int) -> None:
    one, most = desk(600), 80
    one.wire.answer = lambda request, lines: refused(request, number) if len(lines) > most else None
    assert numbers(one.syncer) == [] and one.pending() == 0
    assert one.wire.sizes[:2] == [250, 125] and set(one.wire.sizes[2:-1]) == {62}
    one.wire.sizes.clear()
    one.write(200)
    assert numbers(one.syncer) == [] and max(one.wire.sizes) == 62 and one.pending() == 0


def test_no_batch_is_larger_than_the_server_takes(desk: Callable[..., Desk]) -> None:
    one = desk(1)
    for _ in range(6):
        one.write(300)
        one.syncer.run()
    one.write(2500)
    one.wire.sizes.clear()
    assert numbers(one.syncer) == [] and one.wire.sizes == [1000, 1000, 500]


# --- what is noted ---------------------------------------------------------------------------------------------------


def test_what_arrived_is_noted_though_the_next_is_lost(desk: Callable[..., Desk]) -> None:
    one = desk(700)
    one.wire.answer = lambda request, lines: lost(request, lines) if len(one.wire.sizes) > 1 else None
    result = one.syncer.run()
    assert [p.problem.number for p in result.problems] == [5004] and result.acknowledged == SOME
    assert one.pending() == 700 - SOME and len(one.store._rows("SELECT 1 FROM receipt")) == 1
    assert one.store.sends() == {i: 1 for i in one.store.sends()} and len(one.store.sends()) == SOME
    one.wire.answer = lambda *_: None
    assert numbers(one.syncer) == [] and one.pending() == 0
    assert one.store.sends() == dict(one.wire.sent)


@pytest.mark.parametrize("number", [1202, 2003, 2004, 1206])
def test_what_arrived_is_noted_though_the_next_is_refused(desk: Callable[..., Desk], number: int) -> None:
    one = desk(400)
    one.wire.answer = lambda request, lines: refused(request, number) if len(one.wire.sizes) > 1 else None
    assert numbers(one.syncer) == [number] and one.pending() == 150
    one.wire.answer = lambda *_: None
    assert numbers(one.syncer) == [] and one.store.sends() == dict(one.wire.sent)


def test_killed_while_one_is_noted_and_the_next_on_its_way(desk: Callable[..., Desk], site: Site) -> None:
    one = desk(700)
    acknowledge = one.store.acknowledge

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    one.store.acknowledge = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        one.syncer.run()
    assert one.wire.sizes == [250, 250] and one.pending() == 700  # both arrived, neither is noted
    assert len(site.service.records("comment", site.field)) == 500
    one.store.acknowledge = acknowledge  # type: ignore[method-assign]
    assert numbers(one.syncer) == [] and one.pending() == 0
    assert len(site.service.records("comment", site.field)) == 700
    assert {s.state for s in one.store.all("comment")} == {"accepted"}


def test_nobody_waits_for_a_thread_that_is_gone(desk: Callable[..., Desk]) -> None:
    """An answer nobody can use, beside: told as not reached, and the next sync starts anew."""
    one = desk(600)

    def broken(*_: Any) -> Any:
        raise NotReached

    send, one.syncer._send = one.syncer._send, broken  # type: ignore[method-assign]
    assert numbers(one.syncer) == [5004] and one.pending() == 600
    one.syncer._send = send  # type: ignore[method-assign]
    assert numbers(one.syncer) == [] and one.pending() == 0


@pytest.mark.parametrize("seed", range(4))
def test_sends_say_how_often_it_went_out(desk: Callable[..., Desk], site: Site, seed: int) -> None:
    rng = random.Random(seed)
    one = desk(rng.randint(300, 500))

    def shaken(request: httpx.Request, _: list[bytes]) -> httpx.Response | None:
        draw = rng.random()
        if draw < 0.3:
            raise httpx.ConnectTimeout("lost", request=request)
        if draw < 0.5:
            site.net.handle_request(request)
            raise httpx.ReadTimeout("answer lost", request=request)
        if draw < 0.6:
            return httpx.Response(200, html="<p>Welcome</p>", request=request)
        return refused(request, rng.choice([2002, 1101, 1207, 1003, 1003])) if draw < 0.7 else None

    one.wire.answer = shaken
    one.syncer._room = one.syncer._most = 60  # many batches
    for _ in range(60):
        one.syncer.run()
        one.syncer._tokens.clear()
        if not one.pending():
            break
    assert one.pending() == 0 and max(one.wire.sent.values()) > 2
    assert one.store.sends() == dict(one.wire.sent)
    assert len(site.service.records("comment", site.field)) == len(one.wire.sent)  # nothing twice
    assert site.service.records("conflict", site.field) == []


# --- two people ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_what_two_people_made_goes_out_in_the_order_made(site: Site, seed: int) -> None:
    rng = random.Random(seed)
    store, syncer, *people = shared(site)
    wire = syncer._transport = Wire(site)
    if seed % 2:
        syncer._beside = AtOnce
    syncer._room, syncer._most = 2, 8  # many small batches
    records = [comment(site, store, "0") for _ in range(3)]
    store.finalize(records)
    for n in range(80):  # at the end somebody goes on alone: beside a batch only more of the same chain is made ready
        if rng.random() < 0.2 and n < 60:
            store.turn(rng.choice(people))
        seen = store.get("comment", rng.choice(records).record)
        assert seen
        store.finalize([comment(site, store, f"{n}", seen.id)])
    made = [json.loads(line)["id"] for (line,) in store._rows("SELECT line FROM journal ORDER BY rowid")]
    beside: list[int] = []
    following = syncer._next

    def counted(*args: Any, sending: Any = None, **named: Any) -> Any:
        ready = following(*args, sending=sending, **named)
        if sending is not None and ready is not None:
            beside.append(ready.batch.first)
        return ready

    syncer._next = counted  # type: ignore[method-assign]
    result = syncer.run()
    assert result.problems == [] and result.conflicts == result.rejected == result.parked == 0 and result.digests_equal
    assert list(wire.sent) == made and set(wire.sent.values()) == {1}  # on the wire in the order they were made
    with site.service.store.reading() as tx:
        there = [j.id for record in records for j in tx.history(record.record)]
    assert there == [
        i for record in records for i in made if i in set(there) and site_record(store, i) == record.record
    ]
    assert {s.values["text"] for s in store.all("comment")} == {
        s.values["text"] for s in site.service.records("comment", site.field)
    }
    assert beside  # something was made ready beside what was on its way, or this showed little
    store.close()


def site_record(store: Store, id: str) -> str:
    return str(store._rows("SELECT record FROM journal WHERE id=?", id)[0][0])


def test_one_who_may_not_go_on_holds_up_nobody(site: Site) -> None:
    store, syncer, li, wang = shared(site)
    wire = syncer._transport = Wire(site)
    syncer._room = syncer._most = 5
    for who in (wang, li):
        store.turn(who)
        store.finalize([comment(site, store, f"{who} {n}") for n in range(23)])
    wire.answer = lambda request, lines: refused(request, 2004) if json.loads(lines[0])["by"] == site.wang else None
    assert numbers(syncer) == [2004]
    assert {s.values["text"][:36] for s in site.service.records("comment", site.field)} == {li}
    assert store.counts()["pending"] == 23
    wire.answer = lambda *_: None
    assert numbers(syncer) == [] and store.counts()["pending"] == 0
    store.close()
