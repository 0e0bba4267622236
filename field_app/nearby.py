"""Where points lie: which are nearest, which are in a window, which stand so close together that they are drawn as one.

Points are kept sorted along a Z-curve over the Mercator square. There every cell of every size is one stretch of the
list, found by bisection, so that nothing here looks at more points than it gives back (and a few around them).
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, compress
from math import asinh, atan, cos, degrees, floor, log2, pi, radians, sinh, tan
from typing import Any, NamedTuple

from schemas.rules.geo import distance_and_bearing, distance_m

FILTERS = ("all", "planned", "active", "done")
MOST = 120  # marks at once: each costs the event loop and the client
CELL = 72  # pixels of the smallest cell whose points are drawn as one
LEAF = 12  # points a search measures rather than divides further
_BITS = 30  # of each coordinate: a cell of the last level is 4 cm
_SIDE = 1 << _BITS
_TOP = 85.05  # the Mercator square ends here
_WORLD_M = 40_075_017.0
_SPREAD = [sum((n >> i & 1) << 2 * i for i in range(10)) for n in range(1024)]

Spots = Sequence[Any]  # each with lon, lat, state, order, code, as book.PointRow


class Mark(NamedTuple):
    """Something to draw: one point (`at` = its number) or several (`at` is None) around their middle."""

    n: int
    lon: float
    lat: float
    at: int | None


class Found(NamedTuple):
    at: int
    distance_m: float
    bearing: float


class Box(NamedTuple):
    west: float
    south: float
    east: float
    north: float


def belongs(state: str, wanted: str) -> bool:
    return wanted == "all" or state == wanted or (wanted == "done" and state in ("moved", "refused"))


def _xy(lon: float, lat: float) -> tuple[int, int]:
    """Cell of the last level, from the north-west corner."""
    tall = asinh(tan(radians(min(_TOP, max(-_TOP, lat)))))
    x, y = int((lon + 180) / 360 * _SIDE), int((1 - tall / pi) / 2 * _SIDE)
    return min(_SIDE - 1, max(0, x)), min(_SIDE - 1, max(0, y))


def _mixed(x: int, y: int) -> int:
    """Bits of x and y in turn: neighbours in the plane share the front of their code."""
    s = _SPREAD
    return (s[x >> 20] << 40 | s[x >> 10 & 1023] << 20 | s[x & 1023]) | (
        s[y >> 20] << 40 | s[y >> 10 & 1023] << 20 | s[y & 1023]
    ) << 1


def _plain(code: int) -> tuple[int, int]:
    x = y = 0
    for i in range(_BITS):
        x |= (code >> 2 * i & 1) << i
        y |= (code >> 2 * i + 1 & 1) << i
    return x, y


def _lon(x: float) -> float:
    return x / _SIDE * 360 - 180


def _lat(y: float) -> float:
    return degrees(atan(sinh(pi * (1 - 2 * y / _SIDE))))


class _Line:
    """Points of one filter along the curve, and the running sums of their places."""

    def __init__(self, codes: list[int], ats: list[int], spots: Spots) -> None:
        self.codes, self.ats = codes, ats
        self.lons = [0.0, *accumulate([spots[i].lon for i in ats])]
        self.lats = [0.0, *accumulate([spots[i].lat for i in ats])]

    def stretch(self, first: int, size: int) -> tuple[int, int]:
        """Places of the codes from `first` on, `size` of them."""
        lo = bisect_left(self.codes, first)
        return lo, bisect_left(self.codes, first + size, lo)


class Nearby:
    """The places of a project's points. Frozen: a changed project gets a new one."""

    def __init__(self, spots: Spots, same_places: Nearby | None = None) -> None:
        """`same_places`: an index of the same points in other states; they need not be sorted anew."""
        self.spots = spots
        self.counts = Counter(s.state for s in spots)
        if same_places is not None:
            whole, by_plan, self.box = same_places._lines["all"], same_places._by_plan["all"], same_places.box
        else:
            along = sorted((_mixed(*_xy(s.lon, s.lat)), n) for n, s in enumerate(spots))
            whole = _Line([c for c, _ in along], [n for _, n in along], spots)
            by_plan = sorted(range(len(spots)), key=lambda n: (spots[n].order, spots[n].code))
            self.box = self._box()
        self._lines, self._by_plan = {"all": whole}, {"all": by_plan}
        for wanted in FILTERS[1:]:
            states = {s for s in self.counts if belongs(s, wanted)}
            mine = [s.state in states for s in spots]
            on_line = [mine[n] for n in whole.ats]
            self._lines[wanted] = _Line(list(compress(whole.codes, on_line)), list(compress(whole.ats, on_line)), spots)
            self._by_plan[wanted] = [n for n in by_plan if mine[n]]

    def _box(self) -> Box | None:
        if not self.spots:
            return None
        lons, lats = [s.lon for s in self.spots], [s.lat for s in self.spots]
        return Box(min(lons), min(lats), max(lons), max(lats))

    def count(self, wanted: str) -> int:
        return len(self._lines[wanted].ats)

    def by_plan(self, wanted: str, most: int) -> list[int]:
        """Numbers of the first points in the plan's order."""
        return self._by_plan[wanted][:most]

    # --- nearest ---------------------------------------------------------------------------------------------------

    def nearest(self, lon: float, lat: float, wanted: str = "all") -> Iterator[Found]:
        """Points by true distance, one after the other: who takes ten pays for about ten.

        Best first: of all cells and points seen so far the one that can be nearest is looked at next; a cell is divided,
        a point that comes up before every cell is the next one."""
        line = self._lines[wanted]
        if not line.codes:
            return
        waiting: list[tuple[float, int, int, int, float]] = []  # distance at least, number or -1, stretch, bearing

        def put(lo: int, hi: int) -> None:
            if lo < hi and (hi - lo <= LEAF or line.codes[lo] == line.codes[hi - 1]):
                for place in range(lo, hi):
                    n = line.ats[place]
                    far, turn = distance_and_bearing(lon, lat, self.spots[n].lon, self.spots[n].lat)
                    heapq.heappush(waiting, (far, n, 0, 0, turn))
            elif lo < hi:
                heapq.heappush(waiting, (_at_least(line.codes[lo], line.codes[hi - 1], lon, lat), -1, lo, hi, 0.0))

        put(0, len(line.codes))
        while waiting:
            far, n, lo, hi, turn = heapq.heappop(waiting)
            if n >= 0:
                yield Found(n, far, turn)
                continue
            first, last = line.codes[lo], line.codes[hi - 1]
            bits = ((first ^ last).bit_length() + 1) // 2 * 2  # of the smallest cell that holds them all
            quarter = 1 << bits - 2
            start = first >> bits << bits
            cuts = [bisect_left(line.codes, start + quarter * i, lo, hi) for i in (1, 2, 3)]
            for a, b in zip([lo, *cuts], [*cuts, hi], strict=True):
                put(a, b)

    # --- a window --------------------------------------------------------------------------------------------------

    def marks(self, box: Box, zoom: float, wanted: str = "all", most: int = MOST) -> list[Mark]:
        """What to draw in a window at a zoom (256 pixels for the world at zoom 0): each point by itself while there are
        at most `most`, else those of one cell as one."""
        line = self._lines[wanted]
        level = min(_BITS, max(0, floor(zoom + log2(256 / CELL))))
        while True:
            cells = self._cells(line, box, level)
            if sum(hi - lo for lo, hi in cells) <= most:
                inside = (line.ats[place] for lo, hi in cells for place in range(lo, hi))
                return [self._one(n) for n in inside if self._within(n, box)]
            if len(cells) <= most or level == 0:
                return [self._many(line, lo, hi) for lo, hi in cells]
            level -= 1

    def _cells(self, line: _Line, box: Box, level: int) -> list[tuple[int, int]]:
        """Stretches of the cells of a level that touch the window and are not empty."""
        shift = _BITS - level
        (x1, y1), (x2, y2) = _xy(box.west, box.north), _xy(box.east, box.south)
        if ((x2 >> shift) - (x1 >> shift) + 1) * ((y2 >> shift) - (y1 >> shift) + 1) > 4096 and level:
            return self._cells(line, box, level - 1)  # a window no screen has
        size, out = 1 << 2 * shift, []
        for y in range(y1 >> shift, (y2 >> shift) + 1):
            for x in range(x1 >> shift, (x2 >> shift) + 1):
                lo, hi = line.stretch(_mixed(x << shift, y << shift), size)
                if lo < hi:
                    out.append((lo, hi))
        return out

    def _within(self, n: int, box: Box) -> bool:
        s = self.spots[n]
        return bool(box.west <= s.lon <= box.east and box.south <= s.lat <= box.north)

    def _one(self, n: int) -> Mark:
        return Mark(1, self.spots[n].lon, self.spots[n].lat, n)

    def _many(self, line: _Line, lo: int, hi: int) -> Mark:
        n = hi - lo
        if n == 1:
            return self._one(line.ats[lo])
        return Mark(n, (line.lons[hi] - line.lons[lo]) / n, (line.lats[hi] - line.lats[lo]) / n, None)


def _at_least(first: int, last: int, lon: float, lat: float) -> float:
    """No point between two codes is nearer than this."""
    bits = ((first ^ last).bit_length() + 1) // 2
    x, y = _plain(first >> 2 * bits << 2 * bits)
    side = 1 << bits
    north, south = _lat(y), _lat(y + side)
    widest = 0.0 if south <= 0 <= north else min(abs(north), abs(south))
    across = _WORLD_M * side / _SIDE * cos(radians(widest))  # its longest side: cells are nearly square
    if across > 200_000:
        return 0.0
    return max(0.0, distance_m(lon, lat, _lon(x + side / 2), (north + south) / 2) - 0.75 * across)
