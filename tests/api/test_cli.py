"""The `jingtu` command: what an administrator types, what is answered, and that a problem is words, never a traceback."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sync_server.cli import app
from sync_server.main import build
from sync_server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
HAN = re.compile(r"[\u4e00-\u9fff]")
PLAN = "点位编号,经度,纬度,备注\nS01,118.7001,32.0,x\nS02,118.7002,32.0,\nS03,118.7003,32.0,\n"
BAD = "code,lon,lat\nS01,118.7001,32.0\nS02,[/b]abc,32.0\nS01,118.7,32.0\n,500,32.0\nS03,118.7,32.0\n"


class Shell:
    """Runs commands on one data folder, in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "server"
        self.run("project", "add", "P1", "Works", "--organisation", "Survey firm")
        self.run("user", "add", "xu", "徐静", "--role", "project_manager", "--project", "P1")

    def any(self, *args: str, data: Path | None = None, env: dict[str, str] | None = None) -> Result:
        env = {"JINGTU_PASSWORD": "secret-1", "COLUMNS": "200", **(env or {})}
        return CliRunner().invoke(app, [*args, "--data", str(data or self.data)], env=env)

    def run(self, *args: str) -> Result:
        result = self.any(*args)
        assert result.exit_code == 0, result.output
        return result

    def refused(self, *args: str, number: int = 4101, **more: Any) -> str:
        """Exit 1, a number, words and a remedy in both languages on stderr, no traceback. Returns stderr."""
        result = self.any(*args, **more)
        assert result.exit_code == 1, result.output
        assert isinstance(result.exception, SystemExit), result.exception
        assert result.stderr.startswith(f"{number} ") and HAN.search(result.stderr)
        assert "Traceback" not in result.output + result.stderr and result.stdout == ""
        return result.stderr

    def file(self, text: str, name: str = "plan.csv", encoding: str = "gb18030") -> str:
        (self.folder / name).write_bytes(text.encode(encoding))
        return str(self.folder / name)

    def count(self, type: str) -> int:
        parts = build(Settings(data=self.data))
        try:
            with parts.service.store.reading() as tx:
                return len(tx.everywhere(type))
        finally:
            parts.service.store.close()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_project_add(shell: Shell) -> None:
    result = shell.run("project", "add", "P2", "二期", "--manager", "xu", "--standard", "gb15618", "--ph-band", "b6575")
    assert "项目 P2 已建" in result.output and "project made" in result.output
    assert (shell.count("project"), shell.count("site")) == (2, 2)
    assert "已有项目 P1" in shell.refused("project", "add", "P1", "Again")
    assert "no user nobody" in shell.refused("project", "add", "P3", "Works", "--manager", "nobody")
    assert "survey_stage" in shell.refused("project", "add", "P3", "Works", "--stage", "[/x]")
    assert "评价标准" in shell.refused("project", "add", "P3", "Works", "--standard", "{0}")
    assert (shell.count("project"), shell.count("site")) == (2, 2)  # nothing by halves


def test_the_first_entry_needs_the_organisation(tmp_path: Path) -> None:
    """Nobody's name is made up."""
    new = Shell.__new__(Shell)
    new.folder, new.data = tmp_path, tmp_path / "new"
    assert "--organisation" in new.refused("project", "add", "P1", "Works")
    assert "--organisation" in new.refused("user", "add", "xu", "徐静")


def test_user_add(shell: Shell) -> None:
    assert "li can sign in" in shell.run("user", "add", "li", "李明").output
    assert "li" in shell.refused("user", "add", "li", "李明")
    said = shell.refused("user", "add", "li", "李刚", "--role", "sampler", "--project", "P1")  # another person
    assert "已有用户 li（李明）" in said and "name and password stay" in said
    assert "roles added" in shell.run("user", "add", "li", "李明", "--role", "sampler", "--project", "P1").output
    people = shell.count("person")
    for args in (("--role", "king", "--project", "P1"), ("--role", "sampler"), ("--project", "P1")):
        assert "project_manager" in shell.refused("user", "add", "wu", "吴建", *args)
    shell.refused("user", "add", "wu", "吴建", "--role", "sampler", "--project", "P9", number=2004)
    assert shell.count("person") == people
    shell.run("user", "add", "wu", "吴建", "--role", "sampler", "--role", "inspector", "--project", "P1")


def test_device_enrol(shell: Shell) -> None:
    result = shell.run("device", "enrol", "xu")
    assert re.search(r"([2-9A-HJ-NP-Z]{4}-){3}[2-9A-HJ-NP-Z]{4}", result.output) and "30 min" in result.output
    assert "no user nobody" in shell.refused("device", "enrol", "nobody")
    assert "receiver" in shell.refused("device", "enrol", "xu", "--use", "spying")
    assert shell.any("device", "enrol", "xu", "--minutes", "-5").exit_code == 2


def test_plan_import(shell: Shell) -> None:
    result = shell.run(
        "plan", "import", shell.file(PLAN), "--project", "P1", "--target", "0-0.2", "--groups", "metal, as"
    )
    assert "3 个点位已导入" in result.stdout and "plan version 1: 3 points" in result.stdout
    assert "columns not used: 备注" in result.stderr
    assert (shell.count("planned_point"), shell.count("planned_target")) == (3, 3)
    moved = shell.file(PLAN.replace("118.7002", "118.7003").replace("S03", "S04"), "[b] second.csv", "utf-16")
    result = shell.run("plan", "import", moved, "--project", "P1", "--target", "0-0.2", "--groups", "metal, as")
    assert "方案第 2 版" in result.stdout and "moved 1: S02 9.4 m" in result.stdout
    assert "added 1: S04" in result.stdout and "removed 1: S03" in result.stdout
    result = shell.run("plan", "import", moved, "--project", "P1")
    assert "3 points have no depth or groups" in result.stderr


def test_plan_import_tells_every_wrong_row(shell: Shell) -> None:
    bad = shell.file(BAD, encoding="utf-8")
    said = shell.refused("plan", "import", bad, "--project", "P1", number=4003)
    assert "4 行有错" in said and "4 rows are wrong" in said
    for line in ("第 3 行「lon」：「[/b]abc」不是数；填十进制数", "line 3, lon: “[/b]abc” is not a number; Give a decimal",
                 "line 4, code: point code S01 is on line 2 too", "line 5, code: is empty", "line 5, lon: 500 is outside"):  # fmt: skip
        assert line in said
    assert shell.count("planned_point") == 0
    result = shell.run("plan", "import", bad, "--project", "P1", "--good-rows")
    assert "1 个点位已导入" in result.stdout and "4 wrong rows left out" in result.stdout
    assert "line 4, code" in result.stderr  # still told which
    assert shell.count("planned_point") == 1


@pytest.mark.parametrize(
    ("text", "more", "number", "said"),
    [
        ("", [], 4001, "文件是空的"),
        ("a,b\n1,2\n", [], 4002, "Columns are missing: point, longitude, latitude"),
        ('code,lon,lat\n"S01,118,32\n', [], 4001, "从第 2 行起"),
        (PLAN, ["--project", "P9"], 2004, "no such scope"),
        (PLAN, ["--target", "0.2"], 4101, "--target"),
        (PLAN, ["--target", "abc-def"], 4101, "--target"),
        (PLAN, ["--target", "0.5-0.2", "--groups", "metal"], 3001, "计划下深"),
        (PLAN, ["--groups", "frogs"], 3001, "analyte_group"),
    ],
)
def test_plan_import_refuses(shell: Shell, text: str, more: list[str], number: int, said: str) -> None:
    project = [] if "--project" in more else ["--project", "P1"]
    assert said in shell.refused("plan", "import", shell.file(text), *project, *more, number=number)
    assert shell.count("plan") == 0


def test_problems_are_never_tracebacks(shell: Shell, tmp_path: Path) -> None:
    assert "no file" in shell.refused("plan", "import", str(tmp_path / "none [/b].csv"), "--project", "P1")
    assert "no file" in shell.refused("plan", "import", str(tmp_path), "--project", "P1")
    shell.refused("reconcile", "[/b]", number=2004)
    (tmp_path / "file").write_text("")
    assert "file" in shell.refused("user", "add", "a", "b", data=tmp_path / "file")  # a file where a folder is needed
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "server.db").write_bytes(b"not a database" * 100)
    assert "not a database" in shell.refused("user", "add", "a", "b", data=tmp_path / "broken")
    assert "port" in shell.refused("server", env={"JINGTU_PORT": "eighty"})


def test_reconcile(shell: Shell) -> None:
    shell.run("plan", "import", shell.file(PLAN.replace("S02", "S02[/b]")), "--project", "P1")
    report = json.loads(shell.run("reconcile", "P1", "--json").stdout)
    assert (report["totals"]["planned"], report["totals"]["missing"], len(report["points"])) == (3, 3, 3)
    assert all(HAN.search(f["zh"]) and f["en"] for f in report["findings"])
    text = shell.run("reconcile", "P1", "--limit", "2").output
    assert "Works" in text and "F01" in shell.run("reconcile", "P1", "--limit", "99").output
    assert HAN.search(text) and "finding" in text and f"{len(report['findings'])} in all" in text
    assert "S02[/b]" in shell.run("reconcile", "P1", "--limit", "99").output


# --- real processes --------------------------------------------------------------------------------------------------


def jingtu(*args: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "JINGTU_PASSWORD": "secret-1", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "sync_server.cli", *args]
    return subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as s:
        yield s.getsockname()[1]


def test_a_port_in_use_is_told(taken: int, tmp_path: Path) -> None:
    child = jingtu("server", "--data", str(tmp_path / "server"), "--port", str(taken))
    out, err = child.communicate(timeout=60)
    assert child.returncode == 1 and out == ""
    assert err.startswith("4101 ") and f"127.0.0.1:{taken}" in err and "--port" in err and HAN.search(err)
    assert "Traceback" not in err
    assert not (tmp_path / "server").exists()  # nothing was started


def test_the_server_serves_and_stops(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    child = jingtu("server", "--data", str(tmp_path), "--port", str(port))
    try:
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=5) as answer:
                    assert answer.status == 200
                break
            except OSError:
                assert child.poll() is None and time.monotonic() < end, child.communicate()
                time.sleep(0.1)
    finally:
        child.terminate()
        out, err = child.communicate(timeout=30)
    assert "Traceback" not in err
