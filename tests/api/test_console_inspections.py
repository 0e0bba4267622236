"""The pages of inspections over HTTP: who sees them, overdue first, one finding and its closing by two, one check, sums, map, file."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from schemas.records.finding import Finding
from schemas.rules.reconcile.courses import course
from sync_server.facts import load_facts
from sync_server.main import create_app
from sync_server.service import Write
from sync_server.settings import Settings
from tests.api.test_console_security import BASE, Client
from tests.api.world import OURS
from tests.ui.console_seed import NOW
from tests.ui.inspections_seed import ID_NO, Checked, ago, checked, on


class Site:
    def __init__(self, folder: Path, files: bool = False, **names: str) -> None:
        self.app = create_app(Settings(data=folder), clock=lambda: NOW)
        self.parts = self.app.state.parts
        self.service = self.parts.service
        self.made: Checked = checked(self.service, self.parts.auth, names=names or None, files=files)
        self.project, self.scope = self.made.seeded.project, self.made.scope
        self.root = f"/console/projects/{self.project}"
        self.clients: dict[str, Client] = {}

    def client(self, user: str = "wang") -> Client:
        if user not in self.clients:
            client = Client(self.app, BASE)
            assert client.sign_in(user).status_code == 303
            self.clients[user] = client
        return self.clients[user]

    def get(self, path: str, user: str = "wang", **params: Any) -> httpx.Response:
        return self.client(user).get(self.root + path, params=params)

    def finding(self, code: str, user: str = "wang", **params: Any) -> httpx.Response:
        return self.get(f"/findings/{self.made.findings[code]}", user, **params)

    def recheck(self, code: str, user: str = "wang", seen: str | None = None, **data: str) -> httpx.Response:
        """As the form of the page sends it; `seen`: what the page showed, if it was another one."""
        if seen is None:
            found = re.search(r'name="seen" value="([0-9a-f]{32})"', self.finding(code, user).text)
            seen = found[1] if found else ""
        path = f"{self.root}/findings/{self.made.findings[code]}/recheck"
        return self.client(user)("POST", path, data={**data, "seen": seen}, headers=OURS)

    def state(self, code: str) -> Any:
        facts = load_facts(self.service, self.project, NOW)
        return course(facts, facts.find(Finding, self.made.findings[code]))

    def rechecks(self, code: str) -> list[dict[str, Any]]:
        return [
            r.values
            for r in self.service.records("recheck", self.scope)
            if r.values["finding_id"] == self.made.findings[code]
        ]

    def notes(self, action: str) -> list[Any]:
        with self.service.store.reading() as tx:
            return [n for n in tx.notes(limit=200) if n["action"] == action]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("checked"))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Site]:
    yield Site(tmp_path)


def text(answer: httpx.Response) -> str:
    """What a reader reads."""
    plain = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", answer.text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", plain)).split())


def codes(answer: httpx.Response) -> list[str]:
    return re.findall(r'<tr id="f-[0-9a-f-]+".*?<th scope="row"><a [^>]*>(.*?)</a>', answer.text, re.S)


# --- who -------------------------------------------------------------------------------------------------------------


def test_whoever_reads_inspections_sees_the_pages_and_for_others_they_are_not_there(site: Site) -> None:
    made = site.made
    paths = (
        "/findings", "/findings/parties", "/findings/sites", "/findings/map", "/findings/map.json", "/findings.xlsx", f"/findings/{made.findings['W-06']}", "/inspections",
        f"/inspections/{made.checks['enforcement']}", f"/inspections/{made.checks['enforcement']}/map.json",
    )  # fmt: skip
    for path in paths:
        for user in ("wang", "hemin", "xujing"):
            assert site.get(path, user).status_code == 200, (path, user)
        for user in ("zhoulan", "stranger", "ligong"):  # a sampler, somebody of another project, the party itself
            assert site.get(path, user).status_code == 404, (path, user)
    assert "/findings" in site.get("", "wang").text and "/findings" not in site.get("", "zhoulan").text


def test_ids_of_other_things_are_not_there(site: Site) -> None:
    for id in (site.made.checks["hazard"], "no", "%00", site.project):
        assert site.get(f"/findings/{id}").status_code == 404
    for id in (site.made.findings["W-01"], "no", "%00"):
        assert site.get(f"/inspections/{id}").status_code == 404
        assert site.get(f"/inspections/{id}/map.json").status_code == 404
    other = f"/console/projects/{site.made.seeded.other}/findings/{site.made.findings['W-01']}"
    assert site.client("stranger").get(other).status_code == 404


# --- the ledger --------------------------------------------------------------------------------------------------------


def test_the_overdue_come_first_then_what_is_open_by_severity_the_closed_last(site: Site) -> None:
    page = site.get("/findings")
    assert codes(page) == ["W-03", "W-07", "W-05", "W-06", "W-04", "W-01", "W-02"]
    said = text(page)
    assert "3 次检查 · 7 个问题 · 2 个严重或涉嫌违法的未销号" in said
    assert "超期 1 最久 3 天" in said and "整改中 2 最近到期 11-28" in said
    assert "待复查 2 1 个只差第二名检查人员" in said and "已销号 2 平均 6.5 天" in said
    assert "最近一次结论 责令整改 JC-20261117-A103" in said
    assert "超期 3 天" in said and "鼎新检测 · 王工" in said
    nav = re.search(r'aria-current="page">.*?检查与整改<span class="n">(\d+)</span>', page.text, re.S)
    assert nav and nav[1] == "1"


def test_the_ledger_is_narrowed_by_state_severity_party_and_words(site: Site) -> None:
    made = site.made
    assert codes(site.get("/findings", state="late")) == ["W-03"]
    assert codes(site.get("/findings", state="open")) == ["W-03", "W-07", "W-05", "W-06", "W-04"]
    assert codes(site.get("/findings", state="reported")) == ["W-05", "W-06"]
    assert codes(site.get("/findings", state="closed")) == ["W-01", "W-02"]
    assert codes(site.get("/findings", severity="severe")) == ["W-03", "W-07", "W-01"]
    assert codes(site.get("/findings", party=made.orgs["hong"])) == ["W-05", "W-06"]
    assert codes(site.get("/findings", q="冰排")) == ["W-03", "W-07"]
    assert codes(site.get("/findings", q="刘工")) == ["W-04"]
    none = site.get("/findings", q="没有这样的")
    assert codes(none) == [] and "没有符合条件的问题" in text(none)
    assert site.get("/findings", state="x", severity="y", party="z").status_code == 200


def test_a_row_is_chosen_and_its_photos_and_box_stand_below(site: Site) -> None:
    first = text(site.get("/findings"))
    assert "W-03 改前 / 改后" in first and "还没有申报整改完成" in first
    chosen = text(site.get("/findings", at=site.made.findings["W-06"]))
    assert "W-06 改前 / 改后" in chosen and "何敏 已作「销号」" in chosen and "确认销号" in chosen
    assert "不能确定" not in chosen and "同一位置，相距 0.8 m" in chosen and "方向差 3°" in chosen
    assert "检查人员复查。你可以看全部经过" in text(site.get("/findings", "xujing"))


def test_an_empty_project_says_what_to_do(tmp_path: Path) -> None:
    from tests.ui.console_seed import seed

    app = create_app(Settings(data=tmp_path), clock=lambda: NOW)
    made = seed(app.state.parts.service, app.state.parts.auth, points=1)
    client = Client(app, BASE)
    assert client.sign_in("wang").status_code == 303
    for path in ("/findings", "/inspections", "/findings/parties", "/findings/sites"):
        assert "还没有检查" in client.get(f"/console/projects/{made.project}{path}").text, path
    assert "没有带位置的问题" in client.get(f"/console/projects/{made.project}/findings/map").text


# --- one finding: two inspectors close it ------------------------------------------------------------------------------


def test_the_page_of_a_finding_tells_its_course(site: Site) -> None:
    said = text(site.finding("W-06"))
    order = [said.index(x) for x in ("问题下达", "申报整改完成", "复查：销号")]
    assert order == sorted(order)
    assert "接通水源" in said and "整改投入 1200 元" in said and "还差一人" in said and "只有一名复查人员" in said
    assert "洗车台有水，出口干净" in said and "--inspection" in said
    both = text(site.finding("W-01"))
    assert "已销号" in both and "回头看" in both and "没有待查问的" in both


def test_the_second_inspector_closes_it_with_one_click(fresh: Site) -> None:
    answer = fresh.recheck("W-06", "wang", result="closed")
    assert answer.status_code == 303 and answer.headers["location"].endswith("?done=closed")
    assert fresh.state("W-06").state == "closed"
    page = text(fresh.client("wang").get(answer.headers["location"]))
    assert "已销号。" in page
    mine = next(r for r in fresh.rechecks("W-06") if r["officers"][0]["person_id"] == fresh.made.people["wang"])
    assert mine["opinion"] == "同意上一名复查人员的意见。" and mine["result"] == "closed" and mine["action_id"]
    (note,) = fresh.notes("recheck")
    assert note["by"] == fresh.made.people["wang"] and note["about"] == fresh.made.findings["W-06"]
    assert "复查问题 W-06" in fresh.get("/log", "xujing").text
    assert "已销号 3" in text(fresh.get("/findings"))


def test_the_first_inspector_is_told_that_a_second_is_needed_and_cannot_be_both(fresh: Site) -> None:
    answer = fresh.recheck("W-05", "wang", result="closed", opinion="电话已补")
    assert answer.status_code == 303
    assert "还要第二名检查人员登录确认" in text(fresh.client("wang").get(answer.headers["location"]))
    assert fresh.state("W-05").state == "reported" and fresh.state("W-05").pending.officers == (
        fresh.made.people["wang"],
    )
    again = fresh.recheck("W-05", "wang", result="closed", opinion="再来一次")
    assert again.status_code == 409 and "你已经作过「销号」" in text(again) and "再来一次" in again.text
    assert len(fresh.rechecks("W-05")) == 1
    assert fresh.recheck("W-05", "hemin", result="closed").status_code == 303
    assert fresh.state("W-05").state == "closed"
    # hemin holds a certificate that is valid today; wang has none
    held = {r["officers"][0]["name"]: r["officers"][0].get("certificate_no") for r in fresh.rechecks("W-05")}
    assert held == {"王工": None, "何敏": "苏L-1101"}


def test_what_nobody_reported_done_is_not_closed_at_a_desk(fresh: Site) -> None:
    for code in ("W-03", "W-04"):  # nothing yet; under way
        answer = fresh.recheck(code, "wang", result="closed", opinion="看着行")
        assert answer.status_code == 409 and "还不能在这里销号" in text(answer) and "看着行" in answer.text, code
    action, id = fresh.service.new_id(), fresh.made.findings["W-04"]
    done = {"finding_id": id, "at": ago(0, 60), "measure_taken": "锁好了", "done": True, "reported_by": "刘工"}
    fresh.service.write(None, [Write("corrective_action", action, fresh.scope, done)])
    without = fresh.recheck("W-04", "wang", result="closed", opinion="没照片")
    assert without.status_code == 409 and "没有整改后的照片或文件" in text(without)
    assert fresh.rechecks("W-03") == fresh.rechecks("W-04") == []


def test_keeping_takes_one_inspector_an_opinion_and_a_day(fresh: Site) -> None:
    bare = fresh.recheck("W-03", "wang", result="keep")
    assert bare.status_code == 422 and "写明复查看到的情况和意见" in text(bare) and "写明下次整改期限" in text(bare)
    past = fresh.recheck("W-03", "wang", result="keep", opinion="仍无冰排", next_deadline=on(-1))
    assert (
        past.status_code == 422
        and "期限已经过了" in text(past)
        and "仍无冰排" in past.text
        and f'value="{on(-1)}"' in past.text
    )
    assert fresh.recheck("W-03", "wang", result="keep", opinion="仍无冰排", next_deadline="x").status_code == 400
    assert fresh.rechecks("W-03") == []
    good = fresh.recheck("W-03", "wang", result="keep", opinion="仍无冰排", next_deadline=on(5))
    assert good.status_code == 303 and fresh.state("W-03").deadline.isoformat() == on(5)
    page = text(fresh.client("wang").get(good.headers["location"]))
    assert "新期限已生效" in page and "现行期限 2026-11-26" in page
    assert codes(fresh.get("/findings", state="late")) == []


def test_sending_on_takes_two_and_names_whom(fresh: Site) -> None:
    assert "写明移送给哪个单位" in text(fresh.recheck("W-07", "wang", result="refer", opinion="屡教不改"))
    for user in ("wang", "hemin"):
        assert fresh.recheck("W-07", user, result="refer", opinion="移送", referred_to="公安局").status_code == 303
    assert fresh.state("W-07").state == "referred"
    assert codes(fresh.get("/findings", state="referred")) == ["W-07"] and "移送 1" in text(fresh.get("/findings"))


def test_nothing_is_decided_over_what_came_since(fresh: Site) -> None:
    found = re.search(r'name="seen" value="([0-9a-f]{32})"', fresh.finding("W-06").text)
    assert found
    more = {
        "finding_id": fresh.made.findings["W-06"],
        "at": ago(0, 10),
        "measure_taken": "水又停了",
        "done": False,
        "reported_by": "李工",
    }
    fresh.service.write(None, [Write("corrective_action", fresh.service.new_id(), fresh.scope, more)])
    answer = fresh.recheck("W-06", "wang", seen=found[1], result="closed", opinion="我写的")
    assert (
        answer.status_code == 409
        and "刚刚有了新的整改或复查" in text(answer)
        and "水又停了" in text(answer)
        and "我写的" in answer.text
    )
    assert len(fresh.rechecks("W-06")) == 1
    assert fresh.recheck("W-06", "wang", seen="", result="closed", opinion="x").status_code == 409


def test_a_closed_finding_is_opened_again_by_a_second_look(fresh: Site) -> None:
    answer = fresh.recheck("W-01", "wang", result="keep", opinion="又混了", next_deadline=on(7))
    assert answer.status_code == 303
    mine = next(r for r in fresh.rechecks("W-01") if r["result"] == "keep")
    assert mine["second_look"] is True and fresh.state("W-01").state == "rectifying"
    assert fresh.state("W-01").open == ()


def test_only_inspectors_decide_and_not_those_of_the_party(fresh: Site) -> None:
    seen = re.search(r'name="seen" value="([0-9a-f]{32})"', fresh.finding("W-06").text)
    assert seen and 'name="seen"' not in fresh.finding("W-06", "xujing").text
    for user, status in (("xujing", 403), ("zhoulan", 404), ("stranger", 404), ("ligong", 404)):
        assert fresh.recheck("W-06", user, seen=seen[1], result="closed", opinion="x").status_code == status, user
    fresh.service.grant(fresh.made.people["ligong"], fresh.project, "inspector")
    own = fresh.recheck("W-06", "ligong", seen=seen[1], result="closed", opinion="x")
    assert own.status_code == 403 and "由你所在的单位整改" in text(own)
    assert "请别的单位的检查人员复查" in text(fresh.finding("W-06", "ligong")) and len(fresh.rechecks("W-06")) == 1
    assert fresh.recheck("W-07", "ligong", result="refer", opinion="别家的", referred_to="公安局").status_code == 303


def test_a_foreign_post_and_a_result_nobody_knows_are_refused(fresh: Site) -> None:
    path = f"{fresh.root}/findings/{fresh.made.findings['W-06']}/recheck"
    foreign = fresh.client("wang")("POST", path, data={"result": "closed"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert fresh.recheck("W-06", "wang", result="dance", opinion="x").status_code == 422
    assert len(fresh.rechecks("W-06")) == 1 and not fresh.notes("recheck")


# --- one check ---------------------------------------------------------------------------------------------------------


def test_the_ledger_of_checks(site: Site) -> None:
    page = site.get("/inspections")
    rows = re.findall(r'<tr id="i-[0-9a-f-]+">.*?</tr>', page.text, re.S)
    said = [" ".join(re.sub(r"<[^>]+>", " ", r).split()) for r in rows]
    assert [s.split()[0] for s in said] == ["JC-20261117-A103", "JC-20261112-A102", "JC-20261108-A101"]
    assert "有人未签" in said[0] and "2 未销号 2" in said[0]
    assert "隐患排查" in said[1] and "已签字" in said[1] and "3 未销号 3" in said[1]
    assert "不合格" in said[2] and said[2].endswith("2")
    assert "JC-20261112-A102" not in site.get("/inspections", kind="enforcement").text
    assert "没有符合条件的检查" in text(site.get("/inspections", state="unsigned"))
    assert "JC-20261108-A101" not in site.get("/inspections", state="open").text


def test_the_page_of_a_check_shows_answers_by_the_rule_of_its_list(site: Site) -> None:
    said = text(site.get(f"/inspections/{site.made.checks['sampling']}"))
    assert "不合格" in said and "公告2022年第17号" in said
    assert "否(不符合) 2" in said and "是(符合) 16" in said
    assert "FS-10" in said and "W-01" in said and "已签名 何敏" in said


def test_the_page_of_an_enforcement_check_shows_notices_refusal_and_hash_and_hides_numbers(site: Site) -> None:
    answer = site.get(f"/inspections/{site.made.checks['enforcement']}")
    said = text(answer)
    assert (
        "出示执法证件" in said
        and "告知申请回避权" in said
        and "拒绝签名 孙立新 被检查方" in said
        and "要等公司授权" in said
        and "已签名 周明 见证人" in said
    )
    assert ID_NO not in answer.text and "320•" in said and "13900001234" not in answer.text
    assert "与签字时一致" in said and re.search(r"/i/[0-9a-f-]{36}\?c=[0-9A-Z]{10}", answer.text)
    assert re.search(r"\b[0-9a-f]{64}\b", said)


def test_what_was_added_after_signing_is_said(fresh: Site) -> None:
    id = fresh.made.checks["enforcement"]
    assert "与签字时一致" in text(fresh.get(f"/inspections/{id}"))
    more = {"inspection_id": id, "item_code": "X-1", "answer": "fail", "text": "后来加的"}
    fresh.service.write(None, [Write("checklist_answer", fresh.service.new_id(), fresh.scope, more)])
    said = text(fresh.get(f"/inspections/{id}"))
    assert "内容与签字时不同" in said and "与签字时一致" not in said and "后来加的" in said


def test_an_amendment_and_its_original_point_to_each_other(fresh: Site) -> None:
    id, new = fresh.made.checks["enforcement"], fresh.service.new_id()
    old = next(r.values for r in fresh.service.records("inspection", fresh.scope) if r.id == id)
    values = {
        **old,
        "code": "JC-20261118-A104",
        "amends_id": id,
        "amend_reason": "地点写错",
        "place": "K3 出口",
        "started_at": ago(3),
    }
    fresh.service.write(None, [Write("inspection", new, fresh.scope, values)])
    first, second = text(fresh.get(f"/inspections/{id}")), text(fresh.get(f"/inspections/{new}"))
    assert "已被 JC-20261118-A104" in first and "地点写错" in first and "已被更正" in first
    assert "更正 JC-20261117-A103" in second and "K2 出口 → K3 出口" in second and "地点写错" in second
    assert "已被更正" in text(fresh.get("/inspections", state="amended"))


# --- sums, map, file ------------------------------------------------------------------------------------------------------


def cells(page: httpx.Response) -> list[list[str]]:
    rows = re.findall(r"<tr>(<th scope=\"row\">.*?)</tr>", page.text, re.S)
    return [
        [" ".join(re.sub(r"<[^>]+>", " ", c).split()) for c in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", r, re.S)]
        for r in rows
    ]


def test_by_party_and_by_site_what_was_found_and_what_is_open(site: Site) -> None:
    parties = cells(site.get("/findings/parties"))
    assert [r[0] for r in parties] == ["鼎新检测", "宏泰修复", "红星厂"]
    assert (
        parties[0][1:8] == ["3", "4", "3", "2", "1 最久 3 天", "0", "2 平均 6.5 天"] and "样品保存 3" in parties[0][8]
    )
    assert parties[1][1:6] == ["2", "2", "0", "2", "0"] and parties[1][6] == "2"
    (only,) = cells(site.get("/findings/sites"))
    assert only[0] == "红星电镀厂地块" and only[1:6] == ["3", "7", "3", "5", "1 最久 3 天"]


def test_the_map_gathers_what_lies_in_one_place_and_leads_to_the_worst(site: Site) -> None:
    data = site.get("/findings/map.json").json()
    (mark,) = data["problems"]  # all of them lie where the check was, or where the finding was noted: one place
    assert mark["c"] == "7 个" and mark["s"] == "grave" and mark["u"].endswith(site.made.findings["W-03"])
    assert any("位置按检查地点" in t for t in mark["t"]) and data["boundary"] and data["bounds"]
    (only,) = site.get("/findings/map.json", q="洗车台").json()["problems"]
    assert only["c"] == "W-06" and only["s"] == "open" and "检查地点" not in only["t"][0]
    (closed,) = site.get("/findings/map.json", state="closed").json()["problems"]
    assert closed["s"] == "closed"
    check = site.get(f"/inspections/{site.made.checks['hazard']}/map.json").json()["problems"]
    assert [p["s"] for p in check] == ["grave", "check"]
    main = site.get("/map.json", full="1").json()["problems"]
    assert {p["u"].split("/")[-2] for p in main} == {"findings", "inspections"}


def book(answer: httpx.Response) -> dict[str, list[list[Any]]]:
    assert answer.status_code == 200
    found = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    return {name: found.get_sheet_by_name(name).to_python() for name in found.sheet_names}


def test_the_file_holds_both_ledgers_sums_and_pictures(tmp_path: Path) -> None:
    site = Site(tmp_path, files=True)
    answer = site.get("/findings.xlsx")
    sheets = book(answer)
    assert list(sheets) == ["整改台账", "说明", "隐患排查台账", "按单位", "按地块", "未决问题"]
    head, *rows = sheets["整改台账"]
    table = {r[head.index("问题编号")]: dict(zip(head, r, strict=True)) for r in rows}
    assert [r[1] for r in rows] == ["W-03", "W-07", "W-05", "W-06", "W-04", "W-01", "W-02"]
    six = table["W-06"]
    assert (
        six["实际整改情况"] == "接通水源，洗车台恢复使用"
        and six["负责人"] == "李工"
        and str(six["整改完成日期"]) == "2026-11-20"
        and six["整改投入（元）"] == 1200
    )
    assert six["复查人"] == "何敏" and six["状态"] == "待复查" and six["现场图片"] == "1 张" and six["未决问题"] == 1
    assert table["W-05"]["整改后现场图片"] == "1 张、1 张未上传" and table["W-03"]["超期天数"] == 3
    assert (
        table["W-01"]["复查人"] == "何敏、赵强"
        and str(table["W-01"]["销号（移送）日期"]) == "2026-11-14"
        and table["W-01"]["历时天数"] == 6
    )
    head, *rows = sheets["隐患排查台账"]
    assert head == [
        "序号",
        "企业名称",
        "所属行业",
        "排查负责人",
        "排查时间",
        "涉及工业活动",
        "重点场所或者设施设备",
        "位置信息",
        "现场图片",
        "隐患点",
        "整改建议",
        "备注",
    ]
    well = next(dict(zip(head, r, strict=True)) for r in rows if "W-04" in str(r[-1]))
    assert (
        well["企业名称"] == "红星厂"
        and well["所属行业"] == "C3360"
        and well["涉及工业活动"] == "液体储存"
        and "废水暂存池" in well["重点场所或者设施设备"]
    )
    assert well["排查负责人"] == "何敏、赵强" and str(well["排查时间"]) == "2026-11-12" and len(rows) == 3
    parts = zipfile.ZipFile(io.BytesIO(answer.content))
    assert {"xl/media/image1.jpeg", "xl/media/image2.jpeg"} <= set(parts.namelist())
    anchors = re.findall(
        r"<xdr:from><xdr:col>(\d+)</xdr:col>.*?<xdr:row>(\d+)</xdr:row>",
        parts.read("xl/drawings/drawing1.xml").decode(),
    )
    head, *rows = sheets["整改台账"]
    at = [r[1] for r in rows].index("W-06") + 1
    assert {(head[int(col)], int(row)) for col, row in anchors} >= {("现场图片", at), ("整改后现场图片", at)}
    (note,) = site.notes("document")
    assert note["by"] == site.made.people["wang"] and "台账" in str(note["detail"])


def test_the_file_holds_what_was_asked_for_and_says_so(site: Site) -> None:
    sheets = book(site.get("/findings.xlsx", state="late"))
    assert [r[1] for r in sheets["整改台账"][1:]] == ["W-03"] and "按单位" not in sheets
    about = {r[0]: r[1] for r in sheets["说明"]}
    assert about["筛选"] == "超期" and "未销号 1 条，其中超期 1 条" in about["整改台账"]
    english = book(site.get("/findings.xlsx", lang="en"))
    assert "Rectification" in english and "Hidden hazards" in english


def test_names_of_people_break_nothing(tmp_path: Path) -> None:
    evil = '=HYPERLINK("http://x")<script>alert(1)</script>&\u202e\'"'
    site = Site(tmp_path, firm=evil, text=evil, person=evil[:60])
    for path in (
        "/findings",
        f"/findings/{site.made.findings['W-06']}",
        "/inspections",
        f"/inspections/{site.made.checks['enforcement']}",
        "/findings/parties",
        "/findings/map",
    ):
        answer = site.get(path, at=site.made.findings["W-06"])
        assert answer.status_code == 200 and "<script>alert" not in answer.text, path
    assert evil in [
        p
        for m in [site.get("/findings/map.json", q="HYPERLINK").json()["problems"]]
        for x in m
        for t in x["t"]
        for p in t.split(" · ")
    ]
    head, *rows = book(site.get("/findings.xlsx"))["整改台账"]
    assert any(r[head.index("隐患点")].startswith("=HYPERLINK") for r in rows)
