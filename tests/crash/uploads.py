"""A server that is killed in the middle of uploads: six files of 12 MB on their way, one after another, over real sockets.

What counts as acknowledged is what arrived: an offset, the hash of a file that is in. After every death the data is looked at with
nobody else at it: what the database says is on the disk must be there, byte for byte, and no file may be there but whole.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx

from sync_server.main import service_of
from tests.api.conftest import Device
from tests.api.tus import APPENDS, BLOBS, SPEAKS, b64, begin, picture, stands
from tests.crash.full import _Remote
from tests.crash.nursery import Child, Nursery, pause
from tests.crash.server import STARTING_S, free_port
from tests.crash.site import Site, want

SIZE = 12_000_000
FILES = 6
PIECES = (64 << 10, 1 << 20, 4 << 20, SIZE)  # bytes somebody sends at a time


class File:
    """One file until it is in, and then another one; as a client that remembers nothing but the address of its upload."""

    def __init__(self, run: Uploads, number: int) -> None:
        self.run, self.rng = run, random.Random(f"{run.seed}/{number}")
        self.number, self.rounds, self.there = number, 0, ""
        self.acknowledged = 0  # of the upload that is on its way
        self.begun: set[str] = set()  # hashes
        self.stored: set[str] = set()  # of which it was acknowledged that the file is in
        self._next()

    def _next(self) -> None:
        """A picture, or what is none; no two alike."""
        self.rounds += 1
        if self.number % 2:
            head = picture(f"{self.number}/{self.rounds}/{self.run.seed}", 800, 600)
            self.data = head[:2] + _comments(self.rng, SIZE - len(head)) + head[2:]
        else:
            self.data = self.rng.randbytes(SIZE)
        self.name = "照片.jpg" if self.number % 2 else "a.bin"
        self.sha = hashlib.sha256(self.data).hexdigest()
        self.begun.add(self.sha)
        self.there, self.acknowledged = "", 0

    def work(self, http: httpx.Client) -> None:
        """One request, or a few."""
        device = self.run.device
        known = http.head(f"{BLOBS}/{self.sha}", headers=device.auth, params={"scope": self.run.site.field})
        if known.status_code == 200:
            self.stored.add(self.sha)
            self._next()
        if not self.there:
            made = begin(http, device.auth, self.sha, SIZE, self.run.site.field, self.name)
            want(made.status_code == 201, f"announcing was answered {made.status_code} {made.text}")
            self.there = made.headers["location"]
        told = stands(http, device.auth, self.there)
        if told.status_code == 410:  # it was in already, or is to begin anew: the next look tells
            want(self.acknowledged == 0 or self._is_in(http), "an upload of which something was acknowledged is gone")
            self.there, self.acknowledged = "", 0
            return
        at = int(told.headers["upload-offset"])
        want(at >= self.acknowledged, f"{self.acknowledged} were acknowledged, {at} are said to be there")
        size = self.rng.choice(PIECES)
        piece = self.data[at : at + size]
        said = {"Upload-Offset": str(at)}
        if self.rng.random() < 0.6:
            said["Upload-Checksum"] = f"sha1 {b64(hashlib.sha1(piece).digest())}"
        self.run.pieces.release()
        answer = http.patch(self.there, content=piece, headers=SPEAKS | APPENDS | device.auth | said)
        if answer.status_code == 423:  # what is left of a request that was cut
            pause(0.01)
            return
        want(answer.status_code == 204, f"a piece was answered {answer.status_code} {answer.text[:200]}")
        self.acknowledged = int(answer.headers["upload-offset"])
        want(self.acknowledged == at + len(piece), "a piece was kept in part, and acknowledged")
        if self.acknowledged == SIZE:
            want(answer.headers["jingtu-blob"] == self.sha, "another file is said to be in")
            self.stored.add(self.sha)
            self._next()

    def _is_in(self, http: httpx.Client) -> bool:
        return http.head(f"{BLOBS}/{self.sha}", headers=self.run.device.auth).status_code == 200


def _comments(rng: random.Random, size: int) -> bytes:
    """So many bytes of comment segments, which a picture may hold before its frame."""
    out = bytearray()
    while size - len(out) > 65_537 + 4:
        out += b"\xff\xfe\xff\xff" + rng.randbytes(65_533)
    left = size - len(out) - 4
    return bytes(out + b"\xff\xfe" + (left + 2).to_bytes(2, "big") + rng.randbytes(left))


class Uploads:
    def __init__(self, folder: Path, nursery: Nursery, seed: int, fault: str = "") -> None:
        self.rng, self.seed, self.nursery, self.fault = random.Random(f"uploads {seed}"), seed, nursery, fault
        self.seen: set[str] = set()  # files that were looked at, whole
        self.site, self.port = Site(folder / "server"), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.pieces, self.stop = threading.Semaphore(0), threading.Event()
        self.failed: list[BaseException] = []
        self.figures = {"kills": 0, "mid_file": 0}
        self.child = self._start()
        remote = _Remote(self.site, self.url)
        self.device = Device(remote, self.site.samplers[0])  # type: ignore[arg-type]
        remote.http.close()
        remote.service.store.close()
        self.files = [File(self, n) for n in range(FILES)]

    def _start(self) -> Child:
        child = self.nursery.start(
            "tests.crash.server:serve", str(self.site.settings.data), self.port, fault=self.fault
        )
        until = time.monotonic() + STARTING_S
        while time.monotonic() < until and not child.ended:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/api/v1/me", timeout=30, trust_env=False).status_code == 401:
                    return child
            pause(0.01)
        raise AssertionError(f"the server did not start: {child.said()}")

    def _repeat(self, file: File) -> None:
        try:
            with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as http:
                while not self.stop.is_set():
                    file.work(http)
        except httpx.TransportError:
            pass  # gone
        except BaseException as err:
            self.failed.append(err)
        finally:
            self.pieces.release(10)

    def _sending(self) -> list[threading.Thread]:
        self.stop.clear()
        threads = [threading.Thread(target=self._repeat, args=(f,), daemon=True) for f in self.files]
        for thread in threads:
            thread.start()
        return threads

    def die(self) -> None:
        while self.pieces.acquire(blocking=False):
            pass
        threads = self._sending()
        for _ in range(self.rng.randint(FILES, 3 * FILES)):
            self.pieces.acquire(timeout=60)
        pause(self.rng.choice([self.rng.uniform(0, 0.01), self.rng.uniform(0, 0.1)]))
        self.child.kill()
        self.stop.set()
        for thread in threads:
            thread.join(120)
        if self.failed:
            raise self.failed[0]
        self.figures["kills"] += 1
        self.figures["mid_file"] += any(self._on_disk(f) > 0 for f in self.files)

    def _on_disk(self, file: File) -> int:
        path = self.site.settings.data / "uploads" / file.there.rpartition("/")[2]
        return path.stat().st_size if path.is_file() else 0

    def check(self) -> None:
        service = service_of(self.site.settings)
        try:
            with service.store.reading() as tx:
                uploads = tx.uploads()
                files = service.shelf.files
                rows = tx.blobs_named(files.all())
                in_rows = {r for (r,) in tx.conn.exec_driver_sql("SELECT sha256 FROM blob")}
                sent = {r for (r,) in tx.conn.exec_driver_sql("SELECT sha256 FROM blob_source")}
        finally:
            service.store.close()
        want(in_rows == set(rows) == sent, "a file is said to be in that is not, or nobody sent it")
        there = set(files.all())
        want(there <= {sha for f in self.files for sha in f.begun}, "a file is there that nobody sent")
        for sha in there - self.seen:
            want(hashlib.sha256(files.path(sha).read_bytes()).hexdigest() == sha, f"{sha} is there, and not whole")
        self.seen = there
        for file in self.files:
            want(file.stored <= in_rows, "a file that was acknowledged is gone")
        data_of = {f.sha: f.data for f in self.files}
        for row in uploads:
            path = service.shelf.uploads / row.id
            data = data_of.get(row.sha256)
            if data is None:  # announced twice; the other one came through
                continue
            lies = path.read_bytes() if path.is_file() else b""
            if not path.is_file() and files.has(row.sha256):  # it became the blob; its rows come at the next start
                continue
            want(len(lies) >= row.stands_at, f"{row.stands_at} bytes are said to be on the disk, there are {len(lies)}")
            want(lies[: row.stands_at] == data[: row.stands_at], "what is said to be on the disk is something else")

    def restart(self) -> None:
        self.child = self._start()

    def finish(self) -> dict[str, int]:
        """Undisturbed, the six come through; and once more all is looked at."""
        last = [(f, f.sha) for f in self.files]
        threads = self._sending()
        until = time.monotonic() + 120
        while time.monotonic() < until and not self.failed and not all(sha in f.stored for f, sha in last):
            pause(0.02)
        self.stop.set()
        for thread in threads:
            thread.join(120)
        if self.failed:
            raise self.failed[0]
        want(all(sha in f.stored for f, sha in last), "a file does not come through though nobody dies any more")
        self.child.kill()
        self.seen = set()
        self.check()
        return {**self.figures, "files": sum(len(f.stored) for f in self.files)}

    def close(self) -> None:
        self.stop.set()
        if not self.child.ended:
            self.child.kill()


def run(folder: Path, nursery: Nursery, kills: int, seed: int, fault: str = "") -> dict[str, int]:
    began = time.monotonic()
    life = Uploads(folder, nursery, seed, fault)
    try:
        for _ in range(kills):
            life.die()
            life.check()
            life.restart()
        done = life.finish()
    finally:
        life.close()
    want(
        done["mid_file"] * 2 >= kills, f"only {done['mid_file']} of {kills} deaths were in mid-file: this showed little"
    )
    return {**done, "ms": int((time.monotonic() - began) * 1000)}


__all__ = ["Uploads", "run"]
