"""What is drawn rather than written, as SVG of our own numbers only: codes, handwriting, a way. Pure."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import segno

from schemas.rules import geo
from schemas.rules.picture import NotAPicture, look

MODULE_MM = 0.5  # of a code's square: three pixels at 150 dpi
QUIET = 4  # modules of white around a code
MOST_POINTS = 20_000
MOST_PIXELS = 4_000_000  # of a photo; ours are made small before
PHOTO = "data:image/jpeg;base64,"
_PEN = 60  # ten-thousandths of the pad's width


class Code(NamedTuple):
    svg: str
    mm: float  # width that prints MODULE_MM a square, the white border within
    version: int


def code(text: str, level: str = "m", module_mm: float = MODULE_MM) -> Code | None:
    """A QR code; None where the text is too much for one."""
    try:
        made = segno.make(text, error=level, boost_error=False, micro=False)
    except segno.DataOverflowError:
        return None
    out = io.BytesIO()
    made.save(out, kind="svg", border=QUIET, scale=1, xmldecl=False, svgns=True, light="#fff")
    return Code(out.getvalue().decode(), (made.symbol_size(border=QUIET)[0]) * module_mm, int(made.version))


def handwriting(text: str | None) -> str:
    """A signature's strokes, cropped to what was drawn; "" for anything else. Strokes: see Signature in schemas/values.py, kept as
    {"v":1,"h":height,"s":[[x,y,t,…],…]} in ten-thousandths of the pad's width."""
    try:
        kept = json.loads(text or "null")
        runs = (
            [[(int(x), int(y)) for x, y, _ in zip(*(iter(run),) * 3, strict=True)] for run in kept["s"]]
            if kept["v"] == 1
            else []
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return ""
    points = [p for run in runs for p in run][:MOST_POINTS]
    if not points or max(abs(n) for p in points for n in p) > 100_000:
        return ""
    left, top = min(x for x, _ in points) - 2 * _PEN, min(y for _, y in points) - 2 * _PEN
    wide, tall = max(x for x, _ in points) - left + 2 * _PEN, max(y for _, y in points) - top + 2 * _PEN
    lines = "".join(
        f'<polyline points="{" ".join(f"{x},{y}" for x, y in (run * 2 if len(run) == 1 else run))}"/>'
        for run in runs
        if run
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left} {top} {wide} {tall}" fill="none" stroke="#000" '
        f'stroke-width="{_PEN}" stroke-linecap="round" stroke-linejoin="round">{lines}</svg>'
    )


def photo(jpeg: bytes) -> str:
    """A JPEG inside an SVG of its size, since a document's files are text; its bytes go into the PDF as they are. "" for no picture."""
    try:
        seen = look(jpeg)
    except NotAPicture:
        return ""
    size = f'width="{seen.width}" height="{seen.height}"'
    if seen.kind != "jpg" or not 0 < seen.width * seen.height <= MOST_PIXELS:
        return ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {seen.width} {seen.height}"><image {size} '
        f'href="{PHOTO}{b64encode(jpeg).decode()}"/></svg>'
    )


def way(line: Sequence[Sequence[Decimal]]) -> str:
    """A route from its start (ring) to its end (square), north up, true in its proportions; "" for what is none."""
    try:
        lons, lats = [float(p[0]) for p in line], [float(p[1]) for p in line]
    except (TypeError, ValueError, IndexError):
        return ""
    if len(lons) < 2 or not all(-180 <= x <= 180 for x in lons) or not all(-89 <= y <= 89 for y in lats):
        return ""
    west, south, east, north = min(lons), min(lats), max(lons), max(lats)
    middle = (south + north) / 2
    wide = max(geo.distance_m(west, middle, east, middle), 1.0)
    tall = max(geo.distance_m(west, south, west, north), 1.0)
    scale = min(900 / wide, 420 / tall)

    def at(n: int) -> tuple[float, float]:
        x = (lons[n] - west) / max(east - west, 1e-12) * wide if east > west else 0.0
        y = (north - lats[n]) / max(north - south, 1e-12) * tall if north > south else 0.0
        return 50 + (900 - wide * scale) / 2 + x * scale, 40 + (420 - tall * scale) / 2 + y * scale

    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, range(len(lons))))
    (ax, ay), (bx, by) = at(0), at(len(lons) - 1)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 500"><rect width="1000" height="500" fill="#f5f2ea"/>'
        f'<polyline points="{places}" fill="none" stroke="#1c4f4b" stroke-width="6" stroke-linejoin="round"/>'
        f'<circle cx="{ax:.1f}" cy="{ay:.1f}" r="12" fill="#fff" stroke="#1c4f4b" stroke-width="6"/>'
        f'<rect x="{bx - 12:.1f}" y="{by - 12:.1f}" width="24" height="24" fill="#1c4f4b"/>'
        '<path d="M981 50 L981 12 M971 26 L981 10 L991 26" fill="none" stroke="#333" stroke-width="4"/></svg>'
    )


def length_km(line: Sequence[Sequence[Decimal]]) -> float:
    """Along the drawn line; 0 for what is none."""
    try:
        at = [(float(p[0]), float(p[1])) for p in line]
    except (TypeError, ValueError, IndexError):
        return 0.0
    return sum(geo.distance_m(*a, *b) for a, b in zip(at, at[1:], strict=False)) / 1000
