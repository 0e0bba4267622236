"""Pictures that must pass: as libraries make them, and as phones write them with what they put inside and behind."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import Image, ImageCms

from tests.unit import pictures as made

JPEG, PROGRESSIVE = made.jpeg(), made.jpeg(progressive=True)
PNG, WEBP, LOSSLESS = made.png(), made.webp(), made.webp(lossless=True)
SCAN = made.find_marker(JPEG, 0xDA)
CODED = SCAN + 2 + int.from_bytes(JPEG[SCAN + 2 : SCAN + 4], "big")  # where its coded data begins
IDAT = PNG[33:-12]
END = made.chunk(b"IEND", b"")


def by_libraries() -> Iterator[tuple[str, bytes, str]]:
    """(what, bytes, kind)."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x8769], exif[0x8825] = (
        6,
        "Maker",
        {36867: "2026:09:21 08:00:00"},
        {1: "N", 2: (31.0, 30.0, 1.5)},
    )
    xmp = b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>&lt;html&gt; &lt;script&gt;</rdf:RDF></x:xmpmeta>'
    for mode in ("L", "RGB", "CMYK"):
        for how in (
            {},
            {"progressive": True},
            {"optimize": True},
            {"quality": 5},
            {"quality": 100},
            {"restart_marker_rows": 1},
            {"restart_marker_blocks": 1},
        ):
            yield f"jpeg {mode} {how}", made.saved(made.image(mode), "JPEG", **how), "jpg"
    for sampling in ("4:4:4", "4:2:2", "4:2:0", "4:1:1"):
        for progressive in (False, True):
            yield f"jpeg {sampling} {progressive}", made.jpeg(subsampling=sampling, progressive=progressive), "jpg"
    for size in ((1, 1), (7, 9), (8, 8), (17, 16), (400, 3)):
        for sampling in ("4:4:4", "4:2:0"):
            yield f"jpeg {size} {sampling}", made.saved(made.image(size=size), subsampling=sampling), "jpg"
            flat = Image.new("RGB", size, "white")
            yield f"flat {size} {sampling}", made.saved(flat, subsampling=sampling, optimize=True), "jpg"
            yield f"flat progressive {size}", made.saved(flat, subsampling=sampling, progressive=True), "jpg"
    yield "large and flat", made.saved(Image.new("L", (2000, 2000)), optimize=True, quality=1), "jpg"
    yield (
        "jpeg with everything",
        made.jpeg(icc_profile=profile, exif=exif, comment=b"a <b>comment</b>", dpi=(300, 300), xmp=xmp),
        "jpg",
    )
    yield "profile of many segments", made.jpeg(icc_profile=profile + bytes(200_000)), "jpg"
    yield (
        "mpo",
        made.saved(made.image(), "MPO", save_all=True, append_images=[made.image(seed=2), made.image(seed=3)]),
        "jpg",
    )
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        picture = made.image("I").convert("I;16") if mode == "I;16" else made.image(mode)
        yield f"png {mode}", made.saved(picture, "PNG", optimize=True), "png"
    yield "png with everything", made.png(icc_profile=profile, exif=exif, dpi=(300, 300)), "png"
    yield "png flat", made.saved(Image.new("1", (5000, 5000)), "PNG", optimize=True), "png"
    yield "png animated", made.saved(made.image(), "PNG", save_all=True, append_images=[made.image(seed=2)]), "png"
    for mode in ("RGB", "RGBA", "L"):
        for how in ({}, {"lossless": True}, {"quality": 1}, {"exact": True}):
            yield f"webp {mode} {how}", made.saved(made.image(mode), "WEBP", **how), "webp"
    yield "webp with everything", made.webp(icc_profile=profile, exif=exif, xmp=xmp), "webp"
    yield "webp animated", made.webp(save_all=True, append_images=[made.image(seed=2)]), "webp"


def by_phones() -> Iterator[tuple[str, bytes, str]]:
    film, gain = made.film(), made.jpeg(quality=30)
    block = made.tiff(made.ifd([(0x0112, 3, 1, 6)]))
    thumbnail = made.with_exif(JPEG, block + gain)  # with an EOI of its own
    yield "a preview in the EXIF", thumbnail, "jpg"
    yield "fill bytes before a marker", JPEG[:2] + b"\xff\xff\xff" + JPEG[2:], "jpg"
    yield "fill bytes before the end", JPEG[:-2] + b"\xff\xff\xff\xd9", "jpg"
    yield "content credentials", made.with_segment(JPEG, 0xEB, b"JP\0\1\0\0\0\1jumb" + bytes(range(256)) * 200), "jpg"
    yield "EXIF of two segments", made.with_exif(made.with_exif(JPEG, b"\1" * 60_000), block + bytes(60_000)), "jpg"
    yield "padded with zeros", JPEG + bytes(5000), "jpg"
    yield "gain map", JPEG + gain, "jpg"
    yield "gain map, padded", JPEG + bytes(100) + gain + bytes(50), "jpg"
    yield "motion photo", JPEG + film, "jpg"
    yield "motion photo with gain map", thumbnail + gain + film, "jpg"
    yield "motion photo, padded", JPEG + bytes(16) + film, "jpg"
    yield "Samsung", JPEG + made.samsung(b"1726880000000"), "jpg"
    yield "Samsung motion photo", JPEG + made.samsung(b"1726880000000", film), "jpg"
    yield "Samsung with gain map", JPEG + gain + bytes(8) + made.samsung(b"1726880000000", film, gain), "jpg"
    yield "Samsung screenshot", PNG + made.samsung(b"1726880000000"), "png"
    yield "OnePlus", JPEG + made.oneplus(), "jpg"
    yield "OnePlus motion photo", JPEG + gain + film + made.oneplus(), "jpg"
    yield "vivo", JPEG + made.vivo(), "jpg"
    yield "vivo with gain map", JPEG + b"streamdata" + gain + b"streaminfo" + made.vivo(), "jpg"
    yield "Huawei", JPEG + film + made.huawei(len(film)), "jpg"
    # damage that is no bomb
    yield "a value outside the block", made.with_exif(JPEG, made.tiff(made.ifd([(0x010F, 2, 30, 5000)]))), "jpg"
    yield "a directory outside the block", made.with_exif(JPEG, made.tiff(made.ifd([(0x8769, 4, 1, 60_000)]))), "jpg"
    yield (
        "no link to a next directory",
        made.with_exif(JPEG, made.tiff(made.ifd([(0x0112, 3, 1, 6)], 30), bytes(4), b"\xff" * 40)),
        "jpg",
    )
    yield "an unknown type", made.with_exif(JPEG, made.tiff(made.ifd([(0x010F, 99, 1 << 30, 0)]))), "jpg"
    yield "EXIF that is none", made.with_exif(JPEG, b"nonsense"), "jpg"
    yield "EXIF of nothing", made.with_exif(JPEG, b"II*\0"), "jpg"
    yield "a damaged profile", made.with_chunk(PNG, b"iCCP", b"name\0\0nonsense"), "png"
    yield "a text without its zero", made.with_chunk(PNG, b"zTXt", b"x" * 100), "png"
    yield "a plain international text", made.with_chunk(PNG, b"iTXt", b"key\0\0\0zh\0\0" + b"x" * 100), "png"
    yield "lines counted at the end", without_height(True), "jpg"


def without_height(counted: bool) -> bytes:
    """Height 0, and behind the scan the segment DNL that says it."""
    data = made.with_frame(JPEG, 4, b"\0\0")
    return data[:-2] + made.segment(0xDC, struct.pack(">H", 72)) + made.EOI if counted else data


WHOLE = [*by_libraries(), *by_phones()]
