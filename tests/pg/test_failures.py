"""What goes wrong with a database server is a numbered problem that tells a tablet to come again, never a traceback; and
when the database is back, so are we."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from schemas.problems import Trouble
from sync_server.main import build, create_app
from sync_server.settings import Settings
from sync_server.store import Store, Tx, open_engine
from sync_server.store.migrations import VERSION
from tests.api.conftest import Clock, Device, Server, outcomes, problem
from tests.pg import USER, Cluster, cluster, database
from tests.sim.transport import AppTransport

FIELD = "p1.field"


def name_of(store: Store) -> str:
    return str(store.engine.url.database)


@pytest.fixture
def own() -> Iterator[Cluster]:
    """The server is up again for whoever comes next, whatever a test did to it."""
    pg = cluster()
    yield pg
    if not pg.up():
        pg.start()
    elif pg.altered:
        pg.restart()


def number(ask: Any) -> int:
    with pytest.raises(Trouble) as told:
        ask()
    return told.value.problem.number


# --- what PostgreSQL says, and what we say ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("40001", 1101), ("40P01", 1101), ("55P03", 1101), ("57014", 1101), ("53300", 1101), ("53200", 1101), ("23505", 1101),
        ("53100", 1102), ("58030", 1102), ("57P01", 1103), ("57P03", 1103), ("08006", 1103), ("25006", 1103),
    ],
)  # fmt: skip
def test_a_state_is_a_problem(pg_store: Store, state: str, wanted: int) -> None:
    def ask() -> None:
        with pg_store.writing() as tx:
            tx.conn.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'said' USING ERRCODE = '{state}'; END $$")

    assert number(ask) == wanted


@pytest.mark.parametrize("state", ["23502", "54000", "42P01", "XX000"])
def test_a_fault_of_ours_is_not_called_busy(pg_store: Store, state: str) -> None:
    """A tablet that is told to come again would do so for ever, and nobody would look into it."""
    with pytest.raises(Exception) as raised, pg_store.writing() as tx:
        tx.conn.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'said' USING ERRCODE = '{state}'; END $$")
    assert not isinstance(raised.value, Trouble)


def test_of_two_that_wait_for_each_other_one_is_told_to_come_again(pg_store: Store) -> None:
    with pg_store.writing() as tx:
        for n in (0, 1):
            tx.set_setting(str(n), "")
    both = threading.Barrier(2)

    def do(n: int) -> int | None:
        try:
            with pg_store.writing() as tx:
                tx.set_setting(str(n), "x")
                both.wait(20)
                tx.set_setting(str(1 - n), "x")
        except Trouble as err:
            return err.problem.number
        return None

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(do, (0, 1)), key=str) == [1101, None]


def test_too_many_connections(pg: Cluster, pg_store: Store) -> None:
    pg.sql(f"ALTER DATABASE {name_of(pg_store)} CONNECTION LIMIT 1")
    with pg_store.reading() as tx:
        tx.setting("k")

        def ask() -> None:
            with pg_store.reading() as other:
                other.setting("k")

        assert number(ask) == 1101
    ask()  # the one connection is free again


def test_a_server_that_has_no_room_for_us(own: Cluster, pg_url: str) -> None:
    own.restart(max_connections="6", superuser_reserved_connections="3")
    store = Store(open_engine(pg_url))
    held = [psycopg.connect(own.url("jingtu_empty")) for _ in range(3)]
    assert number(store.create) == 1101
    for connection in held:
        connection.close()
    own.restart()
    store.create()
    store.close()


def test_the_pool_is_empty(pg_store: Store) -> None:
    pg_store.engine.pool._timeout = 0.05  # type: ignore[attr-defined]
    with ThreadPoolExecutor(40) as threads:
        gate, full = threading.Event(), threading.Barrier(41)

        def hold(_: int) -> None:
            with pg_store.reading() as tx:
                tx.setting("k")
                full.wait(60)
                gate.wait(60)

        done = threads.map(hold, range(40))
        full.wait(60)
        try:
            assert number(lambda: pg_store.reading().__enter__()) == 1101
        finally:
            gate.set()
            list(done)


def test_who_waits_too_long_is_told(pg_store: Store) -> None:
    with pg_store.writing() as tx:
        tx.add_scope(FIELD, "p1", "field")
    with pg_store.writing() as tx:
        tx.scope(FIELD, lock=True)

        def ask() -> None:
            with pg_store.writing() as other:
                other.conn.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
                other.scope(FIELD, lock=True)

        assert number(ask) == 1101


# --- the server goes, the server comes -------------------------------------------------------------------------------


def test_a_stopped_database_is_a_problem_and_a_started_one_is_not(own: Cluster, server: Server, device: Device) -> None:
    first, second = device.change("point", server.point()), device.change("point", server.point(code="S2"))
    assert outcomes(device.push([first])) == ["applied"]
    own.stop()
    asked = {
        "push": lambda: device.push([second], keep=False), "pull": device.pull, "a token": lambda: device.ask_token(device.assertion()),
        "me": lambda: server.http.get("/api/v1/me", headers=device.auth),
        "a password": lambda: server.http.post("/api/v1/auth/token", data={"username": "a", "password": "b"}),
    }  # fmt: skip
    for ask in asked.values():
        problem(ask(), 1103)
    page = server.http.post(
        "/sign-in", data={"username": "a", "password": "b"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert page.status_code in (404, 503) and "Traceback" not in page.text
    own.start()
    assert outcomes(device.push([second])) == ["applied"]  # the first request after it
    assert len(device.pull(cursor=0).content.split(b"\n")) > 2


def test_ended_connections_are_noticed_before_they_are_used(pg: Cluster, server: Server, device: Device) -> None:
    """A firewall, an administrator, a restart between two requests."""
    for _ in range(3):
        ended = pg.sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(server.service.store)}'"
        )
        assert ended
        assert outcomes(device.push([device.change("point", server.point())])) == ["applied"]


def test_a_connection_that_ends_within_a_transaction(pg: Cluster, pg_store: Store) -> None:
    def ask() -> None:
        with pg_store.writing() as tx:
            tx.set_setting("k", "1")
            pg.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(pg_store)}'")
            tx.set_setting("k", "2")

    assert number(ask) == 1103
    with pg_store.reading() as tx:
        assert tx.setting("k") is None


def test_what_was_acknowledged_survives_the_crash_of_the_database(own: Cluster, server: Server, device: Device) -> None:
    """Even where its administrator preferred speed."""
    own.sql(f"ALTER DATABASE {name_of(server.service.store)} SET synchronous_commit = off")
    server.service.store.close()
    with server.service.store.writing() as tx:
        assert tx.conn.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    lines = [device.change("point", server.point(code=f"S{n}")) for n in range(20)]
    for line in lines:
        assert outcomes(device.push([line])) == ["applied"]
    own.stop(signal.SIGQUIT)
    own.start()
    kept = [
        bytes(line)
        for (line,) in server.sql("SELECT line FROM journal WHERE enrolment=? ORDER BY pos", device.enrolment)
    ]
    assert kept == lines


def test_nothing_our_address_says_can_switch_promises_off(pg_url: str) -> None:
    store = Store(open_engine(f"{pg_url}&options=-c%20synchronous_commit%3Doff%20-c%20work_mem%3D7MB"))
    with store.writing() as tx:
        shown = [
            tx.conn.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("synchronous_commit", "work_mem", "transaction_isolation")
        ]
    assert shown == ["on", "7MB", "read committed"]
    store.close()


def test_writers_see_what_they_waited_for_whatever_the_default_is(pg: Cluster, pg_store: Store) -> None:
    pg.sql(f"ALTER DATABASE {name_of(pg_store)} SET default_transaction_isolation = 'serializable'")
    with pg_store.writing() as tx:
        assert tx.conn.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
    with pg_store.reading() as tx:
        assert tx.conn.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"


# --- the beginning ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:secret@h/d",
        "nonsense",
        "",
        "postgresql+nosuch://h/d?x=secret",
        "oracle://",
        "sqlite:/:memory:",
        "http://secret@h",
    ],
)
def test_an_address_we_do_not_know(url: str) -> None:
    if url.startswith("postgresql+"):  # the driver is ours to choose
        open_engine(url).dispose()
        return
    with pytest.raises(Trouble) as told:
        open_engine(url)
    assert told.value.problem.number == 4101 and "secret" not in str(told.value.body())


def test_the_short_form_of_the_address(pg_url: str) -> None:
    store = Store(open_engine(pg_url.replace("postgresql://", "postgres://")))
    store.create()
    store.close()


def test_a_database_nobody_can_reach(tmp_path: Path) -> None:
    store = Store(open_engine(f"postgresql://nobody@/none?host={tmp_path}"))
    assert number(store.create) == 1103
    store.close()


def test_a_database_in_another_encoding_is_refused_before_anything_is_made(pg: Cluster) -> None:
    pg.sql(f"CREATE DATABASE odd OWNER {USER} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    store = Store(open_engine(pg.url("odd")))
    assert number(store.create) == 4101
    store.close()
    assert pg.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "odd") == [(0,)]
    pg.drop("odd")


def test_a_newer_database_is_left_alone(pg_store: Store) -> None:
    with pg_store.writing() as tx:
        tx.set_setting("schema", str(VERSION + 1))
    assert number(pg_store.create) == 4102


def test_an_older_database_is_brought_up_to_date(pg: Cluster, pg_store: Store) -> None:
    """Tables and columns that came since are made, with the order they need; numbered steps are taken once."""
    name = name_of(pg_store)
    from tests.pg.test_store import key

    with pg_store.writing() as tx:
        tx.set_setting("epoch", "first")
        for n in (1, 2, 3):
            tx.add_key(key(n))
    for statement in ("DROP TABLE epoch, seen_row, decision, audit", "ALTER TABLE point DROP COLUMN wind", "DROP TABLE comment",
                      "ALTER TABLE journal DROP COLUMN detail", "DELETE FROM setting WHERE key = 'schema'"):  # fmt: skip
        pg.sql(statement, name)
    many = [Store(open_engine(pg.url(name))) for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(Store.create, many))
    with pg_store.reading() as tx:
        assert tx.setting("schema") == str(VERSION)
        assert tx.numbers_given() == {"device": 4}
        assert tx.epochs() == {"first": (None, {})}
        assert tx.of_scope("comment", FIELD) == [] and tx.notes() == []
    wanted = pg.sql(_SHAPE, "jingtu_empty")
    assert sorted(pg.sql(_SHAPE, name)) == sorted(wanted)
    for store in many:
        store.close()


_SHAPE = """SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), o.collname::text
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_collation o ON o.oid = a.attcollation
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"""

_BEGIN = """
import sys
from pathlib import Path
from sync_server.main import build
from sync_server.settings import Settings
parts = build(Settings(data=Path(sys.argv[1]), database_url=sys.argv[2]))
org = parts.service.found("示范公司")
with parts.service.store.reading() as tx:
    print(parts.service.server_key, org, tx.setting("epoch"), len(tx.epochs()), len(tx.scopes()))
"""


def test_two_processes_begin_one_installation(tmp_path: Path) -> None:
    """An empty folder and an empty database: one key, one epoch, one organisation come of it."""
    with database(template=None) as url:
        begun = [
            subprocess.Popen([sys.executable, "-c", _BEGIN, str(tmp_path / "data"), url], stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "PYTHONUTF8": "1"})
            for _ in range(2)
        ]  # fmt: skip
        said = [p.communicate(timeout=120)[0] for p in begun]
    assert [p.returncode for p in begun] == [0, 0]
    assert said[0] and said[0] == said[1] and said[0].split()[-2:] == ["1", "1"]


def test_keys_are_made_once(tmp_path: Path) -> None:
    """The later of two that found none takes the earlier one's."""
    folder, gate = tmp_path / "data", threading.Barrier(8)
    import itertools

    made = itertools.count()

    def make() -> bytes:
        gate.wait(20)  # all of them found nothing
        return bytes([next(made)]) * 32

    with ThreadPoolExecutor(8) as threads:
        got = set(threads.map(lambda _: Settings(data=folder).secret("receipt.key", make), range(8)))
    assert len(got) == 1 and sorted(p.name for p in folder.iterdir()) == ["receipt.key"]
    assert (folder / "receipt.key").stat().st_mode & 0o077 == 0


# --- nothing is kept in one process that another changes -------------------------------------------------------------


def test_what_one_process_changed_the_other_knows(server: Server, device: Device, pg_url: str) -> None:
    """Tokens, sessions, rights, revoked devices, tries at a password: all of it is in the database."""
    other = create_app(Settings(data=server.app.state.parts.settings.data, database_url=pg_url), server.clock)
    there = other.state.parts
    server.auth.add_account(server.pm, "pm", "long enough a password")
    net = AppTransport(other)
    with httpx.Client(transport=net, base_url="http://sim") as http:
        assert http.get("/api/v1/me", headers=device.auth).status_code == 200  # a token of the first
        server.service.withdraw(server.sampler, server.project, "sampler")
        scopes = {s["scope"] for s in http.get("/api/v1/me", headers=device.auth).json()["scopes"]}
        assert server.field not in scopes
        for n in range(5):
            name = (server.auth, there.auth)[n % 2]
            assert number(lambda a=name: a.by_password("pm", "wrong", "here")) == 2001
        assert number(lambda: there.auth.by_password("pm", "long enough a password", "here")) == 2007
        tokens = server.auth.by_password("pm", "long enough a password", "elsewhere")
        assert tokens.refresh_token
        again = there.auth.by_refresh(tokens.refresh_token)
        assert number(lambda: server.auth.by_refresh(str(tokens.refresh_token))) == 2002
        assert number(lambda: there.auth.by_refresh(str(again.refresh_token))) == 2002  # the whole family has ended
        server.service.revoke(device.enrolment)
        assert problem(http.get("/api/v1/me", headers=device.auth), 2005)
    net.shut()
    there.service.store.close()


def test_the_clock_of_two_processes(pg_url: str, tmp_path: Path) -> None:
    """An epoch a restore begins in one process is the other's at once."""
    clock = Clock()
    one, two = (build(Settings(data=tmp_path, database_url=pg_url), clock) for _ in range(2))
    assert one.service.server_key == two.service.server_key
    with one.service.store.writing() as tx:
        epoch = one.service.begin_epoch(tx, tx.setting("epoch"))
    with two.service.store.reading() as tx:
        assert tx.setting("epoch") == epoch

        def wrong(reading: Tx) -> None:
            two.service._same_epoch(reading, "another")

        assert number(lambda: wrong(tx)) == 1201
    for parts in (one, two):
        parts.service.store.close()
