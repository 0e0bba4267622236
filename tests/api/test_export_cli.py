"""`jingtu export`: the same files on the command line, noted in the audit log."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from sync_server.export.csv_file import CsvWriter
from tests.api.test_cli import PLAN, Shell, shell

__all__ = ["shell"]


def planned(shell: Shell) -> None:
    shell.run("plan", "import", shell.file(PLAN), "--project", "P1")


def test_a_file_and_its_hash(shell: Shell, tmp_path: Path) -> None:
    planned(shell)
    out = tmp_path / "点位.csv"
    told = json.loads(
        shell.run("export", "P1", str(out), "--type", "planned_point", "--format", "csv", "--json").output
    )
    assert told["rows"] == {"planned_point": 3} and told["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert out.read_text("utf-8-sig").count("\n") == 4 and sorted(p.name for p in tmp_path.glob("*点位*")) == [
        "点位.csv"
    ]
    log = shell.run("audit", "--json").output
    assert told["sha256"] in log and '"export_made"' in log
    said = shell.run(
        "export", "P1", str(tmp_path / "a.gpkg"), "--format", "gpkg", "--epsg", "4510", "--as", "xu"
    ).output
    assert "SHA-256" in said and "位置在所选带的范围之外" in said


def test_what_cannot_be_made_is_told(shell: Shell, tmp_path: Path) -> None:
    out = str(tmp_path / "a.csv")
    for args, number in (
        (("P9", out, "--format", "csv", "--type", "point"), 2004), (("P1", out, "--format", "exe"), 4101), (("P1", out, "--format", "csv", "--type", "x"), 4101),
        (("P1", out, "--format", "csv"), 4101), (("P1", out, "--type", "point", "--format", "csv", "--epsg", "3857"), 4101),
        (("P1", str(tmp_path / "no" / "a.csv"), "--type", "point", "--format", "csv"), 4101), (("P1", out, "--format", "csv", "--type", "point", "--as", "nobody"), 4101),
        (("P1", str(tmp_path / "a.zip"), "--format", "photos", "--type", "point"), 4101), (("P1", out, "--format", "csv", "--type", "point", "--lang", "fr"), 4101),
    ):  # fmt: skip
        shell.refused("export", *args, number=number)
    assert not list(tmp_path.glob("a.*"))


def test_what_is_there_stays_until_the_new_one_is_whole(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(shell)
    out, args = tmp_path / "a.csv", ("--type", "planned_point", "--format", "csv")
    out.write_text("old")
    shell.refused("export", "P1", str(out), *args)
    kept = CsvWriter.write

    def full(self: CsvWriter, rows: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(CsvWriter, "write", full)
    shell.refused("export", "P1", str(out), *args, "--force", number=4206)
    assert out.read_text() == "old" and [p.name for p in tmp_path.glob("a.*")] == ["a.csv"]
    monkeypatch.setattr(CsvWriter, "write", kept)
    shell.run("export", "P1", str(out), *args, "--force")
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
