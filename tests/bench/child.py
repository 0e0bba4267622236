"""A client in a process of its own: `python -m tests.bench.child push|pull FOLDER ADDRESS SCOPE ROWS`.

Prints JSON lines: when it is ready, when a tenth of the rows is done, and at the end."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from field_app.sync import Progress
from tests.bench.client import Client
from tests.bench.outside import peak_mb, resident_mb


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def main(work: str, folder: str, address: str, scope: str, rows: int) -> None:
    client, pid = Client(Path(folder), address), os.getpid()
    with client.session() as syncer:
        say(phase="ready", memory_mb=resident_mb(pid))
        syncer._tell = _at_a_tenth(rows, lambda: say(phase="tenth", memory_mb=peak_mb(pid)))
        before, requests = client.counter.bytes, client.counter.requests
        began = time.perf_counter()
        if work == "push":
            syncer._push(scope)
        else:
            good = syncer._pull(scope)
        took = time.perf_counter() - began
    counts = client.store.counts()
    good = not any(counts[k] for k in ("pending", "rejected", "parked", "conflict")) if work == "push" else good
    say(phase="end", memory_mb=peak_mb(pid), seconds=took, good=good, wire_bytes=client.counter.bytes - before,
        round_trips=client.counter.requests - requests)  # fmt: skip
    client.close()


def _at_a_tenth(rows: int, then: Callable[[], None]) -> Callable[[Progress], None]:
    told = False

    def tell(progress: Progress) -> None:
        nonlocal told
        if not told and progress.done >= rows // 10:
            told = True
            then()

    return tell


if __name__ == "__main__":
    main(*sys.argv[1:5], int(sys.argv[5]))
