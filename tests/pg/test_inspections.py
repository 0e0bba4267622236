"""Inspections, findings, lists, rounds, tasks and a party's pages on PostgreSQL: every page opens, every form does its work, drafts are kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from schemas.rules.checklists import ready
from sync_server.main import build
from sync_server.service import Write
from sync_server.settings import Settings
from tests.api.test_console_checklists import Site as Lists
from tests.api.test_console_checklists import test_a_copy_is_edited_published_used_and_retired as edited
from tests.api.test_console_checklists import (
    test_duties_and_facilities_are_made_and_the_overdue_ones_come_first as rounds,
)
from tests.api.test_console_inspections import (  # noqa: F401
    Site,
    fresh,
    test_sending_on_takes_two_and_names_whom,
    test_the_second_inspector_closes_it_with_one_click,
)
from tests.api.test_console_leads import (  # noqa: F401
    leads,
    test_a_file_is_previewed_confirmed_and_becomes_tasks,
    test_a_withdrawn_task_is_gone_from_the_ledger_and_kept_with_its_reason,
    test_several_are_assigned_and_put_off_at_once,
    test_where_somebody_has_to_go_again_a_new_task_is_made,
)
from tests.api.test_console_mine import (  # noqa: F401
    case,
    test_a_report_with_a_photo_is_records_of_that_person,
)
from tests.api.test_drafts import (  # noqa: F401
    tablet,
    test_a_newer_one_is_never_replaced_unasked,
    test_it_ends_when_the_check_has_come,
    test_kept_on_one_tablet_and_taken_up_on_another,
    test_two_tablets_at_once,
)
from tests.api.world import OURS
from tests.ui.console_seed import pos

ROOMS = re.compile(r"^/projects/\{project\}/(findings|inspections|checklists|duties|tasks|mine)\b")
LEAD = "线索编号,线索来源,摘要,经度,纬度\nX1,信访举报,夜间倾倒,119.45,32.2\n"


@pytest.fixture(autouse=True)
def _by_one_setting(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JINGTU_DATABASE_URL", pg_url)


def test_lists(tmp_path: Path) -> None:
    edited(Lists(tmp_path))


def test_rounds(tmp_path: Path) -> None:
    rounds(Lists(tmp_path))


def _routes(app: Any, root: str = "") -> list[str]:
    """Every address of the rooms that is read, of whatever is mounted."""
    found = []
    for route in app.routes:
        if hasattr(route, "app") and hasattr(route.app, "routes"):
            found += _routes(route.app, root + route.path)
        elif "GET" in (getattr(route, "methods", None) or ()) and ROOMS.match(route.path):
            found.append(root + route.path)
    return found


def test_every_page_of_the_rooms_opens(tmp_path: Path) -> None:
    site = Site(tmp_path, files=True)
    made, service = site.made, site.service
    task, duty = service.new_id(), service.new_id()
    place = service.records("site", made.seeded.field)[0].id
    service.write(None, [
        Write("field_task", task, made.scope, {"code": "RW-1", "kind": "grid", "title": "线索", "position": pos(1, 1), "due_on": "2026-11-01"}),
        Write("duty", duty, made.scope, {"kind": "patrol", "site_id": place, "org_id": made.orgs["plant"], "every_months": 3, "first_due_on": "2026-11-01", "basis": "本地"}),
    ])  # fmt: skip
    boss = site.client("xujing")
    copied = boss("POST", f"{site.root}/checklists/copy", data={"of": "well-check@1"}, headers=OURS)
    own = re.search(r"/checklists/([0-9a-f-]{36})", copied.headers["location"])
    file = {"file": ("线索.csv", LEAD.encode())}
    sent = boss("POST", f"{site.root}/tasks/import", data={"kind": ""}, files=file, headers=OURS)
    assert sent.status_code == 303
    shot = next(r.values["sha256"] for r in service.records("photo", made.scope) if r.id == made.photos["before"])
    given = {
        "project": site.project, "finding_id": made.findings["W-06"], "finding": made.findings["W-06"], "inspection": made.checks["enforcement"],
        "task": task, "list": own[1] if own else "", "name": f"{ready.every()[0].code}@1", "type": "duty", "sha256": shot,
    }  # fmt: skip
    routes = sorted(set(_routes(site.app)))
    assert len(routes) >= 24, routes
    for route in routes:
        who = "ligong" if "/mine" in route else "xujing"
        answer = site.client(who).get(route.format(**given))
        assert answer.status_code == 200, (route, answer.status_code, answer.text[:300])
    assert boss.get(site.root).status_code == 200
    entry = re.compile(
        r'/(findings|tasks|checklists)"[^<>]*><svg[^>]*><use[^>]*/></svg>[^<]*<span class="n">(\d+)</span></a>'
    )
    for page in (
        "/findings",
        "/inspections",
        "/tasks",
        "/checklists",
        "/duties",
        "/log",
    ):  # the same numbers in every room
        told = dict(entry.findall(boss.get(site.root + page).text))
        assert told == {"findings": "1", "tasks": "1", "checklists": "1"}, page
    record = next(r for r in service.records("inspection", made.scope) if r.id == made.checks["enforcement"])
    public = re.search(r'href="(/i/[^"]+)"', boss.get(f"{site.root}/inspections/{record.id}").text)
    assert public and record.values["code"] in boss.get(public[1]).text
    again = build(Settings(data=tmp_path))  # what was written is there for another process
    assert len(again.service.records("finding", made.scope)) == 7
    again.service.store.close()
    service.store.close()
