"""`jingtu inspection`: the on-site record as PDF on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pypdfium2 as pdfium
import pytest

from sync_server.service import Write
from tests.api.conftest import AT, Server
from tests.api.onsite_scene import CODE, Scene
from tests.api.test_cli import Shell
from tests.api.test_onsite_paper import squeezed


@pytest.fixture
def inspected(tmp_path: Path) -> tuple[Shell, Scene]:
    server = Server(tmp_path / "server")
    scene = Scene(server, tmp_path)
    scene.signed()
    server.service.rest()
    shell = Shell.__new__(Shell)  # on this server's data
    shell.folder, shell.data = tmp_path, tmp_path / "server"
    return shell, scene


def test_by_code_or_by_id(inspected: tuple[Shell, Scene], tmp_path: Path) -> None:
    shell, scene = inspected
    for wanted, name in ((CODE, "一.pdf"), (scene.ids["inspection"], "二.pdf")):
        out = tmp_path / name
        assert "已写好" in shell.run("inspection", wanted, str(out), "--address", "https://jt.example.cn/").output
        doc = pdfium.PdfDocument(out.read_bytes())
        text = squeezed("".join(p.get_textpage().get_text_range() for p in doc))
        assert "现场检查（勘察）笔录" in text and scene.sha in text and "校验码" in text
        assert any(o.type == 3 for p in doc for o in p.get_objects(max_depth=6))  # its photos are in it
    notes = [n for n in json.loads(shell.run("audit", "--json").output) if n["action"] == "document"]
    assert [(n["about"], n["by"].startswith("os:"), n["owner"]) for n in notes] == [
        (scene.ids["inspection"], True, scene.server.project)
    ] * 2


def test_what_cannot_be_made_is_told(inspected: tuple[Shell, Scene], tmp_path: Path) -> None:
    shell, scene = inspected
    s = scene.server
    s.service.write(
        None,
        [
            Write(
                "site",
                site := s.new_id(),
                f"{s.other}.field",
                {"code": "S", "name": "x", "status": "idle", "division_code": "1"},
            )
        ],
    )
    twin = scene.inspection(site_id=site, started_at=AT)
    s.service.write(None, [Write("inspection", s.new_id(), f"{s.other}.enforcement", twin)])
    out = tmp_path / "a.pdf"
    assert scene.ids["inspection"] in shell.refused("inspection", CODE, str(out))  # two are called so
    for args in (
        ("JC-9", str(out)),
        (scene.ids["finding1"], str(out)),
        (scene.ids["inspection"], str(tmp_path / "a.txt")),
        (scene.ids["inspection"], str(out), "--lang", "fr"),
    ):
        shell.refused("inspection", *args)
    assert not out.exists()
