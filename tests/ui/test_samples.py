"""The samples step in a browser: two taps for a sample with its containers, vials first, a duplicate, a blank, a kill."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser

from field_app.desks.sampling import SAME_MOVE_S
from field_app.store import Store
from schemas.records.sample_container import SampleContainer
from schemas.rules.reconcile.volatile import filling_order
from tests.ui.driver import Driver, Tablet, window

pytestmark = pytest.mark.ui


def opened(browser: Browser, tablet: Tablet) -> Driver:
    return window(browser, tablet.start(), 390, 1900)


def tap(f: Driver, name: str) -> None:
    """As a person does: not within the move of the tap before."""
    f.page.wait_for_timeout(int(SAME_MOVE_S * 1000) + 100)
    f.tap(name)


def drafts(tablet: Tablet, type: str) -> list[dict[str, Any]]:
    store = Store(tablet.folder)
    try:
        found = [{**d.values, "id": d.id} for d in store.drafts(type)]
        return sorted(found, key=lambda v: str(v.get("code", v["id"])))
    finally:
        store.close()


def test_samples_with_vials_first_a_kill_a_duplicate_and_a_blank(tablet: Tablet, browser: Browser) -> None:
    f = opened(browser, tablet)
    f.tap("开始 S15")
    f.tap(re.compile("^第 \\d 步 样品"))
    f.see("还没有样品，方案要 2 份")
    f.tap("取样 0 – 0.5 m")
    f.see("HX-S15-0001")
    f.see("自动带出：上深、下深、检测项目、选样理由、样品性状")
    f.see("DB11/T 656-2019 附录D.4")
    f.tap("木铲", exact=True)
    tap(f, "标签已核对，VOC 装好")
    f.see("空瓶重")
    f.page.wait_for_timeout(1_000)  # the order of filling is told by the time between
    tap(f, "其余 1 件装好")
    f.tap("无气泡或留空合格，已单独装袋")
    for label, value in (("装样量", "5.1"), ("空瓶重", "25.31"), ("甲醇体积", "10")):
        f.fill(label, value)
    f.see("都齐了")
    tablet.keeps("5.1", "25.31")
    tablet.kill()
    f.page.context.close()

    f = opened(browser, tablet)  # comes back to this step, with everything in it
    f.see("都齐了")
    f.tap("取样 1.5 – 2 m")  # tool and bottles are known by now
    f.see("HX-S15-0002")
    f.see("自动带出：上深、下深、检测项目、选样理由、取土工具、样品性状")
    tap(f, "标签已核对，VOC 装好")
    tap(f, "给 HX-S15-0002 加平行样")
    f.see("HX-S15-0002 的平行样")
    f.see("平行样 1 / 2 = 50 %，要 5 %")
    f.see("这一批还缺 1 个")
    tap(f, "取样 运输空白")
    f.see("HX-YK-0004")
    assert f.overflow() == []
    f.page.context.close()
    tablet.stop()

    samples = drafts(tablet, "sample")
    assert [(s["code"], s["kind"]) for s in samples] == [
        ("HX-S15-0001", "ordinary"), ("HX-S15-0002", "ordinary"), ("HX-S15-0003", "field_duplicate"), ("HX-YK-0004", "trip_blank"),
    ]  # fmt: skip
    assert "depth_top_m" not in samples[3] and "point_id" not in samples[3]
    bottles = [b for b in drafts(tablet, "sample_container") if b["sample_id"] == samples[0]["id"]]
    assert [(b["code"], b["type"], b["amount"]) for b in bottles] == [
        ("HX-S15-0001-C01", "v40_meoh", "5.1"), ("HX-S15-0001-C02", "jar250_b", "120"),
    ]  # fmt: skip
    order = filling_order([SampleContainer.of(b["id"], b) for b in bottles])
    assert order is not None and order.broken is False
    links = drafts(tablet, "qc_link")
    assert sorted((k["kind"], k.get("original_id")) for k in links) == [
        ("field_duplicate", samples[1]["id"]),
        ("trip_blank", None),
    ]
