"""Photos, and what lies beside rescue bundles, in a backup: all of it or none that looks whole, and back again."""

from __future__ import annotations

import json
import random
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.problems import Trouble
from sync_server import archive, backup, restore
from sync_server.blobs.files import Files
from sync_server.cli import app
from sync_server.main import open_store, service_of
from sync_server.service import Service
from sync_server.settings import Settings
from sync_server.store import BlobRow, SourceRow
from sync_server.store.rows import UploadRow
from tests.api.conftest import Device, Server, receipt
from tests.api.test_backup import Opened, back_up, bring_back, files, killed_at, refused

AT = "2026-11-28T10:00:00+00:00"


def add_photo(service: Service, data: Path, content: bytes, scope: str = "p.field") -> str:
    """As an upload leaves it: the file first, then its rows."""
    sha = sha256(content).hexdigest()
    temp = data / f"{sha}.part"
    temp.write_bytes(content)
    Files(data / "blobs").take(temp, sha)
    with service.store.writing() as tx:
        tx.add_blob(BlobRow(sha, len(content), "jpg", "a.jpg", AT, None))
        tx.add_blob_source(SourceRow(sha, scope, "x", None, "a.jpg", AT))
    return sha


PHOTOS = [bytes([n]) * (100_000 + n) for n in range(4)]
SHAS = [sha256(p).hexdigest() for p in PHOTOS]


@pytest.fixture
def closed(server: Server, device: Device, tmp_path: Path) -> Iterator[Path]:
    """The data of a server that is not running, with four photos, something beside a bundle, an upload on its way."""
    assert receipt(device.push([device.change("point", server.point())]))["last"] == 1
    data = tmp_path / "server"
    for photo in PHOTOS:
        add_photo(server.service, data, photo, server.field)
    (data / "uploads").mkdir(exist_ok=True)
    (data / "uploads" / "u1").write_bytes(b"half a photo")
    with server.service.store.writing() as tx:
        tx.add_upload(UploadRow("u1", "0" * 64, 99, 12, "b.jpg", server.field, server.sampler, None, 2**50))
    beside = data / "bundles" / "20261128T100000-A1-0123abcd" / "photos"
    beside.mkdir(parents=True)
    (beside / f"{'ab' * 32}.heic").write_bytes(b"refused")
    (beside / f"{'cd' * 32}.jpg.new").write_bytes(b"half")
    (beside.parent / "drafts.json").write_text("[]")
    server.service.store.close()
    yield data


def blobs(data: Path) -> dict[str, str]:
    return {Path(name).name: found for name, found in files(data / "blobs").items()}


def test_photos_and_drafts_come_back(closed: Path, tmp_path: Path) -> None:
    made = back_up(closed, tmp_path / "a.jtb")
    p = made.manifest.photos
    assert (
        p
        and (p.count, p.size, p.missing, p.damaged) == (4, sum(map(len, PHOTOS)), [], [])
        and made.manifest.format == 2
    )
    with zipfile.ZipFile(tmp_path / "a.jtb") as z:
        kept = {i.filename: i for i in z.infolist()}
        assert not any("uploads" in n or n.endswith(".new") for n in kept)
        assert all(kept[f"blobs/{s[:2]}/{s}"].compress_type == zipfile.ZIP_STORED for s in SHAS)
    bring_back(tmp_path / "new", tmp_path / "a.jtb")
    assert blobs(tmp_path / "new") == {s: s for s in SHAS}
    assert files(tmp_path / "new" / "bundles") == {
        n: h for n, h in files(closed / "bundles").items() if not n.endswith(".new")
    }
    assert not (tmp_path / "new" / "uploads").exists() or not files(tmp_path / "new" / "uploads")
    assert not any("restor" in p.name for p in (tmp_path / "new").iterdir())
    with Opened(tmp_path / "new") as o:
        o.sound()
        with o.service.store.reading() as tx:
            assert tx.uploads() == [] and tx.blob_hashes() == sorted(SHAS)


def test_a_server_that_knows_no_photos_refuses_instead_of_forgetting(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(closed, tmp_path / "a.jtb")
    monkeypatch.setattr(archive, "FORMAT", 1)
    assert "格式 2" in refused(4202, lambda: bring_back(tmp_path / "new", tmp_path / "a.jtb")).text("zh")
    assert not (tmp_path / "new").exists()


def test_a_photo_that_comes_meanwhile_is_in_the_next_one(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, late = archive.write, list[str]()

    def write(*args: object, **more: object) -> object:
        with Opened(closed) as o:
            late.append(add_photo(o.service, closed, b"late"))
        return real(*args, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as m:
        m.setattr(archive, "write", write)
        first = back_up(closed, tmp_path / "a.jtb")
    assert first.manifest.photos and first.manifest.photos.count == 4
    bring_back(tmp_path / "one", tmp_path / "a.jtb")
    assert set(blobs(tmp_path / "one")) == set(SHAS)
    back_up(closed, tmp_path / "b.jtb")
    bring_back(tmp_path / "two", tmp_path / "b.jtb")
    assert set(blobs(tmp_path / "two")) == {*SHAS, *late}


def rewritten(source: Path, to: Path, change: Callable[[dict[str, bytes]], None], twice: str = "") -> Path:
    """The ZIP with other members; its manifest as it was, unless `change` changes it."""
    with zipfile.ZipFile(source) as z:
        members = {n: z.read(n) for n in z.namelist()}
    change(members)
    with zipfile.ZipFile(to, "w") as z:
        for name, data in members.items():
            z.writestr(name, data)
            if name == twice:
                with pytest.warns(UserWarning):
                    z.writestr(name, data)
    return to


ONE = f"blobs/{SHAS[0][:2]}/{SHAS[0]}"
OTHER = sha256(b"other").hexdigest()


def renamed(m: dict[str, bytes]) -> None:
    m[f"blobs/{OTHER[:2]}/{OTHER}"] = b"other"
    del m[ONE]


@pytest.mark.parametrize(
    ("change", "twice"),
    [
        (lambda m: m.pop(ONE), ""),
        (lambda m: m.update({ONE: m[ONE][:-1] + b"x"}), ""),
        (lambda m: m.update({ONE: m[ONE] + b"x"}), ""),
        (lambda m: m.update({f"blobs/{OTHER[:2]}/{OTHER}": b"other"}), ""),
        (renamed, ""),
        (lambda m: None, ONE),
        (lambda m: m.update({"bundles/20261128T100000-A1-0123abcd/drafts.json": b"[1]"}), ""),
    ],
    ids=["removed", "changed", "longer", "added", "another", "twice", "a draft changed"],
)
def test_photos_that_are_not_those_it_was_made_with_are_refused(
    change: Callable[[dict[str, bytes]], None], twice: str, closed: Path, tmp_path: Path
) -> None:
    back_up(closed, tmp_path / "a.jtb")
    bad = rewritten(tmp_path / "a.jtb", tmp_path / "bad.jtb", change, twice)
    before = files(closed)
    refused(4202, lambda: bring_back(closed, bad, replace=True))
    assert files(closed) == before


@pytest.mark.parametrize(
    "name", ["../evil", "bundles/../../evil", "bundles/a/../../../evil", "/etc/evil", "bundles/evil", "bundles/.a/b"]
)
def test_no_file_gets_out_of_its_folder(name: str, closed: Path, tmp_path: Path) -> None:
    back_up(closed, tmp_path / "a.jtb")

    def plant(m: dict[str, bytes]) -> None:
        told = json.loads(m["manifest.json"])
        told["members"][name] = {"sha256": sha256(b"x").hexdigest(), "size": 1}
        m["manifest.json"], m[name] = json.dumps(told).encode(), b"x"

    bad = rewritten(tmp_path / "a.jtb", tmp_path / "bad.jtb", plant)
    refused(4202, lambda: bring_back(tmp_path / "new", bad))
    assert not list(tmp_path.rglob("evil"))


def test_a_backup_that_forgets_a_photo_the_database_names_is_no_good_one(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = archive.write
    monkeypatch.setattr(archive, "write", lambda p, m, f, photos, b: real(p, m, f, photos[1:], b))
    assert "照片不全" in refused(4207, lambda: back_up(closed, tmp_path / "a.jtb")).text("zh")
    assert not (tmp_path / "a.jtb").exists()


def jingtu(*args: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(a) for a in args], env={"COLUMNS": "250"})
    assert "Traceback" not in result.output
    return result.exit_code, result.output


def test_photos_the_server_lost_are_said_aloud_and_keep_no_backup_from_being_made(closed: Path, tmp_path: Path) -> None:
    store = Files(closed / "blobs")
    store.path(SHAS[0]).unlink()
    store.path(SHAS[1]).write_bytes(b"rotten")
    code, said = jingtu("backup", tmp_path / "a.jtb", "--data", closed)
    assert code == 3 and "丢失 1 个、损坏 1 个" in said and "1 photos are MISSING and 1 DAMAGED" in said, said
    code, said = jingtu("backup", tmp_path / "a.jtb", "--data", closed, "--force", "--json")
    told = json.loads(said)["photos"]
    assert (code, told["count"], told["missing"], told["damaged"]) == (3, 2, [SHAS[0]], [SHAS[1]])
    code, said = jingtu("restore", tmp_path / "a.jtb", "--data", tmp_path / "new")
    assert code == 0 and "丢失 1 个、损坏 1 个" in said and set(blobs(tmp_path / "new")) == set(SHAS[2:])


def test_without_photos_is_said_aloud_and_takes_none_away(closed: Path, tmp_path: Path) -> None:
    code, said = jingtu("backup", tmp_path / "a.jtb", "--data", closed, "--without-photos")
    assert code == 0 and "照片不在这个备份里" in said and "PHOTOS ARE NOT IN THIS BACKUP" in said
    assert archive.read_manifest(tmp_path / "a.jtb").photos is None
    assert json.loads(zipfile.ZipFile(tmp_path / "a.jtb").read("manifest.json"))["photos"] is None
    before = blobs(closed)
    code, said = jingtu("restore", tmp_path / "a.jtb", "--data", closed, "--replace")
    assert code == 0 and "PHOTOS ARE NOT IN THIS BACKUP" in said and blobs(closed) == before
    code, said = jingtu("backup", tmp_path / "b.jtb", "--data", closed)
    assert code == 0 and "照片 4 个文件" in said


def test_a_restore_brings_what_is_missing_mends_what_is_damaged_and_leaves_the_rest(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(closed, tmp_path / "a.jtb")
    with Opened(closed) as o:
        newer = add_photo(o.service, closed, b"newer than the backup")
    store = Files(closed / "blobs")
    store.path(SHAS[0]).unlink()
    store.path(SHAS[1]).write_bytes(b"rotten")
    whole, taken = {s: store.path(s).stat().st_ino for s in SHAS[2:]}, list[str]()
    real = archive._fresh
    monkeypatch.setattr(archive, "_fresh", lambda p: (taken.append(p.name), real(p))[1])
    bring_back(closed, tmp_path / "a.jtb", replace=True)
    assert blobs(closed) == {s: s for s in (*SHAS, newer)}
    assert {s: store.path(s).stat().st_ino for s in SHAS[2:]} == whole  # what is sound is not written again
    assert set(taken) & set(SHAS) == set(SHAS[:2])


@pytest.mark.long
def test_a_kill_at_any_step_of_a_restore_loses_no_photo(closed: Path, tmp_path: Path) -> None:
    with Opened(tmp_path / "other") as o:
        o.service.found("别的单位")
        was = o.sql("SELECT value FROM setting WHERE key='epoch'")
        own = add_photo(o.service, tmp_path / "other", b"own")
    back_up(closed, tmp_path / "a.jtb")
    ends, step, died = set[bool](), 1, True
    while died:
        data = tmp_path / f"k{step}"
        shutil.copytree(tmp_path / "other", data)
        died = killed_at(step, data, tmp_path / "a.jtb")
        with Opened(data) as o:
            new = o.sql("SELECT value FROM setting WHERE key='epoch'") != was
            o.sound()
            with o.service.store.reading() as tx:
                named = tx.blob_hashes()
        ends.add(new)
        assert named == (sorted(SHAS) if new else [own]), step
        kept = blobs(data)
        assert all(kept[s] == s for s in (*named, own)), step
        assert not new or (data / "bundles" / "20261128T100000-A1-0123abcd" / "drafts.json").read_text() == "[]"
        shutil.rmtree(data)
        step += 1 if step < 12 or not died else 3
    assert ends == {True, False} and step > 30


def test_memory_stays_flat(closed: Path, tmp_path: Path) -> None:
    rng = random.Random(1)
    with Opened(closed) as o:
        for _ in range(20):
            add_photo(o.service, closed, rng.randbytes(4_000_000))
    tracemalloc.start()
    try:
        back_up(closed, tmp_path / "a.jtb")
        bring_back(tmp_path / "new", tmp_path / "a.jtb")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24_000_000 and len(blobs(tmp_path / "new")) == 24, peak


def test_a_full_disk_during_photos_is_told(closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back_up(closed, tmp_path / "a.jtb")
    real = archive._fresh

    def full(path: Path) -> object:
        if path.parent.parent.name == "blobs":
            raise OSError(28, "No space left on device")
        return real(path)

    monkeypatch.setattr(archive, "_fresh", full)
    refused(4206, lambda: bring_back(tmp_path / "new", tmp_path / "a.jtb"))
    assert not (tmp_path / "new").exists()


def test_a_backup_of_before_photos_is_still_restored(closed: Path, tmp_path: Path) -> None:
    back_up(closed, tmp_path / "a.jtb")

    def older(m: dict[str, bytes]) -> None:
        told = json.loads(m["manifest.json"])
        del told["photos"]
        told["format"] = 1
        told["members"] = {n: v for n, v in told["members"].items() if not n.startswith("bundles")}
        for name in [n for n in m if n.startswith(("blobs", "bundles"))]:
            del m[name]
        m["manifest.json"] = json.dumps(told).encode()

    old = rewritten(tmp_path / "a.jtb", tmp_path / "old.jtb", older)
    done = restore.restore(Settings(data=tmp_path / "new"), open_store, service_of, old, "os:test")
    assert done.manifest.photos is None


def test_a_disk_that_cannot_read_a_photo(closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def read(self, n: int) -> bytes:
            raise OSError(5, "Input/output error")

        def __enter__(self) -> Broken:
            return self

        def __exit__(self, *_: object) -> None: ...

    real = Files.open
    with monkeypatch.context() as m:
        m.setattr(Files, "open", lambda self, sha: Broken() if sha == SHAS[0] else real(self, sha))
        made = backup.backup(Settings(data=closed), open_store, service_of, tmp_path / "a.jtb", "os:test")
    assert made.manifest.photos and made.manifest.photos.damaged == [SHAS[0]] and made.unverified is None
    with pytest.raises(Trouble):
        archive.extract(closed / "server.db", tmp_path)
