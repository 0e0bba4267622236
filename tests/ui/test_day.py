"""A day of one tablet, from the code in the morning to the receipt in the evening: the real app, the real server, and between
them a link that is cut when the road ends. What was done without a network is on the server by itself when there is one
again, byte for byte and once."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser

from sync_server.main import build
from sync_server.settings import Settings
from tests.demo.day import start_of_day
from tests.demo.run import PLAN, free_port
from tests.demo.seed import seed
from tests.ui.driver import ROOT, Driver, Tablet, unlock, window
from tests.ui.link import Link

pytestmark = pytest.mark.ui
RIVE = "rive_native"  # the one request of Flet's web client that cannot be switched off
AT_M001 = "5.7585362,50.9915622,1.8"
PIN = "805317"


class Place(NamedTuple):
    link: Link
    code: str
    database: Path


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Place]:
    """The server with the demo's project, and the link to it."""
    data, port = tmp_path / "server", free_port()
    parts = build(Settings(data=data))
    start = start_of_day(datetime.now(UTC))
    demo = seed(parts, PLAN, start.date(), start)
    code = parts.service.new_code(demo.people["zhoulan"], demo.people["xujing"], minutes=60)
    parts.service.store.close()
    command = [sys.executable, "-m", "sync_server.cli", "server", "--data", str(data), "--port", str(port)]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=log, stderr=log)
        link = Link(port)
        try:
            until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/console/login", timeout=1).close() or True)
            yield Place(link, code, data / "server.db")
        finally:
            link.close()
            process.terminate()
            process.wait(20)


def until(true: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if true():  # type: ignore[operator]
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError("it did not come about in time")


def pending(f: Driver) -> int:
    found = re.search(r"存在本机 \d+，未入库 (\d+)", f.everything())
    return int(found[1]) if found else -1


def enrol(f: Driver, office: Place) -> None:
    f.see("这台平板还没有登记")
    f.fill("服务器地址", f"http://127.0.0.1:{office.link.port}")
    f.fill("登记码", office.code)
    f.fill("平板名称", "平板 07")
    f.tap("登记", exact=True)
    for page in ("设一个 6 位 PIN", "再输一遍"):
        f.see(page)
        for digit in PIN:
            f.tap(digit, exact=True)
    f.see("最近一次")


def visit(f: Driver) -> None:
    """A point without layers and photos, which is finished with a reason."""
    f.tap("开始 M001")
    f.tap("继续：定位")
    f.see(re.compile("平均 [3-9]"))
    f.tap("采用这个位置")
    f.tap("返回")
    f.tap(re.compile(r"^第 \d 步 读数"))
    f.see("今天还没校准")
    f.tap("标样不在手边")
    for digit in "642":
        f.tap(digit, exact=True)
    f.see("642 ")
    f.tap("返回")
    f.tap(re.compile(r"^第 \d 步 现场情况"))
    f.tap("晴", exact=True)
    f.fill("地表情况", "草地")
    f.tap("下一步：核对完成")
    f.see("可以完成了")
    f.tap("土量不足")
    f.tap("带说明完成 M001")
    f.see("M001 已完成")


def test_from_the_code_in_the_morning_to_the_receipt_in_the_evening(
    tmp_path: Path, office: Place, browser: Browser
) -> None:
    tablet = Tablet(tmp_path / "tablet", AT_M001)
    try:
        f = window(browser, tablet.start(), pin=None)
        enrol(f, office)
        f.tap("今日", exact=True)
        f.see("开始 M001")
        assert pending(f) == 0

        office.link.cut()  # the road ends
        visit(f)
        there = pending(f)
        assert there >= 2
        f.tap("同步", exact=True)
        f.tap("现在同步")
        f.see("没连上服务器", timeout=40_000)
        f.tap("今日", exact=True)
        f.tap(re.compile("^开始 M00"))  # the next one, begun only
        f.tap("继续：定位")
        f.see(re.compile("平均 [3-9]"))
        tablet.kill()
        f.page.context.close()

        f = window(browser, tablet.start(), pin=None)  # the battery was changed
        unlock(f, PIN)
        f.see(re.compile("平均 [1-9]"))  # where one was
        f.tap("返回")
        f.tap("返回")
        assert pending(f) == there

        office.link.mend()  # in the evening
        until(lambda: pending(f) == 0, 90)  # by itself
        assert all(RIVE in url for url in f.blocked), f.blocked
        assert f.errors == []
        f.page.context.close()
    finally:
        tablet.stop()
    with closing(sqlite3.connect(tablet.folder / "tablet.db")) as here:
        made = dict(here.execute("SELECT id, line FROM journal").fetchall())
    with closing(sqlite3.connect(office.database)) as server:
        sql = "SELECT id, line, outcome FROM journal WHERE enrolment<>'console'"
        taken = server.execute(sql).fetchall()
    assert len(taken) == len(made) == there
    assert {id: bytes(line) for id, line, _ in taken} == {id: bytes(line) for id, line in made.items()}
    assert {outcome for _, _, outcome in taken} == {"applied"}
