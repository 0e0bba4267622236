"""The on-site record as a browser fetches it: a file, noted, of the reader's language, with this server's address; for others not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schemas.problems import PROBLEMS
from sync_server.documents import press
from tests.api.onsite_scene import CODE, Scene
from tests.api.test_onsite_paper import Paper, squeezed
from tests.api.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("onsite"))
    yield made
    made.server.service.rest()
    made.server.close()


@pytest.fixture(scope="module")
def scene(world: World) -> Scene:
    made = Scene(world.server, world.server.folder)
    made.signed()
    return made


def fetch(world: World, id: str, who: str = "inspector", query: str = "", project: str = "") -> Any:
    path = f"/console/projects/{project or world.server.project}/inspections/{id}.pdf{query}"
    return world.call("GET", path, headers=world.headers(who, True))


def test_a_record_is_a_file_and_noted(world: World, scene: Scene) -> None:
    answer = fetch(world, scene.ids["inspection"])
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/pdf"
    assert (
        answer.headers["content-disposition"].startswith("attachment;")
        and answer.headers["cache-control"] == "no-store"
    )
    paper = Paper(answer.content)
    assert "现场检查（勘察）笔录" in paper.text and scene.sha in paper.text and paper.pictures == 4
    (address,) = paper.codes
    assert address.startswith(f"http://sim/i/{scene.ids['inspection']}?c=")
    assert (
        squeezed("On-site inspection record")
        in Paper(fetch(world, scene.ids["inspection"], query="?lang=en").content).text
    )
    log = world.call(
        "GET", f"/console/projects/{world.server.project}/log", headers=world.headers("project_manager", True)
    ).text
    assert f"打印或下载：现场检查（勘察）笔录 {CODE}.pdf" in log and "平板交来已签字的笔录" in log


def test_for_a_sampler_a_party_and_another_project_it_is_not_there(world: World, scene: Scene) -> None:
    id = scene.ids["inspection"]
    for who in ("sampler", "dispatcher", "party"):
        answer = fetch(world, id, who)
        assert answer.status_code == 404 and PROBLEMS[2004].zh[:4] in answer.text and CODE not in answer.text, who
    for answer in (
        fetch(world, id, "home_administrator", project=world.server.other),
        fetch(world, "x"),
        fetch(world, scene.ids["finding1"]),
    ):
        assert answer.status_code == 404 and CODE not in answer.text


def test_one_that_cannot_be_made_is_told_and_not_noted(
    world: World, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noted() -> int:
        with world.server.service.store.reading() as tx:
            return sum(n["action"] == "document" for n in tx.notes())

    before = noted()
    monkeypatch.setattr(press, "_command", lambda: ["sleep", "60"])
    monkeypatch.setattr(press.pressed, "__defaults__", (0.2,))
    answer = fetch(world, scene.ids["inspection"])
    assert answer.status_code == 500 and "文件没有做成，编号" in answer.text and noted() == before
