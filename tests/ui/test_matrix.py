"""Every page at every width, in every theme and both languages: nothing reaches beyond the window, nothing is too small for
a glove, no text is missing."""

from __future__ import annotations

import re
import time
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from field_app.kit import THEMES
from field_app.pages.point import TYPED
from field_app.store import Store
from field_app.visit import STEPS
from field_app.words import WORDS, say
from tests.ui import seed
from tests.ui.driver import Driver, Tablet, window

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


def tablet_as(folder: Path, lang: str, theme: str, size: str) -> Tablet:
    store = Store(folder)
    seed.fill(store)
    for name, value in (("lang", lang), ("theme", theme), ("size", size)):
        store.set_meta(f"ui.{name}", value)
    store.close()
    return Tablet(folder, seed.here())


class Look:
    """What must hold wherever one is. Every page is looked at, turned, and looked at again; the next one is gone to as the
    window lies then, so that each way is gone in narrow and in wide windows."""

    def __init__(self, f: Driver, lang: str, widths: tuple[int, ...]) -> None:
        self.f, self.lang, self.widths = f, lang, widths
        self.width = widths[0]
        self.faults: list[str] = []

    def say(self, key: str, **words: object) -> str:
        return say(self.lang, key, **words)

    def holds(self, where: str) -> None:
        for width in sorted(self.widths, key=lambda w: w != self.width):  # as it lies first
            if width != self.width:
                self.f.turn(width, TALL)
                self.width = width
            wrong = self.faulty()
            deadline = time.monotonic() + 1.5
            while wrong and time.monotonic() < deadline:  # perhaps it is still being laid out
                self.f.page.wait_for_timeout(100)
                wrong = self.faulty()
            self.faults += [f"{where} {width}: {w}" for w in wrong]

    def faulty(self) -> list[str]:
        seen = self.f.everything()
        least = SMALL_KEYS if self.width < 840 else 56
        # a row that scrolls is cut where the window ends or the bar at the bottom begins
        ends = (TALL, TALL - BAR)
        whole = [b for b in self.f.boxes() if b["name"] and not any(abs(b["y"] + b["h"] - end) < 3 for end in ends)]  # type: ignore[operator]
        small = [b for b in whole if (b["w"] < least - 0.5 or b["h"] < least - 0.5)]  # type: ignore[operator]
        out = [f"beyond the window: {b}" for b in self.f.overflow()]
        out += [f"too small: {b}" for b in small]
        out += [f"a key is shown: {k}" for k in KEYS.findall(seen)]
        return out + [f"not filled in: {line}" for line in seen.splitlines() if re.search(r"{\w+}", line)]

    def tap(self, name: str | re.Pattern[str], then: str | re.Pattern[str]) -> None:
        """Once: what it leads to must come."""
        self.f.tap(name, exact=isinstance(name, str))
        self.f.see(then)


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
        beside = look.width >= 840 and step not in TYPED  # the steps stay beside the step, else they give way to it
        name = re.compile(f"^(第 {n} 步|Step {n})")
        look.f.tap(name)
        if beside:
            look.f.chosen(name)
        else:
            look.f.gone(first)
        look.holds(step)
        if look.width < 840 or step in TYPED:
            look.tap(look.say("back"), first)


SOON = {("zh", "light"), ("en", "dark")}  # of every language and half of the widths; the others take the soak's time


@pytest.mark.parametrize(
    ("lang", "theme"),
    [pytest.param(*one, marks=() if one in SOON else pytest.mark.long) for one in product(("zh", "en"), THEMES)],
)
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
