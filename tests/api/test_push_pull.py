"""What becomes of a change: the table of outcomes, the chain's rules, scopes and rights."""

from __future__ import annotations

from typing import Any

import pytest

from schemas import canonical
from schemas.rules import evidence
from tests.api.conftest import AT, Device, Server, details, outcomes, problem, receipt, told

INSPECTION = {"code": "J1", "kind": "sampling_supervision", "started_at": AT}


def row(server: Server, record: str) -> dict[str, Any]:
    return next(s.values for s in server.service.records("point", server.field) if s.id == record)


# --- outcomes --------------------------------------------------------------------------------------------------------


def test_applied_and_a_receipt_for_exactly_this(server: Server, device: Device) -> None:
    lines = [device.change("point", server.point(code=f"S{n}")) for n in range(3)]
    answer = device.push(lines)
    r = receipt(answer)
    assert outcomes(answer) == ["applied"] * 3 and answer.json()["details"] == []
    assert (r["first"], r["last"], r["scope"], r["enrolment"]) == (1, 3, server.field, device.enrolment)
    assert r["head"] == device.heads[server.field][1].hex() and r["epoch"] == server.epoch
    assert evidence.verify(r["server_key"], answer.json()["receipt"].encode(), answer.json()["signature"])
    (start, count, _, seq) = r["runs"][0]
    assert (start, count) == (1, 3) and [s for (s,) in server.sql("SELECT seq FROM point ORDER BY seq")] == [
        seq,
        seq + 1,
        seq + 2,
    ]
    assert [
        line for (line,) in server.sql("SELECT line FROM journal WHERE enrolment=? ORDER BY pos", device.enrolment)
    ] == lines


def test_sent_again_is_answered_again_and_applied_once(server: Server, device: Device) -> None:
    lines = [device.change("point", server.point())]
    first = device.push(lines, keep=False)
    before = server.state()
    again = device.push(lines)
    assert receipt(again)["runs"] == receipt(first)["runs"] and receipt(again)["receipt"] != receipt(first)["receipt"]
    assert server.state() == before
    more = [*lines, device.change("point", server.point(code="S2"))]
    both = device.push(more, first=1, prev=evidence.first_link(server.field, device.enrolment))
    assert outcomes(both) == ["applied", "applied"] and server.sql("SELECT count(*) FROM point") == [(2,)]


def test_conflict(server: Server, device: Device) -> None:
    other, record = Device(server, server.sampler), server.new_id()
    device.push([device.change("point", server.point(), record)])
    other.push([other.change("point", {"wind": "南"}, record, {"wind": "北"})])
    answer = device.push([device.change("point", {"wind": "东"}, record, {"wind": "北"})])
    assert outcomes(answer) == ["conflict"] and row(server, record)["wind"] == "南"
    (detail,) = details(answer)
    (conflict,) = server.service.records("conflict", server.field)
    assert detail["conflicts"] == [conflict.id]
    assert [canonical.loads(conflict.values[k]) for k in ("before", "now", "after")] == [{"wind": w} for w in "北南东"]
    assert (
        len(device.pull().content.split(b"\n")) - 1 == canonical.loads(device.pull().content.split(b"\n")[0])["count"]
    )


def test_parked_for_a_reference_and_taken_in_order_when_it_comes(server: Server, device: Device) -> None:
    point, comment = server.new_id(), server.new_id()
    about = {"subject_kind": "point", "subject_id": point, "text": "一", "at": AT}
    answer = device.push([
        device.change("comment", about, comment), device.change("comment", {"text": "二"}, comment, {"text": "一"}),
        device.change("comment", {"text": "三"}, comment, {"text": "二"}),
    ])  # fmt: skip
    assert outcomes(answer) == ["parked"] * 3
    for detail in details(answer):
        told(detail, 3101)
    ids = [d["id"] for d in details(answer)]
    other = Device(server, server.sampler)
    other.push([other.change("point", server.point(), point)])
    now = device.outcomes(ids).json()
    assert [n["outcome"] for n in now] == ["applied"] * 3 and [n["seq"] for n in now] == sorted(n["seq"] for n in now)
    (kept,) = server.service.records("comment", server.field)
    assert kept.values["text"] == "三" and server.service.records("conflict", server.field) == []


def test_a_later_change_does_not_overtake_a_parked_one(server: Server, device: Device) -> None:
    a, later, comment = server.new_id(), server.new_id(), server.new_id()
    device.push([device.change("point", server.point(), a)])
    device.push([device.change("comment", {"subject_kind": "point", "subject_id": a, "text": "x", "at": AT}, comment)])
    away = device.change("comment", {"subject_id": later}, comment, {"subject_id": a})
    back = device.change("comment", {"subject_id": a}, comment, {"subject_id": later})
    assert outcomes(device.push([away])) == ["parked"] and outcomes(device.push([back])) == ["parked"]
    free = device.change("comment", {"text": "y"}, comment, {"text": "x"})
    assert outcomes(device.push([free])) == ["parked"]  # whoever made it saw the earlier ones done
    device.push([device.change("point", server.point(), later)])
    (kept,) = server.service.records("comment", server.field)
    assert (kept.values["subject_id"], kept.values["text"]) == (a, "y")


def test_parked_for_a_type_of_a_newer_app(server: Server, device: Device) -> None:
    answer = device.push([device.change("hologram", {"a": 1}), device.change("point", server.point())])
    assert outcomes(answer) == ["parked", "applied"]
    told(details(answer)[0], 3102)


def test_parked_for_a_right_and_taken_once_it_is_there(server: Server, device: Device) -> None:
    dispatcher = server.stranger
    server.service.grant(dispatcher, server.project, "dispatcher")
    tablet = Device(server, dispatcher)
    answer = tablet.push([tablet.change("point", server.point())])
    assert outcomes(answer) == ["parked"]
    told(details(answer)[0], 3003)
    instrument = {"code": "I", "kind": "pid", "model": "m", "serial_no": "1", "org_id": server.org}
    at_home = tablet.push([tablet.change("instrument", instrument, scope=server.home)], server.home)
    assert outcomes(at_home) == ["parked"]
    server.service.grant(dispatcher, server.project, "sampler")
    assert tablet.outcomes([details(answer)[0]["id"]]).json()[0]["outcome"] == "applied"
    assert tablet.outcomes([details(at_home)[0]["id"]], server.home).json()[0]["outcome"] == "applied"


def test_a_right_withdrawn_before_the_first_sync_parks(server: Server) -> None:
    tablet = Device(server, server.former)
    line = tablet.change("point", server.point())
    server.service.withdraw(server.former, server.project, "sampler")
    answer = tablet.push([line])
    assert outcomes(answer) == ["parked"]
    told(details(answer)[0], 3003)
    problem(tablet.pull(), 2004)
    assert tablet.outcomes([details(answer)[0]["id"]]).json()[0]["outcome"] == "parked"
    server.service.grant(server.former, server.project, "sampler")
    assert tablet.outcomes([details(answer)[0]["id"]]).json()[0]["outcome"] == "applied"


REJECTED: dict[str, tuple[int, str, dict[str, Any]]] = {
    "contents": (3001, "point", {"values": {"wind": "x"}}),
    "wrong author": (3005, "point", {"by": "somebody"}),
    "wrong device": (3005, "point", {"device": "another"}),
    "scope in the line is another": (3002, "point", {"scope": "elsewhere.field"}),
    "type of another audience": (3002, "inspection", {"values": INSPECTION}),
    "only the server writes it": (3003, "conflict", {"values": {"field_name": "x"}}),
}


@pytest.mark.parametrize("how", list(REJECTED))
def test_rejected(server: Server, device: Device, how: str) -> None:
    number, type, other = REJECTED[how]
    values = other.pop("values", None) if "values" in (other := dict(other)) else server.point()
    before = server.state()[3:5]
    good = device.change("point", server.point(code="good"))
    answer = device.push([device.change(type, values, **other), good])
    assert outcomes(answer) == ["rejected", "applied"]  # never its neighbour
    told(details(answer)[0], number)
    assert server.state()[3:5] != before and server.sql("SELECT count(*) FROM point") == [(1,)]
    assert server.sql("SELECT outcome, seq FROM journal WHERE enrolment=? ORDER BY pos", device.enrolment)[0] == (
        "rejected",
        None,
    )


def test_a_frozen_record_is_not_changed(server: Server) -> None:
    server.service.grant(server.stranger, server.project, "project_manager")
    tablet, point, review = Device(server, server.stranger), server.new_id(), server.new_id()
    sampler = Device(server, server.sampler)
    sampler.push([sampler.change("point", server.point(), point)])
    values = {"subject_kind": "point", "subject_id": point, "record_seq": 1, "state": "back", "level": 1, "reason": "x", "person_id": server.stranger, "at": AT}  # fmt: skip
    first = tablet.push([tablet.change("review_decision", values, review)])
    assert outcomes(first) == ["applied"], first.text
    answer = tablet.push([tablet.change("review_decision", {"reason": "y"}, review, {"reason": "x"})])
    assert outcomes(answer) == ["rejected"]
    told(details(answer)[0], 3004)


def test_a_record_does_not_change_its_type(server: Server, device: Device) -> None:
    record = server.new_id()
    device.push([device.change("point", server.point(), record)])
    about = {"subject_kind": "point", "subject_id": record, "text": "x", "at": AT}
    answer = device.push([device.change("comment", about, record)])
    assert outcomes(answer) == ["rejected"]
    told(details(answer)[0], 3006)


def reading(server: Server, **more: Any) -> dict[str, Any]:
    instrument = server.new_id()
    from sync_server.service import Write

    server.service.write(
        None,
        [
            Write(
                "instrument",
                instrument,
                server.home,
                {"code": "I", "kind": "pid", "model": "m", "serial_no": "1", "org_id": server.org},
            )
        ],
    )
    return {"method": "pid", "instrument_id": instrument, "parameter": "TVOC", "value": "1.5", "qualifier": "eq", "unit": "ppm_ib", "at": AT,
            "entry_way": "typed"} | more  # fmt: skip


def test_right_on_each_tablet_and_wrong_together_waits_for_a_person(server: Server, device: Device) -> None:
    other, p, s, b, record = (
        Device(server, server.sampler),
        server.new_id(),
        server.new_id(),
        server.new_id(),
        server.new_id(),
    )
    sample = {
        "code": "Y",
        "kind": "ordinary",
        "medium": "soil",
        "groups": ["voc"],
        "collected_at": AT,
        "collected_by": [server.sampler],
        "batch": "1",
    }
    device.push([
        device.change("point", server.point(), p), device.change("sample", {**sample, "point_id": p}, s),
        device.change("borehole", {"point_id": p, "code": "B", "opened_at": AT}, b),
        device.change("field_reading", reading(server, point_id=p), record),
    ])  # fmt: skip
    other.push(
        [other.change("field_reading", {"point_id": None, "sample_id": s}, record, {"point_id": p, "sample_id": None})]
    )
    answer = device.push(
        [
            device.change(
                "field_reading", {"point_id": None, "borehole_id": b}, record, {"point_id": p, "borehole_id": None}
            )
        ]
    )
    assert outcomes(answer) == ["conflict"], answer.text
    (conflict,) = server.service.records("conflict", server.field)
    assert canonical.loads(conflict.values["after"]) == {"point_id": None, "borehole_id": b}
    # what cannot stand beside the rest cannot be decided either, and the conflict stays open
    from schemas.problems import Trouble

    with pytest.raises(Trouble) as err:
        server.service.resolve(server.pm, conflict.id, "take_after", "x")
    assert err.value.problem.number == 3001
    (still,) = server.service.records("conflict", server.field)
    assert "choice" not in still.values
    server.service.resolve(
        server.pm, conflict.id, "set_value", "x", {"sample_id": None, "point_id": None, "borehole_id": b}
    )
    with pytest.raises(Trouble):
        server.service.resolve(server.pm, conflict.id, "keep_now", "again")
    (kept,) = server.service.records("field_reading", server.field)
    assert kept.values["borehole_id"] == b and "sample_id" not in kept.values
    assert outcomes(device.push([device.change("field_reading", reading(server, value=None))])) == ["rejected"]


# --- scopes and rights -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scope",
    [
        "other.field",
        "other.enforcement",
        "nowhere",
        "../../etc/passwd",
        "..%2f..%2fetc",
        "x' OR '1'='1",
        "%00",
        "a" * 5000,
        "中",
    ],
)
def test_a_foreign_scope_is_not_there(server: Server, device: Device, scope: str) -> None:
    scope = scope.replace("other.", f"{server.other}.")
    line = device.change("point", server.point(), scope=scope)
    before = server.state()
    for answer in (device.push([line], scope, keep=False), device.pull(scope), device.outcomes(["x"], scope)):
        body = answer.json()
        problem(answer, 1005 if body["number"] == 1005 and ("/" in scope or "%2f" in scope) else 2004)
    assert server.state() == before


def test_a_sampler_may_write_what_was_recorded_but_not_read_enforcement(server: Server, device: Device) -> None:
    problem(device.pull(server.enforcement), 2004)
    values = {
        **INSPECTION,
        "site_id": server.site,
        "org_id": server.org,
        "officers": [{"person_id": server.sampler, "name": "x", "duty": "inspector"}],
    }
    assert outcomes(
        device.push([device.change("inspection", values, scope=server.enforcement)], server.enforcement)
    ) == ["parked"]
    problem(device.pull(server.enforcement), 2004)
    me = server.http.get("/api/v1/me", headers=device.auth).json()
    assert not any(s["audience"] in ("enforcement", "transfer") for s in me["scopes"])


def test_outcomes_are_ones_own(server: Server, device: Device) -> None:
    other, second = Device(server, server.former), Device(server, server.former)
    answer = other.push([other.change("hologram", {"a": 1})])
    (detail,) = details(answer)
    assert device.outcomes([detail["id"]]).json() == []
    assert (
        second.outcomes([detail["id"]]).json() == other.outcomes([detail["id"]]).json()
    )  # the same person's other tablet
    assert other.outcomes([detail["id"]]).json()[0]["outcome"] == "parked"


def test_pull_in_pages_gives_each_row_once_and_the_digest_at_the_end(server: Server, device: Device) -> None:
    for n in range(3):
        device.push([device.change("point", server.point(code=f"{n}{m}")) for m in range(10)])
    cursor, seen = 0, []
    while True:
        lines = device.pull(cursor=cursor, limit=7).content.split(b"\n")
        head = canonical.loads(lines[0])
        assert head["count"] == len(lines) - 1 and ("digest" in head) == (not head["more"])
        seen += [canonical.loads(x) for x in lines[1:]]
        cursor = head["cursor"]
        if not head["more"]:
            break
    assert [r["seq"] for r in seen] == sorted({r["seq"] for r in seen}) and len({r["id"] for r in seen}) == len(
        seen
    ) == 32
    total = sum(evidence.row_hash(evidence.row_line(r["type"], r["id"], r["seq"], r["values"])) for r in seen)
    assert head["digest"] == evidence.digest_hex(total)
    assert canonical.loads(device.pull(cursor=cursor).content)["count"] == 0
    assert canonical.loads(device.pull(cursor=10**15).content)["count"] == 0


def test_numbers_never_overlap(server: Server, device: Device) -> None:
    other = Device(server, server.sampler)
    blocks = []
    for d in (device, other, device):
        answer = server.http.post("/api/v1/blocks", json={"use": "sample", "size": 50}, headers=d.auth).json()
        blocks.append((answer["from_no"], answer["to_no"]))
    assert blocks == [(1, 50), (51, 100), (101, 150)]
