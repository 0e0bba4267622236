"""The evidence package of an inspection: every step of it with its person, its task, its amendments, and nothing of its neighbours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from schemas.rules.package import Named
from sync_server.proof.verify import verify
from sync_server.proof.writing import Wanted, export
from sync_server.service import Write
from tests.api.conftest import Device, Server, outcomes
from tests.api.onsite_scene import CODE, Scene, at
from tests.api.test_evidence_export import Package

STEPS = (
    "task",
    "tshot",
    "inspection",
    "finding1",
    "finding2",
    "shot1",
    "shot2",
    "shot3",
    "shot4",
    "sketch",
    "action",
    "after",
    "recheck",
    "amendment",
)


@pytest.fixture
def scene(server: Server, tmp_path: Path) -> Scene:
    made = Scene(server, tmp_path)
    made.task()
    made.signed()
    made.rectified()
    made.amended()
    _neighbours(made)
    return made


def _neighbours(scene: Scene) -> None:
    """Of the same task another inspection with a finding, and a task of its own; none of it belongs to the first."""
    scene.ids["NEIGHBOUR"] = scene.server.new_id()
    values = scene.inspection(code="NEIGHBOUR-J", task_id=scene.ids["task"])
    scene.push(NEIGHBOUR=("inspection", values))
    finding = scene.findings()["finding1"] | {"code": "NEIGHBOUR-F", "inspection_id": scene.ids["NEIGHBOUR"]}
    finding.pop("answer_id")
    scene.push(
        nfinding=("finding", finding),
        nshot=("photo", scene.photo("nshot", "finding", "nfinding", "finding", "10:00", caption="NEIGHBOUR-photo")),
    )
    s = scene.server
    other = {
        "code": "RW-002",
        "kind": "grid",
        "title": "NEIGHBOUR-task",
        "site_id": s.site,
        "position": {"lon": "118.7", "lat": "32.2"},
    }
    s.service.write(s.pm, [Write("field_task", s.new_id(), scene.scope, other)])


def pack(scene: Scene, out: Path, id: str = "") -> Package:
    s = scene.server
    with s.service.store.reading() as tx:
        (project,) = tx.load("project", [s.project])
    export(
        s.service,
        s.app.state.parts.files,
        Wanted(project, "inspection", id or scene.ids["inspection"], Named(id="os:test", name="测试")),
        out,
    )
    assert not verify(out).faults
    return Package(out)


def page_of(p: Package) -> str:
    return "".join(data.decode() for name, data in p.files.items() if name.endswith(".html"))


def told(p: Package) -> list[str]:
    """The lines of what happened, as text."""
    (found,) = re.findall(r'<section class="course">(.*?)</section>', p.files["index.html"].decode(), re.S)
    return [
        " ".join(re.sub(r"<[^>]+>", " ", x).split()) for x in re.findall(r"<(?:li|h3)>(.*?)</(?:li|h3)>", found, re.S)
    ]


def test_every_step_and_nothing_of_the_neighbours(scene: Scene, tmp_path: Path) -> None:
    p = pack(scene, tmp_path / "a.zip", CODE)
    ids = scene.ids
    for name in STEPS:
        assert ids[name] in p.records, name
    answers = [n for n in ids if n.startswith(("inspection.1.", "amendment.1."))]
    assert len(answers) == 12 and all(ids[n] in p.records for n in answers)
    assert b"NEIGHBOUR" not in p.data and ids["NEIGHBOUR"] not in p.records
    here = {sha: x["there"] for sha, x in p.photos.items()}
    photos = {
        n: str(scene.sent[n][1]["sha256"]) for n in ("tshot", "shot1", "shot2", "shot3", "shot4", "sketch", "after")
    }
    assert here == {sha: n != "shot4" for n, sha in photos.items()}
    people = [ids[p_] for p_ in ("li", "zhao", "chen")]
    assert all(id in p.records for id in people)


def test_the_overview_tells_the_course_with_each_person(scene: Scene, tmp_path: Path) -> None:
    lines = told(pack(scene, tmp_path / "a.zip"))
    text = "\n".join(lines)
    order = [
        f"{CODE}", "任务 Task · 李国强 · RW-001", "2026-11-21 08:50 任务答复：属实 Task answered: Confirmed · 李国强 · 到场见裂缝（照片 1 张", "2026-11-21 09:00 检查开始，共 6 项答案",
        "李国强、赵敏、陈静", "2026-11-21 09:02 出示执法证件", "2026-11-21 11:20 检查结束", "2026-11-21 11:21 被检查方：拒绝签名 Inspected party: Refused to sign · 孙立新 · 对裂缝成因有不同意见",
        "11:22 检查人员：已签名", "见证人：已签名", f"{CODE}-WT01", "已销号", "问题下达 Issued", "申报整改完成", "孙立新", "裂缝已修补", "2026-11-21 16:00 复查：销号", "李国强、赵敏", "已整改到位",
        f"{CODE}-WT02", "已下达", "JC-20261121-A702", "更正 Amends · 李国强、赵敏、陈静 · JC-20261121-A701 · 1.5 项误记",
    ]  # fmt: skip
    at_ = 0
    for words in order:
        found = text.find(words, at_)
        assert found >= 0, (words, text[at_:])
        at_ = found
    page = page_of(pack(scene, tmp_path / "b.zip"))
    for n in set(re.findall(r'href="#r-([0-9a-f-]+)"', page)):
        assert f'id="r-{n}"' in page, n  # every line leads to its record


def test_from_either_side_of_an_amendment_the_whole_matter(scene: Scene, tmp_path: Path) -> None:
    first, second = pack(scene, tmp_path / "a.zip"), pack(scene, tmp_path / "b.zip", scene.ids["amendment"])
    assert first.records.keys() == second.records.keys()


def test_a_step_that_waits_and_one_that_was_refused_are_in_it(scene: Scene, tmp_path: Path) -> None:
    """A photo of the task that waits for its right, and a re-check that could not be read as one."""
    s = scene.server
    sampler = Device(s, s.sampler)
    late = sampler.change(
        "corrective_action",
        {
            "finding_id": scene.ids["finding2"],
            "at": at("17:00"),
            "measure_taken": "WAITS-here",
            "done": True,
            "reported_by": "x",
        },
        scope=scene.scope,
    )
    answer: Any = sampler.push([late], scene.scope)
    if answer.status_code == 200:
        assert outcomes(answer) == ["parked"]
        assert b"WAITS-here" in pack(scene, tmp_path / "a.zip").data
    broken = scene.device.change(
        "recheck",
        {
            "finding_id": scene.ids["finding2"],
            "at": at("18:00"),
            "officers": [],
            "result": "closed",
            "opinion": "REFUSED-here",
        },
        scope=scene.scope,
    )
    assert outcomes(scene.device.push([broken], scene.scope)) == ["rejected"]
    assert b"REFUSED-here" in pack(scene, tmp_path / "c.zip").data


def test_hostile_words_stay_words(server: Server, tmp_path: Path) -> None:
    hostile = '<script>alert(1)</script><b>\u202e"'
    scene = Scene(server, tmp_path)
    scene.signed(shots=False)
    scene.push(
        action=(
            "corrective_action",
            {
                "finding_id": scene.ids["finding1"],
                "at": at("15:00"),
                "measure_taken": hostile,
                "done": False,
                "reported_by": hostile,
            },
        )
    )
    page = pack(scene, tmp_path / "a.zip").files["index.html"].decode()
    assert "<script>" not in page and "\u202e" not in page and page.count("&lt;script&gt;") >= 2
