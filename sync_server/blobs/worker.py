"""The process that opens received pictures: `python -m sync_server.blobs.worker`, started and stopped by pictures.py.

A picture library reads what anybody may have made; so it does so here, with bounded memory, without the server's secrets, unable to
write a file, and if it dies only this process does. It asks for nothing: a line of JSON comes in, an answer goes out, and when the
other side is gone it ends.

    in   {"do": "thumbnail", "path": …, "size": px}   or   {"do": "facts", "path": …}
    out  one byte, b"+" or b"-" (cannot be read), four bytes of length (big-endian), the contents: a JPEG, or JSON
"""

from __future__ import annotations

import io
import json
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from PIL import Image, ImageOps

from schemas.rules import exif
from schemas.rules.picture import MOST_PIXELS

MEMORY = 1 << 30  # bytes of address space [D]: a picture of 100 megapixels, unpacked and turned, and room to spare
CPU_S = 15  # of one job: should nobody be left to end it
FORMATS = ("JPEG", "PNG", "WEBP")  # an MPO is opened as JPEG
QUALITY = 80


def thumbnail(path: str, size: int) -> bytes:
    """A JPEG of at most `size` px, the right way up. A JPEG is decoded small at once."""
    with _opened(path) as picture:
        picture.draft(None, (size, size))
        picture.thumbnail((size, size))
        upright = ImageOps.exif_transpose(picture)
        out = io.BytesIO()
        _plain(upright).save(out, "JPEG", quality=QUALITY, comment=b"")  # else what the file says in it goes along
        return out.getvalue()


def facts(path: str) -> bytes:
    """What the picture says of itself, as JSON."""
    with _opened(path) as picture:
        main = picture.getexif()
        said = exif.facts_of(dict(main), dict(main.get_ifd(exif.EXIF_IFD)), dict(main.get_ifd(exif.GPS_IFD)))
        return json.dumps(exif.as_json(said)).encode()


def _opened(path: str) -> Image.Image:
    picture = Image.open(path, formats=FORMATS)
    if picture.width * picture.height > MOST_PIXELS:
        picture.close()
        raise ValueError("too many pixels")
    return picture


def _plain(picture: Image.Image) -> Image.Image:
    """RGB; 16 bits become 8, and what is transparent becomes white."""
    if picture.mode.startswith("I"):
        picture = picture.point(lambda value: value * (1 / 257) + 0).convert("L")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        picture = white
    return picture.convert("RGB")


JOBS: dict[str, Callable[..., bytes]] = {"thumbnail": thumbnail, "facts": facts}


def bound() -> None:
    """Where the platform has such limits: memory, no core, no file written."""
    try:
        import resource
    except ImportError:
        return
    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))


def bound_job() -> None:
    """So much processor time from now on; then the system ends this process."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_S, hard))


def answer(line: bytes) -> tuple[bytes, bytes]:
    job: dict[str, Any] = json.loads(line)
    try:
        return b"+", JOBS[job.pop("do")](**job)
    except (
        Exception
    ) as err:  # what a damaged picture makes of a library is not listed anywhere, and every kind means the same
        return b"-", type(err).__name__.encode()


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    for line in jobs:
        bound_job()
        sign, contents = answer(line)
        answers.write(sign + len(contents).to_bytes(4, "big") + contents)
        answers.flush()


def main() -> None:
    Image.init()
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("ignore")  # Pillow tells of every damaged tag
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    bound()
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
