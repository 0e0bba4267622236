"""Sender, driver and receiver, each with the shipped store and syncer, and the shipped server: legs reach it in any order, and everybody
ends where the load is. The driver and the receiver are of other firms and pull nothing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from field_app.capture import photo
from field_app.clock import CHINA
from field_app.store import Edit, Store
from field_app.sync import Syncer, SyncResult
from schemas.records.hand_over import HandOver
from schemas.records.manifest_leg import ManifestLeg
from schemas.rules import evidence
from schemas.rules.handover import Directory, judged, read
from schemas.rules.handover.directory import MESSAGE
from schemas.rules.manifest import Story, fold, join
from sync_server.facts import FactsReader
from sync_server.service import Caller, Write
from tests.api.conftest import Device, Server
from tests.api.transfer_scene import Scene, code_of, later, signed
from tests.api.tus import picture

Values = dict[str, Any]


class Heard(httpx.BaseTransport):
    """Notes what is asked, and may change what is answered."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner, self.asked, self.forge = inner, list[str](), False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        answer = self.inner.handle_request(request)
        if self.forge and request.url.path.endswith("/directory"):
            body = json.loads(answer.read())
            body["directory"] = body["directory"].replace("高敏", "高明")
            headers = {"content-type": "application/json", "jingtu-protocol": "1"}
            return httpx.Response(200, content=json.dumps(body).encode(), headers=headers, request=request)
        return answer


class Tablet:
    """One person's; its clock is the server's."""

    def __init__(self, scene: Scene, who: str, folder: Path) -> None:
        self.scene, self.who = scene, who
        self.store = Store(folder / who, clock=self)
        self.net = Heard(scene.server.transport)
        self.syncer = Syncer(self.store, self.net, lambda _: None)
        code = scene.server.service.new_code(scene.people[who], scene.server.pm)
        self.syncer.enrol("http://sim", code, who)

    def now(self) -> datetime:
        return self.scene.server.clock().astimezone(CHINA)

    def mono_ms(self) -> int:
        return int(self.now().timestamp() * 1000)

    @property
    def key(self) -> bytes:
        return self.store.keys.require().private_key

    def sync(self) -> SyncResult:
        self.net.asked.clear()
        result = self.syncer.run()
        assert result.reached and result.problems == [] and result.digests_equal, result
        return result

    def keep(self, type: str, values: Values, record: str | None = None) -> None:
        self.store.finalize([Edit(type, record or self.store.new_id(), self.scene.scope, values)], complete=False)

    def story(self, manifest: str) -> Story | None:
        """As its own rules see the load, by what is on this tablet alone."""
        kept = self.store.directory(self.scene.scope)
        legs = [ManifestLeg.of(s.id, s.values) for s in self.store.all("manifest_leg")]
        codes = [HandOver.of(s.id, s.values) for s in self.store.all("hand_over")]
        joined = join(legs, codes, kept[0] if kept else None, self.now())
        return fold(joined.legs[manifest]) if manifest in joined.legs else None


@pytest.fixture
def scene(server: Server) -> Scene:
    return Scene(server)


@pytest.fixture
def tablets(scene: Scene, tmp_path: Path) -> Iterator[dict[str, Tablet]]:
    made = {who: Tablet(scene, who, tmp_path) for who in ("sender", "driver", "taker")}
    yield made
    for t in made.values():
        t.store.close()


def drive(scene: Scene, tablets: dict[str, Tablet]) -> str:
    """A whole load without a network: each sees the code the other shows, and signs on top of it."""
    sender, driver, taker = tablets["sender"], tablets["driver"], tablets["taker"]
    id, values, at = sender.store.new_id(), scene.manifest(), scene.server.clock()
    legs = [
        signed(sender.key, scene.leg(id, "issued", at, "高敏", scene.consignor), [], values, scene.load(id, values))
    ]
    sender.keep("manifest", values, id)
    sender.keep("manifest_leg", legs[0])
    sender.keep("hand_over", code_of(legs, way="own"))
    driver.keep("hand_over", code_of(legs))
    for kind, who, name, org, minutes in (
        ("departed", driver, "吴建", scene.carrier, 5), ("arrived", driver, "吴建", scene.carrier, 50),
        ("received", taker, "孙华", scene.receiver, 60),
    ):  # fmt: skip
        legs = [*legs, signed(who.key, scene.leg(id, kind, later(at, minutes), name, org), legs)]
        who.keep("manifest_leg", legs[-1])
        for other in (driver, taker):
            if kind == "received" or other is driver:
                other.keep("hand_over", code_of(legs, way="own" if other is who else "photo"))
    sender.keep("hand_over", code_of(legs[:2], purpose="answer"))
    scene.server.clock.turn(hours=2)
    return id


def server_story(scene: Scene, id: str) -> Story:
    facts = FactsReader(scene.server.service).facts(scene.server.project, scene.server.clock())
    assert facts.directory is not None
    return facts.story(id)


@pytest.mark.parametrize("order", list(itertools.permutations(("sender", "driver", "taker"))), ids="-".join)
def test_everybody_ends_where_the_load_is(scene: Scene, tablets: dict[str, Tablet], order: tuple[str, ...]) -> None:
    for t in tablets.values():
        t.sync()
    id = drive(scene, tablets)
    known = {
        "sender": ("departed", 2),
        "driver": ("received", 4),
        "taker": ("received", 4),
    }  # what each saw with own eyes
    for who, (state, steps) in known.items():
        story = tablets[who].story(id)
        assert story is not None and (story.state, len(story.steps)) == (state, steps), who
    for n, who in enumerate(order):
        tablets[who].sync()
        story = server_story(scene, id)
        best = max(known[w][1] for w in order[: n + 1])
        assert len(story.steps) == best and story.contradictions == (), (order, n, story.open)
        assert story.state == ("received" if best == 4 else "departed")
    for who in order:  # what waited for the manifest is there now, and the sender learns the rest
        tablets[who].sync()
        tablets[who].sync()
    for who, t in tablets.items():
        story = t.story(id)
        assert story is not None and (story.state, len(story.steps), story.contradictions) == ("received", 4, ()), who
        counts = t.store.counts()
        assert (counts["pending"], counts["parked"], counts["rejected"]) == (0, 0, 0), who
        t.sync()
        assert t.net.asked == ["GET /api/v1/me"], who  # nothing is new, on one request
    assert server_story(scene, id).state == "received"
    legs = scene.server.service.records("manifest_leg", scene.scope)
    assert sorted(r.values["kind"] for r in legs) == ["arrived", "departed", "issued", "received"]
    # the other firms' tablets hold what is theirs, now as then
    shown = {
        who: (len(t.store.all("manifest")), len(t.store.all("manifest_leg")), len(t.store.all("hand_over")))
        for who, t in tablets.items()
    }
    assert shown == {"sender": (1, 4, 7), "driver": (0, 2, 4), "taker": (0, 1, 1)}
    assert {s.state for s in tablets["driver"].store.all("manifest_leg")} == {"accepted"}
    for who in ("driver", "taker"):
        assert not [a for a in tablets[who].net.asked if "pull" in a]
        assert tablets[who].store._rows("SELECT count(*) FROM manifest_leg") == [(0,)]


def test_a_party_never_asks_for_a_row(scene: Scene, tablets: dict[str, Tablet]) -> None:
    drive(scene, tablets)
    driver = tablets["driver"]
    asked: list[str] = []
    for _ in range(3):
        driver.sync()
        asked += driver.net.asked
        tablets["sender"].sync()
    paths = {a.rpartition("/")[2] for a in asked}
    assert "pull" not in paths and "seen" not in paths and {"push", "outcomes", "directory", "me"} <= paths


def test_codes_are_judged_by_the_directory_and_it_comes_when_it_changed(
    scene: Scene, tablets: dict[str, Tablet]
) -> None:
    driver = tablets["driver"]
    assert driver.store.directory(scene.scope) is None
    driver.sync()
    directory, at = driver.store.directory(scene.scope) or pytest.fail("no directory")
    assert at == driver.now()
    id = drive(scene, tablets)
    code = read(driver.store.all("hand_over")[-1].values["code"])
    assert judged(code, directory, driver.now()).worth == "genuine"
    assert code.load.manifest == id
    driver.sync()
    # a stranger's tablet that enrolled after that: cannot say, until the directory comes
    late = Tablet(scene, "officer", driver.store.folder.parent)
    late.sync()
    assert judged(code, (late.store.directory(scene.scope) or [None])[0], late.now()).worth == "genuine"
    scene.server.service.grant(scene.server.stranger, scene.server.project, "dispatcher")
    Device(scene.server, scene.server.stranger)
    driver.sync()
    assert "GET /api/v1/scopes/" + scene.scope + "/directory" in driver.net.asked
    driver.sync()
    assert driver.net.asked == ["GET /api/v1/me"]
    # nothing new says that it still stands
    scene.server.clock.turn(hours=3)
    driver.sync()
    assert driver.net.asked[-1:] == ["GET /api/v1/me"]
    assert (driver.store.directory(scene.scope) or (0, 0))[1] == driver.now()
    late.store.close()


def test_a_directory_the_server_did_not_sign_is_refused_loudly_and_the_old_one_stays(
    scene: Scene, tablets: dict[str, Tablet]
) -> None:
    driver = tablets["driver"]
    driver.sync()
    before = driver.store.directory(scene.scope)
    scene.server.service.write(
        None, [Write("soil_lot", scene.lot, scene.scope, {"code": "K2", "kind": "pit", "density_t_m3": "1.70"})]
    )
    driver.net.forge = True
    drive(scene, tablets)
    driver.net.asked.clear()
    result = driver.syncer.run()
    assert [t.problem.number for t in result.problems] == [6101] and result.acknowledged == 6 - result.parked
    assert driver.store.counts()["pending"] == 0  # records are not touched by it
    assert driver.store.directory(scene.scope) == before
    driver.net.forge = False
    driver.sync()
    kept = driver.store.directory(scene.scope)
    assert kept is not None and kept[0].of("lots", scene.lot)["density"] == "1.70"


def test_a_directory_of_another_scope_under_the_right_key_is_refused(
    scene: Scene, tablets: dict[str, Tablet], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = tablets["driver"]
    driver.sync()
    s = scene.server.service
    kept = s.directory_of(scene.server.other)
    assert kept is not None and evidence.verify(s.server_key, MESSAGE + kept.text.encode(), kept.signature)
    monkeypatch.setattr(s, "directory", lambda *_: kept)
    scene.server.clock.turn(minutes=1)
    Tablet(scene, "officer", driver.store.folder.parent).store.close()
    result = driver.syncer.run()
    assert [t.problem.number for t in result.problems] == [6101]
    assert isinstance((driver.store.directory(scene.scope) or (None,))[0], Directory)


def test_a_restored_server_gets_it_all_again_from_who_pulls_nothing(scene: Scene, tablets: dict[str, Tablet]) -> None:
    driver = tablets["driver"]
    id = drive(scene, tablets)
    driver.sync()
    with (
        scene.server.service.store.writing() as tx
    ):  # the server's data becomes another: its tablets offer what they made
        scene.server.service.begin_epoch(tx, tx.setting("epoch"))
    result = driver.syncer.run()
    assert result.problems == [] and driver.store.counts()["pending"] == 0
    story = driver.story(id)
    assert story is not None and story.state == "received"
    driver.sync()
    driver.sync()
    assert driver.net.asked == ["GET /api/v1/me"]


def test_a_party_beside_a_dispatcher_on_one_tablet(scene: Scene, tablets: dict[str, Tablet]) -> None:
    """The dispatcher's rows are pulled, the driver's view stays his own."""
    sender, driver = tablets["sender"], tablets["driver"]
    drive(scene, tablets)
    code = scene.server.service.new_code(scene.people["officer"], scene.server.pm)
    scene.server.service.withdraw(scene.people["officer"], scene.server.project, "inspector")
    scene.server.service.grant(scene.people["officer"], scene.server.project, "party")
    sender.syncer.enrol("http://sim", code, "x", beside=True)
    own = next(e for e, name in sender.store.people() if name == "许静")
    sender.store.turn(own)
    sender.sync()
    assert sender.store.all("manifest") == [] and sender.store.all("hand_over") == []
    driver.sync()
    sender.sync()
    assert sender.store.all("hand_over") == []
    other = next(e for e, name in sender.store.people() if name == "高敏")
    sender.store.turn(other)
    assert len(sender.store.all("manifest")) == 1 and len(sender.store.all("hand_over")) >= 4


def test_photos_of_a_driver_come_and_are_not_owed_again(scene: Scene, tablets: dict[str, Tablet]) -> None:
    driver = tablets["driver"]
    id = drive(scene, tablets)
    kept = photo.keep(driver.store.folder, picture("load", 1200, 900))
    about = {"sha256": kept.sha256, "step": "loading", "subject_kind": "manifest", "subject_id": id, "taken_at": driver.now().isoformat(),
             "source": "app_camera"}  # fmt: skip
    driver.keep("photo", about)
    result = driver.sync()
    assert (result.photos, result.photo_problems) == (
        1,
        [],
    ) and result.parked == 3  # two legs and the photo wait for the manifest
    assert driver.store.photos_there() == {kept.sha256}
    tablets["sender"].sync()
    driver.sync()
    assert driver.store.counts()["parked"] == 0 and [s.state for s in driver.store.all("photo")] == ["accepted"]
    seen = scene.server.service.see_blob(Caller(scene.people["sender"]), kept.sha256)
    assert seen.blob.kind == "jpg"
