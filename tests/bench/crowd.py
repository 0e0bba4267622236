"""Twenty tablets push at once, each a process of its own."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.bench import ground as g
from tests.bench.client import Client
from tests.bench.figures import Figures, figure
from tests.bench.limits import beside
from tests.bench.outside import Watch, watching

CLIENTS, EACH = 20, 1_000


def clients(folder: Path, repeat: int, tell: Callable[[str], None], count: int = CLIENTS, each: int = EACH) -> Figures:
    """clients_20x1000: from the moment all may go, each signed in, to the last acknowledgement of the last one."""
    tell(f"准备 {count} × {each} 条 / making {count} × {each} records")
    scene = folder / "crowd"
    ground = g.found(scene)
    codes = [g.code_for(ground, person) for person in ground.people[:count]]
    lines: list[tuple[str, bytes]] = []
    with g.served(ground.server) as (address, _):
        for n, code in enumerate(codes):
            client = Client(scene / f"tablet{n}", address)
            client.enrol(code)
            client.syncer.run()
            client.finalize(g.edits(ground, 100 + n, each, ground.scope, first=n * each))
            lines += [(c.id, c.line) for _, _, c in client.store.changes()]
            client.close()
    runs, limits = [], []
    for n in range(repeat):
        limits.append(beside(lines, folder))
        runs.append(_once(scene, ground.scope, count, lines, traced=False))
        tell(f"{n + 1}/{repeat}: {runs[-1]['seconds'] / limits[-1]:.1f}×")
    traced = _once(scene, ground.scope, count, lines, traced=True)
    return {
        "clients_20x1000": figure(
            [r["seconds"] for r in runs], limits, count * each, [r["wire_bytes"] for r in runs], traced["fsyncs"], clients=count,
            first_done_seconds=statistics.median(r["first"] for r in runs), round_trips=runs[-1]["round_trips"],
            transactions_server=traced["transactions_server"],
        )
    }  # fmt: skip


def _once(scene: Path, scope: str, count: int, lines: list[tuple[str, bytes]], traced: bool) -> dict[str, Any]:
    with g.copied(scene) as here:
        with g.served(here / "server") as (address, pid):
            ready, told = g.FORKS.Barrier(count + 1), g.FORKS.SimpleQueue()
            tablets = [
                g.FORKS.Process(target=_tablet, args=(here / f"tablet{n}", address, scope, ready, told))
                for n in range(count)
            ]
            for one in tablets:
                one.start()
            ready.wait(120)  # all have signed in
            with watching([pid] if traced else []) as watch:
                ready.wait(120)
                ended = [told.get() for _ in tablets]
            for one in tablets:
                one.join(30)
        _nothing_lost(here / "server" / "server.db", lines)
    failed = [e for e in ended if e["counts"]]
    if failed or any(one.exitcode for one in tablets):
        raise RuntimeError(f"not all was taken: {failed}")
    return {
        "seconds": max(e["end"] for e in ended) - min(e["begin"] for e in ended),
        "first": min(e["end"] - e["begin"] for e in ended),
        "wire_bytes": sum(e["wire_bytes"] for e in ended), "round_trips": sum(e["round_trips"] for e in ended), **_counted(watch),
    }  # fmt: skip


def _counted(watch: Watch) -> dict[str, int | None]:
    found = watch.syncs
    return {"fsyncs": found and found.all, "transactions_server": found and found.transactions}


def _tablet(folder: Path, address: str, scope: str, ready: Any, told: Any) -> None:
    """In a process of its own. Clocks of one machine's processes are the same (monotonic)."""
    client = Client(folder, address)
    with client.session() as syncer:
        before = client.counter.bytes, client.counter.requests
        ready.wait(120)
        ready.wait(120)
        begin = time.monotonic()
        problem = ""
        try:
            syncer._push(scope)
        except Exception as err:
            problem = repr(err)
        end = time.monotonic()
    counts = {
        k: v for k, v in client.store.counts().items() if v and k in ("pending", "rejected", "parked", "conflict")
    }
    told.put({
        "begin": begin, "end": end, "counts": {**counts, **({"problem": problem} if problem else {})},
        "wire_bytes": client.counter.bytes - before[0], "round_trips": client.counter.requests - before[1],
    })  # fmt: skip
    client.close()


def _nothing_lost(database: Path, lines: list[tuple[str, bytes]]) -> None:
    """Every line is on the server once, byte for byte, and applied; nobody was asked to decide anything."""
    with closing(sqlite3.connect(database)) as db:
        taken = db.execute("SELECT id, line FROM journal WHERE enrolment<>'console' AND outcome='applied'").fetchall()
        (kept,) = db.execute("SELECT count(*) FROM journal WHERE enrolment<>'console'").fetchone()
        (conflicts,) = db.execute("SELECT count(*) FROM conflict").fetchone()
        (records,) = db.execute("SELECT count(*) FROM record_type WHERE id IN (SELECT record FROM journal WHERE enrolment<>'console')").fetchone()  # fmt: skip
    if (
        len(taken) != kept
        or dict(taken) != dict(lines)
        or len(taken) != len(lines)
        or conflicts
        or records != len(lines)
    ):
        raise RuntimeError(
            f"{len(taken)} of {len(lines)} lines were applied, {kept} kept, {conflicts} conflicts, {records} records"
        )
