"""Sync, measured whole: the real client on its own files against the real server process over loopback."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from field_app.store import Edit
from tests.bench import ground as g
from tests.bench import postgres as p
from tests.bench.generate import Maker, Places
from tests.bench.outside import watching
from tests.bench.sizes import Size, of_sqlite
from tests.pg import Cluster

TEN = 10_000
STAGES = ("fresh", "later")


class Stage(NamedTuple):
    """A copy of a scene with its server running."""

    folder: Path
    address: str
    pids: Callable[[], Sequence[int]]  # whose fsyncs are the server's: its own process, or the database's
    database: str = ""  # of PostgreSQL; "" = SQLite


class Scene:
    """Two tablets and a server, kept in two states that are copied for each repetition, so that each meets the same files.

    fresh: `count` finalized, unsent records on the tablet `writer`; nothing on the server and on `reader`.
    later: all of them on the server and, by a whole sync, in the base of `writer`, where an edit of each waits unsent.
    """

    def __init__(self, folder: Path, count: int = TEN) -> None:
        self.folder, self.count = folder, count
        self.sizes: dict[str, Size] = {}
        fresh = folder / "fresh"
        self.ground = g.found(fresh)
        codes = [g.code_for(self.ground, who) for who in self.ground.people[:2]]
        with g.served(fresh / "server") as (address, _):
            for name, code in zip(("writer", "reader"), codes, strict=True):
                client = g.Client(fresh / name, address)
                client.enrol(code)
                client.syncer.run()
                client.close()
        empty = of_sqlite(fresh / "writer" / "tablet.db"), of_sqlite(fresh / "server" / "server.db")
        client = g.Client(fresh / "writer", "http://127.0.0.1:1")
        client.finalize(g.edits(self.ground, 1, count, self.scope))
        self.lines = [(c.id, c.line) for _, _, c in client.store.changes()][-count:]
        client.close()
        later = folder / "later"
        shutil.copytree(fresh, later)
        with g.served(later / "server") as (address, _):
            client = g.Client(later / "writer", address)
            whole(client)
            client.close()
        self.sizes["tablet"] = of_sqlite(later / "writer" / "tablet.db").since(empty[0])
        self.sizes["server_sqlite"] = of_sqlite(later / "server" / "server.db").since(empty[1])
        client = g.Client(later / "writer", address)
        client.finalize(updates(client, self.ground.places))
        client.close()

    @property
    def scope(self) -> str:
        return self.ground.scope

    @contextmanager
    def on_sqlite(self, state: str) -> Iterator[Stage]:
        with g.copied(self.folder / state) as here, g.served(here / "server") as (address, pid):
            yield Stage(here, address, lambda: [pid])

    def on_postgresql(self, pg: Cluster) -> Callable[[str], Any]:
        """The same scene with the server's data in PostgreSQL: the same tablets, the same lines."""
        templates = {s: p.template_of(pg, self.folder / s / "server" / "server.db") for s in STAGES}

        @contextmanager
        def on(state: str) -> Iterator[Stage]:
            name = pg.make(templates[state])
            try:
                with g.copied(self.folder / state) as here, g.served(here / "server", pg.url(name)) as (address, _):
                    yield Stage(here, address, lambda: p.processes(pg), name)
            finally:
                pg.drop(name)

        return on


def whole(client: g.Client) -> None:
    """A sync as a person starts it; everything must have gone well."""
    result = client.syncer.run()
    if result.problems or not result.digests_equal or client.store.counts()["pending"]:
        raise RuntimeError(f"the sync did not end well: {result}")


def measured(work: Callable[[], Any], client: g.Client, stage: Stage, traced: bool) -> dict[str, Any]:
    """One repetition as raw figures. Traced, it is slower: then only the counts are of use."""
    bytes_, requests = client.counter.bytes, client.counter.requests
    if not traced:
        out: dict[str, Any] = {"seconds": g.timed(work)}
    else:
        with client.commits() as commits, watching(stage.pids()) as server, watching([os.getpid()]) as here:
            out = {"seconds": g.timed(work)}
        out |= {
            "fsyncs": server.syncs and server.syncs.all, "fsyncs_client": here.syncs and here.syncs.all,
            "transactions": commits[0],
            "transactions_server": None if stage.database else server.syncs and server.syncs.transactions,
        }  # fmt: skip
    return {**out, "wire_bytes": client.counter.bytes - bytes_, "round_trips": client.counter.requests - requests}


def pushing(client: g.Client, scope: str) -> Callable[[], None]:
    """Everything pending goes out and is acknowledged."""

    def push() -> None:
        client.syncer._push(scope)
        counts = client.store.counts()
        if any(counts[k] for k in ("pending", "rejected", "parked", "conflict")):
            raise RuntimeError(f"not all was taken: {counts}")

    return push


def push_and_resend(scene: Scene, stage: Stage, traced: bool) -> dict[str, dict[str, Any]]:
    client = g.Client(stage.folder / "writer", stage.address)
    with client.session():
        push = measured(pushing(client, scene.scope), client, stage, traced)
        client.store.offer_again(scene.scope, 1)
        again = measured(pushing(client, scene.scope), client, stage, traced)
    client.close()
    return {"push_10k": push, "resend_10k": again}


def update_and_pull(scene: Scene, stage: Stage, traced: bool) -> dict[str, dict[str, Any]]:
    client = g.Client(stage.folder / "writer", stage.address)
    with client.session():
        update = measured(pushing(client, scene.scope), client, stage, traced)
    client.close()
    reader = g.Client(stage.folder / "reader", stage.address)
    with reader.session() as syncer:
        before = syncer._result.pulled
        pull = measured(lambda: _equal(syncer._pull(scene.scope)), reader, stage, traced)
        if not scene.count <= syncer._result.pulled - before <= scene.count + 10:
            raise RuntimeError(f"{syncer._result.pulled - before} rows were pulled, not {scene.count}")
    nothing = nothing_changed(reader, stage, traced)
    reader.close()
    return {"update_10k": update, "pull_10k": pull, "nothing_changed_10k": nothing}


def nothing_changed(client: g.Client, stage: Stage, traced: bool) -> dict[str, Any]:
    """A whole sync of a tablet that has everything; twice before that, so that token and answers are known by then."""
    whole(client)
    whole(client)
    return measured(lambda: whole(client), client, stage, traced)


def _equal(same: bool) -> None:
    if not same:
        raise RuntimeError("the digests differ")


def updates(client: g.Client, places: Places, seed: int = 2, most: int = 2**62) -> list[Edit]:
    """Three fields and more of every record (or of `most` of each type), one of them in an atom."""
    make, out = Maker(places, seed), []
    for type in ("point", "borehole", "soil_layer", "field_reading", "sample"):
        for seen in client.store.all(type)[:most]:
            more: dict[str, Any] = {"note": make.words(5)}
            top = make.rng.uniform(0, 5)
            depths = f"{top:.2f}", f"{top + make.rng.uniform(0.2, 3):.2f}"
            if type == "point":
                more |= {"wind": make.words(1), "air_temp_c": make.number(-5, 38, 1)}
            elif type == "borehole":
                more |= {"rig": make.words(1), "depth_m": make.number(3, 12, 2)}
            elif type == "soil_layer":
                more |= {"sign_text": make.words(2), "top_m": depths[0], "bottom_m": depths[1]}
            elif type == "field_reading":
                more |= {"qualifier": "eq", "value": make.number(2, 900, 4), "live_time_s": make.number(30, 120, 1)}
            else:
                more |= {"batch": make.words(1), "depth_top_m": depths[0], "depth_bottom_m": depths[1]}
            out.append(Edit(type, seen.id, seen.scope, {**seen.values, **more}))
    return out
