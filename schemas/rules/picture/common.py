"""What the walks over a picture's bytes share: the answer, the refusals with their words, the limits."""

from __future__ import annotations

from typing import NamedTuple

from schemas.reference import Label

MOST_BYTES = 60_000_000  # of a picture [D]: a 100-megapixel JPEG has about 40 MB
MOST_PIXELS = 100_000_000  # [D] decoded it takes three bytes each; the largest phone sensors write 50, some 100


class Picture(NamedTuple):
    """What a file is, by its bytes alone. width and height in pixels as they are stored, before EXIF turns them; end is the offset
    behind the picture itself; exif the raw TIFF block, b"" where there is none."""

    kind: str  # jpg, png, webp
    width: int
    height: int
    end: int
    exif: bytes


class NotAPicture(Exception):
    """Not a picture that is taken. `reason` is a key of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


REASONS: dict[str, Label] = {
    "empty": Label("文件是空的（0 字节）", "the file is empty (0 bytes)"),
    "kind": Label(
        "不是 JPEG、PNG 或 WebP 照片；HEIC 等请先转成 JPEG，或在应用里直接拍",
        "it is no JPEG, PNG or WebP picture; convert HEIC and others to JPEG, or take the photo in the app",
    ),
    "broken": Label("照片不完整或已损坏", "the picture is cut off or damaged"),
    "bytes": Label("照片超过 60 MB", "the picture has more than 60 MB"),
    "pixels": Label(
        "照片尺寸为零、超过 1 亿像素，或层数多得离谱",
        "the picture has no pixels, more than 100 million, or an absurd number of passes",
    ),
    "more": Label("照片里或照片后面还藏着别的内容", "there is something else inside the picture or behind it"),
    "exif": Label(
        "照片附带信息（EXIF 等）展开后大得离谱",
        "the details the picture carries (EXIF and the like) would unpack to an absurd size",
    ),
}


def check_pixels(width: int, height: int) -> None:
    if width < 1 or height < 1 or width * height > MOST_PIXELS:
        raise NotAPicture("pixels")
