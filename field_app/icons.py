"""Draws the app's icons and splash out of its mark: 土 as a hand auger whose stem goes on below the ground as a core.

python -m field_app.icons      writes them into field_app/assets, where the app build looks for them

icon.png is the mark as it is; iOS wants a full square and rounds it itself; Android lays the strokes over a colour of its own
([tool.flet.android] adaptive_icon_background) and shows the inner 66 % for certain; the splash is the mark on paper, no text.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

GRID = 96  # the mark's own units
TEAL, PAPER, STROKE = "#1C4F4B", "#F5F2EA", "#FFFDF7"
SILT, CLAY, CLEAN = "#C3A877", "#A3703F", "#8ACB9B"
RADIUS = 22
FINE = 4  # drawn so many times larger, then scaled down: smooth edges
SIZES = {"icon.png": 1024, "icon_ios.png": 1024, "icon_android.png": 1024, "splash.png": 1152}
SAFE = 0.56  # of the canvas's width for Android's strokes: their furthest corner stays inside the circle of 66 %


def _strokes(draw: ImageDraw.ImageDraw, left: float, top: float, unit: float) -> None:
    """Handle, stem, ground line, and the core below it; `unit` pixels to one of the grid."""

    def bar(x: float, y: float, w: float, h: float, color: str, r: float = 0, below: bool = False) -> None:
        box = (left + x * unit, top + y * unit, left + (x + w) * unit - 1, top + (y + h) * unit - 1)
        corners = (not below, not below, True, True)
        draw.rounded_rectangle(box, r * unit, color, corners=corners)

    bar(30, 18, 36, 9, STROKE, 4.5)
    bar(43.5, 18, 9, 34, STROKE)
    bar(16, 45, 64, 9, STROKE, 4.5)
    bar(43.5, 57, 9, 10, SILT)
    bar(43.5, 67, 9, 8, CLAY)
    bar(43.5, 75, 9, 9, CLEAN, 4.5, below=True)


def mark(size: int, ground: str = "rounded", share: float = 1.0) -> Image.Image:
    """RGBA of size × size pixels. ground: rounded (the mark), square (to the edges) or none (strokes alone); `share` of the
    width is the mark's own square, in the middle."""
    big = size * FINE
    image = Image.new("RGBA", (big, big), TEAL if ground == "square" else (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    side = big * share
    left = (big - side) / 2
    if ground == "rounded":
        draw.rounded_rectangle((left, left, left + side - 1, left + side - 1), RADIUS / GRID * side, TEAL)
    _strokes(draw, left, left, side / GRID)
    return image.resize((size, size), Image.Resampling.BOX)


def drawn() -> dict[str, Image.Image]:
    strokes = (80 - 16) / GRID  # how wide the strokes are within the mark's square
    return {
        "icon.png": mark(SIZES["icon.png"]),
        "icon_ios.png": mark(SIZES["icon_ios.png"], "square").convert("RGB"),
        "icon_android.png": mark(SIZES["icon_android.png"], "none", SAFE / strokes * 0.9),
        "splash.png": mark(SIZES["splash.png"], share=0.5),
    }


def write(folder: Path) -> None:
    for name, image in drawn().items():
        image.save(folder / name, optimize=True)


if __name__ == "__main__":
    write(Path(__file__).parent / "assets")
