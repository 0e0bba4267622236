"""100 seeds in this process, 20 over HTTP: nothing lost, nothing twice, every losing value findable, digests equal."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.sim.world import live

CHUNK = 5  # seeds in one test, so that two workers share them evenly


@pytest.mark.parametrize("first", range(0, 60, CHUNK))
def test_seeds(first: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(first, first + CHUNK):
        seen.update(live(seed))
    assert seen["applied"] > 0


@pytest.mark.parametrize("first", range(1000, 1020, CHUNK))
def test_seeds_over_http(first: int) -> None:
    for seed in range(first, first + CHUNK):
        live(seed, http=True, steps=30)  # the soak runs them at full length


def test_the_worlds_are_worth_it() -> None:
    """The simulation meets what it is for: conflicts, waiting and refused changes, decisions, several tablets."""
    seen: Counter[str] = Counter()
    for seed in range(20_000, 20_002):
        seen.update(live(seed, steps=120))
    assert all(seen[outcome] for outcome in ("applied", "conflict", "parked")), seen
