"""The photos' lane, step by step: the shipped store, syncer and server, with a wire between that notes every request and may answer
in the server's place."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from field_app import pin, rescue
from field_app.device_db import MIGRATIONS
from field_app.store import Edit, Media, Store
from field_app.sync import Progress, Syncer, SyncResult
from field_app.sync.pieces import CHUNK_S, Chunks
from schemas.problems import PROBLEMS, Trouble
from schemas.wire import BLOBS, LEAST_CHUNK, MOST_CHUNK, STORED
from tests.api.conftest import AT
from tests.api.test_shared_tablet import Site, shared, site
from tests.photo_files import keep, picture

assert site  # the fixture
Answer = Callable[[httpx.Request], httpx.Response | None]
OURS = {"jingtu-protocol": "1"}


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "N", 2**4)


def refused(request: httpx.Request, number: int, **extra: Any) -> httpx.Response:
    words = {"why": "x", "limit": 1, "size": 1, "offset": 0, "version": "1", **extra}
    headers = {**OURS, "content-type": "application/problem+json"}
    body = {**Trouble(number, **words).body(), **extra}
    return httpx.Response(PROBLEMS[number].status, json=body, headers=headers, request=request)


class Wire(httpx.BaseTransport):
    """Notes what goes out; `answer` may cut it, or answer in the server's place."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner
        self.asked: list[httpx.Request] = []
        self.answer: Answer = lambda request: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        return self.answer(request) or self.inner.handle_request(request)

    def close(self) -> None:
        """httpx closes its transport after every client."""

    def said(self, method: str) -> list[httpx.Request]:
        return [r for r in self.asked if r.method == method and r.url.path.startswith(BLOBS)]

    @property
    def sent(self) -> int:
        return sum(len(r.content) for r in self.said("PATCH"))


class Desk:
    """A tablet of the sampler Li."""

    def __init__(self, site: Site, name: str = "desk", person: str = "") -> None:
        self.site, self.wire, self.n = site, Wire(site.net), 0
        self.folder = site.folder / name
        self.store = Store(self.folder)
        self.syncer = Syncer(self.store, self.wire, lambda _: None)
        self.syncer.enrol("http://sim", site.code(person or site.li), "平板")

    def shoot(self, size: int = 2000, scope: str = "", data: bytes | None = None) -> str:
        self.n += 1
        sha = keep(self.folder, data or picture(self.n, size))
        self.record(sha, scope)
        return sha

    def record(self, sha: str, scope: str = "") -> str:
        edit = photo_of(self.store, self.site, sha, scope)
        self.store.finalize([edit], complete=False)
        return edit.record

    def run(self, answer: Answer | None = None) -> SyncResult:
        self.wire.answer, self.wire.asked = answer or (lambda request: None), []
        return self.syncer.run()

    def there(self, sha: str) -> bool:
        return bool(self.site.app.state.parts.files.has(sha))

    def reopen(self) -> None:
        self.store.close()
        self.store = Store(self.folder)
        self.syncer = Syncer(self.store, self.wire, lambda _: None)


def photo_of(store: Store, site: Site, sha: str, scope: str = "") -> Edit:
    values = {"sha256": sha, "step": "other", "subject_kind": "site", "subject_id": site.site, "taken_at": AT,
              "source": "app_camera"}  # fmt: skip
    return Edit("photo", store.new_id(), scope or site.field, values)


@pytest.fixture
def desk(site: Site) -> Iterator[Desk]:
    made = Desk(site)
    yield made
    made.store.close()


def is_patch(request: httpx.Request) -> bool:
    return request.method == "PATCH"


def numbers(result: SyncResult) -> list[int]:
    assert result.problems == []
    return [t.problem.number for t in result.photo_problems]


# --- what is owed ----------------------------------------------------------------------------------------------------


def test_photos_of_finalized_records_go_and_drafts_do_not(desk: Desk) -> None:
    sha = desk.shoot()
    drafted = keep(desk.folder, picture(90))
    desk.store.save_draft("photo", desk.store.new_id(), desk.site.field, {"sha256": drafted})
    seen: list[Progress] = []
    result = desk.syncer.run(seen.append)
    assert result.problems == [] and result.photos == 1 and desk.there(sha) and not desk.there(drafted)
    assert desk.store.media() == Media(1, 1)
    phases = [p.phase for p in seen]
    assert phases.index("photos") > max(n for n, p in enumerate(phases) if p != "photos")  # behind all records
    assert (desk.folder / "photos" / f"{sha}.jpg").exists()  # nothing is ever removed


def test_a_later_edit_of_a_photos_record_owes_nothing_more(desk: Desk) -> None:
    record = desk.record(desk.shoot())
    desk.run()
    seen = desk.store.get("photo", record)
    assert seen is not None
    desk.store.finalize([Edit("photo", record, seen.scope, {**seen.values, "caption": "井口"})], complete=False)
    assert desk.run().photos == 0 and desk.wire.said("HEAD") == [] and desk.store.media() == Media(1, 1)


def test_small_ones_first_and_the_server_is_asked_before_anything_is_sent(desk: Desk) -> None:
    sizes = (300_000, 2000, 90_000)
    by_size = dict(zip(sizes, map(desk.shoot, sizes), strict=True))
    assert numbers(desk.run()) == []
    asked = [r.url.path.rpartition("/")[2] for r in desk.wire.said("HEAD")]
    assert asked == [by_size[s] for s in sorted(sizes)]
    assert [int(r.headers["upload-length"]) for r in desk.wire.said("POST")] == sorted(sizes)
    assert desk.wire.sent == sum(sizes)
    assert desk.run().photos == 0 and desk.wire.said("HEAD") == []  # known for good


def test_what_is_there_already_is_not_sent(desk: Desk, site: Site) -> None:
    sha = desk.shoot()
    desk.run()
    other = Desk(site, "other", site.li)
    other.shoot(data=(desk.folder / "photos" / f"{sha}.jpg").read_bytes())
    assert numbers(other.run()) == [] and other.wire.said("POST") == [] and other.store.media() == Media(1, 1)
    other.store.close()


def test_the_same_photo_in_two_scopes_is_owed_to_both(site: Site) -> None:
    wang = Desk(site, "wang", site.wang)
    sha = wang.shoot()
    wang.record(sha, site.enforcement)
    assert wang.store.media() == Media(1, 0, 1)
    assert numbers(wang.run()) == [] and len(wang.wire.said("POST")) == 2 and wang.store.media() == Media(1, 1)
    wang.store.close()


def test_photos_of_before_the_update_are_owed(tmp_path: Path, site: Site) -> None:
    one = Desk(site)
    sha = one.shoot()
    one.store.close()
    with closing(sqlite3.connect(one.folder / "tablet.db")) as db:
        db.executescript(
            "DROP TABLE blob; DROP TABLE directory; ALTER TABLE granted DROP COLUMN reads; ALTER TABLE ahead DROP COLUMN own;"
            " PRAGMA user_version=3;"
        )
    assert len(MIGRATIONS) >= 4
    one.reopen()
    assert [o.sha256 for o in one.store.owed(site.li)] == [sha] and one.run().photos == 1
    one.store.close()


def test_everybody_on_the_tablet_sends_under_an_own_name_and_who_is_locked_waits(site: Site) -> None:
    store, syncer, li, wang = shared(site)
    sent: list[tuple[str, str]] = []
    names = {store.keys.identities[e].person: n for e, n in ((li, "li"), (wang, "wang"))}
    for n, who in enumerate((li, wang)):
        store.turn(who)
        sha = keep(store.folder, picture(n))
        store.finalize([photo_of(store, site, sha)], complete=False)
    store.keys.set_pin(li, "135790")
    store.turn(wang)
    store.close()
    store = Store(site.folder / "shared")  # after a start everybody's key is locked who has a PIN
    syncer = Syncer(store, site.net, lambda _: None)
    result = syncer.run()
    assert result.photos == 1 and store.media() == Media(2, 1, 1, 1)
    assert store.keys.unlock(li, "135790")
    store.turn(li)
    assert syncer.run().photos == 1 and store.media() == Media(2, 2)
    with site.service.store.reading() as tx:
        for row in (o for p in names for o in store._rows("SELECT sha256 FROM blob WHERE person=?", p)):
            sent += [(names[s.person], row[0]) for s in tx.blob_sources(row[0])]
    assert sorted(n for n, _ in sent) == ["li", "wang"]
    store.close()


def test_a_device_that_was_revoked_still_hands_its_photos_in(desk: Desk, site: Site) -> None:
    desk.run()
    sha = desk.shoot()
    site.service.revoke(desk.store.keys.require().enrolment, site.pm)
    result = desk.run()
    assert (
        [t.problem.number for t in result.problems] == [2005] and desk.there(sha) and desk.store.media() == Media(1, 1)
    )


# --- cut, and gone on ------------------------------------------------------------------------------------------------


def test_after_a_cut_it_goes_on_where_the_server_is(desk: Desk) -> None:
    desk.syncer.steady = iter(range(10**6)).__next__  # every chunk takes a second
    sha, cuts = desk.shoot(900_000), [1, 3]
    patches = 0

    def cut(request: httpx.Request) -> httpx.Response | None:
        nonlocal patches
        if is_patch(request):
            patches += 1
            if patches in cuts:
                raise httpx.WriteError("cut", request=request)
        return None

    assert numbers(desk.run(cut)) == [] and desk.there(sha)
    lost = sum(len(r.content) for n, r in enumerate(desk.wire.said("PATCH"), 1) if n in cuts)
    assert desk.wire.sent == 900_000 + lost and len(desk.wire.said("POST")) == 1


def test_a_lost_answer_costs_a_question(desk: Desk) -> None:
    desk.shoot()

    def lost(request: httpx.Request) -> httpx.Response | None:
        if is_patch(request):
            desk.wire.inner.handle_request(request)
            raise httpx.ReadTimeout("lost", request=request)
        return None

    assert numbers(desk.run(lost)) == [] and desk.wire.sent == 2000 and desk.store.media() == Media(1, 1)


def test_killed_in_the_middle_it_goes_on_from_the_noted_upload(desk: Desk) -> None:
    sha = desk.shoot(500_000)

    def die(request: httpx.Request) -> httpx.Response | None:
        if is_patch(request):
            desk.wire.inner.handle_request(request)
            raise KeyboardInterrupt  # nothing of the app may catch this
        return None

    with pytest.raises(KeyboardInterrupt):
        desk.run(die)
    had = desk.wire.sent
    desk.reopen()
    assert numbers(desk.run()) == [] and desk.there(sha)
    assert had + desk.wire.sent == 500_000 and desk.wire.said("POST") == []


def test_a_dead_line_ends_the_lane_and_says_so_apart_from_the_records(desk: Desk) -> None:
    desk.shoot(), desk.shoot()

    def dead(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.startswith(BLOBS):
            raise httpx.ConnectTimeout("dead", request=request)
        return None

    result = desk.run(dead)
    assert result.problems == [] and result.reached and numbers(result) == [5004]
    assert len(desk.wire.said("HEAD")) == 4 and desk.store.media() == Media(2, 0, 2)


@pytest.mark.parametrize("status", [200, 204, 302])
def test_a_sign_in_page_is_no_server(desk: Desk, status: int) -> None:
    sha = desk.shoot()
    page = {"Upload-Offset": "2000", STORED: sha, "ETag": f'"{sha}"', "Location": f"{BLOBS}/uploads/1"}
    for method in ("HEAD", "POST", "PATCH"):

        def portal(request: httpx.Request, method: str = method) -> httpx.Response | None:
            mine = request.method == method and request.url.path.startswith(BLOBS)
            return httpx.Response(status, headers=page, request=request) if mine else None

        assert numbers(desk.run(portal)) == [5020] and not desk.there(sha) and desk.store.media().there == 0
    assert numbers(desk.run()) == [] and desk.there(sha)


def test_an_upload_that_is_over_is_begun_anew(desk: Desk, site: Site) -> None:
    sha = desk.shoot(500_000)
    desk.run(lambda r: refused(r, 1101) if is_patch(r) else None)
    assert desk.store.owed(site.li)[0].url and desk.store.media().waiting == 1
    with site.service.store.writing() as tx:
        for row in tx.uploads():
            tx.drop_upload(row.id)
    assert numbers(desk.run()) == [] and desk.there(sha) and len(desk.wire.said("POST")) == 1


def test_another_offset_is_taken_from_the_server(desk: Desk) -> None:
    sha, at = desk.shoot(400_000), 100_000

    def ahead(request: httpx.Request) -> httpx.Response | None:
        if is_patch(request) and request.headers["upload-offset"] == "0":
            headers = {k: v for k, v in request.headers.items() if k not in ("upload-checksum", "content-length")}
            part = httpx.Request("PATCH", request.url, headers=headers, content=request.content[:at])
            assert desk.wire.inner.handle_request(part).status_code == 204  # what came of an earlier connection
        return None

    assert numbers(desk.run(ahead)) == [] and desk.there(sha)
    assert [int(r.headers["upload-offset"]) for r in desk.wire.said("PATCH")][:2] == [0, at]


def test_a_chunk_that_was_damaged_on_its_way_goes_again(desk: Desk) -> None:
    sha, hurt = desk.shoot(), []

    def flip(request: httpx.Request) -> httpx.Response | None:
        if is_patch(request) and not hurt:
            hurt.append(1)
            body = bytes([request.content[0] ^ 1]) + request.content[1:]
            return desk.wire.inner.handle_request(
                httpx.Request("PATCH", request.url, headers=request.headers, content=body)
            )
        return None

    assert numbers(desk.run(flip)) == [] and desk.there(sha) and len(desk.wire.said("PATCH")) == 2


def test_one_that_somebody_else_sends_waits_and_the_others_go(desk: Desk) -> None:
    held, free = desk.shoot(2000), desk.shoot(3000)
    busy = lambda r: refused(r, 1304) if is_patch(r) and len(r.content) == 2000 else None  # noqa: E731
    assert numbers(desk.run(busy)) == [1304] and desk.there(free) and not desk.there(held)
    assert numbers(desk.run()) == [] and desk.there(held)


def test_too_many_unfinished_uploads_only_hold_up_new_ones(desk: Desk) -> None:
    begun = desk.shoot(500_000)
    desk.run(lambda r: refused(r, 1101) if is_patch(r) else None)
    fresh = desk.shoot(2000)
    full = lambda r: refused(r, 1311) if r.method == "POST" and r.url.path == BLOBS else None  # noqa: E731
    assert numbers(desk.run(full)) == [1311] and desk.there(begun) and not desk.there(fresh)
    assert numbers(desk.run()) == [] and desk.there(fresh)


def test_a_proxy_with_a_limit_of_its_own_gets_smaller_chunks(desk: Desk) -> None:
    sha = desk.shoot(900_000)
    small = lambda r: httpx.Response(413, request=r) if is_patch(r) and len(r.content) > 70_000 else None  # noqa: E731
    assert numbers(desk.run(small)) == [] and desk.there(sha)


# --- what a server does not take -------------------------------------------------------------------------------------


def test_a_refused_one_is_told_with_its_words_and_holds_up_nobody(desk: Desk, site: Site) -> None:
    bad, good = desk.shoot(data=b"\xff\xd8\xff" + bytes(900)), desk.shoot(3000)
    assert numbers(desk.run()) == [] and desk.there(good) and not desk.there(bad)
    assert desk.store.media() == Media(2, 1, refused=1)
    (one,) = desk.store.troubled(site.li)
    assert (
        (one.state, one.problem) == ("refused", 1307) and one.said["zh"].startswith("文件没有收下：") and one.said["en"]
    )
    assert desk.run().photos == 0 and desk.wire.said("HEAD") == []  # not again by itself
    desk.store.photos_again(site.li)
    assert desk.store.media() == Media(2, 1, 1)
    desk.run()
    assert len(desk.wire.said("POST")) == 1 and desk.store.media() == Media(2, 1, refused=1)


def test_a_damaged_file_is_not_sent_and_said(desk: Desk, site: Site) -> None:
    sha = desk.shoot(9000)
    path = desk.folder / "photos" / f"{sha}.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[:4000] + b"?" + whole[4001:])
    assert numbers(desk.run()) == [] and desk.wire.said("POST") == [] and desk.store.media() == Media(1, 0, damaged=1)
    assert [o.state for o in desk.store.troubled(site.li)] == ["damaged"]
    path.write_bytes(whole)
    assert numbers(desk.run()) == [] and desk.store.media() == Media(1, 1)


def test_a_server_that_got_other_bytes_makes_us_look_at_our_own(desk: Desk) -> None:
    sha = desk.shoot(9000)
    path = desk.folder / "photos" / f"{sha}.jpg"
    whole, no = path.read_bytes(), lambda r: refused(r, 1306) if is_patch(r) else None
    assert numbers(desk.run(no)) == [1306] and desk.store.media() == Media(1, 0, 1)  # ours is whole: later again

    def rots(request: httpx.Request) -> httpx.Response | None:
        if is_patch(request):
            path.write_bytes(bytes(9000))
        return no(request)

    desk.run(rots)
    assert desk.store.media() == Media(1, 0, damaged=1)
    path.write_bytes(whole)
    assert numbers(desk.run()) == [] and desk.there(sha)


def test_a_photo_whose_file_is_not_here_is_told_and_goes_once_it_is(desk: Desk, site: Site) -> None:
    data = picture(7, 4000)
    sha = desk.shoot(data=data)
    path = desk.folder / "photos" / f"{sha}.jpg"
    path.unlink()
    assert numbers(desk.run()) == [] and desk.store.media() == Media(1, 0, missing=1)
    assert [o.state for o in desk.store.troubled(site.li)] == ["missing"]
    other = Desk(site, "old", site.li)  # the old tablet has it
    other.shoot(data=data)
    other.run()
    assert numbers(desk.run()) == [] and desk.store.media() == Media(1, 1)
    other.store.close()


def test_of_many_without_a_file_each_sync_asks_about_some(desk: Desk, site: Site) -> None:
    for n in range(30):
        desk.record(f"{n:064x}")
    desk.run()
    assert desk.store.media() == Media(30, 0, missing=30)
    asked: set[str] = set()
    for _ in range(2):
        assert numbers(desk.run()) == [] and len(desk.wire.said("HEAD")) == 20
        asked |= {r.url.path for r in desk.wire.said("HEAD")}
    assert len(asked) == 30


def test_one_that_the_server_fails_over_does_not_hold_up_the_others_for_ever(desk: Desk) -> None:
    poison, *others = [desk.shoot(2000 + n) for n in range(3)]
    fails = lambda r: httpx.Response(500, headers=OURS, request=r) if is_patch(r) and len(r.content) == 2000 else None  # noqa: E731
    desk.run(fails), desk.run(fails)
    assert all(map(desk.there, others)) and not desk.there(poison)
    assert numbers(desk.run()) == [] and desk.there(poison)


def test_without_a_right_photos_wait_and_say_so(desk: Desk, site: Site) -> None:
    sha = desk.shoot()
    no = lambda r: refused(r, 2004) if r.method == "POST" and r.url.path == BLOBS else None  # noqa: E731
    assert numbers(desk.run(no)) == [2004] and desk.store.media() == Media(1, 0, 1)
    assert [o.problem for o in desk.store.troubled(site.li)] == [2004]
    assert numbers(desk.run()) == [] and desk.there(sha) and desk.store.troubled(site.li) == []


def test_an_older_server_takes_no_photos_and_all_records(desk: Desk) -> None:
    desk.shoot(), desk.shoot()
    older = lambda r: refused(r, 1005) if r.url.path.startswith(BLOBS) else None  # noqa: E731
    assert numbers(desk.run(older)) == [1005] and len(desk.wire.said("POST")) == 1
    assert desk.store.media() == Media(2, 0, 2) and desk.store.counts()["pending"] == 0


# --- a server that was restored --------------------------------------------------------------------------------------


def test_after_a_restore_everything_is_asked_about_again_and_only_what_is_lost_is_sent(desk: Desk, site: Site) -> None:
    kept, lost = desk.shoot(), desk.shoot()
    desk.run()
    desk.store.new_epoch("another")
    assert desk.store.media() == Media(2, 0, 2)
    with site.service.store.writing() as tx:
        tx.conn.exec_driver_sql("DELETE FROM blob_source WHERE sha256=?", (lost,))
        tx.conn.exec_driver_sql("DELETE FROM blob WHERE sha256=?", (lost,))
    assert numbers(desk.run()) == [] and desk.store.media() == Media(2, 2)
    asked = [r.url.path.rpartition("/")[2] for r in desk.wire.said("HEAD")]
    assert {kept, lost} <= set(asked) and len(desk.wire.said("POST")) == 1


# --- records first, others let in, a person stops --------------------------------------------------------------------


def test_what_is_recorded_meanwhile_goes_before_the_next_chunk(desk: Desk, site: Site) -> None:
    desk.syncer.steady = iter(range(10**6)).__next__
    sha = desk.shoot(3_000_000)
    noted, order = [], list[str]()

    def meanwhile(request: httpx.Request) -> httpx.Response | None:
        order.append("push" if request.url.path.endswith("/push") else request.method)
        if is_patch(request) and len(noted) < 2:
            noted.append(site.note(desk.store, f"第 {len(noted)} 条"))
            order.append("noted")
        return None

    assert numbers(desk.run(meanwhile)) == [] and desk.there(sha) and desk.store.counts()["pending"] == 0
    for n, what in enumerate(order):
        if what == "noted":
            assert next(w for w in order[n + 1 :] if w in ("push", "PATCH")) == "push"
    assert order.count("PATCH") > 2 and desk.wire.sent == 3_000_000  # a pause is no cut


def test_a_person_stops_and_it_goes_on_the_next_time(desk: Desk) -> None:
    desk.syncer.steady = iter(range(10**6)).__next__
    sha = desk.shoot(900_000)

    def stop(request: httpx.Request) -> httpx.Response | None:
        if is_patch(request):
            desk.syncer.stop()
        return None

    result = desk.run(stop)
    assert result.stopped and result.problems == [] and numbers(result) == [] and len(desk.wire.said("PATCH")) == 1
    had = desk.wire.sent
    assert numbers(desk.run()) == [] and desk.there(sha) and had + desk.wire.sent == 900_000


def test_a_long_lane_lets_in_who_wants_to_ask_something(desk: Desk) -> None:
    desk.syncer.steady = iter(range(10**6)).__next__
    sha, asking = desk.shoot(900_000), list[threading.Thread]()
    answered: list[str] = []

    def ask() -> None:
        with pytest.raises(Trouble):  # there is no such conflict
            desk.syncer.conflict("01a00000-0000-7000-8000-000000000000")
        answered.append("patches so far: " + str(len(desk.wire.said("PATCH"))))

    def meanwhile(request: httpx.Request) -> httpx.Response | None:
        if is_patch(request) and not asking:
            asking.append(threading.Thread(target=ask))
            asking[0].start()
            while not desk.syncer._turn.wanted:
                pass
        return None

    assert numbers(desk.run(meanwhile)) == [] and desk.there(sha)
    asking[0].join()
    assert answered == ["patches so far: 1"] and desk.wire.sent == 900_000


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_chunks_take_a_few_seconds_whatever_the_line() -> None:
    for rate in (5_000, 40_000, 300_000, 20_000_000):
        chunks = Chunks(256 << 10)
        for _ in range(12):
            chunks.arrived(chunks.size, chunks.size / rate)
        assert LEAST_CHUNK <= chunks.size <= MOST_CHUNK and chunks.size % LEAST_CHUNK == 0
        took = chunks.size / rate
        assert 2 <= took <= 5 or chunks.size in (LEAST_CHUNK, MOST_CHUNK) or abs(took - CHUNK_S) * rate <= LEAST_CHUNK
    chunks.failed()
    assert chunks.size == MOST_CHUNK // 2
    chunks.arrived(chunks.size, 0.01)
    assert chunks.size == MOST_CHUNK // 2 + LEAST_CHUNK  # only slowly up again
    for _ in range(9):
        chunks.failed()
    assert chunks.size == LEAST_CHUNK


def test_a_sync_begins_with_the_size_the_last_one_learnt(desk: Desk) -> None:
    desk.syncer.steady = iter(range(0, 10**6, 30)).__next__  # a very slow line
    desk.shoot(300_000)
    desk.run()
    assert desk.store.meta("photo_chunk") == str(LEAST_CHUNK)
    desk.reopen()
    desk.shoot(300_001)
    desk.run()
    assert {len(r.content) for r in desk.wire.said("PATCH")[:-1]} == {LEAST_CHUNK}


# --- what else knows of it -------------------------------------------------------------------------------------------


def test_a_bundle_takes_along_what_is_not_there_yet(desk: Desk) -> None:
    there = desk.shoot()
    desk.run()
    left = desk.shoot(9000)
    desk.run(lambda r: refused(r, 1101) if r.method == "POST" and r.url.path == BLOBS else None)
    assert desk.store.counts()["pending"] == 0
    assert set(rescue.survey(desk.store).photos) == {left}
    assert set(rescue.survey(desk.store, whole=True).photos) == {there, left}
    assert rescue.facts(desk.store)["photos"]["waiting"] == 1
