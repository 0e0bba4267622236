"""The pages about records, drawn without a browser: each way a person goes through them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from field_app.store import Store
from schemas.records import TYPES
from schemas.wire import ScopeGrant
from tests.ui import seed
from tests.unit.drawn import Screen

WRITES = ["calibration", "comment", "field_reading", "point", "point_adjustment", "sample", "soil_layer"]
FAILED = "这一页没有画出来"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    seed.fill(store)
    home, field = store.scopes()
    store.grant([home, ScopeGrant(**{**field.model_dump(), "writes": WRITES})])
    yield store
    store.close()


def on(store: Store, walk: Callable[[Screen], Awaitable[None]], width: float = 390) -> None:
    async def body() -> None:
        screen = Screen(store, seed.here(), width)
        screen.state._shut = False
        await screen.open()
        try:
            await walk(screen)
            assert FAILED not in screen.texts()
        finally:
            screen.close()

    asyncio.run(body())


def test_from_the_tab_to_an_amendment_and_its_history(store: Store) -> None:
    async def walk(s: Screen) -> None:
        s.state.go("records")
        await s.settle()
        s.see("^现场工作$")
        await s.tap("^校准检查")
        s.see("^XRF-03$")
        await s.tap("^XRF-03，")
        s.see("本机没有改过它")
        await s.tap("^修改$")
        await s.type("有效时长", "12")
        await s.tap("^完成$")
        s.see("已修改 1 项")
        s.see("– → 12 h")
        assert s.state.route == "record"

    on(store, walk)
    assert store.changes()[-1][2].after == {"valid_hours": "12"}


def test_new_from_this_tells_what_is_missing_and_copies_no_figure(store: Store) -> None:
    async def walk(s: Screen) -> None:
        s.state.go("record", type="calibration", id=seed.uid(5, 1))
        await s.settle()
        await s.tap("^照此新建$")
        s.see("已照上一条填了 3 项")
        s.see("^示值 · 必填$")
        await s.tap("^完成")
        s.see("第 1 项请填写「示值」")
        assert s.state.records.draft is not None

    on(store, walk, 1024)
    assert store.changes() == []


def test_a_comment_begun_from_a_record_and_the_voiding_of_it(store: Store) -> None:
    async def walk(s: Screen) -> None:
        s.state.go("record", type="point", id=seed.uid(3, 9))
        await s.settle()
        await s.tap("^批注$")
        s.see("^点位 S09$")
        await s.type("批注内容", "井口已封")
        await s.tap("^完成$")
        s.see("^批注 1$")
        await s.tap("^作废$")
        await s.tap("^录入错误$")
        await s.tap("^作废这条记录$")
        s.see("S09 已作废")

    on(store, walk)
    comment, point = (c for _, _, c in store.changes())
    assert (comment.type, comment.after["subject_id"]) == ("comment", seed.uid(3, 9))
    assert point.after == {"deleted": True, "void_reason": "录入错误"}


def test_a_reference_among_many_is_searched_and_chosen(store: Store) -> None:
    async def walk(s: Screen) -> None:
        s.state.records.begin("point_adjustment")
        await s.settle()
        await s.tap("^点位移动$")  # asks for the point only then
        await s.tap("用当前位置")
        s.see("±2.10 m")
        await s.tap("^调整的计划点位")
        await s.type("搜索", "S15")
        await asyncio.sleep(0.4)
        await s.settle()
        await s.tap("^S15")
        assert s.state.route == "form"
        s.see("^S15$")

    on(store, walk)
    (draft,) = store.drafts("point_adjustment")
    assert draft.values["planned_point_id"] == seed.uid(1, 15)
    assert draft.values["proposed_position"]["mocked"] is True


def test_a_form_opened_from_a_point_leaves_the_visit_open(store: Store) -> None:
    async def walk(s: Screen) -> None:
        await s.state.open(seed.uid(1, 15))
        await s.settle()
        visit = s.state.visit
        s.state.records.begin("calibration", instrument_id=seed.XRF)
        await s.settle()
        s.see("^新建 · 随时")
        s.state.back()
        await s.settle()
        assert s.state.route == "point" and s.state.visit is visit
        s.state.records.begin("calibration", instrument_id=seed.XRF)
        s.state.go("records")
        await s.settle()
        assert s.state.visit is None

    on(store, walk)


def test_what_a_person_does_at_the_form_is_there_after_a_kill(store: Store) -> None:
    async def walk(s: Screen) -> None:
        s.state.records.begin("soil_layer")
        await s.settle()
        await s.type("层号", "3")

    async def again(s: Screen) -> None:
        assert s.state.route == "form"
        s.see("^新建 · 随时")
        assert s.state.records.draft is not None and s.state.records.draft.values["layer_no"] == 3
        s.state.go("records")
        await s.settle()
        s.see("^草稿 1$")
        await s.tap("^丢弃")
        s.see("写下的")
        await s.tap("^确定丢弃$")

    on(store, walk)
    on(store, again)
    assert store.drafts() == []


def test_every_type_can_be_drawn_as_a_list_a_form_and_for_both_widths(store: Store) -> None:
    async def walk(s: Screen) -> None:
        for type in sorted(TYPES):
            s.state.go("list", type=type)
            await s.settle(8)
            assert FAILED not in s.texts(), type
            s.state.records.begin(type)
            await s.settle(12)
            assert FAILED not in s.texts(), type

    on(store, walk, 1024)
