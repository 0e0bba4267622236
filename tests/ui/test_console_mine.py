"""A party's pages in a real browser: every dress, a photo taken over the one before, and all of it without script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.console import Site, in_every_dress, overflow, served, sign_in, watched
from tests.ui.console_seed import LAT, LON
from tests.ui.mine_seed import Parties, jpeg, mine_seed

pytestmark = pytest.mark.ui
made: list[Parties] = []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    def fill(parts: Any) -> Any:
        seeded, found = mine_seed(parts)
        made.append(found)
        return seeded

    with served(tmp_path_factory.mktemp("mine"), fill) as found:
        yield found


def at(site: Site, finding: str = "") -> str:
    return f"/console/projects/{site.seeded.project}/mine" + (f"/{made[-1].findings[finding]}" if finding else "")


def actions(site: Site) -> list[Any]:
    return list(site.parts.service.records("corrective_action", made[-1].scope))


def test_the_finding_of_a_party_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, at(site, "a1"), user="liugong", ready=".shot img")


def test_a_photo_is_taken_over_the_one_before_and_handed_in(site: Site, browser: Browser) -> None:
    """A camera that the browser makes up, and a place some metres off the old one."""
    place = {"longitude": LON + 20 / 94_200, "latitude": LAT + 10 / 111_320, "accuracy": 4}
    with watched(
        browser, site, 390, geolocation=place, permissions=["camera", "geolocation"], has_touch=True, is_mobile=True
    ) as (page, faults, elsewhere):
        sign_in(page, site, "liugong", at=at(site, "a1"))
        page.fill("textarea[name=measure_taken]", "废液已转移，地面已清理。")
        page.reload()
        expect(page.locator("textarea[name=measure_taken]")).to_have_value(
            "废液已转移，地面已清理。"
        )  # nothing typed is lost
        page.locator(".over").click()
        expect(page.locator("#camera .where")).to_contain_text("离原位置 20 m，往北")
        page.locator("#camera input[type=range]").fill("80")
        assert page.locator(".ghost").evaluate("e => getComputedStyle(e).opacity") == "0.8"
        page.locator("#camera button[value=take]").click()
        page.locator("#camera button[value=use]").click()
        expect(page.locator("#taken li")).to_have_count(1)
        assert overflow(page) == 0
        page.locator(".pick", has_text="已经改完").click()
        page.locator(".send").click()
        expect(page.locator(".judge.c-done")).to_contain_text("已收到")
        expect(page.locator("#course .shot img")).to_have_count(1)
        assert page.locator("textarea[name=measure_taken]").input_value() == ""
        assert (faults, elsewhere) == ([], [])
    (action,) = actions(site)
    (photo,) = [
        p.values for p in site.parts.service.records("photo", made[-1].scope) if p.values["subject_id"] == action.id
    ]
    assert photo["source"] == "app_camera" and photo["ghost_of"] and photo["position"]["h_acc_m"] == "4.00"


def test_without_script_files_are_chosen_and_handed_in(site: Site, browser: Browser) -> None:
    before = len(actions(site))
    with watched(browser, site, 390, script=False) as (page, _, elsewhere):
        sign_in(page, site, "liugong", at=at(site))
        page.get_by_role("link", name="危废台账缺 11 月 3 日的记录。").click()
        expect(page.locator(".over")).to_have_count(0)
        page.fill("textarea[name=measure_taken]", "台账已补。")
        page.set_input_files("#photos", {"name": "台账.jpg", "mimeType": "image/jpeg", "buffer": jpeg("ledger")})
        page.locator(".pick", has_text="还没改完").click()
        page.locator(".send").click()
        expect(page.locator(".judge.c-done")).to_contain_text("已收到")
        expect(page.locator("#course")).to_contain_text("台账已补。")
        assert elsewhere == []
    assert len(actions(site)) == before + 1
