"""The sync centre in a real browser: what a day of syncs leaves, and a conflict decided by the manager against a real server
behind a network that can turn into a sign-in page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from field_app.store import Edit, Store
from field_app.sync import Syncer
from tests.api.test_shared_tablet import Site
from tests.ui import seed, sync_seed
from tests.ui.driver import Tablet, window
from tests.unit.tablet import AT
from tests.unit.test_portal import ANSWERS, Net

pytestmark = pytest.mark.ui


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    with ThreadPoolExecutor(1) as pool:  # the browser's loop runs in this thread
        pool.submit(made.close).result()


def test_what_a_day_of_syncs_leaves(tmp_path: Path, browser: Browser) -> None:
    store = Store(tmp_path / "tablet")
    sync_seed.fill(store)
    store.close()
    tablet = Tablet(tmp_path / "tablet", seed.here())
    try:
        f = window(browser, tablet.start())
        f.tap(re.compile("去同步"))
        f.see(re.compile(r"今天 \d\d:\d\d · 31 条"))
        f.see("标牌看不清编号，请重拍")  # sent back by a reviewer
        f.see("沈立")
        f.see("现场读数 3 条")
        f.see("无需操作")
        assert f.overflow() == []
        f.tap(re.compile("R-2026"))
        f.see("签名核对过")
        f.see("服务器公钥指纹")
        f.tap("返回")
        f.tap(re.compile("^冲突 点位 S08"))
        f.see("南")
        f.see("东")
        f.see("由项目经理裁决")
        f.see(re.compile("没连上服务器"), timeout=20_000)  # whose the other value is, nobody here knows
        assert not f.there("先不定", 100) and not f.there(re.compile("记我决定"), 100)
        f.tap("返回")
        f.tap(re.compile("^被退回 点位 S16"))
        f.see("完成时间早于开始时间")
        f.see("井盖在右侧两米")
        f.tap("拿回来改")
        f.see("已拿回，改好再完成")
        f.page.context.close()
    finally:
        tablet.stop()
    store = seed.unlocked(tmp_path / "tablet")
    (draft,) = store.drafts("point")
    assert draft.values["code"] == "S16" and draft.values["note"] == "井盖在右侧两米"
    store.close()


def test_the_manager_decides_a_conflict_and_a_sign_in_page_is_no_server(
    site: Site, tmp_path: Path, browser: Browser
) -> None:
    net = Net(site.net)
    site.service.grant(site.pm, site.project, "sampler")
    tablets = []
    for name, person in (("li", site.li), ("pm", site.pm)):
        store = Store(tmp_path / name)
        syncer = Syncer(store, pause=lambda _: None)
        syncer.enrol(net.url, site.code(person), name)
        assert syncer.run().problems == []
        tablets.append((store, syncer))
    (li, li_sync), (pm, pm_sync) = tablets
    point = li.new_id()
    values = {
        "code": "S12",
        "site_id": site.site,
        "outcome": "done",
        "samplers": [site.li],
        "wind": "北风",
        "started_at": AT,
    }
    li.finalize([Edit("point", point, site.field, values)], complete=False)
    for _, syncer in tablets:
        syncer.run()
    for store, syncer, wind in ((pm, pm_sync, "南风"), (li, li_sync, "东风")):
        store.finalize([Edit("point", point, site.field, {**values, "wind": wind})], complete=False)
        assert syncer.run().problems == []
    pm.keys.set_pin(pm.keys.require().enrolment, seed.PIN)
    li.close()
    pm.close()
    tablet = Tablet(tmp_path / "pm", None)
    try:
        f = window(browser, tablet.start())
        f.tap(re.compile("去同步"))
        f.see("断了接着传")  # Today has a button of the same name
        net.hold("/", ANSWERS["a page with 200"])
        f.tap("现在同步")
        f.see("连到了登录页，不是服务器", timeout=20_000)
        f.see("记录都在本机")
        net.free()
        f.tap("现在同步")
        f.see("都交上去了", timeout=20_000)
        f.tap(re.compile("^冲突 点位 S12"))
        f.see(re.compile("本机|后交"))
        f.see("李")  # whose each value is, told by the server
        f.see("经理")
        assert f.there("先选一个，写理由", 5000)
        f.tap(re.compile("^后交（改后）.*东风"))
        f.tap("现场核实过")
        f.tap(re.compile("^采用改后，记我决定"))
        f.see("已裁决", timeout=20_000)
        f.see("没有要你处理的")
        f.page.context.close()
    finally:
        tablet.stop()
        net.close()
    (conflict,) = site.service.records("conflict", site.field)
    assert (conflict.values["choice"], conflict.values["reason"]) == ("take_after", "现场核实过")
    assert conflict.values["decided_by"] == site.pm
    (kept,) = [p for p in site.service.records("point", site.field) if p.id == point]
    assert kept.values["wind"] == "东风"
