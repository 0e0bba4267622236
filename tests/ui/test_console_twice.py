"""A double click on a button sends its form once: no second person invited, no second comment, no second export."""

from __future__ import annotations

from playwright.sync_api import Browser, Route

from sync_server.console.shell import STATIC

PAGE = """<!doctype html><form method="post" action="/made"><button id="go" name="do" value="save">go</button></form>
<form action="/found"><button id="ask">ask</button></form><script src="/console.js"></script>"""


def test_a_double_click_sends_a_form_once(browser: Browser) -> None:
    page, sent = browser.new_page(), list[str]()

    def answer(route: Route) -> None:
        if route.request.url.endswith("console.js"):
            route.fulfill(body=(STATIC / "console.js").read_text(encoding="utf-8"), content_type="text/javascript")
        elif route.request.method == "POST":
            sent.append(route.request.post_data or "")
            route.fulfill(status=204)  # the page stays as it is: whatever else is clicked is clicked here
        else:
            route.fulfill(body=PAGE, content_type="text/html")

    page.route("**/*", answer)
    page.goto("http://console.test/")
    page.dblclick("#go")
    page.click("#go")
    page.wait_for_timeout(300)
    assert sent == ["do=save"]
    page.evaluate("document.querySelector('form').dataset.sent = String(Date.now() - 5000)")  # nothing came of it
    page.click("#go")
    page.wait_for_timeout(300)
    assert sent == ["do=save"] * 2
    page.click("#ask")
    page.wait_for_url("**/found?")
    page.close()
