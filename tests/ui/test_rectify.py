"""The re-check in a browser: the old photo over the lens, a kill with the photo taken, both officers sign, and it is closed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from field_app.clock import CHINA
from field_app.desks import courses
from field_app.store import Store
from tests.ui import rectify_seed as seed
from tests.ui.driver import Tablet, window
from tests.ui.seed import here, unlocked


def test_a_finding_is_rechecked_and_closed(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, folder = tmp_path / "pictures", tmp_path / "tablet"
    pictures.mkdir()
    (pictures / "a.jpg").write_bytes(seed.drum(done=True))
    monkeypatch.setenv("JINGTU_FAKE_CAMERA", str(pictures))
    store = Store(folder)
    seed.fill_inspector(store)
    store.close()
    tablet = Tablet(folder, here())
    try:
        f = window(browser, tablet.start())
        f.tap("检查", exact=True)
        f.tap("危废桶")
        f.see("超期 3 天")
        f.tap("销号", exact=True)
        f.tap("开相机：整改后")
        f.see("原照片盖在镜头上")
        f.tap("半", exact=True)
        f.tap("拍：整改后")
        f.see("整改后，第 1 张")
        assert not f.overflow()
        tablet.keeps('"result":"closed"', '"ghost_of"')
        tablet.kill()
        f.page.context.close()

        f = window(browser, tablet.start())  # comes back to the re-check with its photo
        f.see("整改后，第 1 张")
        f.tap("已按要求整改到位")
        f.tap("沈立", exact=True)
        f.see("签字后：已销号")
        for who in ("周岚", "沈立"):
            if who == "周岚":
                f.tap("周岚签字")
            f.see("手写签名框")
            f.tap("按指印", exact=True)
            f.gone("手写签名框")
            f.tap("签好了")
        f.see("JC-20261111-0301-WT01 已销号")
        f.see("做回头看")
        f.page.context.close()
    finally:
        tablet.stop()
    store = unlocked(folder)
    case = courses.one(store, seed.LATE, datetime.now(CHINA))
    assert (
        case is not None and case.row.course.state == "closed" and case.row.course.open == () and store.drafts() == []
    )
    store.close()
