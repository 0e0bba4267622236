"""Photos in the sync centre, in a real browser against a real server: n of m, one that is refused and why, and what to do then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from field_app.store import Store
from field_app.sync import Syncer
from tests.api.test_shared_tablet import Site
from tests.photo_files import keep, picture
from tests.sim.transport import served
from tests.ui import seed
from tests.ui.driver import Tablet, window
from tests.unit.test_photo_lane import photo_of

pytestmark = pytest.mark.ui
BROKEN = b"\xff\xd8\xff" + bytes(900)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    with ThreadPoolExecutor(1) as pool:  # the browser's loop runs in this thread
        pool.submit(made.close).result()


def taken(site: Site, folder: Path, url: str) -> None:
    """A tablet with three photos that are not sent, one of which no server takes."""
    store = Store(folder)
    syncer = Syncer(store, pause=lambda _: None)
    syncer.enrol(url, site.code(site.li), "平板")
    assert syncer.run().problems == []
    for data in (picture(1, 40_000), BROKEN, picture(2, 900_000)):
        store.finalize([photo_of(store, site, keep(folder, data))], complete=False)
    store.keys.set_pin(store.keys.require().enrolment, seed.PIN)
    store.set_meta("ui.auto_sync", "off")
    store.close()


def test_n_of_m_and_a_refused_one(site: Site, tmp_path: Path, browser: Browser) -> None:
    url, stop = served(site.app)
    taken(site, tmp_path / "li", url)
    tablet = Tablet(tmp_path / "li", None)
    try:
        f = window(browser, tablet.start())
        f.see("3 张照片还没到服务器")
        f.tap(re.compile("去同步"))
        f.see("0 / 3 张已到服务器")
        f.tap("现在同步")
        f.see("2 / 3 张已到服务器", timeout=20_000)
        f.see("1 张传不上去，见「要你处理」")
        f.see("记录都交上去了，1 张照片传不上去")
        assert f.overflow() == []
        f.tap(re.compile("^照片没传上 地块 S · 其他"))
        f.see(re.compile("文件没有收下"))
        f.see("内容留在本机，不会丢。")
        f.tap("知道了")
        f.see("没有要你处理的")
        f.page.context.close()
    finally:
        tablet.stop()
        stop()
    store = Store(tmp_path / "li")
    assert (store.media().total, store.media().there, store.media().refused) == (3, 2, 1)
    store.close()
