"""QR codes: read out of a picture by whichever decoder the device has, and drawn.

Two decoders do: zxing-cpp (desktop, server, tests) and zbar through pyzbar (what the tablet builds carry). Either is handed grey
pixels of bounded size, and a picture that gives nothing at first is looked at again: smoothed (the screen's own grid shows in a photo
of a screen), smaller, larger, mirrored (a front camera).
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from functools import cache

import segno
from PIL import Image, ImageChops, ImageFilter, ImageOps

from schemas.problems import Trouble
from schemas.rules.picture import NotAPicture, look

log = logging.getLogger("jingtu.app")
OURS = ("JT1:", "jingtu://")  # what stops the search: a hand-over code, an enrolment code
LONGEST_SIDE = 2600  # pixels [D]: a code of version 20 that fills a quarter of the picture's width still has 6 a module
Decode = Callable[[Image.Image], list[str]]


@cache
def _decoder() -> Decode | None:
    return _zxing() or _zbar()


def _zxing() -> Decode | None:
    try:
        import zxingcpp
    except ImportError:
        return None

    def decode(grey: Image.Image) -> list[str]:
        return [found.text for found in zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormat.QRCode)]

    return decode


def _zbar() -> Decode | None:
    try:
        from pyzbar.pyzbar import ZBarSymbol
        from pyzbar.pyzbar import decode as read
    except (ImportError, OSError):  # the package without zbar's own library says the one or the other, by platform
        return None

    def decode(grey: Image.Image) -> list[str]:
        return [found.data.decode("utf-8", "replace") for found in read(grey, symbols=[ZBarSymbol.QRCODE])]

    return decode


def can_decode() -> bool:
    """Can this device read a code out of a picture?"""
    return _decoder() is not None


def texts(data: bytes, once: bool = False) -> list[str]:
    """The texts of all QR codes in a picture (JPEG, PNG, WebP), ours first, each once; [] where there is none. Takes up to some
    seconds where nothing is found: not for the thread that draws. `once`: looked at as it is and no further, as the next one
    comes at once. Raises Trouble 6003: this device has no decoder; 6004: no
    picture, or one that cannot be read."""
    decode = _decoder()
    if decode is None:
        raise Trouble(6003)
    grey = _grey(data)
    found: dict[str, None] = {}
    for version in _versions(grey):
        found |= dict.fromkeys(t for t in decode(version) if t)
        if once or any(t.startswith(OURS) for t in found):
            break
    return sorted(found, key=lambda t: not t.startswith(OURS))


def _grey(data: bytes) -> Image.Image:
    """8 bits a pixel, at most LONGEST_SIDE wide and high; what is transparent is white."""
    try:
        look(data)  # kind, size and soundness, before anything is decoded
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "WEBP"]) as picture:
            if picture.format in ("JPEG", "MPO"):
                picture.draft("L", (LONGEST_SIDE, LONGEST_SIDE))
            if "A" in picture.getbands() or "transparency" in picture.info:
                seen = picture.convert("LA")
                grey = ImageChops.composite(seen.getchannel("L"), Image.new("L", seen.size, 255), seen.getchannel("A"))
            else:
                grey = picture.convert("L")
    except NotAPicture as err:
        raise Trouble(6004) from err
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as err:
        log.info("picture of a code: %s", err)
        raise Trouble(6004) from err
    grey.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BOX)
    return grey


def _versions(grey: Image.Image) -> Iterator[Image.Image]:
    """The picture as it is, then as decoders may find it easier. With a white margin: a cropped picture has no quiet zone."""
    yield grey
    side = max(grey.size)
    framed = ImageOps.expand(grey, max(16, side // 20), fill=255)
    soft = framed.filter(ImageFilter.GaussianBlur(side / 1000))
    yield soft
    for most in (1300, 800):
        if side > most:
            yield ImageOps.contain(framed, (most, most), Image.Resampling.BOX)
    if side < 1000:
        yield ImageOps.contain(framed, (2 * side, 2 * side), Image.Resampling.BICUBIC)
    yield ImageOps.mirror(soft)


def png(text: str, scale: int = 8) -> bytes:
    """A picture of the code, `scale` pixels a module, with its quiet zone. Level M, or better where the same size holds it. Raises
    ValueError where the text is too long for any code (2331 letters of capitals and digits are not)."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="png", scale=scale, border=4)
    return out.getvalue()
