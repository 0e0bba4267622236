"""PIN, lock and windows in a real browser against a real process."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Browser

from tests.ui import seed
from tests.ui.driver import ROOT, Driver, Tablet, unlock, window

pytestmark = pytest.mark.ui
NEW, WRONG = "864209", "135790"


def type_(f: Driver, digits: str) -> None:
    for digit in digits:
        f.tap(digit, exact=True)


def test_nothing_is_seen_before_the_pin_and_then_all_is_as_it_was(tablet: Tablet, browser: Browser) -> None:
    f = window(browser, tablet.start(), pin=None)
    f.see("输入 PIN")
    f.see("周岚")  # who is here
    for secret in ("S15", "红星电镀厂", "今日", "设置"):
        assert secret not in f.everything(), secret
    assert f.overflow() == [] and not [b for b in f.boxes() if b["w"] < 55.5 or b["h"] < 55.5]  # type: ignore[operator]
    assert all(b["h"] >= 60 for b in f.boxes() if str(b["name"]).isdigit())  # type: ignore[operator]
    type_(f, WRONG)
    f.see("PIN 不对，还能试 4 次")
    unlock(f)
    f.see("S15，待采")
    f.tap("开始 S15")
    f.tap("继续：定位")
    f.see(re.compile("平均 [2-9]"))
    f.tap("采用这个位置")
    f.gone("采用这个位置")
    tablet.kill()
    f.page.context.close()

    f = window(browser, tablet.start(), pin=None)
    f.see("输入 PIN")
    assert "S15" not in f.everything()
    unlock(f)
    f.see(re.compile("第 1 层|±2.1 m"))  # the open point
    f.tap("返回")
    f.see(re.compile("^第 1 步", re.M))
    f.tap("返回")
    f.tap("设置", exact=True)
    f.tap("现在锁定")
    for left in (4, 3, 2, 1):
        type_(f, WRONG)
        f.see(f"还能试 {left} 次")
    type_(f, WRONG)
    f.see("秒后再试")
    f.see("记录都在")
    f.page.context.close()


def test_lock_now_and_another_pin(tablet: Tablet, browser: Browser) -> None:
    f = window(browser, tablet.start(), 1024, 768)
    f.tap("设置", exact=True)
    f.tap("现在锁定")
    f.see("输入 PIN")
    assert "现在锁定" not in f.everything()
    unlock(f)
    f.see("现在锁定")  # back where it was
    f.tap("更换 PIN")
    f.see("现在的 PIN")
    type_(f, seed.PIN)
    f.see("新的 PIN")
    type_(f, "123456")
    f.see("这个 PIN 太好猜")
    type_(f, NEW)
    f.see("再输一遍")
    type_(f, NEW)
    f.see("PIN 已更换")
    f.tap("诊断信息")
    f.see("SQLite")
    f.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    f.tap("复制全部")
    f.see("已复制")
    copied = f.page.evaluate("navigator.clipboard.readText()")
    assert "Flet 1.0.5" in copied and "pending 0" in copied and NEW not in copied and str(seed.LON)[:7] not in copied
    f.page.context.close()
    tablet.kill()
    f = window(browser, tablet.start(), pin=NEW)
    f.see(re.compile("SQLite|S15，待采"))
    f.page.context.close()


def test_a_file_without_a_pin_is_asked_for_one_once(tablet: Tablet, browser: Browser) -> None:
    store = seed.unlocked(tablet.folder)
    who = store.keys.require()
    store.keys._sealed = {}
    store.keys.save(who)  # as 0.2.0 kept it
    store.close()
    f = window(browser, tablet.start(), pin=None)
    f.see("设一个 6 位 PIN")
    assert "S15" not in f.everything()
    type_(f, NEW)
    f.see("再输一遍")
    type_(f, seed.PIN)
    f.see("两遍不一样")
    type_(f, NEW)
    f.see("再输一遍")
    type_(f, NEW)
    f.see("S15，待采")
    f.page.context.close()
    tablet.kill()
    f = window(browser, tablet.start(), pin=NEW)
    f.see("S15，待采")
    f.page.context.close()


def test_a_second_window_takes_over_after_a_question_and_gives_back(tablet: Tablet, browser: Browser) -> None:
    url = tablet.start()
    one = window(browser, url)
    one.tap("设置", exact=True)
    one.see("现在锁定")
    two = window(browser, url, 1024, 768, pin=None)
    two.see("这台平板已在另一个窗口打开")
    assert "现在锁定" not in two.everything() and two.overflow() == []
    two.tap("在这里接着用")
    one.see("这台平板已转到另一个窗口")
    assert "现在锁定" not in one.everything()
    unlock(two)
    two.see("现在锁定")  # where the first one was
    two.tap("English", exact=True)
    two.see("Lock now")
    one.tap("拿回这里用")
    unlock(one)
    one.see("Lock now")  # in the language chosen there
    two.see("Another window has taken this tablet over")
    one.page.context.close()
    three = window(browser, url)  # a closed window is not asked about
    three.see("Lock now")
    three.page.context.close()
    two.page.context.close()


def test_a_second_process_says_so_in_both_languages_and_the_first_goes_on(tablet: Tablet, browser: Browser) -> None:
    url = tablet.start()
    command = [sys.executable, "-m", "sync_server.cli", "app", "--web", "--data", str(tablet.folder), "--port", "1"]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1 and "Traceback" not in second.stderr
    assert "这个数据文件夹已经打开" in second.stderr and "open already" in second.stderr
    f = window(browser, url)
    f.see("S15，待采")
    f.page.context.close()
    tablet.kill()  # the lock goes with the process
    again = Tablet(tablet.folder, seed.here())
    try:
        f = window(browser, again.start())
        f.see("S15，待采")
        f.page.context.close()
    finally:
        again.stop()
