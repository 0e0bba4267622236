"""Large changes, a base that is replaced, and unsent work that moves on to a new enrolment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from field_app.keys import Identity
from field_app.store import Edit, Store
from field_app.store import outgoing as stores
from field_app.sync import Syncer
from schemas import change
from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.wire import Outcome, PushAnswer
from sync_server.main import create_app
from sync_server.service import Write
from sync_server.settings import Settings
from tests.sim.transport import AppTransport
from tests.unit.tablet import FIELD, Rows, answer, comment, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path / "t")
    yield made
    made.close()


def enrolled(store: Store, person: str | None = None) -> tuple[Identity, Identity]:
    """(before, after) a second enrolment of this tablet."""
    old = store.keys.require()
    new = old._replace(
        enrolment=store.new_id(), device=store.new_id(), private_key=evidence.new_key(), salt_key=bytes([7]) * 32,
        person=person or old.person,
    )  # fmt: skip
    store.keys.save(new)
    return old, new


def push(store: Store, *outcomes: tuple[Outcome, int | None]) -> None:
    batch = store.batch(FIELD, len(outcomes))
    assert batch
    store.acknowledge(batch, answer(store, batch, list(outcomes)))


def texts(store: Store) -> set[str]:
    return {s.values["text"] for s in store.all("comment")}


# --- size ------------------------------------------------------------------------------------------------------------


def test_a_batch_is_bounded_by_bytes_and_has_always_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made = store.finalize([comment(store, f"{n}" * 3000) for n in range(5)])
    size = len(made[0].line)
    for room, count in ((10, 1), (size, 1), (2 * size, 2), (3 * size - 1, 2), (100 * size, 5)):
        monkeypatch.setattr(stores, "BATCH_BYTES", room)
        batch = store.batch(FIELD, 500)
        assert batch and len(batch.lines) == count and batch.left == 5 - count
        assert batch.links == evidence.links(batch.prev, bytes(32), [(c.id, c.line) for c in made[:count]])


@pytest.mark.parametrize("number", [1002, 1004])
def test_what_is_too_much_is_halved(store: Store, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store.finalize([comment(store) for _ in range(9)])
    syncer, sizes, most = Syncer(store), list[int](), 2

    def send(ready: Any, tries: list[int], gone: Any) -> PushAnswer:
        batch = ready.batch
        sizes.append(len(batch.lines))
        if len(batch.lines) > most:
            raise Trouble(number, limit=1)
        return answer(store, batch, [(Outcome.PARKED, None)] * len(batch.lines))

    monkeypatch.setattr(syncer, "_send", send)
    syncer._tell, syncer._who = lambda _: None, store.keys.require()
    syncer._push(FIELD)
    assert sizes == [9, 4, 2, 2, 2, 2, 1] and store.counts()["pending"] == 0
    store.finalize([comment(store) for _ in range(3)])
    most = 0
    with pytest.raises(Trouble) as err:
        syncer._push(FIELD)
    assert err.value.problem.number == number and sizes[-2:] == [2, 1] and store.counts()["pending"] == 3


def test_a_change_nobody_can_take_is_refused_with_its_name(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change, "MAX_BYTES", 3000)
    big = comment(store, "x" * 3500)
    store.save_draft(*big)
    with pytest.raises(Trouble) as err:
        store.finalize([comment(store), big])
    assert err.value.problem.number == 5002 and list(err.value.extra["faults"]) == [big.record]
    assert all(big.record[-6:] in err.value.text(lang) for lang in ("zh", "en"))
    assert store.changes() == [] and len(store.drafts()) == 1 and store.all("comment") == []


# --- a base that is replaced -----------------------------------------------------------------------------------------


def test_the_old_base_stays_until_the_new_one_is_here(tmp_path: Path) -> None:
    store, rows = open_store(tmp_path), Rows()
    ids = [store.new_id() for _ in range(5)]
    for n, id in enumerate(ids):
        rows.put("comment", id, comment(store, f"{n}").values)
    rows.put("strange", store.new_id(), {"a": 1})
    rows.pull(store)
    store.finalize([comment(store, "mine", ids[0]), comment(store, "edit", ids[4])])
    gone = [rows.rows.pop(id) for id in (*ids[3:], next(i for i, r in rows.rows.items() if r[0] == "strange"))]
    rows.put("comment", ids[1], comment(store, "1 later").values)
    assert len(gone) == 3
    store.start_over(FIELD)
    assert store.cursor(FIELD) == 0 and texts(store) == {"mine", "1", "2", "3", "edit"}
    rows.pull(store, 1)
    store.close()
    store = open_store(tmp_path)  # the app dies in the middle
    assert texts(store) == {"mine", "1", "2", "3", "edit"}
    while store.cursor(FIELD) < rows.top:
        rows.pull(store, 1)
    # what vanished is gone, and with it the edit that has nothing to stand on
    assert texts(store) == {"mine", "1 later", "2"} and store.counts()["pending"] == 2
    assert store.digest(FIELD) == rows.digest() == store.recount_digest(FIELD)
    assert store._rows("SELECT * FROM fresh") == store._rows("SELECT * FROM other") == []
    rows.put("comment", ids[1], comment(store, "again").values)
    rows.pull(store)
    assert store.digest(FIELD) == rows.digest() == store.recount_digest(FIELD)
    store.close()


def test_a_new_epoch_shows_what_was_there_and_offers_all_again(store: Store) -> None:
    rows, kept, lost = Rows(), comment(store, "kept"), comment(store, "lost")
    made = store.finalize([kept, lost])
    seqs = [rows.put("comment", e.record, e.values) for e in (kept, lost)]
    push(store, *((Outcome.APPLIED, s) for s in seqs))
    rows.pull(store)
    late = comment(store, "late", kept.record)
    store.finalize([late])
    push(store, (Outcome.APPLIED, 9))
    store.new_epoch("e2")
    assert texts(store) == {"late", "lost"} and store.counts()["pending"] == 3
    assert store._rows("SELECT seq FROM ahead") == [(None,)]
    assert {s for (s,) in store._rows("SELECT sends FROM pending")} == {0}
    assert store.get("comment", late.record).state == "pending"  # type: ignore[union-attr]
    batch = store.batch(FIELD, 10)
    assert batch and batch.ids[:2] == [c.id for c in made]
    rows = Rows()  # the backup has neither; the server takes all again
    seqs = [rows.put("comment", kept.record, kept.values), rows.put("comment", lost.record, lost.values)]
    seqs.append(rows.put("comment", kept.record, late.values))
    store.acknowledge(batch, answer(store, batch, [(Outcome.APPLIED, s) for s in seqs]))
    while store.cursor(FIELD) < rows.top:
        assert texts(store) == {"late", "lost"}
        rows.pull(store, 1)
    assert texts(store) == {"late", "lost"} and store._rows("SELECT * FROM ahead") == []
    assert store.digest(FIELD) == rows.digest() == store.recount_digest(FIELD)


def test_half_a_record_is_never_shown_nor_edited_on(store: Store) -> None:
    edit = comment(store, "one")
    store.finalize([edit])
    store.finalize([comment(store, "two", edit.record)])
    push(store, (Outcome.REJECTED, None))
    assert store.get("comment", edit.record) is None
    (made,) = store.finalize([comment(store, "three", edit.record)])
    assert made.creates
    push(store, (Outcome.PARKED, None))
    assert store.get("comment", edit.record).values["text"] == "three"  # type: ignore[union-attr]


# --- enrolled again --------------------------------------------------------------------------------------------------


def test_unsent_work_comes_along(store: Store) -> None:
    waits, edit = comment(store, "waits"), comment(store, "one")
    store.finalize([waits])
    push(store, (Outcome.PARKED, None))
    store.finalize([edit])
    store.finalize([comment(store, "two", edit.record), comment(store, "other")])
    was = [c for _, _, c in store.changes()][1:]
    lines = store._rows("SELECT * FROM journal WHERE pos>1 ORDER BY pos")
    old, new = enrolled(store)
    assert store.counts()["foreign"] == 3
    assert store.carry_over(new) == 3 and store.carry_over(new) == 0
    batch = store.batch(FIELD, 10)
    assert batch and batch.first == 1 and batch.prev == evidence.first_link(FIELD, new.enrolment)
    now = [change.decode(line) for line in batch.lines]
    assert [c._replace(device="", line=b"") for c in now] == [c._replace(device="", line=b"") for c in was]
    assert {c.device for c in now} == {new.device}
    assert batch.links == evidence.links(batch.prev, new.salt_key, [(c.id, c.line) for c in now])
    assert store._rows("SELECT * FROM former_journal ORDER BY pos") == [line[:-1] for line in lines]  # all but whose
    assert store.parked(FIELD) and texts(store) == {"waits", "two", "other"} and store.counts()["foreign"] == 0
    rows = Rows()
    seqs = [rows.put("comment", c.record, comment(store, "two").values) for c in now]
    store.acknowledge(batch, answer(store, batch, [(Outcome.APPLIED, s) for s in seqs]))
    rows.pull(store)
    assert [a for (a,) in store._rows("SELECT record FROM ahead")] == [waits.record]


def test_a_power_cut_after_the_new_identity_is_made_good_at_the_next_start(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.finalize([comment(store)])
    store.keys.draft()
    draft = tmp_path / "enrolling.json"
    text = draft.read_text()
    private, salt = store.keys.draft()
    store.keys.save(store.keys.require()._replace(enrolment=store.new_id(), private_key=private, salt_key=salt))
    draft.write_text(text)
    store.close()
    store = open_store(tmp_path)
    assert store.counts()["foreign"] == 0 and store.batch(FIELD, 1)
    assert store.keys.draft()[0] != private and store.keys.draft() == store.keys.draft()
    store.close()


def test_everybody_sends_his_own(store: Store) -> None:
    first = store.keys.require()
    store.finalize([comment(store, "theirs")])
    old, new = enrolled(store, person=store.new_id())
    before = store._rows("SELECT * FROM journal")
    assert store.carry_over(new) == 0 and store._rows("SELECT * FROM journal") == before
    assert store.counts()["pending"] == 1 and store.batch(FIELD, 10) is None  # not by the second person's key
    batch = store.batch(FIELD, 10, first)
    assert batch and batch.enrolment == first.enrolment and store.counts()["foreign"] == 0
    del store.keys.identities[first.enrolment]  # the key is lost
    assert store.counts()["foreign"] == 1
    old, new = enrolled(store, person=first.person)  # and back again
    assert store.carry_over(new) == 1 and store.counts()["foreign"] == 0


def test_with_the_server_from_revoked_to_all_sent(tmp_path: Path) -> None:
    app = create_app(Settings(data=tmp_path / "server"))
    service, net = app.state.parts.service, AppTransport(app)
    org = service.found("示范公司")
    people = [service.new_id() for _ in range(2)]
    service.write(None, [Write("person", p, f"{org}.organisation", {"org_id": org, "duties": ["sampler"], "name": "李"})
                         for p in people])  # fmt: skip
    project = service.add_project({"code": "P1", "name": "项目", "stage": "detailed", "client_id": org,
                                   "surveyor_id": org, "contact_id": people[0]})  # fmt: skip
    for person in people:
        service.grant(person, project, "sampler")
    store = Store(tmp_path / "t")
    syncer, field = Syncer(store, net, lambda _: None), f"{project}.field"

    def note(text: str, record: str | None = None) -> str:
        values = {**comment(store, text).values, "subject_kind": "project", "subject_id": project}
        edit = Edit("comment", record or store.new_id(), field, values)
        store.finalize([edit])
        return edit.record

    def enrol(person: str) -> None:
        syncer.enrol("http://sim", service.new_code(person, people[0]), "平板")

    def numbers() -> list[int]:
        return [p.problem.number for p in syncer.run().problems]

    enrol(people[0])
    first = note("one")
    assert numbers() == [] and store.counts()["pending"] == 0
    note("two", first)
    note("new")
    service.revoke(store.keys.require().enrolment)
    syncer._tokens.clear()
    assert numbers() == [2005] and store.counts()["pending"] == 0  # handed in: it waits for the project manager
    # what was pulled is gone from a revoked tablet; what it made itself is not
    assert {s.state for s in store.all("comment")} == {"parked"} and texts(store) == {"new"}
    enrol(people[1])  # somebody else takes the tablet
    assert numbers() == [] and store.counts()["foreign"] == 0
    (waits, other) = [p.line.id for p in service.parked(field)]
    service.grant(people[1], project, "project_manager")
    service.decide_parked(people[1], [waits], True, "是本人所记")
    service.decide_parked(people[1], [other], False, "重复")
    assert numbers() == [] and {s.values["text"] for s in store.all("comment") if s.state == "accepted"} == {"two"}
    enrol(people[0])
    result = syncer.run()
    assert (result.problems, result.conflicts, result.digests_equal) == ([], 0, True)
    (refused,) = store.outcomes("rejected")
    assert "重复" in refused[4]["zh"] and "重复" in refused[4]["en"] and refused[0] == other
    assert texts(store) == {"two"} and store._rows("SELECT * FROM ahead") == []
    note("new", None)
    assert numbers() == [] and texts(store) == {"two", "new"}
    assert {s.state for s in store.all("comment")} == {"accepted"} and store.counts()["pending"] == 0
    store.new_epoch("another")  # everything is offered again, also what went by the first enrolment: known, so no harm
    result = syncer.run()
    assert result.problems == [] and result.digests_equal and texts(store) == {"two", "new"}
    assert {s.state for s in store.all("comment")} == {"accepted"} and store.counts()["pending"] == 0
    store.close()
    net.shut()
