"""The rescue bundle in a real browser: one tap, and the file that was downloaded is one the server opens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from field_app.store import Edit, Store
from schemas.rules.bundle import BatchFrame, DraftFrame, EndFrame, Frames, PhotoFrame
from schemas.rules.sealing import unseal
from tests.ui import seed
from tests.ui.driver import Tablet, window

pytestmark = pytest.mark.ui


def seeded(folder: Path) -> bytes:
    """A tablet with two unsent records, a draft and its photo, and a second person's record; the server's private key."""
    store = Store(folder)
    seed.fill(store)
    key = store.keys.require().private_key
    seed.share(store)

    def note(text: str) -> None:
        values = {
            "subject_kind": "project",
            "subject_id": seed.PROJECT,
            "text": text,
            "at": "2026-11-28T10:00:00+08:00",
        }
        store.finalize([Edit("comment", store.new_id(), seed.FIELD, values)])

    note("雨后，积水已排")
    note("围挡已修")
    data = os.urandom(40_000)
    name = sha256(data).hexdigest()
    (folder / "photos").mkdir(exist_ok=True)
    (folder / "photos" / f"{name}.jpg").write_bytes(data)
    point = store.new_id()
    store.save_draft("point", point, seed.FIELD, {"code": "S15", "note": "半句"})
    store.save_draft("photo", store.new_id(), seed.FIELD, {"sha256": name, "step": "hole"}, point)
    first = store.keys.require().enrolment
    store.turn(next(e for e in store.keys.identities if e != first))
    note("赵宁记的")
    store.turn(first)
    store.close()
    return key


@pytest.fixture
def tablet(tmp_path: Path) -> Iterator[tuple[Tablet, bytes]]:
    key = seeded(tmp_path / "tablet")
    t = Tablet(tmp_path / "tablet", seed.here())
    yield t, key
    t.stop()


def test_one_tap_and_the_file_is_out(tablet: tuple[Tablet, bytes], browser: Browser, tmp_path: Path) -> None:
    app, key = tablet
    f = window(browser, app.start(), 390, 2000)
    f.tap("设置", exact=True)
    f.tap("救援包")
    f.see("没交的记录")
    f.see("2 条")
    f.see("2 份")
    f.see("1 张，40 kB")
    f.see("赵宁 的 1 条写不进去")  # who has not typed the PIN since the app was started
    assert f.overflow() == []
    small = [b for b in f.boxes() if b["w"] < 55.5 or b["h"] < 55.5]  # type: ignore[operator]
    assert small == []
    with f.page.expect_download() as download:
        f.tap("写救援包")
    got = tmp_path / "got.jtb"
    download.value.save_as(got)
    f.see("已写好")
    f.see("文件已交出")
    name = download.value.suggested_filename
    assert name.startswith("jingtu-03-") and name.endswith(".jtb")
    f.see(f"jingtu bundle import {name}")
    assert (app.folder / "outbox" / name).read_bytes() == got.read_bytes()
    with got.open("rb") as file:
        models = [frame.model for frame in Frames(unseal(file.read, key)[1])]
    assert [type(m) for m in models[1:]] == [BatchFrame, DraftFrame, DraftFrame, PhotoFrame, EndFrame]
    with f.page.expect_download() as again:
        f.tap("保存文件")
    assert again.value.suggested_filename == name
    f.page.set_viewport_size({"width": 360, "height": 2600})
    f.page.wait_for_timeout(300)
    assert f.overflow() == []
    f.see("存在本机 3，未入库 3")  # nothing counts as sent
    f.page.context.close()
