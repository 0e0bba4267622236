"""The same fixtures on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_server.store import Store, open_engine
from tests.api.conftest import Device, Server
from tests.pg import Cluster, cluster, database

BOTH = ("sqlite", "postgresql")


def with_server(folder: Path, url: str | None) -> Server:
    """By the one setting an administrator makes."""
    with pytest.MonkeyPatch.context() as env:
        if url is not None:
            env.setenv("JINGTU_DATABASE_URL", url)
        return Server(folder)


@pytest.fixture
def pg() -> Cluster:
    return cluster()


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with our tables in it, and nothing else."""
    if request.param == "postgresql":
        with database() as made:
            yield made
    else:
        made = f"sqlite:///{tmp_path / 'server.db'}"
        engine = open_engine(made)
        Store(engine).create()
        engine.dispose()
        yield made


@pytest.fixture
def pg_url() -> Iterator[str]:
    with database() as made:
        yield made


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    made = Store(open_engine(url))
    yield made
    made.close()


@pytest.fixture
def pg_store(pg_url: str) -> Iterator[Store]:
    made = Store(open_engine(pg_url))
    yield made
    made.close()


@pytest.fixture
def server(pg_url: str, tmp_path: Path) -> Iterator[Server]:
    """What tests/api works on, with PostgreSQL behind it."""
    made = with_server(tmp_path / "server", pg_url)
    yield made
    made.close()


@pytest.fixture
def device(server: Server) -> Device:
    return Device(server, server.sampler)
