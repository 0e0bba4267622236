"""The pages of people in a real browser: every dress, inviting to signing in, the QR code, keys, the log."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from sync_server.console.people.codes import fingerprint, read_uri
from tests.ui.console import Site, grave, in_every_dress, overflow, served, sign_in, watched
from tests.ui.people_seed import people_seed

pytestmark = pytest.mark.ui
GOOD = "先采完一号点位再吃午饭"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("people"), people_seed) as made:
        yield made


MEMBERS = "/console/projects/{project}/members"


@pytest.mark.parametrize(
    ("path", "user", "ready"),
    [(MEMBERS, "xujing", ".people"), (MEMBERS + "/new?q=王", "xujing", "#fresh"), (MEMBERS + "/{zhoulan}", "xujing", "#tablets"),
     (MEMBERS + "/{long}", "xujing", "#roles"), ("/console/projects/{project}/log", "xujing", ".log"), ("/console/me", "xujing", "#keys"),
     ("/console/people", "admin", ".people"), ("/console/people/{off}", "admin", "#account"), ("/console/devices", "admin", ".devs"),
     ("/console/log", "admin", ".log")],
)  # fmt: skip
def test_in_every_dress(site: Site, browser: Browser, path: str, user: str, ready: str) -> None:
    in_every_dress(
        site, browser, path.format(project=site.seeded.project, **site.seeded.people), user=user, ready=ready
    )


@pytest.mark.parametrize("script", [True, False])
def test_from_the_invitation_to_being_in(site: Site, browser: Browser, script: bool) -> None:
    """A manager on the telephone of 390 px; the invited on a computer; with and without script."""
    user = "tang" if script else "tang2"
    with watched(browser, site, 390, script=script) as (page, faults, elsewhere):
        sign_in(page, site, at=MEMBERS.format(project=site.seeded.project))
        page.click("text=邀请新成员 >> nth=-1")
        page.fill("#name", f"唐{user}")
        page.check("input[name=duty][value=sampler]")
        page.check("input[name=role][value=sampler]")
        page.fill("#username", user)
        page.click("text=建立并生成链接")
        link = page.input_value("#url")
        assert link in page.input_value("#message") and overflow(page) == 0 and grave(page) == [] if script else link
        assert page.locator("button[data-copy]:visible").count() == (2 if script else 0)
        page.click("text=好了，返回")
        expect(page.locator(".ph .chip")).to_have_text("已发邀请")
    with watched(browser, site, 1024, script=script) as (page, faults, elsewhere):
        page.goto(link)
        expect(page.locator("h1")).to_have_text("欢迎使用净土外业")
        assert overflow(page) == 0 and (not script or grave(page) == [])
        page.fill("#password", GOOD)
        page.fill("#again", "别的" + GOOD)
        page.click("text=开始使用")
        expect(page.locator("#again-fault")).to_contain_text("不一样")
        assert page.input_value("#username") == user and page.input_value("#password") == ""
        page.fill("#password", GOOD)
        page.fill("#again", GOOD)
        page.click("text=开始使用")
        expect(page.locator("h1")).to_have_text("全部项目")
        expect(page.locator("main")).to_contain_text("红星电镀厂地块")
        page.goto(link)
        expect(page.locator("h1")).to_have_text("这个链接已经用过")
        assert elsewhere == [] and [f for f in faults if "40" not in f and "41" not in f] == []


def test_the_code_on_the_screen_is_read_by_a_camera(site: Site, browser: Browser) -> None:
    zxingcpp = pytest.importorskip("zxingcpp")
    from PIL import Image

    for width, theme in ((1440, "light"), (390, "dark")):
        with watched(browser, site, width) as (page, faults, elsewhere):
            there = f"{MEMBERS}/{{zhoulan}}".format(project=site.seeded.project, **site.seeded.people)
            sign_in(page, site, at=there, theme=theme)
            page.click("text=生成登记码")
            expect(page.locator("h1")).to_have_text("登记码")
            picture = Image.open(io.BytesIO(page.locator(".qrbox").screenshot()))
            (read,) = zxingcpp.read_barcodes(picture)
            assert read_uri(read.text) == {
                "server": site.base, "code": page.inner_text("#code"), "key": fingerprint(site.parts.service.server_key),
            }  # fmt: skip
            assert overflow(page) == 0 and grave(page) == [] and (faults, elsewhere) == ([], [])
            page.emulate_media(media="print")
            picture = Image.open(io.BytesIO(page.locator(".qrbox").screenshot()))
            assert zxingcpp.read_barcodes(picture)[0].text == read.text
            expect(page.locator(".side")).to_be_hidden()
            page.click("text=中文") if width > 900 and page.locator("text=中文").first.is_visible() else None


def test_a_tablet_is_shut_with_a_reason(site: Site, browser: Browser) -> None:
    with watched(browser, site, 390) as (page, faults, _):
        sign_in(page, site, "admin", at="/console/devices?q=B2")
        page.click(".dev summary")
        expect(page.locator(".dev form")).to_contain_text("立即不能再读取")
        small = page.evaluate(
            "[...document.querySelectorAll('.dev .btn')].map((b) => b.getBoundingClientRect().height)"
        )
        assert min(small) >= 44
        page.click(".dev form .btn")  # the browser asks for the reason first
        assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
        page.fill(".dev textarea", "丢在工地")
        page.click(".dev form .btn")
        expect(page.locator("[role=status]")).to_contain_text("设备已停用")
        page.goto(f"{site.base}/console/devices?state=revoked")
        expect(page.locator(".devs")).to_contain_text("B2")
        page.goto(f"{site.base}/console/log?action=revoked")
        expect(page.locator(".log tbody tr").first).to_contain_text("停用设备 B2")
        expect(page.locator(".log tbody tr").first).to_contain_text("丢在工地")
        assert faults == []


def test_a_key_is_made_copied_and_revoked(site: Site, browser: Browser) -> None:
    with watched(browser, site, permissions=["clipboard-read", "clipboard-write"]) as (page, faults, elsewhere):
        sign_in(page, site, at="/console/")
        page.click(".top .me a")
        expect(page.locator("#sessions .tag")).to_have_text("本机")
        page.fill("#keyname", "QGIS")
        page.click("text=生成密钥")
        key = page.input_value("#key")
        page.click("[data-copy=key]")
        expect(page.locator("[data-copied]")).to_have_text("已复制")
        assert page.evaluate("navigator.clipboard.readText()") == key
        assert site.parts.auth.by_key(key).person == site.seeded.people["xujing"]
        assert grave(page) == []
        page.click("text=EN")  # from the page that answered the post
        expect(page.locator("h1")).to_have_text("许静")
        assert key not in page.content()
        page.click("#keys .roles button")
        expect(page.locator("#keys .chip")).to_have_text("Revoked")
        assert faults == [] and elsewhere == []


def test_the_log_is_sought_and_fetched(site: Site, browser: Browser) -> None:
    with watched(browser, site) as (page, faults, _):
        sign_in(page, site, "admin", at="/console/log")
        page.fill("input[name=q]", "cmd|")
        page.click(".filters .btn")
        expect(page.locator(".log tbody tr")).to_have_count(1)
        expect(page.locator(".log tbody tr")).to_contain_text("没有这个用户")
        with page.expect_download() as got:
            page.click("text=导出 CSV")
        text = got.value.path().read_text("utf-8-sig")
        assert got.value.suggested_filename.endswith(".csv") and "'=cmd|" in text and len(text.splitlines()) == 2
        page.goto(f"{site.base}/console/log")
        page.select_option("select[name=action]", "g:people")
        page.click(".filters .btn")
        expect(page.locator(".log tbody")).to_contain_text("给林新来角色：检查人员")
        page.click("text=给林新来角色：检查人员")
        expect(page.locator("h1")).to_have_text("林新来")
        assert faults == []
