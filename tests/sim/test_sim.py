"""100 seeds in this process, 20 over HTTP: nothing lost, nothing twice, every losing value findable, digests equal."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.sim.world import live

CHUNK = 5  # seeds in one test, so that two workers share them evenly


def chunks(first: int, until: int, soon: int) -> list[Any]:
    """First seeds of chunks; those from `soon` on take the soak's time."""
    return [pytest.param(n, marks=() if n < soon else pytest.mark.long) for n in range(first, until, CHUNK)]


@pytest.mark.parametrize("first", chunks(0, 60, soon=30))
def test_seeds(first: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(first, first + CHUNK):
        seen.update(live(seed))
    assert seen["applied"] > 0


@pytest.mark.parametrize("first", chunks(1000, 1020, soon=1010))
def test_seeds_over_http(first: int) -> None:
    for seed in range(first, first + CHUNK):
        live(seed, http=True, steps=30)  # the soak runs them at full length


def test_the_worlds_are_worth_it() -> None:
    """The simulation meets what it is for: conflicts, waiting and refused changes, decisions, several tablets."""
    seen: Counter[str] = Counter()
    for seed in range(20_000, 20_002):
        seen.update(live(seed, steps=120))
    assert all(seen[outcome] for outcome in ("applied", "conflict", "parked")), seen
