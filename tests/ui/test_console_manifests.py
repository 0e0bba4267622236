"""The pages of transfer in a real browser: every dress, the ledger renews itself, a plan is made with the keyboard and without script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.console import Site, in_every_dress, served, sign_in, watched
from tests.ui.manifests_seed import Moved, moved

pytestmark = pytest.mark.ui
MAP = "#leaflet[data-state=ready]"
# what happens every 30 s
RENEW = (
    "void htmx.ajax('GET', location.pathname, {source: '#live', target: '#live', select: '#live', swap: 'outerHTML'})"
)
made: list[Moved] = []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    def fill(parts: Any) -> Any:
        made.append(moved(parts.service, parts.auth, points=1))
        return made[-1].seeded

    with served(tmp_path_factory.mktemp("moved"), fill) as found:
        yield found


def at(site: Site, rest: str) -> str:
    return f"/console/projects/{site.seeded.project}{rest}"


def test_the_ledger_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, at(site, "/manifests"), ready="#live .js:not([hidden])")


def test_a_load_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, at(site, f"/manifests/{made[-1].manifests['409']}"), ready=MAP)


def test_a_plan_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, at(site, f"/transfer/{made[-1].draft}"), ready=MAP)


def test_the_form_of_a_plan_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, at(site, f"/transfer/{made[-1].draft}/edit"))


def test_the_ledger_renews_itself_and_keeps_what_is_open(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, faults, elsewhere):
        sign_in(page, site, at=at(site, "/manifests"))
        expect(page.locator("#loads header")).to_contain_text("每 30 秒自动更新")
        page.locator("#balance details summary").first.click()
        page.fill("input[name=plate]", "A5541")
        page.evaluate(RENEW)
        page.wait_for_timeout(300)
        assert page.input_value("input[name=plate]") == "A5541"  # nobody's typing is swept away
        page.locator("input[name=plate]").blur()
        with page.expect_response(lambda r: r.url.endswith("/manifests")):
            page.evaluate(RENEW)
        expect(page.locator("input[name=plate]")).to_have_value("")
        expect(page.locator("#balance details").first).to_have_attribute("open", "")
        expect(page.locator("#loads header")).to_contain_text("每 30 秒自动更新")
        page.fill("input[name=plate]", "A5541")
        page.keyboard.press("Enter")
        expect(page.locator("#loads tbody tr")).to_have_count(3)
        page.locator("#loads tbody th a").first.click()
        expect(page.locator("h1")).to_have_text("2026 3211 000416")
        assert (faults, elsewhere) == ([], [])


def test_without_script_all_is_read_filtered_and_written(site: Site, browser: Browser) -> None:
    with watched(browser, site, 390, script=False) as (page, _, elsewhere):
        sign_in(page, site, at=at(site, "/manifests?state=road"))
        expect(page.locator("#loads tbody tr")).to_have_count(3)
        expect(page.locator("#loads header .nojs")).to_be_visible()
        page.goto(site.base + at(site, f"/transfer/{made[-1].plan}"))
        page.locator("#steps summary").nth(1).click()
        page.fill("input[name=suspend_reason]", "暴雨")
        page.locator("button[value=suspend]").click()
        expect(page.locator(".judge.c-done")).to_contain_text("已暂停")
        page.locator("button[value=resume]").click()
        expect(page.locator(".judge.c-done")).to_contain_text("已恢复执行")
        assert elsewhere == []
