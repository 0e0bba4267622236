"""Checklists and rounds over HTTP: who sees and who changes them, a copy from draft to published to retired, what is frozen, rounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.problems import Trouble
from schemas.rules.checklists import find, model, ready
from schemas.rules.checklists.verdict import verdict
from sync_server.main import create_app
from sync_server.service import Write
from sync_server.settings import Settings
from tests.api.conftest import Device, Server, details, outcomes
from tests.api.test_console_manifests import text
from tests.api.test_console_security import BASE, Client
from tests.api.world import OURS
from tests.ui.console_seed import NOW
from tests.ui.inspections_seed import Checked, checked


class Site:
    def __init__(self, folder: Path) -> None:
        self.app = create_app(Settings(data=folder), clock=lambda: NOW)
        self.parts = self.app.state.parts
        self.service = self.parts.service
        self.made: Checked = checked(self.service, self.parts.auth, points=1, files=False)
        self.project = self.made.seeded.project
        self.home = f"{self.made.seeded.org}.organisation"
        self.clients: dict[str, Client] = {}

    def client(self, user: str = "xujing") -> Client:
        if user not in self.clients:
            client = Client(self.app, BASE)
            assert client.sign_in(user).status_code == 303
            self.clients[user] = client
        return self.clients[user]

    def get(self, path: str, user: str = "xujing", **params: Any) -> httpx.Response:
        return self.client(user).get(f"/console/projects/{self.project}{path}", params=params)

    def post(self, path: str, data: dict[str, Any], user: str = "xujing") -> httpx.Response:
        return self.client(user)("POST", f"/console/projects/{self.project}{path}", data=data, headers=OURS)

    def copy(self, of: str = "well-check@1") -> str:
        answer = self.post("/checklists/copy", {"of": of})
        assert answer.status_code == 303, answer.text
        return re.search(r"/checklists/([0-9a-f-]{36})\?said=copied", answer.headers["location"])[1]

    def stored(self, id: str) -> Any:
        return self.service.stored_checklist(self.project, id, self.home)

    def list(self, id: str) -> model.Checklist:
        return model.of_record(self.stored(id).values)

    def do(self, id: str, do: str, **more: Any) -> httpx.Response:
        return self.post(f"/checklists/{id}", {"do": do, "seq": self.stored(id).seq, **more})

    def notes(self, action: str) -> list[Any]:
        with self.service.store.reading() as tx:
            return [n for n in tx.notes(limit=200) if n["action"] == action]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("lists"))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Site]:
    yield Site(tmp_path)


def item_data(site: Site, id: str, was: str = "", **values: Any) -> dict[str, Any]:
    return {
        "seq": site.stored(id).seq, "was": was, "code": was or "WL-99", "kind": "answer", "options": ["pass", "fail"], "severity": "severe",
        "mark": "D", "section_zh": "井体", "section_en": "Well body", "label_zh": "井台完好", "label_en": "Platform sound", **values,
    }  # fmt: skip


# --- who ------------------------------------------------------------------------------------------------------------


def test_inspectors_look_managers_change_and_for_others_it_is_not_there(site: Site) -> None:
    own = site.copy()
    for path in ("/checklists", "/checklists/ready/well-check@1", f"/checklists/{own}", "/duties"):
        assert [site.get(path, who).status_code for who in ("xujing", "hemin", "wang")] == [200, 200, 200], path
        assert [site.get(path, who).status_code for who in ("zhoulan", "stranger", "ligong")] == [404, 404, 404], path
    assert "抄一份来改" in site.get("/checklists").text and "抄一份来改" not in site.get("/checklists", "hemin").text
    assert 'href="/console/projects/' + site.project + '/checklists"' in site.get("").text
    assert "/checklists" not in site.get("", "zhoulan").text
    for path in (f"/checklists/{own}/edit", f"/checklists/{own}/item", "/duties/duty"):
        assert site.get(path, "hemin").status_code == 403, path
    assert site.get("/duties/facility", "hemin").status_code == 200  # inspectors note facilities
    seq = site.stored(own).seq
    for path, data in (
        ("/checklists/copy", {"of": "well-check@1"}),
        (f"/checklists/{own}", {"do": "publish", "seq": seq}),
    ):
        assert site.post(path, data, "hemin").status_code == 403
        assert site.post(path, data, "zhoulan").status_code == 404
    assert site.stored(own).seq == seq


def test_a_list_of_another_project_is_not_there(fresh: Site) -> None:
    own = fresh.copy()
    base = {k: v for k, v in fresh.service.records("project", fresh.made.seeded.field)[0].values.items() if k != "code"}
    other = fresh.service.add_project({**base, "code": "P9"})
    values = {**fresh.stored(own).values, "code": "theirs", "project_id": other}
    values["definition"] = model.to_text(fresh.list(own)._replace(code="theirs"))
    theirs, nobodys = fresh.service.new_id(), fresh.service.new_id()
    fresh.service.write(None, [Write("checklist", theirs, fresh.home, values)])
    there, nowhere = fresh.get(f"/checklists/{theirs}"), fresh.get(f"/checklists/{nobodys}")
    assert there.status_code == nowhere.status_code == 404
    assert there.text.replace(theirs, "") == nowhere.text.replace(nobodys, "")
    assert fresh.get(f"/checklists/{theirs}/edit").status_code == 404
    assert fresh.post(f"/checklists/{theirs}", {"do": "publish", "seq": 1}).status_code == 404
    assert fresh.post("/checklists/copy", {"of": theirs}).status_code == 404
    assert "theirs" not in fresh.get("/checklists").text


# --- looking --------------------------------------------------------------------------------------------------------


def test_every_ready_list_is_shown_whole_in_both_languages(site: Site) -> None:
    page = text(site.get("/checklists"))
    for c in ready.every():
        assert c.title.zh in page
        for lang in ("en", "zh"):
            told = text(site.get(f"/checklists/ready/{c.name}", lang=lang))
            assert all(item.code in told and item.label.zh in told and item.label.en in told for item in c.items)
            assert c.sha256 in told
    assert "待核（D）" in page and "有原文依据（C）" in page
    report = text(site.get("/checklists/ready/report-review@1"))
    assert "带★的不符合达到 3 项" in report and "合计达到 6 项" in report
    transfer = text(site.get("/checklists/ready/soil-transfer@1"))  # the law of the day of the page
    assert "《生态环境法典》（条号待核，原土壤污染防治法第41条）" in transfer
    assert site.get("/checklists/ready/nonsense@1").status_code == 404


# --- from copy to published -------------------------------------------------------------------------------------------


def test_a_copy_is_edited_published_used_and_retired(fresh: Site) -> None:
    id = fresh.copy("report-review@1")
    c = fresh.list(id)
    assert (c.code, c.version, c.mark, len(c.items)) == (f"report-review-{_code(fresh)}", 1, "D", 20)
    assert fresh.stored(id).values["state"] == "draft" and fresh.stored(id).values["based_on"] == "report-review@1"
    assert "公告2022年第17号" not in fresh.stored(id).values["verdict_rule"]
    # the head: another threshold in the rule, own words
    head = {"seq": fresh.stored(id).seq, "code": c.code, "title_zh": "报告抽查", "title_en": "Spot check of reports", "kind": "report_review", "where": "project",
            "rule": "counts", "star": "２", "total": "4", "verdict.fail_severe_zh": "退回重做", "verdict.fail_severe_en": "Done anew", "basis": "本市办法\n\n公司规程"}  # fmt: skip
    assert fresh.post(f"/checklists/{id}/edit", head).status_code == 303
    c = fresh.list(id)
    assert (c.title.zh, c.rule, c.basis) == ("报告抽查", model.Rule("counts", 2, 4), ("本市办法", "公司规程"))
    # an item more, order, one less
    add = item_data(fresh, id, code="RP-21", section_zh="结果", section_en="Results", **{
        "ask.0.what": "number", "ask.0.name_zh": "超标项数", "ask.0.name_en": "Exceedances", "ask.0.limit": "≥ 1", "ask.1.what": "photo", "ask.1.optional": "1",
        "phrase.0.p_zh": "缺结论", "phrase.0.p_en": "No conclusion", "cite.0.law": "soil_law", "cite.0.articles": "第36条、59", "cite.1.text_zh": "本市办法 3", "cite.1.text_en": "Local rule 3",
        "beside": ["sample"], "star": "1", "problem_zh": "结论缺失", "problem_en": "No conclusion"})  # fmt: skip
    assert fresh.post(f"/checklists/{id}/item", add).status_code == 303
    item = fresh.list(id).items[-1]
    assert item.asks == (
        model.Ask("number", model.Label("超标项数", "Exceedances"), "", ">=1"),
        model.Ask("photo", optional=True),
    )
    assert item.basis == (
        model.Cite("soil_law", ("36", "59")),
        model.Cite(text=model.Label("本市办法 3", "Local rule 3")),
    )
    assert (item.star, item.severity, item.beside, item.phrases) == (
        True,
        "severe",
        ("sample",),
        (model.Label("缺结论", "No conclusion"),),
    )
    assert fresh.do(id, "up:RP-21").status_code == fresh.do(id, "remove:RP-02").status_code == 303
    assert [i.code for i in fresh.list(id).items][-2:] == ["RP-21", "RP-20"] and fresh.list(id).item("RP-02") is None
    changed = item_data(
        fresh,
        id,
        "RP-01",
        options=["pass", "fail", "insufficient"],
        severity="general",
        label_zh="报告齐全",
        label_en="Report complete",
    )
    assert fresh.post(f"/checklists/{id}/item", changed).status_code == 303
    assert (fresh.list(id).items[0].label.zh, fresh.list(id).items[0].star) == ("报告齐全", False)
    # published: frozen
    assert fresh.do(id, "publish", valid_from="2026-11-22").status_code == 303
    done = fresh.stored(id)
    assert (done.values["state"], done.values["valid_from"]) == ("published", "2026-11-22")
    for answer in (
        fresh.get(f"/checklists/{id}/edit"),
        fresh.get(f"/checklists/{id}/item"),
        fresh.post(f"/checklists/{id}/item", item_data(fresh, id)),
    ):
        assert answer.status_code == 409 and "已经发布" in answer.text
    assert fresh.do(id, "drop").status_code in (400, 422)
    with pytest.raises(Trouble) as no:
        fresh.service.write(
            fresh.made.people["xujing"], [Write("checklist", id, fresh.home, {**done.values, "title_zh": "改了"})]
        )
    assert no.value.problem.number == 6401
    assert fresh.stored(id).values == done.values
    # pinned by hash, judged by its own rule
    published = fresh.list(id)
    pin = {"list_code": published.code, "list_version": 1, "list_sha256": published.sha256}
    records = fresh.service.records("checklist", fresh.home)
    assert find(pin, _typed(records)) == published
    fails = dict.fromkeys((i.code for i in published.items), "pass") | {"RP-07": "fail", "RP-08": "fail"}
    said = verdict(published, fails)
    assert (said.code, said.label.zh) == ("fail_severe", "退回重做") and "本系统设定" in said.why.zh
    # the next version; the old one is retired and still read
    next_ = fresh.copy(id)
    assert (fresh.list(next_).code, fresh.list(next_).version) == (published.code, 2)
    assert fresh.do(id, "retire").status_code == 303
    assert (
        fresh.stored(id).values["state"] == "retired"
        and find(pin, _typed(fresh.service.records("checklist", fresh.home))) == published
    )
    assert [len(fresh.notes(f"checklist_{a}")) for a in ("copy", "edit", "publish", "retire", "drop")] == [
        2,
        5,
        1,
        1,
        0,
    ]
    log = text(fresh.get("/log"))
    assert "发布检查表" in log and "停用检查表" in log


def _typed(records: Any) -> list[Any]:
    from schemas.records import TYPES

    return [TYPES["checklist"].of(r.id, r.values, r.seq) for r in records]


def _code(site: Site) -> str:
    found = site.service.called([site.project])[site.project].name
    return re.sub(r"[^A-Za-z0-9]+", "-", found).strip("-") or "own"


def test_a_draft_with_gaps_is_kept_and_not_published(fresh: Site) -> None:
    id = fresh.copy("idle-land@1")
    gaps = item_data(fresh, id, "IL-01", label_en="", options=["pass"], **{"ask.0.what": "number"})
    assert fresh.post(f"/checklists/{id}/item", gaps).status_code == 303
    page = text(fresh.get(f"/checklists/{id}"))
    assert "发布前要改的 3 处" in page and "缺英文" in page
    answer = fresh.do(id, "publish")
    assert answer.status_code == 409 and "还有 3 处要改" in answer.text
    assert fresh.stored(id).values["state"] == "draft" and fresh.notes("checklist_publish") == []
    assert fresh.do(id, "drop").status_code == 303
    assert fresh.get(f"/checklists/{id}").status_code == 404 and "idle-land-" not in text(fresh.get("/checklists"))


@pytest.mark.parametrize(
    ("data", "said"),
    [({"code": "WL-02"}, "已经有了"), ({"code": "井一"}, "编号只用字母"), ({"code": ""}, "编号只用字母"), ({"label_zh": "长" * 501}, "不超过 500"),
     ({"ask.0.what": "number", "ask.0.name_zh": "长" * 61}, "不超过 60"), ({"phrase.0.p_zh": "长" * 201}, "不超过 200")],
)  # fmt: skip
def test_what_cannot_be_kept_is_said_beside_it_and_what_was_typed_stays(
    site: Site, data: dict[str, str], said: str
) -> None:
    id = site.copy()
    before = site.stored(id).seq
    answer = site.post(f"/checklists/{id}/item", item_data(site, id, "WL-01", label_en="Typed by hand", **data))
    assert answer.status_code == 422 and said in text(answer) and "Typed by hand" in answer.text
    assert site.stored(id).seq == before


def test_two_people_edit_and_the_second_is_told(site: Site) -> None:
    id = site.copy()
    old = site.stored(id).seq
    assert site.post(f"/checklists/{id}", {"do": "down:WL-01", "seq": old}).status_code == 303
    for path, data in (
        (f"/checklists/{id}", {"do": "down:WL-01", "seq": old}),
        (f"/checklists/{id}/item", {**item_data(site, id, "WL-01"), "seq": old}),
    ):
        answer = site.post(path, data)
        assert answer.status_code == 409 and "许静" in answer.text
    assert [i.code for i in site.list(id).items][:2] == ["WL-02", "WL-01"]


def test_a_list_nobody_can_read_is_shown_as_one_and_spoils_nothing(fresh: Site) -> None:
    id = fresh.service.new_id()
    values = {
        "code": "future",
        "version": 1,
        "title_zh": "新格式",
        "title_en": "New format",
        "kind": "patrol",
        "definition": '{"format":9}',
        "verdict_rule": "x",
        "basis": "x",
    }
    fresh.service.write(None, [Write("checklist", id, fresh.home, values)])
    assert "新格式" in fresh.get("/checklists").text
    for answer in (
        fresh.get(f"/checklists/{id}"),
        fresh.post("/checklists/copy", {"of": id}),
        fresh.get(f"/checklists/{id}/item"),
    ):
        assert answer.status_code == 409 and "读不懂" in answer.text


def test_markup_in_a_list_stays_text(fresh: Site) -> None:
    id = fresh.copy()
    evil = "<script>alert(1)</script>"
    data = item_data(
        fresh, id, "WL-01", label_zh=evil, section_zh=evil, **{"phrase.0.p_zh": evil, "phrase.0.p_en": evil}
    )
    assert fresh.post(f"/checklists/{id}/item", data).status_code == 303
    for page in (fresh.get(f"/checklists/{id}"), fresh.get(f"/checklists/{id}/item", code="WL-01")):
        assert evil not in page.text and "&lt;script&gt;" in page.text


def test_a_tablet_cannot_change_a_published_list_either(tmp_path: Path) -> None:
    server = Server(tmp_path)
    tablet, id = Device(server, server.pm), server.new_id()
    mine = model.sealed(next(c for c in ready.every() if c.code == "idle-land")._replace(code="own", ready=False))
    values = {**model.record_values(mine), "state": "draft"}

    def push(after: dict[str, Any], before: dict[str, Any] | None = None) -> tuple[str, int | None]:
        answer = tablet.push([tablet.change("checklist", after, id, before, scope=server.home)], server.home)
        return outcomes(answer)[0], next((d.get("problem") for d in details(answer)), None)

    assert push(values) == ("applied", None)
    assert push({"title_zh": "改名"}, {"title_zh": values["title_zh"]}) == ("applied", None)  # a draft still changes
    assert push({"state": "published"}, {"state": "draft"}) == ("applied", None)
    assert push({"title_zh": "再改"}, {"title_zh": "改名"}) == ("rejected", 6401)
    assert push({"deleted": True, "void_reason": "x"}, {"deleted": None, "void_reason": None}) == ("rejected", 6401)
    assert push({"state": "retired", "valid_to": "2099-01-01"}, {"state": "published", "valid_to": None}) == (
        "applied",
        None,
    )
    (row,) = server.service.records("checklist", server.home)
    assert (row.values["title_zh"], row.values["state"]) == ("改名", "retired")


# --- rounds ---------------------------------------------------------------------------------------------------------


def test_duties_and_facilities_are_made_and_the_overdue_ones_come_first(fresh: Site) -> None:
    site_id = fresh.service.records("site", fresh.made.seeded.field)[0].id
    form = fresh.get("/duties/duty", rule="hidden_hazard")
    assert 'value="36"' in form.text and "2027-11-21" in form.text and "公告2021年第1号" in form.text
    duty = {
        "kind": "patrol",
        "site_id": site_id,
        "org_id": fresh.made.orgs["plant"],
        "every_months": "3",
        "first_due_on": "2026-11-01",
        "basis": "本地要求",
    }
    assert fresh.post("/duties/duty", duty).status_code == 303
    assert (
        fresh.post("/duties/duty", {**duty, "kind": "self_monitoring", "first_due_on": "2026-12-01"}).status_code == 303
    )
    page = text(fresh.get("/duties"))
    assert "1 项超期" in page and "超期 20 天" in page and "不能判断" in page
    assert page.index("超期 20 天") < page.index("不能判断")
    answer = fresh.post("/duties/duty", {**duty, "every_months": "0", "site_id": ""})
    assert answer.status_code == 422 and answer.text.count('class="fault"') >= 2
    facility = {
        "code": "SS-99",
        "name": "酸洗池",
        "site_id": site_id,
        "hazard_class": "production",
        "kind": "pool",
        "hidden": "true",
        "lon": "119.4",
        "lat": "32.2",
    }
    assert fresh.post("/duties/facility", facility, "hemin").status_code == 303
    made = next(r for r in fresh.service.records("facility", fresh.made.scope) if r.values["code"] == "SS-99")
    assert made.values["hidden"] is True and made.values["position"]["fix_kind"] == "manual"
    again = {**facility, "id": made.id, "seq": str(made.seq), "name": "酸洗槽"}
    assert fresh.post("/duties/facility", again, "hemin").status_code == 303
    late = fresh.post("/duties/facility", {**again, "name": "又改"}, "hemin")
    assert late.status_code == 409 and "又改" in late.text  # somebody changed it meanwhile
    assert fresh.service.stored_round(fresh.project, "facility", made.id).values["position"] == made.values["position"]
    assert "已经有了" in fresh.post("/duties/facility", facility).text
    assert fresh.post("/duties/facility", {**facility, "code": "SS-98", "lat": "200"}).status_code == 422
    assert (
        fresh.get("/duties/nonsense").status_code == 404
        and fresh.get("/duties/duty", id=fresh.service.new_id()).status_code == 404
    )
    assert len(fresh.notes("round_edit")) == 4
