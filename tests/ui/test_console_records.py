"""The tables of records in a real browser: every dress and width, a way in, paging, and without script."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from schemas.records import TYPES
from sync_server.service import Write
from tests.ui.console import Site, overflow, sign_in, watched
from tests.ui.test_console import site

pytestmark = pytest.mark.ui
__all__ = ["site"]  # a fixture of the console's tests
WIDE = (1440, 1024, 390, 360)
NOTE = "采样时下雨，岩芯有扰动，表层 20 厘米为碎砖和混凝土块，混有黑色油渍，气味明显；现场已拍照三张，平行样另装一瓶。"


@pytest.fixture(scope="module")
def voided(site: Site) -> str:
    """A voided sample with a long note. Its id."""
    sample = site.parts.service.records("sample", site.seeded.field)[-1]
    values = {**sample.values, "deleted": True, "void_reason": "标签贴错", "note": NOTE}
    site.parts.service.write(None, [Write("sample", sample.id, site.seeded.field, values)])
    return str(sample.id)


def go(page: Page, site: Site, type: str = "sample", user: str = "xujing", **choice: str) -> None:
    sign_in(page, site, user, at=f"/console/projects/{site.seeded.project}/records/{type}", **choice)
    expect(page.locator("h1")).to_be_visible()


def ids(page: Page) -> list[str]:
    found: list[str] = page.locator(".recs tbody tr").evaluate_all("rows => rows.map(r => r.id.slice(2))")
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_in_every_dress(site: Site, browser: Browser, voided: str, lang: str, theme: str) -> None:
    with watched(browser, site) as (page, faults, elsewhere):
        go(page, site, lang=lang, theme=theme)
        line = page.locator(f"#r-{voided}")
        expect(line.locator(".chip")).to_have_text({"zh": "作废", "en": "Voided"}[lang])
        expect(line).to_contain_text("标签贴错")
        expect(page.locator(".recs thead")).to_contain_text({"zh": "上深 m", "en": "Depth top m"}[lang])
        for type in ("sample", "point", "field_reading", "comment", "person", "inspection"):
            page.goto(f"{site.project}/records/{type}?columns=all")
            about = TYPES[type].about
            expect(page.locator("h1")).to_have_text(about.zh if lang == "zh" else about.en)
            for width in WIDE:
                page.set_viewport_size({"width": width, "height": 900})
                if width == 390:  # a phone that opens it, not only a window made narrow
                    page.reload()
                page.locator("details.pickt").evaluate("d => { d.open = false }")
                assert overflow(page) == 0, f"{type} at {width}"
                page.locator("details.pickt summary").click()
                expect(page.locator(".sheet2 a[aria-current]")).to_be_visible()
                assert overflow(page) == 0, f"{type} at {width}, choosing"
                page.keyboard.press("Escape")
                expect(page.locator(".sheet2 a[aria-current]")).to_be_hidden()
        assert faults == [] and elsewhere == []


def test_a_wide_table_scrolls_in_its_own_box(site: Site, browser: Browser, voided: str) -> None:
    with watched(browser, site, 1024) as (page, _, _):  # narrower than 900 px each row is a card
        go(page, site)
        box = page.locator(".scrollx")
        assert box.evaluate("b => b.scrollWidth > b.clientWidth + 300")
        first = page.locator(f"#r-{voided} th")
        before = first.bounding_box()
        box.evaluate("b => { b.scrollLeft = 10000 }")
        expect(page.locator(".recs thead th").last).to_be_in_viewport()
        assert first.bounding_box() == before  # what it is called stays in sight
        assert overflow(page) == 0
        note = page.locator(f"#r-{voided} details.long").last
        assert NOTE not in note.inner_text()
        note.locator("summary").click()
        assert note.inner_text().replace("\n", "") == NOTE


def test_from_the_project_to_the_last_page_and_back(site: Site, browser: Browser) -> None:
    wanted = [
        r.id for r in sorted(site.parts.service.records("planned_target", site.seeded.field), key=lambda r: -r.seq)
    ]
    with watched(browser, site) as (page, faults, elsewhere):
        sign_in(page, site, at=f"/console/projects/{site.seeded.project}")
        page.locator(".acts a", has_text="看记录表").click()
        expect(page.locator("h1")).to_have_text("点位")
        page.locator("details.pickt summary").click()
        page.locator(".sheet2 a", has_text="计划采样任务").click()
        assert ids(page) == wanted[:50]
        expect(page.locator("a[rel=prev]")).to_have_count(0)
        page.click("a[rel=next]")
        expect(page).to_have_url(re.compile("[?&]after=[0-9]+$"))
        assert ids(page) == wanted[50:]
        expect(page.locator("a[rel=next]")).to_have_count(0)
        page.reload()  # the address is the page
        assert ids(page) == wanted[50:]
        page.click("a[rel=prev]")
        assert ids(page) == wanted[:50]
        page.locator(".seg a", has_text="最早改动在前").click()
        assert ids(page) == wanted[::-1][:50]
        page.goto(f"{site.project}/records/planned_target?after=1")
        expect(page.locator(".empty")).to_contain_text("后面没有了")
        page.locator(".empty a").click()
        assert ids(page) == wanted[:50]
        page.locator(".side a", has_text="概况").click()
        page.locator(".side a", has_text="记录").click()
        expect(page.locator("h1")).to_have_text("点位")
        assert faults == [] and elsewhere == []


def test_it_works_without_javascript(site: Site, browser: Browser) -> None:
    with watched(browser, site, 390, script=False) as (page, _, elsewhere):
        go(page, site, "planned_target")
        first = ids(page)
        page.click("a[rel=next]")
        assert len(ids(page)) == 10 and not set(first) & set(ids(page))
        page.locator("details.pickt summary").click()
        page.locator(".sheet2 a", has_text="仪器设备").click()
        expect(page.locator(".recs tbody")).to_contain_text("Vanta")
        page.locator("a", has_text="列出全部列").click()
        expect(page.locator(".recs thead")).to_contain_text("备注")
        assert elsewhere == []


def test_an_empty_table_says_what_to_do(site: Site, browser: Browser) -> None:
    with watched(browser, site, 390) as (page, _, _):
        go(page, site, "inspection")
        expect(page.locator(".empty")).to_contain_text("让平板同步一次")
        page.locator(".empty a").click()
        expect(page.locator("h1")).to_have_text("红星电镀厂地块 详细调查")


def test_a_sampler_finds_no_inspections(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, _, _):
        go(page, site, "point", user="zhoulan")
        page.locator("details.pickt summary").click()
        expect(page.locator(".sheet2")).to_contain_text("土层")
        expect(page.locator(".sheet2 a", has_text="检查项")).to_have_count(0)
        answer = page.goto(f"{site.project}/records/inspection")
        assert answer is not None and answer.status == 404
        expect(page.locator("h1")).to_contain_text("没有这个数据范围")


def test_nothing_inline_and_every_control_large_enough(site: Site, browser: Browser) -> None:
    with watched(browser, site, 390) as (page, faults, _):
        go(page, site, "planned_target")
        assert page.locator("[style]").count() == 0 and page.locator("script:not([src])").count() == 0
        page.locator("details.pickt summary").click()
        small = page.locator(".tools .btn, .pager .btn, .sheet2 a").evaluate_all(
            "all => all.filter(a => a.getBoundingClientRect().height < 44).map(a => a.textContent)"
        )
        assert small == []
        expect(page.locator(".scrollx[role=region][tabindex='0'][aria-label]")).to_have_count(1)
        assert page.locator(".recs tbody th:not([scope=row])").count() == 0
        assert faults == []
