"""The pages of a check, drawn without a client: from the board to the list of items, on a phone and a tablet, in both languages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import flet as ft
import pytest

from field_app.desks.checking import CheckingDesk
from field_app.pages.item import tapped
from field_app.store import Store
from schemas.reference import Label
from schemas.rules.checklists import model
from schemas.wire import ScopeGrant
from tests.ui import checks_seed as seed
from tests.ui.seed import PIN, PROJECT, SITE, here, uid
from tests.unit.drawn import Screen
from tests.unit.test_checking import copied, filled

assert filled  # the fixture


async def opened(store: Store, lang: str = "zh", width: float = 390) -> Screen:
    store.set_meta("ui.lang", lang)
    screen = await Screen(store, here(), width=width, height=844 if width < 840 else 768).open()
    screen.state._shut = False
    await screen.state.load()
    await screen.settle()
    return screen


def played(
    folder: Path, to: Path, play: Callable[[Screen], Awaitable[None]], lang: str = "zh", width: float = 390
) -> None:
    store = copied(folder, to)

    async def body() -> None:
        screen = await opened(store, lang, width)
        try:
            await play(screen)
            for word in ("没有画出来", "not be drawn", "内部错误", "internal error"):
                assert word not in screen.texts(), screen.texts()
        finally:
            screen.close()

    asyncio.run(body())
    store.close()


WAY = {
    "zh": ("开始检查", "现场采样监督检查", "^S13", "^符合$", "^不符合$", "严重程度、日期", "全部题项", ["第 1/18 项", "剩 18 项"], "按规则：不合格",
           "做到一半的检查 1"),
    "en": ("Begin a check", "Field sampling", "^S13", "^Pass$", "^Fail$", "Severity, dates", "All items", ["Item 1/18", "18 left"], "Not passed",
           "Checks begun: 1"),
}  # fmt: skip


@pytest.mark.parametrize(("lang", "width"), [("zh", 360), ("en", 1280)])
def test_from_the_board_to_the_list_of_items(filled: Path, tmp_path: Path, lang: str, width: float) -> None:
    new, name, point, yes, no, more, all, first, verdict, begun = WAY[lang]

    async def play(s: Screen) -> None:
        s.state.go("checks")
        await s.settle()
        for step in (new, name, point):
            await s.tap(step)
        for text in first:
            s.see(text)
        assert s.state.above == "checks", "back leads to the board, not to the choice of lists"
        await s.tap(yes)
        s.see("2/18")
        await s.tap(no)
        s.see("WT01")
        desk: CheckingDesk = s.state.checking
        assert s.state.route == ("item" if width > 840 else "fail")
        await s.tap(more)
        s.see("2026|20\\d\\d-")
        if width < 840:
            s.state.back()
            await s.settle()
        await s.tap(all)
        s.see(verdict)
        code = desk.list.items[10].code
        s.state.go("item", id=desk.id, code=code)
        await s.settle()
        assert desk.at == code
        s.state.go("checks")
        await s.settle()
        s.see(begun)
        await s.tap(name)
        s.see("11/18")

    played(filled, tmp_path / "t", play, lang, width)


def test_a_tap_meant_for_the_item_before_answers_nothing(filled: Path, tmp_path: Path) -> None:
    async def play(s: Screen) -> None:
        desk: CheckingDesk = s.state.checking
        await s.state.checks.open()
        list = next(c for c in s.state.checks.board.lists if c.code == "lab-check")
        id = desk.begin(list.kind, list, SITE)
        s.state.go("item", id=id, code=desk.at)
        await s.settle()
        first, second = list.items[:2]
        tapped(s.state, desk, first, "pass")
        tapped(s.state, desk, first, "pass")
        await s.settle()
        assert desk.at == second.code and not desk.answered(second.code)

    played(filled, tmp_path / "t", play)


OWN = model.sealed(model.Checklist("own", 1, Label("自定", "Own"), "patrol", (
    model.Item("N1", Label("甲", "A"), Label("风速多大", "How strong is the wind"), "number", ("pass", "fail"),
               (model.Ask("number", Label("风速", "Wind"), "m/s", "<=5"),), auto="limit_all"),
    model.Item("T1", Label("甲", "A"), Label("现场什么情况", "What is the place like"), "text", phrases=(Label("无人看守", "nobody there"),)),
    model.Item("P1", Label("甲", "A"), Label("围挡完整", "Fence whole"), options=("pass", "fail", "not_apply", "insufficient"), star=True,
               asks=(model.Ask("position"), model.Ask("moment"), model.Ask("area"))),
), model.Rule("any_fail"), {}))  # fmt: skip


@pytest.mark.parametrize("width", [390, 1024])
def test_figures_words_and_places(filled: Path, tmp_path: Path, width: float) -> None:
    async def play(s: Screen) -> None:
        desk: CheckingDesk = s.state.checking
        id = desk.begin("patrol", OWN, SITE)
        s.state.go("item", id=id, code="N1")
        await s.settle()
        if width > 840:
            await s.tap("风速")
        for key in "6.8":
            await s.tap(f"^{'点|小数点' if key == '.' else key}$")
        assert desk.answers["N1"].values["number"] == "6.8" and not desk.answered("N1")
        await s.tap("^填好$")
        assert desk.answer_of("N1") == "fail" and desk.findings["N1"].values["code"].endswith("WT01")
        s.see("超出 ≤ 5")
        s.state.go("item", id=id, code="T1")
        await s.settle()
        await s.tap("无人看守")
        assert desk.answer_of("T1") == "pass" and desk.answers["T1"].values["text"] == "无人看守"
        s.state.go("item", id=id, code="P1")
        await s.settle()
        s.see("★ 关键项")
        await s.tap("^材料不支撑判断$")
        await s.tap("取当前位置")
        assert desk.answers["P1"].values["position"]["lon"] == desk.findings["P1"].values["position"]["lon"]
        s.see("题项范围")
        s.see("题项时间")

    played(filled, tmp_path / "t", play, width=width)


def test_a_check_that_is_gone_or_whose_list_is_not_here_says_so(filled: Path, tmp_path: Path) -> None:
    async def play(s: Screen) -> None:
        s.state.go("item", id=uid(0xEE, 1), code="")
        await s.settle()
        s.see("不在草稿里")
        desk: CheckingDesk = s.state.checking
        id = desk.begin("patrol", OWN, SITE)
        desk.answer("P1", "pass")
        await s.state._do(lambda: None)
        desk.close()
        s.state.go("items", id=id)
        await s.settle()
        s.see("本机没有这份检查表（own 第 1 版）")
        assert desk.answers["P1"].values["answer"] == "pass", "what was answered is there all the same"

    played(filled, tmp_path / "t", play)


def test_another_problem_and_throwing_a_check_away(filled: Path, tmp_path: Path) -> None:
    async def play(s: Screen) -> None:
        desk: CheckingDesk = s.state.checking
        id = desk.begin("patrol", OWN, SITE)
        s.state.go("items", id=id)
        await s.settle()
        await s.tap("另记一个问题")
        await s.type("问题描述", "围墙倒塌")
        (key,) = desk.findings
        assert desk.findings[key].values["description"] == "围墙倒塌"
        await s.tap("^15 天$")
        await s.tap("涉嫌违法")
        assert desk.findings[key].values["severity"] == "law"
        await s.tap("删掉这个问题")
        assert key in desk.findings, "asked first"
        await s.tap("^留着$")
        s.state.back()
        await s.settle()
        s.see("围墙倒塌")
        await s.tap("删除这次检查")
        assert desk.id == id
        await s.tap("确认删除")
        assert s.state.route == "checks" and desk.id == ""
        await s.state._do(lambda: None)
        assert s.state._store.drafts("inspection") == []

    played(filled, tmp_path / "t", play)


def test_the_board_shows_what_was_signed_and_points_are_found_by_their_code(filled: Path, tmp_path: Path) -> None:
    async def play(s: Screen) -> None:
        desk, board = s.state.checking, s.state.checks
        await board.open()
        list = next(c for c in board.board.lists if c.code == "field-sampling")
        desk.begin(list.kind, list, SITE)
        desk.answer("FS-01", "fail")
        first = desk.id
        await s.state._do(s.state._store.finalize, desk.edits(), False)
        desk.close()
        s.state.go("checks")
        await s.settle()
        s.see("最近签过的")
        s.see("JC-.*不通过")
        desk.begin(list.kind, list, SITE, amends_id=first, amend_reason="点位写错")
        await s.state._do(s.state._store.finalize, desk.edits(), False)
        await board.open()
        assert [x.id for x in board.board.signed] == [desk.id], "an amended one gives way to what amends it"
        board.choose(list)
        assert len(board.points()) == 14 and {p.name for p in board.points()} >= {"S01", "S18"}
        board.search("s1")
        assert {p.name for p in board.points()} == {"S10", "S11", "S12", "S13", "S18"}

    played(filled, tmp_path / "t", play)


def test_every_target_of_the_bar_stays_wide_enough_for_gloves(filled: Path, tmp_path: Path) -> None:
    """With loads and checks there are seven tabs; a phone of 360 px shows six, and records are opened from the checks."""
    store = copied(filled, tmp_path / "t")
    transfer = ScopeGrant(
        scope=f"{PROJECT}.transfer", audience="transfer", owner=PROJECT, name="P", roles=["inspector"], writes=["photo"]
    )
    store.grant([*store.scopes(), transfer])
    assert store.keys.unlock(store.keys.require().enrolment, PIN)

    async def body() -> None:
        s = await opened(store, width=360)
        try:
            s.state.go("checks")
            await s.settle()
            assert len(s.state.tabs) == 7
            words = [c.value for c in s.walk() if isinstance(c, ft.Text)]
            assert "联单" in words and "检查" in words and "记录" not in words
            await s.tap("全部记录")
            assert s.state.route == "records"
        finally:
            s.close()

    asyncio.run(body())
    store.close()


assert seed.MANY == 200
