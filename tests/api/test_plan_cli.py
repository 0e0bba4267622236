"""`jingtu plan import` of every kind of file: what is shown, what is asked, and that nothing goes in unconfirmed."""

from __future__ import annotations

import io
import json
import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from schemas.rules.geo import gk_project
from sync_server.main import build
from sync_server.service import Write
from sync_server.settings import Settings
from tests.api.test_cli import Shell

pty = pytest.importorskip("pty", reason="a terminal to answer on")
ROOT = Path(__file__).resolve().parents[2]
EASTING, NORTHING = gk_project(118.7654321, 32.0123456, 4528)  # zone 40, with prefix
X, Y = f"{NORTHING:.3f}", f"{EASTING:.3f}"
SURVEYED = f"点位编号,X,Y\nS01,{X},{Y}\nS02,{NORTHING + 10:.3f},{EASTING + 10:.3f}\n"
PLAIN = SURVEYED.replace(",40", ",")  # without the zone's digits
IMPORT = ("plan", "import", "--project", "P1")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def positions(shell: Shell) -> list[dict[str, Any]]:
    parts = build(Settings(data=shell.data))
    try:
        with parts.service.store.reading() as tx:
            points = [p.values for p in tx.everywhere("planned_point")]
    finally:
        parts.service.store.close()
    return [p["position"] for p in sorted(points, key=lambda p: p["code"])]


def book() -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as made:
        made.add_worksheet("说明").write(0, 0, "说明")
        for name in ("方案", "第二批"):
            sheet = made.add_worksheet(name)
            for y, row in enumerate(
                [
                    ["采样方案"],
                    ["点位编号", "经度", "纬度"],
                    [f"{name[-1]}01", 118.7654321, 32.0],
                    ["S[/b]02", 118.8, 32.1],
                ]
            ):
                sheet.write_row(y, 0, row)
    return out.getvalue()


# --- kinds of files ---------------------------------------------------------------------------------------------------


def test_a_workbook(shell: Shell) -> None:
    (path := shell.folder / "plan.xlsx").write_bytes(book())
    result = shell.run(*IMPORT, str(path))
    assert "2 个点位已导入" in result.stdout and "读的是工作表「方案」" in result.stderr and "第二批" in result.stderr
    assert [p["lon"] for p in positions(shell)] == ["118.8", "118.7654321"]
    assert "plan version 2" in shell.run(*IMPORT, str(path), "--sheet", "第二批").stdout
    said = shell.refused(*IMPORT, str(path), "--sheet", "无", number=4004)
    assert "说明、方案、第二批" in said and "说明, 方案" in said


def test_the_suffix_does_not_matter(shell: Shell) -> None:
    (path := shell.folder / "plan.csv").write_bytes(book())
    assert "2 points" in shell.run(*IMPORT, str(path)).stdout
    layer = {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"code": "S01"}, "geometry": {"type": "Point", "coordinates": [118.7, 32]}}]}  # fmt: skip
    assert "1 points" in shell.run(*IMPORT, shell.file(json.dumps(layer), "plan.xlsx")).stdout


def test_a_wrong_cell_and_a_wrong_feature_are_named(shell: Shell) -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as made:
        sheet = made.add_worksheet()
        for y, row in enumerate([["标题"], ["点位编号", "经度", "纬度"], ["S01", 118.7, 32], ["S02", "[/b]", 32]]):
            sheet.write_row(y, 0, row)
    (path := shell.folder / "bad.xlsx").write_bytes(out.getvalue())
    said = shell.refused(*IMPORT, str(path), number=4003)
    assert (
        "第 4 行「经度 B4」：「[/b]」不是数；填十进制数" in said and "line 4, 经度 B4: “[/b]” is not a number" in said
    )
    layer = {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"code": "S01"}, "geometry": {"type": "Point", "coordinates": [118.7, 32]}},
        {"type": "Feature", "properties": {"code": "S02"}, "geometry": {"type": "Polygon", "coordinates": []}}]}  # fmt: skip
    path = Path(shell.file(json.dumps(layer), "bad.geojson"))
    said = shell.refused(*IMPORT, str(path), number=4003)
    assert "第 2 个要素「经度（geometry.coordinates[0]）」：几何类型是 Polygon" in said and "feature 2, " in said
    assert shell.count("planned_point") == 0
    assert "feature 2, " in shell.run(*IMPORT, str(path), "--good-rows").stderr
    assert shell.count("planned_point") == 1


# --- survey coordinates -----------------------------------------------------------------------------------------------


def shown(said: str) -> None:
    """Zone, meridian, first point and extent, in both languages."""
    zh, en = (
        next(line for line in said.splitlines() if mark in line) for mark in ("CGCS2000 3° 带", "CGCS2000 3-degree")
    )
    for part in ("40", "120°", "S01", X, "118.7654321", "32.0123456"):
        assert part in zh and part in en, part
    assert "中央子午线" in zh and "central meridian" in en and "范围" in zh and "extent" in en


def test_nothing_goes_in_unconfirmed(shell: Shell) -> None:
    said = shell.refused(*IMPORT, shell.file(SURVEYED), number=4006)
    shown(said)
    assert "--yes" in said.splitlines()[0] and "--yes" in said.splitlines()[1]
    assert (shell.count("plan"), shell.count("planned_point")) == (0, 0)
    result = shell.run(*IMPORT, shell.file(SURVEYED), "--yes")
    shown(result.stderr)
    assert "2 个点位已导入" in result.stdout
    assert positions(shell)[0] == {
        "lon": "118.7654321", "lat": "32.0123456", "source_epsg": 4528, "source_northing": X, "source_easting": Y,
    }  # fmt: skip


def test_degrees_need_no_confirmation(shell: Shell) -> None:
    result = shell.run(*IMPORT, shell.file("code,lon,lat\nS01,118.7,32.0\n"))
    assert "CGCS2000" not in result.output + result.stderr


def test_wrong_rows_come_before_the_question(shell: Shell) -> None:
    bad = shell.file(SURVEYED + f"S03,{Y},{X}\n")
    said = shell.refused(*IMPORT, bad, number=4003)
    assert "第 4 行「X」" in said and "写反了" in said and "look swapped" in said
    assert "4003 " in shell.refused(*IMPORT, bad, "--yes", number=4003)
    shell.refused(*IMPORT, bad, "--good-rows", number=4006)
    assert shell.count("planned_point") == 0
    assert "2 points" in shell.run(*IMPORT, bad, "--good-rows", "--yes").stdout


def test_a_zone_is_asked_for(shell: Shell) -> None:
    said = shell.refused(*IMPORT, shell.file(PLAIN), "--yes", number=4005)
    assert "--zone 40" in said and "--central-meridian 120" in said and "本项目" not in said  # nothing is known yet
    assert shell.count("plan") == 0
    shown(shell.refused(*IMPORT, shell.file(PLAIN), "--zone", "40", number=4006))
    shown(shell.run(*IMPORT, shell.file(PLAIN), "--zone", "40", "--yes").stderr)
    result = shell.run(*IMPORT, shell.file(PLAIN), "--central-meridian", "120", "--yes")
    assert "plan version 2" in result.stdout and "nothing changed" in result.stdout
    assert {p["source_epsg"] for p in positions(shell)} == {4549}
    # now the project is known to lie in zone 40: it is named, and still not taken for granted
    said = shell.refused(*IMPORT, shell.file(PLAIN), "--yes", number=4005)
    assert "本项目已有的位置在第 40 带（中央子午线 120°）" in said and "lies in zone 40" in said


def test_the_boundary_tells_which_zone_would_fit(shell: Shell) -> None:
    parts = build(Settings(data=shell.data))
    ring = [["117.1", "32"], ["117.2", "32"], ["117.2", "32.1"], ["117.1", "32"]]
    with parts.service.store.reading() as tx:
        (site,) = tx.everywhere("site")
    parts.service.write(None, [Write("site", site.id, site.scope, {**site.values, "boundary": {"rings": [ring]}})])
    parts.service.store.close()
    assert "第 39 带（中央子午线 117°）" in shell.refused(*IMPORT, shell.file(PLAIN), number=4005)


@pytest.mark.parametrize(
    ("more", "number", "words"),
    [
        (["--zone", "60"], 4008, "25 to 45, not 60"),
        (["--central-meridian", "121"], 4008, "121 is none of 75"),
        (["--zone", "39", "--central-meridian", "120"], 4008, "is 117, not 120"),
        (["--sheet", "方案"], 4004, "this file is no workbook"),
        (["--zone", "39"], 4003, "begins with zone 40, but zone 39 was given"),
    ],
)
def test_what_contradicts_is_refused(shell: Shell, more: list[str], number: int, words: str) -> None:
    assert words in shell.refused(*IMPORT, shell.file(SURVEYED), "--yes", *more, number=number)
    assert shell.count("plan") == 0


# --- on a terminal ----------------------------------------------------------------------------------------------------


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *args: str) -> None:
        self.here, there = pty.openpty()
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "TERM": "xterm", "COLUMNS": "200"}
        command = [sys.executable, "-m", "sync_server.cli", *args]
        self.child = subprocess.Popen(command, env=env, stdin=there, stdout=there, stderr=there, start_new_session=True)
        os.close(there)
        self.raw = b""

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw.decode("utf-8", "replace"))

    def until(self, words: str | None, seconds: float = 60) -> str:
        """Read until these words stand there, or to the end."""
        limit = time.monotonic() + seconds
        while words is None or words not in self.text:
            assert time.monotonic() < limit, self.text
            if not select.select([self.here], [], [], 0.2)[0]:
                continue
            try:
                more = os.read(self.here, 65536)
            except OSError:  # the other end is closed
                more = b""
            if not more:
                assert words is None, self.text
                break
            self.raw += more
        return self.text

    def answer(self, text: str) -> None:
        os.write(self.here, text.encode())

    def end(self) -> int:
        self.until(None)
        os.close(self.here)
        return self.child.wait(timeout=30)


@pytest.mark.parametrize(("answer", "code", "points"), [("y\n", 0, 2), ("n\n", 1, 0), ("\n", 1, 0)])
def test_a_terminal_asks(shell: Shell, answer: str, code: int, points: int) -> None:
    terminal = Terminal(*IMPORT, shell.file(SURVEYED), "--data", str(shell.data))
    shown(terminal.until("correct?"))
    assert "对吗？" in terminal.text and shell.count("plan") == 0
    terminal.answer(answer)
    assert terminal.end() == code, terminal.text
    assert shell.count("planned_point") == points
    assert code == 0 or "4006 " in terminal.text and "Traceback" not in terminal.text


def test_progress_shows_on_a_terminal(shell: Shell) -> None:
    """Reading and writing, each with how far it is; nothing of it where nobody looks."""
    text = "code,lon,lat\n" + "".join(f"S{n},118.{n:07d},32.0\n" for n in range(5000))
    terminal = Terminal(*IMPORT, shell.file(text), "--data", str(shell.data))
    assert terminal.end() == 0, terminal.text
    assert "读取 · reading" in terminal.text and "导入 · importing" in terminal.text
    counts = {int(n) for n in re.findall(r"importing\D*?(\d+)/5000", terminal.text)}
    assert counts and all(n % 1000 == 0 for n in counts) and any(0 < n < 5000 for n in counts)
    assert "importing" not in shell.run(*IMPORT, shell.file("code,lon,lat\nS01,118.7,32.0\n")).stderr
