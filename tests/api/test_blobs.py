"""Photos and other files on their way: what tus 1.0 promises, and that nothing is in before it is whole.

Every sentence of docs/sync-protocol.md §10 about sending a file has its test here. Who may see one: test_blobs_seen.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from errno import ENOSPC
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.problems import Trouble
from sync_server.blobs import incoming
from sync_server.main import create_app
from sync_server.service import Service
from sync_server.service.uploads import EMPTY_MS, FOR_RECORDS, SUMS
from sync_server.settings import Settings
from sync_server.store import UploadRow
from tests.api.conftest import Device, Server, outcomes, problem
from tests.api.tus import APPENDS, BLOBS, SPEAKS, append, b64, begin, metadata, picture, send, stands

DATA = random.Random(1).randbytes(300_000)
SHA = hashlib.sha256(DATA).hexdigest()
NO_TEXT, NUL = b64(b"\xff" * 64), b64("a\0b")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Sender:
    """One upload by a device, request by request."""

    def __init__(self, server: Server, device: Device, data: bytes = DATA, name: str = "笔记.txt") -> None:
        self.server, self.device, self.data = server, device, data
        made = begin(server.http, device.auth, sha(data), len(data), server.field, name)
        assert made.status_code == 201, made.text
        self.made, self.there = made, made.headers["location"]
        self.id = self.there.rpartition("/")[2]

    def append(self, offset: int, data: bytes, checksum: str = "", **more: str) -> httpx.Response:
        return append(self.server.http, self.device.auth, self.there, offset, data, checksum, **more)

    def stands(self) -> httpx.Response:
        return stands(self.server.http, self.device.auth, self.there)

    @property
    def at(self) -> int:
        answer = self.stands()
        assert answer.status_code == 200
        return int(answer.headers["upload-offset"])

    @property
    def file(self) -> Path:
        return self.server.folder / "uploads" / self.id


@pytest.fixture
def sender(server: Server, device: Device) -> Sender:
    return Sender(server, device)


def there(server: Server, data: bytes) -> bool:
    """A row, and a file of exactly these bytes under their hash."""
    path = server.app.state.parts.files.path(sha(data))
    rows = server.sql("SELECT size FROM blob WHERE sha256 = ?", sha(data))
    assert bool(rows) == path.exists()
    if rows:
        assert rows == [(len(data),)] and path.read_bytes() == data
    return bool(rows)


def left(server: Server) -> list[str]:
    """Files in the folder of uploads."""
    folder = server.folder / "uploads"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


# --- the protocol ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [BLOBS, f"{BLOBS}/uploads/x"])
def test_what_is_spoken_is_told_to_anybody(server: Server, path: str) -> None:
    answer = server.http.request("OPTIONS", path)
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["tus-extension"] == "creation,checksum,expiration"
    assert answer.headers["tus-max-size"] == "200000000"
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256"


def test_a_file_in_two_pieces(server: Server, sender: Sender) -> None:
    assert sender.there == f"{BLOBS}/uploads/{sender.id}" and sender.at == 0
    first = sender.append(0, DATA[:100_000])
    assert (first.status_code, first.headers["upload-offset"], first.content) == (204, "100000", b"")
    assert "jingtu-blob" not in first.headers and not there(server, DATA)
    told = sender.stands()
    assert told.headers["upload-length"] == "300000" and told.headers["upload-offset"] == "100000"
    assert told.headers["cache-control"] == "no-store"
    last = sender.append(100_000, DATA[100_000:])
    assert (last.status_code, last.headers["upload-offset"], last.headers["jingtu-blob"]) == (204, "300000", SHA)
    assert there(server, DATA) and left(server) == []
    assert server.sql("SELECT sha256, scope, person, enrolment, name FROM blob_source") == [
        (SHA, server.field, server.sampler, sender.device.enrolment, "笔记.txt")
    ]
    assert server.sql("SELECT kind, name, exif FROM blob") == [("other", "笔记.txt", "{}")]
    problem(sender.append(300_000, b""), 1305)
    assert sender.stands().status_code == 410


def test_every_answer_names_the_version(server: Server, device: Device, sender: Sender) -> None:
    http, auth = server.http, device.auth
    answers = [
        sender.made, sender.stands(), sender.append(5, b"x"), sender.append(0, DATA[:10]), http.get(f"{BLOBS}/{SHA}"),
        http.head(f"{BLOBS}/{SHA}", headers=auth), http.get(f"{BLOBS}/{SHA}/thumbnail", headers=auth),
        http.request("DELETE", sender.there, headers=SPEAKS | auth), http.post(BLOBS, headers=auth), http.get(BLOBS, headers=auth),
    ]  # fmt: skip
    assert [a.headers["tus-resumable"] for a in answers] == ["1.0.0"] * len(answers)
    assert [a.status_code for a in answers] == [201, 200, 409, 204, 401, 404, 404, 405, 412, 405]


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0", "1.0.0, 2.0.0"])
def test_another_version_is_refused_before_anything_else(sender: Sender, version: str | None) -> None:
    http, auth = sender.server.http, sender.device.auth
    spoken = auth | ({"Tus-Resumable": version} if version else {})
    told = {"Upload-Offset": "0"} | APPENDS
    for answer in (
        http.post(BLOBS, headers=spoken),
        http.patch(sender.there, headers=spoken | told, content=DATA[:10]),
    ):
        problem(answer, 1308)
        assert answer.headers["tus-version"] == "1.0.0"
    assert http.head(sender.there, headers=spoken).status_code == 412
    assert sender.at == 0


def test_the_method_may_be_said_in_a_header(sender: Sender) -> None:
    http = sender.server.http
    said = SPEAKS | sender.device.auth | {"X-HTTP-Method-Override": "PATCH"}
    answer = http.post(sender.there, content=DATA[:10], headers=said | APPENDS | {"Upload-Offset": "0"})
    assert answer.status_code == 204 and sender.at == 10
    answer = http.post(sender.there, headers=said | {"X-HTTP-Method-Override": "HEAD"})
    assert answer.headers["upload-offset"] == "10"
    answer = http.post(sender.there, headers=said | {"X-HTTP-Method-Override": "DELETE"})
    problem(answer, 1006)


def test_a_wrong_offset_is_told_the_right_one(sender: Sender) -> None:
    sender.append(0, DATA[:1000])
    for offset in (0, 999, 1001, 300_000, 10**14):
        body = problem(sender.append(offset, b"x"), 1302)
        assert body["offset"] == 1000
    assert sender.at == 1000


@pytest.mark.parametrize("offset", ["", "-1", "1.0", "0x0", "１", "9" * 16, "0 "])
def test_an_offset_that_is_no_number(sender: Sender, offset: str) -> None:
    headers = {k.encode(): v.encode() for k, v in (SPEAKS | APPENDS | sender.device.auth).items()}
    answer = sender.server.http.patch(sender.there, content=b"x", headers=headers | {b"Upload-Offset": offset.encode()})
    if offset.strip() == "0":
        assert answer.status_code in (204, 400)
    else:
        problem(answer, 1001)


@pytest.mark.parametrize("kind", ["", "application/octet-stream", "application/offset+octet-stream2"])
def test_bytes_of_another_type_are_not_taken(sender: Sender, kind: str) -> None:
    problem(sender.append(0, b"x", **{"Content-Type": kind}), 1312)
    assert (
        sender.append(0, b"x", **{"Content-Type": "application/offset+octet-stream; charset=utf-8"}).status_code == 204
    )


def test_packed_bytes_are_not_taken(sender: Sender) -> None:
    problem(sender.append(0, b"x", **{"Content-Encoding": "gzip"}), 1003)


def test_nothing_at_all_is_taken_and_moves_nothing(sender: Sender) -> None:
    sender.append(0, DATA[:5])
    assert sender.append(5, b"").headers["upload-offset"] == "5"


# --- announcing ------------------------------------------------------------------------------------------------------


def announce(server: Server, device: Device, **headers: Any) -> httpx.Response:
    told = {"Upload-Length": "9", "Upload-Metadata": metadata(sha256=SHA, filename="a", scope=server.field)}
    return server.http.post(BLOBS, headers=SPEAKS | device.auth | told | headers)


def test_every_announcement_is_an_upload_of_its_own(server: Server, device: Device) -> None:
    made = [Sender(server, device) for _ in range(3)]
    assert len({s.id for s in made}) == 3
    made[0].append(0, DATA[:10])
    assert [s.at for s in made] == [10, 0, 0]
    for one in made:
        assert one.append(one.at, DATA[one.at :]).headers["jingtu-blob"] == SHA
    assert there(server, DATA) and left(server) == [] and server.sql("SELECT count(*) FROM blob_source") == [(1,)]


@pytest.mark.parametrize("length", ["", "-1", "x", "1.5", "٣"])
def test_a_length_that_is_none(server: Server, device: Device, length: str) -> None:
    problem(announce(server, device, **{"Upload-Length": length.encode()}), 1001)  # type: ignore[dict-item]


def test_a_length_may_not_be_told_later(server: Server, device: Device) -> None:
    told = {"Upload-Metadata": metadata(sha256=SHA, filename="a", scope=server.field), "Upload-Defer-Length": "1"}
    problem(server.http.post(BLOBS, headers=SPEAKS | device.auth | told), 1001)


def test_an_empty_file_and_one_that_is_too_large_are_refused(server: Server, device: Device) -> None:
    problem(announce(server, device, **{"Upload-Length": "0"}), 1307)
    for size in ("200000001", "2147483648", "9" * 15):
        problem(announce(server, device, **{"Upload-Length": size}), 1301)
    assert left(server) == [] and server.sql("SELECT * FROM upload") == []


def test_the_largest_file_is_a_setting(tmp_path: Path) -> None:
    app = create_app(Settings(data=tmp_path, max_blob_mb=3, upload_hours=1, uploads_per_person=2))
    shelf = app.state.parts.service.shelf
    assert (shelf.max_bytes, shelf.upload_ms, shelf.per_person) == (3_000_000, 3_600_000, 2)
    app.state.parts.service.store.close()


@pytest.mark.parametrize(
    "said",
    ["", "sha256", f"sha256 {b64('f' * 63)}", f"sha256 {b64('g' * 64)}", f"sha256 {b64('../' * 21 + 'a')}", "sha256 ***",
     f"filename {b64('a')}", f"sha256 {b64(SHA)}", f"sha256 {b64(SHA)},scope ", f"sha256 {NO_TEXT},scope {b64('x')}",
     f"sha256 {b64(SHA)},scope {NUL}", "," * 50, "x" * 9000],
)  # fmt: skip
def test_metadata_that_is_wrong(server: Server, device: Device, said: str) -> None:
    problem(announce(server, device, **{"Upload-Metadata": said}), 1310)
    assert left(server) == []


def test_metadata_as_clients_write_it(server: Server, device: Device) -> None:
    """Spaces behind the commas, keys without a value, a hash in capitals, more than is asked for, no name."""
    said = f"filetype, scope {b64(server.field)} , sha256 {b64(SHA.upper())},relativePath {b64('null')}"
    answer = announce(server, device, **{"Upload-Metadata": said})
    assert answer.status_code == 201
    assert server.sql("SELECT sha256, name FROM upload") == [(SHA, "")]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("../../etc/passwd", "passwd"), ("C:\\temp\\a.jpg", "a.jpg"), ("照 片.jpg", "照 片.jpg"), ("a\r\nSet-Cookie: x.jpg", "aSet-Cookie: x.jpg"),
     ("\u202egpj.exe", "gpj.exe"), ("..", ""), ("/", ""), (".bashrc", "bashrc"), ("x" * 500 + ".bin", "x" * 116 + ".bin"), ("a.bin\0", "a.bin")],
)  # fmt: skip
def test_a_name_is_a_name_and_no_path(server: Server, device: Device, given: str, kept: str) -> None:
    begin(server.http, device.auth, SHA, 9, server.field, given)
    assert server.sql("SELECT name FROM upload") == [(kept,)]


def test_for_a_scope_nobody_knows_nothing_is_taken(server: Server, device: Device) -> None:
    foreign = [f"{server.other}.field", "nothing", f"{server.project}.elsewhere", "x" * 500]
    for scope in foreign:
        problem(begin(server.http, device.auth, SHA, 9, scope), 2004)
    assert left(server) == [] and server.sql("SELECT * FROM upload") == []


def test_who_lost_the_right_may_still_send_what_was_recorded(server: Server) -> None:
    former = Device(server, server.former)
    server.service.withdraw(server.former, server.project, "sampler")
    answer = send(server.http, former.auth, DATA, server.field)
    assert answer.headers["jingtu-blob"] == SHA
    server.service.revoke(former.enrolment)  # as it may still push
    more = DATA + b"more"
    assert send(server.http, former.auth, more, server.field).headers["jingtu-blob"] == sha(more)


def test_so_many_at_a_time_and_no_more(server: Server, device: Device) -> None:
    made = [Sender(server, device) for _ in range(64)]
    answer = begin(server.http, device.auth, SHA, 9, server.field)
    assert problem(answer, 1311)["limit"] == 64 if "limit" in answer.json() else True
    assert answer.headers["retry-after"]
    assert begin(server.http, Device(server, server.inspector).auth, SHA, 9, server.field).status_code == 201
    made[0].append(0, DATA)
    assert begin(server.http, device.auth, SHA, 9, server.field).status_code == 201


def test_a_disk_without_room_for_all_of_it_is_told_at_once(
    server: Server, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, kept = Sender(server, device), FOR_RECORDS
    disk = {"total": 1 << 40, "free": kept + 299_999}
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Disk", (), disk)())
    problem(begin(server.http, device.auth, SHA, 300_000, server.field), 1102)
    assert left(server) == [there.id] and len(server.sql("SELECT * FROM upload")) == 1
    assert begin(server.http, device.auth, SHA, 299_999, server.field).status_code == 201
    problem(there.append(0, DATA), 1102)  # others filled it meanwhile: the last of it is for records
    assert outcomes(device.push([device.change("point", server.point())])) == ["applied"] and there.at == 0
    disk["free"] = 2_000_000
    problem(there.append(0, DATA), 1102)
    disk["total"] = 20_000_000  # of a small one less is kept
    assert there.append(0, DATA).headers["jingtu-blob"] == SHA


# --- checksums -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_piece_that_was_damaged_is_not_kept(server: Server, sender: Sender, algorithm: str) -> None:
    assert sender.append(0, DATA[:1000], algorithm).status_code == 204
    good = f"{algorithm} {b64(hashlib.new(algorithm, DATA[1000:2000]).digest())}"
    answer = sender.append(1000, DATA[1000:1999] + b"?", **{"Upload-Checksum": good})
    assert answer.status_code == 460
    problem(answer, 1303)
    assert sender.at == 1000 and not there(server, DATA)
    assert sender.append(1000, DATA[1000:2000], algorithm).status_code == 204
    damaged = sender.append(
        2000,
        DATA[2000:-1] + b"?",
        **{"Upload-Checksum": f"{algorithm} {b64(hashlib.new(algorithm, DATA[2000:]).digest())}"},
    )
    problem(damaged, 1303)  # the last one, too: the upload is not over
    assert sender.at == 2000
    assert sender.append(2000, DATA[2000:], algorithm).headers["jingtu-blob"] == SHA
    assert there(server, DATA)


def test_the_whole_in_one_piece_with_a_checksum(server: Server, device: Device) -> None:
    one = Sender(server, device)
    problem(one.append(0, DATA[:-1] + b"?", **{"Upload-Checksum": f"sha256 {b64(bytes.fromhex(SHA))}"}), 1303)
    assert one.at == 0
    assert one.append(0, DATA, "sha256").headers["jingtu-blob"] == SHA


@pytest.mark.parametrize(
    "said", ["md5 AAAA", "sha1", "sha1 AAAA", "sha256 ***", f"sha256 {b64(bytes(20))}", " ", "crc32 "]
)
def test_a_checksum_that_is_none(sender: Sender, said: str) -> None:
    problem(sender.append(0, b"x", **{"Upload-Checksum": said}), 1001)
    assert sender.at == 0


# --- what is whole ---------------------------------------------------------------------------------------------------


def test_more_than_was_announced_is_refused_before_it_is_written(server: Server, sender: Sender) -> None:
    sender.append(0, DATA[:100])
    problem(sender.append(100, DATA[100:] + b"x"), 1301)
    assert sender.at == 100 and sender.file.stat().st_size == 100
    with pytest.raises(Trouble) as told:  # nobody said how many would come
        work = server.service.append_to(server.auth.caller(sender.device.token), sender.id, 100, None, None)
        try:
            server.service.write_upload(work, DATA[100:])
            assert sender.file.stat().st_size == 300_000
            server.service.write_upload(work, b"x")
        finally:
            work.close()
    assert told.value.problem.number == 1301 and sender.at == 100
    assert sender.append(100, DATA[100:]).headers["jingtu-blob"] == SHA  # cut to what is known before that


def test_other_bytes_than_announced_are_not_kept(server: Server, sender: Sender) -> None:
    sender.append(0, DATA[:1000])
    problem(sender.append(1000, DATA[1000:-1] + bytes([DATA[-1] ^ 1])), 1306)
    assert not there(server, DATA) and left(server) == [] and server.sql("SELECT * FROM upload") == []
    assert server.sql("SELECT * FROM blob") == server.sql("SELECT * FROM blob_source") == []
    assert sender.stands().status_code == 410
    problem(sender.append(0, DATA), 1305)


def test_what_poses_as_a_picture_must_be_one(server: Server, device: Device) -> None:
    cut = picture("cut")[:-200]
    for name, data in (("a.jpg", b"<svg xmlns='x'/>"), ("a.bin", cut), ("报告.png", DATA), ("x.heic", b"....ftypheic")):
        body = problem(send(server.http, device.auth, data, server.field, name), 1307)
        assert any("\u4e00" <= c <= "\u9fff" for c in body["zh"]["title"].partition("：")[2])
        assert not there(server, data) and left(server) == []
    assert server.sql("SELECT * FROM upload") == []
    whole = picture("whole")
    assert send(server.http, device.auth, whole, server.field, "a.jpg").headers["jingtu-blob"] == sha(whole)
    assert server.sql("SELECT kind, exif FROM blob") == [("jpg", None)]


def test_the_same_file_again_mends_one_the_disk_has_damaged(server: Server, device: Device) -> None:
    send(server.http, device.auth, DATA, server.field)
    path = server.app.state.parts.files.path(SHA)
    path.write_bytes(DATA[:-1])
    assert server.http.head(f"{BLOBS}/{SHA}", headers=device.auth).status_code == 404  # so it is sent again
    assert send(server.http, device.auth, DATA, server.field).headers["jingtu-blob"] == SHA
    assert there(server, DATA) and server.http.head(f"{BLOBS}/{SHA}", headers=device.auth).status_code == 200


# --- one writer, and what is kept ------------------------------------------------------------------------------------


def test_one_writer_at_a_time(server: Server, sender: Sender) -> None:
    who = server.auth.caller(sender.device.token)
    work = server.service.append_to(who, sender.id, 0, None, None)
    answer = sender.append(0, DATA)
    problem(answer, 1304)
    assert answer.status_code == 423 and answer.headers["retry-after"] and sender.at == 0
    work.close()
    assert sender.append(0, DATA).headers["jingtu-blob"] == SHA


def test_what_was_not_committed_is_written_over(sender: Sender) -> None:
    """As a process leaves it that died between the bytes and their row."""
    sender.append(0, DATA[:1000])
    with sender.file.open("ab") as file:
        file.write(b"of a request that never ended" * 1000)
    assert sender.at == 1000
    assert sender.append(1000, DATA[1000:2000]).status_code == 204
    assert sender.file.read_bytes() == DATA[:2000]
    assert sender.append(2000, DATA[2000:]).headers["jingtu-blob"] == SHA


def test_what_came_of_a_cut_request_counts_unless_a_checksum_was_promised(server: Server, sender: Sender) -> None:
    service, who = server.service, server.auth.caller(sender.device.token)
    work = service.append_to(who, sender.id, 0, 200_000, None)
    service.write_upload(work, DATA[:1000])
    row = service.end_upload(work, DATA[1000:1500], cut=True)
    work.close()
    assert row is not None and row.stands_at == 1500 and sender.at == 1500
    promised = incoming.Checksum("sha1", hashlib.sha1(DATA[1500:]).digest())
    work = service.append_to(who, sender.id, 1500, 298_500, promised)
    with pytest.raises(Trouble, match="1001"):
        service.end_upload(work, DATA[1500:9000], cut=True)
    work.close()
    assert sender.at == 1500
    assert sender.append(1500, DATA[1500:]).headers["jingtu-blob"] == SHA


def test_a_long_request_is_kept_on_its_way(server: Server, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_server.service.uploads.STEP", 100_000)
    one, who = Sender(server, device), server.auth.caller(device.token)
    work = server.service.append_to(who, one.id, 0, 300_000, None)
    for n in range(5):
        server.service.write_upload(work, DATA[n * 50_000 : (n + 1) * 50_000])
    assert one.at == 200_000  # though nothing has ended yet
    work.close()
    assert one.append(200_000, DATA[200_000:]).headers["jingtu-blob"] == SHA


def test_the_offset_is_told_only_when_the_bytes_are_on_the_disk(
    server: Server, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fsync of the file before the commit of its offset; the blob's file, its folder and its name before its rows."""
    done: list[str] = []
    real, move, enter = os.fsync, Service._until, Service._enter
    names = lambda fd: Path(os.readlink(f"/proc/self/fd/{fd}")).name  # noqa: E731
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append(f"fsync {names(fd)}"), real(fd)))
    monkeypatch.setattr(Service, "_until", lambda self: (done.append("commit"), move(self))[1])
    monkeypatch.setattr(Service, "_enter", lambda self, row, kind: (done.append("rows"), enter(self, row, kind)))
    sender.append(0, DATA[:1000])
    assert done[:3] == [f"fsync {sender.id}", "fsync uploads", "commit"]
    done.clear()
    sender.append(1000, DATA[1000:])
    assert done == [f"fsync {sender.id}", "fsync blobs", f"fsync {server.folder.name}", f"fsync {SHA[:2]}", "rows"]


def test_a_disk_that_is_full_keeps_nothing_and_loses_nothing(
    server: Server, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.append(0, DATA[:1000])

    def full(*_: Any) -> int:
        raise OSError(ENOSPC, "no space")

    for module, name in ((os, "write"), (os, "fsync"), (os, "ftruncate"), (os, "replace")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, full)
            answer = sender.append(1000, DATA[1000:])
            problem(answer, 1102)
        assert sender.at == 1000 and not server.sql("SELECT * FROM blob"), name
    assert sender.append(1000, DATA[1000:]).headers["jingtu-blob"] == SHA
    assert there(server, DATA) and left(server) == []


def test_the_hash_of_what_came_is_made_once(server: Server, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """And never taken from memory for bytes that are not those of the database."""
    read: list[str] = []
    real = incoming.hash_of
    monkeypatch.setattr(incoming, "hash_of", lambda path: (read.append(path.name), real(path))[1])
    one = Sender(server, device)
    for at in range(0, 300_000, 100_000):
        one.append(at, DATA[at : at + 100_000], "sha1")
    assert there(server, DATA) and read == []
    two = Sender(server, device, DATA + b"2")
    two.append(0, two.data[:1000])
    server.service._sums[two.id] = (999, hashlib.sha256(b"other"))  # of another offset
    assert two.append(1000, two.data[1000:]).headers["jingtu-blob"] == sha(two.data)
    assert read == [two.id]
    assert not server.service._sums
    three = Sender(server, device, DATA + b"3")
    for at in range(SUMS + 10):
        server.service._sums[f"x{at}"] = (0, None)
    three.append(0, three.data[:10])
    assert len(server.service._sums) == SUMS


# --- over ------------------------------------------------------------------------------------------------------------


def test_when_it_ends_is_told_and_moved_by_every_piece(server: Server, sender: Sender) -> None:
    def until(answer: httpx.Response) -> float:
        return (parsedate_to_datetime(answer.headers["upload-expires"]) - server.clock.at).total_seconds() / 3600

    assert until(sender.made) == 1  # nothing has come to it yet
    server.clock.turn(minutes=30)
    sender.device.token = sender.device.new_token()
    assert until(sender.stands()) == 0.5
    assert until(sender.append(0, DATA[:10])) == 72
    server.clock.turn(hours=72, seconds=-1)
    sender.device.token = sender.device.new_token()
    assert sender.at == 10


def test_an_upload_that_ended_is_gone_and_takes_no_place(server: Server, device: Device) -> None:
    made = [Sender(server, device) for _ in range(64)]
    for one in made[:3]:
        one.append(0, DATA[:10])
    server.clock.turn(hours=1)
    device.token = device.new_token()
    assert [one.stands().status_code for one in made[1:6]] == [200, 200, 410, 410, 410]
    server.clock.turn(hours=71)
    device.token = device.new_token()
    assert all(one.stands().status_code == 410 for one in made[:5])
    problem(made[1].append(0, DATA), 1305)
    assert begin(server.http, device.auth, SHA, 9, server.field).status_code == 201
    assert server.service.clear_uploads() == 64
    assert len(left(server)) == 1 and len(server.sql("SELECT * FROM upload")) == 1


def test_uploads_that_ended_are_looked_for_now_and_then(
    server: Server, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.clock.turn(hours=73)
    sender.device.token = sender.device.new_token()
    begin(server.http, sender.device.auth, SHA, 9, server.field)
    assert len(left(server)) == 2
    monkeypatch.setattr(server.service, "_cleared", -1e9)
    begin(server.http, sender.device.auth, SHA, 9, server.field)
    assert len(left(server)) == 2 and sender.id not in left(server)


def test_a_writer_that_is_at_it_is_left_alone(server: Server, sender: Sender) -> None:
    work = server.service.append_to(server.auth.caller(sender.device.token), sender.id, 0, None, None)
    server.clock.turn(hours=73)
    server.service.clear_uploads()
    assert left(server) == [sender.id]
    work.close()


@pytest.mark.parametrize("id", ["x", "..", "%2e%2e%2fserver.db", "01a1fbd4-f500-7017-bf7e-a117c5871456", "{}", "%00"])
def test_what_is_no_upload(server: Server, device: Device, id: str) -> None:
    answer = append(server.http, device.auth, f"{BLOBS}/uploads/{id}", 0, b"x")
    if answer.json()["number"] not in (1005, 1006):  # more than one part, or less: no address at all
        problem(answer, 1305)
    assert stands(server.http, device.auth, f"{BLOBS}/uploads/{id}").status_code in (404, 405, 410)


def test_somebody_elses_upload_is_none(server: Server, sender: Sender) -> None:
    for who in (server.inspector, server.pm, server.stranger):
        other = Device(server, who)
        problem(append(server.http, other.auth, sender.there, 0, DATA), 1305)
        assert stands(server.http, other.auth, sender.there).status_code == 410
    own = Device(server, server.sampler)  # of the same person: goes on with it
    assert append(server.http, own.auth, sender.there, 0, DATA).headers["jingtu-blob"] == SHA


# --- after a crash ---------------------------------------------------------------------------------------------------


class Died(BaseException):
    """What a process that is killed runs no handler for."""


def restarted(server: Server) -> Service:
    service: Service = create_app(Settings(data=server.folder), server.clock).state.parts.service
    return service


def dies(*_: Any) -> None:
    raise Died


DEATHS: list[Callable[[pytest.MonkeyPatch], None]] = [
    lambda patch: patch.setattr("sync_server.service.uploads.mark_whole", dies),
    lambda patch: patch.setattr("sync_server.blobs.files.Files.take", dies),
    lambda patch: patch.setattr("sync_server.service.uploads.Uploads._enter", dies),
    lambda patch: patch.setattr("sync_server.store.Tx.add_blob_source", dies),
    lambda patch: patch.setattr("sync_server.service.uploads.Uploads._forget_sum", dies),
]


@pytest.mark.parametrize("death", range(len(DEATHS)))
@pytest.mark.parametrize("again", ["start", "request"])
def test_a_death_while_it_becomes_a_blob(
    server: Server, sender: Sender, monkeypatch: pytest.MonkeyPatch, death: int, again: str
) -> None:
    """Either the upload goes on where it was, or the blob is there, whole."""
    sender.append(0, DATA[:1000])
    with monkeypatch.context() as patch:
        DEATHS[death](patch)
        with pytest.raises(Died):
            sender.append(1000, DATA[1000:])
    if again == "start":
        restarted(server).store.close()
    told = sender.stands()
    if told.status_code == 200 and told.headers["upload-offset"] == "1000":
        assert not server.sql("SELECT * FROM blob")
        assert sender.append(1000, DATA[1000:]).headers["jingtu-blob"] == SHA
    elif again == "request" and death in (2, 3):  # the request itself found the file and its mark
        assert told.headers["upload-offset"] == "300000"
    else:
        assert told.status_code == 410
    assert there(server, DATA) and server.sql("SELECT count(*) FROM blob_source") == [(1,)]
    assert server.http.head(f"{BLOBS}/{SHA}", headers=sender.device.auth).status_code == 200
    if death != 4 or again == "start":
        server.service.settle_uploads()
    assert [name for name in left(server) if "whole" not in name] == []


def test_a_hash_alone_opens_nothing(server: Server, sender: Sender) -> None:
    """An upload that only names what somebody else has sent, and whose file went astray, is no proof of having it."""
    send(server.http, Device(server, server.pm).auth, DATA, server.field)
    sender.file.unlink()
    assert sender.at == 0
    assert server.http.head(f"{BLOBS}/{SHA}", headers=sender.device.auth).status_code == 404
    server.service.settle_uploads()
    assert server.sql("SELECT person FROM blob_source") == [(server.pm,)]
    assert sender.append(0, DATA).headers["jingtu-blob"] == SHA  # goes on all the same, from its first byte


def test_an_upload_whose_file_is_gone_begins_anew(sender: Sender) -> None:
    """A database restored beside an empty folder: what is said to be on the disk is not."""
    sender.append(0, DATA[:1000])
    sender.file.write_bytes(DATA[:999])
    assert sender.stands().status_code == 410
    problem(sender.append(1000, DATA[1000:]), 1305)
    sender.file.unlink()
    assert sender.stands().status_code == 410
    problem(sender.append(1000, DATA[1000:]), 1305)


def test_strays_go_when_they_are_old(server: Server, sender: Sender) -> None:
    old, fresh = sender.file.with_name(server.new_id()), sender.file.with_name(server.new_id())
    mark = sender.file.with_name(f"{server.new_id()}.whole")
    for path in (old, fresh, mark):
        path.write_bytes(b"x")
    for path in (old, mark, sender.file):
        os.utime(path, (1, 1))
    restarted(server).store.close()
    assert left(server) == sorted([fresh.name, sender.id])


def test_a_start_is_not_kept_by_a_full_disk(server: Server, sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    server.clock.turn(hours=80)

    def full(*_: Any) -> None:
        raise Trouble(1102)

    with monkeypatch.context() as patch:
        patch.setattr("sync_server.store.Tx.drop_upload", full)
        restarted(server).store.close()
    assert left(server) == [sender.id]
    restarted(server).store.close()
    assert left(server) == []


def test_a_restart_reads_the_file_again(server: Server, sender: Sender) -> None:
    """What a new process knows of the bytes it knows from the disk."""
    sender.append(0, DATA[:1000])
    damaged = bytes([DATA[0] ^ 1]) + DATA[1:1000]
    sender.file.write_bytes(damaged)
    service = restarted(server)
    work = service.append_to(server.auth.caller(sender.device.token), sender.id, 1000, None, None)
    with pytest.raises(Trouble, match="1306"):
        service.end_upload(work, DATA[1000:], cut=False)
    work.close()
    service.store.close()
    assert not server.sql("SELECT * FROM blob")


def test_a_row_says_all_of_an_upload(server: Server, sender: Sender) -> None:
    with server.service.store.reading() as tx:
        row = tx.upload(sender.id)
    until = server.service.now_ms() + EMPTY_MS
    assert row == UploadRow(
        sender.id, SHA, 300_000, 0, "笔记.txt", server.field, server.sampler, sender.device.enrolment, until,
        metadata(sha256=SHA, filename="笔记.txt", scope=server.field),
    )  # fmt: skip
    assert row is not None and sender.stands().headers["upload-metadata"] == row.metadata


def test_the_protocol_is_described_for_programs(server: Server) -> None:
    said = json.loads(server.http.get("/openapi.json").text)["paths"]
    assert {m for m in said[f"{BLOBS}/uploads/{{upload}}"]} == {"head", "patch"}
    assert {m for m in said[f"{BLOBS}/{{sha256}}"]} == {"get", "head"}
