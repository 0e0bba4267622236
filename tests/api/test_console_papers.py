"""Documents and ledgers as a browser fetches them: a file, noted, of the reader's language, bound to this address."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pypdfium2 as pdfium
import pytest
import zxingcpp
from python_calamine import CalamineWorkbook

from schemas.problems import PROBLEMS
from schemas.rules import evidence
from schemas.rules.handover import read
from sync_server.documents import press
from tests.api.conftest import Server
from tests.api.rooms.papers import hauled
from tests.api.transfer_scene import Scene, code_of, later, signed
from tests.api.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("papers"))
    yield made
    made.server.close()


@pytest.fixture(scope="module")
def ids(world: World) -> dict[str, str]:
    return hauled(world.server, world.server.project)


def fetch(world: World, tail: str, who: str = "dispatcher") -> Any:
    return world.call("GET", f"/console/projects/{world.server.project}/{tail}", headers=world.headers(who, True))


def words_of(pdf: bytes) -> str:
    return "".join("".join(p.get_textpage().get_text_range().split()) for p in pdfium.PdfDocument(pdf))


def test_a_manifest_is_a_file_and_noted(world: World, ids: dict[str, str]) -> None:
    answer = fetch(world, f"manifests/{ids['manifest']}.pdf")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/pdf"
    assert (
        answer.headers["content-disposition"].startswith("attachment;")
        and answer.headers["cache-control"] == "no-store"
    )
    text = words_of(answer.content)
    assert "污染土壤转运联单" in text and "赵敏" in text and "没有电子签名" in text
    log = fetch(world, "log", "project_manager").text
    assert "打印或下载：污染土壤转运联单" in log


def test_each_document_in_both_languages(world: World, ids: dict[str, str]) -> None:
    for tail, zh, en in (
        (f"manifests/{ids['manifest']}.pdf", "污染土壤转运联单", "Contaminated-soiltransfermanifest"),
        (f"transfer/{ids['transfer_plan']}/filing.pdf", "草稿，尚未报送", "draft,notfiled"),
        (f"transfer/{ids['transfer_plan']}/notice.pdf", "污染土壤转运公告", "Notice:transferofcontaminatedsoil"),
    ):
        assert zh in words_of(fetch(world, tail).content) and en in words_of(fetch(world, f"{tail}?lang=en").content)


def test_ledgers_are_workbooks(world: World, ids: dict[str, str]) -> None:
    for side, title in (("out", "出场台账"), ("in", "进场台账")):
        answer = fetch(world, f"manifests/{side}.xlsx")
        book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
        assert book.sheet_names[0] == title and "合计" in book.sheet_names
        assert len(book.get_sheet_by_name(title).to_python()) == (2 if side == "out" else 1)
    assert any("dispatcher" in str(r) or str(r[1]) for r in book.get_sheet_by_name("说明").to_python())


def test_what_is_not_there_is_told(world: World, ids: dict[str, str]) -> None:
    for tail in (
        "manifests/x.pdf",
        f"manifests/{ids['transfer_plan']}.pdf",
        f"transfer/{ids['manifest']}/filing.pdf",
        "transfer/x/notice.pdf",
    ):
        answer = fetch(world, tail)
        assert answer.status_code == 404 and PROBLEMS[2004].zh[:4] in answer.text


def test_one_that_cannot_be_made_leaves_the_server_at_work(
    world: World, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(press, "_command", lambda: ["sleep", "60"])
    monkeypatch.setattr(press.pressed, "__defaults__", (0.2,))
    answer = fetch(world, f"manifests/{ids['manifest']}.pdf")
    assert answer.status_code == 500 and "文件没有做成，编号" in answer.text
    monkeypatch.undo()
    assert fetch(world, f"manifests/{ids['manifest']}.pdf").status_code == 200


def test_from_signed_legs_of_two_devices_to_paper_and_back(server: Server) -> None:
    """The sender's device handed in the first leg, the driver's only a code with both. The paper carries both, genuine by the
    server's own directory; its small code opens the public page of this very server."""
    scene = Scene(server)
    sender, driver = scene.device("sender"), scene.device("driver")
    id, values = server.new_id(), scene.manifest()
    first = signed(
        sender.private,
        scene.leg(id, "issued", server.clock(), "高敏", scene.consignor),
        [],
        values,
        scene.load(id, values),
    )
    on_road = scene.leg(id, "departed", later(server.clock(), 1), "吴建", scene.carrier)
    legs = [first, signed(driver.private, on_road, [first])]
    server.clock.turn(minutes=5)
    lines = [
        sender.change("manifest", values, id, scope=scene.scope),
        sender.change("manifest_leg", first, scope=scene.scope),
    ]
    assert sender.push(lines, scene.scope).status_code == 200
    assert driver.push([driver.change("hand_over", code_of(legs), scope=scene.scope)], scene.scope).status_code == 200
    server.auth.add_account(scene.people["sender"], "gaomin", "mi-ma-123456")
    said = {"username": "gaomin", "password": "mi-ma-123456"}
    assert server.http.post("/console/login", data=said, headers={"Origin": "http://sim"}).status_code == 303
    answer = server.http.get(f"/console/projects/{server.project}/manifests/{id}.pdf")
    assert answer.status_code == 200
    text = words_of(answer.content)
    assert (
        text.count("签名有效") == 2
        and "已起运" in text
        and "来自交接码，本人设备尚未上报" in text
        and "30.400−12.400=18.000t" in text
    )
    codes = [
        c.text
        for p in pdfium.PdfDocument(answer.content)
        for c in zxingcpp.read_barcodes(p.render(scale=150 / 72).to_pil())
    ]
    chain = read(next(c for c in codes if c.startswith("JT1:")))
    assert [evidence.b64(leg.raw) for leg in chain.legs] == [leg["cose"] for leg in legs]
    (address,) = [c for c in codes if not c.startswith("JT1:")]
    page = server.http.get(address)
    assert page.status_code == 200 and "起运" in page.text and "高敏" not in page.text
