"""What a party sees: its own findings and nothing else, tried from every side; and what becomes of what it reports."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from schemas.problems import Trouble
from schemas.records.photo import Photo
from schemas.rules import rectify
from sync_server.facts import load_facts
from sync_server.service import Service, Write
from tests.api.conftest import Device, Server
from tests.api.test_rights import Desk
from tests.ui.mine_seed import SECRET, Parties, jpeg, parties

NOBODY = "01a1fdb5-9be0-7000-8000-000000000001"


class Case:
    """The server with findings of two parties; somebody of each is signed in."""

    def __init__(self, folder: Path) -> None:
        self.server = s = Server(folder)
        s.service.grant(s.inspector, s.other, "inspector")
        site = s.new_id()
        s.service.write(
            None,
            [
                Write(
                    "site",
                    site,
                    f"{s.other}.field",
                    {"code": "别处", "name": "别处", "status": "idle", "division_code": "1"},
                )
            ],
        )
        self.p: Parties = parties(
            s.service, s.project, s.other, s.home, s.site, s.inspector, s.clock(), {s.other: site}
        )
        self.a, self.b = Desk(s, self.p.people["a"]), Desk(s, self.p.people["b"])
        self.base = f"/console/projects/{s.project}/mine"

    def at(self, finding: str) -> str:
        return f"{self.base}/{self.p.findings.get(finding, finding)}"

    def report(self, who: Desk, finding: str, *, files: Any = None, **form: Any) -> httpx.Response:
        data = {
            "id": self.server.new_id(),
            "measure_taken": "废液已转移，防渗层已修复。",
            "done": "true",
            "at": "",
            **form,
        }
        return who.call(
            "POST", self.at(finding), data={k: v for k, v in data.items() if v is not None}, files=files or {"x": b""}
        )

    def rows(self, type: str) -> list[Any]:
        return list(self.server.service.records(type, self.p.scope))


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    made = Case(tmp_path)
    yield made
    made.server.close()


def text(answer: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def number(answer: httpx.Response) -> int:
    found = re.search(r"问题 (\d{4})", answer.text)
    return int(found[1]) if found else answer.status_code


# --- what it sees ----------------------------------------------------------------------------------------------------


def test_its_own_findings_of_signed_inspections_with_all_it_needs(case: Case) -> None:
    seen = text(case.a.call("GET", case.base))
    assert "A101-WT01" in seen and "A101-WT02" in seen and "超期 3 天" in seen and "本单位的整改：红星电镀厂" in seen
    one = text(case.a.call("GET", case.at("a1")))
    for part in (
        "严重质量问题",
        "电镀废液桶倾倒",
        "土壤污染防治法第21条",
        "转移存放",
        "应当采取措施",
        "11-18",
        "问题下达",
    ):
        assert part in one
    assert "A101-WT03" in text(case.b.call("GET", case.base))
    assert case.a.call("GET", f"{case.at('a1')}/photos/{case.p.photos['a1']}").headers["content-type"] == "image/jpeg"


def test_nothing_of_a_person_a_statement_or_another_party_is_in_any_answer(case: Case) -> None:
    case.report(case.a, "a1")
    pages = [case.base, case.at("a1"), case.at("a2"), "/console/", "/console/me"]
    for path in pages:
        answer = case.a.call("GET", path)
        assert answer.status_code == 200 and SECRET not in answer.text, path
        hidden = [case.p.findings[k] for k in ("b1", "unsigned", "other")] + [
            v for k, v in case.p.photos.items() if k != "a1"
        ]
        hidden += [
            case.p.inspection,
            case.server.inspector,
            case.p.people["b"],
            case.p.orgs["b"],
            "宏泰",
            "WT03",
            "A102",
            "A103",
        ]
        assert [x for x in hidden if x in answer.text] == [], path
    photo = case.a.call("GET", f"{case.at('a1')}/photos/{case.p.photos['a1']}?size=1600")
    assert (
        SECRET not in str(photo.headers) and b"a1" not in photo.content
    )  # neither the name it was sent under nor what stands in the file
    assert Image.open(io.BytesIO(photo.content)).getexif() == {}


def test_what_is_not_its_own_is_answered_like_what_does_not_exist(case: Case) -> None:
    s = case.server
    there = f"/console/projects/{s.other}/mine"
    asked = [
        case.at("b1"), case.at("unsigned"), case.at("other"), case.at(case.p.inspection), case.at(NOBODY), case.at("%00"), case.at("x" * 300),
        there, f"{there}/{case.p.findings['other']}", f"/console/projects/{NOBODY}/mine", f"/console/projects/{NOBODY}/mine/{case.p.findings['a1']}",
    ]  # fmt: skip
    told = [case.a.call("GET", path) for path in asked]
    assert {(a.status_code, number(a), re.sub(r'href="[^"]*"|[0-9a-f-]{36}', "…", a.text)) for a in told} == {
        (404, 2004, re.sub(r'href="[^"]*"|[0-9a-f-]{36}', "…", told[4].text))
    }
    posts = [
        case.a.call("POST", path, data={"id": NOBODY, "measure_taken": "x", "done": "true"})
        for path in asked
        if path.count("/") > 4
    ]
    assert {number(a) for a in posts} == {2004}
    assert case.rows("corrective_action") == []


def test_photos_only_of_the_finding_asked_about_whatever_the_hash(case: Case) -> None:
    mine = case.p.photos["a1"]
    for finding in ("a1", "a2", "b1", "unsigned", "other", NOBODY):
        for name, sha in {**case.p.photos, "nothing": "0" * 64, "no hash": "zz"}.items():
            answer = case.a.call("GET", f"{case.at(finding)}/photos/{sha}")
            good = finding == "a1" and sha == mine
            assert (answer.status_code == 200) is good, (finding, name)
            if not good:
                assert number(answer) == (1309 if finding in ("a1", "a2") or name == "no hash" else 2004), (
                    finding,
                    name,
                )
    for path in (
        f"/console/projects/{case.p.project}/photos/{mine}",
        f"/console/projects/{case.p.project}/photos/{mine}/thumbnail",
    ):
        assert number(case.a.call("GET", path)) == 2004
    token = case.a.call(
        "POST", "/api/v1/auth/token", data={"username": case.a.person, "password": "long enough"}
    ).json()["access_token"]
    for sha in case.p.photos.values():
        for path in (f"/api/v1/blobs/{sha}", f"/api/v1/blobs/{sha}/thumbnail"):
            assert case.server.http.get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 404


def test_a_hash_that_somebody_elses_record_names_opens_nothing(case: Case) -> None:
    """A photo record about this finding that names a file sent for another scope: the file is not here for it."""
    s = case.server
    values = {"sha256": case.p.photos["other"], "step": "finding", "subject_kind": "finding", "subject_id": case.p.findings["a1"],
              "taken_at": s.service.now(), "source": "app_camera"}  # fmt: skip
    s.service.write(None, [Write("photo", s.new_id(), case.p.scope, values)])
    assert number(case.a.call("GET", f"{case.at('a1')}/photos/{case.p.photos['other']}")) == 1309
    assert "照片还没有传到" in text(case.a.call("GET", case.at("a1")))


def test_no_other_page_of_the_project_opens(case: Case) -> None:
    project = f"/console/projects/{case.p.project}"
    for path in ("", "/map", "/findings", f"/findings/{case.p.findings['a1']}", "/inspections", f"/inspections/{case.p.inspection}", "/tasks", "/tasks/import",
                 f"/records/finding/{case.p.findings['a1']}", "/records/person", "/members", "/log", "/exports", "/review"):  # fmt: skip
        answer = case.a.call("GET", project + path)
        assert (answer.status_code, number(answer)) == (404, 2004), path


@pytest.mark.parametrize("role", ["sampler", "inspector", "dispatcher", "project_manager", "administrator", "auditor"])
def test_whoever_is_no_party_there_sees_none_of_these_pages(case: Case, role: str) -> None:
    """Even of the very organisation, and even a manager: the pages are the party's."""
    s = case.server
    who = s.new_id()
    s.service.write(
        None, [Write("person", who, s.home, {"name": "王", "org_id": case.p.orgs["a"], "duties": ["sampler"]})]
    )
    s.service.grant(who, s.project, role)
    desk = Desk(s, who)
    for path in (case.base, case.at("a1"), f"{case.at('a1')}/photos/{case.p.photos['a1']}"):
        assert number(desk.call("GET", path)) == 2004
    assert number(case.report(desk, "a1")) == 2004


def test_the_role_counts_in_its_project_only_and_ends_with_it(case: Case) -> None:
    s = case.server
    s.service.grant(case.p.people["b"], s.other, "party")  # of another firm than the finding there
    assert number(case.b.call("GET", f"/console/projects/{s.other}/mine/{case.p.findings['other']}")) == 2004
    assert number(case.b.call("GET", case.at("a1"))) == 2004
    s.service.grant(case.p.people["a"], s.other, "party")
    assert "A103-WT01" in text(case.a.call("GET", f"/console/projects/{s.other}/mine"))
    assert (
        number(case.a.call("GET", f"{case.base}/{case.p.findings['other']}")) == 2004
    )  # its own, but of another project
    s.service.withdraw(case.p.people["a"], s.project, "party")
    assert number(case.a.call("GET", case.base)) == 2004
    assert number(case.report(case.a, "a1")) == 2004 and case.rows("corrective_action") == []


def test_who_changes_firms_takes_no_finding_along(case: Case) -> None:
    s = case.server
    moved = {"name": "刘工", "org_id": case.p.orgs["b"], "duties": ["recorder"]}
    s.service.write(None, [Write("person", case.p.people["a"], s.home, moved)])
    assert number(case.a.call("GET", case.at("a1"))) == 2004
    assert "WT03" in case.a.call("GET", case.base).text
    s.service.write(
        None, [Write("person", case.p.people["a"], s.home, {**moved, "deleted": True, "void_reason": "离职"})]
    )
    assert number(case.a.call("GET", case.base)) == 2004


def test_voided_ones_and_what_is_no_problem_are_not_shown(case: Case) -> None:
    s = case.server
    for name, more in (("a2", {"deleted": True, "void_reason": "记错"}), ("a1", {"severity": "none"})):
        row = next(r for r in case.rows("finding") if r.id == case.p.findings[name])
        with s.service.store.writing() as tx:
            tx.put([], [row._replace(values={**row.values, **more})])
        assert number(case.a.call("GET", case.at(name))) == 2004
    assert "没有要整改的问题" in case.a.call("GET", case.base).text


def test_a_refusal_to_sign_is_a_signed_inspection_and_a_hash_alone_is_none(case: Case) -> None:
    (row,) = [r for r in case.rows("inspection") if not r.values.get("signatures")]
    for signatures, number_ in (
        ([], 2004),
        (
            [
                {
                    "role": "inspected",
                    "name": "x",
                    "way": "refused",
                    "refuse_reason": "不在场",
                    "signed_at": "2026-11-12T10:00:00+08:00",
                }
            ],
            0,
        ),
    ):
        with case.server.service.store.writing() as tx:
            tx.put([], [row._replace(values={**row.values, "content_sha256": "0" * 64, "signatures": signatures})])
        answer = case.a.call("GET", case.at("unsigned"))
        assert (answer.status_code == 404, number(answer) if number_ else 0) == (bool(number_), number_)


# --- what it reports -------------------------------------------------------------------------------------------------


def test_a_report_with_a_photo_is_records_of_that_person(case: Case) -> None:
    s, data = case.server, jpeg("after")
    before = next(r for r in case.rows("photo") if r.values["sha256"] == case.p.photos["a1"])
    now = int(s.clock().timestamp() * 1000)
    meta = {
        "name": "shot-1.jpg",
        "over": before.id,
        "at": now - 60_000,
        "lon": 119.4521,
        "lat": 32.2089,
        "acc": 4.2,
        "fix_at": now - 61_000,
        "heading": 47.6,
    }
    answer = case.report(
        case.a, "a1", cost_yuan="1200", meta=json.dumps(meta), files=[("shots", ("shot-1.jpg", data, "image/jpeg")), ("photos", ("b.jpg", jpeg("far"), "image/jpeg"))],
    )  # fmt: skip
    assert answer.status_code == 303 and answer.headers["location"].endswith("?said=reported")
    (action,) = case.rows("corrective_action")
    assert action.values == {
        "finding_id": case.p.findings["a1"], "measure_taken": "废液已转移，防渗层已修复。", "cost_yuan": "1200", "done": True, "reported_by": "刘工",
        "at": action.values["at"],
    }  # fmt: skip
    photos = {p.values["sha256"]: p.values for p in case.rows("photo") if p.values["step"] == "rectified"}
    live, other = photos[sha256(data).hexdigest()], photos[sha256(jpeg("far")).hexdigest()]
    assert len(photos) == 2 and {p["subject_id"] for p in photos.values()} == {action.id}
    assert (live["ghost_of"], live["source"], live["bearing_deg"], live["position"]["fix_kind"]) == (
        before.id,
        "app_camera",
        "48",
        "single",
    )
    assert datetime.fromisoformat(live["taken_at"]) == s.clock() - timedelta(seconds=60)
    assert (other["source"], other.get("position"), other.get("ghost_of")) == ("file_import", None, None)
    lines = s.sql("SELECT by, about, owner, detail FROM audit WHERE action='party_report'")
    assert (
        lines == [(case.a.person, action.id, s.project, lines[0][3])]
        and json.loads(lines[0][3])["record"] == case.p.findings["a1"]
    )
    assert SECRET not in str(lines) and "废液" not in str(lines)
    ((line,),) = s.sql("SELECT line FROM journal WHERE record=?", action.id)
    assert json.loads(bytes(line))["by"] == case.a.person
    shown = text(case.a.call("GET", answer.headers["location"]))
    assert (
        "已收到，检查人员会看到" in shown
        and "申报整改完成" in shown
        and "由你申报" in shown
        and "投入 1200 元" in shown
    )
    for sha in photos:
        assert case.a.call("GET", f"{case.at('a1')}/photos/{sha}").status_code == 200
        assert number(case.b.call("GET", f"{case.at('b1')}/photos/{sha}")) == 1309
    assert "刘工" not in text(case.a.call("GET", case.at("a1"))).split("要整改什么")[1]
    facts = load_facts(s.service, s.project, s.clock())
    assert [p.id for p in facts.photos_of(action.id) if isinstance(p, Photo)]
    one = s.service.own_finding(case.a.person, s.project, case.p.findings["a1"])
    assert (one.state, one.may_report) == ("reported", True)


def test_a_colleague_of_the_same_firm_sees_the_report_without_a_name(case: Case) -> None:
    s = case.server
    case.report(case.a, "a1", done="false")
    who = s.new_id()
    s.service.write(
        None, [Write("person", who, s.home, {"name": "陈", "org_id": case.p.orgs["a"], "duties": ["recorder"]})]
    )
    s.service.grant(who, s.project, "party")
    seen = text(Desk(s, who).call("GET", case.at("a1")))
    assert "废液已转移" in seen and "刘工" not in seen and "由你申报" not in seen


def test_a_report_sent_twice_is_one_and_an_id_of_another_record_is_none(case: Case) -> None:
    id, files = case.server.new_id(), [("photos", ("a.jpg", jpeg("one"), "image/jpeg"))]
    first, second = (case.report(case.a, "a1", id=id, files=files) for _ in range(2))
    assert first.headers["location"].endswith("said=reported") and second.headers["location"].endswith("said=again")
    assert (
        len(case.rows("corrective_action")) == 1
        and sum(p.values["step"] == "rectified" for p in case.rows("photo")) == 1
    )
    assert number(case.report(case.a, "a2", id=id)) == 2004  # of another finding
    assert number(case.report(case.b, "b1", id=id)) == 2004
    assert number(case.report(case.a, "a1", id=case.p.inspection)) == 2004
    assert number(case.report(case.a, "a1", id="not an id")) == 1001
    assert len(case.rows("corrective_action")) == 1


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"measure_taken": ""}, "整改情况"), ({"measure_taken": "   "}, "整改情况"), ({"done": ""}, "选一个"), ({"at": "昨天"}, "日期和时间写成"),
        ({"at": "2027-01-01T10:00"}, "晚于现在"), ({"at": "2026-11-11T10:00"}, "早于问题下达日"), ({"cost_yuan": "-5"}, "整改投入"),
        ({"cost_yuan": "很多"}, "整改投入"), ({"at": "2026-02-31T10:00"}, "日期和时间写成"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_report_is_said_and_what_was_typed_stays(
    case: Case, form: dict[str, str], said: str
) -> None:
    answer = case.report(case.a, "a1", **{"measure_taken": "已经处理", **form})
    assert answer.status_code == 422 and said in text(answer)
    if form.get("measure_taken") is None:
        assert "已经处理</textarea>" in answer.text
    assert case.rows("corrective_action") == []


def test_photos_are_checked_as_every_upload_is(case: Case) -> None:
    s, good = case.server, ("photos", ("a.jpg", jpeg("good"), "image/jpeg"))
    heic = b"\x00\x00\x00\x18ftypheic" + bytes(64)
    bad = [
        (("a.jpg", jpeg("x")[:-30], "image/jpeg"), 422), (("a.jpg", b"<script>", "image/jpeg"), 422), (("a.txt", b"hello", "text/plain"), 422),
        (("a.pdf", b"%PDF-1.4 x", "image/jpeg"), 422), (("a.heic", heic, "image/heic"), 422), (("a.jpg", b"", "image/jpeg"), 422),
    ]  # fmt: skip
    for file, status in bad:
        answer = case.report(case.a, "a1", files=[good, ("photos", file)])
        assert answer.status_code == status and "文件没有收下" in text(answer), file[0]
    assert case.rows("corrective_action") == []  # all or none
    many = [("photos", (f"{n}.jpg", jpeg(str(n), 40, 30), "image/jpeg")) for n in range(7)]
    assert number(case.report(case.a, "a1", files=many)) == 422 and "一次最多 6 张" in text(
        case.report(case.a, "a1", files=many)
    )
    assert s.sql("SELECT count(*) FROM upload") == [(0,)]  # nothing lies half-way
    assert case.report(case.a, "a1", files=[good, good]).status_code == 303
    assert sum(p.values["step"] == "rectified" for p in case.rows("photo")) == 1  # the same picture twice is one


def test_what_the_page_told_of_a_photo_is_a_claim_within_bounds(case: Case) -> None:
    s = case.server
    now = int(s.clock().timestamp() * 1000)
    b1 = next(r.id for r in case.rows("photo") if r.values["sha256"] == case.p.photos["b1"])
    for meta in (
        {"over": b1, "at": now + 3_600_000},
        {"at": 0, "lon": 400, "lat": 32, "acc": 1, "fix_at": now},
        {"lon": 119, "lat": 32},
        {"heading": "x", "at": True},
        [],
        "x",
    ):
        told = json.dumps({**meta, "name": "s.jpg"} if isinstance(meta, dict) else meta)
        assert (
            case.report(case.a, "a1", meta=told, files=[("shots", ("s.jpg", jpeg(told), "image/jpeg"))]).status_code
            == 303
        )
    photos = [p.values for p in case.rows("photo") if p.values["step"] == "rectified"]
    assert len(photos) == 6 and {p["taken_at"] for p in photos} == {
        s.clock().astimezone().isoformat(timespec="seconds") for _ in (1,)
    } | {p["taken_at"] for p in photos}
    assert all(datetime.fromisoformat(p["taken_at"]) == s.clock() for p in photos)
    assert not any(k in p for p in photos for k in ("ghost_of", "position", "bearing_deg"))


def test_a_file_says_when_and_where_it_was_taken(case: Case) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x9003: "2026:11:20 15:04:05", 0x9011: "+08:00"})
    exif.get_ifd(0x8825).update({1: "N", 2: (32.0, 12.0, 30.0), 3: "E", 4: (119.0, 27.0, 6.0)})
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "grey").save(out, "JPEG", exif=exif)
    assert case.report(case.a, "a1", files=[("photos", ("手机.jpg", out.getvalue(), "image/jpeg"))]).status_code == 303
    (photo,) = [p.values for p in case.rows("photo") if p.values["step"] == "rectified"]
    assert photo["taken_at"] == photo["file_taken_at"] == "2026-11-20T15:04:05+08:00"
    assert photo["file_position"]["lat"].startswith("32.2083") and "position" not in photo
    assert photo["source"] == "file_import" and photo["source_reason"]


def recheck(case: Case, finding: str, result: str, officers: list[str], minutes: float = 0, **more: Any) -> str:
    s, id = case.server, case.server.new_id()
    at = (s.clock() + timedelta(minutes=minutes)).isoformat(timespec="seconds")
    values = {
        "finding_id": case.p.findings[finding], "at": at, "result": result, "opinion": f"{SECRET}意见",
        "officers": [{"person_id": o, "name": f"{SECRET}{n}", "duty": "inspector"} for n, o in enumerate(officers)],
        "signatures": [{"role": "inspector", "person_id": o, "name": f"{SECRET}{n}", "way": "signed", "strokes": "M0 0", "signed_at": at} for n, o in enumerate(officers)], **more,
    }  # fmt: skip
    s.service.write(None, [Write("recheck", id, case.p.scope, values)])
    return id


def test_the_whole_course_back_and_forth_until_it_is_closed(case: Case) -> None:
    s = case.server
    assert case.report(case.a, "a1").status_code == 303
    s.clock.turn(minutes=5)
    recheck(case, "a1", "keep", [s.inspector], next_deadline="2026-12-01")
    s.clock.turn(minutes=5)
    seen = text(case.a.call("GET", case.at("a1")))
    assert (
        "复查：继续整改" in seen
        and "新期限 12-01" in seen
        and "复查没有通过" in seen
        and "还有 10 天" in seen
        and SECRET not in seen
    )
    assert case.report(case.a, "a1", measure_taken="又修了一遍。").status_code == 303
    s.clock.turn(minutes=5)
    recheck(case, "a1", "closed", [s.inspector])
    assert "还要第二名检查人员确认" in text(case.a.call("GET", case.at("a1")))
    recheck(case, "a1", "closed", [s.pm], 1)
    s.clock.turn(minutes=5)
    seen = text(case.a.call("GET", case.at("a1")))
    assert "已销号，不用再申报" in seen and "交给检查单位" not in seen and SECRET not in seen
    assert s.service.own_finding(case.a.person, s.project, case.p.findings["a1"]).state == "closed"
    assert "1 个未了结 · 1 个已了结" in text(case.a.call("GET", case.base))


def test_what_is_over_takes_no_report(case: Case) -> None:
    s = case.server
    recheck(case, "a1", "closed", [s.inspector, s.pm])
    s.clock.turn(minutes=1)
    answer = case.report(case.a, "a1", files=[("photos", ("a.jpg", jpeg("late"), "image/jpeg"))])
    assert answer.status_code == 409 and "已经了结" in text(answer) and case.rows("corrective_action") == []
    assert s.sql("SELECT count(*) FROM blob WHERE sha256=?", sha256(jpeg("late")).hexdigest()) == [(0,)]


def test_what_became_of_it_meanwhile_counts_not_what_was_when_the_upload_began(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role is taken, or the finding closed, while the photos are being sent."""
    s, kept = case.server, Service._party_upload
    meanwhile = [
        lambda: recheck(case, "a1", "closed", [s.inspector, s.pm]),
        lambda: s.service.withdraw(case.a.person, s.project, "party"),
    ]
    for wanted, act in zip((6450, 2004), meanwhile, strict=True):

        def upload(self: Service, *given: Any, act: Any = act) -> Any:
            act()
            return kept(self, *given)

        monkeypatch.setattr(Service, "_party_upload", upload)
        with pytest.raises(Trouble) as err:
            s.service.report_rectified(case.a.person, s.project, case.p.findings["a1" if wanted == 6450 else "a2"], s.new_id(),
                {"at": s.service.now(), "measure_taken": "x", "done": True}, [_given(jpeg(str(wanted)))])  # fmt: skip
        assert err.value.problem.number == wanted
    assert case.rows("corrective_action") == []


def _given(data: bytes) -> Any:
    from sync_server.service.rectifying import Given

    return Given(io.BytesIO(data), "a.jpg")


def test_the_role_itself_still_writes_nothing_there(case: Case) -> None:
    """From a tablet of the party an action waits for a right, as before: only these pages take it."""
    s = case.server
    device = Device(s, case.a.person)
    line = device.change(
        "corrective_action",
        {
            "finding_id": case.p.findings["b1"],
            "at": s.service.now(),
            "measure_taken": "x",
            "done": True,
            "reported_by": "x",
        },
        scope=case.p.scope,
    )
    answer = device.push([line], case.p.scope)
    assert answer.status_code == 200 and answer.json()["details"][0]["problem"] == 3003
    assert case.rows("corrective_action") == []
    assert device.pull(case.p.scope).status_code == 404


def test_camera_and_place_are_allowed_on_that_page_only(case: Case) -> None:
    for path, allowed in ((case.at("a1"), True), (case.base, False), ("/console/", False), (case.at("b1"), False)):
        policy = case.a.call("GET", path).headers["permissions-policy"]
        assert ("camera=(self)" in policy and "geolocation=(self)" in policy) is allowed, path
        assert "microphone=()" in policy
    assert "script-src" not in case.a.call("GET", case.at("a1")).headers["content-security-policy"]


def test_the_start_page_and_the_menu_lead_there(case: Case) -> None:
    assert f'href="{case.base}"' in case.a.call("GET", "/console/").text
    assert f'href="{case.base}"' in case.a.call("GET", "/console/me").text
    assert "/mine" not in Desk(case.server, case.server.inspector).call("GET", "/console/").text


def test_too_much_is_refused_before_it_is_read(case: Case) -> None:
    headers = {"content-length": str(130_000_000), "content-type": "multipart/form-data; boundary=x"}
    with httpx.Client(transport=case.server.transport, base_url="http://sim") as client:
        answer = client.post(
            case.at("a1"),
            content=b"--x--",
            headers={"Sec-Fetch-Site": "same-origin", "Cookie": case.a.cookie, **headers},
        )
    assert answer.status_code == 413 and "文件" in text(answer)


def test_a_photo_as_large_as_phones_make_them_comes_in(case: Case) -> None:
    """Any other post of a page is at most a megabyte."""
    noise = Image.frombytes("RGB", (1200, 900), random.Random(1).randbytes(1200 * 900 * 3))
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=95)
    assert out.tell() > 1_200_000
    assert case.report(case.a, "a1", files=[("photos", ("groß.jpg", out.getvalue(), "image/jpeg"))]).status_code == 303
    (photo,) = [p.values for p in case.rows("photo") if p.values["step"] == "rectified"]
    assert photo["bytes"] == out.tell()


def test_states_agree_with_the_rules(case: Case) -> None:
    mine = case.server.service.own_findings(case.a.person, case.p.project)
    assert [(f.code[-4:], f.state, f.late, f.age) for f in mine.findings] == [
        ("WT01", "issued", 3, 9),
        ("WT02", "issued", 0, 9),
    ]
    assert mine.org == "红星电镀厂" and {f.state for f in mine.findings} <= {"issued", *rectify.OVER}
