"""A server that holds a million records, without a million pushes: rows, journal lines and chain as accepted changes leave
them, by the store's own statements. Worked out on all cores, written by one."""

from __future__ import annotations

import os
import random
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from schemas import change
from schemas.rules import evidence
from sync_server.main import build
from sync_server.settings import Settings
from sync_server.store import Journaled, Stored
from tests.bench.forks import FORKS
from tests.bench.generate import BEGAN, Places, records, uuid7
from tests.bench.ground import Ground, found

PART, AHEAD = 2_500, 8
ENROLMENT = "01a19000-0000-7000-8000-00000000b0b0"  # whose chain the lines are said to be of
Order = tuple[Places, str, int, int, int, int]  # places, scope, seed, count, first number of codes, seq before
AT = BEGAN.isoformat(timespec="milliseconds")


_grounds: dict[Path, Ground] = {}


def million_in(folder: Path, tell: Callable[[str], None], count: int = 1_000_000) -> Ground:
    """A server with a million records, made once for a run of the suite, beside the folders of its measurements: whoever
    asks first makes it, nobody changes its records."""
    place = folder.parent / "million"
    if place not in _grounds:
        tell(f"准备 {count} 条 / making {count} records")
        _grounds[place] = found(place)
        filled(_grounds[place], count, tell)
    return _grounds[place]


class Part(NamedTuple):
    """One series of records as it will be stored."""

    rows: list[Stored]
    changes: list[tuple[str, str, str, bytes]]  # id, type, record, line
    digest: int


def filled(ground: Ground, count: int, tell: Callable[[str], None]) -> None:
    """`count` records of the generator into the project's field scope; seq, digest, chain and journal fit. Nobody else may
    be writing."""
    parts = build(Settings(data=ground.server))
    store = parts.service.store
    with store.reading() as tx:
        scope = tx.scope(ground.scope)
    assert scope is not None
    seq, digest = scope.seq, scope.digest
    pos, link = 0, evidence.first_link(ground.scope, ENROLMENT)
    orders = [
        (ground.places, ground.scope, seed, min(PART, count - start), start, seq + start)
        for seed, start in enumerate(range(0, count, PART), start=1000)
    ]
    for n, part in enumerate(_made(orders)):
        links = evidence.links(link, b"", [(id, line) for id, _, _, line in part.changes])
        with store.writing() as tx:
            tx.put(part.rows, [])
            tx.add_journal([
                Journaled(ground.scope, ENROLMENT, pos + k, id, type, record, line, made, "proven", "applied", seq + k, None, None, AT)
                for k, ((id, type, record, line), made) in enumerate(zip(part.changes, links, strict=True), start=1)
            ])  # fmt: skip
            digest += part.digest
            tx.set_chain(ENROLMENT, ground.scope, pos + len(links), links[-1], new=pos == 0)
            pos, seq, link = pos + len(links), seq + len(links), links[-1]
            tx.move_scope(ground.scope, seq, digest)
        if n % 40 == 39:
            tell(f"{pos} / {count}")
    store.close()


def _made(orders: list[Order]) -> Iterator[Part]:
    """In order, a few ahead of whoever writes them: all at once would fill the memory."""
    with FORKS.Pool(os.cpu_count()) as pool:
        ahead = deque(pool.apply_async(_part, (order,)) for order in orders[:AHEAD])
        for order in [*orders[AHEAD:], *[None] * AHEAD]:
            if ahead:
                yield ahead.popleft().get()
            if order:
                ahead.append(pool.apply_async(_part, (order,)))


def _part(order: Order) -> Part:
    places, scope, seed, count, first, seq = order
    rng, by, device = random.Random(-seed), places.people[seed % len(places.people)], places.instruments[0]
    made_at: change.MadeAt = {"wall": AT, "mono_ms": seed, "server_offset_ms": 0}
    rows, changes, digest = [], [], 0
    for n, (type, record, values) in enumerate(records(places, seed, count, first), start=1):
        id = uuid7(rng, int(BEGAN.timestamp() * 1000) + first + n)
        one = change.encode(
            id=id, scope=scope, type=type, record=record, before={}, after=values, made_at=made_at, by=by, device=device,
        )  # fmt: skip
        rows.append(Stored(type, record, scope, seq + n, values))
        changes.append((id, type, record, one.line))
        digest += evidence.row_hash(evidence.row_line(type, record, seq + n, values))
    return Part(rows, changes, digest)
