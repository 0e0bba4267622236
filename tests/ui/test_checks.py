"""A check in a real browser: answered item by item, a photo taken, killed in the middle of it, and gone on with where it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from field_app.store import Store
from tests.ui import checks_seed, seed
from tests.ui.driver import Tablet, window
from tests.unit.pictures import jpeg

pytestmark = pytest.mark.ui


@pytest.fixture
def inspector(tmp_path: Path) -> Iterator[Tablet]:
    store = Store(tmp_path / "inspector")
    checks_seed.fill(store)
    store.close()
    t = Tablet(tmp_path / "inspector", seed.here())
    yield t
    t.stop()


def test_killed_in_the_middle_of_a_check_it_goes_on_where_it_was(
    inspector: Tablet, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "1.jpg").write_bytes(jpeg())
    monkeypatch.setenv("JINGTU_FAKE_CAMERA", str(pictures))
    f = window(browser, inspector.start())
    f.tap("检查", exact=True)
    f.tap("开始检查")
    f.tap(re.compile("现场采样监督检查"))
    f.tap(re.compile("^S13"))
    f.see("第 1/18 项")
    assert not f.overflow()
    f.tap("符合", exact=True)
    f.see("第 2/18 项")
    f.tap("不涉及", exact=True)
    f.see("第 3/18 项")
    f.tap("不符合", exact=True)
    f.see("不符合 → 问题项 WT01")
    f.tap("拍现场照片")
    f.tap("按下：现场照片")
    f.see("现场照片 1 张")
    f.tap("套管未全程跟进")
    f.gone("检查意见 · 必填")
    f.fill("检查意见", "套管未全程跟进；第二根起")
    assert all(float(b["h"]) >= 56 and float(b["w"]) >= 56 for b in f.boxes() if b["name"]), f.boxes()  # type: ignore[arg-type]
    inspector.keeps("第二根起")
    inspector.kill()
    f.page.context.close()
    f = window(browser, inspector.start())
    f.see("第 3 项 · 取证")
    f.see("现场照片 1 张")
    box = f.page.locator("input, textarea").and_(f.page.get_by_label("检查意见")).first
    box.click()  # a box says what is in it once it has the keyboard
    assert f._until(lambda: "第二根起" in box.input_value(), 10)
    f.tap("下一项")
    f.see("第 4/18 项")
    f.tap("全部题项")
    f.see("按规则：不合格")
    f.tap(re.compile("^第 17 项"))
    f.see("第 17/18 项")
    assert not f.errors
    store = Store(inspector.folder)
    try:
        (check,) = store.drafts("inspection")
        children = store.drafts(parent=check.id)
        assert sorted(d.type for d in children) == ["checklist_answer"] * 3 + ["finding", "photo"]
    finally:
        store.close()
