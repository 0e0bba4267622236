"""The identity file: keys locked by a PIN, wrong tries, power cuts, and files of before there were PINs."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from field_app import pin, storage
from field_app.clock import CHINA
from field_app.keys import Identity, Keys
from field_app.lone import hold
from field_app.store import Store
from field_app.sync import Syncer
from schemas import canonical
from schemas.problems import Trouble
from schemas.rules import evidence
from tests.unit.tablet import FIELD, comment, open_store

PIN, OTHER = "246810", "975310"
WRONG = "999000"


class Clock:
    def __init__(self) -> None:
        self.wall, self.mono = datetime(2026, 11, 21, 10, tzinfo=CHINA), 5_000

    def now(self) -> datetime:
        return self.wall

    def mono_ms(self) -> int:
        return self.mono

    def later(self, seconds: float) -> None:
        self.mono += int(seconds * 1000)


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "N", 2**4)  # the figures lie in each file, so that opening needs no more


def somebody(n: int = 1, **more: Any) -> Identity:
    key = evidence.new_key()
    server = evidence.public_of(bytes(range(32)))
    made = Identity(f"e{n}", "d1", "A1", f"p{n}", f"人{n}", "http://s", server, key, os.urandom(32))
    return made._replace(**more)


def folder_with(folder: Path, *people: Identity, pins: bool = True) -> Keys:
    folder.mkdir(exist_ok=True)
    keys = Keys(folder, Clock())
    for one in people:
        keys.save(one)
        if pins:
            keys.set_pin(one.enrolment, PIN)
    return keys


# --- locked and opened -----------------------------------------------------------------------------------------------


def test_a_key_is_locked_in_the_file_and_opened_by_its_pin(tmp_path: Path) -> None:
    who = somebody()
    folder_with(tmp_path, who)
    text = (tmp_path / "identity.json").read_text()
    for secret in (who.private_key, who.salt_key):
        assert evidence.b64(secret) not in text and secret.hex() not in text
    assert PIN not in text

    keys = Keys(tmp_path, Clock())
    shut = keys.require()
    assert shut.locked and shut.private_key == shut.salt_key == b"" and keys.has_pin("e1")
    public = (shut.person_name, shut.device_code, shut.server_url, shut.server_key)  # who is here can be shown
    assert public == (who.person_name, who.device_code, who.server_url, who.server_key)
    assert not keys.unlock("e1", WRONG) and keys.require().locked
    assert keys.unlock("e1", PIN)
    assert keys.require() == who == keys.identities["e1"]
    assert not keys.unlock("e1", WRONG) and not keys.require().locked  # open until the process ends, and still no yes


def test_each_person_has_an_own_pin(tmp_path: Path) -> None:
    keys = folder_with(tmp_path, somebody(1), somebody(2))
    keys.set_pin("e2", OTHER)
    keys = Keys(tmp_path, Clock())
    assert keys.unlock("e2", OTHER) and not keys.unlock("e1", OTHER)
    keys.turn("e1")  # whose turn it is may change while a key is locked, and the locked one is kept
    again = Keys(tmp_path, Clock())
    assert again.require().enrolment == "e1"
    assert again.unlock("e1", PIN) and again.unlock("e2", OTHER)


def test_a_box_fits_only_its_enrolment_and_the_figures_of_a_file_are_bounded(tmp_path: Path) -> None:
    folder_with(tmp_path, somebody(1), somebody(2))
    path = tmp_path / "identity.json"
    data = json.loads(path.read_text())
    one, two = data["identities"]
    one["sealed"], two["sealed"] = two["sealed"], one["sealed"]
    path.write_text(json.dumps(data))
    assert not Keys(tmp_path, Clock()).unlock("e1", PIN)
    one["sealed"]["n"] = 2**30  # a terabyte
    path.write_text(json.dumps(data))
    assert not Keys(tmp_path, Clock()).unlock("e1", PIN)
    one["sealed"].update(n=3, box="*")
    path.write_text(json.dumps(data))
    assert not Keys(tmp_path, Clock()).unlock("e1", PIN)


def test_what_is_sealed_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the figures that are shipped
    sealed = pin.seal(PIN, b"p" * 32, b"s" * 32, "e1", "k")
    assert (sealed.n, sealed.r, sealed.p) == (2**15, 8, 1) and 128 * sealed.n * sealed.r == 32 * 2**20
    assert pin.unseal(PIN, sealed, "e1") == (b"p" * 32, b"s" * 32) and pin.unseal(PIN, sealed, "e2") is None
    assert sealed.salt != pin.seal(PIN, b"p" * 32, b"s" * 32, "e1", "k").salt


@pytest.mark.parametrize(
    "bad", ["000000", "111111", "123456", "654321", "567890", "098765", "121212", "123123", "112112"]
)
def test_easy_pins_are_none(tmp_path: Path, bad: str) -> None:
    assert pin.fit(bad) and pin.easy(bad)
    keys = folder_with(tmp_path, somebody(), pins=False)
    with pytest.raises(ValueError):
        keys.set_pin("e1", bad)
    assert not keys.has_pin("e1")


@pytest.mark.parametrize("good", ["246810", "975310", "135791", "100200"])
def test_others_are(good: str) -> None:
    assert pin.fit(good) and not pin.easy(good)


@pytest.mark.parametrize("bad", ["", "12345", "1234567", "１２３４５６", "24681a", "24681٠"])
def test_six_digits(bad: str) -> None:
    assert not pin.fit(bad)


# --- wrong tries -----------------------------------------------------------------------------------------------------


def test_wrong_tries_make_one_wait_longer_and_longer(tmp_path: Path) -> None:
    folder_with(tmp_path, somebody())
    clock = Clock()
    keys = Keys(tmp_path, clock)
    waits = []
    for _ in range(13):
        clock.later(keys.tries.wait_s("e1"))
        assert not keys.unlock("e1", WRONG)
        waits.append(keys.tries.wait_s("e1"))
    assert waits == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900, 900]
    with pytest.raises(Trouble) as told:
        keys.unlock("e1", PIN)  # even the right one
    assert told.value.problem.number == 2007 and "900" in told.value.text("zh")
    assert keys.tries.wrong("e1") == 13  # what was refused is not counted
    clock.later(900)
    assert keys.unlock("e1", PIN) and keys.tries.wrong("e1") == keys.tries.wait_s("e1") == 0
    assert json.loads((tmp_path / "tries.json").read_text()) == {}


def test_tries_survive_a_restart_and_no_turned_clock_shortens_the_wait(tmp_path: Path) -> None:
    folder_with(tmp_path, somebody())
    clock = Clock()
    clock.mono = 10_000_000
    for _ in range(5):
        keys = Keys(tmp_path, clock)  # a restart after each
        keys.unlock("e1", WRONG)
    keys = Keys(tmp_path, clock)
    assert keys.tries.wrong("e1") == 5 and keys.tries.wait_s("e1") == 30
    for days in (400, -400):
        clock.wall += timedelta(days=days)
        assert Keys(tmp_path, clock).tries.wait_s("e1") == 30
    clock.later(12)
    assert Keys(tmp_path, clock).tries.wait_s("e1") == 18
    clock.mono = 4_000  # the device was started anew, four seconds ago: from there, and no longer than the wait itself
    assert Keys(tmp_path, clock).tries.wait_s("e1") == 26
    clock.mono = 0
    assert Keys(tmp_path, clock).tries.wait_s("e1") == 30


def test_a_try_counts_before_it_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_with(tmp_path, somebody())
    keys = Keys(tmp_path, Clock())

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("field_app.keys.unseal", killed)
    with pytest.raises(KeyboardInterrupt):
        keys.unlock("e1", WRONG)
    assert Keys(tmp_path, Clock()).tries.wrong("e1") == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"e1": 7}', '{"e1": ["x", 1]}'])
def test_a_hurt_file_of_tries_stops_nobody(tmp_path: Path, text: str) -> None:
    folder_with(tmp_path, somebody())
    (tmp_path / "tries.json").write_text(text)
    keys = Keys(tmp_path, Clock())
    assert keys.tries.wrong("e1") == 0 and keys.unlock("e1", PIN)


def test_a_full_device_opens_and_counts_as_long_as_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_with(tmp_path, somebody())
    keys = Keys(tmp_path, Clock())
    real = os.open

    def full(path: Any, flags: int, *more: Any) -> int:
        if flags & os.O_WRONLY:
            raise OSError(28, "full")
        return real(path, flags, *more)

    monkeypatch.setattr(storage.os, "open", full)
    for _ in range(5):
        assert not keys.unlock("e1", WRONG)
    assert keys.tries.wait_s("e1") == 30
    keys.tries._clock.later(30)  # type: ignore[attr-defined]
    assert keys.unlock("e1", PIN) and keys.require().private_key


# --- a power cut, an older file --------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False], ids=["setting", "changing"])
@pytest.mark.parametrize("step", ["open", "dump", "fsync", "replace"])
def test_a_power_cut_leaves_the_old_pin_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, first: bool
) -> None:
    who = somebody()
    keys = folder_with(tmp_path, who, pins=not first)
    before = (tmp_path / "identity.json").read_bytes()

    class Cut(BaseException):
        pass

    def cut(*_: Any, **__: Any) -> None:
        raise Cut

    target = storage.json if step == "dump" else storage.os
    monkeypatch.setattr(target, step, cut)
    with pytest.raises(Cut):
        keys.set_pin("e1", OTHER)
    monkeypatch.undo()
    assert (tmp_path / "identity.json").read_bytes() == before
    again = Keys(tmp_path, Clock())
    assert again.require() == who if first else again.unlock("e1", PIN)
    assert not again.require().locked and again.require() == who
    monkeypatch.setattr(pin, "N", 2**4)
    again.set_pin("e1", OTHER)
    assert Keys(tmp_path, Clock()).unlock("e1", OTHER) and not Keys(tmp_path, Clock()).unlock("e1", PIN)


def test_a_full_device_keeps_the_old_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = folder_with(tmp_path, somebody())

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(storage.json, "dump", full)
    with pytest.raises(Trouble) as told:
        keys.set_pin("e1", OTHER)
    monkeypatch.undo()
    assert told.value.problem.number == 5001 and not list(tmp_path.glob("*.new"))
    assert Keys(tmp_path, Clock()).unlock("e1", PIN)


def test_files_of_before_there_were_pins_open_without_one(tmp_path: Path) -> None:
    who = somebody()
    secrets = {k: evidence.b64(getattr(who, k)) for k in ("private_key", "salt_key")}
    entry = {**who._asdict(), **secrets}
    for text in (entry, {"active": "e1", "identities": [entry]}):  # of 0.1.0, of 0.2.0
        (tmp_path / "identity.json").write_text(json.dumps(text))
        keys = Keys(tmp_path, Clock())
        assert keys.require() == who and not keys.has_pin("e1")
    keys.set_pin("e1", PIN)
    assert secrets["private_key"] not in (tmp_path / "identity.json").read_text()
    again = Keys(tmp_path, Clock())
    assert again.unlock("e1", PIN) and again.require() == who


def test_a_locked_identity_saved_with_another_address_keeps_its_lock_and_a_new_key_does_not(tmp_path: Path) -> None:
    who = somebody()
    folder_with(tmp_path, who)
    keys = Keys(tmp_path, Clock())
    keys.save(keys.require()._replace(server_url="http://t"))
    keys = Keys(tmp_path, Clock())
    assert keys.unlock("e1", PIN) and keys.require() == who._replace(server_url="http://t")
    other = who._replace(private_key=evidence.new_key())
    keys.save(other)
    assert not keys.has_pin("e1") and Keys(tmp_path, Clock()).require() == other
    with pytest.raises(ValueError):  # nobody saves an identity whose key is nowhere
        keys.save(other._replace(enrolment="e9", private_key=b""))
    assert Keys(tmp_path, Clock()).require() == other


def test_the_draft_of_an_enrolment_is_dropped_when_its_key_is_in_use_also_behind_a_pin(tmp_path: Path) -> None:
    keys = Keys(tmp_path, Clock())
    private, salt_key = keys.draft("c1")
    draft = (tmp_path / "enrolling.json").read_bytes()
    keys.save(somebody(private_key=private, salt_key=salt_key))
    keys.set_pin("e1", PIN)
    (tmp_path / "enrolling.json").write_bytes(draft)  # the power went before it was dropped
    keys = Keys(tmp_path, Clock())
    assert keys.draft("c2")[0] != private


# --- what a locked key means for the store and for sync --------------------------------------------------------------


def shared(folder: Path) -> Store:
    """Two people, a change of each; opened anew."""
    store = open_store(folder)
    first = store.keys.require()
    store.finalize([comment(store, "一")])
    second = first._replace(
        enrolment=store.new_id(),
        person=store.new_id(),
        person_name="二",
        private_key=evidence.new_key(),
        salt_key=b"2" * 32,
    )
    store.keys.save(second)
    store.grant(store.scopes(first))
    store.finalize([comment(store, "二")])
    for who in (first, second):
        store.keys.set_pin(who.enrolment, PIN)
    store.turn(first.enrolment)
    store.close()
    return Store(folder)


def test_nothing_is_recorded_with_a_locked_key(tmp_path: Path) -> None:
    store = shared(tmp_path)
    with pytest.raises(Trouble) as told:
        store.finalize([comment(store, "三")])
    assert told.value.problem.number == 2011 and store.counts()["finalized"] == 2
    assert store.keys.unlock(store.keys.require().enrolment, PIN)
    assert store.finalize([comment(store, "三")])
    store.close()


def test_a_sync_sends_for_who_has_unlocked_and_says_what_waits(tmp_path: Path) -> None:
    store = shared(tmp_path)
    assert {k: store.counts()[k] for k in ("pending", "foreign", "locked")} == {"pending": 2, "foreign": 0, "locked": 2}
    spoke: list[str] = []

    def server(request: httpx.Request) -> httpx.Response:
        """Takes nothing, but one sees who comes."""
        if request.url.path.endswith("/token"):
            claims = dict(x.split("=", 1) for x in request.content.decode().split("&"))["assertion"].split(".")[1]
            spoke.append(canonical.loads(evidence.unb64(claims))["iss"])
        return httpx.Response(503, json=Trouble(1101).body(), headers={"content-type": "application/problem+json"})

    syncer = Syncer(store, httpx.MockTransport(server), pause=lambda _: None)
    result = syncer.run()
    assert spoke == [] and [p.problem.number for p in result.problems] == [1209] and not result.reached
    assert "2" in result.problems[0].text("zh")
    first = store.keys.require().enrolment
    assert store.keys.unlock(first, PIN)
    result = syncer.run()
    assert set(spoke) == {first} and 1209 in [p.problem.number for p in result.problems]
    assert store.counts()["locked"] == 1 and store.pending_scopes() == [FIELD]
    (other,) = (e for e, _ in store.people() if e != first)
    assert store.keys.unlock(other, PIN)
    result = syncer.run()
    assert set(spoke) >= {first} and 1209 not in [p.problem.number for p in result.problems]
    assert store.counts()["locked"] == 0
    store.close()


def test_after_a_restore_what_a_locked_person_sent_before_is_offered_once_unlocked(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    former = store.keys.require()
    store.finalize([comment(store, "旧登记时")])
    with store._write() as db:
        db.execute("DELETE FROM pending")  # it was sent
    new = former._replace(enrolment=store.new_id(), private_key=evidence.new_key(), salt_key=b"n" * 32)
    store.keys.save(new)
    store.keys.set_pin(new.enrolment, PIN)
    store.close()

    store = Store(tmp_path)
    store.new_epoch("e2")
    assert {k: store.counts()[k] for k in ("pending", "foreign", "locked")} == {"pending": 1, "foreign": 0, "locked": 1}
    assert store.keys.unlock(new.enrolment, PIN)
    assert store.carry_over(store.keys.require()) == 1
    assert {k: store.counts()[k] for k in ("pending", "foreign", "locked")} == {"pending": 1, "foreign": 0, "locked": 0}
    batch = store.batch(FIELD, 10)
    assert batch and batch.links == evidence.links(
        batch.prev, new.salt_key, list(zip(batch.ids, batch.lines, strict=True))
    )
    store.close()


def test_a_forgotten_pin_loses_nothing(tmp_path: Path) -> None:
    """A new code: enrolled again, and what was not sent is made again in the new chain."""
    store = open_store(tmp_path)
    old = store.keys.require()
    made = store.finalize([comment(store, "还没交")])[0]
    store.save_draft(*comment(store, "草稿"))
    store.keys.set_pin(old.enrolment, PIN)
    store.close()

    store = Store(tmp_path)  # nobody knows the PIN any more
    assert store.keys.require().locked
    private, salt_key = store.keys.draft("new")
    new = old._replace(enrolment=store.new_id(), device=store.new_id(), private_key=private, salt_key=salt_key)
    store.keys.save(new)
    assert store.carry_over(new) == 1
    store.keys.set_pin(new.enrolment, OTHER)
    store.close()

    store = Store(tmp_path)
    assert [e for e, _ in store.people()] == [new.enrolment] and store.keys.unlock(new.enrolment, OTHER)
    (change,) = (c for _, _, c in store.changes())
    assert (change.id, change.after["text"]) == (made.id, "还没交") and len(store.drafts()) == 1
    batch = store.batch(FIELD, 10)
    assert batch and batch.enrolment == new.enrolment and batch.ids == [made.id]
    assert store.counts()["foreign"] == store.counts()["locked"] == 0
    store.close()


# --- one process -----------------------------------------------------------------------------------------------------


def test_a_folder_is_held_by_one(tmp_path: Path) -> None:
    held = hold(tmp_path / "t")
    assert held is not None
    with pytest.raises(Trouble) as told:
        hold(tmp_path / "t")  # a second open file counts as another process does
    assert told.value.problem.number == 5009 and str(tmp_path) in told.value.text("en")
    held.close()
    again = hold(tmp_path / "t")
    assert again is not None
    again.close()


def test_without_room_for_the_lock_the_app_opens_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr("builtins.open", full)
    assert hold(tmp_path) is None
