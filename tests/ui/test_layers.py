"""The layers step in a browser: three layers, a wrong depth, a kill, the hole, and what is recorded."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser

from field_app.store import Store
from tests.ui.driver import PIN_PAGE, Driver, Tablet, unlock, window

pytestmark = pytest.mark.ui


def opened(browser: Browser, tablet: Tablet, text: str) -> Driver:
    """Past the PIN, on the page that says this."""
    f = window(browser, tablet.start(), 390, 1400)
    f.see(re.compile(f"{re.escape(text)}|输入 PIN"))
    if PIN_PAGE.search(f.everything()):
        unlock(f)
    f.see(text)
    return f


def depth(f: Driver, text: str) -> None:
    for c in text:
        f.tap("小数点" if c == "." else c, exact=True)


def test_three_layers_a_wrong_depth_a_kill_and_the_hole(tablet: Tablet, browser: Browser) -> None:
    f = opened(browser, tablet, "开始 S15")
    f.tap("开始 S15")
    f.tap(re.compile(r"^第 2 步 土层"))
    f.see("第 1 层 · 从 0 m 起")
    depth(f, "0.6")
    f.tap("杂填土", exact=True)
    f.see("还要选：颜色、湿度、密实度或状态")  # nobody was here before
    f.tap("下一层", exact=True)
    f.see("第 2 层 · 从 0.6 m 起")
    depth(f, "0.5")
    f.see("层底 0.5\u00a0m 不比层顶 0.6\u00a0m 深")
    f.tap("删除", exact=True)
    depth(f, "9")
    f.gone("不比层顶")
    f.tap("更多", exact=True)
    f.tap("淤泥质土", exact=True)
    f.see("土柱 计划 3 m；杂填土 0–0.6 m；淤泥质土 0.6–0.9 m")
    tablet.keeps("misc_fill", "mud")
    tablet.kill()
    f.page.context.close()

    f = opened(browser, tablet, "第 2 层 · 从 0.6 m 起")  # comes back to this layer
    f.tap("下一层", exact=True)
    f.tap("同上 一层", exact=True)
    f.tap("到孔底 3.0 m")
    f.see("淤泥质土 0.9–3 m")
    f.tap("补土层", exact=True)
    for n in range(3):  # of each, how it looks; the second and third carry it over where they can
        f.see(f"第 {n + 1} 层")
        for word in ("灰", "湿", "软塑"):
            f.tap(word, exact=True)
        if n < 2:
            f.tap("下一处要补的土层")
    f.tap(re.compile(r"^补钻孔 \d 项"))
    f.see("钻孔 S15")
    f.tap("否", exact=True)
    f.tap("膨润土封孔", exact=True)
    assert f.overflow() == []
    f.page.context.close()
    tablet.stop()

    store = Store(tablet.folder)
    layers = sorted((d.values for d in store.drafts("soil_layer")), key=lambda v: v["layer_no"])
    (hole,) = [d.values for d in store.drafts("borehole")]
    store.close()
    assert [(v["top_m"], v["bottom_m"], v["texture"]) for v in layers] == [
        ("0", "0.6", "misc_fill"), ("0.6", "0.9", "mud"), ("0.9", "3.0", "mud"),
    ]  # fmt: skip
    assert all((v["colour"], v["moisture"], v["density"]) == ("grey", "moist", "soft") for v in layers)
    assert (hole["depth_m"], hole["end_reason"], hole["backfill"]) == ("3.0", "target", "bentonite")
    assert hole["water_met"] is False
