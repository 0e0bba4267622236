"""What a tablet may hand in as a re-check: one in the names of who signed or wrote it; and nothing changes what was signed."""

from __future__ import annotations

from typing import Any

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
