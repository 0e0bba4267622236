"""The page of what waits for a decision, in a real browser: every dress, ticking, deciding, and without script."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.console import WIDTHS, Site, overflow, sign_in, watched
from tests.ui.console_seed import NOW
from tests.ui.test_console import site
from tests.ui.waiting_seed import Waits, waits

pytestmark = pytest.mark.ui
__all__ = ["site"]  # a fixture of the console's tests


def made(site: Site) -> Waits:
    with httpx.Client(base_url=site.base) as http:
        return waits(site.parts.service, http, site.seeded, lambda: NOW)


@pytest.fixture(scope="module")
def held(site: Site) -> Waits:
    """Only to be looked at."""
    return made(site)


@pytest.fixture
def own(site: Site) -> Waits:
    """To be decided about by one test."""
    return made(site)


def go(page: Page, site: Site, user: str = "xujing", **choice: str) -> None:
    sign_in(page, site, user, at=f"/console/projects/{site.seeded.project}/waiting", **choice)
    expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_in_every_dress(site: Site, browser: Browser, held: Waits, lang: str, theme: str) -> None:
    said = {
        "zh": ("待决定", "设备已停用", "没有权限", "平板"),
        "en": ("Waiting for you", "Device revoked", "No right", "Sample"),
    }
    title, revoked, right, _ = said[lang]
    with watched(browser, site) as (page, faults, elsewhere):
        go(page, site, lang=lang, theme=theme)
        expect(page.locator("h1")).to_have_text(title)
        first = page.locator(f'#held [data-id="{held.revoked[0]}"]')
        expect(first).to_contain_text("S90")
        expect(first.locator(".chip")).to_contain_text(revoked)
        expect(page.locator(f'#held [data-id="{held.rightless}"] .chip')).to_contain_text(right)
        # why it waits is said in both languages, whichever the reader chose
        expect(first).to_contain_text("设备停用后才交来")
        expect(first).to_contain_text("Handed in after the device was revoked")
        edit = page.locator(f'#held [data-id="{held.revoked[2]}"]')
        expect(edit.locator("del").last).to_have_text("北")
        expect(edit.locator("ins").last).to_have_text("东")
        for kind in ("两条链" if lang == "zh" else "Two chains", "未证明" if lang == "zh" else "Unproven"):
            expect(page.locator("#chains .chip", has_text=kind).first).to_be_visible()
        for id in held.lost:
            expect(page.locator(f'#lost [data-id="{id}"]')).to_be_visible()
        page.locator("details").evaluate_all("all => all.forEach((d) => { d.open = true })")
        expect(page.locator(f'#linking [data-id="{held.linking}"]')).to_be_visible()
        for width in (*WIDTHS, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert overflow(page) == 0, f"{width}"
            small = page.evaluate(
                "[...document.querySelectorAll('.decide .btn, .tick')].map((b) => b.getBoundingClientRect().height)"
            )
            assert min(small) >= (44 if width <= 900 else 36), width
        assert page.locator("[style]").count() == 0 and page.locator("script:not([src])").count() == 0
        assert faults == [] and elsewhere == []


def test_the_project_says_how_many(site: Site, browser: Browser, held: Waits) -> None:
    with watched(browser, site, 390) as (page, faults, _):
        sign_in(page, site, at=f"/console/projects/{site.seeded.project}")
        n = site.parts.service.waiting_count(
            [f"{site.seeded.project}.{a}" for a in ("field", "enforcement", "transfer")]
        )
        assert n.held >= 4 and n.lost >= 2 and n.forks >= 1 and n.asks == n.held + n.lost + n.forks
        expect(page.locator("#waiting b")).to_have_text(f"{n.asks} 件待决定")
        expect(page.locator("#waiting")).to_contain_text(
            f"平板交来、等采纳 {n.held} · 恢复后缺 {n.lost} · 两条变更链的设备 {n.forks}"
        )
        assert overflow(page) == 0
        page.click("#waiting")
        expect(page.locator("h1")).to_have_text("待决定")
        assert faults == []


def test_who_does_not_decide_sees_no_button(site: Site, browser: Browser, held: Waits) -> None:
    with watched(browser, site) as (page, faults, _):
        go(page, site, "zhoulan")
        expect(page.locator(f'#held [data-id="{held.rightless}"]')).to_be_visible()
        expect(page.locator("main button")).to_have_count(0)
        expect(page.locator("main input[type=checkbox]")).to_have_count(0)
        expect(page.locator("#held")).to_contain_text("由项目经理或管理员决定")
        assert faults == []


def test_nothing_waits(site: Site, browser: Browser, held: Waits) -> None:
    """Another project: the page says so, and what comes next."""
    with watched(browser, site) as (page, _, _):
        sign_in(page, site, "stranger", at=f"/console/projects/{site.seeded.other}/waiting")
        expect(page.locator(".empty")).to_contain_text("没有等决定的")
        expect(page.locator(".empty")).to_contain_text("同步一次")
        page.click(".empty a")
        expect(page.locator("#waiting")).to_have_count(0)


def outcome(site: Site, id: str) -> Any:
    with site.parts.service.store.reading() as tx:
        return tx.journaled([id])[id].outcome


def test_no_reason_no_tick_no_decision(site: Site, browser: Browser, own: Waits) -> None:
    with watched(browser, site) as (page, _, _):
        go(page, site)
        page.check(f'#held input[value="{own.rightless}"]')
        page.click("#held button[value=decline]")  # the browser asks for the reason first
        assert page.evaluate("document.activeElement.id") == "why-held" and "said" not in page.url
        page.uncheck(f'#held input[value="{own.rightless}"]')
        page.fill("#why-held", "不该他填")
        page.click("#held button[value=decline]")
        expect(page.locator("[role=alert]")).to_contain_text("请先勾选")
        expect(page.locator("#why-held")).to_have_value("不该他填")  # what was written is not lost
        assert outcome(site, own.rightless) == "parked"


def test_decline_one_without_script(site: Site, browser: Browser, own: Waits) -> None:
    with watched(browser, site, 390, script=False) as (page, _, elsewhere):
        go(page, site)
        expect(page.locator(".all")).to_have_count(3)
        expect(page.locator(".all").first).to_be_hidden()
        page.check(f'#held input[value="{own.rightless}"]')
        page.fill("#why-held", "点位由采样员记录")
        page.click("#held button[value=decline]")
        expect(page.locator("[role=status]")).to_contain_text("1 条已退回")
        expect(page.locator(f'[data-id="{own.rightless}"]')).to_have_count(0)
        assert outcome(site, own.rightless) == "rejected" and elsewhere == []


def test_accept_all_at_once(site: Site, browser: Browser, own: Waits) -> None:
    with watched(browser, site) as (page, faults, _):
        go(page, site, lang="en")
        page.check("#held [data-all]")
        shown = page.locator("#held input[name=id]").count()
        expect(page.locator("#held input[name=id]:checked")).to_have_count(shown)
        page.fill("#why-held", "checked by phone")
        page.click("#held button[value=accept]")
        expect(page.locator("[role=status]")).to_contain_text(f"{shown} went in")
        expect(page.locator("#held")).to_have_count(0)
        assert [outcome(site, i) for i in (*own.revoked, own.rightless)] == ["applied"] * 4
        assert faults == []


def test_write_back_what_tablets_remember(site: Site, browser: Browser, own: Waits) -> None:
    with watched(browser, site) as (page, faults, _):
        go(page, site)
        page.check(f'#lost input[value="{own.lost[1]}"]')
        page.fill("#why-lost-1", "备份之后采的")
        page.click("#lost button[value=take]")
        expect(page.locator("[role=alert]")).to_contain_text("还没到服务器")  # its point is not here yet
        page.check(f'#lost input[value="{own.lost[0]}"]')
        expect(page.locator("#lost input[name=id]:checked")).to_have_count(2)
        page.click("#lost button[value=take]")
        expect(page.locator("[role=status]")).to_contain_text("2 条已写回")
        for id in own.lost:
            expect(page.locator(f'#lost [data-id="{id}"]')).to_have_count(0)
        samples = {s.id for s in site.parts.service.records("sample", site.seeded.field)}
        assert own.lost[1] in samples
        assert [f for f in faults if "202" not in f] == []


def test_a_change_that_will_never_link_is_declined(site: Site, browser: Browser, own: Waits) -> None:
    with watched(browser, site) as (page, _, _):
        go(page, site)
        if page.locator("#linking").get_attribute("open") is None:
            page.click("#linking summary")
        expect(page.locator("#linking button")).to_have_count(1)  # nothing to accept: it goes in by itself
        page.check(f'#linking input[value="{own.linking}"]')
        page.fill("#why-linking", "点位没有建")
        page.click("#linking button[value=decline]")
        expect(page.locator("[role=status]")).to_contain_text("1 条已退回")


def test_a_second_chain_is_closed_by_revoking(site: Site, browser: Browser, own: Waits) -> None:
    with watched(browser, site) as (page, _, _):
        go(page, site)
        (code,) = [k.device_code for k in _keys(site) if k.enrolment == own.cloned.enrolment]
        chain = page.locator("#chains .wait", has_text=f"{code} 平板").first
        expect(chain.locator(".chip")).to_have_text("两条链")
        expect(chain).to_contain_text("停用这个登记")
        asked = int(page.locator(".side [aria-current] .n").inner_text())
        site.parts.service.revoke(own.cloned.enrolment)
        page.reload()
        expect(chain.locator(".chip")).to_have_text("已停用")
        expect(page.locator(".side [aria-current] .n")).to_have_text(str(asked - 1))


def _keys(site: Site) -> Any:
    with site.parts.service.store.reading() as tx:
        return tx.device_keys()
