"""A hundred thousand records: pushed by one tablet, which has everything then; and a hundred changes caught up with."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from schemas.rules import evidence
from sync_server.main import build
from sync_server.service import Write
from sync_server.settings import Settings
from tests.bench import ground as g
from tests.bench.figures import Figures, figure
from tests.bench.generate import Maker
from tests.bench.limits import bare_lines, bare_server
from tests.bench.memory import transferred
from tests.bench.sync import whole

ROWS, CHANGES = 100_000, 100
CHANGED = ("field_reading", "sample", "point", "borehole", "soil_layer")


def hundred(folder: Path, repeat: int, tell: Callable[[str], None], rows: int = ROWS) -> Figures:
    """memory_push_100k and catch_up_100_of_100k."""
    tell(f"准备 {rows} 条 / making {rows} records")
    ground, tablet = g.found(folder), folder / "tablet"
    code = g.code_for(ground, ground.people[0])
    with g.served(ground.server) as (address, _):
        client = g.Client(tablet, address)
        client.enrol(code)
        client.syncer.run()
        for n in range(0, rows, 10_000):  # in parts: this process should not hold them all
            client.finalize(g.edits(ground, n, min(10_000, rows - n), ground.scope, first=n), 1000)
        client.close()
    with g.served(ground.server, forked=False) as (address, pid):
        push = transferred("push", tablet, address, ground.scope, rows, pid)
        tell(f"memory_push_100k: {push['seconds']:.1f} s")
        client = g.Client(tablet, address)
        whole(client)
        catch_up = _catch_up(ground, client, repeat)
        client.close()
    return {"memory_push_100k": push, "catch_up_100_of_100k": catch_up}


def _catch_up(ground: g.Ground, client: g.Client, repeat: int) -> dict[str, object]:
    """Somebody at the console changes two fields of a hundred records chosen at random; then a whole sync."""
    make = Maker(ground.places, 4)
    held = [(type, s.id) for type in CHANGED for s in client.store.all(type)]
    parts = build(Settings(data=ground.server))
    seconds, limits, wire, trips = [], [], [], []
    whole(client)
    with bare_server(g.free_port()) as bare:
        for _ in range(repeat):
            chosen = random.Random(make.rng.random()).sample(held, CHANGES)
            seen = [s for type, id in chosen if (s := client.store.get(type, id))]
            parts.service.write(None, [
                Write(s.type, s.id, ground.scope, {**s.values, "note": make.words(6), **_more(make, s.type)}) for s in seen
            ])  # fmt: skip
            before = client.counter.bytes, client.counter.requests
            seconds.append(g.timed(lambda: whole(client)))
            wire.append(client.counter.bytes - before[0])
            trips.append(client.counter.requests - before[1])
            now = [s for type, id in chosen if (s := client.store.get(type, id))]
            if sum(a.values != b.values and b.state == "accepted" for a, b in zip(seen, now, strict=True)) != CHANGES:
                raise RuntimeError("not every change arrived")
            lines = [evidence.row_line(s.type, s.id, s.seq, s.values) for s in now]
            limits.append(bare_lines(bare, lines))
    parts.service.store.close()
    return figure(seconds, limits, CHANGES, wire, round_trips=max(trips), raw_bytes=sum(map(len, lines)))


def _more(make: Maker, type: str) -> dict[str, str]:
    if type == "field_reading":
        return {"qualifier": "eq", "value": make.number(2, 900, 4)}
    if type == "soil_layer":
        return {"sign_text": make.words(2)}
    return {"batch": make.words(1)} if type == "sample" else {}
