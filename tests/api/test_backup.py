"""`jingtu backup` and `restore` on SQLite: what is called a good backup is one, and a restore that cannot be done touches
nothing. (Tablets that meet a restored server: test_restore.py. PostgreSQL: tests/pg/test_backup.py.)"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas import change
from schemas.problems import Trouble
from schemas.wire import PushHead
from sync_server import archive, backup, restore
from sync_server.cli import app
from sync_server.doctor import Doctor
from sync_server.main import build, open_store, service_of
from sync_server.service import Caller, Service
from sync_server.settings import Settings
from sync_server.store.migrations import VERSION
from tests.ages import recorded
from tests.api.conftest import Device, Server, receipt


def back_up(data: Path, out: Path, force: bool = False) -> backup.Made:
    return backup.backup(Settings(data=data), open_store, service_of, out, "os:test", force)


def bring_back(data: Path, file: Path, **more: Any) -> restore.Restored:
    return restore.restore(Settings(data=data), open_store, service_of, file, "os:test", **more)


def refused(number: int, do: Callable[[], Any]) -> Trouble:
    with pytest.raises(Trouble) as caught:
        do()
    assert caught.value.problem.number == number, caught.value
    for lang in ("zh", "en"):
        assert "{" not in caught.value.text(lang)
    return caught.value


class Opened:
    """A data folder looked at by the shipped service."""

    def __init__(self, data: Path) -> None:
        self.parts = build(Settings(data=data))
        self.service: Service = self.parts.service

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.service.store.close()

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with self.service.store.engine.connect().execution_options(reading=True) as conn, conn.begin():
            return [tuple(r) for r in conn.exec_driver_sql(statement)]

    def sound(self) -> None:
        report = Doctor(self.service).look()
        assert report.open == [], report.open


def files(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def closed(server: Server, device: Device, tmp_path: Path) -> Iterator[Path]:
    """The data of a server that is not running, with a few records; `a.jtb` beside it is its backup."""
    assert receipt(device.push([device.change("point", server.point(code=f"S{n}")) for n in range(5)]))["last"] == 5
    server.service.take_block(Caller(server.sampler, device.enrolment), "sample", 100)
    server.service.store.close()
    back_up(tmp_path / "server", tmp_path / "a.jtb")
    yield tmp_path / "server"


# --- a good one ------------------------------------------------------------------------------------------------------


def test_a_backup_made_while_four_tablets_push_holds_all_that_was_acknowledged(server: Server, tmp_path: Path) -> None:
    devices = [Device(server, server.sampler) for _ in range(4)]
    done: list[list[str]] = [[] for _ in devices]
    stop, troubles = threading.Event(), list[BaseException]()

    def push(n: int) -> None:
        device = devices[n]
        try:
            while not stop.is_set():
                lines = [device.change("point", server.point(code=f"D{n}-{len(done[n]) + i}")) for i in range(10)]
                head = device.head(lines, server.field)
                answer = server.service.push(
                    Caller(device.person, device.enrolment), server.field, PushHead.model_validate(head), lines
                )
                assert json.loads(answer.receipt)["last"] == head["first"] + 9
                device.heads[server.field] = (head["first"] + 9, bytes.fromhex(head["head"]))
                done[n] += [change.change_id(x) or "" for x in lines]
        except BaseException as err:
            troubles.append(err)

    threads = [threading.Thread(target=push, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    try:
        while min(map(len, done)) < 20 and not troubles:
            stop.wait(0.01)
        acknowledged = [id for ids in done for id in ids]
        first = back_up(tmp_path / "server", tmp_path / "a.jtb")
        later = [id for ids in done for id in ids]
        made = back_up(tmp_path / "server", tmp_path / "b.jtb")
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert not troubles and made.unverified is None
    assert len(later) > len(acknowledged), "nobody pushed during the first backup: this proves nothing"
    assert oct(made.file.stat().st_mode & 0o777) == "0o600" and sorted(p.name for p in tmp_path.iterdir()) == [
        "a.jtb", "b.jtb", "server",
    ]  # fmt: skip
    for one, ids in ((first, acknowledged), (made, later)):
        bring_back(tmp_path / one.file.stem, one.file)
        with Opened(tmp_path / one.file.stem) as restored:
            restored.sound()
            with restored.service.store.reading() as tx:
                kept = tx.journaled(ids)
            assert kept.keys() == set(ids) and {j.outcome for j in kept.values()} == {"applied"}
            assert restored.sql(f"SELECT seq FROM scope WHERE id='{server.field}'") == [
                (one.manifest.heads[server.field],)
            ]


def test_the_manifest_says_what_is_in_it(closed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.jtb") as z:
        assert sorted(z.namelist()) == ["manifest.json", "receipt.key", "server.db", "token.key"]
        m = json.loads(z.read("manifest.json"))
        for name, member in m["members"].items():
            assert (member["size"], member["sha256"]) == (len(z.read(name)), sha256(z.read(name)).hexdigest())
        assert z.read("receipt.key") == (closed / "receipt.key").read_bytes()
    with Opened(closed) as o:
        assert m["epoch"] == o.sql("SELECT value FROM setting WHERE key='epoch'")[0][0]
        assert {k: (v["seq"], v["digest"]) for k, v in m["scopes"].items()} == {
            id: (seq, digest) for id, seq, digest in o.sql("SELECT id, seq, digest FROM scope")
        }
        assert m["counts"]["journal"] == o.sql("SELECT count(*) FROM journal")[0][0]
        assert m["schema_version"] == VERSION
        (note,) = [n for n in o.sql("SELECT action, about, detail FROM audit") if n[0] == "backup"]
        assert note[1] == m["epoch"] and json.loads(note[2])["verified"] is True


def test_tablets_are_told_what_is_in_a_good_backup(server: Server, device: Device, tmp_path: Path) -> None:
    """Only of the last verified one: what is newer they must keep."""
    first = receipt(device.push([device.change("point", server.point())]))
    assert "backed_up_to" not in first
    heads = back_up(tmp_path / "server", tmp_path / "a.jtb").manifest.heads
    again = receipt(device.push([device.change("point", server.point(code="S2"))]))
    assert again["backed_up_to"] == heads[server.field] < again["runs"][0][3]
    head = json.loads(device.pull(cursor=0).content.split(b"\n")[0])
    assert head["backed_up_to"] == heads[server.field]
    with pytest.MonkeyPatch.context() as m:  # a backup that failed moves nothing
        m.setattr(backup, "check_copy", lambda *_: (_ for _ in ()).throw(Trouble(4207, why="x")))
        refused(4207, lambda: back_up(tmp_path / "server", tmp_path / "b.jtb"))
    assert json.loads(device.pull(cursor=0).content.split(b"\n")[0])["backed_up_to"] == heads[server.field]


# --- no backup, and none that looks like one -------------------------------------------------------------------------


def test_an_existing_file_stays_until_a_better_one_is_proven(closed: Path, tmp_path: Path) -> None:
    old = (tmp_path / "a.jtb").read_bytes()
    refused(4209, lambda: back_up(closed, tmp_path / "a.jtb"))
    with pytest.MonkeyPatch.context() as m:
        m.setattr(backup, "check_copy", lambda *_: (_ for _ in ()).throw(Trouble(4207, why="x")))
        refused(4207, lambda: back_up(closed, tmp_path / "a.jtb", force=True))
    assert (tmp_path / "a.jtb").read_bytes() == old
    back_up(closed, tmp_path / "a.jtb", force=True)
    assert (tmp_path / "a.jtb").read_bytes() != old
    refused(4201, lambda: back_up(closed, tmp_path / "none" / "a.jtb"))
    (tmp_path / "empty").mkdir()
    refused(4201, lambda: back_up(tmp_path / "empty", tmp_path / "c.jtb"))
    assert list((tmp_path / "empty").iterdir()) == []  # nothing was made up to be backed up


def test_damaged_data_is_never_called_a_good_backup(closed: Path, tmp_path: Path) -> None:
    with Opened(closed) as o, o.service.store.writing() as tx:
        tx.conn.exec_driver_sql("UPDATE point SET wind='南'")
    refused(4207, lambda: back_up(closed, tmp_path / "b.jtb"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jtb", "server"]


def limited(size: int, *args: str) -> tuple[int, str]:
    """`jingtu` in a process where no file may become larger: to a program that is a full disk. Exit code and stderr."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        sys.dont_write_bytecode = True  # half a .pyc would stay
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        result = CliRunner().invoke(app, args)
        os.write(writing, result.stderr.encode())
        os._exit(result.exit_code)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        text = said.read().decode()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


def test_a_full_disk_is_told_and_leaves_nothing_behind(closed: Path, tmp_path: Path) -> None:
    before = files(closed)
    code, err = limited(300_000, "backup", str(tmp_path / "b.jtb"), "--data", str(closed))
    assert code == 1 and err.startswith("4206 磁盘空间不足") and "The disk is full" in err, err
    code, err = limited(300_000, "restore", str(tmp_path / "a.jtb"), "--data", str(tmp_path / "new" / "place"))
    assert code == 1 and err.startswith("4206 ") and "Traceback" not in err, err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jtb", "server"] and files(closed) == before


@pytest.mark.parametrize("kind", ["empty", "cut", "noise", "zip", "no keys", "folder", "none"])
def test_what_is_no_backup_is_refused_and_nothing_changes(kind: str, closed: Path, tmp_path: Path) -> None:
    whole, file = (tmp_path / "a.jtb").read_bytes(), tmp_path / "bad.jtb"
    if kind == "folder":
        file.mkdir()
    elif kind != "none":
        file.write_bytes(
            {"empty": b"", "cut": whole[: len(whole) * 2 // 3], "noise": random.Random(1).randbytes(50_000)}.get(
                kind, b""
            )
        )
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as z:
            z.writestr("plan.csv", "a,b")
    if kind == "no keys":
        with zipfile.ZipFile(tmp_path / "a.jtb") as z, zipfile.ZipFile(file, "w") as to:
            m = json.loads(z.read("manifest.json"))
            del m["members"]["token.key"]
            to.writestr("server.db", z.read("server.db"))
            to.writestr("receipt.key", z.read("receipt.key"))
            to.writestr("manifest.json", json.dumps(m))
    before = files(closed)
    assert file.name in refused(4202, lambda: bring_back(closed, file, replace=True)).text("zh")
    refused(4202, lambda: bring_back(tmp_path / "new", file))
    assert files(closed) == before and not (tmp_path / "new").exists()


def test_no_flipped_bit_gets_through(closed: Path, tmp_path: Path) -> None:
    """Wherever it sits: it is found, or it is in a place that holds nothing of ours (a date in the ZIP)."""
    whole, rng = (tmp_path / "a.jtb").read_bytes(), random.Random(7)
    good = tmp_path / "good"
    good.mkdir()
    archive.extract(tmp_path / "a.jtb", good)
    found = 0
    for n in range(120):
        at = rng.randrange(len(whole)) if n % 2 else len(whole) - 1 - rng.randrange(1200)  # often in the directory
        bad = bytearray(whole)
        bad[at] ^= 1 << rng.randrange(8)
        (tmp_path / "bad.jtb").write_bytes(bad)
        place = tmp_path / f"bad{n}"
        place.mkdir()
        try:
            archive.extract(tmp_path / "bad.jtb", place)
            assert files(place) == files(good), f"byte {at}"
        except Trouble as err:
            assert err.problem.number == 4202, err
            found += 1
        shutil.rmtree(place)
    assert found > 80


def test_a_directory_that_points_to_before_the_beginning(closed: Path, tmp_path: Path) -> None:
    whole = bytearray((tmp_path / "a.jtb").read_bytes())
    end = whole.rindex(b"PK\x05\x06")
    at = end + 16  # where the directory begins, as the end of the file says; the entries' own places go by it
    begins = int.from_bytes(whole[at : at + 4], "little")
    whole[at : at + 4] = (begins + 50_000_000).to_bytes(4, "little")
    (tmp_path / "bad.jtb").write_bytes(whole)
    refused(4202, lambda: bring_back(closed, tmp_path / "bad.jtb", replace=True))


def test_a_backup_of_a_newer_server_is_refused(closed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.jtb") as z, zipfile.ZipFile(tmp_path / "newer.jtb", "w") as to:
        for name in z.namelist():
            m = json.loads(z.read(name)) if name == "manifest.json" else {}
            to.writestr(name, json.dumps({**m, "schema_version": VERSION + 1}) if m else z.read(name))
    before = files(closed)
    told = refused(4203, lambda: bring_back(closed, tmp_path / "newer.jtb", replace=True))
    assert str(VERSION + 1) in told.text("zh") and files(closed) == before
    refused(4203, lambda: bring_back(tmp_path / "new", tmp_path / "newer.jtb"))
    assert not (tmp_path / "new").exists()


# --- restoring -------------------------------------------------------------------------------------------------------


def test_a_running_server_is_not_restored_over(server: Server, tmp_path: Path) -> None:
    back_up(tmp_path / "server", tmp_path / "a.jtb")
    before = server.state()
    refused(4204, lambda: bring_back(tmp_path / "server", tmp_path / "a.jtb", replace=True))
    assert server.state() == before
    assert [p.name for p in (tmp_path / "server").iterdir() if p.name.startswith(".restoring")] == []
    server.service.store.close()
    bring_back(tmp_path / "server", tmp_path / "a.jtb", replace=True)


def test_what_is_replaced_is_kept(closed: Path, tmp_path: Path) -> None:
    """Another installation's data, its keys too: all of it under another name, none of it deleted."""
    with Opened(tmp_path / "other") as o:
        o.service.found("别的单位")
        epoch = o.sql("SELECT value FROM setting WHERE key='epoch'")
    keys = {n: (tmp_path / "other" / n).read_bytes() for n in archive.KEYS}
    refused(4205, lambda: bring_back(tmp_path / "other", tmp_path / "a.jtb"))
    done = bring_back(tmp_path / "other", tmp_path / "a.jtb", replace=True)
    assert len(done.kept) == 3 and all(Path(p).is_file() for p in done.kept)
    for name in archive.KEYS:
        assert (tmp_path / "other" / name).read_bytes() == (closed / name).read_bytes()
        (old,) = [p for p in done.kept if Path(p).name.startswith(name)]
        assert Path(old).read_bytes() == keys[name]
    (kept,) = [Path(p) for p in done.kept if Path(p).name.startswith("server.db")]
    (tmp_path / "third").mkdir()
    shutil.copy(kept, tmp_path / "third" / "server.db")
    with Opened(tmp_path / "third") as o:
        assert o.sql("SELECT value FROM setting WHERE key='epoch'") == epoch
    with Opened(tmp_path / "other") as o:
        o.sound()
    bring_back(tmp_path / "fresh" / "place", tmp_path / "a.jtb")  # an empty place needs no word
    build(Settings(data=tmp_path / "started")).service.store.close()
    bring_back(tmp_path / "started", tmp_path / "a.jtb")  # nor does a server that was started once and never used


def test_a_restored_server_begins_a_new_epoch_and_gives_no_number_twice(closed: Path, tmp_path: Path) -> None:
    with Opened(closed) as o:
        was = o.sql("SELECT value FROM setting WHERE key='epoch'")[0][0]
        keys = [k for k in o.sql("SELECT person, device_code FROM device_key")]
        code = o.service.new_code(keys[0][0], "x")
        with o.service.store.writing() as tx:
            tx.add_session("h", keys[0][0], "u", o.service.now_ms(), o.service.now_ms() + 10**9)
            tx.add_refresh("h", "f", keys[0][0], o.service.now_ms() + 10**9)
        given = dict(o.sql("SELECT use, next_no FROM number_range"))
    back_up(closed, tmp_path / "b.jtb")
    done = bring_back(closed, tmp_path / "b.jtb", replace=True)
    assert code and done.signed_out == 2
    with Opened(closed) as o:
        o.sound()
        assert o.sql("SELECT value FROM setting WHERE key='epoch'") == [(done.epoch,)] and done.epoch != was
        heads = json.dumps(done.manifest.heads)
        assert o.sql(f"SELECT previous, heads FROM epoch WHERE id='{done.epoch}'") == [(was, heads)]
        for table in ("web_session", "refresh", "enrol_code"):
            assert o.sql(f"SELECT count(*) FROM {table}") == [(0,)], table
        now = dict(o.sql("SELECT use, next_no FROM number_range"))
        assert now["sample"] == given["sample"] + 10_000 and now["device"] == given["device"] + 50
        assert now["manifest"] == 10_001  # of a use that nobody had asked for before the backup either
        (note,) = o.sql("SELECT \"by\", about FROM audit WHERE action='restore'")
        assert note == ("os:test", done.epoch)
        with o.service.store.reading() as tx:
            assert tx.backed_up()["heads"] == done.manifest.heads
    again = bring_back(closed, tmp_path / "b.jtb", replace=True, gap=7, device_gap=3)
    assert again.numbers["sample"] == given["sample"] + 7 and again.numbers["device"] == given["device"] + 3


def test_a_backup_of_the_first_version_is_made_without_upgrading_and_restored_with_it(tmp_path: Path) -> None:
    data = recorded.restored("0.1.0", tmp_path).server

    def dump() -> str:
        with closing(sqlite3.connect(data / "server.db")) as db:
            return "\n".join(db.iterdump())

    before = dump()
    made = back_up(data, tmp_path / "a.jtb")
    assert made.manifest.schema_version == 1 and dump() == before
    bring_back(tmp_path / "new", tmp_path / "a.jtb")
    with Opened(tmp_path / "new") as o:
        assert o.sql("SELECT value FROM setting WHERE key='schema'") == [(str(VERSION),)]
        assert {r[0]: r[1] for r in o.sql("SELECT id, seq FROM scope")} == made.manifest.heads
        o.sound()


# --- killed ----------------------------------------------------------------------------------------------------------

STEPS = ("rename", "replace", "link", "fsync", "unlink", "mkdir", "rmdir")


def killed_at(step: int, data: Path, file: Path) -> bool:
    """Restore in a process that dies by SIGKILL before its `step`th change to the file system. False: it lived."""
    pid = os.fork()
    if pid == 0:
        left = step

        def dying(do: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **more: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return do(*args, **more)

            return call

        try:
            for name in STEPS:
                setattr(os, name, dying(getattr(os, name)))
            bring_back(data, file, replace=True)
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_a_kill_at_any_step_leaves_the_old_data_or_the_new(closed: Path, tmp_path: Path) -> None:
    with Opened(tmp_path / "other") as o:
        o.service.found("别的单位")
        (was,) = o.sql("SELECT value FROM setting WHERE key='epoch'")
    new = archive.read_manifest(tmp_path / "a.jtb").epoch
    keys = {"old": (tmp_path / "other" / "receipt.key").read_bytes(), "new": (closed / "receipt.key").read_bytes()}

    def what_is_left(step: int) -> tuple[str, bool]:
        data = tmp_path / f"k{step}"
        shutil.copytree(tmp_path / "other", data)
        died = killed_at(step, data, tmp_path / "a.jtb")
        with Opened(data) as o:  # whoever starts next finishes it
            epoch = o.sql("SELECT value FROM setting WHERE key='epoch'")[0]
            end = "old" if epoch == was else "new"
            assert end == "old" or o.sql(f"SELECT previous FROM epoch WHERE id='{epoch[0]}'") == [(new,)]
            assert (data / "receipt.key").read_bytes() == keys[end], f"step {step}: keys of the other"
            if step % 3 == 0:
                o.sound()
        aside = [p.name for p in data.iterdir() if re.fullmatch(r"server\.db\.replaced-\d+T\d+", p.name)]
        assert len(aside) == (end == "new")
        if end == "old" and step % 9 == 0:  # and it can be done again, over what the dead one left
            bring_back(data, tmp_path / "a.jtb", replace=True)
            assert not [p.name for p in data.iterdir() if "restor" in p.name]
        shutil.rmtree(data)
        return end, died

    step = 3  # every third step of making it ready; every step around the one from which it counts, and after it
    while what_is_left(step)[0] == "old":
        step += 3
    assert step > 12
    step -= 2
    ends = []
    while True:
        end, died = what_is_left(step)
        ends.append(end)
        if not died:
            break
        step += 1
    assert ends == sorted(ends, reverse=True) and ends.count("new") > 5  # once it counts it stays so
