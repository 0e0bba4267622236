"""Sending a truck, in a browser: three taps beside plate and weight, the code, the board; at 390 in Chinese, at 1024 in English and dark."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from field_app.clock import CHINA
from field_app.store import Store
from schemas.rules.handover import judged, read
from schemas.rules.handover.directory import Directory
from tests.ui import trucks_seed as seed
from tests.ui.driver import Driver, Tablet, window
from tests.ui.seed import here


@pytest.fixture
def sender(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Tablet]:
    """The dispatcher's, with three loads of this morning. `param`: the look, and how the seed is made."""
    look, how = getattr(request, "param", ({}, {}))
    store = Store(tmp_path / "sender")
    seed.fill(store, **how)
    if not how:
        seed.pull(store, seed.morning(datetime.now(CHINA)), before=2)
    for name, value in look.items():
        store.set_meta(f"ui.{name}", value)
    store.close()
    tablet = Tablet(tmp_path / "sender", here())
    yield tablet
    tablet.stop()


def sign(f: Driver) -> None:
    """A finger on the pad, at a finger's pace. The bar may be drawn anew just when it is tapped: then once more."""
    f.see("手写签名框，0 笔")
    f.page.wait_for_timeout(300)
    f.page.mouse.move(90, 580)
    f.page.mouse.down()
    for at in range(12, 120, 12):
        f.page.mouse.move(90 + at, 580 + at / 2)
        f.page.wait_for_timeout(25)
    f.page.mouse.up()
    f.see("手写签名框，1 笔")
    for _ in range(4):
        f.page.wait_for_timeout(300)
        f.tap("签好了")
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            if "手写签名框，1 笔" not in f.everything():
                return
            time.sleep(0.05)
    raise AssertionError(f"the signature was not taken:\n{f.everything()}")


def test_the_next_truck_in_three_taps_beside_plate_and_weight(browser: Browser, sender: Tablet) -> None:
    f = window(browser, sender.start())
    f.tap("联单", exact=True)
    f.see("超时")
    f.tap("开下一车")
    f.tap("苏L·C3307", exact=True)
    for key in "3086":
        f.tap(key, exact=True)
        if key == "0":
            f.tap("小数点")
    f.tap("好了")
    f.see("净重 18.48 t")
    assert not f.overflow()
    sender.keeps("30.86")
    f.tap("签发并出码")  # 1
    sign(f)  # 2: the supervisor
    sign(f)  # 3: the sender, and it is issued
    f.see("等司机扫码签收")
    f.see("移出 · 高敏（监理 陈立）")
    assert not f.overflow() and not f.errors
    with closing(sqlite3.connect(f"file:{sender.folder / 'tablet.db'}?mode=ro", uri=True)) as db:
        over = [json.loads(v) for (v,) in db.execute("SELECT vals FROM overlay WHERE type='hand_over'")]
    chain = read(over[0]["code"])
    directory = Directory(json.loads(seed.directory(datetime.now(CHINA))))
    assert judged(chain, directory, datetime.now(CHINA)).worth == "genuine" and chain.load.number.endswith("000418")


@pytest.mark.parametrize("sender", [({"lang": "en", "theme": "dark"}, {"filed": False})], indirect=True)
def test_a_plan_that_is_not_filed_stands_where_the_button_was(browser: Browser, sender: Tablet) -> None:
    f = window(browser, sender.start(), 1024, 768)
    f.tap("Loads", exact=True)
    f.see("no receipt of the authority of origin and destination")
    f.see("No truck on the road")
    assert not f.overflow() and not f.there("Sign and show the code", 300) and not f.errors
