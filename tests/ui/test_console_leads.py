"""The pages of tasks in a real browser: every dress, and a file imported, assigned and filtered without script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from sync_server.service import Write
from tests.ui.console import Site, in_every_dress, served, sign_in, watched
from tests.ui.console_seed import NOW, pos
from tests.ui.mine_seed import mine_seed

pytestmark = pytest.mark.ui
MAP = "#leaflet[data-state=ready]"


def tasks_seed(parts: Any) -> Any:
    """A task of each state, two of them outlines."""
    seeded, made = mine_seed(parts)
    service, scope = parts.service, made.scope
    inspector = next(id for id, name in service.inspectors(seeded.project) if name == "何敏")

    def corner(x: float, y: float) -> list[str]:
        return [pos(x, y)["lon"], pos(x, y)["lat"]]

    def outline(x: float, y: float, size: float) -> dict[str, Any]:
        ring = [
            corner(x, y),
            corner(x + size, y + 5),
            corner(x + size * 0.8, y + size),
            corner(x - 4, y + size * 0.7),
            corner(x, y),
        ]
        return {"geometry": {"rings": [ring]}}

    leads = [
        {"kind": "remote_sensing", "title": "疑似新增堆土 T-0712", "source_ref": "T-0712", **outline(60, 40, 70), "due_on": "2026-11-17"},
        {"kind": "complaint", "title": "群众反映夜间倾倒废渣，有刺激性气味", "detail": "来电时间 11 月 19 日 21:30，未留姓名。", "source_ref": "XF-2026-118", "position": pos(-80, 60), "due_on": "2026-11-28"},
        {"kind": "remote_sensing", "title": "疑似裸露地块 T-0720", "source_ref": "T-0720", **outline(-60, -120, 90), "due_on": "2026-12-05"},
        {"kind": "grid", "title": "围挡缺口，有人种菜", "source_ref": "WG-33", "position": pos(140, -60)},
    ]  # fmt: skip
    service.import_leads(seeded.people["xujing"], seeded.project, leads, "线索.geojson")
    rows = sorted(service.records("field_task", scope), key=lambda r: r.values["code"])
    service.assign_tasks(seeded.people["xujing"], seeded.project, {r.id: r.seq for r in rows[1:3]}, [inspector], "")
    rows = sorted(service.records("field_task", scope), key=lambda r: r.values["code"])
    answer = {
        "outcome": "confirmed",
        "outcome_text": "现场有约 20 m³ 废渣，已拍照取证，转执法检查。",
        "visited_at": NOW.isoformat(),
        "answered_by": inspector,
    }
    service.write(None, [Write("field_task", rows[1].id, scope, {**rows[1].values, **answer})])
    return seeded


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("tasks"), tasks_seed) as found:
        yield found


def at(site: Site, rest: str = "") -> str:
    return f"/console/projects/{site.seeded.project}/tasks{rest}"


def test_the_ledger_of_tasks_in_every_dress(site: Site, browser: Browser) -> None:
    in_every_dress(site, browser, at(site), ready=MAP)


def test_a_file_is_imported_assigned_and_found_without_script(site: Site, browser: Browser) -> None:
    tasks = site.parts.service.records("field_task", f"{site.seeded.project}.enforcement")
    ref = f"T-08{len(tasks):02d}"  # one of its own at each run
    ring = [[float(x) for x in (pos(a, b)["lon"], pos(a, b)["lat"])] for a, b in ((0, 0), (30, 0), (30, 30), (0, 0))]
    feature = {
        "type": "Feature",
        "properties": {"图斑编号": ref},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    data = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    with watched(browser, site, 390, script=False) as (page, _, elsewhere):
        sign_in(page, site, at=at(site, "/import"))
        page.set_input_files("#file", {"name": "十二月.geojson", "mimeType": "application/json", "buffer": data})
        page.select_option("#kind", "remote_sensing")
        page.fill("#title", "疑似堆土")
        page.get_by_role("button", name="预览").click()
        expect(page.locator("#leads tbody tr")).to_have_count(1)
        page.get_by_role("button", name="导入这 1 条").click()
        expect(page.locator(".judge.c-done")).to_contain_text("已导入 1 条线索")
        row = page.locator("#tasks tbody tr", has_text=f"疑似堆土 {ref}")
        row.locator("input[name=id]").check()
        page.get_by_role("checkbox", name="何敏").check()
        page.locator("#assign button").click()
        expect(page.locator(".judge.c-done")).to_contain_text("已派 1 个任务")
        page.goto(f"{site.base}{at(site)}?q={ref}")
        expect(page.locator("#tasks tbody tr")).to_have_count(1)
        expect(page.locator("#tasks tbody tr")).to_contain_text("何敏")
        assert elsewhere == []
