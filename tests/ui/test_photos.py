"""The photos of a point in a real browser: four shots of a checklist, a kill in between, a file, and a browser's camera.
And a signature, drawn by hand."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from field_app.capture import exif, pen, photo
from field_app.store import Edit, Store
from schemas.wire import ScopeGrant
from tests.ui import seed
from tests.ui.driver import Driver, Tablet, window

pytestmark = pytest.mark.ui
RULES = [{"step": "rig_e", "least": 1}, {"step": "core_box", "least": 2}, {"step": "backfill", "least": 1}]
TO_PHOTOS = re.compile(r"^第 \d 步 照片")


@pytest.fixture
def tablet(tmp_path: Path) -> Iterator[Tablet]:
    store = Store(tmp_path / "tablet")
    seed.fill(store)
    project = store.get("project", seed.PROJECT)
    assert project
    store.finalize([Edit("project", project.id, seed.FIELD, {**project.values, "photo_rules": RULES})], complete=False)
    store.close()
    t = Tablet(tmp_path / "tablet", seed.here())
    yield t
    t.stop()


def picture(color: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (1280, 960), color).save(out, "JPEG")
    return out.getvalue()


def drafts(folder: Path) -> list[dict[str, object]]:
    store = Store(folder)
    try:
        return [d.values for d in store.drafts("photo")]
    finally:
        store.close()


def to_photos(f: Driver) -> None:
    f.tap("开始 S15")
    f.tap(TO_PHOTOS)
    f.see("本项目要求的照片")
    f.see("必拍 0 / 4 张")


def test_four_shots_are_five_taps_and_a_kill_loses_none(
    tablet: Tablet, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n in range(4):
        (pictures / f"{n}.jpg").write_bytes(picture((50 * n, 90, 120)))
    monkeypatch.setenv("JINGTU_FAKE_CAMERA", str(pictures))
    f = window(browser, tablet.start())
    to_photos(f)
    f.tap("开相机：钻机东向")
    f.tap("拍：钻机东向")
    f.see("钻机东向，已拍 1 张")
    f.tap("拍：岩心箱")
    f.see("岩心箱，已拍 1 / 2 张")
    tablet.kill()
    f.page.context.close()
    assert [v["step"] for v in drafts(tablet.folder)] == ["rig_e", "core_box"]

    f = window(browser, tablet.start())  # comes back to the photos, the camera closed
    f.see("必拍 2 / 4 张")
    f.tap("开相机：岩心箱")
    f.tap("拍：岩心箱")
    f.see("岩心箱，已拍 2 / 2 张")
    f.tap("拍：封孔")
    f.see("封孔，已拍 1 张")
    f.see("下一步：现场情况")
    assert not f.overflow()
    f.tap("岩心箱，已拍 2 / 2 张")
    f.see("模拟相机（演示、测试）")
    f.fill("照片说明", "1.5 m 处有油味")
    f.tap("下一步：现场情况")
    f.see("天气")
    f.page.context.close()
    tablet.stop()
    kept = drafts(tablet.folder)
    assert sorted(str(v["step"]) for v in kept) == ["backfill", "core_box", "core_box", "rig_e"]
    assert [v["caption"] for v in kept if "caption" in v] == ["1.5 m 处有油味"]
    assert {v["sha256"] for v in kept} == set(photo.all_kept(tablet.folder))


def test_the_browsers_camera_and_a_file_with_its_reason(tablet: Tablet, browser: Browser, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(picture((9, 99, 9))[:-2000])
    good = tmp_path / "good.jpg"
    good.write_bytes(picture((99, 9, 9)))
    url = tablet.start()
    f = window(browser, url)
    f.page.context.grant_permissions(["camera"], origin=url.rstrip("/"))
    to_photos(f)
    f.tap("开相机：钻机东向")
    f.tap("拍：钻机东向")
    f.see("钻机东向，已拍 1 张")
    f.tap("收起相机")
    f.see("开相机：岩心箱")
    f.tap("从文件选照片")
    with f.page.expect_file_chooser() as chosen:
        f.tap("用别的相机拍的")
    chosen.value.set_files(cut)
    f.see("照片不完整")
    f.tap("从文件选照片")
    with f.page.expect_file_chooser() as chosen:
        f.tap("同事传来的")
    chosen.value.set_files(good)
    f.see("岩心箱，已拍 1 / 2 张，有要注明的")
    f.see("不是在应用里拍的")  # told at once
    with f.page.expect_download() as out:
        f.tap("保存水印副本")
    assert out.value.suggested_filename.startswith("S15_岩心箱_")
    copy = tmp_path / "copy.jpg"
    out.value.save_as(copy)
    f.see("副本已交出")
    assert not f.errors and not f.overflow()
    f.page.context.close()
    tablet.stop()
    taken, chosen_one = drafts(tablet.folder)
    assert taken["source"] == "app_camera" and "source_reason" not in taken and taken["position"]
    assert (chosen_one["source"], chosen_one["source_reason"]) == ("file_import", "同事传来的")
    assert "position" not in chosen_one
    path = photo.find(tablet.folder, str(chosen_one["sha256"]))
    assert path and path.read_bytes() == good.read_bytes()
    shot = photo.find(tablet.folder, str(taken["sha256"]))
    assert shot and Image.open(shot).format == "JPEG"
    said = exif.read(Image.open(shot))
    assert said.orientation == 2  # a browser mirrors a camera that is not on the back; shown, it is turned back
    assert said.point == "S15" and said.taken_at and said.taken_at.isoformat() == taken["taken_at"]
    stamped = Image.open(copy)
    assert stamped.width == 1280 and stamped.height > 960 + 100 and not stamped.info.get("exif")


def test_a_signature_is_drawn_and_stays_with_its_form(tmp_path: Path, browser: Browser) -> None:
    folder, scope = tmp_path / "tablet", f"{seed.PROJECT}.transfer"
    store = Store(folder)
    seed.fill(store)
    more = {
        "audience": "transfer",
        "owner": seed.PROJECT,
        "name": "红星",
        "roles": ["dispatcher"],
        "writes": ["manifest_leg"],
    }
    store.grant([*store.scopes(), ScopeGrant(scope=scope, **more)])
    leg = store.new_id()
    store.save_draft(
        "manifest_leg", leg, scope, {"kind": "departed", "signatures": [{"role": "driver", "way": "signed"}]}
    )
    store.set_meta(
        "ui.place", json.dumps([["records", {}], ["form", {"type": "manifest_leg", "id": leg, "scope": scope}]])
    )
    store.close()
    tablet = Tablet(folder, seed.here())
    try:
        f = window(browser, tablet.start())
        f.tap("签名", exact=True)
        f.see("手写签名框，0 笔")
        f.tap("签好了")
        f.see("先写签字人姓名")
        f.tap("沈立", exact=True)
        f.tap("签好了")
        f.see("先在框里签名")
        f.page.wait_for_timeout(300)
        for n in range(2):
            x, y = 80 + 120 * n, 560
            f.page.mouse.move(x, y)
            f.page.mouse.down()
            for at in range(10, 100, 10):  # at a finger's pace
                f.page.mouse.move(x + at, y + at)
                f.page.wait_for_timeout(25)
            f.page.mouse.up()
            f.see(f"手写签名框，{n + 1} 笔")
            f.gone("先在框里签名")
        assert not f.overflow()
        for _ in range(4):  # the bar may be drawn anew just when it is tapped
            f.tap("撤一笔")
            with contextlib.suppress(AssertionError):
                f.see("手写签名框，1 笔", 6_000)
                break
        f.see("手写签名框，1 笔")
        f.tap("签好了")
        f.see("驾驶员 沈立")
        f.page.context.close()
    finally:
        tablet.stop()
    store = Store(folder)
    (draft,) = store.drafts("manifest_leg")
    store.close()
    (value,) = draft.values["signatures"]
    assert (value["name"], value["role"], value["person_id"]) == ("沈立", "driver", seed.MATE)
    ((*_, last),) = pen.strokes_of(value["strokes"])[0]
    assert last.x > 0.3 and pen.png(value).startswith(b"\x89PNG")
