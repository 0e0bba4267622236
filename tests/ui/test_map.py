"""Map, base map and stake-out in a real browser: a point is chosen, walked to, and its position begun; and a site of thousands."""

from __future__ import annotations

import contextlib
import io
import math
import re
import sqlite3
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser

from field_app.store import Store
from tests.ui import seed
from tests.ui.driver import Driver, Tablet, unlock
from tests.unit import many

pytestmark = pytest.mark.ui
# In the place of the browser's own, which answers only now and then while it is watched.
RECEIVER = """(() => {
  window.fix = {lon: %s, lat: %s, acc: %s, age: 0};
  const now = () => ({coords: {latitude: fix.lat, longitude: fix.lon, accuracy: fix.acc, altitude: 12, altitudeAccuracy: 3,
    heading: null, speed: null}, timestamp: Date.now() - 1000 * fix.age});
  const g = navigator.geolocation;
  g.getCurrentPosition = ok => setTimeout(() => ok(now()), 20);
  g.watchPosition = ok => setInterval(() => ok(now()), 500);
  g.clearWatch = id => clearInterval(id);
})()"""


def opened(browser: Browser, url: str, east: float, north: float, width: int = 390, height: int = 844) -> Driver:
    """A window whose receiver stands so many metres from the middle of the site."""
    at = seed.place(east, north)
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN", permissions=["geolocation"]
    )
    context.add_init_script(RECEIVER % (at["lon"], at["lat"], 2.1))
    f = Driver(context.new_page(), url)
    unlock(f)
    return f


def stand(f: Driver, east: float, north: float, acc: float = 2.1, age: float = 0) -> None:
    at = seed.place(east, north)
    f.page.evaluate(f"Object.assign(fix, {{lon: {at['lon']}, lat: {at['lat']}, acc: {acc}, age: {age}}})")


def base_map(path: Path, zoom: int = 16) -> None:
    """Coloured squares around the site, each with its number."""
    path.parent.mkdir(parents=True)
    n = 2**zoom
    x0 = int((seed.LON + 180) / 360 * n)
    y0 = int((1 - math.asinh(math.tan(math.radians(seed.LAT))) / math.pi) / 2 * n)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
        db.executemany(
            "INSERT INTO metadata VALUES (?,?)",
            {
                "name": "航片",
                "attribution": "测绘院 2026",
                "format": "png",
                "minzoom": str(zoom),
                "maxzoom": str(zoom),
            }.items(),
        )
        db.execute("CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB)")
        for x in range(x0 - 2, x0 + 3):
            for y in range(y0 - 2, y0 + 3):
                image = Image.new("RGB", (256, 256), (190 + x % 3 * 20, 215, 185 + y % 3 * 20))
                ImageDraw.Draw(image).rectangle((0, 0, 255, 255), outline=(110, 140, 110))
                out = io.BytesIO()
                image.save(out, "PNG")
                db.execute("INSERT INTO tiles VALUES (?,?,?,?)", (zoom, x, n - 1 - y, out.getvalue()))
    db.close()


def test_from_the_map_to_the_point(tmp_path: Path, browser: Browser) -> None:
    folder = tmp_path / "tablet"
    store = Store(folder)
    seed.fill(store)
    store.close()
    base_map(folder / "tiles" / "现场.mbtiles")
    (folder / "tiles" / "坏的.mbtiles").write_text("<html>")
    tablet = Tablet(folder, None)
    try:
        f = opened(browser, tablet.start(), *seed.NEAR_S15)
        answers: list[tuple[str, int]] = []
        f.page.on("response", lambda r: answers.append((r.url, r.status)))
        f.tap("地图", exact=True)
        f.see(re.compile("无底图，一格 \\d+ m"))
        f.tap("底图", exact=True)
        f.tap(re.compile("^坏的.mbtiles"))
        f.see("这不是 MBTiles 底图文件")
        f.tap(re.compile("^现场.mbtiles"))
        f.see("底图可能与定位错开")
        f.tap("回到地图")
        f.see("测绘院 2026")
        deadline = 100
        while deadline and not any("/tiles/" in url for url, _ in answers):
            f.page.wait_for_timeout(50)
            deadline -= 1
        tiles = [(url, status) for url, status in answers if "/tiles/" in url]
        assert tiles and all(status == 200 for _, status in tiles)
        assert all(url.startswith(f.page.url.split("/", 3)[0]) for url, _ in tiles)

        f.tap("看哪些点位", exact=True)
        f.tap(re.compile("^待采 6"))
        f.tap("回到地图")
        f.see("只看待采")
        f.gone("S07 已完成")
        f.tap(re.compile("^S16 待采"))
        f.see(re.compile("35 m"))
        f.tap("去 S16")

        f.see("S16 放样")
        f.see(re.compile("35 m"))
        f.see("没到位，仍开始 S16")
        stand(f, 30, -26)
        f.see(re.compile(r"9\.0 m 很近"))
        stand(f, 30, -26, age=42)
        f.see(re.compile("定位是 4\\d 秒前的"))
        assert not re.search(r"^9\.0 m", f.everything(), re.M)
        stand(f, 30, -26, acc=12)
        f.see("比距离")
        stand(f, 80, -26)
        f.see(re.compile("你在地块边界外 2\\d m"))
        stand(f, 39.5, -26)
        f.see("到位，定位 S16")
        assert f.overflow() == [] and not [b for b in f.boxes() if float(str(b["w"])) < 55]
        f.tap("到位，定位 S16")
        f.see("水平精度")
        f.see(re.compile("平均 [2-9]"))
        assert f.errors == []
        f.page.context.close()
    finally:
        tablet.stop()


def test_a_site_of_thousands(tmp_path: Path, browser: Browser) -> None:
    many.tablet(tmp_path / "tablet", 4_000).close()
    tablet = Tablet(tmp_path / "tablet", None)
    try:
        f = opened(browser, tablet.start(), 2, 1, 1024, 768)
        f.see("全部 4020")
        names = re.findall(r"^(M\d{6}|S\d\d)，(待采|已完成)", f.everything(), re.M)
        assert len(names) >= 25
        f.tap("再列一些，还有 3990 个")
        f.see("再列一些，还有 3950 个")
        f.tap("地图", exact=True)
        f.see(re.compile(r"\d+ 个点位，点一下放大"))
        drawn = re.findall(r"(\d+) 个点位，点一下放大", f.everything())
        assert sum(map(int, drawn)) > 1000 and len(drawn) < 121
        for _ in range(4):  # the map may be drawn anew just when it is tapped
            f.tap("回到我", exact=True)
            with contextlib.suppress(AssertionError):
                f.see("一格 20 m", 8_000)
                break
        f.see("一格 20 m")
        f.tap(re.compile(r"^\d+ 个点位，点一下放大"))  # nearer, until they stand apart
        f.see(re.compile(r"^M\d{6} 待采", re.M))
        assert f.errors == []
        f.page.context.close()
    finally:
        tablet.stop()
