"""The pages of inspections in a real browser: every dress, a finding closed by two people with keyboard and without script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.console import Site, in_every_dress, served, sign_in, watched
from tests.ui.inspections_seed import Checked, inspections_seed

pytestmark = pytest.mark.ui
made: list[Checked] = []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    def fill(parts: Any) -> Any:
        made.append(inspections_seed(parts))
        return made[-1].seeded

    with served(tmp_path_factory.mktemp("checked"), fill) as found:
        yield found


def at(site: Site, rest: str) -> str:
    return f"/console/projects/{site.seeded.project}{rest}"


def test_the_ledger_with_a_finding_below_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, at(site, f"/findings?at={made[-1].findings['W-06']}"), user="wang")


def test_a_check_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(
        site,
        browser,
        at(site, f"/inspections/{made[-1].checks['enforcement']}"),
        user="wang",
        ready="#leaflet[data-state=ready]",
    )


def test_two_inspectors_close_a_finding_and_enter_decides_nothing(site: Site, browser: Browser) -> None:
    there = at(site, f"/findings/{made[-1].findings['W-05']}")
    with watched(browser, site, 390) as (page, faults, elsewhere):
        sign_in(page, site, "wang", at=there)
        page.locator("#recheck summary").nth(1).click()
        page.fill("#in-refer", "公安局")
        page.keyboard.press("Enter")  # sends nothing: not even the button above it
        expect(page.locator("#in-refer")).to_have_value("公安局")
        assert page.url.endswith(there)
        page.fill("#in-opinion", "电话已补")
        page.locator("button[value=closed]").click()
        expect(page.locator(".judge.c-done")).to_contain_text("还要第二名检查人员")
        expect(page.locator("#recheck .pend")).to_contain_text("王工 已作「销号」")
        assert (faults, elsewhere) == ([], [])
    with watched(browser, site, 390, script=False) as (page, _, elsewhere):
        sign_in(page, site, "hemin", at=there)
        page.locator("button[value=closed]").click()
        expect(page.locator(".judge.c-done")).to_contain_text("已销号")
        expect(page.locator("#recheck h2")).to_have_text("回头看")
        assert elsewhere == []
