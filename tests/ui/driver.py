"""Drives the app in a browser through what a screen reader sees; that the names are right is tested on the way."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, Playwright, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("JINGTU_CHROMIUM", "/usr/bin/chromium")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"]  # fmt: skip
WAIT_MS = 30_000


class Tablet:
    """A real `python -m field_app` process."""

    def __init__(self, folder: Path, position: str | None) -> None:
        self.folder, self.position = folder, position
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        env = {k: v for k, v in os.environ.items() if k != "JINGTU_FAKE_POSITION"}
        if self.position:
            env["JINGTU_FAKE_POSITION"] = self.position
        command = [sys.executable, "-m", "field_app", "--data", str(self.folder), "--port", str(port)]
        self.log = (self.folder.parent / f"{self.folder.name}.log").open("ab")
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=self.log, stderr=self.log)
        url = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + 90  # the fonts may have to be drawn first
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(url, timeout=1).read(1)
                return url
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError(f"the app did not start: {self.told()}")

    def told(self) -> str:
        self.log.flush()
        return Path(self.log.name).read_text(errors="replace")

    def keeps(self, *texts: str) -> None:
        """Until the drafts in its database hold these: what the browser shows is then not only there."""
        deadline = time.monotonic() + WAIT_MS / 1000
        with closing(sqlite3.connect(f"file:{self.folder / 'tablet.db'}?mode=ro", uri=True)) as db:
            while missing := [t for t in texts if t not in str(db.execute("SELECT vals FROM draft").fetchall())]:
                assert time.monotonic() < deadline, f"no draft holds {missing}"
                time.sleep(0.03)

    def kill(self) -> None:
        """As when the battery is pulled: no handler of the app runs."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None
        if hasattr(self, "log"):
            self.log.close()


class Driver:
    """One browser page on the app. Everything off this machine is refused and noted."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.errors, self.blocked = page, [], []
        self._tapped: str | re.Pattern[str] = ""
        self._answers = self._answers_then = 0  # messages of the app so far, and when it was tapped last
        page.on("websocket", lambda ws: ws.on("framereceived", self._answered))
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        home = re.escape(url.split("/", 3)[2])
        page.route(re.compile(rf"^https?://(?!{home})"), self._refuse)
        self.open(url)

    def _answered(self, _: object) -> None:
        self._answers += 1

    def _refuse(self, route: object) -> None:
        self.blocked.append(route.request.url)  # type: ignore[attr-defined]
        route.abort()  # type: ignore[attr-defined]

    def open(self, url: str) -> None:
        self.page.goto(url, wait_until="domcontentloaded")
        self.page.wait_for_selector("flt-semantics-placeholder", state="attached")
        self.page.evaluate("document.querySelector('flt-semantics-placeholder').click()")
        self.page.wait_for_selector("flt-semantics-host flt-semantics", state="attached")

    def button(self, name: str | re.Pattern[str], exact: bool = False) -> Locator:
        return self.page.get_by_role("button", name=name, exact=exact).first

    def tap(self, name: str | re.Pattern[str], exact: bool = False) -> None:
        """A tappable node takes a DOM click, wherever it is scrolled to; others need the pointer. The same name again is
        tapped once the app has answered the first tap and drawn it: "back" on the page that is being left goes nowhere."""
        if name == self._tapped:
            self._until(lambda: self._answers > self._answers_then, 3)
            self.page.evaluate(
                "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(r, 30))))"
            )
        self._tapped, self._answers_then = name, self._answers
        node = self.button(name, exact)
        try:
            node.wait_for(state="attached")
        except PlaywrightTimeout:
            raise AssertionError(f"no button {name!r} on the page:\n{self.everything()}") from None
        if not node.evaluate(
            "e => { const t = e.hasAttribute('flt-tappable') ? e : e.querySelector('[flt-tappable]');"
            " return t ? (t.click(), true) : false }"
        ):
            box = node.bounding_box()
            assert box
            self.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def there(self, name: str | re.Pattern[str], timeout: int) -> bool:
        """Does such a button show within this time?"""
        try:
            self.button(name).first.wait_for(timeout=timeout)
        except PlaywrightTimeout:
            return False
        return True

    def see(self, text: str | re.Pattern[str], timeout: int = WAIT_MS) -> None:
        """A text, or the name of something."""
        pattern = text if isinstance(text, re.Pattern) else re.compile(re.escape(text))
        deadline = time.monotonic() + timeout / 1000
        while time.monotonic() < deadline:
            if pattern.search(self.everything()):
                return
            time.sleep(0.05)
        raise AssertionError(f"{pattern.pattern!r} is not on the page:\n{self.everything()}")

    def gone(self, text: str) -> None:
        deadline = time.monotonic() + WAIT_MS / 1000
        while text in self.everything():
            assert time.monotonic() < deadline, f"{text!r} is still on the page"
            time.sleep(0.05)

    def chosen(self, name: str | re.Pattern[str]) -> None:
        """Until this button is the chosen one of its kind."""
        node = self.button(name)
        marked = self._until(lambda: node.get_attribute("aria-current") == "true", WAIT_MS / 1000)
        assert marked, f"{name!r} is not chosen:\n{self.everything()}"

    def everything(self) -> str:
        return str(
            self.page.evaluate(
                "[...document.querySelectorAll('flt-semantics-host *')].map(e =>"
                " [e.getAttribute('aria-label'), e.getAttribute('aria-description'),"
                " [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join('')].filter(Boolean).join(' '))"
                ".filter(Boolean).join('\\n')"
            )
        )

    def _still(self, node: Locator) -> None:
        """Until it stays where it is: a click into a list that scrolls would tick what lies under the field by then."""
        then, now = None, node.bounding_box()
        end = time.monotonic() + 3
        while now != then and time.monotonic() < end:
            self.page.wait_for_timeout(120)
            then, now = now, node.bounding_box()

    def fill(self, label: str, value: str) -> None:
        """Into exactly this field. The app moves the keyboard to it some frames after the click, and a click may meet a list
        that still scrolls: nothing is typed before the field has the keyboard. What was typed is typed once: if it does
        not stay, the app has lost it."""
        field = self.page.locator("input, textarea").and_(self.page.get_by_label(label)).first
        field.wait_for(state="attached")
        for _ in range(5):
            field.scroll_into_view_if_needed()
            self._still(field)
            field.click()
            if self._until(lambda: bool(field.evaluate("e => e === document.activeElement")), 4):
                break
        else:
            raise AssertionError(f"{label!r} does not take the keyboard")
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(value)
        # by the element that has the keyboard: a field may be called otherwise once something is in it
        holds = "document.activeElement && document.activeElement.value"
        held = self._until(lambda: self.page.evaluate(holds) == value, 10)
        assert held, f"{label!r} holds {self.page.evaluate(holds)!r}, typed was {value!r}"

    def _until(self, true: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                return False
            self.page.wait_for_timeout(30)
        return True

    def turn(self, width: int, height: int) -> None:
        """As a tablet that is turned: until the app is laid out for this width."""
        self.page.set_viewport_size({"width": width, "height": height})
        laid_out = self._until(lambda: self.railed() == (width >= 840), WAIT_MS / 1000)
        assert laid_out, f"not laid out for {width} px:\n{self.everything()}"

    def railed(self) -> bool:
        """Are the tabs at the left, as in a wide window?"""
        return any(b["x"] == 0 and 88 <= b["w"] <= 92 and b["h"] == 76 for b in self.boxes())  # type: ignore[operator]

    def boxes(self) -> list[dict[str, object]]:
        """Name and size of everything tappable."""
        found: list[dict[str, object]] = self.page.evaluate(
            "[...document.querySelectorAll('flt-semantics-host [flt-tappable]')].map(e => { const r = e.getBoundingClientRect();"
            " return {name: e.getAttribute('aria-label') || e.innerText || '', x: r.x, y: r.y, w: r.width, h: r.height} })"
        )
        return found

    def overflow(self) -> list[str]:
        """What reaches beyond the window sideways."""
        width = self.page.viewport_size["width"]  # type: ignore[index]
        found: list[dict[str, object]] = self.page.evaluate(
            "[...document.querySelectorAll('flt-semantics-host flt-semantics')].map(e => { const r = e.getBoundingClientRect();"
            " return {name: (e.getAttribute('aria-label') || e.innerText || '').slice(0, 40), x: r.x, right: r.right, h: r.height} })"
        )
        return [str(b) for b in found if b["name"] and (b["right"] > width + 1 or b["x"] < -1) and b["h"]]  # type: ignore[operator]

    def shot(self, path: Path) -> None:
        """What is named is ahead of what is painted: wait until two pictures agree and are not blank."""
        before = b""
        for _ in range(40):
            time.sleep(0.25)
            now = self.page.screenshot(path=path)
            if now == before and len(now) > 12_000:
                return
            before = now


_running: list[Playwright] = []  # there can be one in a thread


@contextmanager
def chromium(*more: str, env: dict[str, str] | None = None) -> Iterator[Browser]:
    """A browser; beside another one, of the same Playwright. Tests take the fixture of conftest.py."""
    with ExitStack() as until:
        if not _running:
            _running.append(until.enter_context(sync_playwright()))
            until.callback(_running.clear)
        browser = _running[0].chromium.launch(
            executable_path=CHROMIUM, headless=True, args=[*ARGS, *more], env=dict(env) if env else None
        )
        until.callback(browser.close)
        yield browser


PIN_PAGE = re.compile("^(输入 PIN|Enter your PIN)$", re.M)
# one of: the PIN, a first PIN, enrolment, another window, the app itself, a folder that cannot be opened
FIRST_PAGE = re.compile(
    PIN_PAGE.pattern + "|6 位 PIN|PIN of 6|登记码|nrolment|窗口|window|今日|Today|没有动|not touched", re.M
)


def window(browser: Browser, url: str, width: int = 390, height: int = 844, pin: str | None = "246810") -> Driver:
    """A window on the app, past the PIN of tests/ui/seed.py where it is asked for. pin=None: left as it opens."""
    context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
    f = Driver(context.new_page(), url)
    if pin is not None:
        f.see(FIRST_PAGE)  # what is named comes bit by bit
        if PIN_PAGE.search(f.everything()):
            unlock(f, pin)
    return f


def unlock(f: Driver, pin: str = "246810") -> None:
    """Types a PIN where one is asked for, and waits until it is taken."""
    f.see(PIN_PAGE)
    for digit in pin:
        f.tap(digit, exact=True)
    deadline = time.monotonic() + WAIT_MS / 1000
    while PIN_PAGE.search(f.everything()):
        assert time.monotonic() < deadline, f"the PIN was not taken:\n{f.everything()}"
        time.sleep(0.05)
