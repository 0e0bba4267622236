"""Evidence packages of simulated worlds verify whole, and the worlds have what is worth hiding."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.sim.evidence import verified
from tests.sim.world import world


@pytest.mark.parametrize("seeds", ((2000, 2001), (2005, 2007)))
def test_honest_packages_verify_whole(seeds: tuple[int, ...]) -> None:
    seen: Counter[str] = Counter()
    for seed in seeds:
        with world(seed) as w:
            w.run()
            w.heal()
            seen.update(verified(w))
    for what in ("point", "inspection", "hidden", "others", "told.conflict", "told.parked", "told.rejected"):
        assert seen[what], (what, seen)
