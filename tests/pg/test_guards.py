"""Evidence is only ever added to, on both databases: every other statement is refused by the database itself, and everything the
server does goes through."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sync_server.doctor import Doctor
from sync_server.service import Write
from sync_server.store import Journaled, Store, guards, open_engine
from sync_server.store import tables as t
from tests.api.conftest import Device, Server, outcomes
from tests.pg import database
from tests.pg.conftest import BOTH, with_server
from tests.unguarded import take_guards

AT = "2026-11-21T10:00:00+08:00"
FIXED = ("n", "scope", "enrolment", "pos", "id", "type", "record", "line", "link", "proof", "received_at")
OTHER = {"n": "99", "pos": "99", "line": "link", "link": "line"}  # a value of the right kind, and another


def fill(store: Store) -> None:
    with store.writing() as tx:
        for n, outcome in ((1, "applied"), (2, "parked"), (3, "rejected"), (4, "conflict"), (5, "parked")):
            tx.add_journal(
                [Journaled("s", "e", n, f"c{n}", "point", f"r{n}", b"l", b"k", "proven", outcome, n, None, None, AT)]
            )
        tx.add_receipt("i", "s", "e", "text", "sig", "{}")
        tx.add_fork("e", "s", 1, [("f", b"x")], AT)
        tx.note(AT, "x", "grant", "p")
        tx.decide("c2", True, "x", AT, "r")
        tx.decide("c5", False, "x", AT, "r")
        tx.decide("c1", True, "x", AT, "r")  # its change is in


@pytest.fixture
def filled(store: Store) -> Store:
    fill(store)
    return store


def run(store: Store, statement: str) -> int:
    with store.engine.connect() as conn, conn.begin():
        return conn.exec_driver_sql(statement).rowcount


def rows(store: Store) -> list[list[tuple[object, ...]]]:
    with store.engine.connect() as conn, conn.begin():
        return [
            [tuple(r) for r in conn.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1").all()]
            for table in guards.GUARDED
        ]


REFUSED = [
    *(f"UPDATE journal SET {c}={OTHER.get(c, repr('other'))} WHERE id='{id}'" for c in FIXED for id in ("c1", "c2")),
    *(f"UPDATE journal SET {set_} WHERE id='{id}'" for set_ in ("outcome='applied', seq=9", "seq=9", "problem=1", "detail='x'")
      for id in ("c1", "c3", "c4")),
    "UPDATE journal SET outcome='rejected', line=link WHERE id='c2'",
    "UPDATE journal SET outcome='parked'",
    *(f"DELETE FROM {table}" for table in guards.GUARDED),
    "DELETE FROM journal WHERE id='c2'",
    *(f"UPDATE receipt SET {c}='y'" for c in ("id", "scope", "enrolment", "text", "signature", "claim")),
    *(f"UPDATE fork SET {c}" for c in ("line=line", "pos=9", "id='y'", "received_at='y'")),
    *(f"UPDATE audit SET {c}='y'" for c in ("at", "action", "about", "detail", '"by"')),
    "UPDATE decision SET reason='y' WHERE id='c2'",
    "UPDATE decision SET accepted=false, id='c9' WHERE id='c2'",
    "UPDATE decision SET accepted=true WHERE id='c5'",  # taken back is taken back
    "UPDATE decision SET accepted=false WHERE id='c1'",  # too late
]  # fmt: skip
ONLY = {
    "sqlite": [
        "REPLACE INTO journal SELECT * FROM journal WHERE id='c1'",
        "INSERT OR REPLACE INTO receipt VALUES ('i','s','e','other','sig','{}')",
        "INSERT INTO receipt VALUES ('i','s','e','other','sig','{}') ON CONFLICT (id) DO UPDATE SET text='other'",
    ],
    "postgresql": [
        *(f"TRUNCATE {table}" for table in guards.GUARDED),
        "TRUNCATE chain, journal CASCADE",
        "WITH gone AS (DELETE FROM journal RETURNING *) SELECT * FROM gone",
        "INSERT INTO receipt VALUES ('i','s','e','other','sig','{}') ON CONFLICT (id) DO UPDATE SET text='other'",
        "MERGE INTO journal j USING receipt r ON j.scope=r.scope WHEN MATCHED THEN DELETE",
    ],
}  # fmt: skip


def test_every_forbidden_statement_is_refused_and_says_why(filled: Store) -> None:
    before = rows(filled)
    for statement in REFUSED + ONLY[filled.engine.dialect.name]:
        if "MERGE" in statement and filled.engine.dialect.server_version_info < (15,):  # type: ignore[operator]
            continue
        with pytest.raises(DBAPIError, match=r"只增不改.*append-only"):
            run(filled, statement)
        assert rows(filled) == before, statement


def test_what_becomes_of_a_parked_change_may_be_written(filled: Store) -> None:
    with filled.writing() as tx:
        tx.set_outcome("c2", "parked", None, 3101, "why")  # it waits for something else now
        tx.change_decision("c2", False, "y", AT, "no")
        tx.set_outcome("c2", "rejected", None, 3008, None)
        tx.set_outcome("c5", "applied", 7, None, None)
    with filled.reading() as tx:
        found = tx.journaled(["c2", "c5"])
        decision = tx.decision("c2")
    assert (found["c2"].outcome, found["c5"].outcome, found["c5"].seq) == ("rejected", "applied", 7)
    assert decision and (decision["accepted"], decision["by"]) == (False, "y")
    with pytest.raises(DBAPIError, match="append-only"), filled.writing() as tx:
        tx.set_outcome("c5", "parked", None, None, None)


def test_no_trigger_fires_when_rows_come_in(filled: Store) -> None:
    """A push pays nothing for them."""
    with filled.engine.connect() as conn, conn.begin():
        if conn.dialect.name == "sqlite":
            texts = [s for (s,) in conn.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type='trigger'").all()]
            assert len(texts) == 10 and all(re.search(r" BEFORE (UPDATE|DELETE) ON ", s) for s in texts)
        else:
            kinds = [k for (k,) in conn.exec_driver_sql("SELECT tgtype FROM pg_trigger WHERE NOT tgisinternal").all()]
            assert len(kinds) == 10 and not any(k & 4 for k in kinds)


# --- they come, and come back ----------------------------------------------------------------------------------------


def missing(store: Store) -> list[str]:
    with store.reading() as tx:
        return tx.guards_missing()


def damage(conn: Connection, how: str) -> None:
    sqlite = conn.dialect.name == "sqlite"
    if how == "gone":
        take_guards(conn)
    elif how == "weaker" and sqlite:
        conn.exec_driver_sql("DROP TRIGGER append_only_journal_update")
        conn.exec_driver_sql(
            "CREATE TRIGGER append_only_journal_update BEFORE UPDATE ON journal WHEN 0 BEGIN SELECT RAISE(ABORT,'x'); END"
        )
    elif how == "weaker":
        conn.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION append_only_journal() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
        )
    elif how == "another table's" and sqlite:
        conn.exec_driver_sql("DROP TRIGGER append_only_journal_delete")
    elif how == "another table's":
        conn.exec_driver_sql("ALTER TABLE journal DISABLE TRIGGER append_only")


@pytest.mark.parametrize("how", ["gone", "weaker", "another table's"])
def test_a_missing_guard_is_seen_and_put_back_at_the_next_start(filled: Store, how: str) -> None:
    assert missing(filled) == []
    with filled.engine.begin() as conn:
        damage(conn, how)
    assert missing(filled) == (sorted(guards.GUARDED) if how == "gone" else ["journal"])
    assert (
        run(filled, "UPDATE journal SET line=link WHERE id='c1'" if how != "another table's" else "DELETE FROM journal")
        > 0
    )
    filled.create()
    assert missing(filled) == []
    with pytest.raises(DBAPIError, match="append-only"):
        run(filled, "UPDATE receipt SET text='y'")


def test_a_database_of_before_gets_them(filled: Store) -> None:
    """As 0.1.0 left it: no guard, and a line somebody changed stays readable."""
    with filled.engine.begin() as conn:
        take_guards(conn)
        conn.exec_driver_sql("UPDATE setting SET value='2' WHERE key='schema'")
    filled.create()
    assert missing(filled) == [] and len(rows(filled)[0]) == 5


@pytest.fixture(params=BOTH)
def any_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    if request.param == "sqlite":
        made = with_server(tmp_path / "server", None)
        yield made
        made.close()
        return
    with database() as url:
        made = with_server(tmp_path / "server", url)
        yield made
        made.close()


def test_the_doctor_misses_them_and_puts_them_back(any_server: Server) -> None:
    with any_server.service.store.engine.begin() as conn:
        take_guards(conn)
    (found,) = Doctor(any_server.service).look().open
    assert found.check == "guard" and found.severity == "error" and found.mend
    done = Doctor(any_server.service).mend("os:test")
    assert done.open == [] and [f.check for f in done.mended] == ["guard"]
    assert missing(any_server.service.store) == []


def parked(server: Server) -> list[str]:
    with server.service.store.reading() as tx:
        return [j.id for j in tx.parked(server.field)]


def test_everything_the_server_does_with_what_waits_goes_through(any_server: Server) -> None:
    """Parked, run again, taken in, declined, withdrawn: with the guards there."""
    server = any_server
    device = Device(server, server.sampler)
    site, other = server.new_id(), server.new_id()
    waits = [device.change("point", server.point(code=f"W{n}", site_id=s)) for n, s in enumerate((site, other))]
    assert outcomes(device.push(waits)) == ["parked", "parked"]
    of_site = {"code": "S9", "name": "迟", "status": "idle", "division_code": "1"}
    server.service.write(server.pm, [Write("site", site, server.field, of_site)])
    (left,) = parked(server)  # the other went in
    assert server.service.decide_parked(server.pm, [left], True, "要") == {left: "parked"}
    server.service.revoke(device.enrolment, server.pm)
    assert server.service.decide_parked(server.pm, [left], False, "不要了") == {left: "rejected"}
    assert parked(server) == []
    assert [f for f in Doctor(server.service).look().open if f.severity == "error"] == []


# --- outside the program, and inside ---------------------------------------------------------------------------------


def test_they_hold_for_a_plain_sqlite_shell(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    store = Store(open_engine(f"sqlite:///{path}"))
    store.create()
    fill(store)
    store.close()
    with closing(sqlite3.connect(path)) as db:
        for statement in ("UPDATE journal SET line='x' WHERE id='c1'", "DELETE FROM receipt", "UPDATE audit SET at=''"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(statement)


KNOWN = {("records.py", "update(t.journal)"), ("waiting.py", "update(t.decision)")}
CHANGES = re.compile(
    r"(?:update|delete|upsert|rewrite_rows)\((?:self\.conn, |conn, )?t\.(?:journal|receipt|fork|audit|decision)\b\)?"
    r"|(?:UPDATE|DELETE FROM|REPLACE INTO|TRUNCATE)\s+\"?(?:journal|receipt|fork|audit|decision)\b|OR REPLACE INTO|insert or replace",
    re.I,
)  # fmt: skip


def test_no_other_statement_of_the_server_changes_evidence() -> None:
    room = Path(guards.__file__).resolve().parents[1]
    found = {
        (path.name, hit.group()) for path in room.rglob("*.py") if path.name != "guards.py"
        for hit in CHANGES.finditer(path.read_text("utf-8"))
    }  # fmt: skip
    assert found == KNOWN
    for planted in (
        "delete(t.journal)",
        "upsert(self.conn, t.receipt",
        'DELETE FROM "fork"',
        "update audit set",
        "INSERT OR REPLACE INTO x",
    ):
        assert CHANGES.search(planted), planted
    assert set(guards.GUARDED) <= set(t.meta.tables)
