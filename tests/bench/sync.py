"""Sync, measured whole: the real client on its own files against the real server process over loopback."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from field_app.store import Edit
from tests.bench import ground as g

TEN = 10_000


class Scene:
    """Ten thousand finalized, unsent records on one tablet, and another tablet that has nothing yet; kept in a folder that is
    copied for each repetition, so that each meets the same files."""

    def __init__(self, folder: Path, count: int = TEN) -> None:
        self.folder, self.count = folder, count
        self.ground = g.found(folder)
        codes = [g.code_for(self.ground, p) for p in self.ground.people[:2]]
        with g.served(folder / "server") as (address, _):
            for name, code in zip(("writer", "reader"), codes, strict=True):
                client = g.Client(folder / name, address)
                client.enrol(code)
                client.syncer.run()
                if name == "writer":
                    client.finalize(g.edits(self.ground, 1, count, self.ground.scope))
                client.close()

    def lines(self) -> list[tuple[str, bytes]]:
        client = g.Client(self.folder / "writer", "http://127.0.0.1:1")
        try:
            return [(c.id, c.line) for _, _, c in client.store.changes()][-self.count :]
        finally:
            client.close()

    @contextmanager
    def copy(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="jingtu-bench-") as temp:
            here = Path(temp) / "scene"
            shutil.copytree(self.folder, here)
            yield here


def _all_pushed(client: g.Client, scope: str) -> Callable[[], None]:
    def push() -> None:
        client.syncer._push(scope)
        counts = client.store.counts()
        if counts["pending"] or counts["rejected"] or counts["parked"]:
            raise RuntimeError(f"not all was taken: {counts}")

    return push


def push_resend_update_pull(scene: Scene, traced: bool) -> dict[str, dict[str, Any]]:
    """One repetition: push all, send all again, change every record, pull all on the other tablet. Raw figures by name."""
    out: dict[str, dict[str, Any]] = {}
    scope = scene.ground.scope
    with scene.copy() as here, g.served(here / "server") as (address, pid):
        client = g.Client(here / "writer", address)

        def note(name: str, work: Callable[[], Any], of: g.Client) -> None:
            before = of.counter.bytes
            seconds: list[float] = []
            syncs = g.fsyncs(pid, lambda: seconds.append(g.timed(work))) if traced else _plain(work, seconds)
            out[name] = {
                "seconds": seconds[0],
                "wire_bytes": of.counter.bytes - before,
                "fsyncs": syncs,
                "rows": scene.count,
            }

        with client.session():
            note("push_10k", _all_pushed(client, scope), client)
            client.store.offer_again(scope, 1)
            note("resend_10k", _all_pushed(client, scope), client)
        client.syncer.run()
        client.finalize(updates(client))
        with client.session():
            note("update_10k", _all_pushed(client, scope), client)
        client.close()
        reader = g.Client(here / "reader", address)
        with reader.session() as syncer:
            note("pull_10k", lambda: _equal(syncer._pull(scope)), reader)
            before = reader.counter.bytes
        seconds = g.timed(lambda: reader.syncer.run())
        out["nothing_changed_10k"] = {
            "seconds": seconds,
            "wire_bytes": reader.counter.bytes - before,
            "fsyncs": None,
            "rows": 0,
        }
        reader.close()
    return out


def _plain(work: Callable[[], Any], seconds: list[float]) -> None:
    seconds.append(g.timed(work))


def _equal(same: bool) -> None:
    if not same:
        raise RuntimeError("the digests differ")


def updates(client: g.Client) -> list[Edit]:
    """Three fields of every record, one of them in an atom."""
    out = []
    for type in ("point", "borehole", "soil_layer", "field_reading", "sample"):
        for n, seen in enumerate(client.store.all(type)):
            more: dict[str, Any] = {"note": f"改 {n} {seen.id[-8:]}"}
            if type == "point":
                more |= {"wind": f"北风 {n % 7} 级", "air_temp_c": f"{n % 30}.5"}
            elif type == "borehole":
                more |= {"rig": f"GP-{n % 9}", "depth_m": f"{3 + n % 8}.25"}
            elif type == "soil_layer":
                more |= {"sign_text": f"第 {n} 层", "top_m": "0.10", "bottom_m": f"{1 + n % 9}.35"}
            elif type == "field_reading":
                more |= {"qualifier": "eq", "value": f"{n % 900}.4321", "live_time_s": "60.5"}
            else:
                more |= {"batch": f"B{n % 40}", "depth_top_m": "0.20", "depth_bottom_m": f"{1 + n % 9}.50"}
            out.append(Edit(type, seen.id, seen.scope, {**seen.values, **more}))
    return out


def median(values: list[float]) -> float:
    return statistics.median(values)
