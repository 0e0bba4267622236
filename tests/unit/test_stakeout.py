"""Stake-out: what a fix says about the way to a point, what it may not say, and when one has arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from field_app.book import PointRow
from field_app.capture.position import FakeLocator, Fix
from field_app.clock import CHINA
from field_app.desks.stake import NEARNESS, SCALES_M, Guide, area_of, guide
from field_app.here import Here
from field_app.state import State
from field_app.store import Store
from field_app.sync import Syncer
from schemas.rules.geo import offset
from tests.ui import seed

NOW = datetime(2026, 11, 28, 10, 0, tzinfo=CHINA)
ROW = PointRow("p", "S15", seed.LON, seed.LAT, "planned", "", "3.0", 2, (), "", 15)


def fix(east: float, north: float, acc: float | None = 1.0, age: float = 0.0, mocked: bool = False) -> Fix:
    """Measured so many metres east and north of the point."""
    lon, lat = offset(seed.LON, seed.LAT, east, north)
    return Fix(lon, lat, acc, NOW - timedelta(seconds=age), mocked)


def to(at: Fix | None, heading: float | None = None, allowed: float = 2.0, gate: float = 5.0) -> Guide:
    return guide(ROW, at, heading, NOW, allowed, gate, None)


def test_distance_and_bearing_to_the_point() -> None:
    g = to(fix(-30, -40))
    assert g.problem == "" and g.sure and not g.there
    assert g.metres == pytest.approx(50, abs=0.05) and g.bearing == pytest.approx(36.87, abs=0.05)
    assert g.arrow == g.bearing and g.turn == ""  # standing: north is up, and nobody says left or right
    assert g.steps == 71


@pytest.mark.parametrize(
    ("heading", "turn"),
    [
        (0, "on"),
        (340.5, "on"),
        (50, "left"),
        (310, "right"),
        (100, "turn_left"),
        (260, "turn_right"),
        (180, "back"),
        (140, "back"),
    ],
)
def test_the_arrow_follows_the_way_one_walks(heading: float, turn: str) -> None:
    g = to(fix(0, -30), heading)  # the point lies due north
    assert g.turn == turn and g.arrow == pytest.approx((0 - heading) % 360, abs=0.01)


def test_an_old_or_made_up_fix_takes_the_place_of_the_number() -> None:
    stale = to(fix(1, 0, age=42), 90)
    assert (stale.problem, stale.sure, stale.there, stale.heading) == ("stale", False, False, None)
    assert stale.age_s == 42 and stale.nearness == "far"
    mocked = to(fix(0.1, 0, mocked=True))
    assert (mocked.problem, mocked.there, mocked.nearness) == ("mocked", False, "far")
    assert to(None) == Guide("none")
    assert to(fix(1, 0, age=10)).there  # ten seconds are not old yet


def test_an_accuracy_worse_than_the_distance_is_said() -> None:
    assert to(fix(8, 0, acc=12)).problem == "vague"
    assert to(fix(8, 0, acc=None)).problem == "vague"
    assert to(fix(13, 0, acc=12)).problem == ""


@pytest.mark.parametrize(
    ("metres", "acc", "allowed", "there"),
    [
        (1.9, 0.02, 2.0, True),
        (2.1, 0.02, 2.0, False),
        (3.9, 4.0, 2.0, True),  # who is nearer than the fix can tell is there
        (4.9, 30.0, 2.0, True),
        (5.1, 30.0, 2.0, False),  # but a fix beyond the gate proves nothing beyond it
        (0.4, 0.02, 0.5, True),
        (0.6, 0.02, 0.5, False),
        (1.0, None, 2.0, True),
    ],
)
def test_there_is_within_tolerance_or_accuracy(metres: float, acc: float | None, allowed: float, there: bool) -> None:
    assert to(fix(metres, 0, acc), allowed=allowed).there is there


def test_closer_is_clearer() -> None:
    walk = [to(fix(m, 0, 0.5)) for m in (900, 400, 101, 99, 50, 19, 12, 6, 4.9, 3, 1.9, 0)]
    order = [NEARNESS.index(g.nearness) for g in walk]
    assert order == sorted(order) and set(order) == set(range(len(NEARNESS)))
    scales = [g.scale_m for g in walk]
    assert scales == sorted(scales, reverse=True) and set(scales) == set(SCALES_M)
    assert walk[0].filled == 0 and walk[-1].filled == 1
    for a, b in zip(walk, walk[1:], strict=False):
        assert a.scale_m != b.scale_m or a.filled < b.filled


def test_outside_the_boundary_only_where_the_fix_can_tell() -> None:
    ring = [offset(seed.LON, seed.LAT, *at) for at in ((-20, -20), (20, -20), (20, 20), (-20, 20), (-20, -20))]
    area = area_of([[[str(x), str(y)] for x, y in ring]])
    said = [
        guide(ROW, fix(east, 0, acc), None, NOW, 2, 5, area).outside_m
        for east, acc in ((32, 1), (19, 1), (22, 3), (22, None))
    ]
    assert (
        said[0] == pytest.approx(12, abs=0.05)
        and said[1] is None
        and said[2] is None
        and said[3] == pytest.approx(2, abs=0.05)
    )
    assert area_of([]) is None


# --- which way one walks ---------------------------------------------------------------------------------------------


def walked(*steps: tuple[float, float, float], acc: float = 2.0) -> Here:
    """Fixes of (seconds ago, metres east, metres north)."""
    here = Here()
    for ago, east, north in steps:
        at = fix(east, north, acc, age=ago)
        here.take(at, at.at)
    return here


def test_the_way_one_walks_is_told_from_successive_fixes() -> None:
    assert walked((4, 0, 0), (3, 1, 1), (2, 2, 2), (1, 3, 3), (0, 4, 4)).heading(NOW) == pytest.approx(45, abs=0.5)
    turned = walked((6, 0, 0), (5, 4, 0), (4, 8, 0), (3, 8, -4), (2, 8, -8), (1, 8, -12), (0, 8, -16))
    assert turned.heading(NOW) == pytest.approx(180, abs=0.5)  # the last metres count


def test_who_stands_has_no_heading() -> None:
    assert walked().heading(NOW) is None and walked((0, 0, 0)).heading(NOW) is None
    assert walked(*[(9 - n, (-1) ** n * 0.9, 0.5) for n in range(10)]).heading(NOW) is None  # scatter
    assert walked((11, 0, 0), (0, 3.2, 0)).heading(NOW) is None  # too slow to be a walk
    assert walked((30, 0, 0), (0, 40, 0)).heading(NOW) is None  # nobody knows what was in between
    assert walked((4, 0, 0), (2, 4, 0), (0, 8, 0), acc=20).heading(NOW) is None  # less than the fixes can tell
    assert walked((24, 0, 0), (22, 4, 0), (20, 8, 0)).heading(NOW) is None  # long ago
    twice = Here()
    for _ in range(3):  # a receiver that gives the same fix again
        twice.take(fix(0, 0), NOW)
    assert twice.heading(NOW) is None and len(twice._track) == 1


# --- in the app ------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    s = Store(tmp_path / "tablet")
    seed.fill(s)
    yield s
    s.close()


def test_arriving_opens_the_position_and_writes_nothing_yet(store: Store) -> None:
    s15, s07 = seed.uid(1, 15), seed.uid(1, 7)

    async def body() -> None:
        state = State(store, Syncer(store), FakeLocator("0,0,1"))
        try:
            await state.load()
            await state.admit(state.turn)
            state.go("stakeout", planned=s15)
            target = state.stake.target
            assert target is not None and target.code == "S15"
            lon, lat = target.lon, target.lat
            state.here.take(Fix(lon, lat, 1.0, state.now()), state.now())
            assert state.stake.guide(target).there and state.stake.outside is None
            await state.stake.arrive()
            assert state.route == "point" and state.visit is not None and state.visit.ui("step") == "position"
            await state._do(lambda: None)
            assert store.drafts() == []  # a look is no record
            state.visit.set_point(note="到了")
            state.visit.set_ui(step="readings")
            state.back()
            state.back()
            assert state.route == "stakeout" and state.args == {"planned": s15}
            await asyncio.sleep(0)
            await state.load()
            await state.stake.arrive()  # the draft of a moment ago, without a position: again there
            assert (
                state.visit is not None and state.visit.ui("step") == "position" and state.visit.point["note"] == "到了"
            )
            state.back()
            state.back()
            state.go("stakeout", planned=s07)
            await state.stake.arrive()  # a point somebody finished already: what was recorded
            assert state.visit is None and state.selected == s07 and state.route == "point"
            state.go("stakeout", planned=seed.uid(1, 99))
            assert state.stake.target is None
            await state.stake.arrive()
            assert state.route == "stakeout"
            state.stake.vibrate(False)
            await state._do(lambda: None)
            assert store.meta("ui.vibrate") == "0"
        finally:
            state.close()

    asyncio.run(body())


def test_a_point_may_have_a_tolerance_of_its_own(store: Store) -> None:
    async def body() -> None:
        state = State(store, Syncer(store), FakeLocator("0,0,1"))
        try:
            await state.load()
            row = state.book.by_id[seed.uid(1, 15)]
            state.here.take(Fix(row.lon, row.lat, 0.02, state.now()), state.now())
            assert state.stake.guide(row).within_m == 2.0  # the project's
            planned = state.book.planned[row.id]
            planned.values["tolerance_m"] = "0.3"
            state._book.source.planned.over[row.id] = planned  # type: ignore[union-attr]
            assert state.stake.guide(row).within_m == 0.3
        finally:
            state.close()

    asyncio.run(body())
