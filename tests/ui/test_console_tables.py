"""Filter, order, columns and search of the tables in a real browser: every dress, by keyboard, as cards, without script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sync_server.service import Write
from tests.ui import console_seed
from tests.ui.console import Site, in_every_dress, overflow, served, sign_in, watched
from tests.ui.console_seed import Seeded

pytestmark = pytest.mark.ui
LONG = "红星电镀厂地块西北角原镀镍车间" * 14  # some 200 characters


def fill(parts: Any) -> Seeded:
    """The console's project, with readings of every judgement and a sample of a very long note."""
    seeded, service = console_seed.seed(parts.service, parts.auth), parts.service
    reading = service.records("field_reading", seeded.field)[0].values
    made = (
        {"parameter": "Cr", "value": "1240"}, {"parameter": "As", "value": "16.2"},
        {"value": "38", "qualifier": "lt", "lod": "200"}, {"value": "0.52", "unit": "pct", "parameter": "Cu"},
    )  # fmt: skip
    sample = service.records("sample", seeded.field)[0]
    service.write(None, [
        *(Write("field_reading", service.new_id(), seeded.field, {**reading, **more}) for more in made),
        Write("sample", sample.id, seeded.field, {**sample.values, "note": LONG}),
    ])  # fmt: skip
    return seeded


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("tables") / "data", fill) as site:
        yield site


def at(site: Site, rest: str) -> str:
    return f"/console/projects/{site.seeded.project}/{rest}"


def names(page: Page) -> list[str]:
    found: list[str] = page.locator(".recs tbody th b").all_inner_texts()
    return found


def test_readings_in_every_dress(here: Site, browser: Browser) -> None:
    in_every_dress(here, browser, at(here, "records/field_reading?order=worst&method.is=xrf"), ready=".recs .limit")


def test_the_search_in_every_dress(here: Site, browser: Browser) -> None:
    in_every_dress(here, browser, at(here, "find?q=S0"), ready=".hits")


def test_from_the_filter_to_the_worst_reading(here: Site, browser: Browser) -> None:
    """Which reading exceeds? By keyboard alone: into the filter, a number, the worst first, to its record."""
    with watched(browser, here) as (page, faults, elsewhere):
        sign_in(page, here, at=at(here, "records/field_reading"))
        page.locator(".ask .drop > summary").focus()
        page.keyboard.press("Enter")
        page.locator("[name='value.least']").fill("150")
        page.keyboard.press("Enter")
        expect(page.locator(".chosen a").first).to_contain_text("读数值 ≥ 150")
        assert page.locator(".recs tbody tr").count() == 4
        page.locator(".tools .seg a", has_text="超限程度高的在前").click()
        first = page.locator(".recs tbody tr").first
        expect(first.locator(".chip").first).to_have_text("超管制值")
        expect(first).to_contain_text("642")
        page.locator(".recs thead a", has_text="读数值").click()
        expect(page.locator("th[aria-sort=descending]")).to_contain_text("读数值")
        expect(page.locator(".recs tbody tr").first).to_contain_text("1\u00a0240")
        first.locator("th a").click()
        expect(page).to_have_url(re.compile("/records/field_reading/[0-9a-f-]{36}$"))
        page.go_back()
        page.locator(".chosen a").first.click()
        expect(page.locator(".chosen")).to_have_count(0)
        page.locator(".ask .drop > summary").click()
        expect(page.locator("[name='value.least']")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("[name='value.least']")).to_be_hidden()
        assert faults == [] and elsewhere == []


def test_columns_are_chosen_and_stay(here: Site, browser: Browser) -> None:
    with watched(browser, here) as (page, faults, _):
        sign_in(page, here, at=at(here, "records/sample"))
        page.locator(".ph .drop > summary").click()
        for box in page.locator(".ticks input").all():
            box.uncheck()
        page.locator(".ticks label", has_text="采样时间").click()
        page.locator(".ticks label", has_text="备注").click()
        page.locator(".sheet3 button", has_text="显示所选的列").click()
        wanted = ["样品编号", "状态", "采样时间", "备注"]
        expect(page.locator(".recs thead th")).to_have_text(wanted)
        page.goto(here.base + at(here, "records/sample"))
        expect(page.locator(".recs thead th")).to_have_text(wanted)
        assert overflow(page) == 0 and faults == []
        page.goto(here.base + at(here, "records/sample?columns=filled"))
        page.goto(here.base + at(here, "records/sample"))
        expect(page.locator(".recs thead")).to_contain_text("采样人")


@pytest.mark.parametrize("script", [True, False])
def test_on_a_phone_each_row_is_a_card(here: Site, browser: Browser, script: bool) -> None:
    with watched(browser, here, 390, script=script) as (page, faults, elsewhere):
        sign_in(page, here, at=at(here, "records/sample?order=code"))
        expect(page.locator(".recs thead")).to_be_hidden()
        card = page.locator(".recs tbody tr").first
        box = card.bounding_box()
        assert box is not None and box["width"] <= 390 and overflow(page) == 0
        depth = card.locator("td[data-h='上深 m']")
        assert depth.evaluate("d => getComputedStyle(d, '::before').content") == '"上深 m"'
        expect(card.locator("td[data-h='采样批次']")).to_be_hidden()  # on the record's page
        page.locator(".ask .drop > summary").click()
        page.locator("[name='code.has']").fill("S14")
        page.locator(".sheet3 button", has_text="按这些条件筛选").click()
        assert names(page) == ["HX-S14-1", "HX-S14-2"]
        small = page.locator(".tools .btn, .chosen a, .recs tbody th a, .ph .btn").evaluate_all(
            "all => all.filter(a => a.offsetParent && a.getBoundingClientRect().height < 44).map(a => a.textContent)"
        )
        assert small == []
        page.goto(here.base + at(here, "records/sample?columns=all"))
        assert overflow(page) == 0
        expect(page.locator("td[data-h='备注']").last).to_contain_text("红星电镀厂地块西北角原镀镍车间")
        assert faults == [] and elsewhere == []


def test_a_wrong_filter_is_told_where_it_stands(here: Site, browser: Browser) -> None:
    with watched(browser, here, 390) as (page, _, _):
        sign_in(page, here, at=at(here, "records/field_reading?value.least=viel&value.most=40"))
        box = page.locator(".fbox [name='value.least']")
        expect(box).to_be_visible()
        expect(box).to_have_value("viel")
        expect(box).to_have_attribute("aria-invalid", "true")
        expect(page.locator(".bad")).to_contain_text("读数值")
        expect(page.locator("[role=alert]")).to_contain_text("其余条件照常")
        assert page.locator(".recs tbody tr").count() > 5 and overflow(page) == 0


def test_a_code_in_the_search_opens_its_record(here: Site, browser: Browser) -> None:
    with watched(browser, here) as (page, faults, _):
        sign_in(page, here, at=at(here, "records/point"))
        page.fill("#q-top", "hx-s14-1")
        page.press("#q-top", "Enter")
        expect(page).to_have_url(re.compile("/records/sample/[0-9a-f-]{36}$"))
        page.fill("#q-top", "S14")
        page.press("#q-top", "Enter")
        expect(page.locator(".hits h2").first).to_have_text("计划点位")
        expect(page.locator(".tag")).to_have_count(2)
        page.locator(".hits a", has_text="HX-S14-2").click()
        expect(page).to_have_url(re.compile("/records/sample/"))
        assert faults == []
