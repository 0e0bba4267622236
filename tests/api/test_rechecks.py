"""What a tablet may hand in as a re-check: one in the names of who signed or wrote it; and nothing changes what was signed."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.problems import Trouble
from sync_server.service import Write
from tests.api.conftest import AT, Device, Server, details, outcomes


def officer(id: str) -> dict[str, Any]:
    return {"person_id": id, "name": f"n-{id[-4:]}", "duty": "inspector"}


def sign(id: str) -> dict[str, Any]:
    return {"role": "inspector", "person_id": id, "name": f"n-{id[-4:]}", "way": "stamped", "signed_at": AT}


def finding(server: Server) -> str:
    inspection, found, site = server.new_id(), server.new_id(), server.new_id()
    writes = [
        Write("site", site, server.field, {"code": "S", "name": "S", "status": "survey", "division_code": "320115", "land_use": "r2", "standard": "gb36600_2"}),
        Write("inspection", inspection, server.enforcement, {"code": "JC-1", "kind": "patrol", "site_id": site, "org_id": server.org,
                                                             "officers": [officer(server.inspector)], "started_at": AT}),
        Write("finding", found, server.enforcement, {"code": "JC-1-WT01", "inspection_id": inspection, "severity": "general", "kind": "k",
                                                     "description": "d", "basis": "b", "org_id": server.org}),
    ]  # fmt: skip
    for w in writes:
        server.service.write(None, [w])
    return found


def test_in_ones_own_name_and_as_it_was_signed(server: Server) -> None:
    tablet, found, other = Device(server, server.inspector), finding(server), server.pm
    values = {"finding_id": found, "at": AT, "result": "closed"}

    def push(record: str, after: dict[str, Any], before: dict[str, Any] | None = None) -> tuple[str, int | None]:
        answer = tablet.push(
            [tablet.change("recheck", after, record, before or {}, scope=server.enforcement)], scope=server.enforcement
        )
        said = details(answer)
        return outcomes(answer)[0], said[0]["problem"] if said else None

    lent, own, signed = (server.new_id() for _ in range(3))
    assert push(lent, {**values, "officers": [officer(other)]}) == ("rejected", 6430)
    assert push(own, {**values, "officers": [officer(server.inspector)]})[0] == "applied"
    # and not by and by either
    assert push(own, {"officers": [officer(other)]}, {"officers": [officer(server.inspector)]}) == ("rejected", 6430)
    both = {
        "officers": [officer(server.inspector), officer(other)],
        "signatures": [sign(server.inspector), sign(other)],
    }
    assert push(signed, {**values, **both})[0] == "applied"
    assert push(signed, {"result": "keep"}, {"result": "closed"}) == ("rejected", 6431)
    assert push(signed, {"deleted": True, "void_reason": "x"}, {"deleted": False, "void_reason": None}) == (
        "rejected",
        6431,
    )
    assert push(signed, {"note": "x"}, {"note": None})[0] == "applied"
    # signed meanwhile on a device that had not heard of it: a person decides, and what was signed first stands until then
    assert push(own, {"signatures": [sign(server.inspector)]}, {"signatures": None})[0] == "applied"
    assert (
        push(own, {"signatures": [sign(server.inspector) | {"way": "fingerprint"}]}, {"signatures": None})[0]
        == "conflict"
    )
    kept = next(s for s in server.service.records("recheck", server.enforcement) if s.id == signed)
    assert kept.values["result"] == "closed" and not kept.values.get("deleted")
    # a crafted "before" makes it a conflict; whoever decides about it changes nothing that was signed either
    assert push(signed, {"result": "keep"}, {"result": "refer"})[0] == "conflict"
    (conflict,) = (
        s for s in server.service.records("conflict", server.enforcement) if s.values["subject_id"] == signed
    )
    with pytest.raises(Trouble) as trouble:
        server.service.resolve(server.pm, conflict.id, "take_after", "x")
    assert trouble.value.problem.number == 6431
    server.service.resolve(server.pm, conflict.id, "keep_now", "x")
    assert (
        next(s for s in server.service.records("recheck", server.enforcement) if s.id == signed).values == kept.values
    )


def test_nobody_changes_what_another_wrote_or_reported(server: Server) -> None:
    """A re-check of the console bears no signature, a report of a party none either: its words, its time and its deadline are its author's."""
    server.service.grant(server.stranger, server.project, "inspector")
    found, mine, other = finding(server), Device(server, server.inspector), Device(server, server.stranger)
    look, action, scope = server.new_id(), server.new_id(), server.enforcement
    made = [
        mine.change("recheck", {"finding_id": found, "at": AT, "result": "keep", "next_deadline": "2026-12-01", "officers": [officer(server.inspector)]}, look, scope=scope),
        mine.change("corrective_action", {"finding_id": found, "at": AT, "measure_taken": "补漏", "done": False, "reported_by": "王工"}, action, scope=scope),
    ]  # fmt: skip
    assert outcomes(mine.push(made, scope)) == ["applied", "applied"]
    edits: list[tuple[str, str, dict[str, Any], dict[str, Any], int | None]] = [
        ("recheck", look, {"next_deadline": "2027-12-01"}, {"next_deadline": "2026-12-01"}, 6430),
        ("recheck", look, {"at": "2026-11-20T10:00:00+08:00"}, {"at": AT}, 6430),
        ("recheck", look, {"deleted": True, "void_reason": "x"}, {"deleted": None, "void_reason": None}, 6430),
        ("recheck", look, {"note": "x"}, {"note": None}, None),
        ("corrective_action", action, {"done": True}, {"done": False}, 6432),
        ("corrective_action", action, {"measure_taken": "已全部修好"}, {"measure_taken": "补漏"}, 6432),
        ("corrective_action", action, {"deleted": True, "void_reason": "x"}, {"deleted": None, "void_reason": None}, 6432),
    ]  # fmt: skip
    for type, id, after, before, number in edits:
        answer = other.push([other.change(type, after, id, before, scope=scope)], scope)
        said = [d["problem"] for d in details(answer)] if number else []
        assert (outcomes(answer), said) == (["rejected"], [number]) if number else outcomes(answer) == ["applied"], (
            after
        )
    ones_own = [
        mine.change("corrective_action", {"done": True}, action, {"done": False}, scope=scope),
        mine.change("recheck", {"next_deadline": "2026-12-02"}, look, {"next_deadline": "2026-12-01"}, scope=scope),
    ]
    assert outcomes(mine.push(ones_own, scope)) == ["applied", "applied"]
