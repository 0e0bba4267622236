"""Drafts of long checks on the server: whose they are, that none is put in the place of a newer one unasked, and when they end."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import httpx
import pytest

from schemas import canonical
from schemas.problems import Trouble
from schemas.wire import DRAFTS, MAX_DRAFT, MOST_DRAFTS, DraftPut
from sync_server.service import Caller, Write
from tests.api.conftest import AT, Device, Server, Values, outcomes, problem

FULL: Values = {"v": 1, "inspection": {"code": "JC-1", "legal_person": "王五"}, "answers": [], "photos": []}


def put(device: Device, record: str, contents: Values | bytes = FULL, base: int = 0, **other: Any) -> httpx.Response:
    content = contents if isinstance(contents, bytes) else canonical.dumps(contents)
    head = {"type": "inspection", "scope": device.server.enforcement, "base": base, "sha256": sha256(content).hexdigest(),
            "title": "JC-1 现场采样监督检查", "done": 3, "total": 18, "photos": 2}  # fmt: skip
    body = gzip.compress(json.dumps(head | other).encode() + b"\n" + content, 1)
    return device.server.http.put(
        f"{DRAFTS}/{record}", content=body, headers=device.auth | {"Content-Encoding": "gzip"}
    )


def get(device: Device, record: str) -> httpx.Response:
    return device.server.http.get(f"{DRAFTS}/{record}", headers=device.auth)


def listed(device: Device) -> list[Values]:
    answer = device.server.http.get(DRAFTS, headers=device.auth)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["drafts"])


def drop(device: Device, record: str, **params: int) -> httpx.Response:
    return device.server.http.delete(f"{DRAFTS}/{record}", headers=device.auth, params=params)


def inspection(server: Server) -> Values:
    return {"code": "JC-1", "kind": "patrol", "site_id": server.site, "org_id": server.org, "started_at": AT,
            "officers": [{"person_id": server.inspector, "name": "甲", "duty": "inspector"}]}  # fmt: skip


@pytest.fixture
def tablet(server: Server) -> Device:
    return Device(server, server.inspector)


def test_kept_on_one_tablet_and_taken_up_on_another(server: Server, tablet: Device) -> None:
    record, second = server.new_id(), Device(server, server.inspector)
    said = put(tablet, record).json()
    assert (said["version"], said["done"], said["total"], said["photos"]) == (1, 3, 18, 2)
    assert said["device"] and said["size"] == len(canonical.dumps(FULL))
    assert [d["record"] for d in listed(second)] == [record]
    first, _, content = get(second, record).content.partition(b"\n")
    assert (json.loads(first), content) == (said, canonical.dumps(FULL))
    again = put(second, record, {**FULL, "more": "二"}, base=1).json()
    assert again["version"] == 2 and again["device"] != said["device"]


def test_a_newer_one_is_never_replaced_unasked(server: Server, tablet: Device) -> None:
    record, second = server.new_id(), Device(server, server.inspector)
    put(tablet, record)
    put(second, record, {**FULL, "of": "second"}, base=1)
    body = problem(put(tablet, record, {**FULL, "of": "first"}, base=1), 6420)
    assert body["now"]["version"] == 2 and body["now"]["record"] == record
    assert "2026-11-21 10:00" in body["zh"]["title"]  # the time of the place
    assert b"second" in get(tablet, record).content
    problem(put(tablet, record, {**FULL, "of": "first"}), 6420)  # of one that never heard of any
    assert put(tablet, record, {**FULL, "of": "first"}, base=2).json()["version"] == 3  # said with open eyes


def test_a_lost_answer_costs_nothing(server: Server, tablet: Device) -> None:
    record = server.new_id()
    one, two = put(tablet, record).json(), put(tablet, record).json()
    assert one == two and one["version"] == 1


def test_two_tablets_at_once(server: Server, tablet: Device) -> None:
    """Of two that stand on the same version one is told."""
    record, told = server.new_id(), []
    put(tablet, record)

    def keep(n: int) -> int:
        content = canonical.dumps({"of": n})
        head = {"type": "inspection", "scope": server.enforcement, "base": 1, "sha256": sha256(content).hexdigest()}
        try:
            return server.service.keep_draft(
                Caller(server.inspector), record, DraftPut.model_validate(head), content
            ).version
        except Trouble as err:
            told.append(err.problem.number)
            return 0

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(keep, range(4))) == [0, 0, 0, 2]
    assert told == [6420] * 3
    assert listed(tablet)[0]["version"] == 2


def test_nobody_else_sees_it(server: Server, tablet: Device) -> None:
    s, record = server, server.new_id()
    put(tablet, record)
    colleague = s.service.new_id()
    s.service.write(
        None, [Write("person", colleague, s.home, {"name": "乙", "org_id": s.org, "duties": ["inspector"]})]
    )
    s.service.grant(colleague, s.project, "inspector")
    for person in (s.pm, s.sampler, s.stranger, colleague):
        other = Device(s, person)
        assert listed(other) == []
        there, nothing = get(other, record), get(other, s.new_id())
        assert (there.status_code, there.content) == (nothing.status_code, nothing.content)
        problem(there, 6421)
        dropped, never = drop(other, record), drop(other, s.new_id())
        assert (dropped.status_code, dropped.content) == (never.status_code, never.content)
        problem(dropped, 6421)
    assert len(listed(tablet)) == 1
    mine = Device(s, colleague)  # the same record of another person is another draft
    assert put(mine, record).json()["version"] == 1
    assert len(listed(tablet)) == len(listed(mine)) == 1


def test_who_may_not_write_a_check_keeps_none(server: Server) -> None:
    s = server
    for person in (s.pm, s.sampler, s.stranger):
        problem(put(Device(s, person), s.new_id()), 2004)
    inspector = Device(s, s.inspector)
    for scope in (s.field, f"{s.other}.enforcement", s.home, "nowhere.enforcement", "x"):
        problem(put(inspector, s.new_id(), scope=scope), 2004)
    problem(put(inspector, s.new_id(), type="point", scope=s.field), 2004)
    problem(put(inspector, s.new_id(), type="finding"), 2004)


def test_who_left_and_a_lost_tablet_read_it_no_more(server: Server, tablet: Device) -> None:
    s, record = server, server.new_id()
    put(tablet, record)
    s.service.withdraw(s.inspector, s.project, "inspector")
    assert listed(tablet) == []
    problem(get(tablet, record), 6421)
    s.service.grant(s.inspector, s.project, "inspector")
    assert len(listed(tablet)) == 1  # back again: it was not lost
    s.service.revoke(tablet.enrolment)
    for answer in (get(tablet, record), drop(tablet, record), put(tablet, record, base=1)):
        problem(answer, 2005)
    problem(s.http.get(DRAFTS, headers=tablet.auth), 2005)


def test_it_ends_when_the_check_has_come(server: Server, tablet: Device) -> None:
    s, record = server, server.new_id()
    put(tablet, record)
    told = outcomes(
        tablet.push([tablet.change("inspection", inspection(s), record, scope=s.enforcement)], s.enforcement)
    )
    assert told == ["applied"]
    assert listed(tablet) == []
    problem(get(tablet, record), 6421)
    problem(put(tablet, record, {**FULL, "late": True}, base=1), 6423)
    put(tablet, s.new_id())  # making room for the next one removes it
    assert s.sql("SELECT count(*) FROM kept_draft WHERE record=?", record) == [(0,)]


def test_removing_names_the_version_it_saw(server: Server, tablet: Device) -> None:
    record = server.new_id()
    put(tablet, record)
    put(tablet, record, {**FULL, "n": 2}, base=1)
    assert problem(drop(tablet, record, version=1), 6420)["now"]["version"] == 2
    assert len(listed(tablet)) == 1
    assert drop(tablet, record, version=2).status_code == 204
    problem(drop(tablet, record), 6421)
    assert listed(tablet) == []
    assert put(tablet, record, base=2).json()["version"] == 3  # never a number that stood for something else


def test_bounds(server: Server, tablet: Device) -> None:
    big = canonical.dumps({"text": "a" * MAX_DRAFT})
    problem(put(tablet, server.new_id(), big), 6422)
    assert put(tablet, server.new_id(), canonical.dumps({"t": "a" * (MAX_DRAFT - 100)})).status_code == 200
    for _ in range(MOST_DRAFTS - 1):
        assert put(tablet, server.new_id()).status_code == 200
    kept = listed(tablet)[0]
    problem(put(tablet, server.new_id(), {**FULL, "one": "more"}), 6424)
    assert put(tablet, kept["record"], {**FULL, "one": "more"}, base=1).status_code == 200  # of one that is there


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"1", b'"x"', b"\xff", b"[" * 9000])
def test_what_is_no_draft(server: Server, tablet: Device, content: bytes) -> None:
    problem(put(tablet, server.new_id(), content), 1001)
    assert listed(tablet) == []


def test_what_was_damaged_or_says_nonsense(server: Server, tablet: Device) -> None:
    new = server.new_id
    problem(put(tablet, new(), sha256="0" * 64), 1001)
    for wrong in (
        {"base": -1},
        {"sha256": "x"},
        {"title": "a" * 201},
        {"done": "many"},
        {"title": "\0"},
        {"base": 2**60},
    ):
        problem(put(tablet, new(), **wrong), 1001)
    problem(put(tablet, "not-an-id"), 1001)
    for odd in ("not-an-id", "%00", "a" * 300):
        problem(get(tablet, odd), 6421)
        problem(drop(tablet, odd), 6421)
    headers = tablet.auth | {"Content-Encoding": "br"}
    problem(server.http.put(f"{DRAFTS}/{new()}", content=b"x", headers=headers), 1003)
    assert listed(tablet) == []
