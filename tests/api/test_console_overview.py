"""The page of a project says what `jingtu reconcile --json` says; and it says something useful however little or odd the records."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from schemas.reference import codes
from sync_server.cli import app as command
from sync_server.main import create_app, server_clock
from sync_server.service import Write
from sync_server.settings import Settings
from tests.api.test_console_security import BASE, Client
from tests.ui.console_seed import PASSWORD, Seeded, at, seed
from tests.ui.overview_seed import LOST, overview

LONG = "很长的名字" * 40  # 200 characters


class Site(NamedTuple):
    app: Any
    folder: Path
    parts: Any
    seeded: Seeded
    client: Client

    def page(self, path: str = "", project: str = "") -> str:
        answer = self.client.get(f"/console/projects/{project or self.seeded.project}{path}")
        assert answer.status_code == 200, answer.text[:500]
        return answer.text


def site_of(folder: Path, fill: Any, user: str = "xujing") -> Site:
    """By the real clock: the command line has no other."""
    app = create_app(Settings(data=folder), clock=server_clock)
    parts = app.state.parts
    seeded = fill(parts.service, parts.auth)
    client = Client(app, BASE)
    client.sign_in(user)
    return Site(app, folder, parts, seeded, client)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = site_of(tmp_path_factory.mktemp("server"), overview)
    yield made
    made.parts.service.store.close()


@pytest.fixture(scope="module")
def report(site: Site) -> dict[str, Any]:
    told = CliRunner().invoke(command, ["reconcile", "HX-2026", "--json", "--data", str(site.folder)])
    assert told.exit_code == 0, told.output
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def part(html: str, id: str) -> str:
    """A section of the page."""
    found = re.search(rf'<section[^>]* id="{id}".*?</section>', html, re.S)
    assert found, id
    return found[0]


def test_key_figures(site: Site, report: dict[str, Any]) -> None:
    figures = {
        text_of(k).strip(): text_of(v).replace("\u00a0", "").strip()
        for k, v in re.findall(r'<div class="k">(.*?)</div><div class="v[^"]*">(.*?)</div>', site.page())
    }
    t = report["totals"]
    assert t["manifests"] == {"sent": 3, "received": 2, "short": 2, "not_received": 1}
    assert figures == {
        "点位完成": f"{t['done']} / {t['planned']}", "样品": f"{t['targets_done']} / {t['targets']}",
        "超标点位": f"{t['above']} / {t['visited']}", "转运联单": str(t["manifests"]["sent"]), "未销号问题": str(t["findings_open"]),
    }  # fmt: skip


def test_progress(site: Site, report: dict[str, Any]) -> None:
    rows = re.findall(r"<tr[^>]*>(<th scope=\"row\">.*?)</tr>", part(site.page(), "progress"), re.S)
    shown, medium = [], ""
    for row in rows:
        name, group, _, portions, left = (text_of(c).strip() for c in re.findall(r"<t[hd].*?</t[hd]>", row, re.S))
        medium = name or medium
        shown.append((medium, group, *map(int, portions.split("/")), int(left)))
    zh = {c: x.zh for table in ("medium", "analyte_group") for c, x in codes(table).items()} | {"": "计划样品"}
    wanted = [
        (zh[p["medium"]], zh[p["group"]], p["done"], p["planned"], p["planned"] - p["done"])
        for p in report["totals"]["progress"]
    ]
    assert sorted(shown) == sorted(wanted) and len(shown) == 8


def test_what_is_missing_leads_to_just_these_points(site: Site, report: dict[str, Any]) -> None:
    links = re.findall(r'href="/console/projects/[^"?]+(\?lacks=[^"#]+)#points"', part(site.page(), "progress"))
    assert len(links) == sum(p["planned"] > p["done"] for p in report["totals"]["progress"])
    for link in links:
        asked = link.removeprefix("?lacks=")
        lacking = {p["code"] for p in report["points"] if any(f"{x}/".startswith(f"{asked}/") for x in p["lacking"])}
        shown = re.findall(r'class="pt">.*?<b>(.*?)</b>', part(site.page(link), "points"), re.S)
        assert set(shown) == lacking and lacking, asked


def test_findings_and_points(site: Site, report: dict[str, Any]) -> None:
    html = site.page()
    told = Counter(
        (f["check"], "severe" if f["figures"].get("severe") is True else f["severity"]) for f in report["findings"]
    )
    shown = {
        (c, s): int(n) for c, s, n in re.findall(r'data-check="(\w+)" data-severity="(\w+)" data-count="(\d+)"', html)
    }
    assert shown == told
    deciding = sum(n for (_, severity), n in told.items() if severity in ("error", "severe"))
    assert f"全部 {deciding + 1} 件" in text_of(part(html, "first"))  # and one conflict
    rows = re.findall(r'class="pt">.*?<b>(.*?)</b>', part(html, "points"), re.S)
    assert sorted(rows) == sorted(p["code"] for p in report["points"])
    listed = text_of(site.client.get("/console/").text)
    done = f"{report['totals']['done']}/{report['totals']['planned']}"
    assert f"{deciding + 1} 点位完成 {done} {done} {report['totals']['above_intervention']} 1 0/2" in listed


def way_to(f: dict[str, Any]) -> str:
    """A load has a page of its own."""
    about = "manifests" if f["subject_type"] == "manifest" else f"records/{f['subject_type']}"
    return f'/{about}/{f["subject_id"]}"'


def test_every_finding_leads_to_its_record_and_the_map(site: Site, report: dict[str, Any]) -> None:
    html = part(site.page(), "found")
    items = re.findall(r'<li class="fi">(.*?)</li>', html, re.S)
    by_text: dict[str, list[dict[str, Any]]] = {}
    for f in report["findings"]:
        by_text.setdefault(text_of(f["zh"]).strip(), []).append(f)
    assert len(items) == len(report["findings"])
    for item in items:
        text = text_of(re.split(r" <a |</p>", item)[0]).strip()
        f = next((f for f in by_text[text] if way_to(f) in item), by_text[text][0])
        if f["subject_type"] != "project":
            assert way_to(f) in item, text
        if f["point_code"]:
            assert f'data-at="{f["point_code"]}"' in item and "看记录" in item, text


def test_the_drawing_says_what_the_rules_say(site: Site, report: dict[str, Any]) -> None:
    html = part(site.page(), "depth")
    above = {
        f["point_code"]: f["figures"]
        for f in report["findings"]
        if f["check"] == "R04" and f["figures"].get("analyte") == "nickel"
    }
    lines = re.findall(r"<li>(\S+) (\S+) mg/kg，([\d.–]+) m，(?:管制值|限值) (\d+) 的 ([\d.]+) 倍</li>", html)
    assert {code: value for code, value, *_ in lines} == {c: f["value"] for c, f in above.items()} and len(lines) == 4
    for code, value, _, over, times in lines:
        f = above[code]
        assert over == (f["intervention"] if f["severe"] else f["limit"])
        assert abs(float(value) / float(over) - float(times)) < 0.006
    assert "GB 36600-2018 表1 序号7" in html
    lead = part(site.page("?analyte=lead"), "depth")
    assert "铅：按深度对限值" in lead and "未超筛选值 5 个点" in text_of(lead) and "倍" not in text_of(lead)
    assert "镍：按深度对限值" in part(site.page("?analyte=%3Cscript%3E"), "depth")


def test_it_starts_with_what_a_person_looks_for_first(site: Site) -> None:
    """Which manifest never arrived, which reading exceeds, which points are missing: in the first list, with a way on."""
    html = part(site.page(), "first")
    rows = re.findall(r'<li class="todo" data-about="(\w+)"(.*?)</li>', html, re.S)
    assert [about for about, _ in rows][:3] == ["T01", "T02", "T02"] and rows[3][0] == "R04"
    first = text_of(rows[0][1])
    assert LOST in first and "苏L·A5541" in first and "/manifests/" in rows[0][1]
    assert (
        "S14 2.5 m 镍 820 mg/kg" in text_of(rows[3][1])
        and "/records/field_reading/" in rows[3][1]
        and "/map?at=S14" in rows[3][1]
    )
    missing = next(row for about, row in rows if about == "F01")
    assert "S18、S19、S22、S25、S30" in text_of(missing) and "?check=F01#points" in missing
    conflict = next(row for about, row in rows if about == "conflict")
    assert "/conflicts/" in conflict and "S12 样品：「下深」" in text_of(conflict)


def test_an_inspector_is_told_nothing_of_loads_beyond_his_rights(site: Site) -> None:
    client = Client(site.app, BASE)
    client.sign_in("zhoulan", PASSWORD)
    html = client.get(f"/console/projects/{site.seeded.project}").text
    assert LOST not in html and "转运联单" not in html and 'data-about="T0' not in html and 'data-about="F01"' in html


# --- however little, odd or long -------------------------------------------------------------------------------------


def bare(service: Any, auth: Any) -> Seeded:
    return seed(service, auth, points=2)


def test_a_project_without_plan_and_records(tmp_path: Path) -> None:
    site = site_of(tmp_path, bare, "stranger")
    for lang, words in (
        ("zh", ("还没有采样方案", "jingtu plan import", "还没有记录。平板第一次同步后", "没有方案，先导入点位表。", "还没有读数。", "还没有人采样。")),
        ("en", ("There is no sampling plan yet", "There is no record yet", "No plan: import the point table first.", "Nobody has sampled yet.")),
    ):  # fmt: skip
        text = text_of(site.page(f"?lang={lang}", site.seeded.other))
        assert all(w in text for w in words), lang
        assert "0 %" not in text and "0/0" not in text and "/ 0" not in text
    listed = text_of(site.client.get("/console/?lang=zh").text)
    assert "没有方案，先导入点位表" in listed and "0/0" not in listed
    site.parts.service.store.close()


def test_a_plan_without_records(tmp_path: Path) -> None:
    site = site_of(tmp_path, bare)
    service, project = site.parts.service, site.seeded.other
    service.grant(site.seeded.people["xujing"], project, "project_manager")
    field, plan, point = f"{project}.field", service.new_id(), service.new_id()
    service.write(None, [
        Write("plan", plan, field, {"code": "FA", "version": 1, "title": "方案", "stage": "detailed", "author_id": site.seeded.org}),
        Write("planned_point", point, field, {"plan_id": plan, "code": "S01", "role": "soil", "origin": "plan",
                                              "position": {"lon": "119.45", "lat": "32.2"}, "reason": "车间"}),
    ])  # fmt: skip
    html = site.page("", project)
    text = text_of(html)
    assert "方案里没有采样任务" in text and "还没有能和限值比的读数" in text and "0 / 1" in text and "没有样品" in text
    service.write(None, [Write("planned_target", service.new_id(), field, {
        "planned_point_id": point, "medium": "soil", "rule": "surface", "depth_top_m": "0", "depth_bottom_m": "0.2", "groups": ["metal"],
    })])  # fmt: skip
    text = text_of(part(site.page("", project), "progress"))
    assert "土壤 计划样品 土壤 计划样品 0/1 0/1 1" in text
    service.store.close()


def test_long_names_and_fields_of_a_newer_version(tmp_path: Path) -> None:
    names = {k: LONG for k in ("project", "site", "device", "person", "reason")} | {"point": f"点{{0}}{'长' * 50}"}
    site = site_of(tmp_path, lambda service, auth: seed(service, auth, points=12, names=names))
    service, seeded = site.parts.service, site.seeded
    where = service.records("site", seeded.field)[0].id
    visit = {"code": "N1", "site_id": where, "outcome": "done", "started_at": at(50), "samplers": [seeded.people["zhoulan"]],
             "something_new": {"deep": ["<b>x"]}}  # fmt: skip
    hole = service.new_id()
    point = service.new_id()
    service.write(None, [
        Write("point", point, seeded.field, visit),
        Write("borehole", hole, seeded.field, {"point_id": point, "code": "N1-1", "opened_at": at(40)}),
        Write("field_reading", service.new_id(), seeded.field, {
            "borehole_id": hole, "method": "xrf", "instrument_id": service.records("instrument", f"{seeded.org}.organisation")[0].id, "parameter": "Unobtainium",
            "depth_top_m": "1.0", "value": "5", "qualifier": "eq", "unit": "other", "parts": [{"of": "tomorrow"}], "at": at(30), "entry_way": "typed",
        }),
        Write("conflict", service.new_id(), seeded.field, {
            "subject_kind": "point", "subject_id": point, "change_id": service.new_id(),
            "field_name": "<i>" + "x" * 300, "before": "1", "now": '{"a":1}', "after": "not json",
        }),
    ])  # fmt: skip
    for lang in ("zh", "en"):
        html = site.page(f"?lang={lang}&at={names['point'].format(5)}")
        assert LONG in html and "<i>" not in html and "&lt;i&gt;" in html
    assert LONG in site.client.get("/console/").text
    service.store.close()
