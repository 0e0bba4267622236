"""Reviewing: one and many, what is refused and told, what no order of finishing and deciding by several people gets wrong."""

from __future__ import annotations

import random
import re
import threading
from typing import Any

import httpx
import pytest

from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.records.review_decision import ReviewDecision
from schemas.reference import codes
from schemas.rules import reconcile
from schemas.rules.review import state_of
from sync_server.console.review.board import Board, open_conflicts, waiting_for_review
from sync_server.console.review.makers import Makers
from sync_server.facts import load_facts
from sync_server.service import Item, Write
from tests.api.conftest import AT, Device, Server, details, outcomes
from tests.api.test_rights import Desk


class Review(Desk):
    """Somebody at the review page."""

    def __init__(self, server: Server, person: str) -> None:
        super().__init__(server, person)
        self.page = f"/console/projects/{server.project}/review"

    def send(self, decision: str, *, reason: str = "", **form: Any) -> httpx.Response:
        return self.call("POST", self.page, data={"decision": decision, "reason": reason, **form})

    def one(self, type: str, id: str, seq: int, decision: str, reason: str = "") -> httpx.Response:
        return self.call("POST", f"{self.page}/{type}/{id}", data={"seq": seq, "decision": decision, "reason": reason})


@pytest.fixture
def review(server: Server) -> Review:
    return Review(server, server.pm)


def second_manager(server: Server) -> str:
    id = server.new_id()
    server.service.write(
        None, [Write("person", id, server.home, {"name": "钱", "org_id": server.org, "duties": ["sampler"]})]
    )
    server.service.grant(id, server.project, "project_manager")
    return id


def seq_of(server: Server, id: str, type: str = "point") -> int:
    return next(s.seq for s in server.service.records(type, server.field) if s.id == id)


def recorded(server: Server, device: Device, n: int = 1) -> list[str]:
    ids = [server.new_id() for _ in range(n)]
    lines = [device.change("point", server.point(code=f"S{k}"), id) for k, id in enumerate(ids)]
    assert set(outcomes(device.push(lines))) == {"applied"}
    return ids


def decisions(server: Server, id: str = "") -> list[ReviewDecision]:
    rows = server.service.records("review_decision", server.field)
    return [ReviewDecision.of(s.id, s.values, s.seq) for s in rows if not id or s.values["subject_id"] == id]


def state(server: Server, id: str) -> str:
    subject = server.service.review_of("point", id, server.field)
    assert subject is not None
    return state_of(subject.seq, subject.decisions, subject.recorders, subject.answered).state


def numbers(server: Server, who: str, items: list[Item], decision: str, reason: str = "", level: int = 1) -> list[int]:
    return [err.problem.number for _, err in server.service.review(who, items, decision, reason, level).refused]


# --- the service -----------------------------------------------------------------------------------------------------


def test_pass_return_and_again(server: Server, device: Device) -> None:
    (id,) = recorded(server, device)
    first = seq_of(server, id)
    assert state(server, id) == "waiting"
    assert server.service.review(server.pm, [Item("point", id, first)], "back", "标牌看不清").done
    assert state(server, id) == "returned"
    device.push([device.change("point", {"note": "重拍了"}, id, {"note": None})])
    assert state(server, id) == "waiting"
    assert numbers(server, server.pm, [Item("point", id, first)], "pass") == [3110]  # of what was there before
    assert server.service.review(server.pm, [Item("point", id, seq_of(server, id))], "pass").done
    assert state(server, id) == "passed"
    assert [(d.state, d.reason) for d in sorted(decisions(server), key=lambda d: d.seq)] == [
        ("back", "标牌看不清"),
        ("pass", None),
    ]


def test_a_double_click_writes_once(server: Server, device: Device) -> None:
    (id,) = recorded(server, device)
    item = Item("point", id, seq_of(server, id))
    one, two = (server.service.review(server.pm, [item, item], "back", " 复测 ") for _ in range(2))
    assert (len(one.done), len(one.before), len(two.done), len(two.before)) == (1, 0, 0, 1)
    assert len(decisions(server)) == 1
    notes = server.sql("SELECT count(*) FROM audit WHERE action='review_back'")
    assert notes == [(1,)]


def test_at_once_from_two_windows(server: Server, device: Device) -> None:
    """The same manager, the same records, eight requests at a time."""
    ids = recorded(server, device, 5)
    items = [Item("point", id, seq_of(server, id)) for id in ids]
    told: list[Any] = []

    def go() -> None:
        told.append(server.service.review(server.pm, items, "pass"))

    threads = [threading.Thread(target=go) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(len(t.done) for t in told) == [0] * 7 + [5] and not any(t.refused for t in told)
    assert len(decisions(server)) == 5


def test_each_is_told_by_itself_and_the_others_go_in(server: Server, device: Device) -> None:
    good, old, void, foreign = *recorded(server, device, 3), server.new_id()
    own = server.new_id()
    server.service.write(server.pm, [Write("sample_container", own, server.field, container(server, device))])
    device.push(
        [device.change("point", {"deleted": True, "void_reason": "重复"}, void, {"deleted": None, "void_reason": None})]
    )
    items = [Item("point", good, seq_of(server, good)), Item("point", old, seq_of(server, old) - 1), Item("point", void, seq_of(server, void)),
             Item("point", foreign, 1), Item("sample_container", own, seq_of(server, own, "sample_container")), Item("sample", good, 1),
             Item("site", server.site, seq_of(server, server.site, "site"))]  # fmt: skip
    told = server.service.review(server.pm, items, "pass")
    assert told.done == items[:1]
    assert sorted((i.id, err.problem.number) for i, err in told.refused) == sorted([
        (old, 3110), (void, 3112), (foreign, 2004), (own, 3111), (good, 2004), (server.site, 3114)])  # fmt: skip
    assert len(decisions(server)) == 1


def container(server: Server, device: Device) -> dict[str, Any]:
    point, sample = recorded(server, device)[0], server.new_id()
    values = {"code": "HX-1", "kind": "ordinary", "medium": "soil", "point_id": point, "depth_top_m": "0", "depth_bottom_m": "0.5",
              "pick_reason": "surface", "groups": ["metal"], "collected_at": AT, "collected_by": [server.sampler], "batch": "B1"}  # fmt: skip
    assert outcomes(device.push([device.change("sample", values, sample)])) == ["applied"]
    return {"code": "HX-1-C1", "sample_id": sample, "type": "jar250_b", "volume_ml": "250", "preservative": "none", "groups": ["metal"], "cold": True,
            "state": "filled"}  # fmt: skip


def test_who_changed_it_once_never_reviews_it(server: Server, device: Device) -> None:
    (id,) = recorded(server, device)
    second = second_manager(server)
    tablet = Device(server, second)
    server.service.grant(second, server.project, "sampler")
    tablet.push([tablet.change("point", {"wind": "南"}, id, {"wind": "北"})])
    device.push([device.change("point", {"note": "x"}, id, {"note": None})])
    item = Item("point", id, seq_of(server, id))
    assert numbers(server, second, [item], "pass") == [3111]
    assert numbers(server, server.pm, [item], "pass") == []


def test_a_tablets_decision_about_ones_own_does_not_count(server: Server) -> None:
    """A project manager's tablet can hand in any decision; the fold says what counts."""
    manager = second_manager(server)
    server.service.grant(manager, server.project, "sampler")
    tablet = Device(server, manager)
    (id,) = recorded(server, tablet)
    said = {
        "subject_kind": "point",
        "subject_id": id,
        "record_seq": seq_of(server, id),
        "state": "pass",
        "level": 1,
        "person_id": manager,
        "at": AT,
    }
    assert outcomes(tablet.push([tablet.change("review_decision", said)])) == ["applied"]
    assert state(server, id) == "waiting"
    ahead = {**said, "record_seq": 2**31 - 1}  # of a version nobody has seen
    assert outcomes(tablet.push([tablet.change("review_decision", ahead)])) == ["applied"]
    assert state(server, id) == "waiting"
    for lent in (said | {"person_id": server.pm}, said | {"person_id": server.pm, "state": "back", "reason": "x"}):
        answer = tablet.push([tablet.change("review_decision", lent)])  # in the name of somebody who did not record it
        assert outcomes(answer) == ["rejected"] and details(answer)[0]["problem"] == 3117
    assert state(server, id) == "waiting" and len(decisions(server)) == 2


def test_nobody_hands_in_an_approval_in_the_name_of_another(server: Server) -> None:
    manager = second_manager(server)
    tablet, plan = Device(server, manager), server.new_id()
    values = {"code": "P-P1", "version": 1, "title": "一", "stage": "detailed", "author_id": server.org}
    assert outcomes(tablet.push([tablet.change("plan", values, plan)])) == ["applied"]
    for record, before in ((plan, {"approved_by": None, "approved_at": None}), (server.new_id(), {})):
        approved = ({} if before else values | {"version": 2}) | {"approved_by": server.pm, "approved_at": AT}
        answer = tablet.push([tablet.change("plan", approved, record, before)])
        assert outcomes(answer) == ["rejected"] and details(answer)[0]["problem"] == 3117
    point, target = server.new_id(), server.new_id()
    planned = {"plan_id": plan, "code": "S1", "role": "soil", "origin": "plan", "position": {"lon": "119.1", "lat": "32.1", "crs": "CGCS2000", "source": "digitised"}}  # fmt: skip
    what = {"planned_point_id": point, "medium": "soil", "rule": "surface", "depth_top_m": "0", "depth_bottom_m": "0.5", "groups": [next(iter(codes("analyte_group")))]}  # fmt: skip
    made = tablet.push([tablet.change("planned_point", planned, point), tablet.change("planned_target", what, target)])
    assert outcomes(made) == ["applied", "applied"], details(made)
    own = {"approved_by": manager, "approved_at": AT}
    assert outcomes(tablet.push([tablet.change("plan", own, plan, dict.fromkeys(own))])) == ["applied"]
    late = tablet.push([  # what was approved stays as it was approved
        tablet.change("planned_point", {"tolerance_m": "9"}, point, {"tolerance_m": None}), tablet.change("planned_point", planned | {"code": "S2"}),
        tablet.change("planned_target", {"depth_bottom_m": "0.2"}, target, {"depth_bottom_m": "0.5"}),
        tablet.change("planned_target", what), tablet.change("plan", {"title": "二"}, plan, {"title": "一"}),
        tablet.change("plan", dict.fromkeys(own), plan, own),
    ])  # fmt: skip
    assert [d["problem"] for d in details(late)] == [3121] * 6


def test_a_photo_answers_a_return(server: Server, device: Device) -> None:
    (id,) = recorded(server, device)
    server.service.review(server.pm, [Item("point", id, seq_of(server, id))], "back", "补照片")
    assert waiting_for_review(facts(server)) == 0
    photo = {"subject_kind": "point", "subject_id": id, "step": "surface", "sha256": "a" * 64, "taken_at": AT, "source": "app_camera", "size_bytes": 9,
             "media_type": "image/jpeg"}  # fmt: skip
    answer = device.push([device.change("photo", {k: v for k, v in photo.items() if k in TYPES["photo"].model_fields})])
    assert outcomes(answer) == ["applied"], details(answer)
    assert state(server, id) == "waiting" and waiting_for_review(facts(server)) == 1
    again = server.service.review(server.pm, [Item("point", id, seq_of(server, id))], "back", "补照片")
    assert again.done and state(server, id) == "returned"  # still not what was asked for


def facts(server: Server) -> Any:
    return load_facts(server.service, server.project, server.clock())


def test_rights(server: Server, device: Device) -> None:
    (id,) = recorded(server, device)
    item = Item("point", id, seq_of(server, id))
    assert numbers(server, server.sampler, [item], "pass") == [2003]
    assert numbers(server, server.inspector, [item], "pass") == [2003]
    assert numbers(server, server.stranger, [item], "pass") == [2004]  # as if it were not there
    for state_, reason, number in (("back", " ", 3001), ("pass", "\0", 1001)):
        with pytest.raises(Trouble) as err:
            server.service.review(server.pm, [item], state_, reason)
        assert err.value.problem.number == number
    assert decisions(server) == []


def test_levels(server: Server, device: Device) -> None:
    (id,) = recorded(server, device)
    item, second = Item("point", id, seq_of(server, id)), second_manager(server)
    assert numbers(server, server.pm, [item], "pass", level=2) == [3115]
    assert numbers(server, server.pm, [item], "pass") == []
    assert numbers(server, second, [item], "pass") == [3113]
    assert numbers(server, second, [item], "pass", level=2) == []
    assert numbers(server, second, [item], "pass", level=4) == [1001]


def test_a_return_is_not_passed_over_by_who_has_not_seen_it(server: Server, device: Device, review: Review) -> None:
    """Two managers look at the same record; one returns it, the other one's page still shows it waiting."""
    (id,) = recorded(server, device)
    other, html = Review(server, second_manager(server)), review.call("GET", review.page).text
    (item,) = boxes(html, "item")
    one = f"/console/projects/{server.project}/records/point/{id}"
    seen = re.findall(r'name="(seq|decided)" value="(\d+)"', review.call("GET", one).text)
    assert len(seen) == 2
    assert (
        other.send("back", item=boxes(other.call("GET", other.page).text, "item"), reason="补照片").status_code == 303
    )
    late = review.send("pass", item=[item])
    assert late.status_code == 409 and "审核过这条记录" in late.text
    at = f"{review.page}/point/{id}"
    late = review.call("POST", at, data={**dict(seen), "decision": "pass"})
    assert late.status_code == 409 and "审核过这条记录" in late.text and state(server, id) == "returned"
    seen = re.findall(r'name="(seq|decided)" value="(\d+)"', late.text)  # now it was seen
    assert review.call("POST", at, data={**dict(seen), "decision": "pass"}).status_code == 303
    assert state(server, id) == "passed" and len(decisions(server)) == 2


def test_the_log_says_who_what_and_how_many(server: Server, device: Device) -> None:
    ids = recorded(server, device, 3)
    server.service.review(server.pm, [Item("point", i, seq_of(server, i)) for i in ids], "pass")
    with server.service.store.reading() as tx:
        (note,) = [n for n in tx.notes() if n["action"] == "review_pass"]
    assert (note["by"], note["owner"], note["detail"]["n"], len(note["detail"]["records"])) == (
        server.pm,
        server.project,
        3,
        3,
    )


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_finishing_and_deciding_folds_right(server: Server, seed: int) -> None:
    """Several people finish, pass and return, some of them what they had not seen. Told by a model that is only a dict."""
    rnd = random.Random(seed)
    people = {"a": server.sampler, "b": second_manager(server)}
    server.service.grant(people["b"], server.project, "sampler")
    tablets = {k: Device(server, p) for k, p in people.items()}
    managers = [server.pm, people["b"]]
    ids: list[str] = []
    model: dict[str, dict[str, Any]] = {}
    last: tuple[str, list[Item], str, str] | None = None
    for step in range(45):
        what = rnd.choice(("new", "edit", "edit", "decide", "decide", "decide", "again"))
        if what == "new" or not ids:
            k = rnd.choice("ab")
            ids += recorded(server, tablets[k])
            model[ids[-1]] = {"seq": seq_of(server, ids[-1]), "by": {people[k]}, "said": None, "n": 0, "note": None}
        elif what == "edit":
            id, k = rnd.choice(ids), rnd.choice("ab")
            m = model[id]
            note = f"n{step}"
            answer = tablets[k].push([tablets[k].change("point", {"note": note}, id, {"note": m["note"]})])
            assert outcomes(answer) == ["applied"]
            m |= {"seq": seq_of(server, id), "note": note, "by": m["by"] | {people[k]}}
        else:
            if what == "again" and last is not None:
                who, items, state_, reason = last
            else:
                who, state_ = rnd.choice(managers), rnd.choice(("pass", "back"))
                reason = f"r{step}" if state_ == "back" else ""
                some = rnd.sample(ids, min(len(ids), rnd.randint(1, 3)))
                items = [Item("point", i, model[i]["seq"] - (rnd.random() < 0.2)) for i in some]
            last = (who, items, state_, reason)
            told = server.service.review(who, items, state_, reason)
            done = {i.id for i in told.done}
            for item in items:
                m = model[item.id]
                word = (who, item.seq, state_, reason)
                allowed = item.seq == m["seq"] and who not in m["by"]
                passed = m["said"] is not None and m["said"][1:3] == (m["seq"], "pass")
                fresh = allowed and m["said"] != word and not (state_ == "pass" and passed)
                assert (item.id in done) == fresh, (step, item, told)
                if fresh:
                    m["said"], m["n"] = word, m["n"] + 1
        for id, m in model.items():
            counts = m["said"] is not None and m["said"][1] == m["seq"] and m["said"][0] not in m["by"]
            expected = {"pass": "passed", "back": "returned"}[m["said"][2]] if counts else "waiting"
            assert state(server, id) == expected, (step, id)
    for id, m in model.items():
        assert len(decisions(server, id)) == m["n"]
    # the page's board, read in one go, agrees with each record asked by itself
    found = facts(server)
    board = Board(found, reconcile.run(found).findings, Makers(server.service).of([server.field]))
    shown = {e.id: e.state.state for g in board.groups.values() for e in g.entries}
    assert shown == {id: state(server, id) for id in ids}


def test_what_was_read_before_is_caught_up(server: Server, device: Device) -> None:
    makers = Makers(server.service)
    (id,) = recorded(server, device)
    assert makers.of([server.field])[0][id].everyone == {server.sampler}
    server.service.write(server.pm, [Write("point_adjustment", own := server.new_id(), server.field, {
        "planned_point_id": planned(server), "kind": "shift", "reason": "utility", "reason_text": "管线", "decision": "pending"})])  # fmt: skip
    device.push([device.change("point", {"note": "x"}, id, {"note": None})])
    (found,) = makers.of([server.field])
    assert found[own].last == server.pm and found[id].everyone == {server.sampler}
    assert Makers(server.service).of([server.field]) == [found]  # as if read afresh


def planned(server: Server) -> str:
    plan, point = server.new_id(), server.new_id()
    server.service.write(None, [
        Write("plan", plan, server.field, {"code": "F", "version": 1, "title": "方案", "stage": "detailed", "author_id": server.org}),
        Write("planned_point", point, server.field, {"plan_id": plan, "code": "S1", "role": "soil", "origin": "plan", "reason": "x",
                                                     "position": {"lon": "119.4520000", "lat": "32.2087000"}})])  # fmt: skip
    return point


# --- the page --------------------------------------------------------------------------------------------------------


def boxes(html: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="([^"]+)"', html)


def test_pass_many_by_their_groups(server: Server, device: Device, review: Review) -> None:
    ids = recorded(server, device, 3)
    html = review.call("GET", review.page).text
    groups = boxes(html, "group")
    assert len(groups) == 3 and "3 条待审核" in html
    answer = review.send("pass", group=groups[:2])
    assert answer.status_code == 303, answer.text
    after = review.call("GET", answer.headers["location"]).text
    assert "2 条已通过" in after and len(boxes(after, "group")) == 1
    assert sorted(state(server, i) for i in ids) == ["passed", "passed", "waiting"]
    assert review.send("pass", group=groups[:2]).status_code == 303  # clicked twice: nothing new
    assert len(decisions(server)) == 2


def test_a_group_means_what_had_been_looked_at(server: Server, device: Device, review: Review) -> None:
    (id,) = recorded(server, device)
    (group,) = boxes(review.call("GET", review.page).text, "group")
    device.push([device.change("point", {"note": "后来改的"}, id, {"note": None})])
    answer = review.send("pass", group=[group])
    assert answer.status_code == 303 and decisions(server) == []
    assert "没有记录要审核" in review.call("GET", answer.headers["location"]).text


def test_return_with_a_reason_and_without(server: Server, device: Device, review: Review) -> None:
    (id,) = recorded(server, device)
    (item,) = boxes(review.call("GET", review.page).text, "item")
    answer = review.send("back", item=[item])
    assert answer.status_code == 422 and "退回要写明重做什么" in answer.text and 'aria-invalid="true"' in answer.text
    answer = review.send("back", item=[item], reason="复测 <script>")
    assert answer.status_code == 303
    html = review.call("GET", f"{review.page}?tab=mine").text
    assert "复测 &lt;script&gt;" in html and "<script>复" not in html and state(server, id) == "returned"
    # the return can be taken back: the manager looked again
    (item,) = boxes(html, "item")
    assert review.send("pass", item=[item]).status_code == 303 and state(server, id) == "passed"


def test_what_was_refused_is_named(server: Server, device: Device, review: Review) -> None:
    first, second = recorded(server, device, 2)
    items = [f"point:{i}:{seq_of(server, i)}" for i in (first, second)]
    device.push([device.change("point", {"note": "又改"}, second, {"note": None})])
    answer = review.send("pass", item=items)
    assert answer.status_code == 409
    assert "1 条已通过" in answer.text and "1 条没有审核" in answer.text and "又改了" in answer.text
    assert f"/records/point/{second}" in answer.text and state(server, first) == "passed"


def test_nothing_ticked_and_nonsense(server: Server, device: Device, review: Review) -> None:
    recorded(server, device)
    answer = review.send("pass")
    assert answer.status_code == 422 and "请先勾选" in answer.text
    for form in (
        {"item": "point:x:1"},
        {"group": "point-x@9"},
        {"group": f"point-{server.new_id()}@9"},
        {"item": f"point:{server.new_id()}:{10**17}"},
    ):
        assert review.send("pass", **form).status_code in (303, 404, 422), form
    assert review.send("maybe", item="x").status_code == 400
    for query in ("tab=none", "page=0", "page=x", "at=" + "x" * 121, "n=-1"):
        assert review.call("GET", f"{review.page}?{query}").status_code == 400, query
    for query in ("tab=passed", "who=nobody", "at=nothing", "page=99999", "said=back&n=0&before=0"):
        assert review.call("GET", f"{review.page}?{query}").status_code == 200, query
    assert decisions(server) == []


def test_one_record_from_its_own_page(server: Server, device: Device, review: Review) -> None:
    (id,) = recorded(server, device)
    seq = seq_of(server, id)
    assert (answer := review.one("point", id, seq, "back")).status_code == 422 and "退回要写明" in answer.text
    assert (answer := review.one("point", id, seq + 1, "pass")).status_code == 409 and "又改了" in answer.text
    answer = review.one("point", id, seq, "back", "复测")
    assert answer.status_code == 303 and answer.headers["location"].endswith("#review")
    assert review.call("GET", answer.headers["location"].partition("#")[0]).status_code == 200
    assert review.one("point", id, seq, "back", "复测").status_code == 303 and len(decisions(server)) == 1
    assert review.one("point", server.new_id(), 1, "pass").status_code == 404
    assert review.one("photo", id, seq, "pass").status_code == 404
    assert review.one("site", server.site, 1, "pass").status_code == 404


def test_who_may_not_decide_gets_no_form(server: Server, device: Device) -> None:
    (id,) = recorded(server, device)
    sampler = Review(server, server.sampler)
    html = sampler.call("GET", sampler.page).text
    assert "由项目经理或管理员审核" in html and not boxes(html, "item") and not boxes(html, "group")
    assert "2003" in sampler.send("pass", item=[f"point:{id}:{seq_of(server, id)}"]).text
    assert decisions(server) == []


def test_ones_own_is_marked_and_left_out(server: Server, device: Device, review: Review) -> None:
    manager = second_manager(server)
    server.service.grant(manager, server.project, "sampler")
    recorded(server, Device(server, manager))
    other = Review(server, manager)
    html = other.call("GET", other.page).text
    assert not boxes(html, "group") and "自己记录的" in html
    assert boxes(review.call("GET", review.page).text, "group")


def test_enforcement_is_reviewed_by_who_reads_it(server: Server, review: Review) -> None:
    inspector = Device(server, server.inspector)
    values = {"code": "J-1", "kind": "patrol", "site_id": server.site, "org_id": server.org, "started_at": AT,
              "officers": [{"person_id": server.inspector, "name": "甲", "duty": "inspector"}]}  # fmt: skip
    id = server.new_id()
    assert outcomes(
        inspector.push([inspector.change("inspection", values, id, scope=server.enforcement)], server.enforcement)
    ) == ["applied"]
    (group,) = boxes(review.call("GET", review.page).text, "group")
    assert group.startswith(f"inspection-{id}@")
    assert review.send("pass", group=[group]).status_code == 303
    assert server.service.records("review_decision", server.enforcement) and not decisions(server)
    sampler = Review(server, server.sampler)
    assert id not in sampler.call("GET", f"{sampler.page}?tab=passed").text


def test_counts_for_other_pages(server: Server, device: Device) -> None:
    ids = recorded(server, device, 4)
    for id, decision in zip(ids, ("pass", "back", "pass"), strict=False):
        server.service.review(
            server.pm, [Item("point", id, seq_of(server, id))], decision, "x" if decision == "back" else ""
        )
    device.push([device.change("point", {"note": "x"}, ids[2], {"note": None})])
    found = facts(server)
    board = Board(found, [], Makers(server.service).of([server.field]))
    assert board.counts(server.pm) == {"waiting": 2, "passed": 1, "returned": 1, "mine": 1}
    assert waiting_for_review(found) == 2 and open_conflicts(found) == 0


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_long_names_unknown_fields_and_records_without_a_home(
    server: Server, device: Device, review: Review, lang: str
) -> None:
    """Each page says something, whatever a tablet handed in."""
    odd = {**server.point(code="长" * 60, later={"a": ["<b>"]}), "note": "注" * 4000}
    lone = {
        "code": "HX-9",
        "kind": "trip_blank",
        "medium": "groundwater",
        "groups": ["voc"],
        "collected_at": AT,
        "collected_by": [server.sampler],
        "batch": "B",
    }
    ids = [server.new_id(), server.new_id()]
    answer = device.push([device.change("point", odd, ids[0]), device.change("sample", lone, ids[1])])
    assert set(outcomes(answer)) == {"applied"}, details(answer)
    html = review.call("GET", f"{review.page}?lang={lang}").text
    assert ids[0] in html and f"sample-{ids[1]}@" in html and "长" * 60 in html
    for id in ids:
        assert (
            review.call("GET", f"{review.page}?at={'point' if id == ids[0] else 'sample'}-{id}&lang={lang}").status_code
            == 200
        )


def test_an_empty_project_says_what_to_do(server: Server, review: Review) -> None:
    html = review.call("GET", review.page).text
    assert "没有待审核的记录" in html and "同步" in html
