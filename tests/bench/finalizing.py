"""完成 of one reading, on a tablet that holds ten thousand unsent records."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from field_app.store import Edit, Store
from tests.bench.figures import Figures, figure
from tests.bench.generate import records
from tests.bench.ground import copied
from tests.bench.limits import raw_table
from tests.bench.outside import watching
from tests.bench.ten import scene_in

EACH = 300


def finalize(folder: Path, repeat: int, tell: Callable[[str], None]) -> Figures:
    """Store.finalize ÷ one raw insert of the very line it wrote, each a transaction; medians of 300 that take turns,
    whatever `repeat` is."""
    scene = scene_in(folder)
    readings = (e for e in records(scene.ground.places, 3, 100_000, first=20_000) if e[0] == "field_reading")
    edits = (Edit(type, id, scene.scope, values) for type, id, values in readings)
    with copied(scene.folder / "fresh") as here:
        store = Store(here / "writer")
        raw = raw_table(folder / "raw.db")
        took, limit = [], []
        gc.collect()
        for _ in range(EACH):
            edit = next(edits)
            began = time.perf_counter()
            made = store.finalize([edit])
            between = time.perf_counter()
            took.append(between - began)
            (one,) = made
            began = time.perf_counter()
            raw.execute("BEGIN")
            raw.execute("INSERT INTO r VALUES (?,?)", (one.id, one.line))
            raw.execute("COMMIT")
            limit.append(time.perf_counter() - began)
        with watching([os.getpid()]) as watch:
            for _ in range(20):
                store.finalize([next(edits)])
        if store.counts()["pending"] != scene.count + len(took) + 20:
            raise RuntimeError("not every record was finalized")
        store.close()
        raw.close()
    tell(f"finalize {statistics.median(took) * 1000:.2f} ms, raw {statistics.median(limit) * 1000:.2f} ms")
    each = watch.syncs.all / 20 if watch.syncs else None
    made_of = figure(took, limit, 1, None, each, worst_seconds=round(max(took), 4))
    # the ratio of the medians: that of a single pair says little at a tenth of a millisecond
    return {"finalize": {**made_of, "ratio": made_of["seconds"] / made_of["limit_seconds"]}}
