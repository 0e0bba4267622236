"""The chain of a device: gaps, forks, damage on the way and on the device, foreign hands."""

from __future__ import annotations

from typing import Any

from schemas import canonical
from schemas.rules import evidence
from tests.api.conftest import AT, Device, Server, details, outcomes, problem, told


def test_wrong_epoch(server: Server, device: Device) -> None:
    before = server.state()
    assert (
        problem(device.push([device.change("point", server.point())], epoch="another"), 1201)["epoch"] == server.epoch
    )
    assert problem(device.pull(epoch="another"), 1201)["epoch"] == server.epoch
    assert server.state() == before


def test_a_gap(server: Server, device: Device) -> None:
    before = server.state()
    assert problem(device.push([device.change("point", server.point())], first=5), 1202)["expected"] == 1
    assert server.state() == before
    assert problem(device.push([device.change("point", server.point())], first=10**15), 1202)["expected"] == 1


def test_a_fork_keeps_both_heads(server: Server, device: Device) -> None:
    device.push([device.change("point", server.point(code="a")), device.change("point", server.point(code="b"))])
    before = server.state()
    start = evidence.first_link(server.field, device.enrolment)
    clone = [device.change("point", server.point(code="c")), device.change("point", server.point(code="d"))]
    for _ in range(2):  # also when it tries again
        assert problem(device.push(clone, first=1, prev=start, keep=False), 1204)["position"] == 1
    assert server.state() == before
    assert [line for (line,) in server.sql("SELECT line FROM fork ORDER BY pos")] == clone
    assert (
        problem(device.push([device.change("point", server.point())], prev=b"\1" * 32, keep=False), 1204)["position"]
        == 3
    )


def test_damage_on_the_way_is_told_and_changes_nothing(server: Server, device: Device) -> None:
    lines = [device.change("point", server.point(code=c)) for c in "abc"]
    head = device.head(lines, server.field)
    before = server.state()
    for sent in (lines[:2], [lines[0], lines[1].replace(b'"b"', b'"B"'), lines[2]], lines[::-1], [*lines, lines[0]]):
        problem(device.raw(server.field, b"\n".join([canonical.dumps(head), *sent])), 1207)
    assert server.state() == before
    assert outcomes(device.push(lines)) == ["applied"] * 3


def test_a_line_that_rotted_on_the_device_is_asked_for_its_links_and_then_taken_unproven(
    server: Server, device: Device
) -> None:
    lines = [device.change("point", server.point(code=c)) for c in "abc"]
    head = device.head(lines, server.field)
    start = evidence.first_link(server.field, device.enrolment)
    links = [x.hex() for x in evidence.links(start, device.salt, [(x[7:43].decode(), x) for x in lines])]
    rotten = [lines[0], lines[1].replace(b'"b"', b'"B"'), lines[2]]
    whole = evidence.lines_hash(rotten)
    message = evidence.head_message(server.field, device.enrolment, 3, bytes.fromhex(head["head"]), whole)
    head |= {"lines": whole, "signature": evidence.sign(device.private, message)}

    def send(**more: Any) -> Any:
        return device.raw(server.field, b"\n".join([canonical.dumps(head | more), *rotten]))

    before = server.state()
    problem(send(), 1205)
    problem(send(links=links[:2]), 1203)
    problem(send(links=[*links[:2], "0" * 64]), 1203)
    assert server.state() == before
    assert outcomes(send(links=links)) == ["applied"] * 3
    proofs = server.sql("SELECT proof FROM journal WHERE enrolment=? ORDER BY pos", device.enrolment)
    assert proofs == [("proven",), ("unproven",), ("proven",)]
    device.heads[server.field] = (3, bytes.fromhex(links[-1]))
    assert outcomes(device.push([device.change("point", server.point(code="d"))])) == ["applied"]


def test_a_signature_of_another_key_or_another_head(server: Server, device: Device) -> None:
    line = device.change("point", server.point())
    before = server.state()
    message = evidence.head_message(server.field, device.enrolment, 1, bytes(32), evidence.lines_hash([line]))
    for signature in (evidence.sign(evidence.new_key(), message), evidence.sign(device.private, message), "A" * 86):
        problem(device.push([line], signature=signature, keep=False), 1203)
    assert server.state() == before


def test_another_ones_enrolment(server: Server, device: Device) -> None:
    other = Device(server, server.inspector)
    before = server.state()
    problem(device.push([device.change("point", server.point())], enrolment=other.enrolment, keep=False), 1206)
    problem(device.push([device.change("point", server.point())], enrolment="console", keep=False), 1206)
    assert server.state() == before


def test_the_same_change_at_two_places_counts_once(server: Server, device: Device) -> None:
    record = server.new_id()
    line = device.change("comment", {"subject_kind": "point", "subject_id": record, "text": "x", "at": AT})
    assert (
        outcomes(device.push([line])) == outcomes(device.push([line])) == ["parked"]
    )  # the next position of the chain
    other = device.change(
        "comment", {"subject_kind": "point", "subject_id": record, "text": "z", "at": AT}, id=line[7:43].decode()
    )
    answer = device.push([other])
    assert outcomes(answer) == ["rejected"]
    told(details(answer)[0], 1208)
    device.push([device.change("point", server.point(), record)])
    rows = server.sql(
        "SELECT outcome, seq IS NULL FROM journal WHERE enrolment=? AND type='comment' ORDER BY pos", device.enrolment
    )
    assert rows == [("applied", 0), ("again", 1), ("rejected", 1)]
    (kept,) = server.service.records("comment", server.field)
    assert kept.values["text"] == "x"
