"""Every way in which a tablet writes, on a storage that takes no more. Runs in a process of its own: what fills it up
(a limit for this process, or a small file system) must not hit the tests.

`CALLS` is held against the code (tests/crash/test_full.py): a public method that writes and is not in it fails there.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from field_app import rescue
from field_app.capture import photo
from field_app.keys import Identity
from field_app.store import Edit, Kept, Owed, Store
from field_app.store.tiles import bring_in
from field_app.sync import Syncer
from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.wire import Block, Outcome, OutcomeNow, PullHead, ScopeGrant
from tests.crash import migrations
from tests.crash.site import want
from tests.sim.tablet import empty
from tests.unit.tablet import AT, FIELD, PROJECT, answer, comment, open_store

FRAME = 24 + 4096  # one page in SQLite's log
LONG = "字" * 4000  # more than a page: a transaction that fails in its middle
Call = Callable[[], Any]


# --- a storage without room ------------------------------------------------------------------------------------------


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """No file of this process can grow beyond that."""
    sys.dont_write_bytecode = True  # half a .pyc would stay, and every process after this one would stumble over it
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class Limited:
    """No write goes beyond a size, which shows as a failing one."""

    numbers: tuple[int, ...] = (5007,)
    steps = (0, 40, *(32 + FRAME * n for n in (1, 3, 8, 21, 55)))

    def __init__(self, place: Path) -> None:
        self.place = place

    full = staticmethod(at_most)


class Small:
    """A file system that is full but for so many pages."""

    numbers: tuple[int, ...] = (5001,)
    steps = (0, 1, 3, 8, 21, 55)

    def __init__(self, place: Path) -> None:
        self.place = place

    @contextmanager
    def full(self, pages: int) -> Iterator[None]:
        filler = self.place / "filler"
        with open(filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                size = f.tell() // 4096 * 4096
            f.truncate(max(0, size - pages * 4096))
        try:
            yield
        finally:
            filler.unlink()


def told(trouble: Trouble, numbers: tuple[int, ...], what: str) -> None:
    """Numbered, in both languages, nothing left to fill in, and what to do."""
    p = trouble.problem
    want(p.number in numbers, f"{what} is told {p.number}, not {numbers}")
    words = (trouble.text("zh"), trouble.text("en"), p.remedy_zh, p.remedy_en)
    want(all(words) and "{" not in "".join(words), f"{what}: words are missing: {words}")
    want(any("\u4e00" <= c <= "\u9fff" for c in trouble.text("zh")), f"{what}: not Chinese: {trouble.text('zh')}")


# --- every call ------------------------------------------------------------------------------------------------------


class Desk:
    """A tablet with something of everything, and calls that can be made once each."""

    def __init__(self, store: Store) -> None:
        self.store, self.n = store, itertools.count(1)

    def batch(self) -> Any:
        self.store.finalize([comment(self.store, LONG), comment(self.store)])
        return self.store.batch(FIELD, 10)

    def set_meta(self) -> Call:
        text = f"{next(self.n)}{LONG}"
        return lambda: self.store.set_meta("k", text)

    def set_state(self) -> Call:
        who, text = self.store.keys.require(), f"{next(self.n)}{LONG}"
        return lambda: self.store.set_state(who, text)

    def save_draft(self) -> Call:
        edit = comment(self.store, LONG)
        return lambda: self.store.save_draft(*edit)

    def drop_draft(self) -> Call:
        edit = comment(self.store, LONG)
        self.store.save_draft(*edit)
        return lambda: self.store.drop_draft(edit.record)

    def finalize(self) -> Call:
        edits = [comment(self.store, LONG), comment(self.store, LONG)]
        self.store.save_draft(*edits[0])
        return lambda: self.store.finalize(edits, complete=False)

    def delete(self) -> Call:
        (made,) = self.store.finalize([comment(self.store)])
        return lambda: self.store.delete("comment", made.record, "重复")

    def add_block(self) -> Call:
        first = next(self.n) * 1000
        return lambda: self.store.add_block(Block(use="sample", from_no=first, to_no=first + 9))

    def next_number(self) -> Call:
        self.add_block()()
        return lambda: self.store.next_number("sample")

    def grant(self) -> Call:
        new = [_scope(FIELD), _scope(f"{next(self.n)}.field")]
        return lambda: self.store.grant(new)

    def apply_pull(self) -> Call:
        at = self.store.cursor(FIELD)
        lines = [
            evidence.row_line("comment", self.store.new_id(), at + k, comment(self.store, LONG).values) for k in (1, 2)
        ]
        head = PullHead(epoch="e1", cursor=at + 2, head=at + 2, count=2, more=False)
        return lambda: self.store.apply_pull(FIELD, head, lines)

    def start_over(self) -> Call:
        self.apply_pull()()
        return lambda: self.store.start_over(FIELD)

    def new_epoch(self) -> Call:
        self.apply_pull()()
        epoch = f"e{next(self.n)}"
        return lambda: self.store.new_epoch(epoch)

    def offered(self) -> Call:
        self.new_epoch()()
        epoch, rows = self.store.offers(FIELD, 10)
        want(rows, "nothing to offer")
        return lambda: self.store.offered(FIELD, epoch, rows)

    def mark_sent(self) -> Call:
        batch = self.batch()
        return lambda: self.store.mark_sent(batch)

    def acknowledge(self) -> Call:
        batch = self.batch()
        said = answer(self.store, batch, [(Outcome.PARKED, None)] * len(batch.lines))
        return lambda: self.store.acknowledge(batch, said)

    def resolved(self) -> Call:
        self.acknowledge()()
        news = [OutcomeNow(id=i, outcome=Outcome.REJECTED, problem=3008) for i in self.store.parked(FIELD)]
        want(news, "nothing is parked")
        return lambda: self.store.resolved(FIELD, news)

    def offer_again(self) -> Call:
        self.acknowledge()()
        return lambda: self.store.offer_again(FIELD, 1)

    def keep_directory(self) -> Call:
        text = json.dumps(
            {"made_at": f"2026-11-21T10:00:00.{next(self.n):03d}+08:00", "scope": LONG}, ensure_ascii=False
        )
        return lambda: self.store.keep_directory(FIELD, text, "s", datetime.fromisoformat(AT))

    def confirm_directories(self) -> Call:
        self.keep_directory()()
        later = datetime.fromisoformat(AT) + timedelta(hours=next(self.n))
        return lambda: self.store.confirm_directories([FIELD], later)

    def _owed(self) -> Owed:
        """A photo of a record that was just finished."""
        values = {
            "sha256": f"{next(self.n):064x}",
            "step": "other",
            "subject_kind": "site",
            "subject_id": PROJECT,
            "taken_at": AT,
        }
        edit = Edit("photo", self.store.new_id(), FIELD, {**values, "source": "app_camera"})
        self.store.finalize([edit], complete=False)
        return next(o for o in self.store.owed(self.store.keys.require().person) if o.record == edit.record)

    def photo_there(self) -> Call:
        one = self._owed()
        return lambda: self.store.photo_there(one)

    def photo_begun(self) -> Call:
        one = self._owed()
        return lambda: self.store.photo_begun(one, f"/{LONG}")

    def photo_left(self) -> Call:
        one = self._owed()
        return lambda: self.store.photo_left(one, 17, failed=True)

    def photo_troubled(self) -> Call:
        one = self._owed()
        return lambda: self.store.photo_troubled(one, "refused", Trouble(1307, why=LONG))

    def photos_again(self) -> Call:
        self.photo_troubled()()
        return lambda: self.store.photos_again(self.store.keys.require().person)

    def look_at(self) -> Call:
        point = f"{next(self.n)}{LONG}"
        return lambda: self.store.look_at(point)

    def set_kept(self) -> Call:
        record, one = self.store.new_id(), Kept(next(self.n), LONG, AT, FIELD)
        return lambda: self.store.set_kept(record, one)

    def owe_drafted(self) -> Call:
        photos = [(f"{next(self.n):064x}", f"{FIELD}{LONG}", self.store.new_id()) for _ in range(2)]
        return lambda: self.store.owe_drafted(photos)

    def carry_over(self) -> Call:
        self.batch()
        new = self._identity(person=self.store.keys.require().person)
        return lambda: self.store.carry_over(new)

    def turn(self) -> Call:
        self.store.keys.save(self._identity())
        other = next(e for e, _ in self.store.people() if e != self.store.keys.require().enrolment)
        return lambda: self.store.turn(other)

    def keys_save(self) -> Call:
        self.store.keys.draft()
        new = self._identity()
        return lambda: self.store.keys.save(new)

    def keys_turn(self) -> Call:
        self.turn()
        other = next(e for e in self.store.keys.identities if e != self.store.keys.require().enrolment)
        return lambda: self.store.keys.turn(other)

    def keys_set_pin(self) -> Call:
        who = self.store.keys.require().enrolment
        self.store.keys.set_pin(who, "975310")
        return lambda: self.store.keys.set_pin(who, "246810")

    def keys_draft(self) -> Call:
        (self.store.folder / "enrolling.json").unlink(missing_ok=True)
        return lambda: self.store.keys.draft()

    def _identity(self, person: str = "") -> Identity:
        old, new = self.store.keys.require(), self.store.new_id
        return old._replace(enrolment=new(), person=person or new(), private_key=evidence.new_key())


def _scope(id: str) -> ScopeGrant:
    return ScopeGrant(
        scope=id, audience="field", owner=PROJECT, name="P", roles=["sampler"], writes=["comment", "point"]
    )


CALLS = [name for name, made in vars(Desk).items() if not name.startswith("_") and name != "batch" and callable(made)]


def everything(folder: Path, db: Any) -> Any:
    tables = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY 1").fetchall()]
    rows = {t: db.execute(f'SELECT * FROM "{t}" ORDER BY 1,2').fetchall() for t in tables}
    return rows, {p.name: p.read_bytes() for p in folder.glob("*.json")}


def calls(way: Any, names: list[str]) -> None:
    for name in names:
        folder = way.place / name
        folder.mkdir()
        shutil.copy(empty() / "tablet.db", folder / "tablet.db")  # its tables, which take their time to make
        store = open_store(folder)
        store.finalize([comment(store, "在前面")])
        failed, call = 0, getattr(Desk(store), name)()
        for step in way.steps:
            store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            before = everything(folder, store._db)
            trouble = None
            with way.full(step):
                try:
                    call()
                except Trouble as err:
                    trouble = err
            if trouble is None:
                break
            failed += 1
            told(trouble, way.numbers, name)
            want(everything(folder, store._db) == before, f"{name} failed and left something behind")
        else:
            before = everything(folder, store._db)
            call()  # there is room again; nobody started the app anew
        want(failed, f"{name} never met a full disk")
        want(everything(folder, store._db) != before, f"{name} does nothing when there is room again")
        ids = {i for (i,) in store._rows("SELECT id FROM journal")}
        store.close()
        again = Store(folder)
        want(
            {i for (i,) in again._rows("SELECT id FROM journal")} == ids, f"after {name} the file holds something else"
        )
        again.close()
        shutil.rmtree(folder)
        report(name, failed)


def report(name: str, failed: int) -> None:
    os.write(1, json.dumps([name, failed]).encode() + b"\n")


# --- opening ---------------------------------------------------------------------------------------------------------


def first_opening(way: Any) -> None:
    folder, failed = way.place / "new", 0
    for step in (*way.steps, 300, 1000, 10**6):
        try:
            with way.full(step):
                Store(folder).close()
        except Trouble as err:
            told(err, (*way.numbers, 5007), "the first opening")
            failed += 1
    want(failed > 3, "the first opening never met a full disk")
    store = open_store(folder)
    store.finalize([comment(store)])
    store.close()
    report("first opening", failed)


def reading(way: Any, closed: bool) -> None:
    """What is on a full device can be read, also where the app was killed before; work goes on when there is room."""
    folder, source = way.place / f"full-{closed}", way.place / "source"
    store = open_store(source)
    made = [store.finalize([comment(store, f"{n}")])[0].id for n in range(5)]
    if closed:
        store.close()
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*-shm"))
    store.close()
    shutil.rmtree(source)
    with way.full(0):
        store = Store(folder)
        want([c.id for _, _, c in store.changes()] == made, "what was here cannot be read")
        want(len(store.all("comment")) == 5 and store.counts()["pending"] == 5, "what was here is not shown")
        edit = comment(store, "满了")
        try:
            store.finalize([edit])
            want(False, "a full disk took a change")
        except Trouble as err:
            told(err, (5001, 5007), "finalize after opening on a full disk")
    store.finalize([edit])
    store.close()
    store = Store(folder)
    want(len(store.changes()) == 6, "what was finalized when there was room is gone")
    store.close()
    report(f"reading, {'closed' if closed else 'killed'} before", 1)


def migration(way: Any) -> None:
    side, failed = migrations.TABLET, 0
    folder = way.place / "old"
    folder.mkdir()
    side.recorded(folder)
    with closing(sqlite3.connect(folder / side.file)) as db:
        db.execute("PRAGMA journal_mode=WAL")
    old, pages = migrations.state(folder / side.file, side), (folder / side.file).stat().st_size // 4096
    # with room for the copy and a little more the migration itself fails, in its transaction
    steps = [*way.steps] if isinstance(way, Limited) else [0, pages // 2, *(pages + n for n in range(1, 60, 3))]
    for step in steps:
        if migrations.state(folder / side.file, side) != old:
            break
        try:
            with way.full(step):
                Store(folder).close()
        except Trouble as err:
            failed += 1
            told(err, (5001, 5007), "a migration")
            want(migrations.state(folder / side.file, side) == old, "a migration without room left something behind")
            for copy in folder.glob("*.bak"):
                want(migrations.state(copy, side) == old, "the copy is not whole")
            want(not list(folder.glob("*.new")), "half a copy goes on taking up room")
    want(failed > 1, "the migration never met a full disk")
    store = Store(folder)
    want(store._rows("PRAGMA user_version") != [(old.version,)] and store.drafts() is not None, "not upgraded")
    want(len(store.changes()) == old.rows["journal"][0], "changes are lost")
    store.close()
    report("migration", failed)


def photos(way: Any) -> None:
    """A picture is kept whole or not at all; its thumbnail is worth no failure."""
    from tests.unit.test_photos import jpeg

    folder, failed = way.place / "photos", 0
    folder.mkdir()
    data, kept = jpeg(size=(900, 700), quality=95), None
    for step in (*way.steps, 10**6):
        with way.full(step):
            try:
                kept = photo.keep(folder, data)
                break
            except Trouble as err:
                failed += 1
                told(err, (5001, 5007), "a photo")
        there = [p for p in folder.rglob("*") if p.is_file()]
        want(not there, f"a photo without room left {there}")
    want(failed > 1, "keeping a photo never met a full disk")
    kept = kept or photo.keep(folder, data)
    path = photo.find(folder, kept.sha256)
    want(path is not None and path.read_bytes() == data, "the photo is not what was taken")
    report("photos", failed)
    stamped, failed = folder / "stamped", 0
    for step in (*way.steps, 10**6):
        with way.full(step):
            try:
                photo.stamped(folder, kept.sha256, ["点位 S15"])
                break
            except Trouble as err:
                failed += 1
                told(err, (5001, 5007), "a stamped copy")
        want(not (stamped.is_dir() and list(stamped.iterdir())), "a stamped copy without room left something behind")
    want(failed > 1, "a stamped copy never met a full disk")
    report("stamped copies", failed)


def bundles(way: Any) -> None:
    """A rescue bundle is there whole or not at all."""
    store = open_store(way.place / "bundles")
    packs_badly = [comment(store, os.urandom(4000).hex()) for _ in range(60)]
    store.finalize(packs_badly, complete=False)
    failed, outbox = 0, store.folder / "outbox"
    for step in (*way.steps, 10**6):
        with way.full(step):
            try:
                rescue.write(store)
                break
            except Trouble as err:
                failed += 1
                told(err, (5001, 5007), "a rescue bundle")
        there = list(outbox.iterdir()) if outbox.is_dir() else []
        want(not there, f"a bundle without room left {there}")
    want(failed > 1, "writing a bundle never met a full disk")
    want(rescue.write(store).path.stat().st_size > 0, "there is no bundle")
    store.close()
    report("bundles", failed)


def tiles(way: Any) -> None:
    """A base map comes in whole or not at all, and leaves room for the work."""
    from tests.unit.test_tiles import mbtiles

    source, folder, failed = way.place.parent / "source.mbtiles", way.place / "tiles", 0
    mbtiles(source)
    for step in way.steps:
        with way.full(step):
            try:
                bring_in(source, folder)
                break
            except Trouble as err:
                failed += 1
                told(err, (5001, 5007), "a base map")
        there = list(folder.iterdir()) if folder.is_dir() else []
        want(not there, f"a base map without room left {there}")
    want(failed > 1, "a base map never met a full disk")
    report("tiles", failed)


def syncing(way: Any, url: str, code: str, field: str, site: str) -> None:
    """Enrolling, and a whole sync: told in its result, and the next one does it all."""
    from tests.crash.site import comment as about

    folder = way.place / "syncing"
    store = Store(folder)
    syncer, failed = Syncer(store, pause=lambda _: None), 0
    for step in way.steps:
        try:
            with way.full(step):
                syncer.enrol(url, code, "平板")
            break
        except Trouble as err:
            failed += 1
            told(err, (5001, 5007), "enrolling")
    else:
        syncer.enrol(url, code, "平板")  # the same code
    want(failed, "enrolling never met a full disk")
    syncer.run()
    report("enrol", failed)
    failed = 0
    for step in way.steps:
        made = store.finalize([Edit("comment", store.new_id(), field, about(site, LONG)) for _ in range(3)])
        store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with way.full(step):
            result = syncer.run()
        if result.problems:
            failed += 1
            told(result.problems[0], (5001, 5007), "a sync")
        want(len(made) == 3 and len(store.changes()) >= 3, "a sync lost changes")
    want(failed > 1, "syncing never met a full disk")
    result = syncer.run()
    want(not result.problems and result.digests_equal and store.counts()["pending"] == 0, f"does not go on: {result}")
    want(store.digest(field) == store.recount_digest(field), "the digest went wrong")
    store.close()
    report("sync", failed)


def main(kind: str, place: str, url: str, code: str, field: str, site: str) -> None:
    way = {"limited": Limited, "small": Small}[kind](Path(place))
    calls(way, CALLS)
    first_opening(way)
    reading(way, closed=True)
    reading(way, closed=False)
    migration(way)
    photos(way)
    bundles(way)
    tiles(way)
    syncing(way, url, code, field, site)


__all__ = ["CALLS", "main"]
