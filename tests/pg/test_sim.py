"""The simulation on PostgreSQL: in this process, and with the tablets spread over two server processes that share a
database and a folder, die now and then, and are asked by everybody at once: nothing lost, skipped or doubled."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.sim import check
from tests.sim.world import Broken, live, world


@pytest.mark.parametrize("seed", [2000, 2001])
def test_seeds_on_postgresql(seed: int) -> None:
    """The same course, change by change, as on SQLite."""
    assert live(seed, postgres=True) == live(seed)


@pytest.mark.parametrize("seed", [3004, 3006])
def test_two_server_processes(seed: int) -> None:
    seen: Counter[str] = Counter()
    try:
        with world(seed, servers=2, steps=50) as w:
            w.run()
            w.heal()
            seen.update(check.check(w))
            asked, kills = [s.asked for s in w._servers], sum(s.kills for s in w._servers)
    except Broken as err:
        raise AssertionError(f"python3 dev.py soak --seed {seed} --servers 2 --steps 50: {err}") from err
    assert seen["applied"] and min(asked) > 30 and kills
