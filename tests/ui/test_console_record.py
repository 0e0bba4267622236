"""The page of one record in a real browser: every dress, photos in large by keyboard alone, without script, on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui import console_seed
from tests.ui.console import Site, in_every_dress, overflow, served, sign_in, watched
from tests.ui.console_seed import Seeded
from tests.ui.record_seed import Record, seed

pytestmark = pytest.mark.ui


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Record]]:
    folder, held = tmp_path_factory.mktemp("record"), list[Record]()

    def fill(parts: Any) -> Seeded:
        seeded = console_seed.seed(parts.service, parts.auth)
        held.append(seed(parts, seeded, folder))
        return seeded

    with served(folder / "data", fill) as site:
        yield site, held[0]


def path(site: Site, type: str, id: str) -> str:
    return f"/console/projects/{site.seeded.project}/records/{type}/{id}"


def go(page: Page, site: Site, type: str, id: str, user: str = "xujing") -> None:
    sign_in(page, site, user, at=path(site, type, id))
    expect(page.locator("h1")).to_be_visible()


def test_a_reading_in_every_dress(made: tuple[Site, Record], browser: Browser) -> None:
    site, r = made
    in_every_dress(site, browser, path(site, "field_reading", r.reading), ready="#leaflet[data-state]")


def test_a_point_in_every_dress(made: tuple[Site, Record], browser: Browser) -> None:
    site, r = made
    in_every_dress(site, browser, path(site, "point", r.point), ready="#leaflet[data-state]")


def test_a_reading_says_what_it_means(made: tuple[Site, Record], browser: Browser) -> None:
    site, r = made
    with watched(browser, site) as (page, faults, _):
        go(page, site, "field_reading", r.reading)
        expect(page.locator("h1")).to_have_text("S07 · 1.5–2.0\u00a0m · 镍")
        expect(page.locator(".verdict")).to_have_text("642.0\u00a0mg/kg，管制值 600 的 1.07 倍")
        expect(page.locator("#judged .foot")).to_contain_text("GB 36600-2018")
        expect(page.locator("#judged .foot")).to_contain_text("快筛结果，不作达标结论")
        expect(page.locator("#judged .cal")).to_contain_text("校准有效")
        # the limits stand where they stand on every bar
        bar, line = page.locator(".bigbar").bounding_box(), page.locator(".limits .l50").bounding_box()
        assert bar and line and abs(bar["x"] + bar["width"] / 2 - line["x"] - line["width"] / 2) < 2
        first = page.locator(".ev.record").first
        expect(first).to_contain_text("周岚 改了 3 处")
        expect(first).to_contain_text("设备钟慢 1 分")
        expect(first.locator(".atom ins").first).to_have_text("642.0")
        expect(page.locator("#position")).to_contain_text("40 带，中央经线 120°")
        page.locator("#values a", has_text="S07-1").click()
        expect(page).to_have_url(re.compile(f"/records/borehole/{r.hole}$"))
        page.locator("#referring a", has_text="642.0").click()
        expect(page.locator("h1")).to_contain_text("镍")
        assert faults == []


def test_photos_in_large_by_keyboard_alone(made: tuple[Site, Record], browser: Browser) -> None:
    site, r = made
    with watched(browser, site) as (page, faults, elsewhere):
        go(page, site, "point", r.point)
        expect(page.locator("#photos header")).to_contain_text("3 / 4 已到")
        expect(page.locator(f"#s-{r.missing}")).to_contain_text("文件没有到")
        expect(page.locator(f"#s-{r.photos[2]} figcaption")).to_contain_text("文件写的")
        page.locator(f"#s-{r.photos[0]} a").focus()
        page.keyboard.press("Enter")
        box = page.locator("dialog.lightbox")
        expect(box.locator(".count")).to_have_text("第 1 张，共 3 张")
        expect(box.locator(".claims")).to_contain_text("Rugged T10")
        assert page.wait_for_function("document.querySelector('.lightbox img').naturalWidth > 0")
        for key, said in (("ArrowRight", "2"), ("ArrowRight", "3"), ("ArrowRight", "3"), ("ArrowLeft", "2")):
            page.keyboard.press(key)
            expect(box.locator(".count")).to_have_text(f"第 {said} 张，共 3 张")
        for _ in range(12):  # the keyboard stays inside
            page.keyboard.press("Tab")
            assert page.evaluate("!document.activeElement || document.activeElement === document.body"
                                 " || document.querySelector('.lightbox').contains(document.activeElement)")  # fmt: skip
        page.keyboard.press("Escape")
        expect(box).not_to_be_visible()
        assert page.evaluate("document.activeElement.closest('figure').id") == f"s-{r.photos[1]}", "back where one was"
        assert (
            page.locator("[style]").evaluate_all("all => all.filter(a => !a.closest('.leaflet-container')).length") == 0
        )
        assert (faults, elsewhere) == ([], [])


def test_it_works_without_javascript(made: tuple[Site, Record], browser: Browser) -> None:
    site, r = made
    with watched(browser, site, 390, script=False) as (page, _, elsewhere):
        go(page, site, "field_reading", r.reading)
        expect(page.locator("#position .deg")).to_contain_text("119.45")
        expect(page.locator("#leaflet")).to_contain_text("需要 JavaScript")
        page.locator(f"#s-{r.photos[0]} a").click()
        expect(page.locator("h1")).to_contain_text("S07")
        expect(page.locator("#picture .claims")).to_contain_text("Rugged T10")
        page.goto(site.base + path(site, "field_reading", r.reading))
        page.fill("#comment-text", "按无脚本写的批注")
        page.click("#comment button")
        expect(page.locator("[role=status]")).to_have_text("批注已发。")
        expect(page.locator("#comments")).to_contain_text("按无脚本写的批注")
        expect(page.locator(".ev.comment").first).to_contain_text("许静 写了批注")
        page.locator("#m-" + r.comment + " > form button").click()
        expect(page.locator(f"#m-{r.comment} > .evh")).to_contain_text("已处理")
        assert elsewhere == [] and overflow(page) == 0


def test_it_prints(made: tuple[Site, Record], browser: Browser) -> None:
    site, r = made
    with watched(browser, site) as (page, _, _):
        go(page, site, "point", r.point)
        page.emulate_media(media="print")
        for gone in (".side", ".ph .acts", ".say"):
            expect(page.locator(gone).first).not_to_be_visible()
        expect(page.locator("#values")).to_be_visible()
        assert overflow(page) == 0
