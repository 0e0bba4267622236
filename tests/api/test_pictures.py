"""Received pictures on the server: what is taken as one, and the process that opens them, which nothing a picture does may take down
for long, make large, or keep busy.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from schemas.rules.picture import MOST_BYTES, NotAPicture
from sync_server.blobs import pictures as module
from sync_server.blobs.pictures import NoAnswer, Pictures
from tests.unit import pictures as made

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture
def pictures(tmp_path: Path) -> Iterator[Pictures]:
    found = Pictures(tmp_path / "cache")
    yield found
    found.close()


def put(folder: Path, data: bytes, name: str = "photo.jpg") -> tuple[Path, str]:
    sha = hashlib.sha256(data).hexdigest()
    path = folder / f"{sha[:12]}-{name}"
    path.write_bytes(data)
    return path, sha


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data))


def peak_mb(pid: int | str) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


# --- what is taken ------------------------------------------------------------------------------------------------------


def test_a_picture_is_told_by_its_bytes_or_name(pictures: Pictures, tmp_path: Path) -> None:
    jpeg = made.jpeg()
    for name in ("a.jpg", "a.png", "a.txt", "a", "照片.heic"):  # it is what it is, whatever its name
        found = pictures.check(put(tmp_path, jpeg, "x")[0], name)
        assert found is not None and (found.kind, found.width, found.height) == ("jpg", 96, 72)
    other = put(tmp_path, made.PDF, "x")[0]
    assert pictures.check(other, "report.pdf") is None
    for name in ("a.jpg", "a.JPEG ", "a.svg", "a.heic"):
        with pytest.raises(NotAPicture, match="kind"):
            pictures.check(other, name)
    for data, why in ((b"", "empty"), (jpeg[:-9], "broken"), (jpeg + made.archive(), "more")):
        with pytest.raises(NotAPicture, match=why):
            pictures.check(put(tmp_path, data, "x")[0], "a.txt")


def test_two_gigabytes_are_not_even_read(pictures: Pictures, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as f:
        f.write(made.jpeg())
        f.truncate(2 << 30)
    before = time.perf_counter()
    with pytest.raises(NotAPicture, match="bytes"):
        pictures.check(path, "a.jpg")
    with pytest.raises(NotAPicture, match="bytes"):
        pictures.check(path, "a.bin")  # looks like one
    with path.open("r+b") as f:
        f.write(made.box(b"ftyp", b"isom\0\0\0\0"))
    assert pictures.check(path, "film.mp4") is None
    assert time.perf_counter() - before < 0.5
    path.open("wb").truncate(MOST_BYTES)  # at the limit it is looked at
    with pytest.raises(NotAPicture, match="kind"):
        pictures.check(path, "a.jpg")


# --- thumbnails and facts -------------------------------------------------------------------------------------------------


def turned() -> bytes:
    """Stored lying on its side: red is on top once it is upright."""
    picture = Image.new("RGB", (800, 600), "blue")
    picture.paste("red", (0, 0, 100, 600))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif[0x8769] = {0x9003: "2026:09:21 08:00:00", 0x9011: "+08:00"}
    return made.saved(picture, exif=exif)


def test_a_thumbnail_is_small_upright_and_made_once(pictures: Pictures, tmp_path: Path) -> None:
    path, sha = put(tmp_path, turned())
    data = pictures.thumbnail(path, sha, 390)
    found = opened(data)
    assert found.size == (300, 400) and found.format == "JPEG"
    red, blue = found.getpixel((150, 10)), found.getpixel((150, 390))
    assert isinstance(red, tuple) and isinstance(blue, tuple) and red[0] > 200 > blue[0] and blue[2] > 200
    pictures.close()
    path.unlink()
    assert pictures.thumbnail(path, sha, 400) == data and pictures.worker is None  # kept: nobody was asked
    (kept,) = (tmp_path / "cache").rglob("*.jpg")
    kept.write_bytes(kept.read_bytes()[:100])  # half of it is on the disk: as good as nothing
    path.write_bytes(turned())
    assert pictures.thumbnail(path, sha, 400) == data


def test_the_worker_leaves_no_compiled_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of one, as a full disk leaves it, would keep every process after it from starting."""
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "compiled"))
    path, sha = put(tmp_path, made.jpeg())
    pictures = Pictures(tmp_path / "cache")
    try:
        assert pictures.thumbnail(path, sha)
    finally:
        pictures.close()
    assert not list(tmp_path.rglob("*.pyc"))


def test_sizes_are_few(pictures: Pictures, tmp_path: Path) -> None:
    path, sha = put(tmp_path, turned())
    sizes = {max(opened(pictures.thumbnail(path, sha, size)).size) for size in (1, 7, 200, 201, 400, 650, 799, 9999)}
    assert sizes == {200, 400, 800} and len(list((tmp_path / "cache").rglob("*.jpg"))) == 4
    with pytest.raises(ValueError, match="no hash"):
        pictures.thumbnail(path, "../../etc/passwd", 400)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_mode_has_a_thumbnail(mode: str, pictures: Pictures, tmp_path: Path) -> None:
    grey = made.image("L", (500, 300)).point(lambda v: 40 + v // 20)
    picture = (
        grey.convert("I").point(lambda v: v * 257).convert("I;16")
        if mode == "I;16"
        else grey.convert("RGB").convert(mode)
    )
    data = made.saved(picture, "JPEG" if mode == "CMYK" else "PNG")
    path, sha = put(tmp_path, data)
    assert pictures.check(path, path.name)
    small = opened(pictures.thumbnail(path, sha))
    assert small.size == (400, 240) and small.mode == "RGB"
    if mode != "1":
        assert abs(sum(small.convert("L").resize((1, 1)).getpixel((0, 0)) for _ in (1,)) - 46) < 6  # type: ignore[misc]


def test_facts(pictures: Pictures, tmp_path: Path) -> None:
    said = pictures.facts(put(tmp_path, turned())[0])
    assert said["taken_at"] == "2026-09-21T08:00:00+08:00" and said["orientation"] == 6 and said["camera"] == "Maker"
    assert pictures.facts(put(tmp_path, made.png())[0]) == {}
    assert pictures.facts(put(tmp_path, made.jpeg()[:-700])[0]) == {}
    assert pictures.facts(put(tmp_path, b"text")[0]) == {}


def test_what_cannot_be_read_is_tried_once(pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = made.png()
    whole = data[:33] + made.chunk(b"IDAT", b"x" * 300) + data[-12:]  # whole by its chunks; not a picture to a decoder
    path, sha = put(tmp_path, whole)
    assert pictures.check(path, "a.png") and pictures.thumbnail(path, sha) is None
    monkeypatch.setattr(pictures, "_ask", lambda job: pytest.fail("asked again"))
    assert pictures.thumbnail(path, sha) is None
    assert Pictures(tmp_path / "cache").thumbnail(path, sha) is None


# --- the process ------------------------------------------------------------------------------------------------------------


@linux
def test_the_worker_is_bounded_and_knows_no_secrets(
    pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JINGTU_DATABASE_URL", "postgresql://user:secret@host/db")
    monkeypatch.setenv("PGPASSWORD", "secret")
    assert pictures.worker is None  # not before it is needed
    path, sha = put(tmp_path, turned())
    assert pictures.thumbnail(path, sha)
    pid = pictures.worker
    limits = {line[:26].strip(): line[26:].split()[0] for line in Path(f"/proc/{pid}/limits").read_text().splitlines()}
    assert (
        limits["Max address space"] == str(1 << 30) and limits["Max file size"] == limits["Max core file size"] == "0"
    )
    assert int(limits["Max cpu time"]) <= 20
    assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert (
        b"sync_server.blobs.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )  # a program of its own, not our copy


@linux
def test_the_largest_picture_stays_within_bounds(pictures: Pictures, tmp_path: Path) -> None:
    path, sha = put(tmp_path, made.saved(Image.new("RGB", (10_000, 10_000), (10, 90, 60)), "PNG"))
    assert pictures.check(path, "a.png") and opened(pictures.thumbnail(path, sha)).size == (400, 400)
    assert pictures.worker is not None and peak_mb(pictures.worker) < 1024


def test_a_worker_that_was_killed_is_replaced(pictures: Pictures, tmp_path: Path) -> None:
    pids = set()
    for n in range(3):
        path, sha = put(tmp_path, made.jpeg(comment=str(n).encode()))
        assert pictures.thumbnail(path, sha)
        assert pictures.worker is not None
        pids.add(pictures.worker)
        os.kill(pictures.worker, signal.SIGKILL)
    assert len(pids) == 3


def test_a_worker_killed_in_the_middle_does_its_job_again(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path / "cache", job_s=1)
    path, sha = put(tmp_path, turned())
    assert pictures.facts(path)
    assert pictures.worker is not None
    os.kill(pictures.worker, signal.SIGSTOP)  # it will not answer
    before = time.perf_counter()
    assert pictures.thumbnail(path, sha)
    assert 0.9 < time.perf_counter() - before < 8
    pictures.close()


FAKES = {
    "dies": "import sys; sys.stdin.readline()",
    "hangs": "import time; time.sleep(60)",
    "says too much": r"import sys; sys.stdin.readline(); sys.stdout.buffer.write(b'+\xff\xff\xff\xff'); sys.stdout.flush(); import time; time.sleep(60)",
    "says half": r"import sys; sys.stdin.readline(); sys.stdout.buffer.write(b'+\0\0\0\x09abc')",
    "says nonsense": r"import sys; sys.stdin.readline(); sys.stdout.buffer.write(b'hello'); sys.stdout.flush(); import time; time.sleep(60)",
    "does not start": "raise SystemExit(1)",
}


@pytest.mark.parametrize("code", FAKES.values(), ids=FAKES)
def test_a_job_that_takes_the_worker_down_is_not_tried_for_ever(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def fake() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return started[-1]

    pictures = Pictures(tmp_path / "cache", job_s=0.3)
    path, sha = put(tmp_path, turned())
    with monkeypatch.context() as patch:
        patch.setattr(module, "_spawn", fake)
        assert pictures.thumbnail(path, sha) is None
        assert len(started) == module.TRIES and all(p.poll() is not None for p in started)
        assert pictures.thumbnail(path, sha) is None and pictures.facts(path) == {}
        assert len(started) == module.TRIES
    other, name = put(tmp_path, made.jpeg())
    pictures.job_s = 10
    assert pictures.thumbnail(other, name)  # the next picture is not concerned
    assert not list((tmp_path / "cache").rglob("*.none"))  # and another server start may try once more
    pictures.close()


def test_where_no_process_is_to_be_had_it_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> subprocess.Popen[bytes]:
        raise OSError("no more processes")

    pictures = Pictures(tmp_path / "cache")
    path, sha = put(tmp_path, turned())
    with monkeypatch.context() as patch:
        patch.setattr(module, "_spawn", none)
        assert pictures.thumbnail(path, sha) is None
        with pytest.raises(NoAnswer):
            pictures.facts(path)
    assert pictures.thumbnail(path, sha) and pictures.facts(path)
    pictures.close()


def test_a_server_that_stops_waits_for_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", FAKES["hangs"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    pictures = Pictures(tmp_path / "cache")
    path, sha = put(tmp_path, turned())
    found: list[object] = []

    def ask() -> None:
        try:
            found.append(pictures.facts(path))
        except NoAnswer as err:
            found.append(str(err))

    with monkeypatch.context() as patch:
        patch.setattr(module, "_spawn", hangs)
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        while pictures.worker is None:
            time.sleep(0.01)
        time.sleep(0.2)  # the others wait for their turn
        before = time.perf_counter()
        pictures.close()
        for thread in threads:
            thread.join()
        assert time.perf_counter() - before < 2 and found == ["the server is stopping"] * 3
    assert pictures.thumbnail(path, sha)  # nothing is held against the picture
    pictures.close()


def test_it_is_renewed_after_many_jobs(pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JOBS", 3)
    path, _ = put(tmp_path, turned())
    seen = []
    for _ in range(7):
        assert pictures.facts(path)
        seen.append(pictures.worker)
    assert [seen.count(pid) for pid in dict.fromkeys(seen)] == [3, 3, 1]


def test_many_ask_at_once(pictures: Pictures, tmp_path: Path) -> None:
    files = [put(tmp_path, made.saved(Image.new("RGB", (60 + n, 40), (n * 9, 0, 0)))) for n in range(24)]
    found: dict[int, tuple[int, int]] = {}

    def one(n: int) -> None:
        path, sha = files[n]
        found[n] = opened(pictures.thumbnail(path, sha)).size

    threads = [threading.Thread(target=one, args=(n,)) for n in range(len(files))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: (60 + n, 40) for n in range(24)}  # nobody got another's answer


@linux
def test_it_ends_with_a_server_that_was_killed(tmp_path: Path) -> None:
    path, sha = put(tmp_path, turned())
    code = (
        "import sys, time; from pathlib import Path; from sync_server.blobs.pictures import Pictures\n"
        f"p = Pictures(Path({str(tmp_path / 'cache')!r})); p.thumbnail(Path({str(path)!r}), {sha!r})\n"
        "print(p.worker, flush=True); time.sleep(60)"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    worker = int(server.stdout.readline())
    assert Path(f"/proc/{worker}").exists()
    server.kill()
    server.wait()
    server.stdout.close()
    until = time.monotonic() + 5
    while Path(f"/proc/{worker}/cmdline").exists() and Path(f"/proc/{worker}/cmdline").read_bytes():
        assert time.monotonic() < until, "it lives on"
        time.sleep(0.05)


# --- 4,000 mutated pictures --------------------------------------------------------------------------------------------------


def bases() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x8769], exif[0x8825] = (
        6,
        "Maker",
        {0x9003: "2026:09:21 08:00:00"},
        {1: "N", 2: (31.0, 30.0, 1.5)},
    )
    found = [
        made.jpeg(exif=exif, restart_marker_rows=2),
        made.jpeg(exif=exif, progressive=True, comment=b"text"),
        made.saved(made.image("CMYK"), exif=exif),
        made.saved(made.image(), "MPO", save_all=True, append_images=[made.image(seed=2)], exif=exif),
        made.jpeg(exif=exif) + made.samsung(b"1726880000000", made.film()),
    ]
    return [*found, made.png(exif=exif), made.webp(exif=exif)]


def mutated(rng: random.Random, data: bytes) -> bytes:
    """Bytes changed, mostly where the structure is; a part cut out, doubled or put elsewhere now and then."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16, 64))):
        at = rng.randrange(min(len(out), rng.choice((60, 300, 700, len(out)))))
        out[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256), out[at] ^ 1 << rng.randrange(8)))
    if rng.random() < 0.15:
        at, size = rng.randrange(len(out)), rng.randrange(1, 400)
        part = out[at : at + size]
        if rng.random() < 0.5:
            del out[at : at + size]
        where = rng.randrange(len(out) + 1)
        out[where:where] = part
    return bytes(out)


def taken_in(pictures: Pictures, path: Path, data: bytes) -> tuple[bool, bool, float]:
    """What the server does with a file that has come: was it taken, has it a thumbnail, seconds."""
    path.write_bytes(data)
    before = time.perf_counter()
    try:
        assert pictures.check(path, "photo.jpg") is not None
    except NotAPicture:
        return False, False, time.perf_counter() - before
    small = pictures.thumbnail(path, hashlib.sha256(data).hexdigest())
    pictures.facts(path)
    return True, small is not None, time.perf_counter() - before


@linux
def test_4000_mutated_pictures(pictures: Pictures, tmp_path: Path) -> None:
    """No crash, nothing slow, nothing large: neither this process nor the worker, which is the same one all along."""
    rng = random.Random(4000)
    sources = bases()
    path = tmp_path / "upload"
    path.write_bytes(sources[0])
    assert pictures.facts(path)
    worker = pictures.worker
    assert worker is not None
    here = peak_mb("self")
    taken = shown = 0
    slowest = most = 0.0
    module_jobs, module.JOBS = module.JOBS, 1_000_000
    try:
        for n in range(4000):
            data = mutated(rng, sources[0] if n % 2 else rng.choice(sources))
            received, seen, seconds = taken_in(pictures, path, data)
            if seconds > 1:  # the machine is shared: a picture that is slow is slow again
                seconds = taken_in(pictures, path, data)[2]
            taken, shown, slowest = taken + received, shown + seen, max(slowest, seconds)
            if n % 500 == 0:
                assert pictures.worker == worker, "a picture took the worker down"
                most = max(most, peak_mb(worker))
    finally:
        module.JOBS = module_jobs
    assert pictures.worker == worker
    most = max(most, peak_mb(worker))
    assert slowest < 1 and most < 400 and peak_mb("self") - here < 100, (slowest, most, peak_mb("self") - here)
    assert 800 < taken < 3200 and shown > taken / 2  # both ways were gone
    print(
        f"{taken} taken, {shown} shown, slowest {slowest * 1e3:.0f} ms, worker {most:.0f} MB, here +{peak_mb('self') - here:.0f} MB"
    )
