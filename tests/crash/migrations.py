"""Databases of 0.1.0, made large, whose upgrade is killed at any time: wholly old or wholly new, and nothing lost.

There never was an older version on PostgreSQL, so there is nothing to upgrade from there; it migrates inside one
transaction too (sync_server/store/migrations.py).
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from field_app.store import Store
from sync_server.main import build
from sync_server.settings import Settings
from tests.crash.nursery import Nursery, pause
from tests.crash.site import Broken, want

AGES = Path(__file__).parents[1] / "ages"
VERSION = "0.1.0"
MADE_BY_STARTING = ("setting", "epoch")  # the server names its epoch by a fresh id where there is none yet


class Side(NamedTuple):
    """What differs between tablet and server."""

    name: str
    file: str
    work: str
    recorded: Callable[[Path], None]
    enlarged: Callable[[sqlite3.Connection], None]
    opened: Callable[[Path], None]
    version: Callable[[sqlite3.Connection], int]


def _from_sql(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(target)) as db:
        db.executescript(source.read_text("utf-8"))


def _recorded_tablet(folder: Path) -> None:
    _from_sql(AGES / VERSION / "tablet0.sql", folder / "tablet.db")
    (folder / "identity.json").write_text((AGES / VERSION / "tablet0.identity.json").read_text())


def _recorded_server(folder: Path) -> None:
    _from_sql(AGES / VERSION / "server.sql", folder / "server.db")
    for key in ("receipt.key", "token.key"):
        (folder / key).write_bytes(bytes.fromhex((AGES / VERSION / f"{key}.hex").read_text()))


def _copies(db: sqlite3.Connection, table: str, times: int, changed: dict[str, str]) -> None:
    """The rows of a table many times over, with other keys."""
    columns = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]
    shown = ",".join(changed.get(c, f't."{c}"') for c in columns)
    names = ",".join(f'"{c}"' for c in columns)
    db.execute(
        f"WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM k WHERE n<{times})"
        f' INSERT INTO "{table}" ({names}) SELECT {shown} FROM (SELECT * FROM "{table}") t, k'
    )


def _enlarge_tablet(db: sqlite3.Connection) -> None:
    """A long life: what moves in this migration (scopes, drafts), and a journal that makes the copy take its time."""
    _copies(db, "scope", 1500, {"id": "t.id||'-'||k.n"})
    _copies(db, "draft", 500, {"record": "t.record||'-'||k.n"})
    _copies(db, "journal", 40, {"id": "t.id||'-'||k.n", "enrolment": "t.enrolment||'-'||k.n"})


def _enlarge_server(db: sqlite3.Connection) -> None:
    _copies(db, "journal", 30, {"n": "NULL", "id": "t.id||'-'||k.n", "enrolment": "t.enrolment||'-'||k.n"})
    _copies(db, "device_key", 500, {"enrolment": "t.enrolment||'-'||k.n", "public_key": "t.public_key||'-'||k.n",
                                      "device": "t.device||'-'||k.n"})  # fmt: skip


def _open_tablet(folder: Path) -> None:
    Store(folder).close()


def _open_server(folder: Path) -> None:
    build(Settings(data=folder)).service.store.close()


def _tablet_version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _server_version(db: sqlite3.Connection) -> int:
    found = db.execute("SELECT value FROM setting WHERE key='schema'").fetchone()
    return int(found[0]) if found else 1


TABLET = Side(
    "tablet",
    "tablet.db",
    "tests.crash.opening:tablet",
    _recorded_tablet,
    _enlarge_tablet,
    _open_tablet,
    _tablet_version,
)
SERVER = Side(
    "server",
    "server.db",
    "tests.crash.opening:server",
    _recorded_server,
    _enlarge_server,
    _open_server,
    _server_version,
)


class State(NamedTuple):
    version: int
    shape: dict[str, str]  # table or index → its SQL
    rows: dict[str, tuple[int, str]]  # table → how many, hash of all


def state(file: Path, side: Side) -> State:
    """What a stranger finds in the file, with what a dead process left beside it. It is looked at in a copy: looking
    alone would already tidy up."""
    beside = file.with_name("looked-at.db")
    for end in ("", "-wal"):
        beside.with_name(beside.name + end).unlink(missing_ok=True)
        if file.with_name(file.name + end).exists():
            shutil.copy(file.with_name(file.name + end), beside.with_name(beside.name + end))
    with closing(sqlite3.connect(beside)) as db:
        try:
            want(db.execute("PRAGMA quick_check").fetchall() == [("ok",)], f"{file.name} is damaged")
            shape = {n: s for n, s in db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")}
            tables = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY 1")]
            rows = {}
            for table in tables:
                found = sorted(map(repr, db.execute(f'SELECT * FROM "{table}"')))
                rows[table] = (len(found), hashlib.sha256("\n".join(found).encode()).hexdigest())
            version = side.version(db)
        except sqlite3.DatabaseError as err:
            raise Broken(f"{file.name} is half a database: {err}") from err
    for end in ("", "-wal", "-shm"):
        beside.with_name(beside.name + end).unlink(missing_ok=True)
    return State(version, shape, rows)


class Upgrade:
    """One side: the old database, what it becomes, and how long that takes."""

    def __init__(self, side: Side, folder: Path, nursery: Nursery, fault: str = "") -> None:
        self.side, self.folder, self.nursery, self.fault = side, folder / side.name, nursery, fault
        self.original = self.folder / "old"
        self.original.mkdir(parents=True)
        side.recorded(self.original)
        with closing(sqlite3.connect(self.original / side.file)) as db:
            side.enlarged(db)
            db.commit()
            db.execute("PRAGMA journal_mode=WAL")  # as the app leaves it
        self.old = state(self.original / side.file, side)
        self.begin, self.end = 0.0, 0.0
        took = [self._whole() for _ in range(3)]
        self.took = statistics.median(took)
        self.figures = {"kills": 0, "old": 0, "new": 0, "copy_absent": 0, "copy_whole": 0, "opened": 0}

    def _fresh(self) -> Path:
        at = self.folder / "at"
        shutil.rmtree(at, ignore_errors=True)
        shutil.copytree(self.original, at)
        return at

    def _whole(self) -> float:
        """Nobody is killed: what comes out is what must come out, and how long it takes."""
        at = self._fresh()
        child = self.nursery.start(self.side.work, str(at), fault=self.fault)
        child.wait_lines(1)
        began = time.perf_counter()
        child.wait_lines(2)
        took = time.perf_counter() - began
        child.end()
        want(child.status == 0, f"the upgrade fails: {child.said()}")
        self.side.opened(at)
        self.new = state(at / self.side.file, self.side)
        want(self.new.version > self.old.version, "nothing was upgraded")
        return took

    def die(self, rng: random.Random) -> None:
        at = self._fresh()
        child = self.nursery.start(self.side.work, str(at), fault=self.fault)
        child.wait_lines(1)
        if rng.random() < 0.5:
            pause(rng.uniform(0, 1.1) * self.took)
        else:  # the copy takes most of the time; the transaction comes right after it
            while not child.ended and not any(at.glob("*.bak")):
                pause(0.001)
            pause(rng.uniform(0, 0.3) * self.took)
        opened = len(child.kill()) > 1
        self.figures["kills"] += 1
        self.figures["opened"] += opened
        self._old_or_new(at, opened)
        self._copy(at)
        self.side.opened(at)
        again = state(at / self.side.file, self.side)
        self._equal(again, self.new, "after the second opening")

    def _old_or_new(self, at: Path, opened: bool) -> None:
        found = state(at / self.side.file, self.side)
        if found.version == self.old.version:
            self.figures["old"] += 1
            want(
                found == self.old,
                f"version {found.version}, but not the old tables and rows: half a migration: {_odd(found, self.old)}",
            )
            want(not opened, "it said that it was open, and the upgrade is gone")
            return
        self.figures["new"] += 1
        want(found.version == self.new.version, f"version {found.version} was never asked for")
        # what opening does after the migration are transactions of their own, each of them whole: they only add tables
        # and names of people, and the second opening does what is missing
        for table, (count, rows) in found.rows.items():
            want(table in self.new.rows, f"{table} is there, in neither version")
            want(count == self.new.rows[table][0] or table in MADE_BY_STARTING, f"{table} has {count} rows")
            if table in self.old.rows and self.old.rows[table] == self.new.rows[table]:
                want(rows == self.new.rows[table][1], f"{table} holds other rows")
        for name, sql in self.old.shape.items():
            if self.new.shape.get(name) != sql:
                want(found.shape.get(name) == self.new.shape.get(name), f"{name} has neither its old nor its new shape")

    def _copy(self, at: Path) -> None:
        """The copy made before, under its final name, is whole or not there."""
        kept = [p for p in at.iterdir() if p.name.endswith(".bak")]
        self.figures["copy_whole" if kept else "copy_absent"] += 1
        for path in kept:
            found = state(path, self.side)
            want(found == self.old, f"{path.name} is not the old database: {_odd(found, self.old)}")
        version = state(at / self.side.file, self.side).version
        want(kept or version == self.old.version, "upgraded without a copy of what was there")

    def _equal(self, found: State, wanted: State, when: str) -> None:
        want(
            found.version == wanted.version and found.shape == wanted.shape,
            f"{when} the tables are others: {_odd(found, wanted)}",
        )
        odd = [t for t in wanted.rows if found.rows.get(t) != wanted.rows[t]]
        want(not odd, f"{when} rows are lost or others: {odd}")


def _odd(found: State, wanted: State) -> Any:
    shapes = [n for n in {*found.shape, *wanted.shape} if found.shape.get(n) != wanted.shape.get(n)]
    return shapes[:4], [t for t in {*found.rows, *wanted.rows} if found.rows.get(t) != wanted.rows.get(t)][:4]


def run(
    folder: Path, nursery: Nursery, kills: int, seed: int, sides: tuple[Side, ...] = (TABLET, SERVER), fault: str = ""
) -> dict[str, int]:
    began, figures = time.monotonic(), dict[str, int]()
    for n, side in enumerate(sides):
        rng = random.Random(f"migrations {seed} {side.name}")
        upgrade = Upgrade(side, folder, nursery, fault)
        figures[f"{side.name}_takes_ms"] = int(upgrade.took * 1000)
        for _ in range(kills // len(sides) + (n < kills % len(sides))):
            upgrade.die(rng)
        figures |= {f"{side.name}_{k}": v for k, v in upgrade.figures.items()}
    return {**figures, "ms": int((time.monotonic() - began) * 1000)}
