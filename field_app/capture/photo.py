"""A picture becomes a file of this tablet: checked, then written whole or not at all, and never touched again.

`keep` is the one way in. The file is named by what is in it, so the same picture twice is one file, and who knows the
hash of a record can tell whether the file is still what was taken. Thumbnails lie beside it and can be made anew.
"""

from __future__ import annotations

import io
import os
import threading
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps

from field_app.clock import CHINA
from field_app.storage import to_disk, told

MOST_BYTES = 60_000_000
MOST_PIXELS = 100_000_000  # a decoded picture takes three bytes each
THUMB = 400  # px, the longer side
_KINDS = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp"}  # MPO: a JPEG with a second picture behind it
_BROKEN = (OSError, SyntaxError, ValueError, IndexError, EOFError, MemoryError)  # what Pillow says of a damaged file
_TAKEN, _OFFSET, _EXIF = 36867, 36881, 0x8769  # DateTimeOriginal, OffsetTimeOriginal, and where they stand


class NotKept(Exception):
    """Not a picture that can be kept. `reason`: empty, kind, broken, bytes, pixels."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Kept(NamedTuple):
    """A picture on the disk. size in bytes; width and height in pixels as they are stored; kind jpg, png, webp."""

    sha256: str
    size: int
    width: int
    height: int
    kind: str
    taken_at: datetime | None  # as the camera that took it wrote into it; None where it did not


def keep(folder: Path, data: bytes) -> Kept:
    """Check a picture and write it to <folder>/photos/<sha256>.<kind>, byte for byte. When this returns, the file survives
    a power cut. Raises NotKept, and Trouble 5001, 5007 where the storage takes no more: then nothing of it is left."""
    made, small = _looked_at(data)
    path = _path(folder, made)
    if not path.exists():
        with told():
            _write(path, data)
    if small is not None:
        _keep_thumb(folder, made.sha256, small)
    return made


def find(folder: Path, sha: str) -> Path | None:
    """The file of a photo, where this tablet has it."""
    places = (folder / "photos" / f"{sha}.{kind}" for kind in dict.fromkeys(_KINDS.values()))
    return next((p for p in places if p.exists()), None)


def all_kept(folder: Path) -> list[str]:
    """Hashes of every picture here, the oldest file first."""
    found = [p for p in (folder / "photos").glob("*.*") if p.suffix[1:] in _KINDS.values() and len(p.stem) == 64]
    return [p.stem for p in sorted(found, key=lambda p: (p.stat().st_mtime_ns, p.name))]


def thumb(folder: Path, sha: str) -> bytes | None:
    """A JPEG of at most THUMB px, the right way up; made once. None where the picture is not here or cannot be read."""
    small = folder / "thumbs" / f"{sha}.jpg"
    with suppress(OSError):
        return small.read_bytes()
    path = find(folder, sha)
    if path is None:
        return None
    try:
        _, made = _looked_at(path.read_bytes())
    except (NotKept, OSError):
        return None
    if made is not None:
        _keep_thumb(folder, sha, made)
    return made


# --- looking ----------------------------------------------------------------------------------------------------------


def _looked_at(data: bytes) -> tuple[Kept, bytes | None]:
    """The picture's facts and its thumbnail. Decoded to the end once, so that one that was cut off is found now and not
    in the office; a JPEG is decoded small, which reads all of it all the same."""
    if not data:
        raise NotKept("empty")
    if len(data) > MOST_BYTES:
        raise NotKept("bytes")
    try:
        picture = Image.open(io.BytesIO(data), formats=_formats())
    except Image.DecompressionBombError as err:
        raise NotKept("pixels") from err
    except _BROKEN as err:
        raise NotKept("kind") from err
    with picture:
        width, height = picture.size
        if width * height > MOST_PIXELS:
            raise NotKept("pixels")
        kind = _KINDS[picture.format or ""]
        try:
            picture.draft("RGB", (2 * THUMB, 2 * THUMB))
            picture.load()
        except _BROKEN as err:
            raise NotKept("broken") from err
        taken_at = _taken(picture)
        with suppress(*_BROKEN):
            return Kept(sha256(data).hexdigest(), len(data), width, height, kind, taken_at), _small(picture)
    return Kept(sha256(data).hexdigest(), len(data), width, height, kind, taken_at), None


def _formats() -> list[str]:
    """Of the kinds kept here those this build of the picture library reads."""
    Image.init()
    return [kind for kind in _KINDS if kind in Image.OPEN]


def _small(picture: Image.Image) -> bytes:
    picture.thumbnail((THUMB, THUMB))
    upright = ImageOps.exif_transpose(picture).convert("RGB")
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=80)
    return out.getvalue()


def _taken(picture: Image.Image) -> datetime | None:
    """When the camera says it was. Without an offset of its own the time is China's."""
    with suppress(*_BROKEN, KeyError, TypeError, AttributeError):
        inner = picture.getexif().get_ifd(_EXIF)
        at = datetime.strptime(str(inner[_TAKEN]).strip("\x00 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
        return at.replace(tzinfo=_zone(str(inner.get(_OFFSET, ""))))
    return None


def _zone(text: str) -> timezone:
    with suppress(ValueError):
        found = datetime.strptime(text.strip("\x00 "), "%z").utcoffset()
        if found is not None:
            return timezone(found)
    return timezone(CHINA.utcoffset(None) or timedelta(hours=8))


# --- writing ----------------------------------------------------------------------------------------------------------


def _path(folder: Path, made: Kept) -> Path:
    return folder / "photos" / f"{made.sha256}.{made.kind}"


def _write(path: Path, data: bytes) -> None:
    """temp → fsync → rename → fsync of the folder, and nothing of it where that fails."""
    new = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    if new:
        to_disk(path.parent.parent)
    temp = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    try:
        with temp.open("wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temp, path)
    except BaseException:
        temp.unlink(missing_ok=True)  # half a picture helps nobody, and takes room
        raise
    to_disk(path.parent)


def _keep_thumb(folder: Path, sha: str, data: bytes) -> None:
    """Worth no failure: it can be made anew."""
    path = folder / "thumbs" / f"{sha}.jpg"
    temp = path.with_name(f".{sha}.{os.getpid()}.{threading.get_ident()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temp.write_bytes(data)
        os.replace(temp, path)
    except OSError:
        temp.unlink(missing_ok=True)
