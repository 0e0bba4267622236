"""What tablets hand in about inspections is told in the audit log, each with its person; other changes of theirs are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sync_server import onsite_log
from sync_server.console.people import log
from sync_server.console.words.people import WORDS
from sync_server.service.log import Called
from sync_server.store import Noted
from tests.api.conftest import Device, Server, details, outcomes
from tests.api.onsite_scene import Scene, at


@pytest.fixture
def scene(server: Server, tmp_path: Path) -> Scene:
    return Scene(server, tmp_path)


def told(scene: Scene) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(action, by, about, detail), oldest first."""
    with scene.server.service.store.reading() as tx:
        return [
            (n["action"], n["by"], n["about"], n["detail"])
            for n in reversed(tx.notes())
            if n["action"].startswith("tablet_")
        ]


def test_signed_reported_rechecked_and_answered(scene: Scene) -> None:
    scene.task()
    scene.signed()
    scene.rectified()
    scene.amended()
    ids, li = scene.ids, scene.ids["li"]
    assert told(scene) == [
        ("tablet_task", li, ids["task"], {"outcome": "confirmed"}),
        ("tablet_signed", li, ids["inspection"], {"sha256": scene.sha}),
        ("tablet_action", li, ids["action"], {"record": ids["finding1"], "done": True}),
        ("tablet_recheck", li, ids["recheck"], {"record": ids["finding1"], "result": "closed"}),
        ("tablet_signed", li, ids["amendment"], {"sha256": scene.sent["amendment"][1]["content_sha256"], "amends": ids["inspection"]}),
    ]  # fmt: skip
    with scene.server.service.store.reading() as tx:
        assert {n["owner"] for n in tx.notes() if n["action"].startswith("tablet_")} == {scene.server.project}


def test_no_name_and_no_text_of_an_inspection_is_in_it(scene: Scene) -> None:
    scene.task()
    scene.signed()
    scene.rectified()
    for word in ("孙立新", "裂缝", "华东", "JC-", "不同意见", "李国强"):
        assert word not in str(told(scene)), word


def test_without_signatures_voided_and_what_is_none_of_these(scene: Scene) -> None:
    scene.new("draft")
    scene.push(draft=("inspection", scene.inspection(code="JC-2")))
    d = scene.device
    edit = d.change("inspection", {"note": "n"}, scene.ids["draft"], {"note": None}, scope=scene.scope)
    void = d.change(
        "inspection",
        {"deleted": True, "void_reason": "开错"},
        scene.ids["draft"],
        {"deleted": None, "void_reason": None},
        scope=scene.scope,
    )
    answer = d.push([edit, void], scene.scope)
    assert outcomes(answer) == ["applied"] * 2, details(answer)
    assert [(a, detail) for a, _, _, detail in told(scene)] == [
        ("tablet_check", {}),
        ("tablet_void", {"type": "inspection"}),
    ]


def test_what_had_to_wait_is_told_when_it_goes_in_and_once(scene: Scene) -> None:
    """Handed in twice, and before what it belongs to; refused ones are not told as done."""
    scene.signed(shots=False)
    chen = Device(scene.server, scene.ids["chen"])
    finding = scene.server.new_id()
    early = {"finding_id": finding, "at": at("15:00"), "measure_taken": "x", "done": True, "reported_by": "y"}
    line = chen.change("corrective_action", early, scope=scene.scope)
    before = len(told(scene))
    assert outcomes(chen.push([line], scene.scope)) == ["parked"] and len(told(scene)) == before
    values = scene.findings()["finding1"] | {"code": "JC-20261121-A701-WT09"}
    scene.ids["finding9"] = finding
    scene.push(finding9=("finding", values))
    (found,) = told(scene)[before:]
    assert found[:2] == ("tablet_action", scene.ids["chen"]) and found[3]["record"] == finding
    broken = chen.change(
        "recheck", {"finding_id": finding, "at": at("16:00"), "officers": [], "result": "closed"}, scope=scene.scope
    )
    assert outcomes(chen.push([broken], scene.scope)) == ["rejected"] and len(told(scene)) == before + 1


def test_in_words(scene: Scene) -> None:
    assert {f"p_act_{a}" for a in onsite_log.ACTIONS} <= WORDS.keys() and set(onsite_log.ACTIONS) <= set(
        log.GROUPS["inspections"]
    )
    person, inspection, finding = (f"01a1fdb5-9be0-7000-8000-00000000000{n}" for n in (1, 2, 3))
    known = {
        person: Called("person", "李国强", "org"), inspection: Called("inspection", "JC-1", "p"), finding: Called("finding", "JC-1-WT01", "p"),
    }  # fmt: skip

    def line(action: str, about: str, **detail: Any) -> log.Line:
        return log.line(Noted(1, "2026-11-21T10:00:00.000+00:00", person, action, about, "p", detail), known, "zh", "p")

    x = line("tablet_signed", inspection, sha256="ab" * 32)
    assert (x.who, x.said) == ("李国强", "平板交来已签字的笔录 JC-1") and x.about.endswith(
        f"/records/inspection/{inspection}"
    )
    assert x.more == [f"SHA-256 {'ab' * 32}"]
    assert line("tablet_signed", finding, amends=inspection).more == ["更正 JC-1"]
    x = line("tablet_recheck", "r", record=finding, result="closed")
    assert (
        x.said == "平板交来问题 JC-1-WT01 的复查"
        and x.more == ["复查结论 销号"]
        and x.about.endswith(f"/records/finding/{finding}")
    )
    assert line("tablet_action", "a", record=finding, done=False).more == ["整改完成 否"]
    assert line("tablet_task", "t", outcome="not_reached").more == ["核查结论 未能到达"]
