"""核查任务 on the tablet: whose they are and how late, the answer with its photo or its reason, a check begun from one; a kill loses nothing."""

from __future__ import annotations

import asyncio
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import flet.canvas as cv
import pytest

from field_app.clock import CHINA
from field_app.desks.leads import centre
from field_app.desks.tasking import Tasking
from field_app.kit import Kit
from field_app.pages.way import outline
from field_app.store import Store
from schemas.rules import tasks
from tests.ui import rectify_seed as seed
from tests.ui.seed import LAT, LON, PERSON, unlocked
from tests.unit.drawn import Screen
from tests.unit.test_issuing import Host
from tests.unit.test_rechecking import filled, on, store

assert filled and store  # fixtures


class Desk(Host):
    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.records = SimpleNamespace(_elsewhere=set)
        self.begun: list[dict[str, Any]] = []
        self.checks = SimpleNamespace(board=SimpleNamespace(begun=()))
        self.checking = SimpleNamespace(begin=self.begin, at="A1")
        self.book.site_id = seed.SITE
        self.desk = Tasking(self, store, None, self.pick)  # type: ignore[arg-type]

    async def pick(self) -> bytes:
        return seed.drum()

    def begin(self, kind: str, list: Any, site: str, **given: Any) -> str:
        self.begun.append({"kind": kind, "list": list.code, "site": site, **given})
        return "check-1"


def at(store: Store, task: str) -> tuple[Desk, Tasking]:
    host = Desk(store)
    asyncio.run(host.desk.open(task))
    return host, host.desk


def lacking(desk: Tasking) -> list[str]:
    return [x.code for x in desk.lacks()]


def answered(store: Store, task: str) -> dict[str, Any]:
    seen = store.get("field_task", task)
    assert seen is not None
    return seen.values


# --- the board --------------------------------------------------------------------------------------------------------


def test_overdue_first_ones_own_before_others(store: Store) -> None:  # noqa: F811
    desk = Desk(store).desk
    assert desk.board is None
    asyncio.run(desk.read())
    board = desk.board
    assert [(t.id, t.state, t.mine, t.late, t.left) for t in board] == [
        (seed.NEAR, "overdue", True, 1, None),
        (seed.FAR, "assigned", True, 0, 4),
        (seed.OTHERS, "assigned", False, 0, 1),
    ]
    assert 40 < board[0].distance_m < 70 and 500 < board[1].distance_m < 550


def test_the_board_is_drawn_with_distances(store: Store) -> None:  # noqa: F811
    async def body(screen: Screen) -> None:
        screen.state.go("checks")
        await screen.settle(150)
        for said in ("核查任务 2", "超期 1 天", "遥感疑似 · RW-001 · \\d+ m", "别人的任务 1"):
            screen.see(said)
        assert "围挡破损" not in screen.texts()
        await screen.tap("别人的任务 1")
        screen.see("网格：围挡破损")
        await screen.tap("疑似新增堆土")
        assert screen.state.route == "task" and screen.state.args == {"id": seed.NEAR}

    on(store, body)


@pytest.mark.parametrize(
    ("values", "days", "state"),
    [
        ({}, 0, "open"),
        ({"assigned_to": [PERSON]}, 0, "assigned"),
        ({"assigned_to": [PERSON], "due_on": "2026-09-21"}, 0, "assigned"),
        ({"assigned_to": [PERSON], "due_on": "2026-09-21"}, 1, "overdue"),
        ({"visited_at": "2026-09-21T10:00:00+08:00", "due_on": "2026-09-21"}, 0, "visited"),
        ({"visited_at": "2026-09-21T10:00:00+08:00", "due_on": "2026-09-21"}, 1, "overdue"),
        ({"outcome": "not_found", "due_on": "2026-09-21"}, 9, "answered"),
    ],
)
def test_the_state_is_told_by_the_record(values: dict[str, Any], days: int, state: str) -> None:
    assert tasks.state(values, datetime(2026, 9, 21).date() + timedelta(days=days)) == state


# --- the answer -------------------------------------------------------------------------------------------------------


def test_who_was_there_shows_it_with_a_photo(store: Store) -> None:  # noqa: F811
    host, desk = at(store, seed.NEAR)
    assert lacking(desk) == ["outcome"] and store.drafts() == []
    desk.choose("confirmed")
    assert lacking(desk) == ["photo", "text"]
    asyncio.run(desk.from_file("visited"))
    desk.phrase("与线索一致")
    assert lacking(desk) == []
    asyncio.run(desk.finish())
    made = answered(store, seed.NEAR)
    assert made["outcome"] == "confirmed" and made["outcome_text"] == "与线索一致" and made["answered_by"] == PERSON
    assert made["visited_at"] and made["title"] == "疑似新增堆土" and made["assigned_to"] == [PERSON]
    (photo,) = [s.values for s in store.all("photo") if s.state == "pending"]
    assert (photo["step"], photo["subject_kind"], photo["subject_id"]) == ("visited", "field_task", seed.NEAR)
    assert store.drafts() == [] and "已答复" in host.told[-1][1][0]
    (change,) = [c for _, _, c in store.changes() if c.type == "field_task"]
    assert change.after.keys() == {"outcome", "outcome_text", "visited_at", "answered_by"}  # nothing else is said again


@pytest.mark.parametrize("outcome", ["not_reached", "transferred"])
def test_not_reached_takes_a_reason_and_no_photo(store: Store, outcome: str) -> None:  # noqa: F811
    _, desk = at(store, seed.FAR)
    desk.choose(outcome)
    assert lacking(desk) == ["text"]
    desk.phrase("道路不通")
    asyncio.run(desk.finish())
    made = answered(store, seed.FAR)
    assert made["outcome"] == outcome and "visited_at" not in made


def test_a_photo_says_that_one_was_there(store: Store) -> None:  # noqa: F811
    _, desk = at(store, seed.FAR)
    assert not desk.values.get("visited_at")
    asyncio.run(desk.from_file("visited"))
    first = desk.values["visited_at"]
    desk.choose("not_found")
    assert desk.values["visited_at"] == first and lacking(desk) == ["text"]


def test_an_answer_can_be_put_right(store: Store) -> None:  # noqa: F811
    _, desk = at(store, seed.FAR)
    desk.choose("not_reached")
    desk.phrase("天气原因")
    asyncio.run(desk.finish())
    _, again = at(store, seed.FAR)
    assert again.open_.task.state == "answered" and not again.begun
    again.choose("not_found")
    asyncio.run(again.from_file("visited"))
    again.phrase("已清理")
    asyncio.run(again.finish())
    made = answered(store, seed.FAR)
    assert made["outcome"] == "not_found" and made["outcome_text"] == "已清理" and made["visited_at"]


def test_a_second_tap_answers_nothing_twice(store: Store) -> None:  # noqa: F811
    _, desk = at(store, seed.FAR)
    desk.choose("not_reached")
    desk.phrase("天气原因")

    async def twice() -> None:
        await asyncio.gather(desk.finish(), desk.finish())

    asyncio.run(twice())
    assert len([c for _, _, c in store.changes() if c.type == "field_task"]) == 1


def test_a_killed_process_comes_back_to_the_answer(filled: Path, tmp_path: Path) -> None:  # noqa: F811
    shutil.copytree(filled, tmp_path / "tablet")
    first = unlocked(tmp_path / "tablet")
    _, desk = at(first, seed.NEAR)
    desk.choose("partly")
    asyncio.run(desk.from_file("visited"))
    desk.put(outcome_text="东侧有，西侧没有")
    first._db.close()
    again = unlocked(tmp_path / "tablet")
    _, desk = at(again, seed.NEAR)
    assert (
        desk.begun
        and desk.values["outcome_text"] == "东侧有，西侧没有"
        and len(desk.photos) == 1
        and lacking(desk) == []
    )
    asyncio.run(desk.read())
    assert [t.began for t in desk.board] == [True, False, False]
    asyncio.run(desk.drop())
    assert again.drafts() == [] and not desk.values and not desk.photos
    again.close()


def test_a_lead_without_all_its_fields_can_be_answered(store: Store) -> None:  # noqa: F811
    """Whoever went there does not fill in what the lead lacks: no place, nobody assigned though it is due."""
    bare = "01900000-0000-7000-8000-00c4000000aa"
    lead = {"code": "RW-9", "kind": "complaint", "title": "电话举报", "due_on": datetime.now(CHINA).date().isoformat()}
    seed.put(store, [(seed.ENFORCEMENT, "field_task", bare, lead)])
    _, desk = at(store, bare)
    assert desk.open_.task.place is None
    desk.choose("transferred")
    desk.phrase("已移交")
    asyncio.run(desk.finish())
    assert answered(store, bare)["outcome"] == "transferred"


def test_a_task_that_is_not_here_says_so(store: Store) -> None:  # noqa: F811
    _, desk = at(store, "01900000-0000-7000-8000-00c4000000ff")
    assert desk.open_ is None and desk.missing


# --- a check from it --------------------------------------------------------------------------------------------------


def test_a_check_is_begun_from_it(store: Store) -> None:  # noqa: F811
    host, desk = at(store, seed.NEAR)
    assert desk.open_.list.code == "hidden-hazard" and desk.check == ""
    desk.begin_check(desk.open_.list)
    assert host.begun == [
        {
            "kind": "hidden_hazard",
            "list": "hidden-hazard",
            "site": seed.SITE,
            "task_id": seed.NEAR,
            "org_id": seed.PARTY,
        }
    ]
    assert host.gone[-1] == ("item", {"id": "check-1", "code": "A1"})
    host.checks.board = SimpleNamespace(begun=(SimpleNamespace(id="check-1", task_id=seed.NEAR),))
    assert desk.check == "check-1"
    _, other = at(store, seed.FAR)
    assert other.open_.list is None  # chosen on the page


def test_the_whole_way_from_a_task_into_its_check(store: Store) -> None:  # noqa: F811
    async def body(screen: Screen) -> None:
        screen.state.go("task", id=seed.FAR)
        await screen.settle(100)
        await screen.tap("从任务开始检查")
        await screen.tap("暂不开发地块巡查")
        state = screen.state
        assert state.route == "item" and state.checking.inspection["task_id"] == seed.FAR
        assert state.checking.inspection["list_code"] == "undeveloped-patrol"
        state.go("task", id=seed.FAR)
        await screen.settle(100)
        screen.see("接着做这次检查")

    on(store, body)


@pytest.mark.parametrize(("lang", "width"), [("zh", 360), ("en", 1280)])
def test_a_task_is_drawn(store: Store, lang: str, width: float) -> None:  # noqa: F811
    async def body(screen: Screen) -> None:
        screen.state.go("task", id=seed.NEAR)
        await screen.settle(120)
        said = ["YG-2026-118", "承办 周岚", "疑似图斑", "你在图斑外 \\d+ m", "用「重点监管单位隐患排查」开始检查"]
        other = ["assigned to 周岚", "You are \\d+ m outside", "Begin a check: "]
        for pattern in said if lang == "zh" else other:
            screen.see(pattern)
        await screen.tap("未能到达" if lang == "zh" else "Not reached")
        screen.see("门锁着" if lang == "zh" else "Locked")

    on(store, body, lang=lang, width=width)


# --- where it is ------------------------------------------------------------------------------------------------------


def test_where_to_go() -> None:
    ring = [["119.0", "32.0"], ["119.2", "32.0"], ["119.2", "32.4"], ["119.0", "32.0"]]
    assert centre({"position": {"lon": "119.5", "lat": "32.1"}, "geometry": {"rings": [ring]}}) == (119.5, 32.1)
    assert centre({"geometry": {"rings": [ring]}}) == pytest.approx((119.1, 32.2))
    assert centre({}) is None and centre({"geometry": {"rings": []}}) is None


def test_the_outline_fills_its_paper_north_up() -> None:
    ring = [(LON, LAT), (LON + 0.001, LAT), (LON + 0.001, LAT + 0.0005), (LON, LAT + 0.0005), (LON, LAT)]
    shapes = outline(Kit(), [ring], (LON, LAT + 0.0005), 300, 150)
    path = cast(Any, shapes[0]).elements
    xs, ys = [p.x for p in path if hasattr(p, "x")], [p.y for p in path if hasattr(p, "y")]
    assert min(xs) >= 20 and max(xs) <= 280 and min(ys) >= 20 and max(ys) <= 130
    me = [s for s in shapes if isinstance(s, cv.Circle)][0]
    assert (me.x, me.y) == pytest.approx((min(xs), min(ys)), abs=1)  # its north-west corner
    far = [s for s in outline(Kit(), [ring], (LON + 1, LAT), 300, 150) if isinstance(s, cv.Circle)][0]
    assert far.x == 290
    assert outline(Kit(), [[(LON, LAT)] * 4], (LON, LAT), 300, 150)  # an area without extent is drawn all the same
