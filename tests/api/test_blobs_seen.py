"""Photos and other files that are here: who may see one, how it is handed out, and what it says of itself."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Any

import httpx
import pytest
from PIL import Image

from schemas.problems import Trouble
from sync_server.blobs.beside import Beside
from sync_server.blobs.pictures import Pictures
from sync_server.main import create_app
from sync_server.settings import Settings
from tests.api.conftest import AT, Device, Server, outcomes, problem
from tests.api.tus import BLOBS, picture, send


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def ask(server: Server, auth: dict[str, str], data: bytes, method: str = "GET", **more: Any) -> httpx.Response:
    return server.http.request(method, f"{BLOBS}/{sha(data)}", headers=auth | more.pop("headers", {}), **more)


def sees(server: Server, device: Device, data: bytes, **params: str) -> bool:
    """By all three ways alike; who may not is told the same as of a file that never was."""
    answers = [ask(server, device.auth, data, m, params=params) for m in ("GET", "HEAD")]
    small = server.http.get(f"{BLOBS}/{sha(data)}/thumbnail", headers=device.auth, params=params)
    nothing = ask(server, device.auth, b"nothing of the kind", params=params)
    if answers[0].status_code == 200:
        assert answers[0].content == data and answers[1].status_code == small.status_code == 200
        return True
    for answer in (answers[0], small):
        problem(answer, 1309)
        ours, other = dict(answer.headers), dict(nothing.headers)
        assert (answer.content, ours) == (nothing.content, other)
    assert answers[1].status_code == 404
    return False


def name(server: Server, device: Device, data: bytes, scope: str | None = None) -> list[str]:
    """A photo record that names the file: what became of it."""
    subject = server.site if scope is None else ""
    values = {"sha256": sha(data), "step": "point_before", "subject_kind": "site", "subject_id": subject or server.site,
              "taken_at": AT, "source": "app_camera"}  # fmt: skip
    scope = scope or server.field
    return outcomes(device.push([device.change("photo", values, scope=scope)], scope))


# --- who -------------------------------------------------------------------------------------------------------------


def test_who_sees_a_photo_of_the_field(server: Server) -> None:
    data, s = picture("field"), server
    mine, other = Device(s, s.sampler), Device(s, s.sampler)
    s.service.grant(s.stranger, s.other, "sampler")
    people = {who: Device(s, getattr(s, who)) for who in ("inspector", "pm", "stranger")}
    second, auditor = s.service.new_id(), s.service.new_id()
    for person, role in ((second, "sampler"), (auditor, "auditor")):
        from sync_server.service import Write

        s.service.write(None, [Write("person", person, s.home, {"name": "人", "org_id": s.org, "duties": ["sampler"]})])
        s.service.grant(person, s.project, role)
        people[role] = Device(s, person)
    assert send(s.http, mine.auth, data, s.field, "a.jpg").status_code == 204
    assert sees(s, mine, data) and sees(s, other, data)  # who sent it, with whichever of the two tablets
    assert {who: sees(s, device, data) for who, device in people.items()} == dict.fromkeys(people, False)
    assert name(s, mine, data) == ["applied"]
    assert {who: sees(s, device, data) for who, device in people.items()} == {
        "inspector": True, "pm": True, "stranger": False, "sampler": True, "auditor": True
    }  # fmt: skip
    s.service.withdraw(second, s.project, "sampler")
    assert not sees(s, people["sampler"], data)
    s.service.withdraw(s.sampler, s.project, "sampler")
    assert sees(s, mine, data)  # it is this person's own


def test_naming_a_hash_in_a_record_of_ones_own_opens_nothing(server: Server) -> None:
    """The file was sent for another project; the hash leaked."""
    data, s = picture("secret"), server
    s.service.grant(s.stranger, s.other, "sampler")
    owner, thief = Device(s, s.stranger), Device(s, s.sampler)
    assert send(s.http, owner.auth, data, f"{s.other}.field", "a.jpg").status_code == 204
    assert name(s, thief, data) == ["applied"]
    assert not sees(s, thief, data) and sees(s, owner, data)
    assert (
        send(s.http, thief.auth, data, s.field, "b.jpg").status_code == 204
    )  # who has the bytes needs no right to them
    assert sees(s, thief, data)
    pm = Device(s, s.pm)
    assert sees(s, pm, data)
    shown = ask(s, pm.auth, data).headers["content-disposition"]
    assert "b.jpg" in shown and "a.jpg" not in shown  # not even its name over there


def test_a_record_that_is_parked_opens_nothing(server: Server) -> None:
    data, s = picture("parked"), server
    former = Device(s, s.former)
    s.service.withdraw(s.former, s.project, "sampler")
    assert send(s.http, former.auth, data, s.field, "a.jpg").status_code == 204
    assert name(s, former, data) == ["parked"]
    assert not sees(s, Device(s, s.pm), data)


def test_is_it_there_for_this_scope(server: Server) -> None:
    data, s = picture("scope"), server
    mine = Device(s, s.sampler)
    send(s.http, mine.auth, data, s.home, "a.jpg")
    assert sees(s, mine, data) and sees(s, mine, data, scope=s.home)
    assert not sees(s, mine, data, scope=s.field) and not sees(s, mine, data, scope="nothing")


def test_a_revoked_device_hears_of_its_own_and_gets_nothing(server: Server) -> None:
    data, others, s = picture("own"), picture("others"), server
    lost, spare = Device(s, s.sampler), Device(s, s.sampler)
    send(s.http, lost.auth, data, s.field, "a.jpg")
    send(s.http, spare.auth, others, s.field, "a.jpg")
    s.service.revoke(lost.enrolment)
    assert ask(s, lost.auth, data, "HEAD").status_code == 200
    assert ask(s, lost.auth, others, "HEAD").status_code == 404
    problem(ask(s, lost.auth, data), 2005)
    problem(ask(s, lost.auth, b"nothing"), 2005)
    problem(s.http.get(f"{BLOBS}/{sha(data)}/thumbnail", headers=lost.auth), 2005)
    assert sees(s, spare, data)  # the person's right is untouched


@pytest.mark.parametrize("said", ["x", "0" * 63, "0" * 65, "F" * 64, "..%2f..%2fserver.db", "uploads"])
def test_what_is_no_hash_is_nothing(server: Server, device: Device, said: str) -> None:
    answer = server.http.get(f"{BLOBS}/{said}", headers=device.auth)
    assert answer.status_code == 404 and answer.json()["number"] in (1005, 1309)


def test_looking_for_nothing_takes_as_many_questions(server: Server, device: Device) -> None:
    """What one must not see and what is not there are looked for alike."""
    from sqlalchemy import event

    data, s = picture("asked"), server
    s.service.grant(s.stranger, s.other, "sampler")
    send(s.http, Device(s, s.stranger).auth, data, f"{s.other}.field", "a.jpg")
    asked: list[str] = []
    event.listen(s.service.store.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    counts = []
    for what in (data, b"nothing"):
        asked.clear()
        problem(ask(s, device.auth, what), 1309)
        counts.append(list(asked))
    assert counts[0] == counts[1] and len(counts[0]) > 3


# --- how -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def note(server: Server, device: Device) -> bytes:
    data = b"<html><script>alert(1)</script>" + bytes(range(256)) * 100
    assert send(server.http, device.auth, data, server.field, "说明 1.html").status_code == 204
    return data


def test_no_browser_shows_it_as_a_page_of_ours(server: Server, device: Device, note: bytes) -> None:
    for method in ("GET", "HEAD"):
        answer = ask(server, device.auth, note, method)
        h = answer.headers
        assert h["content-type"] == "application/octet-stream" and h["x-content-type-options"] == "nosniff"
        assert h["content-disposition"] == (
            "attachment; filename=\"___1.html\"; filename*=UTF-8''%E8%AF%B4%E6%98%8E%201.html"
        )
        assert "sandbox" in h["content-security-policy"] and h["cache-control"] == "no-store"
        assert h["content-length"] == str(len(note)) and h["accept-ranges"] == "bytes"
        assert h["etag"] == f'"{sha(note)}"'
        assert answer.content == (note if method == "GET" else b"")


def test_pictures_say_what_they_are(server: Server, device: Device) -> None:
    for kind, type in (("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")):
        from io import BytesIO

        out = BytesIO()
        Image.linear_gradient("L").convert("RGB").resize((40, 30)).save(out, kind)
        data = out.getvalue()
        assert send(server.http, device.auth, data, server.field, "").status_code == 204
        answer = ask(server, device.auth, data)
        assert answer.headers["content-type"] == type and answer.content == data
        assert f"{sha(data)[:16]}." in answer.headers["content-disposition"]


def test_files_are_not_packed(server: Server, device: Device, note: bytes) -> None:
    answer = ask(server, device.auth, note, headers={"Accept-Encoding": "gzip, zstd"})
    assert "content-encoding" not in answer.headers and answer.content == note
    assert server.http.get("/api/v1/types", headers={"Accept-Encoding": "gzip"}).headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=10-19", 10, 19), ("bytes=25600-", 25600, 25630), ("bytes=-5", 25626, 25630),
     ("bytes=-99999", 0, 25630), ("bytes=25630-99999", 25630, 25630), ("bytes = 3 - 4", 3, 4)],
)  # fmt: skip
def test_a_part_of_it(server: Server, device: Device, note: bytes, asked: str, first: int, last: int) -> None:
    assert len(note) == 25_631
    answer = ask(server, device.auth, note, headers={"Range": asked})
    assert answer.status_code == 206 and answer.content == note[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/25631"
    assert answer.headers["content-length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=5-2", "lines=0-1", "bytes=", "bytes=x-", "bytes=-", "x"])
def test_what_is_no_single_range_gets_the_whole(server: Server, device: Device, note: bytes, asked: str) -> None:
    answer = ask(server, device.auth, note, headers={"Range": asked})
    assert answer.status_code == 200 and answer.content == note


@pytest.mark.parametrize("asked", ["bytes=25631-", "bytes=99999-100000", "bytes=-0"])
def test_a_part_that_is_not_there(server: Server, device: Device, note: bytes, asked: str) -> None:
    answer = ask(server, device.auth, note, headers={"Range": asked})
    problem(answer, 1313)
    assert answer.headers["content-range"] == "bytes */25631"


def test_only_what_changed_since(server: Server, device: Device, note: bytes) -> None:
    """Nothing ever changes: the hash is the tag."""
    tag = f'"{sha(note)}"'
    assert ask(server, device.auth, note, headers={"If-None-Match": tag}).status_code == 304
    part = {"Range": "bytes=0-9"}
    assert ask(server, device.auth, note, headers=part | {"If-Range": tag}).status_code == 206
    assert ask(server, device.auth, note, headers=part | {"If-Range": '"x"'}).status_code == 200


# --- small pictures, and what they say of themselves -----------------------------------------------------------------


def test_a_thumbnail_is_small_and_upright(server: Server, device: Device) -> None:
    from io import BytesIO

    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was held upright
    data = picture("turned", 900, 600, turned.tobytes())
    send(server.http, device.auth, data, server.field, "a.jpg")
    answer = server.http.get(f"{BLOBS}/{sha(data)}/thumbnail", headers=device.auth, params={"size": 300})
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    width, height = Image.open(BytesIO(answer.content)).size
    assert 200 <= height <= 400 and width < height


def test_what_is_no_picture_has_no_thumbnail(server: Server, device: Device, note: bytes) -> None:
    problem(server.http.get(f"{BLOBS}/{sha(note)}/thumbnail", headers=device.auth), 1309)
    answer = server.http.get(f"{BLOBS}/{sha(note)}/thumbnail", headers=device.auth, params={"size": 0})
    problem(answer, 1001)


def dated(tag: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2026:11:20 09:30:00"
    exif.get_ifd(0x8769)[0x9011] = "+08:00"
    exif[0x0110] = "C1"
    return picture(tag, exif=exif.tobytes())


def test_what_a_picture_says_of_itself_is_read_beside(
    server: Server, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.service._facts_reader.patience_s = 0.0
    data, asked = dated("beside"), threading.Event()
    real = Pictures.facts

    def slow(self: Pictures, path: Any) -> dict[str, Any]:
        assert asked.wait(20)
        return real(self, path)

    monkeypatch.setattr(Pictures, "facts", slow)
    assert send(server.http, device.auth, data, server.field, "a.jpg").status_code == 204  # nobody waits for it
    assert server.sql("SELECT exif FROM blob") == [(None,)]
    asked.set()
    until = time.monotonic() + 20
    while (said := server.sql("SELECT exif FROM blob")[0][0]) is None and time.monotonic() < until:
        time.sleep(0.02)
    assert said and "2026-11-20" in said


def test_what_was_left_unread_is_read_at_the_next_start(server: Server, device: Device) -> None:
    files = [dated(str(n)) for n in range(3)]
    server.service.rest()  # died just then
    for data in files:
        send(server.http, device.auth, data, server.field, "a.jpg")
    assert server.sql("SELECT count(*) FROM blob WHERE exif IS NULL") == [(3,)]
    service = create_app(Settings(data=server.folder), server.clock).state.parts.service
    service._facts_reader.patience_s = 0.0
    service.look_beside()
    until = time.monotonic() + 20
    while server.sql("SELECT count(*) FROM blob WHERE exif IS NULL") != [(0,)] and time.monotonic() < until:
        time.sleep(0.02)
    assert server.sql("SELECT count(*) FROM blob WHERE exif LIKE ?", "%2026-11-20%") == [(3,)]
    service.rest()
    service.store.close()


def test_one_that_cannot_be_read_keeps_nobody_from_the_others(
    server: Server, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.service.rest()
    good, bad = dated("good"), dated("bad")
    for data in (bad, good):
        send(server.http, device.auth, data, server.field, "a.jpg")
    real = Pictures.facts

    def facts(self: Pictures, path: Any) -> dict[str, Any]:
        if path.name == sha(bad):
            raise OSError("gone")
        return real(self, path)

    monkeypatch.setattr(Pictures, "facts", facts)
    assert server.service.read_facts() == 2
    assert server.service.read_facts() == 0  # this process does not try it again
    assert server.sql("SELECT sha256 FROM blob WHERE exif IS NULL") == [(sha(bad),)]


def test_work_beside_goes_on_and_ends() -> None:
    done, more = [], threading.Semaphore(3)

    def work() -> bool:
        done.append(1)
        if len(done) == 2:
            raise Trouble(1102)
        return more.acquire(blocking=False)

    beside = Beside(work, 0.0)
    for _ in range(4):
        beside.look()
        until = time.monotonic() + 10
        while beside.under_way and time.monotonic() < until:
            time.sleep(0.005)
        assert not beside.under_way
    assert len(done) >= 5
    beside.rest()
    beside.look()
    assert not beside.under_way


def test_how_many_files_of_a_scope_are_here(server: Server, device: Device) -> None:
    files = [picture(f"n{n}") for n in range(3)]
    for data in (*files, files[0]):
        assert name(server, device, data) == ["applied"]
    send(server.http, device.auth, files[0], server.field, "a.jpg")
    send(server.http, device.auth, files[1], server.home, "a.jpg")  # for another scope
    with server.service.store.reading() as tx:
        assert tx.media_of(server.field) == (3, 1)
        assert tx.media_of(server.home) == (0, 0)
        assert set(tx.blobs_named([sha(f) for f in files])) == {sha(f) for f in files[:2]}
