"""The map page in a real browser: every dress, the card by click, key and list, many points in heaps, the base map, paper."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Browser, Page, expect

from sync_server.console.overview import views
from sync_server.service import Write
from tests.ui.console import Site, in_every_dress, overflow, served, sign_in, watched
from tests.ui.console_seed import pos
from tests.ui.maps_seed import Mapped, mapped
from tests.ui.tile_server import tile_server

pytestmark = pytest.mark.ui
READY = "#leaflet[data-state=ready]"
BESIDE = {"plan", "moved", "boundary", "zone", "cluster"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    def fill(parts: Any) -> Any:
        made: Mapped = mapped(parts.service, parts.auth)
        return made.seeded

    with served(tmp_path_factory.mktemp("maps"), fill) as found:
        yield found


def at(site: Site, rest: str = "") -> str:
    return f"/console/projects/{site.seeded.project}/map{rest}"


def shapes(page: Page) -> dict[str, int]:
    return dict(json.loads(page.locator(READY).get_attribute("data-shapes") or "{}"))


def test_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, at(site, "?at=S12"), ready=READY)


def test_a_point_is_chosen_on_the_map_in_the_list_and_let_go(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, faults, elsewhere):
        sign_in(page, site, at=at(site, "?exceed=intervention"))
        page.wait_for_selector(READY)
        drawn = {k: n for k, n in shapes(page).items() if k not in BESIDE}
        assert drawn == {"intervention": 1}
        expect(page.locator("#card")).to_contain_text("在地图上点一个点")
        page.goto(site.base + at(site))
        page.wait_for_selector(READY)
        wanted = Counter(views.symbol_of(p) for p in site.report.points)
        seen = shapes(page)
        assert {k: seen.get(k) for k in wanted} == wanted and seen["zone"] == 2 and seen["boundary"] == 1
        assert seen["due_late"] == seen["out_late"] == seen["road_late"] == 1 and seen["problem_grave"] == 1
        page.locator('#points a[data-at="S12"]').click()
        expect(page.locator("#card h2")).to_have_text("S12")
        expect(page.locator("#card")).to_contain_text("5.81 m 东 88°")
        expect(page.locator("#card .core, #card svg.core")).to_be_visible()
        assert page.url.endswith("?at=S12")
        # on the canvas: the mark of the chosen one stands in the colour of the primary ring; its neighbour is clicked
        box = page.locator("#leaflet").bounding_box()
        assert box
        placed = page.evaluate(
            """async () => (await (await fetch(document.getElementById('leaflet').dataset.src)).json()).points
                 .find((p) => p.c === 'S07')"""
        )
        spot = page.evaluate(_PROJECT, [placed["a"], _bounds(page)])
        page.mouse.click(box["x"] + spot[0], box["y"] + spot[1])
        expect(page.locator("#card h2")).to_have_text("S07")
        expect(page.locator("#points tr.sel th")).to_contain_text("S07")
        assert page.url.endswith("?at=S07")
        page.locator("#card [data-close]").click()
        expect(page.locator("#card")).to_contain_text("在地图上点一个点")
        assert "at=" not in page.url
        expect(page.locator("#leaflet")).to_be_focused()  # and goes on by keyboard
        before = page.locator(".leaflet-control-scale-line").inner_text()
        page.keyboard.press("+")
        page.keyboard.press("+")
        expect(page.locator(".leaflet-control-scale-line")).not_to_have_text(before)
        assert (faults, elsewhere) == ([], [])


def area(url: str) -> list[float]:
    """west, south, east, north that were asked for."""
    return [float(part) for part in parse_qs(urlparse(url).query)["box"][0].split(",")]


def _bounds(page: Page) -> Any:
    return page.evaluate(
        "async () => (await (await fetch(document.getElementById('leaflet').dataset.src)).json()).bounds"
    )


# where fitBounds puts a place: padding 36, zoom in halves, at most 20
_PROJECT = """([at, [[s, w], [n, e]]]) => {
  const box = document.getElementById('leaflet'), W = box.clientWidth, H = box.clientHeight;
  const p = ([lat, lon], z) => L.CRS.EPSG3857.latLngToPoint(L.latLng(lat, lon), z);
  let z = 20;
  const fits = () => {
    const a = p([n, w], z), b = p([s, e], z);
    return b.x - a.x <= W - 72 && b.y - a.y <= H - 72;
  };
  while (!fits()) z -= 0.5;
  const a = p([n, w], z), b = p([s, e], z), here = p(at, z);
  return [W / 2 + here.x - (a.x + b.x) / 2, H / 2 + here.y - (a.y + b.y) / 2];
}"""


def test_filters_are_addresses_and_need_no_script(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, faults, _):
        sign_in(page, site, at=at(site))
        page.wait_for_selector(READY)
        page.select_option("select[name=state]", "missing")
        expect(page.locator("#points tbody tr")).to_have_count(4)
        expect(page.locator("#leaflet")).to_have_attribute("data-shapes", '{"boundary":1,"zone":2,"planned":4}')
        assert "state=missing" in page.url
        assert faults == []
    with watched(browser, site, 390, script=False) as (page, _, elsewhere):
        sign_in(page, site, at=at(site))
        expect(page.locator("#leaflet .note")).to_be_visible()
        page.fill("input[name=from]", "2026-11-21")
        page.select_option("select[name=exceed]", "screening")
        page.click(".filters button")
        expect(page.locator("#points tbody tr")).to_have_count(2)
        page.locator("#points th a").first.click()
        expect(page.locator("#card h2")).to_have_text("S14")
        page.locator("#card [data-close]").click()
        expect(page.locator("#card h2")).to_have_count(0)
        assert elsewhere == []


def test_on_a_phone_the_card_leaves_the_point_in_sight(site: Site, browser: Browser) -> None:
    with watched(browser, site, 390) as (page, faults, _):
        sign_in(page, site, at=at(site, "?at=S25"))
        page.wait_for_selector(READY)
        card, box = page.locator("#card").bounding_box(), page.locator("#leaflet").bounding_box()
        assert card and box and card["y"] + card["height"] == pytest.approx(900, abs=1)
        assert box["y"] < card["y"] - 80 and overflow(page) == 0
        page.locator("#card [data-close]").click()
        expect(page.locator("#card")).to_be_hidden()
        assert faults == []


def test_on_paper_stand_map_legend_and_list(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, faults, _):
        sign_in(page, site, at=at(site, "?at=S07"))
        page.wait_for_selector(READY)
        page.emulate_media(media="print")
        for shown in ("#leaflet canvas", "#legend", "#points tbody tr >> nth=30", "#card h2", "#loads"):
            expect(page.locator(shown)).to_be_visible()
        for hidden in (".filters", "nav.side", "#card .acts2", ".leaflet-control-zoom"):
            expect(page.locator(hidden).first).to_be_hidden()
        wide = page.locator("#leaflet").bounding_box()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")  # a sheet is narrower than the window
        paper = page.locator("#leaflet").bounding_box()
        assert wide and paper and 600 < paper["width"] < 700 < wide["width"]
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("#leaflet").bounding_box() == wide
        assert faults == []


def test_more_than_two_thousand_points_in_heaps(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> None:
    def fill(parts: Any) -> Any:
        made = mapped(parts.service, parts.auth, points=1).seeded
        with parts.service.store.reading() as tx:
            (plan,) = (s.id for s in tx.of_scope_since("plan", made.field, 0))
        new = parts.service.new_id
        parts.service.write(None, [
            Write("planned_point", new(), made.field, {"plan_id": plan, "code": f"G{n}", "role": "soil", "origin": "plan", "reason": "r",
                                                       "position": pos(20 * (n % 60), 60 + 20 * (n // 60))})
            for n in range(2300)
        ])  # fmt: skip
        return made

    with served(tmp_path_factory.mktemp("many"), fill) as site, watched(browser, site) as (page, faults, _):
        total = len(site.report.points)
        sign_in(page, site, at=at(site))
        page.wait_for_selector(READY)
        first = shapes(page)
        assert first["cluster"] > 20 and sum(n for k, n in first.items() if k == "planned") < 100
        expect(page.locator("#points header")).to_contain_text(f"{total:,}".replace(",", "\u00a0"))
        asked: list[str] = []
        page.on("request", lambda r: asked.append(r.url) if "box=" in r.url else None)
        page.reload()
        page.wait_for_selector(READY)
        data = page.evaluate("async (url) => (await fetch(url)).json()", asked[-1])
        assert data["total"] == total and not data["whole"]
        heap = max(data["clusters"], key=lambda c: c["n"])
        box, (west, south, east, north) = page.locator("#leaflet").bounding_box(), area(asked[-1])
        assert box
        x, y = (heap["at"][1] - west) / (east - west), (north - heap["at"][0]) / (north - south)
        before = asked[-1]
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_function("() => !('cluster' in JSON.parse(document.getElementById('leaflet').dataset.shapes))")
        closer = area(asked[-1])
        assert (
            asked[-1] != before and closer[0] < heap["at"][1] < closer[2] and closer[2] - closer[0] < (east - west) / 4
        )
        assert heap["n"] <= shapes(page)["planned"] < 200
        page.goto(site.base + at(site, "?at=G1777"))  # of so many: the address brings it into sight
        page.wait_for_selector(READY)
        expect(page.locator("#card h2")).to_have_text("G1777")
        assert shapes(page)["planned"] < 200 and "cluster" not in shapes(page)
        assert faults == []


def test_the_base_map_comes_through_the_server_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> None:
    with tile_server() as fake:
        made: list[Any] = []

        def fill(parts: Any) -> Any:
            made.append(mapped(parts.service, parts.auth, points=4).seeded)
            return made[0]

        settings = {"tianditu_key": fake.key, "tianditu_url": fake.url, "tianditu_note": "GS（2026）0000号"}
        with served(tmp_path_factory.mktemp("tiles"), fill, **settings) as site:
            with watched(browser, site) as (page, faults, elsewhere):
                sign_in(page, site, at=at(site))
                expect(page.locator("#leaflet")).to_have_attribute("data-base", "ready")
                expect(page.locator("#base-note")).to_contain_text("GS（2026）0000号")
                sources = page.locator("img.leaflet-tile").evaluate_all("all => all.map((one) => one.src)")
                assert sources and all(s.startswith(f"{site.project}/tiles/") for s in sources)
                assert fake.key not in page.content() and fake.key not in "".join(sources)
                page.get_by_role("link", name="影像").click()
                expect(page.locator("#leaflet")).to_have_attribute("data-base", "ready")
                assert (faults, elsewhere) == ([], [])
            assert {a["LAYER"] for a in fake.asked} == {"vec", "cva", "img", "cia"}
            fake.broken = True
            with watched(browser, site) as (page, faults, _):
                sign_in(page, site, at=at(site, "?view=wide"))
                page.wait_for_selector(READY)  # the points are there all the same
                expect(page.locator("#base-note")).to_contain_text("底图没有取到")
                assert all("502" in f for f in faults)
