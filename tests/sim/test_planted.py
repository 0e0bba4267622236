"""A net is worth what it catches: every planted bug is noticed within a few seeds, by the assertions of every seed.

Unpatched, the same seeds pass (test_sim.py)."""

from __future__ import annotations

import pytest

from tests.sim.planted import BUGS, planted
from tests.sim.world import Broken, live

SEEDS = range(15)


@pytest.mark.long
@pytest.mark.parametrize("name", list(BUGS))
def test_is_noticed(name: str) -> None:
    with planted(name):
        for seed in SEEDS:
            try:
                live(seed)
            except Broken as err:
                print(f"{name}: {err}")
                return
    pytest.fail(f"{len(SEEDS)} seeds did not notice: {name}")
