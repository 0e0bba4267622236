"""Photos on the server through what happens to them later: an exchanged hash, a file the disk damaged or lost, crowds of readers."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image

from schemas.problems import Trouble
from sync_server.blobs import files
from sync_server.blobs.files import Files
from sync_server.blobs.tus import SHOWN
from sync_server.store import UploadRow
from tests.api.conftest import AT, Device, Server, outcomes, problem
from tests.api.test_blobs_seen import ask, sees, sha
from tests.api.tus import BLOBS, append, begin, picture, send, stands
from tests.sim.transport import served


def test_the_file_of_a_photo_is_not_exchanged(server: Server) -> None:
    """Else the first one would be named by nothing and shown to nobody, while its record looks as ever."""
    first, second, s = picture("first"), picture("second"), server
    mine, pm, record = Device(s, s.sampler), Device(s, s.pm), s.new_id()
    values = {"sha256": sha(first), "step": "point_before", "subject_kind": "site", "subject_id": s.site, "taken_at": AT,
              "source": "app_camera"}  # fmt: skip
    assert outcomes(mine.push([mine.change("photo", values, record)])) == ["applied"]
    for data in (first, second):
        send(s.http, mine.auth, data, s.field, "a.jpg")
    edits = [
        ({"sha256": sha(second)}, {"sha256": sha(first)}, "rejected"),
        ({"sha256": sha(second)}, {"sha256": sha(second)}, "rejected"),
        ({"caption": "北侧"}, {"caption": None}, "applied"),
        ({"deleted": True, "void_reason": "重拍"}, {"deleted": None, "void_reason": None}, "applied"),
    ]
    for after, before, became in edits:
        answer = mine.push([mine.change("photo", after, record, before)])
        assert outcomes(answer) == [became], (after, answer.json()["details"])
        if became == "rejected":
            assert answer.json()["details"][0]["problem"] == 3004
    assert sees(s, pm, first) and not sees(s, pm, second)


def test_a_thumbnail_is_made_anew_of_a_file_that_was_mended(server: Server, device: Device) -> None:
    data, s = picture("mended", 400, 300), server
    send(s.http, device.auth, data, s.field, "a.jpg")
    path = s.app.state.parts.files.path(sha(data))
    small = f"{BLOBS}/{sha(data)}/thumbnail"
    right = s.http.get(small, headers=device.auth).content
    path.write_bytes(bytes(len(data)))  # of the same length, and no picture
    problem(s.http.get(small, headers=device.auth), 1309)
    other = BytesIO()
    Image.new("RGB", (400, 300), "red").save(other, "JPEG")
    path.write_bytes(other.getvalue().ljust(len(data), b"\0")[: len(data)])
    assert s.http.get(small, headers=device.auth).content != right
    time.sleep(0.02)  # a file system tells the time in steps
    send(s.http, device.auth, data, s.field, "a.jpg")
    assert s.http.get(small, headers=device.auth).content == right


def test_what_a_lost_file_says_is_not_known(server: Server, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.service, "look_beside", lambda: None)
    monkeypatch.setattr(server.service._facts_reader, "look", lambda: None)
    data = picture("lost")
    send(server.http, device.auth, data, server.field, "a.jpg")
    path = server.app.state.parts.files.path(sha(data))
    kept = path.read_bytes()
    path.unlink()
    server.service.read_facts()
    assert server.sql("SELECT exif FROM blob") == [(None,)]
    path.write_bytes(kept)
    server.service._unreadable.clear()  # as the next process begins
    server.service.read_facts()
    assert server.sql("SELECT exif FROM blob") != [(None,)]


def test_a_folder_of_blobs_is_on_the_disk_before_a_file_in_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where somebody made it who died before its name was written."""
    data, synced = b"x", list[Path]()
    name = hashlib.sha256(data).hexdigest()
    (tmp_path / "blobs" / name[:2]).mkdir(parents=True)
    monkeypatch.setattr(files, "to_disk", lambda *paths: synced.extend(paths))
    (tmp_path / "new").write_bytes(data)
    Files(tmp_path / "blobs").take(tmp_path / "new", name)
    assert tmp_path / "blobs" in synced and synced[-1] == tmp_path / "blobs" / name[:2]


def test_uploads_nobody_heard_of_end_soon(server: Server, device: Device) -> None:
    """A line that swallows answers makes an upload with every try; they do not keep the photos waiting for days."""
    data = picture("kept")
    used = begin(server.http, device.auth, sha(data), len(data), server.field).headers["location"]
    append(server.http, device.auth, used, 0, data[:100])
    for _ in range(63):
        assert begin(server.http, device.auth, sha(data), len(data), server.field).status_code == 201
    problem(begin(server.http, device.auth, sha(data), len(data), server.field), 1311)
    server.clock.turn(hours=1, seconds=1)
    device.token = device.new_token()
    assert begin(server.http, device.auth, sha(data), len(data), server.field).status_code == 201
    assert stands(server.http, device.auth, used).headers["upload-offset"] == "100"


def test_whoever_looks_at_many_photos_keeps_nobody_from_syncing(
    server: Server, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, go, at_once, most = picture("many"), threading.Event(), 0, 0
    send(server.http, device.auth, data, server.field, "a.jpg")

    def slow(*_: object, **__: object) -> bytes:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        go.wait(20)
        at_once -= 1
        return b"\xff\xd8small\xff\xd9"

    monkeypatch.setattr(server.service.shelf.pictures, "thumbnail", slow)
    url, stop = served(server.app)
    try:
        with ThreadPoolExecutor(60) as many:
            small = f"{url}{BLOBS}/{sha(data)}/thumbnail"
            asked = [many.submit(httpx.get, small, headers=device.auth, timeout=30, trust_env=False) for _ in range(60)]
            time.sleep(0.5)
            began = time.monotonic()
            answer = httpx.head(f"{url}{BLOBS}/{sha(data)}", headers=device.auth, timeout=10, trust_env=False)
            took = time.monotonic() - began
            go.set()
            assert {a.result().status_code for a in asked} == {200}
    finally:
        go.set()
        stop()
    assert answer.status_code == 200 and took < 8 and most == SHOWN


def test_an_upload_that_came_to_nothing_leaves_no_mark(server: Server, device: Device) -> None:
    """The disk was full when the blob should have been made; then the rest was sent wrong."""
    data = picture("marked")
    there = begin(server.http, device.auth, sha(data), len(data), server.field).headers["location"]
    file = server.folder / "uploads" / there.rpartition("/")[2]
    file.with_name(f"{file.name}.whole").touch()
    problem(append(server.http, device.auth, there, 0, bytes(len(data))), 1306)
    assert list((server.folder / "uploads").iterdir()) == []
    assert ask(server, device.auth, data).status_code == 404


def test_a_file_left_by_an_upload_that_ended_in_the_middle_goes_while_the_server_runs(
    server: Server, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = picture("left")
    there = begin(server.http, device.auth, sha(data), len(data), server.field).headers["location"]
    file = server.folder / "uploads" / there.rpartition("/")[2]
    work = server.service.append_to(server.auth.caller(device.token), file.name, 0, None, None)
    server.clock.turn(hours=2)
    assert server.service.clear_uploads() == 1 and file.exists()
    work.close()
    os.utime(file, (1, 1))
    device.token = device.new_token()
    monkeypatch.setattr(server.service, "_cleared", -1e9)
    assert begin(server.http, device.auth, sha(data), len(data), server.field).status_code == 201
    assert not file.exists() and len(list(file.parent.iterdir())) == 1


def test_a_piece_for_an_upload_that_just_became_a_blob_leaves_no_file(server: Server, device: Device) -> None:
    data, service = picture("raced"), server.service
    there = begin(server.http, device.auth, sha(data), len(data), server.field).headers["location"]
    id, who, marked = there.rpartition("/")[2], server.auth.caller(device.token), service._finish_marked

    def between(row: UploadRow) -> bool:
        found = marked(row)
        with service.store.writing() as tx:  # the other one's last step
            tx.drop_upload(row.id)
        return found

    (server.folder / "uploads" / id).unlink()
    service._finish_marked = between  # type: ignore[method-assign]
    with pytest.raises(Trouble) as met:
        service.append_to(who, id, 0, None, None)
    assert met.value.problem.number == 1305 and list((server.folder / "uploads").iterdir()) == []
