"""Any record, in the browser: found in the list, a calibration written through its form with a kill in between, amended,
commented, voided."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from field_app.store import Store
from schemas.wire import ScopeGrant
from tests.ui import seed
from tests.ui.driver import Driver, Tablet, window

pytestmark = pytest.mark.ui
WRITES = ["calibration", "comment", "field_reading", "point", "sample", "soil_layer"]


@pytest.fixture
def tablet(tmp_path: Path) -> Iterator[Tablet]:
    folder = tmp_path / "tablet"
    store = Store(folder)
    seed.fill(store, calibrated=False)
    home, field = store.scopes()
    store.grant([home, ScopeGrant(**{**field.model_dump(), "writes": WRITES})])
    store.close()
    t = Tablet(folder, seed.here())
    yield t
    t.stop()


def changes(folder: Path) -> list[tuple[str, dict[str, object]]]:
    store = Store(folder)
    try:
        return [(c.type, c.after) for _, _, c in store.changes()]
    finally:
        store.close()


def to_list(f: Driver, name: str) -> None:
    f.tap("记录", exact=True)
    f.tap(re.compile(f"^{name}，"))
    f.see("新的在前")


def test_a_form_outlives_the_process_and_names_what_is_missing(tablet: Tablet, browser: Browser) -> None:
    f = window(browser, tablet.start())
    to_list(f, "校准检查")
    f.see("还没有校准检查")
    f.tap("新建校准检查")
    f.tap("XRF-03", exact=True)
    f.tap("加一项校准点")
    f.fill("标准物质 · 必填", "NIST 2711a")
    tablet.keeps("NIST 2711a")
    tablet.kill()
    f.page.context.close()

    f = window(browser, tablet.start())  # back on the form, with what was typed
    f.see("新建 · 随时已存为草稿")
    f.see("校准点 1")
    f.fill("示值 · 必填", "21.9")
    f.tap(re.compile("^完成 · 还差"))
    f.see("请填写「校准方式」")
    f.tap("返回")
    f.see("还没有校准检查")
    f.tap("返回")
    f.see("草稿 1")
    f.tap(re.compile("^丢弃"))
    f.see("写下的")
    f.page.context.close()
    tablet.stop()
    store = Store(tablet.folder)
    (draft,) = store.drafts("calibration")
    store.close()
    (point,) = draft.values["points"]
    assert (draft.values["instrument_id"], point["standard"], point["reading"]) == (seed.XRF, "NIST 2711a", "21.9")


def test_search_amend_comment_and_void(tablet: Tablet, browser: Browser) -> None:
    f = window(browser, tablet.start())
    to_list(f, "现场读数")
    f.fill("搜索", "Ni")
    f.see(re.compile("找到 2[0-9] 条"))
    f.tap(re.compile("^Ni 86"))
    f.see("本机没有改过它")
    f.tap("修改", exact=True)
    f.fill("备注", "复测")
    f.tap("完成", exact=True)
    f.see("已修改 1 项")
    f.see("– → 复测")
    f.tap("批注", exact=True)
    f.fill("批注内容 · 必填", "数值偏高，已复核")
    f.tap("完成", exact=True)
    f.see("批注 1")
    f.tap("作废", exact=True)
    f.tap("录入错误", exact=True)
    f.tap("作废这条记录")
    f.see(re.compile("Ni 86.* 已作废"))
    assert not f.overflow() and not f.errors
    f.page.context.close()
    tablet.stop()
    made = changes(tablet.folder)
    assert [t for t, _ in made] == ["field_reading", "comment", "field_reading"]
    assert made[0][1] == {"note": "复测"} and made[2][1] == {"deleted": True, "void_reason": "录入错误"}
    assert made[1][1]["subject_kind"] == "field_reading"
