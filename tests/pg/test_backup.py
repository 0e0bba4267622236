"""`jingtu backup` and `restore` with PostgreSQL behind it: by its own pg_dump and pg_restore, verified in a scratch database,
swapped in by names. What both databases have in common is tested in tests/api/test_backup.py."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.problems import Trouble
from schemas.wire import PushHead
from sync_server import archive, backup, restore
from sync_server.blobs.files import Files
from sync_server.doctor import Doctor
from sync_server.main import build, open_store, service_of
from sync_server.service import Caller
from sync_server.settings import Settings
from tests.api.conftest import Device, Server, outcomes
from tests.api.test_backup_photos import add_photo
from tests.api.test_restore import Site, all_comes_back
from tests.pg import USER, Cluster, cluster, database


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JINGTU_PG_BIN", str(cluster()._bin))


@pytest.fixture
def may_create(pg: Cluster) -> Iterator[None]:
    """The one right more that a restore needs."""
    pg.sql(f"ALTER ROLE {USER} CREATEDB")
    yield
    pg.sql(f"ALTER ROLE {USER} NOCREATEDB")


@pytest.fixture
def url(pg: Cluster) -> Iterator[str]:
    with database() as made:
        yield made
        for name in beside(pg, made):
            pg.drop(name)


def beside(pg: Cluster, url: str) -> list[str]:
    """Databases named after this one."""
    name = url.partition("?")[0].rpartition("/")[2]
    return [str(n) for (n,) in pg.sql(f"SELECT datname FROM pg_database WHERE datname LIKE '{name}\\_%' ORDER BY 1")]


def serve(folder: Path, url: str) -> Server:
    with pytest.MonkeyPatch.context() as m:
        m.setenv("JINGTU_DATABASE_URL", url)
        return Server(folder / "server")


def settings(folder: Path, url: str) -> Settings:
    return Settings(data=folder / "server", database_url=url)


def back_up(at: Settings, out: Path) -> backup.Made:
    return backup.backup(at, open_store, service_of, out, "os:test")


def bring_back(at: Settings, file: Path, **more: Any) -> restore.Restored:
    return restore.restore(at, open_store, service_of, file, "os:test", **more)


def refused(number: int, do: Callable[[], Any]) -> None:
    with pytest.raises(Trouble) as caught:
        do()
    assert caught.value.problem.number == number, caught.value


def test_photos_and_guards_come_back(url: str, may_create: None, tmp_path: Path) -> None:
    server = serve(tmp_path, url)
    contents = [b"one" * 1000, b"two" * 1000]
    shas = [add_photo(server.service, tmp_path / "server", c, server.field) for c in contents]
    made = back_up(settings(tmp_path, url), tmp_path / "a.jtb")
    assert made.unverified is None and made.manifest.photos and made.manifest.photos.count == 2
    server.close()
    files = Files(tmp_path / "server" / "blobs")
    files.path(shas[0]).unlink()
    files.path(shas[1]).write_bytes(b"rotten")
    bring_back(settings(tmp_path, url), tmp_path / "a.jtb", replace=True)
    parts = build(settings(tmp_path, url))
    assert [files.path(s).read_bytes() for s in shas] == contents
    assert Doctor(parts.service).look().open == []  # that its guards are there, too
    with parts.service.store.reading() as tx:
        assert tx.guards_missing() == [] and tx.blob_hashes() == sorted(shas)
    parts.service.store.close()


def test_a_backup_made_while_tablets_push_is_restored_and_sound(
    url: str, pg: Cluster, may_create: None, tmp_path: Path
) -> None:
    server = serve(tmp_path, url)
    device = Device(server, server.sampler)
    stop, done = threading.Event(), list[str]()

    def push() -> None:
        while not stop.is_set():
            lines = [device.change("point", server.point(code=f"S{len(done)}-{i}")) for i in range(10)]
            head = device.head(lines, server.field)
            caller = Caller(device.person, device.enrolment)
            server.service.push(caller, server.field, PushHead.model_validate(head), lines)
            device.heads[server.field] = (head["first"] + 9, bytes.fromhex(head["head"]))
            done.append(head["head"])

    thread = threading.Thread(target=push)
    thread.start()
    try:
        while len(done) < 3:
            stop.wait(0.01)
        acknowledged = len(done)
        made = back_up(settings(tmp_path, url), tmp_path / "a.jtb")
        assert len(done) > acknowledged, "nobody pushed meanwhile"
    finally:
        stop.set()
        thread.join()
    assert made.unverified is None and beside(pg, url) == []  # the scratch database is gone
    assert made.manifest.kind == "postgresql" and made.manifest.counts["point"] >= 10 * acknowledged
    before = server.state()
    refused(4204, lambda: bring_back(settings(tmp_path, url), tmp_path / "a.jtb", replace=True))
    assert server.state() == before and beside(pg, url) == []
    server.close()
    refused(4205, lambda: bring_back(settings(tmp_path, url), tmp_path / "a.jtb"))
    result = bring_back(settings(tmp_path, url), tmp_path / "a.jtb", replace=True)
    (aside,) = beside(pg, url)
    assert "_replaced_" in aside and any(aside in k for k in result.kept)
    parts = build(settings(tmp_path, url))
    with parts.service.store.reading() as tx:
        assert {s.id: s.seq for s in tx.scopes()} == made.manifest.heads and tx.setting("epoch") == result.epoch
        assert tx.numbers_given()["sample"] == 10_001
    assert Doctor(parts.service).look().open == []
    parts.service.store.close()
    old = open_store(pg.url(aside))  # what was replaced is whole
    with old.reading() as tx:
        assert tx.state().counts["journal"] == len(before[2])
    old.close()


def test_three_tablets_ahead_of_the_backup_bring_everything_back(url: str, may_create: None, tmp_path: Path) -> None:
    site = Site(tmp_path, url)
    try:
        all_comes_back(site)
    finally:
        for tablet in site.tablets:
            tablet.store.close()
        site.close()


def test_without_the_right_to_create_databases(url: str, pg: Cluster, tmp_path: Path) -> None:
    """A backup that could not be tried out is kept, told as such, and tablets go on keeping everything."""
    server = serve(tmp_path, url)
    made = back_up(settings(tmp_path, url), tmp_path / "a.jtb")
    assert made.unverified and made.file.stat().st_size > 1000
    with server.service.store.reading() as tx:
        assert tx.backed_up() == {} and tx.notes()[0]["detail"]["verified"] is False
    before = server.state()
    server.close()
    refused(4211, lambda: bring_back(settings(tmp_path, url), tmp_path / "a.jtb", replace=True))
    again = build(settings(tmp_path, url))
    with again.service.store.reading() as tx:
        assert tx.state().counts["journal"] == len(before[2])
    again.service.store.close()
    assert sorted(p.name for p in (tmp_path / "server").iterdir()) == sorted(archive.KEYS)


def test_tools_that_are_missing_or_too_old_are_told(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(tmp_path, url).close()
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("JINGTU_PG_BIN", str(tmp_path / "bin"))
    refused(4208, lambda: back_up(settings(tmp_path, url), tmp_path / "a.jtb"))
    old = tmp_path / "bin" / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    old.chmod(0o755)
    refused(4208, lambda: back_up(settings(tmp_path, url), tmp_path / "a.jtb"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bin", "server"]


def test_a_backup_of_one_database_does_not_go_into_the_other(url: str, may_create: None, tmp_path: Path) -> None:
    serve(tmp_path, url).close()
    back_up(settings(tmp_path, url), tmp_path / "a.jtb")
    refused(4210, lambda: bring_back(Settings(data=tmp_path / "new"), tmp_path / "a.jtb"))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_the_swap(when: str, url: str, pg: Cluster, may_create: None, tmp_path: Path) -> None:
    """The databases change names in one transaction; the keys go with the epoch that is there."""
    server = serve(tmp_path, url)
    device = Device(server, server.sampler)
    back_up(settings(tmp_path, url), tmp_path / "a.jtb")
    assert outcomes(device.push([device.change("point", server.point())])) == ["applied"]
    old_epoch = server.epoch
    server.close()
    for name in archive.KEYS:  # of another installation, so that they are to be replaced too
        (tmp_path / "server" / name).write_bytes(os.urandom(32))
    wrong = (tmp_path / "server" / "receipt.key").read_bytes()
    pid = os.fork()
    if pid == 0:
        try:

            def die(*_: Any) -> None:
                os.kill(os.getpid(), signal.SIGKILL)

            if when == "before":
                restore.transfer.Postgres.swap = die  # type: ignore[method-assign,assignment]
            else:
                restore._finish = die  # type: ignore[assignment]
            bring_back(settings(tmp_path, url), tmp_path / "a.jtb", replace=True)
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    parts = build(settings(tmp_path, url))
    with parts.service.store.reading() as tx:
        points, epoch = tx.state().counts["point"], tx.setting("epoch")
    parts.service.store.close()
    key = (tmp_path / "server" / "receipt.key").read_bytes()
    if when == "before":
        assert (points, epoch, key) == (1, old_epoch, wrong)
        left = restore.transfer.Postgres(url).left_over()
        assert len(left) == 1  # the copy of the dead one is named to whoever restores next
        assert bring_back(settings(tmp_path, url), tmp_path / "a.jtb", replace=True).left_over == left
    else:
        assert points == 0 and epoch != old_epoch and key != wrong
        assert (tmp_path / "server" / "receipt.key").exists() and not (tmp_path / "server" / restore.READY).exists()
