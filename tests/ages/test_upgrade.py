"""Databases of every released version are opened by today's code, and the work goes on where it stopped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from field_app import device_db
from field_app.store import Store
from field_app.sync import Syncer
from schemas import change
from schemas.records import TABLES, TYPES
from schemas.rows import codec
from schemas.rules import evidence
from sync_server.main import create_app
from sync_server.settings import Settings
from sync_server.store.migrations import VERSION
from tests.ages.recorded import VERSIONS, Recorded, restored
from tests.sim.tablet import TabletClock, TurnableClock
from tests.sim.transport import AppTransport


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Recorded]:
    yield restored(request.param, tmp_path)


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


JOURNAL = "SELECT enrolment,scope,pos,id,type,record,line,link FROM journal ORDER BY enrolment,scope,pos"


def test_the_server_upgrades_and_keeps_every_byte(old: Recorded) -> None:
    path = old.server / "server.db"
    before = rows(path, JOURNAL)
    devices = rows(path, "SELECT count(*) FROM device_key")[0][0]
    records = {t: rows(path, f'SELECT id,scope,seq FROM "{t}" ORDER BY id') for t in TYPES if known(path, t)}
    app = create_app(Settings(data=old.server), TurnableClock(old.at))
    service = app.state.parts.service
    assert rows(path, JOURNAL) == before and len(before) > 100
    assert {t: rows(path, f'SELECT id,scope,seq FROM "{t}" ORDER BY id') for t in records} == records
    assert rows(path, "SELECT value FROM setting WHERE key='schema'") == [(str(VERSION),)]
    assert rows(old.server / "server.db.v1.bak", JOURNAL) == before  # the copy of before
    assert rows(path, "SELECT next_no FROM number_range WHERE use='device'") == [(devices + 1,)]
    with service.store.reading() as tx:
        for scope in tx.scopes():
            total = sum(
                evidence.row_hash(evidence.row_line(s.type, s.id, s.seq, s.values))
                for type in TYPES
                for s in tx.of_scope(type, scope.id)
            )
            assert evidence.digest_hex(total) == evidence.digest_hex(scope.digest), scope.id
        assert set(tx.epochs()) == {tx.setting("epoch")}
    service.store.close()
    stamp = path.stat().st_mtime_ns, (old.server / "server.db.v1.bak").stat().st_mtime_ns
    create_app(Settings(data=old.server), TurnableClock(old.at)).state.parts.service.store.close()  # opened again
    assert (old.server / "server.db.v1.bak").stat().st_mtime_ns == stamp[1]


def indexes(path: Path) -> set[str]:
    return {n for (n,) in rows(path, "SELECT name FROM sqlite_master WHERE type='index' AND sql IS NOT NULL")}


# of record tables before rows were asked for by scope and seq together, and of the journal before parked ones were apart
FORMER = {f"ix_{type}_{column}" for type in TYPES for column in ("scope", "seq")} | {"journal_outcome"}
TODAYS = {str(index.name) for table in TABLES.values() for index in table.indexes}


def test_former_indexes_go_and_todays_come(old: Recorded) -> None:
    path = old.server / "server.db"
    assert indexes(path) & FORMER and not indexes(path) & TODAYS
    create_app(Settings(data=old.server), TurnableClock(old.at)).state.parts.service.store.close()
    assert not indexes(path) & FORMER and indexes(path) >= TODAYS | {"journal_seq", "journal_parked", "journal_record"}
    assert "WITHOUT ROWID" in rows(path, "SELECT sql FROM sqlite_master WHERE name='record_type'")[0][0]
    assert not known(path, "record_type_v2")
    for folder in old.tablets:
        path = folder / "tablet.db"
        assert indexes(path) & FORMER
        Store(folder).close()
        assert not indexes(path) & FORMER and indexes(path) >= TODAYS
    new = create_app(
        Settings(data=old.server.with_name("new")), TurnableClock(old.at)
    )  # what upgraded is as what begins
    new.state.parts.service.store.close()
    assert indexes(old.server / "server.db") == indexes(old.server.with_name("new") / "server.db")
    Store(old.server.with_name("fresh")).close()
    assert indexes(old.tablets[0] / "tablet.db") == indexes(old.server.with_name("fresh") / "tablet.db")


def known(path: Path, table: str) -> bool:
    return bool(rows(path, f"SELECT 1 FROM sqlite_master WHERE type='table' AND name='{table}'"))


def columns(path: Path, table: str) -> str:
    return ",".join(f'"{row[1]}"' for row in rows(path, f'PRAGMA table_info("{table}")'))


def test_tablets_upgrade_and_keep_everything(old: Recorded) -> None:
    for folder in old.tablets:
        path = folder / "tablet.db"
        before, drafts = rows(path, JOURNAL), rows(path, "SELECT record,scope,type,vals FROM draft ORDER BY record")
        pending = rows(path, "SELECT * FROM pending")
        # by the columns of then: types may have got fields since
        asked = {t: f'SELECT {columns(path, t)} FROM "{t}" ORDER BY id' for t in TYPES if known(path, t)}
        shown = {t: rows(path, sql) for t, sql in asked.items()}
        scopes = rows(path, "SELECT id,roles,writes FROM scope WHERE left_at IS NULL ORDER BY id")
        store = Store(folder)
        identity = store.keys.require()
        assert rows(path, JOURNAL) == before and rows(path, "SELECT * FROM pending") == pending
        assert rows(path, "PRAGMA user_version") == [(device_db.VERSION,)]
        assert sorted((d.id, d.scope, d.type) for d in store.drafts()) == [(r, s, t) for r, s, t, _ in drafts]
        assert {t: rows(path, sql) for t, sql in asked.items()} == shown
        granted = rows(path, "SELECT scope,roles,writes FROM granted ORDER BY scope")
        assert granted == scopes and {s.scope for s in store.scopes()} == {i for i, _, _ in scopes}
        assert rows(path, "SELECT DISTINCT person FROM granted") in ([], [(identity.person,)])
        for scope in store.scopes():
            assert store.recount_digest(scope.scope) == store.digest(scope.scope)
        store.close()
        assert rows(folder / "tablet.v1.bak", JOURNAL) == before


def test_old_tablets_and_an_old_server_go_on_together(old: Recorded) -> None:
    clock = TurnableClock(old.at)
    app = create_app(Settings(data=old.server), clock)
    service, net = app.state.parts.service, AppTransport(app)
    stores = [Store(f, TabletClock(clock, clock.at - clock.at)) for f in old.tablets]
    syncers = [Syncer(s, net, lambda _: None) for s in stores]
    lines = {c.id: c.line for s in stores for _, _, c in s.changes()}
    for _ in range(4):
        clock.pass_seconds(700)
        results = [s.run() for s in syncers]
        assert [p for r in results for p in r.problems] == []
        if not any(r.pushed or r.pulled for r in results):
            break
    else:
        raise AssertionError("the tablets do not come to rest")
    assert all(r.digests_equal for r in results)
    with service.store.reading() as tx:
        there = {i: j for i, j in tx.journaled(list(lines)).items()}
    assert {i: j.line for i, j in there.items()} == lines
    for s in stores:
        assert s.counts()["pending"] == 0
        for type in TYPES:  # what a tablet shows is what the server has, but for what waits
            c = codec(type)
            server = {r.id: r.values for scope in s.scopes() for r in service.records(type, scope.scope)}
            shown = {r.id: r.values for r in s.all(type, deleted=True) if r.state == "accepted"}
            assert shown.items() <= server.items() and c.columns[0] == "id"
        s.close()
    assert all(change.decode(j.line).id == i for i, j in there.items())
    net.shut()
    service.store.close()
