"""Nearest points, points in a window, and the picture of a project: right, and at a price that does not grow with the others."""

from __future__ import annotations

import asyncio
import gc
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from field_app import nearby, reading
from field_app.book import Book
from field_app.capture.position import FakeLocator
from field_app.nearby import FILTERS, Box, Nearby, belongs
from field_app.state import State
from field_app.store import Edit, Store, shelf
from field_app.sync import Syncer
from schemas.rules import evidence
from schemas.rules.geo import distance_m
from schemas.wire import PullHead
from tests.ui import seed
from tests.unit import many

STATES = ("planned", "active", "done", "moved", "refused")
FEW, MANY = 1_000, 60_000


class Spot(NamedTuple):
    lon: float
    lat: float
    state: str
    order: int
    code: str


def spread(count: int, seed_: int = 1, wide: float = 0.02, lat: float = 32.2) -> list[Spot]:
    rng = random.Random(seed_)
    return [
        Spot(119.45 + rng.gauss(0, wide), lat + rng.gauss(0, wide), rng.choice(STATES), n, f"S{n}")
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def big() -> Nearby:
    return Nearby(spread(MANY))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many distances are worked out."""
    count: Counter[str] = Counter()
    real = {"distance_and_bearing": nearby.distance_and_bearing, "distance_m": nearby.distance_m}

    def counting(name: str) -> Any:
        def fn(*args: float) -> Any:
            count["n"] += 1
            return real[name](*args)

        return fn

    for name in real:
        monkeypatch.setattr(nearby, name, counting(name))
    return count


@pytest.mark.parametrize("place", [(119.45, 32.2), (119.7, 32.2), (121.0, 39.0), (-60.0, -20.0), (179.99, 0.0)])
@pytest.mark.parametrize("wanted", FILTERS)
def test_nearest_is_what_measuring_all_gives(place: tuple[float, float], wanted: str) -> None:
    spots = spread(700)
    want = sorted(distance_m(*place, s.lon, s.lat) for s in spots if belongs(s.state, wanted))
    got = list(Nearby(spots).nearest(*place, wanted))
    assert [round(f.distance_m, 6) for f in got] == [round(d, 6) for d in want]
    assert len({f.at for f in got}) == len(got)
    assert all(belongs(spots[f.at].state, wanted) for f in got)


def test_points_in_one_place_and_no_points() -> None:
    same = Nearby([Spot(119.45, 32.2, "planned", n, str(n)) for n in range(100)])
    assert [f.distance_m for f in same.nearest(119.45, 32.2)] == [0.0] * 100
    assert same.marks(Box(119.4, 32.1, 119.5, 32.3), 20, most=50)[0].n == 100  # no zoom draws them apart
    none = Nearby([])
    assert list(none.nearest(1, 2)) == [] and none.marks(Box(0, 0, 1, 1), 3) == [] and none.box is None


def test_nearest_of_many_measures_no_more_than_of_few(big: Nearby, measured: Counter[str]) -> None:
    for place in ((119.45, 32.2), (119.9, 32.2), (121.0, 39.0)):
        costs = []
        for index in (Nearby(spread(FEW)), big):
            measured.clear()
            assert len(list(islice(index.nearest(*place), 30))) == 30
            costs.append(measured["n"])
        assert costs[1] <= 1.5 * costs[0] + 300, (place, costs)
        assert costs[1] < MANY / 50


@pytest.mark.parametrize("zoom", [3, 11, 13.4, 15, 17, 20])
@pytest.mark.parametrize("wanted", FILTERS)
def test_marks_are_all_points_in_view_each_once(big: Nearby, zoom: float, wanted: str) -> None:
    half = 360 * 1024 / 256 / 2**zoom / 2
    box = Box(119.45 - half, 32.2 - half * 0.7, 119.45 + half, 32.2 + half * 0.7)
    found = big.marks(box, zoom, wanted)
    inside = [
        s for s in big.spots
        if belongs(s.state, wanted) and box.west <= s.lon <= box.east and box.south <= s.lat <= box.north
    ]  # fmt: skip
    assert len(found) <= nearby.MOST
    if all(m.at is not None for m in found):
        assert sorted(big.spots[m.at].code for m in found if m.at is not None) == sorted(s.code for s in inside) or any(
            m.n == 1 for m in found
        )
    assert sum(m.n for m in found) >= len(inside)  # cells that stand half outside bring what is in them
    for m in found:
        assert m.at is None or (m.lon, m.lat) == big.spots[m.at][:2]


def test_few_in_view_are_drawn_one_by_one(big: Nearby) -> None:
    lon, lat = big.spots[5].lon, big.spots[5].lat
    box = Box(lon - 0.0005, lat - 0.0005, lon + 0.0005, lat + 0.0005)
    want = sorted(s.code for s in big.spots if box.west <= s.lon <= box.east and box.south <= s.lat <= box.north)
    found = big.marks(box, 19)
    assert want and sorted(big.spots[m.at].code for m in found) == want  # type: ignore[index]


class Watched(list[Spot]):
    touched = 0

    def __getitem__(self, n: Any) -> Any:
        Watched.touched += 1
        return super().__getitem__(n)


def test_a_pan_touches_what_is_in_view_only() -> None:
    costs = []
    for count in (FEW, MANY):
        index = Nearby(Watched(spread(count)))
        Watched.touched = 0
        for zoom in (12, 14, 16, 18):
            half = 360 * 1024 / 256 / 2**zoom / 2
            index.marks(Box(119.45 - half, 32.2 - half, 119.45 + half, 32.2 + half), zoom)
        costs.append(Watched.touched)
    assert costs[1] <= 4 * 2 * nearby.MOST, costs  # marks by themselves are looked at twice; of crowds nothing is


def test_new_states_at_the_same_places() -> None:
    spots = spread(500)
    changed = [s._replace(state=random.Random(n).choice(STATES)) for n, s in enumerate(spots)]
    quick, whole = Nearby(changed, Nearby(spots)), Nearby(changed)
    for wanted in FILTERS:
        assert list(quick.nearest(119.4, 32.2, wanted)) == list(whole.nearest(119.4, 32.2, wanted))
        assert quick.by_plan(wanted, 999) == whole.by_plan(wanted, 999)
    assert quick.counts == whole.counts


# --- the picture of a project ----------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    s = many.tablet(tmp_path / "tablet", 200)
    yield s
    s.close()


def same(a: Book, b: Book) -> None:
    """Two pictures show the same."""
    assert sorted(a.rows) == sorted(b.rows) and a.counts == b.counts
    for name in ("targets", "visits", "readings", "samples", "drafts", "planned"):
        one, other = getattr(a, name), getattr(b, name)
        assert set(one) == set(other), name
        for key in one:
            left, right = one[key], other[key]
            assert (
                sorted(left) == sorted(right)
                if isinstance(left, tuple) and name not in ("visits", "drafts", "planned")
                else left == right
            )
    for wanted in FILTERS:
        found = [{p.rows[f.at].id for f in islice(p.places.nearest(119.45, 32.2, wanted), 40)} for p in (a, b)]
        assert found[0] == found[1]


class Acts:
    """What may happen to a tablet, at random: drafts, visits, voided records, pulls of every kind."""

    def __init__(self, store: Store, rng: random.Random) -> None:
        self.store, self.rng, self.seq = store, rng, 10_000

    def point(self, n: int) -> dict[str, Any]:
        at = {"fix_kind": "single", "h_acc_m": "1.50", "at": "2026-11-21T10:00:00+08:00"}
        values = self.store.get("planned_point", seed.uid(0x11, n))
        place = values.values["position"] if values else seed.place(0, 0)
        return {
            "planned_point_id": seed.uid(0x11, n), "code": f"M{n:06d}", "site_id": seed.SITE, "outcome": self.rng.choice(["done", "refused"]),
            "reason": "concrete", "position": {**place, **at}, "samplers": [seed.MATE], "started_at": f"2026-11-2{self.rng.randint(0, 8)}T10:00:00+08:00",
            "ended_at": "2026-11-28T11:00:00+08:00", "weather": "sunny", "surface_kind": "土",
        }  # fmt: skip

    def draft(self) -> None:
        n = self.rng.randint(1, 200)
        self.store.save_draft("point", seed.uid(0x31, n), seed.FIELD, self.point(n))

    def drop(self) -> None:
        for d in self.store.drafts("point")[:2]:
            self.store.drop_draft(d.id)

    def visit(self) -> None:
        n = self.rng.randint(1, 200)
        self.store.finalize([Edit("point", self.store.new_id(), seed.FIELD, self.point(n))], complete=False)

    def reading(self) -> None:
        points = self.store.page("point", limit=30).rows
        values = {"point_id": self.rng.choice(points).id, "method": "xrf", "instrument_id": seed.XRF, "parameter": "Ni", "depth_top_m": "0.5",
                  "value": str(self.rng.randint(1, 900)), "qualifier": "eq", "unit": "mg_kg", "at": "2026-11-21T10:00:00+08:00", "entry_way": "typed"}  # fmt: skip
        self.store.finalize([Edit("field_reading", self.store.new_id(), seed.FIELD, values)], complete=False)

    def void(self) -> None:
        type = self.rng.choice(["point", "field_reading"])
        found = self.store.page(type, limit=40).rows
        if found:
            self.store.delete(type, self.rng.choice(found).id, "写错了")

    def pull(self) -> None:
        n, lines = self.rng.randint(1, 210), []
        moved = {"plan_id": seed.PLAN, "code": f"M{n:06d}", "role": "soil", "origin": "plan", "order_no": n, "target_depth_m": "3.0",
                 "position": seed.place(self.rng.randint(-50, 50), 5.0 * n)}  # fmt: skip
        if self.rng.random() < 0.3:
            moved["deleted"] = True
        target = {"planned_point_id": seed.uid(0x11, self.rng.randint(1, 200)), "medium": "soil", "rule": "fixed", "depth_top_m": "1.0",
                  "depth_bottom_m": "1.5", "groups": self.rng.choice([["metal"], ["voc", "svoc"]])}  # fmt: skip
        for type, id, values in (
            ("planned_point", seed.uid(0x11, n), moved), ("planned_target", seed.uid(0x12, n * 2), target),
            ("point", seed.uid(0x13, self.rng.choice([10, 20, 30])), self.point(self.rng.randint(1, 200))),
        ):  # fmt: skip
            self.seq += 1
            lines.append(evidence.row_line(type, id, self.seq, values))
        head = PullHead(epoch="1", cursor=self.seq, head=self.seq, count=len(lines), more=False)
        self.store.apply_pull(seed.FIELD, head, lines)

    def again(self) -> None:
        self.store.start_over(seed.FIELD)

    def one(self) -> None:
        self.rng.choice([self.draft, self.drop, self.visit, self.reading, self.void, self.pull, self.pull])()


@pytest.mark.parametrize("number", range(6))
def test_going_on_from_a_picture_gives_what_reading_all_gives(store: Store, number: int) -> None:
    rng = random.Random(number)
    acts, book = Acts(store, rng), reading.read(store, None)
    for step in range(14):
        for _ in range(rng.randint(0, 3)):
            acts.one()
        if step == 9:
            acts.again()
        book = reading.read(store, None, book)
        same(book, reading.read(store, None))


def test_going_on_opens_only_what_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: Counter[str] = Counter()
    real = shelf.Shelf._seen
    monkeypatch.setattr(shelf.Shelf, "_seen", lambda self, text: opened.update([self.type]) or real(self, text))
    book = reading.read(store, None)
    assert opened["planned_point"] == len(book.rows) == 220
    opened.clear()
    acts = Acts(store, random.Random(2))
    acts.draft()
    later = reading.read(store, None, book)
    assert opened["planned_point"] == 1 and sum(opened.values()) < 10
    assert (
        gc.isenabled()
        and later.counts["active"] == 1
        and later.source.under["point"].ids is book.source.under["point"].ids
    )  # type: ignore[union-attr]
    opened.clear()
    assert reading.read(store, None, later).places is later.places and not opened


def test_another_limit_counts_for_every_row(store: Store) -> None:
    book = reading.read(store, None)
    assert book.by_id[seed.uid(1, 7)].worst == "above_intervention"
    site = store.get("site", seed.SITE)
    assert site is not None
    line = evidence.row_line("site", seed.SITE, 90_000, {k: v for k, v in site.values.items() if k != "standard"})
    store.apply_pull(seed.FIELD, PullHead(epoch="1", cursor=90_000, head=90_000, count=1, more=False), [line])
    assert reading.read(store, None, book).by_id[seed.uid(1, 7)].worst == ""


def test_a_draft_is_kept_while_a_long_look_goes_on(store: Store) -> None:
    kept = threading.Event()
    with store.looking() as now:
        before = len(now.drafts("point"))

        def write() -> None:
            store.save_draft("point", seed.uid(0x31, 1), seed.FIELD, {"planned_point_id": seed.uid(0x11, 1)})
            kept.set()

        with now._lock:  # as while rows are fetched
            threading.Thread(target=write, daemon=True).start()
            assert kept.wait(5), "the draft waits for the look"
        assert len(now.drafts("point")) == before  # it is one moment
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            now._db.execute("INSERT INTO meta VALUES ('x','y')")
    assert len(store.drafts("point")) == before + 1


# --- the state -------------------------------------------------------------------------------------------------------


def test_the_state_reads_once_for_many_who_ask(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    real = reading.read

    def counted(*args: Any) -> Book:
        looks.append(threading.current_thread().name)
        return real(*args)

    monkeypatch.setattr(reading, "read", counted)

    async def body() -> None:
        state = State(store, Syncer(store), FakeLocator("119.45,32.2,2.1"))
        try:
            await asyncio.gather(*(state.load() for _ in range(20)))
            assert len(looks) <= 2 and state.book.read
            state._write(
                store.save_draft,
                "point",
                seed.uid(0x31, 3),
                seed.FIELD,
                {"planned_point_id": seed.uid(0x11, 3), "code": "M"},
            )
            await state.load()  # behind what was written before
            assert seed.uid(0x11, 3) in state.book.drafts
        finally:
            state.close()

    asyncio.run(body())
    assert not any("writer" in name for name in looks)


def test_a_fix_costs_the_rows_that_are_shown(store: Store, measured: Counter[str]) -> None:
    async def body() -> None:
        state = State(store, Syncer(store), FakeLocator("119.45,32.2,2.1"))
        try:
            await state.load()
            assert [r.order for r in state.rows("planned", 3)] == sorted(r.order for r in state.rows("planned", 3))
            state.here.take(await FakeLocator("119.452316,32.208745,2.1").fix(), state.now())
            measured.clear()
            rows = state.rows("planned", 10)
            assert measured["n"] < len(state.book.rows) and [r.distance_m for r in rows] == sorted(
                r.distance_m or 0 for r in rows
            )
            assert state.row(rows[0].id) == rows[0]
        finally:
            state.close()

    asyncio.run(body())
