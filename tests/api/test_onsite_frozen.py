"""A signed on-site record is frozen for tablets, pages and conflicts alike; what comes to it later is taken, and said (I06)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.problems import Trouble
from schemas.rules import onsite, reconcile
from sync_server.facts import FactsReader, load_facts
from sync_server.service import Write
from tests.api.conftest import Device, Server, details, outcomes

AT = "2026-11-21T09:00:00+08:00"
SIGNED_AT = "2026-11-21T11:00:00+08:00"
SIGNATURES = [{"role": "inspector", "name": "甲", "way": "signed", "strokes": "{}", "signed_at": SIGNED_AT}]
Parts = dict[str, tuple[str, str, dict[str, Any]]]  # name → type, id, values


def record(server: Server) -> Parts:
    """An inspection with an answer, a finding and three photos, not signed yet."""
    i, a, f = server.new_id(), server.new_id(), server.new_id()
    officers = [{"person_id": server.inspector, "name": "甲", "duty": "inspector"}]
    inspection = {
        "code": "JC-1",
        "kind": "patrol",
        "site_id": server.site,
        "org_id": server.org,
        "started_at": AT,
        "officers": officers,
    }

    def photo(n: int, kind: str, subject: str, **more: Any) -> tuple[str, str, dict[str, Any]]:
        values = {
            "sha256": f"{n}" * 64,
            "step": "finding",
            "subject_kind": kind,
            "subject_id": subject,
            "taken_at": AT,
            "source": "app_camera",
        }
        return "photo", server.new_id(), {**values, **more}

    return {
        "inspection": ("inspection", i, inspection),
        "answer": ("checklist_answer", a, {"inspection_id": i, "item_code": "1", "answer": "fail", "text": "缺口", "number": "1.50"}),
        "finding": ("finding", f, {"code": "JC-1-WT01", "inspection_id": i, "answer_id": a, "severity": "tip", "kind": "管理", "description": "缺口",
                                   "basis": "待核", "org_id": server.org}),
        "p1": photo(1, "inspection", i), "p2": photo(2, "checklist_answer", a), "p3": photo(3, "finding", f),
    }  # fmt: skip


def sealed(parts: Parts) -> Parts:
    """The same, signed."""
    rows: dict[str, list[dict[str, Any]]] = {"inspection": [], "checklist_answer": [], "finding": [], "photo": []}
    for type, id, values in parts.values():
        rows[type].append(onsite.whole(id, values))
    sha = onsite.content_hash(rows["inspection"][0], rows["checklist_answer"], rows["finding"], rows["photo"])
    type, id, values = parts["inspection"]
    return {**parts, "inspection": (type, id, {**values, "signatures": SIGNATURES, "content_sha256": sha})}


def hand_in(device: Device, server: Server, parts: Parts) -> None:
    lines = [device.change(type, values, id, scope=server.enforcement) for type, id, values in parts.values()]
    assert outcomes(device.push(lines, server.enforcement)) == ["applied"] * len(lines)


EDITS: list[tuple[str, dict[str, Any], str]] = [
    ("inspection", {"body": "改"}, "rejected"),
    ("inspection", {"signatures": None}, "rejected"),
    ("inspection", {"content_sha256": "0" * 64}, "rejected"),
    ("inspection", {"deleted": True, "void_reason": "误"}, "rejected"),
    ("inspection", {"unheard_of": "x"}, "rejected"),
    ("answer", {"answer": "pass"}, "rejected"),
    ("answer", {"deleted": True, "void_reason": "误"}, "rejected"),
    ("finding", {"severity": "law"}, "rejected"),
    ("finding", {"deleted": True, "void_reason": "误"}, "rejected"),
    ("p1", {"deleted": True, "void_reason": "误"}, "rejected"),
    ("p2", {"step": "other"}, "rejected"),
    ("p3", {"deleted": True, "void_reason": "误"}, "rejected"),
    ("p3", {"caption": "东侧"}, "rejected"),
    ("p3", {"taken_at": "2026-11-21T12:00:00+08:00"}, "rejected"),  # it could be voided then
    (
        "p1",
        {"position": {"lon": "118.8", "lat": "32.0", "fix_kind": "single", "h_acc_m": "3.00", "at": AT}},
        "rejected",
    ),
]


@pytest.mark.parametrize(("name", "after", "outcome"), EDITS)
def test_a_tablet_changes_nothing_of_it(server: Server, name: str, after: dict[str, Any], outcome: str) -> None:
    device, parts = Device(server, server.inspector), sealed(record(server))
    hand_in(device, server, parts)
    type, id, values = parts[name]
    line = device.change(type, after, id, {k: values.get(k) for k in after}, scope=server.enforcement)
    answer = device.push([line], server.enforcement)
    assert outcomes(answer) == [outcome]
    (kept,) = (s for s in server.service.records(type, server.enforcement) if s.id == id)
    if outcome == "rejected":
        (detail,) = details(answer)
        assert (
            detail["problem"] == 6402
            and "JC-1" in detail["zh"]
            and "更正笔录" in detail["zh"]
            and "amending" in detail["en"]
        )
        assert kept.values == values
    assert altered(server) == frozenset()


def test_whoever_may_not_read_it_learns_nothing_and_changes_nothing(server: Server) -> None:
    """A sampler who knows the id of a photo: it waits for a right; taken in, it is refused like any."""
    device, parts = Device(server, server.inspector), sealed(record(server))
    hand_in(device, server, parts)
    sampler, (type, id, values) = Device(server, server.sampler), parts["p1"]
    line = sampler.change(type, {"caption": "x"}, id, {"caption": None}, scope=server.enforcement)
    answer = sampler.push([line], server.enforcement)
    assert outcomes(answer) == ["parked"] and "JC-1" not in answer.text
    (waits,) = details(answer)
    server.service.decide_parked(server.pm, [waits["id"]], True, "看看")
    kept = next(s for s in server.service.records(type, server.enforcement) if s.id == id)
    assert kept.values == values and altered(server) == frozenset()


@pytest.mark.parametrize("name", ["inspection", "answer", "finding", "p1"])
def test_before_it_is_signed_everything_may_change(server: Server, name: str) -> None:
    device, parts = Device(server, server.inspector), record(server)
    hand_in(device, server, parts)
    type, id, _ = parts[name]
    void = {"deleted": True, "void_reason": "误"}
    assert outcomes(
        device.push([device.change(type, void, id, dict.fromkeys(void), scope=server.enforcement)], server.enforcement)
    ) == ["applied"]


def test_pages_change_nothing_of_it_either(server: Server) -> None:
    device, parts = Device(server, server.inspector), sealed(record(server))
    hand_in(device, server, parts)
    for name in ("inspection", "answer", "finding", "p2"):
        type, id, values = parts[name]
        for who in (server.inspector, None):
            with pytest.raises(Trouble) as trouble:
                void = {**values, "deleted": True, "void_reason": "误"}
                server.service.write(who, [Write(type, id, server.enforcement, void)])
            assert trouble.value.problem.number == 6402
    assert server.service.records("inspection", server.enforcement)[0].values == parts["inspection"][2]


def test_a_conflict_decided_later_changes_nothing_of_it(server: Server) -> None:
    """Two tablets differed about an unsigned record, then it was signed: the losing value may only go under an amendment."""
    one, other, parts = Device(server, server.inspector), Device(server, server.inspector), record(server)
    hand_in(one, server, parts)
    type, id, values = parts["inspection"]
    scope = server.enforcement
    assert outcomes(one.push([one.change(type, {"place": "甲"}, id, {"place": None}, scope=scope)], scope)) == [
        "applied"
    ]
    assert outcomes(other.push([other.change(type, {"place": "乙"}, id, {"place": None}, scope=scope)], scope)) == [
        "conflict"
    ]
    signing = {"signatures": SIGNATURES, "content_sha256": "0" * 64}
    assert outcomes(one.push([one.change(type, signing, id, dict.fromkeys(signing), scope=scope)], scope)) == [
        "applied"
    ]
    (conflict,) = server.service.records("conflict", scope)
    for choice, value in (("take_after", None), ("set_value", {"place": "丙"})):
        with pytest.raises(Trouble) as trouble:
            server.service.resolve(server.pm, conflict.id, choice, "核对", value)
        assert trouble.value.problem.number == 6402
    server.service.resolve(server.pm, conflict.id, "keep_now", "核对")
    assert server.service.records("inspection", scope)[0].values == {**values, "place": "甲", **signing}


def altered(server: Server) -> frozenset[str] | None:
    return load_facts(server.service, server.project, datetime.now(UTC)).altered


def findings(reader: FactsReader, server: Server) -> list[str]:
    report = reader.report(server.project, datetime.now(UTC)).report
    return [f.zh for f in report.by_check["I06"]]


def late_answer(server: Server, parts: Parts) -> tuple[str, dict[str, Any]]:
    return "checklist_answer", {"inspection_id": parts["inspection"][1], "item_code": "2", "answer": "pass"}


def late_photo(server: Server, parts: Parts) -> tuple[str, dict[str, Any]]:
    return "photo", {**parts["p2"][2], "sha256": "9" * 64}


def rectified(server: Server, parts: Parts) -> tuple[str, dict[str, Any]]:
    return "photo", {**parts["p3"][2], "sha256": "9" * 64, "step": "rectified"}


@pytest.mark.parametrize(("late", "said"), [(late_answer, True), (late_photo, True), (rectified, False)])
def test_what_comes_to_it_later_is_taken_and_said(
    server: Server, late: Callable[[Server, Parts], tuple[str, dict[str, Any]]], said: bool
) -> None:
    device, parts, reader = Device(server, server.inspector), sealed(record(server)), FactsReader(server.service)
    hand_in(device, server, parts)
    assert findings(reader, server) == [] and altered(server) == frozenset()
    type, values = late(server, parts)
    id = server.new_id()
    assert outcomes(device.push([device.change(type, values, id, scope=server.enforcement)], server.enforcement)) == [
        "applied"
    ]
    found = findings(reader, server)  # caught up, not read anew
    assert (len(found) == 1 and "JC-1" in found[0]) if said else found == []
    assert (altered(server) == {parts["inspection"][1]}) == said
    if not said:
        return
    # it may be taken back: then the record is what was signed again (an answer nobody signed is frozen with the rest, a photo taken
    # later is not)
    amending = {
        **parts["inspection"][2],
        "code": "JC-2",
        "amends_id": parts["inspection"][1],
        "amend_reason": "漏记",
        "content_sha256": None,
    }
    amending = {k: v for k, v in amending.items() if v is not None}
    device.push([device.change("inspection", amending, server.new_id(), scope=server.enforcement)], server.enforcement)
    assert findings(reader, server) == []  # the amendment says what is right


def test_who_may_not_see_enforcement_records_is_told_nothing(server: Server) -> None:
    device, parts = Device(server, server.inspector), sealed(record(server))
    hand_in(device, server, parts)
    facts = load_facts(server.service, server.project, datetime.now(UTC), {"field", "organisation"})
    assert facts.altered is None and not reconcile.run(facts).by_check["I06"]


def test_the_hash_is_that_of_values_only_a_newer_tablet_knows(server: Server) -> None:
    device, parts = Device(server, server.inspector), record(server)
    type, id, values = parts["answer"]
    parts["answer"] = (type, id, {**values, "measured_by": {"who": "乙", "n": [1, "2.50"]}})
    hand_in(device, server, sealed(parts))
    assert altered(server) == frozenset()


def test_a_record_without_a_hash_is_not_judged(server: Server) -> None:
    device, parts = Device(server, server.inspector), record(server)
    parts["inspection"][2]["signatures"] = json.loads(json.dumps(SIGNATURES))
    hand_in(device, server, parts)
    assert altered(server) == frozenset()
