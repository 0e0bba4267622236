"""Ten thousand records pushed, sent again, edited and pulled, with the server's data in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, Figures, figure
from tests.bench.ground import free_port
from tests.bench.limits import bare_request, bare_server, beside
from tests.bench.postgres import postgresql, size_of
from tests.bench.sizes import Size, of_sqlite
from tests.bench.sync import TEN, Scene, Stage, push_and_resend, update_and_pull
from tests.pg import Cluster

Tell = Callable[[str], None]
Run = dict[str, dict[str, Any]]  # name → raw figures of one repetition
NOTHING = "nothing_changed_10k"
_scenes: dict[Path, Scene] = {}


def scene_in(folder: Path, count: int = TEN) -> Scene:
    """Made once for a run of the suite, beside the folders of its measurements, whichever asks first."""
    place = folder.parent / "scene"
    if place not in _scenes:
        _scenes[place] = Scene(place, count)
    return _scenes[place]


def sync(folder: Path, repeat: int, tell: Tell, count: int = TEN, both: bool = True) -> Figures:
    """push, resend, update, pull (each also _postgresql), nothing_changed, database_bytes_per_record.

    After `repeat` repetitions one more is slowed down by what counts in it; its times are used only if it is alone
    (repeat=0). `both`: False leaves PostgreSQL out. Raises RuntimeError where not everything was taken, or digests differ."""
    tell(f"准备 {count} 条 / making {count} records")
    scene = scene_in(folder, count)
    sizes = dict(scene.sizes)
    runs: list[Run] = []
    limits: list[dict[str, float]] = []
    with postgresql() if both else nullcontext() as pg, bare_server(free_port()) as bare:
        places: dict[str, Any] = {"": scene.on_sqlite, **({"_postgresql": scene.on_postgresql(pg)} if pg else {})}
        for n in range(repeat + 1):
            traced = n == repeat
            runs.append({})
            limits.append({})
            for tail, on in places.items():
                for state, work in (("fresh", push_and_resend), ("later", update_and_pull)):
                    with on(state) as stage:
                        limit, before = beside(scene.lines, folder), _sizes(stage, pg)
                        ran = work(scene, stage, traced).items()
                        done = {name + tail: raw for name, raw in ran if name != NOTHING or not tail}
                        if traced:
                            sizes |= {
                                w: s.since(before[w]) for w, s in _sizes(stage, pg).items() if (state, w) in _GROWS
                            }
                    runs[-1] |= done
                    limits[-1] |= dict.fromkeys(done, limit)
            limits[-1][NOTHING] = bare_request(bare)
            tell(
                f"{n + 1}/{repeat + 1}: "
                + ", ".join(f"{k} {v['seconds'] / limits[-1][k]:.1f}×" for k, v in runs[-1].items())
            )
    counted = runs[-1]
    if repeat:
        del runs[-1], limits[-1]
    out = {name: _one(name, runs, limits, raw, count) for name, raw in counted.items()}
    return {**out, "database_bytes_per_record": _bytes(sizes, scene.lines, count)}


# which database grows by all records in which state
_GROWS = {("fresh", "server_postgresql"), ("later", "tablet_of_others")}


def _sizes(stage: Stage, pg: Cluster | None) -> dict[str, Size]:
    out = {"tablet_of_others": of_sqlite(stage.folder / "reader" / "tablet.db")}
    return {**out, "server_postgresql": size_of(pg, stage.database)} if pg and stage.database else out


def _one(name: str, runs: list[Run], limits: list[dict[str, float]], counted: dict[str, Any], count: int) -> Figure:
    own = [r[name] for r in runs]
    nothing = name == NOTHING
    more = {k: v for k, v in counted.items() if k not in ("seconds", "wire_bytes", "round_trips", "fsyncs")}
    trips = counted["round_trips"]
    if name.startswith(("push", "resend", "update")):  # a request of these is a transaction at each end
        for key, per in (
            ("transactions_server", "transactions_per_request"),
            ("transactions", "transactions_per_request_client"),
        ):
            more[per] = None if counted[key] is None else round(counted[key] / trips, 2)
    return figure(
        [r["seconds"] for r in own], [x[name] for x in limits], 0 if nothing else count,
        [r["wire_bytes"] for r in own], counted["fsyncs"], round_trips=trips, **more,
    )  # fmt: skip


def _bytes(sizes: dict[str, Size], lines: list[tuple[str, bytes]], count: int) -> Figure:
    """Not timed: what one record takes on each disk, its journal line included (and by itself)."""
    each = {"line": round(sum(len(line) for _, line in lines) / len(lines))}
    for where, size in sizes.items():
        each |= {where: round(size.all / count), f"{where}_journal": round(size.journal / count)}
    return {**dict.fromkeys(("seconds", "limit_seconds", "ratio", "wire_bytes", "fsyncs")), "rows": count, **each}
