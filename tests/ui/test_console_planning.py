"""The pages of plans in a real browser: every dress, a file all the way in, a position picked on the map, and without script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from sync_server.plan.importing import read_version
from tests.ui.console import Site, grave, in_every_dress, overflow, served, sign_in, watched
from tests.ui.planning_seed import WIDE, fill

pytestmark = pytest.mark.ui
READY = "#planmap[data-state=ready]"


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Only to be looked at."""
    with served(tmp_path_factory.mktemp("planning"), fill) as site:
        yield site


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    """To be changed by one test."""
    with served(tmp_path, fill) as site:
        yield site


def path(site: Site, rest: str = "") -> str:
    return f"/console/projects/{site.seeded.project}/plan{rest}"


@pytest.mark.parametrize(("rest", "ready"), [
    ("", READY), ("/compare", READY), ("/import", "#file"), ("/import/preview", READY), ("/edit?op=add", READY),
    ("/edit?op=change&code=S14", READY), ("/approve", "#review"), ("/rules", "#figures"), ("/tolerances", "#tolerances"),
])  # fmt: skip
def test_in_every_dress(planned: Site, browser: Browser, rest: str, ready: str) -> None:
    in_every_dress(planned, browser, path(planned, rest), ready=ready)


def test_a_file_all_the_way_in(own: Site, browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "测量成果.csv"
    file.write_text("点位编号,X,Y\nS01,3565131.42,40448364.87\nS31,3565133.42,40448360.00\n", "utf-8")
    with watched(browser, own) as (page, faults, _):
        sign_in(page, own, at=path(own, "/import"))
        page.set_input_files("#file", str(file))
        page.fill("#target", "0-0.5")
        page.check("input[name=groups][value=metal]")
        page.click("#content form .btn.pri")
        expect(page.locator("h1")).to_contain_text("第 4 版 → 第 5 版")
        expect(page.locator("#survey")).to_contain_text("第 40 带")
        page.wait_for_selector(READY)
        page.click("button[value=import]")  # the browser asks for the tick first
        assert "preview" in page.url
        page.check("input[name=confirmed]")
        page.click("button[value=import]")
        expect(page.locator("[role=status]")).to_contain_text("已导入：第 5 版，2 个点位")
        expect(page.locator("#versions tr[data-version='5']")).to_contain_text("许静")
        assert faults == []


def test_a_position_is_picked_on_the_map(own: Site, browser: Browser) -> None:
    with watched(browser, own) as (page, faults, _):
        sign_in(page, own, at=path(own, "/edit?op=add"))
        page.wait_for_selector(READY)
        code = page.input_value("#code")
        page.locator("#planmap").click(position={"x": 60, "y": 220})
        assert page.input_value("#lon").startswith("119.4") and page.input_value("#lat").startswith("32.2")
        assert page.locator("#planmap").get_attribute("data-picked")
        page.fill("#like", "S14")
        page.fill("#reason", WIDE)
        page.click("button[value=put]")
        expect(page.locator("[role=status]")).to_contain_text("已放进草案")
        expect(page.locator("#draft li")).to_have_count(3)
        page.wait_for_selector(READY)
        assert '"added":1' in str(page.locator("#planmap").get_attribute("data-shapes"))
        page.click("button[value=save]")
        expect(page.locator("[role=status]")).to_contain_text("已存为第 5 版")
        assert faults == []
    version = read_version(own.parts.service, own.seeded.field)
    assert version is not None
    (made,) = [p for p in version.points if p["code"] == code]
    assert made["targets"] and made["reason"] == WIDE


def test_all_of_it_without_script(own: Site, browser: Browser) -> None:
    with watched(browser, own, 390, script=False) as (page, _, elsewhere):
        sign_in(page, own, at=path(own))
        page.click("#points tr[data-code=S01] .go a")
        expect(page.locator("#planmap")).to_contain_text("表里的内容是一样的")
        page.fill("#lon", "119.4521")
        page.fill("#lat", "x")
        page.fill("#reason", "让开电缆沟")
        page.click("button[value=put]")
        expect(page.locator("#lat-f")).to_contain_text("不是数")
        page.fill("#lat", "32.2088")
        page.click("button[value=put]")
        expect(page.locator("#changes [data-code=S01]")).to_contain_text("m")
        assert overflow(page) == 0
        page.click("button[value=save]")
        expect(page.locator("[role=status]")).to_contain_text("已存为第 5 版")
        page.goto(own.base + path(own, "/approve"))
        page.select_option("#kind", "written")
        page.select_option("#conclusion", "pass")
        page.fill("#experts-0-name", "王教授")
        page.click("button[value=approve]")
        expect(page.locator("#accepted_reason-f")).to_contain_text("写明为什么仍然批准")
        page.fill("#accepted_reason", "水井另行布设")
        page.click("button[value=approve]")
        expect(page.locator("[role=status]")).to_contain_text("已批准")
        expect(page.locator("#reviews")).to_contain_text("王教授")
        page.goto(own.base + path(own, "/rules"))
        page.fill("#shift_ok_m", "1.5")
        page.click("#qc_rules button[value='more.qc_rules']")
        expect(page.locator("#shift_ok_m")).to_have_value("1.5")
        page.select_option("#qc_rules-0-qc_kind", "trip_blank")
        page.select_option("#qc_rules-0-medium", "soil")
        page.select_option("#qc_rules-0-basis", "per_transport")
        page.fill("#qc_rules-0-basis_text", "HJ 166-2026 11.3")
        page.click(".stick button")
        expect(page.locator("[role=status]")).to_contain_text("已存")
        assert elsewhere == []


def test_a_wrong_form_is_readable_by_everybody(planned: Site, browser: Browser) -> None:
    with watched(browser, planned, 390) as (page, _, _):
        sign_in(page, planned, at=path(planned, "/rules"), lang="en", theme="dark")
        page.fill("#shift_ok_m", "abc")
        page.click(".stick button")
        expect(page.locator("#shift_ok_m")).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#shift_ok_m-f")).to_contain_text("decimal")
        assert overflow(page) == 0 and grave(page) == []
