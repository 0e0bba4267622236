"""The on-site record by finger: notices, people, words, signatures and a refusal."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser

from field_app.clock import CHINA
from field_app.store import Store
from schemas.rules import onsite
from tests.ui import onsite_seed
from tests.ui.driver import Driver, Tablet, window
from tests.ui.onsite_seed import CHECK
from tests.ui.seed import PIN, here


def draw(f: Driver, x: float, y: float) -> None:
    f.page.mouse.move(x, y)
    f.page.mouse.down()
    for at in range(15, 135, 15):
        f.page.mouse.move(x + at, y + at * 0.5)
        f.page.wait_for_timeout(15)
    f.page.mouse.up()


def signs(f: Driver) -> None:
    f.see(re.compile("手写签名框，0 笔"))
    draw(f, 100, 560)
    f.see(re.compile("手写签名框，1 笔"))
    f.page.wait_for_timeout(400)  # the pad is drawn once more; a tap in between would meet the old button
    f.tap("签好了")


def test_from_notices_to_the_file(tmp_path: Path, browser: Browser) -> None:
    folder = tmp_path / "tablet"
    folder.mkdir()
    store = Store(folder)
    began = datetime.now(CHINA) - timedelta(hours=1)
    read = [
        {"kind": code, "read_at": began.isoformat(timespec="seconds")}
        for code in sorted(onsite.REQUIRED - {"show_cert"})
    ]
    onsite_seed.fill(store, began, notices=read, inspected=[{"name": "赵工"}], opinion="限期整改。")
    store.set_meta("ui.place", json.dumps([["checks", {}], ["onsite", {"id": CHECK}]]))
    store.close()
    tablet = Tablet(folder, here())
    url = tablet.start()
    try:
        f = window(browser, url)
        f.tap("下一段：检查人员")
        f.tap("罗文")
        f.tap("下一段：告知事项")
        f.tap("念完「出示执法证件」，记下时间")
        f.tap("下一段：检查情况")
        f.tap("写入检查结果")
        f.tap("更新检查结果")
        f.tap("下一段：签字")
        f.tap("开始签字")
        signs(f)
        f.tap("请 罗文 签字", exact=True)
        signs(f)
        f.tap(re.compile("^请 赵工 签字"))
        f.tap("拒绝签名")
        f.tap("对内容有异议")
        f.tap("签好了")
        f.see("赵工 没有签字，要一名见证人。")
        f.tap("请见证人签字")
        f.fill("签字人", "居委会丁")
        signs(f)
        f.tap("签字存档")
        f.see("已签字，不能再改")
        assert f.errors == []
    finally:
        tablet.stop()
    store = Store(folder)
    assert store.keys.unlock(store.keys.require().enrolment, PIN)
    seen = store.get("inspection", CHECK)
    assert seen is not None and [s["way"] for s in seen.values["signatures"]] == [
        "signed",
        "signed",
        "refused",
        "signed",
    ]
    assert onsite.unsigned(seen.values) == [] and store.drafts("inspection") == []
    assert all(len(s["strokes"]) > 40 for s in seen.values["signatures"] if s["way"] == "signed")
    store.close()
