"""Pictures for tests, made here: whole ones of every kind, their parts, and what phones write behind them."""

from __future__ import annotations

import io
import json
import random
import struct
import zlib
from typing import Any

from PIL import Image, ImageFilter

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def image(mode: str = "RGB", size: tuple[int, int] = (96, 72), seed: int = 1) -> Image.Image:
    """Something with edges and slopes in it, the same for the same seed."""
    raw = random.Random(seed).randbytes(size[0] * size[1] * 3)
    return Image.frombytes("RGB", size, raw).filter(ImageFilter.GaussianBlur(2)).convert(mode)


def saved(picture: Image.Image, kind: str = "JPEG", **how: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def jpeg(**how: Any) -> bytes:
    return saved(image(), "JPEG", **how)


def png(**how: Any) -> bytes:
    return saved(image(), "PNG", **how)


def webp(**how: Any) -> bytes:
    return saved(image(), "WEBP", **how)


# --- JPEG -------------------------------------------------------------------------------------------------------------


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    """The segment right behind the SOI."""
    return data[:2] + segment(marker, body) + data[2:]


def find_marker(data: bytes, *markers: int) -> int:
    """Offset of the first of these markers, stepping over segments."""
    at = 2
    while data[at + 1] not in markers:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def frame_at(data: bytes) -> int:
    return find_marker(data, 0xC0, 0xC1, 0xC2)


def with_frame(data: bytes, offset: int, value: bytes) -> bytes:
    """The frame header with bytes replaced: 1 its length, 3 precision, 4 height, 6 width, 8 number of components."""
    at = frame_at(data) + 1 + offset
    return data[:at] + value + data[at + len(value) :]


# --- EXIF -------------------------------------------------------------------------------------------------------------

Entry = tuple[int, int, int, int]  # tag, type, count, value or offset


def ifd(entries: list[Entry], following: int = 0) -> bytes:
    return (
        struct.pack("<H", len(entries))
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + struct.pack("<I", following)
    )


def tiff(*parts: bytes) -> bytes:
    """A little-endian block; the first directory is at 8."""
    return b"II*\x00" + struct.pack("<I", 8) + b"".join(parts)


def with_exif(data: bytes, block: bytes) -> bytes:
    return with_segment(data, 0xE1, b"Exif\x00\x00" + block)


# --- PNG, WebP --------------------------------------------------------------------------------------------------------


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunk(data: bytes, name: bytes, body: bytes) -> bytes:
    """A PNG with the chunk right behind IHDR."""
    return data[:33] + chunk(name, body) + data[33:]


def header(width: int, height: int, depth: int = 8, colour: int = 2, packing: int = 0, more: bytes = b"\0\0") -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBB", width, height, depth, colour, packing) + more)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(n + struct.pack("<I", len(b)) + b + b"\0" * (len(b) % 2) for n, b in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def extended(width: int, height: int, flags: int = 0) -> tuple[bytes, bytes]:
    return b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def chunks_of(data: bytes) -> list[tuple[bytes, bytes]]:
    """Those of a WebP."""
    at, found = 12, []
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


# --- what phones write behind a picture ---------------------------------------------------------------------------------


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body


def film() -> bytes:
    long = struct.pack(">I4sQ", 1, b"mdat", 16 + 500) + bytes(range(250)) * 2
    return box(b"ftyp", b"mp42\0\0\0\0isommp42") + box(b"moov", b"\1" * 200) + long


def samsung(*contents: bytes) -> bytes:
    """Blocks with their directory."""
    blocks = []
    for number, content in enumerate(contents):
        name = b"Image_UTC_Data"
        blocks.append(struct.pack("<HHI", 0, 0x0A01 + number, len(name)) + name + content)
    total = sum(map(len, blocks))
    entries, at = b"", 0
    for number, made in enumerate(blocks):
        entries += struct.pack("<HHII", 0, 0x0A01 + number, total - at, len(made))
        at += len(made)
    directory = b"SEFH" + struct.pack("<II", 106, len(blocks)) + entries
    return b"".join(blocks) + directory + struct.pack("<I", len(directory)) + b"SEFT"


def oneplus(content: bytes = b"\x01\x02watermark") -> bytes:
    text = json.dumps(
        [{"name": "watermark.device", "offset": len(content), "length": len(content), "version": 1}]
    ).encode()
    return content + text + b"\0" + b"jxrs" + struct.pack("<I", len(text) + 1 + 8)


def vivo() -> bytes:
    return b'vivo{"com.vivo.cameraName":"1","n":1}\0\0\0' + b"\xff\xff\xff\xff\x1b*9HWfu\x84\x93\xa2\xb1"


def huawei(size: int) -> bytes:
    return b"v3_f31_c".ljust(20) + b"0:0".ljust(20) + f"LIVE_{size}".encode().ljust(20)


# --- what others are -----------------------------------------------------------------------------------------------------


def archive() -> bytes:
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("a.txt", "text")
    return out.getvalue()


PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
HTML = b"<html><body><script>alert(1)</script></body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PHP = b"<?php system($_GET['c']); ?>"
ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 57
