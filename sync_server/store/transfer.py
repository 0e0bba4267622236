"""A whole database as one file, and back: SQLite by its backup API, PostgreSQL by its own pg_dump and pg_restore.

Nothing here deletes a database that held data: what is replaced is renamed.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from typing import Literal

from sqlalchemy import URL, Connection, Engine, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from schemas.problems import Trouble
from sync_server.store.engine import copy_to, is_postgresql, to_disk, told

FULL = (ENOSPC, EDQUOT, EFBIG)
LONGEST_NAME = 63  # of a PostgreSQL database; longer ones are cut silently


def kind_of(url: str) -> Literal["sqlite", "postgresql"]:
    return "postgresql" if make_url(url).get_backend_name() == "postgresql" else "sqlite"


def readable(url: str) -> str:
    """The address without its password."""
    return make_url(url).render_as_string(hide_password=True)


@contextmanager
def room(what_zh: str, what_en: str) -> Iterator[None]:
    """A full disk is told as that, whoever met it. Raises Trouble 4206."""
    full = Trouble(4206, what={"zh": what_zh, "en": what_en})
    try:
        yield
    except OSError as err:
        if err.errno in FULL:
            raise full from err
        raise
    except sqlite3.OperationalError as err:
        if err.sqlite_errorname == "SQLITE_FULL" or err.sqlite_errorname.startswith("SQLITE_IOERR"):
            raise full from err
        raise
    except Trouble as err:
        if err.problem.number == 1102:  # the database's own word for it
            raise full from err
        raise


# --- SQLite ----------------------------------------------------------------------------------------------------------


def sqlite_file(url: str) -> Path:
    return Path(make_url(url).database or "")


def copy_sqlite(engine: Engine, path: Path) -> None:
    """Raises Trouble 4206."""
    with room("备份", "the backup"):
        copy_to(engine, path)


def in_one_file(path: Path) -> None:
    """No -wal beside it. Nobody else may have it open. Raises Trouble 4204."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as db:
            # leaving WAL needs the file to itself: an open server, even an idle one, holds a shared lock
            mode = db.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
            if mode != "delete":
                raise Trouble(4204, where=str(path))
            db.execute("BEGIN EXCLUSIVE")
            db.execute("ROLLBACK")
    except sqlite3.OperationalError as err:
        if err.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise Trouble(4204, where=str(path)) from err
        raise
    except sqlite3.DatabaseError:
        return  # not a database any more: nobody can be using it, and it is kept as it is


def sqlite_in_use(path: Path) -> bool:
    """Whether somebody has it open. What is in it stays as it is."""
    if not path.exists():
        return False
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=0.5, isolation_level=None)
        ) as db:
            db.execute("PRAGMA locking_mode=EXCLUSIVE")  # in WAL only the only one gets it
            db.execute("BEGIN EXCLUSIVE")
            db.execute("ROLLBACK")
    except sqlite3.OperationalError as err:
        return err.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    except sqlite3.DatabaseError:
        pass
    return False


# --- both ------------------------------------------------------------------------------------------------------------


def faults_of(engine: Engine) -> list[str]:
    """What the database itself says is broken in its file. PostgreSQL tells that while it restores."""
    if is_postgresql(engine):
        return []
    try:
        with engine.connect() as conn, conn.begin():
            said = [str(row[0]) for row in conn.execute(text("PRAGMA quick_check(10)"))]
    except DBAPIError as err:
        return [str(err.orig)]
    return [s for s in said if s != "ok"]


def holds_data(engine: Engine) -> bool:
    """Does a server's data stand there already? A database nobody can read counts as data."""
    try:
        with told(), engine.connect() as conn, conn.begin():
            there = set(inspect(conn).get_table_names())
            tables = [n for n in ("scope", "journal", "account") if n in there]
            foreign = bool(there) and "setting" not in there
            return foreign or any(conn.execute(text(f'SELECT 1 FROM "{n}" LIMIT 1')).first() for n in tables)
    except DBAPIError:
        return True


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


class NotAllowed(Exception):
    """The role may not create or rename databases."""


class Postgres:
    """One database on a PostgreSQL server, and its neighbours."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self.name = self._url.database or ""

    def url(self, name: str) -> str:
        return self._url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    @contextmanager
    def _at(self, database: str, alone: bool = True) -> Iterator[Connection]:
        """`alone`: every statement by itself, as CREATE DATABASE wants it. Raises Trouble 1103."""
        engine = create_engine(
            self._url.set(database=database), isolation_level="AUTOCOMMIT" if alone else "READ COMMITTED",
            connect_args={"application_name": "jingtu-care", "connect_timeout": 10},
        )  # fmt: skip
        try:
            with told(), engine.connect() as conn, conn.begin():
                yield conn
        finally:
            engine.dispose()

    def exists(self, name: str | None = None) -> bool:
        with self._at("postgres") as conn:
            found = conn.execute(text("SELECT 1 FROM pg_database WHERE datname=:n"), {"n": name or self.name})
            return found.first() is not None

    def others(self) -> int:
        """How many other connections this database has. One that was closed a moment ago may show for a little while."""
        found = text("SELECT count(*) FROM pg_stat_activity WHERE datname=:n AND pid<>pg_backend_pid()")
        with self._at("postgres") as conn:
            for _ in range(20):
                count = int(conn.execute(found, {"n": self.name}).scalar_one())
                if not count:
                    break
                time.sleep(0.1)
            return count

    def beside(self, what: str) -> str:
        """A name for a database beside this one."""
        tail = f"_{what}_{secrets.token_hex(4)}"
        return self.name[: LONGEST_NAME - len(tail)] + tail

    def left_over(self) -> list[str]:
        """Databases that a killed backup or restore left beside this one."""
        with self._at("postgres") as conn:
            names = conn.execute(text("SELECT datname FROM pg_database ORDER BY 1")).scalars()
            mine = re.compile(rf"{re.escape(self.name[:40])}.*_(verify|restoring)_[0-9a-f]{{8}}")
            return [n for n in names if mine.fullmatch(n)]

    def create(self, name: str) -> None:
        """Raises NotAllowed."""
        with _allowed(), self._at("postgres") as conn:
            conn.execute(text(f"CREATE DATABASE {_quoted(name)} TEMPLATE template0 ENCODING 'UTF8'"))

    def drop(self, name: str) -> None:
        """Only ever one that `beside` named and that holds a copy."""
        assert re.search(r"_(verify|restoring)_[0-9a-f]{8}$", name)
        with suppress(DBAPIError, Trouble), self._at("postgres") as conn:
            conn.execute(text(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)"))

    def swap(self, fresh: str, aside: str) -> None:
        """`fresh` takes this database's name, which becomes `aside`: both or neither. Raises NotAllowed, Trouble 4204."""
        there = self.exists()
        try:
            with _allowed(), self._at("postgres", alone=False) as conn:
                if there:
                    conn.execute(text(f"ALTER DATABASE {_quoted(self.name)} RENAME TO {_quoted(aside)}"))
                conn.execute(text(f"ALTER DATABASE {_quoted(fresh)} RENAME TO {_quoted(self.name)}"))
        except OperationalError as err:
            if getattr(err.orig, "sqlstate", "") == "55006":  # object_in_use
                raise Trouble(4204, where=readable(str(self._url))) from err
            raise

    def dump(self, conn: Connection, path: Path) -> None:
        """What the transaction `conn` sees, in pg_dump's custom format. Raises Trouble 4201, 4206, 4208."""
        server = int(conn.execute(text("SHOW server_version_num")).scalar_one()) // 10_000
        snapshot = conn.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        options = ("--format=custom", "--compress=1", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
        self._run("pg_dump", server, self.name, *options, f"--file={path}", failed=4201)
        to_disk(path)

    def load(self, path: Path, into: str) -> None:
        """Raises Trouble 4202, 4206, 4208."""
        with self._at("postgres") as conn:
            server = int(conn.execute(text("SHOW server_version_num")).scalar_one()) // 10_000
        options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
        self._run("pg_restore", server, into, *options, str(path), failed=4202)

    def _run(self, tool: str, server: int, database: str, *options: str, failed: int) -> None:
        program = _tool(tool, server)
        bare: URL = self._url.set(drivername="postgresql", database=database, password=None)
        password = {"PGPASSWORD": self._url.password} if self._url.password else {}
        env = {**os.environ, **password, "PGAPPNAME": "jingtu-care", "LC_ALL": "C"}
        where = f"--dbname={bare.render_as_string(hide_password=False)}"
        done = subprocess.run([program, where, *options], env=env, capture_output=True, text=True, errors="replace")
        if done.returncode:
            said = done.stderr.strip()[-1000:] or str(done.returncode)
            if "No space left" in said or "File too large" in said or "Disk quota" in said:
                raise Trouble(4206, what={"zh": tool, "en": tool})
            raise Trouble(failed, why=f"{tool}: {said}")


def _tool(name: str, server: int) -> str:
    """pg_dump refuses a newer server, pg_restore a newer dump. Raises Trouble 4208 before either is tried."""
    folder = os.environ.get("JINGTU_PG_BIN")
    found = shutil.which(name, path=folder) if folder else shutil.which(name)
    if found is None:
        where = folder or "PATH"
        raise Trouble(4208, why={"zh": f"{where} 中没有 {name}", "en": f"there is no {name} in {where}"})
    said = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
    version = re.search(r"\) (\d+)", said)
    have = int(version.group(1)) if version else 0
    if have < server:
        zh, en = (
            f"{found} 是 {have} 版，数据库服务器是 {server} 版",
            f"{found} is of version {have}, the database server of {server}",
        )
        raise Trouble(4208, why={"zh": zh, "en": en})
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _allowed() -> Iterator[None]:
    try:
        yield
    except DBAPIError as err:
        if getattr(err.orig, "sqlstate", "") == "42501":  # insufficient_privilege
            raise NotAllowed(str(err.orig).strip()) from err
        raise
