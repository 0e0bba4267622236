"""A picture becomes a file of this tablet: checked, then written whole or not at all, and never touched again.

`keep` is the one way in. The file is named by what is in it, so the same picture twice is one file, and who knows the
hash of a record can tell whether the file is still what was taken. What the app's own camera took gets its Exif block first
(capture/exif.py). Thumbnails and stamped copies (capture/stamp.py) lie beside it and can be made anew; a photo is decoded
once for all of them.
"""

from __future__ import annotations

import io
import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from field_app.capture import exif, stamp
from field_app.storage import to_disk, told
from schemas.rules.exif import Facts
from schemas.rules.picture import NotAPicture, Picture, jpeg, look

THUMB = 400  # px, the longer side
_KINDS = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp"}  # MPO: a JPEG with a second picture behind it
_BROKEN = (OSError, SyntaxError, ValueError, IndexError, EOFError, MemoryError)  # what Pillow says of a damaged file
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip  # Exif orientation → what puts it upright
Lines = Callable[[str], Sequence[str]]  # hash → what a stamped copy says
log = logging.getLogger("jingtu.app")


class NotKept(Exception):
    """Not a picture that can be kept. `reason`: a key of schemas.rules.picture.REASONS, which the server would give too."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Kept(NamedTuple):
    """A picture on the disk. size in bytes; width and height in pixels as they are stored; kind jpg, png, webp; facts: what
    the file says of itself. no_exif: why nothing could be written into a picture of our own camera (NoExif's reason, or failed)."""

    sha256: str
    size: int
    width: int
    height: int
    kind: str
    facts: Facts = Facts()
    no_exif: str = ""

    @property
    def taken_at(self) -> datetime | None:
        return self.facts.taken_at


def keep(folder: Path, data: bytes, shot: exif.Shot | None = None, lines: Lines | None = None) -> Kept:
    """Check a picture and write it to <folder>/photos/<sha256>.<kind>, byte for byte. When this returns, the file survives
    a power cut. Raises NotKept, and Trouble 5001, 5007 where the storage takes no more: then nothing of it is left.

    shot: our own camera took it just now, and this is put into it before it is hashed; where that cannot be, it is kept as
    it is. lines: what its stamped copy says, made from the same decoded picture."""
    form, failed = None, ""
    if shot is not None:
        data, form, failed = _told_of(data, shot)
    made, picture = _looked_at(data, stamp.WORKED if lines is not None else 2 * THUMB, form)
    path = _path(folder, made)
    if not path.exists():
        with told():
            _write(path, data)
    try:
        _keep_beside(folder, "thumbs", made.sha256, _small(picture, made.facts.orientation))
        if lines is not None and (copy := stamp.made(_upright(picture, made.facts.orientation), lines(made.sha256))):
            _keep_beside(folder, "stamped", made.sha256, copy)
    except Exception:  # the photo is there; what can be made anew costs nobody its record
        log.exception("beside a photo")
    return made._replace(no_exif=failed)


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
    with suppress(OSError):
        return (folder / "thumbs" / f"{sha}.jpg").read_bytes()
    path = find(folder, sha)
    if path is None:
        return None
    try:
        made, picture = _looked_at(path.read_bytes(), 2 * THUMB)
        small = _small(picture, made.facts.orientation)
    except (NotKept, *_BROKEN):
        return None
    _keep_beside(folder, "thumbs", sha, small)
    return small


def view(folder: Path, sha: str, longest: int) -> bytes | None:
    """A JPEG of at most `longest` px, the right way up, to be looked at; kept nowhere. None where the picture is not here or cannot be
    read."""
    path = find(folder, sha)
    if path is None:
        return None
    try:
        made, picture = _looked_at(path.read_bytes(), longest)
        return _small(picture, made.facts.orientation, longest)
    except (NotKept, *_BROKEN):
        return None


def stamped(folder: Path, sha: str, lines: Sequence[str]) -> Path | None:
    """<folder>/stamped/<sha>.jpg, made anew from the photo; None where the photo is not here, cannot be read, or there is no
    font to write with. Raises Trouble 5001, 5007 where the storage takes no more."""
    path = find(folder, sha)
    if path is None:
        return None
    try:
        made, picture = _looked_at(path.read_bytes(), stamp.WORKED)
        copy = stamp.made(_upright(picture, made.facts.orientation), lines)
    except (NotKept, *_BROKEN):
        return None
    if copy is None:
        return None
    with told():
        return _put_beside(folder, "stamped", sha, copy)


# --- looking ----------------------------------------------------------------------------------------------------------


def _told_of(data: bytes, shot: exif.Shot) -> tuple[bytes, Picture | None, str]:
    """A picture of our own camera with what the tablet knows in it, what it is, and why nothing could be written. Without what
    some makers put behind a picture (a film, notes of their own), where a server would not take that. A picture that is none
    with our block in it is left to be judged as it came."""
    try:
        made, failed = exif.with_exif(data, shot), ""
    except exif.NoExif as err:
        made, failed = data, err.reason
    except Exception:  # a receiver may say anything, and a photo is worth more than its block
        log.exception("exif")
        made, failed = data, "failed"
    try:
        try:
            form = look(made)
        except NotAPicture as err:
            if err.reason != "more":
                raise
            made = made[: jpeg.walk(made).end]
            form = look(made)
    except NotAPicture:
        made, form, failed = data, None, failed or "odd"
    if failed:
        log.warning("exif: nothing written into a photo: %s", failed)
    return made, form, failed


def _looked_at(data: bytes, longest: int, form: Picture | None = None) -> tuple[Kept, Image.Image]:
    """The picture's facts, and the picture: judged by its bytes as the server judges it, then decoded to the end, so that one
    that was cut off is found now and not in the office. A JPEG is decoded as small as `longest` pixels allow, which reads all
    of it all the same."""
    try:
        form = form or look(data)
    except NotAPicture as err:
        raise NotKept(err.reason) from err
    try:
        picture = Image.open(io.BytesIO(data), formats=_formats())
    except Image.DecompressionBombError as err:
        raise NotKept("pixels") from err
    except _BROKEN as err:
        raise NotKept("broken") from err
    width, height = picture.size
    part = longest / max(width, height)
    try:
        picture.draft("RGB", (max(1, int(width * part)), max(1, int(height * part))))
        picture.load()
    except _BROKEN as err:
        raise NotKept("broken") from err
    return Kept(sha256(data).hexdigest(), len(data), width, height, form.kind, exif.read(picture)), picture


def _formats() -> list[str]:
    """Of the kinds kept here those this build of the picture library reads."""
    Image.init()
    return [kind for kind in _KINDS if kind in Image.OPEN]


def _small(picture: Image.Image, orientation: int | None, longest: int = THUMB) -> bytes:
    part = min(1.0, longest / max(picture.size))
    size = (max(1, round(picture.width * part)), max(1, round(picture.height * part)))
    small = picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=1.1)
    out = io.BytesIO()
    _upright(small, orientation).save(out, "JPEG", quality=80)
    return out.getvalue()


def _upright(picture: Image.Image, orientation: int | None) -> Image.Image:
    turn = _TURNS.get(orientation or 1)
    plain = picture if picture.mode == "RGB" else picture.convert("RGB")
    return plain if turn is None else plain.transpose(turn)


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


def _keep_beside(folder: Path, room: str, sha: str, data: bytes) -> None:
    """A thumbnail or a stamped copy. Worth no failure: it can be made anew."""
    with suppress(OSError):
        _put_beside(folder, room, sha, data)


def _put_beside(folder: Path, room: str, sha: str, data: bytes) -> Path:
    path = folder / room / f"{sha}.jpg"
    temp = path.with_name(f".{sha}.{os.getpid()}.{threading.get_ident()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temp.write_bytes(data)
        os.replace(temp, path)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
    return path
