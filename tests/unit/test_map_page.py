"""What the map works out before anything is drawn: the window, the grid, and which points go to the client."""

from __future__ import annotations

import re
from math import cos, radians

import pytest

from field_app.kit import Kit
from field_app.nearby import Box
from field_app.pages.chart import GRID, around, grid, grid_step, pixel_m, step_words, whole
from field_app.words import WORDS
from schemas.rules.geo import distance_m

SITE = Box(119.4513, 32.2081, 119.4531, 32.2096)


@pytest.mark.parametrize(("width", "height"), [(390, 420), (596, 652), (850, 684), (360, 270)])
def test_the_whole_site_fits_into_the_window(width: float, height: float) -> None:
    ring = [["119.4510", "32.2080"], ["119.4535", "32.2080"], ["119.4535", "32.2098"], ["119.4510", "32.2080"]]
    lon, lat, zoom = whole(SITE, [ring], width, height)
    per = pixel_m(lat, zoom)
    assert (119.4535 - 119.4510) * 111_320 * cos(radians(lat)) / per <= width
    assert (32.2098 - 32.2080) * 110_900 / per <= height
    assert 119.4510 < lon < 119.4535 and 32.2080 < lat < 32.2098 and zoom <= 20
    assert whole(None, [], width, height)[2] == 4.0  # nothing to show yet
    assert whole(Box(119, 32, 119, 32), [], width, height)[2] <= 20  # one point


@pytest.mark.parametrize("zoom", [3, 8.5, 13, 16.2, 19, 22])
def test_the_grid_is_even_and_sparse(zoom: float) -> None:
    view = (119.4523, 32.2087, zoom)
    step = grid_step(view[1], zoom)
    assert GRID <= step / pixel_m(view[1], zoom) <= 2.5 * GRID
    assert str(step / 10 ** len(str(int(step))))[2] in "125" or step < 1
    lines = grid(Kit(), view, view[1], 1024, 768)
    assert 0 < len(lines) < 80
    upright = sorted(
        line.coordinates[0].longitude
        for line in lines
        if line.coordinates[0].longitude == line.coordinates[1].longitude
    )
    if zoom > 10:
        assert distance_m(upright[0], view[1], upright[1], view[1]) == pytest.approx(step, rel=0.01)


def test_the_grid_stays_where_it_is_while_the_window_moves() -> None:
    def places(lon: float) -> set[float]:
        lines = grid(Kit(), (lon, 32.2087, 17.0), 32.2087, 400, 400)
        return {
            round(line.coordinates[0].longitude, 9)
            for line in lines
            if line.coordinates[0].longitude == line.coordinates[1].longitude
        }

    here, there = places(119.4523), places(119.4526)
    assert len(here & there) >= len(here) - 3


def test_a_small_pan_needs_nothing_new() -> None:
    box = around((119.45, 32.2, 17.0), 400, 600)
    per = pixel_m(32.2, 17.0)
    assert (box.east - 119.45) * 111_320 * cos(radians(32.2)) / per == pytest.approx(
        400, rel=0.01
    )  # half a window beyond
    assert (box.north - 32.2) * 110_900 / per == pytest.approx(600, rel=0.01)


def test_steps_in_words() -> None:
    assert [step_words(s) for s in (0.5, 20, 500, 1000, 20_000)] == ["0.5 m", "20 m", "500 m", "1 km", "20 km"]


def test_words_of_these_pages_stand_in_both_languages() -> None:
    mine = {k: v for k, v in WORDS.items() if k.startswith(("map.", "tiles.", "stake."))}
    assert len(mine) > 60
    for key, (zh, en) in mine.items():
        assert zh and en and "!" not in en and "！" not in zh and "您" not in zh, key
        assert set(re.findall(r"{(\w+)}", zh)) == set(re.findall(r"{(\w+)}", en)), key
