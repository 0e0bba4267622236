"""Sealing and the frames of a rescue bundle: what only the server opens, and that nothing about a file can be changed unseen."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import canonical
from schemas.problems import Trouble
from schemas.rules import bundle, evidence, sealing
from schemas.rules.bundle import About, Bundler, DraftFrame, EndFrame, Frames, Owner, PhotoFrame
from schemas.rules.sealing import PIECE, TAG, Sealer, unseal

SERVER = bytes(range(32))
KEY = evidence.public_of(SERVER)
AT = "2026-11-28T17:00:00+08:00"


def sealed(data: bytes, key: str = KEY, secret: bytes | None = None, step: int = 50_000) -> bytes:
    out = io.BytesIO()
    sealer = Sealer(out.write, key, "A1", AT, secret)
    for at in range(0, len(data), step):
        sealer.add(data[at : at + step])
    sealer.finish()
    return out.getvalue()


def opened(file: bytes, private: bytes = SERVER) -> bytes:
    _, pieces = unseal(io.BytesIO(file).read, private)
    return b"".join(pieces)


def refused(file: bytes, number: int = 4301, private: bytes = SERVER) -> None:
    with pytest.raises(Trouble) as caught:
        opened(file, private)
    assert caught.value.problem.number == number, caught.value


# --- keys ------------------------------------------------------------------------------------------------------------


def test_the_two_forms_of_a_key_belong_together() -> None:
    for _ in range(40):
        seed = evidence.new_key()
        own = X25519PrivateKey.from_private_bytes(sealing.scalar(seed))
        # two ways to one point: by the scalar on the one curve, by the map from the other
        assert own.public_key().public_bytes_raw() == sealing.montgomery(evidence.public_of(seed))


def test_both_sides_come_to_one_secret() -> None:
    for _ in range(10):
        server, own = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
        public = evidence.b64(server.public_key().public_bytes_raw())
        here = own.exchange(X25519PublicKey.from_public_bytes(sealing.montgomery(public)))
        there = X25519PrivateKey.from_private_bytes(sealing.scalar(server.private_bytes_raw())).exchange(
            own.public_key()
        )
        assert here == there


def test_the_base_point_goes_to_the_base_point() -> None:
    """RFC 8032 §5.1: y = 4/5; RFC 7748 §4.1: u = 9."""
    y = 4 * pow(5, -1, 2**255 - 19) % (2**255 - 19)
    assert int.from_bytes(sealing.montgomery(evidence.b64(y.to_bytes(32, "little"))), "little") == 9
    with pytest.raises(ValueError):
        sealing.montgomery(evidence.b64((1).to_bytes(32, "little")))  # the neutral element has no such form


# --- the sealed file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7])
def test_what_was_sealed_is_opened(size: int) -> None:
    data = os.urandom(size)
    file = sealed(data)
    assert opened(file) == data
    line = file.index(b"\n") + 1
    assert len(file) - line == size + TAG * max(1, -(-size // PIECE))
    head = json.loads(file[:line].split(b" ", 2)[2])
    assert set(head) == {"server", "device", "made_at", "key"} and head["device"] == "A1"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2 * PIECE), max_size=6))
def test_it_does_not_matter_how_it_was_handed_over(sizes: list[int]) -> None:
    out = io.BytesIO()
    sealer, data = Sealer(out.write, KEY, "A1", AT), [bytes([n % 251]) * size for n, size in enumerate(sizes)]
    for part in data:
        sealer.add(part)
    sealer.finish()
    assert opened(out.getvalue()) == b"".join(data)


def test_every_file_has_a_key_of_its_own() -> None:
    assert sealed(b"x" * 100) != sealed(b"x" * 100)
    assert sealed(b"x" * 100, secret=bytes(32)) == sealed(b"x" * 100, secret=bytes(32))


def test_any_changed_byte_is_found() -> None:
    data = os.urandom(2 * PIECE + 90)
    file = sealed(data)
    line = file.index(b"\n") + 1
    places = [
        *range(line),
        line,
        line + PIECE - 1,
        line + PIECE + 3,
        line + PIECE + TAG,
        len(file) - TAG - 1,
        len(file) - 1,
    ]
    for at in places:
        for bit in (1, 128):
            changed = bytearray(file)
            changed[at] ^= bit
            with pytest.raises(Trouble) as caught:
                opened(bytes(changed))
            assert caught.value.problem.number in (4301, 4302, 4303), at


def test_cut_swapped_doubled_and_lengthened_files_are_found() -> None:
    file = sealed(os.urandom(3 * PIECE + 5))
    line, whole = file.index(b"\n") + 1, PIECE + TAG
    head, parts = file[:line], [file[line + n * whole : line + (n + 1) * whole] for n in range(4)]
    for cut in (0, 5, line - 1, line, line + 10, line + whole, line + 3 * whole, line + 3 * whole + 4, len(file) - 1):
        refused(file[:cut])
    refused(head + b"".join([parts[1], parts[0], *parts[2:]]))
    refused(head + b"".join([parts[0], parts[0], *parts[1:]]))
    refused(head + b"".join(parts[:2] + parts[3:]))
    refused(file + b"\0")
    refused(file + parts[3])
    refused(b"")
    refused(b"PK\x03\x04" + file)


def test_pieces_of_another_file_do_not_fit() -> None:
    one, two = sealed(b"a" * PIECE + b"b"), sealed(b"a" * PIECE + b"b")
    at = one.index(b"\n") + 1
    refused(two[: two.index(b"\n") + 1] + one[at:])


def test_a_bundle_for_another_server_is_told_as_such() -> None:
    other = bytes(range(1, 33))
    refused(sealed(b"x"), 4302, other)
    # one whose header was written anew to name the other is not opened either
    file = sealed(b"x")
    lied = file.replace(sealing.fingerprint(KEY).encode(), sealing.fingerprint(evidence.public_of(other)).encode())
    refused(lied, 4301, other)


def test_a_newer_format_is_told_as_such() -> None:
    refused(sealed(b"x").replace(b"BUNDLE 1 ", b"BUNDLE 2 "), 4303)


def test_a_key_without_order_is_refused() -> None:
    """A point of small order would make a secret everybody knows."""
    file = sealed(b"x")
    line = file.index(b"\n")
    head = json.loads(file[:line].split(b" ", 2)[2]) | {"key": evidence.b64(bytes(32))}
    refused(b"JINGTU-BUNDLE 1 " + canonical.dumps(head) + file[line:])


# --- frames ----------------------------------------------------------------------------------------------------------

PERSON = evidence.new_key()
DRAFT = DraftFrame(person="p", person_name="李", record="r", type="point", scope="s.field", updated_at=AT)


def about(**more: Any) -> About:
    owner = Owner(enrolment="e1", person="p", person_name="李", changes=2, signed=True)
    return About(device="d", device_code="A1", made_at=AT, epoch="1", owners=[owner], facts={"os": "Android"}, **more)


def bundled(photo: bytes = b"\xff\xd8jpg", drafts: int = 1) -> bytes:
    out = io.BytesIO()
    made = Bundler(out.write, KEY, about())
    for _ in range(drafts):
        made.draft(DRAFT, b'{"code":"S1"}')
    sha = "a" * 64
    made.photo(PhotoFrame(sha256=sha, name=f"{sha}.jpg"), len(photo), [photo[:2], photo[2:]])
    made.finish([("e1", PERSON)])
    return out.getvalue()


def frames(file: bytes) -> Frames:
    return Frames(unseal(io.BytesIO(file).read, SERVER)[1])


def test_frames_come_back_in_order_with_their_payloads() -> None:
    read = [(f.model, f.payload()) for f in frames(bundled())]
    kinds = [type(m).__name__ for m, _ in read]
    assert kinds == ["About", "DraftFrame", "PhotoFrame", "EndFrame"]
    assert read[0][0] == about() and read[1] == (DRAFT, b'{"code":"S1"}') and read[2][1] == b"\xff\xd8jpg"
    end = read[3][0]
    assert isinstance(end, EndFrame) and (end.drafts, end.photos, end.batches) == (1, 1, 0)
    text = bundle.attested("d", end.hash)
    assert evidence.verify(evidence.public_of(PERSON), text, end.signatures[0].signature)


def test_what_is_not_asked_for_is_passed_over() -> None:
    assert [type(f.model).__name__ for f in frames(bundled(b"x" * 700_000))][-1] == "EndFrame"


def stream(*parts: bytes) -> Iterator[bytes]:
    import zlib

    yield zlib.compress(b"".join(parts))


def head(kind: str, size: int = 0, **more: Any) -> bytes:
    return canonical.dumps({"kind": kind, "size": size, **more}) + b"\n"


ABOUT = head("about", **about().model_dump(exclude_none=True))


def test_a_frame_of_a_later_kind_is_passed_over_and_counted() -> None:
    import hashlib

    middle = head("weather", 5, sky="blue") + b"cloud"
    end = head("end", batches=0, changes=0, drafts=0, photos=0, hash=hashlib.sha256(ABOUT + middle).hexdigest())
    read = Frames(stream(ABOUT, middle, end))
    assert [type(f.model).__name__ for f in read] == ["About", "EndFrame"] and read.unknown == 1


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (ABOUT,),
        (head("draft"),),
        (ABOUT, ABOUT),
        (ABOUT, head("draft", 3, **DRAFT.model_dump(exclude_none=True)), b"{}"),
        (ABOUT, head("end", batches=0, changes=0, drafts=0, photos=0, hash="0" * 64)),
        (ABOUT, head("draft", -1)),
        (ABOUT, head("draft", "9")),  # type: ignore[arg-type]
        (ABOUT, head("photo", 1 << 40, sha256="a" * 64, name="a" * 64 + ".jpg")),
        (ABOUT, head("photo", 1, sha256="a" * 64, name="../../etc/passwd"), b"x"),
        (ABOUT, b"[]\n"),
        (ABOUT, b"{\n"),
        (ABOUT, b"x" * 1_500_000),
    ],
)
def test_streams_that_are_not_bundles_are_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(Trouble) as caught:
        for _ in Frames(stream(*parts)):
            pass
    assert caught.value.problem.number == 4301


def test_a_small_file_cannot_fill_the_memory() -> None:
    """A gigabyte of zeros in a megabyte, as one frame: neither its head nor its payload is gathered."""
    import zlib

    def bomb() -> Iterator[bytes]:
        deflate = zlib.compressobj(9)
        yield deflate.compress(ABOUT + head("photo", 200_000_000, sha256="a" * 64, name="a" * 64 + ".jpg"))
        for _ in range(100):
            yield deflate.compress(bytes(1_000_000))

    tracemalloc.start()
    with pytest.raises(Trouble):
        for _ in Frames(bomb()):
            pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000_000


def test_a_large_bundle_takes_little_memory() -> None:
    """Sixty megabytes of photos, a few megabytes at a time."""
    block, written = os.urandom(1 << 20), [0]

    def write(data: bytes) -> None:
        written[0] += len(data)

    tracemalloc.start()
    made = Bundler(write, KEY, about())
    for n in range(20):
        sha = f"{n:064x}"
        made.photo(PhotoFrame(sha256=sha, name=f"{sha}.jpg"), 3 << 20, (block for _ in range(3)))
    made.finish([])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert written[0] > 60 << 20 and most < 12_000_000
