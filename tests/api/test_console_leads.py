"""Leads at the console: imported with a preview, assigned, changed, sent out again, withdrawn; by whom, and what is kept of an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.problems import Trouble
from sync_server.service import Write
from sync_server.service.leads import TASK
from tests.api.conftest import Server
from tests.api.test_rights import PASSWORD, Desk

CSV = "线索编号,线索来源,摘要,经度,纬度,办结期限,涉及单位\nX1,信访举报,夜间倾倒,119.45,32.2,2026/12/1,红星厂\nX2,网格巡查,堆放,119.46,32.2,,示范公司\n"
RING = [[119.1, 32.1], [119.2, 32.1], [119.2, 32.2], [119.1, 32.1]]


class Leads(Desk):
    """Somebody at the page of tasks."""

    def __init__(self, server: Server, person: str) -> None:
        super().__init__(server, person)
        self.page, self.scope = f"/console/projects/{server.project}/tasks", f"{server.project}.enforcement"

    def wait(self, days: int) -> None:
        """Days pass, and one signs in again."""
        self.server.clock.turn(days=days)
        answer = self.call("POST", "/console/login", data={"username": self.person, "password": PASSWORD})
        self.cookie = answer.headers["set-cookie"].partition(";")[0]

    def upload(self, content: str | bytes, name: str = "线索.csv", **typed: str) -> httpx.Response:
        data = content.encode() if isinstance(content, str) else content
        return self.call("POST", f"{self.page}/import", data=typed or {"kind": ""}, files={"file": (name, data)})

    def preview(self) -> httpx.Response:
        return self.call("GET", f"{self.page}/import/preview")

    def confirm(self, **form: str) -> httpx.Response:
        draft = re.search(r'name="draft" value="([^"]+)"', self.preview().text)
        given = {"draft": draft[1] if draft else "", "do": "import", **form}
        return self.call("POST", f"{self.page}/import/preview", data=given)

    def brought(self, content: str | bytes = CSV, **typed: str) -> list[Any]:
        assert self.upload(content, **typed).status_code == 303
        assert self.confirm().status_code == 303
        return self.tasks()

    def tasks(self) -> list[Any]:
        rows = self.server.service.records(TASK, self.scope)
        return sorted(rows, key=lambda r: r.values["code"])

    def assign(self, tasks: list[Any], people: list[str], due: str = "") -> httpx.Response:
        form = {"id": [f"{t.id}:{t.seq}" for t in tasks], "assigned_to": people, "due_on": due}
        return self.call("POST", self.page, data=form)

    def act(self, task: Any, do: str, **form: Any) -> httpx.Response:
        return self.call("POST", f"{self.page}/{task.id}", data={"seq": task.seq, "do": do, **form})

    def answer(self, task: Any, outcome: str = "confirmed") -> Any:
        """As a tablet would have it."""
        values = {
            **task.values,
            "outcome": outcome,
            "outcome_text": "现场属实",
            "visited_at": self.server.service.now(),
            "answered_by": self.server.inspector,
        }
        self.server.service.write(None, [Write(TASK, task.id, self.scope, values)])
        return next(t for t in self.tasks() if t.id == task.id)


@pytest.fixture
def leads(server: Server) -> Iterator[Leads]:
    yield Leads(server, server.pm)


def text(answer: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def number(answer: httpx.Response) -> int:
    found = re.search(r"问题 (\d{4})", answer.text)
    return int(found[1]) if found else answer.status_code


def notes(server: Server, action: str) -> list[dict[str, Any]]:
    rows = server.sql("SELECT by, about, owner, detail FROM audit WHERE action=? ORDER BY n", action)
    return [
        {"by": by, "about": about, "owner": owner, **json.loads(detail or "{}")} for by, about, owner, detail in rows
    ]


# --- import ----------------------------------------------------------------------------------------------------------


def test_a_file_is_previewed_confirmed_and_becomes_tasks(leads: Leads) -> None:
    s = leads.server
    assert leads.upload(CSV).headers["location"] == f"{leads.page}/import/preview"
    seen = text(leads.preview())
    assert "2 条可以导入" in seen and "单位「红星厂」不在单位表里" in seen and leads.tasks() == []
    marks = leads.call("GET", f"{leads.page}/import/map.json").json()["problems"]
    assert [m["c"] for m in marks] == ["X1", "X2"]
    done = leads.confirm()
    assert done.status_code == 303 and "已导入 2 条线索，成为任务 RW-20261121-001 起" in text(
        leads.call("GET", done.headers["location"])
    )
    one, two = leads.tasks()
    assert one.values == {
        "code": "RW-20261121-001", "kind": "complaint", "source_ref": "X1", "title": "夜间倾倒", "due_on": "2026-12-01",
        "position": {"lon": "119.45", "lat": "32.2", "source_epsg": 4490}, "detail": one.values["detail"],
    }  # fmt: skip
    assert "涉及单位：红星厂" in one.values["detail"]
    assert two.values["org_id"] == s.org and "detail" not in two.values
    assert notes(s, "task_import") == [
        {"by": s.pm, "about": one.id, "owner": s.project, "file": "线索.csv", "tasks": 2, "known": 0}
    ]
    assert "上传" in text(leads.call("GET", leads.preview().headers["location"]))  # nothing is left to confirm


def test_the_same_file_again_makes_nothing_twice(leads: Leads) -> None:
    leads.brought()
    assert leads.upload(CSV + "X3,网格巡查,焚烧,119.47,32.2,,\n").status_code == 303
    seen = text(leads.preview())
    assert "1 条可以导入 · 2 条已是任务" in seen
    done = leads.confirm()
    told = text(leads.call("GET", done.headers["location"]))
    assert "已导入 1 条线索，成为任务 RW-20261121-003 起" in told and "2 条之前已经是任务" in told
    assert [t.values["source_ref"] for t in leads.tasks()] == ["X1", "X2", "X3"]
    leads.brought(CSV)
    assert len(leads.tasks()) == 3


def test_outlines_of_a_geojson_with_what_the_page_says_for_all(leads: Leads) -> None:
    s = leads.server
    feature = {
        "type": "Feature",
        "properties": {"图斑编号": "T1"},
        "geometry": {"type": "Polygon", "coordinates": [RING]},
    }
    data = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    (task,) = leads.brought(data, kind="remote_sensing", title="疑似堆土", due_on="2026-12-15", site_id=s.site)
    assert task.values["geometry"]["rings"][0][0] == ["119.1", "32.1"] and task.values["site_id"] == s.site
    assert (task.values["title"], task.values["due_on"]) == ("疑似堆土 T1", "2026-12-15")
    (road,) = leads.call("GET", f"{leads.page}/map.json").json()["roads"]
    assert road["line"][0] == [32.1, 119.1]
    assert "图斑 3 个拐点" in text(leads.call("GET", f"{leads.page}/{task.id}"))


def test_wrong_rows_are_listed_and_left_out_the_good_ones_go_in(leads: Leads) -> None:
    leads.upload("编号,来源,摘要,经度,纬度\n1,信访举报,好,119.4,32.1\n2,信访举报,,119.4,32.1\n3,卫星,坏,119.4,132\n")
    seen = text(leads.preview())
    assert (
        "1 条可以导入 · 0 条已是任务 · 2 条有错" in seen
        and "第 3 行 摘要 没有摘要 补上摘要" in seen
        and "第 4 行 来源 不认识「卫星」" in seen
    )
    leads.confirm()
    assert [t.values["title"] for t in leads.tasks()] == ["好"]


def test_survey_coordinates_are_confirmed_by_a_person(leads: Leads) -> None:
    leads.upload("编号,来源,摘要,X,Y\n1,信访举报,甲,3564000.123,40448000.5\n")
    assert "第 40 带" in text(leads.preview())
    refused = leads.confirm()
    assert refused.status_code == 409 and "坐标系还没有确认" in text(refused) and leads.tasks() == []
    assert leads.confirm(confirmed="yes").status_code == 303 and len(leads.tasks()) == 1


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [("编号,摘要\n1,甲\n", 422, "缺少列：经度、纬度"), (b"\x00\x01", 422, "文件读不懂"), ("编号,来源,摘要,X,Y\n1,信访举报,甲,3564000.123,448000.5\n", 422, "没有带号")],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_said_with_what_was_chosen_kept(
    leads: Leads, content: Any, status: int, said: str
) -> None:
    assert leads.upload(content, kind="grid", title="统一").status_code == 303
    answer = leads.preview()
    assert answer.status_code == status and said in text(answer) and 'value="统一"' in answer.text
    assert '<option value="grid" selected>' in answer.text


def test_no_file_too_large_a_file_and_another_file_meanwhile(leads: Leads) -> None:
    assert "没有选文件" in text(
        leads.call("POST", f"{leads.page}/import", data={"kind": "grid"}, files={"file": ("", b"")})
    )
    large = leads.upload(b"x" * 16_400_000)
    assert large.status_code == 413 and "线索文件超过 16 MB" in text(large)
    middle = leads.upload(("编号,来源,摘要,经度,纬度\n" + f"1,信访举报,{'长' * 60},119.4,32.1\n" * 5000).encode())
    assert middle.status_code == 303  # more than any other post of a page may be
    leads.upload(CSV)
    old = re.search(r'name="draft" value="([^"]+)"', leads.preview().text)
    leads.upload(CSV.replace("X1", "Z1"))
    answer = leads.confirm(draft=old[1] if old else "")
    assert answer.status_code == 409 and "预览之后换了文件" in text(answer) and leads.tasks() == []
    assert leads.confirm(do="discard").headers["location"].endswith("said=discarded")
    assert leads.confirm().headers["location"].endswith("/import?said=gone")


def test_two_who_import_at_once_get_numbers_of_their_own(leads: Leads) -> None:
    s = leads.server
    many = [
        [{"kind": "grid", "title": f"{k}-{n}", "position": {"lon": "119.4", "lat": "32.1"}} for n in range(20)]
        for k in range(4)
    ]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda these: s.service.import_leads(s.pm, s.project, these, "x"), many))
    codes = [c for d in done for c in d.codes]
    assert len(set(codes)) == 80 and sorted(codes) == [f"RW-20261121-{n:03d}" for n in range(1, 81)]


# --- assigning -------------------------------------------------------------------------------------------------------


def test_several_are_assigned_and_put_off_at_once(leads: Leads) -> None:
    s = leads.server
    tasks = leads.brought()
    done = leads.assign(tasks, [s.inspector], "2026-12-20")
    assert "已派 2 个任务" in text(leads.call("GET", done.headers["location"]))
    assert {(tuple(t.values["assigned_to"]), t.values["due_on"]) for t in leads.tasks()} == {
        ((s.inspector,), "2026-12-20")
    }
    leads.assign(leads.tasks()[:1], [s.inspector])
    assert leads.tasks()[0].values["due_on"] == "2026-12-20"  # empty: as it is
    (first, _) = notes(s, "task_assign")
    assert (first["tasks"], first["person"], first["due_on"]) == (2, s.inspector, "2026-12-20")
    seen = text(leads.call("GET", leads.page))
    assert "已派" in seen and "2 个任务 · 2 个还没答复" in seen


def test_who_else_is_no_inspector_and_a_day_that_passed_are_refused(leads: Leads) -> None:
    s, tasks = leads.server, leads.brought()
    for people, due, said in (
        ([s.sampler], "", "只能派给本项目的检查人员"),
        ([s.inspector], "2026-11-20", "办结期限已经过了"),
        ([s.inspector], "明天", "日期写成"),
    ):
        answer = leads.assign(tasks, people, due)
        assert answer.status_code == 422 and said in text(answer)
        assert f'value="{tasks[0].id}:{tasks[0].seq}" checked' in answer.text  # what was ticked stays
    assert number(leads.assign([], [s.inspector])) == 422 and "选承办人，或定期限" in text(leads.assign(tasks, []))
    assert all("assigned_to" not in t.values for t in leads.tasks())


def test_what_somebody_changed_meanwhile_is_not_written_over(leads: Leads) -> None:
    tasks = leads.brought()
    leads.answer(tasks[1])
    answer = leads.assign(tasks, [leads.server.inspector])
    assert answer.status_code == 409 and "改过" in text(answer)
    assert "assigned_to" not in leads.tasks()[0].values  # all or none
    assert leads.act(tasks[1], "save", title="别的", kind="grid").status_code == 409


# --- one task --------------------------------------------------------------------------------------------------------


def test_a_task_is_changed_and_its_answer_and_number_are_not(leads: Leads) -> None:
    s, task = leads.server, leads.brought()[0]
    form = {"title": "夜间倾倒废渣", "kind": "complaint", "detail": "补充", "source_ref": "X1", "assigned_to": [s.inspector], "due_on": "2026-12-02",
            "checklist": "", "org_id": s.org, "site_id": s.site, "code": "我的", "outcome": "confirmed"}  # fmt: skip
    assert leads.act(task, "save", **form).headers["location"].endswith("said=saved")
    (now, _) = leads.tasks()
    assert (
        now.values["code"] == task.values["code"]
        and "outcome" not in now.values
        and now.values["title"] == "夜间倾倒废渣"
    )
    assert now.values["position"] == task.values["position"]
    assert leads.act(now, "save", **form).headers["location"].endswith("said=same")
    wrong = leads.act(now, "save", **{**form, "title": "", "site_id": "01a1fdb5-9be0-7000-8000-000000000001"})
    assert wrong.status_code == 422 and "没有这个地块" in text(wrong) and "夜间倾倒废渣" in wrong.text
    assert [n["about"] for n in notes(s, "task_edit")] == [task.id]


def test_an_answer_is_shown_and_freezes_the_task(leads: Leads) -> None:
    s = leads.server
    task = leads.answer(leads.brought()[0])
    inspection = s.new_id()
    values = {"code": "JC-1", "kind": "patrol", "site_id": s.site, "org_id": s.org, "started_at": s.service.now(), "task_id": task.id,
              "officers": [{"person_id": s.inspector, "name": "甲", "duty": "inspector"}]}  # fmt: skip
    s.service.write(None, [Write("inspection", inspection, leads.scope, values)])
    seen = leads.call("GET", f"{leads.page}/{task.id}")
    assert (
        "属实" in text(seen)
        and "现场属实" in text(seen)
        and f"/inspections/{inspection}" in seen.text
        and "JC-1" in seen.text
    )
    assert leads.assign([task], [s.inspector]).status_code == 409
    for do in ("save", "withdraw"):
        answer = leads.act(task, do, title="x", kind="grid", reason="y")
        assert (answer.status_code, "已经答复" in text(answer)) == (409, True)
    assert leads.tasks()[0].values == task.values


def test_where_somebody_has_to_go_again_a_new_task_is_made(leads: Leads) -> None:
    task = leads.answer(leads.brought()[0], "not_found")
    done = leads.act(task, "again")
    new = next(t for t in leads.tasks() if t.id in done.headers["location"])
    assert new.values["code"] == "RW-20261121-003" and new.values["title"] == task.values["title"]
    assert "outcome" not in new.values and "due_on" not in new.values and task.values["code"] in new.values["note"]
    assert notes(leads.server, "task_again")[0]["record"] == task.id


def test_a_withdrawn_task_is_gone_from_the_ledger_and_kept_with_its_reason(leads: Leads) -> None:
    task = leads.brought()[0]
    assert "写明为什么撤回" in text(leads.act(task, "withdraw", reason=" "))
    assert leads.act(task, "withdraw", reason="重复").status_code == 303
    assert (gone := next(t for t in leads.tasks() if t.id == task.id)).values["void_reason"] == "重复" and gone.values[
        "deleted"
    ]
    assert task.values["code"] not in leads.call("GET", leads.page).text
    assert number(leads.call("GET", f"{leads.page}/{task.id}")) == 2004
    assert len(leads.brought(CSV)) == 3  # the lead may come again, under a new number
    assert [t.values["code"] for t in leads.tasks()][-1] == "RW-20261121-003"


# --- the ledger ------------------------------------------------------------------------------------------------------


def test_overdue_first_and_every_filter(leads: Leads) -> None:
    s = leads.server
    leads.brought(CSV.replace("2026/12/1", "2026/11/20") + "X3,网格巡查,第三,119.47,32.2,2026/11/18,\n")
    one, two, three = leads.tasks()
    leads.answer(two)
    seen = leads.call("GET", leads.page).text
    for state, n in re.findall(r'class="kpi" href="[^"]*state=(\w+)".*?class="v[^"]*">(\d+)<', seen):
        page = leads.call(
            "GET", f"{leads.page}?state={state}"
        ).text  # what a click on a number shows is what it counted
        assert sum(f">{t.values['code']}<" in page for t in (one, two, three)) == int(n), state
    places = [seen.index(f">{t.values['code']}<") for t in (three, one, two)]
    assert places == sorted(places) and "超期 3 天" in seen and "超期 1 天" in seen
    a, b, c = (t.values["code"] for t in (one, two, three))
    asked = {
        "state=overdue": {a, c}, "state=todo": {a, c}, "state=answered": {b}, "kind=complaint": {a}, "q=第三": {c}, "who=nobody": {a, b, c},
        f"who={s.inspector}": set(), "state=nonsense": set(),
    }  # fmt: skip
    for query, wanted in asked.items():
        page = leads.call("GET", f"{leads.page}?{query}").text
        assert {code for code in (a, b, c) if f">{code}<" in page} == wanted, query
        marks = leads.call("GET", f"{leads.page}/map.json?{query}").json()["problems"]
        assert {m["c"] for m in marks} == wanted, query
    leads.wait(30)
    assert "超期 33 天" in leads.call("GET", leads.page).text


@pytest.mark.parametrize("role", ["sampler", "dispatcher", "party"])
def test_who_reads_no_enforcement_records_sees_no_task(leads: Leads, role: str) -> None:
    s, task = leads.server, leads.brought()[0]
    who = s.new_id()
    s.service.write(None, [Write("person", who, s.home, {"name": "王", "org_id": s.org, "duties": ["sampler"]})])
    s.service.grant(who, s.project, role)
    desk = Leads(s, who)
    for path in (
        "",
        "/map.json",
        "/import",
        "/import/preview",
        "/import/map.json",
        f"/{task.id}",
        f"/{task.id}/map.json",
    ):
        answer = desk.call("GET", desk.page + path)
        assert answer.status_code == 404 and "夜间" not in answer.text, path
    assert (
        number(desk.upload(CSV))
        == number(desk.assign([task], [s.inspector]))
        == number(desk.act(task, "again"))
        == 2004
    )
    assert "/tasks" not in desk.call("GET", "/console/").text


def test_an_auditor_reads_and_changes_nothing(leads: Leads) -> None:
    s, task = leads.server, leads.brought()[0]
    who = s.new_id()
    s.service.write(None, [Write("person", who, s.home, {"name": "王", "org_id": s.org, "duties": ["sampler"]})])
    s.service.grant(who, s.project, "auditor")
    desk = Leads(s, who)
    assert (
        "夜间倾倒" in desk.call("GET", desk.page).text
        and 'method="post" action="/console/projects' not in desk.call("GET", f"{desk.page}/{task.id}").text
    )
    assert (
        number(desk.upload(CSV))
        == number(desk.assign([task], [s.inspector]))
        == number(desk.act(task, "withdraw", reason="x"))
        == 2003
    )
    with pytest.raises(Trouble) as err:
        s.service.import_leads(
            who, s.project, [{"kind": "grid", "title": "x", "position": {"lon": "1", "lat": "1"}}], "x"
        )
    assert err.value.problem.number == 3003


def test_a_task_of_another_project_is_not_there(leads: Leads) -> None:
    s = leads.server
    id, elsewhere = s.new_id(), f"{s.other}.enforcement"
    values = {"code": "RW-9", "kind": "grid", "title": "别处的", "position": {"lon": "1", "lat": "1"}}
    s.service.write(None, [Write(TASK, id, elsewhere, values)])
    for answer in (leads.call("GET", f"{leads.page}/{id}"), leads.call("POST", f"{leads.page}/{id}", data={"do": "again", "seq": 1}),
                   leads.call("POST", leads.page, data={"id": f"{id}:1", "assigned_to": s.inspector})):  # fmt: skip
        assert number(answer) == 2004
    assert "别处的" not in leads.call("GET", leads.page).text


def test_the_state_follows_the_clock_and_nothing_is_stored(leads: Leads) -> None:
    task = leads.brought()[0]
    before = leads.server.sql("SELECT seq FROM field_task WHERE id=?", task.id)
    leads.wait(20)
    assert "超期 10 天" in text(leads.call("GET", f"{leads.page}/{task.id}"))
    assert leads.server.sql("SELECT seq FROM field_task WHERE id=?", task.id) == before


def test_the_log_says_it_in_words(leads: Leads) -> None:
    s, tasks = leads.server, leads.brought()
    leads.assign(tasks, [s.inspector])
    leads.act(leads.tasks()[0], "withdraw", reason="重复")
    seen = text(leads.call("GET", f"/console/projects/{s.project}/log"))
    for part in ("导入线索，成为核查任务", "派核查任务", "撤回核查任务", "任务数 2"):
        assert part in seen


def test_files_and_paths_that_are_none(leads: Leads, tmp_path: Path) -> None:
    for path in ("/x", "/%00", f"/{'9' * 300}"):
        assert leads.call("GET", leads.page + path).status_code == 404
    for form in ({}, {"do": "nonsense", "seq": "x"}, {"do": "save", "seq": "9" * 40}):
        assert leads.call("POST", f"{leads.page}/{leads.brought()[0].id}", data=form or {"a": "b"}).status_code in (
            400,
            409,
            422,
        )
