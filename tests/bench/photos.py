"""A hundred photos of two megabytes, from a tablet's folder to a server that has them for good; and with every upload cut once."""

from __future__ import annotations

import io
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import httpcore
import httpx
from PIL import Image

from field_app.store import Edit
from schemas.wire import BLOBS
from tests.bench import bare_put
from tests.bench import ground as g
from tests.bench.client import Client
from tests.bench.figures import Figures, figure
from tests.bench.outside import watching

COUNT, SIZE = 100, 2_000_000
AT = "2026-11-21T10:00:00+08:00"
Tell = Callable[[str], None]


def photos(folder: Path, repeat: int, tell: Tell, count: int = COUNT, size: int = SIZE) -> Figures:
    """photos_100x2mb, photos_cut: the records are on the server; from the first question to the last photo acknowledged and noted.

    Limit: the same files, one after the other over a connection that is kept, read, hashed and PUT to bare_put.py. That of
    photos_cut: the same, each cut once after a random byte, and then sent again from the start. `ratio_uncut`: to the first."""
    tell(f"准备 {count} 张照片 / making {count} photos")
    files, scene = folder / "photos", folder / "scene"
    ground = g.found(scene)
    shas = _pictures(files, count, size)
    code = g.code_for(ground, ground.people[0])
    with g.served(ground.server) as (address, _):
        client = Client(scene / "tablet", address)
        client.enrol(code)
        client.syncer.run()
        client.finalize([_record(client, ground, sha) for sha in shas])
        with client.session() as syncer:
            syncer._push(ground.scope)
        client.close()
    runs: dict[str, list[dict[str, Any]]] = {"photos_100x2mb": [], "photos_cut": []}
    limits: dict[str, list[float]] = {name: [] for name in runs}
    for n in range(repeat):
        for name, ran in runs.items():
            cut = name == "photos_cut"
            limits[name].append(_limit(folder, files, random.Random(n) if cut else None))
            ran.append(_once(scene, files, shas, cut=random.Random(n) if cut else None))
        tell(f"{n + 1}/{repeat}: " + ", ".join(f"{k} {v[-1]['seconds'] / limits[k][-1]:.1f}×" for k, v in runs.items()))
    traced = _once(scene, files, shas, traced=True)
    out: Figures = {}
    for name, ran in runs.items():
        more = (
            {
                "sent_again_chunks_per_cut": max(r["again"] for r in ran),
                "cuts": ran[-1]["cuts"],
                "ratio_uncut": median(r["seconds"] for r in ran) / median(limits["photos_100x2mb"]),
            }
            if name == "photos_cut"
            else {}
        )
        out[name] = figure(
            [r["seconds"] for r in ran], limits[name], count, [r["wire_bytes"] for r in ran],
            traced["fsyncs"] if name != "photos_cut" else None, round_trips=ran[-1]["round_trips"], **more,
        )  # fmt: skip
    return out


def _pictures(folder: Path, count: int, size: int) -> list[str]:
    """JPEGs with as much in them as a camera's, all of one size and no two alike: a comment makes the difference."""
    folder.mkdir()
    noise = Image.frombytes("RGB", (400, 300), random.Random(1).randbytes(400 * 300 * 3))
    side, data = 800, b""
    while len(data) < size * 0.9:
        out = io.BytesIO()
        noise.resize((side, side * 3 // 4)).save(out, "JPEG", quality=90)
        if len(out.getvalue()) > size - 100:
            break
        data, side = out.getvalue(), side + 100
    shas = []
    for n in range(count):
        left, parts = size - len(data), b""
        while left > 0:
            take = left if left <= 60_000 else min(60_000, left - 100)
            parts += b"\xff\xfe" + (take - 2).to_bytes(2, "big") + f"{n:06}".encode().ljust(take - 4, b"\x01")
            left -= take
        whole = data[:2] + parts + data[2:]
        shas.append(sha256(whole).hexdigest())
        (folder / f"{shas[-1]}.jpg").write_bytes(whole)
    return shas


def _record(client: Client, ground: g.Ground, sha: str) -> Edit:
    values = {"sha256": sha, "step": "other", "subject_kind": "site", "subject_id": ground.places.site, "taken_at": AT,
              "source": "app_camera"}  # fmt: skip
    return Edit("photo", client.store.new_id(), ground.scope, values)


# --- the limit -------------------------------------------------------------------------------------------------------


def _limit(folder: Path, files: Path, cut: random.Random | None) -> float:
    kept, port = folder / "bare", g.free_port()
    kept.mkdir()
    process = g.FORKS.Process(target=bare_put.serve, args=(port, str(kept)), daemon=True)
    process.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            _until_it_answers(http)
            return g.timed(lambda: [_put(http, path, cut) for path in sorted(files.iterdir())])
    finally:
        process.terminate()
        process.join(60)
        shutil.rmtree(kept)


def _put(http: httpx.Client, path: Path, cut: random.Random | None) -> None:
    data = path.read_bytes()
    address = f"/{sha256(data).hexdigest()}"
    if cut is not None:
        with suppress(_Cut):
            http.put(address, content=_part(data, cut.randrange(SIZE)), headers={"Content-Length": str(len(data))})
    if http.put(address, content=data).status_code != 204:
        raise RuntimeError("the bare server took something else")


class _Cut(Exception):
    """The line goes dead."""


def _part(data: bytes, until: int) -> Iterator[bytes]:
    yield data[:until]
    raise _Cut


def _until_it_answers(http: httpx.Client) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            http.get("/")
            return
        except httpx.HTTPError:
            if time.monotonic() > end:
                raise RuntimeError("the bare server did not start") from None
            time.sleep(0.02)


# --- what is measured ------------------------------------------------------------------------------------------------


def _once(
    scene: Path, files: Path, shas: list[str], cut: random.Random | None = None, traced: bool = False
) -> dict[str, Any]:
    with g.copied(scene) as here, g.served(here / "server") as (address, pid):
        (here / "tablet" / "photos").symlink_to(files)
        client = Client(here / "tablet", address)
        line = Cutting(cut)
        client.counter._real = line
        with client.session() as syncer:
            who, made = client.store.keys.require(), client.store.made()
            before, requests = client.counter.bytes, client.counter.requests
            with watching([pid] if traced else []) as watch, line.patching(client):
                seconds = g.timed(lambda: syncer._send_photos([who], made))
        media = client.store.media()
        if (media.total, media.there) != (len(shas), len(shas)) or any(
            not _whole(here / "server", sha) for sha in shas
        ):
            raise RuntimeError(f"not all arrived: {media}")
        client.close()
        size = sum(p.stat().st_size for p in files.iterdir())
        return {"seconds": seconds, "wire_bytes": client.counter.bytes - before, "cuts": line.cuts,
                "round_trips": client.counter.requests - requests, "fsyncs": watch.syncs and watch.syncs.all,
                "again": (line.sent - size) / line.whole_chunks if line.cuts else 0.0}  # fmt: skip


def _whole(server: Path, sha: str) -> bool:
    return sha256((server / "blobs" / sha[:2] / sha).read_bytes()).hexdigest() == sha


class Cutting(httpcore.NetworkBackend):
    """Sockets on which each upload's connection dies once, after a random one of its bytes. `sent`: bytes of chunks that went out;
    `whole_chunks`: what all chunks that were cut hold together."""

    def __init__(self, rng: random.Random | None) -> None:
        self._real, self._rng = httpcore.SyncBackend(), rng
        self.sent = self.cuts = self.whole_chunks = 0
        self._left: dict[str, int] = {}  # of each upload: bytes until the cut; gone once it was
        self._upload: str | None = None
        self._done: set[str] = set()

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _Line(self._real.connect_tcp(*args, **kwargs), self)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    @contextmanager
    def patching(self, client: Client) -> Iterator[None]:
        """Know which request is on its way."""
        real = client.syncer._transport
        assert real is not None
        ask = real.handle_request

        def seen(request: httpx.Request) -> httpx.Response:
            self._upload = (
                request.url.path if request.method == "PATCH" and request.url.path.startswith(BLOBS) else None
            )
            return ask(request)

        real.handle_request = seen  # type: ignore[method-assign]
        yield

    def written(self, real: httpcore.NetworkStream, buffer: bytes, timeout: float | None) -> None:
        upload = self._upload
        if upload is None or buffer.startswith(b"PATCH "):
            real.write(buffer, timeout)
            return
        if self._rng is not None and upload not in self._done:
            left = self._left.setdefault(upload, self._rng.randrange(SIZE))
            if left < len(buffer):
                self._done.add(upload)
                self.sent, self.cuts, self.whole_chunks = (
                    self.sent + left,
                    self.cuts + 1,
                    self.whole_chunks + len(buffer),
                )
                real.write(buffer[:left], timeout)
                real.close()
                raise httpcore.WriteError("cut")
            self._left[upload] = left - len(buffer)
        self.sent += len(buffer)
        real.write(buffer, timeout)


class _Line(httpcore.NetworkStream):
    def __init__(self, real: httpcore.NetworkStream, line: Cutting) -> None:
        self._real, self._line = real, line
        self.close, self.get_extra_info, self.read = real.close, real.get_extra_info, real.read  # type: ignore[method-assign]

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._line.written(self._real, buffer, timeout)
