"""The console in a real browser, for the tests of its rooms: a server on loopback, a watched page, every dress."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from schemas.rules import reconcile
from sync_server.facts import load_facts
from sync_server.main import create_app
from sync_server.settings import Settings
from tests.ui.console_seed import NOW, PASSWORD, Seeded, seed

WIDTHS = (1440, 768, 390, 360)
PAGES = (1440, 1024, 390)


class Site(NamedTuple):
    """A server on loopback and what was written into it. `report`: what the rules say of the seeded project."""

    base: str
    seeded: Seeded
    report: reconcile.Report
    parts: Any

    @property
    def project(self) -> str:
        return f"{self.base}/console/projects/{self.seeded.project}"


@contextmanager
def served(folder: Path, fill: Callable[[Any], Seeded] | None = None, **settings: Any) -> Iterator[Site]:
    """The real server over a new folder; `fill(parts)` writes what it shows (else console_seed.seed)."""
    app = create_app(Settings(data=folder, **settings), clock=lambda: NOW)
    parts = app.state.parts
    seeded = fill(parts) if fill else seed(parts.service, parts.auth)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    report = reconcile.run(load_facts(parts.service, seeded.project, NOW))
    yield Site(f"http://127.0.0.1:{listening.getsockname()[1]}", seeded, report, parts)
    server.should_exit = True
    thread.join(10)


class Watched(NamedTuple):
    page: Page
    faults: list[str]
    elsewhere: list[str]


@contextmanager
def watched(browser: Browser, site: Site, width: int = 1440, *, script: bool = True, **more: Any) -> Iterator[Watched]:
    """A page of its own, with all it complains about and all it asks of other places."""
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 900}, java_script_enabled=script, **more
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    faults: list[str] = []
    elsewhere: list[str] = []
    page.on("console", lambda m: faults.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: faults.append(str(e)))
    page.on("request", lambda r: elsewhere.append(r.url) if not r.url.startswith((site.base, "data:")) else None)
    yield Watched(page, faults, elsewhere)
    context.close()


def sign_in(
    page: Page, site: Site, user: str = "xujing", password: str = PASSWORD, at: str = "/console/", **choice: str
) -> None:
    asked = "".join(f"&{k}={v}" for k, v in choice.items())
    page.goto(f"{site.base}/console/login?next={at}{asked}")
    page.fill("#username", user)
    page.fill("#password", password)
    page.click(".login button")


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def grave(page: Page) -> list[str]:
    """What axe finds serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {[n['target'] for n in v['nodes']][:3]}" for v in found if v["impact"] in ("serious", "critical")
    ]


def in_every_dress(site: Site, browser: Browser, path: str, *, user: str = "xujing", ready: str = "") -> None:
    """A page at three widths, light and dark, zh and en: no fault told, nothing asked elsewhere, nothing wider than the window,
    nothing grave for axe. `ready`: a selector to wait for."""
    with watched(browser, site) as (page, faults, elsewhere):
        sign_in(page, site, user)
        for n, (lang, theme) in enumerate((("zh", "light"), ("en", "dark"), ("en", "light"), ("zh", "dark"))):
            where = f"{path} ({lang}, {theme})"
            page.set_viewport_size(
                {"width": PAGES[n % len(PAGES)], "height": 900}
            )  # loaded at each width once, resized to all
            page.goto(f"{site.base}{path}{'&' if '?' in path else '?'}lang={lang}&theme={theme}")
            if ready:
                page.wait_for_selector(ready)
            for width in PAGES:
                page.set_viewport_size({"width": width, "height": 900})
                assert overflow(page) == 0, f"{where} is wider than {width} px"
            assert page.locator("html").get_attribute("data-theme") == theme
            assert page.locator("h1").count() == 1
            if found := grave(page):
                pytest.fail(f"{where}: {found}")
            assert (faults, elsewhere) == ([], []), where
