"""The review console in a real browser, against the real server on loopback.

A project with 31 points is written through the service; what the page says is compared with what the rules say.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from sync_server.console.overview import views
from tests.ui.console import WIDTHS, Site, in_every_dress, overflow, served, sign_in, watched
from tests.ui.console_seed import PASSWORD

pytestmark = pytest.mark.ui


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_in_every_dress(site: Site, browser: Browser, lang: str, theme: str) -> None:
    with watched(browser, site) as (page, faults, elsewhere):
        sign_in(page, site, lang=lang, theme=theme)
        expect(page.locator("h1")).to_have_text({"zh": "全部项目", "en": "All projects"}[lang])
        assert page.locator("html").get_attribute("lang") == {"zh": "zh-CN", "en": "en"}[lang]
        assert page.locator("html").get_attribute("data-theme") == theme
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(245, 242, 234)", "dark": "rgb(17, 23, 22)"}[theme]
        page.goto(site.project)
        expect(page.locator("#first h2")).to_contain_text({"zh": "先决定这", "en": "Decide these"}[lang])
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if width == 390:  # a phone that opens it, not only a window made narrow
                page.reload()
            expect(page.locator("#leaflet")).to_have_attribute("data-state", "ready")
            page.locator("details.sev").evaluate_all("all => all.forEach((d) => { d.open = true })")
            assert overflow(page) == 0, f"{width}"
        for path in ("/console/", "/console/nothing"):
            page.goto(site.base + path)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                assert overflow(page) == 0, f"{path} at {width}"
        expect(page.locator("h1")).to_have_text({"zh": "没有这个地址", "en": "There is nothing at this address"}[lang])
        page.context.clear_cookies()
        page.goto(f"{site.base}/console/login?lang={lang}&theme={theme}")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert overflow(page) == 0, f"sign-in at {width}"
        assert [f for f in faults if "404" not in f] == []
        assert elsewhere == []


def test_counts_are_those_of_the_rules(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, _, _):
        sign_in(page, site, at=f"/console/projects/{site.seeded.project}")
        expect(page.locator("#points tbody tr")).to_have_count(len(site.report.points))
        shown: Counter[tuple[str, str]] = Counter()
        for d in page.locator("details.sev").all():
            shown[d.get_attribute("data-check") or "", d.get_attribute("data-severity") or ""] += int(
                d.get_attribute("data-count") or 0
            )
        assert shown == Counter((f.check, views.severity(f)) for f in site.report.findings)
        assert shown["R04", "severe"] == 1 and shown["F02", "error"] == 1 and shown["F01", "error"] == 5
        texts = set(
            page.locator(".fi > p:first-child").evaluate_all("ps => ps.map(p => p.firstChild.textContent.trim())")
        )
        assert {f.zh.strip() for f in site.report.findings} == texts
        totals = site.report.totals
        assert page.locator(".kpi .v").first.inner_text().split() == [str(totals.done), "/", str(totals.planned)]


def test_the_map_draws_every_point(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, faults, _):
        sign_in(page, site, at=f"/console/projects/{site.seeded.project}")
        expect(page.locator("#leaflet")).to_have_attribute("data-state", "ready")
        shapes = json.loads(page.locator("#leaflet").get_attribute("data-shapes") or "")
        wanted = Counter(views.symbol_of(p) for p in site.report.points)
        assert {k: n for k, n in shapes.items() if k not in ("plan", "moved", "boundary")} == wanted
        assert shapes["moved"] == site.report.totals.shifted == 1 and shapes["boundary"] == 1
        assert shapes["plan"] == sum(
            p.planned is not None and p.actual is not None and p.visited for p in site.report.points
        )
        painted = page.locator("#leaflet canvas").evaluate(
            "c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
        )
        assert painted > 20  # more than an empty sheet
        page.locator('#points a[data-at="S12"]').click()
        popup = page.locator(".leaflet-popup-content")
        expect(popup).to_contain_text("S12")
        expect(popup).to_contain_text("5.81 m 东 88°")
        popup.locator("a").click()
        expect(page.locator("#points tr:target th")).to_contain_text("S12")
        assert faults == []


def test_filters_are_addresses(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, faults, _):
        sign_in(page, site, at=f"/console/projects/{site.seeded.project}")
        expect(page.locator("#leaflet")).to_have_attribute("data-state", "ready")
        page.select_option("select[name=state]", "missing")  # htmx fetches, no button pressed
        expect(page.locator("#points tbody tr")).to_have_count(4)
        expect(page).to_have_url(re.compile("[?&]state=missing"))
        expect(page.locator("#leaflet")).to_have_attribute("data-state", "ready")
        assert json.loads(page.locator("#leaflet").get_attribute("data-shapes") or "") == {"boundary": 1, "planned": 4}
        page.reload()
        expect(page.locator("#points tbody tr")).to_have_count(4)
        page.goto(f"{site.project}?check=F02#check-F02")
        expect(page.locator("#points tbody tr")).to_have_count(1)
        expect(page.locator("#check-F02 .fi")).to_be_visible()
        page.goto(f"{site.project}#check-P01")
        expect(page.locator("#check-P01 .fi").first).to_be_visible()
        assert faults == []


def test_it_works_without_javascript(site: Site, browser: Browser) -> None:
    with watched(browser, site, 390, script=False) as (page, _, elsewhere):
        sign_in(page, site, at=f"/console/projects/{site.seeded.project}")
        expect(page.locator("#points tbody tr")).to_have_count(len(site.report.points))
        expect(page.locator("#leaflet .note")).to_be_visible()
        page.locator("#points td.go a").first.click()
        expect(page.locator(".focus b").first).to_have_text("S07")
        expect(page.locator(".focus .chip").last).to_contain_text("超管制值")
        page.select_option("select[name=severity]", "severe")
        page.click(".filters button")
        expect(page.locator("#points tbody tr")).to_have_count(1)
        page.locator("details.menu summary").click()
        page.locator(".sheet a", has_text="EN").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.locator("details.menu summary").click()
        page.locator("#sign-out-menu").click()
        expect(page.locator("#username")).to_be_visible()
        assert elsewhere == []


def test_sign_in_wrong_then_right_then_out(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, _, _):
        page.goto(site.project)
        expect(page.locator("#username")).to_be_visible()  # asked to sign in first
        page.fill("#username", "zhoulan")
        page.fill("#password", "wrong")
        page.click(".login button")
        expect(page.locator("[role=alert]")).to_contain_text("用户名或密码不对")
        assert page.locator("#username").input_value() == "zhoulan" and page.locator("#password").input_value() == ""
        page.fill("#password", PASSWORD)
        page.click(".login button")
        expect(page).to_have_url(site.project)  # where he wanted to go
        page.click("#sign-out")
        expect(page.locator("#username")).to_be_visible()
        page.goto(site.project)
        expect(page.locator("#username")).to_be_visible()


def test_too_many_tries(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, _, _):
        for _ in range(5):
            form = {"username": "wang", "password": "wrong"}
            page.request.post(f"{site.base}/console/login", form=form, headers={"Sec-Fetch-Site": "same-origin"})
        sign_in(page, site, user="wang", password="wrong")
        expect(page.locator("[role=alert]")).to_contain_text("试得太多")
        sign_in(page, site, user="wang")  # even the right one waits now
        expect(page.locator("[role=alert]")).to_contain_text("30 秒后再试")
        sign_in(page, site, user="xujing")  # another person at the same place does not
        expect(page.locator("h1")).to_have_text("全部项目")


def test_a_foreign_project_is_not_there(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, _, _):
        sign_in(page, site, user="stranger")
        expect(page.locator("#projects tbody tr")).to_have_count(1)
        answer = page.goto(site.project)
        assert answer is not None and answer.status == 404
        expect(page.locator("h1")).to_contain_text("没有这个数据范围")
        assert "红星" not in page.content()
        json_answer = page.request.get(f"{site.project}/map.json")
        assert json_answer.status == 404 and json_answer.json()["number"] == 2004


def test_empty_states_say_what_to_do(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, _, _):
        sign_in(page, site, user="stranger")
        expect(page.locator("#projects")).to_contain_text("没有方案，先导入点位表")
        page.click("#projects a")
        expect(page.locator(".empty").first).to_contain_text("jingtu plan import")
        expect(page.locator("#devices")).to_contain_text("jingtu device enrol")


def test_the_policy_allows_nothing_inline(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, faults, _):
        sign_in(page, site)
        for path in ("", f"/projects/{site.seeded.project}", "/nothing", "/static/console.css"):
            headers = page.request.get(f"{site.base}/console{path or '/'}").headers
            policy = headers["content-security-policy"]
            assert (
                policy.startswith("default-src 'self'")
                and "unsafe" not in policy
                and "frame-ancestors 'none'" in policy
            )
            assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        page.goto(site.project)
        assert page.locator("[style]:not(#leaflet *):not(#leaflet)").count() == 0
        assert page.locator("script:not([src])").count() == 0 and page.locator("style").count() == 0
        assert faults == []


def test_nothing_grave_for_axe(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, f"/console/projects/{site.seeded.project}", ready="#leaflet[data-state=ready]")
