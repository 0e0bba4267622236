"""The full size: how many deaths of each kind, what they found, and the seed that repeats them."""

from __future__ import annotations

import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.crash import migrations, server, tablet, uploads
from tests.crash.nursery import Nursery
from tests.crash.site import Broken

ON_POSTGRESQL = 6  # of the server's, at most a third

Work = Callable[[Path, Nursery, int, int], dict[str, int]]


def run(
    kills_tablet: int, kills_server: int, kills_migrations: int, seed: int | None, kills_uploads: int = 0
) -> dict[str, int]:
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    print(f"· 种子 {seed} / seed {seed}: python -m tests.crash --seed {seed}", flush=True)
    began, figures, failed = time.monotonic(), dict[str, int](), list[str]()
    on_pg = min(ON_POSTGRESQL, kills_server // 3)
    # two at a time, the longest first: two cores
    rows: list[list[tuple[str, Work, int]]] = [
        [
            ("服务器 / server", server.run, kills_server - on_pg),
            ("迁移 / migrations", migrations.run, kills_migrations),
        ],
        [
            ("平板 / tablet", tablet.run, kills_tablet),
            ("PostgreSQL", server.run_postgresql, on_pg),
            ("上传 / uploads", uploads.run, kills_uploads),
        ],
    ]

    def work(row: list[tuple[str, Work, int]]) -> None:
        for name, one, kills in row:
            if not kills or failed:
                continue
            try:
                folder = Path(tempfile.mkdtemp(prefix="jingtu-crash-"))
                try:
                    with Nursery(folder) as nursery:
                        made = one(folder, nursery, kills, seed)
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
            except Exception as err:
                failed.append(f"{name}: {type(err).__name__}: {err}")
                return
            print(f"✓ {name}: {made}", flush=True)
            for key, value in made.items():
                figures[f"{one.__module__.rpartition('.')[2]}_{one.__name__}_{key}"] = value

    threads = [threading.Thread(target=work, args=(row,)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise Broken(f"{failed[0]}  (python -m tests.crash --seed {seed})")
    figures["s"] = int(time.monotonic() - began)
    print(
        f"✓ {kills_tablet + kills_server + kills_migrations + kills_uploads} 次断电，没有丢失 / deaths, nothing lost: {figures['s']} s",
        flush=True,
    )
    return figures
