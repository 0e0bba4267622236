"""The tablet app in a real browser against a real process: a visit from the list to the journal, and what may go wrong."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from field_app.store import Store
from tests.ui import seed
from tests.ui.driver import Driver, Tablet, unlock, window

pytestmark = pytest.mark.ui
RIVE = "rive_native"  # the one request of Flet's web client that cannot be switched off


def journal(folder: Path) -> list[tuple[str, dict[str, object]]]:
    store = Store(folder)
    try:
        return [(c.type, c.after) for _, _, c in store.changes()]
    finally:
        store.close()


def type_value(f: Driver, text: str) -> None:
    for digit in text:
        f.tap(digit, exact=True)


def to_readings(f: Driver) -> None:
    f.tap("开始 S15")
    f.tap("继续：定位")
    f.see(re.compile("平均 [3-9]"))
    f.see("0.4")  # metres from the plan
    f.tap("采用这个位置")
    f.see("第 1 层 · 从 0 m 起")
    f.tap("先做 读数")
    f.see("等待读数")


def test_a_visit_from_the_list_to_the_journal_with_a_kill_in_between(tablet: Tablet, browser: Browser) -> None:
    f = window(browser, tablet.start())
    f.see("红星电镀厂地块")
    f.see("S15，待采")
    f.see("由近到远")  # before the first position it is the plan's order
    names = re.findall(r"^(S\d\d)，(待采|已完成|已移位|未能采)", f.everything(), re.M)
    assert [n for n, _ in names[:4]] == ["S15", "S19", "S11", "S14"]  # by distance
    assert dict(names)["S12"] == "已移位" and dict(names)["S18"] == "未能采"
    f.see("S07，已完成，超管制值")
    f.see("存在本机 0，未入库 0")
    assert all(RIVE in url for url in f.blocked), f.blocked

    to_readings(f)
    type_value(f, "642")
    f.see("镍 642 超管制值 600")
    f.see("GB 36600-2018 表1")
    f.tap(re.compile("^下一项"))
    f.tap("未检出", exact=True)
    f.see("铜 <6 未超筛选值 2000")
    f.tap("返回")
    f.see("最高读数")
    f.see("2 个读数")
    tablet.kill()
    f.page.context.close()

    f = window(browser, tablet.start())  # comes back to the open point, with everything in it
    f.see("2 个读数")
    f.see("±2.1 m")
    f.tap(re.compile(r"^第 \d 步 样品"))
    f.tap("加一份样品")
    f.see("HX-S15-0001")
    f.tap("撤掉这份")
    f.see("还没有样品")
    f.tap("下一步：照片")
    f.see("建议拍的照片")  # the project of the seed asks for none
    f.tap("下一步：现场情况")
    f.tap("晴", exact=True)
    f.fill("地表情况", "水泥地面")
    f.fill("备注", "雨后，积水已排")
    f.tap("下一步：核对完成")
    f.see("可以完成了")
    f.see("S15 缺 0–0.5 m 的土壤样")  # the server's own rules, asked here
    f.see("镍 642 超管制值 600")
    f.tap("土量不足")
    f.tap("带说明完成 S15")
    f.see("S15 已完成")
    f.see("存在本机 3，未入库 3")
    f.page.context.close()
    tablet.stop()

    changes = journal(tablet.folder)
    assert [t for t, _ in changes] == ["point", "field_reading", "field_reading"]
    point, ni, cu = (after for _, after in changes)
    assert point["code"] == "S15" and point["note"] == "雨后，积水已排" and point["weather"] == "sunny"
    assert point["gaps_accepted"] == "土量不足"
    assert point["position"]["mocked"] is True and point["position"]["h_acc_m"] == "2.10"  # type: ignore[index]
    assert not [k for k in point if k.startswith("_")]
    assert (ni["parameter"], ni["value"], ni["qualifier"], ni["depth_top_m"]) == ("Ni", "642", "eq", "0.5")
    assert (cu["qualifier"], cu["lod"]) == ("nd", "6") and "value" not in cu
    store = Store(tablet.folder)
    assert store.drafts() == []
    store.close()


@pytest.mark.parametrize("tablet", [{"calibrated": False, "blocks": False}], indirect=True)
def test_what_goes_wrong_is_said_in_words(tablet: Tablet, browser: Browser) -> None:
    f = window(browser, tablet.start())
    f.tap("开始 S15")
    f.tap("继续：定位")
    f.see(re.compile("平均 [2-9]"))
    f.see("这是模拟定位")
    f.tap("采用这个位置")
    f.tap("先做 读数")
    f.see("XRF Vanta 842167 今天还没校准")  # no pad before a check or a reason
    assert "未检出" not in f.everything()
    f.tap("标样不在手边")
    type_value(f, "7")
    f.see("镍 7 未超筛选值")
    f.tap("返回")
    f.tap(re.compile(r"^第 \d 步 样品"))
    f.tap("加一份样品")
    f.see("本机号段已用完")  # a numbered problem with its remedy
    f.see("联网同步一次")
    f.tap("关闭")
    f.gone("本机号段已用完")
    with sqlite3.connect(tablet.folder / "tablet.db") as db:
        db.execute("DROP TABLE block")  # something nobody foresaw
    f.tap("加一份样品")
    f.see("操作没有完成")
    assert "Traceback" not in f.everything() and "no such table" not in f.everything()
    f.tap("下一步：照片")  # and one can go on
    f.see("建议拍的照片")
    f.tap("下一步：现场情况")
    f.see("天气")
    f.page.context.close()


def test_sync_without_a_server_is_calm(tablet: Tablet, browser: Browser) -> None:
    f = window(browser, tablet.start())
    f.tap("去同步")
    f.see("还没有同步过")
    f.tap("现在同步")
    f.see("没连上服务器", timeout=40_000)
    f.see("本机没有要交的")
    f.page.context.close()


START = re.compile("^(开始|继续) S15", re.M)
PAGES = {"今日": START, "地图": "无底图", "同步": "现在同步", "设置": "显示"}  # a tab, and what only its page says


def test_every_page_fits_and_can_be_hit_with_gloves(tablet: Tablet, browser: Browser) -> None:
    url = tablet.start()
    tall = 2600  # so that nothing is cut by scrolling
    f = window(browser, url, 390, tall)

    def holds(where: str) -> None:
        wrong = faults()
        for _ in range(10):  # perhaps it is still being laid out
            if wrong:
                f.page.wait_for_timeout(100)
                wrong = faults()
        assert wrong == [], where

    def faults() -> list[object]:
        return [*f.overflow(), *(b for b in f.boxes() if b["w"] < 55.5 or b["h"] < 55.5)]  # type: ignore[operator]

    f.see("S15，待采")
    for width in (360, 768, 1024):
        f.turn(width, tall)
        for tab, only in PAGES.items():
            f.tap(tab, exact=True)
            f.see(only)
            holds(f"{tab} {width}")
        f.tap("今日", exact=True)
        f.see(START)
        if width not in (360, 1024):
            continue
        f.tap(re.compile("^(开始|继续) S15"))
        for step, text in (("土层", "素填土"), ("读数", "未检出"), ("现场情况", "天气")):
            f.see(re.compile(rf"第 \d 步 {step}"))
            f.tap(re.compile(rf"^第 \d 步 {step}"))
            f.see(text)
            holds(f"{step} {width}")
            f.tap("返回")
        f.chosen(re.compile("^第 1 步"))  # none is open: the next one to do
        f.tap("返回")
        f.see("点位")
    f.page.context.close()


def test_english_dark_and_sunlight(tablet: Tablet, browser: Browser, tmp_path: Path) -> None:
    from PIL import Image

    url = tablet.start()
    f = window(browser, url, 1024, 768)
    f.tap("设置", exact=True)
    f.see("显示")
    paper = {"浅色": (245, 242, 234), "深色": (17, 23, 22), "阳光": (255, 255, 255)}
    for name, colour in paper.items():
        f.tap(name, exact=True)
        f.page.wait_for_timeout(300)
        f.shot(tmp_path / "theme.png")
        assert Image.open(tmp_path / "theme.png").convert("RGB").getpixel((300, 740)) == colour, name
    f.tap("English", exact=True)
    f.see("Sunlight")
    f.see("to send")
    f.tap("Today", exact=True)
    f.see("Start S15")
    f.see("S07，Done，Above intervention")
    assert not re.search("[待已未定读样]", "\n".join(x for x in f.everything().splitlines() if "S1" in x))
    f.tap("Start S15")
    f.see("Use this position")
    f.page.context.close()


def test_two_people_share_a_tablet(tablet: Tablet, browser: Browser) -> None:
    store = Store(tablet.folder)
    seed.share(store)
    store.close()
    f = window(browser, tablet.start(), 390, 1400)
    f.tap("开始 S15")  # a draft of the first person
    f.tap("继续：定位")
    f.see(re.compile("平均 [2-9]"))
    f.tap("采用这个位置")
    f.tap("返回")
    f.tap("返回")
    f.see("继续 S15")
    f.tap("设置", exact=True)
    f.see("谁在用")
    f.tap("赵宁", exact=True)
    unlock(f, seed.MATES_PIN)
    f.see("现在由 赵宁 使用")
    f.see("开始 S15")  # not somebody else's half-typed visit
    f.tap("设置", exact=True)
    f.tap("再加一个人")
    f.see("再加一个人共用这台平板")
    assert "服务器地址" not in f.everything() and f.overflow() == []
    f.tap("返回")
    f.tap("设置", exact=True)
    f.tap("周岚", exact=True)
    unlock(f)
    f.see("继续 S15")
    f.page.context.close()
    tablet.stop()
    store = Store(tablet.folder)
    assert store.keys.require().person_name == "周岚" and len(store.drafts()) == 1
    store.close()
