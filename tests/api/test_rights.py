"""Rights that change between recording and handing in: nothing is lost, nothing slips in, and everybody is told."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from schemas import change
from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.rules.checklists import model
from schemas.wire import SeenHead
from sync_server.service import Caller, Write
from tests.api.conftest import AT, Device, Server, Values, details, outcomes, problem, receipt, told
from tests.api.onsite_scene import checklist

PASSWORD = "long enough"
MARKS = ("decision", "waiting", "audit", "seen_row")


class Desk:
    """Somebody at the console."""

    def __init__(self, server: Server, person: str) -> None:
        self.server, self.person, self.page = server, person, f"/console/projects/{server.project}/waiting"
        server.auth.add_account(person, person, PASSWORD)
        sent = {"username": person, "password": PASSWORD}
        answer = self.call("POST", "/console/login", data=sent)
        self.cookie = answer.headers["set-cookie"].partition(";")[0]

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Sec-Fetch-Site": "same-origin", "Cookie": getattr(self, "cookie", "")}
        with httpx.Client(transport=self.server.transport, base_url="http://sim", headers=headers) as client:
            return client.request(method, path, **more)

    def decide(self, ids: list[str], decision: str = "accept", reason: str = "已电话核实") -> str:
        """ "accept 1 applied", or the number of the problem."""
        form = {"id": ids, "decision": decision, "reason": reason}
        return self._said(self.call("POST", f"{self.page}/parked", data=form))

    def settle(self, ids: list[str], decision: str, reason: str = "备份之后写的", scope: str | None = None) -> str:
        form = {"id": ids, "decision": decision, "reason": reason, "scope": scope or self.server.field}
        return self._said(self.call("POST", f"{self.page}/lost", data=form))

    def _said(self, answer: httpx.Response) -> str:
        if answer.status_code == 303:
            query = httpx.URL(answer.headers["location"]).params
            assert self.call("GET", answer.headers["location"]).status_code == 200
            return " ".join([query["said"], *(f"{v} {k}" for k, v in sorted(query.items()) if k != "said")])
        found = re.search(r"问题 (\d{4})", answer.text)
        told = re.search(r'role="alert".*?<b>(.*?)</b>', answer.text, re.S)
        assert found or told, answer.text
        return found[1] if found else f"{answer.status_code} {told[1]}" if told else ""


@pytest.fixture
def desk(server: Server) -> Desk:
    return Desk(server, server.pm)


def everything(server: Server) -> list[Any]:
    return [*server.state(), *(server.sql(f'SELECT * FROM "{t}" ORDER BY 1,2') for t in MARKS)]


def parked(answer: httpx.Response, number: int) -> list[str]:
    """All of it waits for this reason, told in both languages. The ids."""
    found = details(answer)
    assert set(outcomes(answer)) == {"parked"}
    assert [d["problem"] for d in found] == [number] * len(found) and all(d["zh"] and d["en"] for d in found)
    return [d["id"] for d in found]


def now(device: Device, ids: list[str], scope: str | None = None) -> list[tuple[str, int | None]]:
    """What the device is told when it asks again."""
    return [(o["outcome"], o.get("problem")) for o in device.outcomes(ids, scope).json()]


def row(server: Server, record: str, type: str = "point", scope: str | None = None) -> Values | None:
    return next((s.values for s in server.service.records(type, scope or server.field) if s.id == record), None)


def scopes(server: Server, device: Device) -> dict[str, set[str]]:
    """Scope → roles, as /me tells the tablet."""
    answer = server.http.get("/api/v1/me", headers=device.auth)
    return {s["scope"]: set(s["roles"]) for s in answer.json()["scopes"]}


# --- a device is revoked ---------------------------------------------------------------------------------------------


def test_accepted_it_goes_in_as_it_was_written(server: Server, device: Device, desk: Desk) -> None:
    record = server.new_id()
    lines = [
        device.change("point", server.point(), record),
        device.change("point", {"wind": "东"}, record, {"wind": "北"}),
    ]
    server.service.revoke(device.enrolment, server.pm)
    ids = parked(device.push(lines), 3009)
    assert row(server, record) is None and now(device, ids) == [("parked", 3009)] * 2
    assert desk.decide(ids) == "accept 2 applied"
    assert now(device, ids) == [("applied", None)] * 2
    found = row(server, record)
    assert found is not None and found["wind"] == "东"
    kept = server.sql("SELECT line, proof FROM journal WHERE record=? ORDER BY n", record)
    assert kept == [(line, "proven") for line in lines]  # the author's own bytes, not written anew by the manager
    assert {change.decode(line).by for line, _ in kept} == {server.sampler}
    other = Device(server, server.inspector)
    assert any(json.loads(r)["id"] == record for r in other.pull().text.split("\n")[1:])
    assert server.sql("SELECT DISTINCT accepted, by, reason FROM decision") == [(1, server.pm, "已电话核实")]
    assert server.sql("SELECT by, about FROM audit WHERE action='accept' ORDER BY n") == [(server.pm, i) for i in ids]
    problem(device.pull(), 2005)  # what it handed in was accepted, the device was not


def test_declined_the_device_is_told_and_nothing_is_lost(server: Server, device: Device, desk: Desk) -> None:
    record = server.new_id()
    server.service.revoke(device.enrolment)
    line = device.change("point", server.point(code="S77"), record)
    ids = parked(device.push([line]), 3009)
    assert desk.decide(ids, "decline", "点位是编的 {x} <b>") == "decline 1 rejected"
    (told,) = device.outcomes(ids).json()
    assert (told["outcome"], told["problem"]) == ("rejected", 3008)
    assert all("点位是编的 {x} <b>" in told[lang] for lang in ("zh", "en"))
    assert "项目经理没有采纳" in told["zh"] and "Declined by the project manager" in told["en"]
    assert row(server, record) is None
    with server.service.store.reading() as tx:
        (kept,) = tx.history(record)
    assert kept.line == line and change.decode(kept.line).after["code"] == "S77"
    assert server.sql("SELECT count(*) FROM waiting") == [(0,)]
    server.service.reinstate(device.enrolment)
    assert now(device, ids) == [("rejected", 3008)]  # a decision stands


def test_reinstated_it_goes_in_by_itself(server: Server, device: Device, desk: Desk) -> None:
    record = server.new_id()
    server.service.revoke(device.enrolment)
    first = parked(device.push([device.change("point", server.point(), record)]), 3009)
    second = parked(device.push([device.change("point", {"wind": "南"}, record, {"wind": "北"})]), 3009)
    refused = parked(device.push([device.change("point", server.point(weather="no such"))]), 3009)
    server.service.reinstate(device.enrolment, server.pm)
    assert now(device, first + second) == [("applied", None)] * 2
    assert now(device, refused) == [("rejected", 3001)]  # it was never right
    found = row(server, record)
    assert found is not None and found["wind"] == "南"
    assert device.pull().status_code == 200
    assert desk.decide(first).startswith("404")  # nothing is left to decide


def test_what_was_handed_in_before_needs_nobodys_decision(server: Server, device: Device, desk: Desk) -> None:
    """It waits for a record when the device is revoked: it is not late, and nobody is told that it were."""
    site, record = server.new_id(), server.new_id()
    early = parked(device.push([device.change("point", server.point(site_id=site), record)]), 3101)
    server.service.revoke(device.enrolment)
    late = parked(device.push([device.change("point", server.point(code="late"))]), 3009)
    assert desk.decide(late) == "accept 1 applied"  # everything that waits is looked at again
    assert now(device, early) == [("parked", 3101)]
    server.service.write(
        server.pm, [Write("site", site, server.field, {"code": "S2", "name": "二号", "status": "idle"})]
    )
    assert now(device, early) == [("applied", None)] and row(server, record) is not None


def test_a_type_of_a_newer_app_from_a_revoked_device_waits_for_both(server: Server, device: Device, desk: Desk) -> None:
    """After the server's update it must not slip in undecided."""
    server.service.revoke(device.enrolment)
    ids = parked(device.push([device.change("later", {"x": "1"})]), 3102)
    waits = "SELECT missing FROM waiting WHERE id=? ORDER BY missing"
    assert server.sql(waits, ids[0]) == [(f"device:{device.enrolment}",), ("type:later",)]
    assert desk.decide(ids) == "accept 1 parked"
    assert server.sql(waits, ids[0]) == [("type:later",)]


def test_later_edits_of_a_declined_record_are_told_so(server: Server, device: Device, desk: Desk) -> None:
    """Nobody is asked to decide about what has nothing to change."""
    record = server.new_id()
    server.service.revoke(device.enrolment)
    create = parked(device.push([device.change("point", server.point(), record)]), 3009)
    behind = parked(device.push([device.change("point", {"wind": "东"}, record, {"wind": "北"})]), 3009)
    assert desk.decide(create, "decline") == "decline 1 rejected"
    assert now(device, create + behind) == [("rejected", 3008), ("rejected", 3007)]
    answer = device.push([device.change("point", {"wind": "西"}, record, {"wind": "东"})])
    assert outcomes(answer) == ["rejected"] and [d["problem"] for d in details(answer)] == [3007]
    assert all(details(answer)[0][lang] for lang in ("zh", "en"))
    # made anew, and changed: that is for the manager again, and goes in whole
    again = parked(device.push([device.change("point", server.point(code="S2"), record)]), 3009)
    edit = parked(device.push([device.change("point", {"wind": "西"}, record, {"wind": "北"})]), 3009)
    assert desk.decide([*edit, *again]) == "accept 2 applied"
    found = row(server, record)
    assert found is not None and (found["code"], found["wind"]) == ("S2", "西")


# --- a person leaves, or changes role --------------------------------------------------------------------------------


def test_who_left_the_project_hands_in_what_was_recorded_before(server: Server, desk: Desk) -> None:
    device, record, other = Device(server, server.former), server.new_id(), server.new_id()
    lines = [device.change("point", server.point(), record), device.change("point", server.point(code="S2"), other)]
    server.service.withdraw(server.former, server.project, "sampler", server.pm)
    ids = parked(device.push(lines), 3003)
    assert scopes(server, device) == {} and device.pull().status_code == 404
    assert desk.decide(ids[:1]) == "accept 1 applied" and desk.decide(ids[1:], "decline") == "decline 1 rejected"
    assert now(device, ids) == [("applied", None), ("rejected", 3008)]
    assert row(server, record) == server.point() and row(server, other) is None
    assert server.sql("SELECT line FROM journal WHERE record=?", record) == [(lines[0],)]
    # one decision is about one change: the right is still missing
    parked(device.push([device.change("point", {"wind": "东"}, record, {"wind": "北"})]), 3003)
    server.service.grant(server.former, server.project, "sampler")
    found = row(server, record)
    assert found is not None and found["wind"] == "东"


def test_withdrawing_a_role_never_held_makes_nobody_a_member(server: Server) -> None:
    device = Device(server, server.stranger)
    server.service.withdraw(server.stranger, server.project, "sampler")
    problem(device.push([device.change("point", server.point())]), 2004)


def test_a_sampler_becomes_an_inspector(server: Server, device: Device, desk: Desk) -> None:
    before = device.change("point", server.point())
    server.service.grant(server.sampler, server.project, "inspector")
    server.service.withdraw(server.sampler, server.project, "sampler")
    ids = parked(device.push([before]), 3003)
    assert device.pull().status_code == 200  # an inspector reads on
    values = {"code": "J1", "kind": "patrol", "site_id": server.site, "org_id": server.org, "started_at": AT,
              "officers": [{"person_id": server.sampler, "name": "甲", "duty": "inspector"}]}  # fmt: skip
    new = device.change("inspection", values, scope=server.enforcement)
    assert outcomes(device.push([new], server.enforcement)) == ["applied"]
    assert desk.decide(ids) == "accept 1 applied" and now(device, ids) == [("applied", None)]


def test_an_inspector_becomes_an_auditor(server: Server, desk: Desk) -> None:
    device, scope = Device(server, server.inspector), server.enforcement
    values = {"code": "J1", "kind": "patrol", "site_id": server.site, "org_id": server.org, "started_at": AT,
              "officers": [{"person_id": server.inspector, "name": "甲", "duty": "inspector"}]}  # fmt: skip
    record = server.new_id()
    line = device.change("inspection", values, record, scope=scope)
    server.service.grant(server.inspector, server.project, "auditor")
    server.service.withdraw(server.inspector, server.project, "inspector")
    ids = parked(device.push([line], scope), 3003)
    assert device.pull(scope).status_code == 200
    assert desk.decide(ids, "decline") == "decline 1 rejected"
    assert now(device, ids, scope) == [("rejected", 3008)] and row(server, record, "inspection", scope) is None


def test_a_scope_granted_on_the_way_appears(server: Server, device: Device) -> None:
    assert server.enforcement not in scopes(server, device) and device.pull(server.enforcement).status_code == 404
    server.service.grant(server.sampler, server.project, "inspector")
    assert scopes(server, device)[server.enforcement] == {"sampler", "inspector"}
    assert device.pull(server.enforcement).status_code == 200
    server.service.withdraw(server.sampler, server.project, "inspector")
    assert server.enforcement not in scopes(server, device)
    problem(device.pull(server.enforcement), 2004)


# --- who decides -----------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(server: Server, device: Device) -> list[str]:
    server.service.revoke(device.enrolment)
    return parked(device.push([device.change("point", server.point())]), 3009)


@pytest.mark.parametrize("decision", ["accept", "decline"])
def test_only_a_manager_decides(server: Server, waiting: list[str], decision: str) -> None:
    auditor, party = server.new_id(), server.new_id()
    for person, role in ((auditor, "auditor"), (party, "party")):
        server.service.grant(person, server.project, role)
    desks = {who: Desk(server, who) for who in (server.sampler, server.inspector, auditor, party, server.stranger)}
    before = everything(server)
    said = [desk.decide(waiting, decision) for desk in desks.values()]
    assert said == ["2003", "2003", "2003", "2004", "2004"]
    for who, number in zip(desks, (2003, 2003, 2003, 2004, 2004), strict=True):  # whichever way it comes
        with pytest.raises(Trouble) as told:
            server.service.decide_parked(who, waiting, decision == "accept", "看过")
        assert told.value.problem.number == number
    assert everything(server) == before


def test_an_administrator_decides_everywhere(server: Server, waiting: list[str]) -> None:
    server.service.grant(server.stranger, server.org, "administrator")
    assert Desk(server, server.stranger).decide(waiting) == "accept 1 applied"


def test_a_decision_needs_a_reason_and_something_to_decide(server: Server, waiting: list[str], desk: Desk) -> None:
    before = everything(server)
    assert "请写明理由" in desk.decide(waiting, reason="  ")
    assert "请先勾选" in desk.decide([])
    assert "没有决定" in desk.decide([*waiting, server.new_id()])
    assert desk.decide(waiting, "bogus") == "1001"
    assert everything(server) == before


def test_decided_twice(server: Server, desk: Desk, device: Device) -> None:
    """The second of two managers is told, and changes nothing; while it still waits one may think better of it."""
    server.service.revoke(device.enrolment)
    site = server.new_id()
    ids = parked(device.push([device.change("point", server.point()), device.change("point", server.point(site_id=site))]), 3009)  # fmt: skip
    assert desk.decide(ids) == "accept 1 applied 1 parked"
    before = everything(server)
    for decision in ("accept", "decline"):
        assert desk.decide(ids[:1], decision).startswith("404")
    assert desk.decide(ids[1:]) == "accept 1 parked"  # said already: nothing new
    assert everything(server) == before
    assert desk.decide(ids[1:], "decline", "地块不存在") == "decline 1 rejected"
    assert now(device, ids) == [("applied", None), ("rejected", 3008)]
    assert [a for (a,) in server.sql("SELECT action FROM audit WHERE about=? ORDER BY n", ids[1])] == [
        "accept",
        "decline",
    ]
    values = {"code": "S2", "name": "二号", "status": "idle"}
    server.service.write(server.pm, [Write("site", site, server.field, values)])
    assert now(device, ids[1:]) == [("rejected", 3008)]  # what it waited for comes too late
    assert desk.decide(ids[1:]).startswith("404")


def test_of_two_projects_at_once_all_or_nothing(server: Server, desk: Desk, waiting: list[str]) -> None:
    elsewhere = f"{server.other}.field"
    server.service.grant(server.former, server.other, "sampler")
    device = Device(server, server.former)
    line = device.change("point", server.point(), scope=elsewhere)
    server.service.withdraw(server.former, server.other, "sampler")
    ids = [*waiting, *parked(device.push([line], elsewhere), 3003)]
    before = everything(server)
    for order in (ids, ids[::-1]):
        assert "没有决定" in desk.decide(order)  # he may not even know of the other project
    assert everything(server) == before
    server.service.grant(server.pm, server.other, "sampler")
    before = everything(server)
    for order in (ids, ids[::-1]):
        assert desk.decide(order) == "2003"  # he sees it, and decides nothing there
    assert everything(server) == before
    server.service.grant(server.pm, server.other, "project_manager")
    done = server.service.decide_parked(server.pm, ids, False, "都不要")
    assert [done[i] for i in ids] == ["rejected", "rejected"]


def test_the_organisations_scope_is_the_administrators(server: Server, desk: Desk) -> None:
    device = Device(server, server.inspector)
    values = {"code": "I1", "kind": "pid", "model": "M", "serial_no": "1", "org_id": server.org}
    record = server.new_id()
    ids = parked(device.push([device.change("instrument", values, record, scope=server.home)], server.home), 3003)
    before = everything(server)
    assert desk.decide(ids) == "2003" and everything(server) == before
    html = desk.call("GET", desk.page).text
    assert "由管理员决定" in html and f'value="{ids[0]}"' not in html  # he sees that it waits, and for whom
    server.service.grant(server.stranger, server.org, "administrator")
    admin = Desk(server, server.stranger)
    assert f'value="{ids[0]}"' in admin.call("GET", admin.page).text
    assert admin.decide(ids) == "accept 1 applied"
    assert row(server, record, "instrument", server.home) == values


def test_accepted_it_still_waits_for_what_it_refers_to(server: Server, desk: Desk, device: Device) -> None:
    """The right stays missing; the decision is remembered until the reference comes."""
    late, site, record = Device(server, server.former), server.new_id(), server.new_id()
    line = late.change("point", server.point(site_id=site), record)
    server.service.withdraw(server.former, server.project, "sampler")
    ids = parked(late.push([line]), 3003)
    assert desk.decide(ids) == "accept 1 parked"
    assert now(late, ids) == [("parked", 3101)] and row(server, record) is None
    page = desk.call("GET", desk.page).text
    assert "已采纳" in page and "已电话核实" in page
    server.service.write(
        server.pm, [Write("site", site, server.field, {"code": "S2", "name": "二号", "status": "idle"})]
    )
    assert now(late, ids) == [("applied", None)]
    found = row(server, record)
    assert found is not None and found["site_id"] == site
    assert server.sql("SELECT role FROM membership WHERE person=?", server.former) == [("former",)]


def test_a_conflict_is_decided_by_who_may_and_hidden_from_who_may_not_look(server: Server, device: Device) -> None:
    other, record = Device(server, server.sampler), server.new_id()
    device.push([device.change("point", server.point(), record)])
    other.push([other.change("point", {"wind": "南"}, record, {"wind": "北"})])
    device.push([device.change("point", {"wind": "东"}, record, {"wind": "北"})])
    (conflict,) = server.service.records("conflict", server.field)
    server.service.grant(server.former, server.org, "administrator")
    for person, id, number in (
        (server.stranger, conflict.id, 2004), (server.stranger, server.new_id(), 2004), (server.pm, record, 2004),
        (server.sampler, conflict.id, 2003), (server.inspector, conflict.id, 2003),
    ):  # fmt: skip
        with pytest.raises(Trouble) as told:
            server.service.resolve(person, id, "keep_now", "看过")
        assert told.value.problem.number == number
    server.service.resolve(server.former, conflict.id, "take_after", "看过")
    found = row(server, record)
    assert found is not None and found["wind"] == "东"


# --- what a restore lost ---------------------------------------------------------------------------------------------


@pytest.fixture
def lost(server: Server, device: Device) -> tuple[str, str, str]:
    """A point, its sample, and a record of a type of a newer server, as a tablet had pulled them before the restore."""
    sample, point, strange = (server.new_id() for _ in range(3))  # by its id the sample would come first
    taken = {"code": "HX-1", "kind": "ordinary", "medium": "soil", "point_id": point, "collected_at": AT, "batch": "B1",
             "depth_top_m": "0", "depth_bottom_m": "0.5", "groups": ["metal"], "collected_by": [server.sampler]}  # fmt: skip
    rows = [
        evidence.row_line("sample", sample, 7, taken), evidence.row_line("point", point, 9, server.point()),
        evidence.row_line("later", strange, 8, {"code": "?"}),
    ]  # fmt: skip
    body = b"\n".join([SeenHead(epoch="before").model_dump_json().encode(), *rows])
    answer = server.http.post(f"/api/v1/scopes/{server.field}/seen", content=body, headers=device.auth)
    assert answer.json() == {"kept": 3}
    return point, sample, strange


def test_written_back_in_the_managers_name(server: Server, desk: Desk, lost: tuple[str, str, str]) -> None:
    """Most of what a restore loses is the samplers': the manager needs no right to write those types himself."""
    point, sample, _ = lost
    before = everything(server)
    assert "还没到服务器" in desk.settle([sample], "take")  # what it belongs to is not there
    assert everything(server) == before
    assert desk.settle([sample, point], "take") == "take 2 applied"  # together, whichever stands first
    assert row(server, point) == server.point()
    found = row(server, sample, "sample")
    assert found is not None and found["point_id"] == point
    lines = server.sql("SELECT line, proof FROM journal WHERE record IN (?, ?)", point, sample)
    assert {(change.decode(line).by, proof) for line, proof in lines} == {(server.pm, "server")}
    assert [u.record for u in server.service.unexplained(server.field)] == [lost[2]]
    assert "没有决定" in desk.settle([point], "take")
    assert server.sql("SELECT count(*) FROM audit WHERE action='retake' AND by=?", server.pm) == [(2,)]


def test_let_go_for_good(server: Server, desk: Desk, lost: tuple[str, str, str]) -> None:
    assert desk.settle(list(lost), "let_go") == "let_go 3 applied"
    assert server.service.unexplained(server.field) == [] and row(server, lost[0]) is None
    kept = server.sql("SELECT detail FROM audit WHERE action='let_go' AND about=?", lost[0])
    assert json.loads(kept[0][0])["lost"]["code"] == "S1"  # the log still has it


def test_what_cannot_be_settled_is_told_and_left(server: Server, desk: Desk, lost: tuple[str, str, str]) -> None:
    point, _, strange = lost
    desks = {"2003": Desk(server, server.inspector), "2004": Desk(server, server.stranger)}
    before = everything(server)
    assert "还不认识类型" in desk.settle([point, strange], "take")
    assert "请写明理由" in desk.settle([point], "take", " ")
    assert "没有决定" in desk.settle([server.new_id()], "let_go")
    assert "没有决定" in desk.settle([point], "let_go", scope=f"{server.other}.field")
    for number, other in desks.items():
        assert other.settle([point], "take") == number
    assert everything(server) == before


def test_a_list_for_one_project_alone_is_made_by_who_manages_that_project(server: Server) -> None:
    manager, values = Device(server, server.pm), {**model.record_values(checklist()), "state": "draft"}

    def push(project: str) -> httpx.Response:
        line = manager.change("checklist", {**values, "project_id": project}, scope=server.home)
        return manager.push([line], scope=server.home)

    assert outcomes(push(server.project)) == ["applied"]
    refused = push(server.other)  # which is there, but not for this one to speak for
    assert outcomes(refused) == ["parked"]
    told(details(refused)[0], 3101)


# --- one person, several tablets; one tablet, several people ---------------------------------------------------------


def test_two_tablets_of_one_person_disagree_openly(server: Server, device: Device) -> None:
    """The later tablet is not silently preferred, though it is the same person's."""
    second, record = Device(server, server.sampler), server.new_id()
    device.push([device.change("point", server.point(), record)])
    lines = [d.change("point", {"wind": w}, record, {"wind": "北"}) for d, w in ((device, "南"), (second, "东"))]
    assert outcomes(device.push(lines[:1])) == ["applied"]
    answer = second.push(lines[1:])
    assert outcomes(answer) == ["conflict"]
    (conflict,) = server.service.records("conflict", server.field)
    assert details(answer)[0]["conflicts"] == [conflict.id] and "choice" not in conflict.values
    assert [json.loads(conflict.values[k])["wind"] for k in ("before", "now", "after")] == ["北", "南", "东"]
    with server.service.store.reading() as tx:
        made = {change.decode(j.line).id: change.decode(j.line) for j in tx.history(record)}
    loser = made[conflict.values["change_id"]]
    assert (loser.by, loser.device) == (server.sampler, second.id) and second.id != device.id
    assert any(
        json.loads(r)["id"] == conflict.id for r in device.pull().text.split("\n")[1:]
    )  # the other tablet sees it
    server.service.resolve(server.pm, conflict.id, "take_after", "第二块平板后看的")
    found = row(server, record)
    assert found is not None and found["wind"] == "东"


class Beside(Device):
    """A further person on a tablet that is enrolled already."""

    def __init__(self, first: Device, person: str) -> None:
        self.server, self.person, self.first = first.server, person, first
        self.private, self.salt = evidence.new_key(), bytes(32)
        self.heads = {}

    def ask(self, code: str | None = None, **other: Any) -> httpx.Response:
        public, salt = evidence.public_of(self.private), evidence.b64(self.salt)
        code = code or self.server.service.new_code(self.person, self.server.pm)
        message = f"jingtu-enrol-1\n{code}\n{public}\n{salt}".encode()
        request = {
            "code": code, "public_key": public, "salt_key": salt, "label": "同一块", "signature": evidence.sign(self.private, message),
            "beside": self.first.enrolment, "beside_signature": evidence.sign(self.first.private, message),
        } | other  # fmt: skip
        answer = self.server.http.post("/api/v1/enrol", json={k: v for k, v in request.items() if v is not None})
        if answer.status_code == 200:
            self.enrolment, self.id = answer.json()["enrolment"], answer.json()["device"]
            self.token = self.new_token()
        return answer


def test_two_people_on_one_tablet(server: Server, device: Device) -> None:
    second = Beside(device, server.inspector)
    code = server.sql("SELECT device_code FROM device_key")[0][0]
    answer = second.ask()
    assert answer.status_code == 200, answer.text
    assert (answer.json()["device"], answer.json()["device_code"]) == (device.id, code)
    assert second.enrolment != device.enrolment and answer.json()["person"] == server.inspector
    assert len(server.service.records("device", server.home)) == 1
    enrolled = server.service.records("enrolment", server.home)
    assert {(e.values["person_id"], e.values["device_id"]) for e in enrolled} == {
        (server.sampler, device.id), (server.inspector, device.id),
    }  # fmt: skip
    # two chains, each its own person's; what one may not write the other's enrolment does not lend
    record = server.new_id()
    assert outcomes(device.push([device.change("point", server.point(), record)])) == ["applied"]
    parked(second.push([second.change("point", server.point(code="S2"))]), 3003)
    swapped = second.change("point", server.point(code="S3"), by=server.sampler)
    assert details(second.push([swapped]))[0]["problem"] == 3005
    assert receipt(device.push([device.change("point", {"wind": "东"}, record, {"wind": "北"})]))["first"] == 2
    # one leaves the tablet, the other works on
    server.service.revoke(second.enrolment)
    problem(second.pull(), 2005)
    assert device.pull().status_code == 200


def test_beside_whom_one_may_not_stand(server: Server, device: Device) -> None:
    other = Device(server, server.sampler)
    second = Beside(device, server.inspector)
    before = server.state()
    message = f"jingtu-enrol-1\n{'X' * 16}\n{evidence.public_of(second.private)}\n{evidence.b64(bytes(32))}".encode()
    for wrong in (
        {"beside_signature": evidence.sign(other.private, message)}, {"beside_signature": "A" * 86}, {"beside_signature": None},
        {"beside": other.enrolment}, {"beside": server.new_id()}, {"beside": "console"},
        {"beside_signature": evidence.sign(device.private, message)},  # of another enrolling, with another code
    ):  # fmt: skip
        problem(second.ask(**wrong), 2006)
    server.service.revoke(device.enrolment)
    revoked = server.state()
    code = server.service.new_code(server.inspector, server.pm)
    problem(second.ask(code), 2006)
    assert server.state() == revoked != before
    server.service.reinstate(device.enrolment)
    assert second.ask(code).status_code == 200  # a refusal used nothing up


def test_outcomes_are_ones_own_from_whichever_tablet(server: Server, device: Device) -> None:
    """A person who enrolled anew can still ask what became of what the revoked tablet handed in; others cannot."""
    server.service.revoke(device.enrolment)
    ids = parked(device.push([device.change("point", server.point())]), 3009)
    assert now(Device(server, server.sampler), ids) == [("parked", 3009)]
    assert now(Device(server, server.inspector), ids) == []
    caller = Caller(server.stranger)
    with pytest.raises(Trouble) as told:
        server.service.outcomes(caller, server.field, ids)
    assert told.value.problem.number == 2004
