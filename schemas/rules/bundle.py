"""The rescue bundle: what a tablet has and the server has not acknowledged, as one stream of frames.

A frame is a head, one line of canonical JSON with `kind` and `size`, and `size` bytes after it. The first is `about`, the last `end`,
with the SHA-256 of all frames before it and everybody's signature over that. Kinds a reader does not know are left out, and
counted. The stream is deflated and sealed (sealing.py); nothing of it needs to be in memory at once but one frame that is not a photo.

`batch` frames are pushes as a sync would send them, head and lines, signed by the device's key: that is all the server takes in.
Drafts nobody has finished and signed, and photos: they come along for people to look at.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import Field, ValidationError

from schemas import canonical
from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.rules.sealing import Sealer
from schemas.wire import MAX_BODY, Hex64, PushHead, Signature, Wire

MOST_HEAD = 1_000_000  # bytes of a frame's head; a thousand links are 67 000
MOST_PHOTO = 200_000_000
STEP = 1 << 18  # bytes inflated at a time


class Owner(Wire):
    """One person's chains on the tablet. signed: the key was there to sign with; if not, none of it is in the bundle."""

    enrolment: str
    person: str
    person_name: str
    changes: int
    signed: bool


class About(Wire):
    device: str
    device_code: str
    made_at: str
    epoch: str
    whole: bool = False  # also what the server has acknowledged
    owners: list[Owner]
    foreign: int = 0  # changes of enrolments whose key is not on the tablet: not in here
    facts: dict[str, Any] = {}  # for finding out what is wrong with the tablet; no secrets, no contents


class BatchFrame(Wire):
    scope: str
    head: PushHead


class DraftFrame(Wire):
    """A record somebody was filling in. Unfinished and unsigned: the payload is its values."""

    person: str
    person_name: str
    record: str
    type: str
    scope: str
    parent: str | None = None
    updated_at: str


class PhotoFrame(Wire):
    sha256: Hex64
    name: str = Field(pattern=r"^[0-9a-f]{64}\.[a-z0-9]{1,5}$")


class Signed(Wire):
    enrolment: str
    signature: Signature


class EndFrame(Wire):
    batches: int
    changes: int
    drafts: int
    photos: int
    hash: Hex64
    signatures: list[Signed] = []


Model = About | BatchFrame | DraftFrame | PhotoFrame | EndFrame
KINDS: dict[str, type[Model]] = {
    "about": About, "batch": BatchFrame, "draft": DraftFrame, "photo": PhotoFrame, "end": EndFrame,
}  # fmt: skip
_NAMES = {model: kind for kind, model in KINDS.items()}


def attested(device: str, hash: str) -> bytes:
    """What each person's key on the tablet signs at the end: these are the drafts and photos I had here."""
    return f"jingtu-bundle-1\n{device}\n{hash}".encode()


class Bundler:
    """Writes frames. `finish` makes it a bundle."""

    def __init__(
        self, write: Callable[[bytes], object], server_key: str, about: About, secret: bytes | None = None
    ) -> None:
        self._sealer = Sealer(write, server_key, about.device_code, about.made_at, secret)
        self._deflate, self._hash = zlib.compressobj(6), hashlib.sha256()
        self._device, self._count = about.device, dict.fromkeys(("batch", "draft", "photo", "changes"), 0)
        self._frame(about, 0, ())

    def batch(self, scope: str, head: PushHead, lines: Sequence[bytes]) -> None:
        self._count["changes"] += len(lines)
        text = b"\n".join(lines)
        self._frame(BatchFrame(scope=scope, head=head), len(text), (text,))

    def draft(self, draft: DraftFrame, values: bytes) -> None:
        self._frame(draft, len(values), (values,))

    def photo(self, photo: PhotoFrame, size: int, pieces: Iterable[bytes]) -> None:
        self._frame(photo, size, pieces)

    def finish(self, keys: Sequence[tuple[str, bytes]]) -> EndFrame:
        """`keys`: (enrolment, private key) of everybody who can sign."""
        hash, n = self._hash.hexdigest(), self._count
        text = attested(self._device, hash)
        signed = [Signed(enrolment=e, signature=evidence.sign(private, text)) for e, private in keys]
        end = EndFrame(batches=n["batch"], changes=n["changes"], drafts=n["draft"], photos=n["photo"], hash=hash,
                       signatures=signed)  # fmt: skip
        self._frame(end, 0, ())
        self._sealer.add(self._deflate.flush())
        self._sealer.finish()
        return end

    def _frame(self, model: Model, size: int, pieces: Iterable[bytes]) -> None:
        kind = _NAMES[type(model)]
        head = {**model.model_dump(mode="json", exclude_none=True), "kind": kind, "size": size}
        self._put(canonical.dumps(head) + b"\n")
        left = size
        for piece in pieces:
            left -= len(piece)
            self._put(piece)
        if left:
            raise ValueError(f"{kind}: {size - left} bytes instead of {size}")
        if kind in self._count:
            self._count[kind] += 1

    def _put(self, data: bytes) -> None:
        self._hash.update(data)
        self._sealer.add(self._deflate.compress(data))


# --- reading ---------------------------------------------------------------------------------------------------------


class Frame(NamedTuple):
    """One that is known; its payload must be taken before the next frame is asked for, or it is passed over."""

    model: Model
    size: int
    pieces: Iterator[bytes]

    def payload(self) -> bytes:
        """All of it. Raises Trouble 4301 where it is larger than anything that belongs into memory."""
        if self.size > MAX_BODY:
            raise _broken("一批内容太大", "one part of it is too large")
        return b"".join(self.pieces)


class Frames:
    """The frames of a stream of inflated pieces. `unknown`: how many of a later kind were passed over."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._inflated = _inflated(pieces)
        self._rest, self._hash, self.unknown = b"", hashlib.sha256(), 0
        self.count = dict.fromkeys(("batch", "draft", "photo", "changes"), 0)

    def __iter__(self) -> Iterator[Frame]:
        """Raises Trouble 4301 where the stream ends before its end, or is not what it says."""
        first = True
        while True:
            before = self._hash.hexdigest()
            head = self._head()
            kind, size = head.pop("kind", ""), head.pop("size", -1)
            if not isinstance(size, int) or not 0 <= size <= MOST_PHOTO or first != (kind == "about"):
                raise _broken("内容的次序不对", "its parts are not in order")
            first, pieces = False, self._take(size)
            if kind not in KINDS:
                self.unknown += 1
            else:
                try:
                    model = KINDS[kind].model_validate_json(canonical.dumps(head))
                except ValidationError as err:
                    raise _broken("有一部分读不懂", "one part of it cannot be read") from err
                if isinstance(model, EndFrame):
                    self._check_end(model, before)
                    yield Frame(model, size, pieces)
                    return
                if kind in self.count:
                    self.count[kind] += 1
                yield Frame(model, size, pieces)
            for _ in pieces:
                pass

    def _check_end(self, end: EndFrame, hash: str) -> None:
        n = self.count
        if end.hash != hash or (end.batches, end.drafts, end.photos) != (n["batch"], n["draft"], n["photo"]):
            raise _broken("结尾与内容对不上", "its end does not fit its contents")
        if self._rest or next(self._inflated, b""):
            raise _broken("结尾之后还有内容", "something follows its end")

    def _head(self) -> dict[str, Any]:
        while b"\n" not in self._rest:
            more = next(self._inflated, b"")
            if not more or len(self._rest) > MOST_HEAD:
                raise _broken("没有结尾", "it has no end")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        self._hash.update(line + b"\n")
        try:
            head = canonical.loads(line)
        except canonical.NotCanonical as err:
            raise _broken("有一部分读不懂", "one part of it cannot be read") from err
        if not isinstance(head, dict):
            raise _broken("有一部分读不懂", "one part of it cannot be read")
        return head

    def _take(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._rest:
                self._rest = next(self._inflated, b"")
                if not self._rest:
                    raise _broken("没有结尾", "it has no end")
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            self._hash.update(piece)
            yield piece


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A small file cannot fill the memory: at most STEP bytes at a time, none of them empty."""
    inflate = zlib.decompressobj()
    try:
        for piece in pieces:
            while piece and not inflate.eof:
                if opened := inflate.decompress(piece, STEP):
                    yield opened
                piece = inflate.unconsumed_tail
            if inflate.unused_data or (inflate.eof and piece):
                raise _broken("结尾之后还有内容", "something follows its end")
        if not inflate.eof:
            if opened := inflate.flush():  # what the limit held back of the last of them
                yield opened
            if not inflate.eof:
                raise _broken("没有结尾", "it has no end")
    except zlib.error as err:
        raise _broken("解不开压缩", "it cannot be inflated") from err


def _broken(zh: str, en: str) -> Trouble:
    return Trouble(4301, why={"zh": zh, "en": en})
