"""The first page of a project and the list of projects in a real browser, on the project's worst day."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.console import Site, in_every_dress, overflow, served, sign_in, watched
from tests.ui.overview_seed import LOST, fill

pytestmark = pytest.mark.ui


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("server"), fill) as found:
        yield found


def test_the_page_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, f"/console/projects/{site.seeded.project}", ready="#leaflet[data-state=ready]")


def test_the_list_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, "/console/")


def test_a_stranger_finds_the_three_answers_at_once(site: Site, browser: Browser) -> None:
    """Without scrolling, without a click: which manifest never arrived, which reading exceeds, which points are missing; a click
    further the record, the list, the map."""
    with watched(browser, site, 1440) as (page, faults, _):
        sign_in(page, site, at=f"/console/projects/{site.seeded.project}")
        for about, said in (("T01", LOST), ("R04", "S14 2.5 m 镍 820 mg/kg"), ("F01", "S18、S19、S22、S25、S30")):
            row = page.locator(f'.todo[data-about="{about}"]').first
            expect(row).to_contain_text(said)
            expect(row).to_be_in_viewport()
        expect(page.locator("#depth svg.chart.wide")).to_be_in_viewport()
        expect(page.locator("#depth svg.chart.narrow")).to_be_hidden()
        page.locator('.todo[data-about="F01"]').click(position={"x": 300, "y": 20})  # the whole row is the way
        expect(page).to_have_url(re.compile(r"\?check=F01#points$"))
        expect(page.locator("#points tbody tr")).to_have_count(5)
        expect(page.locator("#points")).to_be_in_viewport()
        page.goto(site.project)
        assert page.locator('.todo[data-about="T01"] b a').get_attribute("href") in {
            f"/console/projects/{site.seeded.project}/manifests/{f.subject_id}"
            for f in site.report.findings if f.check == "T01"
        }  # fmt: skip
        page.locator('.todo[data-about="R04"] .onmap').first.click()
        expect(page).to_have_url(re.compile(r"/map\?at=S14$"))
        assert faults == []


def test_another_analyte_and_what_is_missing(site: Site, browser: Browser) -> None:
    with watched(browser, site, 1024) as (page, faults, _):
        sign_in(page, site, at=f"/console/projects/{site.seeded.project}")
        page.click("#depth .pickt > summary")
        page.locator("#depth .sheet2 a", has_text="铅").click()
        expect(page.locator("#depth h2")).to_have_text("铅：按深度对限值")
        expect(page).to_have_url(re.compile(r"analyte=lead#depth$"))
        page.select_option("select[name=state]", "missing")  # the choice stays while the list is filtered
        expect(page.locator("#points tbody tr")).to_have_count(4)
        expect(page).to_have_url(re.compile(r"analyte=lead"))
        page.locator("#progress td.n a").first.click()
        expect(page.locator("#points header")).to_contain_text("只看缺「土壤」的点")
        expect(page.locator("#points tbody tr").first).to_be_visible()
        assert faults == []


def test_by_keyboard_and_without_script(site: Site, browser: Browser) -> None:
    with watched(browser, site, 390, script=False) as (page, _, elsewhere):
        sign_in(page, site, at=f"/console/projects/{site.seeded.project}")
        expect(page.locator("#depth svg.chart.narrow")).to_be_visible()
        page.locator("#depth .same summary").click()
        expect(page.locator("#depth .same li", has_text="S14 820 mg/kg，2.5 m，管制值 600 的 1.37 倍")).to_be_visible()
        link = page.locator(".todo b a").first
        page.keyboard.press("Tab")
        link.focus()
        edge = page.locator(".todo").first.evaluate("row => getComputedStyle(row).outlineStyle")
        assert edge == "solid"  # the row shows where the keyboard is
        for target in page.locator(".todo .btn, .todo .onmap, #progress td.n a, header .more").all():
            box = target.bounding_box()
            assert box is None or box["height"] >= 44, target
        page.locator("details.menu summary").click()
        page.fill("#q-menu", "S14")
        page.press("#q-menu", "Enter")
        expect(page).to_have_url(re.compile(r"/find\?q=S14$"))
        assert elsewhere == [] and overflow(page) == 0


def test_on_paper(site: Site, browser: Browser) -> None:
    with watched(browser, site, 1024) as (page, _, _):
        sign_in(page, site, at=f"/console/projects/{site.seeded.project}")
        page.emulate_media(media="print")
        for gone in (".top", ".todo .btn", ".todo .onmap", "#depth .pickt", ".filters"):
            expect(page.locator(gone).first).to_be_hidden()
        for there in (".todo b", "#depth svg.chart.wide", "#progress .prog", "#points tbody tr"):
            expect(page.locator(there).first).to_be_visible()
