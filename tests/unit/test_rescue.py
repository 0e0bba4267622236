"""Writing a rescue bundle on the tablet: what goes in, that the tablet stays as it was, and that a file is whole or not there."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from field_app import rescue
from field_app.capture.handover import DeviceHandover, NotHanded
from field_app.desks.rescue import Rescue
from field_app.store import Store
from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.rules.bundle import About, BatchFrame, DraftFrame, EndFrame, Frames, PhotoFrame
from schemas.rules.sealing import unseal
from schemas.wire import Outcome
from tests.unit.tablet import FIELD, SERVER, answer, comment, open_store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    made = open_store(tmp_path / "tablet")
    yield made
    made.close()


def contents(path: Path) -> list[tuple[Any, bytes]]:
    with path.open("rb") as file:
        return [(f.model, f.payload()) for f in Frames(unseal(file.read, SERVER)[1])]


def of(path: Path, kind: type) -> list[Any]:
    return [m for m, _ in contents(path) if isinstance(m, kind)]


def all_of(folder: Path) -> dict[str, bytes]:
    """Every file of the tablet but the outbox; the database as its own copy, without what SQLite keeps beside it."""
    return {
        str(p): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and "outbox" not in p.parts and p.suffix not in (".db-shm",)
    }


def keep_photo(store: Store, size: int = 5000) -> str:
    data = os.urandom(size)
    name = sha256(data).hexdigest()
    (store.folder / "photos").mkdir(exist_ok=True)
    (store.folder / "photos" / f"{name}.jpg").write_bytes(data)
    return name


def test_what_goes_in_and_what_stays(store: Store) -> None:
    first = [store.finalize([comment(store, f"n{n}")])[0] for n in range(3)]
    named = keep_photo(store)
    keep_photo(store)  # of a record that is with the server, or of none
    store.save_draft("comment", "d1", FIELD, {"text": "半句", "photo": named})
    before, counts = all_of(store.folder), store.counts()
    seen = rescue.survey(store)
    assert (seen.changes, seen.drafts, list(seen.photos), seen.photo_bytes) == (3, 1, [named], 5000)
    told: list[tuple[int, int]] = []
    made = rescue.write(store, tell=lambda done, total: told.append((done, total)))
    assert (made.changes, made.drafts, made.photos, made.locked) == (3, 1, 1, [])
    assert told[-1][0] == told[-1][1] and [d for d, _ in told] == sorted(d for d, _ in told)
    assert (all_of(store.folder), store.counts()) == (before, counts)  # not a byte of the tablet is another
    frames = contents(made.path)
    (about,), (batch,), (draft,), (photo,), (end,) = (
        [m for m, _ in frames if isinstance(m, kind)] for kind in (About, BatchFrame, DraftFrame, PhotoFrame, EndFrame)
    )
    assert [p for m, p in frames if m is batch] == [b"\n".join(c.line for c in first)]
    head, who = batch.head, store.keys.require()
    message = evidence.head_message(FIELD, who.enrolment, 3, bytes.fromhex(head.head), head.lines)
    assert evidence.verify(evidence.public_of(who.private_key), message, head.signature)
    assert (head.first, head.epoch, head.pending, head.links) == (1, "e1", 0, None)
    assert (draft.person, draft.person_name, draft.type) == (who.person, "李", "comment")
    assert photo.name == f"{named}.jpg" and (end.changes, end.drafts, end.photos) == (3, 1, 1)
    assert about.owners[0].changes == 3 and about.facts["counts"]["pending"] == 3
    assert rescue.write(store, with_photos=False).photos == 0


def test_only_what_was_not_acknowledged_unless_all_is_asked_for(store: Store) -> None:
    for n in range(3):
        store.finalize([comment(store, f"n{n}")])
    batch = store.batch(FIELD, 2)
    assert batch is not None
    store.acknowledge(batch, answer(store, batch, [(Outcome.APPLIED, 1), (Outcome.APPLIED, 2)]))
    part, whole = rescue.write(store), rescue.write(store, whole=True)
    assert (part.changes, whole.changes) == (1, 3)
    assert [b.head.first for b in of(part.path, BatchFrame)] == [3]
    assert [b.head.first for b in of(whole.path, BatchFrame)] == [1]
    assert of(whole.path, About)[0].whole and store.counts()["pending"] == 1


def test_two_peoples_changes_stand_in_the_order_they_were_made(store: Store) -> None:
    one = store.keys.require()
    two = one._replace(
        enrolment=store.new_id(), person=store.new_id(), person_name="王", private_key=evidence.new_key()
    )
    store.keys.save(two)
    for who, text in ((one, "1"), (one, "2"), (two, "3"), (one, "4"), (two, "5"), (two, "6")):
        store.turn(who.enrolment)
        store.finalize([comment(store, text)])
    made = rescue.write(store)
    frames = [(m.head.enrolment, p.count(b"\n") + 1) for m, p in contents(made.path) if isinstance(m, BatchFrame)]
    assert frames == [(one.enrolment, 2), (two.enrolment, 1), (one.enrolment, 1), (two.enrolment, 2)]
    assert [m.head.pending for m in of(made.path, BatchFrame)] == [4, 3, 2, 0]
    assert {s.enrolment for s in of(made.path, EndFrame)[0].signatures} == {one.enrolment, two.enrolment}


def test_whose_key_is_locked_or_gone_is_named(store: Store) -> None:
    one = store.keys.require()
    store.finalize([comment(store, "1")])
    store.save_draft("comment", "d1", FIELD, {"text": "锁着的人的草稿"})
    two = one._replace(
        enrolment=store.new_id(), person=store.new_id(), person_name="王", private_key=evidence.new_key()
    )
    store.keys.save(two)
    store.finalize([comment(store, "2")])
    store.keys.identities[one.enrolment] = one._replace(private_key=b"", salt_key=b"")
    made = rescue.write(store)
    assert made.changes == 1 and [(o.person_name, o.changes) for o in made.locked] == [("李", 1)]
    assert made.drafts == 1  # a draft needs nobody's signature
    del store.keys.identities[one.enrolment]  # as after enrolling with another server
    seen = rescue.survey(store)
    assert (seen.foreign, seen.locked, seen.drafts) == (1, [], 0)


def test_the_newest_three_stay(store: Store) -> None:
    made = []
    for n in range(5):
        store.finalize([comment(store, f"n{n}")])
        made.append(rescue.write(store).path)
        os.utime(made[-1], (n, n))
    assert sorted((store.folder / "outbox").iterdir()) == sorted(made[-3:])
    assert all(one != other for one, other in zip(made, made[1:], strict=False))  # though written within one second


def test_nobody_enrolled(tmp_path: Path) -> None:
    empty = Store(tmp_path / "empty")
    with pytest.raises(Trouble) as caught:
        rescue.write(empty)
    assert caught.value.problem.number == 2002 and not (empty.folder / "outbox").exists()
    empty.close()


# --- faults ----------------------------------------------------------------------------------------------------------

CHILD = """
import resource, sys
from pathlib import Path
from field_app import rescue
from schemas.problems import Trouble
from tests.unit.tablet import open_store
store = open_store(Path(sys.argv[1]))
if len(sys.argv) > 2:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
print("go", flush=True)
try:
    while True:
        rescue.write(store)
except Trouble as err:
    print(err.problem.number, flush=True)
"""


def child(folder: Path, *args: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), *args], env=env, stdout=subprocess.PIPE, text=True
    )


def test_killed_at_any_moment_no_half_file_has_the_name(store: Store) -> None:
    for n in range(50):
        store.finalize([comment(store, f"n{n}")])
    store.save_draft("comment", "d1", FIELD, {"text": keep_photo(store, 4_000_000)})
    store.close()
    outbox, halves = store.folder / "outbox", 0
    for n in range(3):
        process = child(store.folder)
        assert process.stdout is not None and process.stdout.readline() == "go\n"
        time.sleep(0.15 + 0.07 * n)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for path in outbox.glob("*.jtb"):
            assert isinstance(contents(path)[-1][0], EndFrame), path
        halves += bool(list(outbox.glob("*.new")))
    again = open_store(store.folder)
    made = rescue.write(again)
    again.close()
    assert made.changes == 50 and not list(outbox.glob("*.new")), halves


def test_a_storage_that_takes_no_more_is_told_and_left_as_it_was(store: Store) -> None:
    store.finalize([comment(store)])
    store.save_draft("comment", "d1", FIELD, {"text": keep_photo(store, 4_000_000)})
    process = child(store.folder, "1000000")
    said, _ = process.communicate(timeout=30)
    assert said.split() == ["go", "5007"]
    assert list((store.folder / "outbox").iterdir()) == []


def test_a_full_disk_is_told_as_such(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.finalize([comment(store)])
    kept = rescue.write(store).path

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Trouble) as caught:
        rescue.write(store)
    assert caught.value.problem.number == 5001 and list((store.folder / "outbox").iterdir()) == [kept]


def test_a_photo_that_is_cut_short_while_it_is_read_leaves_no_bundle(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save_draft("comment", "d1", FIELD, {"text": keep_photo(store)})
    monkeypatch.setattr(rescue, "_read", lambda path: iter([b"short"]))
    with pytest.raises(ValueError):
        rescue.write(store)
    assert list((store.folder / "outbox").iterdir()) == []


def test_many_records_and_photos_take_little_memory(store: Store) -> None:
    names = [keep_photo(store, 3_000_000) for _ in range(12)]
    for _ in range(6):
        store.finalize([comment(store, os.urandom(2000).hex()) for _ in range(100)])
    store.save_draft("comment", "d1", FIELD, {"text": " ".join(names), "photos": names})
    tracemalloc.start()
    made = rescue.write(store)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made.photos == 12 and made.size > 36_000_000 and most < 15_000_000


# --- the desk --------------------------------------------------------------------------------------------------------


class Host:
    """As much of the state as the desk asks for."""

    busy = ""

    async def _do(self, fn: Any, *args: Any) -> Any:
        return fn(*args)


class Hands:
    """Where a file goes, or why not."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.files = list(answers), list[Path]()

    def ways(self) -> tuple[str, ...]:
        return ("share", "save")

    async def hand(self, path: Path, way: str) -> str:
        self.files.append(path)
        said = self.answers.pop(0)
        if said.startswith("/"):
            return said
        raise NotHanded(said)


def test_one_tap_writes_and_hands_over(store: Store) -> None:
    store.finalize([comment(store)])
    hands = Hands("cancelled", "/usb/x.jtb")
    desk = Rescue(Host(), store, hands)  # type: ignore[arg-type]

    async def day() -> None:
        await desk.look()
        assert desk.survey is not None and desk.survey.changes == 1 and desk.written is None
        await desk.write()
        assert desk.written is not None and desk.written.path.exists() and desk.handed == ("cancelled", "")
        await desk.hand("save")
        assert desk.handed == ("done", "/usb/x.jtb") and hands.files == [desk.written.path] * 2
        assert not desk.busy and desk.percent is None and store.counts()["pending"] == 1

    asyncio.run(day())


def test_it_does_not_write_beside_a_sync(store: Store) -> None:
    host = Host()
    host.busy = "sync"
    desk = Rescue(host, store, Hands())  # type: ignore[arg-type]
    asyncio.run(desk.write())
    assert desk.written is None and not (store.folder / "outbox").exists()


def test_ways_out_of_the_app() -> None:
    assert DeviceHandover(web=True, mobile=False).ways() == ("save",)
    assert DeviceHandover(web=True, mobile=True).ways() == ("save",)  # a phone's browser
    assert DeviceHandover(web=False, mobile=True).ways() == ("share", "save")
    assert DeviceHandover(web=False, mobile=False).ways() == ("save",)
