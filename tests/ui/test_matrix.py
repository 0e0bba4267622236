"""Every page at every width, in every theme and both languages: nothing reaches beyond the window, nothing is too small for
a glove, no text is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from field_app.kit import THEMES
from field_app.store import Store
from field_app.visit import STEPS
from field_app.words import WORDS, say
from tests.ui import seed
from tests.ui.driver import Driver, Tablet, chromium, window

pytestmark = pytest.mark.ui
# Each language meets every width in some theme, and every theme a narrow and a wide one: what a theme changes is colour and
# the strength of edges.
WIDTHS = {
    ("zh", "light"): (360, 1024), ("zh", "dark"): (600, 1280), ("zh", "sun"): (360, 1280),
    ("en", "light"): (360, 1280), ("en", "dark"): (360, 1024), ("en", "sun"): (600, 1024),
}  # fmt: skip
BAR = 73  # height of the bar of tabs and its line
TALL = 2200  # so that nothing is out of sight by scrolling
KEYS = re.compile(r"(?<![\w./])(" + "|".join(re.escape(k) for k in WORDS if "." in k) + r")(?![\w./])")
SMALL_KEYS = 48  # analyte rows on a phone; everything else 56
# A tab, and what only its page says.
TABS = {"today": "today.list", "map": "map.in", "records": "rec.mine", "sync": "sync.last", "settings": "set.theme"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as b:
        yield b


def tablet_as(folder: Path, lang: str, theme: str, size: str) -> Tablet:
    store = Store(folder)
    seed.fill(store)
    for name, value in (("lang", lang), ("theme", theme), ("size", size)):
        store.set_meta(f"ui.{name}", value)
    store.close()
    return Tablet(folder, seed.here())


class Look:
    """What must hold wherever one is."""

    def __init__(self, f: Driver, lang: str, widths: tuple[int, ...]) -> None:
        self.f, self.lang, self.widths = f, lang, widths
        self.faults: list[str] = []

    def say(self, key: str, **words: object) -> str:
        return say(self.lang, key, **words)

    def holds(self, where: str) -> None:
        for width in self.widths:
            self.f.page.set_viewport_size({"width": width, "height": TALL})
            self.f.page.wait_for_timeout(120)
            wrong = self.faulty(width)
            if wrong:  # perhaps it was still being laid out
                self.f.page.wait_for_timeout(700)
                wrong = self.faulty(width)
            self.faults += [f"{where} {width}: {w}" for w in wrong]

    def faulty(self, width: int) -> list[str]:
        seen = self.f.everything()
        least = SMALL_KEYS if width < 840 else 56
        # a row that scrolls is cut where the window ends or the bar at the bottom begins
        ends = (TALL, TALL - BAR)
        whole = [b for b in self.f.boxes() if b["name"] and not any(abs(b["y"] + b["h"] - end) < 3 for end in ends)]  # type: ignore[operator]
        small = [b for b in whole if (b["w"] < least - 0.5 or b["h"] < least - 0.5)]  # type: ignore[operator]
        out = [f"beyond the window: {b}" for b in self.f.overflow()]
        out += [f"too small: {b}" for b in small]
        out += [f"a key is shown: {k}" for k in KEYS.findall(seen)]
        return out + [f"not filled in: {line}" for line in seen.splitlines() if re.search(r"{\w+}", line)]

    def narrow(self) -> None:
        self.f.page.set_viewport_size({"width": self.widths[0], "height": TALL})
        self.f.page.wait_for_timeout(250)

    def tap(self, name: str | re.Pattern[str], then: str | re.Pattern[str] = "", no_more: str = "") -> None:
        """Until what shall be there is, or what shall go has gone: a page may be laid out anew just when it is tapped."""
        self.narrow()
        for _ in range(5):
            self.f.tap(name, exact=isinstance(name, str))
            for _ in range(150):
                seen = self.f.everything()
                if re.search(then if isinstance(then, re.Pattern) else re.escape(then), seen) and not (
                    no_more and no_more in seen
                ):
                    return
                self.f.page.wait_for_timeout(100)
        raise AssertionError(f"{name} leads to nothing:\n{self.f.everything()}")


def walk(look: Look) -> None:
    for tab, only in TABS.items():
        look.tap(look.say(tab), look.say(only))
        look.holds(tab)
    look.tap(look.say("set.diag"), look.say("diag.copy"))
    look.holds("diagnostics")
    look.tap(look.say("back"), look.say("set.theme"))
    look.tap(look.say("rescue"), look.say("back"))
    look.holds("rescue")
    look.tap(look.say("back"), look.say("set.theme"))
    look.tap(look.say("records"), look.say("rec.mine"))
    look.tap(re.compile("^(样品|Sample)"), look.say("list.search"))
    look.holds("list")
    look.tap(look.say("back"), look.say("rec.mine"))
    look.tap(look.say("today"), look.say("today.list"))
    first = "第 1 步" if look.lang == "zh" else "Step 1"
    look.tap(re.compile(f"^({look.say('today.start', code='S15')}|{look.say('today.go', code='S15')})"), first)
    look.holds("point")
    for n, step in enumerate(STEPS, 1):
        look.tap(re.compile(f"^(第 {n} 步|Step {n})"), no_more=first)
        look.holds(step)
        look.narrow()
        look.f.gone(first)  # a wide window has the steps beside the step: only without them is it the narrow page
        look.tap(look.say("back"), first)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_in_every_shape(tmp_path: Path, browser: Browser, lang: str, theme: str) -> None:
    tablet = tablet_as(tmp_path / "tablet", lang, theme, "normal")
    try:
        widths = WIDTHS[lang, theme]
        look = Look(window(browser, tablet.start(), widths[0], TALL), lang, widths)
        walk(look)
        look.f.page.context.close()
    finally:
        tablet.stop()
    assert look.faults == []
    assert look.f.errors == []


def test_large_text_on_the_smallest_phone(tmp_path: Path, browser: Browser) -> None:
    tablet = tablet_as(tmp_path / "tablet", "en", "light", "huge")
    try:
        look = Look(window(browser, tablet.start(), 360, TALL), "en", (360,))
        walk(look)
        look.f.page.context.close()
    finally:
        tablet.stop()
    assert look.faults == []
