"""The exports in a real browser: every dress, from choosing to the file, and without script."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from sync_server.export.wish import Wish
from sync_server.service import Caller
from tests.ui.console import Site, in_every_dress, overflow, served, sign_in, watched

pytestmark = pytest.mark.ui


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("exports")) as made:
        yield made
        made.parts.service.rest_exports()


def base(site: Site) -> str:
    return f"/console/projects/{site.seeded.project}/exports"


def stages(site: Site) -> dict[str, str]:
    """An export in each state; of zhoulan, whom no other test is."""
    s, me, out = site.parts.service, Caller(site.seeded.people["zhoulan"]), {}
    for state in ("done", "failed", "interrupted", "running", "waiting"):
        out[state] = s.order_export(
            me, site.seeded.project, Wish("gpkg", epsg=4510) if state == "done" else Wish("csv", ("point",))
        )
        if state == "done":
            s.make_export()
        elif state != "waiting":
            more = (
                {"problem": 4507, "words": "{}"}
                if state == "failed"
                else {"done": 123_400, "total": 1_050_000}
                if state == "running"
                else {}
            )
            with s.store.writing() as tx:
                tx.move_export(out[state], ("waiting",), state=state, **more)
    return out


def test_every_page_in_every_dress(site: Site, browser: Browser) -> None:
    found = stages(site)
    in_every_dress(site, browser, base(site), user="zhoulan", ready="#jobs .xjob")
    in_every_dress(site, browser, f"{base(site)}/{found['done']}", user="zhoulan", ready="#job")


def test_choosing_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(
        site, browser, f"{base(site)}/new?type=field_reading&value.least=100&method.is=xrf&q=Ni", ready=".xform"
    )


def test_from_the_choice_to_the_file(site: Site, browser: Browser, tmp_path: Path) -> None:
    """A person chooses, sees it being made without touching anything, and has a file with the hash the page tells."""
    with watched(browser, site, accept_downloads=True) as (page, faults, elsewhere):
        sign_in(page, site, at=base(site), lang="zh")
        page.get_by_role("link", name="新的导出").first.click()
        page.get_by_text("GeoPackage", exact=True).click()
        page.select_option("select[name=zone]", "3-40")
        page.get_by_role("button", name="开始导出").click()
        expect(page.locator("#job .chip")).to_have_text("已做好")  # by itself
        sha = page.locator("#job .xsha").inner_text()
        with page.expect_download() as got:
            page.get_by_role("link", name="下载").click()
        got.value.save_as(tmp_path / "file")
        assert got.value.suggested_filename == "HX-2026 整个项目 20261121-1845.gpkg"
        assert hashlib.sha256((tmp_path / "file").read_bytes()).hexdigest() == sha
        page.get_by_role("link", name="全部导出").click()
        expect(page.locator("#jobs .xjob").first).to_contain_text(sha)
        assert (faults, elsewhere) == ([], [])


def test_without_script(site: Site, browser: Browser) -> None:
    with watched(browser, site, 390, script=False) as (page, _, elsewhere):
        sign_in(page, site, at=f"{base(site)}/new", lang="zh")
        page.locator("input[name=what][value=type]").check()
        page.select_option("select[name=type]", "sample")
        page.locator("input[name=format][value=csv]").check()
        page.get_by_role("button", name="开始导出").click()
        for _ in range(50):
            if page.locator("#job .chip").inner_text() == "已做好":
                break
            page.reload()
        expect(page.locator("#job")).to_contain_text("50 行")
        assert overflow(page) == 0 and elsewhere == []
