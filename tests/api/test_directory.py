"""The signed directory of a project: what is in it, whom it is for, when its hash changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.rules.handover import Directory
from schemas.rules.handover.cose import kid_of
from schemas.rules.handover.directory import hash_of
from sync_server.service import Write
from tests.api.conftest import Device, Server, problem
from tests.api.transfer_scene import Scene

Values = dict[str, Any]


@pytest.fixture
def scene(server: Server) -> Scene:
    return Scene(server)


def ask(scene: Scene, device: Device, scope: str | None = None, **headers: str) -> httpx.Response:
    return scene.server.http.get(f"/api/v1/scopes/{scope or scene.scope}/directory", headers=device.auth | headers)


def said_to(scene: Scene, device: Device) -> Directory:
    answer = ask(scene, device)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    directory = Directory.signed(body["directory"], body["signature"], scene.server.service.server_key)
    assert directory is not None
    assert answer.headers["etag"] == f'"{hash_of(body["directory"])}"'
    return directory


def me(device: Device, **params: str) -> httpx.Response:
    return device.server.http.get("/api/v1/me", params=params, headers=device.auth)


def the_hash(scene: Scene, device: Device) -> str:
    return str(me(device).json()["directories"][scene.scope])


def test_it_says_whose_keys_there_are_and_what_ids_stand_for(scene: Scene) -> None:
    sender, driver = scene.device("sender"), scene.device("driver")
    d = said_to(scene, driver)
    assert d.said["scope"] == scene.scope and d.said["project"] == {
        "id": scene.server.project,
        "code": "P",
        "name": "项目",
    }
    by_key = {k.key: k for k in d.keys.values()}
    key = by_key[evidence.public_of(sender.private)]
    assert (key.person, key.name, key.org) == (scene.people["sender"], "高敏", scene.consignor)
    assert key.until is None and key.since == scene.server.clock() and key.roles == {"dispatcher"} and key.device
    assert by_key[evidence.public_of(driver.private)].roles == {"party"}
    plan = d.of("plans", scene.plan)
    assert (plan["code"], plan["version"], plan["state"], plan["consignor"]) == ("ZY-02", 1, "filed", scene.consignor)
    assert (plan["from"], plan["to"], plan["vehicles"]) == ("2026-11-10", "2027-01-31", scene.trucks)
    assert plan["receivers"] == [{
        "org": scene.receiver, "place": "东郊处置中心", "minutes": 50, "accepts": "含镍、六价铬的污染土", "capacity": "60000.0", "days": 90,
        "position": {"lon": "119.5512345", "lat": "32.2212345"}}]  # fmt: skip
    assert d.of("lots", scene.lot) == {
        "code": "K2",
        "contaminants": "铬镍污染土",
        "density": "1.60",
        "hazard": "not_hazardous",
    }
    assert d.of("vehicles", scene.trucks[0]) == {
        "plate": "苏L·A7326", "class": "t4_31", "carrier": scene.carrier, "tare": "12.42", "limit": "31", "permit": "苏交运 1", "permit_to": "2027-12-31",
    }  # fmt: skip
    assert {d.organisation(o) for o in (scene.consignor, scene.carrier, scene.receiver)} == {
        "清源修复",
        "安运渣土",
        "东郊处置中心",
    }
    assert "13800000002" not in ask(scene, driver).text  # nobody's telephone


def test_a_sampler_a_stranger_and_other_scopes_hear_the_same(scene: Scene) -> None:
    s = scene.server
    s.service.grant(s.stranger, s.other, "party")
    s.service.withdraw(s.former, s.project, "sampler")
    for person in (s.sampler, s.stranger, s.former):
        device = Device(s, person)
        problem(ask(scene, device), 2004)
        assert scene.scope not in me(device).json()["directories"]
    driver = scene.device("driver")
    for scope in (s.field, s.enforcement, s.home, f"{s.other}.transfer", f"{s.new_id()}.transfer", "\0", "x"):
        problem(ask(scene, driver, scope.replace("\0", "%00")), 2004)
    problem(s.http.get(f"/api/v1/scopes/{scene.scope}/directory"), 2002)
    s.service.revoke(driver.enrolment)
    problem(ask(scene, driver), 2005)


def test_the_hash_moves_with_the_contents_and_with_nothing_else(scene: Scene) -> None:
    s, sender = scene.server, scene.device("sender")
    first, text = the_hash(scene, sender), ask(scene, sender).json()["directory"]
    s.clock.turn(hours=20)
    instrument = {"code": "I1", "kind": "pid", "model": "M", "serial_no": "1", "org_id": s.org}
    car = {"plate": "苏L·Z0001", "vehicle_class": "car", "carrier_id": s.org}
    s.service.write(
        None, [Write("instrument", s.new_id(), s.home, instrument), Write("vehicle", s.new_id(), s.home, car)]
    )
    s.service.write(None, [Write("soil_lot", s.new_id(), scene.scope, {"code": "K9", "kind": "pit"})])
    draft = scene.plan_values(version=2, filings=[])
    s.service.write(None, [Write("transfer_plan", s.new_id(), scene.scope, draft)])
    Device(s, s.sampler)
    assert the_hash(scene, sender) == first
    assert ask(scene, sender).json()["directory"] == text  # byte for byte: also since when it has said so
    seen = {first}

    def changed(what: str) -> None:
        now = the_hash(scene, sender)
        assert now not in seen, what
        seen.add(now)

    taker = scene.device("taker")
    changed("somebody enrolled")
    s.service.revoke(taker.enrolment)
    changed("a key was revoked")
    s.service.write(
        None,
        [
            Write(
                "vehicle",
                scene.trucks[1],
                s.home,
                {"plate": "苏L·B0919", "vehicle_class": "t4_31", "carrier_id": scene.carrier},
            )
        ],
    )
    changed("a truck of the plan has another plate")
    s.service.write(
        None, [Write("transfer_plan", scene.plan, scene.scope, scene.plan_values(suspended=True, suspend_reason="停"))]
    )
    changed("the plan was suspended")
    s.service.write(None, [Write("transfer_plan", s.new_id(), scene.scope, scene.plan_values(version=3))])
    changed("a newer version was filed")
    driver = scene.device("driver")
    changed("and somebody else enrolled")
    s.service.withdraw(scene.people["driver"], s.project, "party")
    assert the_hash(scene, sender) in seen  # the key stays, and so does what the person was
    problem(ask(scene, driver), 2004)
    plans = said_to(scene, sender).said["plans"]
    assert {(p["version"], p["state"]) for p in plans.values()} == {(1, "superseded"), (3, "filed")}


def test_two_servers_of_one_database_call_it_the_same(scene: Scene) -> None:
    from sync_server.service import Service

    s, sender = scene.server, scene.device("sender")
    s.clock.turn(hours=1)
    other = Service(s.service.store, s.service._key, s.clock)
    assert other.me(s.auth.caller(sender.token)).directories == me(sender).json()["directories"]
    kept = other.directory_of(s.project)
    assert kept is not None and kept.hash == the_hash(scene, sender)
    assert other.directory_of(s.new_id()) is None


def test_a_new_plan_a_first_load_and_a_new_key_reach_tablets_that_ask_by_state(scene: Scene) -> None:
    sender, driver = scene.device("sender"), scene.device("driver")
    state = me(driver).json()["state"]
    assert me(driver, state=state).status_code == 204
    scene.device("officer")
    answer = me(driver, state=state)
    assert answer.status_code == 200
    state = answer.json()["state"]
    manifest = scene.manifest()
    line = sender.change("manifest", manifest, scope=scene.scope)
    assert sender.push([line], scene.scope).status_code == 200
    answer = me(driver, state=state)
    assert answer.status_code == 200 and said_to(scene, driver).of("plans", scene.plan)["state"] == "active"
    assert me(driver, state=answer.json()["state"]).status_code == 204


def test_it_is_not_sent_again_to_who_has_it(scene: Scene) -> None:
    sender = scene.device("sender")
    tag = ask(scene, sender).headers["etag"]
    answer = ask(scene, sender, **{"If-None-Match": tag})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert ask(scene, sender, **{"If-None-Match": '"x"'}).status_code == 200


def test_a_key_counts_until_it_was_revoked_and_again_once_reinstated(scene: Scene) -> None:
    s, sender, driver = scene.server, scene.device("sender"), scene.device("driver")
    s.clock.turn(hours=2)
    at = s.clock()
    s.service.revoke(driver.enrolment, s.pm, "丢了")

    def key() -> Any:
        return next(k for k in said_to(scene, sender).keys.values() if k.key == evidence.public_of(driver.private))

    assert key().until == at
    s.clock.turn(hours=1)
    back = s.clock()
    s.service.reinstate(driver.enrolment, s.pm)
    s.clock.turn(hours=1)
    kid = kid_of(evidence.public_of(driver.private))

    def counts(at: datetime) -> bool:
        known = said_to(scene, sender).key(kid, at)
        return known is not None and known.since <= at and (known.until is None or at <= known.until)

    minute = timedelta(minutes=1)
    assert [counts(t) for t in (at - minute, at + minute, back - minute, back + minute)] == [True, False, False, True]
    s.service.revoke(driver.enrolment, s.pm)
    assert counts(s.clock() - minute) and not counts(s.clock() + minute) and counts(at - minute)


def test_who_left_stays_with_the_roles_she_had_and_a_former_sampler_is_nobodys_business(scene: Scene) -> None:
    s, sender = scene.server, scene.device("sender")
    for person in (s.sampler, s.former):
        Device(s, person)
    s.service.withdraw(s.former, s.project, "sampler")
    scene.device("driver")
    s.service.withdraw(scene.people["driver"], s.project, "party")
    keys = {k.person: k for k in said_to(scene, sender).keys.values()}
    assert keys[scene.people["driver"]].roles == {"party"}
    assert s.sampler not in keys and s.former not in keys
    # somebody who left before the log knew of it: better a name too many than a key too few
    with s.service.store.writing() as tx:
        tx.add_membership(s.stranger, s.project, "former")
    Device(s, s.stranger)
    assert {k.person: k for k in said_to(scene, sender).keys.values()}[s.stranger].roles == frozenset()


def test_a_revoked_key_of_which_nobody_knows_since_when_is_not_in_it(scene: Scene) -> None:
    """Neither genuine nor forged can be said of what it signed."""
    s, sender, driver = scene.server, scene.device("sender"), scene.device("driver")
    with s.service.store.writing() as tx:
        tx.set_key(driver.enrolment, state="revoked")
    s.service.write(None, [Write("enrolment", driver.enrolment, s.home, {**next(
        r.values for r in s.service.records("enrolment", s.home) if r.id == driver.enrolment), "state": "revoked"})])  # fmt: skip
    assert evidence.public_of(driver.private) not in {k.key for k in said_to(scene, sender).keys.values()}


def test_a_project_without_transfers_has_none_to_fetch(server: Server) -> None:
    device = Device(server, server.inspector)
    assert me(device).json()["directories"] == {}
    answer = server.http.get(f"/api/v1/scopes/{server.project}.transfer/directory", headers=device.auth)
    assert answer.status_code == 200  # asked all the same, it says what there is


def test_another_signature_another_scope_and_a_changed_letter_are_seen(scene: Scene) -> None:
    body = ask(scene, scene.device("sender")).json()
    key = scene.server.service.server_key
    assert Directory.signed(body["directory"].replace("高敏", "高明"), body["signature"], key) is None
    assert Directory.signed(body["directory"], body["signature"], evidence.public_of(evidence.new_key())) is None
    assert datetime.fromisoformat(Directory.signed(body["directory"], body["signature"], key).said["made_at"])  # type: ignore[union-attr]
    with pytest.raises(Trouble):
        scene.server.service.directory(
            scene.server.auth.caller(Device(scene.server, scene.server.sampler).token), scene.scope
        )
