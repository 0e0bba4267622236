"""Review and conflicts in a real browser: every dress, ticking, deciding, the three keys, and all of it without script."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.ui.console import Site, in_every_dress, overflow, served, sign_in, watched
from tests.ui.review_seed import Work, work

pytestmark = pytest.mark.ui


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("review")) as made:
        yield made


@pytest.fixture(scope="module")
def done(site: Site) -> Work:
    with httpx.Client(base_url=site.base) as http:
        return work(site.parts.service, http, site.seeded)


def path(site: Site, rest: str = "review") -> str:
    return f"/console/projects/{site.seeded.project}/{rest}"


def states(site: Site, code: str) -> set[str]:
    """What was decided about the records of a group's point."""
    rows = site.parts.service.records("review_decision", site.seeded.field)
    visits = {s.id for s in site.parts.service.records("point", site.seeded.field) if s.values["code"] == code}
    return {r.values["state"] for r in rows if r.values["subject_id"] in visits}


def test_review_in_every_dress(site: Site, done: Work, browser: Browser) -> None:
    in_every_dress(
        site,
        browser,
        path(site, f"review?at=point-{site.seeded.planned['S19']}"),
        ready="#rv-decide .core, .rvcore svg",
    )


def test_one_conflict_in_every_dress(site: Site, done: Work, browser: Browser) -> None:
    in_every_dress(site, browser, path(site, f"conflicts/{done.clash}"), ready="#cf-after")


def test_conflicts_and_what_was_returned_in_every_dress(site: Site, done: Work, browser: Browser) -> None:
    in_every_dress(site, browser, path(site, "conflicts"), ready="#cf-decided")
    in_every_dress(site, browser, path(site, "review?tab=mine"), ready=".rvlines")


def test_bad_first_clean_ones_ticked(site: Site, done: Work, browser: Browser) -> None:
    with watched(browser, site) as (page, faults, _):
        sign_in(page, site, at=path(site))
        rows = page.locator(".rvlist tbody tr")
        expect(rows.first).to_contain_text("超管制值")
        expect(rows.first.locator("input")).not_to_be_checked()
        expect(rows.nth(1)).to_contain_text("重交")
        ticked = page.locator(".rvlist input:checked")
        expect(page.locator("#rv-bulk")).to_contain_text("无问题的")  # the script is there
        n = ticked.count()
        assert n == page.locator(".rvlist input[data-clean]").count() > 0
        expect(page.locator("#rv-bulk")).to_have_text(f"通过 {n} 组无问题的")
        rows.first.locator("input").check()
        expect(page.locator("#rv-bulk")).to_have_text(f"通过勾选的 {n + 1} 组")
        page.locator("#rv-all").check()
        page.locator("#rv-all").uncheck()
        expect(page.locator("#rv-bulk")).to_be_disabled()
        assert faults == []


def test_return_with_words_at_a_tap(site: Site, done: Work, browser: Browser) -> None:
    at = f"point-{site.seeded.planned['S20']}"
    with watched(browser, site, 390) as (page, faults, _):
        sign_in(page, site, at=path(site, f"review?at={at}"))
        page.locator(".rvrecs summary").click()
        boxes = page.locator(".rvlines input")
        for n in range(1, boxes.count()):
            boxes.nth(n).uncheck()
        page.click("#rv-back")  # without a word
        expect(page.locator("[role=alert]")).to_contain_text("退回要写明重做什么")
        expect(page.locator(".rvlines input:checked")).to_have_count(1)  # what was ticked is not lost
        page.locator("[data-reason]").nth(0).click()
        page.locator("[data-reason]").nth(1).click()
        expect(page.locator("#rv-reason")).to_have_value("复测；补照片")
        small = page.evaluate(
            "[...document.querySelectorAll('.rvform .btn, .rvlines .tick, .rvtabs .btn')].map((b) => b.getBoundingClientRect().height)"
        )
        assert min(small) >= 44 and overflow(page) == 0
        page.click("#rv-back")
        expect(page.locator("[role=status]")).to_contain_text("1 条已退回")
        assert states(site, "S20") == {"back"}
        page.click(".rvtabs a:has-text('我退回的')")
        expect(page.locator(".rvlist")).to_contain_text("S20")
        assert [f for f in faults if "422" not in f] == []


def test_three_keys_that_can_be_turned_off(site: Site, done: Work, browser: Browser) -> None:
    with watched(browser, site) as (page, faults, _):
        sign_in(page, site, at=path(site, f"review?at=point-{site.seeded.planned['S23']}"))
        expect(page.locator("#rv-keys")).to_be_visible()  # the script is there
        code = page.locator("tr.sel th").inner_text()
        assert code == "S23"
        page.keyboard.press("r")
        expect(page.locator("#rv-reason")).to_be_focused()
        page.keyboard.type("aja")  # letters in a text are letters
        expect(page.locator("#rv-reason")).to_have_value("aja")
        page.locator("#rv-keys").focus()
        page.locator("#rv-keys").uncheck()
        page.keyboard.press("j")
        expect(page.locator("tr.sel th")).to_have_text(code)
        page.reload()
        expect(page.locator("#rv-keys")).to_be_visible()
        expect(page.locator("#rv-keys")).not_to_be_checked()  # it stays off
        page.locator("#rv-keys").check()
        page.keyboard.press("j")
        expect(page.locator("tr.sel th")).not_to_have_text(code)
        page.goto(f"{site.base}{path(site, 'review?at=point-' + site.seeded.planned['S23'])}")
        page.keyboard.press("a")
        expect(page.locator("[role=status]")).to_contain_text("条已通过")
        assert states(site, "S23") == {"pass"} and faults == []


def test_all_of_it_without_script(site: Site, done: Work, browser: Browser) -> None:
    with watched(browser, site, script=False) as (page, _, elsewhere):
        sign_in(page, site, at=path(site))
        expect(page.locator(".rvchips")).to_be_hidden()
        expect(page.locator(".rvkeys")).to_be_hidden()
        while page.locator(".rvlist input:checked").count():
            page.locator(".rvlist input:checked").first.uncheck()
        page.locator(f'.rvlist input[value^="point-{site.seeded.planned["S24"]}@"]').check()
        page.click("#rv-bulk")
        expect(page.locator("[role=status]")).to_contain_text("条已通过")
        assert states(site, "S24") == {"pass"}
        page.click(".rvlist th a >> nth=0")
        page.fill("#rv-reason", "说明原因")
        page.click("#rv-back")
        expect(page.locator("[role=status]")).to_contain_text("已退回")
        page.goto(f"{site.base}{path(site, f'conflicts/{done.clash}')}")
        page.click(".cfset summary")
        page.fill("#cf-reason", "两边都量错了")
        page.fill("#cf-depth_bottom_m", "一米九")
        page.click("button[value=set_value]")
        expect(page.locator("#cf-depth_bottom_m-f")).to_contain_text("应为十进制数文本")
        expect(page.locator("#cf-reason")).to_have_value("两边都量错了")
        page.fill("#cf-depth_bottom_m", "1.9")
        page.click("button[value=set_value]")
        expect(page.locator("[role=status]")).to_contain_text("另填了值")
        expect(page.locator("#cf-done")).to_contain_text("两边都量错了")
        values = next(
            s.values for s in site.parts.service.records("sample", site.seeded.field) if s.values["code"] == "HX-S18-2"
        )
        assert values["depth_bottom_m"] == "1.9" and elsewhere == []


def test_two_values_of_the_same_size_none_chosen(site: Site, done: Work, browser: Browser) -> None:
    with watched(browser, site) as (page, faults, _):
        sign_in(page, site, at=path(site, f"conflicts/{done.decided}"))
        size = "(e) => [getComputedStyle(e).fontSize, e.closest('section').getBoundingClientRect().width, e.closest('section').getBoundingClientRect().top]"
        first, second = (page.locator(f"#cf-{side} .cfvalue").evaluate(size) for side in ("now", "after"))
        assert first == second
        expect(page.locator("#cf-done")).to_contain_text("现场照片里旗子向北飘")
        expect(page.locator("#cf-decide")).to_have_count(0)
        assert faults == []


def test_who_does_not_decide_reads_and_is_told(site: Site, done: Work, browser: Browser) -> None:
    with watched(browser, site, 390) as (page, faults, _):
        sign_in(page, site, "zhoulan", at=path(site))
        expect(page.locator("main button")).to_have_count(0)
        expect(page.locator("main input[type=checkbox]")).to_have_count(0)
        expect(page.locator(".rvside")).to_contain_text("由项目经理或管理员审核")
        assert faults == [] and overflow(page) == 0
