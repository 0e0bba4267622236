"""A signature as strokes: what the finger drew, in the order and at the pace it drew it. The picture is made from them.

Places are in widths of the pad: x from 0 to 1, y from 0 downwards to the pad's height over its width. Times are
milliseconds since the first touch. Kept as text, in ten-thousandths: {"v":1,"h":5000,"s":[[x,y,t,x,y,t,…],…]}.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import datetime
from math import hypot
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

UNIT = 10_000
MOST = 3_000  # points kept: a long name has some five hundred
TAKEN = 12_000  # points taken from a finger before it is told that this is enough
LEAST = 0.12  # widths of the pad that a signature spans, one way or the other
PICTURE = 600  # px wide
_FINER = 3  # drawn so many times larger, then scaled down
_PEN = 0.006  # widths of the pad


class Point(NamedTuple):
    x: float
    y: float
    t: int


Stroke = Sequence[Point]


class Ink:
    """A signature being drawn. `version` goes up with every change."""

    def __init__(self, strokes: Sequence[Stroke] = ()) -> None:
        self.strokes: list[list[Point]] = [list(s) for s in strokes]
        self.version = 0
        self._open = False

    @property
    def full(self) -> bool:
        return sum(map(len, self.strokes)) >= TAKEN

    @property
    def live(self) -> list[Point]:
        """The stroke the finger is on."""
        return self.strokes[-1] if self._open else []

    @property
    def dry(self) -> list[list[Point]]:
        return self.strokes[:-1] if self._open else self.strokes

    @property
    def large(self) -> bool:
        """Large enough to be recognised."""
        points = [p for s in self.strokes for p in s]
        spans = [max(c) - min(c) for c in ([p.x for p in points], [p.y for p in points])] if points else [0.0]
        return max(spans) >= LEAST

    def down(self, x: float, y: float, t: int) -> None:
        if not self.full:
            self.strokes.append([Point(x, y, t)])
            self._open = True
            self.version += 1

    def move(self, x: float, y: float, t: int) -> None:
        if self._open and not self.full:
            self.strokes[-1].append(Point(x, y, t))
            self.version += 1

    def up(self) -> None:
        self._open = False
        self.version += 1

    def undo(self) -> None:
        self._open = False
        del self.strokes[-1:]
        self.version += 1

    def clear(self) -> None:
        self._open = False
        self.strokes.clear()
        self.version += 1


def as_value(
    strokes: Sequence[Stroke], name: str, role: str, at: datetime, *, aspect: float = 0.5, way: str = "signed",
    reason: str | None = None, person: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Wire values of `Signature`. Strokes only where somebody signed; a reason only where nobody did."""
    out: dict[str, Any] = {
        "role": role, "person_id": person, "name": name.strip(), "way": way, "refuse_reason": reason,
        "strokes": text_of(strokes, aspect) if way == "signed" and strokes else None,
        "signed_at": at.isoformat(timespec="seconds"),
    }  # fmt: skip
    return {k: v for k, v in out.items() if v is not None}


def text_of(strokes: Sequence[Stroke], aspect: float) -> str:
    """Strokes as they are kept: at most MOST points, every stroke with its two ends."""
    first = strokes[0][0].t if strokes and strokes[0] else 0
    kept = [[n for p in s for n in (_unit(p.x), _unit(p.y), p.t - first)] for s in _thinned(strokes)]
    return json.dumps({"v": 1, "h": _unit(aspect), "s": kept}, separators=(",", ":"))


def strokes_of(text: str) -> tuple[list[list[Point]], float]:
    """The strokes and the pad's height over its width. Raises ValueError for anything else."""
    try:
        kept = json.loads(text)
        if kept["v"] != 1:
            raise ValueError("strokes of a kind this app does not know")
        runs = [list(zip(*(iter(run),) * 3, strict=True)) for run in kept["s"]]
        strokes = [[Point(x / UNIT, y / UNIT, int(t)) for x, y, t in run] for run in runs]
        return strokes, kept["h"] / UNIT
    except (TypeError, KeyError, AttributeError) as err:
        raise ValueError("not strokes") from err


def png(value: dict[str, Any], clear: bool = False) -> bytes:
    """The signature in black on white (or on nothing), PICTURE px wide. The same strokes give the same bytes. Raises
    ValueError where the value holds no strokes."""
    strokes, aspect = strokes_of(value.get("strokes") or "null")
    wide = PICTURE * _FINER
    tall = max(1, round(wide * min(max(aspect, 0.05), 4.0)))
    drawn = Image.new("L", (wide, tall), 0)
    pen = ImageDraw.Draw(drawn)
    radius = wide * _PEN / 2
    for stroke in strokes:
        places = [(p.x * wide, p.y * wide) for p in stroke]
        if len(places) > 1:
            pen.line(places, fill=255, width=round(2 * radius), joint="curve")
        for x, y in (*places[:1], *places[-1:]):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    small = drawn.resize((PICTURE, max(1, tall // _FINER)), Image.Resampling.LANCZOS)
    black = Image.new("RGBA", small.size, (0, 0, 0, 0))
    black.putalpha(small)
    if not clear:
        ground = Image.new("RGBA", small.size, (255, 255, 255, 255))
        black = Image.alpha_composite(ground, black).convert("L")
    out = io.BytesIO()
    black.save(out, "PNG")
    return out.getvalue()


def _unit(number: float) -> int:
    return round(max(-0.5, min(number, 4.0)) * UNIT)


def _thinned(strokes: Sequence[Stroke]) -> list[list[Point]]:
    """Points that lie closest to their neighbour go first, until there are few enough."""
    out, apart = [list(s) for s in strokes if s], 0.0005
    while sum(map(len, out)) > MOST and apart < 4:
        out = [_apart(s, apart) for s in out]
        apart *= 1.5
    return out[:MOST]


def _apart(stroke: Stroke, apart: float) -> list[Point]:
    kept = [stroke[0]]
    for p in stroke[1:-1]:
        if hypot(p.x - kept[-1].x, p.y - kept[-1].y) >= apart:
            kept.append(p)
    return [*kept, stroke[-1]] if len(stroke) > 1 else kept
