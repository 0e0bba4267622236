"""A million records: pulled by a tablet that has nothing while they are backed up, and synced when nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench import ground as g
from tests.bench.figures import Figure, Figures, figure
from tests.bench.fill import million_in
from tests.bench.limits import bare_request, bare_server
from tests.bench.memory import of_command, transferred
from tests.bench.sync import Stage, nothing_changed

ROWS = 1_000_000


def million(folder: Path, repeat: int, tell: Callable[[str], None], rows: int = ROWS) -> Figures:
    """memory_pull_1m and memory_backup_1m, once, at the same time; nothing_changed_1m after them."""
    ground, tablet, file = million_in(folder, tell, rows), folder / "tablet", folder / "backup"
    code = g.code_for(ground, ground.people[0])
    with g.served(ground.server) as (address, _):
        client = g.Client(tablet, address)
        client.enrol(code)
        client.close()
    command = ["-m", "sync_server.cli", "backup", str(file), "--data", str(ground.server)]
    with g.served(ground.server, forked=False) as (address, pid):
        with ThreadPoolExecutor(1) as beside:
            backup = beside.submit(of_command, command)
            pull = transferred("pull", tablet, address, ground.scope, rows, pid)
            took, peak = backup.result()
        tell(f"memory_pull_1m: {pull['seconds']:.1f} s, memory_backup_1m: {took:.1f} s")
        nothing = _nothing(g.Client(tablet, address), Stage(folder, address, lambda: [pid]), repeat)
    sizes = {
        "database_mb": round((ground.server / "server.db").stat().st_size / 1e6),
        "backup_mb": round(file.stat().st_size / 1e6),
    }
    return {
        "memory_pull_1m": pull, "nothing_changed_1m": nothing,
        "memory_backup_1m": figure([took], None, rows, server_peak_mb=peak, **sizes),
    }  # fmt: skip


def _nothing(client: g.Client, stage: Stage, repeat: int) -> Figure:
    with bare_server(g.free_port()) as bare:
        pairs = [(nothing_changed(client, stage, traced=False), bare_request(bare)) for _ in range(repeat)]
    traced = nothing_changed(client, stage, traced=True)
    client.close()
    return figure(
        [run["seconds"] for run, _ in pairs], [limit for _, limit in pairs], 0, [run["wire_bytes"] for run, _ in pairs],
        traced["fsyncs"], round_trips=pairs[-1][0]["round_trips"], fsyncs_client=traced["fsyncs_client"],
    )  # fmt: skip
