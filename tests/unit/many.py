"""A tablet with as many planned points as one likes: what may cost more among 100,000 than among 1,000, and what may not.

    store = many.tablet(folder, 100_000)      a field of points 10 m apart, every tenth of them visited

python -m tests.unit.many DIR N      fills an empty data folder, to look at
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from math import isqrt
from pathlib import Path
from typing import Any

from field_app.clock import CHINA
from field_app.store import Store
from schemas.rules import evidence
from schemas.wire import PullHead
from tests.ui import seed

PART = 5_000  # rows of one pull
STEP_M = 10.0
Line = tuple[str, str, dict[str, Any]]


def points(count: int, now: datetime) -> Iterator[Line]:
    """(type, id, values): points in rows of a square, two targets each; of ten one is visited, with two readings."""
    wide = isqrt(count - 1) + 1
    yesterday = (now - timedelta(days=1)).isoformat(timespec="seconds")
    for n in range(1, count + 1):
        at = seed.place((n % wide - wide / 2) * STEP_M, (n // wide - wide / 2) * STEP_M)
        planned = seed.uid(0x11, n)
        yield "planned_point", planned, {
            "plan_id": seed.PLAN, "code": f"M{n:06d}", "role": "soil", "origin": "plan", "position": at,
            "target_depth_m": "6.0", "order_no": n,
        }  # fmt: skip
        for i, (top, bottom) in enumerate((("0.0", "0.5"), ("1.5", "2.0"))):
            yield "planned_target", seed.uid(0x12, n * 2 + i), {
                "planned_point_id": planned, "medium": "soil", "rule": "fixed", "depth_top_m": top, "depth_bottom_m": bottom,
                "groups": ["metal", "voc"],
            }  # fmt: skip
        if n % 10:
            continue
        visit = seed.uid(0x13, n)
        yield "point", visit, {
            "planned_point_id": planned, "code": f"M{n:06d}", "site_id": seed.SITE, "outcome": "done",
            "position": {**at, "fix_kind": "single", "h_acc_m": "1.50", "at": yesterday}, "samplers": [seed.MATE],
            "started_at": yesterday, "ended_at": yesterday,
        }  # fmt: skip
        for i, value in enumerate(("48", "642" if n % 100 == 0 else "86")):
            yield "field_reading", seed.uid(0x14, n * 2 + i), {
                "point_id": visit, "method": "xrf", "instrument_id": seed.XRF, "parameter": "Ni", "depth_top_m": "0.5",
                "value": value, "qualifier": "eq", "unit": "mg_kg", "at": yesterday, "entry_way": "typed",
            }  # fmt: skip


def tablet(folder: Path, count: int) -> Store:
    """The project of tests/ui/seed.py with `count` points besides its own twenty."""
    store = Store(folder)
    now = datetime.now(CHINA)
    seed.fill(store)
    seq, part = 1_000, []
    for type, id, values in points(count, now):
        seq += 1
        part.append(evidence.row_line(type, id, seq, values))
        if len(part) == PART:
            _pull(store, part, seq, True)
            part = []
    _pull(store, part, seq, False)
    return store


def _pull(store: Store, part: list[bytes], seq: int, more: bool) -> None:
    head = PullHead(epoch="1", cursor=seq, head=seq + more, count=len(part), more=more)
    store.apply_pull(seed.FIELD, head, part)


if __name__ == "__main__":
    tablet(Path(sys.argv[1]), int(sys.argv[2])).close()
    print(seed.here(0, 0))
