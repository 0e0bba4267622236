"""What must be refused, and why: a table of (what, bytes, reason) with at least one row for every refusal there is."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from schemas.rules.picture import MOST_BYTES
from tests.unit import pictures as made
from tests.unit.whole_pictures import CODED, END, IDAT, JPEG, LOSSLESS, PNG, PROGRESSIVE, SCAN, WEBP, without_height


def bad() -> Iterator[tuple[str, bytes, str]]:
    """(what, bytes, reason)."""
    yield "nothing", b"", "empty"
    yield "more than the limit", JPEG + bytes(MOST_BYTES), "bytes"
    yield from other_kinds()
    yield from bad_jpegs()
    yield from bad_pngs()
    yield from bad_webps()
    yield from bombs()
    yield from foreign()


def other_kinds() -> Iterator[tuple[str, bytes, str]]:
    yield "gif", made.saved(made.image("P"), "GIF"), "kind"
    yield "bmp", made.saved(made.image(), "BMP"), "kind"
    yield "heic", made.box(b"ftyp", b"heic\0\0\0\0mif1heic") + made.box(b"mdat", b"1" * 50), "kind"
    for what, data in (
        ("svg", made.SVG),
        ("html", made.HTML),
        ("php", made.PHP),
        ("pdf", made.PDF),
        ("elf", made.ELF),
        ("zip", made.archive()),
    ):
        yield what, data, "kind"
    yield "text", "这是一段文字".encode(), "kind"
    yield "a picture behind text", b"GIF87a" + JPEG, "kind"
    at = made.frame_at(JPEG) + 1
    for frame in (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xDE, 0xDF):
        yield f"jpeg of frame {frame:X}", JPEG[:at] + bytes([frame]) + JPEG[at + 1 :], "kind"
    yield "12 bits", made.with_frame(JPEG, 3, b"\x0c"), "kind"
    two = made.segment(0xC0, struct.pack(">BHHB", 8, 72, 96, 2) + bytes([1, 0x11, 0, 2, 0x11, 1]))
    start = made.frame_at(JPEG)
    yield "two components", JPEG[:start] + two + JPEG[made.find_marker(JPEG, 0xC4) :], "kind"


def bad_jpegs() -> Iterator[tuple[str, bytes, str]]:
    frame, tables = made.frame_at(JPEG), made.find_marker(JPEG, 0xC4)
    header, scan = JPEG[frame:tables], JPEG[SCAN:-2]
    yield "no width", made.with_frame(JPEG, 6, b"\0\0"), "pixels"
    yield "no height", without_height(False), "pixels"
    yield "no lines", without_height(True)[:-4] + b"\0\0" + made.EOI, "pixels"
    yield (
        "DNL of the wrong length",
        JPEG[: frame + 5] + b"\0\0" + JPEG[frame + 7 : -2] + made.segment(0xDC, b"\0H\0") + made.EOI,
        "pixels",
    )
    yield "100 million pixels and more", made.with_frame(JPEG, 4, struct.pack(">HH", 10_000, 10_001)), "pixels"
    yield "large without a picture", made.with_frame(JPEG, 4, struct.pack(">HH", 10_000, 10_000)), "broken"
    yield "progressive and large", made.with_frame(PROGRESSIVE, 4, struct.pack(">HH", 10_000, 10_000)), "broken"
    yield "a hundred passes and more", PROGRESSIVE[:-2] + scan * 101 + made.EOI, "pixels"
    yield "begins twice", made.SOI + JPEG, "broken"
    yield "no frame", JPEG[:frame] + JPEG[tables:], "broken"
    yield "no frame, no scan", JPEG[:frame] + made.EOI, "broken"
    yield "no scan", JPEG[:SCAN] + made.EOI, "broken"
    yield "two frames", JPEG[:tables] + header + JPEG[tables:], "broken"
    yield "an empty scan", JPEG[:CODED] + JPEG[CODED - 14 :], "broken"
    yield "one empty scan more", JPEG[:CODED] + JPEG[SCAN:], "broken"
    yield "scan of nothing", JPEG[:SCAN] + made.segment(0xDA, b"\0\0\0\0") + JPEG[CODED:], "broken"
    yield "scan without a header", JPEG[:SCAN] + made.segment(0xDA, b"") + JPEG[CODED:], "broken"
    yield "scan of no components", JPEG[:SCAN] + made.segment(0xDA, b"\0\0\x3f\0\0\0") + JPEG[CODED:], "broken"
    yield (
        "scan of four of three",
        JPEG[:SCAN] + made.segment(0xDA, b"\4\1\0\2\x11\3\x11\4\x11\0\x3f\0") + JPEG[CODED:],
        "broken",
    )
    yield "scan too short", JPEG[:SCAN] + made.segment(0xDA, b"\1\1\0\0\x3f") + JPEG[CODED:], "broken"
    yield "scan too long", JPEG[:SCAN] + made.segment(0xDA, JPEG[SCAN + 4 : CODED] + b"\0") + JPEG[CODED:], "broken"
    yield "a reserved marker", made.with_segment(JPEG, 0x02, b"x"), "broken"
    yield "a segment of length 1", JPEG[:2] + b"\xff\xe1\0\1" + JPEG[2:], "broken"
    yield "a segment longer than the file", JPEG[:2] + b"\xff\xe1\xff\xff" + JPEG[2:], "broken"
    yield "bytes between segments", JPEG[:2] + b"abc" + JPEG[2:], "broken"
    yield "ends in fill bytes", JPEG[:SCAN] + b"\xff\xff\xff", "broken"
    yield "FF FF 00 in the scan", JPEG[:CODED] + b"\xff\xff\0" + JPEG[CODED:], "broken"
    yield "fill bytes without end", JPEG[:CODED] + b"\x01\xff\xff\xd0" * 1001 + JPEG[CODED:], "broken"
    yield "segments without end", JPEG[:2] + made.segment(0xFE, b"x") * 5001 + JPEG[2:], "broken"
    for value in (b"\x01", b"\x10", b"\x51", b"\x15"):
        yield f"sampling {value.hex()}", made.with_frame(JPEG, 10, value), "broken"
    yield "frame too short", JPEG[:frame] + made.segment(0xC0, b"\x08\0\1\0\1") + JPEG[tables:], "broken"
    yield (
        "frame longer than its components",
        JPEG[:frame] + made.segment(0xC0, header[4:] + b"\0") + JPEG[tables:],
        "broken",
    )
    yield "the second picture is cut off", JPEG + JPEG[:-40], "broken"


def bad_pngs() -> Iterator[tuple[str, bytes, str]]:
    def png(head: bytes, *more: bytes) -> bytes:
        return PNG[:8] + head + b"".join(more)

    yield "png without width", png(made.header(0, 5), IDAT, END), "pixels"
    yield "png without height", png(made.header(5, 0), IDAT, END), "pixels"
    yield "png of 900 million pixels", png(made.header(30_000, 30_000), IDAT, END), "pixels"
    yield (
        "png with little behind its header",
        png(made.header(9000, 9000), made.chunk(b"IDAT", bytes(1000)), END),
        "broken",
    )
    yield "png without pixels", png(made.header(96, 72), END), "broken"
    yield "png of another order", png(made.chunk(b"gAMA", bytes(4)), PNG[8:]), "broken"
    yield "png with two headers", png(made.header(96, 72), PNG[8:]), "broken"
    yield "png with a long header", png(made.chunk(b"IHDR", PNG[16:29] + b"\0"), IDAT, END), "broken"
    yield "png with a strange depth", png(made.header(96, 72, depth=4), IDAT, END), "broken"
    yield "png with a strange colour", png(made.header(96, 72, colour=5), IDAT, END), "broken"
    yield "png packed otherwise", png(made.header(96, 72, packing=1), IDAT, END), "broken"
    yield "png filtered otherwise", png(made.header(96, 72, more=b"\1\0"), IDAT, END), "broken"
    yield "png interlaced otherwise", png(made.header(96, 72, more=b"\0\2"), IDAT, END), "broken"
    yield "png with a wrong sum", PNG[:60] + bytes([PNG[60] ^ 1]) + PNG[61:], "broken"
    yield "png with a nameless chunk", made.with_chunk(PNG, b"te1t", b""), "broken"
    yield "png with a chunk too long", PNG[:33] + struct.pack(">I", 1 << 30) + PNG[37:], "broken"
    no_sum = struct.pack(
        "<I", zlib.crc32(b"IEND") ^ 0x6DD90A9D
    )  # makes the sum 0, which is also what no bytes at all say
    yield "png whose end is cut off and fits its sum", PNG[:-12] + made.chunk(b"IEND", no_sum)[:-4], "broken"
    yield "png with chunks without end", PNG[:33] + made.chunk(b"teXt", b"") * 50_000 + PNG[33:], "broken"


def bad_webps() -> Iterator[tuple[str, bytes, str]]:
    lossy, lossless = made.chunks_of(WEBP), made.chunks_of(LOSSLESS)
    body, packed = lossy[0][1], lossless[0][1]
    for name, (tag, inner), at in (("width", lossy[0], 6), ("height", lossy[0], 8)):
        yield f"webp without {name}", made.riff((tag, inner[:at] + b"\0\0" + inner[at + 2 :])), "pixels"
    yield "webp of 268 million pixels", made.riff((b"VP8L", b"\x2f\xff\xff\xff\x0f" + packed[5:])), "pixels"
    yield "webp of a large canvas", made.riff(made.extended(20_000, 20_000), *lossy), "pixels"
    yield "webp longer than its file", WEBP[:4] + struct.pack("<I", len(WEBP)) + WEBP[8:], "broken"
    yield "webp with something first", made.riff((b"ICCP", b"ab"), *lossy), "broken"
    yield (
        "webp with a chunk too long",
        made.riff((b"VP8 ", body))[:16] + struct.pack("<I", len(WEBP)) + WEBP[20:],
        "broken",
    )
    yield "webp with half a chunk", WEBP[:4] + struct.pack("<I", len(WEBP) - 4) + WEBP[8:] + b"EXIF", "broken"
    yield "webp without a picture", made.riff(made.extended(96, 72)), "broken"
    yield "webp of nothing", made.riff(), "broken"
    yield "webp of two sizes", made.riff(made.extended(97, 72), *lossy), "broken"
    yield "webp that follows a frame", made.riff((b"VP8 ", bytes([body[0] | 1]) + body[1:])), "broken"
    yield "webp without its start code", made.riff((b"VP8 ", body[:3] + b"\0\0\0" + body[6:])), "broken"
    yield "webp of no bytes", made.riff((b"VP8 ", b"")), "broken"
    yield "webp too short by one", made.riff((b"VP8 ", b"\x10\0\0" + body[3:9])), "broken"
    yield "webp too short", made.riff((b"VP8 ", body[:9])), "broken"
    yield "webp whose first part is too long", made.riff((b"VP8 ", b"\x10\xff\xff" + body[3:])), "broken"
    yield "lossless without its mark", made.riff((b"VP8L", b"\0" + packed[1:])), "broken"
    yield (
        "lossless of another version",
        made.riff((b"VP8L", packed[:4] + bytes([packed[4] | 0x20]) + packed[5:])),
        "broken",
    )
    yield "lossless too short", made.riff((b"VP8L", packed[:4])), "broken"
    yield "a canvas too short", made.riff((b"VP8X", bytes(9)), *lossy), "broken"
    yield "a canvas too short, of an animation", made.riff((b"VP8X", bytes(9)), (b"ANMF", b"")), "broken"
    yield "webp with chunks without end", made.riff(*lossy, *[(b"EXIF", b"")] * 20_000), "broken"


def bombs() -> Iterator[tuple[str, bytes, str]]:
    def exif(*parts: bytes) -> bytes:
        return made.with_exif(JPEG, made.tiff(*parts))

    yield "a directory that leads to itself", exif(made.ifd([(0x8769, 4, 1, 8)])), "exif"
    yield "a next directory that is the first", exif(made.ifd([(0x0112, 3, 1, 6)], 8)), "exif"
    yield "more entries than there is room", exif(b"\xff\xff" + bytes(100)), "exif"
    yield "more entries in an inner one", exif(made.ifd([(0x8769, 4, 1, 26)]), b"\xff\xff" + bytes(100)), "exif"
    yield "an interoperability loop", exif(made.ifd([(0x8825, 4, 1, 26)]), made.ifd([(0xA005, 4, 1, 8)])), "exif"
    yield "values of four gigabytes", exif(made.ifd([(0x927C, 7, 0xFFFFFFFF, 8)])), "exif"
    yield "many values of the whole block", exif(made.ifd([(n, 7, 3000, 8) for n in range(250)])), "exif"
    chain = b"".join(made.ifd([(0x0112, 3, 1, 6)], 8 + 18 * n) for n in range(1, 18)) + made.ifd([])
    yield "a chain of directories", exif(chain), "exif"
    yield "a heap of inner directories", exif(made.ifd([(0x14A, 4, 1000, 26)]), b"\xff" * 8000), "exif"
    yield "an empty directory that leads to itself", exif(made.ifd([], 8)), "exif"
    yield "an inner directory that is the first", exif(made.ifd([(0x14A, 4, 1, 8)])), "exif"
    yield (
        "a list of inner directories that loops",
        exif(made.ifd([(0x14A, 4, 2, 26)]), struct.pack("<II", 4000, 8)),
        "exif",
    )
    deep = b"\xd0\x07" + bytes(12 * 2000) + b"\0\0\0\0"  # 2,000 entries
    at = [8 + 42, 8 + 42 + 12, 8 + 42 + 24]
    first = made.ifd([(0x8769, 4, 1, at[0]), (0x8825, 4, 1, at[0] + len(deep)), (0xA005, 4, 1, at[0] + 2 * len(deep))])
    yield (
        "entries of more than one directory",
        made.with_exif(made.with_exif(JPEG, (deep * 3)[60_000 - 50 :]), (made.tiff(first) + deep * 3)[:60_000]),
        "exif",
    )
    loop = made.tiff(made.ifd([(0x8769, 4, 1, 8)]))
    yield "a loop in a png", made.with_chunk(PNG, b"eXIf", loop), "exif"
    yield (
        "a loop in a webp",
        made.riff(made.extended(96, 72), *made.chunks_of(WEBP), (b"EXIF", b"Exif\0\0" + loop)),
        "exif",
    )
    bomb = zlib.compress(bytes(5 << 20), 9)
    yield "a profile that unpacks without end", made.with_chunk(PNG, b"iCCP", b"name\0\0" + bomb), "exif"
    yield "a text that does", made.with_chunk(PNG, b"zTXt", b"key\0\0" + bomb), "exif"
    yield "an international text", made.with_chunk(PNG, b"iTXt", b"key\0\1\0zh\0\0" + bomb), "exif"
    half = made.chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(1 << 20), 9))
    yield "many texts", PNG[:33] + half * 5 + PNG[33:], "exif"


def foreign() -> Iterator[tuple[str, bytes, str]]:
    archive, film = made.archive(), made.film()
    behind = {
        "zip": archive, "pdf": made.PDF, "html": made.HTML, "svg": made.SVG, "php": made.PHP, "elf": made.ELF, "gif": b"GIF89a" + bytes(20),
        "script": b"#!/bin/sh\nrm -rf /\n", "program": b"MZ\x90\0" + bytes(60), "a byte": b"x", "a line feed": b"\n", "two bytes": b"\xff\xd8",
        "a png": PNG, "a riff": WEBP, "a box": made.box(b"moov", bytes(9)),
    }  # fmt: skip
    for what, data in behind.items():
        for kind, base in (("jpeg", JPEG), ("png", PNG), ("webp", WEBP)):
            yield f"{what} behind a {kind}", base + data, "more"
        yield f"{what} behind zeros", JPEG + bytes(10) + data, "more"
    for what, data in {"zip": archive, "a byte": b"x", "pdf": made.PDF}.items():
        yield f"{what} behind a second picture", JPEG + JPEG + data, "more"
        yield f"{what} behind a film", JPEG + film + data, "more"
        yield f"{what} behind a trailer", JPEG + made.samsung(b"1") + data, "more"
    yield "a film that goes on for ever", JPEG + film + struct.pack(">I4s", 0, b"mdat") + b"anything", "more"
    yield "a box smaller than its head", JPEG + film + struct.pack(">I4s", 7, b"free"), "more"
    yield "a film that is cut off", JPEG + film[:-1], "broken"
    yield "parts without end", JPEG * 66, "more"
    yield from bad_trailers()
    hidden = {
        "a zip": archive, "a pdf": made.PDF, "a page": made.HTML, "a declared page": b"<!DOCTYPE html>\n<p>", "a script": b"x<ScRiPt>alert(1)",
        "a frame": b"<iframe src=x>", "php": made.PHP, "rar": b"Rar!\x1a\x07\x01\0", "7z": b"7z\xbc\xaf\x27\x1c\0\4", "phar": b"__HALT_COMPILER(); ?>",
        "a pdf of no version": b"%PDF-a\n",
    }  # fmt: skip
    for what, data in hidden.items():
        yield f"{what} in a comment", made.with_segment(JPEG, 0xFE, data), "more"
        yield f"{what} in a segment", made.with_segment(JPEG, 0xE3, data), "more"
        yield f"{what} in a text", made.with_chunk(PNG, b"tEXt", b"key\0" + data), "more"
        yield f"{what} in a chunk", made.riff(made.extended(96, 72), *made.chunks_of(WEBP), (b"XMP ", data)), "more"
        if "no version" not in what:
            yield (
                f"{what} far inside",
                made.with_segment(made.with_segment(JPEG, 0xFE, data), 0xE4, b"." * 3000),
                "more",
            )
            yield f"{what} in a trailer", JPEG + made.samsung(b"1", data), "more"
    yield (
        "a page among many brackets",
        made.with_segment(JPEG, 0xFE, made.HTML)[:-2] + b"<" * 1_000_001 + made.EOI,
        "more",
    )
    yield "a page in the coded data", JPEG[:-2] + made.HTML + made.EOI, "more"
    yield "tar", made.with_segment(JPEG, 0xFE, b"." * 251 + b"ustar"), "more"
    yield "a disc", made.with_segment(JPEG, 0xFE, b"." * (0x8001 - 6) + b"CD001"), "more"


def bad_trailers() -> Iterator[tuple[str, bytes, str]]:
    good = made.samsung(b"1", b"2")
    directory = good.index(b"SEFH")

    def entry(back: int, length: int, count: int = 2) -> bytes:
        entries = struct.pack("<HHII", 0, 1, back, length) * 2
        return good[:directory] + b"SEFH" + struct.pack("<II", 106, count) + entries + good[-8:]

    yield "Samsung without blocks", JPEG + b"SEFH" + struct.pack("<III", 106, 0, 12) + b"SEFT", "more"
    yield "Samsung with something before", JPEG + b"\0\0hidden" + good, "more"
    yield "Samsung of another count", JPEG + entry(directory, 10, 3), "more"
    yield "Samsung reaching back too far", JPEG + entry(directory + 1, 10), "more"
    yield "Samsung reaching out", JPEG + entry(directory, directory + 1), "more"
    yield "Samsung with an empty block", JPEG + entry(directory, 0), "more"
    yield "Samsung's end alone", JPEG + b"hiddenSEFT", "more"
    yield "Samsung's end with a length", JPEG + b"hidden" + struct.pack("<I", 30) + b"SEFT", "more"
    yield "Samsung longer than its file", JPEG + b"hiddenhiddenhidden" + struct.pack("<I", 1 << 30) + b"SEFT", "more"
    yield "Samsung's directory elsewhere", JPEG + good[:directory] + b"SEFX" + good[directory + 4 :], "more"
    tiny = struct.pack("<I", 4) + b"SEFT"
    yield "Samsung with a short directory", JPEG + b"x" * 16 + b"SEFH" + tiny, "more"
    plus = made.oneplus()
    yield "OnePlus with something before", JPEG + b"hidden" + plus, "more"
    yield "OnePlus that says nothing", JPEG + b"x[]" + b"\0jxrs" + struct.pack("<I", 11), "more"
    yield "OnePlus in no JSON", JPEG + b"xxxx" + b"\0jxrs" + struct.pack("<I", 13), "more"
    yield "OnePlus in other JSON", JPEG + b"[1]" + b"\0jxrs" + struct.pack("<I", 12), "more"
    yield "OnePlus reaching back too far", JPEG + b"x" + plus.replace(b'"offset": 11', b'"offset": 99'), "more"
    yield "OnePlus longer than its file", JPEG + b"hidden" + b"jxrs" + struct.pack("<I", 60_000), "more"
    yield "OnePlus, absurd", JPEG + plus[:-4] + struct.pack("<I", 1 << 30), "more"
    yield "vivo's end alone", JPEG + b"hidden" + made.vivo()[-15:], "more"
    yield "vivo's begin alone", JPEG + made.vivo()[:-1], "more"
    yield "Huawei with something behind", JPEG + made.film() + made.huawei(5) + b"x", "more"


BAD = list(bad())
