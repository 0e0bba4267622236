"""`jingtu manifest`: a manifest as PDF and the ledgers, on the command line."""

from __future__ import annotations

import resource
import signal
from pathlib import Path
from types import SimpleNamespace

import pypdfium2 as pdfium
import pytest
from python_calamine import CalamineWorkbook

from schemas.problems import Trouble
from sync_server.cli import papers
from sync_server.main import build
from sync_server.settings import Settings
from tests.api.rooms.papers import hauled
from tests.api.test_cli import Shell, shell

__all__ = ["shell"]


def number_of(shell: Shell) -> str:
    """A load in project P1."""
    parts = build(Settings(data=shell.data))
    try:
        with parts.service.store.reading() as tx:
            project = next(s.id for s in tx.everywhere("project"))
            home = parts.service.home(tx)
        like = SimpleNamespace(
            service=parts.service, new_id=parts.service.new_id, org=home, home=f"{home}.organisation"
        )
        ids = hauled(like, project)
        return str(parts.service.records("manifest", f"{project}.transfer")[0].values["number"]) if ids else ""
    finally:
        parts.service.store.close()


def test_a_manifest_and_both_ledgers(shell: Shell, tmp_path: Path) -> None:
    number, out = number_of(shell), tmp_path / "单.pdf"
    assert "已写好" in shell.run("manifest", "pdf", "P1", f"{number[:4]} {number[4:]}", str(out)).output
    text = "".join(pdfium.PdfDocument(out.read_bytes())[0].get_textpage().get_text_range().split())
    assert "污染土壤转运联单" in text and number in text
    for flag, title in ((), "出场台账"), (("--in",), "进场台账"):
        file = tmp_path / f"{title}.xlsx"
        shell.run("manifest", "ledger", "P1", str(file), *flag)
        assert CalamineWorkbook.from_path(str(file)).sheet_names[0] == title
    assert shell.run("audit", "--json").output.count('"document"') == 3
    assert {p.name for p in tmp_path.iterdir() if p.is_file()} == {"单.pdf", "出场台账.xlsx", "进场台账.xlsx"}


def test_what_cannot_be_made_is_told(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "a.pdf"
    for args in (
        ("pdf", "P1", "20263201000001", str(out)), ("pdf", "P1", "1", str(tmp_path / "a.txt")), ("pdf", "P1", "1", str(tmp_path / "no" / "a.pdf")),
        ("ledger", "P1", str(tmp_path / "a.xlsx"), "--lang", "fr"),
    ):  # fmt: skip
        shell.refused("manifest", *args)
    shell.refused("manifest", "ledger", "P9", str(tmp_path / "a.xlsx"), number=2004)
    out.write_text("old")
    shell.refused("manifest", "pdf", "P1", "1", str(out))
    assert out.read_text() == "old" and [p.name for p in tmp_path.glob("a.*")] == ["a.pdf"]


def test_without_room_the_old_paper_stays(tmp_path: Path) -> None:
    """A file may not grow beyond 1 kB here, as on a disk that is full."""
    out = tmp_path / "a.pdf"
    out.write_text("old")
    limit, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(Trouble) as told:
            papers.keep(out, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert told.value.problem.number == 4206
    assert out.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.pdf"]
