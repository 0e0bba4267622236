"""A tablet's rescue bundle and `jingtu bundle`: whatever order file and network come in, everything is in once, and what is not taken
is told in words."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from field_app import rescue
from field_app.rescue import Written
from field_app.store import Edit, Store
from field_app.sync import Syncer
from schemas import change
from schemas.rules import evidence
from schemas.rules.bundle import About, Bundler, DraftFrame, PhotoFrame
from sync_server import bundle as bundles
from sync_server import bundle_files
from sync_server.cli import app
from sync_server.doctor import Doctor
from sync_server.service import Caller
from tests.api.test_shared_tablet import Site

HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture
def tablet(site: Site) -> Iterator[tuple[Store, Syncer]]:
    store, syncer = site.tablet("tablet")
    syncer.enrol("http://sim", site.code(site.li), "平板")
    assert syncer.run().problems == []
    yield store, syncer
    store.close()


def jingtu(site: Site, *args: str | Path, data: Path | None = None) -> Result:
    words = [*map(str, args), "--data", str(data or site.folder / "server")]
    return CliRunner().invoke(app, ["bundle", *words], env={"COLUMNS": "200"})


def taken(site: Site, file: Path, code: int = 0, *more: str, data: Path | None = None) -> str:
    """Imported, with this exit code; what was printed. Chinese and English, no traceback, nothing left to fill in."""
    result = jingtu(site, "import", file, *more, data=data)
    assert result.exit_code == code, (result.output, result.exception)
    assert "Traceback" not in result.output and not re.search(r"\{[a-z_]+\}", result.output)
    assert HAN.search(result.output)
    return result.output


def texts(site: Site) -> list[str]:
    return sorted(str(r.values["text"]) for r in site.service.records("comment", site.field))


def journal(site: Site) -> int:
    with site.service.store.reading() as tx:
        return sum(1 for _ in tx.journal_by_seq(site.field))


def made(site: Site, store: Store, *notes: str, **how: Any) -> Written:
    for text in notes:
        site.note(store, text)
    return rescue.write(store, **how)


# --- once, in whatever order -----------------------------------------------------------------------------------------


def test_imported_twice_and_then_synced(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, syncer = tablet
    file = made(site, store, "一", "二", "三")
    assert (file.changes, file.drafts) == (3, 0) and store.counts()["pending"] == 3  # nothing counts as sent
    assert "入库 3 条" in taken(site, file.path)
    before = site.service.records("comment", site.field), journal(site)
    assert "没有新的" in taken(site, file.path)
    assert (site.service.records("comment", site.field), journal(site)) == before
    result = syncer.run()
    assert result.problems == [] and result.digests_equal and store.counts()["pending"] == 0
    assert texts(site) == ["一", "三", "二"] and journal(site) == before[1]


def test_synced_and_then_imported(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, syncer = tablet
    file = made(site, store, "一", "二")
    syncer.run()
    before = journal(site)
    assert "服务器早已有了" in taken(site, file.path)
    assert journal(site) == before


def test_half_of_it_had_come_by_the_network(site: Site, tablet: tuple[Store, Syncer]) -> None:
    """Its answer got lost: the tablet does not know."""
    store, _ = tablet
    site.note(store, "一")
    site.note(store, "二")
    shutil.copytree(store.folder, site.folder / "answer-lost")
    copy, syncer = site.tablet("answer-lost")
    syncer.run()
    copy.close()
    said = taken(site, made(site, store, "三", "四").path)
    assert "入库 2 条；早已有的 2 条" in said
    assert texts(site) == ["一", "三", "二", "四"]


def test_a_tablet_that_never_sees_a_network_again(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, syncer = tablet
    first = made(site, store, "一", "二")
    taken(site, first.path)
    second = made(site, store, "三")
    assert second.changes == 3  # nobody told it
    assert "入库 1 条；早已有的 2 条" in taken(site, second.path)
    assert "没有新的" in taken(site, first.path)  # the older one after the newer
    assert syncer.run().problems == [] and texts(site) == ["一", "三", "二"]


def test_many_at_once_and_more_than_a_batch(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, _ = tablet
    one = made(site, store, *(f"n{n}" for n in range(30)))
    two = made(site, store, *(f"n{n}" for n in range(30, 1010)))
    content = bundles.look(two.path, site.service._key)
    assert [c.changes for c in content.chains] == [250, 250, 250, 250, 10]
    result = jingtu(site, "import", two.path, one.path)
    assert result.exit_code == 0 and len(texts(site)) == 1010


def test_an_older_servers_epoch_does_not_stop_it_and_a_gap_is_told(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, syncer = tablet
    site.note(store, "一")
    shutil.copytree(site.folder / "server", site.folder / "backup")
    syncer.run()
    file = made(site, store, "二")  # position 2 and on
    lost = site.folder / "backup"
    site.close()
    shutil.rmtree(site.folder / "server")
    lost.rename(site.folder / "server")
    site.open()
    with site.service.store.writing() as tx:
        site.service.begin_epoch(tx, tx.setting("epoch"))
    said = taken(site, file.path, 3)
    assert "没收下" in said and "1202" in said and "连同已交过的" in said and texts(site) == []
    whole = rescue.write(store, whole=True)
    assert whole.changes == 2
    taken(site, whole.path)
    assert texts(site) == ["一", "二"]
    result = Syncer(store, site.net, lambda _: None).run()
    assert result.problems == [] and result.digests_equal and texts(site) == ["一", "二"]


# --- who it is from --------------------------------------------------------------------------------------------------


def test_a_revoked_tablets_bundle_waits_for_a_person(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, _ = tablet
    enrolment = store.keys.require().enrolment
    site.service.revoke(enrolment)
    file = made(site, store, "一")
    said = taken(site, file.path, 3)
    assert "待关联" in said and "设备停用后才交来" in said and texts(site) == []
    assert "早已待关联" in taken(site, file.path, 3)
    site.service.reinstate(enrolment)
    assert texts(site) == ["一"]
    assert "没有新的" in taken(site, file.path)


def test_an_enrolment_nobody_knows(site: Site, tablet: tuple[Store, Syncer]) -> None:
    """The server came back from a backup older than the tablet: same key, other data."""
    store, _ = tablet
    file = made(site, store, "一")
    young = site.folder / "young"
    young.mkdir()
    shutil.copy(site.folder / "server" / "receipt.key", young)
    said = taken(site, file.path, 3, data=young)
    assert "2010" in said and "不认识这台设备" in said and "重新登记" in said


def test_another_servers_bundle(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, _ = tablet
    file = made(site, store, "一")
    other = site.folder / "other"
    other.mkdir()
    (other / "receipt.key").write_bytes(evidence.new_key())
    assert "4302" in taken(site, file.path, 1, data=other)
    empty = jingtu(site, "import", file.path, data=site.folder / "nowhere")
    assert empty.exit_code == 1 and "receipt.key" in empty.output and not (site.folder / "nowhere").exists()


def test_two_people_and_one_of_them_locked(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, syncer = tablet
    li = store.keys.require()
    syncer.enrol("http://sim", site.code(site.wang), "平板", beside=True)
    syncer.run()
    wang = store.keys.require()
    mine = site.check(store, "办公楼")
    store.turn(li.enrolment)
    site.note(store, "一")
    store.turn(wang.enrolment)
    site.note(store, "二")
    whole = rescue.write(store)
    # Wang's keys are behind a PIN that nobody typed since the app was started
    store.keys.identities[wang.enrolment] = wang._replace(private_key=b"", salt_key=b"")
    part = rescue.write(store)
    assert (whole.changes, part.changes) == (3, 1)
    assert [(o.person_name, o.changes) for o in part.locked] == [("王", 2)]
    said = taken(site, part.path, 3)
    assert "王 的 2 条不在包里" in said and "解锁后再写一份" in said and texts(site) == ["一"]
    taken(site, whole.path)
    assert texts(site) == ["一", "二"]
    assert [r.id for r in site.service.records("inspection", site.enforcement)] == [mine]
    with site.service.store.reading() as tx:
        lines = [j for j in tx.journal_by_seq(site.field) if j.type == "comment"]
    assert {change.decode(j.line).by for j in lines} == {site.li, site.wang} and {j.proof for j in lines} == {"proven"}


def test_a_rotten_line_goes_in_as_unproven(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, _ = tablet
    for text in ("一", "二", "三"):
        site.note(store, text)
    store._db.execute(
        "UPDATE journal SET line=CAST(replace(CAST(line AS TEXT),'二','弐') AS BLOB) WHERE scope=?", (site.field,)
    )
    taken(site, rescue.write(store).path)
    assert texts(site) == ["一", "三", "弐"]
    with site.service.store.reading() as tx:
        assert sorted(j.proof for j in tx.journal_by_seq(site.field) if j.type == "comment") == [
            "proven",
            "proven",
            "unproven",
        ]


# --- damage ----------------------------------------------------------------------------------------------------------


def test_a_damaged_bundle_takes_nothing_unless_asked(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, _ = tablet
    file = made(site, store, *(f"n{n:03} {os.urandom(500).hex()}" for n in range(600)))
    cut = file.path.with_name("cut.jtb")
    data = file.path.read_bytes()
    assert len(data) > 4 << 16
    cut.write_bytes(data[: len(data) * 9 // 10])
    said = taken(site, cut, 1)
    assert "4301" in said and "--partial" in said and texts(site) == []
    said = taken(site, cut, 3, "--partial")
    assert "只取到损坏处" in said and len(texts(site)) == 500
    taken(site, file.path)
    assert len(texts(site)) == 600
    (lied := file.path.with_name("not.jtb")).write_bytes(b"PK\x03\x04" + bytes(100))
    assert "4301" in taken(site, lied, 1)
    assert "4101" in taken(site, file.path.with_name("none.jtb"), 1)
    # one bad file does not keep the others out
    result = jingtu(site, "import", lied, file.path)
    assert result.exit_code == 1 and "早已有了" in result.output


# --- drafts and photos -----------------------------------------------------------------------------------------------


def with_drafts(site: Site, store: Store) -> tuple[Written, bytes, str]:
    photo = b"\xff\xd8" + bytes(range(256)) * 900
    name = sha256(photo).hexdigest()
    folder = store.folder / "photos"
    folder.mkdir()
    (folder / f"{name}.jpg").write_bytes(photo)
    (folder / f"{'0' * 64}.jpg").write_bytes(b"nobody names it")
    (folder / f"{name}.thumb.jpg").write_bytes(b"small")
    point = store.new_id()
    store.save_draft("point", point, site.field, {"code": "S07", "note": "雨"})
    store.save_draft("photo", store.new_id(), site.field, {"sha256": name, "step": "hole"}, point)
    site.note(store, "一")
    return rescue.write(store), photo, name


def test_drafts_and_photos_come_along_and_lie_beside_the_report(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, _ = tablet
    file, photo, name = with_drafts(site, store)
    assert (file.changes, file.drafts, file.photos) == (1, 2, 1)
    said = taken(site, file.path, 3)
    assert (
        "草稿 2 份（没有完成，不入库）" in said and "S07" in said and "照片 1 张" in said and "来源未证明" not in said
    )
    (folder,) = (site.folder / "server" / "bundles").iterdir()
    assert folder.stat().st_mode & 0o077 == 0 and all(p.stat().st_mode & 0o077 == 0 for p in folder.rglob("*.json"))
    drafts = json.loads((folder / "drafts.json").read_text())
    assert [(d["type_zh"], d["person_name"], d["attested"], d["values"].get("code")) for d in drafts] == [
        ("点位", "李", True, "S07"), ("照片", "李", True, None),
    ]  # fmt: skip
    assert [p.name for p in (folder / "photos").iterdir()] == [f"{name}.jpg"]
    assert (folder / "photos" / f"{name}.jpg").read_bytes() == photo
    report = json.loads((folder / "report.json").read_text())
    assert report["batches"][0]["new"] == {"applied": 1} and report["about"]["facts"]["app"]
    assert site.service.records("point", site.field) == []  # nothing unfinished is ever taken in
    taken(site, file.path, 3)
    assert len(list((site.folder / "server" / "bundles").iterdir())) == 1
    assert not list((site.folder / "server" / "bundles").rglob("*.new"))
    with site.service.store.reading() as tx:
        noted = [n for n in tx.notes() if n["action"] == "bundle"]
    assert len(noted) == 2
    assert rescue.write(store, with_photos=False).photos == 0


def jpeg(colour: str, size: int = 64) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(made, "JPEG")
    return made.getvalue()


def photographed(site: Site, store: Store, data: bytes, kind: str = "jpg") -> str:
    """A photo record with its file, as the app leaves them; the hash."""
    sha = sha256(data).hexdigest()
    (store.folder / "photos").mkdir(exist_ok=True)
    (store.folder / "photos" / f"{sha}.{kind}").write_bytes(data)
    values = {"sha256": sha, "step": "point_before", "subject_kind": "site", "subject_id": site.site, "source": "app_camera",
              "taken_at": "2026-11-28T10:00:00+08:00"}  # fmt: skip
    store.finalize([Edit("photo", store.new_id(), site.field, values)], complete=False)
    return sha


def here(site: Site, sha: str) -> list[tuple[str, str, str | None]]:
    """(scope, person, enrolment) of who sent it."""
    with site.service.store.reading() as tx:
        return [(s.scope, s.person, s.enrolment) for s in tx.blob_sources(sha)]


def test_photos_that_records_name_become_the_servers(site: Site, tablet: tuple[Store, Syncer]) -> None:
    """A tablet that never sees a network hands them in; whoever looks at the project sees that they are there."""
    store, _ = tablet
    who = store.keys.require()
    contents = [jpeg("red"), jpeg("green", 200)]
    shas = [photographed(site, store, c) for c in contents]
    said = taken(site, rescue.write(store).path)  # all is in: nobody has to look at anything
    assert "照片收下 2 张，早已有的 0 张" in said and "photos taken in: 2" in said
    files = site.service.shelf.files
    for sha, content in zip(shas, contents, strict=True):
        assert files.path(sha).read_bytes() == content
        assert here(site, sha) == [(site.field, who.person, who.enrolment)]
        assert site.service.see_blob(Caller(who.person, who.enrolment), sha, site.field).blob.kind == "jpg"
    with site.service.store.reading() as tx:
        assert tx.media_of(site.field) == (2, 2)
    (folder,) = (site.folder / "server" / "bundles").iterdir()
    assert not (folder / "photos").exists() and list(site.service.shelf.uploads.iterdir()) == []
    report = json.loads((folder / "report.json").read_text())
    assert (report["photos_in"], report["photos_known"], report["photos"], report["photos_beside"]) == (2, 0, 0, [])
    said = taken(site, store.folder / "outbox" / next(p.name for p in (store.folder / "outbox").iterdir()))
    assert "照片收下 0 张，早已有的 2 张" in said and [len(here(site, s)) for s in shas] == [1, 1]
    assert Doctor(site.service).look().open == []


def sealed(site: Site, store: Store, photos: list[tuple[str, bytes]], signed: bool = True) -> Path:
    """A bundle with these photos and no change; signed by the tablet, or by nobody it knows."""
    who, path = store.keys.require(), site.folder / "photos.jtb"
    with path.open("wb") as file:
        about = About(device=who.device, device_code="A1", made_at="2026-11-28T10:00:00+08:00", epoch="", owners=[])
        made = Bundler(file.write, who.server_key, about)
        for sha, data in photos:
            made.photo(PhotoFrame(sha256=sha, name=f"{sha}.jpg"), len(data), [data])
        made.finish([(who.enrolment, who.private_key if signed else evidence.new_key())])
    return path


def test_only_who_was_at_work_there_hands_in_photos_of_older_records(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, _ = tablet
    data = jpeg("blue")
    sha = photographed(site, store, data)
    taken(site, rescue.write(store, with_photos=False).path)
    assert here(site, sha) == []
    assert "来源未证明" in taken(site, sealed(site, store, [(sha, data)], signed=False), 3)
    assert here(site, sha) == [] and not site.service.shelf.files.has(sha)
    other, syncer = site.tablet("other")  # known to the server, never at work here
    syncer.enrol("http://sim", site.code(site.wang), "平板")
    taken(site, sealed(site, other, [(sha, data)]), 3)
    assert here(site, sha) == []
    other.close()
    taken(site, sealed(site, store, [(sha, data)]))
    who = store.keys.require()
    assert here(site, sha) == [(site.field, who.person, who.enrolment)]


def test_a_photo_that_poses_as_one_stays_beside_with_the_reason(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, _ = tablet
    page = b"<html><script>alert(1)</script></html>" * 50
    bad, good = photographed(site, store, page), photographed(site, store, jpeg("red"))
    said = taken(site, rescue.write(store).path, 3)
    assert "照片收下 1 张" in said and "照片 1 张没有入库" in said and bad[:12] in said
    (folder,) = (site.folder / "server" / "bundles").iterdir()
    kept = folder / "photos" / f"{bad}.jpg"
    assert kept.read_bytes() == page and kept.stat().st_mode & 0o077 == 0 and here(site, bad) == []
    (beside,) = json.loads((folder / "report.json").read_text())["photos_beside"]
    assert beside["name"] == kept.name and beside["refused"] and HAN.search(beside["zh"]) and beside["en"]
    assert here(site, good) and list(site.service.shelf.uploads.iterdir()) == []


def test_a_photo_the_disk_lost_or_damaged_is_mended_by_a_bundle(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, _ = tablet
    shas = [photographed(site, store, jpeg(c)) for c in ("red", "green")]
    file = rescue.write(store).path
    taken(site, file)
    files = site.service.shelf.files
    files.path(shas[0]).unlink()
    files.path(shas[1]).write_bytes(b"rotten")
    assert len(Doctor(site.service).look().open) == 2
    taken(site, file)
    assert Doctor(site.service).look().open == []


def test_drafts_of_somebody_who_has_no_key_here_are_told_apart(site: Site, tablet: tuple[Store, Syncer]) -> None:
    """Everybody may seal something for the server: only the tablet's own keys say that it is from there."""
    store, _ = tablet
    who = store.keys.require()
    path = site.folder / "forged.jtb"
    with path.open("wb") as file:
        about = About(device=who.device, device_code="A1", made_at="2026-11-28T10:00:00+08:00", epoch="", owners=[])
        made = Bundler(file.write, who.server_key, about)
        made.draft(DraftFrame(person=who.person, person_name="李", record=store.new_id(), type="point", scope=site.field,
                              updated_at="2026-11-28T10:00:00+08:00"), b'{"code":"S66"}')  # fmt: skip
        made.finish([(who.enrolment, evidence.new_key())])
    said = taken(site, path, 3)
    assert "来源未证明" in said and "S66" in said
    (folder,) = (site.folder / "server" / "bundles").iterdir()
    assert json.loads((folder / "drafts.json").read_text())[0]["attested"] is False


def test_a_full_disk_is_told_and_what_went_in_stays_in(
    site: Site, tablet: tuple[Store, Syncer], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = tablet
    file, _, _ = with_drafts(site, store)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(bundle_files.os, "replace", full)
        assert "4304" in taken(site, file.path, 1)
    assert texts(site) == ["一"] and not [p for p in (site.folder / "server" / "bundles").rglob("*") if p.is_file()]
    assert "没有新的" in taken(site, file.path, 3) and texts(site) == ["一"]


def test_a_large_bundle_takes_little_memory(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, _ = tablet
    (store.folder / "photos").mkdir()
    names = []
    for _ in range(12):
        data = os.urandom(3_000_000)
        names.append(sha256(data).hexdigest())
        (store.folder / "photos" / f"{names[-1]}.jpg").write_bytes(data)
    store.save_draft("point", store.new_id(), site.field, {"code": "S1", "photos": names})
    file = made(site, store, "一")
    assert file.photos == 12 and file.size > 36_000_000
    tracemalloc.start()
    done = bundles.take(site.service, file.path, site.service._key, site.folder / "reports", "os:test")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert done.photos == 12 and most < 20_000_000


# --- show, json ------------------------------------------------------------------------------------------------------


def test_show_takes_nothing_in(site: Site, tablet: tuple[Store, Syncer]) -> None:
    store, _ = tablet
    file, _, _ = with_drafts(site, store)
    before = journal(site)
    result = jingtu(site, "show", file.path)
    assert result.exit_code == 0, result.output
    for words in ("设备 A1", "李", "草稿 2 份", "照片 1 张", "平板情况", "外业 · field"):
        assert words in result.output, words
    assert journal(site) == before and not (site.folder / "server" / "bundles").exists()
    shown = json.loads(jingtu(site, "show", file.path, "--json").stdout)
    assert shown["changes"] == 1 and len(shown["drafts"]) == 2 and shown["about"]["owners"][0]["person_name"] == "李"
    imported = json.loads(jingtu(site, "import", file.path, "--json").stdout)
    assert imported[0]["batches"][0]["new"] == {"applied": 1} and imported[0]["photos"] == 1


def test_no_secret_and_no_contents_can_be_read_without_the_servers_key(
    site: Site, tablet: tuple[Store, Syncer]
) -> None:
    store, _ = tablet
    file, _, name = with_drafts(site, store)
    data, who = file.path.read_bytes(), store.keys.require()
    for hidden in (b"S07", "李".encode(), name.encode(), site.field.encode(), who.enrolment.encode()):
        assert hidden not in data
    inside = json.dumps(bundles.look(file.path, site.service._key).about.model_dump())  # type: ignore[union-attr]
    assert evidence.b64(who.private_key) not in inside and evidence.b64(who.salt_key) not in inside
