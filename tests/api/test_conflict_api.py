"""Conflicts as a tablet asks for them: both values with who, when and on which device; decided once, by who may."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.conftest import AT, Device, Server


def clash(server: Server, device: Device) -> tuple[Device, str, str]:
    """Somebody else's wind came first. (the other device, the point, the conflict)"""
    other, record = Device(server, server.sampler), server.new_id()
    device.push([device.change("point", server.point(), record)])
    other.push([other.change("point", {"wind": "南"}, record, {"wind": "北"})])
    device.push([device.change("point", {"wind": "东"}, record, {"wind": "北"})])
    (conflict,) = server.service.records("conflict", server.field)
    return other, record, conflict.id


def decide(server: Server, who: Device, conflict: str, **body: Any) -> httpx.Response:
    path = f"/api/v1/conflicts/{conflict}/decision"
    return server.http.post(path, json={"choice": "take_after", "reason": "现场核实"} | body, headers=who.auth)


def shown(server: Server, who: Device, conflict: str) -> dict[str, Any]:
    answer = server.http.get(f"/api/v1/conflicts/{conflict}", headers=who.auth)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def wind(server: Server, record: str) -> str:
    (point,) = [p for p in server.service.records("point", server.field) if p.id == record]
    return str(point.values["wind"])


def decisions(server: Server) -> int:
    """How often any was written down."""
    lines = [bytes(line) for (line,) in server.sql("SELECT line FROM journal WHERE type='conflict'")]
    return sum(b'"choice":"' in line for line in lines)


def code_of(server: Server, who: Device) -> str:
    ((code,),) = server.sql("SELECT device_code FROM device_key WHERE enrolment=?", who.enrolment)
    return str(code)


def test_both_values_and_whose_they_are(server: Server, device: Device) -> None:
    other, record, conflict = clash(server, device)
    told = shown(server, device, conflict)
    assert (told["subject_kind"], told["subject_id"]) == ("point", record)
    assert (told["now"], told["after"], told["choice"], told["may_decide"]) == (
        {"wind": "南"},
        {"wind": "东"},
        None,
        False,
    )
    assert code_of(server, other) != code_of(server, device)
    for side, tablet in (("now_by", other), ("after_by", device)):
        code = code_of(server, tablet)
        assert told[side] == {"person": tablet.person, "person_name": "人", "device_code": code, "at": AT}
    # it moved on: today's value is told, and whose that is
    third = Device(server, server.sampler)
    third.push([third.change("point", {"wind": "西"}, record, {"wind": "南"})])
    told = shown(server, Device(server, server.pm), conflict)
    assert told["now"] == {"wind": "西"} and told["may_decide"]
    assert told["now_by"]["device_code"] == code_of(server, third)


def test_a_manager_decides_from_a_tablet_and_a_lost_answer_costs_nothing(server: Server, device: Device) -> None:
    _, record, conflict = clash(server, device)
    pm = Device(server, server.pm)
    told = decide(server, pm, conflict)
    assert told.status_code == 200 and told.json()["choice"] == "take_after" and wind(server, record) == "东"
    before = decisions(server)
    assert decide(server, pm, conflict).status_code == 200  # asked again: the same decision
    assert decisions(server) == before
    for other in ({"choice": "keep_now"}, {"reason": "另一理由"}):
        answer = decide(server, pm, conflict, **other)
        assert (answer.status_code, answer.json()["number"]) == (422, 3001) and "已经裁决" in answer.json()["zh"][
            "title"
        ]
    server.service.grant(server.former, server.org, "administrator")
    answer = decide(
        server, Device(server, server.former), conflict
    )  # the same words of somebody else are another decision
    assert answer.json()["number"] == 3001
    assert wind(server, record) == "东" and decisions(server) == before


def test_a_new_value_is_decided_once(server: Server, device: Device) -> None:
    _, record, conflict = clash(server, device)
    pm = Device(server, server.pm)
    for _ in range(2):
        assert decide(server, pm, conflict, choice="set_value", value={"wind": "西"}).status_code == 200
    assert decide(server, pm, conflict, choice="set_value", value={"wind": "北"}).json()["number"] == 3001
    assert wind(server, record) == "西"


def test_what_is_refused_says_why(server: Server, device: Device) -> None:
    _, record, conflict = clash(server, device)
    pm = Device(server, server.pm)
    assert decide(server, device, conflict).json()["number"] == 2003
    assert decide(server, pm, record).json()["number"] == 2004
    for body, number in (
        ({"choice": "whatever"}, 1001), ({"reason": ""}, 1001), ({"reason": "x" * 2001}, 1001), ({"reason": " "}, 3001),
        ({"choice": "set_value"}, 3001), ({"choice": "set_value", "value": {"code": "X"}}, 3001),
        ({"reason": "看\0过"}, 1001),
    ):  # fmt: skip
        assert decide(server, pm, conflict, **body).json()["number"] == number, body
    server.service.revoke(pm.enrolment)
    assert decide(server, pm, conflict).json()["number"] == 2005
    assert wind(server, record) == "南" and decisions(server) == 0
