"""An inspection from the lead to the closed finding: the real server, the real app with a link that is cut when the road ends, the console
in the same browser. Every step is then found with its person in ledger, log and evidence package, and nobody else sees any of it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

import pypdfium2 as pdfium
import pytest
from playwright.sync_api import Browser, Page, expect

from field_app.store import Store
from field_app.sync import Syncer
from sync_server.main import build
from sync_server.settings import Settings
from tests.demo.run import free_port
from tests.ui import seed
from tests.ui.console import Site, sign_in, watched
from tests.ui.console_seed import LAT, LON, pos
from tests.ui.driver import ROOT, Driver, Tablet, window
from tests.ui.link import Link
from tests.ui.loop_seed import PLANT, Case, case
from tests.ui.mine_seed import jpeg
from tests.ui.test_day import until

pytestmark = pytest.mark.ui
LEAD, REF, PARTY = "疑似渗漏 T-0901", "T-0901", "孙立新"
FAILS = {7: "围堰开裂", 10: "无溢流收集"}  # number of the item on the ready list → the phrase that is tapped
DONE, SAW = "围堰裂缝已修补，防渗层重做。", "已按要求整改到位"
TYPES = ("field_task", "inspection", "checklist_answer", "finding", "corrective_action", "recheck", "facility", "duty")


class Office(NamedTuple):
    case: Case
    site: Site
    link: Link
    data: Path

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.data / "server.db")) as db:
            return list(db.execute(sql).fetchall())

    def cli(self, *words: str) -> str:
        command = [sys.executable, "-m", "sync_server.cli", *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    data, port = tmp_path / "server", free_port()
    parts = build(Settings(data=data))
    made = case(parts)
    parts.service.store.close()
    command = [sys.executable, "-m", "sync_server.cli", "server", "--data", str(data), "--port", str(port)]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=log, stderr=log)
        link, base = Link(port), f"http://127.0.0.1:{port}"
        try:
            until(lambda: urllib.request.urlopen(f"{base}/console/login", timeout=1).close() or True)
            yield Office(made, Site(base, made.seeded, None, None), link, data)  # type: ignore[arg-type]
        finally:
            link.close()
            process.terminate()
            process.wait(20)


def enrolled(office: Office, folder: Path, user: str) -> Store:
    """A tablet of that person after its first sync; open."""
    store = Store(folder)
    syncer = Syncer(store, pause=lambda _: None)
    syncer.enrol(f"http://127.0.0.1:{office.link.port}", office.case.codes[user], f"平板 {user}")
    assert syncer.run().problems == []
    store.keys.set_pin(store.keys.require().enrolment, seed.PIN)
    return store


# --- at the console ---------------------------------------------------------------------------------------------------


def lead_comes_in(page: Page, office: Office) -> None:
    """A suspected area, from a file to a task with a checklist for one inspector."""
    ring = [[float(v) for v in pos(x, y).values()] for x, y in ((0, 0), (30, 0), (30, 30), (0, 0))]
    feature = {"type": "Feature", "properties": {"图斑编号": REF, "涉及单位": PLANT}, "geometry": {"type": "Polygon", "coordinates": [ring]}}  # fmt: skip
    data = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    page.set_input_files("#file", {"name": "图斑.geojson", "mimeType": "application/json", "buffer": data})
    page.select_option("#kind", "remote_sensing")
    page.fill("#title", "疑似渗漏")
    page.get_by_role("button", name="预览").click()
    page.get_by_role("button", name="导入这 1 条").click()
    expect(page.locator(".judge.c-done")).to_contain_text("已导入 1 条线索")
    page.locator("#tasks").get_by_role("link", name=LEAD).click()
    page.select_option("select[name=checklist]", "hidden-hazard@1")
    page.locator("#edit").get_by_role("checkbox", name="何敏").check()
    page.locator("#edit button[value=save]").click()
    expect(page.locator(".judge.c-done")).to_be_visible()


# --- at the tablet ----------------------------------------------------------------------------------------------------


def answered(f: Driver) -> None:
    """The task: begun from it the check, then its own answer with a photo."""
    f.tap("检查", exact=True)
    f.tap(re.compile(LEAD))
    f.tap(re.compile("^用「重点监管单位隐患排查」开始检查"))
    f.see("第 1/20 项")
    f.tap("返回")
    f.tap("属实", exact=True)
    f.tap("拍一张现场照片")
    f.tap("拍：到场核查")
    f.see("到场核查，第 1 张")
    f.tap("与线索一致")
    f.tap("答复", exact=True)
    f.see(re.compile("任务 .* 已答复"))


def checked(f: Driver) -> None:
    f.tap(re.compile("^重点监管单位隐患排查，"))
    for n in range(1, 21):
        f.see(f"第 {n}/20 项")
        if n not in FAILS:
            f.tap("符合", exact=True)
            continue
        f.tap("不符合", exact=True)
        f.see("不符合 → 问题项 WT0")
        f.tap("拍现场照片")
        f.tap("按下：现场照片")
        f.see("现场照片 1 张")
        f.tap(FAILS[n])
        f.tap("下一项")
    f.see("按规则：")
    f.tap("笔录与签字")


def recorded(f: Driver) -> None:
    f.tap(re.compile("^检查对象"))
    f.tap("加一名被检查人")
    f.fill("被检查人姓名", PARTY)
    f.tap("现场负责人")
    back_to(f, "检查人员")
    f.tap("赵强", exact=True)
    back_to(f, "告知事项")
    for name in ("出示执法证件", "告知申请回避权", "告知配合义务", "告知如实陈述"):
        f.tap(f"念完「{name}」，记下时间")
    back_to(f, "检查情况")
    f.tap("写入检查结果")
    back_to(f, "结论和意见")
    f.tap("按期整改，整改后提交照片和说明。")
    back_to(f, "签字")


def back_to(f: Driver, part: str) -> None:
    f.tap("返回")
    f.tap(re.compile(f"^{part} "))


def drawn(f: Driver) -> None:
    """A signature at a finger's pace; a click right behind the last stroke would count as a part of it."""
    f.see(re.compile("手写签名框，0 笔"))
    f.page.mouse.move(90, 540)
    f.page.mouse.down()
    for n in range(1, 11):
        f.page.mouse.move(90 + n * 18, 540 + n * 10)
        f.page.wait_for_timeout(25)
    f.page.mouse.up()
    f.see(re.compile("手写签名框，1 笔"))
    f.page.wait_for_timeout(150)
    f.tap("签好了")
    f.gone("手写签名框")


def signed(f: Driver) -> None:
    f.tap("开始签字")
    drawn(f)
    for name in ("赵强", PARTY):
        f.tap(f"请 {name} 签字", exact=True)
        drawn(f)
    f.tap("签字存档")
    f.see("已签字存档")


def synced(f: Driver, office: Office, sql: str) -> None:
    """Until the server answers this with something, photos too."""
    f.tap(re.compile("去同步"))
    if f.there("现在同步", 3000):
        f.tap("现在同步")
    until(lambda: office.rows(sql))


def rechecked(f: Driver, code: str) -> None:
    """By one of the two: the photo after, result, signature."""
    f.tap("检查", exact=True)
    f.tap(re.compile(FAILS[7]))
    f.see("已报完成")
    f.tap("销号", exact=True)
    f.tap("开相机：整改后")
    f.tap("拍：整改后")
    f.see("整改后，第 1 张")
    f.tap(SAW)
    f.see("签字后：等第二名检查人员作同样的结论")
    f.tap("何敏签字")
    drawn(f)
    f.see(f"{code} 已记，等第二名检查人员")


# --- what stands at the end -------------------------------------------------------------------------------------------


def paper(data: bytes) -> str:
    """Its text without spaces and ends of lines."""
    with closing(pdfium.PdfDocument(data)) as pdf:
        text = "".join(page.get_textpage().get_text_range() for page in pdf)
    return "".join(text.replace("\u200b", "").split())


def reported(page: Page, code: str) -> None:
    """By the firm's person: what was done, with a photo over the one before."""
    page.get_by_role("link", name=code, exact=True).click()
    page.locator(".over").click()
    page.locator("#camera button[value=take]").click()
    page.locator("#camera button[value=use]").click()
    expect(page.locator("#taken li")).to_have_count(1)
    page.fill("textarea[name=measure_taken]", DONE)
    page.locator(".pick", has_text="已经改完").click()
    page.locator(".send").click()
    expect(page.locator(".judge.c-done")).to_contain_text("已收到")


def held(folder: Path) -> bytes:
    """Everything a tablet keeps."""
    return b"".join(x.read_bytes() for x in folder.rglob("*") if x.is_file())


def stands(text: str, *wanted: str) -> None:
    """In this order."""
    at = 0
    for words in wanted:
        found = text.find(words, at)
        assert found >= 0, (words, text[at:])
        at = found


def test_from_the_lead_to_the_closed_finding(tmp_path: Path, office: Office, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n in range(4):
        (pictures / f"{n}.jpg").write_bytes(jpeg(str(n)))
    monkeypatch.setenv("JINGTU_FAKE_CAMERA", str(pictures))
    site, project = office.site, f"/console/projects/{office.case.seeded.project}"
    enrolled(office, tmp_path / "tablet", "hemin").close()
    with watched(browser, site) as (page, faults, elsewhere):
        sign_in(page, site, "xujing", at=f"{project}/tasks/import")
        lead_comes_in(page, office)
        assert (faults, elsewhere) == ([], [])

    tablet = Tablet(tmp_path / "tablet", f"{LON + 0.0002},{LAT + 0.0001},2.1")
    try:
        f = window(browser, tablet.start())
        f.tap("检查", exact=True)
        f.see(LEAD)
        office.link.cut()
        answered(f)
        checked(f)
        recorded(f)
        signed(f)
        f.tap("返回")
        f.see("最近签过的")  # not the pages of a draft that is none any more
        assert office.rows("SELECT id FROM inspection") == []
        office.link.mend()
        synced(f, office, "SELECT id FROM inspection WHERE (SELECT count(*) FROM blob) = 3")
        ((check, code, sha),) = office.rows("SELECT id, code, content_sha256 FROM inspection")
        ids = {c.rpartition("-")[2]: id for c, id in office.rows("SELECT code, id FROM finding")}
        assert ids.keys() == {"WT01", "WT02"}
        finding = f"{project}/findings/{ids['WT01']}"

        with watched(browser, site) as (page, faults, elsewhere):
            sign_in(page, site, "hemin", at=f"{project}/inspections")
            page.get_by_role("link", name=code, exact=True).click()
            public = page.locator("#proof a").inner_text()
            answer = page.request.get(f"{site.base}{project}/inspections/{check}.pdf")
            assert answer.status == 200
            text = paper(answer.body())
            for word in ("现场检查（勘察）笔录", code, sha, PLANT, PARTY, "何敏", "赵强", "苏L-1101", "苏L-1102", "出示执法证件", "告知如实陈述",
                         *FAILS.values(), f"{code}-WT01", f"{code}-WT02", "公告2021年第1号", "列入隐患整改台账", "第1页，共"):  # fmt: skip
                assert word in text, (word, text)
            told = page.request.get(f"{site.base}{public}" if public.startswith("/") else public).text()
            assert code in told and PARTY not in told and "何敏" not in told
            assert (faults, elsewhere) == ([], [])

        more = {
            "geolocation": {"longitude": LON + 0.0002, "latitude": LAT + 0.0001, "accuracy": 4},
            "permissions": ["camera", "geolocation"],
        }
        with watched(browser, site, 390, **more) as (page, faults, elsewhere):
            sign_in(page, site, "liugong", at=f"{project}/mine")
            reported(page, f"{code}-WT01")
            assert (faults, elsewhere) == ([], [])

        synced(f, office, "SELECT id FROM corrective_action")
        rechecked(f, f"{code}-WT01")
        synced(f, office, "SELECT id FROM recheck WHERE (SELECT count(*) FROM blob) = 5")
        assert f.errors == []
    finally:
        tablet.stop()

    with watched(browser, site) as (page, faults, elsewhere):
        sign_in(page, site, "zhao", at=finding)
        expect(page.locator("#recheck .pend")).to_contain_text("何敏 已作「销号」")
        page.locator("button[value=closed]").click()
        expect(page.locator(".judge.c-done")).to_contain_text("已销号")
        stands(page.locator("#course").inner_text(), "何敏", "刘工", DONE, "何敏", SAW, "赵强")
        page.goto(f"{site.base}{project}/findings")
        expect(page.locator(f"#f-{ids['WT01']}")).to_contain_text("已销号")
        expect(page.locator(f"#f-{ids['WT02']}")).to_contain_text("已下达")
        assert page.request.get(f"{site.base}{project}/findings.xlsx").body().startswith(b"PK")
        assert (faults, elsewhere) == ([], [])
    with watched(browser, site) as (page, faults, elsewhere):
        sign_in(page, site, "xujing", at=f"{project}/log")
        lines = page.locator("table.log tbody tr")
        seen = {(x.get_attribute("data-action"), x.locator("th").inner_text()) for x in lines.all()}
        assert seen >= {
            ("task_import", "许静"), ("task_edit", "许静"), ("tablet_task", "何敏"), ("tablet_signed", "何敏"), ("document", "何敏"),
            ("party_report", "刘工"), ("tablet_recheck", "何敏"), ("recheck", "赵强"),
        }, seen  # fmt: skip
    out = tmp_path / "证据.zip"
    office.cli("evidence", "export", "HX-2026", str(out), "--inspection", code, "--data", str(office.data))
    office.cli("verify", str(out))
    with ZipFile(out) as package:
        index = re.sub(r"<[^>]+>", " ", package.read("index.html").decode())
        assert sum(n.startswith("photos/") for n in package.namelist()) >= 5, package.namelist()
    told = " ".join(index.split())
    assert "许静" in told  # who made the task
    stands(told, "任务 Task · 何敏 · RW-", LEAD, "任务答复：属实 Task answered: Confirmed · 何敏")
    stands(told, "任务 Task · 何敏 · RW-", "检查开始，共 20 项答案", "何敏、赵强", "出示执法证件",
           "检查人员：已签名", "赵强", "被检查方：已签名", PARTY, f"{code}-WT01", "已销号", "问题下达", "申报整改完成", "刘工", DONE, "复查：销号", "何敏", "复查：销号",
           "赵强", f"{code}-WT02", "已下达")  # fmt: skip

    paths = ["/tasks", "/findings", "/findings.xlsx", "/findings/map", "/inspections", f"/inspections/{check}", f"/inspections/{check}.pdf",
             f"/findings/{ids['WT01']}", "/mine", f"/mine/{ids['WT01']}"]  # fmt: skip
    for type in TYPES[:6]:
        paths += [f"/records/{type}/{id}" for (id,) in office.rows(f"SELECT id FROM {type}")]
    shas = [x for (x,) in office.rows("SELECT sha256 FROM blob")]
    paths += [f"/photos/{x}" for x in shas] + [f"/photos/{x}/thumbnail" for x in shas]
    secrets = (check, code, PARTY, REF, *ids.values())
    for user, own in (("zhoulan", True), ("sunhao", False)):
        with watched(browser, site) as (page, _, _):
            sign_in(page, site, user)
            assert {page.request.get(f"{site.base}{project}{x}").status for x in paths} <= {403, 404}, user
            for path in ("", "/records/finding", "/log", "/map.json", "/review", "/waiting", f"/find?q={ids['WT01']}"):
                answer = page.request.get(f"{site.base}{project}{path}")
                assert own or answer.status == 404, (user, path)
                assert path or not own or answer.status == 200
                assert not [x for x in (check, code, PARTY, REF, ids["WT02"]) if x in answer.text()], (user, path)
        store = enrolled(office, tmp_path / user, user)
        assert not [t for t in TYPES if store.all(t)]
        assert not [s for s in store.scopes() if s.scope == office.case.scope]
        store.close()
        assert not [x for x in (*secrets, *shas) if x.encode() in held(tmp_path / user)], user
    assert not [x for x in (*secrets, *shas) if x.encode() not in held(tmp_path / "tablet")]  # it would be seen
