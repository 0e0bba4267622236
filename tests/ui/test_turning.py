"""A tablet that is turned and turned back at once ends up laid out as it lies."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.ui.driver import Tablet, window

pytestmark = pytest.mark.ui
UPRIGHT, ACROSS = (600, 1024), (1024, 600)
GAPS = (10, 40, 70)  # ms; the client waits for 100 before it tells a size


@pytest.mark.parametrize("lies, turned", [(UPRIGHT, ACROSS), (ACROSS, UPRIGHT)])
def test_turned_and_back_at_once(
    tablet: Tablet, browser: Browser, lies: tuple[int, int], turned: tuple[int, int]
) -> None:
    f = window(browser, tablet.start(), *lies)
    f.see("S15，待采")
    for gap in GAPS * 2:
        f.page.set_viewport_size({"width": turned[0], "height": turned[1]})
        f.page.wait_for_timeout(gap)
        f.page.set_viewport_size({"width": lies[0], "height": lies[1]})
        f.page.wait_for_timeout(500)  # what is told late has come
        f.turn(*lies)
    f.page.context.close()
