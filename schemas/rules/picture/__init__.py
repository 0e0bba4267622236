"""What a file is, by its bytes alone: the same on the tablet and on the server, without decoding it.

A walk over the file's own structure, so that a cut-off picture, a bomb and a file that is two things at once are told before any
picture library sees them. Generous with what cameras and phones write, strict with what is foreign; each choice stands where it is
made. A picture that passes here may still not decode (its coded data is not read): then it is kept, and shown without a preview.
"""

from __future__ import annotations

from schemas.rules.picture import foreign, jpeg, png, webp
from schemas.rules.picture.common import MOST_BYTES, MOST_PIXELS, REASONS, NotAPicture, Picture

__all__ = [
    "HEAD",
    "MOST_BYTES",
    "MOST_PIXELS",
    "PICTURE_NAMES",
    "REASONS",
    "NotAPicture",
    "Picture",
    "look",
    "looks_like",
    "poses",
]

# Suffixes of what a browser would show as a picture: a file of such a name must be one that we take. TIFF is none: maps and raw
# pictures come as TIFF, no browser shows them, and they are kept as any other file.
_SUFFIXES = """
    jpg jpeg jpe jfif pjpeg pjp mpo png apng webp gif bmp dib ico cur svg svgz
    heic heics heif heifs hif avif avifs jxl jp2 jpx
"""
PICTURE_NAMES = frozenset(_SUFFIXES.split())
HEAD = 64  # bytes that looks_like needs
# HEIC, HEIF and AVIF: a box "ftyp" and a brand. No free decoder for them is on the tablets, so they could be neither checked nor
# shown; they are refused with words that say what to do, not kept as something unknown.
_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"}
_MAGIC = (b"\xff\xd8\xff", png.SIGNATURE, b"GIF87a", b"GIF89a")


def poses(name: str) -> bool:
    """Is this the name of a picture? Trailing dots and blanks do not hide it."""
    return name.rstrip(" .\x00").rpartition(".")[2].strip().lower() in PICTURE_NAMES and "." in name


def looks_like(data: bytes) -> bool:
    """Do the first bytes (HEAD of them are enough) say picture, of whatever kind?"""
    return data.startswith(_MAGIC) or webp.is_webp(data) or (data[4:8] == b"ftyp" and data[8:12] in _BRANDS)


def look(data: bytes) -> Picture:
    """What picture this is. Raises NotAPicture: it is none that is taken, with the reason."""
    if not data:
        raise NotAPicture("empty")
    if len(data) > MOST_BYTES:
        raise NotAPicture("bytes")
    found = _walk(data)
    foreign.check_behind(data, found.end)
    foreign.check_inside(data)
    return found


def _walk(data: bytes) -> Picture:
    if data.startswith(jpeg.SOI):
        return Picture("jpg", *jpeg.walk(data))
    if data.startswith(png.SIGNATURE):
        return png.walk(data)
    if webp.is_webp(data):
        return webp.walk(data)
    # the first bytes of a kind that is taken, and no more: cut off
    if any(magic.startswith(data) for magic in (jpeg.SOI, png.SIGNATURE)) or (data[:4] == b"RIFF" and len(data) < 12):
        raise NotAPicture("broken")
    raise NotAPicture("kind")
