"""Ways a record could be lost, hidden or falsified, each found once and never again."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from schemas.problems import Trouble
from schemas.rules.reconcile import Facts
from sync_server.facts import FactsReader
from sync_server.service import Write
from tests.api.conftest import AT, Device, Server, details, outcomes
from tests.sim.planted import planted


def row(server: Server, record: str) -> dict[str, Any] | None:
    return next((s.values for s in server.service.records("point", server.field) if s.id == record), None)


@pytest.mark.parametrize("size", [150_000, 900_000])
def test_a_conflict_of_any_size_is_before_a_person(server: Server, device: Device, size: int) -> None:
    """The losing value of a large atom stands in the conflict whole."""
    other = Device(server, server.inspector)
    scope, inspection, finding, record = server.enforcement, server.new_id(), server.new_id(), server.new_id()
    officers = [{"person_id": server.inspector, "name": "甲", "duty": "inspector"}]
    device = Device(server, server.inspector)
    lines = [
        device.change("inspection", {"code": "J1", "kind": "patrol", "site_id": server.site, "org_id": server.org, "started_at": AT,
                                     "officers": officers}, inspection, scope=scope),
        device.change("finding", {"code": "J1-WT01", "inspection_id": inspection, "severity": "tip", "kind": "管理", "description": "缺口",
                                  "basis": "待核", "org_id": server.org}, finding, scope=scope),
        device.change("recheck", {"finding_id": finding, "at": AT, "officers": officers, "result": "keep"}, record, scope=scope),
    ]  # fmt: skip
    assert outcomes(device.push(lines, scope)) == ["applied"] * 3
    for n, d in enumerate((other, device)):
        signed = [{"role": "inspector", "name": "甲", "way": "signed", "strokes": f"{n}" * min(size, 199_000), "signed_at": AT}
                  for _ in range(max(1, size // 199_000))]  # fmt: skip
        answer = d.push([d.change("recheck", {"signatures": signed}, record, {"signatures": None}, scope=scope)], scope)
        assert outcomes(answer) == [("applied", "conflict")[n]]
    (conflict,) = server.service.records("conflict", scope)
    assert json.loads(conflict.values["after"])["signatures"] == signed
    assert [detail["conflicts"] for detail in details(answer)] == [[conflict.id]]


def settles_two(server: Server, device: Device) -> None:
    """Two conflicts about one value; it becomes again what both had seen. The first applies itself, and with it nothing is left to
    decide about the second."""
    other, record = Device(server, server.sampler), server.new_id()
    assert outcomes(device.push([device.change("point", server.point(wind="北"), record)])) == ["applied"]
    assert outcomes(other.push([other.change("point", {"wind": "南"}, record, {"wind": "北"})])) == ["applied"]
    for d in (device, other):
        assert outcomes(d.push([d.change("point", {"wind": "东"}, record, {"wind": "北"})])) == ["conflict"]
    assert outcomes(other.push([other.change("point", {"wind": "北"}, record, {"wind": "南"})])) == ["applied"]
    found = row(server, record)
    assert found is not None and found["wind"] == "东"
    settled = server.service.records("conflict", server.field)
    assert sorted(str(c.values.get("choice")) for c in settled) == ["keep_now", "take_after"]
    for c in settled:
        assert server.sql(f"SELECT count(*) FROM journal WHERE record='{c.id}'") == [(2,)]  # opened, decided


def test_two_conflicts_that_settle_together_are_decided_once_each(server: Server, device: Device) -> None:
    settles_two(server, device)


def test_deciding_one_twice_is_noticed(server: Server, device: Device) -> None:
    with planted("a conflict that applied itself is decided twice"), pytest.raises((AssertionError, RuntimeError)):
        settles_two(server, device)


def test_a_very_long_unknown_field_conflicts_too(server: Server, device: Device) -> None:
    other, record, name = Device(server, server.sampler), server.new_id(), "f" * 5000
    device.push([device.change("point", server.point(), record)])
    other.push([other.change("point", {name: "1"}, record, {name: None})])
    assert outcomes(device.push([device.change("point", {name: "2"}, record, {name: None})])) == ["conflict"]
    (conflict,) = server.service.records("conflict", server.field)
    assert json.loads(conflict.values["after"]) == {name: "2"}


@pytest.mark.parametrize("bad", [{"a": 1}, [["x"]], True, 5, "x" * 100_000, "nope", [{"a": 1}]])
@pytest.mark.parametrize("field", ["site_id", "samplers", "planned_point_id"])
def test_a_malformed_reference_stands_aside(server: Server, device: Device, field: str, bad: Any) -> None:
    lines = [device.change("point", server.point(code=c, **({field: bad} if c == "B" else {}))) for c in "ABC"]
    answer = device.push(lines)
    assert outcomes(answer) == ["applied", "rejected", "applied"]
    assert details(answer)[0]["problem"] == 3001


def test_a_correction_frees_what_it_corrects(server: Server, device: Device) -> None:
    """A create with a reference that never comes, and the edit that puts it right, in another batch."""
    record, wrong = server.new_id(), server.new_id()
    assert outcomes(device.push([device.change("point", server.point(site_id=wrong), record)])) == ["parked"]
    right = device.change("point", {"site_id": server.site}, record, {"site_id": wrong})
    assert outcomes(device.push([right])) == ["applied"]
    found = row(server, record)
    assert found is not None and found["site_id"] == server.site
    assert server.sql("SELECT count(*) FROM journal WHERE outcome='parked'") == [(0,)]


@pytest.mark.parametrize("together", [True, False])
def test_an_edit_never_overtakes_one_that_waits(server: Server, device: Device, together: bool) -> None:
    """The second could go in by itself: its device made it after the first."""
    record, site = server.new_id(), server.new_id()
    assert outcomes(device.push([device.change("point", server.point(), record)])) == ["applied"]
    first = device.change("point", {"site_id": site}, record, {"site_id": server.site})
    second = device.change("point", {"wind": "东"}, record, {"wind": "北"})
    answers = [device.push([first, second])] if together else [device.push([line]) for line in (first, second)]
    assert [o for a in answers for o in outcomes(a)] == ["parked", "parked"]
    found = row(server, record)
    assert found is not None and found["wind"] == "北"
    server.service.write(None, [Write("site", site, server.field, {"code": "S2", "name": "二", "status": "idle"})])
    found = row(server, record)
    assert found is not None and (found["site_id"], found["wind"]) == (site, "东")


def test_nothing_waits_behind_a_refused_first_version(server: Server, device: Device) -> None:
    record = server.new_id()
    assert outcomes(device.push([device.change("point", server.point(weather="no such"), record)])) == ["rejected"]
    answer = device.push([device.change("point", {"wind": "东"}, record, {"wind": "北"})])
    assert outcomes(answer) == ["rejected"] and details(answer)[0]["problem"] == 3007
    assert outcomes(device.push([device.change("point", server.point(), record)])) == ["applied"]  # made anew, rightly


def test_a_write_on_the_server_is_in_or_is_told(server: Server) -> None:
    before = server.state()
    values = {"code": "S2", "name": "二号", "status": "idle", "owner_id": server.new_id()}
    with pytest.raises(Trouble) as told:
        server.service.write(server.pm, [Write("site", server.new_id(), server.field, values)])
    assert told.value.problem.number == 3101 and server.state() == before


@pytest.mark.parametrize(
    ("choice", "reason", "value"),
    [
        ("bogus", "看过", None),
        ("set_value", "看过", {"code": "X"}),
        ("set_value", "看过", None),
        ("take_after", " ", None),
    ],
)
def test_a_decision_is_a_decision_about_this_conflict(
    server: Server, device: Device, choice: str, reason: str, value: Any
) -> None:
    other, record = Device(server, server.sampler), server.new_id()
    device.push([device.change("point", server.point(), record)])
    other.push([other.change("point", {"wind": "南"}, record, {"wind": "北"})])
    device.push([device.change("point", {"wind": "东"}, record, {"wind": "北"})])
    (conflict,) = server.service.records("conflict", server.field)
    before = server.state()
    with pytest.raises(Trouble) as told:
        server.service.resolve(server.pm, conflict.id, choice, reason, value)
    assert told.value.problem.number == 3001 and server.state() == before
    server.service.resolve(server.pm, conflict.id, "set_value", "风向仪为准", {"wind": "西"})
    found = row(server, record)
    assert found is not None and found["wind"] == "西"


def test_what_is_said_of_an_inspection_stays_where_inspections_are_seen(server: Server) -> None:
    """A comment on an enforcement record pushed into the field scope would reach the samplers' tablets."""
    inspector = Device(server, server.inspector)
    record = server.new_id()
    values = {"code": "J1", "kind": "patrol", "site_id": server.site, "org_id": server.org, "started_at": AT,
              "officers": [{"person_id": server.inspector, "name": "甲", "duty": "inspector"}]}  # fmt: skip
    assert outcomes(
        inspector.push([inspector.change("inspection", values, record, scope=server.enforcement)], server.enforcement)
    ) == ["applied"]
    about = {"subject_kind": "inspection", "subject_id": record, "text": "举报人…", "at": AT}
    answer = inspector.push([inspector.change("comment", about)])
    assert outcomes(answer) == ["rejected"] and details(answer)[0]["problem"] == 3002
    assert not server.service.records("comment", server.field)


def test_a_clock_that_was_off_is_seen_though_its_change_had_to_wait(server: Server, device: Device) -> None:
    """The console's reader catches up by seq: a parked change keeps its place in the journal and goes in later."""
    reader = FactsReader(server.service)
    site, point = server.new_id(), server.new_id()

    def facts() -> Facts:
        return reader.facts(server.project, datetime.fromisoformat(AT))

    made_at = {"wall": AT, "mono_ms": 1, "server_offset_ms": 900_000}
    assert outcomes(device.push([device.change("point", server.point(site_id=site), point, made_at=made_at)])) == [
        "parked"
    ]
    device.push([device.change("point", server.point(code="other"))])
    assert not facts().unsure_clocks
    server.service.write(
        server.pm, [Write("site", site, server.field, {"code": "S2", "name": "二号", "status": "idle"})]
    )
    assert [(c.type, c.id, c.offset_s) for c in facts().unsure_clocks] == [("point", point, 900.0)]
