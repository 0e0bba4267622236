"""A sketch of the place: lines and words a finger put on the paper, and the picture that is made of them.

Places are in widths of the paper: x from 0 to 1, y from 0 downwards to its height over its width. Kept as JSON:
{"v":1,"h":6000,"m":[["red",[x,y,x,y,…]],["#",x,y,"排放口"]]}, in ten-thousandths; a mark is a line in its colour, or a word at its place.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from field_app.capture.stamp import font_data

VERSION = 1
UNIT = 10_000
MOST = 6_000  # points on one paper
MARKS = 800
WORD = 20  # characters of one word on the paper
APART = 0.004  # widths of the paper between two points that are kept
COLORS = {"black": "#111111", "red": "#B00020", "blue": "#0B5CAD"}  # on white paper, in every theme
PICTURE = 1200  # px wide
PEN = 0.0045
LETTER = 0.032  # height of a word, in widths of the paper
_FINER = 2
Mark = tuple[Any, ...]  # (colour, [(x, y), …]) or ("#", x, y, word)


@dataclass
class Paper:
    """`version` goes up with every change. aspect: height over width of the paper it was begun on."""

    aspect: float = 0.6
    marks: list[Mark] = field(default_factory=list)
    version: int = 0
    _open: bool = False

    @property
    def full(self) -> bool:
        return len(self.marks) >= MARKS or sum(len(m[1]) for m in self.marks if m[0] != "#") >= MOST

    @property
    def live(self) -> Mark | None:
        """The line the finger is on."""
        return self.marks[-1] if self._open else None

    @property
    def dry(self) -> list[Mark]:
        return self.marks[:-1] if self._open else self.marks

    def down(self, color: str, x: float, y: float) -> None:
        if not self.full:
            self.marks.append((color, [_inside(x, y, self.aspect)]))
            self._open = True
            self.version += 1

    def move(self, x: float, y: float) -> None:
        if self._open and not self.full:
            points = self.marks[-1][1]
            place = _inside(x, y, self.aspect)
            if hypot(place[0] - points[-1][0], place[1] - points[-1][1]) >= APART:
                points.append(place)
                self.version += 1

    def up(self) -> None:
        self._open = False
        self.version += 1

    def write(self, word: str, x: float, y: float) -> None:
        if word.strip() and not self.full:
            self.marks.append(("#", *_inside(x, y, self.aspect), word.strip()[:WORD]))
            self.version += 1

    def undo(self) -> None:
        self._open = False
        del self.marks[-1:]
        self.version += 1

    def clear(self) -> None:
        self._open = False
        self.marks.clear()
        self.version += 1

    @property
    def kept(self) -> dict[str, Any]:
        """As JSON."""
        marks = [
            ["#", _unit(m[1]), _unit(m[2]), m[3]] if m[0] == "#" else [m[0], [_unit(n) for p in m[1] for n in p]]
            for m in self.marks
        ]
        return {"v": VERSION, "h": _unit(self.aspect), "m": marks}


def paper_of(kept: Mapping[str, Any] | None, aspect: float) -> Paper:
    """The paper as it was kept; an empty one of this shape where there is none, or one that this version cannot read."""
    try:
        if not kept or kept["v"] != VERSION:
            return Paper(aspect)
        marks: list[Mark] = []
        for m in kept["m"]:
            if m[0] == "#":
                marks.append(("#", m[1] / UNIT, m[2] / UNIT, str(m[3])))
            else:
                flat = [n / UNIT for n in m[1]]
                marks.append((str(m[0]), list(zip(flat[::2], flat[1::2], strict=True))))
        return Paper(min(max(kept["h"] / UNIT, 0.2), 3.0), marks)
    except (KeyError, TypeError, ValueError, IndexError):
        return Paper(aspect)


def png(paper: Paper, title: str, foot: str, north: str) -> bytes:
    """The sketch on white, PICTURE px wide, with its title above, `foot` (not to scale, by whom) below and an arrow to `north`; without a font that writes
    Chinese the words are left out of the picture. The same marks give the same bytes."""
    wide, tall = PICTURE * _FINER, round(PICTURE * _FINER * paper.aspect)
    data = font_data()
    letter = round(wide * LETTER)
    band = round(letter * 1.8)
    page = Image.new("RGB", (wide, tall + 2 * band), "#FFFFFF")
    pen = ImageDraw.Draw(page)
    width = round(wide * PEN)
    pen.rectangle((0, band, wide - 1, band + tall - 1), outline="#777777", width=_FINER)
    for mark in paper.marks:
        if mark[0] != "#":
            _line(pen, [(x * wide, band + y * wide) for x, y in mark[1]], COLORS.get(mark[0], "#111111"), width)
    if data is not None:
        font = ImageFont.truetype(io.BytesIO(data), letter)
        for mark in paper.marks:
            if mark[0] == "#":
                _word(pen, mark[3], mark[1] * wide, band + mark[2] * wide, font, wide)
        small = ImageFont.truetype(io.BytesIO(data), round(letter * 0.8))
        pen.text((letter // 2, band // 2), _clean(title), "#111111", small, anchor="lm")
        pen.text((letter // 2, tall + band + band // 2), _clean(foot), "#555555", small, anchor="lm")
    _north(pen, wide - letter * 1.4, band + letter * 2.2, letter, north, data)
    out = io.BytesIO()
    page.resize((PICTURE, round(page.height / _FINER)), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()


def _line(pen: ImageDraw.ImageDraw, places: Sequence[tuple[float, float]], color: str, width: int) -> None:
    if len(places) > 1:
        pen.line(places, fill=color, width=width, joint="curve")
    for x, y in (places[0], places[-1]):
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=color)


def _word(pen: ImageDraw.ImageDraw, word: str, x: float, y: float, font: ImageFont.FreeTypeFont, wide: int) -> None:
    """Over a white ground, a dot at its place, inside the paper."""
    dot = font.size * 0.22
    pen.ellipse((x - dot, y - dot, x + dot, y + dot), fill="#111111")
    left = min(x + 2 * dot, wide - font.getlength(_clean(word)) - dot)
    box = pen.textbbox((left, y), _clean(word), font, anchor="lm")
    pen.rectangle((box[0] - 4, box[1] - 4, box[2] + 4, box[3] + 4), fill="#FFFFFF")
    pen.text((left, y), _clean(word), "#111111", font, anchor="lm")


def _north(pen: ImageDraw.ImageDraw, x: float, y: float, size: float, word: str, data: bytes | None) -> None:
    """North is up on every sketch: the arrow says so."""
    pen.polygon(
        [(x, y - size), (x - size * 0.45, y + size * 0.5), (x, y + size * 0.2), (x + size * 0.45, y + size * 0.5)],
        "#111111",
    )
    if data is not None:
        font = ImageFont.truetype(io.BytesIO(data), round(size * 0.8))
        pen.text((x, y - size * 1.1), word, "#111111", font, anchor="ms")


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _inside(x: float, y: float, aspect: float) -> tuple[float, float]:
    return min(max(x, 0.0), 1.0), min(max(y, 0.0), aspect)


def _unit(number: float) -> int:
    return round(number * UNIT)
