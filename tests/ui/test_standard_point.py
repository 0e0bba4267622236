"""The standard point (position, 3 layers, 6 readings, 2 samples, 4 photos) on a phone, by real pointer events, counted.

A tap is one press of the pointer on what is in view; digits of the values themselves are counted apart, as is anything
typed on a keyboard. A scroll is counted too: it is a movement of the thumb.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator

from field_app.clock import CHINA
from field_app.desks.sampling import SAME_MOVE_S
from field_app.store import Edit, Store
from schemas.rules import evidence
from schemas.wire import PullHead
from tests.ui import seed
from tests.ui.driver import PIN_PAGE, Driver, Tablet, unlock, window

pytestmark = pytest.mark.ui
MOST_TAPS = 40
POINT_BEFORE = 13  # of the seed: somebody was there yesterday
PHOTOS = [{"step": "rig_e", "least": 1}, {"step": "core_box", "least": 2}, {"step": "backfill", "least": 1}]
LOOKS = {"colour": "yellow_brown", "moisture": "moist", "density": "plastic", "odour": "none", "signs": ["none"]}


def point_before(store: Store) -> None:
    """A hole of yesterday on the same project: rig, crew and soils are filled in from it."""
    visit, hole = seed.uid(3, POINT_BEFORE), seed.uid(0x21, 1)
    at = (datetime.now(CHINA) - timedelta(days=1)).isoformat(timespec="seconds")
    rows: list[tuple[str, str, dict[str, Any]]] = [
        ("borehole", hole, {"point_id": visit, "code": "S13", "rig": "Geoprobe 7822DT", "method": "direct_push", "diameter_mm": "83",
         "casing": True, "opened_at": at, "ended_at": at, "depth_m": "6.0", "end_reason": "target", "water_met": False,
         "backfill": "bentonite", "lead_id": seed.MATE, "recorder_id": seed.PERSON, "checker_id": seed.MATE})]  # fmt: skip
    for n, (top, bottom, texture) in enumerate(
        (("0", "0.6", "misc_fill"), ("0.6", "2.1", "plain_fill"), ("2.1", "6.0", "silty_clay")), 1
    ):
        rows.append(
            (
                "soil_layer",
                seed.uid(0x22, n),
                {"borehole_id": hole, "layer_no": n, "top_m": top, "bottom_m": bottom, "texture": texture, **LOOKS},
            )
        )
    lines = [evidence.row_line(type, id, 1000 + n, values) for n, (type, id, values) in enumerate(rows)]
    store.apply_pull(
        seed.FIELD,
        PullHead(epoch="1", cursor=1000 + len(rows), head=1000 + len(rows), count=len(rows), more=False),
        lines,
    )


def two_targets(store: Store) -> None:
    """The plan asks for two samples at this point, and the project for four photos."""
    third = store.get("planned_target", seed.uid(2, 142))
    project = store.get("project", seed.PROJECT)
    assert third and project
    store.finalize(
        [
            Edit("planned_target", third.id, third.scope, {**third.values, "deleted": True, "void_reason": "-"}),
            Edit("project", project.id, project.scope, {**project.values, "photo_rules": PHOTOS}),
        ],
        complete=False,
    )


@pytest.fixture
def tablet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tablet]:
    folder, pictures = tmp_path / "tablet", tmp_path / "pictures"
    pictures.mkdir()
    for n in range(4):
        Image.new("RGB", (1280, 960), (60 * n, 90, 120)).save(pictures / f"{n}.jpg", "JPEG")
    monkeypatch.setenv("JINGTU_FAKE_CAMERA", str(pictures))
    store = Store(folder)
    seed.fill(store)
    point_before(store)
    two_targets(store)
    store.close()
    t = Tablet(folder, seed.here(-28.7, -24.0))
    yield t
    t.stop()


class Thumb:
    """Presses what it sees, where it is, and counts."""

    def __init__(self, f: Driver) -> None:
        self.f, self.taps, self.digits, self.scrolls, self.keys = f, 0, 0, 0, 0
        self.by_step: dict[str, int] = {}
        self.step = "open"

    def _box(self, node: Locator) -> dict[str, float]:
        """Of a node in view: scrolled to if need be, and at rest."""
        height = self.f.page.viewport_size["height"]  # type: ignore[index]
        before = None
        for _ in range(60):
            box = node.bounding_box()
            if box is not None:
                middle = box["y"] + box["height"] / 2
                if not 12 < middle < height - 8:
                    self.scrolls += 1
                    self.f.page.mouse.move(240, 300)
                    self.f.page.mouse.wheel(0, 260 if middle > height / 2 else -260)
                elif box == before:
                    return box  # type: ignore[return-value]
            before = box
            self.f.page.wait_for_timeout(60)
        raise AssertionError(f"not in view: {node} at {before}")

    def press(self, name: str | re.Pattern[str], exact: bool = True) -> None:
        self._press(name, exact)
        self.taps += 1
        self.by_step[self.step] = self.by_step.get(self.step, 0) + 1

    def _press(self, name: str | re.Pattern[str], exact: bool) -> None:
        node = self.f.button(name, exact)
        if not self.f.there(name, 15_000):
            raise AssertionError(f"no button {name!r}:\n{self.f.everything()}")
        box = self._box(node)
        self.f.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.f.page.mouse.down()
        self.f.page.mouse.up()

    def pause(self) -> None:
        """As a person does: not within the move of the tap before."""
        self.f.page.wait_for_timeout(int(SAME_MOVE_S * 1000) + 200)

    def number(self, text: str) -> None:
        """Digits of a value, on the app's own pad."""
        for c in text:
            self._press("小数点" if c == "." else c, True)
            self.digits += 1

    def write(self, label: str, text: str) -> None:
        """On a keyboard."""
        self.f.fill(label, text)
        self.taps += 1  # into the field
        self.keys += len(text)

    def told(self) -> str:
        steps = " · ".join(f"{n} {step}" for step, n in self.by_step.items())
        return (
            f"{self.taps} taps ({steps}) + {self.digits} digits + {self.keys} typed characters, {self.scrolls} scrolls"
        )


def layers(t: Thumb) -> None:
    t.step = "layers"
    for bottom, soil in (("0.6", "杂填土"), ("2.1", "素填土")):
        t.f.see("层 · 从")
        t.number(bottom)
        t.press(soil)
        t.press("下一层")
    t.press("粉质黏土")
    t.press("到孔底 6.0 m")
    t.step = "hole"
    t.press(re.compile(r"^补钻孔 \d 项"), False)
    t.press("否")  # groundwater met
    t.press("膨润土封孔")
    t.press("下一步：读数", False)


def readings(t: Thumb) -> None:
    """Six values at one depth; the pad goes on by itself."""
    t.step = "readings"
    t.f.see("等待读数")
    for value in ("642", "35", "48", "12", "0.3", "0.1"):
        t.number(value)
        t.press(re.compile("^下一项"), False)


def samples(t: Thumb) -> None:
    t.step = "samples"
    t.press("返回")
    t.press(re.compile(r"^第 \d 步 样品"), False)
    t.press("取样 0 – 0.5 m", False)
    t.press("木铲")  # known from then on
    for n, further in enumerate(("取样 1.5 – 2 m", None), 1):
        t.f.see(f"样品 {n} / 2 份")
        t.pause()
        t.press(re.compile("^标签已核对，\\d+ 件都装好"), False)
        t.f.gone("件都装好")
        if further:
            t.pause()
            t.press(further, False)
    t.press("下一步：照片", False)


def photos(t: Thumb) -> None:
    t.step = "photos"
    t.press(re.compile("^开相机"), False)
    for shot, seen in (
        ("钻机东向", "钻机东向，已拍 1 张"),
        ("岩心箱", "岩心箱，已拍 1 / 2 张"),
        ("岩心箱", "岩心箱，已拍 2 / 2 张"),
        ("封孔", "封孔，已拍 1 张"),
    ):
        t.press(f"拍：{shot}")
        t.f.see(seen)
    t.press("下一步：现场情况", False)


def scene(t: Thumb) -> None:
    """Weather and surface; then the check, and the end."""
    t.step = "scene"
    t.press("晴")
    t.write("地表情况", "水泥地面")
    t.press("下一步：核对完成", False)
    t.step = "finish"
    t.f.see("可以完成了")
    t.press("完成 S14")
    t.f.see("S14 已完成")


def test_the_standard_point_in_few_taps(tablet: Tablet, browser: Browser) -> None:
    f = window(browser, tablet.start())
    f.see(re.compile("开始 S14|输入 PIN"))
    if PIN_PAGE.search(f.everything()):
        unlock(f)
    t = Thumb(f)
    t.press("开始 S14", False)
    t.press("继续：定位", False)
    f.see(re.compile("平均 [3-9]"))
    t.step = "position"
    t.press("采用这个位置", False)
    for part in (layers, readings, samples, photos, scene):
        part(t)
    print(f"\nstandard point: {t.told()}")
    assert f.overflow() == []
    f.page.context.close()
    tablet.stop()

    store = Store(tablet.folder)
    made: dict[str, list[dict[str, Any]]] = {}
    for _, _, change in store.changes():
        made.setdefault(change.type, []).append(change.after)
    assert store.drafts() == []
    store.close()
    wanted = {
        "point": 1,
        "borehole": 1,
        "soil_layer": 3,
        "field_reading": 6,
        "sample": 2,
        "sample_container": 2,
        "photo": 4,
    }
    assert {type: len(made.get(type, [])) for type in wanted} == wanted
    assert [v["bottom_m"] for v in made["soil_layer"]] == ["0.6", "2.1", "6.0"]
    assert [v["value"] for v in made["field_reading"]] == ["642", "35", "48", "12", "0.3", "0.1"]
    assert all(v.get("layer_id") and v.get("borehole_id") for v in made["sample"])
    assert t.taps <= MOST_TAPS
