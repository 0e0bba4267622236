"""Codes out of pictures: the worst one rotated, blurred and badly lit; several at once; a screen at an angle; what is no picture."""

from __future__ import annotations

import builtins
import io
import random
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import zxingcpp
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from field_app.capture import qr
from schemas.problems import Trouble
from schemas.rules.handover import read, text_of
from tests.unit.bad_pictures import bad
from tests.unit.handed import usual, worst

WORST = text_of([one.raw for one in worst(random.Random(7)).legs])
USUAL = text_of([one.raw for one in usual().legs])
SIZE = (1600, 1200)


def code(text: str, side: int = 900) -> Image.Image:
    return Image.open(io.BytesIO(qr.png(text, 8))).convert("L").resize((side, side), Image.Resampling.LANCZOS)


def on_table(
    picture: Image.Image, degrees: float = 0, size: tuple[int, int] = SIZE, at: tuple[int, int] | None = None
) -> Image.Image:
    """Lying on something grey and not quite even, turned by so many degrees."""
    ground = ImageChops.add(Image.effect_noise(size, 40), Image.new("L", size, 60), 2)
    turned = picture.convert("LA").rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    ground.paste(
        turned.getchannel("L"),
        at or tuple((a - b) // 2 for a, b in zip(size, turned.size, strict=True)),
        turned.getchannel("A"),
    )
    return ground


def lit(picture: Image.Image, dark: float = 0.35) -> Image.Image:
    """From the full light at one corner down to so much of it at the other, with a lamp's reflection."""
    down = Image.linear_gradient("L")
    down, across = down.resize(picture.size), down.rotate(90).resize(picture.size)
    shade = ImageChops.add(down, across, 2).point(lambda v: int(255 * (1 - (1 - dark) * v / 255)))
    lamp = Image.radial_gradient("L").resize((picture.width // 3, picture.height // 3))
    glow = Image.new("L", picture.size, 0)
    glow.paste(ImageOps.invert(lamp).point(lambda v: v // 3), (picture.width // 3, picture.height // 4))
    return ImageChops.add(ImageChops.multiply(picture, shade), glow)


def leaning(picture: Image.Image, right: float = 0.25, down: float = 0.15) -> Image.Image:
    """Seen from the side: what lies to the right and below is so much further away, as a share of the distance."""
    w, h = picture.size
    x, y, g, k = w / 2, h / 2, right / w, down / h
    near = 1 - g * x - k * y
    parts = (g * x + 1, k * x, (near - 1) * x, g * y, k * y + 1, (near - 1) * y, g, k)
    return picture.transform(
        picture.size, Image.Transform.PERSPECTIVE, [p / near for p in parts], Image.Resampling.BICUBIC
    )


def on_screen(picture: Image.Image) -> Image.Image:
    """The screen's own lines, and a colour of its light."""
    lines = Image.new("L", picture.size, 255)
    draw = ImageDraw.Draw(lines)
    for y in range(0, picture.height, 5):
        draw.line([(0, y), (picture.width, y)], fill=190, width=2)
    return ImageChops.multiply(picture, lines.rotate(3))


def jpeg(picture: Image.Image, quality: int = 70) -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


SEEN = {
    "as it is drawn": code(WORST),
    "turned by 17": on_table(code(WORST), 17),
    "turned by 90": on_table(code(WORST), 90),
    "upside down": on_table(code(WORST), 187),
    "blurred": on_table(code(WORST), 5).filter(ImageFilter.GaussianBlur(2)),
    "unevenly lit": lit(on_table(code(WORST), 8)),
    "turned, blurred and unevenly lit": lit(on_table(code(WORST), 23).filter(ImageFilter.GaussianBlur(1.6))),
    "a screen at an angle": on_screen(leaning(on_table(code(WORST), 6), 0.45, 0.3)),
    "a screen at an angle, turned, blurred and unevenly lit": lit(
        on_screen(leaning(on_table(code(WORST), 12))).filter(ImageFilter.GaussianBlur(1.2)), 0.5
    ),
    "of twelve megapixels": on_table(code(WORST, 1500), 11, (4000, 3000)),
    "small": on_table(code(WORST, 420), 0, (640, 480)),
}  # fmt: skip


@pytest.mark.parametrize("how", SEEN)
def test_the_worst_code_is_read(how: str) -> None:
    data = jpeg(SEEN[how])
    assert qr.texts(data) == [WORST]
    assert read(qr.texts(data)[0]) == worst(random.Random(7))


@pytest.mark.parametrize("how", ["turned by 17", "blurred", "unevenly lit", "turned, blurred and unevenly lit"])
def test_another_reader_reads_it_without_our_help(how: str) -> None:
    with Image.open(io.BytesIO(jpeg(SEEN[how]))) as picture:
        assert [one.text for one in zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)] == [WORST]


def test_a_front_camera_a_dark_theme_and_a_cut_margin() -> None:
    """Mirrored; light on dark; no white around it."""
    assert qr.texts(jpeg(ImageOps.mirror(on_table(code(USUAL), 7)))) == [USUAL]
    assert qr.texts(png(ImageOps.invert(code(USUAL)))) == [USUAL]
    drawn = Image.open(io.BytesIO(qr.png(USUAL, 6))).convert("L")
    assert qr.texts(png(drawn.crop((24, 24, drawn.width - 24, drawn.height - 24)))) == [USUAL]


def test_what_is_transparent_is_white() -> None:
    ink = ImageOps.invert(Image.open(io.BytesIO(qr.png(USUAL, 6))).convert("L"))
    clear = Image.merge("LA", (Image.new("L", ink.size, 0), ink))
    assert qr.texts(png(clear)) == [USUAL]


def test_several_codes_in_one_picture_ours_first_each_once() -> None:
    picture = on_table(code(USUAL, 640), 0, (2000, 1400), (40, 60))
    for text, at in (("S01-1-C01", (1300, 40)), ("https://weather.example/", (1300, 700)), ("S01-1-C01", (900, 980))):
        picture.paste(code(text, 300), at)
    found = qr.texts(jpeg(picture, 85))
    assert found[0] == USUAL and set(found) == {USUAL, "S01-1-C01", "https://weather.example/"} and len(found) == 3


def test_a_small_code_beside_does_not_end_the_search() -> None:
    """The label is read at once, the large code only when the noise of a dark picture was smoothed."""
    noise = Image.effect_noise(SIZE, 130)
    picture = ImageChops.add(lit(on_screen(leaning(on_table(code(WORST), 14)))), noise, 2)
    picture.paste(code("S01-1-C01", 160), (10, 10))
    assert qr.texts(jpeg(picture)) == [WORST, "S01-1-C01"]


def test_no_code_is_no_text() -> None:
    assert qr.texts(jpeg(Image.new("L", (400, 300), 120))) == []
    assert qr.texts(jpeg(Image.effect_noise((900, 700), 90))) == []


@pytest.mark.parametrize(
    ("what", "data"), [(what, data) for what, data, _ in bad()], ids=lambda x: x if isinstance(x, str) else ""
)
def test_what_is_no_picture_is_told(what: str, data: bytes) -> None:
    with pytest.raises(Trouble) as told:
        qr.texts(data)
    assert told.value.problem.number == 6004


def test_a_picture_that_breaks_off_while_it_is_decoded_is_told() -> None:
    data = bytearray(png(code(USUAL)))
    at = data.index(b"IDAT") + 40
    data[at : at + 30] = bytes(30)
    with pytest.raises(Trouble) as told:
        qr.texts(bytes(data))
    assert told.value.problem.number == 6004


def test_what_is_drawn_is_level_m_with_a_margin_and_too_long_a_text_is_an_error() -> None:
    with Image.open(io.BytesIO(qr.png(WORST, 4))) as picture:
        assert picture.size == ((4 * 20 + 17 + 8) * 4,) * 2
        (found,) = zxingcpp.read_barcodes(picture)
        assert (found.text, found.ec_level in ("M", "Q", "H")) == (WORST, True)
    with pytest.raises(ValueError):
        qr.png("A" * 4000)


# --- decoders ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Hides modules, as on a device that does not carry them."""
    kept, gone = builtins.__import__, {}

    def hide(name: str, err: Exception) -> None:
        gone[name] = err

    def found(name: str, *given: Any, **more: Any) -> Any:
        if name in gone:
            raise gone[name]
        return kept(name, *given, **more)

    monkeypatch.setattr(builtins, "__import__", found)
    qr._decoder.cache_clear()
    yield hide
    qr._decoder.cache_clear()


def test_without_a_decoder_that_is_said_before_the_picture_is_looked_at(without: Any) -> None:
    without("zxingcpp", ImportError("none"))
    without("pyzbar.pyzbar", ImportError("Unable to find zbar shared library"))
    assert not qr.can_decode()
    with pytest.raises(Trouble) as told:
        qr.texts(b"")
    assert told.value.problem.number == 6003


def test_a_device_without_zbars_library_has_no_decoder(without: Any) -> None:
    without("zxingcpp", ImportError("none"))
    without("pyzbar.pyzbar", OSError("libzbar.so.0: cannot open shared object file"))
    assert not qr.can_decode()


def test_zbar_does_where_there_is_no_zxing(without: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is not on this machine; what it is given and what it gives is as its Python part says."""
    given: list[Any] = []

    def decode(image: Image.Image, symbols: list[Any]) -> list[Any]:
        given.append((image.mode, symbols))
        with Image.open(io.BytesIO(png(image))) as seen:
            return [SimpleNamespace(data=one.text.encode()) for one in zxingcpp.read_barcodes(seen)]

    package, inner = ModuleType("pyzbar"), ModuleType("pyzbar.pyzbar")
    inner.ZBarSymbol, inner.decode = SimpleNamespace(QRCODE=64), decode  # type: ignore[attr-defined]
    package.pyzbar = inner  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyzbar", package)
    monkeypatch.setitem(sys.modules, "pyzbar.pyzbar", inner)
    without("zxingcpp", ImportError("none"))
    assert qr.can_decode() and qr.texts(jpeg(code("井 7"))) == ["井 7"]
    assert qr.texts(jpeg(SEEN["turned by 17"])) == [WORST]
    assert {mode for mode, _ in given} == {"L"} and given[0][1] == [64]
