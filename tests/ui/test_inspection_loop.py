"""An inspection from the lead to the closed finding: the real server, the real app with a link that is cut when the road ends, the console
in the same browser. Every step is then found with its person in ledger, log and evidence package, and nobody else sees any of it."""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

import pypdfium2 as pdfium
import pytest
from playwright.sync_api import Browser, Page, expect

from field_app.clock import CHINA
from field_app.store import Store
from field_app.sync import Syncer
from sync_server.main import build
from sync_server.settings import Settings
from tests.demo.run import free_port
from tests.ui import rectify_seed, seed
from tests.ui.console import Site, sign_in, watched
from tests.ui.console_seed import LAT, LON, pos
from tests.ui.driver import ROOT, Driver, Tablet, window
from tests.ui.link import Link
from tests.ui.loop_seed import PLANT, Case, case
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
    f.tap("下一段：检查人员") if f.there("下一段：检查人员", 500) else back_to(f, "检查人员")
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


def signed(f: Driver, name: str) -> None:
    f.see(re.compile("手写签名框，0 笔"))
    f.page.mouse.move(100, 560)
    f.page.mouse.down()
    for n in range(1, 9):
        f.page.mouse.move(100 + n * 15, 560 + n * 7)
        f.page.wait_for_timeout(15)
    f.page.mouse.up()
    f.see(re.compile("手写签名框，1 笔"))
    f.tap("签好了")
    f.see(name)


def test_from_the_lead_to_the_closed_finding(tmp_path: Path, office: Office, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n in range(4):
        (pictures / f"{n}.jpg").write_bytes(rectify_seed.drum(n == 3))
    monkeypatch.setenv("JINGTU_FAKE_CAMERA", str(pictures))
    project = f"/console/projects/{office.case.seeded.project}"
    enrolled(office, tmp_path / "tablet", "hemin").close()
    with watched(browser, office.site) as (page, faults, elsewhere):
        sign_in(page, office.site, "xujing", at=f"{project}/tasks/import")
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
    finally:
        tablet.stop()
