"""Photos over a line that does its worst, with the app killed between any two steps. Whatever the seed: in the end every photo is on
the server, whole; none is sent again once the server said that it is there; at most one chunk is sent again for each cut; and what
is recorded meanwhile never waits for more than the chunk that is on its way."""

from __future__ import annotations

import random
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from field_app.store import Store
from field_app.sync import Syncer
from schemas.wire import BLOBS, STORED
from tests.api.test_shared_tablet import Site
from tests.photo_files import keep, picture
from tests.sim.dying import DyingDb, Killed
from tests.sim.planted import PHOTOS, planted
from tests.sim.tablet import MEMORY
from tests.unit.test_photo_lane import photo_of

FAULTS = ("lose", "cut", "lose_answer", "portal", "repeat", "late", "flip", "gateway", "kill")
SIZES = (900, 5_000, 66_000, 140_000, 300_000)


class Line(httpx.BaseTransport):
    """What lies between; `share` of the requests about photos meet a fault. Counts what a tablet sent, and what that cost."""

    def __init__(self, site: Site, rng: random.Random, share: float) -> None:
        self.site, self.rng, self.share = site, rng, share
        self.late: list[httpx.Request] = []
        self.met: Counter[str] = Counter()
        self.sent = self.allowed = 0  # bytes that went out; those that a fault may make go out again
        self.acknowledged: set[tuple[str, str]] = set()  # (hash, scope) that an answer said
        self.begun: Counter[tuple[str, str]] = Counter()
        self.meanwhile: Callable[[httpx.Request], None] = lambda request: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.meanwhile(request)
        if not request.url.path.startswith(BLOBS):
            return self.site.net.handle_request(request)
        if self.late and self.rng.random() < 0.3:
            self._through(self.late.pop())
        if request.method == "PATCH":
            self.sent += len(request.content)
        if self.rng.random() >= self.share:
            return self._through(request)
        fault = self.rng.choice(FAULTS)
        self.met[fault] += 1
        if request.method == "PATCH" and fault != "repeat":
            self.allowed += len(request.content)
        return self._faulty(request, fault)

    def _faulty(self, request: httpx.Request, fault: str) -> httpx.Response:
        if fault == "lose":
            raise httpx.ConnectTimeout("lost", request=request)
        if fault == "cut":
            at = self.rng.randrange(len(request.content) + 1)
            self._through(request, cut=at)
            raise httpx.WriteError("cut", request=request)
        if fault == "portal":
            headers = {"Upload-Offset": request.headers.get("upload-offset", "0"), "Location": f"{BLOBS}/uploads/hotel"}
            return httpx.Response(self.rng.choice([200, 204]), headers=headers, request=request)
        if fault == "gateway":
            return httpx.Response(502, html="<h1>Bad gateway</h1>", request=request)
        if fault == "late":
            self.late.append(request)
            raise httpx.ReadTimeout("stuck", request=request)
        if fault == "flip" and request.content:
            at = self.rng.randrange(len(request.content))
            body = bytearray(request.content)
            body[at] ^= 1 << self.rng.randrange(8)
            return self._through(
                httpx.Request(request.method, request.url, headers=request.headers, content=bytes(body))
            )
        if fault == "repeat":
            self._through(request)
            return self._through(request)
        answer = self._through(request)
        if fault == "lose_answer":
            raise httpx.ReadTimeout("answer lost", request=request)
        if fault == "kill":
            raise Killed
        return answer

    def _through(self, request: httpx.Request, cut: int | None = None) -> httpx.Response:
        more = {} if cut is None else {"extensions": {"cut": cut}}
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=request.content, **more)
        answer = self.site.net.handle_request(copy)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.read(), request=request)

    def close(self) -> None:
        """httpx closes its transport after every client."""


class World:
    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.site, self.folder = Site(folder), folder / "tablet"
        self.line = Line(self.site, random.Random(f"{seed}/line"), 0.0)
        self.line.meanwhile = self._meanwhile
        self.ticks = random.Random(f"{seed}/clock")
        self.at = 0.0
        self.store = Store(self.folder)
        self._open()
        self.syncer.enrol("http://sim", self.site.code(self.site.li), "平板")
        self.syncer.run()
        self.shot: dict[str, bytes] = {}
        self.noted = self.waiting = self.stopping = 0

    def _open(self) -> None:
        self.store._db = DyingDb(self.store._db)  # type: ignore[assignment]
        self.syncer = Syncer(self.store, self.line, lambda _: None)
        self.syncer.steady = self._steady

    def _steady(self) -> float:
        self.at += self.ticks.choice([0.1, 1.0, 3.0, 9.0])
        return self.at

    def shoot(self) -> None:
        data = picture(len(self.shot), self.rng.choice(SIZES) + self.rng.randrange(50))
        sha = keep(self.folder, data)
        self.shot[sha] = data
        self.store.finalize([photo_of(self.store, self.site, sha)], complete=False)

    def _meanwhile(self, request: httpx.Request) -> None:
        """Somebody goes on working between two requests."""
        path = request.url.path
        if path.endswith("/push"):
            self.waiting = 0
        elif request.method == "PATCH":
            assert not self.waiting, "a record waited for a photo"
        if path.startswith(BLOBS) and self.noted < 12 and self.rng.random() < 0.08:
            self.site.note(self.store, f"第 {self.noted} 条")
            self.noted, self.waiting = self.noted + 1, 1
        if path.startswith(BLOBS) and self.line.share and self.rng.random() < 0.02:
            self.syncer.stop()

    def sync(self) -> None:
        db = self.store._db
        assert isinstance(db, DyingDb)
        if self.line.share and self.rng.random() < 0.4:
            db.die_in(self.rng.randrange(60))
        try:
            result = self.syncer.run()
            assert result.problems == [], result.problems
        except Killed:
            self.store.close()
            self.waiting = 0  # a new process begins with the records anyway
            self.store = Store(self.folder)
            self._open()
        else:
            db.die_in(None)

    def restored(self) -> None:
        """The server comes back from a backup that does not know of some photos."""
        lost = self.rng.sample(sorted(self.shot), self.rng.randint(1, len(self.shot)))
        parts = self.site.app.state.parts
        with self.site.service.store.writing() as tx:
            for sha in lost:
                for table in ("blob_source", "blob"):
                    tx.conn.exec_driver_sql(f"DELETE FROM {table} WHERE sha256=?", (sha,))
        for sha in lost:
            parts.files.path(sha).unlink()
        self.store.new_epoch("of the backup")
        self.line.allowed += sum(len(self.shot[sha]) for sha in lost)

    def check(self) -> None:
        files = self.site.app.state.parts.files
        for sha in self.shot:
            assert files.has(sha), f"{sha[:8]} is not on the server"
            with files.open(sha) as file:
                assert sha256(file.read()).hexdigest() == sha
        whole = sum(map(len, self.shot.values()))
        assert self.line.sent <= whole + self.line.allowed, (
            f"{self.line.sent - whole} sent again, {self.line.allowed} excused"
        )
        media = self.store.media()
        assert (media.total, media.there) == (len(self.shot), len(self.shot)), media
        with self.site.service.store.reading() as tx:
            assert tx.media_of(self.site.field) == (media.total, media.there)

    def close(self) -> None:
        self.store.close()
        self.site.close()


def live(folder: Path, seed: int) -> Counter[str]:
    w = World(folder, seed)
    try:
        watched = Watch(w)
        w.line.share = w.rng.choice([0.2, 0.35, 0.5])
        for _ in range(w.rng.randint(5, 9)):
            w.shoot()
        for _ in range(10):
            w.sync()
            if w.rng.random() < 0.3:
                w.shoot()
        w.line.share = 0.0
        while w.line.late:
            w.line._through(w.line.late.pop())
        for _ in range(3):
            w.sync()
        w.check()
        watched.check()
        w.restored()
        for _ in range(2):
            w.sync()
        w.check()
        asked = w.line.sent
        w.sync()
        assert w.line.sent == asked
        return w.line.met
    finally:
        w.close()


class Watch:
    """Nothing is begun for a photo that the tablet has heard to be there."""

    def __init__(self, w: World) -> None:
        self.heard: set[str] = set()
        self.again: list[str] = []
        real = w.line.handle_request

        def looked_at(request: httpx.Request) -> httpx.Response:
            if request.method == "POST" and request.url.path == BLOBS:
                self.again += [s for s in self.heard if s in _named(request)]
            answer = real(request)
            if sha := answer.headers.get(STORED):
                self.heard.add(sha)
            return answer

        w.line.handle_request = looked_at  # type: ignore[method-assign]

    def check(self) -> None:
        assert self.again == []


def _named(request: httpx.Request) -> str:
    return b64decode(request.headers["upload-metadata"].split(",")[0].split()[1]).decode()


@pytest.fixture
def place() -> Iterator[Path]:
    """Real files, but none that wear a disk."""
    with TemporaryDirectory(prefix="jingtu-photos-", dir=MEMORY) as folder:
        yield Path(folder)


@pytest.mark.parametrize("first", range(0, 12, 4))
def test_every_photo_arrives_whole(place: Path, first: int) -> None:
    met: Counter[str] = Counter()
    for seed in range(first, first + 4):
        folder = place / str(seed)
        folder.mkdir()
        met += live(folder, seed)
    assert set(met) == set(FAULTS), met


@pytest.mark.parametrize("name", list(PHOTOS))
def test_is_noticed(place: Path, name: str) -> None:
    with planted(name):
        for seed in range(12):
            folder = place / str(seed)
            folder.mkdir()
            try:
                live(folder, seed)
            except AssertionError:
                return
    pytest.fail(f"not noticed: {name}")
