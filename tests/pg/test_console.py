"""The review pages on PostgreSQL: what a project's page and its report say, and who is signed in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sync_server.console.session import COOKIE
from sync_server.facts import FactsReader
from sync_server.main import build
from sync_server.service import Write
from sync_server.settings import Settings
from tests.api.test_console_security import (  # noqa: F401
    World,
    _clock,
    test_a_planted_session_is_worth_nothing,
    test_a_sampler_never_sees_enforcement,
    test_sessions_end,
    test_signing_out_ends_the_session_on_the_server,
    test_the_report_for_programs,
    test_wrong_tries_are_slowed_and_right_ones_are_not,
    world,
)
from tests.pg import database
from tests.ui.console_seed import NOW


@pytest.fixture(scope="module", autouse=True)
def _by_one_setting() -> Iterator[None]:
    with database() as url, pytest.MonkeyPatch.context() as env:
        env.setenv("JINGTU_DATABASE_URL", url)
        yield


@pytest.fixture
def second(world: World) -> Iterator[World]:  # noqa: F811
    """Another process on the same database and folder: it shares nothing else."""
    made = World.__new__(World)
    from sync_server.main import create_app

    made.now, made.seeded = NOW, world.seeded
    made.app = create_app(world.parts.settings, clock=lambda: made.now)
    made.parts = made.app.state.parts
    yield made
    made.parts.service.store.close()


def test_a_project_page_holds_what_another_process_wrote(world: World, second: World) -> None:  # noqa: F811
    """Pages keep what they read, and ask the database each time whether it still holds."""
    one, two = world.client(), second.client()
    one.sign_in()
    two.cookies.update(one.cookies)  # signed in at one, known to both
    path = f"/console/projects/{world.seeded.project}"
    before = [c.get(path) for c in (one, two)]
    assert [p.status_code for p in before] == [200, 200] and "改过的名称" not in before[0].text + before[1].text
    (project,) = (s for s in world.parts.service.records("project", f"{world.seeded.project}.field"))
    second.parts.service.write(
        None, [Write("project", project.id, project.scope, {**project.values, "name": "改过的名称"})]
    )
    for world_now in (world, second):
        world_now.now += timedelta(minutes=11)  # a report that is costly to make may rest for some time
    assert "改过的名称" in one.get(path).text and "改过的名称" in two.get(path).text


def test_signing_out_at_one_process_is_signing_out_at_the_other(world: World, second: World) -> None:  # noqa: F811
    one, two = world.client(), second.client()
    one.sign_in()
    two.cookies.update(one.cookies)
    assert two.get("/console/").status_code == 200
    two("POST", "/console/logout", headers={"Sec-Fetch-Site": "same-origin"})
    one.cookies.set(COOKIE, one.cookies[COOKIE])
    assert one.get("/console/").status_code == 303


def test_facts_are_caught_up_from_the_other_process(world: World) -> None:  # noqa: F811
    """By number, and from the beginning after a restore, when numbers no longer mean what they meant."""
    here, there = (build(Settings(data=world.parts.settings.data), lambda: NOW) for _ in range(2))
    reader, project = FactsReader(here.service), world.seeded.project
    first = reader.facts(project, NOW)
    point = next(iter(first.records["point"].values()))
    values = {s.id: s.values for s in there.service.records("point", f"{project}.field")}[point.id]
    there.service.write(None, [Write("point", point.id, f"{project}.field", {**values, "wind": "他处"})])
    now = reader.facts(project, NOW).records["point"][point.id]
    assert now.wind == "他处"  # type: ignore[attr-defined]
    report = reader.report(project, NOW)
    assert reader.report(project, NOW) is report  # nothing moved
    with there.service.store.writing() as tx:
        there.service.begin_epoch(tx, tx.setting("epoch"))
    assert reader.report(project, NOW) is not report
    held = reader._held[f"{project}.field"]
    assert held.records["point"].keys() == first.records["point"].keys()
    for parts in (here, there):
        parts.service.store.close()
