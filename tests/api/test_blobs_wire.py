"""Files over real sockets: somebody else's client, lines that go dead, long bodies, and a server that goes on answering."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from sync_server.blobs import tus
from tests.api.conftest import Device, Server, problem
from tests.api.tus import APPENDS, BLOBS, SPEAKS, append, begin, picture, stands
from tests.sim.transport import served

DATA = random.Random(2).randbytes(1_000_000)
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    where, stop = served(server.app)
    yield where
    stop()


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as made:
        yield made


def announced(http: httpx.Client, server: Server, device: Device, data: bytes = DATA) -> str:
    made = begin(http, device.auth, hashlib.sha256(data).hexdigest(), len(data), server.field)
    return str(made.headers["location"])


def half_sent(url: str, device: Device, there: str, size: int, data: bytes, **more: str) -> socket.socket:
    """A request of `size` bytes of which only `data` has left; the line is still up."""
    address = httpx.URL(url)
    line = socket.create_connection((address.host, address.port or 80))
    told = (
        SPEAKS
        | APPENDS
        | device.auth
        | {"Upload-Offset": "0", "Host": address.host, "Content-Length": str(size)}
        | more
    )
    head = "".join(f"{k}: {v}\r\n" for k, v in told.items())
    line.sendall(f"PATCH {there} HTTP/1.1\r\n{head}\r\n".encode() + data)
    return line


def offset_after(http: httpx.Client, device: Device, there: str, least: int) -> int:
    """What is known once the server has noticed."""
    until = time.monotonic() + 10
    while True:
        at = int(stands(http, device.auth, there).headers["upload-offset"])
        if at >= least or time.monotonic() > until:
            return at
        time.sleep(0.02)


# --- somebody else's client ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checksum", [False, True])
def test_an_unmodified_tus_client(server: Server, device: Device, url: str, tmp_path: Path, checksum: bool) -> None:
    """With a sampler's token and what the protocol asks for, in many pieces, cut in the middle and resumed by another."""
    data = picture("tuspy", 700, 500)
    file = tmp_path / "照片 1.jpg"
    file.write_bytes(data)
    client = TusClient(f"{url}{BLOBS}", headers=device.auth)
    said = {"sha256": hashlib.sha256(data).hexdigest(), "filename": file.name, "scope": server.field}
    first = client.uploader(str(file), chunk_size=1000, metadata=said, upload_checksum=checksum)
    first.upload(stop_at=3000)
    assert first.offset == 3000
    second = client.uploader(str(file), chunk_size=4000, url=first.url, upload_checksum=checksum)
    assert second.offset == 3000
    second.upload()
    answer = server.http.get(f"{BLOBS}/{said['sha256']}", headers=device.auth)
    assert answer.content == data and answer.headers["content-type"] == "image/jpeg"
    assert server.sql("SELECT name FROM blob") == [(file.name,)]


def test_an_unmodified_tus_client_is_told_what_is_wrong(
    server: Server, device: Device, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(DATA)
    client = TusClient(f"{url}{BLOBS}", headers=device.auth)
    said = {"sha256": SHA, "filename": file.name, "scope": f"{server.other}.field"}
    with pytest.raises(TusCommunicationError) as refused:
        client.uploader(str(file), metadata=said).upload()
    assert refused.value.status_code == 404
    with pytest.raises(TusCommunicationError) as refused:  # named as a picture, and none
        client.uploader(str(file), chunk_size=400_000, metadata=said | {"scope": server.field}).upload()
    assert refused.value.status_code == 422 and b"1307" in refused.value.response_content


# --- lines that go dead ----------------------------------------------------------------------------------------------


def test_what_came_before_the_line_went_dead_counts(
    server: Server, device: Device, url: str, http: httpx.Client
) -> None:
    there = announced(http, server, device)
    line = half_sent(url, device, there, len(DATA), DATA[:500_000])
    time.sleep(0.3)  # until it has arrived
    line.close()
    at = offset_after(http, device, there, 1)
    assert 400_000 < at <= 500_000
    assert append(http, device.auth, there, at, DATA[at:]).headers["jingtu-blob"] == SHA


def test_of_a_piece_with_a_checksum_all_counts_or_nothing(
    server: Server, device: Device, url: str, http: httpx.Client
) -> None:
    there = announced(http, server, device)
    line = half_sent(url, device, there, len(DATA), DATA[:500_000], **{"Upload-Checksum": f"sha1 {'A' * 27}="})
    time.sleep(0.3)
    line.close()
    assert offset_after(http, device, there, 1) == 0 if _free(http, device, there) else False
    assert append(http, device.auth, there, 0, DATA).headers["jingtu-blob"] == SHA


def _free(http: httpx.Client, device: Device, there: str) -> bool:
    """Nobody writes to it any more."""
    for _ in range(500):
        if append(http, device.auth, there, 0, b"").status_code == 204:
            return True
        time.sleep(0.02)
    return False


def test_a_line_that_says_nothing_any_more_does_not_keep_the_upload(
    server: Server, device: Device, url: str, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tablet is back on another network; the old line is still up."""
    monkeypatch.setattr(tus, "STALLED_S", 1.5)
    there = announced(http, server, device)
    line = half_sent(url, device, there, len(DATA), DATA[:500_000])
    time.sleep(0.2)
    problem(append(http, device.auth, there, 0, DATA), 1304)
    at = offset_after(http, device, there, 1)
    assert at == 500_000
    assert append(http, device.auth, there, at, DATA[at:]).headers["jingtu-blob"] == SHA
    line.close()


# --- long bodies -----------------------------------------------------------------------------------------------------


def test_a_refused_piece_gets_its_answer_though_it_is_still_being_sent(
    server: Server, device: Device, http: httpx.Client
) -> None:
    big = os.urandom(4 << 20)
    there = announced(http, server, device, big)
    problem(append(http, device.auth, there, 5, big[5:]), 1302)
    problem(append(http, {"Authorization": "Bearer x"}, there, 0, big), 2002)
    problem(append(http, device.auth, there, 0, big + b"x"), 1301)
    assert append(http, device.auth, there, 0, big).status_code == 204


def test_a_body_whose_length_nobody_told(server: Server, device: Device, http: httpx.Client) -> None:
    there = announced(http, server, device)
    pieces = (DATA[at : at + 70_000] for at in range(0, 700_000, 70_000))
    assert append(http, device.auth, there, 0, pieces).headers["upload-offset"] == "700000"
    endless = (bytes(100_000) for _ in range(1000))
    with http.stream(
        "PATCH", there, content=endless, headers=SPEAKS | APPENDS | device.auth | {"Upload-Offset": "700000"}
    ) as answer:
        answer.read()
        problem(answer, 1301)
    assert int(stands(http, device.auth, there).headers["upload-offset"]) == 700_000
    assert append(http, device.auth, there, 700_000, DATA[700_000:]).headers["jingtu-blob"] == SHA


def test_a_large_file_takes_no_memory(server: Server, device: Device, http: httpx.Client) -> None:
    piece, many = os.urandom(1 << 20), 60
    whole = hashlib.sha256()
    for _ in range(many):
        whole.update(piece)
    size, sha = many << 20, whole.hexdigest()
    there = begin(http, device.auth, sha, size, server.field).headers["location"]
    tracemalloc.start()
    try:
        told = append(http, device.auth, there, 0, (piece for _ in range(many)), **{"Content-Length": str(size)})
        assert told.headers["jingtu-blob"] == sha, told.text
        with http.stream("GET", f"{BLOBS}/{sha}", headers=device.auth) as answer:
            got = hashlib.sha256()
            for part in answer.iter_bytes():
                got.update(part)
        assert got.hexdigest() == sha
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 << 20, f"{peak >> 20} MB"


def test_others_are_answered_while_the_disk_is_slow(
    server: Server, device: Device, url: str, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, slow, real = announced(http, server, device), threading.Event(), os.fsync

    def fsync(fd: int) -> None:
        slow.set()
        time.sleep(1.5)
        real(fd)

    monkeypatch.setattr("sync_server.blobs.incoming.os.fsync", fsync)
    sending = threading.Thread(target=lambda: append(http, device.auth, there, 0, DATA[:1000]))
    sending.start()
    assert slow.wait(10)
    began = time.monotonic()
    with httpx.Client(base_url=url, trust_env=False) as other:
        assert other.request("OPTIONS", BLOBS).status_code == 204
    assert time.monotonic() - began < 1.2
    sending.join()
