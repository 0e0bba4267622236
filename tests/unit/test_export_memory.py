"""An export holds a page of rows, never the whole: what it needs does not grow with what it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROWS = 12_000  # with 2,500 characters each: whoever kept them all would be seen
MOST_MB = 16

CHILD = """
import gc, json, sys
from pathlib import Path
from typing import NamedTuple, Any
from sync_server.export.making import Order, make
from sync_server.export.wish import Wish
from tests.unit.exported import AT, point

class Lies(NamedTuple):
    row: Any
    at: Any
    own: bool = True

class Source:
    rows = 0
    def walk(self, query, size=500):
        for first in range(0, self.rows, size):
            yield [point(n, note=f"{n:06d}" * 416) for n in range(first, min(self.rows, first + size))]
    def counted(self, query, most=0):
        return self.rows
    def names_of(self, ids, scopes):
        return dict.fromkeys(ids, "x")
    def located(self, type, rows, scopes):
        return [Lies(r, r.values["position"]) for r in rows]

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

format, rows, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
source, peak = Source(), 0
order = Order(Wish(format, ("point",), epsg=4528), "P", {"p.field": "field"}, "x", AT)
def tell(n):
    global peak
    peak = max(peak, held())
source.rows = 1000
make(source, None, order, folder / "first", tell)
gc.collect()
before, peak, source.rows = held(), 0, rows
made = make(source, None, order, folder / "second", tell)
print(json.dumps([made.counts.total, made.size, max(peak, held()) - before]))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="tells its memory in no way known here")
@pytest.mark.parametrize("format", ["xlsx", "csv", "gpkg", "geojson"])
def test_it_needs_no_more_for_more_rows(tmp_path: Path, format: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", CHILD, format, str(ROWS), str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert told.returncode == 0, told.stderr
    rows, size, grown = json.loads(told.stdout)
    assert rows == ROWS and size > 200_000
    assert grown < MOST_MB * 1_000_000, f"{format} grew by {grown / 1e6:.0f} MB"
