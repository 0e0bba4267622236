"""Somebody who has never seen the console: from sign-in, by what is written on the page, to the three questions of the first minute
and to the jobs of every day. No address is typed; clicks are counted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from schemas.rules import reconcile
from sync_server.facts import load_facts
from tests.ui import overview_seed
from tests.ui.console import Site, served, watched
from tests.ui.console_seed import NOW, PASSWORD
from tests.ui.review_seed import Work, work

pytestmark = pytest.mark.ui
PROJECT = "红星电镀厂地块 详细调查"


@dataclass
class Walk:
    """One person before one page. `clicks` after signing in."""

    page: Page
    clicks: int = 0

    def click(self, what: str | re.Pattern[str], role: Any = "link", within: str = "main", last: bool = False) -> None:
        """The first thing of this name that can be seen."""
        found = self.page.locator(within).get_by_role(role, name=what).locator("visible=true")
        (found.last if last else found.first).click()
        self.clicks += 1

    def go(self, entry: str) -> None:
        """By the navigation, wherever one is."""
        self.click(re.compile(f"^{entry}"), within="nav.side")
        expect(self.page.locator("h1")).to_be_visible()

    @property
    def main(self) -> Locator:
        return self.page.locator("main")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Work]]:
    with served(tmp_path_factory.mktemp("walk"), overview_seed.fill) as made:
        with httpx.Client(base_url=made.base) as http:
            done = work(made.parts.service, http, made.seeded)
        yield made, done


def arrive(page: Page, site: Site, user: str = "xujing") -> Walk:
    """The only address anybody types is the server's."""
    page.goto(site.base)
    page.get_by_label("用户名").fill(user)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.locator("h1")).to_have_text("全部项目")
    return Walk(page)


def test_which_points_are_missing(site: tuple[Site, Work], browser: Browser) -> None:
    made, _ = site
    assert _missing_now(made), "nothing to find"
    with watched(browser, made) as (page, faults, elsewhere):
        walk = arrive(page, made)
        walk.click(PROJECT)
        walk.click(re.compile("^未做 "))
        shown = page.locator("#points tbody th b")
        expect(shown.first).to_be_visible()
        assert set(shown.all_inner_texts()) == _missing_now(made) and walk.clicks <= 3
        assert (faults, elsewhere) == ([], [])


def _missing_now(site: Site) -> set[str]:
    """After what the tablets handed in since the seed was judged."""
    report = reconcile.run(load_facts(site.parts.service, site.seeded.project, NOW))
    return {p.code for p in report.points if p.state == "missing"}


def test_which_reading_exceeds(site: tuple[Site, Work], browser: Browser) -> None:
    made, _ = site
    with watched(browser, made) as (page, faults, elsewhere):
        walk = arrive(page, made)
        walk.click(PROJECT)
        row = page.locator("#first .todo", has_text="超管制值").first
        expect(row).to_contain_text("S14")  # the worst one, without another click
        expect(row).to_contain_text("820 mg/kg")
        walk.click(re.compile("S14 .*820 mg"), within="#first")
        expect(page.locator(".verdict")).to_contain_text("管制值 600 的 1.37 倍")
        assert walk.clicks <= 3 and (faults, elsewhere) == ([], [])


def test_which_manifest_never_arrived(site: tuple[Site, Work], browser: Browser) -> None:
    made, _ = site
    with watched(browser, made) as (page, faults, elsewhere):
        walk = arrive(page, made)
        walk.click(PROJECT)
        row = page.locator("#first .todo", has_text="未到场").first
        expect(row).to_contain_text(overview_seed.LOST)
        walk.click("转运联单")  # what to look after comes first, then every load with how it stands
        line = page.locator("#watch li", has_text=overview_seed.LOST)
        expect(line).to_contain_text("未到场")
        assert page.locator("#watch li", has_text="未到场").count() == 1
        expect(page.locator("#loads tbody tr").first).to_contain_text(overview_seed.LOST)
        walk.click(re.compile(overview_seed.LOST))
        expect(page.locator("h1")).to_contain_text(overview_seed.LOST)
        assert walk.clicks <= 3 and (faults, elsewhere) == ([], [])


def test_the_jobs_of_every_day(site: tuple[Site, Work], browser: Browser) -> None:
    """A record returned, a conflict decided, a device that is silent, a point moved, a plan to import, somebody invited, a tablet
    enrolled, what is shown exported, a sample found: all by links, from wherever one is."""
    made, _ = site
    with watched(browser, made) as (page, faults, elsewhere):
        walk = arrive(page, made)
        walk.click(PROJECT)
        expect(page.locator("#devices")).to_contain_text("2 天前")  # who has not synced: on the first page

        walk.go("审核")
        walk.click("S14", within="#rows, table")
        walk.clicks += 1
        page.locator("textarea:visible").first.fill("2.5 m 复测一次")
        page.get_by_role("button", name=re.compile("^退回")).locator("visible=true").first.click()
        expect(page.get_by_role("status").first).to_contain_text("退回")

        walk.go("冲突")
        walk.click(re.compile("HX-S18-2"))
        page.locator("textarea:visible").first.fill("按岩心箱照片")
        page.get_by_role("button", name="留 1.8 m").click()
        expect(page.get_by_role("status").first).to_contain_text("留现值")

        walk.go("地图")
        walk.click("S12")
        walk.click("移动计划点位")
        expect(page.locator("h1")).to_contain_text("草案")
        expect(page.get_by_label("点位", exact=True)).to_have_value("S12")

        walk.go("布点方案")
        walk.click("导入方案")
        expect(page.get_by_label("文件", exact=True)).to_be_visible()

        walk.go("成员与设备")
        walk.click("邀请新成员")
        expect(page.locator("#username")).to_be_visible()
        walk.go("成员与设备")
        walk.click("周岚")
        page.get_by_role("button", name="生成登记码").click()
        expect(page.locator("main svg[role=img], main .qr svg").first).to_be_visible()

        walk.go("记录")
        walk.click("导出所见")
        expect(page.locator("h1")).to_have_text("新的导出")

        page.get_by_role("searchbox").locator("visible=true").first.fill("HX-S07-2")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("HX-S07-2")
        assert (faults, elsewhere) == ([], [])


def test_a_deep_link_outlives_the_sign_in(site: tuple[Site, Work], browser: Browser) -> None:
    """A link somebody sent leads to its page; a change of language stays there; back leads to the filter as it was."""
    made, _ = site
    with watched(browser, made, 390) as (page, faults, _):
        page.goto(f"{made.project}/records/field_reading?order=worst")
        page.get_by_label("用户名").fill("wang")
        page.get_by_label("密码").fill(PASSWORD)
        page.get_by_role("button", name="登录").click()
        expect(page).to_have_url(re.compile(r"/records/field_reading\?order=worst$"))
        page.locator("#records tbody th a").first.click()
        expect(page.locator(".verdict")).to_be_visible()
        record = page.url
        page.locator("summary", has=page.locator(".ic")).locator("visible=true").first.click()
        page.get_by_role("link", name="EN").locator("visible=true").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        assert page.url.split("?")[0] == record
        page.go_back()
        page.go_back()
        expect(page).to_have_url(re.compile("order=worst"))
        assert faults == []


def test_without_script_on_a_phone(site: tuple[Site, Work], browser: Browser) -> None:
    """The three answers stand in the page itself: the browser's own find meets them."""
    made, _ = site
    with watched(browser, made, 390, script=False) as (page, _, _):
        walk = arrive(page, made, "wang")
        walk.click(PROJECT)
        text = walk.main.inner_text()
        for said in ("S14", "820 mg/kg", "未做"):
            assert said in text, said
        walk.click(re.compile("^未做 "))
        assert set(page.locator("#points tbody th b").all_inner_texts()) == _missing_now(made)
