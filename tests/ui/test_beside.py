"""In a browser: what the sampler recorded stands beside the item, offline; all of it is one tap away, and a kill comes back to it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from field_app.store import Store
from schemas.rules.checklists import ready
from tests.ui import checks_seed, seed
from tests.ui.driver import Tablet, window
from tests.unit.test_beside import POINT, more


@pytest.fixture
def tablet(tmp_path: Path) -> Iterator[Tablet]:
    store = Store(tmp_path / "t")
    checks_seed.fill(store)
    more(store)
    small = io.BytesIO()
    Image.new("RGB", (800, 600), (150, 140, 90)).save(small, "JPEG")
    (store.folder / "seen").mkdir()
    (store.folder / "seen" / f"{12:064x}.jpg").write_bytes(small.getvalue())
    found = next(
        x
        for x in ready.every()
        if x.kind == "sampling_supervision" and any("sample_container" in i.beside for i in x.items)
    )
    code = next(i.code for i in found.items if "sample_container" in i.beside)
    values = {"code": "JC-20261128-A101", "kind": "sampling_supervision", "site_id": seed.SITE, "org_id": seed.ORG, "point_id": POINT,
              "list_code": found.code, "list_version": found.version, "list_sha256": found.sha256, "started_at": "2026-11-28T09:00:00+08:00",
              "officers": [{"person_id": seed.PERSON, "name": "周岚", "duty": "inspector"}], "_check": {"at": code}}  # fmt: skip
    id = store.new_id()
    store.save_draft("inspection", id, checks_seed.ENFORCEMENT, values)
    store.set_meta("ui.place", json.dumps([["checks", {}], ["item", {"id": id, "code": code}]]))
    store.close()
    made = Tablet(tmp_path / "t", seed.here())
    yield made
    made.stop()


def test_beside_the_item_and_all_of_it(tablet: Tablet, browser: Browser) -> None:
    f = window(browser, tablet.start())
    f.see("S01-1-A")  # the container, on the card
    assert "S02-1" not in f.everything()
    f.tap("采样员在本点记了什么")
    f.see("自动核对")
    f.see("2 张的缩略图还没到本机")
    f.tap("本点全部")
    f.see("离计划点 0.3 m")
    f.tap("照片 其他，11-20 10:12")
    f.see("收起大图")
    assert f.overflow() == []
    tablet.kill()
    again = window(browser, tablet.start())
    again.see("S01 的记录")
    again.see("S01-1")
