"""Checklists and rounds in a real browser: every dress; a list copied, mended and published with the keyboard and without script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from schemas.rules.checklists import model, ready
from sync_server.service import Write
from tests.ui.console import Site, in_every_dress, overflow, served, sign_in, watched
from tests.ui.inspections_seed import Checked, checked

pytestmark = pytest.mark.ui
made: list[tuple[Checked, str]] = []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    def fill(parts: Any) -> Any:
        done = checked(parts.service, parts.auth, points=1, files=False)
        service, home, id = parts.service, f"{done.seeded.org}.organisation", parts.service.new_id()
        source = next(c for c in ready.every() if c.code == "soil-transfer")
        draft = model.sealed(source._replace(code="own-transfer", ready=False))
        values = {**model.record_values(draft), "state": "draft", "project_id": done.seeded.project}
        place = service.records("site", done.seeded.field)[0].id
        duty = {
            "kind": "patrol",
            "site_id": place,
            "org_id": done.orgs["plant"],
            "every_months": 3,
            "first_due_on": "2026-11-01",
            "basis": "本地要求",
        }
        service.write(None, [Write("checklist", id, home, values), Write("duty", service.new_id(), done.scope, duty)])
        made.append((done, id))
        return done.seeded

    with served(tmp_path_factory.mktemp("lists"), fill) as found:
        yield found


def at(site: Site, rest: str) -> str:
    return f"/console/projects/{site.seeded.project}{rest}"


def test_a_draft_and_the_rounds_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, at(site, f"/checklists/{made[-1][1]}"))
    in_every_dress(site, browser, at(site, "/duties"))


def test_the_forms_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, at(site, f"/checklists/{made[-1][1]}/item?code=TR-06"))
    with watched(browser, site, 360) as (page, faults, elsewhere):
        sign_in(page, site)
        for path in (
            "/checklists",
            f"/checklists/{made[-1][1]}/edit",
            "/duties/facility",
            "/checklists/ready/field-sampling@1",
        ):
            page.goto(site.base + at(site, path))
            assert overflow(page) == 0, path
        assert (faults, elsewhere) == ([], [])


def test_without_script_a_list_is_copied_mended_and_published(site: Site, browser: Browser) -> None:
    with watched(browser, site, 390, script=False) as (page, _, elsewhere):
        sign_in(page, site, at=at(site, "/checklists"))
        page.locator("#ready tr", has_text="well-check").get_by_role("button").click()
        expect(page.locator(".judge.c-done")).to_contain_text("已抄一份")
        page.locator("#i-WL-02").get_by_role("button", name="上移").click()
        expect(page.locator(".ckitems li").first).to_have_id("i-WL-02")
        page.locator("#i-WL-02").get_by_role("link").first.click()
        page.fill("#label_en", "")
        page.locator("button.pri").click()
        expect(page.locator("#i-WL-02 .fault")).to_contain_text("缺英文")
        expect(page.locator("button[value=publish]")).to_be_disabled()
        page.locator("#i-WL-02").get_by_role("link").first.click()
        page.fill("#label_en", "Wellhead sound")
        page.locator("button.pri").click()
        page.locator("button[value=publish]").click()
        expect(page.locator(".judge.c-done")).to_contain_text("已发布")
        expect(page.locator(".ckitems .btn")).to_have_count(0)
        assert elsewhere == []
