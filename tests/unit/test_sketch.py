"""A sketch: what is kept of it, and the picture that is made."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from field_app.capture import sketch
from field_app.capture.sketch import APART, MOST, Paper, paper_of
from schemas.rules.picture import look


def drawn() -> Paper:
    paper = Paper(0.6)
    paper.down("black", 0.1, 0.1)
    for n in range(1, 11):
        paper.move(0.1 + n * 0.05, 0.1)
    paper.up()
    paper.down("red", 0.5, 0.4)
    paper.up()
    paper.write(" 排放口 ", 0.3, 0.3)
    return paper


def dark(data: bytes, box: tuple[float, float, float, float]) -> int:
    """How many pixels of this part (in widths) are not white."""
    image = Image.open(io.BytesIO(data)).convert("L")
    w = image.width
    part = image.crop((int(box[0] * w), int(box[1] * w), int(box[2] * w), int(box[3] * w)))
    return sum(part.histogram()[:200])


def test_what_is_kept_is_read_again_as_it_was() -> None:
    paper = drawn()
    again = paper_of(json.loads(json.dumps(paper.kept)), 2.0)
    assert again.kept == paper.kept and again.aspect == 0.6 and [m[0] for m in again.marks] == ["black", "red", "#"]
    assert again.marks[2][3] == "排放口" and len(again.marks[0][1]) == 11


@pytest.mark.parametrize(
    "kept", [None, {}, {"v": 2, "m": []}, {"v": 1, "h": 6000, "m": [["red", [1, 2, 3]]]}, {"v": 1, "h": "x", "m": 7}]
)
def test_what_cannot_be_read_is_an_empty_paper(kept: Any) -> None:
    assert paper_of(kept, 0.5).marks == [] and paper_of(kept, 0.5).aspect == 0.5


def test_marks_come_and_go_one_by_one_and_stay_on_the_paper() -> None:
    paper = drawn()
    paper.undo()
    paper.undo()
    assert [m[0] for m in paper.marks] == ["black"]
    paper.down("blue", 0.5, 0.5)
    paper.move(0.5 + APART / 2, 0.5)  # hardly moved
    paper.move(9.0, 9.0)
    paper.up()
    assert paper.marks[-1][1] == [(0.5, 0.5), (1.0, 0.6)]
    paper.write("   ", 0.1, 0.1)
    assert len(paper.marks) == 2
    paper.clear()
    assert paper.marks == [] and not paper.full


def test_a_full_paper_takes_no_more() -> None:
    paper = Paper(0.6)
    paper.down("black", 0.0, 0.0)
    for n in range(2 * MOST):
        paper.move((n % 2) * 0.9, 0.1)
    assert paper.full and len(paper.marks[0][1]) == MOST
    paper.up()
    paper.down("black", 0.1, 0.1)
    paper.write("大门", 0.1, 0.1)
    assert len(paper.marks) == 1


def test_the_picture_is_one_the_server_takes_and_shows_what_was_drawn() -> None:
    data = sketch.png(drawn(), "现场示意图 JC-1", "示意图，不按比例", "北")
    image, top = Image.open(io.BytesIO(data)), 0.0576
    assert (
        look(data).kind == "png"
        and image.width == sketch.PICTURE
        and data == sketch.png(drawn(), "现场示意图 JC-1", "示意图，不按比例", "北")
    )
    assert dark(data, (0.2, top + 0.09, 0.5, top + 0.11)) > 200, "the black line"
    assert dark(data, (0.48, top + 0.38, 0.52, top + 0.42)) > 10, "the red dot"
    assert dark(data, (0.3, top + 0.28, 0.42, top + 0.32)) > 100, "the word"
    assert dark(data, (0.1, top + 0.45, 0.9, top + 0.55)) == 0, "nothing where nothing was drawn"
    assert dark(data, (0.9, top, 0.99, top + 0.12)) > 50, "north"
