"""People of other firms: they hand in legs, codes and photos of their own loads, and learn nothing of what others did."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

import httpx
import pytest

from schemas.rules.handover import read
from schemas.wire import Me
from sync_server.service import Write
from tests.api import access
from tests.api.conftest import AT, Device, Server, details, outcomes, problem
from tests.api.transfer_scene import NUMBER, PLATES, Scene, code_of, later, signed
from tests.api.tus import BLOBS, begin, picture, send

Values = dict[str, Any]
PARTY = ["disposal_record", "hand_over", "manifest_leg", "photo"]


@pytest.fixture
def scene(server: Server) -> Scene:
    return Scene(server)


def me(device: Device, **params: str) -> httpx.Response:
    return device.server.http.get("/api/v1/me", params=params, headers=device.auth)


def issued(scene: Scene, sender: Device) -> tuple[str, Values, list[Values]]:
    """(manifest id, its values, its first leg): made on the sender's device, handed in by nobody yet."""
    id, values = scene.server.new_id(), scene.manifest()
    at = scene.server.clock()
    leg = scene.leg(id, "issued", at, "高敏", scene.consignor)
    return id, values, [signed(sender.private, leg, [], values, scene.load(id, values))]


def depart(scene: Scene, driver: Device, id: str, legs: list[Values]) -> list[Values]:
    leg = scene.leg(id, "departed", later(scene.server.clock(), 5), "吴建", scene.carrier)
    return [*legs, signed(driver.private, leg, legs)]


def photo(data: bytes, subject: str) -> Values:
    return {"sha256": sha256(data).hexdigest(), "step": "loading", "subject_kind": "manifest", "subject_id": subject, "taken_at": AT,
            "source": "app_camera"}  # fmt: skip


def test_a_party_is_told_where_to_hand_in_and_that_it_does_not_read(scene: Scene) -> None:
    driver = scene.device("driver")
    said = Me.model_validate_json(me(driver).content)
    (grant,) = said.scopes
    assert (grant.scope, grant.audience, grant.roles, grant.reads) == (scene.scope, "transfer", ["party"], False)
    assert sorted(grant.writes) == PARTY and grant.name == "项目"
    assert said.heads == {} and list(said.directories or {}) == [scene.scope]
    # the same when it enrols; and whoever reads is told so as before
    enrolled = Device(scene.server, scene.people["taker"])
    assert [s["reads"] for s in me(enrolled).json()["scopes"]] == [False]
    assert {s["reads"] for s in me(scene.device("sender")).json()["scopes"]} == {True}
    # who drives for one project and samples in another reads that one alone
    scene.server.service.grant(scene.people["driver"], scene.server.other, "sampler")
    reads = {s["scope"]: s["reads"] for s in me(driver).json()["scopes"]}
    assert reads == {scene.scope: False, f"{scene.server.other}.field": True, scene.server.home: True}


def test_legs_of_a_party_wait_for_the_manifest_and_its_code_for_nothing(scene: Scene) -> None:
    sender, driver = scene.device("sender"), scene.device("driver")
    id, values, legs = issued(scene, sender)
    legs = depart(scene, driver, id, legs)
    lines = [
        driver.change("manifest_leg", legs[1], scope=scene.scope),
        driver.change("hand_over", code_of(legs), scope=scene.scope),
    ]
    answer = driver.push(lines, scene.scope)
    assert outcomes(answer) == ["parked", "applied"]
    (told,) = details(answer)
    assert told["missing"] == [f"manifest:{id}"]
    state = me(driver).json()["state"]
    assert me(driver, state=state).status_code == 204
    assert driver.outcomes([told["id"]], scene.scope).json()[0]["outcome"] == "parked"
    sender.push(
        [
            sender.change("manifest", values, id, scope=scene.scope),
            sender.change("manifest_leg", legs[0], scope=scene.scope),
        ],
        scene.scope,
    )
    assert me(driver, state=state).status_code == 200  # its own waits no longer
    assert driver.outcomes([told["id"]], scene.scope).json()[0]["outcome"] == "applied"
    # and what others do there is nothing new to it
    state = me(driver).json()["state"]
    sender.push([sender.change("manifest", scene.manifest("20263211000419"), scope=scene.scope)], scene.scope)
    assert me(driver, state=state).status_code == 204
    kept = scene.server.service.records("hand_over", scene.scope)
    assert read(kept[0].values["code"]).load.manifest == id


def test_a_party_pulls_nothing_not_even_its_own(scene: Scene) -> None:
    driver = scene.device("driver")
    _, _, legs = issued(scene, scene.device("sender"))
    driver.push([driver.change("hand_over", code_of(legs), scope=scene.scope)], scene.scope)
    for scope in (scene.scope, scene.server.field, scene.server.home, f"{scene.server.new_id()}.transfer"):
        problem(driver.pull(scope), 2004)
    answer = scene.server.http.post(f"/api/v1/scopes/{scene.scope}/seen", content=b'{"epoch":"x"}', headers=driver.auth)
    problem(answer, 2004)


def test_photos_of_a_party_come_whole_and_only_it_and_readers_see_them(scene: Scene) -> None:
    s, driver, taker, sender = scene.server, scene.device("driver"), scene.device("taker"), scene.device("sender")
    id, values, _ = issued(scene, sender)
    sender.push([sender.change("manifest", values, id, scope=scene.scope)], scene.scope)
    data, others = picture("load"), picture("office")
    assert outcomes(driver.push([driver.change("photo", photo(data, id), scope=scene.scope)], scene.scope)) == [
        "applied"
    ]
    assert send(s.http, driver.auth, data, scene.scope, "a.jpg").status_code == 204
    sender.push([sender.change("photo", photo(others, id), scope=scene.scope)], scene.scope)
    send(s.http, sender.auth, others, scene.scope, "b.jpg")

    def sees(device: Device, what: bytes) -> bool:
        url = f"{BLOBS}/{sha256(what).hexdigest()}"
        answers = [s.http.request(m, f"{url}{more}", headers=device.auth) for m in ("GET", "HEAD")
                   for more in ("", f"?scope={scene.scope}")] + [s.http.get(f"{url}/thumbnail", headers=device.auth)]  # fmt: skip
        assert len({a.status_code for a in answers}) == 1
        return answers[0].status_code == 200

    assert sees(driver, data) and sees(sender, data) and sees(sender, others)
    assert not sees(taker, data) and not sees(driver, others)
    # naming somebody's picture in a record of one's own opens nothing
    assert outcomes(driver.push([driver.change("photo", photo(others, id), scope=scene.scope)], scene.scope)) == [
        "applied"
    ]
    assert not sees(driver, others)
    problem(begin(s.http, driver.auth, "1" * 64, 9, f"{s.other}.transfer"), 2004)


def test_a_party_changes_what_it_handed_in_and_nothing_else(scene: Scene) -> None:
    s, driver, taker, sender = scene.server, scene.device("driver"), scene.device("taker"), scene.device("sender")
    heap = {
        "receiver_id": scene.receiver,
        "lot_code": "A-3",
        "from_date": "2026-11-22",
        "mass_t": "40.0",
        "stock_t": "0.0",
        "way": "cement_kiln",
    }
    mine = s.new_id()
    assert outcomes(taker.push([taker.change("disposal_record", heap, mine, scope=scene.scope)], scene.scope)) == [
        "applied"
    ]
    edit = taker.change("disposal_record", {"mass_t": "41.5"}, mine, {"mass_t": "40.0"}, scope=scene.scope)
    assert outcomes(taker.push([edit], scene.scope)) == ["applied"]

    def now() -> Values:
        return next(r.values for r in s.service.records("disposal_record", scene.scope) if r.id == mine)

    # another party, knowing its id: by an edit, an edit that guesses right, and by making it "anew"
    tries = [
        driver.change("disposal_record", {"mass_t": "1.0"}, mine, {"mass_t": "0.0"}, scope=scene.scope),
        driver.change("disposal_record", {"mass_t": "1.0"}, mine, {"mass_t": "41.5"}, scope=scene.scope),
        driver.change("disposal_record", {**heap, "stock_t": "9.0"}, mine, scope=scene.scope),
    ]
    answer = driver.push(tries, scene.scope)
    assert outcomes(answer) == ["parked"] * 3 and {d["problem"] for d in details(answer)} == {3123}
    assert now()["mass_t"] == "41.5" and now()["stock_t"] == "0.0"
    assert "41.5" not in answer.text
    # frozen ones are not compared with what was guessed either
    id, values, legs = issued(scene, sender)
    leg = s.new_id()
    sender.push(
        [
            sender.change("manifest", values, id, scope=scene.scope),
            sender.change("manifest_leg", legs[0], leg, scope=scene.scope),
        ],
        scene.scope,
    )
    guess = [
        driver.change("manifest_leg", {"who_name": w}, leg, {"who_name": "x"}, scope=scene.scope)
        for w in ("高敏", "别人")
    ]
    assert {(d["outcome"], d["problem"]) for d in details(driver.push(guess, scene.scope))} == {("parked", 3123)}
    # a person decides about it, and an edit of who reads there goes in as ever
    assert len(s.service.parked(scene.scope)) == 5
    fixed = sender.change("disposal_record", {"stock_t": "0.5"}, mine, {"stock_t": "0.0"}, scope=scene.scope)
    assert outcomes(sender.push([fixed], scene.scope)) == ["applied"]


def test_what_a_party_may_not_write_waits_as_ever(scene: Scene) -> None:
    driver = scene.device("driver")
    answer = driver.push([driver.change("manifest", scene.manifest(), scope=scene.scope)], scene.scope)
    assert outcomes(answer) == ["parked"] and details(answer)[0]["problem"] == 3003
    assert [r.values for r in scene.server.service.records("manifest", scene.scope)] == []


def test_a_lost_right_ends_nothing_that_was_recorded(scene: Scene) -> None:
    s, sender, driver = scene.server, scene.device("sender"), scene.device("driver")
    id, _, legs = issued(scene, sender)
    legs = depart(scene, driver, id, legs)
    s.service.withdraw(scene.people["driver"], s.project, "party")
    assert me(driver).json()["scopes"] == []
    answer = driver.push([driver.change("hand_over", code_of(legs), scope=scene.scope)], scene.scope)
    assert outcomes(answer) == ["parked"] and details(answer)[0]["problem"] == 3003
    s.service.grant(scene.people["driver"], s.project, "party")
    assert [r.values["number"] for r in s.service.records("hand_over", scene.scope)] == [NUMBER]


# --- whichever way it asks ------------------------------------------------------------------------------------------

OTHERS = ("高敏", "13800000002", PLATES[0], "苏L", "K2", "收 origin", "镇环审")
# what a party is told by name: the directory, which it judges codes by
TOLD = {"/api/v1/scopes/{scope}/directory"}


def test_no_address_tells_a_party_anything_of_others(scene: Scene) -> None:
    """Every GET of the application, with the ids of what others recorded, as a device and signed in at the console."""
    s, sender, driver = scene.server, scene.device("sender"), scene.device("driver")
    id, values, legs = issued(scene, sender)
    code = s.new_id()
    sender.push([sender.change("manifest", values, id, scope=scene.scope), sender.change("manifest_leg", legs[0], scope=scene.scope),
                 sender.change("hand_over", code_of(legs), code, scope=scene.scope)], scene.scope)  # fmt: skip
    data = picture("office")
    sender.push([sender.change("photo", photo(data, id), scope=scene.scope)], scene.scope)
    send(s.http, sender.auth, data, scene.scope)
    clash = s.new_id()
    values = {"subject_kind": "manifest", "subject_id": id, "change_id": s.new_id(), "field_name": "driver_phone",
              "before": "{}", "now": '{"driver_phone":"13800000002"}', "after": '{"driver_phone":"1"}'}  # fmt: skip
    s.service.write(None, [Write("conflict", clash, scene.scope, values)])
    s.auth.add_account(scene.people["driver"], "wu", "long enough")
    signed_in = s.http.post(
        "/console/login", data={"username": "wu", "password": "long enough"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    cookie = {"Cookie": signed_in.headers["set-cookie"].partition(";")[0]}
    known = {"project": s.project, "scope": scene.scope, "conflict": clash, "sha256": sha256(data).hexdigest(), "id": id, "plan": scene.plan,
             "type": "manifest", "number": values.get("number", NUMBER), "manifest": id, "collection": "manifest", "item": id}  # fmt: skip
    asked = 0
    for method, route in access.routes_of(s.app):
        if method != "GET" or route in TOLD:
            continue
        for more in (
            {},
            {"type": "transfer_plan", "id": scene.plan},
            {"type": "hand_over", "id": code},
            {"type": "vehicle", "id": scene.trucks[0]},
        ):
            there = re.sub(r"\{(\w+)(?::\w+)?\}", lambda m, names={**known, **more}: names.get(m[1], id), route)
            for headers in (driver.auth, cookie):
                with httpx.Client(transport=s.transport, base_url="http://sim") as client:
                    answer = client.get(there, headers=headers)
                found = [t for t in OTHERS if t in answer.text]
                assert not found, (there, found)
                asked += 1
    assert asked > 200


def test_what_a_party_is_answered_names_nothing_it_did_not_say(scene: Scene) -> None:
    """The answer to a push: its own ids, what they wait for, and no value of anybody."""
    s, sender, driver = scene.server, scene.device("sender"), scene.device("driver")
    id, values, legs = issued(scene, sender)
    sender.push(
        [
            sender.change("manifest", values, id, scope=scene.scope),
            sender.change("manifest_leg", legs[0], scope=scene.scope),
        ],
        scene.scope,
    )
    wrong = scene.leg(id, "departed", s.clock(), "吴建", scene.carrier) | {"org_id": s.new_id()}
    lines = [driver.change(type, {"note": "x"}, scope=scene.scope) for type in PARTY]
    lines += [driver.change("manifest_leg", signed(driver.private, wrong, legs), scope=scene.scope)]
    answer = driver.push(lines, scene.scope)
    assert answer.status_code == 200
    text = json.dumps(answer.json(), ensure_ascii=False)
    assert not [t for t in OTHERS if t in text], text


def test_a_party_says_what_its_own_firm_disposed_of_and_no_other(scene: Scene) -> None:
    s, driver, taker, sender = scene.server, scene.device("driver"), scene.device("taker"), scene.device("sender")
    id, values, _ = issued(scene, sender)
    sender.push([sender.change("manifest", values, id, scope=scene.scope)], scene.scope)
    heap = {"receiver_id": scene.receiver, "lot_code": "A-3", "from_date": "2026-11-22", "to_date": "2026-11-23", "manifests": [id],
            "mass_t": "18.0", "stock_t": "0.0", "way": "cement_kiln"}  # fmt: skip
    made = driver.push([driver.change("disposal_record", heap, scope=scene.scope)], scene.scope)
    assert [(d["outcome"], d["problem"]) for d in details(made)] == [("parked", 3124)]
    own = s.new_id()
    assert outcomes(
        driver.push(
            [driver.change("disposal_record", {**heap, "receiver_id": scene.carrier}, own, scope=scene.scope)],
            scene.scope,
        )
    ) == ["applied"]
    moved = driver.change("disposal_record", {"receiver_id": scene.receiver}, own, {"receiver_id": scene.carrier}, scope=scene.scope)  # fmt: skip
    assert [d["problem"] for d in details(driver.push([moved], scene.scope))] == [3124]
    assert outcomes(taker.push([taker.change("disposal_record", heap, scope=scene.scope)], scene.scope)) == ["applied"]
    firms = {r.values["receiver_id"] for r in s.service.records("disposal_record", scene.scope)}
    assert firms == {scene.carrier, scene.receiver}
