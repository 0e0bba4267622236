"""A stamped copy of a photo, for people: the picture, upright and untouched, and under it a band that says what, where, when
and by whom. It is made from the original and never stands for it: the original is the evidence, and the band says which.

At most LONGEST pixels: a label can be read on it, and it goes through a chat. No Exif block is in it.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from field_app.fonts import REGULAR, build_dir

WORKED = 1920  # px, the longer side: a JPEG is decoded to no less than this, and to at most twice as much
LONGEST = 2560
QUALITY = 85
GROUND, INK = (20, 29, 27), (255, 255, 255)
SEPARATOR = " · "
# Where a device may have a Chinese font of its own; asked only where the app's own is not there.
_SYSTEM = (
    "/system/fonts/NotoSansCJK-Regular.ttc", "/system/fonts/NotoSansSC-Regular.otf",
    "/system/fonts/DroidSansFallback.ttf", "/System/Library/Fonts/Core/PingFang.ttc", "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/STHeiti Light.ttc", "C:/Windows/Fonts/msyh.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
)  # fmt: skip
log = logging.getLogger("jingtu.app")


def made(picture: Image.Image, lines: Sequence[str]) -> bytes | None:
    """A JPEG with the lines under the upright RGB picture; None where there is no font that writes Chinese."""
    data = font_data()
    if data is None:
        return None
    if max(picture.size) > LONGEST:
        part = LONGEST / max(picture.size)
        size = (max(1, round(picture.width * part)), max(1, round(picture.height * part)))
        picture = picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    wide = max(picture.width, 320)  # a narrower one stands in a wider copy
    size_px = max(13, round(max(wide, picture.height * 0.6) / 42))  # 9 px where a phone shows the whole
    font = ImageFont.truetype(io.BytesIO(data), size_px)
    edge, step = round(size_px * 0.8), round(size_px * 1.45)
    rows = [row for line in lines for row in wrapped(line, font, wide - 2 * edge)]
    out = Image.new("RGB", (wide, picture.height + 2 * edge + step * len(rows)), GROUND)
    out.paste(picture, ((wide - picture.width) // 2, 0))
    pen = ImageDraw.Draw(out)
    for n, row in enumerate(rows):
        pen.text((edge, picture.height + edge + n * step), row, INK, font)
    file = io.BytesIO()
    out.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def wrapped(line: str, font: ImageFont.FreeTypeFont, wide: float) -> list[str]:
    """A line in rows that fit: broken between its parts, and inside a part only where that alone is too long. A name copied out of
    a table may have line breaks and signs nobody sees, which no font can write."""
    line = " ".join("".join(c if c.isprintable() else " " for c in line).split())
    rows = [""]
    for part in line.split(SEPARATOR):
        joined = f"{rows[-1]}{SEPARATOR}{part}" if rows[-1] else part
        if font.getlength(joined) <= wide:
            rows[-1] = joined
            continue
        if rows[-1]:
            rows.append("")
        for letter in part:
            if rows[-1] and font.getlength(rows[-1] + letter) > wide:
                rows.append("")
            rows[-1] += letter
    return rows


@cache
def font_data() -> bytes | None:
    """A font with Chinese letters: the one packed into the app, that of a checkout, else the device's own."""
    for read in (_packed, _built, *(Path(place).read_bytes for place in _SYSTEM)):
        try:
            data = read()
            if writes_chinese(data):
                return data
        except (OSError, ModuleNotFoundError):
            continue
    log.warning("stamp: no font that writes Chinese")
    return None


def writes_chinese(data: bytes) -> bool:
    """Is a common Chinese letter something else than the box for what is missing? Raises OSError where it is no font."""
    font = ImageFont.truetype(io.BytesIO(data), 24)
    return bytes(font.getmask(chr(0x70B9))) != bytes(font.getmask("\U0010fffd"))


def _packed() -> bytes:
    return files("field_app").joinpath(f"assets/stamp/{REGULAR}").read_bytes()


def _built() -> bytes:
    return (build_dir() / "app_assets" / "fonts" / REGULAR).read_bytes()


__all__ = ["LONGEST", "SEPARATOR", "WORKED", "font_data", "made", "wrapped", "writes_chinese"]
