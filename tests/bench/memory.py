"""Memory of a client and a server while much goes from one to the other: RSS after the start, its peak at a tenth of the
rows and at the end. Flat means that the last two are nearly the same."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, figure
from tests.bench.ground import ROOT
from tests.bench.outside import peak_mb, resident_mb

Points = dict[str, float | None]  # phase → MB


def transferred(work: str, folder: Path, address: str, scope: str, rows: int, server: int) -> Figure:
    """`work`: push or pull, by the client in a process of its own; `server`: pid of the server that has just started.

    Raises RuntimeError where not everything arrived."""
    there: Points = {"ready": resident_mb(server)}
    here: Points = {}
    command = [sys.executable, "-m", "tests.bench.child", work, str(folder), address, scope, str(rows)]
    end: dict[str, Any] = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout or ():
            end = json.loads(line)
            here[end["phase"]] = end["memory_mb"]
            if end["phase"] != "ready":
                there[end["phase"]] = peak_mb(server)
    if child.returncode or not end.get("good"):
        raise RuntimeError(f"{work} of {rows} rows did not end well: {end}")
    return figure([end["seconds"]], None, rows, end["wire_bytes"], round_trips=end["round_trips"],
                  **_named("client", here), **_named("server", there))  # fmt: skip


def _named(who: str, points: Points) -> Points:
    ready, tenth, peak = (points.get(phase) for phase in ("ready", "tenth", "end"))
    growth = None if ready is None or peak is None else round(peak - ready, 1)
    return {f"{who}_start_mb": ready, f"{who}_tenth_mb": tenth, f"{who}_peak_mb": peak, f"{who}_growth_mb": growth}


def of_command(command: Sequence[str]) -> tuple[float, float | None]:
    """Run a command of ours to its good end: seconds, and its peak in MB. The peak is looked at as it runs: what is told
    of an ended process may be its parent's."""
    peak: list[float | None] = [None]
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.05):
                peak[0] = peak_mb(process.pid) or peak[0]

        looking = threading.Thread(target=look)
        looking.start()
        process.wait()
        took = time.perf_counter() - began
        over.set()
        looking.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return took, peak[0]
