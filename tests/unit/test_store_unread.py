"""A scope a person hands records in to and does not read: what he or she made stays in view, what others made never is. And the
signed directory, which lies beside the records."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from field_app.device_db import MIGRATIONS
from field_app.keys import Identity
from field_app.store import Edit, Store
from schemas import canonical
from schemas.rules import evidence
from schemas.rules.handover.directory import MESSAGE, hash_of
from schemas.wire import Outcome, PullHead, ScopeGrant
from tests.unit.tablet import AT, PROJECT, SERVER, answer, open_store

SCOPE = f"{PROJECT}.transfer"
NOON = datetime.fromisoformat(AT)


def grant(scope: str = SCOPE, reads: bool = False, **more: Any) -> ScopeGrant:
    said = {"scope": scope, "audience": scope.rpartition(".")[2], "owner": PROJECT, "name": "P", "roles": ["party"],
            "writes": ["disposal_record", "hand_over"], "reads": reads}  # fmt: skip
    return ScopeGrant(**said | more)  # type: ignore[arg-type]


def heap(store: Store, mass: str = "40.0", record: str | None = None) -> Edit:
    values = {"receiver_id": PROJECT, "lot_code": "A-3", "from_date": "2026-11-22", "to_date": "2026-11-23", "mass_t": mass,
              "stock_t": "0.0", "way": "cement_kiln"}  # fmt: skip
    return Edit("disposal_record", record or store.new_id(), SCOPE, values)


def sent(store: Store, *outcomes: tuple[Outcome, int | None], who: Identity | None = None) -> None:
    if who is not None:
        store.turn(who.enrolment)
    batch = store.batch(SCOPE, 10)
    assert batch is not None and len(batch.lines) == len(outcomes)
    store.acknowledge(batch, answer(store, batch, list(outcomes)))


def pull(store: Store, rows: list[tuple[str, int, dict[str, Any]]], epoch: str = "e1", more: bool = False) -> None:
    lines = [evidence.row_line("disposal_record", id, seq, values) for id, seq, values in rows]
    top = max(seq for _, seq, _ in rows)
    store.apply_pull(SCOPE, PullHead(epoch=epoch, cursor=top, head=top, count=len(lines), more=more), lines)


def masses(store: Store) -> list[str]:
    return [s.values["mass_t"] for s in store.all("disposal_record")]


def everywhere(store: Store) -> set[tuple[str, ...]]:
    """What every way of looking shows."""
    shelf = store.shelf("disposal_record", SCOPE)
    newer, _ = store.newer(shelf)
    ways = [
        store.all("disposal_record"),
        store.page("disposal_record").rows,
        store.related("disposal_record", "lot_code", ["A-3"]),
        store.find("disposal_record", "A-3").rows,
        list(shelf.each()),
        list(newer.each()),
    ]
    assert store.count("disposal_record") == len(ways[0])
    return {tuple(s.values["mass_t"] for s in sorted(way, key=lambda s: s.id)) for way in ways}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = open_store(tmp_path)
    made.grant([grant()])
    return made


def second(store: Store, name: str = "王") -> Identity:
    """Another person on the same tablet."""
    first = store.keys.require()
    ids = [store.new_id() for _ in range(2)]
    who = first._replace(enrolment=ids[0], person=ids[1], person_name=name, private_key=evidence.new_key())
    store.keys.save(who)
    store.turn(first.enrolment)
    return who


# --- one's own ------------------------------------------------------------------------------------------------------


def test_what_was_taken_long_ago_is_still_shown_and_survives_a_restart(store: Store, tmp_path: Path) -> None:
    made = store.finalize([heap(store), heap(store, "41.0"), heap(store, "42.0")])
    assert everywhere(store) == {("40.0", "41.0", "42.0")} and store.counts()["pending"] == 3
    sent(store, (Outcome.APPLIED, 7), (Outcome.REJECTED, None), (Outcome.PARKED, None))
    assert everywhere(store) == {("40.0", "42.0")} and store.counts()["pending"] == 0
    assert [s.state for s in store.all("disposal_record")] == ["accepted", "parked"]
    store.finalize([heap(store, "40.5", made[0].record)])
    sent(store, (Outcome.APPLIED, 9))
    store.grant([grant()])
    store.close()
    again = Store(tmp_path)
    assert masses(again) == ["40.5", "42.0"] and [s.scope for s in again.scopes()] == [SCOPE]
    assert [s.reads for s in again.scopes()] == [False]
    again.grant([grant(name="Q")])
    assert masses(again) == ["40.5", "42.0"] and again.scopes()[0].name == "Q"
    again.close()


def test_a_new_epoch_offers_it_again_and_asks_for_no_row(store: Store) -> None:
    store.finalize([heap(store)])
    sent(store, (Outcome.APPLIED, 7))
    store.new_epoch("e2")
    assert masses(store) == ["40.0"] and store.counts()["pending"] == 1 and not store.refreshing(SCOPE)
    sent(store, (Outcome.APPLIED, 3))
    assert masses(store) == ["40.0"] and [s.state for s in store.all("disposal_record")] == ["accepted"]


def test_who_once_read_there_loses_what_others_made_and_keeps_what_he_made(store: Store) -> None:
    """A dispatcher becomes a party: the rows go at once, own ones are put together again from what was signed here."""
    store.grant([grant(reads=True)])
    mine = store.finalize([heap(store)])[0].record
    sent(store, (Outcome.APPLIED, 1))
    other = store.new_id()
    pull(store, [(mine, 1, heap(store).values), (other, 2, heap(store, "77.0").values)])
    store.finalize([heap(store, "78.0", other)])
    sent(store, (Outcome.APPLIED, 3))
    pull(store, [(other, 3, heap(store, "78.0").values)])
    assert masses(store) == ["40.0", "78.0"]
    assert store.grant([grant()]) == [SCOPE]
    assert everywhere(store) == {("40.0",)}  # of the other one only an edit is his, which is no record
    assert store._rows("SELECT count(*) FROM disposal_record") == [(0,)] and store.cursor(SCOPE) == 0
    text = str(store._rows("SELECT vals FROM overlay"))
    assert "77.0" not in text and "78.0" not in text
    # and reads again: from the first row on
    assert store.grant([grant(reads=True)]) == [] and store.cursor(SCOPE) == 0
    pull(store, [(mine, 1, heap(store).values), (other, 3, heap(store, "78.0").values)])
    assert everywhere(store) == {("40.0", "78.0")} and store._rows("SELECT count(*) FROM ahead") == [(0,)]


# --- several people on one tablet -----------------------------------------------------------------------------------


def test_beside_somebody_who_reads_each_sees_what_is_hers(store: Store) -> None:
    reader = second(store)
    party = store.keys.require()
    store.grant([grant(reads=True, roles=["dispatcher"])], reader)
    mine = store.finalize([heap(store)])[0].record
    sent(store, (Outcome.APPLIED, 1))
    other = store.new_id()
    pull(store, [(mine, 1, heap(store).values), (other, 2, heap(store, "77.0").values)])
    assert everywhere(store) == {("40.0",)} and store.get("disposal_record", other) is None
    assert [s.state for s in store.all("disposal_record")] == ["accepted"]
    store.turn(reader.enrolment)
    assert everywhere(store) == {("40.0", "77.0")}
    # an office changes it: she sees today's, he what he handed in
    pull(store, [(mine, 4, heap(store, "39.0").values)])
    assert everywhere(store) == {("39.0", "77.0")}
    store.turn(party.enrolment)
    assert everywhere(store) == {("40.0",)}
    # he changes his own once more, and she sees that too
    store.finalize([heap(store, "40.5", mine)])
    sent(store, (Outcome.APPLIED, 5))
    pull(store, [(mine, 5, heap(store, "40.5").values)])
    assert everywhere(store) == {("40.5",)}
    store.turn(reader.enrolment)
    assert everywhere(store) == {("40.5", "77.0")}
    assert store.digest(SCOPE) == store.recount_digest(SCOPE)
    # pulled anew, in the same epoch and in another
    store.start_over(SCOPE)
    pull(store, [(mine, 5, heap(store, "40.5").values), (other, 2, heap(store, "77.0").values)])
    assert everywhere(store) == {("40.5", "77.0")}
    store.new_epoch("e2")
    store.turn(party.enrolment)
    assert everywhere(store) == {("40.5",)}
    sent(store, (Outcome.APPLIED, 3), (Outcome.APPLIED, 4))
    pull(store, [(other, 1, heap(store, "77.0").values), (mine, 4, heap(store, "40.5").values)], "e2")
    assert everywhere(store) == {("40.5",)}
    store.turn(reader.enrolment)
    assert everywhere(store) == {("40.5", "77.0")}
    # she leaves: her rows go, his records stay
    assert store.grant([], reader) == [SCOPE]
    store.turn(party.enrolment)
    assert everywhere(store) == {("40.5",)} and store._rows("SELECT count(*) FROM disposal_record") == [(0,)]


def test_two_who_only_hand_in_do_not_see_each_others(store: Store) -> None:
    other, first = second(store), store.keys.require()
    store.grant([grant()], other)
    store.finalize([heap(store)])
    store.turn(other.enrolment)
    assert everywhere(store) == {()}
    store.finalize([heap(store, "50.0")])
    sent(store, (Outcome.APPLIED, 9))
    assert everywhere(store) == {("50.0",)}
    store.turn(first.enrolment)
    assert everywhere(store) == {("40.0",)}


# --- an older file --------------------------------------------------------------------------------------------------


def test_an_older_file_reads_all_it_was_granted(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.grant([grant(reads=True)])
    store.finalize([heap(store)])
    store.close()
    with sqlite3.connect(tmp_path / "tablet.db") as db:  # back to what version 4 was
        db.executescript(
            "ALTER TABLE granted DROP COLUMN reads; ALTER TABLE ahead DROP COLUMN own; DROP TABLE directory; PRAGMA user_version=4"
        )
    db.close()
    assert set(MIGRATIONS) == set(range(1, max(MIGRATIONS) + 1))
    store = Store(tmp_path)
    assert [s.reads for s in store.scopes()] == [True] and masses(store) == ["40.0"]
    store.close()


# --- the directory --------------------------------------------------------------------------------------------------


def text_of(n: int, **more: Any) -> tuple[str, str]:
    said = {"v": 1, "made_at": AT, "scope": SCOPE, "keys": [], "organisations": {"o": f"单位{n}"}, **more}
    text = canonical.dumps(said).decode()
    return text, evidence.sign(SERVER, MESSAGE + text.encode())


def test_a_directory_is_kept_replaced_and_outlives_what_is_pulled_anew(store: Store, tmp_path: Path) -> None:
    assert store.directory(SCOPE) is None and store.directory_hashes() == {}
    store.keep_directory(SCOPE, *text_of(1), NOON)
    directory, at = store.directory(SCOPE) or (None, None)
    assert directory is not None and directory.organisation("o") == "单位1" and at == NOON
    assert (store.directory(SCOPE) or (None,))[0] is directory  # read once
    store.keep_directory(SCOPE, *text_of(2), NOON + timedelta(hours=1))
    directory, at = store.directory(SCOPE) or (None, None)
    assert directory is not None and directory.organisation("o") == "单位2" and at == NOON + timedelta(hours=1)
    store.new_epoch("e2")
    store.start_over(SCOPE)
    store.grant([grant(reads=True)])
    store.grant([grant()])
    store.close()
    again = Store(tmp_path)
    kept = again.directory(SCOPE)
    assert kept is not None and kept[0].organisation("o") == "单位2"
    assert again.directory_hashes() == {SCOPE: hash_of(text_of(2)[0])}
    again.close()


def test_its_hash_is_of_what_it_says_and_not_of_when(store: Store) -> None:
    assert (
        hash_of(text_of(1)[0]) == hash_of(text_of(1, made_at="2026-11-22T10:00:00+08:00")[0]) != hash_of(text_of(2)[0])
    )
    with pytest.raises(ValueError, match="not a directory"):
        hash_of("[]")
    with pytest.raises(ValueError):
        store.keep_directory(SCOPE, "nothing of the kind", "s", NOON)
    assert store.directory(SCOPE) is None


def test_it_is_confirmed_without_wearing_the_storage(store: Store) -> None:
    store.keep_directory(SCOPE, *text_of(1), NOON)
    changes = store._db.total_changes
    store.confirm_directories([SCOPE], NOON + timedelta(seconds=59))
    store.confirm_directories([], NOON + timedelta(hours=1))
    store.confirm_directories(["x.transfer"], NOON + timedelta(hours=1))
    assert store._db.total_changes == changes
    store.confirm_directories([SCOPE], NOON + timedelta(minutes=2))
    assert (store.directory(SCOPE) or (0, 0))[1] == NOON + timedelta(minutes=2)


def test_what_was_tampered_with_on_the_tablet_is_no_directory(store: Store) -> None:
    store.keep_directory(SCOPE, *text_of(1), NOON)
    assert store.directory(SCOPE) is not None
    store._db.execute("UPDATE directory SET text=replace(text,'单位1','别家')")
    assert store.directory(SCOPE) is None


def test_it_goes_with_the_last_right_and_is_nobody_elses(store: Store) -> None:
    store.keep_directory(SCOPE, *text_of(1), NOON)
    other = second(store)
    store.grant([grant(f"{PROJECT}.field", True, roles=["sampler"])], other)
    store.turn(other.enrolment)
    assert store.directory(SCOPE) is None
    store.turn(next(e for e, _ in store.people() if e != other.enrolment))
    assert store.directory(SCOPE) is not None
    store.grant([])
    assert store.directory(SCOPE) is None and store.directory_hashes() == {}
